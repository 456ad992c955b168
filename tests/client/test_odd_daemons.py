"""Daemons that are newer than the client, or no daemons of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from eventd.client import Client
from eventd.errors import DaemonError, DaemonUnreachable
from eventd.model import cloudevents
from eventd.model.control import Heartbeat
from eventd.model.record import Cursor, EventRecord
from tests.client.things import at_once, scripted
from tests.http_api.fake_daemon import NOW, started

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


@asynccontextmanager
async def odd_session(path: Path, talk: Talk) -> AsyncIterator[Client]:
    """Serve callback sessions that say what a test wants."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await talk(websocket)
        async for _ in websocket:
            pass
        return websocket

    application = web.Application()
    application.router.add_get("/v1/callbacks", serve)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(path)).start()
        async with Client(path) as client:
            yield client
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "[1]",
        '{"callback_id": 0, "event": {}}',
        '{"callback_id": 0, "event": {"type": "eventd.domain.lifecycle.started.v1"}}',
        '{"callback_id": 0, "event": {"type": []}}',
        '{"registered": "zero"}',
        '{"deregistered": 0}',
        b"\xff",
        "x" * (2 * 1024 * 1024),
    ],
)
async def test_a_message_that_cannot_be_understood_ends_a_session_with_an_error(
    tmp_path: Path, message: str | bytes
) -> None:
    """Who waits for an answer gets it; the program's own task is not touched."""

    async def talk(websocket: web.WebSocketResponse) -> None:
        await websocket.receive()
        send = websocket.send_str if isinstance(message, str) else websocket.send_bytes
        await send(message)  # type: ignore[arg-type]  # each gets its own type

    async with odd_session(tmp_path / "odd.sock", talk) as client:
        with pytest.raises(DaemonError, match="cannot be understood; use a client and a daemon"):
            await client.register("lifecycle", lambda record: None)
        await client.wait_closed()


async def test_an_answer_that_nobody_asked_for_ends_a_session(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Answers have no name but their order, which is lost; the log says that callbacks are gone."""

    async def talk(websocket: web.WebSocketResponse) -> None:
        await websocket.receive()
        await websocket.send_str('{"registered": 0}')
        await websocket.send_str('{"registered": 1}')

    async with odd_session(tmp_path / "odd.sock", talk) as client:
        assert await client.register("lifecycle", lambda record: None) == 0
        await client.wait_closed()
        while not caplog.records:  # noqa: ASYNC110  # nobody is told
            await asyncio.sleep(0)
    assert "callbacks ended: " in caplog.text
    assert "nobody has asked for" in caplog.text


async def test_what_only_a_newer_client_knows_is_skipped(tmp_path: Path) -> None:
    """An event of an unknown type, and a message of an unknown kind."""
    unknown = b'{"type": "eventd.domain.balloon.v1", "data": {}, "cursor": "e1-1"}'
    known = EventRecord.of(started(1), cursor=Cursor("e1", 2), recorded_at=NOW)

    async def talk(websocket: web.WebSocketResponse) -> None:
        await websocket.receive()
        await websocket.send_str('{"hello": "there"}')
        await websocket.send_str('{"registered": 0}')
        for event in (unknown, known.json):
            await websocket.send_bytes(b'{"callback_id": 0, "event": %b}' % event)

    called: asyncio.Queue[EventRecord] = asyncio.Queue()
    async with odd_session(tmp_path / "odd.sock", talk) as client:
        await client.register("lifecycle", called.put_nowait)
        assert await called.get() == known


@pytest.mark.parametrize(
    "line",
    [
        b"{\n",
        b"[]\n",
        b"null\n",
        b'{"type": "eventd.domain.lifecycle.started.v1", "data": {}}\n',
        b'{"type": "eventd.stream.snapshot-end.v1", "data": {}, "cursor": "?"}\n',
        b'{"type": 1, "data": 1}' * 100_000,
    ],
)
async def test_a_line_that_cannot_be_understood_is_the_daemons_error(
    tmp_path: Path, line: bytes
) -> None:
    """Every error of a client is one of its own, whatever the daemon says."""
    async with scripted(tmp_path / "odd.sock", line) as (_, client):
        with pytest.raises(DaemonError, match="cannot be understood"):
            await anext(client.events())


@pytest.mark.parametrize(
    "line",
    [
        b"{\n",
        b"[]\n",
        b'{"progress": {}}\n',
        b'{"result": {"operation": "explode"}}\n',
        b'{"problem": "no"}\n',
        b'{"news": 1}\n',
    ],
)
async def test_an_account_that_cannot_be_understood_is_the_daemons_error(
    tmp_path: Path, line: bytes
) -> None:
    """Nobody can say what came of the operation."""
    async with scripted(tmp_path / "odd.sock", line) as (_, client):
        with pytest.raises(DaemonError, match="cannot be understood"):
            await client.operate("web-1", "start", report=lambda _: None)


async def test_an_account_without_an_end_is_an_error(tmp_path: Path) -> None:
    """The daemon may have been stopped."""
    line = b'{"progress": {"key": "task-1", "description_id": "x", "state": "running"}}\n'
    async with scripted(tmp_path / "odd.sock", line) as (_, client):
        with pytest.raises(DaemonUnreachable, match="ended the connection"):
            await client.operate("web-1", "start", report=lambda _: None)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"domains": [{}], "connections": 1}'])
async def test_an_answer_that_cannot_be_understood_is_the_daemons_error(
    tmp_path: Path, body: bytes
) -> None:
    """The present state is read as carefully as a stream."""
    async with scripted(tmp_path / "odd.sock", *[body] * 7) as (_, client):
        for asking in (
            client.domains(),
            client.connections(),
            client.callbacks(),
            client.questions(),
            client.configuration("web-1"),
            client.answer("q-1", "1"),
            client.operate("web-1", "start"),
        ):
            with pytest.raises(DaemonError, match="cannot be understood"):
                await asking


async def test_a_reconnecting_stream_resumes_where_its_last_heartbeat_was(tmp_path: Path) -> None:
    """Of a quiet stream's old place the journal may know nothing any more."""
    beat = cloudevents.control(Heartbeat(), cursor="e1-7", now=NOW) + b"\n"
    unknown = b'{"type": "eventd.domain.balloon.v1", "data": {}, "cursor": "e1-9"}\n'
    record = EventRecord.of(started(1), cursor=Cursor("e1", 10), recorded_at=NOW)
    answers = (beat, unknown, record.json + b"\n")
    async with scripted(tmp_path / "odd.sock", *answers) as (daemon, client):
        assert await anext(client.events(reconnect=True, delays=at_once)) == record
    assert daemon.asked == [
        "/v1/events?heartbeat=15s",
        "/v1/events?heartbeat=15s&after=e1-7",
        "/v1/events?heartbeat=15s&after=e1-9",
    ]


async def test_an_empty_cursor_is_refused(client: Client) -> None:
    """It is a mistake, not the wish to begin with what comes."""
    with pytest.raises(DaemonError, match="not a cursor"):
        await anext(client.events(after=""))
