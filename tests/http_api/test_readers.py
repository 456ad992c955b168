"""Readers that come back: from a time, to an end, over a gap. curl judges what is complete."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from eventd.errors import CursorExpired
from eventd.model.events import Event
from eventd.model.record import Cursor, EventRecord
from tests.http_api.fake_daemon import (
    NOW,
    Daemon,
    FailingJournal,
    MakeDaemon,
    started,
    stopped,
)
from tests.http_api.talk import subscribers
from tests.http_api.test_streams import (
    BIG,
    line,
    opened,
    read_lines,
    stuck_client,
    until_streams_are,
    value,
)

_INCOMPLETE = 18
"""Exit code of curl: the transfer was closed with outstanding data remaining."""


def happened(number: int, *, ago: float) -> Event:
    """A start that happened so many seconds before `NOW`."""
    return started(number).model_copy(update={"occurred_at": NOW - timedelta(seconds=ago)})


async def curled(path: Path, query: str, *options: str) -> tuple[int | None, list[Any]]:
    """Return the exit code of curl and the lines that it has printed."""
    process = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--no-buffer", *options),
        *("--unix-socket", str(path), f"http://eventd/v1/events{query}"),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return process.returncode, [json.loads(text) for text in output.splitlines()]


def cursors(lines: list[Any]) -> list[str]:
    return [each["cursor"] for each in lines]


async def until_ended(response: aiohttp.ClientResponse) -> list[Any]:
    return [json.loads(text) async for text in response.content]


# From a time, to an end


@pytest.mark.curl
@pytest.mark.parametrize("options", [(), ("--http1.0",)])
async def test_curl_ends_when_what_was_asked_for_is_complete(
    daemon: Daemon, options: tuple[str, ...]
) -> None:
    """With the last chunk, or for HTTP/1.0 with the connection: the exit code is 0."""
    daemon.record(started(1), stopped(1), started(2))
    code, lines = await curled(daemon.read_only_socket, "?follow=false", *options)
    assert (code, cursors(lines)) == (0, ["e1-1", "e1-2", "e1-3"])
    code, lines = await curled(daemon.socket, "?after=e1-0&limit=2", *options)
    assert (code, cursors(lines)) == (0, ["e1-1", "e1-2"])
    code, lines = await curled(daemon.socket, "?follow=false&after=e1-3", *options)
    assert (code, lines) == (0, [])


@pytest.mark.curl
async def test_history_is_chosen_by_when_it_happened(daemon: Daemon) -> None:
    """From the first time on, and before the second one; not by when it was told."""
    daemon.record(*(happened(ago, ago=ago) for ago in (50, 10, 40, 30, 20)))
    query = f"?since=40s&until={(NOW - timedelta(seconds=20)).isoformat()}"
    code, lines = await curled(daemon.socket, query)
    assert (code, cursors(lines)) == (0, ["e1-3", "e1-4"])
    code, lines = await curled(daemon.socket, "?until=20s")
    assert (code, cursors(lines)) == (0, ["e1-1", "e1-3", "e1-4"])


async def test_what_is_recorded_later_is_told_whenever_it_happened(daemon: Daemon) -> None:
    """An event may be told late; who follows must not miss it for that."""
    daemon.record(happened(1, ago=5000), happened(2, ago=60))
    async with opened(daemon, "?since=1h") as response:
        assert (await line(response))["cursor"] == "e1-2"
        daemon.publish(happened(3, ago=90_000))
        assert (await line(response))["cursor"] == "e1-3"


async def test_a_stream_ends_when_the_clock_reaches_its_end(daemon: Daemon) -> None:
    """What is recorded by then is told, also when it has not been delivered yet."""
    end = NOW + timedelta(milliseconds=20)
    daemon.record(started(1))
    async with opened(daemon, f"?until={end.timestamp()}") as response:
        daemon.publish(started(2))
        assert (await line(response))["cursor"] == "e1-2"
        daemon.record(started(3))
        daemon.clock.now = end
        assert cursors(await until_ended(response)) == ["e1-3"]


async def test_no_event_after_the_end_is_told_to_a_slow_reader(daemon: Daemon) -> None:
    """When the time is over is the clock's word, not that of the reader's pace."""
    end = NOW + timedelta(milliseconds=20)
    daemon.record(*(started(number, message=BIG) for number in range(200)))
    query = f"?after=e1-0&until={end.timestamp()}"
    async with opened(daemon, query) as response:
        daemon.clock.now = end
        [stream] = daemon.api._streams._streams
        while stream._last is None:  # noqa: ASYNC110  # the timer tells nobody
            await asyncio.sleep(0)
        daemon.publish(started(201))
        lines = await until_ended(response)
    assert cursors(lines)[-1] == "e1-200"
    assert len(lines) == 200


async def test_a_limit_counts_the_events_that_the_filter_lets_through(daemon: Daemon) -> None:
    """In the history and as they come; what comes in one turn is cut where the number is full."""
    daemon.record(started(1), stopped(1), started(2))
    async with opened(daemon, "?after=e1-0&type=started&limit=4&heartbeat=10ms") as response:
        assert [(await line(response))["cursor"] for _ in range(2)] == ["e1-1", "e1-3"]
        assert (await line(response))["type"] == "eventd.stream.heartbeat.v1"
        daemon.publish(stopped(2))
        daemon.publish(started(3), stopped(3), started(4), started(5))
        events = [each for each in await until_ended(response) if "sequence" in each]
    assert cursors(events) == ["e1-5", "e1-7"]


async def test_a_snapshot_may_be_all_that_is_wanted(daemon: Daemon) -> None:
    """The present state, and then the end."""
    daemon.directory.add(1)
    daemon.record(started(1))
    async with opened(daemon, "?snapshot=true&follow=false") as response:
        types = [each["type"] for each in await until_ended(response)]
    assert types == ["eventd.domain.snapshot.v1", "eventd.stream.snapshot-end.v1"]


async def test_a_websocket_that_is_complete_is_closed_as_such(daemon: Daemon) -> None:
    """1000: there is no reason to come back."""
    records = daemon.record(started(1), stopped(1))
    connector = aiohttp.UnixConnector(str(daemon.read_only_socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect("http://eventd/v1/events?follow=false") as client,
    ):
        texts = [(await client.receive_str()).encode() for _ in records]
        message = await client.receive()
    assert texts == [record.json for record in records]
    assert (message.type, message.data) == (
        aiohttp.WSMsgType.CLOSE,
        aiohttp.WSCloseCode.OK,
    )


@pytest.mark.curl
async def test_what_the_daemon_cuts_short_is_not_complete(make_daemon: MakeDaemon) -> None:
    """A script that has asked for ten events and got one must not believe that this was all."""
    async with make_daemon() as daemon:
        before = value("eventd_subscribers")
        running = asyncio.ensure_future(curled(daemon.socket, "?limit=10"))
        await until_streams_are(before + 1)
        daemon.publish(started(1))
        await asyncio.sleep(0)
    code, lines = await running
    assert (code, cursors(lines)) == (_INCOMPLETE, ["e1-1"])


async def test_a_slow_reader_gets_all_of_a_complete_stream(make_daemon: MakeDaemon) -> None:
    """The stream is not over, and its time does not run, while its last bytes are being taken."""
    loop = asyncio.get_running_loop()
    async with make_daemon() as daemon:
        daemon.record(*(started(number, message=BIG) for number in range(24)))
        async with stuck_client(daemon, "?follow=false") as client:
            [stream] = daemon.api._streams._streams
            body, seen_ending = b"", False
            while data := await loop.sock_recv(client, 10_000):
                body += data
                if stream._transport.get_write_buffer_size():
                    seen_ending |= stream.ending is not None
                    assert stream in daemon.api._streams._streams
    assert body.count(b"\n") == 24
    assert seen_ending


async def test_a_reader_that_takes_nothing_of_the_end_is_cut(make_daemon: MakeDaemon) -> None:
    """Nobody holds a connection and its memory for ever."""
    before = value("eventd_subscribers")
    async with make_daemon(closing_timeout=0.0) as daemon:
        daemon.record(*(started(number, message=BIG) for number in range(22)))
        async with stuck_client(daemon, "?follow=false"):
            await until_streams_are(before)


# Gaps


@pytest.mark.parametrize(
    ("after", "reason", "lost", "words"),
    [
        ("e1-0", "expired", 1, "no longer has all that follows the cursor e1-0; 1 record is lost"),
        ("e0-2", "other-journal", None, "the cursor e0-2 is none of those that the journal knows"),
        ("e1-9", "other-journal", None, "the cursor e1-9 is none of those that the journal knows"),
    ],
)
async def test_a_gap_at_the_beginning_is_told_and_the_stream_goes_on(
    make_daemon: MakeDaemon, after: str, reason: str, lost: int | None, words: str
) -> None:
    """With what is still held; nothing is left out in silence."""
    async with make_daemon(capacity=2) as daemon:
        daemon.record(started(1), started(2), started(3))
        async with opened(daemon, f"?after={after}&on_gap=event") as response:
            gap, first, second = [await line(response) for _ in range(3)]
            daemon.publish(started(4))
            live = await line(response)
    message = gap["data"].pop("message")
    counted = {} if lost is None else {"lost": lost}
    assert gap["type"] == "eventd.stream.gap.v1"
    assert gap["cursor"] == "e1-1"
    assert gap["data"] == {
        "reason": reason, "after": after, "oldest": "e1-1", "newest": "e1-3", **counted
    }  # fmt: skip
    assert words in message
    assert "goes on with what is still held" in message
    assert cursors([first, second, live]) == ["e1-2", "e1-3", "e1-4"]


async def test_a_time_of_which_something_is_forgotten_is_refused_or_told_as_a_gap(
    make_daemon: MakeDaemon,
) -> None:
    """Whoever asked for an hour and got a part of it would take that for all."""
    async with make_daemon(capacity=2) as daemon:
        daemon.record(*(happened(ago, ago=ago) for ago in (3000, 2000)))
        async with opened(daemon, "?since=2h&follow=false") as response:
            assert cursors(await until_ended(response)) == ["e1-1", "e1-2"]
        daemon.record(happened(1, ago=1000))
        async with opened(daemon, "?since=1h") as response:
            problem = json.loads(await response.read())
        async with opened(daemon, "?since=1h&on_gap=event&follow=false") as response:
            gap, *events = await until_ended(response)
        async with opened(daemon, "?since=2500s&follow=false") as response:
            assert cursors(await until_ended(response)) == ["e1-2", "e1-3"]
    words = "the journal begins at 2026-11-20 12:00:00Z; it has forgotten records of the time since"
    assert (problem["status"], problem["code"]) == (410, "cursor-expired")
    assert problem["detail"].startswith(f"{words} 2026-11-20 11:00:00Z; ask with on_gap=event")
    assert (
        gap["data"].pop("message").startswith(f"{words} 2026-11-20 11:00:00Z; the stream goes on")
    )
    assert (gap["cursor"], gap["data"]) == (
        "e1-1",
        {"reason": "forgotten", "after": "e1-1", "oldest": "e1-1", "newest": "e1-3"},
    )
    assert cursors(events) == ["e1-2", "e1-3"]


@pytest.mark.parametrize("after", ["e0-1000", "e1-9"])
async def test_a_finite_stream_from_a_number_beyond_its_end_tells_the_gap(
    daemon: Daemon, after: str
) -> None:
    """The number of another journal says nothing: it is no sign that everything was told."""
    daemon.record(started(1), started(2))
    query = f"?after={after}&on_gap=event&follow=false"
    code, [gap, *events] = await curled(daemon.read_only_socket, query)
    assert (code, gap["data"]["reason"], cursors(events)) == (0, "other-journal", ["e1-1", "e1-2"])


async def test_who_falls_behind_is_told_what_is_lost_and_goes_on(make_daemon: MakeDaemon) -> None:
    """Nobody has to come back; the count of the lost ones and the events add up."""
    before = value("eventd_subscribers_disconnected_total", reason="fell-behind")
    async with make_daemon(capacity=50) as daemon, stuck_client(daemon, "?on_gap=event") as client:
        async with opened(daemon) as healthy:
            for number in range(500):
                daemon.publish(started(number, message=BIG))
                assert (await line(healthy))["cursor"] == f"e1-{number + 1}"
        loop = asyncio.get_running_loop()
        body = b""
        while b'"cursor":"e1-500"' not in body:
            body += await loop.sock_recv(client, 1 << 20)
    lines = [json.loads(text) for text in body.splitlines()]
    [gap] = [each for each in lines if each["type"] == "eventd.stream.gap.v1"]
    events = [int(each["sequence"]) for each in lines if "sequence" in each]
    begin, end = (int(gap["data"][key].split("-")[1]) for key in ("after", "oldest"))
    assert gap["data"]["reason"] == "fell-behind"
    assert gap["data"]["lost"] == end - begin == 500 - len(events)
    assert events == [*range(1, begin + 1), *range(end + 1, 501)]
    assert value("eventd_subscribers_disconnected_total", reason="fell-behind") == before


async def test_a_finite_stream_that_ends_with_a_gap_is_not_complete(
    make_daemon: MakeDaemon,
) -> None:
    """HTTP/1.1 would say with the last chunk that this was all."""
    async with make_daemon(capacity=50) as daemon:
        daemon.record(*(started(number, message=BIG) for number in range(50)))
        query = "?follow=false"
        async with stuck_client(daemon, query, version="1.1") as client:
            for number in range(200):
                daemon.publish(started(number, message=BIG))
            await asyncio.sleep(0)
            loop = asyncio.get_running_loop()
            body = b""
            while data := await loop.sock_recv(client, 1 << 20):
                body += data
    assert b'"reason":"fell-behind"' in body
    assert not body.endswith(b"0\r\n\r\n")


async def test_a_gap_that_ends_a_stream_says_what_is_lost(make_daemon: MakeDaemon) -> None:
    """The client decides with it whether that matters."""
    async with make_daemon(capacity=50) as daemon, stuck_client(daemon) as client:
        for number in range(500):
            daemon.publish(started(number, message=BIG))
            await asyncio.sleep(0)
        *events, gap = await read_lines(client)
    oldest = int(gap["data"]["oldest"].removeprefix("e1-"))
    assert gap["data"]["lost"] == oldest - len(events) > 0
    assert "read the present state" in gap["data"]["message"]


async def test_a_journal_that_cannot_be_read_at_all_ends_a_stream_with_a_gap(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that would go on behind a gap: it is told, and no failure of the daemon."""
    daemon.record(started(1))

    def expired(after: Cursor, *, limit: int) -> list[EventRecord]:
        raise CursorExpired("nothing is left", oldest="e1-1", newest="e1-1")

    monkeypatch.setattr(daemon.journal, "read", expired)
    async with opened(daemon, "?after=e1-0&on_gap=event") as response:
        [gap] = await until_ended(response)
    assert gap["type"] == "eventd.stream.gap.v1"
    assert "read the present state and go on from there" in gap["data"]["message"]


