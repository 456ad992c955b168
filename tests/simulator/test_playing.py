"""Scenarios on the network, as a client of theirs sees them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import timedelta

import aiohttp
import pytest

from eventd.errors import EventdError
from eventd.simulator import SimulatorServer, World, serve
from eventd.simulator.playing import play
from eventd.simulator.scenario import parse
from tests.simulator.test_server import Client

PATIENCE = 20
"""Seconds after which a test fails; all that is awaited comes at once."""

SCRIPT = """
title = "A user pulls the plug"
domains = { web01 = "on" }
pace = { queued = 0, running = 0 }

[[steps]]
after = 0
do = "power_off"
name = "web01"
"""


class Stage:
    """The servers of a scenario that is played, and what is written about it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.servers: asyncio.Queue[SimulatorServer] = asyncio.Queue()

    def listening(self, world: World, port: int) -> AbstractAsyncContextManager[SimulatorServer]:
        return self._serve(world, port)

    @asynccontextmanager
    async def _serve(self, world: World, port: int) -> AsyncIterator[SimulatorServer]:
        async with serve(world, port=port) as server:
            self.servers.put_nowait(server)
            yield server

    async def play(self, script: str, *, once: bool = True) -> None:
        await play(
            parse(script, name="x.toml"),
            listening=self.listening,
            port=0,
            once=once,
            write=self.lines.append,
            rest=timedelta(),
        )


async def follow(server: SimulatorServer) -> None:
    """Wait for a change of web01, as any client does; the end of the scenario may cut it off."""
    jar = aiohttp.CookieJar(unsafe=True)  # also for addresses without a name
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        client = Client(http, server)
        await client.log_in()
        version = await client.follow("web01", "runtime.powerState")
        with suppress(aiohttp.ClientError):
            await client.call(client.wait(version))


async def test_a_scenario_begins_when_somebody_waits_for_changes() -> None:
    """It says where it can be followed, what is done, and what has to be told of it."""
    stage = Stage()

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.play(SCRIPT))
        server = await stage.servers.get()
        before = list(server.world.happened)
        await follow(server)

    assert before == []
    assert stage.lines == [
        "x.toml: A user pulls the plug",
        f"  host is vpx://root@127.0.0.1:{server.port}/?transport=http",
        "  begins when a client waits for changes",
        "   0.0 s  power_off name='web01'",
        "          web01 stopped destroyed task user:root",
    ]


async def test_a_scenario_is_played_again_at_the_same_address() -> None:
    """With a world as new."""
    stage = Stage()

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(stage.play(SCRIPT, once=False))
        first = await stage.servers.get()
        await follow(first)
        second = await stage.servers.get()
        await follow(second)
        playing.cancel()

    assert first.port == second.port
    assert first.world is not second.world
    assert stage.lines.count("   0.0 s  power_off name='web01'") == 2


async def test_a_scenario_of_two_hosts_listens_twice() -> None:
    """Lines say of which host they are."""
    stage = Stage()
    script = """
    title = "x"
    worlds = [{ name = "left", domains = { web01 = "on" } },
              { name = "right", first_host = 2, domains = { web01 = "on" } }]
    steps = [{ after = 0, do = "crash", name = "web01", world = "right" },
             { after = 0, do = "crash", name = "web01", world = "left" }]
    """

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.play(script))
        for _ in range(2):
            tasks.create_task(follow(await stage.servers.get()))

    assert stage.lines[-4:] == [
        "   0.0 s  right: crash name='web01'",
        "          right: web01 stopped crashed clean-power-off",
        "   0.0 s  left: crash name='web01'",
        "          left: web01 stopped crashed clean-power-off",
    ]


async def test_a_step_that_cannot_be_done_ends_the_scenario() -> None:
    """With the sentence that names it."""
    stage = Stage()
    playing = asyncio.ensure_future(stage.play(SCRIPT.replace('"on"', '"off"')))
    following = asyncio.ensure_future(follow(await stage.servers.get()))

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(EventdError, match=r"x.toml, step 1 \(power_off\): InvalidPowerState"):
            await playing
        await following
