"""libvirt's sockets, with clients that do what no client of libvirt's would do."""

from __future__ import annotations

import asyncio
import inspect
import struct
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from eventd.libvirt_rpc.calls import METHODS
from eventd.libvirt_rpc.events import RemoteDomain
from eventd.libvirt_rpc.messages import (
    KEEPALIVE_PROGRAM,
    PING,
    PONG,
    VERSION,
    Header,
    Kind,
    RemoteError,
    message,
)
from eventd.libvirt_rpc.procedures import PROCEDURES
from eventd.libvirt_rpc.server import READ_ONLY_NAME, READ_WRITE_NAME
from eventd.libvirt_rpc.session import OWN_ANSWERS
from eventd.model.domain import ConnectionState, DomainState, DomainStatus
from eventd.model.ids import EventId
from eventd.model.inspector import HostFigures
from eventd.model.operations import DomainOperation
from tests.http_api.fake_daemon import domain_of, started, stopped, uuid_of
from tests.libvirt_rpc.conftest import MakeDaemon
from tests.libvirt_rpc.served import Client, Daemon
from tests.libvirt_rpc.talk import call, replies

_LIFECYCLE, _LEGACY_LIFECYCLE = 318, 107


def remote(number: int) -> RemoteDomain:
    return RemoteDomain(f"web-{number}", UUID(uuid_of(number)).bytes, number)


async def told(client: Client) -> tuple[int, str, int, int]:
    """Return callback id, name, event and detail of the next lifecycle event."""
    header, payload = await client.message()
    assert (header.procedure, header.kind) == (_LIFECYCLE, Kind.MESSAGE)
    callback_id, length = struct.unpack_from(">iI", payload)
    event, detail = struct.unpack(">ii", payload[-8:])
    return callback_id, payload[8 : 8 + length].decode(), event, detail


async def test_a_client_sees_the_domains_of_its_connection(make_daemon: MakeDaemon) -> None:
    """Named by the path of its URI; what is on another connection is not there."""
    async with make_daemon() as daemon:
        daemon.directory.connect("other", ConnectionState.CONNECTED)
        daemon.directory.add(1)
        off = daemon.directory.add(2, DomainState.SHUTOFF)
        daemon.directory.statuses[-1] = DomainStatus(
            domain=off.model_copy(update={"id": -1}), state=DomainState.SHUTOFF
        )
        daemon.directory.add(3, connection="other")
        daemon.publish(started(1))
        async with Client.connected(daemon.read_only_socket, uri="esx:///lab?auto_answer=1") as lab:
            assert await lab.ask("get_uri") == ["esx:///lab"]
            domains, count = await lab.ask("list_all_domains", 1, 0)
            assert [each.name for each in domains] == ["web-1", "web-2"]
            assert count == 2
            assert await lab.ask("list_all_domains", 0, 2) == [[], 1]
            unknown = await lab.ask("list_all_domains", 0, 1 << 16)
            assert "unsupported flags (0x10000)" in unknown.message
            assert await lab.ask("list_domains", 10) == [[1]]
            assert await lab.ask("num_of_domains") == [1]
            assert await lab.ask("list_defined_domains", 10) == [["web-2"]]
            assert await lab.ask("num_of_defined_domains") == [1]
            assert await lab.ask("get_state", remote(1), 0) == [1, 0]
            assert await lab.ask("lookup_by_id", 1) == [remote(1)]
            error = await lab.ask("lookup_by_name", "web-3")
            assert (error.code, error.message) == (
                42,
                "Domain not found: no domain with matching name 'web-3'",
            )


@pytest.mark.parametrize("uri", [None, "", "esx:///", "esx:///system", "ESX:///session", "lab"])
async def test_no_name_means_the_only_connection(daemon: Daemon, uri: str | None) -> None:
    """The words are libvirt's own; a client may also leave all to the server."""
    async with Client.connected(daemon.socket, uri=None) as client:
        assert await client.ask("open", uri, 0) == []
        assert await client.ask("get_uri") == ["esx:///lab"]


