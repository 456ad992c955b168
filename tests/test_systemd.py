"""What systemd hears, over a real socket as systemd has it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from eventd.systemd import Notifier


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end: a datagram socket, in the file system or abstract."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        path = str(tmp_path / "notify")
        listener.bind(path if request.param == "path" else f"\0{path}")
        listener.settimeout(5)
        yield listener


@pytest.fixture
def notifier(systemd: socket.socket) -> Notifier:
    """The notifier of a service that systemd started with this socket."""
    name = systemd.getsockname()
    address = name if isinstance(name, str) else "@" + name[1:].decode()
    return Notifier.from_environment({"NOTIFY_SOCKET": address})


def test_each_call_is_one_datagram(notifier: Notifier, systemd: socket.socket) -> None:
    """A datagram has one assignment on each line, as sd_notify(3) sends it."""
    notifier.ready("following 2 connections")
    notifier.status("esx01 is lost")
    notifier.alive()
    notifier.stopping("stopped by SIGTERM")

    assert [systemd.recv(4096) for _ in range(4)] == [
        b"READY=1\nSTATUS=following 2 connections",
        b"STATUS=esx01 is lost",
        b"WATCHDOG=1",
        b"STOPPING=1\nSTATUS=stopped by SIGTERM",
    ]


def test_a_status_cannot_begin_another_assignment(
    notifier: Notifier, systemd: socket.socket
) -> None:
    """A host's sentence may have line ends; they become spaces."""
    notifier.status("lost:\nREADY=1\r\nx")

    assert systemd.recv(4096) == b"STATUS=lost: READY=1 x"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:3"}])
def test_without_systemd_nothing_is_said(environment: dict[str, str]) -> None:
    """A daemon that was started by hand has nobody to tell."""
    notifier = Notifier.from_environment(environment)

    assert notifier.address is None
    with capture_logs() as logs:
        notifier.ready("well")
        notifier.alive()
    assert logs == []


def test_a_socket_that_is_gone_is_a_warning(tmp_path: Path) -> None:
    """The events of the hosts matter more than what systemd thinks."""
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": str(tmp_path / "gone")})

    with capture_logs() as logs:
        notifier.ready("well")

    (entry,) = logs
    assert entry["log_level"] == "warning"
    assert "No such file" in entry["error"]


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time(
    environment: dict[str, str], interval: float | None
) -> None:
    """It counts only for the process that systemd means, and not at all without a time."""
    assert Notifier.from_environment(environment).watchdog_interval == interval
