"""What was told lately without its cause, or without the entry of the history that records it.

Such an entry may still come, and then records what was told already, and never another change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from eventd.model.picture import PowerState
from eventd.tracking.changes import Change, Part
from eventd.tracking.event_types import CONCLUDED, MIGRATED, REVERTED
from eventd.vi.types import HistoryEvent

__all__ = ["CLOCK_TOLERANCE", "Told", "ToldParts", "records"]

_COMES_LATE = timedelta(minutes=2)
"""How long an entry may take; our choice, far above the seconds that a busy vCenter may take."""

CLOCK_TOLERANCE = timedelta(seconds=1)
"""How exactly the host's clock is known: it is looked at over a network."""

_MOST = 32
"""Changes of one domain that are remembered."""

_RECORDED_AS: dict[Change, object] = {
    Change.STARTED: PowerState.POWERED_ON,
    Change.RESUMED: PowerState.POWERED_ON,
    Change.FOUND_ON: PowerState.POWERED_ON,
    Change.STOPPED: PowerState.POWERED_OFF,
    Change.DISCARDED: PowerState.POWERED_OFF,
    Change.LOST_ON: PowerState.POWERED_OFF,
    Change.SUSPENDED: PowerState.SUSPENDED,
    Change.FOUND_SUSPENDED: PowerState.SUSPENDED,
    Change.MOVED: "moved",
    Change.RELOCATED: "moved",
    Change.REBOOTED: "rebooted",
    Change.APPEARED: "appeared",
    Change.LEFT: "left",
    Change.RENAMED: "renamed",
    Change.REVERTED: "reverted",
}
_OTHERS: dict[str, object] = {
    **dict.fromkeys(MIGRATED, "moved"),
    "VmRelocatedEvent": "moved",
    "VmResettingEvent": "rebooted",
    "VmGuestRebootEvent": "rebooted",
    "VmCreatedEvent": "appeared",
    "VmRegisteredEvent": "appeared",
    "VmDiscoveredEvent": "appeared",
    "VmRemovedEvent": "left",
    "VmRenamedEvent": "renamed",
    "VmAutoRenameEvent": "renamed",
    REVERTED: "reverted",
}


def records(event: HistoryEvent, change: Change) -> bool:
    """Whether an event is the entry that the host's history has for such a change."""
    what = _recorded_by(event)
    return what is not None and _RECORDED_AS.get(change) == what


def _recorded_by(event: HistoryEvent) -> object:
    return CONCLUDED.get(event.type) or _OTHERS.get(event.type)


@dataclass(slots=True)
class Told:
    """One change that was told, and where."""

    part: Part
    seen_at: datetime
    """When it was seen, by the host's clock: what was recorded later is another change."""
    words: str
    """What its last event says: ``stopped shutdown``."""
    is_explained: bool
    is_recorded: bool
    """Whether the entry that records it is known."""
    record: str | None = None
    """The id of that event's record, once it is published."""

    def is_as_old_as(self, event: HistoryEvent) -> bool:
        """Whether an event had been recorded when the change was seen."""
        return event.created_time <= self.seen_at + CLOCK_TOLERANCE


class ToldParts:
    """The changes that were told lately, by domain."""

    def __init__(self) -> None:
        self._told: dict[str, list[Told]] = {}
        self._renamed: dict[str, Told] = {}
        """The last new name of domains."""

    def add(self, domain: str, told: Told) -> None:
        """Remember a change that was told."""
        if told.part.change is Change.RENAMED:
            self._renamed[domain] = told
        if told.part.change in _RECORDED_AS and not (told.is_explained and told.is_recorded):
            self._told.setdefault(domain, []).append(told)
            del self._told[domain][:-_MOST]

    def recorded_by(self, event: HistoryEvent) -> Told | None:
        """Return the change that an entry records, if it was told without it; forget it then.

        Entries come in the order of what they record. So one that records a change of power that
        is not told yet ends the waiting for those of the changes that were told before.
        """
        waiting = [t for t in self._told.get(event.domain or "", ()) if not t.is_recorded]
        for told in waiting:
            if records(event, told.part.change) and told.is_as_old_as(event):
                told.is_recorded = True
                return told
        if event.type in CONCLUDED:
            for told in waiting:
                told.is_recorded |= isinstance(_RECORDED_AS[told.part.change], PowerState)
        return None

    def has_renamed(self, event: HistoryEvent) -> bool:
        """Whether an event had been recorded when the domain was lately told to be renamed."""
        told = self._renamed.get(event.domain or "")
        return told is not None and told.is_as_old_as(event)

    def domains(self) -> list[str]:
        """Return the domains of which something was told that may still be explained."""
        return list(self._told)

    def unexplained(self, domain: str) -> list[Told]:
        """Return the changes of a domain whose cause is still unknown, the oldest first."""
        return [t for t in self._told.get(domain, ()) if not t.is_explained and t.record]

    def expire(self, host_time: datetime) -> None:
        """Forget what will hardly be recorded any more; the clock may have been set back."""
        for domain, renamed in list(self._renamed.items()):
            if abs(host_time - renamed.seen_at) >= _COMES_LATE:
                del self._renamed[domain]
        for domain, told in list(self._told.items()):
            kept = [
                each
                for each in told
                if abs(host_time - each.seen_at) < _COMES_LATE and _is_open(each)
            ]
            if kept:
                self._told[domain] = kept
            else:
                del self._told[domain]

    def take_back(self, told: Iterable[Told]) -> None:
        """These were not published after all."""
        unpublished = {id(each) for each in told}
        for domain, known in self._told.items():
            self._told[domain] = [each for each in known if id(each) not in unpublished]


def _is_open(told: Told) -> bool:
    return not (told.is_explained and told.is_recorded)
