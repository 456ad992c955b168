"""Who may be connected, and for how long without saying anything: one guard for both sockets.

Owns the caps on connections, the deadline for a request's headers, and the answer to bytes that
are no HTTP request. What a request means is left to the routes.
"""

from __future__ import annotations

import asyncio
import pwd
import socket
import struct
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple, cast

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from eventd.http_api import problems
from eventd.model.questions import Requester

__all__ = ["Admission", "Connection", "Peer", "note_request", "peer_of", "requester_of"]

_log = structlog.get_logger(__name__)


class Peer(NamedTuple):
    """The process at the other end, as the kernel tells it (``SO_PEERCRED``)."""

    pid: int
    uid: int
    gid: int


_REFUSAL_TIMEOUT = 1.0
"""Seconds after which a connection that was refused is cut, whether it has asked or not."""

# struct ucred of unix(7): pid, uid, gid.
_UCRED = struct.Struct("iII")


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Return who connected; frozen at the time of the connect."""
    sock: socket.socket = transport.get_extra_info("socket")
    return Peer(*_UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))


async def requester_of(request: web.Request) -> Requester:
    """Return who sends a request, with the name of the account where the machine knows it."""
    if request.transport is None:
        raise ConnectionResetError("the client has gone before its request was looked at")
    peer = peer_of(request.transport)
    # The accounts of some machines are on others, and asking for a name may take its time.
    user = await asyncio.to_thread(_account_of, peer.uid)
    return Requester(pid=peer.pid, uid=peer.uid, user=user)


def _account_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return None


_MOST_REFUSED = 8
"""How many may be told at a time that there is no room for them. Further ones wait for that."""


class Admission:
    """Counts connections, over both sockets, against the caps.

    Whoever accepts a connection calls `open`, and `close` when it is gone; between the two one may
    `enter` and `leave`, who was not refused.
    """

    def __init__(self, *, max_connections: int, max_connections_per_user: int) -> None:
        self._max_connections = max_connections
        self._max_per_user = max_connections_per_user
        self._by_user: Counter[int] = Counter()
        self._open = 0
        self._waiting: dict[object, Callable[[], None]] = {}
        self._has_refused = False

    @property
    def has_room(self) -> bool:
        """Whether one more connection may be accepted, be it to refuse it."""
        return self._open < self._max_connections + _MOST_REFUSED

    def open(self) -> None:
        """Count one connection more that is accepted."""
        self._open += 1

    def close(self) -> None:
        """Count one connection less that is accepted."""
        had_room = self.has_room
        self._open -= 1
        if not had_room:
            for call in tuple(self._waiting.values()):
                call()

    def when_room(self, call: Callable[[], None]) -> Callable[[], None]:
        """Have something called whenever there is room again; call what is returned to end that."""
        key = object()
        self._waiting[key] = call

        def remove() -> None:
            del self._waiting[key]

        return remove

    def refusal(self, uid: int) -> str | None:
        """Return why this user cannot have one more connection, or None if it can."""
        if self._by_user[uid] >= self._max_per_user:
            return (
                f"user {uid} has {self._max_per_user} connections, which is the limit of a user; "
                "close one and try again"
            )
        if self._by_user.total() >= self._max_connections:
            return (
                f"eventd has {self._max_connections} connections, which is its limit; "
                "try again later"
            )
        return None

    def enter(self, uid: int) -> None:
        """Count one connection more."""
        self._by_user[uid] += 1

    def leave(self, uid: int) -> None:
        """Count one connection less."""
        self._by_user[uid] -= 1
        self._by_user += Counter()  # drops the zeros
        self._has_refused = False

    def note_refusal(self, reason: str) -> None:
        """Log that somebody was refused: once, until somebody goes."""
        log = _log.debug if self._has_refused else _log.warning
        self._has_refused = True
        log("client_refused", reason=reason)


class Connection(web.RequestHandler):
    """aiohttp's HTTP/1.1 connection, with the guard that aiohttp leaves out.

    aiohttp ends an idle connection (``keepalive_timeout``), but only newer versions do so before
    the first request; here the first request has a deadline in every version.
    """

    __slots__ = (
        "_admission",
        "_deadline",
        "_on_loss",
        "_peer",
        "_refused",
        "_request_timeout",
        "_writable",
    )

    def __init__(
        self,
        server: web.Server,
        *,
        loop: asyncio.AbstractEventLoop,
        admission: Admission,
        request_timeout: float,
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # None turns it off, as in AppRunner
            keepalive_timeout=request_timeout,
            lingering_time=request_timeout,
            tcp_keepalive=False,
        )
        self._admission = admission
        self._request_timeout = request_timeout
        self._deadline: asyncio.TimerHandle | None = None
        self._on_loss: list[Callable[[], None]] = []
        self._writable = asyncio.Event()
        self._writable.set()
        self._peer: Peer | None = None
        """Who was admitted."""
        self._refused: asyncio.Transport | None = None
        """The transport of a connection that was not admitted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection and start its deadline, or refuse it with a problem."""
        stream = cast(asyncio.Transport, transport)  # uvloop's have no base class to ask for
        peer = peer_of(stream)
        if reason := self._admission.refusal(peer.uid):
            self._admission.note_refusal(reason)
            self._refuse(stream, reason)
            return
        self._peer = peer
        self._admission.enter(peer.uid)
        self._deadline = asyncio.get_running_loop().call_later(self._request_timeout, stream.abort)
        super().connection_made(stream)

    def _refuse(self, transport: asyncio.Transport, reason: str) -> None:
        # Closed with its request unread, the connection would be reset: the client might see
        # that before it sees the answer.
        self._refused = transport
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(_REFUSAL_TIMEOUT, transport.abort)
        body = problems.document(HTTPStatus.SERVICE_UNAVAILABLE, "too-many-connections", reason)
        transport.write(
            b"HTTP/1.1 503 Service Unavailable\r\n"
            b"Content-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
            % (problems.CONTENT_TYPE.encode(), len(body), body)
        )

    def data_received(self, data: bytes) -> None:
        """Pass bytes on, unless the connection was refused."""
        if self._refused is not None:
            self._refused.close()
        else:
            super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back."""
        self._writable.set()
        self.note_request()
        self._admission.close()
        if self._peer is None:
            return
        self._admission.leave(self._peer.uid)
        for call in self._on_loss:
            call()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Take note that more waits for the client than the limits of the transport allow."""
        self._writable.clear()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Take note that the client has taken it."""
        self._writable.set()
        super().resume_writing()

    async def until_writable(self) -> None:
        """Wait until no more waits for the client than the limits of the transport allow.

        aiohttp's own ``drain`` cannot be called again once a call of it was cancelled.

        Raises:
            ConnectionResetError: the connection is lost.
        """
        await self._writable.wait()
        if self.transport is None:
            raise ConnectionResetError("the client has gone")

    def note_request(self) -> None:
        """Take note that a complete request has come: the deadline is met."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def when_lost(self, call: Callable[[], None]) -> None:
        """Have something called in the loop turn in which the connection is lost.

        The handler of a request is told by cancellation, which takes some turns to reach it.
        """
        self._on_loss.append(call)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer bytes that are no request, or a failure of ours, as a problem; then close."""
        if isinstance(exc, ConnectionError):
            raise exc  # the client has gone in the middle; aiohttp clears up
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("request failed", path=request.path, exc_info=exc)
        else:
            _log.debug("request refused", peer=self._peer, status=status)
        if request.writer.output_size > 0:
            raise ConnectionResetError("the response has begun; it can only be cut off")
        refusal = _refusal(HTTPStatus(status), message)
        refusal.force_close()
        return refusal


def _refusal(status: HTTPStatus, message: str | None) -> web.Response:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        detail = "eventd failed to answer this request; its log says why"
        return problems.response(status, "internal-error", detail)
    reason = " ".join((message or "it cannot be parsed").split())
    detail = f"this is not a request that eventd understands: {reason[:300]}"
    return problems.response(status, "malformed-request", detail)


@web.middleware
async def note_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the connection that its request has come."""
    if isinstance(request.protocol, Connection):
        request.protocol.note_request()
    return await handler(request)