async def test_a_host_that_was_never_reached_is_not_one_without_domains(
    make_daemon: MakeDaemon,
) -> None:
    """A script would believe that; one that is lost shows what it had."""
    async with make_daemon() as daemon:
        daemon.directory.connect("dead", ConnectionState.CONNECTING)
        async with Client.connected(daemon.socket, uri="esx:///dead") as client:
            for name, arguments in [
                ("list_all_domains", (1, 0)),
                ("num_of_domains", ()),
                ("lookup_by_name", ("web-1",)),
                ("lookup_by_uuid", (remote(1).uuid,)),
                ("get_state", (remote(1), 0)),
            ]:
                error = await client.ask(name, *arguments)
                assert "the host of the connection 'dead' has not been reached" in error.message
            daemon.directory.add(1, connection="dead")
            daemon.publish(started(1))
            assert await client.ask("get_state", remote(1), 0) == [1, 0]


async def test_a_uri_that_is_none_is_a_wrong_argument(daemon: Daemon) -> None:
    """Not a failure of ours, with a traceback in the log."""
    async with Client.connected(daemon.socket, uri=None) as client:
        error = await client.ask("open", "esx://[x/", 0)
        assert error.message == "invalid argument: 'esx://[x/' is no URI: Invalid IPv6 URL"


@pytest.mark.parametrize("uri", ["esx:///", "esx:///nosuch", "esx:///lab/web"])
async def test_a_name_that_means_nothing_is_refused_with_those_that_do(
    daemon: Daemon, uri: str
) -> None:
    """And the client may try another."""
    daemon.directory.connect("other", ConnectionState.CONNECTED)
    async with Client.connected(daemon.socket, uri=None) as client:
        error = await client.ask("open", uri, 0)
        assert isinstance(error, RemoteError)
        assert error.message is not None
        assert "esx+unix:///lab?socket=..., esx+unix:///other?socket=..." in error.message
        assert await client.ask("open", "esx:///other", 0) == []


# -- events


async def test_events_are_told_for_each_registration(daemon: Daemon) -> None:
    """For all domains and for one: two calls, in the order of the ids, which are the daemon's."""
    async with Client.connected(daemon.read_only_socket) as client:
        [everything] = await client.ask("register", EventId.LIFECYCLE, None)
        [one] = await client.ask("register", EventId.LIFECYCLE, remote(2))
        daemon.publish(started(1), stopped(2))
        assert await told(client) == (everything, "web-1", 2, 0)
        assert await told(client) == (everything, "web-2", 5, 1)
        assert await told(client) == (one, "web-2", 5, 1)
        assert await client.ask("deregister", everything) == []
        daemon.publish(started(1), started(2))
        assert await told(client) == (one, "web-2", 2, 0)


async def test_a_registration_of_the_old_kind_has_messages_of_its_own(daemon: Daemon) -> None:
    """Without a callback id; one of each kind is as good as several."""
    async with Client.connected(daemon.socket) as client:
        assert await client.ask("register_lifecycle") == [1]
        assert await client.ask("register_legacy", EventId.LIFECYCLE) == []
        daemon.publish(started(1))
        header, payload = await client.message()
        assert (header.procedure, payload[:9]) == (_LEGACY_LIFECYCLE, b"\0\0\0\5web-1")
        assert await client.ask("deregister_lifecycle") == [0]
        error = await client.ask("deregister_legacy", EventId.LIFECYCLE)
        assert error.message == "internal error: domain event callback 0 not registered"
        error = await client.ask("register_legacy", EventId.TUNABLE)
        assert error.message == "internal error: unsupported event ID 17"


@pytest.mark.parametrize("event_id", [-1, 28, 2**31 - 1])
async def test_an_event_id_that_is_none_is_refused(daemon: Daemon, event_id: int) -> None:
    """In libvirtd's words; all 28 are accepted."""
    async with Client.connected(daemon.socket) as client:
        error = await client.ask("register", event_id, None)
        assert (error.code, error.message) == (
            1,
            f"internal error: unsupported event ID {event_id}",
        )
        for known in EventId:
            assert isinstance(await client.ask("register", known, None), list)


