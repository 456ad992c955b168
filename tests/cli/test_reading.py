"""The commands that ask a daemon, each in a process of its own as its users start it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from eventd.metrics import REGISTRY
from eventd.model.configuration import DomainConfiguration
from eventd.model.domain import ConnectionState, DomainState
from eventd.model.events import TaskQueued
from eventd.model.evidence import Cause, Evidence
from eventd.model.questions import PendingQuestion
from tests.cli.commands import line_of, outcome, running
from tests.http_api.fake_daemon import (
    NOW,
    Daemon,
    domain_of,
    serving,
    started,
    stopped,
    uuid_of,
)

STARTED = "event 'lifecycle' for domain 'web-1': Started Booted\n"


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with serving(tmp_path) as served:
        served.directory.add(1)
        served.directory.add(2, DomainState.SHUTOFF)
        served.directory.connect("lab", ConnectionState.DISCONNECTED, "nobody answered")
        yield served


async def until_subscribed() -> None:
    """Wait until the command, which is another process, has its stream."""
    while not REGISTRY.get_sample_value("eventd_subscribers"):  # noqa: ASYNC110 # nobody tells
        await asyncio.sleep(0.01)


async def test_watching_as_virsh_is_virsh_byte_for_byte(daemon: Daemon) -> None:
    """Lines, trailer and exit code are those of `virsh event --loop`."""
    async with running(daemon.read_only_socket, "watch", "-o", "virsh", "--count", "2") as process:
        await until_subscribed()
        daemon.publish(started(1), stopped(2))

        assert await outcome(process) == (
            0,
            f"{STARTED}event 'lifecycle' for domain 'web-2': Stopped Destroyed\n"
            "events received: 2\n\n",
            "",
        )


async def test_time_without_events_is_a_failure(daemon: Daemon) -> None:
    """As `virsh event --timeout` has it."""
    arguments = ("watch", "-o", "virsh", "--timeout", "0.01")
    async with running(daemon.read_only_socket, *arguments) as process:
        assert await outcome(process) == (1, "event loop timed out\nevents received: 0\n\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interruption_is_an_end_in_order(daemon: Daemon, number: signal.Signals) -> None:
    """The trailer is still printed, and one event was enough for success."""
    async with running(daemon.read_only_socket, "watch", "-o", "virsh") as process:
        await until_subscribed()
        daemon.publish(started(1))
        first = await line_of(process)
        process.send_signal(number)
        code, rest, errors = await outcome(process)

    assert (code, first + rest, errors) == (
        0,
        f"{STARTED}event loop interrupted\nevents received: 1\n\n",
        "",
    )


async def test_a_line_is_there_at_once_through_a_pipe(daemon: Daemon) -> None:
    """Each is flushed, so that whoever reads it can act on it; the state comes first."""
    arguments = ("watch", "--snapshot", "--domain", "web-1")
    async with running(daemon.read_only_socket, *arguments) as process:
        present = await line_of(process)
        daemon.publish(started(2), started(1))
        event = await line_of(process)

    assert present.endswith("Z  lab       web-1         is         running    on esx01\n")
    assert event == (
        "2026-11-20 12:00:00.000Z  lab       web-1         started    booted     on esx01\n"
    )


async def test_watching_ends_when_its_reader_goes(daemon: Daemon) -> None:
    """`eventd watch | head -1` ends with head, and not with some later event."""
    async with running(daemon.read_only_socket, "watch", "--snapshot") as process:
        await line_of(process)
        await line_of(process)
        daemon.publish(started(1))
        await line_of(process)
        process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]

        code = await process.wait()
        assert process.stderr is not None
        errors = await process.stderr.read()

    assert (code, errors) == (0, b"")


async def test_json_lines_are_what_the_daemon_sends(daemon: Daemon) -> None:
    """The CloudEvents, unchanged, and the control records of the snapshot with them."""
    arguments = ("watch", "-o", "json", "--snapshot", "--count", "1")
    async with running(daemon.read_only_socket, *arguments) as process:
        present = [json.loads(await line_of(process)) for _ in range(3)]
        (record,) = daemon.publish(started(1))
        code, rest, errors = await outcome(process)

    assert [each["type"] for each in present] == [
        "eventd.domain.snapshot.v1",
        "eventd.domain.snapshot.v1",
        "eventd.stream.snapshot-end.v1",
    ]
    assert (code, rest, errors) == (0, f"{record.json.decode()}\n", "")


async def test_all_filters_reach_the_daemon(daemon: Daemon) -> None:
    """Values of the same filter are alternatives, different filters must all match."""
    filters = "--domain=web-1 --domain=web-2 --connection=lab --host=esx01 --event=lifecycle"
    arguments = (*filters.split(), "--type=stopped", "--reason=destroyed", "--count=1")
    async with running(daemon.read_only_socket, "watch", "-o", "virsh", *arguments) as process:
        await until_subscribed()
        daemon.publish(started(1), stopped(3), stopped(2))
        code, output, _ = await outcome(process)

    assert code == 0
    assert output.startswith("event 'lifecycle' for domain 'web-2': Stopped Destroyed\n")


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [((), ["lifecycle"]), (("--event=task", "--event=lifecycle"), ["task", "lifecycle"])],
)
async def test_tasks_are_watched_on_demand(
    daemon: Daemon, arguments: tuple[str, ...], kinds: list[str]
) -> None:
    """Their progress would bury what comes of them."""
    count = f"--count={len(kinds)}"
    async with running(
        daemon.read_only_socket, "watch", "-o", "json", count, *arguments
    ) as process:
        await until_subscribed()
        daemon.publish(
            TaskQueued(
                occurred_at=NOW,
                source="esx://esx01.example/",
                domain=domain_of(1),
                evidence=Evidence(cause=Cause.TASK),
            ),
            started(1),
        )
        _, output, _ = await outcome(process)

    types = [json.loads(line)["type"] for line in output.splitlines()]
    assert [each.split(".")[2] for each in types] == kinds


async def test_a_filter_that_makes_no_sense_is_refused(daemon: Daemon) -> None:
    """In the daemon's words, which list what there is."""
    async with running(daemon.read_only_socket, "watch", "--type", "nope") as process:
        code, output, errors = await outcome(process)

    assert (code, output) == (1, "")
    assert errors.startswith("error: ")
    assert "nope" in errors
    assert "started" in errors


