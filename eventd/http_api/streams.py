"""``GET /v1/events``: one stream from its beginning to its end.

A stream is a reader of the journal with a position. It begins with the present state or at a
cursor, reads on at the pace of its client until it has caught up, and is then written to by the
broadcast. Whenever its client does not keep up, it reads the journal again: slowness costs nobody
else anything and loses nothing. Only if the journal has dropped what it needs next does it end,
with a gap record that says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import Enum, auto
from itertools import islice

import structlog
from aiohttp import WSCloseCode, web

from eventd import metrics
from eventd.errors import CursorExpired
from eventd.http_api.admission import peer_of
from eventd.http_api.broadcast import Broadcast, Group, Subscriber
from eventd.http_api.framing import Format, Framing, Line
from eventd.http_api.queries import EventsQuery
from eventd.http_api.websockets import accept
from eventd.journal.journal import Journal
from eventd.model import cloudevents
from eventd.model.control import ControlRecord, Gap, Heartbeat, SnapshotEnd
from eventd.model.directory import Directory
from eventd.model.record import Cursor, EventRecord

__all__ = ["SUBPROTOCOL", "EventStreams"]

SUBPROTOCOL = "cloudevents.json"
"""The WebSocket subprotocol of the CloudEvents binding for WebSockets, section 2.2."""

_CONTENT_TYPES = {Format.NDJSON: "application/x-ndjson", Format.SSE: "text/event-stream"}

_PAGE = 64
"""Records that are read and framed at once: usually less than a transport's own 64 KiB."""

_log = structlog.get_logger(__name__)


class _Ending(Enum):
    """Why the daemon ends a stream."""

    OVERRUN = auto()
    SHUTDOWN = auto()


