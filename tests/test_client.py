from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from itertools import islice, repeat
from pathlib import Path

import pytest
import structlog
from aiohttp import web

from eventd.client import Client, DomainSnapshot, Gap, SnapshotEnd, retry_delays
from eventd.client import Heartbeat as Beat
from eventd.errors import (
    CursorExpired,
    DaemonError,
    DaemonUnreachable,
    ErrorCode,
    HostUnreachable,
    InvalidArgument,
    QuestionPending,
)
from eventd.model import cloudevents
from eventd.model.control import Heartbeat
from eventd.model.domain import ConnectionState, DomainState
from eventd.model.events import DomainStarted
from eventd.model.ids import EventId, EventKind
from eventd.model.operations import Answered, DomainOperation, OperationResult, TaskProgress
from eventd.model.record import Cursor, EventRecord
from tests.http_api.fake_daemon import (
    APPEND,
    NOW,
    ODD_NAMES,
    Daemon,
    power_on,
    question_of,
    serving,
    started,
    stopped,
    uuid_of,
)

SECOND = timedelta(seconds=1)


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with serving(tmp_path) as served:
        yield served


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with Client(daemon.read_only_socket) as opened:
        yield opened


@pytest.fixture
async def writer(daemon: Daemon) -> AsyncIterator[Client]:
    """A client of the read-write socket."""
    async with Client(daemon.socket) as opened:
        yield opened


async def until_subscribed(daemon: Daemon, count: int = 1) -> None:
    """Wait until the daemon has taken note of the client's streams."""
    while len(daemon.api._streams._streams) < count:  # noqa: ASYNC110  # nobody is told
        await asyncio.sleep(0)


async def take(stream: AsyncIterator[EventRecord], count: int) -> list[EventRecord]:
    return [await anext(stream) for _ in range(count)]


def at_once() -> Iterator[float]:
    return repeat(0.0)


# The present state


async def test_domains_come_as_statuses(daemon: Daemon, client: Client) -> None:
    """The same values as inside the daemon."""
    daemon.directory.add(1)
    daemon.directory.add(2, DomainState.SHUTOFF)
    assert await client.domains() == daemon.directory.statuses
    assert await client.domains(domain=["web-2", "db-*"]) == daemon.directory.statuses[1:]


async def test_connections_come_as_statuses(daemon: Daemon, client: Client) -> None:
    """With what is wrong, where something is."""
    daemon.directory.connect("esx01", ConnectionState.DISCONNECTED, "no answer")
    assert await client.connections() == daemon.directory.known_connections


async def test_callbacks_tell_whose_they_are(daemon: Daemon, client: Client) -> None:
    """Those of other clients and of the daemon are listed too."""
    daemon.registry.register(1, lambda record, opaque: None)
    callback_id = await client.register("lifecycle", lambda record: None, domain=uuid_of(1))
    of_daemon, of_client = await client.callbacks()
    assert (of_daemon.session, of_daemon.event) == ("daemon", EventKind.REBOOT)
    assert (of_client.callback_id, of_client.domain) == (callback_id, uuid_of(1))
    assert (of_client.pid, of_client.uid) == (os.getpid(), os.getuid())


async def test_an_operation_that_there_is_not_is_not_asked_for(
    daemon: Daemon, writer: Client
) -> None:
    """A path would make something else of it."""
    daemon.directory.add(1)
    for word in ("explode", "", "../web-1/destroy"):
        with pytest.raises(InvalidArgument) as caught:
            await writer.operate("web-1", word)
        assert caught.value.message == (
            f"{word!r} is not an operation; there are start, shutdown, destroy, suspend, resume, "
            "reboot, reset"
        )
    assert daemon.operator.asked == []


async def test_a_configuration_comes_as_the_socket_allows(
    daemon: Daemon, client: Client, writer: Client
) -> None:
    """With its secrets on the read-write socket alone."""
    daemon.directory.add(1)
    known = daemon.operator.configure(1, **{"RemoteDisplay.vnc.password": "secret"})
    assert await writer.configuration("web-1") == known
    assert await writer.configuration(uuid_of(1), connection="lab") == known
    assert await client.configuration("web-1") == known.without_secrets() != known


# Questions


async def test_pending_questions_come_as_they_are(daemon: Daemon, client: Client) -> None:
    """The filters are those of domains."""
    pending = [daemon.operator.ask(1), daemon.operator.ask(2)]
    assert await client.questions() == pending
    assert await client.questions(domain="web-2", connection="lab", host="esx01") == pending[1:]
    assert await client.questions(domain="db-*") == []


async def test_a_question_is_answered(daemon: Daemon, writer: Client) -> None:
    """What was asked and what was chosen come back."""
    daemon.operator.ask(1)
    answered = await writer.answer("q-1", "append")
    assert answered == Answered(question=question_of(1), choice=APPEND)
    assert await writer.questions() == []


