"""The way between the daemon and its host, on which everything can go wrong that does on a network.

It passes bytes on as they come and counts the pieces that come from the host, so that a fault can
strike at a moment of the conversation and not of the clock.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Self

from eventd.connections.bell import Bell

__all__ = ["Proxy"]

_PIECE = 65_536


class _Way:
    """One connection of the daemon, and the one to the host that belongs to it."""

    def __init__(self, writer: asyncio.StreamWriter, onward: asyncio.StreamWriter) -> None:
        self.writers = (writer, onward)
        self.is_stuck = False
        """Nothing passes any more, in neither direction, and neither side is told."""

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """Listens on a port and passes everything on to another. Use `serve`."""

    def __init__(self, host: str, port: int, *, seed: int = 0) -> None:
        self._host, self._onward_port = host, port
        self._random = random.Random(f"proxy {seed}")
        self._ways: set[_Way] = set()
        self._moments: list[tuple[int, Callable[[], None]]] = []
        self._news = Bell()
        self._cuts_next = False
        self._garbles_next = False
        self._is_slow = False
        self.passed = 0
        """How many pieces have come from the host."""
        self.accepted = 0
        """How many connections the daemon has made."""
        self.ended = 0
        """How many of them the daemon has ended."""
        self.port = 0

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Self]:
        """Listen for as long as the block lasts."""
        async with asyncio.TaskGroup() as tasks:

            def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                tasks.create_task(self._pass_on(reader, writer), name="way to the host")

            server = await asyncio.start_server(accept, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            try:
                yield self
            finally:
                server.close()
                self._is_slow = False
                self._news.ring()
                self.break_off()

    # -- when

    def at(self, pieces: int, act: Callable[[], None]) -> None:
        """Do something when so many more pieces have come from the host; the last waits for it."""
        self._moments.append((self.passed + pieces, act))

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Return when something is so that depends on what passes here."""
        while not is_so():
            await self._news.listen().wait()

    # -- what

    def break_off(self) -> None:
        """End all connections at once, as a machine does that was switched off and is on again."""
        for way in tuple(self._ways):
            way.abort()

    def cut_next(self) -> None:
        """Pass on a half of the next piece from the host, and end its connection."""
        self._cuts_next = True

    def garble_next(self) -> None:
        """Pass on bytes that mean nothing instead of the next piece from the host."""
        self._garbles_next = True

    def stick(self) -> None:
        """Let the connections that there are go dead, without a word to either side."""
        for way in self._ways:
            way.is_stuck = True

    def slow_down(self) -> None:
        """Hold everything that comes from the host, until `speed_up`."""
        self._is_slow = True

    def speed_up(self) -> None:
        """Pass on what was held, to whoever still wants it, and hold nothing any more."""
        self._is_slow = False
        self._news.ring()

    # -- how

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward_reader, onward = await asyncio.open_connection(self._host, self._onward_port)
        except OSError:
            writer.transport.abort()  # the host is not there
            return
        way = _Way(writer, onward)
        self._ways.add(way)
        self.accepted += 1
        self._news.ring()
        try:
            async with asyncio.TaskGroup() as tasks:
                back = tasks.create_task(self._from_host(way, onward_reader, writer))
                await self._to_host(way, reader, onward)
                self.ended += 1
                back.cancel()
        finally:
            self._ways.discard(way)
            way.abort()
            self._news.ring()

    async def _to_host(
        self, way: _Way, reader: asyncio.StreamReader, onward: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                if not way.is_stuck:
                    onward.write(piece)
                    await onward.drain()

    async def _from_host(
        self, way: _Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                self.passed += 1
                self._strike()
                self._news.ring()
                await self.until(lambda: not self._is_slow)
                if way.is_stuck:
                    continue
                writer.write(self._spoilt(piece))
                if self._cuts_next:
                    self._cuts_next = False
                    break
                await writer.drain()
        if not way.is_stuck:
            # In the ordinary way: what was written before is to arrive.
            writer.close()

    def _strike(self) -> None:
        due = [moment for moment in self._moments if moment[0] <= self.passed]
        for moment in due:
            self._moments.remove(moment)
            moment[1]()

    def _spoilt(self, piece: bytes) -> bytes:
        if self._garbles_next:
            self._garbles_next = False
            return self._random.randbytes(self._random.randint(1, 2 * len(piece)))
        if self._cuts_next:
            return piece[: len(piece) // 2]
        return piece
