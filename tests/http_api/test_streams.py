"""Streams as clients see them: curl for lines and server-sent events, aiohttp for WebSockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from eventd import metrics
from eventd.model.domain import DomainState
from tests.http_api.fake_daemon import Daemon, MakeDaemon, domain_of, started, stopped, uuid_of
from tests.http_api.talk import subscribers


class Curl:
    """curl, following a stream."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.output = process.stdout
        self._headers = process.stderr

    async def head(self) -> str:
        return (await self._headers.readuntil(b"\r\n\r\n")).decode()

    async def record(self) -> Any:
        return json.loads(await self.output.readline())

    async def block(self) -> list[str]:
        """One server-sent event."""
        return (await self.output.readuntil(b"\n\n")).decode().splitlines()[:-1]


@asynccontextmanager
async def curl(socket_path: Path, query: str, *options: str) -> AsyncIterator[Curl]:
    process = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--show-error", "--no-buffer", *options,
        # Only there, curl flushes headers before the first byte of a body has come.
        "--dump-header", "/dev/stderr",
        "--unix-socket", str(socket_path), f"http://eventd/v1/events{query}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Curl(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def opened(daemon: Daemon, query: str = "") -> AsyncIterator[aiohttp.ClientResponse]:
    connector = aiohttp.UnixConnector(str(daemon.read_only_socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(f"http://eventd/v1/events{query}") as response,
    ):
        yield response


async def line(response: aiohttp.ClientResponse) -> Any:
    return json.loads(await response.content.readline())


def value(name: str, **labels: str) -> float:
    """The present value of one of the daemon's counters or gauges."""
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


async def until_streams_are(count: float) -> None:
    while value("eventd_subscribers") != count:  # noqa: ASYNC110  # metrics tell nobody
        await asyncio.sleep(0)


# Framings


@pytest.mark.curl
async def test_curl_follows_events_as_lines(daemon: Daemon) -> None:
    """The default: one CloudEvents record a line, as it comes."""
    async with curl(daemon.read_only_socket, "") as client:
        assert "application/x-ndjson" in await client.head()
        [first] = daemon.publish(started(1))
        assert await client.output.readline() == first.json + b"\n"
        daemon.publish(stopped(1))
        assert (await client.record())["data"]["reason"] == "destroyed"


@pytest.mark.curl
async def test_curl_follows_server_sent_events(daemon: Daemon) -> None:
    """The id of each event is the cursor from which a browser resumes."""
    async with curl(daemon.socket, "", "-H", "Accept: text/event-stream") as client:
        assert "text/event-stream" in await client.head()
        [record] = daemon.publish(started(1))
        assert await client.block() == ["id: e1-1", f"data: {record.json.decode()}"]


@pytest.mark.curl
async def test_an_http_1_0_client_gets_lines_without_chunks(daemon: Daemon) -> None:
    """HTTP/1.0 knows no chunked coding; the end of the connection is the end of the stream."""
    async with curl(daemon.socket, "", "--http1.0") as client:
        assert "Transfer-Encoding" not in await client.head()
        [record] = daemon.publish(started(1))
        assert await client.output.readline() == record.json + b"\n"


async def test_a_websocket_gets_each_record_as_a_message(daemon: Daemon) -> None:
    """The subprotocol is the one of CloudEvents."""
    connector = aiohttp.UnixConnector(str(daemon.read_only_socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect(
            "http://eventd/v1/events?type=stopped", protocols=("cloudevents.json",)
        ) as client,
    ):
        assert client.protocol == "cloudevents.json"
        [_, record] = daemon.publish(started(1), stopped(1))
        assert await client.receive_str() == record.json.decode()


# Filters


async def test_a_filter_lets_only_matching_events_through(daemon: Daemon) -> None:
    """The next record that arrives is the next that matches."""
    async with opened(daemon, f"?domain={uuid_of(2)}&domain=db-*&type=stopped") as response:
        daemon.publish(started(1), stopped(1), started(2), stopped(2))
        assert (await line(response))["sequence"].endswith("4")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?vm=web-1", "domain, connection, host, event, type, reason"),
        ("?since=yesterday", "2026-11-20T12:00:00Z"),
        ("?since=2026-11-20", "2026-11-20T12:00:00Z"),
        ("?since=1h&after=e1-1", "leave out 'after'"),
        ("?event=livecycle", "lifecycle"),
        ("?type=started&type=", "type"),
        ("?heartbeat=soon", "heartbeat"),
        ("?after=nonsense", "cursor"),
        ("?format=xml", "ndjson"),
        ("?domain=%00%ff&vm", "not a key"),
    ],
)
async def test_a_wrong_query_is_a_problem_that_says_what_is_possible(
    daemon: Daemon, query: str, expected: str
) -> None:
    """RFC 9457, with a word to switch on and libvirt's number."""
    async with opened(daemon, query) as response:
        problem = json.loads(await response.read())
    assert response.status == problem["status"] == 400
    assert response.content_type == "application/problem+json"
    assert (problem["code"], problem["libvirt_code"]) == ("invalid-argument", 8)
    assert expected in problem["detail"]


