"""Figures of domains and hosts are read when they are asked for, as seldom as can be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from eventd.connections.inspection import Inspection
from eventd.connections.session import Session
from eventd.errors import HostError, HostUnreachable, NoSuchDomain
from eventd.model.domain import Domain
from eventd.simulator.world import World
from eventd.simulator.world.settings import INSTANT, Product
from tests.conftest import StartVcsim
from tests.connections.test_datastore import logged_in, session_with


def a_world(product: Product = "esx", *, domains: int = 3, hosts: int = 1) -> World:
    world = World(
        product=product, domains=domains, hosts=hosts, pace=INSTANT, now=datetime.now(UTC)
    )
    world.advance(world.now)
    return world


def domain_of(world: World, name: str) -> Domain:
    reference = world.domain(name).value
    return Domain(connection="lab", reference=reference, uuid="u", name=name, id=-1)


class Counting(Session):
    """A session that counts what it asks for."""

    asked = 0
    takes = 0.0
    now = 100.0

    async def call(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        self.asked += 1
        self.now += self.takes
        return await super().call(*args, **kwargs)  # type: ignore[arg-type]


class Looked:
    """An inspection of a world, its time, and how often it has asked."""

    def __init__(self, world: World, session: Session) -> None:
        self.world = world
        self.session = Counting(session._transport, session.content, session.api_version)
        self.inspection = Inspection(
            lambda: self.session,
            domains=lambda: [domain_of(world, name).reference for name in world.domains.names],
            hosts=lambda: [host.value for host in world.inventory.hosts],
            now=lambda: self.session.now,
        )

    def asked(self) -> int:
        """Return how often the host was asked since this was asked last."""
        count, self.session.asked = self.session.asked, 0
        return count


@asynccontextmanager
async def looking(world: World) -> AsyncIterator[Looked]:
    async with session_with(world) as (_, session):
        yield Looked(world, session)


async def test_the_size_of_a_domain_is_that_of_its_configuration() -> None:
    """KiB, as libvirt counts; what VI does not tell is None."""
    async with looking(a_world()) as looked:
        figures = await looked.inspection.figures(domain_of(looked.world, "web01"))
    assert (figures.memory, figures.vcpus) == (512 * 1024, 1)
    assert figures.annotation is None
    assert figures.cpu_usage == 0


async def test_what_a_domain_uses_is_told() -> None:
    """MHz and KiB."""
    world = a_world()
    domain = world.domain("web01")
    world.domains.set_powered_on(domain, world.now)
    async with looking(world) as looked:
        figures = await looked.inspection.figures(domain_of(world, "web01"))
    assert figures.cpu_usage == world.objects.read(domain, "summary.quickStats.overallCpuUsage")
    assert (figures.guest_memory_usage, figures.host_memory_usage) == (64 * 1024, 300 * 1024)


@pytest.mark.parametrize(
    ("limit", "current"), [(-1, 512), (256, 256), (1024, 512)], ids=["none", "less", "more"]
)
async def test_a_limit_of_memory_is_what_a_domain_may_use(limit: int, current: int) -> None:
    """As libvirt's ESX driver has it; a limit beyond what the domain has limits nothing."""
    world = a_world()
    world.objects.assign(world.domain("web01"), "config.memoryAllocation.limit", limit)
    async with looking(world) as looked:
        figures = await looked.inspection.figures(domain_of(world, "web01"))
    assert (figures.memory, figures.current_memory) == (512 * 1024, current * 1024)


async def test_who_asks_for_one_domain_reads_one() -> None:
    """And who asks again at once is told the same."""
    async with looking(a_world()) as looked:
        web01 = domain_of(looked.world, "web01")
        first = await looked.inspection.figures(web01)
        assert looked.asked() == 1
        assert await looked.inspection.figures(web01) is first
        assert looked.asked() == 0
        looked.session.now += 1
        assert await looked.inspection.figures(web01) is not first
        assert looked.asked() == 1


async def test_who_goes_through_all_domains_reads_twice() -> None:
    """As collectd does: the second one tells that there will be more."""
    async with looking(a_world(domains=5)) as looked:
        for name in looked.world.domains.names:
            await looked.inspection.figures(domain_of(looked.world, name))
        assert looked.asked() == 2
        assert len(await looked.inspection.all_figures()) == 5
        assert looked.asked() == 0


