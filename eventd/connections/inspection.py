"""Reads figures of domains and hosts when somebody asks for them: their size, and what they use.

They change all the time, so that following them would cost for as long as nobody looks. A program
that asks for one domain after another, as monitoring does, gets them from one reading of all.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from eventd.connections.datastore import datacenter_path
from eventd.connections.session import Session
from eventd.errors import Fault, HostError, NoSuchDomain
from eventd.model.domain import Domain
from eventd.model.hardware import DomainDescription, HostHardware
from eventd.model.inspector import DomainFigures, HostFigures
from eventd.model.snapshots import Snapshot
from eventd.vi import calls
from eventd.vi.calls import Call
from eventd.vi.property_collector import ObjectSpec, PropertyFilterSpec, PropertySpec
from eventd.vi.types import ManagedObjectReference, ObjectContent, PropertyValue

__all__ = ["Inspection"]

T = TypeVar("T")

_FRESH_SECONDS = 1.0
"""For so long what was read is told again."""

_PLACE_SECONDS = 60.0
"""For so long where a host is in the inventory is told again."""

_AT_A_TIME = 500
"""Domains of one call: the answer has some hundred bytes for each."""

_TREES_AT_A_TIME = 100
"""The same of whole trees of snapshots, which may have some ten thousand bytes."""

_MOST = 2**31 - 1
_MOST_DIGITS = 10
_MOST_DIGITS_OF_LONG = 18
"""Of VI's ``int`` and ``long``, about."""

_MIB = 1024
"""KiB."""

_SIZE = (
    "summary.config.memorySizeMB",
    "summary.config.numCpu",
    "summary.config.annotation",
    "config.memoryAllocation.limit",
)
_USAGE = (
    "summary.quickStats.overallCpuUsage",
    "summary.quickStats.guestMemoryUsage",
    "summary.quickStats.hostMemoryUsage",
)

_SNAPSHOT = "snapshot"
"""The tree of a domain's snapshots; one that has none lacks it."""

_AUTOSTART = "configManager.autoStartManager"

_HOST = (
    "config.network.dnsConfig.hostName",
    "config.network.dnsConfig.domainName",
    "capability.maxSupportedVcpus",
    "hardware.cpuInfo.hz",
    "hardware.cpuInfo.numCpuCores",
    "hardware.cpuInfo.numCpuPackages",
    "hardware.cpuInfo.numCpuThreads",
    "hardware.memorySize",
    "hardware.numaInfo.numNodes",
    "summary.hardware.cpuModel",
    "summary.quickStats.overallMemoryUsage",
)


