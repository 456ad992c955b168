"""A host that speaks whatever bytes a test wants, over real sockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

__all__ = ["Behaviour", "RawHost", "answer", "listening"]


class RawHost:
    """Where the host listens, and the requests that it has read."""

    def __init__(self, authority: str, *, is_tls: bool) -> None:
        self.authority = authority
        self.endpoint = f"{'https' if is_tls else 'http'}://{authority}/sdk"
        self.requests: list[bytes] = []
        self.unfinished = b""
        """What has come of requests that did not come to their end."""
        self.end = asyncio.Event()
        """Set when the test is over; a behaviour that hangs waits for it."""

    def headers(self, name: str) -> list[str]:
        """Return the values of a header, of all requests in order."""
        return [
            line.partition(":")[2].strip()
            for request in self.requests
            for line in request.decode().partition("\r\n\r\n")[0].split("\r\n")
            if line.lower().startswith(f"{name.lower()}:")
        ]


Behaviour = Callable[[RawHost, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What the host does when it has read a request; unless it closes, it reads the next one."""


@asynccontextmanager
async def listening(
    behaviour: Behaviour,
    *,
    host: str = "127.0.0.1",
    context: ssl.SSLContext | None = None,
    greeting: bytes = b"",
) -> AsyncIterator[RawHost]:
    """Listen on a free port for as long as the block lasts; with a context, speak TLS.

    The greeting is said before anything is read.
    """
    handlers: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        writer.write(greeting)
        try:
            while not writer.is_closing():
                raw_host.requests.append(await _read_request(reader))
                await behaviour(raw_host, reader, writer)
        except asyncio.IncompleteReadError as error:
            raw_host.unfinished += error.partial
        except (ConnectionError, ssl.SSLError):
            pass
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    server = await asyncio.start_server(converse, host, 0, ssl=context)
    address, port = server.sockets[0].getsockname()[:2]
    authority = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    raw_host = RawHost(authority, is_tls=context is not None)
    try:
        yield raw_host
    finally:
        raw_host.end.set()
        server.close()
        await asyncio.gather(*handlers)


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    return head + await reader.readexactly(length)


def answer(body: bytes = b"<ok/>", *, status: str = "200 OK", headers: str = "") -> Behaviour:
    """Answer with a complete message and keep the connection open for the next request."""

    async def behave(
        host: RawHost, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return behave
