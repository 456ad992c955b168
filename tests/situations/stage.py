"""Plays a scenario on simulated hosts that real connections follow, in a time of its own.

Nobody sleeps: the clock of the worlds, of the connections and of their deadlines is one number,
which the stage sets. After each moment it waits until every connection has taken in what its host
had to say by then: a domain of the stage's own asks a question, which is told at once, after all
before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeGuard

from eventd.connections.connection import Connection
from eventd.connections.credentials import Credentials
from eventd.connections.transport import Transport
from eventd.journal.memory import MemoryJournal
from eventd.model.domain import ConnectionState
from eventd.model.events import DomainEvent, Event, LifecycleEvent, QuestionRaised, TaskEvent
from eventd.model.evidence import Evidence
from eventd.model.picture import PictureChange
from eventd.model.record import EventRecord
from eventd.simulator import SimulatorServer, World, serve
from eventd.simulator.scenario import Scenario
from eventd.simulator.world.questions import question_info
from eventd.simulator.world.settings import Question
from eventd.tracking.inventory import SuspendMode
from eventd.tracking.tracker import Tracker
from eventd.vi.uri import ConnectionURI

__all__ = ["BARRIER", "Followed", "Stage", "Time", "line", "staged"]

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PATIENCE = 20.0
"""Seconds that the stage waits for what takes a few milliseconds."""

BARRIER = "barrier"
"""What the names of the stage's own domains begin with."""

_AFTERMATH = timedelta(seconds=5)
"""How long a scenario goes on after its last step."""


class Time:
    """The time of a stage, aware and monotonic at once."""

    def __init__(self) -> None:
        self._elapsed = timedelta()
        self._passed = asyncio.Event()

    def now(self) -> datetime:
        """What every clock shows."""
        return NOON + self._elapsed

    def instant(self) -> float:
        """The same in seconds since the beginning."""
        return self._elapsed.total_seconds()

    def set(self, now: datetime) -> None:
        """Let time pass; it never goes back."""
        self._elapsed = max(self._elapsed, now - NOON)
        passed, self._passed = self._passed, asyncio.Event()
        passed.set()

    async def reach(self, instant: float) -> None:
        """Wait until then."""
        while self.instant() < instant:
            await self._passed.wait()


class Followed:
    """A simulated host, the connection that follows it, and what it has told."""

    def __init__(
        self, name: str, world: World, time: Time, *, suspend: SuspendMode, grace: float
    ) -> None:
        self.name = name
        self.world = world
        self._time = time
        self._barrier = world.domains.add(BARRIER, now=time.now())
        self._asked = 0
        self._told = asyncio.Event()
        self._looked_at = 0
        self._journal = MemoryJournal("stage")
        self.elsewhere: Sequence[Followed] = ()
        self.events: list[Event] = []
        """What was told, barriers included; without tasks as such, of which worlds say nothing."""
        self.records: list[EventRecord] = []
        """The same, as the journal keeps it."""
        self.tracker = Tracker(
            name,
            source=f"{world.product}://{name}/",
            suspend=suspend,
            grace=grace,
            elsewhere=self._whereabouts,
        )

    def _whereabouts(self, instance_uuid: str) -> str | None:
        now = self._time.now()
        hosts = (other.tracker.whereabouts(instance_uuid, now=now) for other in self.elsewhere)
        return next((host for host in hosts if host is not None), None)

    def connection(self, server: SimulatorServer) -> Connection:
        """Make the connection to the served world."""
        uri = ConnectionURI.parse(server.whole_uri)
        return Connection(
            self.name,
            uri,
            transport=partial(Transport, uri.endpoint, ssl_context=None),
            credentials=lambda: Credentials("root", "pass"),
            tracker=self.tracker,
            publish=self._publish,
            clock=self._time.now,
            timer=self._time,
            delay=lambda error, failures: 0.0,
        )

    def _publish(
        self, events: Sequence[Event], picture: PictureChange | None = None
    ) -> Sequence[EventRecord]:
        self.events += [event for event in events if not isinstance(event, TaskEvent)]
        told, self._told = self._told, asyncio.Event()
        told.set()
        records = self._journal.append(events, now=self._time.now(), picture=picture)
        self.records += [each for each in records if not isinstance(each.event, TaskEvent)]
        return records

    async def take_in(self) -> None:
        """Wait until all that has happened by now is taken in."""
        self._asked += 1
        question = Question(id=str(self._asked))
        self.world.objects.assign(self._barrier, "runtime.question", question_info(question))
        self.world.objects.show(self._barrier)
        await self._until(lambda event: _asks(event, question))

    async def connected(self) -> None:
        """Wait until the connection is in sync."""
        await self._until(lambda event: event.type == ConnectionState.CONNECTED)

    async def _until(self, is_it: Callable[[Event], bool]) -> None:
        begin = self._looked_at
        async with asyncio.timeout(PATIENCE):
            while not any(map(is_it, islice(self.events, begin, None))):
                await self._told.wait()
        self._looked_at = len(self.events)

    @property
    def told(self) -> list[DomainEvent]:
        """What was told of the domains, without the stage's own."""
        return [event for event in self.events if _is_of_domain(event)]

    @property
    def lines(self) -> list[str]:
        """The same in the words of the worlds."""
        return [line(event) for event in self.told]


