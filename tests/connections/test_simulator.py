"""Connections to the embedded simulator: what goes wrong on a real network, from end to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import pytest

from eventd.connections.transport import ANSWER_BYTES
from eventd.errors import EventdError, HostUnreachable, LoginRefused, MalformedAnswer
from eventd.simulator.fault_injection import FaultInjection
from eventd.simulator.server import SimulatorServer, serve
from eventd.simulator.world import World
from eventd.simulator.world.faults import NotAuthenticated
from eventd.simulator.world.settings import INSTANT, Product
from tests.connections.certificates import Certificates
from tests.connections.following import Following, following

Mishap = Callable[[FaultInjection, str], None]

WAITS = "WaitForUpdatesEx"


@asynccontextmanager
async def simulator(
    product: Product = "esx",
    *,
    api_version: str = "8.0.2.0",
    certificates: Certificates | None = None,
    page_size: int = 100,
    powered_on: bool = False,
) -> AsyncIterator[SimulatorServer]:
    """Serve a host with four domains; a vCenter has two hosts, which take turns."""
    world = World(
        product=product,
        domains=4,
        hosts=2 if product == "vpx" else 1,
        api_version=api_version,
        pace=INSTANT,
        powered_on=powered_on,
        now=datetime.now(UTC),
    )
    context = certificates.server_context(certificates.self_signed) if certificates else None
    async with serve(world, ssl_context=context, page_size=page_size) as server:
        yield server


def at(server: SimulatorServer, path: str = "") -> AbstractAsyncContextManager[Following]:
    """Follow a host, or the part of it that a path names."""
    base, _, query = server.uri.partition("?")
    authority = base.split("/")[2]
    return following(f"{server.world.product}://{authority}/{path}?{query}", password="pass")


@pytest.fixture
def name() -> str:
    """The name of a domain of each simulator."""
    return World(domains=1, now=datetime.now(UTC)).domains.names[0]


def sessions_of(server: SimulatorServer) -> int:
    """Return how many sessions are logged in."""
    return len(server.service.sessions)


# --- every version of the API ---------------------------------------------------------------------


@pytest.mark.parametrize("api_version", ["2.5", "4.0", "4.1", "6.5", "8.0.2.0"])
async def test_a_host_of_any_version_is_followed_and_logged_out_of(
    api_version: str, name: str
) -> None:
    """Before 4.1 with the calls of that time."""
    async with simulator(api_version=api_version) as server:
        async with at(server) as followed:
            assert await followed.told() == "connected"
            server.world.power_on(name, now=server.now())
            assert await followed.told() == f"{name} started booted"
            server.world.power_off(name, now=server.now())
            assert await followed.told() == f"{name} stopped destroyed"
            assert sessions_of(server) == 1
        assert sessions_of(server) == 0
        assert not followed.has_more


async def test_a_picture_in_pages_is_one_picture() -> None:
    """A page of one object each: nothing is told until all are there."""
    async with simulator(page_size=1) as server, at(server) as followed:
        assert await followed.told() == "connected"
        assert len(followed.domains) == 4
        assert not followed.has_more


async def test_a_host_with_tls_is_followed(certificates: Certificates, name: str) -> None:
    """The session's cookie is marked as secure there."""
    async with simulator(certificates=certificates) as server:
        async with at(server) as followed:
            assert await followed.told() == "connected"
            server.world.power_on(name, now=server.now())
            assert await followed.told() == f"{name} started booted"
        assert sessions_of(server) == 0


# --- sessions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("api_version", ["4.0", "8.0.2.0"])
async def test_a_session_that_expires_in_mid_wait_costs_nothing_but_a_login(
    api_version: str, name: str
) -> None:
    """The change of that moment is told once, and the connection was never lost."""
    async with simulator(api_version=api_version) as server, at(server) as followed:
        assert await followed.told() == "connected"

        server.expire_sessions()
        server.world.power_on(name, now=server.now())

        assert await followed.told() == f"{name} started booted"
        assert await followed.told() == "resynchronised"
        assert (await followed.failure()).message.startswith("the host refused WaitForUpdates")
        assert not followed.has_more
        assert sessions_of(server) == 1


@pytest.mark.parametrize(
    "method",
    ["CreatePropertyCollector", "CreateContainerView", "CreateFilter", "CurrentTime", WAITS],
)
async def test_a_session_may_expire_at_any_call(method: str) -> None:
    """Each call of the way to the first picture."""
    async with simulator() as server:
        service_instance = server.world.inventory.service_instance
        server.world.fail_next(method, NotAuthenticated(service_instance))
        async with at(server) as followed:
            assert await followed.told() == "connected"
            assert (await followed.failure()).message.startswith(f"the host refused {method}")
            assert not followed.has_more


async def test_a_wrong_password_is_refused_once() -> None:
    """The sentence names host and user."""
    async with simulator() as server:
        async with following(server.uri, password="wrong") as followed:
            error = await followed.failure()
        assert sessions_of(server) == 0
    assert isinstance(error, LoginRefused)
    assert error.message.startswith(f"{followed.source} refused the login of user 'root': ")
    assert error.message.endswith("or by a restart of eventd)")


