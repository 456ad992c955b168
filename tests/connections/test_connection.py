"""One connection through everything that happens to its host.

The host is scripted (`scripted_host`), the rest is real: session, long poll, tracker. Each try to
reach the host again is up to the test.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from eventd.connections import following as following_module
from eventd.connections import history as history_module
from eventd.connections import retry
from eventd.connections.connection import Connection
from eventd.connections.credentials import Credentials
from eventd.errors import (
    EventdError,
    HostUnreachable,
    InvalidConfiguration,
    LoginRefused,
    MalformedAnswer,
)
from eventd.journal.memory import MemoryJournal
from eventd.metrics import REGISTRY
from eventd.model.domain import ConnectionState, ConnectionStatus
from eventd.model.events import (
    ConnectionConnected,
    ConnectionDisconnected,
    ConnectionResynchronised,
    ConnectionStale,
    ConnectionUnparsed,
    DomainEvent,
    Event,
)
from eventd.model.picture import (
    DomainPicture,
    HistoryPosition,
    HostPicture,
    PictureChange,
    PowerState,
)
from eventd.model.record import EventRecord
from eventd.tracking.tracker import Tracker
from eventd.vi.uri import ConnectionURI
from tests.connections.scripted_host import (
    PATIENCE,
    Host,
    Reply,
    enter,
    event,
    fault,
    leave,
    modify,
    object_content,
    reference,
    ring,
    update_set,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
UNREACHABLE = HostUnreachable("esx01 cannot be reached: Connection refused")

WEB01_OFF = enter("1", name="web01", power="poweredOff")
WEB01_ON = enter("1", name="web01", power="poweredOn")
DB01_OFF = enter("2", name="db01", power="poweredOff")

YESTERDAY = NOON - timedelta(days=1)
KNOWN = {"1": DomainPicture("1", name="web01", power_state=PowerState.POWERED_ON)}


class HandTimer:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.alarms: list[float] = []
        """The instants that are waited for, but for those at which somebody looks after silence."""
        self._now = 1000.0
        self._has_moved = asyncio.Event()
        self._is_awaited = asyncio.Event()
        self._is_let_go = asyncio.Event()

    def instant(self) -> float:
        """Return the present moment."""
        return self._now

    async def reach(self, instant: float) -> None:
        """Wait until the test has moved the clock so far."""
        task = asyncio.current_task()
        if task is not None and task.get_name().startswith("silence"):
            await self._reached(instant)
            return
        self.alarms.append(instant)
        self._is_awaited.set()
        try:
            await self._reached(instant)
        finally:
            self.alarms.remove(instant)
            self._is_let_go.set()

    async def _reached(self, instant: float) -> None:
        while self._now < instant:
            self._has_moved.clear()
            await self._has_moved.wait()

    def go_on(self, seconds: float) -> None:
        """Let time pass, whoever waits for it."""
        self._now += seconds
        self._has_moved.set()

    async def is_awaited(self) -> float:
        """Return in how many seconds somebody waits to be woken, once somebody does."""
        async with asyncio.timeout(PATIENCE):
            while not self.alarms:
                self._is_awaited.clear()
                await self._is_awaited.wait()
        return min(self.alarms) - self._now

    async def pass_by(self) -> float:
        """Let the time pass until the next alarm; return how many seconds that took."""
        seconds = await self.is_awaited()
        self._now += seconds
        self._has_moved.set()
        while min(self.alarms, default=math.inf) <= self._now:
            self._is_let_go.clear()
            await self._is_let_go.wait()
        return seconds


class Follower:
    """A connection, what it has published, and how long it wanted to wait after each failure."""

    def __init__(
        self,
        host: Host,
        *,
        uri: str = "esx://esx01.example/",
        tries: int = 1,
        credentials: Callable[[], Credentials] | None = None,
        known: dict[str, DomainPicture] | None = None,
        known_host: HostPicture | None = None,
        defect: Exception | None = None,
        grace: float = 0.0,
    ) -> None:
        self.host = host
        self.events: list[Event] = []
        self.pictures: list[PictureChange] = []
        self.delays: list[float] = []
        self.timer = HandTimer()
        self.now = NOON
        self._tries = tries
        self._defect = defect
        self._gave_up = asyncio.Event()
        self._has_published = asyncio.Event()
        self._has_failed = asyncio.Event()
        self._journal = MemoryJournal("test")
        self.connection = Connection(
            "esx01",
            ConnectionURI.parse(uri),
            transport=host.transport,
            credentials=credentials or (lambda: Credentials("root", "hunter2")),
            tracker=Tracker(
                "esx01", source="esx://esx01.example/", known=known, host=known_host, grace=grace
            ),
            publish=self._publish,
            clock=lambda: self.now,
            timer=self.timer,
            delay=self._delay,
        )

    def _publish(
        self, events: Sequence[Event], picture: PictureChange | None = None
    ) -> Sequence[EventRecord]:
        defect, self._defect = self._defect, None
        if defect is not None:
            self._has_failed.set()
            raise defect
        self.events += events
        if picture is not None:
            self.pictures.append(picture)
        self._has_published.set()
        return self._journal.append(events, now=NOON, picture=picture)

    def breaks_at_the_next_publication(self) -> None:
        """Let the next publication fail by a defect."""
        self._defect = ZeroDivisionError("a defect")

    def _delay(self, error: EventdError, failures: int) -> float:
        """Note the delay, and wait for nothing: until the tries are used up, and then for good."""
        self.delays.append(retry.delay(error, failures=failures, chance=0.0))
        if len(self.delays) < self._tries:
            return 0.0
        self._gave_up.set()
        return 86_400.0

    async def has_given_up(self) -> None:
        """Return when the connection waits after its last try."""
        async with asyncio.timeout(PATIENCE):
            await self._gave_up.wait()

    async def has_failed(self) -> None:
        """Return when a publication has failed by a defect."""
        async with asyncio.timeout(PATIENCE):
            await self._has_failed.wait()

    async def has_told(self, sentence: str) -> None:
        """Return when an event was published."""
        async with asyncio.timeout(PATIENCE):
            while sentence not in self.told:
                self._has_published.clear()
                await self._has_published.wait()

    @property
    def told(self) -> list[str]:
        """The events as sentences: ``web01 started``, ``connected``."""
        return [_sentence(event) for event in self.events]

    @property
    def status(self) -> ConnectionStatus:
        """How the connection says that it is."""
        return self.connection.status()

    @property
    def stale(self) -> dict[str, bool]:
        """Which domains are known, and whether what is known of them may be out of date."""
        return {status.domain.name: status.stale for status in self.connection.domains()}


def _sentence(event: Event) -> str:
    # The reason is the business of tracking.
    return (
        f"{event.domain.name} {event.type}" if isinstance(event, DomainEvent) else str(event.type)
    )


@asynccontextmanager
async def following(follower: Follower) -> AsyncIterator[Follower]:
    """Let a connection run for as long as the block lasts; then stop it as the daemon does."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(follower.connection.run())
        yield follower
        task.cancel()
    assert follower.host.open_transports == 0


