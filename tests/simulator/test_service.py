"""The protocol: sessions, methods and versions, faults, and the form of the answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eventd.errors import Fault, SessionExpired
from eventd.simulator import INSTANT, Question, VIFault
from eventd.simulator.service import Reply, Wait
from eventd.vi import calls
from eventd.vi.property_collector import ObjectSpec, PropertyFilterSpec, PropertySpec
from eventd.vi.soap import SoapRequest, envelope, reference_element
from eventd.vi.types import ManagedObjectReference
from tests.simulator.client import START, Client, connect


def raw(client: Client, method: str, this: ManagedObjectReference, *arguments: str) -> Reply:
    """Make a call of which `eventd.vi` knows nothing."""
    soap = client.service.read(envelope(method, this, *arguments))
    assert isinstance(soap, SoapRequest)
    reply = client.service.call(soap, client.session, client.now)
    assert isinstance(reply, Reply)
    return reply


def fault(reply: Reply) -> str:
    """The fault that an answer reports."""
    assert reply.is_fault
    return reply.body.decode().partition('xsi:type="')[2].partition('"')[0]


def fetch(client: Client, obj: ManagedObjectReference, path: str) -> str:
    """The `returnval` of a single property, as it is written."""
    text = raw(client, "Fetch", obj, f"<prop>{path}</prop>").body.decode()
    return text.partition("<FetchResponse")[2].partition(">")[2].partition("</FetchResponse")[0]


# --- sessions


def test_anonymous_callers_may_look_only_where_they_have_to() -> None:
    """They find the service's content, log in, and learn that they are not logged in."""
    client = connect(logged_in=False)
    inventory = client.world.inventory

    about = client.call(calls.retrieve_service_content()).about
    session = client.call(
        calls.current_session(inventory.property_collector, inventory.session_manager)
    )

    assert (about.api_type, session) == ("HostAgent", None)
    for refused in (
        calls.current_time(),
        calls.create_container_view(inventory.view_manager, inventory.root_folder, []),
        calls.retrieve_properties(
            inventory.property_collector,
            [
                PropertyFilterSpec(
                    (PropertySpec("Folder", ("name",)),), (ObjectSpec(inventory.root_folder),)
                )
            ],
        ),
    ):
        with pytest.raises(SessionExpired):
            client.call(refused)


@pytest.mark.parametrize(("user", "password"), [("root", "wrong"), ("", "pass")])
def test_a_wrong_login_is_refused(user: str, password: str) -> None:
    """Any user but none, and one password."""
    client = connect(logged_in=False)

    with pytest.raises(Fault) as refusal:
        client.call(
            calls.login(client.world.inventory.session_manager, user_name=user, password=password)
        )

    assert refusal.value.name == "InvalidLogin"


def test_the_current_session_is_the_caller_s() -> None:
    """Each session sees itself."""
    client = connect()
    other = Client(client.service, client.service.sessions.find(None, START))
    inventory = client.world.inventory
    question = calls.current_session(inventory.property_collector, inventory.session_manager)

    mine = client.call(question)

    assert mine is not None
    assert (mine.key, mine.user_name) == (client.session.key, "root")
    assert other.call(question) is None


def test_an_unknown_cookie_is_a_new_anonymous_session() -> None:
    """It is no error."""
    client = connect()
    sessions = client.service.sessions

    found = sessions.find("unknown", START)

    assert (found.user, found.cookie) == (None, found.cookie)
    assert sessions.find(found.cookie, START) is found
    assert sessions.find(client.session.cookie, START) is client.session


def test_a_session_that_is_idle_for_too_long_ends() -> None:
    """Each call begins its time anew."""
    client = connect()
    sessions = client.service.sessions
    sessions.idle_limit = timedelta(minutes=30)
    cookie = client.session.cookie

    for minutes in (29, 58):
        assert sessions.find(cookie, START + timedelta(minutes=minutes)) is client.session
    late = sessions.find(cookie, START + timedelta(minutes=89))

    assert late is not client.session
    assert not client.session.is_alive


