"""The event history, as its readers see it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eventd.simulator import INSTANT
from eventd.simulator.service import Reply
from eventd.vi.property_collector import ObjectSpec, PropertyFilterSpec, PropertySpec
from eventd.vi.types import ManagedObjectReference
from tests.simulator.client import Client, connect, fault


def create_event_collector(client: Client, spec: str = "") -> ManagedObjectReference:
    manager = client.world.inventory.event_manager
    client.raw("CreateCollectorForEvents", manager, f"<filter>{spec}</filter>")
    return list(client.session.event_collectors)[-1]


def read_events(client: Client, collector: ManagedObjectReference, count: int = 10) -> list[str]:
    body = client.raw("ReadNextEvents", collector, f"<maxCount>{count}</maxCount>").body.decode()
    return [part.partition('"')[0] for part in body.split('<returnval xsi:type="')[1:]]


def test_events_are_read_on_from_where_the_reader_was() -> None:
    """At the end there are none, until something happens."""
    client = connect(pace=INSTANT)
    collector = create_event_collector(client)
    client.world.power_on("web01", now=client.now)
    client.advance()

    first = [read_events(client, collector, 1) for _ in range(3)]
    client.world.crash("web01", now=client.now)

    assert first == [["VmStartingEvent"], ["VmPoweredOnEvent"], []]
    assert read_events(client, collector) == ["VmPoweredOffEvent"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("<eventTypeId>vim.event.VmPoweredOnEvent</eventTypeId>", 2),
        ("<eventTypeId>VmEvent</eventTypeId>", 4),
        (
            '<entity><entity type="VirtualMachine">1</entity><recursion>self</recursion></entity>',
            2,
        ),
        ("<userName><systemUser>false</systemUser><userList>nobody</userList></userName>", 0),
        ("<time><beginTime>2026-01-01T00:00:05Z</beginTime></time>", 2),
        ("<time><endTime>2026-01-01T00:00:05Z</endTime></time>", 2),
        ("<eventChainId>1</eventChainId>", 2),
    ],
)
def test_an_event_filter_chooses(spec: str, expected: int) -> None:
    """By type, entity, user, time and chain."""
    client = connect(pace=INSTANT)
    client.world.power_on("web01", now=client.now)
    client.advance(10)
    client.world.power_on("db01", now=client.now)
    client.advance()

    assert len(read_events(client, create_event_collector(client, spec))) == expected


def test_the_latest_page_of_events_is_a_property_that_changes() -> None:
    """It holds the newest events up to the size of the page."""
    client = connect(pace=INSTANT)
    collector = create_event_collector(client, "<maxCount>3</maxCount>")
    spec = PropertyFilterSpec(
        (PropertySpec("EventHistoryCollector", ("latestPage",)),), (ObjectSpec(collector),)
    )
    client.create_filter(spec)
    version, _ = client.changes()

    for operation in (client.world.power_on, client.world.power_off):
        operation("web01", now=client.now)
        client.advance()
    client.changes(version)

    page = client.fetch(collector, "latestPage")
    assert [part.partition('"')[0] for part in page.split('<Event xsi:type="')[1:]] == [
        *("VmPoweredOffEvent", "VmStoppingEvent", "VmPoweredOnEvent")
    ]


@pytest.mark.parametrize("size", ["many", "0", "1001", "9999999999"])
def test_a_page_of_events_has_a_size_from_1_to_1000(size: str) -> None:
    """Anything else is refused."""
    client = connect()
    manager = client.world.inventory.event_manager
    spec = f"<filter><maxCount>{size}</maxCount></filter>"

    reply = client.raw("CreateCollectorForEvents", manager, spec)

    assert fault(reply) == "InvalidArgument"


def event_types(reply: Reply) -> list[str]:
    """The types of the events in an answer."""
    return [
        part.partition('"')[0] for part in reply.body.decode().split('<returnval xsi:type="')[1:]
    ]


def test_a_reader_of_events_goes_back_and_forth() -> None:
    """Rewinding goes before the oldest event, resetting behind the newest."""
    client = connect(pace=INSTANT)
    collector = create_event_collector(client)
    for operation in (client.world.power_on, client.world.power_off):
        operation("web01", now=client.now)
        client.advance()
    seen = {}
    for method in ("RewindCollector", "ResetCollector"):
        client.raw(method, collector)
        seen[method] = read_events(client, collector)
    backwards = client.raw("ReadPreviousEvents", collector, "<maxCount>2</maxCount>")

    assert seen == {
        "RewindCollector": [
            *("VmStartingEvent", "VmPoweredOnEvent", "VmStoppingEvent", "VmPoweredOffEvent")
        ],
        "ResetCollector": [],
    }
    assert event_types(backwards) == ["VmPoweredOffEvent", "VmStoppingEvent"]


def test_a_vcenter_tells_its_events_without_a_collector() -> None:
    """A bare host does not."""
    replies = []
    for product in ("vpx", "esx"):
        client = connect(product=product, pace=INSTANT)
        client.world.power_on("web01", now=client.now)
        client.advance()
        manager = client.world.inventory.event_manager
        replies.append(client.raw("QueryEvents", manager, "<filter/>"))

    assert event_types(replies[0]) == ["VmStartingEvent", "VmPoweredOnEvent"]
    assert fault(replies[1]) == "NotSupported"


def test_the_size_of_the_latest_page_can_be_changed() -> None:
    """And a destroyed collector is gone."""
    client = connect(pace=INSTANT)
    client.world.power_on("web01", now=client.now)
    client.advance()
    collector = create_event_collector(client)

    client.raw("SetCollectorPageSize", collector, "<maxCount>1</maxCount>")
    page = client.fetch(collector, "latestPage")
    client.raw("DestroyCollector", collector)

    assert page.count("<Event xsi:type=") == 1
    assert fault(client.raw("RewindCollector", collector)) == "ManagedObjectNotFound"


def test_an_event_of_a_late_kind_is_chosen_by_its_id() -> None:
    """Of an EventEx the class says nothing."""
    client = connect(product="vpx", powered_on=True, pace=INSTANT)
    collector = create_event_collector(
        client, "<eventTypeId>com.vmware.vc.vm.VmTerminateEvent</eventTypeId>"
    )
    client.world.terminate("web01", now=client.now)
    client.world.isolate("db01", now=client.now)
    client.advance()

    assert read_events(client, collector) == ["EventEx"]


def test_events_are_read_in_the_order_of_posting_when_their_keys_wrap() -> None:
    """A key below zero is newer than the largest one."""
    client = connect(pace=INSTANT)
    collector = create_event_collector(client)
    client.world.count_events_from(2**31 - 2, now=client.now)

    client.world.storm(2, now=client.now)
    first = read_keys(client, collector, 10)
    client.world.storm(2, now=client.now)

    assert first == [2**31 - 2, 2**31 - 1]
    assert read_keys(client, collector, 1) == [-(2**31)]
    assert read_keys(client, collector, 10) == [-(2**31) + 1]
    assert client.fetch(collector, "latestPage").count("<key>") == 4


def read_keys(client: Client, collector: ManagedObjectReference, count: int) -> list[int]:
    body = client.raw("ReadNextEvents", collector, f"<maxCount>{count}</maxCount>").body.decode()
    return [int(part.partition("<")[0]) for part in body.split("<key>")[1:]]


def test_a_storm_larger_than_the_page_is_read_batch_by_batch() -> None:
    """The page of one rings only once; nothing of the rest is lost."""
    client = connect(pace=INSTANT)
    collector = create_event_collector(client, "<maxCount>1</maxCount>")
    spec = PropertyFilterSpec(
        (PropertySpec("EventHistoryCollector", ("latestPage",)),), (ObjectSpec(collector),)
    )
    client.create_filter(spec)
    version, _ = client.changes()

    client.world.storm(500, now=client.now)
    _, updates = client.changes(version)
    batches = [len(read_events(client, collector, 100)) for _ in range(6)]

    assert len(updates) == 1
    assert client.fetch(collector, "latestPage").count("<key>") == 1
    assert batches == [100, 100, 100, 100, 100, 0]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            '<eventToPost xsi:type="VmMigratedEvent"><key>7</key><chainId>7</chainId>'
            "<createdTime>1999-01-01T00:00:00Z</createdTime><userName>somebody</userName>"
            '<vm><name>x</name><vm type="VirtualMachine">1</vm></vm>'
            '<sourceHost><name>esx09</name><host type="HostSystem">ha-host</host></sourceHost>'
            "</eventToPost>",
            ["VmMigratedEvent", "web01", "esx09", "root"],
        ),
        (
            '<eventToPost xsi:type="EventEx"><eventTypeId>com.example.Odd</eventTypeId>'
            '<arguments><key>a</key><value xsi:type="xsd:string">b</value></arguments>'
            "</eventToPost>",
            ["EventEx", "com.example.Odd", "b", "root"],
        ),
    ],
)
def test_a_client_can_post_an_event(event: str, expected: list[str]) -> None:
    """Key, time and user are the host's own, and so is the domain's name."""
    client = connect(pace=INSTANT)
    collector = create_event_collector(client)
    client.advance()

    client.raw("PostEvent", client.world.inventory.event_manager, event)

    page = client.fetch(collector, "latestPage")
    assert all(f">{word}<" in page or f'"{word}"' in page for word in expected)
    assert "<key>1</key>" in page
    assert "2026-01-01T00:00:01Z" in page


@pytest.mark.parametrize(
    "event",
    [
        '<eventToPost xsi:type="NoSuchEvent"/>',
        '<eventToPost xsi:type="AboutInfo"/>',
        '<eventToPost xsi:type="EventEx"><arguments><value xsi:type="xsd:int">x</value>'
        "</arguments></eventToPost>",
        '<eventToPost xsi:type="VmEvent"><vm><vm type="VirtualMachine">99</vm></vm></eventToPost>',
        "",
    ],
)
def test_what_is_no_event_cannot_be_posted(event: str) -> None:
    """The argument is named."""
    client = connect()

    reply = client.raw("PostEvent", client.world.inventory.event_manager, event)

    assert fault(reply) == "InvalidArgument"
    assert not client.world.events.events


def test_a_clock_that_is_set_shows_in_events_and_in_the_time_of_the_host() -> None:
    """The world goes on by its own time."""
    client = connect(pace=INSTANT)
    collector = create_event_collector(client)
    client.world.set_clock(timedelta(days=-1), now=client.now)
    client.world.power_on("web01", now=client.now)
    client.advance()

    body = client.raw("ReadNextEvents", collector, "<maxCount>1</maxCount>").body.decode()
    assert "<createdTime>2025-12-31T" in body
    service = client.world.inventory.service_instance
    assert "2025-12-31T" in client.raw("CurrentTime", service).body.decode()


def test_events_that_are_forgotten_are_read_no_more_and_keys_begin_anew() -> None:
    """A bare host keeps its events in memory."""
    client = connect(pace=INSTANT)
    client.world.power_on("web01", now=client.now)
    client.advance()
    client.world.forget_events(now=client.now)
    collector = create_event_collector(client)
    assert read_events(client, collector) == []

    client.world.crash("web01", now=client.now)
    body = client.raw("ReadNextEvents", collector, "<maxCount>1</maxCount>").body.decode()
    assert "<key>1</key>" in body