async def follow(host: Host, *, tries: int = 1, until_lost: bool = False) -> Follower:
    """Let a connection run until the host has nothing more to say, or its tries are used up."""
    follower = Follower(host, tries=tries)
    async with following(follower):
        await (follower.has_given_up() if until_lost else host.is_waited_for())
    return follower


def up() -> float | None:
    """Return the gauge of the connection."""
    return REGISTRY.get_sample_value("eventd_connection_up", {"connection": "esx01"})


# --- the good days --------------------------------------------------------------------------------


async def test_the_first_picture_is_no_event_but_the_connection() -> None:
    """What was there before eventd did not happen now."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON, DB01_OFF))
    follower = Follower(host)
    assert follower.status.state is ConnectionState.CONNECTING

    async with following(follower):
        await host.is_waited_for()
        assert up() == 1
        assert follower.stale == {"db01": False, "web01": False}

    assert follower.told == ["connected"]
    [connected] = follower.events
    assert isinstance(connected, ConnectionConnected)
    assert connected.domains == 2
    assert connected.occurred_at == NOON
    [picture] = follower.pictures
    assert {*picture.changed} == {"1", "2"}


async def test_the_status_tells_the_product_and_since_when_all_is_known() -> None:
    """It is what ``eventd connections`` shows."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON))
    follower = await follow(host)

    assert follower.status == ConnectionStatus(
        name="esx01",
        uri="esx://esx01.example/",
        state=ConnectionState.CONNECTED,
        product="VMware ESXi 7.0.3",
        api_version="7.0.3.0",
        domains=1,
        synced_at="2026-11-20T12:00:00+00:00",
        error=None,
    )


async def test_changes_are_published_as_they_come() -> None:
    """One update set, one publication: the events and the picture that they lead to."""
    host = Host()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_OFF),
        update_set("2", modify("1", power="poweredOn")),
        "",
        update_set("3", leave("1")),
    )
    follower = await follow(host)

    assert follower.told == [
        "connected",
        "web01 started",
        "web01 stopped",
        "web01 undefined",
    ]
    assert [{*picture.changed} | picture.removed for picture in follower.pictures] == [{"1"}] * 3


async def test_a_truncated_answer_is_published_when_it_is_complete() -> None:
    """A picture in parts is none: a domain in a later part would seem to be gone."""
    host = Host()
    follower = Follower(host, known={"2": DomainPicture("2", name="db01")})
    more = host.on("WaitForUpdatesEx")
    released = asyncio.Event()
    host.plan(
        "WaitForUpdatesEx",
        update_set("t1", WEB01_OFF, truncated=True),
        released,
        update_set("1", DB01_OFF),
    )
    async with following(follower):
        await more.wait()
        assert follower.told == ["stale"]
        assert follower.status.state is ConnectionState.CONNECTING
        released.set()
        await host.is_waited_for()

    assert follower.told == ["stale", "web01 defined", "connected", "resynchronised"]


async def test_a_host_that_is_slow_with_its_first_picture_has_not_lost_its_domains() -> None:
    """The limit of the wait is over before the picture is there: nothing is known yet."""
    host = Host()
    follower = Follower(host, known={"2": DomainPicture("2", name="db01")})
    host.plan("WaitForUpdatesEx", "", "", update_set("1", DB01_OFF))
    async with following(follower):
        await host.is_waited_for()

    assert follower.told == ["stale", "connected", "resynchronised"]


async def test_tasks_are_read_for_what_they_explain() -> None:
    """A domain changed and listed no task: its recent tasks are asked for."""
    host = Host()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON),
        update_set("2", modify("1", power="poweredOff")),
    )
    follower = await follow(host)

    assert follower.told == ["connected", "web01 stopped"]
    assert len(host.called("RetrieveProperties")) == 1


async def test_a_user_who_may_not_see_tasks_is_told_events_all_the_same() -> None:
    """Without causes, but the connection goes on."""
    host = Host()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON),
        update_set("2", modify("1", power="poweredOff")),
    )
    host.plan("RetrieveProperties", fault("NoPermission", "Permission was denied."))
    with capture_logs() as logs:
        follower = await follow(host)

    assert follower.told == ["connected", "web01 stopped"]
    assert host.methods.count("Login") == 1
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
        "tasks_not_readable"
    ]


# --- the event history ----------------------------------------------------------------------------

WEB01_GOES_OFF = modify("1", power="poweredOff")
TASK = '<ManagedObjectReference type="Task">{}</ManagedObjectReference>'
RINGS = ring(event(7, tag="Event"))
LONG = 45.0
"""Seconds of grace; a test lets them pass by hand, if at all."""


def lists_task(domain: str, task: str) -> str:
    """Return that a domain has a task now."""
    value = f'<val xsi:type="ArrayOfManagedObjectReference">{TASK.format(task)}</val>'
    change = f"<changeSet><name>recentTask</name><op>assign</op>{value}</changeSet>"
    return modify(domain).replace("</objectSet>", f"{change}</objectSet>")