class EventStreams:
    """All event streams of both sockets. Its `deliver` is a reader of the delivery."""

    def __init__(
        self,
        *,
        journal: Journal,
        directory: Directory,
        clock: Callable[[], datetime],
        write_limit: int,
        closing_timeout: float,
    ) -> None:
        self.journal = journal
        self.directory = directory
        self.clock = clock
        self.closing_timeout = closing_timeout
        self.broadcast = Broadcast(write_limit=write_limit)
        self._streams: set[_Stream] = set()

    def deliver(self, records: Sequence[EventRecord]) -> None:
        """Write the records of one loop turn to all who have caught up."""
        self.broadcast.deliver(records)
        oldest = self.journal.oldest.sequence
        for stream in self._streams:
            if stream.is_lagging and stream.position.sequence < oldest:
                stream.end(_Ending.OVERRUN)

    def close(self) -> None:
        """Let all streams end as a client expects it."""
        for stream in self._streams:
            stream.end(_Ending.SHUTDOWN)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answer a request with a stream that lasts until either side ends it.

        Raises:
            InvalidArgument: the query is wrong.
            CursorExpired: the journal no longer has what follows the cursor.
        """
        query = EventsQuery.parse(request.query, request.headers)
        # From here on nothing is missed, whatever happens before the client sees the response.
        start = query.after or self.journal.newest
        self.journal.read(start, limit=1)
        if query.format is Format.WEBSOCKET:
            return await self._over_websocket(request, query, start)
        return await self._over_http(request, query, start)

    async def _over_http(
        self, request: web.Request, query: EventsQuery, start: Cursor
    ) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={
                "Content-Type": _CONTENT_TYPES[query.format],
                "Cache-Control": "no-store",
                # For a client that loses the connection before its first record.
                "Eventd-Cursor": str(start),
            }
        )
        response.force_close()
        await response.prepare(request)
        framing = Framing(query.format, is_chunked=request.version >= (1, 1))
        with self._stream(request, query, framing, start) as stream:
            await stream.run()
        return response

    async def _over_websocket(
        self, request: web.Request, query: EventsQuery, start: Cursor
    ) -> web.StreamResponse:
        socket = await accept(
            request, protocols=(SUBPROTOCOL,), closing_timeout=self.closing_timeout
        )

        async def write() -> None:
            await stream.run()
            await socket.close(code=stream.close_code)

        with self._stream(request, query, Framing(Format.WEBSOCKET), start) as stream:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(write(), name=f"websocket stream {id(stream):x}")
                async for _ in socket:
                    pass  # a subscriber has nothing to say; closing ends the loop
                writer.cancel()
        return socket

    @contextmanager
    def _stream(
        self, request: web.Request, query: EventsQuery, framing: Framing, start: Cursor
    ) -> Iterator[_Stream]:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone before its stream began")
        stream = _Stream(
            self,
            query,
            Group(framing, query.filter),
            transport=transport,
            drain=request.writer.drain,
            start=start,
        )
        peer = peer_of(transport)
        _log.debug("subscriber came", pid=peer.pid, uid=peer.uid, format=framing.format)
        self._streams.add(stream)
        metrics.subscribers.inc()
        try:
            yield stream
        finally:
            metrics.subscribers.dec()
            self._streams.discard(stream)
            _log.debug("subscriber left", pid=peer.pid, uid=peer.uid)


class _Stream:
    """One subscriber's way from its beginning through the journal to the live events."""

    def __init__(
        self,
        streams: EventStreams,
        query: EventsQuery,
        group: Group,
        *,
        transport: asyncio.WriteTransport,
        drain: Callable[[], Awaitable[None]],
        start: Cursor,
    ) -> None:
        self._streams = streams
        self._query = query
        self._group = group
        self._transport = transport
        self._drain = drain
        self._allowed: asyncio.Timeout | None = None
        """The time that the running stream is allowed; cut short by `end`."""
        self._ending: _Ending | None = None
        self.position = start
        """What came up to here is with the transport."""
        self.is_lagging = True
        """True while the stream reads by itself, False while the broadcast writes to it."""

    @property
    def close_code(self) -> WSCloseCode:
        """The code with which a WebSocket is closed after `run` has returned."""
        is_overrun = self._ending is _Ending.OVERRUN
        return WSCloseCode.TRY_AGAIN_LATER if is_overrun else WSCloseCode.GOING_AWAY

    def end(self, ending: _Ending) -> None:
        """Make `run` return soon."""
        if self._ending is None:
            self._ending = ending
            if self._allowed is not None:
                self._allowed.reschedule(0)

    async def run(self) -> None:
        """Write the stream until the client goes or `end` is called."""
        try:
            async with asyncio.timeout(0 if self._ending else None) as self._allowed:
                await self._read_and_follow()
        except CursorExpired:
            self._ending = _Ending.OVERRUN
        except TimeoutError:
            pass  # `end` was called
        except ConnectionError:
            return  # the client has gone
        finally:
            self._allowed = None
        if self._ending is _Ending.OVERRUN:
            self._say_gap()
        asyncio.get_running_loop().call_later(self._streams.closing_timeout, self._transport.abort)

    async def _read_and_follow(self) -> None:
        if self._query.has_snapshot:
            await self._send_snapshot()
        while True:
            await self._catch_up()
            await self._follow()

    async def _send_snapshot(self) -> None:
        # One moment for both; what happens while it is being sent follows from the journal.
        cursor = self.position = self._streams.journal.newest
        waiting = iter(self._streams.directory.domains())
        wants = self._query.filter.matches_domain
        count = 0
        while page := list(islice(waiting, _PAGE)):
            wanted = [status for status in page if wants(status.domain)]
            count += len(wanted)
            now = self._streams.clock()
            await self._send(
                Line(cloudevents.snapshot(status, cursor=str(cursor), now=now), None)
                for status in wanted
            )
        await self._send([self._control(SnapshotEnd(domains=count), cursor=cursor)])

    async def _catch_up(self) -> None:
        while records := self._streams.journal.read(self.position, limit=_PAGE):
            chunk = self._group.chunk(records)
            # Before waiting: what is written is on its way, even if the wait is cut short.
            self.position = records[-1].cursor
            await self._pass_on(chunk)

    async def _follow(self) -> None:
        """Leave the writing to the broadcast until this subscriber is left behind."""
        broadcast = self._streams.broadcast
        subscriber = Subscriber(self._group, self._transport, joined=self.position)
        left_behind = subscriber.left_behind
        broadcast.join(subscriber)
        self.is_lagging = False
        try:
            while not left_behind.done():
                await asyncio.wait([left_behind], timeout=self._query.heartbeat)
                if not left_behind.done():
                    self._beat(broadcast.reached(subscriber))
            self.position = left_behind.result()
        finally:
            self.is_lagging = True
            broadcast.leave(subscriber)

    def _beat(self, position: Cursor) -> None:
        # What still waits to be read is sign of life enough.
        if self._transport.get_write_buffer_size() == 0:
            beat = self._control(Heartbeat(), cursor=position)
            self._transport.write(self._group.framing.chunk([beat]))

    def _say_gap(self) -> None:
        journal = self._streams.journal
        metrics.subscribers_disconnected.labels("fell-behind").inc()
        gap = Gap(
            reason="fell-behind",
            after=str(self.position),
            oldest=str(journal.oldest),
            newest=str(journal.newest),
            message="the subscriber read too slowly: the journal no longer has what follows; "
            "read the present state and go on from there",
        )
        line = self._control(gap, cursor=journal.oldest)
        self._transport.write(self._group.framing.chunk([line]))

    def _control(self, record: ControlRecord, *, cursor: Cursor) -> Line:
        now = self._streams.clock()
        return Line(cloudevents.control(record, cursor=str(cursor), now=now), str(cursor))

    async def _send(self, lines: Iterator[Line] | list[Line]) -> None:
        await self._pass_on(self._group.framing.chunk(lines))

    async def _pass_on(self, chunk: bytes) -> None:
        """Write and wait for the client to take it, and let others have their turn."""
        if chunk:
            self._transport.write(chunk)
        await self._drain()
        await asyncio.sleep(0)
