"""The parts of a daemon that the HTTP API meets: a real journal and bus, an invented host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from eventd.bus.delivery import Delivery
from eventd.bus.registry import Registry
from eventd.http_api import HttpApi
from eventd.journal.memory import MemoryJournal
from eventd.model.domain import (
    ConnectionState,
    ConnectionStatus,
    Domain,
    DomainState,
    DomainStatus,
)
from eventd.model.events import DomainStarted, DomainStopped, Event
from eventd.model.evidence import Cause, Evidence
from eventd.model.lifecycle import StartedDetail, StoppedDetail
from eventd.model.record import EventRecord

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


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


@dataclass
class FakeDirectory:
    """What a daemon would know, as a test says it."""

    statuses: list[DomainStatus] = field(default_factory=list)
    known_connections: list[ConnectionStatus] = field(default_factory=list)

    def domains(self) -> Sequence[DomainStatus]:
        return tuple(self.statuses)

    def connections(self) -> Sequence[ConnectionStatus]:
        return tuple(self.known_connections)

    def add(self, number: int, state: DomainState = DomainState.RUNNING) -> None:
        self.statuses.append(DomainStatus(domain=domain_of(number), state=state))

    def connect(self, name: str, state: ConnectionState, error: str | None = None) -> None:
        self.known_connections.append(
            ConnectionStatus(name=name, uri=f"esx://{name}/", state=state, error=error)
        )


@dataclass(frozen=True)
class Daemon:
    """The parts of a daemon that the HTTP API meets."""

    runtime_directory: Path
    journal: MemoryJournal
    registry: Registry
    delivery: Delivery
    directory: FakeDirectory
    api: HttpApi

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
    runtime_directory: Path, *, capacity: int = 65_536, epoch: str = "e1", **limits: float
) -> AsyncIterator[Daemon]:
    """Serve the API in a directory; ``limits`` are arguments of `HttpApi`."""
    journal = MemoryJournal(epoch, capacity=capacity)
    registry = Registry()
    directory = FakeDirectory()
    async with Delivery(registry) as delivery:
        api = HttpApi(
            journal=journal,
            delivery=delivery,
            registry=registry,
            directory=directory,
            clock=lambda: NOW,
            **limits,  # type: ignore[arg-type]  # bytes and counts are whole numbers
        )
        async with api.serve(runtime_directory):
            yield Daemon(runtime_directory, journal, registry, delivery, directory, api)
