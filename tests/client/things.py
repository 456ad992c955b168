"""What the tests of the client have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import repeat
from pathlib import Path

from eventd.client import Client
from eventd.model.record import EventRecord
from tests.http_api.fake_daemon import Daemon

SECOND = timedelta(seconds=1)


async def until_subscribed(daemon: Daemon, count: int = 1) -> None:
    """Wait until the daemon has taken note of the client's streams."""
    while len(daemon.api._streams._streams) < count:  # noqa: ASYNC110  # nobody is told
        await asyncio.sleep(0)


async def take(stream: AsyncIterator[EventRecord], count: int) -> list[EventRecord]:
    return [await anext(stream) for _ in range(count)]


def at_once() -> Iterator[float]:
    return repeat(0.0)


class Scripted:
    """A daemon whose answers a test wrote, one for each connection."""

    def __init__(self, *bodies: bytes, chunked: bool) -> None:
        self._bodies = iter(bodies)
        self._chunked = chunked
        self.asked: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(request.split()[1].decode())
        body = next(self._bodies, b"")
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
        if self._chunked:
            # Without the last chunk: the answer is never complete.
            head += b"Transfer-Encoding: chunked\r\n"
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        writer.write(head + b"\r\n" + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def scripted(
    path: Path, *bodies: bytes, chunked: bool = False
) -> AsyncIterator[tuple[Scripted, Client]]:
    daemon = Scripted(*bodies, chunked=chunked)
    async with await asyncio.start_unix_server(daemon.answer, path), Client(path) as client:
        yield daemon, client
