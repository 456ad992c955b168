"""The same host through libvirt's own ESX driver and through eventd: virsh prints the same."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from lxml import etree

from eventd.vi.xml import Element
from tests.end_to_end.processes import Daemon, Simulator
from tests.peers.virsh_command import Outcome, Virsh

pytestmark = [pytest.mark.virsh, pytest.mark.timeout(180)]

KINDS = 8
"""Of hardware, that the simulator gives to its domains."""

NAMES = ("web01", "db01", "mail01", "nosuch")


class Both:
    """virsh on both ways to one host."""

    def __init__(self, virsh: Virsh, host: Simulator, daemon: Daemon) -> None:
        self._virsh = virsh
        place = {"esx": "/", "vpx": "/Datacenter/Cluster/esx01.example"}[host.model]
        self._uris = (
            host.connection_uri.replace("/?", f"{place}?"),
            f"esx+unix:///?socket={daemon.socket.with_name('libvirt-sock')}",
        )

    async def print_the_same(self, *command: str) -> Outcome:
        """Run a command that changes nothing on both; return what it printed."""
        by_driver, by_eventd = [await self._virsh(uri, *command) for uri in self._uris]
        assert by_eventd == by_driver, command
        return by_eventd

    async def by_driver(self, *command: str) -> Outcome:
        return await self._virsh(self._uris[0], *command)

    async def by_eventd(self, *command: str) -> Outcome:
        return await self._virsh(self._uris[1], *command)


@asynccontextmanager
async def both_ways(
    virsh: Virsh, directory: Path, product: Literal["esx", "vpx"], *, domains: int
) -> AsyncIterator[Both]:
    """Follow a host whose domains are off."""
    with Simulator(product, domains=domains) as host:
        connection = {"esx01": (host.connection_uri, host.password)}
        with Daemon(directory, connection, operations=True) as daemon:
            daemon.wait_until_connected()
            yield Both(virsh, host, daemon)


@pytest.fixture
async def both(virsh: Virsh, tmp_path: Path) -> AsyncIterator[Both]:
    """A host with a running domain, a paused one and one that is off."""
    async with both_ways(virsh, tmp_path, "esx", domains=3) as ways:
        for command in (("start", "web01"), ("start", "db01"), ("suspend", "db01")):
            assert (await ways.by_eventd(*command)).errors == ""
        yield ways


async def test_lists_and_states_are_those_of_libvirts_driver(both: Both) -> None:
    """The same names, ids, UUIDs and states, and the same words for a name that nobody has."""
    listed = await both.print_the_same("list", "--all")
    assert [line.split(maxsplit=2)[1:] for line in listed.output.splitlines()[2:] if line] == [
        ["web01", "running"],
        ["db01", "paused"],
        ["mail01", "shut off"],
    ]
    for name in NAMES:
        for command in ("domstate", "domid", "domuuid", "domname", "dominfo"):
            await both.print_the_same(command, name)
    for command in ("nodeinfo", "hostname", "version", "freecell"):
        await both.print_the_same(command)
    for flag in (
        *("--state-running", "--state-paused", "--inactive", "--persistent", "--uuid"),
        *("--autostart", "--no-autostart", "--with-snapshot", "--without-snapshot"),
        *("--with-managed-save", "--without-managed-save"),
    ):
        await both.print_the_same("list", "--all", "--name", flag)


@pytest.mark.parametrize(
    "command",
    [
        ("start", "web01"),
        ("start", "nosuch"),
        ("destroy", "mail01"),
        ("suspend", "db01"),
        ("suspend", "mail01"),
        ("resume", "web01"),
        ("resume", "mail01"),
        ("reboot", "mail01"),
        ("shutdown", "mail01"),
        ("shutdown", "db01"),
    ],
    ids=" ".join,
)
async def test_what_cannot_be_done_is_refused_as_libvirts_driver_does(
    both: Both, command: tuple[str, ...]
) -> None:
    """In its state, or without such a domain: nothing has been done by either."""
    refused = await both.print_the_same(*command)
    assert refused.status == 1
    assert refused.errors


async def test_snapshots_are_those_of_libvirts_driver(both: Both, tmp_path: Path) -> None:
    """A tree of them, made by the one and seen by both."""
    description = tmp_path / "snapshot.xml"
    for name in ("one", "two"):
        description.write_text(f"<domainsnapshot><name>{name}</name></domainsnapshot>", "utf-8")
        made = await both.by_driver("snapshot-create", "web01", str(description))
        assert made.errors == ""
    assert (await both.by_driver("snapshot-revert", "web01", "one")).errors == ""
    description.write_text("<domainsnapshot><name>three</name></domainsnapshot>", "utf-8")
    assert (await both.by_driver("snapshot-create", "web01", str(description))).errors == ""
    listed = await both.print_the_same("list", "--all", "--name", "--with-snapshot")
    assert listed.output.split() == ["web01"]
    tree = await both.print_the_same("snapshot-list", "web01", "--tree")
    assert tree.output.split() == ["one", "|", "+-", "two", "|", "+-", "three"]
    for arguments in [
        ("snapshot-list", "web01"),
        ("snapshot-list", "web01", "--parent"),
        ("snapshot-list", "web01", "--roots"),
        ("snapshot-list", "web01", "--leaves"),
        ("snapshot-list", "web01", "--from", "one"),
        ("snapshot-list", "mail01"),
        ("snapshot-current", "web01", "--name"),
        ("snapshot-current", "mail01"),
        ("snapshot-parent", "web01", "three"),
        ("snapshot-parent", "web01", "one"),
        ("snapshot-info", "web01", "two"),
        ("snapshot-info", "web01", "nosuch"),
    ]:
        await both.print_the_same(*arguments)
    refused = await both.by_eventd("snapshot-delete", "web01", "one")
    assert "not supported by the connection driver: virDomainSnapshotDelete" in refused.errors


async def test_what_is_done_through_one_is_seen_through_the_other(both: Both) -> None:
    """Each operation of one, and the state that both print then."""
    steps = [
        ("destroy", "web01", "shut off"),
        ("start", "web01", "running"),
        ("suspend", "web01", "paused"),
        ("resume", "web01", "running"),
        ("reboot", "web01", "running"),
        ("resume", "db01", "running"),
    ]
    for operation, name, state in steps:
        assert (await both.by_eventd(operation, name)).errors == ""
        seen = await both.print_the_same("domstate", name)
        assert seen.output.strip() == state, operation


# -- dumpxml

Change = Callable[[Element], None]
"""Takes a documented difference out of a document."""


def without(path: str) -> Change:
    """Take out what is at a path; it has to be there, or it is no difference any more."""

    def change(domain: Element) -> None:
        found = domain.xpath(path, namespaces={"vmware": VMWARE})
        assert isinstance(found, list)
        assert found, path
        for each in found:
            assert isinstance(each, etree._Element)
            parent = each.getparent()
            assert parent is not None
            parent.remove(each)

    return change


def with_bridge(domain: Element) -> None:
    """Put a card onto its network as the driver does, by a name that no bridge has."""
    [interface] = domain.findall("devices/interface[@type='network']")
    [source] = interface.findall("source")
    interface.set("type", "bridge")
    source.set("bridge", source.attrib.pop("network"))


VMWARE = "http://libvirt.org/schemas/domain/vmware/1.0"

OURS: dict[str, tuple[Change, ...]] = {
    # An empty drive, and a disk on another controller than the first.
    "db01": (
        without("devices/disk[@device='cdrom'][not(source)]"),
        without("devices/controller[@type='ide']"),
        without("devices/controller[@type='scsi'][@index='1']"),
        without("devices/disk[target/@dev='sdp']/address"),
    ),
    "build01": (with_bridge,),
    # An empty floppy drive, and a card on an opaque network.
    "cache01": (
        without("devices/disk[@device='floppy'][not(source)]"),
        without("devices/controller[@type='fdc']"),
        without("devices/interface"),
    ),
}
THEIRS: dict[str, tuple[Change, ...]] = {
    "db01": (without("devices/disk[target/@dev='sdp']/address"),),
    "cache01": (without("devices/interface[@type='null']"),),
}


def lines(document: str, *changes: Change) -> list[str]:
    """Return a document, one line for each tag."""
    domain = etree.fromstring(document, etree.XMLParser(remove_blank_text=True))
    for change in changes:
        change(domain)
    return etree.tostring(domain, method="c14n").decode().replace("><", ">\n<").splitlines()


def validity(document: str) -> str:
    """Return what libvirt's own tool says of a domain's document."""
    tool = shutil.which("virt-xml-validate")
    assert tool is not None
    command = [tool, "-", "domain"]
    ended = subprocess.run(command, input=document, capture_output=True, text=True, check=False)
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("product", ["esx", "vpx"])
async def test_domains_are_described_as_by_libvirts_driver(
    virsh: Virsh, tmp_path: Path, product: Literal["esx", "vpx"]
) -> None:
    """Element for element, but for what `eventd.vi.domain_xml` lists, for each kind of hardware."""
    async with both_ways(virsh, tmp_path, product, domains=KINDS) as ways:
        assert (await ways.by_eventd("start", "web01")).errors == ""
        # Of a vCenter, the driver shows the domains of one host.
        listed = await ways.by_driver("list", "--all", "--name")
        assert len(listed.output.split()) == {"esx": KINDS, "vpx": KINDS // 2}[product]
        for name in listed.output.split():
            theirs = await ways.by_driver("dumpxml", name)
            ours = await ways.by_eventd("dumpxml", name)
            assert (ours.errors, theirs.status) == ("", 0)
            assert lines(ours.output, *OURS.get(name, ())) == lines(
                theirs.output, without("vmware:moref"), *THEIRS.get(name, ())
            ), name
            assert await asyncio.to_thread(validity, ours.output) == "- validates\n"