def running_task(task: str) -> str:
    """Return what is read of a task that goes on."""
    info = (
        f'<val xsi:type="TaskInfo"><key>{task}</key><task type="Task">{task}</task>'
        "<descriptionId>VirtualMachine.reset</descriptionId>"
        '<entity type="VirtualMachine">1</entity><state>running</state>'
        "<queueTime>2026-11-20T12:00:01Z</queueTime></val>"
    )
    return object_content("Task", task, info=info)


async def test_a_change_and_its_event_are_told_together_and_at_once() -> None:
    """One update set, one reading of the history, one publication; no grace is waited for."""
    host = Host(has_events=True)
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), update_set("2", WEB01_GOES_OFF, RINGS))
    host.plan("ReadNextEvents", event(7))
    follower = Follower(host, grace=LONG)
    async with following(follower):
        await host.is_waited_for()

    assert follower.told == ["connected", "web01 stopped"]
    stopped = follower.events[-1]
    assert isinstance(stopped, DomainEvent)
    assert stopped.evidence.event is not None
    assert stopped.evidence.event.key == 7
    assert len(host.called("ReadNextEvents")) == 1


async def test_the_history_begins_with_the_present_and_later_where_it_was_left() -> None:
    """What happened while a host was away is read when it is back."""
    host = Host(has_events=True)
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON),
        update_set("2", WEB01_GOES_OFF, RINGS),
        UNREACHABLE,
    )
    host.plan("ReadNextEvents", event(7))
    await follow(host, tries=2)

    filters = [call.call.first("filter") for call in host.called("CreateCollectorForEvents")]
    begins = [wanted.children[0].children[0].text for wanted in filters if wanted]
    assert begins == ["2026-11-20T12:00:00Z", "2026-11-20T12:00:01Z"]


def ring_of(key: int) -> str:
    """An event of the host's history is the newest one; the host does not give it when asked."""
    return ring(event(key, tag="Event"))


async def test_a_history_that_cannot_be_read_to_its_end_is_told_once_a_minute() -> None:
    """Changes that it alone has are missing; the picture stays true."""
    host = Host(has_events=True)
    again, later = asyncio.Event(), asyncio.Event()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON),
        update_set("2", ring_of(8)),
        update_set("3", WEB01_GOES_OFF, ring_of(9)),
        again,
        update_set("4", ring_of(10)),
        later,
        update_set("5", ring_of(11)),
    )
    follower = Follower(host)
    async with following(follower):
        await follower.has_told("web01 stopped")
        assert follower.told == ["connected", "resynchronised", "web01 stopped"]
        follower.timer.go_on(60)
        waits = host.on("WaitForUpdatesEx")
        again.set()
        await waits.wait()
        later.set()
        await host.is_waited_for()

    assert follower.told[3:] == ["resynchronised"]
    for back in (follower.events[1], follower.events[3]):
        assert isinstance(back, ConnectionResynchronised)
        assert (back.incomplete, back.domains, back.missed) == (True, 1, 0)
        assert back.message == "the host does not give the newest event"


async def test_a_history_that_was_cut_short_is_told_though_it_cannot_be_published_at_once() -> None:
    """It is told with the next picture then."""
    host = Host(has_events=True)
    rings = asyncio.Event()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), rings, update_set("2", ring_of(8)))
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON))
    follower = Follower(host, tries=2)
    async with following(follower):
        await follower.has_told("connected")
        follower.breaks_at_the_next_publication()
        rings.set()
        await follower.has_told("resynchronised")

    assert follower.told == ["connected", "disconnected", "connected", "resynchronised"]
    back = follower.events[-1]
    assert isinstance(back, ConnectionResynchronised)
    assert back.incomplete


READ_UP_TO = HostPicture(position=HistoryPosition(YESTERDAY, frozenset()), synced_at=YESTERDAY)


@pytest.mark.parametrize("is_given", [False, True])
async def test_a_new_picture_says_whether_the_history_of_the_gap_was_read(is_given: bool) -> None:
    """What was missed is told as far as it is known."""
    host = Host(has_events=True)
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_OFF, ring_of(8)))
    if is_given:
        host.plan("ReadNextEvents", event(8))
    follower = Follower(host, known=KNOWN, known_host=READ_UP_TO)
    async with following(follower):
        await host.is_waited_for()

    assert follower.told == ["stale", "web01 stopped", "connected", "resynchronised"]
    back = follower.events[-1]
    assert isinstance(back, ConnectionResynchronised)
    assert (back.incomplete, back.missed) == (not is_given, 1)


@pytest.mark.parametrize(
    "replies",
    [
        {"CreateCollectorForEvents": [fault("NoPermission")]},
        {"CreateFilter": [*[reference("PropertyFilter", "filter")] * 2, fault("NoPermission")]},
    ],
)
async def test_a_new_picture_says_that_the_history_of_the_gap_was_refused(
    replies: dict[str, list[Reply]],
) -> None:
    """As a host may do that does not like the time, or gives eventd fewer rights now."""
    host = Host(has_events=True)
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_OFF))
    for method, planned in replies.items():
        host.plan(method, *planned)
    follower = Follower(host, known=KNOWN, known_host=READ_UP_TO)
    async with following(follower):
        await host.is_waited_for()

    back = follower.events[-1]
    assert isinstance(back, ConnectionResynchronised)
    assert back.incomplete


async def test_a_change_waits_for_no_cause_where_there_is_no_history() -> None:
    """Nothing could tell it."""
    host = Host(has_events=True)
    host.plan("CreateCollectorForEvents", fault("NoPermission"))
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), update_set("2", WEB01_GOES_OFF))
    follower = Follower(host, grace=LONG)
    async with following(follower):
        await host.is_waited_for()

    assert follower.told == ["connected", "web01 stopped"]


async def test_a_host_that_lets_its_history_not_be_followed_is_followed_without() -> None:
    """It gives a collector, and refuses the filter for it."""
    host = Host(has_events=True)
    usual = host.usual("CreateFilter")
    host.plan("CreateFilter", usual, usual, fault("NoPermission"))
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), update_set("2", WEB01_GOES_OFF))
    with capture_logs() as logs:
        follower = Follower(host, grace=LONG)
        async with following(follower):
            await host.is_waited_for()

    assert follower.told == ["connected", "web01 stopped"]
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
        "event_history_refused"
    ]


