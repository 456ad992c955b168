"""Who is at the other end of a socket, and who may be: one guard for all sockets of the daemon."""

from __future__ import annotations

import asyncio
import pwd
import socket
import struct
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import structlog

from eventd.model.questions import Requester

__all__ = ["Admission", "Peer", "peer_of", "requester_of"]

_log = structlog.get_logger(__name__)


class Peer(NamedTuple):
    """The process at the other end, as the kernel tells it (``SO_PEERCRED``)."""

    pid: int
    uid: int
    gid: int


# struct ucred of unix(7): pid, uid, gid.
_UCRED = struct.Struct("iII")


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Return who connected; frozen at the time of the connect."""
    sock: socket.socket = transport.get_extra_info("socket")
    return Peer(*_UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))


async def requester_of(peer: Peer) -> Requester:
    """Return who asks for something, with the name of the account where the machine knows it."""
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
