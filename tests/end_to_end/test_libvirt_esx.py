"""The same host through libvirt's own ESX driver and through eventd: virsh prints the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.end_to_end.processes import Daemon, Simulator
from tests.peers.virsh_command import Outcome, Virsh

pytestmark = [pytest.mark.virsh, pytest.mark.timeout(180)]

NAMES = ("web01", "db01", "mail01", "nosuch")


class Both:
    """virsh on both ways to one host."""

    def __init__(self, virsh: Virsh, host: Simulator, daemon: Daemon) -> None:
        self._virsh = virsh
        self._uris = (
            host.connection_uri,
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


@pytest.fixture
async def both(virsh: Virsh, tmp_path: Path) -> AsyncIterator[Both]:
    """A host with a running domain, a paused one and one that is off."""
    with Simulator("esx", domains=3) as host:
        connection = {"esx01": (host.connection_uri, host.password)}
        with Daemon(tmp_path, connection, operations=True) as daemon:
            daemon.wait_until_connected()
            ways = Both(virsh, host, daemon)
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
    for flag in ("--state-running", "--state-paused", "--inactive", "--persistent", "--uuid"):
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
