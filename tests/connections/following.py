"""A connection to a host on the network, followed by a test sentence by sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from eventd.connections.connection import Connection
from eventd.connections.credentials import Credentials
from eventd.connections.tls import ssl_context
from eventd.connections.transport import Transport
from eventd.errors import EventdError
from eventd.journal.memory import MemoryJournal
from eventd.model.events import DomainEvent, Event
from eventd.model.ids import EventKind
from eventd.model.picture import PictureChange
from eventd.model.record import EventRecord
from eventd.tracking.tracker import Tracker
from eventd.vi.uri import ConnectionURI

__all__ = ["Following", "following"]

PATIENCE = 20.0
"""Seconds that a test waits for something that takes a simulated host a few milliseconds."""


class Following:
    """A connection, and what it has told of lifecycles and of itself, but not yet the test.

    After each failure it tries again at once, or nearly so.
    """

    def __init__(
        self,
        uri: str,
        *,
        password: str,
        journal: MemoryJournal | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        parsed = ConnectionURI.parse(uri)
        self.source = parsed.source
        self.endpoint = parsed.endpoint
        self.last: Event | None = None
        """The event that was told last."""
        self._clock = clock
        self._journal = MemoryJournal("test") if journal is None else journal
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._failures: asyncio.Queue[EventdError] = asyncio.Queue()
        self.connection = Connection(
            "test",
            parsed,
            transport=partial(
                Transport, parsed.endpoint, ssl_context=ssl_context(no_verify=parsed.no_verify)
            ),
            credentials=lambda: Credentials(parsed.user, password),
            tracker=Tracker(
                "test",
                source=parsed.source,
                known=self._journal.pictures("test"),
                host=self._journal.host("test"),
            ),
            publish=self._publish,
            clock=clock,
            delay=self._delay,
        )

    def _publish(
        self, events: Sequence[Event], picture: PictureChange | None = None
    ) -> Sequence[EventRecord]:
        for event in events:
            if event.kind in (EventKind.LIFECYCLE, EventKind.CONNECTION):
                self._events.put_nowait(event)
        return self._journal.append(events, now=self._clock(), picture=picture)

    def _delay(self, error: EventdError, failures: int) -> float:
        self._failures.put_nowait(error)
        return 0.02

    async def told(self) -> str:
        """Return the next event as a sentence: ``web01 stopped destroyed``, ``connected``."""
        async with asyncio.timeout(PATIENCE):
            self.last = await self._events.get()
        match self.last:
            case DomainEvent(domain=domain, type=kind, reason=reason):
                return f"{domain.name} {kind} {reason}"
            case event:
                return str(event.type)

    async def failure(self) -> EventdError:
        """Return why the next try has failed."""
        async with asyncio.timeout(PATIENCE):
            return await self._failures.get()

    @property
    def has_more(self) -> bool:
        """Whether something was published or has failed that the test was not told."""
        return not (self._events.empty() and self._failures.empty())

    @property
    def domains(self) -> set[str]:
        """The names of the domains that are known."""
        return {status.domain.name for status in self.connection.domains()}

    @property
    def is_stale(self) -> bool:
        """Whether what is known of the domains may be out of date."""
        [stale] = {status.stale for status in self.connection.domains()}
        return stale


@asynccontextmanager
async def following(
    uri: str,
    *,
    password: str,
    journal: MemoryJournal | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[Following]:
    """Follow a host for as long as the block lasts, and then stop as the daemon does.

    What a journal knows of it is what the daemon knew at its end before.
    """
    followed = Following(uri, password=password, journal=journal, clock=clock)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(followed.connection.run())
        yield followed
        task.cancel()
