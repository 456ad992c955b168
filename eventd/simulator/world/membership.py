"""How domains come into the inventory, and how they go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from eventd.simulator.world.happenings import By
from eventd.simulator.world.stage import Named, Reference, Stage
from eventd.simulator.world.tasks import Task
from eventd.simulator.world.values import Value

__all__ = ["Membership"]


class Membership(Stage):
    """Creating, copying, registering, removing."""

    # -- coming

    def create(self, name: str, *, user: str = "root", now: datetime) -> Reference:
        """Create a domain; the task's result is its reference."""
        self.advance(now)
        self._require_free(name)
        by = By("user", user)

        def end(task: Task, at: datetime) -> Reference:
            domain = self.domains.add(name, now=at)
            self._post_creation(domain, task, at)
            self._tell(domain, "defined added", "event", by)
            return domain

        return self._start_in_folder("CreateVM_Task", "Folder.createVm", by=by, end=end)

    def register(
        self,
        name: str,
        path: str | None = None,
        *,
        powered_on: bool = False,
        user: str = "root",
        now: datetime,
    ) -> Reference:
        """Take a domain whose files exist into the inventory, under a new reference.

        ``powered_on`` takes in one that runs already, as when its host has lost its inventory.
        """
        self.advance(now)
        self._require_free(name)
        by = By("user", user)

        def end(task: Task, at: datetime) -> Reference:
            values: dict[str, Value | None] = {"config.files.vmPathName": path} if path else {}
            if powered_on:
                values["runtime.bootTime"] = at
            domain = self.domains.add(name, now=at, values=values, powered_on=powered_on)
            self._post("VmRegisteredEvent", at, domain, task)
            self._tell(domain, "defined added", "event", by)
            if powered_on:
                self._tell(domain, "started booted", "event", by)
                self._tell_agent(domain, "connected")
            return domain

        return self._start_in_folder("RegisterVM_Task", "Folder.registerVm", by=by, end=end)

    def discover(self, name: str, *, powered_on: bool = False, now: datetime) -> Reference:
        """A vCenter finds a domain on one of its hosts, perhaps running."""
        self.advance(now)
        self._require_free(name)
        values: dict[str, Value | None] = {"runtime.bootTime": self.now if powered_on else None}
        domain = self.domains.add(name, now=self.now, values=values, powered_on=powered_on)
        self._post("VmDiscoveredEvent", self.now, domain)
        self._tell(domain, "defined added", "event")
        if powered_on:
            self._tell(domain, "started booted", "event")
            self._tell_agent(domain, "connected")
        return domain

    def clone(self, name: Named, new_name: str, *, user: str = "root", now: datetime) -> Reference:
        """Copy a domain; the task's result is the copy's reference."""
        return self._copy(name, new_name, "VmClonedEvent", "sourceVm", user, now)

    def deploy(
        self, template: Named, new_name: str, *, user: str = "root", now: datetime
    ) -> Reference:
        """Make a domain from a template; the task's result is its reference."""
        return self._copy(template, new_name, "VmDeployedEvent", "srcTemplate", user, now)

    def _copy(
        self, name: Named, new_name: str, kind: str, member: str, user: str, now: datetime
    ) -> Reference:
        source = self._at(name, now)
        self._require_free(new_name)
        by = By("user", user)

        def end(task: Task, at: datetime) -> Reference:
            copy = self.domains.add(new_name, now=at)
            self._post_creation(copy, task, at)
            members = {member: self.events.argument("Vm", source)}
            self._post(kind, at, copy, task, members=members)
            self._tell(copy, "defined added", "event", by)
            return copy

        return self._start("CloneVM_Task", "VirtualMachine.clone", source, by=by, end=end)

    def instant_clone(
        self, name: Named, new_name: str, *, user: str = "root", now: datetime
    ) -> Reference:
        """Copy a running domain with its memory: the copy runs from the start (since 6.7)."""
        source = self._at(name, now)
        self._require(source, "poweredOn", requested="poweredOn")
        self._require_free(new_name)
        by = By("user", user)

        def end(task: Task, at: datetime) -> Reference:
            values = {"runtime.bootTime": self.objects.read(source, "runtime.bootTime")}
            copy = self.domains.add(
                new_name, now=at, host=self._host_of(source), values=values, powered_on=True
            )
            self._post_creation(copy, task, at)
            self._post("com.vmware.vc.VmInstantClonedEvent", at, copy, task)
            self._tell(copy, "defined added", "event", by)
            self._tell(copy, "started restored", "event", by)
            self._tell_agent(copy, "connected")
            return copy

        return self._start(
            "InstantClone_Task", "VirtualMachine.instantClone", source, by=by, end=end
        )

    def _post_creation(self, domain: Reference, task: Task, at: datetime) -> None:
        values = self.objects.values(domain)
        assigned: dict[str, Mapping[str, Value]] = {
            "VmBeingCreatedEvent": {},
            "VmInstanceUuidAssignedEvent": {"instanceUuid": values["config.instanceUuid"]},
            "VmUuidAssignedEvent": {"uuid": values["config.uuid"]},
            "VmCreatedEvent": {},
        }
        for kind, members in assigned.items():
            self._post(kind, at, domain, task, members=members)

    # -- going

    def unregister(self, name: Named, *, user: str = "root", now: datetime) -> None:
        """Take a domain out of the inventory; its files stay."""
        domain = self._at(name, now)
        self._require(domain, "poweredOff", "suspended", requested=None, idle=False)
        self._remove(domain, By("user", user))

    def destroy(self, name: Named, *, user: str = "root", now: datetime) -> Reference:
        """Delete a domain and its files."""
        domain = self._at(name, now)
        self._require(domain, "poweredOff", "suspended", requested="poweredOff")
        by = By("user", user)

        def end(task: Task, at: datetime) -> None:
            self.questions.withdraw(domain)
            self._post("VmRemovedEvent", at, domain, task)
            self._tell_of_saved(domain)
            self._tell(domain, "undefined removed", "task", by)
            self.domains.remove(domain)

        return self._start("Destroy_Task", "VirtualMachine.destroy", domain, by=by, end=end)

    def vanish(self, name: Named, *, now: datetime) -> None:
        """A domain leaves the inventory, whatever it is doing; its tasks end in an error.

        VI removes nothing that is on, so that no event says so of such a one.
        """
        domain = self._at(name, now)
        if self._is_on(domain):
            self._go_out_of_scope(domain)
        else:
            self._remove(domain, None)

    def _remove(self, domain: Reference, by: By | None) -> None:
        self._let_go(domain)
        self._tell_of_saved(domain)
        self._post("VmRemovedEvent", self.now, domain, by=by)
        self._tell(domain, "undefined removed", "event", by)
        self.domains.remove(domain)

    def hide(self, name: Named, *, now: datetime) -> None:
        """A domain can be seen no longer: it was moved away, or a permission was withdrawn."""
        self._go_out_of_scope(self._at(name, now))

    def remove_host(self, name: Named, *, user: str = "root", now: datetime) -> None:
        """Somebody takes a host out of the vCenter, and all its domains with it."""
        self.advance(now)
        host = self.host(name)
        self.events.post("HostRemovedEvent", now=self.now, user=user, host=host)
        for domain in self._domains_on(host):
            self._go_out_of_scope(domain, By("user", user))
        self.views.left(host)
        self.objects.unlink(self.inventory.compute_resource, "host", host)

    def _go_out_of_scope(self, domain: Reference, by: By | None = None) -> None:
        self._let_go(domain)
        cause, source = "out-of-scope", self._host_of(domain)
        if self._is_on(domain):
            self._tell(domain, "stopped migrated", cause, by, source=source)
        self._tell_of_saved(domain)
        self._tell(domain, "undefined removed", cause, by)
        self.domains.remove(domain)