def test_expiry_wakes_those_who_wait() -> None:
    """They are told that they are not authenticated."""
    client = connect()
    client.follow("name")
    version, _ = client.changes()
    waiting = client.ask(
        calls.wait_for_updates(client.world.inventory.property_collector, version=version)
    )
    assert isinstance(waiting, Wait)

    client.service.sessions.expire_all()
    reply = waiting.poll(client.now)

    assert reply is not None
    assert fault(reply) == "NotAuthenticated"


def test_what_belongs_to_a_session_ends_with_it() -> None:
    """Views and event collectors leave nothing behind."""
    client = connect()
    client.follow("name")
    raw(client, "CreateCollectorForEvents", client.world.inventory.event_manager, "<filter/>")
    (view,) = client.session.views
    (collector,) = client.session.event_collectors

    client.call(calls.logout(client.world.inventory.session_manager))

    assert view not in client.world.objects
    assert collector not in client.world.objects
    assert client.world.events.posted == []


# --- methods


def test_an_unknown_method_is_a_fault() -> None:
    """So is one that the object does not have."""
    client = connect()

    for method, this in (
        ("MakeCoffee", client.world.inventory.service_instance),
        ("PowerOnVM_Task", client.world.inventory.root_folder),
    ):
        assert fault(raw(client, method, this)) == "MethodNotFound"


def test_an_object_that_does_not_exist_is_a_fault() -> None:
    """It may have gone a moment ago."""
    client = connect()
    gone = ManagedObjectReference("VirtualMachine", "99")

    assert fault(raw(client, "PowerOnVM_Task", gone)) == "ManagedObjectNotFound"


@pytest.mark.parametrize("document", [b"", b"no xml", b"<a/>", b"<!DOCTYPE x><x/>"])
def test_what_is_no_request_is_answered_with_a_fault(document: bytes) -> None:
    """SOAP clients get SOAP, whatever they send."""
    client = connect()

    reply = client.service.read(document)

    assert isinstance(reply, Reply)
    assert fault(reply) == "InvalidRequest"


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("WaitForUpdatesEx", "<version/><options><maxWaitSeconds>0</maxWaitSeconds></options>"),
        ("CreatePropertyCollector", ""),
        ("RetrievePropertiesEx", "<options/>"),
    ],
)
def test_a_method_exists_since_its_api_version(method: str, arguments: str) -> None:
    """A host of version 4.0 does not know what came with 4.1."""
    replies = []
    for version in ("4.0", "4.1"):
        client = connect(api_version=version)
        collector = client.world.inventory.property_collector
        replies.append(raw(client, method, collector, arguments))

    assert fault(replies[0]) == "MethodNotFound"
    assert not replies[1].is_fault


@pytest.mark.parametrize(
    ("path", "since", "before"),
    [
        ("runtime.cleanPowerOff", "4.0", "2.5"),
        ("config.instanceUuid", "4.0", "2.5"),
        ("runtime.paused", "6.0", "5.5"),
        ("runtime.nonsense", "9.9", "8.0.2.0"),
    ],
)
def test_a_property_exists_since_its_api_version(path: str, since: str, before: str) -> None:
    """A filter that names it is refused by an older host."""
    connect(api_version=since).follow(*([path] if since != "9.9" else ["name"]))

    with pytest.raises(Fault) as refusal:
        connect(api_version=before).follow(path)

    assert refusal.value.name == "InvalidProperty"


def test_the_old_wait_is_ended_by_nothing_but_a_change() -> None:
    """It has no limit, and never a page."""
    client = connect(domains=150, api_version="2.5", pace=INSTANT)
    client.follow("name")
    collector = client.world.inventory.property_collector
    first = client.call(calls.wait_for_updates(collector, version=""))

    waiting = client.ask(calls.wait_for_updates(collector, version=first.version))

    assert (len(first.filters[0].objects), first.truncated) == (150, False)
    assert isinstance(waiting, Wait)
    client.advance(1_000_000)
    assert (waiting.deadline, waiting.poll(client.now)) == (None, None)