# Bounds


async def test_a_thousand_subscribers_of_which_some_do_not_read(
    daemon: Daemon, many_files: None
) -> None:
    """The others get everything, as it comes; for each, a bounded amount waits."""
    clients = await subscribers(daemon.read_only_socket, 1000)
    stuck, healthy = clients[::50], [each for number, each in enumerate(clients) if number % 50]
    for _, writer in stuck:
        transport = writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
    messages = 60
    for number in range(messages):
        [record] = daemon.publish(started(number, message=BIG))
        for reader, _ in healthy:
            assert await reader.readline() == record.json + b"\n"
    waiting = [each._transport.get_write_buffer_size() for each in daemon.api._streams._streams]
    assert len(waiting) == 1000
    assert 0 < max(waiting) <= 256 * 1024
    for reader, writer in stuck:
        writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        for number in range(messages):
            assert json.loads(await reader.readline())["cursor"] == f"e1-{number + 1}"
    for _, writer in clients:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("kind", ["ndjson", "sse", "websocket"])
async def test_a_stream_that_catches_up_has_a_bounded_amount_waiting(
    daemon: Daemon, kind: str
) -> None:
    """The history is read as its reader takes it, and then what comes, without a seam."""
    daemon.record(*(started(number, message=BIG) for number in range(200)))
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    headers = upgrade if kind == "websocket" else {"Accept": f"text/event-stream;{kind}"}
    if kind == "ndjson":
        headers = {}
    async with stuck_client(daemon, "?after=e1-0", version="1.1", **headers) as client:
        [stream] = daemon.api._streams._streams
        most = 0
        loop = asyncio.get_running_loop()
        body = b""
        for last in (200, 202):
            while b'"cursor":"e1-%d"' % last not in body:
                body += await loop.sock_recv(client, 1 << 16)
                most = max(most, stream._transport.get_write_buffer_size())
            if last == 200:
                daemon.publish(started(201), started(202))
    assert 0 < most <= 256 * 1024
    found = [body.count(b'"sequence":"%020d"' % number) for number in range(1, 203)]
    assert found == [1] * 202


