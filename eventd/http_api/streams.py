"""``GET /v1/events``: all streams, over HTTP and WebSockets.

Who asks, for what, and in which form is looked at here; how a stream goes is `Stream`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import structlog
from aiohttp import web

from eventd import metrics
from eventd.errors import CursorExpired
from eventd.http_api.broadcast import Broadcast, Group
from eventd.http_api.connection import Connection
from eventd.http_api.filters import Filter
from eventd.http_api.framing import Format, Framing
from eventd.http_api.gaps import gap_of_time
from eventd.http_api.queries import EventsQuery, OnGap
from eventd.http_api.stream import Ending, Stream
from eventd.http_api.subscriptions import find_subscription
from eventd.http_api.websockets import accept
from eventd.journal.journal import Journal
from eventd.listening.admission import peer_of
from eventd.model.directory import Directory
from eventd.model.record import Cursor, EventRecord

__all__ = ["SUBPROTOCOL", "EventStreams"]

SUBPROTOCOL = "cloudevents.json"
"""The WebSocket subprotocol of the CloudEvents binding for WebSockets, section 2.2."""

_CONTENT_TYPES = {Format.NDJSON: "application/x-ndjson", Format.SSE: "text/event-stream"}

_log = structlog.get_logger(__name__)


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
        self._streams: set[Stream] = set()

    def deliver(self, records: Sequence[EventRecord]) -> None:
        """Write the records of one loop turn to all who have caught up."""
        self.broadcast.deliver(records)
        oldest = self.journal.oldest.sequence
        for stream in self._streams:
            needed = stream.needs
            if needed is not None and needed.sequence < oldest:
                stream.end(Ending.OVERRUN)

    def close(self) -> None:
        """Let all streams end as a client expects it."""
        for stream in self._streams:
            stream.end(Ending.SHUTDOWN)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answer a request with a stream that lasts until it is complete or either side ends it.

        Raises:
            InvalidArgument: the query is wrong.
            NoSuchSubscription: there is no durable subscription of the name that it has.
            CursorExpired: the journal no longer has what follows the cursor, or all of the time
                that is asked for.
            JournalUnusable: the journal cannot be read now.
        """
        query = EventsQuery.parse(request.query, request.headers, now=self.clock())
        resumed = None if query.after else query.durable
        if query.durable is not None:
            query = self._resumed(query, query.durable)
        # From here on nothing is missed, whatever happens before the client sees the response.
        start = self._start(query)
        self._refuse_gap(query, start, resumed=resumed)
        if query.format is Format.WEBSOCKET:
            return await self._over_websocket(request, query, start)
        return await self._over_http(request, query, start)

    def _resumed(self, query: EventsQuery, name: str) -> EventsQuery:
        """Return the query as the durable subscription completes it."""
        subscription = find_subscription(self.journal, name)
        return replace(
            query,
            filter=Filter.parse(subscription.filters),
            after=query.after or subscription.acknowledged,
        )

    def _start(self, query: EventsQuery) -> Cursor:
        if query.after is not None:
            return query.after
        if query.since is not None:
            return self.journal.before(query.since)
        # Who neither follows nor says where to begin wants all that there is.
        is_of_the_past = not query.follows and not query.has_snapshot
        return self.journal.oldest if is_of_the_past else self.journal.newest

    def _refuse_gap(self, query: EventsQuery, start: Cursor, *, resumed: str | None) -> None:
        """Refuse what has a gap at its start; ``resumed`` names the subscription that it is of."""
        try:
            self.journal.read(start, limit=1)
        except CursorExpired as error:
            if query.on_gap is OnGap.ERROR:
                if resumed is not None:
                    error.hint = _way_on(resumed, error)
                raise
        if query.since is not None and query.on_gap is OnGap.ERROR:
            missed = gap_of_time(self.journal, query.since, on_gap=OnGap.ERROR)
            if missed is not None:
                raise CursorExpired(missed.message, oldest=missed.oldest, newest=missed.newest)

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
        if stream.is_cut_short and request.transport is not None:
            # Without the last chunk: it would say that this was all.
            request.transport.close()
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
    ) -> Iterator[Stream]:
        connection, transport = request.protocol, request.transport
        if transport is None or not isinstance(connection, Connection):
            raise ConnectionResetError("the client has gone before its stream began")
        stream = Stream(
            query,
            Group(framing, query.filter),
            journal=self.journal,
            directory=self.directory,
            broadcast=self.broadcast,
            clock=self.clock,
            transport=transport,
            drain=connection.until_writable,
            closing_timeout=self.closing_timeout,
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


def _way_on(durable: str, error: CursorExpired) -> str:
    """Say how the reader of a durable subscription gets past what is gone."""
    return (
        f'give up what is gone: POST {{"cursor": "{error.oldest}"}} to /v1/callbacks/{durable}/ack '
        "and ask again; or ask with on_gap=event, which tells how much is gone and goes on, and "
        "acknowledge the cursor of that gap"
    )
