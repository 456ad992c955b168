"""``/v1/callbacks``: the callback registry for clients, over a WebSocket, and the list of it.

A client sends ``{"register": {"event": "lifecycle", "domain": UUID}}``, is told
``{"registered": 3}``, and then gets ``{"callback_id": 3, "event": RECORD}`` for each event;
``{"deregister": 3}`` is answered by ``{"deregistered": 3}``. A request that fails is answered by
``{"error": {"code": …, "libvirt_code": …, "message": …}}``. Answers keep the order of requests.
When a client goes, its callbacks go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import count

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic_core import from_json, to_json

from eventd import metrics
from eventd.bus.registry import Owner, Registration, Registry
from eventd.errors import EventdError, InvalidArgument
from eventd.http_api.admission import Connection, peer_of
from eventd.http_api.framing import close_frame, text_frame
from eventd.http_api.problems import word_for
from eventd.http_api.websockets import accept, is_wanted
from eventd.journal.journal import Journal
from eventd.model.ids import EventKind
from eventd.model.record import EventRecord

__all__ = ["Callbacks"]


class Callbacks:
    """Serves the registry to the clients of both sockets."""

    def __init__(
        self, *, registry: Registry, journal: Journal, write_limit: int, closing_timeout: float
    ) -> None:
        self.registry = registry
        self.journal = journal
        self.write_limit = write_limit
        self.closing_timeout = closing_timeout
        self._numbers = count(1)
        self._sessions: set[_Session] = set()

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Open a session where a WebSocket is asked for, else list the registrations."""
        if is_wanted(request):
            return await self._serve(request)
        listed = [_describe(each) for each in self.registry.registrations()]
        body = to_json({"callbacks": listed}, exclude_none=True)
        return web.Response(body=body, content_type="application/json")

    def close(self) -> None:
        """Take leave of all clients."""
        for session in self._sessions:
            session.close(WSCloseCode.GOING_AWAY, "eventd stops")

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        socket = await accept(request, closing_timeout=self.closing_timeout)
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone before its session began")
        session = _Session(self, self._owner(transport), transport)
        if isinstance(request.protocol, Connection):
            request.protocol.when_lost(session.purge)
        self._sessions.add(session)
        try:
            async for message in socket:
                session.answer(message.data if message.type is WSMsgType.TEXT else "")
                # A client that asks and asks without reading the answers has to wait.
                await request.writer.drain()
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
        self, callbacks: Callbacks, owner: Owner, transport: asyncio.WriteTransport
    ) -> None:
        self._callbacks = callbacks
        self._registry = callbacks.registry
        self._owner = owner
        self._transport = transport
        self._ready: list[bytes] = []
        """Frames of this loop turn."""
        self._is_closed = False

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
                self._registry.deregister(callback_id, owner=self._owner)
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

        def deliver(record: EventRecord, _: object) -> None:
            # It is called in a later loop turn, so that its own id is known by then.
            self._send(b'{"callback_id":%d,"event":%b}' % (callback_id, record.json))

        callback_id = self._registry.register(
            _kind(event),
            deliver,
            domain=domain,
            owner=self._owner,
            after=self._callbacks.journal.newest.sequence,
        )
        return callback_id

    def _send(self, json: bytes) -> None:
        if not self._ready:
            asyncio.get_running_loop().call_soon(self._flush)
        self._ready.append(text_frame(json))

    def _flush(self) -> None:
        """Write what the loop turn brought, unless the client has let too much lie already."""
        frames = b"".join(self._ready)
        self._ready.clear()
        if self._is_closed or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() <= self._callbacks.write_limit:
            self._transport.write(frames)
            return
        metrics.subscribers_disconnected.labels("slow-callbacks").inc()
        self.close(
            WSCloseCode.TRY_AGAIN_LATER,
            "too slow: events have been lost; register again, then read the present state",
        )

    def close(self, code: WSCloseCode, reason: str) -> None:
        """Deregister everything, say why, and cut the connection if the client does not."""
        if self._is_closed:
            return
        self._is_closed = True
        self.purge()
        self._transport.write(close_frame(code, reason))
        asyncio.get_running_loop().call_later(
            self._callbacks.closing_timeout, self._transport.abort
        )

    def purge(self) -> None:
        """Deregister everything."""
        self._registry.purge_owner(self._owner)


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
    return {"code": word_for(error), "libvirt_code": int(error.code), "message": error.message}
