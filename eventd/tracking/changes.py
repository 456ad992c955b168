"""What differs between two pictures of a domain, taken apart into single changes.

A property collector tells differences, not transitions: a domain that was off and on again between
two answers may look as if nothing had happened. The event history and the times of boot and suspend
show what did, so a difference is unfolded into changes that each have a picture before and after,
in the order in which they happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum, auto
from itertools import pairwise
from typing import NamedTuple

from eventd.model.picture import DomainPicture, PowerState
from eventd.tracking.event_types import MIGRATED
from eventd.tracking.inventory import Step
from eventd.tracking.ways import Hop, differ, hops_between, recorded_way
from eventd.vi.types import HistoryEvent

__all__ = ["Change", "Part", "unfold"]


class Change(Enum):
    """One thing that can differ. ``on`` is VI's ``poweredOn``."""

    APPEARED = auto()
    """Known now, and was not before."""
    FOUND_ON = auto()
    """On when it became known."""
    FOUND_SUSPENDED = auto()
    """Suspended when it became known, or off before that: it was on in between, unseen."""
    RENAMED = auto()
    """Another name, the same domain."""
    STARTED = auto()
    """Off, then on."""
    STOPPED = auto()
    """On, then off."""
    SUSPENDED = auto()
    """On, then suspended."""
    RESUMED = auto()
    """Suspended, then on."""
    DISCARDED = auto()
    """Suspended, then off: what was suspended is thrown away."""
    REVERTED = auto()
    """Put back to a snapshot, whatever state that led from and to."""
    MOVED = auto()
    """On, on another host, and never restarted."""
    RELOCATED = auto()
    """On another host, and not on."""
    REBOOTED = auto()
    """On all the time; the guest's system started anew."""
    PANICKED = auto()
    """On; the guest's system crashed."""
    STANDING_BY = auto()
    """On; the guest's system sleeps."""
    WOKEN = auto()
    """On; the guest's system woke up."""
    BLOCKED = auto()
    """On; it does not execute until there is room on its datastore."""
    UNBLOCKED = auto()
    """On; it executes again after that."""
    CONTROL_LOST = auto()
    """The server has lost sight of it: disconnected, inaccessible, orphaned, invalid."""
    TEMPLATE_CHANGED = auto()
    """It became a template, or is none any more."""
    TOOLS_STARTED = auto()
    """VMware Tools run in the guest."""
    TOOLS_STOPPED = auto()
    """VMware Tools run there no more."""
    SNAPSHOT_CHANGED = auto()
    """It runs on another snapshot."""
    LOST_ON = auto()
    """On when it went: it can only have left what the connection follows."""
    LOST_SUSPENDED = auto()
    """Suspended when it went."""
    LEFT = auto()
    """Known no more."""


class Part(NamedTuple):
    """One change, with the pictures just before and after it."""

    change: Change
    step: Step
    event: HistoryEvent | None = None
    """The entry of the host's event history that records it, where there is one."""
    is_unseen: bool = False
    """True if no picture shows it: what came before and after it does."""
    not_after: datetime | None = None
    """When the domain was booted anew, of an unseen stop."""
    other: DomainPicture | None = None
    """The same domain under another UUID, where that is the change."""


_START = (PowerState.POWERED_OFF, PowerState.POWERED_ON)
_POWER_CHANGES = {
    (PowerState.POWERED_OFF, PowerState.POWERED_ON): Change.STARTED,
    (PowerState.POWERED_ON, PowerState.POWERED_OFF): Change.STOPPED,
    (PowerState.POWERED_ON, PowerState.SUSPENDED): Change.SUSPENDED,
    (PowerState.SUSPENDED, PowerState.POWERED_ON): Change.RESUMED,
    (PowerState.SUSPENDED, PowerState.POWERED_OFF): Change.DISCARDED,
    (PowerState.POWERED_OFF, PowerState.SUSPENDED): Change.FOUND_SUSPENDED,
}
_FOUND = {
    PowerState.POWERED_ON: Change.FOUND_ON,
    PowerState.SUSPENDED: Change.FOUND_SUSPENDED,
}
_LOST = {
    PowerState.POWERED_ON: Change.LOST_ON,
    PowerState.SUSPENDED: Change.LOST_SUSPENDED,
}


