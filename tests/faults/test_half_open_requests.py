"""A thousand clients that begin a request and never end it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.crowd import raise_descriptors
from tests.faults.daemons import DaemonHere, write_configuration
from tests.faults.fast_loop import Clock, run_fast
from tests.faults.host import Host
from tests.faults.subscriber import Subscriber, ask, until_ready

CLIENTS = 1000
PATIENCE = 600.0
"""Seconds of the fast loop."""

BEGINNINGS = (
    b"",
    b"G",
    b"GET /v1/domains HTTP/1.1\r\n",
    b"GET /v1/domains HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    b"POST /v1/questions/q/answer HTTP/1.1\r\nContent-Length: 100\r\n",
)
NEEDED = 2 * CLIENTS + 100
"""Descriptors: both ends of each connection are in this process."""


def test_a_thousand_half_open_requests_are_closed_and_others_served_meanwhile(
    tmp_path: Path,
) -> None:
    """None of them keeps a place; good requests are answered and streams go on while they last."""
    if not raise_descriptors(NEEDED):
        pytest.skip(f"a process may not have {NEEDED} descriptors here")

    async def play() -> None:
        clock = Clock()
        host = Host(seed=1, clock=clock)
        async with asyncio.timeout(PATIENCE), host.serve() as server, asyncio.TaskGroup() as tasks:
            configuration = write_configuration(tmp_path, server.whole_uri)
            daemon = DaemonHere(configuration, tasks, clock=clock)
            await daemon.start()
            await until_ready(daemon.socket)
            good = Subscriber("good", daemon.socket)
            reading = tasks.create_task(good.run())
            await good.until(lambda: good.connections == 1)

            ends = [tasks.create_task(half(daemon.socket, number)) for number in range(CLIENTS)]
            while not all(end.done() for end in ends):
                assert (await ask(daemon.socket, "/healthz"))[0] == 200
                count = len(good.validator.told)
                host.happen()
                await good.until(lambda count=count: len(good.validator.told) > count)  # type: ignore[misc]

            reading.cancel()
            await daemon.stop()

    run_fast(play)


async def half(socket: Path, number: int) -> None:
    """Begin a request, and return when the daemon has closed the connection."""
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(BEGINNINGS[number % len(BEGINNINGS)])
    try:
        assert await reader.read() == b""
    finally:
        writer.transport.abort()
