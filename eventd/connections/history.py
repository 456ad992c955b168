"""The event history of a host: a doorbell in the long poll, and what is read when it rings.

The doorbell is a collector whose latest page holds one event, so that a change costs little; the
events between two rings are read page by page. What they mean is left to tracking.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from eventd.connections.retry import is_mended_by_login
from eventd.connections.session import Session
from eventd.errors import Fault
from eventd.vi import calls
from eventd.vi.event_types import followed_classes, followed_types
from eventd.vi.types import (
    HistoryEvent,
    ManagedObjectReference,
    ObjectUpdate,
    Unparsed,
    UpdateKind,
    UpdateSet,
)
from eventd.vi.versions import EVENT_MAX_COUNT_SINCE

__all__ = ["EventHistory"]

_log = structlog.get_logger(__name__)

_DOORBELL_EVENTS = 1

_PAGE_EVENTS = 100
"""As many are read at once: more than a usual change brings, and far below a large answer."""

_TRIES = 3
"""How many collectors are asked for an event that has rung before it is taken as it is."""

_MOST_PAGES = 200
"""As many pages are read of one collector for one ring; a host that goes on and on is not heard
to its end. What is left is read when it rings next."""

_REMEMBERED = 1000
"""Events that are known again: more than may have the same time, or be read ahead of their ring."""

_Identity = tuple[int, datetime]
"""Key and ``createdTime``: keys alone come again, as they wrap below zero."""


class EventHistory:
    """The events of one session, from a time on, each of them once."""

    def __init__(
        self,
        session: Session,
        event_manager: ManagedObjectReference,
        doorbell: ManagedObjectReference,
        *,
        types: tuple[str, ...],
        connection: str,
        since: datetime,
    ) -> None:
        self.doorbell = doorbell
        """The collector whose ``latestPage`` is to be followed."""
        self._session = session
        self._event_manager = event_manager
        self._types = types
        self._connection = connection
        self._reader = doorbell
        self._newest = since
        """When the newest event was created that was read."""
        self._known: dict[_Identity, None] = {}
        """The events that were read last, in the order of reading."""
        self._has_rung_unseen = False

    @classmethod
    async def open(
        cls, session: Session, *, connection: str, since: datetime
    ) -> EventHistory | None:
        """Begin with the events that were created at a time or after it.

        None where the host has no event history or refuses it, which is logged: events of domains
        without their causes are better than none. A host that knows the classes of events, and not
        the identifiers of those that extend them, is asked for the classes alone.

        Raises:
            HostError: the host is lost.
        """
        manager = session.content.event_manager
        if manager is None:
            return None
        version = session.api_version
        for types in (followed_types(version), followed_classes(version)):
            try:
                doorbell = await _create_doorbell(session, manager, types, since)
            except Fault as fault:
                if is_mended_by_login(fault):
                    raise
                _log.warning("event_history_refused", connection=connection, error=fault.message)
                if fault.name != "InvalidArgument":
                    return None
            else:
                return cls(
                    session, manager, doorbell, types=types, connection=connection, since=since
                )
        return None

    def hear(self, update_set: UpdateSet) -> None:
        """Note a ring that shows no event: the newest one cannot be read, or seen by the user."""
        for part in update_set.filters:
            for update in part.objects:
                if update.obj == self.doorbell and update.kind is UpdateKind.MODIFY:
                    self._has_rung_unseen |= _shows_no_event(update)

    async def read(self, until: HistoryEvent | None) -> list[HistoryEvent]:
        """Return the events behind those that were read before, in the order of their creation.

        ``until`` is the event that rang. If it was read before, or nothing rang, none is read. It
        is among the events whatever the host tells: where the host does not give it after a few
        tries, the others that are missing are given up, which is logged.

        Raises:
            HostError: the host is lost.
        """
        has_rung = self._has_rung_unseen if until is None else _identity(until) not in self._known
        self._has_rung_unseen = False
        found: list[HistoryEvent] = []
        if has_rung and (problem := await self._read_to(until, found)) is not None:
            _log.warning("event_history_incomplete", connection=self._connection, error=problem)
            if until is not None:
                self._note(until, found)
        return _in_order(found)

    async def _read_to(self, until: HistoryEvent | None, found: list[HistoryEvent]) -> str | None:
        """Read on to an event, or to the first empty page; return what went wrong, if anything."""
        try:
            for attempt in range(_TRIES):
                if attempt:
                    await self._begin_anew()
                await self._read_pages(until, found)
                if until is None or _identity(until) in self._known:
                    return None
        except Fault as fault:
            if is_mended_by_login(fault):
                raise
            return fault.message
        return "the host does not give the newest event"

    async def _begin_anew(self) -> None:
        """Read on with a new collector, which begins at the newest event that was read.

        An empty page is not the end: a vCenter cuts its pages before it takes out what the user
        may not see, and a collector holds no more than its last events, so that a storm pushes out
        the place where the reading stands.
        """
        outworn = self._reader
        self._reader = await _create_collector(
            self._session, self._event_manager, self._types, self._newest, page_size=None
        )
        if outworn != self.doorbell:
            await self._session.call(calls.destroy_collector(outworn))

    async def _read_pages(self, until: HistoryEvent | None, found: list[HistoryEvent]) -> None:
        for _ in range(_MOST_PAGES):
            page = await self._session.call(
                calls.read_next_events(self._reader, max_count=_PAGE_EVENTS)
            )
            for odd in page.unparsed:
                _log.warning(
                    "event_not_understood",
                    connection=self._connection,
                    xml=odd.xml[:500].decode("utf-8", "replace"),
                )
            for event in page.events:
                self._note(event, found)
            is_empty = not (page.events or page.unparsed)
            if is_empty or (until is not None and _identity(until) in self._known):
                return

    def _note(self, event: HistoryEvent, found: list[HistoryEvent]) -> None:
        """Add an event to those that were found, unless it was read before."""
        identity = _identity(event)
        if identity in self._known:
            return
        found.append(event)
        self._known[identity] = None
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._newest = max(self._newest, event.created_time)


async def _create_doorbell(
    session: Session, manager: ManagedObjectReference, types: tuple[str, ...], since: datetime
) -> ManagedObjectReference:
    if session.api_version >= EVENT_MAX_COUNT_SINCE:
        return await _create_collector(session, manager, types, since, page_size=_DOORBELL_EVENTS)
    doorbell = await _create_collector(session, manager, types, since, page_size=None)
    await session.call(calls.set_collector_page_size(doorbell, size=_DOORBELL_EVENTS))
    return doorbell


async def _create_collector(
    session: Session,
    manager: ManagedObjectReference,
    types: tuple[str, ...],
    since: datetime,
    *,
    page_size: int | None,
) -> ManagedObjectReference:
    call = calls.create_collector_for_events(
        manager,
        types=types,
        begin=since,
        version=session.api_version,
        page_size=page_size,
    )
    return await session.call(call)


def _shows_no_event(update: ObjectUpdate) -> bool:
    page = update.changes.get("latestPage")
    return "latestPage" in update.changes and (not page or isinstance(page, Unparsed))


def _identity(event: HistoryEvent) -> _Identity:
    return event.key, event.created_time


def _in_order(events: list[HistoryEvent]) -> list[HistoryEvent]:
    """Sort events by time, and those of one moment by key; pages may have the newest first."""
    if not events:
        return events
    first = events[0].key
    return sorted(events, key=lambda event: (event.created_time, _distance(first, event.key)))


def _distance(first: int, key: int) -> int:
    """Return how many keys one is behind another; keys are int32, and wrap."""
    return (key - first + 2**31) % 2**32 - 2**31