def _is_of_domain(event: Event) -> TypeGuard[DomainEvent]:
    return isinstance(event, DomainEvent) and not event.domain.name.startswith(BARRIER)


def _asks(event: Event, question: Question) -> bool:
    if not isinstance(event, QuestionRaised):
        return False
    return event.domain.name == BARRIER and event.question.vi_id == question.id


def line(event: DomainEvent) -> str:
    """Write an event as a world writes what happened."""
    words = f"{event.type} {event.reason}" if isinstance(event, LifecycleEvent) else _words(event)
    return " ".join([event.domain.name, words, *_because(event.evidence)])


def _words(event: DomainEvent) -> str:
    parts = [str(event.kind), event.type, event.reason]
    return " ".join(part for part in parts if part)


def _because(evidence: Evidence) -> Iterator[str]:
    yield str(evidence.cause)
    if evidence.initiator is not None:
        by = str(evidence.initiator)
        yield f"{by}:{evidence.user}" if evidence.user else by
    if evidence.source_host is not None:
        yield f"from {evidence.source_host}"
    if evidence.destination_host is not None:
        yield f"to {evidence.destination_host}"


class Stage:
    """Worlds that are followed."""

    def __init__(
        self,
        followed: Mapping[str, Followed],
        servers: Mapping[str, SimulatorServer],
        time: Time,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.followed = followed
        self.time = time
        self._servers = servers
        self._tasks = tasks
        self._running: list[asyncio.Task[None]] = []

    async def look(self) -> None:
        """Follow the hosts from now on."""
        for name, followed in self.followed.items():
            connection = followed.connection(self._servers[name])
            self._running.append(self._tasks.create_task(connection.run()))
        for followed in self.followed.values():
            await followed.connected()

    async def look_away(self) -> None:
        """Follow them no longer, but keep in mind what was known of them."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running.clear()

    def play_unseen(self, scenario: Scenario) -> None:
        """Play all steps and what comes of them, while nobody looks."""
        worlds = {name: followed.world for name, followed in self.followed.items()}
        at = self.time.now()
        for due in scenario.play(worlds, start=at):
            at = due.at
            for world in worlds.values():
                world.advance(at)
            due.perform()
        self.time.set(at + _AFTERMATH)
        for world in worlds.values():
            world.advance(self.time.now())

    async def play(self, scenario: Scenario) -> None:
        """Play all steps, and what comes of them."""
        worlds = {name: followed.world for name, followed in self.followed.items()}
        start = at = self.time.now()
        for due in scenario.play(worlds, start=start):
            if due.at > at:
                await self.go_to(due.at)
            at = due.at
            due.perform()
        await self.go_to(at + _AFTERMATH)

    async def go_to(self, end: datetime) -> None:
        """Let everything happen until then, and be taken in as it happens."""
        await self.take_in()
        await self.let_happen(end)
        await self._be_at(end)

    async def let_happen(self, end: datetime) -> None:
        """Go from moment to moment until nothing is to happen by then, and let each be told."""
        while (due := self._next_moment()) is not None and due <= end:
            await self._be_at(due)

    def _next_moment(self) -> datetime | None:
        deadlines = [followed.world.next_deadline for followed in self.followed.values()]
        alarms = [followed.tracker.deadline for followed in self.followed.values()]
        moments = [moment for moment in deadlines if moment is not None]
        moments += [NOON + timedelta(seconds=alarm) for alarm in alarms if alarm is not None]
        return min(moments, default=None)

    async def _be_at(self, moment: datetime) -> None:
        self.time.set(moment)
        for followed in self.followed.values():
            followed.world.advance(moment)
        await self.take_in()

    async def take_in(self) -> None:
        """Wait until all that has happened by now is taken in."""
        for followed in self.followed.values():
            await followed.take_in()


@asynccontextmanager
async def staged(
    worlds: Mapping[str, World],
    time: Time,
    *,
    suspend: SuspendMode = SuspendMode.PAUSED,
    grace: float = 1.5,
) -> AsyncIterator[Stage]:
    """Serve worlds and follow them for as long as the block lasts."""
    followed = {
        name: Followed(name, world, time, suspend=suspend, grace=grace)
        for name, world in worlds.items()
    }
    async with AsyncExitStack() as stack:
        servers = {}
        for name, one in followed.items():
            one.elsewhere = [other for other in followed.values() if other is not one]
            servers[name] = await stack.enter_async_context(
                serve(one.world, password="pass", clock=time.now)
            )
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stage = Stage(followed, servers, time, tasks)
        await stage.look()
        yield stage
        await stage.look_away()
