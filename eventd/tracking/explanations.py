"""Which entries of a domain's history explain which of its changes, and which nothing any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from eventd.model.picture import DomainPicture
from eventd.tracking.changes import Change, Part
from eventd.tracking.event_types import CONCLUDED, MIGRATED, REQUESTS, RESTARTS
from eventd.tracking.history import identity_of, may_explain
from eventd.tracking.lifecycle import Verdict
from eventd.vi.types import HistoryEvent

__all__ = ["entries_for", "redundant", "spent_by_all"]

_OF_POWER = frozenset(
    {
        Change.STARTED,
        Change.STOPPED,
        Change.SUSPENDED,
        Change.RESUMED,
        Change.DISCARDED,
        Change.REVERTED,
    }
)

_ENDS_OF_REQUESTS = frozenset(
    {
        Change.STARTED,
        Change.STOPPED,
        Change.SUSPENDED,
        Change.DISCARDED,
        Change.REVERTED,
        Change.REBOOTED,
        Change.STANDING_BY,
    }
)
"""After these, what the guest was asked for before is history."""


def entries_for(
    parts: Sequence[Part], history: Sequence[HistoryEvent]
) -> Iterator[list[HistoryEvent]]:
    """Return, for each change, the entries among which its cause is looked for.

    They lie after the record of the change of power before, and before that of the next one.
    """
    place_of = {identity_of(entry): place for place, entry in enumerate(history)}
    places = [place_of.get(identity_of(part.event)) if part.event else None for part in parts]
    # The places of the next record and of the one before; seen from the last part, from the first.
    following: list[int | None] = []
    for place in reversed(places):
        following.append(place if place is not None else following[-1] if following else None)
    following.reverse()
    before: int | None = None
    for number, part in enumerate(parts):
        later = following[number + 1] if number + 1 < len(parts) else None
        is_of_power = part.change in _OF_POWER
        after = before + 1 if is_of_power and before is not None else 0
        until = later if is_of_power and later is not None else len(history)
        entries = [*history[after:until]]
        if part.event is not None:  # of days that are read at once, others are long past
            recorded_at = part.event.created_time
            entries = [entry for entry in entries if may_explain(entry, recorded_at)]
        else:  # a crash is not recorded, but what HA did about it is
            entries += [entry for entry in history[until:] if entry.type in RESTARTS]
        before = before if places[number] is None else places[number]
        yield entries


def spent_by_all(
    verdicts: Iterable[Verdict], history: Sequence[HistoryEvent]
) -> Iterator[HistoryEvent]:
    """Return the entries that explain no other changes than those of these verdicts, in order."""
    place_of = {identity_of(entry): place for place, entry in enumerate(history)}
    begin = 0
    for verdict in verdicts:
        record = verdict.part.event
        place = place_of.get(identity_of(record)) if record is not None else None
        if place is None or place < begin or verdict.part.change not in _ENDS_OF_REQUESTS:
            yield from _spent_by(verdict, history)
        else:
            yield from _spent_by(verdict, history[begin : place + 1])
            begin = place + 1  # all before that is spent, or left to something else


def _spent_by(verdict: Verdict, history: Sequence[HistoryEvent]) -> Iterator[HistoryEvent]:
    """Return the entries that explain no other change than the one of this verdict."""
    part, found = verdict.part, verdict.found
    if part.event is not None:
        yield part.event
        yield from _leading_nowhere(part.event, history)
    if found.event is not None and found.spends_event:
        yield found.event
    if part.change in _ENDS_OF_REQUESTS:
        yield from (entry for entry in _up_to_record(part.event, history) if entry.type in REQUESTS)
    if part.change is Change.RELOCATED:
        yield from (entry for entry in history if entry.type in MIGRATED)
    if part.change is Change.LEFT:
        yield from _up_to("VmRemovedEvent", history)


def _leading_nowhere(
    record: HistoryEvent, history: Iterable[HistoryEvent]
) -> Iterator[HistoryEvent]:
    """Return what was recorded before this entry, and is no part of anything to come."""
    earlier = _up_to_record(record, history)
    return (entry for entry in earlier if entry.type in CONCLUDED or entry.type in MIGRATED)


def _up_to_record(
    record: HistoryEvent | None, history: Iterable[HistoryEvent]
) -> Iterator[HistoryEvent]:
    """Return what was recorded before this entry; everything if it is not known."""
    if record is None:
        return iter(history)
    return takewhile(lambda entry: identity_of(entry) != identity_of(record), history)


def _up_to(kind: str, history: Sequence[HistoryEvent]) -> Sequence[HistoryEvent]:
    """Return the entries up to the last one of a type; all of them if there is none."""
    ends = [number for number, entry in enumerate(history, 1) if entry.type == kind]
    return history[: ends[-1]] if ends else history


def redundant(picture: DomainPicture, history: Iterable[HistoryEvent]) -> list[HistoryEvent]:
    """Return the entries that record what is so already: a reset ends with a power-on.

    One that records another state may have come before the change that it records.
    """
    records = (entry for entry in history if entry.type in CONCLUDED)
    return [*takewhile(lambda entry: CONCLUDED[entry.type] is picture.power, records)]
