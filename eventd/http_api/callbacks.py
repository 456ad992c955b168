"""``/v1/callbacks``: the callback registry for clients, over a WebSocket, and the list of it.

A client sends ``{"register": {"event": "lifecycle", "domain": UUID}}``, is told
``{"registered": 3}``, and then gets ``{"callback_id": 3, "event": RECORD}`` for each event;
``{"deregister": 3}`` is answered by ``{"deregistered": 3}``. A request that fails is answered by
``{"error": {"code": …, "libvirt_code": …, "message": …}}``. Answers keep the order of requests.
When a client goes, its callbacks go.

Calls are written as events come. A client that does not keep up is served from the journal until
it has caught up, as streams are: its slowness costs a bounded amount of memory and loses nothing.
Only if the journal has dropped what it needs next, the session is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from itertools import count

import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from pydantic_core import from_json, to_json

from eventd import metrics
from eventd.bus.registry import Owner, Registration, Registry
from eventd.bus.remote import RemoteCallbacks
from eventd.errors import CursorExpired, EventdError, InvalidArgument, JournalUnusable
from eventd.http_api.bodies import json_response
from eventd.http_api.connection import Connection
from eventd.http_api.framing import close_frame, text_frame
from eventd.http_api.problems import extensions_of, word_for
from eventd.http_api.subscriptions import Subscriptions
from eventd.http_api.websockets import accept, is_wanted
from eventd.journal.journal import Journal
from eventd.listening.admission import peer_of
from eventd.model.ids import EventKind
from eventd.model.record import Cursor, EventRecord

__all__ = ["Callbacks"]

_log = structlog.get_logger(__name__)


class Callbacks:
    """Serves the registry to the clients of both sockets. `deliver` is a reader of the delivery."""

    def __init__(
        self,
        *,
        registry: Registry,
        journal: Journal,
        subscriptions: Subscriptions,
        write_limit: int,
        closing_timeout: float,
    ) -> None:
        self._subscriptions = subscriptions
        self.registry = registry
        self.journal = journal
        self.write_limit = write_limit
        self.closing_timeout = closing_timeout
        self._numbers = count(1)
        self._sessions: set[_Session] = set()

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Open a session where a WebSocket is asked for, else list what is registered."""
        if is_wanted(request):
            return await self._serve(request)
        listed = [_describe(each) for each in self.registry.registrations()]
        return json_response({"callbacks": listed, "durable": self._subscriptions.listed()})

    def deliver(self, _: Sequence[EventRecord]) -> None:
        """Take note of a loop turn in which something was recorded."""
        oldest = self.journal.oldest
        for session in self._sessions:
            session.check(oldest)

    def close(self) -> None:
        """Take leave of all clients."""
        for session in self._sessions:
            session.close(WSCloseCode.GOING_AWAY, "eventd stops")

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        socket = await accept(request, closing_timeout=self.closing_timeout)
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone before its session began")
        drain = request.writer.drain
        session = _Session(self, self._owner(transport), transport, drain)
        if isinstance(request.protocol, Connection):
            request.protocol.when_lost(session.purge)
        self._sessions.add(session)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(session.run(), name=f"callbacks {id(session):x}")
                with suppress(ConnectionError):  # the client has gone
                    async for message in socket:
                        session.answer(message.data if message.type is WSMsgType.TEXT else "")
                        # A client that asks and asks without reading the answers has to wait.
                        await drain()
                writer.cancel()
        finally:
            self._sessions.discard(session)
            session.purge()
        return socket

    def _owner(self, transport: asyncio.BaseTransport) -> Owner:
        peer = peer_of(transport)
        return Owner(f"http-{next(self._numbers)}", pid=peer.pid, uid=peer.uid)