def unfold(
    step: Step,
    history: Sequence[HistoryEvent] = (),
    *,
    is_reverted: bool = False,
    is_last: bool = True,
    shown_since: datetime | None = None,
) -> list[Part]:
    """Return the changes that lead from one picture to the other, in their order.

    ``history`` are the events of the domain that nothing is told of yet, in order; those that
    record a part of the way are in the parts. ``is_reverted`` says that a task put the domain back
    to a snapshot in between. ``is_last`` is False if other steps of the domain are to be told after
    this one, so that the rest of the events may be theirs. Before ``shown_since`` nothing was
    recorded that came after the second picture.

    The way is gap-free: each part begins where the one before ends. To libvirt a domain with
    another UUID is another domain, so that one leaves and one appears.
    """
    before, after, is_reset = step
    if before is None:
        return [] if after is None else list(_appearance(after, history))
    if after is None:
        return list(_departure(before, history))
    if before.uuid != after.uuid:
        gone = [part._replace(other=after) for part in _departure(before, ())]
        return [*gone, *(part._replace(other=before) for part in _appearance(after, ()))]
    hops = []
    if not is_reset:
        hops = hops_between(
            before,
            after,
            history,
            is_reverted=is_reverted,
            is_last=is_last,
            shown_since=shown_since,
        )
    parts = list(_difference(before, after, history, hops, is_last=is_last))
    if is_reset:
        parts.append(Part(Change.REBOOTED, step))
    return parts


def _appearance(after: DomainPicture, history: Sequence[HistoryEvent]) -> Iterator[Part]:
    off = _off(after)
    yield Part(Change.APPEARED, Step(None, off))
    if hops := recorded_way(PowerState.POWERED_OFF, after.power, history):
        yield from _power_parts(off, after, hops)
    elif (found := _FOUND.get(after.power)) is not None:
        yield Part(found, Step(off, after))


def _departure(before: DomainPicture, history: Sequence[HistoryEvent]) -> Iterator[Part]:
    last = before
    if hops := recorded_way(before.power, PowerState.POWERED_OFF, history):
        last = _off(before)
        yield from _power_parts(before, last, hops)
    if (lost := _LOST.get(last.power)) is not None:
        last = _off(before)
        yield Part(lost, Step(before, last))
    yield Part(Change.LEFT, Step(last, None))


def _difference(
    before: DomainPicture,
    after: DomainPicture,
    history: Sequence[HistoryEvent],
    hops: Sequence[Hop],
    *,
    is_last: bool,
) -> Iterator[Part]:
    here = before
    if before.name and before.name != after.name:  # a name may be told later than the domain
        here = before._replace(name=after.name)
        yield Part(Change.RENAMED, Step(before, here))
    if hops:
        yield from _power_parts(here, after, hops)
        here = _fresh(here)
    elif differ(here.host, after.host):
        if here.power is PowerState.POWERED_ON:
            yield from _moves(here, after, history, is_last=is_last)
        else:
            yield Part(Change.RELOCATED, Step(here, after))
    if after.power is PowerState.POWERED_ON:
        yield from (Part(change, Step(before, after)) for change in _while_on(here, after))
    yield from (Part(change, Step(before, after)) for change in _at_any_time(before, after))


def _while_on(before: DomainPicture, after: DomainPicture) -> Iterator[Change]:
    if after.has_crashed and not before.has_crashed:
        yield Change.PANICKED
    if after.is_on_standby and not before.is_on_standby:
        yield Change.STANDING_BY
    elif before.is_on_standby and not after.is_on_standby:
        yield Change.WOKEN
    is_going_down = after.guest_state == "resetting" != before.guest_state
    has_recovered = before.has_crashed and not after.has_crashed
    if is_going_down or has_recovered:
        yield Change.REBOOTED
    ran, run = (picture.tools_state == "guestToolsRunning" for picture in (before, after))
    # A stop of the domain says already that they run no more, and a start is followed by theirs.
    # Nor do they start when a domain is in sight again of which nothing was told meanwhile.
    was_in_sight = before.connection_state in (None, "connected")
    if after.tools_state and ran != run and (before.tools_state or (run and was_in_sight)):
        yield Change.TOOLS_STARTED if run else Change.TOOLS_STOPPED
    was_blocked = before.question is not None and before.question.is_out_of_space
    is_blocked = after.question is not None and after.question.is_out_of_space
    if was_blocked != is_blocked:
        yield Change.BLOCKED if is_blocked else Change.UNBLOCKED