@dataclass
class _Turn:
    """Readings of one kind, one at a time: who comes meanwhile is told what it has read."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    failure: tuple[float, HostError] | None = None


@dataclass
class _Known(Generic[T]):
    """What was read, and when."""

    value: T | None = None
    read_at: float = 0.0
    turn: _Turn = field(default_factory=_Turn)


class Inspection:
    """Reads by the session of one connection, and keeps what it has read for a moment.

    ``session`` returns it or raises `HostUnreachable`; ``domains`` and ``hosts`` return the
    references that are known now. ``now`` is monotonic, in seconds.
    """

    def __init__(
        self,
        session: Callable[[], Session],
        *,
        domains: Callable[[], Collection[str]],
        hosts: Callable[[], Collection[str]],
        now: Callable[[], float],
    ) -> None:
        self._session = session
        self._domains = domains
        self._hosts = hosts
        self._now = now
        self._figures: Mapping[str, DomainFigures] = {}
        self._read_at = float("-inf")
        self._tells_usage = True
        self._host_figures = _Known[HostFigures]()
        self._autostarted = _Known[frozenset[str]]()
        self._with_snapshots = _Known[frozenset[str]]()
        self._datacenter_paths: dict[ManagedObjectReference, tuple[float, str | None]] = {}
        self._asked_for: frozenset[str] = frozenset()
        """Of which domains the figures were asked for; the host may not show all of them."""
        self._reading = _Turn()

    async def figures(self, domain: Domain) -> DomainFigures:
        """Return those of a domain; see `Inspector.figures`."""
        async with self._turn(self._reading):
            known = self._kept()
            if domain.reference not in known and not (
                known and domain.reference in self._asked_for
            ):
                # Who has asked for another one a moment ago goes through all of them.
                wanted = {*self._domains(), domain.reference} if known else [domain.reference]
                known = await self._read(wanted)
        if domain.reference not in known:
            raise _gone(domain)
        return known[domain.reference]

    async def all_figures(self) -> Mapping[str, DomainFigures]:
        """Return those of all domains; see `Inspector.all_figures`."""
        async with self._turn(self._reading):
            wanted = {*self._domains()}
            known = self._kept()
            return known if known and self._asked_for >= wanted else await self._read(wanted)

    def _kept(self) -> Mapping[str, DomainFigures]:
        return self._figures if self._is_fresh(self._read_at) else {}

    def _is_fresh(self, read_at: float) -> bool:
        return self._now() - read_at < _FRESH_SECONDS

    async def _read(self, references: Collection[str]) -> Mapping[str, DomainFigures]:
        session = self._session()
        found: dict[str, DomainFigures] = {}
        for page in _pages([*references], _AT_A_TIME):
            for content in await self._read_page(session, page):
                found[content.obj.value] = _domain_figures(content.properties)
        # From its end on: a reading may take longer than what it has read is fresh.
        self._figures, self._read_at = found, self._now()
        self._asked_for = frozenset(references)
        return found

    @asynccontextmanager
    async def _turn(self, turn: _Turn) -> AsyncIterator[None]:
        """Read alone; who has waited for a reading that failed is told so, and does not wait anew.

        Raises:
            HostError: a reading has failed just now.
        """
        async with turn.lock:
            if turn.failure is not None and self._is_fresh(turn.failure[0]):
                raise turn.failure[1].with_traceback(None)
            try:
                yield
            except HostError as error:
                turn.failure = (self._now(), error)
                raise

    async def _read_page(self, session: Session, page: Sequence[str]) -> list[ObjectContent]:
        if self._tells_usage:
            try:
                return await _read(session, "VirtualMachine", _SIZE + _USAGE, page)
            except Fault as fault:
                if fault.name != "InvalidProperty":
                    raise
                self._tells_usage = False  # a host before vSphere API 4.0
        return await _read(session, "VirtualMachine", _SIZE, page)

    async def describe(self, domain: Domain) -> DomainDescription:
        """Return what a domain is made of, and where it is; see `Inspector.describe`."""
        session = self._session()
        reference = ManagedObjectReference("VirtualMachine", domain.reference)
        call = calls.retrieve_domain_hardware(session.content.property_collector, reference)
        try:
            found = await session.call(call)
        except Fault as fault:
            if fault.name == "ManagedObjectNotFound":
                raise _gone(domain) from fault
            raise
        if found is None:
            raise HostError(
                f"the host does not tell what {domain.name!r} is made of; is it accessible, and "
                "may the user see it?"
            )
        hardware, host = found
        path = None if host is None else await self._datacenter_path(session, host)
        return DomainDescription(hardware, path)

    async def _datacenter_path(self, session: Session, host: ManagedObjectReference) -> str | None:
        """Return where a host is; it is renamed or moved seldom, and described often."""
        known = self._datacenter_paths.get(host)
        if known is None or self._now() - known[0] >= _PLACE_SECONDS:
            path = await datacenter_path(session, host)
            known = self._datacenter_paths[host] = (self._now(), path)
        return known[1]

    def product_version(self) -> str:
        """Return the version of the product, which the session knows."""
        return self._session().content.about.version

    async def host_hardware(self) -> HostHardware:
        """Return what the first host is made of; see `Inspector.host_hardware`."""
        session = self._session()
        collector = session.content.property_collector
        for host in self._hosts():
            reference = ManagedObjectReference("HostSystem", host)
            found = await _shown(session, calls.retrieve_host_hardware(collector, reference))
            if found is not None:
                return found
        raise HostError("the host does not tell what it is made of; may the user see it?")

    async def snapshots(self, domain: Domain) -> Sequence[Snapshot]:
        """Return the snapshots of a domain; see `Inspector.snapshots`."""
        session = self._session()
        reference = ManagedObjectReference("VirtualMachine", domain.reference)
        call = calls.retrieve_snapshots(session.content.property_collector, reference)
        return await _shown(session, call) or ()

    async def with_snapshots(self) -> frozenset[str]:
        """Return which domains have snapshots; see `Inspector.with_snapshots`."""
        return await self._told(self._with_snapshots, self._read_with_snapshots)

    async def _read_with_snapshots(self) -> frozenset[str]:
        session = self._session()
        return frozenset(
            [
                content.obj.value
                for page in _pages([*self._domains()], _TREES_AT_A_TIME)
                for content in await _read(session, "VirtualMachine", (_SNAPSHOT,), page)
                if _SNAPSHOT in content.properties
            ]
        )

    async def autostarted(self) -> frozenset[str]:
        """Return which domains are started with their host; see `Inspector.autostarted`."""
        return await self._told(self._autostarted, self._read_autostarted)

    async def _read_autostarted(self) -> frozenset[str]:
        session = self._session()
        contents = await _read(session, "HostSystem", (_AUTOSTART,), [*self._hosts()])
        managers = {content.properties.get(_AUTOSTART) for content in contents}
        found: frozenset[str] = frozenset()
        for manager in managers:
            if isinstance(manager, str):
                reference = ManagedObjectReference("HostAutoStartManager", manager)
                call = calls.retrieve_autostarted(session.content.property_collector, reference)
                found |= await _shown(session, call) or frozenset()
        return found

    async def host_figures(self) -> HostFigures:
        """Return those of the hosts; see `Inspector.host_figures`."""
        return await self._told(self._host_figures, self._read_host_figures)

    async def _read_host_figures(self) -> HostFigures:
        contents = await _read(self._session(), "HostSystem", _HOST, [*self._hosts()])
        return _host_figures([content.properties for content in contents])

    async def _told(self, known: _Known[T], read: Callable[[], Awaitable[T]]) -> T:
        """Return what is known for less than a moment, or read it."""
        async with self._turn(known.turn):
            if known.value is None or not self._is_fresh(known.read_at):
                known.value = await read()
                known.read_at = self._now()
            return known.value


def _pages(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Return the items, so many at a time."""
    return (items[first : first + size] for first in range(0, len(items), size))


