"""A daemon that may have 64 descriptors, and more clients than that."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.daemons import DaemonProcess, write_configuration
from tests.faults.host import Host
from tests.faults.subscriber import Subscriber, until_ready

DESCRIPTORS = 64
PATIENCE = 40.0


def ask_for_streams(path: Path, clients: ExitStack, count: int) -> None:
    """Ask for so many streams, and read none of them."""
    for _ in range(count):
        client = clients.enter_context(socket.socket(socket.AF_UNIX))
        client.connect(str(path))
        client.sendall(b"GET /v1/events HTTP/1.0\r\n\r\n")


async def test_clients_beyond_the_descriptors_cost_neither_the_host_nor_the_log(
    tmp_path: Path,
) -> None:
    """The host is followed meanwhile, also when it has to be connected anew; the log says it once.

    When the clients go, others are served again.
    """
    host = Host(seed=1, clock=lambda: datetime.now(UTC))
    async with asyncio.timeout(PATIENCE), host.serve() as server, asyncio.TaskGroup() as tasks:
        configuration = write_configuration(tmp_path, server.whole_uri)
        daemon = DaemonProcess(configuration, descriptors=DESCRIPTORS)
        await daemon.start()
        await until_ready(daemon.socket)
        early = Subscriber("early", daemon.socket)
        reading = tasks.create_task(early.run())
        await early.until(lambda: early.connections == 1)
        with ExitStack() as clients:
            ask_for_streams(daemon.socket, clients, 2 * DESCRIPTORS)

            await server.stop()
            await server.start()
            host.happen()

            await early.until(lambda: len(early.validator.told) > 0)
            assert len(os.listdir(f"/proc/{daemon.pid}/fd")) < DESCRIPTORS
        late = Subscriber("late", daemon.socket)
        reading_late = tasks.create_task(late.run())
        await late.until(lambda: late.connections == 1)
        reading.cancel()
        reading_late.cancel()
        await daemon.stop()
    log = daemon.log.read_text("utf-8")
    assert "Traceback" not in log
    assert log.count("event=client_refused") <= 3  # once, and again when some had gone
