"""One subscriber's way from its beginning through the journal to the live events, and to its end.

A stream is a reader of the journal with a position. It begins with the present state or at a
cursor, reads on at the pace of its client until it has caught up, and is then written to by the
broadcast. Whenever its client does not keep up, it reads the journal again: slowness costs nobody
else anything and loses nothing. Only if the journal has dropped what it needs next there is a gap,
which is told; the stream ends with it or goes on behind it, as its client has asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from enum import Enum, auto
from itertools import islice

import structlog
from aiohttp import WSCloseCode

from eventd import metrics
from eventd.errors import CursorExpired, JournalUnusable
from eventd.http_api.broadcast import Broadcast, Group, Subscriber
from eventd.http_api.framing import Line
from eventd.http_api.gaps import gap, gap_of_time
from eventd.http_api.queries import EventsQuery, OnGap
from eventd.journal.journal import Journal
from eventd.journal.pages import Pages
from eventd.model import cloudevents
from eventd.model.control import ControlRecord, Heartbeat, SnapshotEnd
from eventd.model.directory import Directory
from eventd.model.record import Cursor, EventRecord, microseconds

__all__ = ["Ending", "Stream"]

_PAGE = 64
"""Domains of a snapshot that are described and framed at once."""

_PATIENCE = 12
"""How many closing timeouts in a row a client that has all but the rest may take nothing of it."""

_SHORTEST_WAIT, _LONGEST_WAIT = 0.001, 10.0
"""Seconds after which the clock is looked at again; it may have been set, or the machine slept."""


_log = structlog.get_logger(__name__)


class Ending(Enum):
    """Why a stream ends."""

    COMPLETE = auto()
    """All that was asked for has been told."""
    OVERRUN = auto()
    """The journal no longer has what follows."""
    UNREADABLE = auto()
    """The journal cannot be read now."""
    SHUTDOWN = auto()
    """The daemon stops."""


_CLOSE_CODES = {
    Ending.COMPLETE: WSCloseCode.OK,
    Ending.OVERRUN: WSCloseCode.TRY_AGAIN_LATER,
    # For a client the two are one: it comes back with its cursor.
    Ending.UNREADABLE: WSCloseCode.GOING_AWAY,
    Ending.SHUTDOWN: WSCloseCode.GOING_AWAY,
}


class Stream:
    """What one request for events gets; `run` writes it."""

    def __init__(
        self,
        query: EventsQuery,
        group: Group,
        *,
        journal: Journal,
        directory: Directory,
        broadcast: Broadcast,
        clock: Callable[[], datetime],
        transport: asyncio.WriteTransport,
        drain: Callable[[], Awaitable[None]],
        closing_timeout: float,
        start: Cursor,
    ) -> None:
        self._query = query
        self._group = group
        self._journal = journal
        self._directory = directory
        self._broadcast = broadcast
        self._clock = clock
        self._transport = transport
        self._drain = drain
        self._closing_timeout = closing_timeout
        self._pages = Pages(journal)
        self._allowed: asyncio.Timeout | None = None
        """The time that the running stream is allowed; cut short by `end`."""
        self._subscriber: Subscriber | None = None
        """While the broadcast writes to it."""
        self._until: asyncio.TimerHandle | None = None
        self._has_begun = False
        """True once something could be read from the journal."""
        self._present = journal.newest
        """What was recorded up to here was there when the stream began."""
        self._last = None if query.follows else journal.newest
        """Where the stream ends, if that is known."""
        self._remaining = query.limit
        self.ending: Ending | None = None
        """Why it has ended, or is about to."""
        self.position = start
        """What came up to here is with the transport."""

    @property
    def needs(self) -> Cursor | None:
        """The cursor behind which the journal must have records, or the stream has to end.

        None while it needs nothing, or goes on behind a gap.
        """
        is_reading = self._subscriber is None and self.ending is None
        return self.position if is_reading and self._query.on_gap is OnGap.ERROR else None

    @property
    def close_code(self) -> WSCloseCode:
        """The code with which a WebSocket is closed after `run` has returned."""
        return _CLOSE_CODES[self.ending or Ending.SHUTDOWN]

    @property
    def is_cut_short(self) -> bool:
        """Whether the client must learn that it has not got all that it asked for."""
        return self._query.is_finite and self.ending is not Ending.COMPLETE

    def end(self, ending: Ending) -> None:
        """Make `run` return soon."""
        if self.ending is None:
            self.ending = ending
            if self._allowed is not None:
                self._allowed.reschedule(0)

    async def run(self) -> None:
        """Write the stream until it is complete, the client goes or `end` is called."""
        try:
            async with asyncio.timeout(0 if self.ending else None) as self._allowed:
                await self._tell()
        except CursorExpired:
            self.ending = Ending.OVERRUN
        except JournalUnusable as error:
            self.ending = Ending.UNREADABLE
            _log.warning("stream ended", cursor=str(self.position), error=error.message)
        except TimeoutError:
            pass  # `end` was called
        except ConnectionError:
            return  # the client has gone
        finally:
            self._allowed = None
            if self._until is not None:
                self._until.cancel()
        await self._conclude()

    async def _conclude(self) -> None:
        if self.ending is None:
            self.ending = Ending.COMPLETE
        if self.ending is Ending.OVERRUN:
            metrics.subscribers_disconnected.labels("fell-behind").inc()
            self._transport.write(self._group.framing.chunk([self._gap()]))
        if self.ending is Ending.SHUTDOWN:
            loop = asyncio.get_running_loop()
            loop.call_later(self._closing_timeout, self._transport.abort)
        else:
            await self._until_taken()

    async def _until_taken(self) -> None:
        """Wait until the client has taken everything, for as long as it takes something."""
        self._transport.set_write_buffer_limits(high=0)
        while waiting := self._transport.get_write_buffer_size():
            try:
                async with asyncio.timeout(_PATIENCE * self._closing_timeout):
                    await self._drain()
            except TimeoutError:
                if self._transport.get_write_buffer_size() >= waiting:
                    self._transport.abort()
                    return
            except ConnectionError:
                return

    # From the beginning to the end

    async def _tell(self) -> None:
        if self._query.until is not None and self._last is None:
            self._wait_until(self._query.until)
        if self._query.has_snapshot:
            await self._send_snapshot()
        # Who wants an error instead was refused; what is forgotten since then, has been read or is
        # a gap behind the position.
        if self._query.since is not None and self._query.on_gap is OnGap.EVENT:
            await self._send_gap_of_time(self._query.since)
        while True:
            await self._catch_up()
            if self._is_complete:
                return
            await self._follow()

    @property
    def _is_complete(self) -> bool:
        # Before the first reading the position may be that of another journal.
        last = self._last if self._has_begun else None
        is_last = last is not None and self.position.sequence >= last.sequence
        return is_last or self._remaining == 0

    def _wait_until(self, until: datetime) -> None:
        """Let the stream end with what is recorded when the clock has reached a time."""
        left = (until - self._clock()).total_seconds()
        if left > 0:
            loop = asyncio.get_running_loop()
            wait = min(max(left, _SHORTEST_WAIT), _LONGEST_WAIT)
            self._until = loop.call_later(wait, self._wait_until, until)
            return
        self._last = self._journal.newest
        if self._subscriber is not None:
            self._broadcast.hand_back(self._subscriber)

    async def _send_snapshot(self) -> None:
        # One moment for both; what happens while it is being sent follows from the journal.
        cursor = self.position = self._journal.newest
        waiting = iter(self._directory.domains())
        wants = self._query.filter.matches_domain
        count = 0
        while page := list(islice(waiting, _PAGE)):
            wanted = [status for status in page if wants(status.domain)]
            count += len(wanted)
            now = self._clock()
            await self._send(
                Line(cloudevents.snapshot(status, cursor=str(cursor), now=now), None)
                for status in wanted
            )
        await self._send([self._control(SnapshotEnd(domains=count), cursor=cursor)])

    async def _send_gap_of_time(self, since: datetime) -> None:
        missed = gap_of_time(self._journal, since, on_gap=OnGap.EVENT)
        if missed is not None:
            await self._send([self._control(missed, cursor=self.position)])

    async def _catch_up(self) -> None:
        """Read the journal until there is nothing more, at the pace of the client."""
        while not self._is_complete:
            await self._until_writable()
            missed, records = self._read()
            if not records and not missed:
                return
            # In one turn: the position tells what is on its way, whenever the next wait is cut.
            self._write(self._group.framing.chunk(missed) + self._take(records))

    def _read(self) -> tuple[list[Line], Sequence[EventRecord]]:
        missed = []
        try:
            records = self._pages.after(self.position)
        except CursorExpired:
            if self._query.on_gap is OnGap.ERROR:
                raise
            missed = [self._gap()]
            self.position = self._journal.oldest
            records = self._pages.after(self.position)
        self._has_begun = True
        return missed, records

    def _take(self, records: Sequence[EventRecord]) -> bytes:
        """Move on behind the records, and return what the client gets of them."""
        if not records:
            return b""
        if (last := self._last) is not None:
            records = [each for each in records if each.sequence <= last.sequence]
            self.position = last
        if records:
            self.position = records[-1].cursor
        wanted = self._group.wanted(self._within_time(records))
        if self._remaining is not None:
            wanted = wanted[: self._remaining]
            self._remaining -= len(wanted)
            if self._remaining == 0:
                self.position = wanted[-1].cursor
        return self._group.framing.events(wanted)

    def _within_time(self, records: Sequence[EventRecord]) -> Sequence[EventRecord]:
        """Return those that happened in the time that was asked for, or were recorded later."""
        since, until = self._query.since, self._query.until
        if since is None and until is None:
            return records
        first = None if since is None else microseconds(since)
        end = None if until is None else microseconds(until)
        present = self._present.sequence
        return [
            each
            for each in records
            if each.sequence > present
            or ((first is None or each.happened >= first) and (end is None or each.happened < end))
        ]

    async def _follow(self) -> None:
        """Leave the writing to the broadcast until this subscriber is handed back."""
        subscriber = Subscriber(
            self._group,
            self._transport,
            joined=self.position,
            counts=self._remaining is not None,
        )
        handed_back = subscriber.left_behind
        self._broadcast.join(subscriber)
        self._subscriber = subscriber
        try:
            while not handed_back.done():
                await asyncio.wait([handed_back], timeout=self._query.heartbeat)
                if not handed_back.done():
                    self._beat(self._broadcast.reached(subscriber))
            self.position = handed_back.result()
        finally:
            self._subscriber = None
            self._broadcast.leave(subscriber)

    def _beat(self, position: Cursor) -> None:
        # What still waits to be read is sign of life enough.
        if self._transport.get_write_buffer_size() == 0:
            beat = self._control(Heartbeat(), cursor=position)
            self._transport.write(self._group.framing.chunk([beat]))

    # What it says of itself

    def _gap(self) -> Line:
        record = gap(
            self._journal,
            self.position,
            has_begun=self._has_begun,
            on_gap=OnGap.ERROR if self.ending is Ending.OVERRUN else self._query.on_gap,
        )
        return self._control(record, cursor=self._journal.oldest)

    def _control(self, record: ControlRecord, *, cursor: Cursor) -> Line:
        json = cloudevents.control(record, cursor=str(cursor), now=self._clock())
        return Line(json, str(cursor))

    async def _send(self, lines: Iterable[Line]) -> None:
        self._write(self._group.framing.chunk(lines))
        await self._until_writable()

    def _write(self, chunk: bytes) -> None:
        if chunk:
            self._transport.write(chunk)

    async def _until_writable(self) -> None:
        """Wait for the client to take what waits, and let others have their turn."""
        await self._drain()
        await asyncio.sleep(0)
