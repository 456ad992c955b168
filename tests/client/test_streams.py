"""Streams of events, over outages and gaps; durable subscriptions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from itertools import islice, repeat
from pathlib import Path

import pytest

from eventd.client import Client, DomainSnapshot, Gap, SnapshotEnd, retry_delays
from eventd.client import Heartbeat as Beat
from eventd.errors import CursorExpired, DaemonError, DaemonUnreachable, ErrorCode, InvalidArgument
from eventd.model import cloudevents
from eventd.model.control import Heartbeat
from eventd.model.events import DomainStarted
from eventd.model.record import Cursor, EventRecord
from tests.client.things import SECOND, at_once, scripted, take, until_subscribed
from tests.http_api.fake_daemon import (
    NOW,
    Daemon,
    FailingJournal,
    serving,
    started,
    stopped,
    uuid_of,
)


async def test_events_come_as_typed_records(daemon: Daemon, client: Client) -> None:
    """A record equals the one in the daemon's journal."""
    async with aclosing(client.events()) as stream:
        reading = asyncio.ensure_future(anext(stream))
        await until_subscribed(daemon)
        [published] = daemon.publish(started(1))
        record = await reading
    assert record == published
    assert isinstance(record.event, DomainStarted)


async def test_filters_are_the_daemons(daemon: Daemon, client: Client) -> None:
    """One word or several for each of them."""
    daemon.publish(started(1), stopped(1), started(2), stopped(2))
    stream = client.events(domain=uuid_of(2), type=["stopped", "crashed"], after="e1-0")
    assert [record.sequence for record in await take(stream, 1)] == [4]


async def test_a_stream_resumes_after_the_cursor_of_a_record(
    daemon: Daemon, client: Client
) -> None:
    """The cursor is given as it was got."""
    first, second = daemon.publish(started(1), stopped(1))
    assert await take(client.events(after=first.cursor), 1) == [second]


async def test_a_snapshot_comes_before_the_records(daemon: Daemon, client: Client) -> None:
    """A status for each domain, the end, then what happened since."""
    daemon.directory.add(1)
    daemon.publish(started(1))
    stream = client.events(snapshot=True)
    assert await anext(stream) == DomainSnapshot(daemon.directory.statuses[0])
    assert await anext(stream) == SnapshotEnd(Cursor("e1", 1), domains=1)
    [record] = daemon.publish(stopped(1))
    assert await anext(stream) == record


async def test_a_cursor_that_the_daemon_cannot_serve_is_expired(
    daemon: Daemon, client: Client
) -> None:
    """The error carries the cursors that are usable."""
    daemon.publish(started(1))
    with pytest.raises(CursorExpired, match="e0-7") as error:
        await take(client.events(after="e0-7"), 1)
    assert (error.value.oldest, error.value.newest) == ("e1-0", "e1-1")


async def test_a_wrong_filter_is_the_daemons_error(client: Client) -> None:
    """Its sentence, its status and libvirt's code."""
    with pytest.raises(DaemonError, match="livecycle") as error:
        await take(client.events(event="livecycle"), 1)
    assert (error.value.status, error.value.code) == (400, ErrorCode.INVALID_ARG)


async def test_a_stream_ends_when_the_daemon_stops(tmp_path: Path) -> None:
    """Without ``reconnect``, an end that the program did not ask for is not silent."""
    path = tmp_path / "eventd.sock"
    async with Client(path) as client:
        async with serving(tmp_path) as daemon:
            reading = asyncio.ensure_future(anext(client.events()))
            await until_subscribed(daemon)
        with pytest.raises(DaemonUnreachable, match=f"the daemon at {path} ended the stream; "):
            await reading


async def test_a_reconnecting_stream_resumes_where_it_was(tmp_path: Path) -> None:
    """What happened while the connection was cut is told as well, and nothing twice."""
    async with serving(tmp_path) as daemon, Client(daemon.socket) as client:
        stream = client.events(reconnect=True, delays=at_once)
        reading = asyncio.ensure_future(anext(stream))
        await until_subscribed(daemon)
        [first] = daemon.publish(started(1))
        assert await reading == first
        daemon.api._streams.close()
        [second] = daemon.publish(stopped(1))
        assert await anext(stream) == second


async def test_a_stream_that_was_cut_before_its_first_record_misses_nothing(
    tmp_path: Path,
) -> None:
    """The daemon says where the stream begins."""
    async with serving(tmp_path) as daemon, Client(daemon.socket) as client:
        daemon.publish(started(1))
        stream = client.events(reconnect=True, delays=at_once)
        reading = asyncio.ensure_future(anext(stream))
        await until_subscribed(daemon)
        daemon.api._streams.close()
        [missed] = daemon.publish(stopped(1))
        assert await reading == missed


