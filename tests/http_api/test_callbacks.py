from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog

from eventd import metrics
from eventd.errors import CursorExpired
from eventd.model.record import Cursor, EventRecord
from tests.http_api.fake_daemon import (
    Daemon,
    FailingJournal,
    MakeDaemon,
    started,
    stopped,
    uuid_of,
)

URL = "http://eventd/v1/callbacks"


class Client:
    """A client of the registry, message by message."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket

    async def ask(self, request: object) -> Any:
        await self.websocket.send_json(request)
        return await self.receive()

    async def register(self, event: str = "lifecycle", **filters: str) -> int:
        answer = await self.ask({"register": {"event": event, **filters}})
        assert isinstance(answer["registered"], int)
        return answer["registered"]

    async def receive(self) -> Any:
        return json.loads(await self.websocket.receive_str())


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[Client]:
    connector = aiohttp.UnixConnector(str(path))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect(URL) as websocket,
    ):
        yield Client(websocket)


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with connected(daemon.read_only_socket) as session:
        yield session


def transport_of(client: Client) -> asyncio.Transport:
    transport = client.websocket._writer.transport
    assert isinstance(transport, asyncio.Transport)
    return transport


def registered(daemon: Daemon) -> list[int]:
    return [registration.id for registration in daemon.registry.registrations()]


async def until_none_is_registered(daemon: Daemon) -> None:
    while daemon.registry.registrations():  # noqa: ASYNC110  # the registry tells nobody
        await asyncio.sleep(0)


async def test_a_registered_callback_is_called_with_its_id_and_the_record(
    daemon: Daemon, client: Client
) -> None:
    """The record is the one that streams carry."""
    callback_id = await client.register()
    [record] = daemon.publish(started(1))
    called = await client.receive()
    assert called == {"callback_id": callback_id, "event": json.loads(record.json)}


async def test_ids_come_from_one_counter_of_the_daemon(daemon: Daemon, client: Client) -> None:
    """Whoever registers, an id is given once."""
    assert await client.register() == 0
    assert daemon.registry.register(0, lambda record, opaque: None) == 1
    assert await client.register() == 2


async def test_the_same_wish_can_be_registered_many_times(daemon: Daemon, client: Client) -> None:
    """Each registration is called by itself, in the order of registration."""
    ids = [await client.register() for _ in range(3)]
    daemon.publish(started(1))
    assert [(await client.receive())["callback_id"] for _ in range(3)] == ids


async def test_a_filter_by_domain_is_by_uuid(daemon: Daemon, client: Client) -> None:
    """Events of other domains are not told."""
    await client.register(domain=uuid_of(2).upper())
    daemon.publish(started(1), started(2))
    assert (await client.receive())["event"]["subject"] == uuid_of(2)


async def test_a_filter_by_event_keeps_to_its_kind(daemon: Daemon, client: Client) -> None:
    """Who registers for reboots hears nothing of the lifecycle."""
    await client.register("reboot")
    lifecycle = await client.register("lifecycle")
    daemon.publish(started(1))
    assert (await client.receive())["callback_id"] == lifecycle


async def test_only_events_after_the_registration_are_told(daemon: Daemon, client: Client) -> None:
    """What is recorded but not yet delivered was before it."""
    records = daemon.record(started(1))
    await client.register()
    daemon.delivery.publish(records)
    daemon.publish(stopped(1))
    assert (await client.receive())["event"]["cursor"] == "e1-2"


async def test_a_deregistered_callback_is_not_called_again(daemon: Daemon, client: Client) -> None:
    """The answer carries the id; others go on."""
    first, second = await client.register(), await client.register()
    assert await client.ask({"deregister": first}) == {"deregistered": first}
    daemon.publish(started(1))
    assert (await client.receive())["callback_id"] == second


async def test_a_callback_of_another_client_cannot_be_deregistered(
    daemon: Daemon, client: Client
) -> None:
    """The answer is the same as for an id that was never given."""
    mine = await client.register()
    async with connected(daemon.socket) as other:
        answer = await other.ask({"deregister": mine})
        unknown = await other.ask({"deregister": 77})
    assert answer["error"]["code"] == unknown["error"]["code"] == "invalid-argument"
    assert answer["error"]["libvirt_code"] == 8
    assert answer["error"]["message"] == f"could not find event callback {mine} for deletion"
    assert mine in registered(daemon)


@pytest.mark.parametrize(
    "request_",
    [
        {"register": {"event": "livecycle"}},
        {"register": {"event": 0}},
        {"register": {}},
        {"register": {"event": "lifecycle", "domain": "web-1"}},
        {"register": {"event": "lifecycle", "domain": 7}},
        {"register": {"event": "lifecycle", "name": "web-1"}},
        {"register": {"event": "lifecycle"}, "deregister": 1},
        {"deregister": "1"},
        {"deregister": True},
        {"deregister": -1},
        {"deregister": 10**30},
        {"subscribe": {}},
        {},
        [],
        "register",
        None,
    ],
)
async def test_a_wrong_request_is_answered_with_an_error_and_the_session_goes_on(
    client: Client, request_: object
) -> None:
    """One sentence for each mistake; what was registered stays."""
    callback_id = await client.register()
    answer = await client.ask(request_)
    assert answer["error"]["code"] == "invalid-argument"
    assert answer["error"]["message"]
    assert await client.ask({"deregister": callback_id}) == {"deregistered": callback_id}


@pytest.mark.parametrize("text", ["", "{", "\x00", "[" * 2000])
async def test_text_that_is_no_json_is_answered_with_an_error(client: Client, text: str) -> None:
    """Garbage does not end the session."""
    await client.websocket.send_str(text)
    assert (await client.receive())["error"]["code"] == "invalid-argument"
    await client.websocket.send_bytes(b"\xff\xfe")
    assert (await client.receive())["error"]["code"] == "invalid-argument"


async def test_a_message_that_is_too_long_closes_the_session(
    daemon: Daemon, client: Client
) -> None:
    """Nobody makes the daemon keep a megabyte; the callbacks go with the session."""
    await client.register()
    await client.websocket.send_str("x" * 100_000)
    message = await client.websocket.receive()
    assert message.type is aiohttp.WSMsgType.CLOSE
    assert message.data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    await until_none_is_registered(daemon)


async def test_a_client_cannot_register_without_end(daemon: Daemon, client: Client) -> None:
    """The cap of the registry holds for a client; the answer names it."""
    for _ in range(1024):
        await client.register("reboot")
    answer = await client.ask({"register": {"event": "reboot"}})
    assert answer["error"]["code"] == "limit-reached"
    assert "1024" in answer["error"]["message"]


async def test_callbacks_go_with_a_client_that_closes(daemon: Daemon) -> None:
    """Nothing of it is left in the registry."""
    async with connected(daemon.socket) as client:
        await client.register()
    await until_none_is_registered(daemon)


async def test_callbacks_go_in_the_turn_in_which_a_connection_is_cut(daemon: Daemon) -> None:
    """A client that was killed does not even see the next event."""
    async with connected(daemon.socket) as client, connected(daemon.socket) as survivor:
        await client.register()
        kept = await survivor.register()
        transport_of(client).abort()
        while len(registered(daemon)) > 1:  # noqa: ASYNC110  # the registry tells nobody
            await asyncio.sleep(0)
        assert registered(daemon) == [kept]


async def test_the_list_tells_owner_and_filter(daemon: Daemon, client: Client) -> None:
    """Who wants what; the process and user are the kernel's word."""
    await client.register()
    await client.register("reboot", domain=uuid_of(1))
    daemon.registry.register(0, lambda record, opaque: None)
    connector = aiohttp.UnixConnector(str(daemon.socket))
    async with aiohttp.ClientSession(connector=connector) as session:
        listed = (await (await session.get(URL)).json())["callbacks"]
    owner = {"session": "http-1", "pid": os.getpid(), "uid": os.getuid()}
    daemons_own = {"session": "daemon", "pid": None, "uid": None}
    assert listed == [
        {"callback_id": 0, "event": "lifecycle", "domain": None, "owner": owner},
        {"callback_id": 1, "event": "reboot", "domain": uuid_of(1), "owner": owner},
        {"callback_id": 2, "event": "lifecycle", "domain": None, "owner": daemons_own},
    ]


