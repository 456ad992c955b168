"""Accepting WebSockets.

aiohttp reads them, answers pings and closes; what the daemon has to say it writes to the transport
itself, in the frames of `eventd.http_api.framing`.
"""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from eventd.errors import InvalidArgument

__all__ = ["accept", "is_wanted"]

_MAX_MESSAGE = 4096
"""Bytes of one message of a client; the longest sensible one has about a hundred."""


def is_wanted(request: web.BaseRequest) -> bool:
    """Say whether the client asks for a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


async def accept(
    request: web.Request, *, protocols: Iterable[str] = (), closing_timeout: float
) -> web.WebSocketResponse:
    """Answer the handshake. Without compression: frames are shared between connections.

    Raises:
        InvalidArgument: the handshake is malformed.
        aiohttp.web.HTTPBadRequest: something is missing in it.
    """
    socket = web.WebSocketResponse(
        protocols=protocols, compress=False, max_msg_size=_MAX_MESSAGE, timeout=closing_timeout
    )
    try:
        await socket.prepare(request)
    except ValueError as error:
        # aiohttp lets this out for a key that is not ASCII.
        raise InvalidArgument(f"this is no WebSocket handshake: {error}") from error
    return socket
