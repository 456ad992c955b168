"""One judgement: at what moment it is made, what it tells, and what it holds back for later."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from eventd.model.events import DomainEvent
from eventd.tracking.inventory import Step
from eventd.tracking.ordering import by_time, was_recorded_before
from eventd.tracking.told import Told

__all__ = ["Judgement", "Moment", "Pending"]


class Moment(NamedTuple):
    """When a judgement is made, and of what."""

    now: datetime
    """Aware UTC."""
    instant: float
    """The same in the seconds of a monotonic clock."""
    host_time: datetime
    """The same by the host's clock."""
    looked_at: datetime
    """When the host was last looked at, by its own clock."""
    in_gap: bool
    """True if eventd was not looking since then."""
    follows_history: bool
    """True if the host's event history is read: only then a cause may still come."""
    is_another_host: bool = False
    """True if the host that is looked at now is another one, which has none of these domains."""


@dataclass(slots=True)
class Pending:
    """A step that is not told yet."""

    step: Step
    seen: Moment | None = None
    """When it was judged first."""

    def first_seen(self, moment: Moment) -> Moment:
        """Return when it was judged first, which is at this moment if it never was."""
        if self.seen is None:
            self.seen = moment
        return self.seen


@dataclass(slots=True)
class Judgement:
    """What is told at a moment, and what is not."""

    moment: Moment
    grace: float
    """How many seconds a change waits for its cause."""
    events: list[DomainEvent] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    """The steps that were told."""
    told: list[tuple[int, Told]] = field(default_factory=list)
    """The changes that were told, by the position of their last event."""
    held: set[str] = field(default_factory=set)
    """Domains of which something is held back."""
    deadline: float | None = None
    """When the first of it has to be told, in the seconds of a monotonic clock."""
    _updated: set[str] = field(default_factory=set)
    """Domains whose new definition was told."""

    def tell(self, *events: DomainEvent) -> None:
        """Tell these events after all that was told before."""
        self.events += events

    def order_by_time(self) -> None:
        """Put what is told in the order in which it happened; see `ordering`."""
        places = by_time(self.events)
        now_at = {old: new for new, old in enumerate(places)}
        self.events = [self.events[place] for place in places]
        self.told = [(now_at[place], told) for place, told in self.told]

    def order_by_records(self, begin: int) -> None:
        """Put what was told from a place on before what was recorded later of the same domain."""
        for last in range(begin, len(self.events)):
            event = self.events[last]
            place = next(
                (
                    number
                    for number in range(last)
                    if was_recorded_before(event, self.events[number])
                ),
                last,
            )
            self.events.insert(place, self.events.pop(last))
            self.told = [
                (place if at == last else at + (place <= at < last), told) for at, told in self.told
            ]

    def note_told(self, told: Told) -> None:
        """The events told last are those of this change."""
        self.told.append((len(self.events) - 1, told))

    def tells_first_update(self, domain: str) -> bool:
        """Note that a new definition of a domain is to be told; return whether it is the first.

        A reconfiguration and what it leads to are one new definition.
        """
        is_first = domain not in self._updated
        self._updated.add(domain)
        return is_first

    def hold(self, domain: str) -> None:
        """Something of this domain is held back, and with it all that comes later."""
        self.held.add(domain)

    def look_again(self, seconds: float) -> None:
        """Something has to be told so much later, whatever the host says until then."""
        deadline = self.moment.instant + seconds
        self.deadline = deadline if self.deadline is None else min(self.deadline, deadline)

    def may_wait(self, since: float) -> bool:
        """Whether what is known since then, by the monotonic clock, can wait for a better cause.

        If so, the judgement notes when the waiting ends. After a gap a cause has come, or never
        will, and without a history none comes late.
        """
        deadline = since + self.grace
        is_over = self.moment.instant >= deadline
        if is_over or self.moment.in_gap or not self.moment.follows_history:
            return False
        self.deadline = deadline if self.deadline is None else min(self.deadline, deadline)
        return True