async def test_a_slow_reading_is_as_good_as_a_quick_one() -> None:
    """Counted from its beginning, it would be old when it is there, and each domain read anew."""
    async with looking(a_world(domains=5)) as looked:
        looked.session.takes = 3.0
        for name in looked.world.domains.names:
            await looked.inspection.figures(domain_of(looked.world, name))
        assert looked.asked() == 2


async def test_who_asks_while_others_do_is_told_what_they_are() -> None:
    """As many monitors do at the full minute."""
    async with looking(a_world(domains=5)) as looked:
        await asyncio.gather(*[looked.inspection.all_figures() for _ in range(9)])
        await asyncio.gather(*[looked.inspection.host_figures() for _ in range(9)])
        assert looked.asked() == 2


async def test_who_waits_for_a_reading_that_fails_does_not_wait_anew() -> None:
    """A host that does not answer would cost each of them a deadline of its own."""
    asked = 0

    def lost() -> Session:
        nonlocal asked
        asked += 1
        raise HostUnreachable("nobody answers")

    now = 0.0
    inspection = Inspection(lost, domains=lambda: ["1"], hosts=list, now=lambda: now)
    outcomes = await asyncio.gather(
        *[inspection.all_figures() for _ in range(5)], return_exceptions=True
    )
    assert [type(each) for each in outcomes] == [HostUnreachable] * 5
    assert asked == 1
    with pytest.raises(HostUnreachable):
        await inspection.host_figures()
    assert asked == 2  # what cannot be read of hosts says nothing of domains
    now = 1.0
    with pytest.raises(HostUnreachable):
        await inspection.all_figures()
    assert asked == 3


async def test_a_domain_that_the_host_does_not_show_is_not_asked_for_again_and_again() -> None:
    """It is not among what was read, and never will be."""
    async with looking(a_world()) as looked:
        references = [domain_of(looked.world, name).reference for name in ("web01", "db01")]
        looked.inspection._domains = lambda: [*references, "no-such"]
        await looked.inspection.all_figures()
        looked.asked()
        for _ in range(3):
            assert {*await looked.inspection.all_figures()} == {*references}
        assert looked.asked() == 0


async def test_a_domain_that_is_gone_costs_the_others_nothing() -> None:
    """The host refuses the whole question for it."""
    async with looking(a_world(domains=5)) as looked:
        references = [domain_of(looked.world, name) for name in looked.world.domains.names]
        gone = references[2]
        looked.inspection._domains = lambda: [each.reference for each in references]
        looked.world.unregister(gone.name, now=looked.world.now)
        looked.world.advance(looked.world.now)
        found = await looked.inspection.all_figures()
        assert {*found} == {each.reference for each in references} - {gone.reference}
        with pytest.raises(NoSuchDomain, match=gone.name):
            await looked.inspection.figures(gone)
        looked.session.now += 1
        with pytest.raises(NoSuchDomain, match=gone.name):
            await looked.inspection.describe(gone)


@pytest.mark.parametrize(("product", "count"), [("esx", 1), ("vpx", 3)])
async def test_the_hosts_of_a_connection_are_told_in_sum(product: Product, count: int) -> None:
    """One host has one processor with four cores; a vCenter has several hosts."""
    async with looking(a_world(product, hosts=count)) as looked:
        figures = await looked.inspection.host_figures()
        assert len(looked.world.inventory.hosts) == count
    assert (figures.packages, figures.cores, figures.threads) == (count, 4 * count, 8 * count)
    assert (figures.cpu_mhz, figures.most_vcpus) == (2000, 8)
    assert figures.name == "esx01.example"
    assert figures.memory_usage == 2048 * 1024 * count
    assert figures.memory > figures.memory_usage


async def test_hardware_is_read_as_a_whole() -> None:
    """That of a domain, and that of the host."""
    async with looking(a_world()) as looked:
        hardware = (await looked.inspection.describe(domain_of(looked.world, "web01"))).hardware
        host = await looked.inspection.host_hardware()
    assert (hardware.memory, hardware.vcpus) == (512 * 1024, 1)
    assert host.uuid