# Where a stream begins


async def test_a_stream_is_live_only_by_default(daemon: Daemon) -> None:
    """What was before the request is not told."""
    daemon.publish(started(1))
    async with opened(daemon) as response:
        daemon.publish(stopped(1))
        assert (await line(response))["cursor"] == "e1-2"


async def test_a_stream_resumes_after_a_cursor_without_hole_or_repetition(daemon: Daemon) -> None:
    """History, what is on its way to delivery, and what follows come in one order."""
    daemon.publish(started(1), stopped(1), started(2))
    async with opened(daemon, "?after=e1-1") as response:
        daemon.publish(stopped(2))
        assert [(await line(response))["cursor"] for _ in range(3)] == ["e1-2", "e1-3", "e1-4"]


async def test_a_long_history_is_read_in_order(daemon: Daemon) -> None:
    """A history that spans many pages and far exceeds the write limit arrives whole."""
    daemon.publish(*(started(number) for number in range(1000)))
    async with opened(daemon, "?after=e1-0") as response:
        cursors = [(await line(response))["cursor"] for _ in range(1000)]
    assert cursors == [f"e1-{number}" for number in range(1, 1001)]


@pytest.mark.curl
async def test_a_browser_resumes_by_its_last_event_id(daemon: Daemon) -> None:
    """``EventSource`` sends the id of the last event that it saw."""
    daemon.publish(started(1), stopped(1))
    options = ("-H", "Accept: text/event-stream", "-H", "Last-Event-ID: e1-1")
    async with curl(daemon.socket, "?snapshot=true", *options) as client:
        await client.head()
        assert (await client.block())[0] == "id: e1-2"


@pytest.mark.parametrize("cursor", ["e1-0", "e1-9", "e0-2"])
async def test_a_cursor_that_the_journal_cannot_serve_is_gone(
    make_daemon: MakeDaemon, cursor: str
) -> None:
    """Too old, from the future or of another epoch: 410 with the cursors that are usable."""
    async with make_daemon(capacity=2) as daemon:
        daemon.publish(started(1), started(2), started(3))
        async with opened(daemon, f"?after={cursor}") as response:
            problem = json.loads(await response.read())
    assert response.status == 410
    assert problem["code"] == "cursor-expired"
    assert (problem["oldest"], problem["newest"]) == ("e1-1", "e1-3")


async def test_a_snapshot_comes_first_and_live_events_follow(daemon: Daemon) -> None:
    """Every domain, then the end with the cursor, then what happened since."""
    daemon.directory.add(1)
    daemon.directory.add(2, DomainState.SHUTOFF)
    daemon.publish(started(1))
    async with opened(daemon, "?snapshot=true") as response:
        first, second, end = [await line(response) for _ in range(3)]
        daemon.publish(stopped(1))
        event = await line(response)
    assert [first["subject"], second["subject"]] == [uuid_of(1), uuid_of(2)]
    assert second["type"] == "eventd.domain.snapshot.v1"
    assert second["data"]["state_name"] == "shut off"
    assert end["type"] == "eventd.stream.snapshot-end.v1"
    assert (end["cursor"], end["data"]) == ("e1-1", {"domains": 2})
    assert event["cursor"] == "e1-2"


