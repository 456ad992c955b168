"""What a domain is called and made of: names, UUIDs, devices, shares, templates, addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from eventd.simulator.world import devices
from eventd.simulator.world.devices import DeviceEdit
from eventd.simulator.world.faults import InvalidState, VIFault
from eventd.simulator.world.happenings import By
from eventd.simulator.world.stage import Named, Reference, Stage
from eventd.simulator.world.tasks import Task
from eventd.simulator.world.values import DataObject, Value

__all__ = ["Configuration"]

_TO_TEMPLATE = "com.vmware.vc.vm.VmConvertedToTemplateEvent"
_FROM_TEMPLATE = "com.vmware.vc.vm.TemplateConvertedToVmEvent"


class Configuration(Stage):
    """Changes of what is written in a domain's configuration."""

    # -- names and numbers

    def rename(self, name: Named, new_name: str, *, user: str = "root", now: datetime) -> Reference:
        """Give a domain another name; its files keep theirs."""
        domain = self._at(name, now)
        self._require_free(new_name)
        by = By("user", user)

        def end(task: Task, at: datetime) -> None:
            self._rename(domain, new_name, at, task=task, by=by)

        return self._start("Rename_Task", "VirtualMachine.rename", domain, by=by, end=end)

    def auto_rename(self, name: Named, new_name: str, *, now: datetime) -> None:
        """The host renames a domain because another one has its name."""
        domain = self._at(name, now)
        self._require_free(new_name)
        self._rename(domain, new_name, self.now, kind="VmAutoRenameEvent")

    def _rename(
        self,
        domain: Reference,
        name: str,
        at: datetime,
        *,
        kind: str = "VmRenamedEvent",
        task: Task | None = None,
        by: By | None = None,
    ) -> None:
        cause = "event" if task is None else "task"
        self._tell(domain, "undefined renamed", cause, by)
        members = {"oldName": self._name(domain), "newName": name}
        self.domains.set_name(domain, name, at)
        self._post(kind, at, domain, task, members=members)
        self._tell(domain, "defined renamed", cause, by)

    def change_uuid(self, name: Named, uuid: str, *, now: datetime) -> None:
        """Give a domain another BIOS UUID: to libvirt it is another domain then."""
        domain = self._at(name, now)
        members = {"oldUuid": self.domains.uuid(domain), "newUuid": uuid}
        self._tell(domain, "undefined removed", "event")
        self.domains.set_uuid(domain, uuid, self.now)
        self._post("VmUuidChangedEvent", self.now, domain, members=members)
        self._tell(domain, "defined added", "event")

    def change_mac(
        self,
        name: Named,
        mac: str,
        *,
        old_mac: str = "00:50:56:00:00:01",
        adapter: str = "Network adapter 1",
        now: datetime,
    ) -> None:
        """Give a domain's network adapter another address."""
        domain = self._at(name, now)
        members = {"adapter": adapter, "oldMac": old_mac, "newMac": mac}
        self._post("VmMacChangedEvent", self.now, domain, members=members)
        self._tell(domain, "nic-mac-change", "event")

    # -- reconfiguration

    def reconfigure(
        self,
        name: Named,
        *,
        new_name: str | None = None,
        annotation: str | None = None,
        cpu_shares: int | None = None,
        add: Sequence[str] = (),
        remove: Sequence[int] = (),
        cdrom_connected: bool | None = None,
        user: str = "root",
        now: datetime,
    ) -> Reference:
        """Change a domain's configuration: add devices by class, remove them by key, and so on."""
        edits = [DeviceEdit("add", type=each) for each in add]
        edits += [DeviceEdit("remove", key=key) for key in remove]
        if cdrom_connected is not None:
            edits.append(DeviceEdit("edit", key=3000, connected=cdrom_connected))
        return self.reconfigure_devices(
            name,
            edits,
            new_name=new_name,
            annotation=annotation,
            cpu_shares=cpu_shares,
            user=user,
            now=now,
        )

    def reconfigure_devices(
        self,
        name: Named,
        edits: Sequence[DeviceEdit],
        *,
        new_name: str | None = None,
        annotation: str | None = None,
        cpu_shares: int | None = None,
        user: str = "root",
        now: datetime,
    ) -> Reference:
        """Change a domain's configuration as a ``VirtualMachineConfigSpec`` says."""
        domain = self._at(name, now)
        if new_name is not None:
            self._require_free(new_name)
        by = By("user", user)

        def end(task: Task, at: datetime) -> None:
            held = self.objects.read(domain, "config.hardware.device")
            present, done = devices.apply(held, edits)
            values: dict[str, Value | None] = {}
            if done:
                values["config.hardware.device"] = present
            if annotation is not None:
                values["config.annotation"] = annotation
            if cpu_shares is not None:
                shares = DataObject("SharesInfo", {"shares": cpu_shares, "level": "custom"})
                values["config.cpuAllocation.shares"] = shares
            self.domains.configure(domain, values, at)
            if new_name is not None:
                self._rename(domain, new_name, at, task=task, by=by)
            spec = devices.config_spec(
                done, annotation=annotation, cpu_shares=cpu_shares, name=new_name
            )
            self._post("VmReconfiguredEvent", at, domain, task, members={"configSpec": spec})
            if cpu_shares is not None:
                self._post("VmResourceReallocatedEvent", at, domain, task)
            if values or new_name is None:
                self._tell(domain, "defined updated", "task", by)
            self._tell_of_changes(domain, done, annotation, cpu_shares, by)

        return self._start("ReconfigVM_Task", "VirtualMachine.reconfigure", domain, by=by, end=end)

    def _tell_of_changes(
        self,
        domain: Reference,
        edits: Sequence[DeviceEdit],
        annotation: str | None,
        cpu_shares: int | None,
        by: By,
    ) -> None:
        for edit in edits:
            if words := devices.change_words(edit):
                self._tell(domain, words, "task", by)
        if cpu_shares is not None:
            self._tell(domain, "tunable", "task", by)
        if annotation is not None:
            self._tell(domain, "metadata-change description", "task", by)

    def fail_device_removal(
        self,
        name: Named,
        key: int = 2000,
        *,
        announced: bool = True,
        user: str = "root",
        now: datetime,
    ) -> Reference:
        """Try to remove a device that the guest does not let go.

        A task does not tell what it was to do. Only a host that posts `VmReconfiguredEvent` before
        the change, as govmomi's simulator does (``announced``), lets anybody know of the device.
        """
        domain = self._at(name, now)
        by = By("user", user)
        held = self.objects.read(domain, "config.hardware.device")
        _, edits = devices.apply(held, [DeviceEdit("remove", key=key)])

        def begin(task: Task, at: datetime) -> None:
            spec = devices.config_spec(edits)
            if announced:
                self._post("VmReconfiguredEvent", at, domain, task, members={"configSpec": spec})

        def end(task: Task, at: datetime) -> None:
            reason = f"Hot-remove of device {key} failed: the guest is using it."
            raise VIFault("GenericVmConfigFault", reason, members={"reason": reason})

        def fail(task: Task, fault: VIFault, at: datetime) -> None:
            if announced:
                self._tell(domain, "device-removal-failed", "task", by)

        return self._start(
            "ReconfigVM_Task",
            "VirtualMachine.reconfigure",
            domain,
            by=by,
            begin=begin,
            end=end,
            fail=fail,
        )

    # -- templates

    def mark_as_template(self, name: Named, *, user: str = "root", now: datetime) -> None:
        """Make a template of a domain; there is no task."""
        domain = self._at(name, now)
        self._require(domain, "poweredOff", requested="poweredOff")
        self._mark(domain, _TO_TEMPLATE, user, template=True)

    def mark_as_domain(self, name: Named, *, user: str = "root", now: datetime) -> None:
        """Make a domain of a template again; there is no task."""
        self._mark(self._at(name, now), _FROM_TEMPLATE, user, template=False)

    def _mark(self, domain: Reference, kind: str, user: str, *, template: bool) -> None:
        if self.objects.read(domain, "config.template") is template:
            raise InvalidState("The virtual machine is already marked so.")
        self.domains.configure(domain, {"config.template": template}, self.now)
        by = By("user", user)
        if self.schema.has("7.0.1.0"):
            self._post(kind, self.now, domain, by=by)
            self._tell(domain, "defined updated", "event", by)
        else:
            self._tell(domain, "defined updated", "state")