async def test_a_session_that_is_lost_while_the_history_is_opened_is_replaced() -> None:
    """That is no refusal."""
    host = Host(has_events=True)
    usual = host.usual("CreateFilter")
    host.plan("CreateFilter", usual, usual, fault("NotAuthenticated"))
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON))
    follower = await follow(host, tries=2)

    assert follower.delays == [0.0]
    assert follower.told == ["connected"]


async def test_a_host_that_is_slow_with_its_tasks_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The change is told without them, and the session goes on; the log says so once."""
    monkeypatch.setattr(following_module, "READING_SECONDS", 0.0)
    host = Host()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON),
        update_set("2", WEB01_GOES_OFF),
        update_set("3", modify("1", power="poweredOn")),
    )
    host.plan("RetrieveProperties", asyncio.Event())
    with capture_logs() as logs:
        follower = await follow(host)

    assert follower.told == ["connected", "web01 stopped", "web01 started"]
    assert host.methods.count("Login") == 1
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
        "tasks_not_readable"
    ]


async def test_a_host_that_is_silent_on_its_history_is_given_up_and_then_borne(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it shows would be told without what happened before; the second time it is only slow."""
    monkeypatch.setattr(history_module, "READING_SECONDS", 0.0)
    host = Host(has_events=True)
    host.plan("ReadNextEvents", asyncio.Event(), asyncio.Event())
    host.plan(
        "WaitForUpdatesEx", update_set("1", WEB01_ON), update_set("2", WEB01_GOES_OFF, ring_of(8))
    )
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_OFF, ring_of(8)))
    follower = Follower(host, tries=2)
    async with following(follower):
        await follower.has_told("resynchronised")

    assert follower.told == [
        "connected",
        "disconnected",
        "web01 stopped",
        "connected",
        "resynchronised",
    ]
    back = follower.events[-1]
    assert isinstance(back, ConnectionResynchronised)
    assert (back.incomplete, back.message) == (
        True,
        "the host did not give its events within 0 s",
    )


async def test_a_task_that_was_not_read_in_time_is_looked_after_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It counts as it was when it was read last. This host lets no task be followed."""
    host = Host()
    host.plan("CreateListView", fault("NotSupported"))
    follower = Follower(host)
    host.plan(
        "WaitForUpdatesEx", update_set("1", WEB01_ON), update_set("2", lists_task("1", "task-1"))
    )
    host.plan("RetrieveProperties", running_task("task-1"), asyncio.Event())
    async with following(follower):
        await follower.timer.is_awaited()
        monkeypatch.setattr(following_module, "READING_SECONDS", 0.0)
        assert await follower.timer.pass_by() == 1.0
        assert await follower.timer.is_awaited() == 1.0

    assert len(host.called("RetrieveProperties")) == 2


async def test_the_end_of_a_task_is_looked_after_while_the_host_has_nothing_to_say() -> None:
    """Each second for a minute and then seldom; the wait for updates goes on undisturbed.

    That is needed only where the host does not let its tasks be followed.
    """
    host = Host()
    host.plan("CreateListView", fault("NotSupported"))
    follower = Follower(host)
    host.plan(
        "WaitForUpdatesEx", update_set("1", WEB01_ON), update_set("2", lists_task("1", "task-1"))
    )
    host.plan("RetrieveProperties", *[running_task("task-1")] * 65)
    async with following(follower):
        await host.is_waited_for()
        pauses = [await follower.timer.pass_by() for _ in range(63)]
        waits = host.methods.count("WaitForUpdatesEx")

    assert pauses == [1.0] * 60 + [30.0] * 3
    assert waits == 3
    assert "CancelWaitForUpdates" not in host.methods


async def test_a_change_without_cause_is_told_when_its_time_has_come() -> None:
    """No update set comes, and the wait for one goes on undisturbed."""
    host = Host(has_events=True)
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), update_set("2", WEB01_GOES_OFF))
    follower = Follower(host, grace=LONG)
    async with following(follower):
        assert await follower.timer.pass_by() == LONG
        await follower.has_told("web01 stopped")
        assert host.versions() == ["", "1", "2"]
        assert host.methods[-1] == "RetrieveProperties"

    assert "CancelWaitForUpdates" not in host.methods


async def test_a_cause_that_comes_in_time_is_told_with_its_change() -> None:
    """The change waits for it, and no longer."""
    host = Host(has_events=True)
    rings = asyncio.Event()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON),
        update_set("2", WEB01_GOES_OFF),
        rings,
        update_set("3", RINGS),
    )
    host.plan("ReadNextEvents", event(7))
    follower = Follower(host, grace=LONG)
    is_held_back = host.on("RetrieveProperties")
    async with following(follower):
        await is_held_back.wait()
        assert follower.told == ["connected"]
        rings.set()
        await follower.has_told("web01 stopped")

    stopped = follower.events[-1]
    assert isinstance(stopped, DomainEvent)
    assert stopped.evidence.event is not None


async def test_what_is_held_back_is_told_before_the_host_is_lost() -> None:
    """It has happened, and nobody is there to say why. The failure is that of the wait."""
    host = Host(has_events=True)
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON),
        update_set("2", WEB01_GOES_OFF),
        UNREACHABLE,
    )
    follower = Follower(host, grace=LONG)
    async with following(follower):
        await follower.has_given_up()

    assert follower.told == ["connected", "web01 stopped", "disconnected"]
    assert follower.status.error == UNREACHABLE.message


async def test_a_stop_wins_over_the_loss_of_the_host_at_the_same_moment() -> None:
    """Network and daemon may go down together, and the daemon has to end."""
    host = Host(has_events=True)
    is_lost = asyncio.Event()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON),
        update_set("2", WEB01_GOES_OFF),
        is_lost,
        UNREACHABLE,
    )
    follower = Follower(host, grace=LONG, tries=9)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(follower.connection.run())
        await follower.timer.is_awaited()
        is_lost.set()
        task.cancel()
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([task])

    assert task.cancelled()
    assert follower.delays == []


async def test_a_session_that_is_lost_while_the_tasks_are_read_again_is_replaced() -> None:
    """The wait ends with it, and what was held back is told after the new login."""
    host = Host(has_events=True)
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON),
        update_set("2", WEB01_GOES_OFF),
        asyncio.Event(),
        update_set("1", enter("1", name="web01", power="poweredOff")),
    )
    host.plan("RetrieveProperties", "", fault("NotAuthenticated"))
    follower = Follower(host, tries=2, grace=LONG)
    async with following(follower):
        await follower.timer.pass_by()
        await follower.has_told("web01 stopped")

    assert follower.delays == [0.0]
    assert follower.told == ["connected", "web01 stopped", "resynchronised"]


async def test_a_defect_in_what_is_judged_in_time_is_not_hidden() -> None:
    """It ends the wait, and is logged with its traceback."""
    host = Host(has_events=True)
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), update_set("2", WEB01_GOES_OFF))
    follower = Follower(host, grace=LONG)
    async with following(follower):
        await host.is_waited_for()
        await follower.timer.is_awaited()
        follower.breaks_at_the_next_publication()
        with capture_logs() as logs:
            await follower.timer.pass_by()
            await follower.has_given_up()

    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
        "connection_failed"
    ]
    assert follower.status.error == (
        "a defect of eventd: ZeroDivisionError('a defect'); see the log"
    )


async def test_a_connection_that_holds_back_a_change_stops_at_once() -> None:
    """The change is told after the next start: what is known of the domain is as before."""
    host = Host(has_events=True)
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), update_set("2", WEB01_GOES_OFF))
    follower = Follower(host, grace=LONG)
    async with following(follower):
        await host.is_waited_for()
        assert await follower.timer.is_awaited() == LONG

    assert follower.timer.alarms == []
    assert len(asyncio.all_tasks()) == 1
    assert follower.told == ["connected"]
    assert [picture.changed["1"].power for picture in follower.pictures if picture.changed] == [
        PowerState.POWERED_ON
    ]
    assert host.methods[-1] == "Logout"


# --- the end --------------------------------------------------------------------------------------


async def test_a_connection_that_is_stopped_logs_out() -> None:
    """The host lets go of the session at once, and not half an hour later."""
    host = Host()
    await follow(host)

    assert host.methods.count("Login") == host.methods.count("Logout") == 1
    assert host.methods[-1] == "Logout"
    assert host.deadlines["Logout"] == 0.5


async def test_a_host_that_does_not_answer_the_logout_delays_nobody() -> None:
    """The transport's deadline ends it, and the daemon stops."""
    host = Host()
    host.plan("Logout", HostUnreachable("esx01 did not answer within 0.5 s"))

    await follow(host)

    assert host.methods[-1] == "Logout"


