"""The tracker of one connection: update sets in, events and the picture that they lead to out.

An update set is taken in whole before anything in it is judged: the parts of one that is truncated
are taken in as they come, and judged with the last. Before that the tasks that may explain the
changes are read, since an update set names them at most: the tracker says which (`Reading`), the
connection reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from eventd.model.domain import DomainStatus
from eventd.model.events import Event
from eventd.model.picture import DomainPicture, PictureChange
from eventd.tracking.inventory import Inventory, Step, SuspendMode
from eventd.tracking.lifecycle import Change, Facts, Verdict, changes, decide
from eventd.tracking.narration import Narrator
from eventd.tracking.properties import texts_in
from eventd.tracking.tasks import Operation, Tasks
from eventd.vi.types import ObjectUpdate, TaskInfo, UpdateKind, UpdateSet

__all__ = ["Outcome", "Reading", "Tracker"]


class Reading(NamedTuple):
    """What to read of the host before an update set can be judged; often nothing."""

    tasks: frozenset[str]
    """Tasks that domains list anew, or that were still running."""
    domains: frozenset[str]
    """Changed domains that listed none: their recent tasks.

    Servers may not notify of ``recentTask`` (VI API reference, ManagedEntity), so that a list
    which does not change is no sign that there was no task.
    """


class Outcome(NamedTuple):
    """What a complete update set led to."""

    events: list[Event]
    picture: PictureChange
    is_sync: bool
    """True for the answer that completed the picture after `Tracker.begin_sync`."""


class Tracker:
    """Works out what happened to the domains of one connection.

    Feed each update set to `take_in`, read what it asks for, and let `judge` tell the events.

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
        self._steps: list[Step] = []
        """What is taken in and not judged yet; it outlives a lost connection."""
        self._listed: dict[str, frozenset[str]] = {}
        """Domains that listed new tasks since the last judgement, and the tasks."""
        self._shown: set[str] = set()
        """Domains that the whole picture has shown so far, while it is taken."""
        self._has_picture = bool(known)
        self._is_syncing = True
        self._host_ahead = timedelta()
        self._judged_at = datetime.fromtimestamp(0, UTC)
        """By the host's clock."""
        self._rebooted: set[str] = set()
        """Domains whose reset task was told as a reboot before the guest was seen resetting."""

    def begin_sync(self, *, instance_uuid: str | None, host_ahead: timedelta) -> None:
        """Expect the whole picture next, as after a new start of the property collector.

        ``instance_uuid`` is the vCenter's own identity (``about.instanceUuid``), ``host_ahead``
        what the host's clock shows more than ours.
        """
        self._inventory.instance_uuid = instance_uuid
        self._host_ahead = host_ahead
        self._shown.clear()
        self._is_syncing = True

    def take_in(self, update_set: UpdateSet) -> Reading | None:
        """Take an update set in; return what to read, or None while more of it is to come."""
        for part in update_set.filters:
            for update in part.objects:
                match update.obj.type:
                    case "VirtualMachine":
                        self._take_in_domain(update)
                    case "HostSystem":
                        self._inventory.take_in_host(update)
                    case _:
                        pass  # the managers and views that the objects are reached through
        if update_set.truncated:
            return None
        if self._is_syncing:
            self._forget_what_was_not_shown()
        return self._reading()

    def _take_in_domain(self, update: ObjectUpdate) -> None:
        reference = update.obj.value
        self._note(self._inventory.take_in_domain(update))
        if self._is_syncing:
            self._shown.add(reference)
        if update.kind is UpdateKind.LEAVE:
            self._tasks.forget_domain(reference)
        for name, _, value in update.changes:
            if name == "recentTask":
                self._note_tasks(reference, texts_in(value))

    def _note_tasks(self, reference: str, tasks: Collection[str]) -> None:
        if new := self._tasks.newly_listed(reference, tasks):
            self._listed[reference] = new | self._listed.get(reference, frozenset())

    def _note(self, step: Step) -> None:
        # Without a picture to compare with, what comes is the picture and no step from one.
        if self._has_picture:
            self._steps.append(step)

    def _forget_what_was_not_shown(self) -> None:
        """Let go of what the host no longer has: the whole picture does not show it."""
        shown, self._shown = self._shown, set()
        gone = [reference for reference in self._inventory.domains if reference not in shown]
        for reference in gone:
            self._note(self._inventory.remove(reference))

    def _reading(self) -> Reading:
        if not self._has_picture:
            return Reading(frozenset(), frozenset())
        changed = {_reference(step) for step in self._steps if step.after and any(changes(step))}
        return Reading(
            tasks=self._tasks.running_resets.union(*self._listed.values()),
            domains=frozenset(changed - self._listed.keys()),
        )

    def judge(self, tasks: Iterable[TaskInfo], now: datetime) -> Outcome:
        """Tell what happened since the last judgement, given the tasks that were read.

        ``now`` is aware UTC: the time of events for which the host tells none.
        """
        self._tasks.take_in(tasks, since=self._judged_at)
        steps, self._steps = self._steps, []
        is_sync, self._is_syncing = self._is_syncing, False
        events = self._tell(steps, now, in_gap=is_sync) if self._has_picture else []
        picture = self._picture_change(steps) if self._has_picture else self._whole_picture()
        self._has_picture = True
        self._judged_at = now + self._host_ahead
        self._listed.clear()
        return Outcome(events, picture, is_sync)

    @property
    def has_running_resets(self) -> bool:
        """Whether a task runs whose end will be told and which nothing else may announce."""
        return bool(self._tasks.running_resets)

    def _tell(self, steps: list[Step], now: datetime, *, in_gap: bool) -> list[Event]:
        told: list[Event] = []
        for step in steps:
            # A question goes before what it held up, and comes after what led to it.
            told += self._narrator.tell_cleared(step, now=now, in_gap=in_gap)
            for change, verdict in self._verdicts(step):
                told += self._narrator.tell(step, change, verdict, now=now, in_gap=in_gap)
            told += self._narrator.tell_raised(step, now=now, in_gap=in_gap)
        return told + list(self._resets_without_guest_state(now))

    def _verdicts(self, step: Step) -> Iterator[tuple[Change, Verdict]]:
        reference = _reference(step)
        if step.after is not None and step.after.guest_state == "running":
            self._rebooted.discard(reference)
        facts = Facts(step, partial(self._tasks.explain, reference))
        for change in changes(step):
            if change is Change.REBOOTED and reference in self._rebooted:
                self._rebooted.discard(reference)
                continue
            yield change, decide(change, facts, self._suspend)

    def _resets_without_guest_state(self, now: datetime) -> Iterator[Event]:
        """Tell resets that only their task shows: a guest without VMware Tools tells no state."""
        for task in self._tasks.succeeded(Operation.RESET):
            reference = task.entity.value if task.entity else ""
            if (picture := self._inventory.domains.get(reference)) is not None:
                self._rebooted.add(reference)
                yield self._narrator.tell_reset(picture, task, now=now)

    def _whole_picture(self) -> PictureChange:
        return PictureChange(self._connection, dict(self._inventory.domains), frozenset())

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