@pytest.mark.parametrize(
    ("question", "choice", "code"),
    [
        ("q-1", "Burn", "no-such-choice"),
        ("q-1", "\udcff", "invalid-argument"),
        ("q-7", "1", "no-such-question"),
        ("q/7", "1", "no-such-question"),
    ],
)
async def test_an_answer_that_is_refused_is_the_daemons_error(
    daemon: Daemon, writer: Client, question: str, choice: str, code: str
) -> None:
    """With all that the daemon said of it."""
    daemon.operator.ask(1)
    with pytest.raises(DaemonError) as error:
        await writer.answer(question, choice)
    assert error.value.problem["code"] == code
    assert error.value.code is ErrorCode.INVALID_ARG


# Operations


@pytest.mark.parametrize("operation", [*DomainOperation, "start"])
@pytest.mark.parametrize("reports", [False, True])
async def test_an_operation_returns_its_result(
    daemon: Daemon, writer: Client, operation: DomainOperation | str, reports: bool
) -> None:
    """With or without reports on the way there."""
    domain = daemon.directory.add(1)
    told: list[TaskProgress] = []
    report = told.append if reports else None
    result = await writer.operate("web-1", operation, connection="lab", report=report)
    assert result == OperationResult(operation=DomainOperation(operation), domain=domain)
    assert [each.connection for each in daemon.operator.asked] == ["lab"]
    assert told == []


async def test_progress_is_reported(daemon: Daemon, writer: Client) -> None:
    """As it was told to the daemon; the last of it is in the result."""
    daemon.directory.add(1)
    daemon.operator.reports = [power_on("queued"), power_on("running", 42), power_on("success")]
    told: list[TaskProgress] = []
    result = await writer.operate(uuid_of(1), "start", report=told.append)
    assert told == daemon.operator.reports
    assert result.task == told[-1]


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_a_domain_may_have_any_name(daemon: Daemon, writer: Client, name: str) -> None:
    """Whatever a path would make of it."""
    daemon.directory.add(1)
    domain = daemon.directory.add(2, name=name)
    assert (await writer.operate(name, "start")).domain == domain
    assert (await writer.operate(name, "start", report=lambda _: None)).domain == domain


@pytest.mark.parametrize("name", ["", ".", "..", "\udcff"])
async def test_what_no_path_can_name_is_asked_for_by_nobody(
    daemon: Daemon, writer: Client, name: str
) -> None:
    """An unset variable of a script, for one."""
    for asking in (
        writer.operate(name, "destroy"),
        writer.configuration(name),
        writer.answer(name, "1"),
    ):
        with pytest.raises(
            InvalidArgument, match="cannot be sent as the name of anything; give its UUID"
        ):
            await asking
    assert daemon.operator.asked == []


@pytest.mark.parametrize("reports", [[], [power_on("running", 1)]])
async def test_a_pending_question_is_told_with_its_choices(
    daemon: Daemon, writer: Client, reports: list[TaskProgress]
) -> None:
    """Whether it came before the task or in the middle of it."""
    daemon.directory.add(1)
    daemon.operator.reports = reports
    daemon.operator.failure = QuestionPending(
        "it asks",
        hint="answer it",
        question_id="q-1",
        text="?",
        choices=[("0", "Replace")],
        default_choice=None,
    )
    for report in (None, lambda _: None):
        with pytest.raises(DaemonError, match="it asks") as error:
            await writer.operate("web-1", "start", report=report)
        assert (error.value.status, error.value.hint) == (409, "answer it")
        assert error.value.problem["code"] == "question-pending"
        assert error.value.problem["question"] == {
            "id": "q-1",
            "text": "?",
            "choices": [{"key": "0", "label": "Replace"}],
        }


async def test_a_host_that_is_away_is_the_daemons_error(daemon: Daemon, writer: Client) -> None:
    """Its code is libvirt's."""
    daemon.directory.add(1)
    daemon.operator.failure = HostUnreachable("nobody answered")
    with pytest.raises(DaemonError, match="nobody answered") as error:
        await writer.operate("web-1", "start")
    assert (error.value.status, error.value.problem["code"]) == (503, "host-unreachable")
    assert error.value.hint is None


async def test_the_read_only_socket_names_the_other_one(daemon: Daemon, client: Client) -> None:
    """Nothing was done."""
    daemon.directory.add(1)
    daemon.operator.ask(1)
    for asking in (
        client.operate("web-1", "start"),
        client.operate("web-1", "start", report=lambda _: None),
        client.answer("q-1", "1"),
    ):
        with pytest.raises(DaemonError, match="read-only socket") as error:
            await asking
        assert error.value.code is ErrorCode.OPERATION_DENIED
        assert str(daemon.socket) in (error.value.hint or "")
    assert (daemon.operator.asked, daemon.operator.answers) == ([], [])


async def test_what_a_report_raises_comes_out_as_it_is(daemon: Daemon, writer: Client) -> None:
    """It is no fault of the daemon, whatever it is."""
    daemon.directory.add(1)
    daemon.operator.reports = [power_on("running", 1)]
    for error in (ValueError, BrokenPipeError):

        def fail(_: TaskProgress, error: type[Exception] = error) -> None:
            raise error

        with pytest.raises(error):
            await writer.operate("web-1", "start", report=fail)