@pytest.mark.parametrize("wanted", ["", "&type=started&domain=web-*"])
async def test_whoever_reads_a_history_has_nothing_decoded(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    """What comes from a file is passed on as it is, and chosen by little more than its words."""
    records = daemon.record(*(started(number) for number in range(3)))
    stored = [type(each)(each.cursor, each.json, happened=each.happened) for each in records]
    monkeypatch.setattr(daemon.journal, "_records", type(daemon.journal._records)(stored))
    async with opened(daemon, f"?follow=false&since=1h&limit=2{wanted}") as response:
        lines = await until_ended(response)
    assert cursors(lines) == ["e1-1", "e1-2"]
    assert [each._content for each in stored] == [None] * 3


# While the journal cannot be read


@pytest.mark.parametrize("query", ["?after=e1-0", "?follow=false", ""])
async def test_a_request_is_answered_that_the_journal_cannot_be_read_now(
    make_daemon: MakeDaemon, query: str
) -> None:
    """The daemon is not broken, and the cursor is as good as before."""
    journal = FailingJournal("e1")
    async with make_daemon(journal=journal) as daemon:
        daemon.record(started(1))
        journal.is_failing = True
        with capture_logs() as entries:
            async with opened(daemon, query) as response:
                problem = json.loads(await response.read())
        assert response.content_type == "application/problem+json"
        assert (response.status, problem["code"]) == (503, "journal-unusable")
        assert "disk I/O error" in problem["detail"]
        assert [each for each in entries if each["log_level"] != "debug"] == []
        journal.is_failing = False
        async with opened(daemon, "?after=e1-0") as response:
            assert (await line(response))["cursor"] == "e1-1"


async def test_a_stream_ends_as_if_the_daemon_went_when_the_journal_cannot_be_read(
    make_daemon: MakeDaemon,
) -> None:
    """All that it has told can be read to its end; the log says why it ended, and where."""
    journal = FailingJournal("e1")
    async with make_daemon(journal=journal) as daemon:
        daemon.record(*(started(number, message=BIG) for number in range(100)))
        with capture_logs() as entries:
            async with opened(daemon, "?after=e1-0") as response:
                first = await line(response)
                journal.is_failing = True
                lines = [first, *await until_ended(response)]
        told = cursors(lines)
        assert told == [f"e1-{number}" for number in range(1, len(told) + 1)]
        assert len(told) < 100
        [entry] = [each for each in entries if each["log_level"] != "debug"]
        assert (entry["log_level"], entry["cursor"]) == ("warning", told[-1])
        assert "disk I/O error" in entry["error"]


async def test_a_websocket_whose_journal_cannot_be_read_is_told_to_come_back(
    make_daemon: MakeDaemon,
) -> None:
    """With the code that it has when the daemon goes."""
    journal = FailingJournal("e1")
    async with make_daemon(journal=journal) as daemon:
        connector = aiohttp.UnixConnector(str(daemon.read_only_socket))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.ws_connect("http://eventd/v1/events?limit=2") as client,
        ):
            [first] = daemon.publish(started(1))
            assert (await client.receive()).data == first.json.decode()
            journal.is_failing = True
            daemon.publish(started(2))
            assert (await client.receive()).data == aiohttp.WSCloseCode.GOING_AWAY