def test_a_scripted_fault_answers_a_call_once() -> None:
    """`fail_next` is for any method."""
    client = connect(powered_on=True)
    client.world.fail_next("ShutdownGuest", VIFault("ToolsUnavailable", "not today"))
    domain = client.world.domain("web01")

    first, second = (raw(client, "ShutdownGuest", domain) for _ in range(2))

    assert fault(first) == "ToolsUnavailable"
    assert not second.is_fault


@pytest.mark.parametrize(("asked", "found"), [("bios", True), ("instance", False)])
def test_a_domain_is_found_by_its_bios_uuid_unless_asked_otherwise(asked: str, found: bool) -> None:
    """Without `instanceUuid`, libvirt means the BIOS UUID."""
    client = connect()
    path = {"bios": "config.uuid", "instance": "config.instanceUuid"}[asked]
    uuid = client.world.read("web01", path)

    reply = raw(
        client,
        "FindByUuid",
        client.world.inventory.search_index,
        f"<uuid>{str(uuid).upper()}</uuid><vmSearch>true</vmSearch>",
    )

    assert (b'type="VirtualMachine">1<' in reply.body) is found


def test_a_view_of_a_host_follows_a_migration() -> None:
    """The domain leaves the view of one host and enters that of the other."""
    client = connect(product="vpx", hosts=2, domains=1, pace=INSTANT)
    views = [
        client.call(
            calls.create_container_view(
                client.world.inventory.view_manager, host, ["VirtualMachine"]
            )
        )
        for host in client.world.inventory.hosts
    ]

    def members() -> list[int]:
        return [len(client.world.objects.references(view, "view")) for view in views]

    before = members()
    client.world.migrate("web01", "esx02.example", now=client.now)
    client.advance()

    assert (before, members()) == ([1, 0], [0, 1])


# --- events


def create_event_collector(client: Client, spec: str = "") -> ManagedObjectReference:
    manager = client.world.inventory.event_manager
    raw(client, "CreateCollectorForEvents", manager, f"<filter>{spec}</filter>")
    return list(client.session.event_collectors)[-1]


def read_events(client: Client, collector: ManagedObjectReference, count: int = 10) -> list[str]:
    body = raw(client, "ReadNextEvents", collector, f"<maxCount>{count}</maxCount>").body.decode()
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

    page = fetch(client, collector, "latestPage")
    assert [part.partition('"')[0] for part in page.split('<Event xsi:type="')[1:]] == [
        *("VmPoweredOffEvent", "VmStoppingEvent", "VmPoweredOnEvent")
    ]


@pytest.mark.parametrize("size", ["many", "0", "1001", "9999999999"])
def test_a_page_of_events_has_a_size_from_1_to_1000(size: str) -> None:
    """Anything else is refused."""
    client = connect()
    manager = client.world.inventory.event_manager
    spec = f"<filter><maxCount>{size}</maxCount></filter>"

    reply = raw(client, "CreateCollectorForEvents", manager, spec)

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
        raw(client, method, collector)
        seen[method] = read_events(client, collector)
    backwards = raw(client, "ReadPreviousEvents", collector, "<maxCount>2</maxCount>")

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
        replies.append(raw(client, "QueryEvents", manager, "<filter/>"))

    assert event_types(replies[0]) == ["VmStartingEvent", "VmPoweredOnEvent"]
    assert fault(replies[1]) == "NotSupported"


def test_the_size_of_the_latest_page_can_be_changed() -> None:
    """And a destroyed collector is gone."""
    client = connect(pace=INSTANT)
    client.world.power_on("web01", now=client.now)
    client.advance()
    collector = create_event_collector(client)

    raw(client, "SetCollectorPageSize", collector, "<maxCount>1</maxCount>")
    page = fetch(client, collector, "latestPage")
    raw(client, "DestroyCollector", collector)

    assert page.count("<Event xsi:type=") == 1
    assert fault(raw(client, "RewindCollector", collector)) == "ManagedObjectNotFound"