def waiting_for(daemon: Daemon) -> int:
    """Return the bytes that wait for the one client that there is."""
    [session] = daemon.api._callbacks._sessions
    return session._ready_size + session._transport.get_write_buffer_size()


async def test_a_burst_is_told_in_full_to_a_client_that_reads(make_daemon: MakeDaemon) -> None:
    """What one loop turn brings may be more than may wait: the journal has the rest."""
    async with make_daemon(write_limit=10_000) as daemon, connected(daemon.socket) as client:
        ids = [await client.register() for _ in range(3)]
        daemon.publish(*(started(number, message="x" * 1000) for number in range(100)))
        told = [await client.receive() for _ in range(300)]
        assert [(each["event"]["cursor"], each["callback_id"]) for each in told] == [
            (f"e1-{sequence}", callback_id) for sequence in range(1, 101) for callback_id in ids
        ]
        [after] = daemon.publish(stopped(1))
        assert (await client.receive())["event"] == json.loads(after.json)


async def test_a_client_that_does_not_read_costs_little_and_misses_nothing(
    make_daemon: MakeDaemon,
) -> None:
    """Nobody is closed for slowness while the journal has what follows."""
    limit = 100_000
    async with make_daemon(write_limit=limit) as daemon, connected(daemon.socket) as client:
        for _ in range(50):
            await client.register()
        transport_of(client).pause_reading()
        waited = []
        for number in range(20):
            daemon.publish(*(started(number, message="x" * 1000) for _ in range(5)))
            for _ in range(5):
                await asyncio.sleep(0)
                waited.append(waiting_for(daemon))
        assert limit < max(waited) < limit + 2000
        transport_of(client).resume_reading()
        sequences = [int((await client.receive())["event"]["sequence"]) for _ in range(5000)]
        assert sequences == [sequence for sequence in range(1, 101) for _ in range(50)]


