"""A program that follows the events over the Unix socket, and is not always a good one.

It speaks HTTP/1.0, so that a stream is lines and nothing else. Its cursor outlives its connections
as if it were on a disk; half a line, with which a connection may end, is none.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

from eventd.connections.bell import Bell
from eventd.model.events import Event
from tests.faults.validator import Validator

__all__ = ["RESTLESS", "STEADY", "TIRED", "Subscriber", "Temper", "ask", "until_ready"]

_AGAIN = 0.01
"""Seconds until the next look at whether the daemon is there."""

_LINE_LIMIT = 64 * 1024
"""Bytes that one who does not read takes in all the same, twice over."""


class Temper(NamedTuple):
    """How likely it is, after each line, that a subscriber does not simply read on."""

    leaves: float = 0.0
    """It closes its connection, and makes another."""
    stops: float = 0.0
    """It reads nothing until it is woken."""


STEADY = Temper()
RESTLESS = Temper(leaves=0.1)
TIRED = Temper(leaves=0.01, stops=0.1)


class Subscriber:
    """One reader of ``/v1/events``. Run it as a task; it ends by being cancelled."""

    def __init__(
        self,
        name: str,
        socket: Path,
        *,
        temper: Temper = STEADY,
        seed: int = 0,
        validator: Validator | None = None,
        goes_on_behind_gaps: bool = False,
    ) -> None:
        """Follow the events of a socket.

        One that ``goes_on_behind_gaps`` is told what its cursor cannot give any more; any other is
        refused.
        """
        self.validator = validator or Validator(name)
        self.connections = 0
        """How often it was connected."""
        self.is_reading = False
        """Whether it is connected, and takes in what comes."""
        self._more = "&on_gap=event" if goes_on_behind_gaps else ""
        self._socket = socket
        self._temper = temper
        self._random = random.Random(f"{name} {seed}")
        self._awake = asyncio.Event()
        self._awake.set()
        self._may_stop = True
        self._hear: Callable[[Event], None] = lambda _: None
        self._news = Bell()

    def on_event(self, hear: Callable[[Event], None]) -> None:
        """Have every event given to somebody, too."""
        self._hear = hear

    def wake(self) -> None:
        """Read on, and do not stop before `let_stop`."""
        self._may_stop = False
        self._awake.set()

    def let_stop(self) -> None:
        """Stop reading again where the temper says so."""
        self._may_stop = True

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Return when something is so that depends on what it has read."""
        while not is_so():
            await self._news.listen().wait()

    async def run(self) -> NoReturn:
        """Subscribe, and subscribe again whenever the connection ends."""
        while True:
            try:
                await self._connect_and_read()
            except OSError:  # nobody serves there now, or the daemon was killed
                await asyncio.sleep(_AGAIN)

    async def _connect_and_read(self) -> None:
        reader, writer = await asyncio.open_unix_connection(self._socket, limit=_LINE_LIMIT)
        self.is_reading = True
        try:
            cursor = self.validator.cursor
            after = "" if cursor is None else f"?after={cursor}{self._more}"
            writer.write(f"GET /v1/events{after} HTTP/1.0\r\n\r\n".encode())
            status, headers = await _read_head(reader)
            if status != 200:
                self.validator.refuse(status, await reader.read())
                return
            self.validator.begin(headers["eventd-cursor"])
            self.connections += 1
            self._news.ring()
            await self._read_lines(reader)
        finally:
            self.is_reading = False
            self._news.ring()
            writer.transport.abort()

    async def _read_lines(self, reader: asyncio.StreamReader) -> None:
        while (line := await reader.readline()).endswith(b"\n"):
            if (event := self.validator.take(line)) is not None:
                self._hear(event)
            self._news.ring()
            if self._random.random() < self._temper.leaves:
                return
            if self._may_stop and self._random.random() < self._temper.stops:
                await self._stop()

    async def _stop(self) -> None:
        """Read nothing until somebody wants it to go on."""
        self._awake.clear()
        self.is_reading = False
        self._news.ring()
        await self._awake.wait()
        self.is_reading = True


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Return the status and the headers of an answer.

    Raises:
        ConnectionError: the connection ended before.
    """
    head = []
    while (line := await reader.readline()) != b"\r\n":
        if not line.endswith(b"\n"):
            raise ConnectionError("the connection ended in the head of the answer")
        head.append(line.decode())
    status = int(head[0].split()[1])
    fields = (line.partition(":") for line in head[1:])
    return status, {name.lower(): value.strip() for name, _, value in fields}


async def ask(socket: Path, path: str) -> tuple[int, bytes]:
    """Return the status and the body of the answer to a GET; status 0 if nobody answers."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return 0, b""
    try:
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        status, _ = await _read_head(reader)
        return status, await reader.read()
    except OSError:
        return 0, b""
    finally:
        writer.transport.abort()


async def until_ready(socket: Path) -> None:
    """Return when the daemon serves and is in sync with its host."""
    while (await ask(socket, "/readyz"))[0] != 200:  # noqa: ASYNC110 -- nothing tells of it
        await asyncio.sleep(_AGAIN)