class _Session:
    """One client and its callbacks."""

    def __init__(
        self,
        callbacks: Callbacks,
        owner: Owner,
        transport: asyncio.WriteTransport,
        drain: Callable[[], Awaitable[None]],
    ) -> None:
        self._owner = owner
        self._transport = transport
        self._until_drained = drain
        self._write_limit = callbacks.write_limit
        self._closing_timeout = callbacks.closing_timeout
        self._callbacks = RemoteCallbacks(
            owner,
            registry=callbacks.registry,
            journal=callbacks.journal,
            call=self._call,
            is_full=self._is_full,
            drain=self._drain,
        )
        self.purge = self._callbacks.purge
        self._ready: list[bytes] = []
        """Frames of this loop turn."""
        self._ready_size = 0
        self._is_closed = False

    # What it asks for

    def answer(self, text: str) -> None:
        """Do what a request says, and say what came of it."""
        try:
            answer = self._obey(_parse(text))
        except EventdError as error:
            answer = {"error": _describe_error(error)}
        self._send(to_json(answer))

    def _obey(self, request: Mapping[str, object]) -> dict[str, object]:
        match request:
            case {"register": {"event": str(event), **others}} if len(request) == 1:
                return {"registered": self._register(event, others)}
            case {"deregister": int(callback_id)} if len(request) == 1 and not isinstance(
                callback_id, bool
            ):
                self._callbacks.deregister(callback_id)
                return {"deregistered": callback_id}
            case _:
                raise InvalidArgument(
                    'a request is {"register": {"event": "lifecycle", "domain": UUID}}, where '
                    '"domain" may be left out, or {"deregister": CALLBACK_ID}'
                )

    def _register(self, event: str, others: Mapping[object, object]) -> int:
        domain = others.get("domain")
        if others.keys() - {"domain"} or not isinstance(domain, str | None):
            raise InvalidArgument(
                'beside "event", a registration takes "domain" and nothing else: a UUID as a text'
            )
        return self._callbacks.register(_kind(event), domain=domain)

    # What it is told

    def _call(self, callback_id: int, record: EventRecord) -> None:
        self._send(b'{"callback_id":%d,"event":%b}' % (callback_id, record.json))

    def _send(self, json: bytes) -> None:
        if not self._ready:
            asyncio.get_running_loop().call_soon(self._flush)
        frame = text_frame(json)
        self._ready.append(frame)
        self._ready_size += len(frame)

    def _is_full(self) -> bool:
        waiting = self._ready_size + self._transport.get_write_buffer_size()
        return waiting > self._write_limit

    def _flush(self) -> None:
        """Write what the loop turn brought."""
        frames = b"".join(self._ready)
        self._ready.clear()
        self._ready_size = 0
        if frames and not self._is_closed and not self._transport.is_closing():
            self._transport.write(frames)

    async def _drain(self) -> None:
        self._flush()
        await self._until_drained()

    async def run(self) -> None:
        """Let the client catch up whenever it is left behind, until it goes."""
        try:
            await self._callbacks.run()
        except CursorExpired:
            self._give_up()
        except JournalUnusable as error:
            cursor = str(self._callbacks.position)
            _log.warning("callbacks closed", cursor=cursor, error=error.message)
            self.close(
                WSCloseCode.GOING_AWAY,
                "the journal cannot be read now: register again, then read the present state",
            )
        except ConnectionError:
            pass  # the client has gone

    # The end

    def check(self, oldest: Cursor) -> None:
        """Close the session if the journal no longer has what it needs next."""
        if self._callbacks.has_missed(oldest):
            self._give_up()

    def _give_up(self) -> None:
        if self._is_closed:
            return
        metrics.subscribers_disconnected.labels("slow-callbacks").inc()
        _log.info(
            "callbacks closed: their client reads too slowly",
            session=self._owner.session,
            pid=self._owner.pid,
            uid=self._owner.uid,
            cursor=str(self._callbacks.position),
        )
        self.close(
            WSCloseCode.TRY_AGAIN_LATER,
            "too slow: events have been lost; register again, then read the present state",
        )

    def close(self, code: WSCloseCode, reason: str) -> None:
        """Deregister everything, say why, and cut the connection if the client does not."""
        if self._is_closed:
            return
        self._flush()
        self._is_closed = True
        self.purge()
        self._transport.write(close_frame(code, reason))
        asyncio.get_running_loop().call_later(self._closing_timeout, self._transport.abort)


def _parse(text: str) -> Mapping[str, object]:
    try:
        request = from_json(text)
    except ValueError as error:
        raise InvalidArgument(f"a request is one JSON object as a text message: {error}") from error
    if not isinstance(request, dict):
        raise InvalidArgument("a request is one JSON object as a text message")
    return request


def _kind(event: str) -> EventKind:
    try:
        return EventKind(event)
    except ValueError:
        known = ", ".join(EventKind)
        raise InvalidArgument(f"{event[:80]!r} is not an event; known are {known}") from None


def _describe(registration: Registration) -> dict[str, object]:
    owner = registration.owner
    return {
        "callback_id": registration.id,
        "event": registration.kind,
        "domain": registration.domain,
        "owner": {"session": owner.session, "pid": owner.pid, "uid": owner.uid},
    }


def _describe_error(error: EventdError) -> dict[str, object]:
    return {"code": word_for(error), "message": error.message, **extensions_of(error)}
