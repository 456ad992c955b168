"""The event history: a doorbell of one event, and everything behind it, once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from eventd.connections import history as history_module
from eventd.connections.complaints import Complaints
from eventd.connections.credentials import Credentials
from eventd.connections.history import EventHistory
from eventd.connections.session import Session
from eventd.errors import Fault, HostUnreachable, SessionExpired
from eventd.vi.property_collector import parse_update_set
from eventd.vi.soap import SoapRequest, parse_answer
from eventd.vi.types import HistoryEvent, ManagedObjectReference, UpdateSet
from eventd.vi.uri import ConnectionURI
from tests.connections.odd_things import odd_things
from tests.connections.scripted_host import Host, event, fault, reference, ring, update_set

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OTHER = reference("EventHistoryCollector", "other")
THIRD = reference("EventHistoryCollector", "third")


async def session_with(host: Host) -> Session:
    """Log in to a host."""
    uri = ConnectionURI.parse("esx://esx01.example/")
    return await Session.open(host.transport(), uri, Credentials("root", "secret"))


async def history_of(host: Host, *, is_resumed: bool = False) -> EventHistory:
    """Begin with the events of noon."""
    session = await session_with(host)
    history = await EventHistory.open(
        session,
        complaints=Complaints("esx01"),
        not_understood=odd_things(),
        since=NOON,
        is_resumed=is_resumed,
    )
    assert history is not None
    return history


@pytest.fixture
def host() -> Host:
    """A host with an event history."""
    return Host(has_events=True)


def the(key: int, *, seconds: int = 1) -> HistoryEvent:
    """Return an event that rings."""
    return HistoryEvent(
        key=key,
        chain_id=key,
        created_time=NOON + timedelta(seconds=seconds),
        type="VmPoweredOffEvent",
        user="root",
    )


def at(seconds: int) -> str:
    """Write a time after noon."""
    return (NOON + timedelta(seconds=seconds)).isoformat()


def page(keys: Iterable[int]) -> str:
    """Return events of one moment."""
    return "".join(event(key) for key in keys)


def keys(events: list[HistoryEvent]) -> list[int]:
    """Return what the events are known by."""
    return [found.key for found in events]


def filter_of(request: SoapRequest) -> dict[str, str]:
    """Return the parts of the filter of a collector; the last of each name."""
    wanted = request.call.first("filter")
    assert wanted is not None
    begin = wanted.children[0].children[0]
    return {begin.tag: begin.text} | {part.tag: part.text for part in wanted.children[1:]}


# --- opening --------------------------------------------------------------------------------------


async def test_the_doorbell_has_one_event_and_begins_at_a_time(host: Host) -> None:
    """A larger page would cost its size at every change."""
    history = await history_of(host)

    assert history.doorbell == ManagedObjectReference("EventHistoryCollector", "history")
    [created] = host.called("CreateCollectorForEvents")
    wanted = filter_of(created)
    assert wanted["beginTime"] == "2026-11-20T12:00:00Z"
    assert wanted["maxCount"] == "1"
    assert "eventTypeId" in wanted
    assert not host.called("SetCollectorPageSize")


@pytest.mark.parametrize(
    ("api_version", "kind"), [("6.0", "eventTypeId"), ("4.0", "eventTypeId"), ("2.5", "type")]
)
async def test_an_older_host_is_told_the_size_of_the_page_afterwards(
    api_version: str, kind: str
) -> None:
    """Its filter has no ``maxCount``, and before 4.0 no ``eventTypeId``."""
    host = Host(has_events=True, api_version=api_version)
    await history_of(host)

    [created] = host.called("CreateCollectorForEvents")
    assert {"maxCount", "type", "eventTypeId"} & {*filter_of(created)} == {kind}
    [size] = host.called("SetCollectorPageSize")
    assert size.this.value == "history"
    assert size.call.children[-1].text == "1"


async def test_a_host_without_event_manager_has_no_history() -> None:
    """Its domains are followed all the same."""
    session = await session_with(Host(has_events=False))
    assert (
        await EventHistory.open(
            session, complaints=Complaints("esx01"), not_understood=odd_things(), since=NOON
        )
        is None
    )


@pytest.mark.parametrize("name", ["NoPermission", "NotSupported", "InvalidState"])
async def test_a_host_that_refuses_its_history_has_none(name: str, host: Host) -> None:
    """Events without their causes are better than none; the log says so."""
    host.plan("CreateCollectorForEvents", fault(name))
    session = await session_with(host)

    with capture_logs() as logs:
        assert (
            await EventHistory.open(
                session, complaints=Complaints("esx01"), not_understood=odd_things(), since=NOON
            )
            is None
        )

    assert logs == [
        {
            "event": "event_history_refused",
            "log_level": "warning",
            "connection": "esx01",
            "error": f"the host refused CreateCollectorForEvents: {name}: it is so",
        }
    ]


async def test_a_host_that_does_not_know_identifiers_is_asked_for_classes_alone(
    host: Host,
) -> None:
    """Those of HA and of the kernel are lost then; the plain causes are not."""
    host.plan(
        "CreateCollectorForEvents", fault("InvalidArgument"), host.usual("CreateCollectorForEvents")
    )
    session = await session_with(host)

    with capture_logs() as logs:
        assert (
            await EventHistory.open(
                session, complaints=Complaints("esx01"), not_understood=odd_things(), since=NOON
            )
            is not None
        )

    assert [log["event"] for log in logs] == ["event_history_refused"]
    asked = [
        {child.text for child in call.call.children[-1].children if child.tag == "eventTypeId"}
        for call in host.called("CreateCollectorForEvents")
    ]
    assert [("VmPoweredOffEvent" in types) for types in asked] == [True, True]
    assert [any("." in str(name) for name in types) for types in asked] == [True, False]


@pytest.mark.parametrize("name", ["NotAuthenticated", "ManagedObjectNotFound"])
async def test_a_lost_session_is_no_refusal(name: str, host: Host) -> None:
    """A new login mends it."""
    host.plan("CreateCollectorForEvents", fault(name))
    session = await session_with(host)

    with pytest.raises(Fault):
        await EventHistory.open(
            session, complaints=Complaints("esx01"), not_understood=odd_things(), since=NOON
        )


# --- reading --------------------------------------------------------------------------------------


async def test_events_are_read_up_to_the_one_that_rang(host: Host) -> None:
    """One call, if they fit into a page."""
    host.plan("ReadNextEvents", page([1, 2, 3]))
    history = await history_of(host)

    assert keys(await history.read(the(3))) == [1, 2, 3]
    [read] = host.called("ReadNextEvents")
    assert (read.this.value, read.call.children[-1].text) == ("history", "100")


async def test_nothing_is_read_where_nothing_rang(host: Host) -> None:
    """An update set without events costs no call."""
    history = await history_of(host)
    assert await history.read(None) == []
    assert not host.called("ReadNextEvents")


async def test_an_event_that_was_read_before_its_ring_costs_no_call(host: Host) -> None:
    """The page may have been ahead of the doorbell."""
    host.plan("ReadNextEvents", page([1, 2, 3]))
    history = await history_of(host)

    assert keys(await history.read(the(2))) == [1, 2, 3]
    assert await history.read(the(3)) == []
    assert len(host.called("ReadNextEvents")) == 1


async def test_a_storm_is_read_page_by_page(host: Host) -> None:
    """500 events behind one ring, and none is lost."""
    host.plan("ReadNextEvents", *(page(range(first, first + 100)) for first in range(0, 500, 100)))
    history = await history_of(host)

    assert keys(await history.read(the(499))) == list(range(500))
    assert len(host.called("ReadNextEvents")) == 5
    assert len(host.called("CreateCollectorForEvents")) == 1


async def test_an_empty_page_is_not_the_end(host: Host) -> None:
    """A new collector begins at the newest event read; what it repeats is left out."""
    host.plan("ReadNextEvents", event(1, time=at(3)), "", event(1, time=at(3)) + event(2))
    history = await history_of(host)
    host.plan("CreateCollectorForEvents", OTHER)

    assert keys(await history.read(the(2))) == [2, 1]
    assert [read.this.value for read in host.called("ReadNextEvents")] == [
        "history",
        "history",
        "other",
    ]
    anew = filter_of(host.called("CreateCollectorForEvents")[1])
    assert anew["beginTime"] == "2026-11-20T12:00:00Z"
    assert "maxCount" not in anew


async def test_reading_goes_on_with_the_new_collector_and_the_outworn_one_goes(host: Host) -> None:
    """A session may have 32 of them; but the doorbell stays."""
    host.plan("ReadNextEvents", "", event(1), event(2), "", event(3, time=at(2)))
    history = await history_of(host)
    host.plan("CreateCollectorForEvents", OTHER, THIRD)

    assert keys(await history.read(the(1))) == [1]
    assert not host.called("DestroyCollector")
    assert keys(await history.read(the(3, seconds=2))) == [2, 3]
    assert [gone.this.value for gone in host.called("DestroyCollector")] == ["other"]
    assert history.doorbell.value == "history"


@pytest.mark.parametrize(
    ("seconds", "begin"),
    [(60, "2026-11-20T12:00:50Z"), (3, "2026-11-20T12:00:00Z"), (-3600, "2026-11-20T11:00:00Z")],
    ids=["a while ago", "just begun", "clock set back"],
)
async def test_a_new_collector_begins_shortly_before_the_event_read_last(
    seconds: int, begin: str, host: Host
) -> None:
    """Never in the future of the host, nor before the history that is followed."""
    host.plan("ReadNextEvents", event(1, time=at(3)) + event(2, time=at(seconds)))
    history = await history_of(host)
    host.plan("CreateCollectorForEvents", OTHER)

    await history.read(the(3))

    anew = filter_of(host.called("CreateCollectorForEvents")[1])
    assert anew["beginTime"] == begin


@pytest.mark.parametrize("name", ["ManagedObjectNotFound", "NotAuthenticated"])
async def test_an_outworn_collector_that_cannot_be_destroyed_is_left(name: str, host: Host) -> None:
    """It is no reason to log in anew, nor worth a word."""
    host.plan("ReadNextEvents", "", "", event(1))
    host.plan("DestroyCollector", fault(name))
    history = await history_of(host)
    host.plan("CreateCollectorForEvents", OTHER, THIRD)

    with capture_logs() as logs:
        assert keys(await history.read(the(1))) == [1]

    assert logs == []
    assert [gone.this.value for gone in host.called("DestroyCollector")] == ["other"]


async def test_a_ring_of_too_many_events_is_heard_in_part(host: Host) -> None:
    """The memory is the daemon's. What is left is given up, up to the event that rang."""
    host.plan("ReadNextEvents", *(page(range(first, first + 100)) for first in range(0, 3000, 100)))
    history = await history_of(host)

    with capture_logs() as logs:
        found = await history.read(the(9999, seconds=3600))
        host.plan("CreateCollectorForEvents", OTHER)
        await history.read(the(10_000, seconds=3601))

    assert (len(found), found[-1].key) == (2001, 9999)
    assert logs[0]["error"] == "the host has more than 2000 events at once"
    anew = filter_of(host.called("CreateCollectorForEvents")[1])
    assert anew["beginTime"] == "2026-11-20T12:59:50Z"