def _gone(domain: Domain) -> NoSuchDomain:
    return NoSuchDomain(f"no domain with matching name '{domain.name}'")


async def _shown(session: Session, call: Call[T | None]) -> T | None:
    """Make a call about one object; return None if the host has it no more."""
    try:
        return await session.call(call)
    except Fault as fault:
        if fault.name != "ManagedObjectNotFound":
            raise
        return None


async def _read(
    session: Session, kind: str, properties: tuple[str, ...], references: Sequence[str]
) -> list[ObjectContent]:
    """Read properties of objects; those that are gone by now are left out."""
    if not references:
        return []
    objects = tuple(ObjectSpec(ManagedObjectReference(kind, each)) for each in references)
    spec = PropertyFilterSpec((PropertySpec(kind, properties),), objects)
    call = calls.retrieve_properties(session.content.property_collector, (spec,))
    try:
        return await session.call(call)
    except Fault as fault:
        if fault.name != "ManagedObjectNotFound":
            raise
        if len(references) == 1:
            return []
    # One that is gone fails the call for all of them.
    half = len(references) // 2
    first = await _read(session, kind, properties, references[:half])
    return first + await _read(session, kind, properties, references[half:])


def _domain_figures(properties: Mapping[str, PropertyValue]) -> DomainFigures:
    memory, vcpus, annotation, limit, cpu, guest, host = (
        properties.get(name) for name in _SIZE + _USAGE
    )
    return DomainFigures(
        memory=_kib(memory),
        memory_limit=_kib(limit),  # -1 where it is not limited
        vcpus=_number(vcpus),
        annotation=annotation if isinstance(annotation, str) and annotation else None,
        cpu_usage=_number(cpu),
        guest_memory_usage=_kib(guest),
        host_memory_usage=_kib(host),
    )


def _host_figures(hosts: Sequence[Mapping[str, PropertyValue]]) -> HostFigures:
    first = hosts[0] if hosts else {}
    name, domain, model = (
        first.get(each) for each in (_HOST[0], _HOST[1], "summary.hardware.cpuModel")
    )

    usages = [_kib(host.get("summary.quickStats.overallMemoryUsage")) for host in hosts] or [None]

    def total(path: str) -> int:
        return min(_MOST, sum(_numbers(hosts, path)))

    return HostFigures(
        name=".".join(str(each) for each in (name, domain) if each) or None,
        cpu_model=str(model or ""),
        cpu_mhz=min(_MOST, _bytes(first.get("hardware.cpuInfo.hz")) // 1_000_000),
        packages=total("hardware.cpuInfo.numCpuPackages"),
        cores=total("hardware.cpuInfo.numCpuCores"),
        threads=total("hardware.cpuInfo.numCpuThreads"),
        numa_nodes=total("hardware.numaInfo.numNodes"),
        memory=sum(_bytes(host.get("hardware.memorySize")) for host in hosts) // 1024,
        memory_usage=None if None in usages else sum(each or 0 for each in usages),
        most_vcpus=max(_numbers(hosts, "capability.maxSupportedVcpus"), default=0),
    )


def _numbers(hosts: Iterable[Mapping[str, PropertyValue]], path: str) -> list[int]:
    return [_number(host.get(path)) or 0 for host in hosts]


def _number(value: PropertyValue | None) -> int | None:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit():
        return None
    # Of VI's int: what is more is none, and has no place in libvirt's messages.
    return int(value) if len(value) <= _MOST_DIGITS and int(value) <= _MOST else None


def _bytes(value: PropertyValue | None) -> int:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit():
        return 0
    return int(value) if len(value) <= _MOST_DIGITS_OF_LONG else 0


def _kib(mebibytes: PropertyValue | None) -> int | None:
    number = _number(mebibytes)
    return None if number is None else number * _MIB
