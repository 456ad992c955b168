"""libvirt's own clients, unmodified: virsh and libvirt-python."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from eventd.model.domain import DomainState, DomainStatus
from eventd.model.events import DomainEvent, DomainNICMacChanged, DomainRebooted
from eventd.model.inspector import DomainFigures
from eventd.rendering import virsh_line
from tests.http_api.fake_daemon import domain_of, started, stopped
from tests.libvirt_rpc.conftest import MakeDaemon
from tests.libvirt_rpc.served import Daemon
from tests.peers import go_program, requirements
from tests.peers.requirements import LIBVIRT_PYTHON
from tests.peers.virsh_command import Virsh
from tests.rendering.test_virsh import LINES, of

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")

_SECONDS = 30.0
"""How long a client may take for one line."""


class Lines:
    """The lines of a client's output."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        self._output = process.stdout

    async def next(self) -> str:
        async with asyncio.timeout(_SECONDS):
            return (await self._output.readline()).decode().rstrip("\n")


@asynccontextmanager
async def running(*command: str) -> AsyncIterator[Lines]:
    """Run a client until the block is left."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin"}
    )
    try:
        yield Lines(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until_heard(daemon: Daemon, lines: Lines, is_heard: Callable[[str], bool]) -> None:
    """Publish until a client tells of it.

    A client of libvirt's loses what comes before it has looked at the id of its registration.
    """
    probe = of(DomainRebooted, domain=domain_of(999))
    heard = asyncio.ensure_future(lines.next())
    while not heard.done():
        daemon.publish(probe)
        await asyncio.wait([heard], timeout=0.05)
    assert is_heard(heard.result()), heard.result()


@pytest.mark.virsh
async def test_virsh_prints_each_event_as_eventd_does(daemon: Daemon) -> None:
    """All kinds that are told: the words come from virsh, the numbers from here."""
    virsh = shutil.which("virsh")
    assert virsh is not None
    domain = domain_of(1).model_copy(update={"name": "web 01"})
    # virsh 9 does not know the event id of this one.
    events = [each for each, _ in LINES if not isinstance(each, DomainNICMacChanged)]
    expected, told = [], []
    for event in events:
        at_home = event.model_copy(update={"domain": domain})
        line = virsh_line(at_home)
        assert line is not None
        expected += line.split("\n")
        told.append(at_home)
    command = ("event", "--all", "--loop")
    async with running(virsh, "-r", "-c", daemon.uri(read_only=True), *command) as lines:
        await until_heard(
            daemon, lines, lambda line: line.endswith("'reboot' for domain 'web-999'")
        )
        daemon.publish(*told)
        found: list[str] = []
        while len(found) < len(expected):
            line = await lines.next()
            # What was published before the first was heard, and the blank lines of some events.
            if line.strip() and "web-999" not in line:
                found.append(line)
    assert found == [line for line in expected if line.strip()]


@pytest.mark.virsh
async def test_virsh_lists_the_domains_and_their_states(daemon: Daemon, virsh: Virsh) -> None:
    """One list, and a call for the state of each."""
    daemon.directory.add(1, name="wëb 01")
    daemon.directory.add(2, DomainState.PAUSED)
    off = daemon.directory.add(3).model_copy(update={"id": -1})
    daemon.directory.statuses[-1] = DomainStatus(domain=off, state=DomainState.SHUTOFF)
    daemon.publish(started(1))
    listed = await virsh(daemon.uri(), "list", "--all")
    assert [line.split(maxsplit=1) for line in listed.output.splitlines()[2:] if line] == [
        ["1", "wëb 01   running"],
        ["2", "web-2    paused"],
        ["-", "web-3    shut off"],
    ]
    for command, expected in [
        (("domstate", "wëb 01"), "running"),
        (("domid", "web-2"), "2"),
        (("domuuid", "web-2"), domain_of(2).uuid),
        (("domname", domain_of(3).uuid), "web-3"),
        (("uri",), daemon.uri()),
    ]:
        outcome = await virsh(daemon.uri(), *command)
        assert (outcome.output.strip(), outcome.errors) == (expected, "")


@pytest.mark.virsh
async def test_virsh_operates_on_domains_where_it_may(daemon: Daemon, virsh: Virsh) -> None:
    """It refuses to write itself where it was told -r; the socket refuses without that."""
    daemon.directory.add(1)
    daemon.publish(started(1))
    commands = ("destroy", "suspend", "resume", "reboot", "reset", "shutdown")
    for command in commands:
        outcome = await virsh(daemon.uri(), command, "web-1")
        assert (outcome.status, outcome.errors) == (0, ""), command
    assert [str(asked.operation) for asked in daemon.operator.asked] == list(commands)
    refused = await virsh(daemon.uri(read_only=True), "destroy", "web-1")
    assert "operation forbidden: read only access prevents virDomainDestroy" in refused.errors


@pytest.mark.virsh
async def test_virsh_tells_what_is_wrong_with_a_name(daemon: Daemon, virsh: Virsh) -> None:
    """Of a connection: with those that there are; of a domain: as with libvirtd."""
    wrong = await virsh(daemon.uri(path="nosuch"), "list")
    assert "eventd has no connection of the name 'nosuch'" in wrong.errors
    missing = await virsh(daemon.uri(), "domstate", "nosuch")
    assert "error: failed to get domain 'nosuch'" in missing.errors


@pytest.mark.virsh
async def test_virsh_tells_what_a_domain_and_its_host_are_made_of(
    daemon: Daemon, virsh: Virsh
) -> None:
    """Each by the command that people use for it."""
    daemon.directory.add(1)
    daemon.publish(started(1))
    daemon.inspector.starting = frozenset([daemon.directory.domains()[0].domain.reference])
    daemon.inspector.of_domain = DomainFigures(
        memory=4096, memory_limit=2048, vcpus=2, annotation="the shop", host_memory_usage=1024
    )
    for command, expected in [
        (
            ("dominfo", "web-1"),
            [
                "State:          running",
                "Max memory:     4096 KiB",
                "Used memory:    2048 KiB",
                "Autostart:      enable",
            ],
        ),
        (("domstats", "web-1"), ["state.state=1", "balloon.rss=1024", "vcpu.current=2"]),
        (("dommemstat", "web-1"), ["actual 2048\n", "rss 1024\n"]),
        (("desc", "web-1"), ["the shop"]),
        (("vcpucount", "web-1", "--maximum"), ["2"]),
        (("version",), ["Running hypervisor: ESX 7.0.3"]),
        (("hostname",), ["esx01.example"]),
        (("nodeinfo",), ["CPU model:           Xeon", "CPU socket(s):       2"]),
        (("freecell",), ["50331648 KiB"]),
        (("dumpxml", "web-1"), ["<name>web-1</name>", "<vcpu"]),
        (("capabilities",), ["<capabilities>", "vmware"]),
    ]:
        outcome = await virsh(daemon.uri(read_only=True), *command)
        assert outcome.errors.strip() == "", command
        for part in expected:
            assert part in outcome.output, command


@pytest.mark.virsh
async def test_virsh_is_told_where_a_text_is_missing(daemon: Daemon, virsh: Virsh) -> None:
    """It has its own words for that."""
    daemon.directory.add(1)
    daemon.publish(started(1))
    outcome = await virsh(daemon.uri(), "desc", "web-1")
    assert (outcome.output.strip(), outcome.errors) == ("No description for domain: web-1", "")
    outcome = await virsh(daemon.uri(), "list", "--title")
    assert "web-1" in outcome.output


COLLECTD = """
Interval 1
BaseDir "{directory}"
PIDFile "{directory}/pid"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File stdout
  Timestamp false
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir "{directory}/csv"
</Plugin>
LoadPlugin virt
<Plugin virt>
  Connection "{uri}"
  HostnameFormat name
  BlockDevice "/.*/"
  InterfaceDevice "/.*/"
  IgnoreSelected true
  ExtraStats "domain_state"
  PersistentNotification false