@pytest.mark.parametrize(
    ("product", "hosts", "path"), [("esx", 1, "ha-datacenter"), ("vpx", 2, "Datacenter")]
)
async def test_where_a_domain_is_is_read_once_for_each_host(
    product: Product, hosts: int, path: str
) -> None:
    """The datacenter of each."""
    async with looking(a_world(product, domains=4, hosts=hosts)) as looked:
        for name in looked.world.domains.names:
            described = await looked.inspection.describe(domain_of(looked.world, name))
            assert described.datacenter_path == path
        first = looked.asked()
        for name in looked.world.domains.names:
            await looked.inspection.describe(domain_of(looked.world, name))
        assert looked.asked() == 4 < first


async def test_a_datacenter_that_is_renamed_is_told_so_within_a_minute() -> None:
    """virt-v2v asks the host for files by this name."""
    world = a_world("vpx")
    async with looking(world) as looked:
        web01 = domain_of(world, "web01")
        assert (await looked.inspection.describe(web01)).datacenter_path == "Datacenter"
        world.objects.assign(world.inventory.datacenter, "name", "North")
        assert (await looked.inspection.describe(web01)).datacenter_path == "Datacenter"
        looked.session.now += 60
        assert (await looked.inspection.describe(web01)).datacenter_path == "North"


async def test_who_may_not_see_the_datacenter_sees_the_domain() -> None:
    """VI leaves out what it does not show."""
    world = a_world()
    world.objects.assign(world.inventory.datacenter, "name", "")
    async with looking(world) as looked:
        described = await looked.inspection.describe(domain_of(world, "web01"))
    assert described.datacenter_path is None
    assert described.hardware.vcpus == 1


async def test_the_version_of_the_product_is_known_without_asking() -> None:
    """The session was told it."""
    async with looking(a_world()) as looked:
        version = looked.inspection.product_version()
        assert looked.asked() == 0
    assert version == looked.session.content.about.version


async def test_a_host_that_starts_nothing_starts_no_domain() -> None:
    """As libvirt's ESX driver has it; read once for all domains."""
    async with looking(a_world()) as looked:
        for _ in looked.world.domains.names:
            assert await looked.inspection.autostarted() == frozenset()
        assert looked.asked() == 2


async def test_who_has_snapshots_is_read_once_for_all() -> None:
    """And again after a moment."""
    world = a_world(domains=4)
    world.create_snapshot("db01", now=world.now)
    world.advance(world.now)
    async with looking(world) as looked:
        expected = frozenset([domain_of(world, "db01").reference])
        for _ in range(2):
            assert await looked.inspection.with_snapshots() == expected
        assert looked.asked() == 1
        looked.session.now += 1
        assert await looked.inspection.with_snapshots() == expected
        assert looked.asked() == 1


async def test_without_a_host_nothing_is_read() -> None:
    """What the connection says of its host is what is told."""
    async with looking(a_world()) as looked:
        looked.inspection._hosts = list
        with pytest.raises(HostError, match="does not tell what it is made of"):
            await looked.inspection.host_hardware()
        assert (await looked.inspection.host_figures()).cores == 0

    def lost() -> Session:
        raise HostUnreachable("the host of the connection 'lab' cannot be reached now")

    inspection = Inspection(lost, domains=list, hosts=list, now=lambda: 0.0)
    with pytest.raises(HostUnreachable):
        await inspection.host_figures()


@pytest.mark.vcsim
@pytest.mark.parametrize("model", ["esx", "vpx"])
async def test_vcsim_is_read_too(vcsim: StartVcsim, model: Product) -> None:
    """A host that nobody here wrote."""
    host = vcsim(model, domains=2)
    async with logged_in(host.connection_uri, host.password) as session:
        references = [*_references(model)]
        inspection = Inspection(
            lambda: session, domains=lambda: references, hosts=list, now=lambda: 0.0
        )
        figures = await inspection.all_figures()
    assert figures
    for each in figures.values():
        assert each.memory == 32 * 1024
        assert each.vcpus == 1


def _references(model: Product) -> Iterator[str]:
    """Yield what may be the reference of a domain of vcsim's; most are not."""
    yield from (str(number) for number in range(1, 60))
    yield from (f"vm-{number}" for number in range(1, 60))