async def test_a_reconnecting_stream_waits_for_the_daemon(tmp_path: Path) -> None:
    """It may be subscribed before the daemon is there; the delays are the caller's."""
    asked: list[float] = []

    def counted() -> Iterator[float]:
        while True:
            asked.append(0.0)
            yield 0.0

    async with Client(tmp_path / "eventd.sock") as client:
        stream = client.events(reconnect=True, snapshot=True, delays=counted)
        reading = asyncio.ensure_future(anext(stream))
        while len(asked) < 3:  # noqa: ASYNC110  # nobody is told
            await asyncio.sleep(0)
        async with serving(tmp_path):
            assert await reading == SnapshotEnd(Cursor("e1", 0), domains=0)


async def test_a_daemon_with_another_history_ends_a_reconnecting_stream(tmp_path: Path) -> None:
    """A journal that does not know the cursor cannot promise that nothing was missed."""
    async with Client(tmp_path / "eventd.sock") as client:
        stream = client.events(reconnect=True, delays=at_once)
        async with serving(tmp_path, epoch="e1") as daemon:
            reading = asyncio.ensure_future(anext(stream))
            await until_subscribed(daemon)
            daemon.publish(started(1))
            await reading
        async with serving(tmp_path, epoch="e2"):
            with pytest.raises(CursorExpired):
                await anext(stream)


async def test_a_stream_that_is_closed_lets_its_connection_go(
    daemon: Daemon, client: Client
) -> None:
    """At once: a program that turns to something else holds nothing of the daemon's."""
    daemon.record(started(1))
    stream = client.events(after="e1-0")
    await anext(stream)
    assert client._http is not None
    connector = client._http.connector
    assert connector is not None
    assert len(connector._acquired) == 1
    await stream.aclose()
    assert len(connector._acquired) == 0


async def test_a_finite_stream_ends_the_iteration(daemon: Daemon, client: Client) -> None:
    """The program has all that it asked for; nothing is wrong."""
    records = daemon.record(started(1), stopped(1), started(2))
    assert [each async for each in client.events(follow=False)] == records
    assert [each async for each in client.events(after="e1-0", limit=2)] == records[:2]
    daemon.clock.now = NOW + SECOND
    assert [each async for each in client.events(since=NOW, until=NOW + SECOND)] == records
    assert [each async for each in client.events(until=NOW.timestamp())] == []
    assert [each async for each in client.events(until="2026-11-20T12:00:01Z")] == records


async def test_a_finite_stream_that_the_daemon_cuts_is_no_end(tmp_path: Path) -> None:
    """One record of two is not all that there was."""
    async with Client(tmp_path / "eventd.sock") as client:
        async with serving(tmp_path) as daemon:
            stream = client.events(limit=2)
            reading = asyncio.ensure_future(anext(stream))
            await until_subscribed(daemon)
            daemon.publish(started(1))
            await reading
        with pytest.raises(DaemonUnreachable):
            await anext(stream)


async def test_a_time_without_an_offset_is_refused(client: Client) -> None:
    """Of which place it is, nobody has said; and a time that there is not is none either."""
    for at in (NOW.replace(tzinfo=None), "2026-11-20T12:00:00", float("nan"), 1e99, "10"):
        with pytest.raises(InvalidArgument, match="'since'"):
            await anext(client.events(since=at))


async def test_contradictions_are_refused_in_the_daemons_words(client: Client) -> None:
    """Nothing is left out in silence."""
    with pytest.raises(DaemonError, match="'since' and 'after' exclude each other"):
        await anext(client.events(since=NOW, after="e1-0"))
    with pytest.raises(DaemonError, match="'snapshot' and 'after' exclude each other"):
        await anext(client.events(snapshot=True, after="e1-0"))


async def test_what_was_asked_for_is_remembered_over_an_outage(tmp_path: Path) -> None:
    """The time to begin at only until something came; of the limit, what is left."""
    first, second = (
        EventRecord.of(started(number), cursor=Cursor("e1", number), recorded_at=NOW)
        for number in (7, 8)
    )
    beat = cloudevents.control(Heartbeat(), cursor="e1-9", now=NOW)
    answers = (b"", first.json + b"\n", second.json + b"\n" + beat + b"\n", b"")
    outages: list[DaemonUnreachable] = []
    async with scripted(tmp_path / "odd.sock", *answers, chunked=True) as (daemon, client):
        stream = client.events(
            since=NOW, until=NOW + SECOND, limit=9, durable="agent", on_gap="event",
            reconnect=True, delays=at_once, on_outage=outages.append,
        )  # fmt: skip
        assert [await anext(stream) for _ in range(2)] == [first, second]
        reading = asyncio.ensure_future(anext(stream))
        while len(daemon.asked) < 4:  # noqa: ASYNC110  # nobody is told
            await asyncio.sleep(0)
        reading.cancel()
    times = "2026-11-20T12:00:00%2B00:00", "2026-11-20T12:00:01%2B00:00"
    fixed = f"until={times[1]}&durable=agent&on_gap=event&heartbeat=15s"
    assert [path.removeprefix(f"/v1/events?{fixed}") for path in daemon.asked[:4]] == [
        f"&since={times[0]}&limit=9",
        f"&since={times[0]}&limit=9",
        "&after=e1-7&limit=8",
        "&after=e1-9&limit=7",
    ]
    assert len(outages) >= 3