def _at_any_time(before: DomainPicture, after: DomainPicture) -> Iterator[Change]:
    if (
        (after.connection_state or "connected")
        != "connected"
        == (before.connection_state or "connected")
    ):
        yield Change.CONTROL_LOST
    if differ(before.is_template, after.is_template):
        yield Change.TEMPLATE_CHANGED
    if (before.snapshot, before.snapshot_tree) != (after.snapshot, after.snapshot_tree):
        yield Change.SNAPSHOT_CHANGED


def _power_parts(
    before: DomainPicture, after: DomainPicture, hops: Sequence[Hop]
) -> Iterator[Part]:
    here = before
    states = [before.power, *(hop.to for hop in hops)]
    starts = [number for number, way in enumerate(pairwise(states), 1) if way == _START]
    for number, hop in enumerate(hops, 1):
        there = after if number == len(hops) else _between(here, after, hop)
        change = Change.REVERTED if hop.is_revert else _POWER_CHANGES[here.power, hop.to]
        is_last = there is after
        yield Part(
            change,
            Step(here, there),
            hop.event,
            is_unseen=not is_last or hop.is_unseen,
            not_after=after.boot_time if starts and number < starts[-1] else None,
        )
        here = there


def _between(here: DomainPicture, after: DomainPicture, hop: Hop) -> DomainPicture:
    """Return the picture after a transition that no picture shows."""
    host = hop.event.host if hop.event else None
    there = _fresh(here)._replace(
        name=after.name, power_state=hop.to, is_lost=False, host=host or here.host
    )
    if hop.to is PowerState.POWERED_OFF:
        return there._replace(boot_time=None)
    if hop.to is PowerState.SUSPENDED:
        return there._replace(suspend_time=after.suspend_time)
    return there


def _fresh(picture: DomainPicture) -> DomainPicture:
    """Return the picture without what belongs to one run of the guest."""
    return picture._replace(
        clean_power_off=None,
        guest_state=None,
        tools_state=None,
        has_crashed=None,
        is_on_standby=None,
        question=None,
    )


def _off(picture: DomainPicture) -> DomainPicture:
    return _fresh(picture)._replace(power_state=PowerState.POWERED_OFF, boot_time=None)


def _moves(
    before: DomainPicture,
    after: DomainPicture,
    history: Sequence[HistoryEvent],
    *,
    is_last: bool,
) -> Iterator[Part]:
    """Tell each move that the history has; the last leads to where the domain is now.

    The host of an entry is where the domain went, but for govmomi's simulator, which writes the
    entry down before the move: where no way can be made of the entries, there was one move.
    """
    entries = [event for event in history if event.type in MIGRATED]
    if not (hops := _moves_between(before.host, after.host, entries, is_last=is_last)):
        record = (entries[-1] if is_last else entries[0]) if entries else None
        yield Part(Change.MOVED, Step(before, after), record)
        return
    here = before
    for hop in hops:
        there = after if hop is hops[-1] else here._replace(host=hop.host)
        yield Part(Change.MOVED, Step(here, there), hop)
        here = there


def _moves_between(
    here: str | None, target: str | None, entries: Sequence[HistoryEvent], *, is_last: bool
) -> list[HistoryEvent]:
    """Return the entries that lead from one host to another, each from where the one before led.

    Of several ways it is the longest for the last picture, and else the shortest.
    """
    taken: list[HistoryEvent] = []
    hops: list[HistoryEvent] = []
    for entry in entries:
        source = entry.references.get("sourceHost", here)
        if entry.host is None or source != here or entry.host == here:
            continue
        hops.append(entry)
        here = entry.host
        if here == target:
            taken = [*hops]
            if not is_last:
                break
    return taken