async def test_others_go_on_beside_a_client_that_does_not_read(make_daemon: MakeDaemon) -> None:
    """They are called in the turn in which something happens, as ever."""
    async with (
        make_daemon(write_limit=5_000) as daemon,
        connected(daemon.socket) as slow,
        connected(daemon.socket) as healthy,
    ):
        await slow.register()
        callback_id = await healthy.register()
        transport_of(slow).pause_reading()
        for number in range(100):
            daemon.publish(started(number, message="x" * 4_000))
            assert (await healthy.receive())["callback_id"] == callback_id
        transport_of(slow).resume_reading()


async def test_a_client_that_is_behind_can_deregister_and_register(
    make_daemon: MakeDaemon,
) -> None:
    """After the answer the one is not called any more; the other is for what comes then."""
    async with make_daemon(write_limit=1_000) as daemon, connected(daemon.socket) as client:
        first = await client.register()
        daemon.publish(*(started(number, message="x" * 10_000) for number in range(200)))
        await client.websocket.send_json({"deregister": first})
        while (answer := await client.receive()) != {"deregistered": first}:
            assert answer["callback_id"] == first
        second = await client.register("lifecycle", domain=uuid_of(2))
        _, [wanted] = daemon.publish(stopped(1)), daemon.publish(stopped(2))
        called = await client.receive()
        assert called == {"callback_id": second, "event": json.loads(wanted.json)}


async def test_a_client_behind_what_the_journal_keeps_is_told_so_and_closed(
    make_daemon: MakeDaemon,
) -> None:
    """Events that are lost have to be said; others go on."""
    async with (
        make_daemon(write_limit=50_000, capacity=50) as daemon,
        connected(daemon.socket) as slow,
        connected(daemon.socket) as healthy,
    ):
        await slow.register()
        callback_id = await healthy.register()
        transport = transport_of(slow)
        transport.pause_reading()
        with structlog.testing.capture_logs() as entries:
            for number in range(150):
                daemon.publish(started(number, message="x" * 10_000))
                assert (await healthy.receive())["callback_id"] == callback_id
        assert registered(daemon) == [callback_id]
        [entry] = [each for each in entries if "too slowly" in each["event"]]
        assert (entry["log_level"], entry["session"], entry["pid"]) == (
            "info",
            "http-1",
            os.getpid(),
        )
        transport.resume_reading()
        while (message := await slow.websocket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.data == aiohttp.WSCloseCode.TRY_AGAIN_LATER
        assert "too slow" in str(message.extra)
    slow_ones = metrics.REGISTRY.get_sample_value(
        "eventd_subscribers_disconnected_total", {"reason": "slow-callbacks"}
    )
    assert slow_ones == 1


async def test_a_session_that_the_journal_cannot_serve_is_closed(
    make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the reason; the client registers again, and nothing is a failure of the daemon."""
    async with make_daemon(write_limit=1_000) as daemon, connected(daemon.socket) as client:
        await client.register()

        def expired(after: Cursor, *, limit: int) -> list[EventRecord]:
            raise CursorExpired("nothing is left", oldest="e1-1", newest="e1-1")

        monkeypatch.setattr(daemon.journal, "read", expired)
        daemon.publish(started(1, message="x" * 2_000), started(2))
        while (message := await client.websocket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.data == aiohttp.WSCloseCode.TRY_AGAIN_LATER


async def test_a_session_is_closed_while_the_journal_cannot_be_read(
    make_daemon: MakeDaemon,
) -> None:
    """As when the daemon goes, with a word in the log; others are called as before."""
    journal = FailingJournal("e1")
    async with (
        make_daemon(write_limit=1_000, journal=journal) as daemon,
        connected(daemon.socket) as client,
        connected(daemon.socket) as quick,
    ):
        await client.register()
        remaining = await quick.register("reboot")
        journal.is_failing = True
        with structlog.testing.capture_logs() as entries:
            daemon.publish(started(1, message="x" * 2_000), started(2))
            while (message := await client.websocket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert message.data == aiohttp.WSCloseCode.GOING_AWAY
        assert "register again" in str(message.extra)
        [entry] = [each for each in entries if each["log_level"] != "debug"]
        assert entry["log_level"] == "warning"
        assert "disk I/O error" in entry["error"]
        assert registered(daemon) == [remaining]


async def test_sessions_are_closed_when_the_daemon_stops(make_daemon: MakeDaemon) -> None:
    """The client learns that the daemon goes, not that something broke."""
    async with make_daemon() as daemon:
        session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(daemon.socket)))
        websocket = await session.ws_connect(URL)
        await Client(websocket).register()
        reading = asyncio.ensure_future(websocket.receive())
    async with session:
        assert (await reading).data == aiohttp.WSCloseCode.GOING_AWAY
    assert registered(daemon) == []