# --- the network ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["RetrieveServiceContent", "Login", "CreateFilter", WAITS])
@pytest.mark.parametrize(
    ("mishap", "error", "sentence"),
    [
        (FaultInjection.drop, HostUnreachable, "{} closed the connection before answering"),
        (FaultInjection.cut, HostUnreachable, "the answer of {} was cut in the middle"),
        (
            FaultInjection.truncate,
            MalformedAnswer,
            "the answer to {method} is not well-formed XML: ",
        ),
        (
            FaultInjection.garble,
            MalformedAnswer,
            "the answer to {method} is not well-formed XML: ",
        ),
        (
            lambda faults, method: faults.inflate(ANSWER_BYTES, method),
            MalformedAnswer,
            "the answer of {} is larger than 33554432 bytes, which is the most that is taken",
        ),
        (
            lambda faults, method: faults.status(503, method),
            HostUnreachable,
            "{} is not ready: HTTP status 503",
        ),
    ],
    ids=["dropped", "cut", "truncated", "garbled", "inflated", "busy"],
)
async def test_a_mishap_is_one_sentence_and_then_the_host_is_followed(
    mishap: Mishap, error: type[EventdError], sentence: str, method: str, name: str
) -> None:
    """Whatever goes wrong, wherever: it is classified, and tried again."""
    async with simulator() as server:
        mishap(server.faults, method)
        async with at(server) as followed:
            failure = await followed.failure()
            assert await followed.told() == "connected"
            server.world.power_on(name, now=server.now())
            assert await followed.told() == f"{name} started booted"
            assert not followed.has_more

    assert type(failure) is error
    assert failure.message.startswith(sentence.format(followed.endpoint, method=method))
    assert "\n" not in failure.message


async def test_what_happens_while_the_host_is_away_is_told_once(name: str) -> None:
    """The service restarts: sessions and versions are gone, the domains are not."""
    async with simulator() as server, at(server) as followed:
        assert await followed.told() == "connected"
        await server.stop()
        assert await followed.told() == "disconnected"
        assert followed.is_stale

        server.world.power_on(name, now=server.now())
        await server.start()

        assert await followed.told() == f"{name} started booted"
        assert await followed.told() == "connected"
        assert not followed.is_stale


async def test_a_host_that_comes_and_goes_leaves_no_session_behind(name: str) -> None:
    """Each login has its logout, as long as the host knows the session."""
    async with simulator() as server:
        async with at(server) as followed:
            assert await followed.told() == "connected"
            for _ in range(20):
                server.faults.drop(WAITS)
                for turn in (server.world.power_on, server.world.power_off):
                    # The first ends the present wait, the second the one that is dropped.
                    turn(name, now=server.now())
                    await asyncio.sleep(0)
                while await followed.told() != "connected":
                    pass
                assert sessions_of(server) == 1
        assert sessions_of(server) == 0


async def test_one_bad_host_does_not_disturb_the_others(name: str) -> None:
    """Each connection has its own fate."""
    async with (
        simulator() as good,
        simulator() as bad,
        at(good) as followed,
        at(bad) as troubled,
    ):
        assert await followed.told() == await troubled.told() == "connected"
        for _ in range(3):
            bad.faults.garble()
        bad.expire_sessions()
        for turn, told in (
            (good.world.power_on, "started booted"),
            (good.world.suspend, "suspended paused"),
            (good.world.power_on, "resumed unpaused"),
            (good.world.power_off, "stopped destroyed"),
        ):
            turn(name, now=good.now())
            assert await followed.told() == f"{name} {told}"
        assert await troubled.told() == "disconnected"
        assert await troubled.told() == "connected"
        assert not followed.has_more


# --- the event history ----------------------------------------------------------------------------


@pytest.mark.parametrize("product", ["esx", "vpx"])
async def test_a_storm_between_two_answers_is_told_to_its_end(product: Product, name: str) -> None:
    """The properties show one change, the doorbell one event; the history has all 500."""
    async with simulator(product) as server, at(server) as followed:
        assert await followed.told() == "connected"
        for _ in range(250):
            server.world.power_on(name, now=server.now())
            server.world.power_off(name, now=server.now())

        told = [await followed.told() for _ in range(500)]

        assert told == [f"{name} started booted", f"{name} stopped destroyed"] * 250
        assert not followed.has_more


# --- scopes ---------------------------------------------------------------------------------------


async def test_a_domain_that_leaves_the_scope_is_migrated_away_and_gone() -> None:
    """And who follows the place that it moves to sees it come."""
    async with (
        simulator("vpx", powered_on=True) as server,
        at(server, "Datacenter/Cluster/esx01.example") as source,
        at(server, "Datacenter/Cluster/esx02.example") as target,
    ):
        assert await source.told() == await target.told() == "connected"
        assert len(source.domains) == len(target.domains) == 2
        domain = min(source.domains)

        server.world.migrate(domain, "esx02.example", now=server.now())

        assert [await source.told() for _ in range(2)] == [
            f"{domain} stopped migrated",
            f"{domain} undefined removed",
        ]
        assert [await target.told() for _ in range(2)] == [
            f"{domain} defined added",
            f"{domain} started migrated",
        ]
