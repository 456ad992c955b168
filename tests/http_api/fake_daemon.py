"""The parts of a daemon that the HTTP API meets: a real journal and bus, an invented host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from eventd.bus.delivery import Delivery
from eventd.bus.registry import Registry
from eventd.errors import EventdError, JournalUnusable, NoSuchQuestion
from eventd.http_api import HttpApi
from eventd.journal.memory import MemoryJournal
from eventd.model.configuration import DomainConfiguration
from eventd.model.directory import find_domain
from eventd.model.domain import (
    Choice,
    ConnectionState,
    ConnectionStatus,
    Domain,
    DomainState,
    DomainStatus,
    Question,
)
from eventd.model.events import DomainStarted, DomainStopped, Event
from eventd.model.evidence import Cause, Evidence
from eventd.model.lifecycle import StartedDetail, StoppedDetail
from eventd.model.operations import Answered, DomainOperation, OperationResult, TaskProgress
from eventd.model.operator import Report
from eventd.model.questions import PendingQuestion, Requester, find_choice
from eventd.model.record import Cursor, EventRecord

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

ODD_NAMES = [
    "web/01",
    "web%2F01",
    "Bücher 書",
    "a {b} c",
    "?connection=x#y",
    "a+b&c=%",
    "line\nend",
    "...",
    "config",
    "\x1b[2J\u202e",
]
"""Names of domains that a path or a terminal may take for something else."""


def uuid_of(number: int) -> str:
    return f"4215d4a2-0000-0000-0000-{number:012d}"


def domain_of(number: int, *, host: str = "esx01", connection: str = "lab") -> Domain:
    return Domain(
        connection=connection,
        reference=f"vm-{number}",
        uuid=uuid_of(number),
        name=f"web-{number}",
        id=number,
        host=host,
    )


def started(number: int, *, message: str | None = None) -> DomainStarted:
    return DomainStarted(
        occurred_at=NOW,
        source="esx://esx01.example/",
        domain=domain_of(number),
        evidence=Evidence(cause=Cause.STATE, message=message),
        detail=StartedDetail.BOOTED,
    )


def stopped(number: int) -> DomainStopped:
    return DomainStopped(
        occurred_at=NOW,
        source="esx://esx01.example/",
        domain=domain_of(number),
        evidence=Evidence(cause=Cause.STATE),
        detail=StoppedDetail.DESTROYED,
    )


REPLACE, APPEND = Choice(key="0", label="Replace"), Choice(key="1", label="Append")


def question_of(number: int) -> Question:
    return Question(
        id=f"q-{number}",
        vi_id="25",
        text="The file exists.\nReplace it?",
        choices=(REPLACE, APPEND),
        default=APPEND,
    )


def power_on(state: str, progress: int | None = None) -> TaskProgress:
    return TaskProgress(
        key="task-881", description_id="VirtualMachine.powerOn", state=state, progress=progress
    )


@dataclass
class FakeDirectory:
    """What a daemon would know, as a test says it."""

    statuses: list[DomainStatus] = field(default_factory=list)
    known_connections: list[ConnectionStatus] = field(default_factory=list)

    def domains(self) -> Sequence[DomainStatus]:
        return tuple(self.statuses)

    def connections(self) -> Sequence[ConnectionStatus]:
        return tuple(self.known_connections)

    def add(self, number: int, state: DomainState = DomainState.RUNNING, **fields: str) -> Domain:
        """Add a domain; ``fields`` are those in which it is unlike `domain_of`."""
        domain = domain_of(number).model_copy(update=fields)
        self.statuses.append(DomainStatus(domain=domain, state=state))
        return domain

    def connect(self, name: str, state: ConnectionState, error: str | None = None) -> None:
        self.known_connections.append(
            ConnectionStatus(name=name, uri=f"esx://{name}/", state=state, error=error)
        )


@dataclass(frozen=True)
class Asked:
    """What an operator was asked to do."""

    domain: str
    operation: DomainOperation
    connection: str | None
    by: Requester


@dataclass
class FakeOperator:
    """Does to the domains of the directory what a test says, and notes what it was asked."""

    directory: FakeDirectory
    pending: list[PendingQuestion] = field(default_factory=list)
    configurations: dict[str, DomainConfiguration] = field(default_factory=dict)
    """By the UUIDs of the domains."""
    reports: list[TaskProgress] = field(default_factory=list)
    """What is reported of each operation."""
    failure: EventdError | None = None
    """In what each operation ends."""
    answered: tuple[Answered, ...] = ()
    """The questions that ``auto_answer`` answers in each operation."""
    asked: list[Asked] = field(default_factory=list)
    answers: list[tuple[str, str, Requester]] = field(default_factory=list)
    left: list[Asked] = field(default_factory=list)
    """Operations for which nobody waits any more."""

    def __post_init__(self) -> None:
        self.may_end = asyncio.Event()
        """Cleared by a test that wants an operation to last."""
        self.may_end.set()

    def ask(self, number: int) -> PendingQuestion:
        """Let a domain ask a question."""
        domain, question = domain_of(number), question_of(number)
        self.pending.append(PendingQuestion(domain=domain, question=question, since=NOW))
        return self.pending[-1]

    def configure(self, number: int, **entries: str) -> DomainConfiguration:
        """Give a domain a configuration file."""
        known = DomainConfiguration(
            path=f"[ds1] web-{number}/web-{number}.vmx",
            name=f"web-{number}",
            annotation="Shop\nof the house",
            entries={"displayName": f"web-{number}", **entries},
        )
        self.configurations[uuid_of(number)] = known
        return known

    def questions(self) -> Sequence[PendingQuestion]:
        return tuple(self.pending)

    async def answer(self, question_id: str, choice: str, *, by: Requester) -> Answered:
        for each in self.pending:
            if each.question.id == question_id:
                chosen = find_choice(each.question, choice)
                self.answers.append((question_id, choice, by))
                self.pending.remove(each)
                return Answered(question=each.question, choice=chosen)
        raise NoSuchQuestion(f"no question with the id {question_id!r} is pending")

    async def operate(
        self,
        domain: str,
        operation: DomainOperation,
        *,
        connection: str | None = None,
        by: Requester,
        report: Report | None = None,
    ) -> OperationResult:
        asked = Asked(domain, operation, connection, by)
        self.asked.append(asked)
        found = self._find(domain, connection)
        if report is not None:
            for each in self.reports:
                report(each)
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.left.append(asked)
            raise
        if self.failure is not None:
            raise self.failure
        task = self.reports[-1] if self.reports else None
        return OperationResult(operation=operation, domain=found, task=task, answered=self.answered)

    async def configuration(
        self, domain: str, *, connection: str | None = None
    ) -> DomainConfiguration:
        if self.failure is not None:
            raise self.failure
        return self.configurations[self._find(domain, connection).uuid]

    def _find(self, domain: str, connection: str | None) -> Domain:
        return find_domain(self.directory.domains(), domain, connection=connection).domain


class FailingJournal(MemoryJournal):
    """A journal that cannot be read, or written, for as long as a test says so."""

    is_failing = False
    problem: str | None = None

    def read(self, after: Cursor, *, limit: int) -> list[EventRecord]:
        if self.is_failing:
            raise JournalUnusable(f"the journal cannot be read now: disk I/O error; from {after}")
        return super().read(after, limit=limit)


@dataclass
class Clock:
    """The time that a test says it is."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Daemon:
    """The parts of a daemon that the HTTP API meets."""

    runtime_directory: Path
    journal: MemoryJournal
    registry: Registry
    delivery: Delivery
    directory: FakeDirectory
    operator: FakeOperator
    api: HttpApi
    clock: Clock

    @property
    def socket(self) -> Path:
        return self.runtime_directory / "eventd.sock"

    @property
    def read_only_socket(self) -> Path:
        return self.runtime_directory / "eventd-ro.sock"

    def record(self, *events: Event) -> list[EventRecord]:
        """Write to the journal and deliver nothing yet."""
        return self.journal.append(events, now=NOW)

    def publish(self, *events: Event) -> list[EventRecord]:
        """Write to the journal and deliver in a later loop turn."""
        records = self.record(*events)
        self.delivery.publish(records)
        return records


MakeDaemon = Callable[..., AbstractAsyncContextManager[Daemon]]


@asynccontextmanager
async def serving(
    runtime_directory: Path,
    *,
    capacity: int = 65_536,
    epoch: str = "e1",
    journal: MemoryJournal | None = None,
    **limits: float,
) -> AsyncIterator[Daemon]:
    """Serve the API in a directory; ``limits`` are arguments of `HttpApi`."""
    journal = journal or MemoryJournal(epoch, capacity=capacity)
    registry = Registry()
    directory = FakeDirectory()
    operator = FakeOperator(directory)
    clock = Clock()
    async with Delivery(registry) as delivery:
        api = HttpApi(
            journal=journal,
            delivery=delivery,
            registry=registry,
            directory=directory,
            operator=operator,
            clock=clock,
            **limits,  # type: ignore[arg-type]  # bytes and counts are whole numbers
        )
        async with api.serve(runtime_directory):
            yield Daemon(
                *(runtime_directory, journal, registry, delivery, directory, operator, api, clock)
            )
