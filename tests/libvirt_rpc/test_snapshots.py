"""What a client is told of snapshots."""

from __future__ import annotations

import pytest

from eventd.errors import InvalidArgument
from eventd.libvirt_rpc.calls.snapshots import chosen
from eventd.libvirt_rpc.messages import RemoteError
from eventd.libvirt_rpc.procedures import RemoteSnapshot
from tests.http_api.fake_daemon import started
from tests.libvirt_rpc.served import Client, Daemon
from tests.libvirt_rpc.test_server import remote
from tests.vi.test_snapshots import ALONE, ONE, THREE, TWO

TREE = (ONE, TWO, THREE, ALONE)


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (0, ["one", "two", "three", "alone"]),
        (4, ["two", "three", "alone"]),
        (8, ["one"]),
        (4 | 8, ["one", "two", "three", "alone"]),
        (2, []),
        (32, ["one"]),
        (32 | 4, []),
        (512, []),
        (1024, ["one", "two", "three", "alone"]),
    ],
)
def test_flags_choose_among_them(flags: int, names: list[str]) -> None:
    """Any of each group that is named; parents are in front of their children anyway."""
    assert [each.name for each in chosen(TREE, flags)] == names


def test_a_flag_that_nobody_knows_is_refused() -> None:
    """It may have meant something else."""
    with pytest.raises(InvalidArgument, match="0x10000"):
        chosen(TREE, 0x10000)


async def test_a_client_goes_through_the_tree(daemon: Daemon) -> None:
    """By names, in all ways that libvirt has."""
    daemon.directory.add(1)
    daemon.inspector.of_snapshots = TREE
    daemon.publish(started(1))
    web1 = remote(1)
    one, two, three = (RemoteSnapshot(name, web1) for name in ("one", "two", "three"))
    async with Client.connected(daemon.read_only_socket) as client:
        assert await client.ask("snapshot_num", web1, 0) == [4]
        assert await client.ask("snapshot_num", web1, 1) == [2]
        assert await client.ask("snapshot_list_names", web1, 2, 0) == [["one", "two"]]
        assert await client.ask("list_all_snapshots", web1, 0, 0) == [[], 4]
        assert await client.ask("snapshot_num_children", one, 0) == [2]
        assert await client.ask("snapshot_list_all_children", one, 1, 0) == [[two, three], 2]
        assert await client.ask("snapshot_lookup_by_name", web1, "two", 0) == [two]
        assert await client.ask("has_current_snapshot", web1, 0) == [1]
        assert await client.ask("snapshot_current", web1, 0) == [three]
        assert await client.ask("snapshot_is_current", three, 0) == [1]
        assert await client.ask("snapshot_has_metadata", three, 0) == [0]
        assert await client.ask("snapshot_get_parent", three, 0) == [one]
        [xml] = await client.ask("snapshot_get_xml_desc", two, 0)
        assert "<name>two</name>" in xml
        for error in (
            await client.ask("snapshot_get_parent", one, 0),
            await client.ask("snapshot_lookup_by_name", web1, "nosuch", 0),
        ):
            assert isinstance(error, RemoteError)
            assert error.code == 72


async def test_a_domain_without_snapshots_has_no_current_one(daemon: Daemon) -> None:
    """In the words of libvirt's driver."""
    daemon.directory.add(1)
    daemon.publish(started(1))
    async with Client.connected(daemon.read_only_socket) as client:
        assert await client.ask("has_current_snapshot", remote(1), 0) == [0]
        error = await client.ask("snapshot_current", remote(1), 0)
        assert error.message == (
            "Domain snapshot not found: the domain does not have a current snapshot"
        )
