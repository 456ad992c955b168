"""A connection to a simulated host on which things are done, and what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from eventd.connections.connection import Connection
from eventd.connections.credentials import Credentials
from eventd.connections.timer import LoopTimer, Timer
from eventd.connections.transport import Transport
from eventd.errors import ErrorCode, EventdError
from eventd.journal.memory import MemoryJournal
from eventd.model.domain import Domain
from eventd.model.events import DomainEvent, Event
from eventd.model.operations import DomainOperation, OperationResult, TaskProgress
from eventd.model.picture import PictureChange
from eventd.model.questions import Requester
from eventd.model.record import EventRecord
from eventd.simulator import SimulatorServer, World, serve
from eventd.tracking.inventory import SuspendMode
from eventd.tracking.tracker import Tracker
from eventd.vi.uri import ConnectionURI

__all__ = ["OPS", "PATIENCE", "Operated", "operating"]

PATIENCE = 20.0
"""Seconds that a test waits for something that takes a simulated host a few milliseconds."""

OPS = Requester(pid=4711, uid=1000, user="ops")
"""Who asks for things."""


class Operated:
    """A host, the connection to it, and all that it has told."""

    def __init__(
        self,
        server: SimulatorServer,
        *,
        clock: Callable[[], datetime],
        timer: Timer,
        auto_answer: bool,
        suspend: SuspendMode,
        answer_after: float | None,
    ) -> None:
        self.server = server
        self.world = server.world
        self.events: list[Event] = []
        self.progress: list[TaskProgress] = []
        """How far the task of the last operation was, each time that it was told."""
        self._clock = clock
        self._told = asyncio.Event()
        self._reported = asyncio.Event()
        self._journal = MemoryJournal("test")
        uri = ConnectionURI.parse(f"{server.whole_uri}&auto_answer={int(auto_answer)}")
        self.tracker = Tracker(
            "test", source=uri.source, suspend=suspend, answer_after=answer_after
        )
        self.connection = Connection(
            "test",
            uri,
            transport=partial(Transport, uri.endpoint, ssl_context=None),
            credentials=lambda: Credentials("root", "pass"),
            tracker=self.tracker,
            publish=self._publish,
            clock=clock,
            timer=timer,
            delay=lambda error, failures: 0.0,
        )

    def _publish(
        self, events: Sequence[Event], picture: PictureChange | None = None
    ) -> Sequence[EventRecord]:
        self.events += events
        told, self._told = self._told, asyncio.Event()
        told.set()
        return self._journal.append(events, now=self._clock(), picture=picture)

    async def until(self, sentence: str, count: int = 1) -> None:
        """Return when something was told so often: ``question raised``, ``connected``."""
        async with asyncio.timeout(PATIENCE):
            while self.told.count(sentence) < count:
                await self._told.wait()

    @property
    def told(self) -> list[str]:
        """What was told, as words: ``question answered auto-answer``, ``started booted``."""
        return [_words(event) for event in self.events]

    def domain(self, name: str = "web01") -> Domain:
        """Return a domain as it is known now."""
        [found] = [
            status.domain for status in self.connection.domains() if status.domain.name == name
        ]
        return found

    async def operate(self, operation: str, name: str = "web01") -> OperationResult:
        """Do something to a domain, within the patience of a test."""
        self.progress = []
        async with asyncio.timeout(PATIENCE):
            return await self.connection.operate(
                self.domain(name),
                DomainOperation(operation),
                by=OPS,
                report=self._report,
            )

    def _report(self, progress: TaskProgress) -> None:
        self.progress.append(progress)
        reported, self._reported = self._reported, asyncio.Event()
        reported.set()

    async def has_reported(self, count: int) -> None:
        """Return when so often was told how far the task of the last operation is."""
        async with asyncio.timeout(PATIENCE):
            while len(self.progress) < count:
                await self._reported.wait()

    async def error(self, operation: str, name: str = "web01") -> EventdError | None:
        """Return the error of an operation; None if it is done."""
        try:
            await self.operate(operation, name)
        except EventdError as error:
            return error
        return None

    async def code(self, operation: str, name: str = "web01") -> ErrorCode | None:
        """Return libvirt's number of the error of an operation; None if it is done."""
        error = await self.error(operation, name)
        return None if error is None else error.code


def _words(event: Event) -> str:
    kind = str(event.kind) if isinstance(event, DomainEvent) and event.event_id != 0 else ""
    return " ".join(word for word in (kind, event.type, event.reason) if word)


@asynccontextmanager
async def operating(
    world: World,
    *,
    auto_answer: bool = False,
    suspend: SuspendMode = SuspendMode.PAUSED,
    answer_after: float | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    timer: Timer | None = None,
) -> AsyncIterator[Operated]:
    """Serve a world and follow it for as long as the block lasts."""
    async with serve(world, clock=clock) as server:
        operated = Operated(
            server,
            clock=clock,
            timer=timer or LoopTimer(),
            auto_answer=auto_answer,
            suspend=suspend,
            answer_after=answer_after,
        )
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(operated.connection.run())
            try:
                await operated.until("connected")
                server.service.calls.clear()
                yield operated
            finally:
                running.cancel()
