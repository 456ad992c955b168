"""Plays scenarios on the network, in real time, and says what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime, timedelta

from eventd.simulator.scenario import Due, Scenario
from eventd.simulator.server import SimulatorServer
from eventd.simulator.world import World

__all__ = ["play"]

_REST = timedelta(seconds=3)
"""From the last step until the end: longer than what any step of ours sets going."""

Write = Callable[[str], None]

Listening = Callable[[World, int], AbstractAsyncContextManager[SimulatorServer]]
"""Puts a world on a port."""


async def play(
    scenario: Scenario,
    *,
    listening: Listening,
    port: int,
    once: bool,
    write: Write,
    rest: timedelta = _REST,
) -> None:
    """Serve the worlds of a scenario and play it, again and again unless ``once``.

    Further worlds are on the ports that follow ``port``; port 0 takes free ones. A round begins
    when a client waits for changes on each world, and ends ``rest`` after the last step. The next
    one begins with the same hosts as they were at first, and clients have to log in again.

    Raises:
        EventdError: a step cannot be done; and what ``listening`` raises.
    """
    ports = {name: port and port + index for index, name in enumerate(scenario.expect)}
    while True:
        async with AsyncExitStack() as serving:
            servers = {
                name: await serving.enter_async_context(listening(world, ports[name]))
                for name, world in scenario.build(now=_now()).items()
            }
            ports = {name: server.port for name, server in servers.items()}
            await _Round(scenario, servers, write).run(rest)
        if once:
            return
        write("and once more")


def _now() -> datetime:
    return datetime.now(UTC)


class _Round:
    """One performance of a scenario, from the announcement to the end."""

    def __init__(
        self, scenario: Scenario, servers: Mapping[str, SimulatorServer], write: Write
    ) -> None:
        self._scenario = scenario
        self._servers = servers
        self._write = write
        self._written = dict.fromkeys(servers, 0)

    async def run(self, rest: timedelta) -> None:
        """Announce the hosts, wait for clients, and play."""
        self._write(f"{self._scenario.name}: {self._scenario.title}")
        for name, server in self._servers.items():
            self._write(f"  {name} is {server.whole_uri}")
        self._write("  begins when a client waits for changes")
        for server in self._servers.values():
            await server.until_a_call_waits()
        start = _now()
        worlds = {name: server.world for name, server in self._servers.items()}
        end = start
        for due in self._scenario.play(worlds, start=start):
            await self._wait_until(due.at)
            self._write(f"{(due.at - start).total_seconds():6.1f} s  {self._line(due)}")
            due.perform(_now())
            end = due.at
        await self._wait_until(end + rest)

    async def _wait_until(self, at: datetime) -> None:
        await asyncio.sleep(max(0.0, (at - _now()).total_seconds()))
        for name, server in self._servers.items():
            server.world.advance(_now())
            lines = self._scenario.told(name, server.world)
            for line in lines[self._written[name] :]:
                self._write(f"          {self._named(name, line)}")
            self._written[name] = len(lines)

    def _line(self, due: Due) -> str:
        return self._named(due.step.world, str(due.step))

    def _named(self, world: str, line: str) -> str:
        return line if len(self._servers) == 1 else f"{world}: {line}"
