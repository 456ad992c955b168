"""Where domains run and lie: vMotion, cold migration, storage, other hosts and vCenters."""

from __future__ import annotations

from datetime import datetime, timedelta

from eventd.simulator.world.faults import InvalidArgument, VIFault
from eventd.simulator.world.happenings import By, Initiator
from eventd.simulator.world.stage import Named, Reference, Stage
from eventd.simulator.world.tasks import Task

__all__ = ["Placement"]


_RAN_BEFORE = timedelta(days=1)
"""How long a domain that comes from elsewhere has run; to move does not change its boot time."""


class Placement(Stage):
    """Moves of domains, inside the world and out of it."""

    def migrate(
        self,
        name: Named,
        host: Named,
        *,
        user: str = "root",
        initiator: Initiator = "user",
        method: str = "MigrateVM_Task",
        description: str | None = None,
        now: datetime,
    ) -> Reference:
        """Move a domain to another host of the vCenter; a running one runs on.

        ``description`` is the `descriptionId` of the task where it is an unusual one.
        """
        usual = "Drm.ExecuteVMotionLRO" if initiator == "drs" else "VirtualMachine.migrate"
        domain = self._at(name, now)
        source, destination = self._host_of(domain), self._other_host(domain, host)
        by = By(initiator, user if initiator == "user" else "")
        is_hot = self._is_on(domain)

        def end(task: Task, at: datetime) -> None:
            self.domains.set_host(domain, destination, at)
            kind = "DrsVmMigratedEvent" if initiator == "drs" else "VmMigratedEvent"
            members = {"sourceHost": self.events.argument("Host", source)}
            self._post(kind, at, domain, task, host=destination, members=members)
            words = ("stopped migrated", "started migrated") if is_hot else ("defined updated",)
            for each in words:
                self._tell(domain, each, "task", by, source=source, destination=destination)
            self._tell(domain, "job-completed migrate", "task", by)

        return self._start(
            method,
            description or usual,
            domain,
            by=by,
            begin=lambda task, at: self._begin_move(task, at, destination, is_hot=is_hot),
            end=end,
        )

    def fail_migration(
        self, name: Named, host: Named, *, user: str = "root", now: datetime
    ) -> Reference:
        """Try to move a domain to another host, in vain."""
        domain = self._at(name, now)
        destination = self._other_host(domain, host)
        is_hot = self._is_on(domain)

        def end(task: Task, at: datetime) -> None:
            raise VIFault("GenericVmConfigFault", "The migration was cancelled.")

        def fail(task: Task, fault: VIFault, at: datetime) -> None:
            members = {
                "destHost": self.events.argument("Host", destination),
                "reason": fault.localized,
            }
            self._post("VmFailedMigrateEvent", at, domain, task, members=members)

        return self._start(
            "MigrateVM_Task",
            "VirtualMachine.migrate",
            domain,
            by=By("user", user),
            begin=lambda task, at: self._begin_move(task, at, destination, is_hot=is_hot),
            end=end,
            fail=fail,
        )

    def relocate(
        self, name: Named, datastore: str = "datastore2", *, user: str = "root", now: datetime
    ) -> Reference:
        """Move a domain's files to another datastore; its host stays."""
        domain = self._at(name, now)
        by = By("user", user)

        def begin(task: Task, at: datetime) -> None:
            members = {"destHost": self.events.argument("Host", self._host_of(domain))}
            self._post("VmBeingRelocatedEvent", at, domain, task, members=members)

        def end(task: Task, at: datetime) -> None:
            self.domains.set_datastore(domain, datastore, at)
            members = {"sourceHost": self.events.argument("Host", self._host_of(domain))}
            self._post("VmRelocatedEvent", at, domain, task, members=members)
            self._tell(domain, "defined updated", "task", by)
            self._tell(domain, "job-completed relocate", "task", by)

        return self._start(
            "RelocateVM_Task", "VirtualMachine.relocate", domain, by=by, begin=begin, end=end
        )

    def _begin_move(
        self, task: Task, at: datetime, destination: Reference, *, is_hot: bool
    ) -> None:
        kind = "VmBeingHotMigratedEvent" if is_hot else "VmBeingMigratedEvent"
        members = {"destHost": self.events.argument("Host", destination)}
        self._post(kind, at, task.entity, task, members=members)

    def _other_host(self, domain: Reference, name: Named) -> Reference:
        host = self.host(name)
        if host not in self.inventory.hosts or host == self._host_of(domain):
            raise InvalidArgument("host")
        return host

    # -- between worlds

    def emigrate(self, name: Named, *, to: str | None = None, now: datetime) -> None:
        """A running domain goes to a host of another world, which ``to`` names."""
        domain = self._at(name, now)
        self._require(domain, "poweredOn", requested="poweredOn", idle=False)
        self._let_go(domain)
        if self.product == "esx":
            self._post("VmEmigratingEvent", self.now, domain)
            self._post("VmRemovedEvent", self.now, domain)
        else:
            self._post("com.vmware.vc.vm.SrcVmMigratedEvent", self.now, domain)
        source = self._host_of(domain)
        self._tell(domain, "stopped migrated", "event", source=source, destination=to)
        self._tell(domain, "undefined removed", "event")
        self.domains.remove(domain)

    def immigrate(
        self,
        name: str,
        *,
        uuid: str,
        instance_uuid: str,
        origin: str | None = None,
        now: datetime,
    ) -> Reference:
        """A running domain comes from a host of another world, which ``origin`` names."""
        self.advance(now)
        self._require_free(name)
        domain = self.domains.add(
            name,
            now=self.now,
            values={
                "config.uuid": uuid,
                "config.instanceUuid": instance_uuid,
                "runtime.bootTime": self.now - _RAN_BEFORE,
            },
            powered_on=True,
        )
        cause = "state"
        if self.product == "vpx":
            self._post("com.vmware.vc.vm.DstVmMigratedEvent", self.now, domain)
            cause = "event"
        self._tell(domain, "defined added", cause)
        host = self._host_of(domain)
        self._tell(domain, "started migrated", cause, source=origin, destination=host)
        return domain
