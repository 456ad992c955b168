"""The tracker of one connection: update sets in, events and the picture that they lead to out.

An update set is taken in whole before anything in it is judged; one that is truncated waits for
its last part. Between the two the tasks that may explain the changes are read, since an update
set names them at most: the tracker says which (`Reading`), the connection reads. What is judged
becomes the present state when its events are published, so that state and events agree.
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
from eventd.tracking.resets import ResetFolding
from eventd.tracking.tasks import Tasks
from eventd.vi.types import ObjectUpdate, TaskInfo, UpdateSet

__all__ = ["Outcome", "Reading", "Tracker"]

_LARGEST_SKEW = timedelta(days=3650)
"""A clock that is further off is taken for being so far off; times stay within the calendar."""


class Reading(NamedTuple):
    """What to read of the host before an update set can be judged; often nothing."""

    tasks: frozenset[str]
    """Tasks that domains list anew, those of domains that are gone, and resets to be told."""
    domains: Mapping[str, frozenset[str]]
    """Changed domains: their recent tasks as they are now; with those that they listed last.

    Servers may not notify of ``recentTask`` (VI API reference, ManagedEntity), and a task that was
    running when its domain listed it may have ended since. The list is for a domain that is gone
    when it is asked.
    """


_NOTHING = Reading(frozenset(), {})


class Outcome(NamedTuple):
    """What a complete update set led to."""

    events: list[Event]
    picture: PictureChange
    is_sync: bool
    """True for the answer that completed the picture after `Tracker.begin_sync`."""


class Tracker:
    """Works out what happened to the domains of one connection.

    Feed each update set to `take_in`, read what it asks for, let `judge` tell the events, publish
    them, and `accept` the outcome.

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
        self._shown: set[str] = set()
        """Domains that the whole picture has shown so far."""
        self._steps: list[Step] = []
        """What is taken in and not judged yet; it outlives a lost connection."""
        self._unread: frozenset[str] = frozenset()
        """Tasks that are to be read before the next judgement."""
        self._told: dict[str, DomainPicture] = dict(known or {})
        """The pictures that the published events lead to."""
        self._has_picture = bool(known)
        self._is_syncing = True
        self._host_ahead = timedelta()
        self._looked_at = datetime.fromtimestamp(0, UTC)
        """When the host was last judged, by its own clock."""
        self._rebooted: set[str] = set()
        """Domains whose reset task was told as a reboot before the guest was seen resetting."""

    def begin_sync(self, *, identity: str | None, host_time: datetime, now: datetime) -> None:
        """Expect the whole picture next, as after a new start of the property collector.

        ``identity`` is what names the host (``about.instanceUuid`` of a vCenter), None for a bare
        one; ``host_time`` is what its clock shows ``now``, aware UTC.
        """
        self._inventory.identity = identity
        self._host_ahead = max(-_LARGEST_SKEW, min(host_time - now, _LARGEST_SKEW))
        self._shown.clear()
        self._is_syncing = True
        if not self._has_picture:
            self._tasks.begin(host_time)

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
        return self._reading() if self._has_picture else _NOTHING

    def _take_in_domain(self, update: ObjectUpdate) -> None:
        reference = update.obj.value
        step = self._inventory.take_in_domain(update)
        self._note(step)
        if self._is_syncing:
            self._shown.add(reference)
        if step.after is None:
            self._forget(reference)
        if "recentTask" in update.changes:
            self._note_tasks(reference, texts_in(update.changes["recentTask"]))

    def _note(self, step: Step) -> None:
        # Without a picture to compare with, what comes is the picture and no step from one.
        if self._has_picture:
            self._steps.append(step)

    def _note_tasks(self, reference: str, tasks: Collection[str]) -> None:
        new = self._tasks.newly_listed(reference, tasks)
        if new and self._has_picture:
            self._tasks.note_new(new)
            self._unread |= new

    def _forget_what_was_not_shown(self) -> None:
        """Let go of what the host no longer has: the whole picture does not show it."""
        shown, self._shown = self._shown, set()
        for reference in self._inventory.domains.keys() - shown:
            self._note(self._inventory.remove(reference))
            self._forget(reference)

    def _forget(self, reference: str) -> None:
        self._unread |= self._tasks.listed_by(reference)
        self._tasks.forget_domain(reference)
        self._rebooted.discard(reference)

    def _reading(self) -> Reading:
        """Ask for all that may explain the steps that are not judged yet."""
        changed = {step.reference for step in self._steps if step.after and any(changes(step))}
        domains = {
            reference: self._tasks.listed_by(reference)
            for reference in changed & self._inventory.domains.keys()
        }
        listed = frozenset().union(*domains.values())
        return Reading((self._unread - listed) | self._tasks.awaited_resets, domains)

    def judge(self, tasks: Iterable[TaskInfo], now: datetime) -> Outcome:
        """Tell what happened since the last judgement, given the tasks that were read.

        ``now`` is aware UTC: the time of events for which the host tells none.
        """
        self._tasks.take_in(tasks, now)
        self._unread = frozenset()
        is_sync, self._is_syncing = self._is_syncing, False
        self._looked_at, looked_at = now + self._host_ahead, self._looked_at
        if not self._has_picture:
            self._has_picture = True
            whole = PictureChange(self._connection, dict(self._inventory.domains), frozenset())
            return Outcome([], whole, is_sync)
        events, judged = self._tell(now, in_gap=is_sync, looked_at=looked_at)
        return Outcome(events, self._picture_change(judged), is_sync)

    def count_after(self, outcome: Outcome) -> int:
        """Return how many domains are known once the outcome is accepted."""
        return len((self._told.keys() | outcome.picture.changed.keys()) - outcome.picture.removed)

    def accept(self, outcome: Outcome) -> None:
        """Make the outcome the present state: its events are published."""
        self._told.update(outcome.picture.changed)
        for reference in outcome.picture.removed:
            self._told.pop(reference, None)

    def roll_back(self) -> None:
        """Forget what was taken in and not accepted; the next whole picture shows it again."""
        self._inventory.domains = dict(self._told)
        self._steps.clear()

    @property
    def is_waiting(self) -> bool:
        """Whether something is awaited that nothing may announce: the end of a reset."""
        return bool(self._tasks.awaited_resets or self._steps)

    def _tell(
        self, now: datetime, *, in_gap: bool, looked_at: datetime
    ) -> tuple[list[Event], list[Step]]:
        """Return the events of all steps that can be judged now, and those steps."""
        told: list[Event] = []
        judged: list[Step] = []
        resets = ResetFolding(self._tasks)
        for taken_in in self._steps:
            if (step := resets.feed(taken_in)) is None:
                continue
            # A question goes before what it held up, and comes after what led to it.
            told += self._narrator.tell_cleared(step, now=now, in_gap=in_gap)
            for change, part, verdict in self._verdicts(step, in_gap=in_gap, looked_at=looked_at):
                told += self._narrator.tell(part, change, verdict, now=now, in_gap=in_gap)
            told += self._narrator.tell_raised(step, now=now, in_gap=in_gap)
            judged.append(step)
        self._steps = resets.held
        return told + list(self._resets_without_guest_state(now)), judged

    def _verdicts(
        self, step: Step, *, in_gap: bool, looked_at: datetime
    ) -> Iterator[tuple[Change, Step, Verdict]]:
        reference = step.reference
        if _begins_to_run(step):
            self._rebooted.discard(reference)
        for change, part in changes(step):
            if change is Change.REBOOTED and reference in self._rebooted:
                self._rebooted.discard(reference)
                continue
            facts = Facts(
                part,
                partial(self._tasks.explain, reference),
                partial(self._tasks.has, reference),
                in_gap,
                looked_at,
            )
            yield change, part, decide(change, facts, self._suspend)

    def _resets_without_guest_state(self, now: datetime) -> Iterator[Event]:
        """Tell resets that only their task shows: a guest without VMware Tools tells no state."""
        for task in self._tasks.finished_resets():
            reference = task.entity.value if task.entity else ""
            if (picture := self._inventory.domains.get(reference)) is not None:
                self._rebooted.add(reference)
                yield self._narrator.tell_reset(picture, task, now=now)

    def _picture_change(self, steps: list[Step]) -> PictureChange:
        last = {step.reference: step.after for step in steps}
        return PictureChange(
            self._connection,
            changed={ref: picture for ref, picture in last.items() if picture is not None},
            removed=frozenset(ref for ref, picture in last.items() if picture is None and ref),
        )

    @property
    def domain_count(self) -> int:
        """How many domains are known now."""
        return len(self._told)

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
            for picture in self._told.values()
        ]
        return sorted(found, key=lambda status: (status.domain.name, status.domain.reference))


def _begins_to_run(step: Step) -> bool:
    was = step.before.guest_state if step.before else None
    return step.after is not None and step.after.guest_state == "running" != was
