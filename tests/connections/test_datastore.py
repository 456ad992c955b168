"""Reading the configuration of a domain from the datastore of its host."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from eventd.connections import datastore
from eventd.connections.credentials import Credentials
from eventd.connections.datastore import CONFIGURATION_SECONDS, read_configuration
from eventd.connections.retry import is_mended_by_login
from eventd.connections.session import Session
from eventd.connections.transport import Transport
from eventd.errors import Fault, HostError, HostUnreachable, MalformedAnswer, SessionExpired
from eventd.model.configuration import DomainConfiguration
from eventd.simulator import datastore as simulated_datastore
from eventd.simulator.server import SimulatorServer, serve
from eventd.simulator.world import World
from eventd.simulator.world.settings import INSTANT, Product
from eventd.vi import calls
from eventd.vi.filters import domain_filter
from eventd.vi.names import escape_vi_name
from eventd.vi.types import ManagedObjectReference
from eventd.vi.uri import ConnectionURI
from tests.conftest import StartVcsim
from tests.connections.scripted_host import Host, fault, object_content

WEB01 = "[datastore1] web01/web01.vmx"


def a_world(product: Product = "esx", *, name: str = "web01", annotation: str = "") -> World:
    """A host with one domain; the name is as people type it."""
    world = World(product=product, domains=0, pace=INSTANT, now=datetime.now(UTC))
    world.create(escape_vi_name(name), now=world.now)
    world.advance(world.now)
    if annotation:
        world.reconfigure(escape_vi_name(name), annotation=annotation, now=world.now)
        world.advance(world.now)
    return world


@asynccontextmanager
async def logged_in(uri: str, password: str = "pass") -> AsyncIterator[Session]:
    """Log in to a host."""
    parsed = ConnectionURI.parse(uri)
    async with Transport(parsed.endpoint, ssl_context=None) as transport:
        yield await Session.open(transport, parsed, Credentials(parsed.user, password))


@asynccontextmanager
async def session_with(world: World) -> AsyncIterator[tuple[SimulatorServer, Session]]:
    """Serve a world, and log in to it."""
    async with serve(world) as server, logged_in(server.whole_uri) as session:
        yield server, session


async def read(world: World) -> DomainConfiguration:
    """Read the configuration of the one domain of a world."""
    async with session_with(world) as (_, session):
        return await read_configuration(session, world.domain(world.domains.names[0]).value)


# --- what is read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("product", ["esx", "vpx"])
async def test_the_configuration_of_a_domain_is_read(product: Product) -> None:
    """Its entries are those of the file; a vCenter has a name for its datacenter."""
    configuration = await read(a_world(product, annotation='the "first"'))

    assert configuration.path == WEB01
    assert configuration.name == "web01"
    assert configuration.annotation == 'the "first"'
    assert list(configuration.entries)[:2] == [".encoding", "config.version"]
    assert configuration.entries["displayName"] == "web01"
    assert configuration.entries["annotation"] == "the |22first|22"
    assert configuration.entries["serial0.fileType"] == "file"


@pytest.mark.parametrize("product", ["esx", "vpx"])
@pytest.mark.parametrize(
    "name",
    ["a/b", "a\\b", "100%", "a%2fb", "a|b", 'a"b', "ü", "日本", "a+b &c=d#e?f", "tab\there", "a;b"],
)
async def test_an_odd_name_arrives_as_it_is(name: str, product: Product) -> None:
    """It is also in the path of the file."""
    configuration = await read(a_world(product, name=name, annotation=name))

    assert (configuration.name, configuration.annotation) == (name, name)
    assert configuration.path == f"[datastore1] {escape_vi_name(name)}/{escape_vi_name(name)}.vmx"


@pytest.mark.parametrize("folder", ["north", "a%2fb", "100%25 &c=d", "日本"])
async def test_a_datacenter_may_be_in_folders(folder: str) -> None:
    """Their names go out as VI spells them, where a slash is none."""
    world = a_world("vpx")
    put_in_folders(world, folder, "inner")

    assert (await read(world)).name == "web01"


async def test_a_datacenter_may_have_an_odd_name() -> None:
    """It is a name like any other."""
    world = a_world("vpx")
    world.objects.assign(world.inventory.datacenter, "name", "DC%2f1 ü")

    assert (await read(world)).name == "web01"


def put_in_folders(world: World, *names: str) -> None:
    """Put the datacenter of a vCenter into folders, the outermost first."""
    inventory, objects = world.inventory, world.objects
    parent = inventory.root_folder
    for name in names:
        folder = ManagedObjectReference("Folder", f"group-of-{name}")
        objects.create(folder, {"name": name, "parent": parent})
        objects.link(parent, "childEntity", folder)
        parent = folder
    objects.unlink(inventory.root_folder, "childEntity", inventory.datacenter)
    objects.link(parent, "childEntity", inventory.datacenter)
    objects.assign(inventory.datacenter, "parent", parent)


async def test_a_file_that_somebody_stored_is_read() -> None:
    """With all its passwords."""
    world = a_world()
    world.files[WEB01] = 'DISPLAYNAME = "db%2f01"\r\nRemoteDisplay.vnc.password = "hunter2"\r\n'

    configuration = await read(world)

    assert configuration.name == "db/01"
    assert configuration.annotation is None
    assert configuration.entries == {
        "DISPLAYNAME": "db%2f01",
        "RemoteDisplay.vnc.password": "hunter2",
    }


async def test_a_domain_on_another_datastore_is_read() -> None:
    """The path of its file names it."""
    world = a_world()
    world.relocate("web01", now=world.now)
    world.advance(world.now)

    assert (await read(world)).path == "[datastore2] web01/web01.vmx"


# --- what cannot be read --------------------------------------------------------------------------


async def test_a_domain_that_is_gone_is_the_fault_of_the_host() -> None:
    """It comes through as it is."""
    async with session_with(a_world()) as (_, session):
        with pytest.raises(Fault) as caught:
            await read_configuration(session, "4711")

    assert (caught.value.name, caught.value.method) == (
        *("ManagedObjectNotFound", "RetrieveProperties"),
    )


async def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A datastore may have been cleaned up by hand."""
    monkeypatch.setattr(simulated_datastore, "read", lambda world, path: None)
    world = a_world()
    async with session_with(world) as (server, session):
        with pytest.raises(Fault) as caught:
            await read_configuration(session, world.domain("web01").value)

    url = f"{server.url.removesuffix('/sdk')}/folder/web01%2Fweb01.vmx"
    assert caught.value.name == "FileNotFound"
    assert caught.value.message == (
        f"the host refused GET: FileNotFound: {WEB01}: HTTP status 404 for {url}"
    )


