"""A question in the way of a start, as its users meet it: the commands, typed into a shell."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.processes import EVENTD, Daemon, Reader, Simulator

QUESTION = "msg.serial.file.open:Serial port output file exists. Replace or append?"
CHOICES = ["choice: 0 = Replace", "choice: 1 = Append (default)", "choice: 2 = Cancel"]


def run(daemon: Daemon, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of eventd's with the read-write socket of the daemon."""
    socket = daemon.socket.with_name("eventd.sock")
    return subprocess.run(
        [*EVENTD, *command, "--socket", str(socket)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.fixture
def host() -> Simulator:
    return Simulator("esx", domains=2, asks=("web01",))


def daemon_of(host: Simulator, directory: Path, *, auto_answer: int) -> Daemon:
    uri = f"{host.connection_uri}&auto_answer={auto_answer}"
    return Daemon(directory, {"esx01": (uri, host.password)}, operations=True)


def test_a_start_that_is_blocked_says_what_is_asked_and_goes_on_when_that_is_answered(
    host: Simulator, tmp_path: Path
) -> None:
    """The error has the question and its choices, and a second start is refused like the first."""
    with host, daemon_of(host, tmp_path, auto_answer=0) as daemon:
        daemon.wait_until_connected()
        first = run(daemon, "domain", "start", "web01")
        second = run(daemon, "domain", "start", "web01")
        listed = run(daemon, "questions", "-o", "json")
        answered = run(daemon, "answer", "web01", "append")
        destroyed = run(daemon, "domain", "destroy", "web01")

    for refused in (first, second):
        assert refused.returncode == 1
        assert refused.stderr.splitlines()[:5] == [
            "error: Failed to start domain 'web01'",
            f'error: a question is in the way: "{QUESTION}"',
            *CHOICES,
        ]
    assert "was left behind" in first.stderr
    assert "nothing was begun" in second.stderr
    [pending] = [json.loads(line) for line in listed.stdout.splitlines()]
    assert pending["question"]["text"] == QUESTION
    assert pending["task"]["description_id"] == "VirtualMachine.powerOn"
    assert (answered.returncode, answered.stderr) == (0, "")
    assert answered.stdout == "Question of domain 'web01' answered with 'Append'\n"
    assert destroyed.stdout == "Domain 'web01' destroyed\n"


def test_a_start_that_is_blocked_is_answered_where_the_uri_says_so(
    host: Simulator, tmp_path: Path
) -> None:
    """And all of it is told."""
    with host, daemon_of(host, tmp_path, auto_answer=1) as daemon:
        daemon.wait_until_connected()
        with Reader.watch(daemon) as watch:
            watch.read_snapshot(domains=2)
            started = run(daemon, "domain", "start", "web01")
            events = watch.read_events(3)

    assert (started.returncode, started.stderr) == (0, "")
    assert "Domain 'web01' started" in started.stdout
    assert "Append" in started.stdout
    assert [event["data"]["event_name"] for event in events] == ["raised", "answered", "started"]
    assert events[1]["data"]["rule"] == "auto-answer"
    assert events[1]["data"]["choice"] == {"key": "1", "label": "Append"}


def test_a_second_start_gives_the_answer_and_is_refused_all_the_same(
    host: Simulator, tmp_path: Path
) -> None:
    """Somebody else's start is blocked: what it wanted comes true, and nothing else is begun."""
    with host, daemon_of(host, tmp_path, auto_answer=0) as careful:
        careful.wait_until_connected()
        blocked = run(careful, "domain", "start", "web01")
        other = tmp_path / "other"
        other.mkdir()
        with daemon_of(host, other, auto_answer=1) as bold, Reader.watch(careful) as watch:
            bold.wait_until_connected()
            watch.read_snapshot(domains=2)
            second = run(bold, "domain", "start", "web01")
            cleared, started = watch.read_events(2)

    assert blocked.returncode == 1
    assert second.returncode == 1
    assert second.stderr.splitlines()[:2] == [
        "error: Failed to start domain 'web01'",
        "error: Other tasks are pending for this domain",
    ]
    assert "was answered with 'Append'" in second.stderr
    assert (cleared["data"]["event_name"], cleared["data"]["reason"]) == ("cleared", "elsewhere")
    assert started["data"]["event_name"] == "started"


def test_operations_are_off_unless_the_configuration_says_otherwise(
    host: Simulator, tmp_path: Path
) -> None:
    """Whoever follows a host does not expect to change it; questions are another matter."""
    with host, Daemon(tmp_path, {"esx01": (host.connection_uri, host.password)}) as daemon:
        daemon.wait_until_connected()
        refused = run(daemon, "domain", "start", "db01")
        nothing = run(daemon, "questions")

    assert refused.returncode == 1
    assert "operations on domains are turned off" in refused.stderr
    assert "operations = true" in refused.stderr
    assert nothing.returncode == 0