async def test_the_end_of_the_daemon_is_told(tmp_path: Path) -> None:
    """Silence would look like a quiet host."""
    async with AsyncExitStack() as daemons:
        daemon = await daemons.enter_async_context(serving(tmp_path))
        async with running(daemon.read_only_socket, "watch") as process:
            await until_subscribed()
            daemon.publish(started(1))
            await line_of(process)
            await daemons.aclose()
            code, _, errors = await outcome(process)

    assert code == 1
    assert errors == (
        f"error: the daemon at {daemon.read_only_socket} ended the stream; it may have been "
        "stopped\nhint: follow again when it is back\n"
    )


@pytest.mark.parametrize(
    "command", ["watch --snapshot", "domains", "connections", "questions", "domain config web-1"]
)
async def test_a_full_disk_is_a_sentence(daemon: Daemon, command: str) -> None:
    """Nothing else is said, and nothing is left open that Python would complain of."""
    daemon.operator.configure(1)
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        f"exec {sys.executable} -m eventd {command} > /dev/full",
        stderr=PIPE,
        env=os.environ | {"EVENTD_SOCKET": str(daemon.read_only_socket)},
    )
    _, errors = await process.communicate()

    assert process.returncode == 1
    assert errors == b"error: cannot write the output: No space left on device\n"


async def test_domains_are_columns_or_json(daemon: Daemon) -> None:
    """The JSON is that of `GET /v1/domains`, one domain on each line."""
    async with running(daemon.read_only_socket, "domains", "--domain", "web-2") as process:
        assert await outcome(process) == (
            0,
            "ID  NAME   STATE     CONNECTION  HOST   UUID\n"
            f"2   web-2  shut off  lab         esx01  {uuid_of(2)}\n",
            "",
        )
    async with running(daemon.read_only_socket, "domains", "-o", "json") as process:
        _, output, _ = await outcome(process)

    first, second = map(json.loads, output.splitlines())
    assert (first["domain"]["name"], first["state"], first["state_name"]) == ("web-1", 1, "running")
    assert second["domain"]["uuid"] == uuid_of(2)


async def test_questions_are_columns_or_json(daemon: Daemon) -> None:
    """On one line each, with the choices; nothing pending is a header, or nothing."""
    socket = daemon.read_only_socket
    header = "ID  DOMAIN  CONNECTION  SINCE  QUESTION  CHOICES\n"
    async with running(socket, "questions") as process:
        assert await outcome(process) == (0, header, "")
    async with running(socket, "questions", "-o", "json") as process:
        assert await outcome(process) == (0, "", "")
    daemon.operator.ask(1)
    pending = daemon.operator.ask(2)

    filters = ("--domain", "web-2", "--connection", "lab", "--host", "esx01")
    async with running(socket, "questions", *filters) as process:
        code, output, _ = await outcome(process)
    async with running(socket, "questions", *filters, "-o", "json") as process:
        _, as_json, _ = await outcome(process)

    assert code == 0
    assert output.splitlines()[1:] == [
        "q-2  web-2   lab         2026-11-20 12:00:00Z  The file exists. Replace it?  "
        "0 = Replace, 1 = Append (default)"
    ]
    assert PendingQuestion.model_validate_json(as_json) == pending


async def test_a_configuration_is_lines_or_json(daemon: Daemon) -> None:
    """The read-only socket has no secrets, the other one has all."""
    known = daemon.operator.configure(1, **{"RemoteDisplay.vnc.password": "secret", "a": "1"})
    command = ("domain", "config", "web-1", "--connection", "lab")
    async with running(daemon.read_only_socket, *command) as process:
        assert await outcome(process) == (
            0,
            "# [ds1] web-1/web-1.vmx\n# name: web-1\n# annotation: Shop\n"
            '# annotation: of the house\ndisplayName = "web-1"\na = "1"\n'
            "# left out on the read-only socket: RemoteDisplay.vnc.password\n",
            "",
        )
    async with running(daemon.socket, *command, "-o", "json") as process:
        code, output, _ = await outcome(process)

    assert code == 0
    assert DomainConfiguration.model_validate_json(output) == known


async def test_connections_are_columns_or_json(daemon: Daemon) -> None:
    """With the reason why one is not in sync."""
    async with running(daemon.read_only_socket, "connections") as process:
        code, output, _ = await outcome(process)
    async with running(daemon.read_only_socket, "connections", "-o", "json") as process:
        _, as_json, _ = await outcome(process)

    assert code == 0
    assert output.splitlines()[1].split(maxsplit=2)[:2] == ["lab", "disconnected"]
    assert output.endswith("nobody answered\n")
    assert json.loads(as_json)["error"] == "nobody answered"
