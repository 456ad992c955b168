"""The way of a domain from one power state to another, as far as the history tells it.

Two pictures show the ends only. What happened between them is in the event history and, where that
has nothing, in the times of boot and suspend.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import NamedTuple

from eventd.model.picture import DomainPicture, PowerState
from eventd.tracking.event_types import CONCLUDED, REVERTED
from eventd.vi.types import HistoryEvent

__all__ = ["Hop", "differ", "hops_between", "recorded_way"]


class Hop(NamedTuple):
    """One transition of the power state."""

    to: PowerState
    event: HistoryEvent | None
    is_revert: bool = False
    is_unseen: bool = False


def hops_between(
    before: DomainPicture,
    after: DomainPicture,
    history: Sequence[HistoryEvent],
    *,
    is_reverted: bool,
    is_last: bool,
    shown_since: datetime | None = None,
) -> list[Hop]:
    """Return the transitions between two pictures of a domain that is there all the time.

    What was recorded before ``shown_since`` has come before the second picture for certain.
    """
    if is_reverted and not any(event.type == REVERTED for event in history):
        return [Hop(after.power, None, is_revert=True)]
    if hops := _way(before.power, after.power, history, is_last=is_last, shown_since=shown_since):
        return hops
    if before.power is after.power is PowerState.POWERED_ON:
        # Set at power-on only; a server that tells it late, or not at all, tells nothing by it.
        if differ(before.boot_time, after.boot_time):
            return _around(PowerState.POWERED_OFF, history, is_last=is_last)
        if after.suspend_time and before.suspend_time != after.suspend_time:
            return _around(PowerState.SUSPENDED, history, is_last=is_last)
    return []


def _around(by_way_of: PowerState, history: Sequence[HistoryEvent], *, is_last: bool) -> list[Hop]:
    """Return the way from on to on that its ends do not show, with the events that are known.

    What comes behind the first such way is of the steps to come, unless this is the last one.
    """
    there = back = None
    for event in history:
        if CONCLUDED.get(event.type) is by_way_of:
            there, back = event, None
        elif CONCLUDED.get(event.type) is PowerState.POWERED_ON:
            back = event
            if there is not None and not is_last:
                break
    return [Hop(by_way_of, there), Hop(PowerState.POWERED_ON, back, is_unseen=True)]


def recorded_way(
    here: PowerState, target: PowerState, history: Sequence[HistoryEvent]
) -> list[Hop]:
    """Return the longest way to the target that the history tells; empty if it tells none."""
    hops = _recorded_hops(here, target, history)
    while hops and hops[-1].to is not target:
        hops.pop()
    return hops


def _recorded_hops(
    here: PowerState, target: PowerState, history: Sequence[HistoryEvent]
) -> list[Hop]:
    """Return all transitions that the history tells, wherever they lead."""
    hops: list[Hop] = []
    state = here
    for event, to in _transitions(history, target):
        is_revert = event.type == REVERTED
        if to is state and not is_revert:
            continue  # the end of a reset, which a domain spends on
        hops.append(Hop(to, event, is_revert))
        state = to
    return hops


def _way(
    here: PowerState,
    target: PowerState,
    history: Sequence[HistoryEvent],
    *,
    is_last: bool,
    shown_since: datetime | None,
) -> list[Hop]:
    """Return the way to the target; what the history lacks of it is one transition, without event.

    Empty where there is nothing to tell: the state is the same, and no way leads out and back.
    """
    if not is_last:
        return _single_hop(here, target, history)
    recorded = _recorded_hops(here, target, history)
    if recorded and recorded[-1].to is not target and _is_over(recorded[-1], shown_since):
        return [*recorded, Hop(target, None, is_unseen=here is target)]
    taken = recorded_way(here, target, history)
    return taken if taken or here is target else [Hop(target, None)]


def _is_over(hop: Hop, by: datetime | None) -> bool:
    return by is not None and hop.event is not None and hop.event.created_time < by


def _single_hop(here: PowerState, target: PowerState, history: Sequence[HistoryEvent]) -> list[Hop]:
    """Return the direct way, with the next event of the history if that is what it records."""
    if here is target:
        return []
    resets = {event.chain_id for event in history if event.type == "VmResettingEvent"}
    moves = (
        (event, to)
        for event, to in _transitions(history, target)
        if to is not here or event.chain_id not in resets  # its end, which a domain spends on
    )
    event, to = next(moves, (None, None))
    if event is None or to is not target:
        return [Hop(target, None)]
    return [Hop(target, event, is_revert=event.type == REVERTED)]


def _transitions(
    history: Sequence[HistoryEvent], target: PowerState
) -> Iterator[tuple[HistoryEvent, PowerState]]:
    """Return the events that change the power state, and the state that each leads to."""
    reverts = {event.chain_id for event in history if event.type == REVERTED}
    moves = [
        event
        for event in history
        if event.type == REVERTED or (event.type in CONCLUDED and event.chain_id not in reverts)
    ]
    for event, following in zip_longest(moves, moves[1:]):
        if event.type != REVERTED:
            yield event, CONCLUDED[event.type]
        elif following is None or following.type == REVERTED:
            yield event, target
        else:
            is_off = CONCLUDED[following.type] is PowerState.POWERED_ON
            yield event, PowerState.POWERED_OFF if is_off else PowerState.POWERED_ON


def differ(before: object, after: object) -> bool:
    """Whether a value changed from one that was known to another."""
    return before is not None and after is not None and before != after
