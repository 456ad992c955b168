"""The order in which what was missed is told: by the time at which it happened, over all domains.

What is told of one domain follows from its pictures, one after the other, and stays in that order
whatever the host's clock did.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from eventd.model.events import DomainEvent, DomainRebooted, DomainWatchdog, LifecycleEvent
from eventd.model.lifecycle import DefinedDetail
from eventd.tracking.history import keys_apart

__all__ = ["by_time", "was_recorded_before"]


def by_time(events: Sequence[DomainEvent]) -> list[int]:
    """Return the places of events in the order in which they are to be told.

    Each counts as of its own time, but not as earlier than what was told of its domain before.
    Reboots alone change no state, and are told when they happened, once there is the domain.
    """
    latest: dict[str, datetime] = {}
    defined: dict[str, datetime] = {}
    times: list[datetime] = []
    for event in events:
        domain = event.domain.reference
        if isinstance(event, DomainRebooted | DomainWatchdog):
            times.append(max(event.occurred_at, defined.get(domain, event.occurred_at)))
            continue
        at = max(event.occurred_at, latest.get(domain, event.occurred_at))
        latest[domain] = at
        times.append(at)
        if isinstance(event, LifecycleEvent) and event.detail is DefinedDetail.ADDED:
            defined[domain] = at
    return sorted(range(len(events)), key=times.__getitem__)


def was_recorded_before(event: DomainEvent, other: DomainEvent) -> bool:
    """Whether the history has an event of a domain before another one of the same domain."""
    if event.domain.reference != other.domain.reference:
        return False
    one, another = event.evidence.event, other.evidence.event
    if one is None or another is None or event.occurred_at >= other.occurred_at:
        return False
    return keys_apart(one.key, another.key) > 0  # the clock alone may have been set
