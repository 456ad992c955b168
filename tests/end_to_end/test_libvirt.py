"""libvirt's own virsh tells what is done to the domains of a host that nobody here wrote."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from eventd.model.ids import EventId
from tests.end_to_end.processes import EVENTD, STOP_LIMIT, Daemon

if TYPE_CHECKING:
    from pyVmomi import vim

    from tests.conftest import Connect, StartVcsim
    from tests.peers.operations import Operations
    from tests.peers.vcsim_process import Model

pytestmark = [
    pytest.mark.pyvmomi,
    pytest.mark.vcsim,
    pytest.mark.virsh,
    pytest.mark.timeout(180),
]

KINDS = [event_id.kind for event_id in EventId]

PROBE = "probe"

_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+0000: (?=event)")


@contextmanager
def lines_of(command: Sequence[str]) -> Iterator[Iterator[str]]:
    """Run a program that prints until it is stopped; yield its lines, without empty ones."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield (line.rstrip("\n") for line in process.stdout if line.strip())
    finally:
        process.terminate()
        process.communicate(timeout=STOP_LIMIT)


def until(lines: Iterator[str], last: str) -> list[str]:
    """Return the lines up to one that is the last."""
    found = []
    for line in lines:
        found.append(line)
        if line == last:
            break
    return found


def rename_until_told(client: Operations, domain: vim.VirtualMachine, lines: Iterator[str]) -> None:
    """Rename a domain until the program whose lines these are tells of it.

    A client of libvirt's may lose what comes right after its registration.
    """
    told = Event()

    def wait() -> None:
        next(lines)
        told.set()

    waiting = Thread(target=wait)
    waiting.start()
    for number in count():
        client.rename(domain, f"{PROBE}{number}")
        if told.wait(0.2):
            break
    waiting.join()


@pytest.mark.parametrize("model", ["vpx", "esx"])
def test_virsh_shows_each_change_with_the_detail_that_eventd_shows(
    model: Model,
    vcsim: StartVcsim,
    connect: Connect,
    operations: type[Operations],
    tmp_path: Path,
) -> None:
    """``virsh event --all --loop --timestamp`` on the socket, beside ``eventd watch -o virsh``."""
    virsh = shutil.which("virsh")
    assert virsh is not None
    host = vcsim(model, domains=4)
    client = operations(connect(host.host, host.port, host.user, host.password))
    first, second, third, probe = (domain for _, domain in sorted(client.domains().items()))
    first_name, third_name = first.name, third.name
    with Daemon(tmp_path, {model: (host.connection_uri, host.password)}) as daemon:
        daemon.wait_until_connected()
        uri = f"esx+unix:///{model}?socket={daemon.socket.with_name('libvirt-sock-ro')}"
        command = [virsh, "-r", "-c", uri, "event", "--all", "--loop", "--timestamp"]
        with lines_of(command) as stamped:
            lines = (_STAMP.sub("", line) for line in stamped)
            rename_until_told(client, probe, lines)

            client.power_off(first)
            client.power_on(first)
            client.suspend(first)
            client.power_on(first)
            client.reset(first)
            client.rename(first, "web%2f99")
            client.create_snapshot(first, "before")
            client.power_off(second)
            client.unregister(second)
            client.power_off(third)
            client.destroy(third)
            last = f"event 'lifecycle' for domain '{third_name}': Undefined Removed"

            by_virsh = until(lines, last)
        watch = [*EVENTD, "watch", "--socket", str(daemon.socket), "-o", "virsh"]
        history = [*watch, "--since", "1h", "--no-follow", *(f"--event={each}" for each in KINDS)]
        with lines_of(history) as told:
            by_eventd = until(told, last)
    begin = by_eventd.index(f"event 'lifecycle' for domain '{first_name}': Stopped Destroyed")
    assert kept(by_virsh) == kept(by_eventd[begin:])
    assert "event 'lifecycle' for domain 'web/99': Defined Renamed" in by_virsh


def kept(lines: Sequence[str]) -> list[str]:
    """Return the lines without those that tell of the domain by which virsh was tried."""
    return [line for line in lines if PROBE not in line]
