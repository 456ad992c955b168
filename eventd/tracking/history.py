"""The event history of one connection's host: which events are new, and which are dealt with.

Keys wrap below zero and may come twice, so an event is known by its key and its time together.
What is read may run ahead of the pictures of the domains: an event counts from the update set on
that shows it, or a later one, as the newest.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice, takewhile

from eventd.model.picture import HistoryPosition
from eventd.vi.types import HistoryEvent

__all__ = ["History", "Identity", "host_of", "identity_of", "is_near", "keys_apart", "may_explain"]

Identity = tuple[int, datetime]
"""Key and time."""

_REMEMBERED = 10_000
"""How many events are remembered as seen. A collector is never asked for as many twice."""

_MAY_EXPLAIN = timedelta(minutes=15)
"""How long an event waits for the change that it explains: a guest takes its time to shut down."""

_BEGINNING = datetime.min.replace(tzinfo=UTC)


def identity_of(event: HistoryEvent) -> Identity:
    """Return what tells an event from all others of its host."""
    return event.key, event.created_time


def keys_apart(first: int, key: int) -> int:
    """Return how many keys one is behind another; keys are int32, and wrap."""
    return (key - first + 2**31) % 2**32 - 2**31


def may_explain(event: HistoryEvent, at: datetime) -> bool:
    """Whether an event was recorded shortly before a time, or later."""
    return event.created_time >= _some_time_before(at)


def host_of(event: HistoryEvent) -> str | None:
    """Return the reference of the host that an event is about; one that failed comes first."""
    return event.references.get("failedHost") or event.host


def _some_time_before(at: datetime) -> datetime:
    """Return from when on events may still explain something at that time."""
    # A host may send any time, also of the year 1.
    return at - min(_MAY_EXPLAIN, at - _BEGINNING)


def is_near(event: HistoryEvent, at: datetime) -> bool:
    """Whether an event was recorded shortly before or after a time."""
    return abs(event.created_time - at) <= _MAY_EXPLAIN


def _is_before(event: HistoryEvent, other: HistoryEvent) -> bool:
    """Whether an event was recorded before another one: the clock alone may have been set."""
    return event.created_time <= other.created_time and keys_apart(event.key, other.key) > 0


def _time_of(identity: Identity) -> datetime:
    return identity[1]


class History:
    """The events of one host, from their first reading until they have explained something."""

    def __init__(self, position: HistoryPosition | None = None) -> None:
        self.go_back(position)

    def go_back(self, position: HistoryPosition | None) -> None:
        """Know the history up to a position, and nothing after it."""
        self._since = position.since if position else None
        self._seen: dict[Identity, None] = {}
        self._by_time: list[tuple[datetime, int]] = []
        """Time and key of those, sorted: only the latest are asked for."""
        self._settled = set(position.settled if position else ())
        """Dealt with in an earlier life, and not read in this one."""
        self._newest: Identity | None = max(self._settled, key=_time_of, default=None)
        """The last of those that count."""
        self._resumed: tuple[datetime, int | None] | None = None
        """Up to when the history was dealt with when it was resumed, and the newest key by then."""
        self._newest_shown: HistoryEvent | None = None
        self._is_all_due = False
        self._ahead: list[HistoryEvent] = []
        """Read, and not yet shown by an update set to have happened by then."""
        self._open: dict[str | None, dict[Identity, HistoryEvent]] = {}
        """Those that may still explain something, by their domain, in order."""

    def begin(self, host_time: datetime) -> None:
        """The host is looked at from this time on, by its clock, unless it was known before."""
        if self._since is None:
            self._since = host_time

    def resume(self) -> None:
        """What follows is read from a new place, which may lie before what is known.

        That is so where the clock of the host may have been set back: what it recorded then has
        times at which other events are dealt with already, and later keys than those.
        """
        if self._since is not None:
            self._resumed = self._since, self._newest[0] if self._newest else None

    def show(self, newest: HistoryEvent) -> None:
        """An update set shows this event as the newest."""
        self._newest_shown = newest

    @property
    def unread(self) -> HistoryEvent | None:
        """The event up to which the history has to be read; None if it has been."""
        newest = self._newest_shown
        return None if newest is None or identity_of(newest) in self._seen else newest

    @property
    def since(self) -> datetime | None:
        """From when on the history is to be read; None if nothing of it is known."""
        return self._since

    def take_in(self, events: Iterable[HistoryEvent]) -> None:
        """Know these events, which were read in this order; those read before are passed by.

        Events that are read although none is shown unread count at once: a host does not show a
        user without full rights which event has rung.
        """
        events = list(events)
        is_shown = self.unread is not None
        self._is_all_due |= bool(events) and not is_shown
        is_counted_anew = self._counts_keys_anew(events)
        for event in events:
            identity = identity_of(event)
            if identity in self._seen:
                continue
            self._seen[identity] = None
            insort(self._by_time, (event.created_time, event.key))
            if is_counted_anew or not self._was_dealt_with(event):
                self._ahead.append(event)
        if (surplus := len(self._seen) - _REMEMBERED) > 0:
            forgotten = set(islice(self._seen, surplus))
            self._seen = dict.fromkeys(islice(self._seen, surplus, None))
            self._by_time = [(at, key) for at, key in self._by_time if (key, at) not in forgotten]

    def _counts_keys_anew(self, events: Sequence[HistoryEvent]) -> bool:
        """Whether the host has begun to count anew since the history was read, as at its restart.

        Then it has forgotten what it had recorded before.
        """
        newest = self._newest_shown or (events[-1] if events else None)
        if self._resumed is None or self._resumed[1] is None or newest is None:
            return False
        is_known = identity_of(newest) in self._settled or identity_of(newest) in self._seen
        return not is_known and keys_apart(self._resumed[1], newest.key) < 0

    def _was_dealt_with(self, event: HistoryEvent) -> bool:
        """Whether an event is from before the place where the reading was left."""
        if self._resumed is None:
            return False
        since, newest = self._resumed
        return event.created_time < since and (newest is None or keys_apart(newest, event.key) <= 0)

    def advance(self) -> list[HistoryEvent]:
        """Let the events count up to the newest that was shown; return them, in order."""
        end = self._end_of_shown()
        counted, self._ahead = self._ahead[:end], self._ahead[end:]
        if counted:
            self._newest = identity_of(counted[-1])
            self._since = counted[-1].created_time
            earliest = _some_time_before(self._since)
            self._expire(earliest)
            self._settled = {known for known in self._settled if known[1] >= earliest}
        # The settled ones only show how far the others go.
        new = [event for event in counted if identity_of(event) not in self._settled]
        self._settled -= {identity_of(event) for event in counted}
        return new

    def _end_of_shown(self) -> int:
        """Return how many of the events that do not count yet were shown to have happened."""
        is_all_due, self._is_all_due = self._is_all_due, False
        newest = self._newest_shown
        if is_all_due:
            return len(self._ahead)
        if newest is None:
            return 0
        keys = [identity_of(event) for event in self._ahead]
        if identity_of(newest) in keys:
            return keys.index(identity_of(newest)) + 1
        # If it was not read, its reading was given up: what there is has to do.
        return 0 if identity_of(newest) in self._seen else len(keys)

    def _expire(self, earliest: datetime) -> None:
        for domain, events in list(self._open.items()):
            if next(iter(events.values())).created_time < earliest:
                left = {key: e for key, e in events.items() if e.created_time >= earliest}
                if left:
                    self._open[domain] = left
                else:
                    del self._open[domain]

    def keep(self, event: HistoryEvent) -> None:
        """This event may explain something later.

        What was read late, as of a host that was slow with it, takes its place among the others.
        """
        known = self._open.setdefault(event.domain, {})
        behind = [*takewhile(partial(_is_before, event), reversed(known.values()))]
        known[identity_of(event)] = event
        for later in reversed(behind):
            known[identity_of(later)] = known.pop(identity_of(later))

    def is_open(self, event: HistoryEvent) -> bool:
        """Whether an event has explained nothing yet."""
        return identity_of(event) in self._open.get(event.domain, ())

    def of_domain(self, domain: str) -> list[HistoryEvent]:
        """Return the events of a domain that have explained nothing yet, in order."""
        return list(self._open.get(domain, {}).values())

    def of_host(
        self, host: str | None, types: Collection[str], *, at: datetime | None = None
    ) -> HistoryEvent | None:
        """Return the newest event of these types that is about a host itself.

        With ``at`` it is one that may explain what happened at that time.
        """
        return next(
            (
                event
                for event in reversed(self._open.get(None, {}).values())
                if event.type in types
                and host is not None
                and host == host_of(event)
                and (at is None or is_near(event, at))
            ),
            None,
        )

    def spend(self, events: Iterable[HistoryEvent]) -> None:
        """These events have explained what they can."""
        for event in events:
            if (known := self._open.get(event.domain)) is not None:
                known.pop(identity_of(event), None)
                if not known:
                    del self._open[event.domain]

    def forget(self) -> None:
        """What was there before the first picture explains nothing."""
        self._open.clear()

    def position(self, *, held: Collection[HistoryEvent]) -> HistoryPosition | None:
        """Return how far the history is dealt with, but for the events that are held back."""
        if self._since is None:
            return None
        since = min([self._since, *(event.created_time for event in held)])
        latest = islice(self._by_time, bisect_left(self._by_time, (since,)), None)
        dealt_with = {(key, at) for at, key in latest}
        dealt_with -= {identity_of(event) for event in (*held, *self._ahead)}
        earlier = {known for known in self._settled if known[1] >= since}
        return HistoryPosition(since, frozenset(dealt_with | earlier))
