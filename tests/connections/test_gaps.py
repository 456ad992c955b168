"""What the embedded simulator did while nobody looked, told when it is reached again.

What is told of odd clocks and histories in detail is shown in tests/tracking; here it is read of a
host, through its collectors.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from eventd.journal.memory import MemoryJournal
from eventd.model.events import ConnectionResynchronised
from eventd.simulator import INSTANT, SimulatorServer, World, serve
from eventd.simulator.world.faults import InvalidArgument
from eventd.simulator.world.settings import Product
from tests.conftest import StartVcsim
from tests.connections.following import Following, following

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Clock:
    """The time of the host and of eventd, as a test sets it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """Return the present moment."""
        return self.now

    def go_on(self, **span: float) -> datetime:
        """Let time pass; return the present moment then."""
        self.now += timedelta(**span)
        return self.now


class Play:
    """A simulator that runs by a test's clock, and a journal that outlives those who follow it."""

    def __init__(self, server: SimulatorServer, clock: Clock) -> None:
        self.server = server
        self.world = server.world
        self.clock = clock
        self.names = server.world.domains.names
        self._journal = MemoryJournal("test")

    def follow(self) -> AbstractAsyncContextManager[Following]:
        """Start eventd, with what it knew when it was stopped."""
        return following(
            self.server.whole_uri, password="pass", journal=self._journal, clock=self.clock
        )

    def flap(self, name: str, *, times: int = 1, minutes: float = 1) -> list[str]:
        """Let a domain that is off go on and off; return what is to be told of it."""
        for _ in range(times):
            self.world.power_on(name, now=self.clock.go_on(minutes=minutes))
            self.world.power_off(name, now=self.clock.go_on(minutes=minutes))
        return [f"{name} started booted", f"{name} stopped destroyed"] * times


@asynccontextmanager
async def play(
    product: Product = "esx", *, first_host: int = 1, port: int = 0
) -> AsyncIterator[Play]:
    """Serve a host with four domains, all off, since noon."""
    clock = Clock()
    world = World(product=product, domains=4, pace=INSTANT, now=clock(), first_host=first_host)
    async with serve(world, clock=clock, port=port) as server:
        yield Play(server, clock)


async def back(followed: Following) -> list[str]:
    """Return what is told until the connection says that it is true again."""
    told = []
    while (sentence := await followed.told()) != "resynchronised":
        told.append(sentence)
    return told


@pytest.mark.parametrize("product", ["esx", "vpx"])
async def test_thousands_of_missed_events_are_told_with_their_causes(product: Product) -> None:
    """Three days of flaps of all domains; none is lost, doubled, synthetic or out of order."""
    async with play(product) as host:
        async with host.follow() as followed:
            assert await followed.told() == "connected"
        expected = []
        for round_ in range(1500):
            expected += host.flap(host.names[round_ % 4], minutes=1.4)
        assert host.clock() - NOON > timedelta(days=2)

        with capture_logs() as logs:
            async with host.follow() as followed:
                assert await followed.told() == "stale"
                told, times = [], []
                while (sentence := await followed.told()) != "connected":
                    told.append(sentence)
                    assert followed.last is not None
                    assert not followed.last.synthetic
                    times.append(followed.last.occurred_at)
                assert await followed.told() == "resynchronised"
                resynchronised = followed.last
                assert not followed.has_more

        assert told == expected
        assert all(one < other for one, other in pairwise(times))
        assert isinstance(resynchronised, ConnectionResynchronised)
        assert resynchronised.synced_at == NOON
        assert [entry for entry in logs if entry["log_level"] == "warning"] == []


async def test_a_host_that_was_lost_for_days_is_told_as_after_a_restart_of_eventd() -> None:
    """What was known is kept in the process."""
    async with play() as host, host.follow() as followed:
        assert await followed.told() == "connected"
        port = host.server.port
        await host.server.stop()
        assert await followed.told() == "disconnected"
        expected = host.flap(host.names[0], times=300, minutes=10)
        assert host.server.port == port
        await host.server.start()

        assert await back(followed) == [*expected, "connected"]


