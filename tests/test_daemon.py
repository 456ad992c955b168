"""The daemon as a whole: how it starts, what it refuses to start with, and how it ends.

The hosts are simulated ones on real sockets, and systemd is a real datagram socket.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from eventd import daemon
from eventd.client import Client
from eventd.config import Configuration, ConnectionSettings
from eventd.config.models import DaemonSettings, LibvirtSettings
from eventd.daemon import Daemon
from eventd.errors import (
    AmbiguousDomain,
    DaemonError,
    EventdError,
    HostUnreachable,
    InvalidArgument,
    InvalidConfiguration,
    NoSuchChoice,
    NoSuchDomain,
    NoSuchQuestion,
    OperationDenied,
    OperationInvalid,
    SocketInUse,
)
from eventd.model.domain import ConnectionState
from eventd.model.events import (
    ConnectionConnected,
    ConnectionDisconnected,
    ConnectionEvent,
    Event,
    QuestionAnswered,
    QuestionRaised,
    TaskSucceeded,
)
from eventd.model.operations import DomainOperation, TaskProgress
from eventd.model.questions import AnswerRule, Requester
from eventd.model.record import EventRecord
from eventd.simulator import INSTANT, Question, SimulatorServer, World, serve

PATIENCE = 10.0
"""Seconds that a test waits for something that takes a few milliseconds."""


@pytest.fixture
async def host() -> AsyncIterator[SimulatorServer]:
    """A bare host with two domains."""
    async with serve(World(domains=2, now=datetime.now(UTC))) as server:
        yield server


@pytest.fixture
async def quick_host() -> AsyncIterator[SimulatorServer]:
    """One whose tasks take no time."""
    async with serve(World(domains=2, pace=INSTANT, now=datetime.now(UTC))) as server:
        yield server


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The runtime directory; the daemon makes it."""
    return tmp_path / "run"


def connection(
    name: str, uri: str, tmp_path: Path, *, password: str | None = "pass"
) -> ConnectionSettings:
    """Return the settings of a connection; without a password its file is missing."""
    path = tmp_path / f"{name}.password"
    if password is not None:
        path.write_text(f"{password}\n", "utf-8")
    return ConnectionSettings.model_validate({"name": name, "uri": uri, "password_file": path})


def configuration(
    directory: Path, *connections: ConnectionSettings, state: Path | None = None
) -> Configuration:
    """Return a configuration with these connections; the journal is beside the sockets, or not."""
    state = state or directory.with_name("state")
    settings = DaemonSettings(runtime_directory=directory, state_directory=state)
    return Configuration(daemon=settings, connections=connections)


@asynccontextmanager
async def serving(daemon: Daemon) -> AsyncIterator[asyncio.Queue[ConnectionEvent]]:
    """Serve; give the events of the connections as they come."""
    events: asyncio.Queue[ConnectionEvent] = asyncio.Queue()

    def read(records: Sequence[EventRecord]) -> None:
        for record in records:
            if isinstance(record.event, ConnectionEvent):
                events.put_nowait(record.event)

    async with daemon.serve():
        stop = daemon.delivery.add_reader(read)
        yield events
        stop()