# --- sessions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["NotAuthenticated", "ManagedObjectNotFound"])
async def test_a_session_that_is_lost_in_mid_wait_is_replaced_at_once(lost: str) -> None:
    """A new login and the whole picture, at once; what was missed is told once.

    No disconnected event, since the host was there all the time.
    """
    host = Host()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_OFF),
        fault(lost),
        update_set("1", WEB01_ON),
        update_set("2", modify("1", power="poweredOff")),
    )
    follower = Follower(host, tries=2)
    with capture_logs() as logs:
        async with following(follower):
            await host.is_waited_for()
            assert up() == 1
            assert follower.stale == {"web01": False}

    assert follower.delays == [0.0]
    assert follower.told == ["connected", "web01 started", "resynchronised", "web01 stopped"]
    assert host.methods.count("Login") == 2
    assert [entry for entry in logs if entry["log_level"] not in ("debug", "info")] == []


@pytest.mark.parametrize(
    ("lost", "logouts"), [("NotAuthenticated", 1), ("ManagedObjectNotFound", 2)]
)
async def test_a_session_that_the_host_has_forgotten_needs_no_logout(
    lost: str, logouts: int
) -> None:
    """One of which only an object is gone does."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1"), fault(lost), update_set("1"))
    await follow(host, tries=2)

    assert host.methods.count("Login") == 2
    assert host.methods.count("Logout") == logouts


async def test_a_session_that_is_lost_again_and_again_is_a_lost_host() -> None:
    """The first loss is mended by a login; if that does not help, the pauses grow."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_OFF), *[fault("NotAuthenticated")] * 3)
    follower = await follow(host, tries=3, until_lost=True)

    assert follower.delays == [0.0, 1.0, 2.0]
    assert follower.told == ["connected", "disconnected"]


async def test_versions_that_are_out_of_date_cost_a_picture_and_no_login() -> None:
    """InvalidCollectorVersion: the same collector, from the beginning."""
    host = Host()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_OFF),
        fault("InvalidCollectorVersion"),
        update_set("7", WEB01_ON),
    )
    follower = await follow(host)

    assert host.versions() == ["", "1", "", "7"]
    assert host.methods.count("Login") == host.methods.count("CreatePropertyCollector") == 1
    assert follower.delays == []
    assert follower.told == ["connected", "web01 started", "resynchronised"]


async def test_a_host_that_knows_no_version_at_all_is_lost() -> None:
    """It refuses the beginning too; asking again and again would be a storm."""
    host = Host()
    host.plan("WaitForUpdatesEx", fault("InvalidCollectorVersion", "Bad version."))
    follower = await follow(host, until_lost=True)

    assert follower.delays == [0.5]
    assert follower.status.error == (
        "the host refused WaitForUpdatesEx: InvalidCollectorVersion: Bad version."
    )
    assert host.methods.count("Login") == host.methods.count("Logout") == 1


# --- a lost host ----------------------------------------------------------------------------------