async def test_a_file_that_is_no_vmx_file_is_named_with_its_line() -> None:
    """And without what stands there, which may be a password."""
    world = a_world()
    world.files[WEB01] = 'displayName = "web01"\n\nRemoteDisplay.vnc.password = "hunter2\n'

    with pytest.raises(MalformedAnswer) as caught:
        await read(world)

    assert caught.value.message == (
        f'{WEB01}, line 3: expected RemoteDisplay.vnc.password = "value"'
    )


async def test_a_session_that_was_lost_is_mended_by_a_login() -> None:
    """Whether the host says so to the first call or at the end, by HTTP."""
    world = a_world()
    async with session_with(world) as (server, session):
        server.expire_sessions()
        with pytest.raises(SessionExpired) as at_first:
            await read_configuration(session, world.domain("web01").value)
        with pytest.raises(SessionExpired) as at_last:
            await session.get("/folder/web01%2Fweb01.vmx?dcPath=ha-datacenter&dsName=datastore1")

    assert is_mended_by_login(at_first.value)
    assert is_mended_by_login(at_last.value)


# --- what a host does not tell --------------------------------------------------------------------

PLACE = (
    '<returnval><obj type="VirtualMachine">42</obj>'
    '<propSet><name>config.files.vmPathName</name><val xsi:type="xsd:string">{}</val></propSet>'
    "<propSet><name>runtime.host</name>"
    '<val type="HostSystem" xsi:type="ManagedObjectReference">ha-host</val></propSet></returnval>'
)


async def failure(*replies: str) -> HostError:
    """Return the error of reading from a host that answers so."""
    host = Host()
    host.plan("RetrieveProperties", *replies)
    uri = ConnectionURI.parse("esx://esx01.example/")
    session = await Session.open(host.transport(), uri, Credentials("root", "secret"))
    with pytest.raises(HostError) as caught:
        await read_configuration(session, "42")
    return caught.value