async def test_nobody_deregisters_the_callbacks_of_others(daemon: Daemon) -> None:
    """Nor those of the old kind by the id that they have inside."""
    async with (
        Client.connected(daemon.socket) as one,
        Client.connected(daemon.socket) as other,
    ):
        [mine] = await one.ask("register", EventId.LIFECYCLE, None)
        await other.ask("register_lifecycle")
        for callback_id in (mine, mine + 1, 99):
            error = await other.ask("deregister", callback_id)
            assert error.message == (
                f"internal error: domain event callback {callback_id} not registered"
            )
        assert len(daemon.registry.registrations()) == 2


async def test_the_callbacks_of_a_client_that_goes_are_gone(daemon: Daemon) -> None:
    """Before anything else is delivered."""
    async with Client.connected(daemon.socket) as client:
        await client.ask("register", EventId.LIFECYCLE, None)
        assert len(daemon.registry.registrations()) == 1
    while daemon.registry.registrations():  # noqa: ASYNC110 - the client's end is told to nobody
        await asyncio.sleep(0)


async def test_a_slow_client_loses_nothing_and_costs_the_others_nothing(
    make_daemon: MakeDaemon,
) -> None:
    """It is served from the journal when it reads on; no more than the limit waits for it."""
    count = 20_000
    async with (
        make_daemon(write_limit=32 * 1024) as daemon,
        Client.connected(daemon.socket) as slow,
        Client.connected(daemon.socket) as quick,
    ):
        await slow.ask("register", EventId.LIFECYCLE, None)
        await quick.ask("register", EventId.LIFECYCLE, None)
        for first in range(0, count, 100):
            daemon.publish(*[started(number) for number in range(first, first + 100)])
            for number in range(first, first + 100):
                assert (await told(quick))[1] == f"web-{number}"
        for number in range(count):
            assert (await told(slow))[1] == f"web-{number}"
        daemon.publish(stopped(7))
        assert (await told(slow))[1:] == ("web-7", 5, 1)


async def test_a_client_is_cut_when_what_it_needs_is_forgotten(make_daemon: MakeDaemon) -> None:
    """The protocol has no word for a gap; the end of the connection is one that all know."""
    async with (
        make_daemon(write_limit=4096, capacity=100) as daemon,
        Client.connected(daemon.socket) as client,
    ):
        await client.ask("register", EventId.LIFECYCLE, None)
        for _ in range(200):
            daemon.publish(*[started(number) for number in range(100)])
            await asyncio.sleep(0)
        while not client.reader.at_eof():
            await client.reader.read(4096)
        assert not daemon.registry.registrations()


async def test_an_event_that_cannot_be_told_costs_no_other(make_daemon: MakeDaemon) -> None:
    """A host may tell of numbers that libvirt has no room for; live, and from the journal."""
    told_never = started(1).model_copy(
        update={"domain": domain_of(1).model_copy(update={"id": 1 << 31})}
    )
    async with (
        make_daemon(write_limit=4096) as daemon,
        Client.connected(daemon.socket) as client,
    ):
        await client.ask("register", EventId.LIFECYCLE, None)
        daemon.publish(told_never, started(2))
        assert (await told(client))[1] == "web-2"
        events = [started(number) for number in range(3, 5003)]
        daemon.publish(*events, told_never, stopped(7))
        names = [(await told(client))[1] for _ in range(5001)]
    assert names == [*(event.domain.name for event in events), "web-7"]


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (1024, ["web-1"]),
        (2048, ["web-2", "web-3"]),
        (4096, ["web-1", "web-2"]),
        (8192, ["web-3"]),
        (1024 | 2048, ["web-1", "web-2", "web-3"]),
        (2048 | 4096, ["web-2"]),
    ],
)
async def test_what_only_the_host_knows_may_choose_domains(
    daemon: Daemon, flags: int, names: list[str]
) -> None:
    """Whether they start with their host, and whether they have snapshots."""
    references = [daemon.directory.add(number).reference for number in (1, 2, 3)]
    daemon.inspector.starting = frozenset(references[:1])
    daemon.inspector.holding_snapshots = frozenset(references[:2])
    async with Client.connected(daemon.socket) as client:
        domains, count = await client.ask("list_all_domains", 1, flags)
        assert ([each.name for each in domains], count) == (names, len(names))
        assert await client.ask("list_all_domains", 0, flags) == [[], len(names)]
        [of_all] = await client.ask("get_all_domain_stats", [], 1, flags)
        [of_given] = await client.ask("get_all_domain_stats", [remote(1), remote(3)], 1, flags)
        assert [each.domain.name for each in of_all] == names
        assert [each.domain.name for each in of_given] == [
            name for name in names if name != "web-2"
        ]