async def test_a_lost_host_is_told_once_and_its_domains_are_stale() -> None:
    """Unreachable is not gone: nothing is said of the domains."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), UNREACHABLE)
    usual = host.usual("RetrieveServiceContent")
    host.plan("RetrieveServiceContent", usual, UNREACHABLE, UNREACHABLE)
    host.plan("Logout", UNREACHABLE)
    follower = Follower(host, tries=3)
    async with following(follower):
        await follower.has_given_up()
        assert up() == 0
        assert follower.stale == {"web01": True}

    assert follower.told == ["connected", "disconnected"]
    disconnected = follower.events[-1]
    assert isinstance(disconnected, ConnectionDisconnected)
    assert disconnected.message == UNREACHABLE.message
    assert disconnected.synced_at == NOON
    assert follower.delays == [0.5, 1.0, 2.0]
    assert follower.status.state is ConnectionState.DISCONNECTED
    assert follower.status.error == UNREACHABLE.message
    assert follower.status.domains == 1


async def test_what_was_missed_is_told_once_and_before_the_connection_is_back() -> None:
    """The picture of before and that of now are compared; the events say that they are late."""
    host = Host()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON, DB01_OFF),
        UNREACHABLE,
        update_set("1", enter("1", name="web01", power="poweredOff"), enter("3", name="new")),
        update_set("2", modify("1", power="poweredOn")),
    )
    follower = await follow(host, tries=2)

    assert follower.told[:2] == ["connected", "disconnected"]
    assert sorted(follower.told[2:5]) == [
        "db01 undefined",
        "new defined",
        "web01 stopped",
    ]
    assert follower.told[5:] == ["connected", "resynchronised", "web01 started"]
    assert [event.synthetic for event in follower.events[2:5]] == [True] * 3
    assert not follower.events[-1].synthetic
    assert follower.status.error is None


async def test_a_session_behind_a_cut_connection_is_logged_out_of() -> None:
    """The host is still there, and would keep the session for half an hour."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1"), UNREACHABLE, update_set("1"))
    await follow(host, tries=2)

    assert host.methods.count("Login") == host.methods.count("Logout") == 2


@pytest.mark.parametrize(
    "reply",
    [MalformedAnswer("the answer is cut"), "<returnval><hello/></returnval>", fault("SystemError")],
    ids=["malformed", "without version", "fault"],
)
async def test_an_odd_answer_is_a_lost_host_and_no_lost_session(reply: Reply) -> None:
    """Everything is begun anew, politely."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), reply, update_set("1", WEB01_ON))
    follower = await follow(host, tries=2)

    assert follower.told == ["connected", "disconnected", "connected", "resynchronised"]
    assert host.methods.count("Login") == host.methods.count("Logout") == 2


async def test_a_defect_inside_ends_neither_the_connection_nor_the_daemon() -> None:
    """It is logged with its traceback, and the host is followed again after a while."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), update_set("1", WEB01_ON))
    broken = iter([ZeroDivisionError("a defect")])

    def credentials() -> Credentials:
        for defect in broken:
            raise defect
        return Credentials("root", "hunter2")

    follower = Follower(host, tries=2, credentials=credentials)
    with capture_logs() as logs:
        async with following(follower):
            await host.is_waited_for()

    assert follower.delays == [0.5]
    assert follower.told == ["connected"]
    errors = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["event"] for entry in errors] == ["connection_failed"]
    assert errors[0]["exc_info"]


async def test_a_defect_in_mid_wait_logs_out_and_is_a_lost_host() -> None:
    """The message says that it is ours."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON))
    follower = Follower(host, defect=ZeroDivisionError("a defect"))
    async with following(follower):
        await follower.has_given_up()

    assert follower.status.error == (
        "a defect of eventd: ZeroDivisionError('a defect'); see the log"
    )
    assert host.methods.count("Logout") == 1


async def test_a_defect_in_what_is_held_back_does_not_hide_that_the_host_is_lost() -> None:
    """It ends nobody, and what was not told is told when the host is back."""
    host = Host(has_events=True)
    released = asyncio.Event()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON),
        update_set("2", WEB01_GOES_OFF),
        released,
        UNREACHABLE,
    )
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_OFF))
    follower = Follower(host, tries=2, grace=LONG)
    with capture_logs() as logs:
        async with following(follower):
            await follower.timer.is_awaited()
            follower.breaks_at_the_next_publication()
            released.set()
            await follower.has_told("resynchronised")

    assert follower.told == [
        "connected",
        "disconnected",
        "web01 stopped",
        "connected",
        "resynchronised",
    ]
    errors = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["event"] for entry in errors] == ["held_back_not_told"]
    assert errors[0]["exc_info"]


async def test_a_defect_in_telling_that_the_host_is_lost_ends_nobody() -> None:
    """The host is tried again all the same."""
    host = Host()
    released = asyncio.Event()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), released, UNREACHABLE)
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON))
    follower = Follower(host, tries=2)
    with capture_logs() as logs:
        async with following(follower):
            await follower.has_told("connected")
            follower.breaks_at_the_next_publication()
            released.set()
            await follower.has_told("resynchronised")

    assert follower.told == ["connected", "connected", "resynchronised"]
    assert [e["event"] for e in logs if e["log_level"] == "error"] == ["event_not_published"]


async def test_a_defect_in_telling_that_an_answer_is_overdue_ends_nobody() -> None:
    """The domains are stale all the same, and the host is followed on."""
    host = Host()
    released = asyncio.Event()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), released, "")
    follower = Follower(host)
    with capture_logs() as logs:
        async with following(follower):
            await follower.has_told("connected")
            follower.breaks_at_the_next_publication()
            follower.timer.go_on(64)
            await follower.has_failed()
            assert follower.stale == {"web01": True}
            released.set()
            await follower.has_told("resynchronised")
            assert follower.stale == {"web01": False}

    assert [e["event"] for e in logs if e["log_level"] == "error"] == ["event_not_published"]


async def test_a_defect_at_the_start_ends_nobody() -> None:
    """That the host is not reached yet is told by the log then."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_OFF))
    follower = Follower(host, known=KNOWN, defect=ZeroDivisionError("a defect"))
    async with following(follower):
        await host.is_waited_for()

    assert follower.told == ["web01 stopped", "connected", "resynchronised"]


# --- refusals -------------------------------------------------------------------------------------


async def test_a_refused_login_is_not_repeated_for_a_quarter_of_an_hour() -> None:
    """Five failures lock the account; the status and the log tell what to do."""
    host = Host()
    host.plan("Login", fault("InvalidLogin", "Cannot complete login."))
    with capture_logs() as logs:
        follower = await follow(host, until_lost=True)

    sentence = (
        "esx://esx01.example/ refused the login of user 'root': Cannot complete login; check the "
        "user name and the password (tried again after 15 minutes, or by a restart of eventd)"
    )
    assert follower.delays == [900.0]
    assert follower.told == []
    assert follower.status.error == sentence
    assert [(entry["log_level"], entry["error"]) for entry in logs] == [("warning", sentence)]
    assert "hunter2" not in str(logs)
    assert "Logout" not in host.methods