@pytest.mark.parametrize(
    "reply", ["", object_content("VirtualMachine", "42")], ids=["nothing", "no properties"]
)
async def test_a_domain_whose_file_is_not_told_is_named(reply: str) -> None:
    """As of one that is not accessible, or to a user without the right."""
    assert (await failure(reply)).message == (
        "the host does not tell where the configuration of '42' is: it has no "
        "config.files.vmPathName; is the domain accessible, and may the user see it?"
    )


async def test_a_path_that_names_no_datastore_is_named() -> None:
    """Hosts say so where a datastore is lost."""
    error = await failure(PLACE.format("[] /vmfs/volumes/52a/web01.vmx"))

    assert isinstance(error, MalformedAnswer)
    assert error.message == (
        "the configuration of '42': Datastore path '[] /vmfs/volumes/52a/web01.vmx' doesn't have "
        "expected format '[<datastore>] <path>'"
    )


@pytest.mark.parametrize(
    "above",
    [
        [""],
        [object_content("ComputeResource", "c", name="c"), ""],
        [object_content("Datacenter", "dc"), ""],
        [object_content("Folder", "root", name="root")],
    ],
    ids=["nothing", "a cluster alone", "no name", "no datacenter"],
)
async def test_a_datacenter_that_is_not_told_is_missed(above: list[str]) -> None:
    """The right to see what a host is in may be missing."""
    assert (await failure(PLACE.format(WEB01), *above)).message == (
        "the host does not tell which datacenter ha-host is in; may the user see it?"
    )


async def test_an_inventory_that_goes_round_in_circles_comes_to_an_end() -> None:
    """A host may say anything."""
    error = await failure(PLACE.format(WEB01), *[object_content("Folder", "f", name="f")] * 100)

    assert isinstance(error, MalformedAnswer)
    assert error.message == "the inventory has no end above ha-host"


async def test_a_fault_comes_through() -> None:
    """Whichever call it answers."""
    error = await failure(PLACE.format(WEB01), fault("SystemError"))

    assert isinstance(error, Fault)
    assert error.name == "SystemError"


async def test_somebody_waits_for_it_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline is that of all together."""
    monkeypatch.setattr(datastore, "CONFIGURATION_SECONDS", 0.05)
    host = Host()
    host.plan("RetrieveProperties", asyncio.Event())
    uri = ConnectionURI.parse("esx://esx01.example/")
    session = await Session.open(host.transport(), uri, Credentials("root", "secret"))

    with pytest.raises(HostUnreachable) as caught:
        await read_configuration(session, "42")

    assert CONFIGURATION_SECONDS == 30
    assert caught.value.message == "the configuration of '42' could not be read within 0.05 s"


# --- a host that nobody here wrote ----------------------------------------------------------------


@pytest.mark.vcsim
@pytest.mark.parametrize("model", ["vpx", "esx"])
async def test_a_configuration_on_vcsim_is_read(model: str, vcsim: StartVcsim) -> None:
    """It serves files; those of its domains are empty, so that one is stored before."""
    host = vcsim("esx" if model == "esx" else "vpx", domains=1, hosts=1)
    async with logged_in(host.connection_uri, host.password) as session:
        domain = await first_domain(session)
        empty = await read_configuration(session, domain)
        directory = empty.path.partition("] ")[2].partition("/")[0]
        datacenter = "ha-datacenter" if model == "esx" else "DC0"
        store(
            f"{host.url.removesuffix('/sdk')}/folder/{directory}/{directory}.vmx"
            f"?dcPath={datacenter}&dsName=LocalDS_0",
            b'displayName = "a%2fb"\n',
        )
        configuration = await read_configuration(session, domain)

    assert (empty.name, dict(empty.entries)) == (None, {})
    assert configuration.path == f"[LocalDS_0] {directory}/{directory}.vmx"
    assert configuration.name == "a/b"


async def first_domain(session: Session) -> str:
    """Return the value of the reference of a domain of the host."""
    content = session.content
    assert content.view_manager is not None
    view = await session.call(
        calls.create_container_view(
            content.view_manager, content.root_folder, ("VirtualMachine",), recursive=True
        )
    )
    spec = domain_filter(view, session.api_version)
    found = await session.call(calls.retrieve_properties(content.property_collector, (spec,)))
    return found[0].obj.value


def store(url: str, content: bytes) -> None:
    """Store a file on the datastore of a host that asks nobody who they are."""
    request = urllib.request.Request(url, data=content, method="PUT")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
