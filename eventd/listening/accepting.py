"""Taking clients in, one by one, and only for as long as there are descriptors for them.

asyncio's own way takes in as many as have queued before it looks at any. When descriptors run out
it tries as often as the queue is long, with a traceback each time (cpython issue 151615), and what
the host and the journal need is gone. Here those who find no room wait in the queue of the socket.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from eventd.listening.admission import Admission

__all__ = ["accepting", "room_for_clients"]

_log = structlog.get_logger(__name__)

_LEAST_ROOM = 8
"""So many clients find room even where that leaves less than is to be kept."""

_AT_ONCE = 64
"""How many are taken in during one turn of the loop, so that others have theirs."""

_RETRY_SECONDS = 1.0
"""After which the system is asked again that had no descriptor, or no memory, to give."""


def room_for_clients(most: int, *, kept: int) -> int:
    """Return how many connections clients may have: at most ``most``.

    ``kept`` is how many of the descriptors that the process may have are for everything else.
    """
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return most
    return min(most, max(_LEAST_ROOM, descriptors - kept))


@asynccontextmanager
async def accepting(
    listener: socket.socket,
    make_connection: Callable[[], asyncio.Protocol],
    *,
    admission: Admission,
) -> AsyncIterator[None]:
    """Take in who connects to a listening socket, until the context is left."""
    async with asyncio.TaskGroup() as tasks:
        acceptor = _Acceptor(listener, make_connection, admission=admission, tasks=tasks)
        acceptor.resume()
        remove = admission.when_room(acceptor.resume)
        try:
            yield
        finally:
            remove()
            acceptor.pause()


class _Acceptor:
    """Reads the queue of one socket, or does not."""

    def __init__(
        self,
        listener: socket.socket,
        make_connection: Callable[[], asyncio.Protocol],
        *,
        admission: Admission,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._listener = listener
        self._make_connection = make_connection
        self._admission = admission
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._retry: asyncio.TimerHandle | None = None
        self._is_exhausted = False

    def resume(self) -> None:
        """Take in whoever waits."""
        self._cancel_retry()
        self._loop.add_reader(self._listener, self._accept)

    def pause(self) -> None:
        """Let them wait."""
        self._cancel_retry()
        self._loop.remove_reader(self._listener)

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            if not self._admission.has_room:
                self.pause()  # until somebody goes
                return
            try:
                connected, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._try_later(error)
                return
            self._is_exhausted = False
            self._admission.open()
            self._tasks.create_task(self._connect(connected), name="accept")

    def _try_later(self, error: OSError) -> None:
        self.pause()
        self._retry = self._loop.call_later(_RETRY_SECONDS, self.resume)
        log = _log.debug if self._is_exhausted else _log.warning
        self._is_exhausted = True
        log("clients_wait", error=error.strerror, tried_again_after=f"{_RETRY_SECONDS:g} s")

    async def _connect(self, connected: socket.socket) -> None:
        try:
            connected.setblocking(False)
            await self._loop.connect_accepted_socket(self._make_connection, connected)
        except OSError as error:
            # The connection was never made, so that nothing tells of its loss.
            connected.close()
            self._admission.close()
            _log.debug("client_lost", error=error.strerror)
