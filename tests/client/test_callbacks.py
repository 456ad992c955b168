"""Callbacks of a client, and the session that they are registered in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import structlog

from eventd.client import Client
from eventd.errors import DaemonError, DaemonUnreachable, ErrorCode
from eventd.model.ids import EventId, EventKind
from eventd.model.record import EventRecord
from tests.http_api.fake_daemon import Daemon, serving, started, stopped, uuid_of


async def test_a_registered_callback_is_called(daemon: Daemon, client: Client) -> None:
    """With the record, for its own domain only."""
    called: asyncio.Queue[EventRecord] = asyncio.Queue()
    await client.register("lifecycle", called.put_nowait, domain=uuid_of(2))
    [_, second] = daemon.publish(started(1), started(2))
    assert await called.get() == second


async def test_an_event_can_be_named_by_word_kind_or_number(daemon: Daemon, client: Client) -> None:
    """libvirt's people have the number, everybody else the word."""
    for event in ("lifecycle", EventKind.LIFECYCLE, EventId.LIFECYCLE):
        await client.register(event, lambda record: None)
    kinds = [registration.kind for registration in daemon.registry.registrations()]
    assert kinds == [EventKind.LIFECYCLE] * 3


async def test_the_same_callback_is_called_once_for_each_registration(
    daemon: Daemon, client: Client
) -> None:
    """Each has its own id, and goes by its own id."""
    called: asyncio.Queue[EventRecord] = asyncio.Queue()
    first = await client.register("lifecycle", called.put_nowait)
    second = await client.register("lifecycle", called.put_nowait)
    assert first != second
    [record] = daemon.publish(started(1))
    assert [await called.get(), await called.get()] == [record, record]
    await client.deregister(first)
    [after] = daemon.publish(stopped(1))
    assert await called.get() == after
    assert called.empty()


async def test_a_callback_may_deregister_itself_and_wait_for_it(
    daemon: Daemon, client: Client
) -> None:
    """What still waits for it is not told any more."""
    calls: list[int] = []
    marker: asyncio.Queue[EventRecord] = asyncio.Queue()

    async def once(record: EventRecord) -> None:
        calls.append(record.sequence)
        await client.deregister(callback_id)

    callback_id = await client.register("lifecycle", once)
    await client.register("lifecycle", marker.put_nowait)
    daemon.publish(started(1), stopped(1))
    assert [(await marker.get()).sequence for _ in range(2)] == [1, 2]
    assert calls == [1]


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError])
async def test_a_callback_that_raises_disturbs_no_other(
    daemon: Daemon,
    client: Client,
    error: type[BaseException],
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is logged in the standard way, prints nothing, and stays registered."""
    called: asyncio.Queue[EventRecord] = asyncio.Queue()

    def fail(record: EventRecord) -> None:
        raise error

    with structlog.testing.capture_logs():  # the daemon's own, which is in this process
        await client.register("lifecycle", fail)
        await client.register("lifecycle", called.put_nowait)
        daemon.publish(started(1), stopped(1))
        assert [(await called.get()).sequence for _ in range(2)] == [1, 2]
    entries = [each for each in caplog.records if each.name == "eventd.client"]
    assert [each.exc_info[0] for each in entries if each.exc_info] == [error, error]
    assert capsys.readouterr().out == ""


async def test_a_callback_that_cancels_its_own_task_ends_only_that_call(
    daemon: Daemon, client: Client
) -> None:
    """The next event finds it registered."""
    seen: list[int] = []
    marker: asyncio.Queue[EventRecord] = asyncio.Queue()

    async def cancel_itself(record: EventRecord) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        seen.append(record.sequence)
        await asyncio.sleep(0)

    await client.register("lifecycle", cancel_itself)
    await client.register("lifecycle", marker.put_nowait)
    daemon.publish(started(1), stopped(1))
    assert [(await marker.get()).sequence for _ in range(2)] == [1, 2]
    assert seen == [1, 2]


async def test_a_refused_registration_is_the_daemons_error(client: Client) -> None:
    """The session goes on."""
    with pytest.raises(DaemonError, match="UUID") as error:
        await client.register("lifecycle", lambda record: None, domain="web-1")
    assert error.value.code is ErrorCode.INVALID_ARG
    with pytest.raises(DaemonError, match="known are lifecycle"):
        await client.register("livecycle", lambda record: None)
    with pytest.raises(DaemonError, match="could not find event callback 77"):
        await client.deregister(77)
    assert await client.register("lifecycle", lambda record: None) == 0


async def test_callbacks_go_with_their_client(daemon: Daemon) -> None:
    """Nothing is left in the registry."""
    async with Client(daemon.socket) as client:
        await client.register("lifecycle", lambda record: None)
    while daemon.registry.registrations():  # noqa: ASYNC110  # the registry tells nobody
        await asyncio.sleep(0)


async def test_a_client_learns_that_the_daemon_has_ended_its_callbacks(tmp_path: Path) -> None:
    """``wait_closed`` returns; a new registration begins a new session."""
    async with Client(tmp_path / "eventd.sock") as client:
        async with serving(tmp_path):
            await client.register("lifecycle", lambda record: None)
        await client.wait_closed()
        with pytest.raises(DaemonUnreachable):
            await client.register("lifecycle", lambda record: None)
        async with serving(tmp_path) as daemon:
            await client.register("lifecycle", lambda record: None)
            assert len(daemon.registry.registrations()) == 1
