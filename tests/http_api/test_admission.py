"""Connections that misbehave: each is answered or closed, and its neighbour never notices."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from eventd.listening.admission import Admission, Peer, peer_of
from tests.http_api.fake_daemon import Daemon, MakeDaemon, power_on, started

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def raw(path: Path, data: bytes = b"") -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(data)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@asynccontextmanager
async def neighbour(daemon: Daemon) -> AsyncIterator[None]:
    """A well-behaved subscriber; at the end it must still get what is published."""
    connector = aiohttp.UnixConnector(str(daemon.read_only_socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get("http://eventd/v1/events") as response,
    ):
        yield
        [record] = daemon.publish(started(1))
        assert await response.content.readline() == record.json + b"\n"


def problem_in(answer: bytes) -> dict[str, object]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    problem: dict[str, object] = json.loads(body)
    return problem


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/domains HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /v1/domains HTTP/1.1\r\nHost: x\r\nContent-Length: minus\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    ],
    ids=lambda data: repr(data[:24]),
)
async def test_bytes_that_are_no_request_are_a_problem_and_the_end_of_the_connection(
    daemon: Daemon, data: bytes
) -> None:
    """One clear sentence, then the connection closes."""
    async with neighbour(daemon), raw(daemon.read_only_socket, data) as (reader, _):
        problem = problem_in(await reader.read())
        assert (problem["status"], problem["code"]) == (400, "malformed-request")


REQUESTS = (
    b"GET /v1/events?type=started HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/domains/x%41 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST /v1/domains HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde",
    b'POST /v1/questions/q-1/answer HTTP/1.1\r\nContent-Length: 15\r\n\r\n{"choice": "1"}',
    b"POST /v1/domains/web-1/start HTTP/1.1\r\nAccept: application/x-ndjson\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST /v1/domains/web-1/reset HTTP/1.1\r\nContent-Encoding: deflate\r\n"
    b"Content-Length: 10\r\n\r\nx\x9c\xab\xae\x05\x00\x01\x75\x00\xf9",
    b"GET /v1/callbacks HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    b'\x81\x90\x00\x00\x00\x00{"deregister":1}',
)


def damaged(source: random.Random) -> bytes:
    """A request with some bytes changed, left out and put in."""
    data = bytearray(source.choice(REQUESTS))
    for _ in range(source.randrange(1, 6)):
        place = source.randrange(len(data))
        data[place : place + source.randrange(3)] = source.randbytes(source.randrange(3))
    return bytes(data)


@pytest.mark.parametrize("is_read_only", [True, False])
async def test_damaged_requests_never_disturb_the_neighbour(
    daemon: Daemon, is_read_only: bool
) -> None:
    """Every connection is answered or closed, and none of it is an error of the daemon's."""
    path = daemon.read_only_socket if is_read_only else daemon.socket
    daemon.directory.add(1)
    daemon.operator.ask(1)
    daemon.operator.reports = [power_on("running", 1)]
    source = random.Random(20_261_120)
    with capture_logs() as logs:
        async with neighbour(daemon):
            for _ in range(300):
                async with raw(path, damaged(source)) as (reader, writer):
                    writer.write_eof()
                    await asyncio.gather(reader.read(), return_exceptions=True)
    assert [entry for entry in logs if entry["log_level"] != "debug"] == []