@pytest.mark.parametrize(
    ("uri", "refused"),
    [
        (None, False),
        ("", False),
        ("esx:///", False),
        ("VPX:///lab", False),
        ("gsx:///system", False),
        ("qemu:///system", True),
        ("test:///default", True),
    ],
)
async def test_a_client_of_another_hypervisor_is_refused(
    daemon: Daemon, uri: str | None, refused: bool
) -> None:
    """What it would be told of is not what it has asked for."""
    async with Client.connected(daemon.socket, uri=None) as client:
        answer = await client.ask("open", uri, 0)
    if refused:
        assert "follows VMware hosts: esx+unix:///" in answer.message
    else:
        assert answer == []


async def test_a_uuid_that_is_none_is_told_as_another(daemon: Daemon) -> None:
    """One odd domain hides no others, and can be looked up by what was told."""
    daemon.directory.add(1, uuid="not a UUID")
    daemon.directory.add(2)
    async with Client.connected(daemon.socket) as client:
        [odd, plain], _ = await client.ask("list_all_domains", 1, 0)
        assert plain == remote(2)
        assert await client.ask("lookup_by_uuid", odd.uuid) == [odd]


async def test_the_xml_has_the_uuid_by_which_a_client_knows_the_domain(daemon: Daemon) -> None:
    """Whatever text the host has; and the id only where the active domain is asked for."""
    daemon.directory.add(1, uuid="not a UUID")
    async with Client.connected(daemon.socket) as client:
        [odd], _ = await client.ask("list_all_domains", 1, 0)
        [active] = await client.ask("get_xml_desc", odd, 0)
        [inactive] = await client.ask("get_xml_desc", odd, 2)
    assert f"<uuid>{UUID(bytes=odd.uuid)}</uuid>" in active
    assert 'id="1"' in active
    assert inactive == active.replace(' id="1"', "")


async def test_a_host_that_tells_little_has_one_of_each(daemon: Daemon) -> None:
    """Clients multiply nodes, sockets, cores and threads; what is free is not made up."""
    daemon.inspector.of_host = HostFigures()
    async with Client.connected(daemon.socket) as client:
        assert await client.ask("node_get_info") == ["", 0, 0, 0, 1, 1, 1, 1]
        error = await client.ask("node_get_free_memory")
        assert "does not tell how much of its memory is in use" in error.message


# -- operations


@pytest.mark.parametrize(
    ("name", "arguments", "operation"),
    [
        ("start", (), DomainOperation.START),
        ("destroy", (), DomainOperation.DESTROY),
        ("destroy_flags", (1,), DomainOperation.DESTROY),
        ("shutdown", (), DomainOperation.SHUTDOWN),
        ("shutdown_flags", (0,), DomainOperation.SHUTDOWN),
        ("suspend", (), DomainOperation.SUSPEND),
        ("resume", (), DomainOperation.RESUME),
        ("reboot", (0,), DomainOperation.REBOOT),
        ("reset", (0,), DomainOperation.RESET),
    ],
)
async def test_operations_are_the_operators(
    daemon: Daemon, name: str, arguments: tuple[int, ...], operation: DomainOperation
) -> None:
    """With the rules and refusals that it has for everybody."""
    daemon.directory.add(1)
    async with Client.connected(daemon.socket) as client:
        assert await client.ask(name, remote(1), *arguments) == []
    [asked] = daemon.operator.asked
    assert (asked.domain, asked.operation, asked.connection) == (uuid_of(1), operation, "lab")


