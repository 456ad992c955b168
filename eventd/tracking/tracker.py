"""The tracker of one connection: update sets in, events and the picture that they lead to out.

An update set is taken in whole before anything in it is judged, since the task that explains a
change may stand behind it; one that is truncated waits for its last part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import NamedTuple

from eventd.model.domain import DomainStatus
from eventd.model.events import Event
from eventd.model.picture import DomainPicture, PictureChange
from eventd.tracking.inventory import Inventory, Step, SuspendMode
from eventd.tracking.lifecycle import Change, Facts, Verdict, changes, decide
from eventd.tracking.narration import Narrator
from eventd.tracking.tasks import Operation, Tasks
from eventd.vi.types import ObjectUpdate, UpdateSet

__all__ = ["Outcome", "Tracker"]


class Outcome(NamedTuple):
    """What a complete update set led to."""

    events: list[Event]
    picture: PictureChange
    is_sync: bool
    """True for the answer that completed the picture after `Tracker.begin_sync`."""


class Tracker:
    """Works out what happened to the domains of one connection.

    ``known`` is the last known picture, from the journal: the first answer of the host is then
    compared with it. Without one the first answer only shows what there is and tells no events.
    """

    def __init__(
        self,
        connection: str,
        *,
        source: str,
        suspend: SuspendMode = SuspendMode.PAUSED,
        known: Mapping[str, DomainPicture] | None = None,
    ) -> None:
        self._connection = connection
        self._suspend = suspend
        self._inventory = Inventory(connection, suspend=suspend, known=known or {})
        self._narrator = Narrator(self._inventory, source=source)
        self._tasks = Tasks()
        self._parts: list[ObjectUpdate] = []
        self._has_picture = bool(known)
        self._is_syncing = True
        self._rebooted: set[str] = set()
        """Domains whose reset task was told as a reboot before the guest was seen resetting."""

    def begin_sync(self, *, instance_uuid: str | None) -> None:
        """Expect the whole picture next, as after a new start of the property collector.

        ``instance_uuid`` is the vCenter's own identity (``about.instanceUuid``).
        """
        self._inventory.instance_uuid = instance_uuid
        self._parts.clear()
        self._is_syncing = True

    def apply(self, update_set: UpdateSet, now: datetime) -> Outcome | None:
        """Take an update set in; return what it led to, or None while more of it is to come.

        ``now`` is aware UTC: the time of events for which the host tells none.
        """
        self._parts.extend(update for part in update_set.filters for update in part.objects)
        if update_set.truncated:
            return None
        updates, self._parts = self._parts, []
        is_sync, self._is_syncing = self._is_syncing, False
        steps = self._take_in(updates, now, is_sync=is_sync)
        events = self._judge(steps, now, in_gap=is_sync) if self._has_picture else []
        if is_sync:
            # What has ended before the picture was taken explains no later change.
            self._tasks.spend_ended()
        self._has_picture = True
        return Outcome(events, self._picture_change(steps), is_sync)

    def _take_in(self, updates: list[ObjectUpdate], now: datetime, *, is_sync: bool) -> list[Step]:
        steps = []
        for update in updates:
            match update.obj.type:
                case "Task":
                    self._tasks.take_in(update, now)
                case "HostSystem":
                    self._inventory.take_in_host(update)
                case "VirtualMachine":
                    steps.append(self._inventory.take_in_domain(update))
                case _:
                    pass  # the managers that the objects are reached through
        if is_sync:
            steps += self._forget_all_but(updates)
        return steps

    def _forget_all_but(self, updates: list[ObjectUpdate]) -> list[Step]:
        """Let go of what the host no longer has: the whole picture does not show it."""
        shown = {update.obj.value for update in updates}
        self._tasks.keep_only(shown)
        gone = [reference for reference in self._inventory.domains if reference not in shown]
        return [self._inventory.remove(reference) for reference in gone]

    def _judge(self, steps: list[Step], now: datetime, *, in_gap: bool) -> list[Event]:
        told: list[Event] = []
        for step in steps:
            for change, verdict in self._verdicts(step, now):
                told += self._narrator.tell(step, change, verdict, now=now, in_gap=in_gap)
            told += self._narrator.tell_question(step, now=now, in_gap=in_gap)
        return told + list(self._resets_without_guest_state(now))

    def _verdicts(self, step: Step, now: datetime) -> Iterator[tuple[Change, Verdict]]:
        reference = _reference(step)
        if step.after is not None and step.after.guest_state == "running":
            self._rebooted.discard(reference)
        facts = Facts(step, partial(self._tasks.explain, reference, now=now))
        for change in changes(step):
            if change is Change.REBOOTED and reference in self._rebooted:
                self._rebooted.discard(reference)
                continue
            yield change, decide(change, facts, self._suspend)

    def _resets_without_guest_state(self, now: datetime) -> Iterator[Event]:
        """Tell resets that only their task shows: a guest without VMware Tools tells no state."""
        for task in self._tasks.succeeded(Operation.RESET, now):
            reference = task.entity.value if task.entity else ""
            if (picture := self._inventory.domains.get(reference)) is not None:
                self._rebooted.add(reference)
                yield self._narrator.tell_reset(picture, task, now=now)

    def _picture_change(self, steps: list[Step]) -> PictureChange:
        references = {_reference(step) for step in steps if step != Step(None, None)}
        domains = self._inventory.domains
        return PictureChange(
            self._connection,
            changed={ref: domains[ref] for ref in references if ref in domains},
            removed=frozenset(ref for ref in references if ref not in domains),
        )

    @property
    def domain_count(self) -> int:
        """How many domains are known now."""
        return len(self._inventory.domains)

    def statuses(self, *, stale: bool) -> list[DomainStatus]:
        """Return the present state of every domain, by name; ``stale`` if the host is lost."""
        inventory = self._inventory
        found = [
            DomainStatus(
                domain=inventory.domain(picture),
                state=inventory.state(picture),
                stale=stale,
                question=picture.question,
            )
            for picture in inventory.domains.values()
        ]
        return sorted(found, key=lambda status: (status.domain.name, status.domain.reference))


def _reference(step: Step) -> str:
    picture = step.after or step.before
    return picture.reference if picture else ""
