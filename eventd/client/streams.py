"""A stream of events over outages: where it is, and where it begins again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from http import HTTPStatus
from typing import NamedTuple

import aiohttp

from eventd.client.failures import understood
from eventd.client.items import (
    DomainSnapshot,
    Gap,
    Heartbeat,
    Item,
    Passed,
    SnapshotEnd,
    read_item,
)
from eventd.errors import CursorExpired, DaemonError, DaemonUnreachable
from eventd.model.record import Cursor, EventRecord

__all__ = ["Opening", "Place", "Wanted", "retry_delays", "stream_items"]


class Wanted(NamedTuple):
    """Which control records the program wants to see."""

    gaps: bool
    heartbeats: bool


class Opening(NamedTuple):
    """How a stream is opened."""

    path: str
    """Of the socket."""
    response: Callable[[list[tuple[str, str]]], AbstractAsyncContextManager[aiohttp.ClientResponse]]
    """Asks for a stream with a query."""


def retry_delays(
    first: float = 0.1, *, longest: float = 30.0, draw: Callable[[], float] = random.random
) -> Iterator[float]:
    """Yield seconds to wait before each further attempt: doubling, with full jitter."""
    bound = first
    while True:
        yield bound * draw()
        bound = min(bound * 2, longest)


async def stream_items(
    opening: Opening,
    query: list[tuple[str, str]],
    place: Place,
    wanted: Wanted,
    *,
    is_finite: bool,
    reconnect: bool,
    on_outage: Callable[[DaemonUnreachable], object] | None,
    delays: Callable[[], Iterator[float]],
) -> AsyncGenerator[Item, None]:
    """Yield what a stream carries, and what those carry that resume it; see `Client.events`."""
    waits = delays()
    while True:
        try:
            # Whoever ends early ends the connection with it, and leaves nothing to a collector.
            async with aclosing(_read_one(opening, query, place, wanted)) as items:
                async for item in items:
                    waits = delays()
                    yield item
            if is_finite:
                return
            outage = DaemonUnreachable(
                f"the daemon at {opening.path} ended the stream; it may have been stopped",
                hint="follow again when it is back",
            )
        except DaemonUnreachable as error:
            outage = error
        except DaemonError as error:
            # It is there, and cannot do it now: its journal, or all who ask, are too much.
            if error.status != HTTPStatus.SERVICE_UNAVAILABLE or not reconnect:
                raise
            outage = DaemonUnreachable(error.message, hint=error.hint)
        if place.is_at_end:
            return
        if not reconnect:
            raise outage
        if on_outage is not None and not place.is_cut:
            on_outage(outage)
        place.is_cut = True
        await asyncio.sleep(next(waits))


async def _read_one(
    opening: Opening, query: list[tuple[str, str]], place: Place, wanted: Wanted
) -> AsyncGenerator[Item, None]:
    async with opening.response([*query, *place.query()]) as response:
        with understood(opening.path, response.status):
            start = place.begin(response.headers.get("Eventd-Cursor"))
            if start is not None and wanted.heartbeats:
                yield Heartbeat(start)
            async for line in response.content:
                item = read_item(line)
                place.pass_by(item)
                match item:
                    case Gap(message=message, oldest=oldest, newest=newest) if not wanted.gaps:
                        raise CursorExpired(message, oldest=oldest, newest=newest)
                    case Heartbeat() if not wanted.heartbeats:
                        pass
                    case Passed():
                        pass
                    case _:
                        yield item


class Place:
    """Where a stream that is cut begins again."""

    def __init__(
        self, *, cursor: str | None, since: str | None, needs_snapshot: bool, limit: int | None
    ) -> None:
        self._cursor = cursor
        self._since = since
        self._needs_snapshot = needs_snapshot
        self._remaining = limit
        self._has_begun = False
        self._start: str | None = None
        """Where it began, as far as the program was told."""
        self.is_cut = False
        """True from an outage on until the daemon has answered again."""

    @property
    def is_at_end(self) -> bool:
        """Whether as many events have come as were asked for."""
        return self._remaining == 0

    def query(self) -> list[tuple[str, str]]:
        """Return what to ask for."""
        # What excludes each other goes to the daemon all the same, to be refused in its words.
        places = {
            "snapshot": "true" if self._needs_snapshot else None,
            "since": self._since,
            "after": self._cursor,
            "limit": None if self._remaining is None else str(self._remaining),
        }
        return [(key, value) for key, value in places.items() if value is not None]

    def begin(self, cursor: str | None) -> Cursor | None:
        """Take note of where the daemon begins; return that place if the program is to know it.

        It has got further where the stream goes on after an outage; and a snapshot is no place
        before its end, as who resumed there would miss the rest of it.

        Raises:
            InvalidArgument: what the daemon says is no cursor.
        """
        self.is_cut = False
        if cursor is None:
            return None
        is_first, self._has_begun = not self._has_begun, True
        if self._needs_snapshot:
            return None
        start, reached = Cursor.parse(cursor), self._cursor or self._start
        if self._since is None and self._cursor is None:
            self._cursor = cursor
        if not is_first and reached is not None and not _is_ahead(start, Cursor.parse(reached)):
            return None
        self._start = cursor
        return start

    def pass_by(self, item: Item | Passed) -> None:
        """Take note of what has come."""
        match item:
            case EventRecord():
                self._move_to(str(item.cursor))
                if self._remaining is not None:
                    self._remaining -= 1
            case SnapshotEnd():
                self._needs_snapshot = False
                self._move_to(str(item.cursor))
            case Gap() | Heartbeat():
                self._move_to(str(item.cursor))
            case Passed(cursor=str(cursor)):
                self._move_to(cursor)
            case DomainSnapshot() | Passed():
                pass  # half a snapshot is none

    def _move_to(self, cursor: str) -> None:
        self._cursor, self._since = cursor, None


def _is_ahead(start: Cursor, reached: Cursor) -> bool:
    """Whether a place is another than the one that was reached, and not before that."""
    return start.epoch != reached.epoch or start.sequence > reached.sequence