async def test_a_start_with_flags_returns_the_domain_as_it_is_then(daemon: Daemon) -> None:
    """With its id."""
    daemon.directory.add(1)
    async with Client.connected(daemon.socket) as client:
        assert await client.ask("start_flags", remote(1)._replace(id=-1), 0) == [remote(1)]
        error = await client.ask("start_flags", remote(1), 1)
        assert error.message == (
            "invalid argument: unsupported flags (0x1) in function virDomainCreateWithFlags"
        )


async def test_five_calls_are_answered_at_a_time_and_the_rest_in_turn(daemon: Daemon) -> None:
    """A client that asks and asks costs no more than libvirtd would let it; nothing is lost."""
    daemon.directory.add(1)
    daemon.operator.may_end.clear()
    async with Client.connected(daemon.socket) as client:
        for serial in range(8):
            client.send("start", remote(1), serial=serial)
        client.send("get_type", serial=99)
        while len(daemon.operator.asked) < 5:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(daemon.operator.asked) == 5
        daemon.operator.may_end.set()
        answers = dict([replies(await client.frame())[0] for _ in range(9)])
    assert set(answers) == {*range(8), 99}
    assert answers[99] == ["ESX"]


@pytest.mark.parametrize("count", [36, 37, 38, 80])
async def test_any_number_of_slow_calls_is_answered(daemon: Daemon, count: int) -> None:
    """Some are under way, some wait, and of the rest nothing is read until there is room."""
    daemon.directory.add(1)
    daemon.operator.may_end.clear()
    async with Client.connected(daemon.socket) as client:
        for serial in range(count):
            client.send("start", remote(1), serial=serial)
        while len(daemon.operator.asked) < 5:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        daemon.operator.may_end.set()
        answers = dict([replies(await client.frame())[0] for _ in range(count)])
    assert answers == {serial: [] for serial in range(count)}


async def test_a_client_that_does_not_read_is_not_read_from(make_daemon: MakeDaemon) -> None:
    """Its answers would fill the memory; when it reads, it gets all of them."""
    count = 4000
    async with (
        make_daemon(write_limit=16 * 1024) as daemon,
        Client.connected(daemon.socket) as client,
    ):
        for serial in range(count):
            client.send("get_type", serial=serial)
        for serial in range(count):
            assert replies(await client.frame()) == [(serial, ["ESX"])]


async def test_a_flood_of_calls_holds_up_nobody_and_fills_no_memory(
    make_daemon: MakeDaemon,
) -> None:
    """It is answered as it is read, whatever was sent at once."""
    async with make_daemon() as daemon:
        for number in range(500):
            daemon.directory.add(number)
        async with (
            Client.connected(daemon.read_only_socket) as flooding,
            Client.connected(daemon.read_only_socket) as neighbour,
        ):
            flooding.writer.write(call("list_all_domains", 1, 0) * 5000)
            for _ in range(20):
                assert await neighbour.ask("get_type") == ["ESX"]
            waiting = [each.waiting for each in daemon.server.clients]
            assert max(waiting) <= 2 * daemon.server.write_limit
            for _ in range(100):
                await flooding.frame()


async def test_a_client_with_calls_under_way_is_still_heard(daemon: Daemon) -> None:
    """Its pings are answered, and its end is seen: operations may take long."""
    daemon.directory.add(1)
    daemon.operator.may_end.clear()
    ping = Header(KEEPALIVE_PROGRAM, VERSION, PING, Kind.MESSAGE, 0)
    async with Client.connected(daemon.socket) as client:
        for serial in range(9):
            client.send("start", remote(1), serial=serial)
        client.writer.write(message(ping))
        assert await client.message() == (ping._replace(procedure=PONG), b"")
        assert len(daemon.server.clients) == 1
    while daemon.server.clients:  # noqa: ASYNC110 - the client's end is told to nobody
        await asyncio.sleep(0)
    daemon.operator.may_end.set()


