"""Clients that come when there is no descriptor left for them."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from structlog.testing import capture_logs

from eventd.listening.accepting import room_for_clients
from tests.http_api.fake_daemon import MakeDaemon

REQUEST = b"GET /healthz HTTP/1.0\r\n\r\n"


@contextmanager
def descriptors(most: int) -> Iterator[None]:
    """Let the process have no descriptor from this number on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def next_descriptor() -> int:
    """Return the number that the next descriptor will have."""
    found = os.dup(0)
    os.close(found)
    return found


@pytest.mark.parametrize(
    ("may_have", "kept", "room"),
    [(1024, 40, 984), (8192, 40, 4096), (64, 40, 24), (64, 100, 8)],
)
def test_clients_leave_descriptors_for_all_else(may_have: int, kept: int, room: int) -> None:
    """The hosts and the journal come first; but a few clients always find room."""
    with descriptors(may_have):
        assert room_for_clients(4096, kept=kept) == room


async def test_who_finds_no_descriptor_waits_and_is_served_when_there_is_one(
    make_daemon: MakeDaemon,
) -> None:
    """It is said once, however many wait."""
    async with make_daemon() as daemon:
        with ExitStack() as closing, capture_logs() as logs:
            clients = [closing.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(20)]
            for client in clients:
                client.connect(str(daemon.read_only_socket))
                client.sendall(REQUEST)
            with descriptors(next_descriptor()):
                while not logs:  # noqa: ASYNC110 -- the log is all that tells of it
                    await asyncio.sleep(0)
            loop = asyncio.get_running_loop()
            for client in clients:
                client.setblocking(False)
                assert b"200 OK" in await loop.sock_recv(client, 1000)
    warnings = [entry for entry in logs if entry["log_level"] != "debug"]
    assert [(entry["event"], entry["error"]) for entry in warnings] == [
        ("clients_wait", "Too many open files")
    ]


async def test_beyond_all_places_clients_wait_instead_of_being_refused_without_end(
    make_daemon: MakeDaemon,
) -> None:
    """A refusal takes a descriptor too. Each gets its answer in the end, and it is logged once."""
    async with make_daemon(max_connections=1) as daemon:
        with capture_logs() as logs:
            reader, writer = await asyncio.open_unix_connection(daemon.read_only_socket)
            writer.write(b"GET /v1/events HTTP/1.0\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            silent = [
                await asyncio.open_unix_connection(daemon.read_only_socket) for _ in range(12)
            ]
            for refused, _ in silent:
                assert b"503 Service Unavailable" in await refused.readuntil(b"\r\n\r\n")
            for _, other in silent:
                other.transport.abort()
            writer.transport.abort()
    warnings = [entry["event"] for entry in logs if entry["log_level"] != "debug"]
    assert warnings == ["client_refused"]
