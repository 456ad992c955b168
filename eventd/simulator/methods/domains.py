"""Methods of domains: power, place, name, configuration, snapshots, questions, and the end."""

from __future__ import annotations

from typing import Literal, cast

from eventd.simulator import arguments
from eventd.simulator.calls import Call, Method
from eventd.simulator.world.devices import DeviceEdit
from eventd.simulator.world.faults import InvalidArgument, NotSupported
from eventd.simulator.world.values import DataObject
from eventd.vi.soap import Node

__all__ = ["METHODS"]


def power_on(call: Call) -> str:
    """Start or resume a domain."""
    task = call.world.power_on(call.this, user=call.user, now=call.now)
    return call.return_reference(task)


def power_off(call: Call) -> str:
    """Cut a domain's power."""
    task = call.world.power_off(call.this, user=call.user, now=call.now)
    return call.return_reference(task)


def suspend(call: Call) -> str:
    """Suspend a domain."""
    task = call.world.suspend(call.this, user=call.user, now=call.now)
    return call.return_reference(task)


def reset(call: Call) -> str:
    """Reset a domain."""
    task = call.world.reset(call.this, user=call.user, now=call.now)
    return call.return_reference(task)


def shutdown_guest(call: Call) -> str:
    """Ask a guest to shut down."""
    call.world.shutdown_guest(call.this, user=call.user, now=call.now)
    return ""


def reboot_guest(call: Call) -> str:
    """Ask a guest to reboot."""
    call.world.reboot_guest(call.this, user=call.user, now=call.now)
    return ""


def standby_guest(call: Call) -> str:
    """Ask a guest to go to standby."""
    call.world.standby_guest(call.this, user=call.user, now=call.now)
    return ""


def answer(call: Call) -> str:
    """Answer a domain's question."""
    call.world.questions.answer(
        call.this, call.text("questionId"), call.text("answerChoice"), call.now
    )
    return ""


def migrate(call: Call) -> str:
    """Move a domain to another host of the vCenter."""
    _require_vcenter(call)
    host = call.reference("host")
    task = call.world.migrate(call.this, host, user=call.user, now=call.now)
    return call.return_reference(task)


def relocate(call: Call) -> str:
    """Move a domain to another host, or else its files to another datastore."""
    _require_vcenter(call)
    spec = arguments.part(call.node, "spec")
    if spec.first("host") is None:
        datastore = arguments.part(spec, "datastore").reference
        name = str(call.world.objects.read(datastore, "name"))
        task = call.world.relocate(call.this, name, user=call.user, now=call.now)
        return call.return_reference(task)
    task = call.world.migrate(
        call.this,
        arguments.part(spec, "host").reference,
        user=call.user,
        now=call.now,
        method="RelocateVM_Task",
        description="VirtualMachine.relocate",
    )
    return call.return_reference(task)


def rename(call: Call) -> str:
    """Rename a domain; other entities keep their names."""
    if call.this.type != "VirtualMachine":
        raise NotSupported
    name = call.text("newName")
    task = call.world.rename(call.this, name, user=call.user, now=call.now)
    return call.return_reference(task)


def clone(call: Call) -> str:
    """Copy a domain."""
    _require_vcenter(call)
    name = call.text("name")
    task = call.world.clone(call.this, name, user=call.user, now=call.now)
    return call.return_reference(task)


def unregister(call: Call) -> str:
    """Take a domain out of the inventory."""
    call.world.unregister(call.this, user=call.user, now=call.now)
    return ""


def destroy(call: Call) -> str:
    """Delete a domain; other entities stay."""
    if call.this.type != "VirtualMachine":
        raise NotSupported
    task = call.world.destroy(call.this, user=call.user, now=call.now)
    return call.return_reference(task)


def terminate(call: Call) -> str:
    """Kill a domain's process; the caller gets no task to look at."""
    call.world.terminate(call.this, user=call.user, now=call.now)
    return ""


def create_snapshot(call: Call) -> str:
    """Take a snapshot of a domain."""
    name, memory = call.text("name"), call.flag("memory")
    task = call.world.create_snapshot(call.this, name, memory=memory, user=call.user, now=call.now)
    return call.return_reference(task)


def revert_to_current_snapshot(call: Call) -> str:
    """Let a domain go back to its current snapshot."""
    return call.return_reference(call.world.revert(call.this, user=call.user, now=call.now))


