"""What a daemon can find out about domains and hosts, as its edges may ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from eventd.model.domain import Domain, Value
from eventd.model.hardware import DomainDescription, HostHardware
from eventd.model.snapshots import Snapshot

__all__ = ["DomainFigures", "HostFigures", "Inspector"]


class DomainFigures(Value):
    """The size of a domain and what it uses, as VI tells it; None where it does not."""

    memory: int | None = None
    """KiB that it is configured with."""
    memory_limit: int | None = None
    """KiB of the host's memory that it gets at most; None where that is not limited."""
    vcpus: int | None = None
    """How many it is configured with."""
    cpu_usage: int | None = None
    """MHz that it has used lately (``quickStats.overallCpuUsage``)."""
    guest_memory_usage: int | None = None
    """KiB that its guest has used lately (``quickStats.guestMemoryUsage``)."""
    host_memory_usage: int | None = None
    """KiB of the host that it has (``quickStats.hostMemoryUsage``)."""
    annotation: str | None = None
    """What people have written about it."""

    @property
    def current_memory(self) -> int | None:
        """KiB that it may use: what it is configured with, or its limit where that is less."""
        if self.memory is None or self.memory_limit is None:
            return self.memory
        return min(self.memory, self.memory_limit)


class HostFigures(Value):
    """The hosts of a connection in sum, as VI tells it; None and 0 where it does not."""

    name: str | None = None
    """Name in the network, with its domain."""
    cpu_model: str = ""
    """Of the first host."""
    cpu_mhz: int = 0
    """Of the first host."""
    packages: int = 0
    cores: int = 0
    threads: int = 0
    numa_nodes: int = 0
    memory: int = 0
    """KiB."""
    memory_usage: int | None = None
    """KiB that are in use; None unless all hosts tell."""
    most_vcpus: int = 0
    """How many a domain may have."""


class Inspector(Protocol):
    """Figures of domains and hosts, read from the host when somebody asks for them.

    What was read less than a second ago may be told again. All raise `HostError` where the host
    cannot be asked.
    """

    async def figures(self, domain: Domain) -> DomainFigures:
        """Return those of a domain.

        Raises:
            NoSuchDomain: the host has it no more.
        """
        ...

    async def describe(self, domain: Domain) -> DomainDescription:
        """Return what a domain is made of, and where it is.

        Raises:
            NoSuchDomain: the host has it no more.
        """
        ...

    def product_version(self, connection: str) -> str:
        """Return the version of the product behind a connection: ``7.0.3``."""
        ...

    async def host_hardware(self, connection: str) -> HostHardware:
        """Return what the host of a connection is made of, or the first of several."""
        ...

    async def all_figures(self, connection: str) -> Mapping[str, DomainFigures]:
        """Return those of all domains of a connection, by reference."""
        ...

    async def snapshots(self, domain: Domain) -> Sequence[Snapshot]:
        """Return the snapshots of a domain, parents before their children."""
        ...

    async def with_snapshots(self, connection: str) -> frozenset[str]:
        """Return which domains have snapshots, by reference."""
        ...

    async def autostarted(self, connection: str) -> frozenset[str]:
        """Return which domains are started with their host, by reference."""
        ...

    async def host_figures(self, connection: str) -> HostFigures:
        """Return those of the hosts of a connection."""
        ...