async def test_a_limit_that_is_full_ends_a_stream_whatever_comes_then(tmp_path: Path) -> None:
    """The connection may break behind the last record; nothing is missing."""
    record = EventRecord.of(started(1), cursor=Cursor("e1", 1), recorded_at=NOW)
    async with scripted(tmp_path / "odd.sock", record.json + b"\n", chunked=True) as (_, client):
        assert [each async for each in client.events(limit=1)] == [record]


async def test_an_outage_is_told_once(tmp_path: Path) -> None:
    """However often the daemon is looked for."""
    outages: list[str] = []
    tries: list[float] = []

    def counted() -> Iterator[float]:
        while True:
            tries.append(0.0)
            yield 0.0

    async with Client(tmp_path / "eventd.sock") as client:
        stream = client.events(
            reconnect=True, delays=counted, on_outage=lambda error: outages.append(error.message)
        )
        reading = asyncio.ensure_future(anext(stream))
        while len(tries) < 5:  # noqa: ASYNC110  # nobody is told
            await asyncio.sleep(0)
        assert len(outages) == 1
        assert "there is no socket" in outages[0]
        async with serving(tmp_path) as daemon:
            await until_subscribed(daemon)
            [record] = daemon.publish(started(1))
            assert await reading == record
        reading = asyncio.ensure_future(anext(stream))
        while len(outages) < 2:  # noqa: ASYNC110  # nobody is told
            await asyncio.sleep(0)
        reading.cancel()


async def test_a_gap_is_an_item_where_it_is_asked_for(tmp_path: Path) -> None:
    """With where it is, how much is lost, and the records behind it; also over an outage."""
    async with Client(tmp_path / "eventd.sock") as client:
        async with serving(tmp_path, capacity=2) as daemon:
            records = daemon.record(started(1), started(2), started(3))
            stream = client.events(after="e1-0", on_gap="event", reconnect=True, delays=at_once)
            gap = await anext(stream)
            assert isinstance(gap, Gap)
            assert (gap.reason, gap.cursor, gap.lost) == ("expired", Cursor("e1", 1), 1)
            assert b'"lost":1' in gap.json
            assert [await anext(stream) for _ in range(2)] == records[1:]
        async with serving(tmp_path, epoch="e2") as daemon:
            [record] = daemon.record(stopped(1))
            gap = await anext(stream)
            assert isinstance(gap, Gap)
            assert (gap.reason, gap.lost, gap.after) == ("other-journal", None, "e1-3")
            assert await anext(stream) == record


async def test_a_heartbeat_is_an_item_where_it_is_asked_for(daemon: Daemon, client: Client) -> None:
    """A program that filters learns how far the events that it does not want have got."""
    stream = client.events(type="stopped", heartbeat=0.01, on_gap="event")
    first = await anext(stream)
    assert isinstance(first, Beat)
    daemon.publish(started(1))
    while first.cursor != Cursor("e1", 1):
        first = await anext(stream)
        assert isinstance(first, Beat)


async def test_a_heartbeat_says_at_once_where_a_stream_begins(
    daemon: Daemon, client: Client
) -> None:
    """Whoever keeps the cursor misses nothing from then on, whatever is killed."""
    daemon.record(started(1), started(2))
    for beginning, expected in ({}, "e1-2"), ({"after": "e1-1"}, "e1-1"), ({"since": 0}, "e1-0"):
        async with aclosing(client.events(heartbeat=3600, **beginning)) as stream:
            assert await anext(stream) == Beat(Cursor.parse(expected))


async def test_a_snapshot_is_no_place_before_its_end(daemon: Daemon, client: Client) -> None:
    """Who resumed in the middle of it would never see the rest."""
    daemon.directory.add(1)
    async with aclosing(client.events(snapshot=True, heartbeat=3600)) as stream:
        assert isinstance(await anext(stream), DomainSnapshot)
        assert isinstance(await anext(stream), SnapshotEnd)


