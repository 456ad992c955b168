"""Methods: which exist, on what and since when, and what they do."""

from __future__ import annotations

import pytest

from eventd.errors import Fault
from eventd.simulator import INSTANT, VIFault
from eventd.simulator.service import Reply, Wait
from eventd.vi import calls
from eventd.vi.property_collector import ObjectSpec, PropertyFilterSpec, PropertySpec
from eventd.vi.soap import reference_element
from eventd.vi.types import ManagedObjectReference
from tests.simulator.client import START, Client, connect, fault


def test_an_unknown_method_is_a_fault() -> None:
    """So is one that the object does not have."""
    client = connect()

    for method, this in (
        ("MakeCoffee", client.world.inventory.service_instance),
        ("PowerOnVM_Task", client.world.inventory.root_folder),
    ):
        assert fault(client.raw(method, this)) == "MethodNotFound"


def test_an_object_that_does_not_exist_is_a_fault() -> None:
    """It may have gone a moment ago."""
    client = connect()
    gone = ManagedObjectReference("VirtualMachine", "99")

    assert fault(client.raw("PowerOnVM_Task", gone)) == "ManagedObjectNotFound"


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
        replies.append(client.raw(method, collector, arguments))

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

    first, second = (client.raw("ShutdownGuest", domain) for _ in range(2))

    assert fault(first) == "ToolsUnavailable"
    assert not second.is_fault


@pytest.mark.parametrize(("asked", "found"), [("bios", True), ("instance", False)])
def test_a_domain_is_found_by_its_bios_uuid_unless_asked_otherwise(asked: str, found: bool) -> None:
    """Without `instanceUuid`, libvirt means the BIOS UUID."""
    client = connect()
    path = {"bios": "config.uuid", "instance": "config.instanceUuid"}[asked]
    uuid = client.world.read("web01", path)

    reply = client.raw(
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


def test_a_child_is_found_by_its_name() -> None:
    """In a folder."""
    client = connect(product="vpx")
    index, root = client.world.inventory.search_index, client.world.inventory.root_folder
    entity = reference_element("entity", root)

    found = client.raw("FindChild", index, entity, "<name>Datacenter</name>")
    missing = client.raw("FindChild", index, entity, "<name>nowhere</name>")

    assert b">datacenter-2</returnval>" in found.body
    assert b"returnval" not in missing.body


def test_a_view_ends_when_it_is_destroyed() -> None:
    """The view of another session is none of one's business."""
    client = connect()
    client.follow("name")
    (view,) = client.session.views
    other = Client(client.service, client.service.sessions.find(None, START))
    other.log_in()

    refused = other.raw("DestroyView", view)
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
        client.raw("CancelRetrievePropertiesEx", collector, f"<token>{page.token}</token>")
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
    body = client.raw("RetrieveProperties", collector, spec).body.decode()
    clock = client.fetch(client.world.inventory.service_instance, "serverClock")

    assert "<name>runtime</name>" in body
    assert "<name>name</name>" in body
    assert clock == '<returnval xsi:type="xsd:dateTime">2026-01-01T00:00:00Z</returnval>'


def test_an_entity_can_be_created_registered_and_cloned_by_clients() -> None:
    """Each is a task that has the new domain as its result."""
    client = connect(product="vpx", domains=1, pace=INSTANT)
    folder = client.world.inventory.domain_folder

    client.raw("CreateVM_Task", folder, "<config><name>created</name></config>")
    client.raw(
        "RegisterVM_Task",
        folder,
        "<path>[datastore1] r/registered.vmx</path><asTemplate>false</asTemplate>",
    )
    client.raw(
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

    assert fault(client.raw(method, client.world.domain("web01"))) == "NotSupported"