# -- limits and the end


async def test_a_client_that_does_not_read_does_not_keep_the_daemon(
    make_daemon: MakeDaemon,
) -> None:
    """It is cut when the daemon stops, and takes its callbacks with it."""
    async with make_daemon(write_limit=4096) as daemon:
        reader, writer = await asyncio.open_unix_connection(str(daemon.socket))
        client = Client(reader, writer)
        assert await client.ask("open", None, 0) == []
        await client.ask("register", EventId.LIFECYCLE, None)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is one that can
        daemon.publish(*[started(number) for number in range(20_000)])
        for _ in range(200):
            await asyncio.sleep(0)
    assert not daemon.registry.registrations()
    writer.transport.abort()


async def test_who_opens_nothing_is_cut(make_daemon: MakeDaemon) -> None:
    """A place is for who makes use of it; one that is open may be silent for ever."""
    async with (
        make_daemon(opening_timeout=0.01) as daemon,
        Client.connected(daemon.socket) as silent,
        Client.connected(daemon.socket, uri=None) as client,
    ):
        assert await client.reader.read() == b""
        assert await silent.ask("get_type") == ["ESX"]


async def test_one_client_too_many_is_cut(make_daemon: MakeDaemon) -> None:
    """All sockets of the daemon are counted together."""
    async with (
        make_daemon(max_connections=1) as daemon,
        Client.connected(daemon.socket),
        Client.connected(daemon.read_only_socket, uri=None) as second,
    ):
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await second.ask("auth_list")


@pytest.mark.parametrize("data", [b"\0\0\0\3", b"\xff" * 64, b"GET /v1/events HTTP/1.1\r\n\r\n"])
async def test_what_is_no_message_ends_the_client_alone(daemon: Daemon, data: bytes) -> None:
    """The neighbour never notices."""
    async with (
        Client.connected(daemon.socket) as neighbour,
        Client.connected(daemon.socket, uri=None) as client,
    ):
        client.writer.write(data)
        assert await client.reader.read() == b""
        assert await neighbour.ask("get_type") == ["ESX"]


async def test_a_failure_of_ours_is_an_error_of_one_call(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged, and the client goes on."""

    def broken() -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(daemon.directory, "connections", broken)
    async with Client.connected(daemon.socket, uri=None) as client:
        error = await client.ask("open", "esx:///", 0)
        assert error.message == (
            "internal error: eventd failed to answer this call; its log says why"
        )
        assert await client.ask("auth_list") == [[0]]


async def test_the_sockets_are_removed_and_the_clients_told(
    make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    """By the end of the connection, as libvirtd does; also under libvirt's own names."""
    own = tmp_path / "libvirt"
    own.mkdir()
    async with make_daemon(libvirt_directory=own) as daemon:
        reader, writer = await asyncio.open_unix_connection(str(own / "virtesxd-sock-ro"))
        client = Client(reader, writer)
        assert await client.ask("open", None, 0) == []
        error = await client.ask("start", remote(1))
        assert error.message == "operation forbidden: read only access prevents virDomainCreate"
        modes = {
            path.name: path.stat().st_mode & 0o777
            for directory in (daemon.runtime_directory, own)
            for path in directory.iterdir()
            if path.is_socket()
        }
    assert await reader.read() == b""
    writer.close()
    assert modes == {
        READ_WRITE_NAME: 0o660,
        READ_ONLY_NAME: 0o666,
        "virtesxd-sock": 0o660,
        "virtesxd-sock-ro": 0o666,
    }
    assert not [path for path in own.iterdir() if path.is_socket()]


def test_each_procedure_is_answered() -> None:
    """By the session, or by a method of the same name that takes as many arguments."""
    for row in PROCEDURES.values():
        if row.name not in OWN_ANSWERS:
            method = getattr(METHODS[row.name], row.name)
            inspect.signature(method).bind("self", *row.arguments)