async def test_an_event_that_the_snapshot_includes_is_not_repeated(daemon: Daemon) -> None:
    """Recorded but not yet delivered when the snapshot is taken: it is in the snapshot."""
    daemon.directory.add(1)
    records = daemon.record(started(1))
    async with opened(daemon, "?snapshot=true") as response:
        assert (await line(response))["type"] == "eventd.domain.snapshot.v1"
        assert (await line(response))["cursor"] == "e1-1"
        daemon.delivery.publish(records)
        daemon.publish(stopped(1))
        assert (await line(response))["cursor"] == "e1-2"


async def test_a_snapshot_shows_only_the_domains_that_the_filter_names(daemon: Daemon) -> None:
    """Keys about events do not matter to a state."""
    daemon.directory.add(1)
    daemon.directory.add(2)
    async with opened(daemon, "?snapshot=true&domain=web-2&type=stopped") as response:
        assert (await line(response))["data"]["domain"]["name"] == "web-2"
        assert (await line(response))["data"] == {"domains": 1}


async def test_snapshot_records_of_a_browser_have_no_id(daemon: Daemon) -> None:
    """Who loses the connection inside a snapshot has to begin anew, not to resume."""
    daemon.directory.add(1)
    async with opened(daemon, "?snapshot=true&format=sse") as response:
        assert (await response.content.readuntil(b"\n\n")).startswith(b"data: ")
        assert (await response.content.readuntil(b"\n\n")).startswith(b"id: e1-0\n")


async def test_events_during_a_long_snapshot_follow_it(daemon: Daemon) -> None:
    """The snapshot is of one moment, however long its client takes to read it."""
    for number in range(3000):
        daemon.directory.add(number)
    async with opened(daemon, "?snapshot=true") as response:
        daemon.publish(started(1), stopped(1))
        for _ in range(3000):
            assert (await line(response))["type"] == "eventd.domain.snapshot.v1"
        assert (await line(response))["cursor"] == "e1-0"
        assert [(await line(response))["cursor"] for _ in range(2)] == ["e1-1", "e1-2"]


# While it lasts


@pytest.mark.parametrize("kind", ["ndjson", "sse"])
async def test_a_heartbeat_carries_the_cursor_that_was_reached(daemon: Daemon, kind: str) -> None:
    """A filtered stream can resume behind what it did not want."""
    query = f"?heartbeat=10ms&type=stopped&format={kind}"
    async with opened(daemon, query) as response:
        daemon.publish(started(1))
        while b'"cursor":"e1-1"' not in (text := await response.content.readline()):
            pass
    assert b"eventd.stream.heartbeat.v1" in text


async def test_one_event_to_a_thousand_subscribers_is_encoded_once(
    daemon: Daemon, many_files: None
) -> None:
    """Everyone gets the event, and its encoding is made a single time."""
    clients = await subscribers(daemon.read_only_socket, 1000)
    before = value("eventd_events_encoded_total")
    [record] = daemon.publish(started(1))
    for reader, _ in clients:
        assert await reader.readline() == record.json + b"\n"
    assert value("eventd_events_encoded_total") == before + 1
    for _, writer in clients:
        writer.close()
        await writer.wait_closed()


async def test_the_gauge_counts_open_streams(daemon: Daemon) -> None:
    """Streams that are over are not counted any more."""
    before = value("eventd_subscribers")
    async with opened(daemon):
        assert value("eventd_subscribers") == before + 1
    await until_streams_are(before)


# Slow readers