async def test_the_password_is_read_anew_for_each_login() -> None:
    """A changed password needs no restart."""
    host = Host()
    host.plan("Login", LoginRefused("refused"))
    passwords = iter(["old", "new"])
    follower = Follower(host, tries=2, credentials=lambda: Credentials("root", next(passwords)))
    async with following(follower):
        await host.is_waited_for()

    sent = [call.call.first("password") for call in host.called("Login")]
    assert [node.text for node in sent if node] == ["old", "new"]


async def test_a_password_that_cannot_be_read_any_more_is_waited_for() -> None:
    """The host is not even asked who it is."""

    def unreadable() -> Credentials:
        raise InvalidConfiguration("password_file /p is empty; write the password into it")

    host = Host()
    follower = Follower(host, credentials=unreadable)
    async with following(follower):
        await follower.has_given_up()

    assert follower.delays == [300.0]
    assert follower.status.error == "password_file /p is empty; write the password into it"
    assert host.methods == []


async def test_a_path_that_names_nothing_is_a_refusal_with_a_logout() -> None:
    """It was found after the login."""
    host = Host(product_line="vpx")
    follower = Follower(host, uri="vpx://vc.example/DC9")
    async with following(follower):
        await follower.has_given_up()

    assert follower.delays == [300.0]
    assert follower.status.error == (
        "Could not find datacenter specified in '/DC9': no 'DC9' among nothing"
    )
    assert host.methods.count("Login") == host.methods.count("Logout") == 1


# --- the log --------------------------------------------------------------------------------------


async def test_the_same_failure_is_a_warning_once() -> None:
    """A host may stay away for months. Another failure, and the same after success, are news."""
    other = HostUnreachable("esx01 did not answer within 60 s")
    host = Host()
    host.plan(
        "RetrieveServiceContent",
        *[UNREACHABLE] * 3,
        other,
        UNREACHABLE,
        host.usual("RetrieveServiceContent"),
        UNREACHABLE,
        UNREACHABLE,
    )
    host.plan("WaitForUpdatesEx", update_set("1"), UNREACHABLE)
    with capture_logs() as logs:
        await follow(host, tries=8, until_lost=True)

    told = [
        (entry["log_level"], entry["error"] == other.message)
        for entry in logs
        if entry["event"] in ("host_lost", "host_not_reached")
    ]
    assert told == [
        ("warning", False),
        ("debug", False),
        ("debug", False),
        ("warning", True),
        ("warning", False),
        ("warning", False),
        ("debug", False),
        ("debug", False),
    ]


async def test_the_tries_are_spread_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many daemons lose the same vCenter at the same moment."""
    host = Host()
    host.plan("RetrieveServiceContent", UNREACHABLE)
    chances: list[float] = []

    def delay(error: EventdError, *, failures: int, chance: float) -> float:
        chances.append(chance)
        return 0.0

    monkeypatch.setattr(retry, "delay", delay)
    connection = Connection(
        "esx01",
        ConnectionURI.parse("esx://esx01.example/"),
        transport=host.transport,
        credentials=lambda: Credentials("root", "hunter2"),
        tracker=Tracker("esx01", source="esx://esx01.example/"),
        publish=lambda events, picture=None: (),
        clock=lambda: NOON,
    )
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(connection.run())
        await host.is_waited_for()
        task.cancel()

    [chance] = chances
    assert 0.0 <= chance < 1.0


# --- the time when nobody looked ------------------------------------------------------------------


def hardware(uuid: str) -> str:
    """Return that a bare host is there, with the UUID of its hardware."""
    change = (
        "<changeSet><name>hardware.systemInfo.uuid</name><op>assign</op>"
        f'<val xsi:type="xsd:string">{uuid}</val></changeSet>'
    )
    obj = '<obj type="HostSystem">ha-host</obj>'
    return f"<objectSet><kind>enter</kind>{obj}{change}</objectSet>"


async def test_what_was_known_at_the_start_is_stale_until_it_was_taken_anew() -> None:
    """A start is told once, and what was missed before it is true again."""
    host = Host()
    follower = Follower(host, known=KNOWN, known_host=HostPicture(synced_at=YESTERDAY))
    host.plan("WaitForUpdatesEx", asyncio.Event(), update_set("1", WEB01_OFF))
    assert follower.status.synced_at == YESTERDAY.isoformat()
    more = host.on("WaitForUpdatesEx")
    async with following(follower):
        await more.wait()
        assert follower.told == ["stale"]
        assert follower.stale == {"web01": True}

    [stale] = follower.events
    assert isinstance(stale, ConnectionStale)
    assert stale.synced_at == YESTERDAY

    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_OFF, DB01_OFF))
    again = Follower(host, known=KNOWN, known_host=HostPicture(synced_at=YESTERDAY))
    async with following(again):
        await host.is_waited_for()
        assert again.stale == {"db01": False, "web01": False}

    assert again.told[0] == "stale"
    assert sorted(again.told[1:3]) == ["db01 defined", "web01 stopped"]
    assert again.told[3:] == ["connected", "resynchronised"]
    back = again.events[-1]
    assert isinstance(back, ConnectionResynchronised)
    assert (back.domains, back.missed, back.synced_at) == (2, 2, YESTERDAY)
    assert not back.reinstalled


async def test_a_host_of_which_nothing_is_known_is_not_stale() -> None:
    """Nor was anything missed there."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_OFF))
    assert (await follow(host)).told == ["connected"]


