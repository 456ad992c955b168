"""The event history of a host: a doorbell in the long poll, and what is read when it rings.

The doorbell is a collector whose latest page holds one event, so that a change costs little; the
events between two rings are read page by page. What they mean is left to tracking.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise

from eventd.connections.complaints import Complaints
from eventd.connections.not_understood import NotUnderstood
from eventd.connections.retry import is_mended_by_login
from eventd.connections.session import READING_SECONDS, Session
from eventd.errors import Fault, HostUnreachable
from eventd.tracking.history import keys_apart
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

__all__ = ["EventHistory", "HistoryOverdue"]

_DOORBELL_EVENTS = 1

_PAGE_EVENTS = 100
"""As many are read at once: more than a usual change brings, and far below a large answer."""

_TRIES = 3
"""How many collectors are asked for an event that has rung before it is taken as it is."""

_MOST_PAGES = 200
"""As many pages are read of one collector for one ring; a host that goes on and on is not heard
to its end. What is left is read when it rings next."""

_MOST_MISSED = 30_000
"""As many events are taken of the time when eventd was not looking, which may be days. What they
tell is told at once: so many take about 200 MB meanwhile, and some seconds of the daemon."""

_MOST_EVENTS = 2000
"""As many events are taken for one ring: a host that fails takes hundreds of domains with it, each
with a few events. Those of a host that has more are given up up to the newest."""

_OVERLAP = timedelta(seconds=10)
"""A new collector begins that much before the event that was read last, as the events of many hosts
are not quite in order; those that are known are passed by."""

_REMEMBERED = 1000
"""Events that are known again: more than may have the same time, or be read ahead of their ring."""

_CLOCK_WAS_SET = timedelta(minutes=1)
"""By so much no two events are out of order, unless the clock was set back between them."""

_Identity = tuple[int, datetime]
"""Key and ``createdTime``: keys alone come again, as they wrap below zero."""


class HistoryOverdue(HostUnreachable):
    """The host did not give its events in time: it may be lost, or be slow with them."""


class EventHistory:
    """The events of one session, from a time on, each of them once."""

    def __init__(
        self,
        session: Session,
        event_manager: ManagedObjectReference,
        doorbell: ManagedObjectReference,
        *,
        types: tuple[str, ...],
        complaints: Complaints,
        not_understood: NotUnderstood,
        since: datetime,
        is_resumed: bool,
        bears_silence: bool,
    ) -> None:
        self.doorbell = doorbell
        """The collector whose ``latestPage`` is to be followed."""
        self._session = session
        self._event_manager = event_manager
        self._types = types
        self._complaints = complaints
        self._not_understood = not_understood
        self._since = since
        self._is_resumed = is_resumed
        """Whether the doorbell may have rung before it was first looked at."""
        self._catches_up = is_resumed
        """Whether what comes next may be of days."""
        self._reader = doorbell
        self._has_lost_its_place = False
        """Whether the reader may have passed events by that nobody has seen."""
        self._place = since
        """Where a new reader begins."""
        self._known: dict[_Identity, None] = {}
        """The events that were read last, in the order of reading."""
        self._has_rung_unseen = False
        self._bears_silence = bears_silence
        self.cut_short: str | None = None
        """What kept the last reading from coming to its end; None if it has come there."""

    @classmethod
    async def open(
        cls,
        session: Session,
        *,
        complaints: Complaints,
        not_understood: NotUnderstood,
        since: datetime,
        is_resumed: bool = False,
        bears_silence: bool = True,
    ) -> EventHistory | None:
        """Begin with the events that were created at a time or after it.

        ``is_resumed`` says that the time comes from an earlier session: something may have happened
        since. A doorbell that shows no event at first is then no sign that there is none. Unless it
        ``bears_silence``, a host that does not give its events in time counts as lost.

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
                complaints.refused("event_history_refused", fault.message)
                if fault.name != "InvalidArgument":
                    return None
            else:
                return cls(
                    session,
                    manager,
                    doorbell,
                    types=types,
                    complaints=complaints,
                    not_understood=not_understood,
                    since=since,
                    is_resumed=is_resumed,
                    bears_silence=bears_silence,
                )
        return None

    def hear(self, update_set: UpdateSet) -> None:
        """Note a ring that shows no event: the newest one cannot be read, or seen by the user."""
        for part in update_set.filters:
            for update in part.objects:
                if update.obj != self.doorbell:
                    continue
                if update.kind is UpdateKind.MODIFY or self._is_resumed:
                    self._has_rung_unseen |= _shows_no_event(update)
                # If it comes as new once more, rings may have been missed in between.
                self._is_resumed = True

    async def read(self, until: HistoryEvent | None) -> list[HistoryEvent]:
        """Return the events behind those that were read before, in the order of their creation.

        ``until`` is the event that rang. If it was read before, or nothing rang, none is read. It
        is among the events whatever the host tells: where the host does not give it after a few
        tries, the others that are missing are given up, which is logged, and `cut_short` says why.
        So it is where the host takes longer than `READING_SECONDS`, or for one page of what was
        missed; what is missing then may come with the next ring.

        Raises:
            HistoryOverdue: that, where it is not to be borne.
            HostError: the host is lost.
        """
        has_rung = self._has_rung_unseen if until is None else _identity(until) not in self._known
        self._has_rung_unseen, self.cut_short = False, None
        found: list[HistoryEvent] = []
        if has_rung and (problem := await self._read_in_time(until, found)) is not None:
            self._complaints.refused("event_history_incomplete", problem)
            self.cut_short = problem
            if until is not None:
                self._note(until, found)
        if has_rung:
            self._catches_up = False
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return _in_order(found)

    async def _read_in_time(
        self, until: HistoryEvent | None, found: list[HistoryEvent]
    ) -> str | None:
        """Read on to an event, or to the first empty page; return what went wrong, if anything."""
        try:
            async with asyncio.timeout(READING_SECONDS) as patience:
                return await self._read_to(until, found, patience)
        except TimeoutError:
            problem = f"the host did not give its events within {READING_SECONDS:.0f} s"
            if not self._bears_silence:
                raise HistoryOverdue(problem) from None
            # The host may have given an answer that nobody heard.
            self._has_lost_its_place = True
            return problem
        except Fault as fault:
            if is_mended_by_login(fault):
                raise
            return fault.message

    @property
    def _most_events(self) -> int:
        return _MOST_MISSED if self._catches_up else _MOST_EVENTS

    async def _read_to(
        self, until: HistoryEvent | None, found: list[HistoryEvent], patience: asyncio.Timeout
    ) -> str | None:
        for attempt in range(_TRIES):
            if attempt or self._has_lost_its_place:
                await self._begin_anew()
            await self._read_pages(until, found, patience)
            if until is None or _identity(until) in self._known:
                return None
            if len(found) >= self._most_events:
                self._has_lost_its_place = True
                self._place = self._place_at(until)
                return f"the host has more than {self._most_events} events at once"
        return "the host does not give the newest event"

    async def _begin_anew(self) -> None:
        """Read on with a new collector, which begins at the event that was read last.

        An empty page is not the end: a vCenter cuts its pages before it takes out what the user
        may not see, and a collector holds no more than its last events, so that a storm pushes out
        the place where the reading stands.
        """
        outworn = self._reader
        self._reader = await _create_collector(
            self._session, self._event_manager, self._types, self._place, page_size=None
        )
        self._has_lost_its_place = False
        if outworn != self.doorbell:
            # It may be gone already; a session that is lost shows at the next call.
            with suppress(Fault):
                await self._session.call(calls.destroy_collector(outworn))

    async def _read_pages(
        self, until: HistoryEvent | None, found: list[HistoryEvent], patience: asyncio.Timeout
    ) -> None:
        pages = 0
        while pages < _MOST_PAGES:
            page = await self._session.call(
                calls.read_next_events(self._reader, max_count=_PAGE_EVENTS)
            )
            for odd in page.unparsed:
                self._not_understood.note(odd, place="the event history")
            count = len(found)
            for event in _oldest_first(page.events):
                self._note(event, found)
                self._place = self._place_at(event)
            is_empty = not (page.events or page.unparsed)
            if is_empty or (until is not None and _identity(until) in self._known):
                return
            if len(found) >= self._most_events:
                return
            if self._catches_up and len(found) > count:
                patience.reschedule(asyncio.get_running_loop().time() + READING_SECONDS)
            else:
                pages += 1

    def _place_at(self, event: HistoryEvent) -> datetime:
        """Return where to begin behind an event: not before the first time, unless it is.

        That is so where the clock of the host was set back.
        """
        created = event.created_time
        return max(created - _OVERLAP, min(created, self._since))

    def _note(self, event: HistoryEvent, found: list[HistoryEvent]) -> None:
        """Add an event to those that were found, unless it was read before."""
        identity = _identity(event)
        if identity in self._known:
            return
        found.append(event)
        self._known[identity] = None


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


def _oldest_first(page: list[HistoryEvent]) -> list[HistoryEvent]:
    """Return the events of a page in the order of their keys; hosts may give the newest first."""
    steps = [keys_apart(one.key, other.key) for one, other in pairwise(page)]
    is_newest_first = 2 * sum(step < 0 for step in steps) > len(steps)
    return page[::-1] if is_newest_first else page


def _in_order(events: list[HistoryEvent]) -> list[HistoryEvent]:
    """Sort events by time, and those of one moment by key.

    Where the clock of the host was set back, what comes behind that happened after what is before.
    """
    in_order: list[HistoryEvent] = []
    stretch: list[HistoryEvent] = []
    latest: datetime | None = None
    for event in events:
        if latest is not None and latest - event.created_time > _CLOCK_WAS_SET:
            in_order += _sorted(stretch)
            stretch, latest = [], None
        stretch.append(event)
        latest = event.created_time if latest is None else max(latest, event.created_time)
    return in_order + _sorted(stretch)


def _sorted(events: list[HistoryEvent]) -> list[HistoryEvent]:
    if not events:
        return events
    first = events[0].key
    return sorted(events, key=lambda event: (event.created_time, keys_apart(first, event.key)))