@pytest.mark.parametrize(
    "frame",
    [
        b"\xff\xff\xff\xff",
        b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\x05hello",
        b"\xc1\x80\x00\x00\x00\x00",
        b"\x89\xfe\x10\x00\x00\x00\x00\x00",
    ],
    ids=lambda frame: frame.hex(),
)
@pytest.mark.parametrize("resource", [b"/v1/events", b"/v1/callbacks"])
async def test_a_malformed_frame_ends_its_websocket_only(
    daemon: Daemon, resource: bytes, frame: bytes
) -> None:
    """Reserved bits, lengths beyond reason, unmasked text: the WebSocket closes."""
    handshake = (
        b"GET %b HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ) % resource
    async with neighbour(daemon), raw(daemon.read_only_socket, handshake) as (reader, writer):
        assert b"101 Switching" in await reader.readuntil(b"\r\n\r\n")
        writer.write(frame)
        writer.write_eof()
        await reader.read()


async def test_a_handshake_that_is_none_is_a_problem(daemon: Daemon) -> None:
    """The upgrade is asked for, but its headers are missing."""
    request = (
        b"GET /v1/events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n"
    )
    async with neighbour(daemon), raw(daemon.read_only_socket, request) as (reader, _):
        assert problem_in(await reader.read())["status"] == 400


@pytest.mark.parametrize(
    "data",
    [b"", b"GET /v1/ev", b"GET /v1/events HTTP/1.1\r\nHost: ", b"\r\n"],
    ids=repr,
)
async def test_a_request_that_does_not_come_in_time_closes_the_connection(
    make_daemon: MakeDaemon, data: bytes
) -> None:
    """Silent and half-open connections cost nothing for long; the neighbour's stream goes on."""
    async with (
        make_daemon(request_timeout=0.05) as daemon,
        neighbour(daemon),
        raw(daemon.read_only_socket, data) as (reader, _),
    ):
        with_reset = await asyncio.gather(reader.read(), return_exceptions=True)
        assert with_reset[0] == b"" or isinstance(with_reset[0], ConnectionError)


async def test_a_second_request_that_does_not_come_in_time_closes_the_connection(
    make_daemon: MakeDaemon,
) -> None:
    """An answered connection may wait for its next request no longer than for its first."""
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    async with (
        make_daemon(request_timeout=0.05) as daemon,
        neighbour(daemon),
        raw(daemon.read_only_socket, request + b"GET /v1/ev") as (reader, _),
    ):
        answer = await reader.read()
        assert answer.endswith(b'{"status":"ok"}')


async def test_a_stream_outlives_the_time_for_a_request(make_daemon: MakeDaemon) -> None:
    """The deadline is for the request only; a heartbeat shows that its time is over."""
    async with make_daemon(request_timeout=0.02) as daemon:
        request = b"GET /v1/events?heartbeat=50ms HTTP/1.0\r\n\r\n"
        async with neighbour(daemon), raw(daemon.socket, request) as (reader, _):
            await reader.readuntil(b"\r\n\r\n")
            assert b"heartbeat" in await reader.readline()


async def test_one_connection_too_many_is_refused_with_a_problem(make_daemon: MakeDaemon) -> None:
    """The cap holds over both sockets; a place that is given back can be taken again."""
    async with make_daemon(max_connections_per_user=2) as daemon, neighbour(daemon):
        async with raw(daemon.socket, b"GET /v1/events HTTP/1.0\r\n\r\n") as (first, _):
            await first.readuntil(b"\r\n\r\n")
            request = b"GET /healthz HTTP/1.0\r\n\r\n"
            async with raw(daemon.read_only_socket, request) as (reader, _):
                problem = problem_in(await reader.read())
        assert (problem["status"], problem["code"]) == (503, "too-many-connections")
        assert f"user {os.getuid()}" in str(problem["detail"])
        while not await healthy(daemon):
            pass


async def healthy(daemon: Daemon) -> bool:
    request = b"GET /healthz HTTP/1.0\r\n\r\n"
    async with raw(daemon.read_only_socket, request) as (reader, _):
        return b"200 OK" in await reader.read()


def test_the_cap_of_a_user_leaves_room_for_others() -> None:
    """One user cannot take all places."""
    admission = Admission(max_connections=3, max_connections_per_user=2)
    admission.enter(1000)
    admission.enter(1000)
    assert "user 1000" in (admission.refusal(1000) or "")
    assert admission.refusal(0) is None


def test_the_cap_of_the_daemon_holds_for_everybody() -> None:
    """Until somebody leaves."""
    admission = Admission(max_connections=2, max_connections_per_user=2)
    admission.enter(1000)
    admission.enter(1001)
    assert "eventd has 2 connections" in (admission.refusal(0) or "")
    admission.leave(1000)
    assert admission.refusal(0) is None


async def test_the_peer_is_who_connected(daemon: Daemon) -> None:
    """The kernel says it, not the client."""
    async with raw(daemon.socket) as (_, writer):
        peer = peer_of(writer.transport)
    assert peer == Peer(os.getpid(), os.getuid(), os.getgid())


async def test_a_requester_without_an_account_has_no_name(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the processes of a container may be, seen from outside."""

    def unknown(uid: int) -> object:
        raise KeyError(f"uid not found: {uid}")

    daemon.directory.add(1)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    async with raw(daemon.socket, b"POST /v1/domains/web-1/start HTTP/1.0\r\n\r\n") as (reader, _):
        assert (await reader.readline()).endswith(b" 200 OK\r\n")
    [asked] = daemon.operator.asked
    assert (asked.by.uid, asked.by.user) == (os.getuid(), None)