async def test_a_host_that_owes_an_answer_is_stale_until_it_gives_it() -> None:
    """It is not lost yet, and nobody knows how its domains are."""
    host = Host()
    released = asyncio.Event()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), released, "")
    follower = Follower(host)
    async with following(follower):
        await follower.has_told("connected")
        follower.timer.go_on(62)
        await asyncio.sleep(0)
        assert follower.stale == {"web01": False}
        follower.timer.go_on(2)
        await follower.has_told("stale")
        assert follower.stale == {"web01": True}
        assert follower.status.state is ConnectionState.CONNECTED
        released.set()
        await follower.has_told("resynchronised")
        assert follower.stale == {"web01": False}
        await host.is_waited_for()

    assert follower.told == ["connected", "stale", "resynchronised"]
    back = follower.events[-1]
    assert isinstance(back, ConnectionResynchronised)
    assert (back.domains, back.missed) == (1, 0)


async def test_a_host_that_owes_an_answer_for_too_long_is_lost() -> None:
    """Then its domains stay stale, and the next picture is compared."""
    host = Host()
    released = asyncio.Event()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), released, UNREACHABLE)
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON))
    follower = Follower(host, tries=2)
    async with following(follower):
        await follower.has_told("connected")
        follower.timer.go_on(64)
        await follower.has_told("stale")
        released.set()
        await host.is_waited_for()
        assert follower.stale == {"web01": False}

    assert follower.told == ["connected", "stale", "disconnected", "connected", "resynchronised"]


async def test_up_to_when_all_is_known_is_kept_once_a_minute() -> None:
    """What is missed by a crash begins there, also on a host where nothing happens."""
    host = Host()
    first, second = asyncio.Event(), asyncio.Event()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), "", first, "", second, "")
    follower = Follower(host)
    async with following(follower):
        await follower.has_told("connected")
        waits = host.on("WaitForUpdatesEx")
        follower.now += timedelta(seconds=30)
        first.set()
        await waits.wait()
        follower.now += timedelta(seconds=30)
        second.set()
        await host.is_waited_for()

    kept = [picture.host.synced_at for picture in follower.pictures if picture.host]
    assert kept == [NOON, NOON + timedelta(seconds=60)]
    assert follower.told == ["connected"]


async def test_up_to_when_all_is_known_is_kept_when_the_host_is_lost() -> None:
    """With the event that says so."""
    host = Host()
    released = asyncio.Event()
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), "", released, UNREACHABLE)
    follower = Follower(host)
    async with following(follower):
        await follower.has_told("connected")
        follower.now += timedelta(seconds=30)
        released.set()
        await follower.has_given_up()

    assert follower.told == ["connected", "disconnected"]
    last = follower.pictures[-1]
    assert (last.changed, last.removed) == ({}, frozenset())
    assert last.host == follower.pictures[0].host


async def test_another_host_at_the_address_is_told_and_followed() -> None:
    """Where the references and names of both are the same as well."""
    host = Host()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON, hardware("aaaa")),
        UNREACHABLE,
        update_set("1", WEB01_ON, hardware("bbbb")),
        update_set("1", WEB01_ON, hardware("bbbb")),
    )
    follower = Follower(host, tries=2)
    with capture_logs() as logs:
        async with following(follower):
            await host.is_waited_for()
            assert follower.stale == {"web01": False}

    assert follower.told == [
        "connected",
        "disconnected",
        "web01 stopped",
        "web01 undefined",
        "web01 defined",
        "web01 started",
        "connected",
        "resynchronised",
    ]
    back = follower.events[-1]
    assert isinstance(back, ConnectionResynchronised)
    assert (back.reinstalled, back.missed, back.domains) == (True, 4, 1)
    assert "host_replaced" in [entry["event"] for entry in logs]
    assert host.methods.count("Login") == host.methods.count("Logout") == 3
    assert follower.pictures[-1].host is not None
    assert follower.pictures[-1].host.identity == "bbbb"


async def test_hosts_that_answer_in_turn_are_not_asked_all_the_time() -> None:
    """As behind one name: each session would meet another one."""
    host = Host()
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON, hardware("aa")),
        UNREACHABLE,
        *[update_set("1", WEB01_ON, hardware(name)) for name in ("bb", "cc")],
    )
    follower = Follower(host, tries=2)
    async with following(follower):
        await follower.has_given_up()

    assert len(follower.delays) == 2
    assert follower.status.error == "several hosts answer in turn; name one of them"


async def test_what_cannot_be_understood_is_told_and_costs_nothing_else() -> None:
    """With the update set that brought it; neither a change nor an event is lost."""
    host = Host(has_events=True)
    odd_value = modify("1", power="poweredOff").replace(
        "</objectSet>",
        "<changeSet><name>runtime.question</name><op>assign</op>"
        '<val xsi:type="OddQuestion"><a><b/></a></val></changeSet></objectSet>',
    )
    odd_event = event(6, kind="OddEvent").replace("<key>6</key>", "<password>hunter2</password>")
    host.plan("WaitForUpdatesEx", update_set("1", WEB01_ON), update_set("2", odd_value, RINGS))
    host.plan("ReadNextEvents", odd_event + event(7))
    follower = Follower(host, grace=LONG)
    async with following(follower):
        await host.is_waited_for()

    assert follower.told == ["connected", "web01 stopped", "unparsed", "unparsed"]
    stopped, question, history = follower.events[1:]
    assert isinstance(stopped, DomainEvent)
    assert stopped.evidence.event is not None
    assert isinstance(question, ConnectionUnparsed)
    assert isinstance(history, ConnectionUnparsed)
    assert (question.element, history.element) == ("OddQuestion", "OddEvent")
    assert "<a><b/></a>" in question.raw
    assert "hunter2" not in history.raw
    assert len(follower.pictures) == 2


async def test_an_answer_that_repeats_the_login_shows_no_password() -> None:
    """A proxy may send back whatever it got; nothing of it is told."""
    host = Host()
    host.plan("Login", "<returnval><userName>root</userName><password>hunter2</password>")
    host.plan(
        "WaitForUpdatesEx",
        update_set("1", WEB01_ON, "<objectSet><password>hunter2</password></objectSet>"),
    )
    with capture_logs() as logs:
        follower = Follower(host)
        async with following(follower):
            await follower.has_given_up()
        again = await follow(host)

    assert "hunter2" not in str(logs)
    assert "hunter2" not in str(follower.events + again.events)
    assert again.told == ["unparsed", "connected"]