@pytest.mark.parametrize(
    "ahead", [timedelta(days=-1), timedelta(minutes=-10), timedelta(days=1)], ids=str
)
async def test_a_clock_that_was_set_in_the_gap_hides_nothing(ahead: timedelta) -> None:
    """The collector is asked for events of a time when others have been told already."""
    async with play() as host:
        name = host.names[0]
        async with host.follow() as followed:
            assert await followed.told() == "connected"
            expected = host.flap(name, times=60, minutes=10)
            assert [await followed.told() for _ in expected] == expected
        expected = host.flap(name, times=2)
        host.world.set_clock(ahead, now=host.clock.go_on(minutes=1))
        expected += host.flap(name, times=2)
        host.clock.go_on(minutes=1)

        for missed in (expected, []):
            async with host.follow() as followed:
                assert await followed.told() == "stale"
                assert await back(followed) == [*missed, "connected"]
                assert not followed.has_more


async def test_a_history_that_was_cleared_costs_causes_alone() -> None:
    """As of a bare host that was restarted: what the pictures show is told all the same."""
    async with play() as host:
        name = host.names[0]
        async with host.follow() as followed:
            assert await followed.told() == "connected"
            expected = host.flap(name)
            assert [await followed.told() for _ in expected] == expected
        host.world.power_on(name, now=host.clock.go_on(hours=1))
        host.world.forget_events(now=host.clock.go_on(hours=1))

        async with host.follow() as followed:
            assert await followed.told() == "stale"
            assert await back(followed) == [f"{name} started booted", "connected"]
            host.world.power_off(name, now=host.clock.go_on(minutes=1))
            assert await followed.told() == f"{name} stopped destroyed"
            assert not followed.has_more


async def test_a_history_that_is_not_given_from_that_time_on_is_followed_from_now_on() -> None:
    """A host may refuse a time; the next causes are told again."""
    async with play() as host:
        name = host.names[0]
        async with host.follow() as followed:
            assert await followed.told() == "connected"
        host.world.power_on(name, now=host.clock.go_on(hours=1))
        host.world.fail_next("CreateCollectorForEvents", InvalidArgument("filter"), times=2)
        host.clock.go_on(hours=1)

        async with host.follow() as followed:
            assert await followed.told() == "stale"
            assert await back(followed) == [f"{name} started booted", "connected"]
            host.world.power_off(name, now=host.clock.go_on(minutes=1))
            assert await followed.told() == f"{name} stopped destroyed"


async def test_another_host_at_the_same_address_is_another_host() -> None:
    """Its references are those of the one before."""
    async with play() as host:
        host.world.power_on(host.names[0], now=host.clock.go_on(minutes=1))
        async with host.follow() as followed:
            assert await followed.told() == "connected"
            await host.server.stop()
            assert await followed.told() == "disconnected"
            async with play(first_host=2, port=host.server.port) as other:
                old = [f"{name} undefined removed" for name in host.names]
                new = [f"{name} defined added" for name in other.names]
                told = await back(followed)

                assert sorted(told) == sorted(
                    [f"{host.names[0]} stopped shutdown", *old, *new, "connected"]
                )
                assert {*told[:5]} == {f"{host.names[0]} stopped shutdown", *old}
                resynchronised = followed.last
                assert isinstance(resynchronised, ConnectionResynchronised)
                assert resynchronised.reinstalled
                assert resynchronised.missed == 9
                name = other.names[1]
                other.world.power_on(name, now=other.clock.go_on(minutes=1))
                assert await followed.told() == f"{name} started booted"


@pytest.mark.vcsim
async def test_another_vcenter_at_the_same_address_is_another_one(vcsim: StartVcsim) -> None:
    """Its domains have the same references and UUIDs, and are others all the same."""
    host = vcsim("vpx", hosts=1)
    async with following(host.connection_uri, password=host.password) as followed:
        assert await followed.told() == "connected"
        names = followed.domains
        host.stop()
        assert await followed.told() == "disconnected"
        host.instance_uuid = "00000000-0000-4000-8000-000000000001"
        host.start()

        told = await back(followed)

    assert sorted(told) == sorted(
        [
            "connected",
            *(
                f"{name} {what}"
                for name in names
                for what in (
                    "stopped shutdown",
                    "undefined removed",
                    "defined added",
                    "started booted",
                )
            ),
        ]
    )
    assert isinstance(followed.last, ConnectionResynchronised)
    assert followed.last.reinstalled
