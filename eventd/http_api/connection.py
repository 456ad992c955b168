"""aiohttp's connection, with the guard that aiohttp leaves out.

Owns the deadline for a request's headers, and the answer to bytes that are no HTTP request. What a
request means is left to the routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from eventd.http_api import problems
from eventd.listening import admission
from eventd.listening.admission import Admission, Peer, peer_of
from eventd.model.questions import Requester

__all__ = ["Connection", "note_request", "requester_of"]

_log = structlog.get_logger(__name__)


_REFUSAL_TIMEOUT = 1.0
"""Seconds after which a connection that was refused is cut, whether it has asked or not."""


async def requester_of(request: web.Request) -> Requester:
    """Return who sends a request, with the name of the account where the machine knows it."""
    if request.transport is None:
        raise ConnectionResetError("the client has gone before its request was looked at")
    return await admission.requester_of(peer_of(request.transport))


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