async def test_a_stream_that_goes_on_says_where_only_if_it_is_further(tmp_path: Path) -> None:
    """The cursor of a reader never moves backwards, and no place is told twice."""
    earlier = started(1).model_copy(update={"occurred_at": NOW - 2 * SECOND})
    async with Client(tmp_path / "eventd-ro.sock") as client:
        stream = client.events(
            since=NOW - SECOND, heartbeat=3600, on_gap="event", reconnect=True, delays=at_once
        )
        for epoch, records, expected in (("e1", 3, "e1-3"), ("e1", 5, "e1-5"), ("e2", 0, "e2-0")):
            async with serving(tmp_path, epoch=epoch) as daemon:
                daemon.record(*[earlier] * records)
                assert await anext(stream) == Beat(Cursor.parse(expected))
        async with serving(tmp_path, epoch="e2") as daemon:
            [record] = daemon.record(started(1))
            assert await anext(stream) == record
        await stream.aclose()


async def test_a_reconnecting_stream_waits_for_a_journal_that_cannot_be_read(
    tmp_path: Path,
) -> None:
    """Nothing is lost with it, and it is told once; who does not reconnect gets the error."""
    journal = FailingJournal("e1")
    outages: list[str] = []
    refused = asyncio.Event()

    def delays() -> Iterator[float]:
        yield 0
        yield 0
        refused.set()
        yield from repeat(0.01)

    async with (
        serving(tmp_path, journal=journal) as daemon,
        Client(daemon.read_only_socket) as client,
    ):
        daemon.record(started(1), started(2))
        journal.is_failing = True
        with pytest.raises(DaemonError, match="cannot be read now") as caught:
            await anext(client.events(after="e1-0"))
        assert caught.value.status == 503
        stream = client.events(
            after="e1-1",
            reconnect=True,
            on_outage=lambda error: outages.append(error.message),
            delays=delays,
        )
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(take(stream, 1))
            await refused.wait()
            journal.is_failing = False
        [record] = following.result()
        await stream.aclose()
    assert record.cursor == Cursor("e1", 2)
    assert outages == ["the journal cannot be read now: disk I/O error; from e1-1"]


async def test_a_durable_subscription_survives_its_program(daemon: Daemon, writer: Client) -> None:
    """What was told and not acknowledged is told again."""
    made = await writer.subscribe("agent", domain=uuid_of(1), event=["lifecycle"])
    assert made.filters == {"domain": (uuid_of(1),), "event": ("lifecycle",)}
    assert (made.name, made.acknowledged, made.created_at) == ("agent", Cursor("e1", 0), NOW)
    assert await writer.subscribe("agent", domain=uuid_of(1), event="lifecycle") == made
    first, _, second = daemon.record(started(1), started(2), stopped(1))
    assert [each async for each in writer.events(durable="agent", follow=False)] == [first, second]
    assert (await writer.acknowledge("agent", first.cursor)).acknowledged == first.cursor
    assert [each async for each in writer.events(durable="agent", follow=False)] == [second]
    [listed] = await writer.subscriptions()
    assert (listed.name, listed.lag) == ("agent", 2)
    await writer.unsubscribe("agent")
    assert await writer.subscriptions() == []
    with pytest.raises(DaemonError, match="no durable subscription"):
        await writer.unsubscribe("agent")
    with pytest.raises(InvalidArgument):
        await writer.unsubscribe("..")


async def test_a_subscription_with_other_filters_is_the_daemons_error(writer: Client) -> None:
    """With what to do."""
    await writer.subscribe("agent", after="e1-0")
    with pytest.raises(DaemonError) as error:
        await writer.subscribe("agent", type="started")
    assert error.value.status == 409
    assert "DELETE /v1/callbacks/agent" in (error.value.hint or "")
    with pytest.raises(CursorExpired):
        await writer.acknowledge("agent", "e1-99")


async def test_a_subscription_that_was_away_too_long_is_told_how_to_go_on(tmp_path: Path) -> None:
    """By doing what it says, it does."""
    async with (
        serving(tmp_path, capacity=1) as daemon,
        Client(daemon.socket) as writer,
    ):
        await writer.subscribe("agent")
        *_, newest = daemon.record(started(1), started(2))
        with pytest.raises(CursorExpired) as error:
            await anext(writer.events(durable="agent"))
        assert "/v1/callbacks/agent/ack" in (error.value.hint or "")
        await writer.acknowledge("agent", error.value.oldest)
        assert await anext(writer.events(durable="agent")) == newest


def test_retries_wait_twice_as_long_each_time_up_to_a_bound() -> None:
    """With full jitter: each wait is drawn below its bound."""
    delays = retry_delays(1.0, longest=8.0, draw=lambda: 1.0)
    assert list(islice(delays, 6)) == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert list(islice(retry_delays(1.0, draw=lambda: 0.5), 3)) == [0.5, 1.0, 2.0]
