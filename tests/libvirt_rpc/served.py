"""A daemon as libvirt's clients meet it: a real journal, bus and socket, an invented host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eventd.bus.delivery import Delivery
from eventd.bus.registry import Registry
from eventd.journal.memory import MemoryJournal
from eventd.libvirt_rpc.messages import Frames, Header
from eventd.libvirt_rpc.server import LibvirtRpc
from eventd.listening.admission import Admission
from eventd.model.domain import ConnectionState, Domain
from eventd.model.events import Event
from eventd.model.hardware import DomainDescription, DomainHardware, HostHardware
from eventd.model.inspector import DomainFigures, HostFigures
from eventd.model.record import EventRecord
from eventd.model.snapshots import Snapshot
from tests.http_api.fake_daemon import NOW, FakeDirectory, FakeOperator
from tests.libvirt_rpc.talk import call, replies

__all__ = ["Client", "Daemon", "serving"]


@dataclass
class FakeInspector:
    """Tells what a test says, of all domains the same."""

    directory: FakeDirectory
    of_domain: DomainFigures = field(
        default_factory=lambda: DomainFigures(memory=4 * 1024 * 1024, vcpus=2)
    )
    of_snapshots: Sequence[Snapshot] = ()
    starting: frozenset[str] = frozenset()
    holding_snapshots: frozenset[str] = frozenset()
    of_host: HostFigures = field(
        default_factory=lambda: HostFigures(
            name="esx01.example",
            cpu_model="Xeon",
            cpu_mhz=2400,
            packages=2,
            cores=8,
            threads=16,
            numa_nodes=2,
            memory=64 * 1024 * 1024,
            memory_usage=16 * 1024 * 1024,
            most_vcpus=128,
        )
    )

    async def figures(self, domain: Domain) -> DomainFigures:
        return self.of_domain

    async def describe(self, domain: Domain) -> DomainDescription:
        figures = self.of_domain
        return DomainDescription(
            DomainHardware(memory=figures.memory or 0, vcpus=figures.vcpus or 0)
        )

    def product_version(self, connection: str) -> str:
        return "7.0.3"

    async def host_hardware(self, connection: str) -> HostHardware:
        return HostHardware()

    async def snapshots(self, domain: Domain) -> Sequence[Snapshot]:
        return self.of_snapshots

    async def with_snapshots(self, connection: str) -> frozenset[str]:
        return self.holding_snapshots

    async def autostarted(self, connection: str) -> frozenset[str]:
        return self.starting

    async def all_figures(self, connection: str) -> Mapping[str, DomainFigures]:
        statuses = self.directory.domains()
        return {status.domain.reference: self.of_domain for status in statuses}

    async def host_figures(self, connection: str) -> HostFigures:
        return self.of_host


@dataclass(frozen=True)
class Daemon:
    """The parts of a daemon that libvirt's clients meet."""

    runtime_directory: Path
    journal: MemoryJournal
    registry: Registry
    delivery: Delivery
    directory: FakeDirectory
    operator: FakeOperator
    inspector: FakeInspector
    server: LibvirtRpc

    @property
    def socket(self) -> Path:
        return self.runtime_directory / "libvirt-sock"

    @property
    def read_only_socket(self) -> Path:
        return self.runtime_directory / "libvirt-sock-ro"

    def uri(self, *, path: str = "", read_only: bool = False) -> str:
        """Return the URI by which libvirt's clients find it."""
        socket = self.read_only_socket if read_only else self.socket
        return f"esx+unix:///{path}?socket={socket}"

    def publish(self, *events: Event) -> list[EventRecord]:
        """Write to the journal and deliver in a later loop turn."""
        records = self.journal.append(events, now=NOW)
        self.delivery.publish(records)
        return records


@asynccontextmanager
async def serving(
    runtime_directory: Path,
    *,
    capacity: int = 65_536,
    max_connections: int = 1000,
    libvirt_directory: Path | None = None,
    **limits: float,
) -> AsyncIterator[Daemon]:
    """Serve the sockets in a directory; ``limits`` are arguments of `LibvirtRpc`."""
    journal, registry = MemoryJournal("e1", capacity=capacity), Registry()
    directory = FakeDirectory()
    directory.connect("lab", ConnectionState.CONNECTED)
    operator = FakeOperator(directory)
    inspector = FakeInspector(directory)
    admission = Admission(max_connections=max_connections, max_connections_per_user=1000)
    async with Delivery(registry) as delivery:
        server = LibvirtRpc(
            journal=journal,
            delivery=delivery,
            registry=registry,
            directory=directory,
            operator=operator,
            inspector=inspector,
            admission=admission,
            **limits,  # type: ignore[arg-type]  # bytes are whole numbers
        )
        async with server.serve(runtime_directory, libvirt_directory=libvirt_directory):
            yield Daemon(
                runtime_directory=runtime_directory,
                journal=journal,
                registry=registry,
                delivery=delivery,
                directory=directory,
                operator=operator,
                inspector=inspector,
                server=server,
            )


class Client:
    """A client that was written for these tests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._frames = Frames()

    @classmethod
    @asynccontextmanager
    async def connected(cls, path: Path, *, uri: str | None = "esx:///") -> AsyncIterator[Client]:
        """Connect, and open the connection unless there is no URI."""
        reader, writer = await asyncio.open_unix_connection(str(path))
        client = cls(reader, writer)
        try:
            if uri is not None:
                assert await client.ask("open", uri, 0) == []
            yield client
        finally:
            writer.transport.abort()

    def send(self, name: str, *arguments: Any, serial: int = 0) -> None:
        """Call, and do not wait for the reply."""
        self.writer.write(call(name, *arguments, serial=serial))

    async def ask(self, name: str, *arguments: Any, serial: int = 0) -> Any:
        """Call, and return the results or the error."""
        self.send(name, *arguments, serial=serial)
        [(replied, outcome)] = replies(await self.frame())
        assert replied == serial
        return outcome

    async def frame(self) -> bytes:
        """Return the next message; raises `asyncio.IncompleteReadError` at the end."""
        length = await self.reader.readexactly(4)
        return length + await self.reader.readexactly(int.from_bytes(length, "big") - 4)

    async def message(self) -> tuple[Header, bytes]:
        """Return the next message, taken apart."""
        self._frames.feed(await self.frame())
        found = self._frames.next()
        assert found is not None
        return found