def test_a_session_can_ask_whether_it_is_active() -> None:
    """By its key."""
    client = connect()
    manager = client.world.inventory.session_manager

    replies = [
        raw(client, "SessionIsActive", manager, f"<sessionID>{key}</sessionID>").body
        for key in (client.session.key, "another")
    ]

    assert [b"<returnval>true</returnval>" in reply for reply in replies] == [True, False]


def test_a_child_is_found_by_its_name() -> None:
    """In a folder."""
    client = connect(product="vpx")
    index, root = client.world.inventory.search_index, client.world.inventory.root_folder
    entity = reference_element("entity", root)

    found = raw(client, "FindChild", index, entity, "<name>Datacenter</name>")
    missing = raw(client, "FindChild", index, entity, "<name>nowhere</name>")

    assert b">datacenter-2</returnval>" in found.body
    assert b"returnval" not in missing.body


def test_a_view_ends_when_it_is_destroyed() -> None:
    """The view of another session is none of one's business."""
    client = connect()
    client.follow("name")
    (view,) = client.session.views
    other = Client(client.service, client.service.sessions.find(None, START))
    other.log_in()

    refused = raw(other, "DestroyView", view)
    client.call(calls.destroy_view(view))

    assert fault(refused) == "ManagedObjectNotFound"
    assert view not in client.world.objects


def test_the_rest_of_the_pages_can_be_given_up() -> None:
    """The token is used up by that."""
    client = connect(domains=3)
    collector = client.world.inventory.property_collector
    spec = PropertyFilterSpec(
        (PropertySpec("Folder", ("name",)), PropertySpec("Datacenter", ("name",))),
        tuple(
            ObjectSpec(obj)
            for obj in (client.world.inventory.root_folder, client.world.inventory.datacenter)
        ),
    )
    page = client.call(calls.retrieve_properties_ex(collector, [spec], max_objects=1))

    replies = [
        raw(client, "CancelRetrievePropertiesEx", collector, f"<token>{page.token}</token>")
        for _ in range(2)
    ]

    assert not replies[0].is_fault
    assert fault(replies[1]) == "InvalidArgument"


def test_all_properties_of_an_object_can_be_asked_for() -> None:
    """pyVmomi does so with tasks; the host's clock is among those of the service."""
    client = connect(domains=1)
    domain = client.world.domain("web01")
    spec = (
        "<specSet><propSet><type>ManagedEntity</type><all>true</all></propSet>"
        f"<objectSet>{reference_element('obj', domain)}</objectSet></specSet>"
    )

    collector = client.world.inventory.property_collector
    body = raw(client, "RetrieveProperties", collector, spec).body.decode()
    clock = fetch(client, client.world.inventory.service_instance, "serverClock")

    assert "<name>runtime</name>" in body
    assert "<name>name</name>" in body
    assert clock == '<returnval xsi:type="xsd:dateTime">2026-01-01T00:00:00Z</returnval>'


# --- the form of the answers, on which libvirt and pyVmomi insist


def test_every_value_says_its_type() -> None:
    """The width of a number counts, and children of arrays say theirs too."""
    client = connect(powered_on=True)
    (host,) = client.world.inventory.hosts
    domain = client.world.domain("web01")
    compute = client.world.inventory.compute_resource

    assert fetch(client, domain, "name") == '<returnval xsi:type="xsd:string">web01</returnval>'
    assert fetch(client, domain, "runtime.powerState") == (
        '<returnval xsi:type="VirtualMachinePowerState">poweredOn</returnval>'
    )
    assert fetch(client, domain, "config.template") == (
        '<returnval xsi:type="xsd:boolean">false</returnval>'
    )
    assert fetch(client, domain, "runtime.bootTime") == (
        '<returnval xsi:type="xsd:dateTime">2026-01-01T00:00:00Z</returnval>'
    )
    assert fetch(client, host, "hardware.cpuInfo.numCpuCores") == (
        '<returnval xsi:type="xsd:short">4</returnval>'
    )
    assert fetch(client, host, "hardware.cpuInfo.hz") == (
        '<returnval xsi:type="xsd:long">2000000000</returnval>'
    )
    assert fetch(client, compute, "host") == (
        '<returnval xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference '
        'type="HostSystem" xsi:type="ManagedObjectReference">ha-host</ManagedObjectReference>'
        "</returnval>"
    )
    assert fetch(client, client.world.inventory.root_folder, "childType") == (
        '<returnval xsi:type="ArrayOfString"><string xsi:type="xsd:string">Folder</string>'
        "</returnval>"
    )


