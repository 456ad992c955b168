"""Methods of domains: power, place, name, questions, and the end."""

from __future__ import annotations

from eventd.simulator import arguments
from eventd.simulator.calls import Call, Method
from eventd.simulator.world.faults import NotSupported

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
    """Move a domain to another host, by a specification of which only the host is played."""
    _require_vcenter(call)
    host = arguments.part(arguments.part(call.node, "spec"), "host")
    task = call.world.migrate(
        call.this,
        host.reference,
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
    "UnregisterVM": Method(unregister, on="VirtualMachine"),
    "Rename_Task": Method(rename, on="ManagedEntity"),
    "Destroy_Task": Method(destroy, on="ManagedEntity"),
}
