"""A client of one socket for tests: what is asked in, status and JSON out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from pydantic_core import from_json
from yarl import URL

__all__ = ["Talk", "subscribers", "talking"]


class Talk:
    """Requests over one socket. Paths are sent as they are."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str) -> tuple[int, Any]:
        return await self._ask("GET", path)

    async def post(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        return await self._ask("POST", path, data=body, headers=headers)

    async def lines(self, path: str) -> list[Any]:
        """Return the lines that are answered to a POST."""
        async with self.asking_for_lines(path) as response:
            assert response.status == 200
            return [from_json(line) async for line in response.content]

    def asking_for_lines(self, path: str) -> Any:
        headers = {"Accept": "application/x-ndjson"}
        return self._session.post(_url(path), headers=headers)

    async def _ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self._session.request(method, _url(path), **more) as response:
            return response.status, from_json(await response.read())


def _url(path: str) -> URL:
    return URL(f"http://eventd{path}", encoded=True)


@asynccontextmanager
async def talking(socket: Path) -> AsyncIterator[Talk]:
    connector = aiohttp.UnixConnector(str(socket))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Talk(session)


async def subscribers(
    socket: Path, count: int
) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Subscribe so many clients to the stream of events; return when all are."""
    clients = []
    for _ in range(count):
        reader, writer = await asyncio.open_unix_connection(str(socket))
        writer.write(b"GET /v1/events HTTP/1.0\r\n\r\n")
        clients.append((reader, writer))
    for reader, _ in clients:
        await reader.readuntil(b"\r\n\r\n")
    return clients