async def get(command: str, directory: Path) -> bytes:
    """Ask the daemon for a resource over its read-only socket."""
    reader, writer = await asyncio.open_unix_connection(directory / "eventd-ro.sock")
    writer.write(f"GET {command} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


# --- following hosts ------------------------------------------------------------------------------


async def test_all_hosts_are_followed_and_their_domains_listed_in_order(
    host: SimulatorServer, directory: Path, tmp_path: Path
) -> None:
    """By connection in configured order, then by name."""
    served = Daemon(
        configuration(
            directory,
            connection("second", host.uri, tmp_path),
            connection("first", host.uri, tmp_path),
        )
    )
    assert served.summary == "0 of 2 connections in sync"
    async with serving(served) as events, asyncio.timeout(PATIENCE):
        assert {(await events.get()).connection for _ in range(2)} == {"first", "second"}

        assert served.summary == "2 of 2 connections in sync"
        assert [status.name for status in served.connections()] == ["second", "first"]
        names = sorted(host.world.domains.names)
        assert [(status.domain.connection, status.domain.name) for status in served.domains()] == [
            ("second", name) for name in names
        ] + [("first", name) for name in names]
        assert b"200 OK" in await get("/v1/domains", directory)
    assert len(host.service.sessions) == 0


async def test_a_wrong_password_stops_one_connection_and_no_other(
    host: SimulatorServer, directory: Path, tmp_path: Path
) -> None:
    """The status of the one tells why, the other goes on."""
    served = Daemon(
        configuration(
            directory,
            connection("wrong", host.uri, tmp_path, password="other"),
            connection("right", host.uri, tmp_path),
        )
    )
    with capture_logs() as logs:
        async with serving(served) as events, asyncio.timeout(PATIENCE):
            event = await events.get()
            assert (event.connection, type(event)) == ("right", ConnectionConnected)
            while b"refused the login" not in await get("/v1/connections", directory):
                pass
            [wrong, right] = served.connections()
            assert b"200 OK" in await get("/readyz", directory)

    assert (wrong.state, right.state) == (ConnectionState.CONNECTING, ConnectionState.CONNECTED)
    assert wrong.error is not None
    assert "refused the login of user 'root'" in wrong.error
    [warning] = [entry for entry in logs if entry["log_level"] == "warning"]
    assert (warning["connection"], warning["error"]) == ("wrong", wrong.error)


# --- what is needed of files ----------------------------------------------------------------------


def test_a_password_that_cannot_be_read_names_the_connection(
    directory: Path, tmp_path: Path
) -> None:
    """Nothing starts half-configured: the other connection does not start either."""
    good = connection("good", "esx://esx01.example/", tmp_path)
    bad = connection("bad", "esx://esx02.example/", tmp_path, password=None)

    with pytest.raises(InvalidConfiguration) as caught:
        daemon.check(configuration(directory, good, bad))

    assert caught.value.message == (
        f"connection 'bad': password_file {tmp_path}/bad.password cannot be read: No such file or "
        f"directory; check that the file exists and that the user of the daemon may read it"
    )


def test_everything_that_cannot_be_read_is_a_line(directory: Path, tmp_path: Path) -> None:
    """Who mends the first problem is not to find a second one behind it."""
    uri = f"esx://esx01.example/?cacert={tmp_path}/ca.pem"
    first = connection("first", uri, tmp_path, password=None)
    second = connection("second", uri, tmp_path)

    with pytest.raises(InvalidConfiguration) as caught:
        daemon.check(configuration(directory, first, second))

    assert [line.split(" ")[:3] for line in caught.value.message.splitlines()] == [
        ["connection", "'first':", "password_file"],
        ["connection", "'first':", "cacert"],
        ["connection", "'second':", "cacert"],
    ]


def test_a_cacert_that_cannot_be_used_names_the_connection(directory: Path, tmp_path: Path) -> None:
    """So does a certificate."""
    bad = connection("bad", f"esx://esx01.example/?cacert={tmp_path}/ca.pem", tmp_path)

    with pytest.raises(InvalidConfiguration) as caught:
        daemon.check(configuration(directory, bad))

    assert caught.value.message == (
        f"connection 'bad': cacert {tmp_path}/ca.pem cannot be used: No such file or directory; it "
        f"must be a readable file of certificates in PEM"
    )


def test_a_connection_without_a_password_is_told_where_one_may_be(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the configuration nor libvirt's own auth file has one."""
    monkeypatch.delenv("LIBVIRT_AUTH_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(
        "eventd.connections.credentials.SYSTEM_AUTH_FILE", tmp_path / "system" / "auth.conf"
    )
    bare = ConnectionSettings.model_validate({"name": "bare", "uri": "esx://esx01.example/"})

    with pytest.raises(InvalidConfiguration) as caught:
        daemon.check(configuration(directory, bare))

    assert caught.value.message == (
        "connection 'bare': there is no password; set password_file, password_credential or "
        "auth_file, or write libvirt's auth.conf"
    )


@pytest.mark.parametrize("key", ["auth_file", "LIBVIRT_AUTH_FILE", "password_credential"])
async def test_a_password_may_come_from_elsewhere(
    key: str,
    host: SimulatorServer,
    directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From libvirt's auth file, named or found, and from a credential of the service."""
    auth_file = tmp_path / "auth.conf"
    auth_file.write_text(
        "[auth-esx-127.0.0.1]\ncredentials=x\n[credentials-x]\nusername=fred\npassword=pass\n",
        "utf-8",
    )
    (tmp_path / "credential").write_text("pass", "utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("LIBVIRT_AUTH_FILE", str(auth_file))
    keys = {"auth_file": str(auth_file), "password_credential": "credential"}
    settings = ConnectionSettings.model_validate(
        {"name": "esx01", "uri": host.uri} | ({key: keys[key]} if key in keys else {})
    )

    daemon.check(configuration(directory, settings))
    async with (
        serving(Daemon(configuration(directory, settings))) as events,
        asyncio.timeout(PATIENCE),
    ):
        assert isinstance(await events.get(), ConnectionConnected)


# --- the journal ----------------------------------------------------------------------------------


async def test_what_happens_while_the_daemon_is_down_is_told_when_it_is_back(
    quick_host: SimulatorServer, directory: Path, tmp_path: Path
) -> None:
    """To whoever resumes where it was: each event once, and as it happened."""
    settings = configuration(directory, connection("esx01", quick_host.uri, tmp_path))
    first = Daemon(settings)
    async with serving(first) as events, asyncio.timeout(PATIENCE):
        await events.get()
        before = first.journal.newest

    world = quick_host.world
    for operate in (world.power_on, world.power_off, world.power_on):
        operate("web01", now=quick_host.now())

    second = Daemon(settings)
    assert [status.stale for status in second.domains()] == [True, True]
    assert second.journal.newest == before
    told = []
    async with (
        asyncio.timeout(PATIENCE),
        serving(second),
        Client(directory / "eventd-ro.sock") as client,
        aclosing(client.events(after=before, event=["lifecycle", "connection"])) as stream,
    ):
        async for record in stream:
            told.append(str(record.event.type))
            if told[-1] == "resynchronised":
                break
    assert told == ["stale", "started", "stopped", "started", "connected", "resynchronised"]


async def test_events_go_on_and_say_so_while_they_cannot_be_written(
    host: SimulatorServer, directory: Path, tmp_path: Path
) -> None:
    """The service says it too, until they are written."""
    running = Daemon(configuration(directory, connection("esx01", host.uri, tmp_path)))
    problems: asyncio.Queue[str] = asyncio.Queue()
    running.status_changed = lambda: problems.put_nowait(running.summary)
    async with (
        asyncio.timeout(PATIENCE),
        serving(running) as events,
        Client(directory / "eventd-ro.sock") as client,
        aclosing(client.events(event="lifecycle")) as stream,
    ):
        await events.get()
        next_record = asyncio.ensure_future(anext(stream))
        with closing(sqlite3.connect(tmp_path / "state" / "journal.db")) as somebody:
            somebody.execute("BEGIN IMMEDIATE")
            host.world.power_on("web01", now=host.now())
            record = await next_record
            assert json.loads(record.json)["durable"] is False
            ready = json.loads((await get("/readyz", directory)).partition(b"\r\n\r\n")[2])
            assert ready["journal"] == {"durable": False, "error": "database is locked"}
            assert await problems.get() == (
                "1 of 1 connections in sync; events are not written to the disk: database is locked"
            )
        assert await problems.get() == "1 of 1 connections in sync"
        assert record in running.journal.read(running.journal.oldest, limit=9)


# --- sockets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "reason"), [("file/run", "Not a directory"), ("file", "File exists")]
)
async def test_a_runtime_directory_that_cannot_be_made_is_named(
    place: str, reason: str, tmp_path: Path
) -> None:
    """The sentence says what to do; no host was contacted."""
    (tmp_path / "file").touch()
    directory = tmp_path / place
    away = connection("a", "esx://127.0.0.1:1/", tmp_path)
    served = Daemon(configuration(directory, away, state=tmp_path / "state"))

    with pytest.raises(EventdError) as caught:
        async with served.serve():
            pass

    assert caught.value.message == (
        f"the sockets cannot be made in {directory}: {reason}; give the user of the daemon the "
        f"right to it, or name another directory as daemon.runtime_directory"
    )


async def test_a_directory_in_which_no_socket_can_be_made_is_named(tmp_path: Path) -> None:
    """/proc stands for a read-only file system: root may write everywhere else."""
    away = connection("a", "esx://127.0.0.1:1/", tmp_path)
    served = Daemon(configuration(Path("/proc"), away, state=tmp_path / "state"))

    with pytest.raises(EventdError) as caught:
        async with served.serve():
            pass

    assert caught.value.message.startswith("the sockets cannot be made in /proc: ")


async def test_a_missing_directory_of_libvirts_is_named(
    host: SimulatorServer, directory: Path, tmp_path: Path
) -> None:
    """The message names the directory and the key that are wrong, not others."""
    settings = configuration(directory, connection("esx01", host.uri, tmp_path))
    libvirt = LibvirtSettings(well_known_sockets=True, directory=tmp_path / "no-such")
    expected = pytest.RaisesExc(
        EventdError,
        match=f"^the sockets cannot be made in {tmp_path}/no-such: No such file .* or name another "
        "directory as libvirt.directory$",
    )
    # The command line takes the error out of the groups of what serves already.
    with pytest.RaisesGroup(expected, flatten_subgroups=True):
        async with Daemon(settings.model_copy(update={"libvirt": libvirt})).serve():
            pass


async def test_a_second_daemon_is_refused_before_it_contacts_a_host(
    host: SimulatorServer, directory: Path, tmp_path: Path
) -> None:
    """The first goes on, and its hosts see no second session."""
    settings = connection("esx01", host.uri, tmp_path)
    first = Daemon(configuration(directory, settings))
    async with serving(first) as events, asyncio.timeout(PATIENCE):
        await events.get()
        calls = len(host.service.calls)

        with pytest.raises(SocketInUse) as caught:
            async with Daemon(configuration(directory, settings, state=tmp_path)).serve():
                pass

        assert caught.value.message == (
            f"another process already serves {directory}; stop it, or use another runtime directory"
        )
        logins = [call.method for call in list(host.service.calls)[calls:]]
        assert "Login" not in logins
        assert b"200 OK" in await get("/healthz", directory)


def leave_sockets(directory: Path) -> None:
    """Leave the sockets of a dead daemon."""
    directory.mkdir()
    for name in ("eventd.sock", "eventd-ro.sock"):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(directory / name))


async def test_a_socket_that_a_dead_daemon_left_is_replaced(
    host: SimulatorServer, directory: Path, tmp_path: Path
) -> None:
    """Nobody listens on it, as after a kill -9."""
    leave_sockets(directory)

    async with serving(Daemon(configuration(directory, connection("esx01", host.uri, tmp_path)))):
        assert b"200 OK" in await get("/healthz", directory)
    assert os.listdir(directory) == []


# --- systemd --------------------------------------------------------------------------------------


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end of $NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


async def heard(systemd: socket.socket, *, but: bytes = b"WATCHDOG=1") -> bytes:
    """Return the next datagram that is not this one."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE):
        while (datagram := await loop.sock_recv(systemd, 4096)) == but:
            pass
    return datagram


@asynccontextmanager
async def running(*command: str, environment: dict[str, str]) -> AsyncIterator[Process]:
    """Run a command, at most for as long as the block lasts."""
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_systemd_hears_how_the_daemon_is(
    number: signal.Signals,
    host: SimulatorServer,
    systemd: socket.socket,
    directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ready with the sockets, each change of a connection, and the end."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    settings = configuration(directory, connection("esx01", f"{host.uri}&unknown=1", tmp_path))
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(daemon.run(settings))
            assert await heard(systemd) == b"READY=1\nSTATUS=0 of 1 connections in sync"
            assert b"200 OK" in await get("/healthz", directory)
            assert await heard(systemd) == b"STATUS=1 of 1 connections in sync"
            host.world.power_on(host.world.domains.names[0], now=host.now())
            assert await heard(systemd, but=b"") == b"WATCHDOG=1"
            await host.stop()
            assert await heard(systemd) == b"STATUS=0 of 1 connections in sync"
            os.kill(os.getpid(), number)
            assert await heard(systemd) == b"STOPPING=1\nSTATUS=told to stop"

    assert os.listdir(directory) == []
    assert [entry["warning"] for entry in logs if entry["event"] == "configuration"] == [
        f"connection 'esx01': {warning}" for warning in settings.connections[0].uri.warnings
    ]


async def test_a_daemon_ends_within_two_seconds_of_sigterm(
    host: SimulatorServer, systemd: socket.socket, directory: Path, tmp_path: Path
) -> None:
    """Although one host never answers the logout, another is away, and a subscriber hangs on."""
    host.faults.delay(60, "Logout")
    (tmp_path / "password").write_text("pass", "utf-8")
    file = tmp_path / "eventd.toml"
    file.write_text(
        f"""
        [daemon]
        runtime_directory = "{directory}"
        state_directory = "{tmp_path}"
        [[connections]]
        name = "here"
        uri = "{host.uri}"
        password_file = "{tmp_path}/password"
        [[connections]]
        name = "away"
        uri = "esx://127.0.0.1:1/?transport=http"
        password_file = "{tmp_path}/password"
        """,
        "utf-8",
    )
    environment = os.environ | {
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "200000",
    }
    command = (sys.executable, "-X", "dev", "-W", "error", "-m", "eventd", "run", "-c", str(file))
    async with running(*command, environment=environment) as process:
        assert await heard(systemd) == b"READY=1\nSTATUS=0 of 2 connections in sync"
        assert await heard(systemd, but=b"") == b"WATCHDOG=1"
        assert await heard(systemd) == b"STATUS=1 of 2 connections in sync"
        reader, writer = await asyncio.open_unix_connection(directory / "eventd.sock")
        writer.write(b"GET /v1/events?snapshot=true HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")

        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(2.0):
            _, log = await process.communicate()

    assert process.returncode == 0, log.decode()
    assert await heard(systemd) == b"STOPPING=1\nSTATUS=told to stop"
    assert os.listdir(directory) == []
    assert len(host.service.sessions) == 0
    assert b"Traceback" not in log
    assert b"Warning" not in log
    writer.close()
    await writer.wait_closed()


async def test_the_cap_of_callbacks_is_the_configured_one(
    host: SimulatorServer, directory: Path, tmp_path: Path
) -> None:
    """A client that reaches it is told so, and keeps what it has."""
    settings = DaemonSettings(
        runtime_directory=directory, state_directory=tmp_path, callbacks_per_client=1
    )
    followed = connection("esx01", host.uri, tmp_path)
    running = Daemon(Configuration(daemon=settings, connections=(followed,)))
    async with running.serve(), Client(directory / "eventd-ro.sock") as client:
        await client.register("lifecycle", print)

        with pytest.raises(DaemonError, match="1"):
            await client.register("lifecycle", print)

        assert len(await client.callbacks()) == 1


# --- what clients ask for -------------------------------------------------------------------------

OPS = Requester(pid=4711, uid=1000, user="ops")


class Served:
    """A daemon that follows two hosts, first and second, with db01 and web01 on each."""

    def __init__(self, running: Daemon, first: SimulatorServer, second: SimulatorServer) -> None:
        self.daemon = running
        self.hosts = {"first": first, "second": second}
        self._events: list[Event] = []
        self._has_read = asyncio.Event()

    def read(self, records: Sequence[EventRecord]) -> None:
        """Note what is told."""
        self._events += [record.event for record in records]
        has_read, self._has_read = self._has_read, asyncio.Event()
        has_read.set()

    async def until(self, cls: type[Event], count: int = 1) -> None:
        """Return when so many events of a class were told."""
        async with asyncio.timeout(PATIENCE):
            while len(self.told(cls)) < count:
                await self._has_read.wait()

    def told(self, cls: type[Event]) -> list[Event]:
        """Return the events of a class."""
        return [event for event in self._events if isinstance(event, cls)]

    def power(self, connection: str, name: str = "web01") -> str:
        """Return the power state of a domain, as its host has it."""
        return str(self.hosts[connection].world.read(name, "runtime.powerState"))

    def begun(self, connection: str) -> list[str]:
        """Return the calls by which something was done on a host."""
        methods = [call.method for call in self.hosts[connection].service.calls]
        return [method for method in methods if method.endswith("_Task") or method == "AnswerVM"]

    def uuid(self, name: str = "web01") -> str:
        """Return the UUID of a domain of the first host."""
        [found] = [
            status.domain.uuid
            for status in self.daemon.domains()
            if (status.domain.connection, status.domain.name) == ("first", name)
        ]
        return found

    async def ask(self, connection: str, name: str = "web01", count: int = 1) -> str:
        """Let a domain ask something; return eventd's id of it once it is told."""
        host = self.hosts[connection]
        host.world.ask(name, Question(), now=host.now())
        await self.until(QuestionRaised, count)
        [found] = [
            each.question.id
            for each in self.daemon.questions()
            if (each.domain.connection, each.domain.name) == (connection, name)
        ]
        return found


@asynccontextmanager
async def two_hosts(
    directory: Path, tmp_path: Path, *, operations: bool | None = True
) -> AsyncIterator[Served]:
    """Follow two hosts, once both are in sync; ``operations`` None leaves that unsaid."""
    said = {} if operations is None else {"operations": operations}
    settings = DaemonSettings.model_validate(
        {"runtime_directory": directory, "state_directory": tmp_path, **said}
    )
    worlds = [World(domains=2, pace=INSTANT, now=datetime.now(UTC)) for _ in range(2)]
    async with serve(worlds[0]) as first, serve(worlds[1]) as second:
        connections = (
            connection("first", first.uri, tmp_path),
            connection("second", second.uri, tmp_path),
        )
        running = Daemon(Configuration(daemon=settings, connections=connections))
        served = Served(running, first, second)
        async with running.serve():
            stop = running.delivery.add_reader(served.read)
            await served.until(ConnectionConnected, 2)
            yield served
            stop()


@pytest.mark.parametrize("operations", [None, False])
@pytest.mark.parametrize("domain", ["web01", "nowhere"])
async def test_operations_are_refused_unless_they_are_turned_on(
    operations: bool | None, domain: str, directory: Path, tmp_path: Path
) -> None:
    """Whatever is asked for; the hint says how to turn them on."""
    async with two_hosts(directory, tmp_path, operations=operations) as served:
        with pytest.raises(OperationDenied) as caught:
            await served.daemon.operate(domain, DomainOperation.START, by=OPS)

        assert served.begun("first") == served.begun("second") == []

    assert caught.value.message == "operations on domains are turned off"
    assert caught.value.hint == (
        "set operations = true under [daemon] in the configuration, and restart"
    )


async def test_questions_and_configurations_do_not_need_operations(
    directory: Path, tmp_path: Path
) -> None:
    """An answer lets go on what somebody else has begun; to read changes nothing."""
    async with two_hosts(directory, tmp_path, operations=None) as served:
        question = await served.ask("second")
        answered = await served.daemon.answer(question, "Append", by=OPS)
        read = await served.daemon.configuration("web01", connection="second")

    assert answered.choice.label == "Append"
    assert read.name == "web01"


async def test_an_operation_is_done_on_the_host_of_its_domain(
    directory: Path, tmp_path: Path
) -> None:
    """On no other, although that has a domain of the same name."""
    progress: list[TaskProgress] = []
    async with two_hosts(directory, tmp_path) as served:
        result = await served.daemon.operate(
            "web01", DomainOperation.START, connection="second", by=OPS, report=progress.append
        )
        assert (served.power("first"), served.power("second")) == ("poweredOff", "poweredOn")
        assert (served.begun("first"), served.begun("second")) == ([], ["PowerOnVM_Task"])
        await served.until(TaskSucceeded)

    assert (result.domain.connection, result.domain.name) == ("second", "web01")
    assert result.operation is DomainOperation.START
    assert result.task is not None
    assert progress[-1] == result.task


async def test_an_operation_that_is_refused_says_why(directory: Path, tmp_path: Path) -> None:
    """The error of the connection comes through."""
    async with two_hosts(directory, tmp_path) as served:
        with pytest.raises(OperationInvalid):
            await served.daemon.operate(
                "web01", DomainOperation.DESTROY, connection="first", by=OPS
            )


async def test_a_name_that_is_not_clear_is_refused_with_the_matches(
    directory: Path, tmp_path: Path
) -> None:
    """For an operation and for a configuration; nothing is done."""
    async with two_hosts(directory, tmp_path) as served:
        with pytest.raises(AmbiguousDomain) as caught:
            await served.daemon.operate("web01", DomainOperation.START, by=OPS)
        with pytest.raises(AmbiguousDomain) as caught_too:
            await served.daemon.configuration("web01")
        uuid = served.uuid()
        assert served.begun("first") == served.begun("second") == []

    assert caught.value.message == caught_too.value.message
    assert caught.value.message.startswith("several domains have the UUID or the name 'web01': ")
    [first, second] = caught.value.message.partition(": ")[2].split("), ")
    assert first.startswith(f"web01 ({uuid}, ")
    assert first.endswith(" first")
    assert second.endswith(" second)")


@pytest.mark.parametrize(
    ("domain", "on", "error"),
    [
        ("nowhere", None, NoSuchDomain("no domain has the UUID or the name 'nowhere'")),
        (
            "nowhere",
            "first",
            NoSuchDomain("no domain on the connection 'first' has the UUID or the name 'nowhere'"),
        ),
        (
            "web01",
            "third",
            InvalidArgument("no connection has the name 'third'; there are first, second"),
        ),
    ],
)
async def test_what_names_no_domain_is_refused(
    domain: str, on: str | None, error: EventdError, directory: Path, tmp_path: Path
) -> None:
    """Neither is there one on a connection that nobody has configured."""
    async with two_hosts(directory, tmp_path) as served:
        with pytest.raises(type(error)) as caught:
            await served.daemon.operate(domain, DomainOperation.START, connection=on, by=OPS)
        with pytest.raises(type(error)) as caught_too:
            await served.daemon.configuration(domain, connection=on)

    assert caught.value.message == caught_too.value.message == error.message


async def test_questions_are_listed_by_connection_and_domain(
    directory: Path, tmp_path: Path
) -> None:
    """In configured order, whichever was asked first; each with an id of its own."""
    async with two_hosts(directory, tmp_path) as served:
        assert served.daemon.questions() == []
        ids = {
            await served.ask("second", "web01", 1),
            await served.ask("first", "web01", 2),
            await served.ask("first", "db01", 3),
        }
        listed = served.daemon.questions()

    assert [(each.domain.connection, each.domain.name) for each in listed] == [
        ("first", "db01"),
        ("first", "web01"),
        ("second", "web01"),
    ]
    assert {each.question.id for each in listed} == ids
    assert len(ids) == 3
    assert {each.question.vi_id for each in listed} == {Question().id}


async def test_an_answer_goes_to_the_host_that_has_asked(directory: Path, tmp_path: Path) -> None:
    """The same question of the other host stays."""
    async with two_hosts(directory, tmp_path) as served:
        other = await served.ask("first", count=1)
        question = await served.ask("second", count=2)

        answered = await served.daemon.answer(question, "1", by=OPS)
        await served.until(QuestionAnswered)

        assert answered.question.id == question
        assert answered.choice.key == "1"
        assert [each.question.id for each in served.daemon.questions()] == [other]
        assert (served.begun("first"), served.begun("second")) == ([], ["AnswerVM"])
        [event] = served.told(QuestionAnswered)

    assert isinstance(event, QuestionAnswered)
    assert (event.rule, event.answered_by) == (AnswerRule.CLIENT, OPS)


async def test_a_question_that_nobody_asks_cannot_be_answered(
    directory: Path, tmp_path: Path
) -> None:
    """By no id: not the host's own, and not that of one that was answered."""
    async with two_hosts(directory, tmp_path) as served:
        question = await served.ask("first")
        await served.daemon.answer(question, "1", by=OPS)
        for identifier in (question, Question().id, "", "x" * 10_000):
            with pytest.raises(NoSuchQuestion) as caught:
                await served.daemon.answer(identifier, "1", by=OPS)

            assert caught.value.message == (
                f"no question with the id {identifier[:80]!r} is pending; it may have been "
                f"answered, or withdrawn by the host"
            )
            assert caught.value.hint == "'eventd questions' lists the pending questions"
        assert served.begun("first") == ["AnswerVM"]


async def test_a_choice_that_there_is_not_is_refused(directory: Path, tmp_path: Path) -> None:
    """The host hears nothing of it, and the question stays."""
    async with two_hosts(directory, tmp_path) as served:
        question = await served.ask("first")
        with pytest.raises(NoSuchChoice):
            await served.daemon.answer(question, "Perhaps", by=OPS)

        assert served.begun("first") == []
        assert [each.question.id for each in served.daemon.questions()] == [question]


async def test_the_questions_of_a_host_that_is_lost_are_the_last_known_ones(
    directory: Path, tmp_path: Path
) -> None:
    """They are listed as such, and cannot be answered now."""
    async with two_hosts(directory, tmp_path) as served:
        question = await served.ask("first")
        await served.hosts["first"].stop()
        await served.until(ConnectionDisconnected)
        [stale] = served.daemon.questions()

        with pytest.raises(HostUnreachable, match="'first' cannot be reached now"):
            await served.daemon.answer(question, "1", by=OPS)
        with pytest.raises(HostUnreachable, match="'first' cannot be reached now"):
            await served.daemon.configuration("web01", connection="first")

    assert stale.question.id == question
    assert stale.stale


async def test_the_configuration_of_a_domain_is_read_from_its_host(
    directory: Path, tmp_path: Path
) -> None:
    """Its name and its UUID do equally well."""
    async with two_hosts(directory, tmp_path) as served:
        uuid = served.uuid()
        by_name = await served.daemon.configuration("web01", connection="first")
        by_uuid = await served.daemon.configuration(uuid, connection="first")

    assert by_name == by_uuid
    assert by_name.name == "web01"
    assert by_name.path.endswith("web01.vmx")