@asynccontextmanager
async def stuck_client(
    daemon: Daemon, query: str = "", *, version: str = "1.0", **headers: str
) -> AsyncIterator[socket.socket]:
    """A client that has subscribed and reads no further than the headers."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        await loop.sock_connect(client, str(daemon.read_only_socket))
        lines = [f"GET /v1/events{query} HTTP/{version}", "Host: eventd"]
        lines += [f"{name}: {text}" for name, text in headers.items()]
        await loop.sock_sendall(client, "\r\n".join([*lines, "", ""]).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += await loop.sock_recv(client, 1)
        yield client


async def read_lines(client: socket.socket) -> list[Any]:
    """Everything until the daemon ends the stream."""
    loop = asyncio.get_running_loop()
    body = b""
    while data := await loop.sock_recv(client, 1 << 20):
        body += data
    return [json.loads(text) for text in body.splitlines()]


def disconnected_as_fell_behind() -> float:
    return value("eventd_subscribers_disconnected_total", reason="fell-behind")


BIG = "x" * 10_000


async def test_a_reader_that_pauses_catches_up_and_loses_nothing(daemon: Daemon) -> None:
    """Slowness alone ends no stream: what does not fit into its limit waits in the journal."""
    count = 500
    async with stuck_client(daemon) as client, opened(daemon) as healthy:
        for number in range(count):
            daemon.publish(started(number, message=BIG))
            assert (await line(healthy))["cursor"] == f"e1-{number + 1}"
        body = b""
        while body.count(b"\n") < count:
            body += await asyncio.get_running_loop().sock_recv(client, 1 << 20)
    cursors = [json.loads(text)["cursor"] for text in body.splitlines()]
    assert cursors == [f"e1-{number}" for number in range(1, count + 1)]


async def test_a_reader_that_the_journal_cannot_serve_any_more_is_told_so_and_closed(
    make_daemon: MakeDaemon,
) -> None:
    """No silent hole: the last record is a gap; the neighbour has every event."""
    before = disconnected_as_fell_behind()
    async with make_daemon(capacity=50) as daemon, stuck_client(daemon) as client:
        async with opened(daemon) as healthy:
            for number in range(500):
                daemon.publish(started(number, message=BIG))
                assert (await line(healthy))["cursor"] == f"e1-{number + 1}"
        *events, gap = await read_lines(client)
    assert [event["cursor"] for event in events] == [f"e1-{n + 1}" for n in range(len(events))]
    assert gap["type"] == "eventd.stream.gap.v1"
    assert gap["data"]["reason"] == "fell-behind"
    assert gap["data"]["after"] == events[-1]["cursor"]
    assert gap["cursor"] == gap["data"]["oldest"]
    assert disconnected_as_fell_behind() == before + 1


async def test_a_websocket_that_the_journal_cannot_serve_any_more_is_closed_to_try_again(
    make_daemon: MakeDaemon,
) -> None:
    """1013: the client may come back at once, with a new beginning."""
    async with make_daemon(capacity=50) as daemon:
        connector = aiohttp.UnixConnector(str(daemon.read_only_socket))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.ws_connect("http://eventd/v1/events") as client,
        ):
            transport = client._writer.transport
            assert isinstance(transport, asyncio.Transport)
            transport.pause_reading()
            for number in range(500):
                daemon.publish(started(number, message=BIG))
                await asyncio.sleep(0)
            transport.resume_reading()
            texts = []
            while (message := await client.receive()).type is aiohttp.WSMsgType.TEXT:
                texts.append(message.data)
    assert json.loads(texts[-1])["type"] == "eventd.stream.gap.v1"
    assert message.data == aiohttp.WSCloseCode.TRY_AGAIN_LATER


async def test_an_ended_reader_that_never_reads_is_cut(make_daemon: MakeDaemon) -> None:
    """What it has not taken in time is thrown away, and its connection with it."""
    before = value("eventd_subscribers")
    async with make_daemon(capacity=50, closing_timeout=0.0) as daemon, stuck_client(daemon):
        for number in range(500):
            daemon.publish(started(number, message=BIG))
            await asyncio.sleep(0)
        await until_streams_are(before)


# The end


async def test_streams_end_in_order_when_the_daemon_stops(make_daemon: MakeDaemon) -> None:
    """A client sees the end of the stream, not a broken connection."""
    async with make_daemon() as daemon:
        connector = aiohttp.UnixConnector(str(daemon.socket))
        session = aiohttp.ClientSession(connector=connector)
        lines = await session.get("http://eventd/v1/events")
        websocket = await session.ws_connect("http://eventd/v1/events")
        reading = asyncio.ensure_future(websocket.receive())
    async with session:
        assert await lines.content.read() == b""
        assert (await reading).type is aiohttp.WSMsgType.CLOSE
        assert websocket.close_code == aiohttp.WSCloseCode.GOING_AWAY


async def test_a_domain_filter_is_by_uuid_across_renames(daemon: Daemon) -> None:
    """A UUID goes on matching whatever the domain is called."""
    renamed = started(1).model_copy(
        update={"domain": domain_of(1).model_copy(update={"name": "x"})}
    )
    async with opened(daemon, f"?domain={uuid_of(1).upper()}") as response:
        daemon.publish(started(2), renamed)
        assert (await line(response))["data"]["domain"]["name"] == "x"
