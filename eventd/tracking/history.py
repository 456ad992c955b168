"""The event history of one connection's host: which events are new, and which are dealt with.

Keys wrap below zero and may come twice, so an event is known by its key and its time together.
What is read may run ahead of the pictures of the domains: an event counts from the update set on
that shows it, or a later one, as the newest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from eventd.model.picture import HistoryPosition
from eventd.vi.types import HistoryEvent

__all__ = ["History", "host_of", "identity_of"]

Identity = tuple[int, datetime]
"""Key and time."""

_REMEMBERED = 10_000
"""How many events are remembered as seen. A collector is never asked for as many twice."""

_MAY_EXPLAIN = timedelta(minutes=15)
"""How long an event waits for the change that it explains: a guest takes its time to shut down."""


def identity_of(event: HistoryEvent) -> Identity:
    """Return what tells an event from all others of its host."""
    return event.key, event.created_time


def host_of(event: HistoryEvent) -> str | None:
    """Return the reference of the host that an event is about; one that failed comes first."""
    return event.references.get("failedHost") or event.host


class History:
    """The events of one host, from their first reading until they have explained something."""

    def __init__(self, position: HistoryPosition | None = None) -> None:
        self.go_back(position)

    def go_back(self, position: HistoryPosition | None) -> None:
        """Know the history up to a position, and nothing after it."""
        self._since = position.since if position else None
        self._seen: dict[Identity, None] = {}
        self._settled = set(position.settled if position else ())
        """Dealt with in an earlier life, and not read in this one."""
        self._newest_shown: HistoryEvent | None = None
        self._ahead: list[HistoryEvent] = []
        """Read, and not yet shown by an update set to have happened by then."""
        self._open: dict[str | None, list[HistoryEvent]] = {}
        """Those that may still explain something, by their domain, in order."""

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
        """Know these events, which were read in this order; those read before are passed by."""
        for event in events:
            if identity_of(event) not in self._seen:
                self._seen[identity_of(event)] = None
                self._ahead.append(event)
        while len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def advance(self) -> list[HistoryEvent]:
        """Let the events count up to the newest that was shown; return them, in order."""
        newest = self._newest_shown
        if newest is None:
            return []
        keys = [identity_of(event) for event in self._ahead]
        end = keys.index(identity_of(newest)) + 1 if identity_of(newest) in keys else 0
        if not end and identity_of(newest) not in self._seen:
            end = len(keys)  # its reading was given up: what there is has to do
        counted, self._ahead = self._ahead[:end], self._ahead[end:]
        if counted:
            self._since = counted[-1].created_time
            self._expire(self._since - _MAY_EXPLAIN)
        # The settled ones only show how far the others go.
        new = [event for event in counted if identity_of(event) not in self._settled]
        self._settled -= {identity_of(event) for event in counted}
        return new

    def _expire(self, earliest: datetime) -> None:
        for domain, events in list(self._open.items()):
            if events[0].created_time < earliest:
                self._keep_only(domain, [e for e in events if e.created_time >= earliest])

    def _keep_only(self, domain: str | None, events: list[HistoryEvent]) -> None:
        if events:
            self._open[domain] = events
        else:
            self._open.pop(domain, None)

    def keep(self, event: HistoryEvent) -> None:
        """This event may explain something later."""
        self._open.setdefault(event.domain, []).append(event)

    def of_domain(self, domain: str) -> list[HistoryEvent]:
        """Return the events of a domain that have explained nothing yet, in order."""
        return list(self._open.get(domain, ()))

    def of_host(self, host: str | None, types: Collection[str]) -> HistoryEvent | None:
        """Return the newest event of these types that is about a host itself."""
        return next(
            (
                event
                for event in reversed(self._open.get(None, []))
                if event.type in types and host is not None and host == host_of(event)
            ),
            None,
        )

    def spend(self, events: Collection[HistoryEvent]) -> None:
        """These events have explained what they can."""
        spent = {identity_of(event) for event in events}
        for domain in {event.domain for event in events}:
            left = [e for e in self._open.get(domain, ()) if identity_of(e) not in spent]
            self._keep_only(domain, left)

    def forget(self) -> None:
        """What was there before the first picture explains nothing."""
        self._open.clear()

    def position(self, *, held: Collection[HistoryEvent]) -> HistoryPosition | None:
        """Return how far the history is dealt with, but for the events that are held back."""
        if self._since is None:
            return None
        since = min([self._since, *(event.created_time for event in held)])
        dealt_with = self._seen.keys() - {identity_of(event) for event in (*held, *self._ahead)}
        settled = {key for key in self._settled | dealt_with if key[1] >= since}
        return HistoryPosition(since, frozenset(settled))