def test_an_unset_property_is_left_out() -> None:
    """There is no empty value."""
    client = connect()

    assert fetch(client, client.world.domain("web01"), "runtime.bootTime") == ""


def test_a_question_has_the_form_of_the_api() -> None:
    """Choices say their type, which may be a subtype; a missing default is left out."""
    client = connect()
    client.world.ask(
        "web01",
        Question(
            text="a < b & c",
            choices=(("0", "Yes"),),
            default_index=None,
            choice_type="HostVirtualNicManagerNicTypeElement",
        ),
        now=client.now,
    )

    assert fetch(client, client.world.domain("web01"), "runtime.question") == (
        '<returnval xsi:type="VirtualMachineQuestionInfo"><id>25</id>'
        "<text>a &lt; b &amp; c</text>"
        '<choice xsi:type="ChoiceOption">'
        '<choiceInfo xsi:type="HostVirtualNicManagerNicTypeElement">'
        "<label>Yes</label><summary>Yes</summary><key>0</key></choiceInfo></choice></returnval>"
    )


def test_a_fault_names_its_type_and_members() -> None:
    """The detail is what clients tell faults by."""
    client = connect()

    reply = raw(client, "PowerOffVM_Task", client.world.domain("web01"))

    assert reply.is_fault
    assert (
        '<detail><InvalidPowerStateFault xmlns="urn:vim25" xsi:type="InvalidPowerState">'
        "<requestedState>poweredOff</requestedState><existingState>poweredOff</existingState>"
        "</InvalidPowerStateFault></detail>"
    ) in reply.body.decode()


def test_nothing_stands_between_the_elements_of_an_answer() -> None:
    """libvirt takes white space there for further elements."""
    client = connect(domains=2)
    client.follow("name", "runtime")

    body = raw(client, "CheckForUpdates", client.world.inventory.property_collector).body.decode()

    answer = body.partition("<CheckForUpdatesResponse")[2].partition("</CheckForUpdatesResponse")[0]
    assert "> " not in answer
    assert ">\n" not in answer
    assert answer.count("<returnval>") == 1


def test_an_entity_can_be_created_registered_and_cloned_by_clients() -> None:
    """Each is a task that has the new domain as its result."""
    client = connect(product="vpx", domains=1, pace=INSTANT)
    folder = client.world.inventory.domain_folder

    raw(client, "CreateVM_Task", folder, "<config><name>created</name></config>")
    raw(
        client,
        "RegisterVM_Task",
        folder,
        "<path>[datastore1] r/registered.vmx</path><asTemplate>false</asTemplate>",
    )
    raw(
        client,
        "CloneVM_Task",
        client.world.domain("web01"),
        reference_element("folder", folder),
        "<name>cloned</name>",
    )
    client.advance()

    assert sorted(client.world.domains.names) == ["cloned", "created", "registered", "web01"]
    assert client.world.read("registered", "config.files.vmPathName") == (
        "[datastore1] r/registered.vmx"
    )


@pytest.mark.parametrize("method", ["MigrateVM_Task", "CloneVM_Task", "RelocateVM_Task"])
def test_a_bare_host_does_not_do_what_only_a_vcenter_does(method: str) -> None:
    """It says so."""
    client = connect(product="esx")

    assert fault(raw(client, method, client.world.domain("web01"))) == "NotSupported"