</Plugin>
"""


@pytest.mark.collectd
async def test_collectd_notifies_of_what_happens(daemon: Daemon, tmp_path: Path) -> None:
    """Its virt plugin is told as with libvirtd, and writes what it reads of each domain."""
    daemon.directory.add(1)
    daemon.publish(started(1))
    configuration = tmp_path / "collectd.conf"
    uri = daemon.uri(read_only=True)
    configuration.write_text(COLLECTD.format(directory=tmp_path, uri=uri), "utf-8")
    async with running("/usr/sbin/collectd", "-f", "-C", str(configuration)) as lines:
        while "entering read-loop" not in await lines.next():
            pass
        # It may lose what comes right after its registration.
        told = asyncio.ensure_future(notification(lines))
        while not told.done():
            daemon.publish(stopped(1), started(1))
            await asyncio.wait([told], timeout=0.1)
        daemon.publish(stopped(1))
        while "forced poweroff" not in (last := await notification(lines)):
            pass
        while not (memory := read_values(tmp_path)):  # noqa: ASYNC110 - collectd tells nobody
            await asyncio.sleep(0.05)
    assert last == (
        "Notification: severity = OKAY, host = web-1, plugin = virt, type = domain_state, "
        "message = Domain state: the domain is shut off. Reason: forced poweroff"
    )
    assert f",{4 * 1024**3}." in memory


def read_values(directory: Path) -> str:
    """Return what collectd has written of the memory of a domain."""
    files = directory.glob("csv/web-1/virt/memory-total-*")
    return "".join(path.read_text("utf-8") for path in files)


async def notification(lines: Lines) -> str:
    while not (line := await lines.next()).startswith("Notification: "):
        pass
    return line


def subscriber(uri: str, domain: str, count: int) -> tuple[str, ...]:
    program = Path(requirements.__file__).with_name("libvirt_events.py")
    return (LIBVIRT_PYTHON, str(program), uri, domain, str(count))


@pytest.mark.libvirt_python
async def test_libvirt_python_is_called_for_each_registration(daemon: Daemon) -> None:
    """For all domains and for one, then no more; it keeps the connection alive by itself."""
    daemon.directory.add(1)
    daemon.directory.add(2)
    daemon.publish(started(1))
    async with running(*subscriber(daemon.uri(read_only=True), "web-2", 4)) as lines:
        assert json.loads(await lines.next()) == ["registered", "ESX", 1, 1]
        await until_heard(daemon, lines, lambda line: json.loads(line) == ["reboot", "web-999"])
        daemon.publish(started(1), stopped(2), started(2), stopped(1))
        found: list[Any] = []
        while not found or found[-1][0] != "domains":
            told = json.loads(await lines.next())
            if told[0] != "reboot":
                found.append(told)
    assert sorted(found[:-1]) == [
        ["all", "web-1", 2, 0, 1],
        ["all", "web-1", 5, 1, 1],
        ["all", "web-2", 2, 0, 2],
        ["all", "web-2", 5, 1, 2],
        ["one", "web-2", 2, 0, 2],
        ["one", "web-2", 5, 1, 2],
    ]
    assert [each for each in found if each[0] == "all"] == [
        ["all", "web-1", 2, 0, 1],
        ["all", "web-2", 5, 1, 2],
        ["all", "web-2", 2, 0, 2],
        ["all", "web-1", 5, 1, 1],
    ]
    assert found[-1] == ["domains", ["web-1", "web-2"]]


@pytest.mark.libvirt_python
async def test_the_readmes_example_of_libvirt_python_hears_of_events(
    make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    """As it stands there, but for the socket; it ends with the daemon."""
    [example] = re.findall(
        r"^```python\n(import libvirt\n.*?)^```", README, re.DOTALL | re.MULTILINE
    )
    uri = "esx+unix:///?socket=/run/eventd/libvirt-sock-ro"
    assert uri in example
    script = tmp_path / "example.py"
    async with AsyncExitStack() as clients:
        async with make_daemon() as daemon:
            script.write_text(example.replace(uri, daemon.uri(read_only=True)), "utf-8")
            command = ("/usr/bin/python3", "-u", str(script))
            lines = await clients.enter_async_context(running(*command))
            heard = asyncio.ensure_future(lines.next())
            while not heard.done():  # a client loses what comes before it has its registration
                daemon.publish(started(1))
                await asyncio.wait([heard], timeout=0.02)
        told = [heard.result()]
        while told[-1]:
            told.append(await lines.next())
    assert {*told} == {"web-1 2 0", ""}


@pytest.mark.libvirt_python
async def test_libvirt_python_gets_twenty_thousand_events_in_order(make_daemon: MakeDaemon) -> None:
    """Without loss, faster than it can read: it is served from the journal meanwhile."""
    count = 20_000
    async with make_daemon(write_limit=64 * 1024) as daemon:
        daemon.directory.add(2)
        daemon.publish(started(2))
        async with running(*subscriber(daemon.uri(), "web-2", count)) as lines:
            await lines.next()
            await until_heard(daemon, lines, lambda line: "web-999" in line)
            events: list[DomainEvent] = [started(number + 10_000) for number in range(count)]
            for first in range(0, count, 500):
                daemon.publish(*events[first : first + 500])
                await asyncio.sleep(0)
            found: list[str] = []
            while len(found) < count:
                told = json.loads(await lines.next())
                if told[0] == "all":
                    found.append(told[1])
    assert found == [f"web-{number + 10_000}" for number in range(count)]


@pytest.mark.go_libvirt
async def test_go_libvirt_lists_domains_and_hears_of_their_lifecycle(daemon: Daemon) -> None:
    """It speaks the protocol by itself, and asks for no feature of it."""
    daemon.directory.add(1)
    daemon.directory.add(2, DomainState.PAUSED)
    daemon.publish(started(1))
    program = str(go_program.program("go_libvirt"))
    async with running(program, str(daemon.read_only_socket), "esx:///lab", "2") as lines:
        assert await lines.next() == "ESX esx:///lab"
        assert await lines.next() == "web-1 1 1; web-2 2 3; "
        assert await lines.next() == (
            "true Domain not found: no domain with matching name 'nosuch'"
        )
        assert await lines.next() == "registered"
        daemon.publish(stopped(1), started(1))
        assert await lines.next() == "web-1 5 1"
        assert await lines.next() == "web-1 2 0"