async def test_a_host_that_is_slow_with_its_events_is_not_waited_for(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event is taken as it rang; what the late answer had is read with the next ring."""
    monkeypatch.setattr(history_module, "READING_SECONDS", 0.0)
    host.plan("ReadNextEvents", asyncio.Event())
    history = await history_of(host)

    with capture_logs() as logs:
        assert keys(await history.read(the(2))) == [2]
    monkeypatch.setattr(history_module, "READING_SECONDS", 10.0)
    host.plan("CreateCollectorForEvents", OTHER)
    host.plan("ReadNextEvents", page([1, 2, 3]))

    assert keys(await history.read(the(3))) == [1, 3]
    assert host.called("ReadNextEvents")[-1].this.value == "other"
    assert logs[0]["error"] == "the host did not give its events within 0 s"


async def test_an_event_that_is_never_given_is_taken_as_it_rang(host: Host) -> None:
    """After a few tries the others are given up, and the log says so."""
    host.plan("ReadNextEvents", event(1))
    history = await history_of(host)

    with capture_logs() as logs:
        assert keys(await history.read(the(9))) == [1, 9]

    assert len(host.called("CreateCollectorForEvents")) == 3
    assert logs == [
        {
            "event": "event_history_incomplete",
            "log_level": "warning",
            "connection": "esx01",
            "error": "the host does not give the newest event",
        }
    ]
    assert await history.read(the(9)) == []


async def test_a_host_that_goes_on_for_ever_is_not_heard_to_its_end(host: Host) -> None:
    """Neither the loop nor the memory may belong to it."""
    host.plan("ReadNextEvents", *(event(key) for key in range(2000)))
    history = await history_of(host)

    with capture_logs() as logs:
        found = await history.read(the(5000))

    assert found[-1].key == 5000
    assert len(host.called("ReadNextEvents")) == 600
    assert [log["event"] for log in logs] == ["event_history_incomplete"]


async def test_a_refused_reading_gives_what_there_is(host: Host) -> None:
    """What was read before the refusal is not lost."""
    host.plan("ReadNextEvents", event(1), fault("NoPermission"))
    history = await history_of(host)

    with capture_logs() as logs:
        assert keys(await history.read(the(2))) == [1, 2]

    assert logs[0]["error"] == "the host refused ReadNextEvents: NoPermission: it is so"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (fault("NotAuthenticated"), SessionExpired),
        (fault("ManagedObjectNotFound"), Fault),
        (HostUnreachable("cut"), HostUnreachable),
    ],
)
async def test_a_lost_host_is_lost(
    reply: str | HostUnreachable, error: type[Exception], host: Host
) -> None:
    """The connection begins anew, and so does its history."""
    host.plan("ReadNextEvents", reply)
    history = await history_of(host)

    with pytest.raises(error):
        await history.read(the(2))


# --- order and identity ---------------------------------------------------------------------------


async def test_keys_wrap_below_zero(host: Host) -> None:
    """The order of one moment is that of the keys, with -2147483648 behind 2147483647."""
    host.plan("ReadNextEvents", page([-2147483647, -2147483648, 2147483647, 2147483646]))
    history = await history_of(host)

    assert keys(await history.read(the(-2147483647))) == [
        2147483646,
        2147483647,
        -2147483648,
        -2147483647,
    ]


async def test_a_page_may_have_the_newest_first(host: Host) -> None:
    """As was seen of vCenters; the time goes before the key."""
    host.plan("ReadNextEvents", event(5, time=at(2)) + event(7, time=at(1)) + event(6, time=at(1)))
    history = await history_of(host)

    assert keys(await history.read(the(5, seconds=2))) == [6, 7, 5]


async def test_a_key_that_comes_again_is_another_event(host: Host) -> None:
    """A key means something only together with its time."""
    host.plan("ReadNextEvents", event(1, time=at(1)), event(1, time=at(2)))
    history = await history_of(host)

    assert len(await history.read(the(1, seconds=1))) == 1
    assert len(await history.read(the(1, seconds=2))) == 1


# --- rings that show nothing ----------------------------------------------------------------------


def heard(*objects: str) -> UpdateSet:
    """Return an update set that brings objects."""
    xml = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body><XResponse>'
        f"{update_set('1', *objects)}</XResponse></e:Body></e:Envelope>"
    )
    [value] = parse_answer("X", xml.encode())
    return parse_update_set(value)


@pytest.mark.parametrize("shown", ["", '<Event xsi:type="VmPoweredOnEvent"><key>x</key></Event>'])
async def test_a_ring_that_shows_no_event_is_read_to_the_first_empty_page(
    shown: str, host: Host
) -> None:
    """The newest event may be one that the user may not see, and hide others."""
    host.plan("ReadNextEvents", event(1), event(2))
    history = await history_of(host)
    history.hear(heard(ring(shown)))

    assert keys(await history.read(None)) == [1, 2]
    assert await history.read(None) == []
    assert len(host.called("ReadNextEvents")) == 3


@pytest.mark.parametrize(
    ("kinds", "is_resumed", "reads"),
    [
        (["enter"], False, 0),
        (["enter"], True, 2),
        (["enter", "enter"], False, 2),
    ],
    ids=["at first", "after a lost session", "after lost versions"],
)
async def test_a_doorbell_that_is_empty_at_first_may_have_rung_before(
    kinds: list[str], is_resumed: bool, reads: int, host: Host
) -> None:
    """What happened meanwhile is read blindly, unless there was no time before."""
    host.plan("ReadNextEvents", event(1))
    history = await history_of(host, is_resumed=is_resumed)
    for kind in kinds:
        history.hear(heard(ring(kind=kind)))

    await history.read(None)

    assert len(host.called("ReadNextEvents")) == reads


@pytest.mark.parametrize(
    "objects",
    [
        (),
        (ring(kind="enter"),),
        (ring(event(1, tag="Event")),),
        (ring(collector="of-somebody-else"),),
    ],
    ids=["no ring", "the first picture", "an event", "another's"],
)
async def test_other_rings_are_not_read_blindly(objects: tuple[str, ...], host: Host) -> None:
    """The tracker says up to which event to read."""
    history = await history_of(host)
    history.hear(heard(*objects))
    assert await history.read(None) == []
    assert not host.called("ReadNextEvents")


async def test_an_event_that_cannot_be_read_is_logged_and_costs_no_other(host: Host) -> None:
    """Its beginning shows what it was."""
    host.plan("ReadNextEvents", event(1).replace("<key>1</key>", "") + event(2))
    history = await history_of(host)

    with capture_logs() as logs:
        assert keys(await history.read(the(2))) == [2]

    [log] = logs
    assert (log["event"], log["connection"]) == ("not_understood", "esx01")
    assert (log["type"], log["place"]) == ("VmPoweredOffEvent", "the event history")
    assert "createdTime" in log["parts"]
    assert "root" not in str(log)


# --- what was missed ------------------------------------------------------------------------------


async def test_what_was_missed_is_read_to_its_end_once(host: Host) -> None:
    """Days of it; what rings later is a ring as any other."""
    host.plan("ReadNextEvents", *(page(range(first, first + 100)) for first in range(0, 5000, 100)))
    history = await history_of(host, is_resumed=True)

    assert keys(await history.read(the(4999))) == list(range(5000))

    host.plan(
        "ReadNextEvents", *(page(range(first, first + 100)) for first in range(5000, 9000, 100))
    )
    with capture_logs() as logs:
        assert len(await history.read(the(8999))) == 2001
    assert logs[0]["error"] == "the host has more than 2000 events at once"


async def test_what_was_missed_has_a_limit(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory is the daemon's."""
    monkeypatch.setattr(history_module, "_MOST_MISSED", 3000)
    host.plan("ReadNextEvents", *(page(range(first, first + 100)) for first in range(0, 5000, 100)))
    history = await history_of(host, is_resumed=True)

    with capture_logs() as logs:
        found = await history.read(the(4999, seconds=3600))

    assert (len(found), found[-1].key) == (3001, 4999)
    assert logs[0]["error"] == "the host has more than 3000 events at once"


async def test_what_was_missed_is_waited_for_page_by_page_and_no_longer(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that stops in the middle gives what it has given."""
    host.plan("ReadNextEvents", page([1, 2]), page([3, 4]), asyncio.Event())
    history = await history_of(host, is_resumed=True)
    monkeypatch.setattr(history_module, "READING_SECONDS", 0.05)

    with capture_logs() as logs:
        assert keys(await history.read(the(9, seconds=60))) == [1, 2, 3, 4, 9]
    assert logs[0]["event"] == "event_history_incomplete"


async def test_pages_that_have_the_newest_first_are_read_from_their_end(host: Host) -> None:
    """As vCenters were seen to give them, page after page from the oldest one."""
    host.plan("ReadNextEvents", page([3, 2, 1]), page([6, 5, 4]))
    history = await history_of(host)

    assert keys(await history.read(the(6))) == [1, 2, 3, 4, 5, 6]


async def test_what_was_recorded_after_the_clock_was_set_back_comes_after_what_was_before(
    host: Host,
) -> None:
    """By their times alone, effects would come before their causes."""
    told = [(1, 3600), (2, 3601), (3, -86400), (4, -86399), (5, -86402)]
    host.plan("ReadNextEvents", "".join(event(key, time=at(seconds)) for key, seconds in told))
    history = await history_of(host)

    assert keys(await history.read(the(4, seconds=-86399))) == [1, 2, 5, 3, 4]


async def test_keys_that_wrap_stay_in_order_within_a_moment(host: Host) -> None:
    """`Event.key` is an int32."""
    host.plan("ReadNextEvents", page([2**31 - 1, -(2**31), -(2**31) + 1]))
    history = await history_of(host)

    found = keys(await history.read(the(-(2**31) + 1)))
    assert found == [2**31 - 1, -(2**31), -(2**31) + 1]