def revert_to_snapshot(call: Call) -> str:
    """Let the domain of a snapshot go back to it."""
    domain, name = call.world.find_snapshot(call.this)
    return call.return_reference(call.world.revert(domain, name, user=call.user, now=call.now))


def remove_snapshot(call: Call) -> str:
    """Drop a snapshot; those after it stay."""
    domain, name = call.world.find_snapshot(call.this)
    task = call.world.remove_snapshot(domain, name, user=call.user, now=call.now)
    return call.return_reference(task)


def mark_as_template(call: Call) -> str:
    """Make a template of a domain."""
    call.world.mark_as_template(call.this, user=call.user, now=call.now)
    return ""


def mark_as_domain(call: Call) -> str:
    """Make a domain of a template."""
    call.world.mark_as_domain(call.this, user=call.user, now=call.now)
    return ""


def acquire_ticket(call: Call) -> str:
    """Give out a ticket for a domain's console, where nothing listens."""
    call.world.acquire_ticket(
        call.this, ticket=call.text("ticketType"), user=call.user, now=call.now
    )
    ticket = DataObject("VirtualMachineTicket", {"ticket": "simulated", "cfgFile": "", "port": 902})
    return call.writer.returnval("VirtualMachineTicket", ticket)


def reconfigure(call: Call) -> str:
    """Change a domain's name, annotation, CPU shares and devices."""
    spec = arguments.part(call.node, "spec")
    shares = spec.first("cpuAllocation")
    task = call.world.reconfigure_devices(
        call.this,
        [_device_edit(node) for node in spec.every("deviceChange")],
        new_name=_given(spec, "name"),
        annotation=_given(spec, "annotation"),
        cpu_shares=arguments.integer(shares.first("shares") if shares else None, "shares"),
        user=call.user,
        now=call.now,
    )
    return call.return_reference(task)


def _given(spec: Node, tag: str) -> str | None:
    return None if spec.first(tag) is None else arguments.text(spec, tag)


def _device_edit(node: Node) -> DeviceEdit:
    device = arguments.part(node, "device")
    connectable = device.first("connectable")
    connected = connectable and connectable.first("connected")
    operation = arguments.text(node, "operation")
    if operation not in ("add", "remove", "edit"):
        raise InvalidArgument("spec.deviceChange.operation")
    return DeviceEdit(
        cast("Literal['add', 'remove', 'edit']", operation),
        type=device.type or "VirtualDevice",
        key=arguments.integer(device, "key") or -1,
        connected=connected.text in ("true", "1") if connected else None,
    )


def _require_vcenter(call: Call) -> None:
    if call.world.product == "esx":
        raise NotSupported


METHODS = {
    "PowerOnVM_Task": Method(power_on, on="VirtualMachine"),
    "PowerOffVM_Task": Method(power_off, on="VirtualMachine"),
    "SuspendVM_Task": Method(suspend, on="VirtualMachine"),
    "ResetVM_Task": Method(reset, on="VirtualMachine"),
    "ShutdownGuest": Method(shutdown_guest, on="VirtualMachine"),
    "RebootGuest": Method(reboot_guest, on="VirtualMachine"),
    "StandbyGuest": Method(standby_guest, on="VirtualMachine"),
    "AnswerVM": Method(answer, on="VirtualMachine"),
    "MigrateVM_Task": Method(migrate, on="VirtualMachine"),
    "RelocateVM_Task": Method(relocate, on="VirtualMachine"),
    "CloneVM_Task": Method(clone, on="VirtualMachine"),
    "TerminateVM": Method(terminate, on="VirtualMachine", since="5.0"),
    "CreateSnapshot_Task": Method(create_snapshot, on="VirtualMachine"),
    "RevertToCurrentSnapshot_Task": Method(revert_to_current_snapshot, on="VirtualMachine"),
    "RevertToSnapshot_Task": Method(revert_to_snapshot, on="VirtualMachineSnapshot"),
    "RemoveSnapshot_Task": Method(remove_snapshot, on="VirtualMachineSnapshot"),
    "MarkAsTemplate": Method(mark_as_template, on="VirtualMachine"),
    "MarkAsVirtualMachine": Method(mark_as_domain, on="VirtualMachine"),
    "AcquireTicket": Method(acquire_ticket, on="VirtualMachine", since="4.1"),
    "ReconfigVM_Task": Method(reconfigure, on="VirtualMachine"),
    "UnregisterVM": Method(unregister, on="VirtualMachine"),
    "Rename_Task": Method(rename, on="ManagedEntity"),
    "Destroy_Task": Method(destroy, on="ManagedEntity"),
}