async def test_a_call_that_is_cancelled_leaves_the_operation_to_the_daemon(
    daemon: Daemon, writer: Client
) -> None:
    """The daemon is told that nobody waits, and goes on serving."""
    daemon.directory.add(1)
    daemon.operator.may_end.clear()
    calling = asyncio.ensure_future(writer.operate("web-1", "start"))
    while not daemon.operator.asked:  # noqa: ASYNC110  # nobody is told
        await asyncio.sleep(0)
    calling.cancel()
    while not daemon.operator.left:  # noqa: ASYNC110  # nobody is told
        await asyncio.sleep(0)
    assert len(await writer.domains()) == 1


# Events


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
    """Of which place it is, nobody has said."""
    for at in (NOW.replace(tzinfo=None), "2026-11-20T12:00:00"):
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


def test_retries_wait_twice_as_long_each_time_up_to_a_bound() -> None:
    """With full jitter: each wait is drawn below its bound."""
    delays = retry_delays(1.0, longest=8.0, draw=lambda: 1.0)
    assert list(islice(delays, 6)) == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert list(islice(retry_delays(1.0, draw=lambda: 0.5), 3)) == [0.5, 1.0, 2.0]


# Callbacks


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


# Daemons that are odd, or newer

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


class Scripted:
    """A daemon whose answers a test wrote, one for each connection."""

    def __init__(self, *bodies: bytes, chunked: bool) -> None:
        self._bodies = iter(bodies)
        self._chunked = chunked
        self.asked: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(request.split()[1].decode())
        body = next(self._bodies, b"")
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
        if self._chunked:
            # Without the last chunk: the answer is never complete.
            head += b"Transfer-Encoding: chunked\r\n"
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        writer.write(head + b"\r\n" + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def scripted(
    path: Path, *bodies: bytes, chunked: bool = False
) -> AsyncIterator[tuple[Scripted, Client]]:
    daemon = Scripted(*bodies, chunked=chunked)
    async with await asyncio.start_unix_server(daemon.answer, path), Client(path) as client:
        yield daemon, client


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


# The way to the daemon


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "the path of the socket is empty"),
        ("plain.txt", "plain.txt is not a socket; name the socket that eventd serves"),
        (".", "is not a socket"),
    ],
)
async def test_a_path_that_is_no_socket_is_named_as_such(
    tmp_path: Path, name: str, words: str
) -> None:
    """A slip in the path is not a daemon that has stopped."""
    (tmp_path / "plain.txt").touch()
    async with Client(str(tmp_path / name) if name else "") as client:
        with pytest.raises(DaemonUnreachable, match=words):
            await client.domains()


async def test_a_missing_socket_is_named_with_what_to_do(tmp_path: Path) -> None:
    """Whatever is asked for first."""
    path = tmp_path / "nowhere.sock"
    async with Client(path) as client:
        for asking in (
            client.domains(),
            take(client.events(), 1),
            client.register("lifecycle", lambda record: None),
        ):
            with pytest.raises(DaemonUnreachable, match=f"no socket at {path}; start eventd"):
                await asking


async def test_a_socket_that_nobody_serves_is_named_with_what_to_do(tmp_path: Path) -> None:
    """The file of a daemon that was killed."""
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with Client(path) as client:
        with pytest.raises(DaemonUnreachable, match=f"nobody serves {path} any more"):
            await client.domains()


@pytest.fixture
def nobody() -> Iterator[None]:
    """Be a user who has no rights: root may open every socket."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    yield
    os.seteuid(before)


async def test_a_socket_that_may_not_be_opened_is_named_with_what_to_do(
    daemon: Daemon, nobody: None
) -> None:
    """The read-only socket is for everybody."""
    if os.getuid() != 0:
        daemon.socket.chmod(0)
    async with Client(daemon.socket) as client:
        with pytest.raises(DaemonUnreachable, match=r"may not open .*, or use eventd-ro\.sock"):
            await client.domains()


async def test_a_peer_that_is_not_eventd_is_an_error(tmp_path: Path) -> None:
    """An answer that is no problem document, and none at all."""
    answers = iter([b"HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nno!", b""])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(next(answers, b""))
        writer.close()

    path = tmp_path / "other.sock"
    async with await asyncio.start_unix_server(answer, path), Client(path) as client:
        with pytest.raises(DaemonError, match="500"):
            await client.domains()
        with pytest.raises(DaemonUnreachable, match=f"daemon at {path} ended the connection"):
            await client.domains()


async def test_an_error_inside_the_block_comes_out_as_it_is(daemon: Daemon) -> None:
    """The client's own tasks do not wrap it into a group."""

    async def fail() -> None:
        async with Client(daemon.socket) as client:
            await client.register("lifecycle", lambda record: None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_a_client_that_is_not_open_says_so(tmp_path: Path) -> None:
    """A mistake of the program, told in one sentence."""
    with pytest.raises(RuntimeError, match="async with"):
        await Client(tmp_path / "eventd.sock").domains()
