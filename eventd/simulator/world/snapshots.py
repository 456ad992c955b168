"""Snapshots: taking, dropping, and going back to them, which changes what a domain is doing."""

from __future__ import annotations

from datetime import datetime

from eventd.simulator.world.faults import VIFault
from eventd.simulator.world.happenings import By
from eventd.simulator.world.snapshot_tree import Snapshot, tree
from eventd.simulator.world.stage import Named, Reference, Stage
from eventd.simulator.world.tasks import Task

__all__ = ["Snapshots"]

_REVERTED = "com.vmware.vc.vm.VmStateRevertedToSnapshot"

# What going back tells, by the power state before and that of the snapshot.
_WORDS = {
    ("poweredOff", "poweredOff"): ("defined from_snapshot",),
    ("poweredOn", "poweredOff"): ("stopped from_snapshot", "defined from_snapshot"),
    ("suspended", "poweredOff"): ("stopped from_snapshot", "defined from_snapshot"),
    ("poweredOff", "poweredOn"): ("started from_snapshot",),
    ("poweredOn", "poweredOn"): ("stopped from_snapshot", "started from_snapshot"),
    ("suspended", "poweredOn"): ("stopped from_snapshot", "started from_snapshot"),
    ("poweredOff", "suspended"): ("started from_snapshot", "suspended from_snapshot"),
    ("poweredOn", "suspended"): ("suspended from_snapshot",),
    ("suspended", "suspended"): ("suspended from_snapshot",),
}


class Snapshots(Stage):
    """Snapshots of domains. A domain's snapshots form one line, of which one is the current."""

    def create_snapshot(
        self,
        name: Named,
        snapshot: str = "before",
        *,
        memory: bool = True,
        user: str = "root",
        now: datetime,
    ) -> Reference:
        """Take a snapshot, of a running domain with its memory or without."""
        domain = self._at(name, now)
        by = By("user", user)

        def end(task: Task, at: datetime) -> Reference:
            state = self.domains.power_state(domain)
            keeps = memory or state == "suspended"
            reference = self._next_snapshot(domain)
            self.objects.create(reference, {})
            taken = Snapshot(reference, domain, snapshot, state if keeps else "poweredOff", at)
            self._show(domain, [*self._of(domain), taken], reference)
            self._tell(domain, "job-completed snapshot-create", "task", by)
            return reference

        return self._start(
            "CreateSnapshot_Task", "VirtualMachine.createSnapshot", domain, by=by, end=end
        )

    def remove_snapshot(
        self, name: Named, snapshot: str = "before", *, user: str = "root", now: datetime
    ) -> Reference:
        """Drop a snapshot; the domain goes on as it is."""
        domain = self._at(name, now)
        dropped = self._named(domain, snapshot)
        by = By("user", user)

        def end(task: Task, at: datetime) -> None:
            kept = [each for each in self._of(domain) if each != dropped]
            self.objects.destroy(dropped.reference)
            self._show(domain, kept, kept[-1].reference if kept else None)
            self._tell(domain, "job-completed snapshot-remove", "task", by)

        return self._start("RemoveSnapshot_Task", "vm.Snapshot.remove", domain, by=by, end=end)

    def revert(
        self, name: Named, snapshot: str | None = None, *, user: str = "root", now: datetime
    ) -> Reference:
        """Go back to a snapshot; to the current one, if none is named."""
        domain = self._at(name, now)
        target = self._named(domain, snapshot)
        by = By("user", user)

        def end(task: Task, at: datetime) -> None:
            before = self.domains.power_state(domain)
            self._go_back(domain, target.power_state, at)
            self.objects.assign(domain, "snapshot.currentSnapshot", target.reference)
            self._post(_REVERTED, at, domain, task)
            for words in _WORDS[before, target.power_state]:
                self._tell(domain, words, "event", by)
            self._tell(domain, "job-completed snapshot-revert", "task", by)
            if target.power_state == "poweredOn":
                self._tell_agent(domain, "connected")

        method, description = (
            ("RevertToCurrentSnapshot_Task", "VirtualMachine.revertToCurrentSnapshot")
            if snapshot is None
            else ("RevertToSnapshot_Task", "vm.Snapshot.revert")
        )
        return self._start(method, description, domain, by=by, end=end)

    def _go_back(self, domain: Reference, power_state: str, at: datetime) -> None:
        match power_state:
            case "poweredOn":
                self.domains.set_booted(domain, at)
            case "suspended":
                self.domains.set_suspended(domain, at)
            case _:
                self.domains.set_powered_off(domain, at)

    def find_snapshot(self, reference: Reference) -> tuple[Reference, str]:
        """The domain of a snapshot, and the snapshot's name."""
        for snapshots in self._snapshots.values():
            for each in snapshots:
                if each.reference == reference:
                    return each.domain, each.name
        raise VIFault("ManagedObjectNotFound", "There is no such snapshot.")

    def _next_snapshot(self, domain: Reference) -> Reference:
        number = next(self._snapshot_numbers)
        value = f"{domain.value}-snapshot-{number}"
        return Reference(
            "VirtualMachineSnapshot", value if self.product == "esx" else f"snapshot-{number}"
        )

    def _of(self, domain: Reference) -> list[Snapshot]:
        return self._snapshots.get(domain, [])

    def _named(self, domain: Reference, name: str | None) -> Snapshot:
        current = self.objects.read(domain, "snapshot.currentSnapshot")
        for each in reversed(self._of(domain)):
            if each.name == name or (name is None and each.reference == current):
                return each
        raise VIFault("NotFound", "The virtual machine has no such snapshot.")

    def _show(
        self, domain: Reference, snapshots: list[Snapshot], current: Reference | None
    ) -> None:
        self._snapshots[domain] = snapshots
        self.objects.update(
            domain,
            {
                "snapshot.currentSnapshot": current,
                "snapshot.rootSnapshotList": tree(snapshots) or None,
            },
        )
