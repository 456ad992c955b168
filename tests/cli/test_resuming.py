"""``eventd watch`` from a time, to an end, and again where it was; each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eventd.cli.cursor_file import CursorFile
from eventd.cli.lines import layout
from eventd.cli.watching import watch
from eventd.cli.words import Output
from eventd.client import Client
from eventd.http_api.stream import Stream
from eventd.model.events import Event
from eventd.model.record import Cursor
from tests.cli.commands import line_of, outcome, running
from tests.cli.test_reading import until_subscribed
from tests.http_api.fake_daemon import NOW, Daemon, serving, started, stopped


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with serving(tmp_path) as served:
        served.clock.now = datetime.now(UTC)
        yield served


def happened(number: int, *, ago: timedelta) -> Event:
    return started(number).model_copy(update={"occurred_at": NOW - ago})


def numbers(output: str) -> list[int]:
    """Return the sequences of JSON lines."""
    return [int(json.loads(text)["sequence"]) for text in output.splitlines()]


async def test_a_history_is_printed_and_the_command_ends(daemon: Daemon) -> None:
    """A history without an event is one too; virsh's exit code is for those that have to come."""
    daemon.record(happened(1, ago=timedelta(hours=2)), happened(2, ago=timedelta()))
    since = (NOW - timedelta(hours=1)).isoformat()
    command = ("watch", "-o", "json", "--no-follow", "--since", since)
    async with running(daemon.read_only_socket, *command) as process:
        code, output, errors = await outcome(process)
    assert (code, numbers(output), errors) == (0, [2], "")
    async with running(daemon.read_only_socket, *command, "--until", NOW.isoformat()) as process:
        assert await outcome(process) == (0, "", "")


async def test_all_that_is_recorded_is_printed_as_virsh_would(daemon: Daemon) -> None:
    """Also without a beginning: it is that of the journal."""
    daemon.record(started(1))
    command = ("watch", "-o", "virsh", "--no-follow")
    async with running(daemon.read_only_socket, *command) as process:
        code, output, _ = await outcome(process)
    line = "event 'lifecycle' for domain 'web-1': Started Booted\n"
    assert (code, output) == (0, f"{line}events received: 1\n\n")


async def test_a_cursor_is_where_it_begins(daemon: Daemon) -> None:
    """That of a record, as JSON has it."""
    daemon.record(started(1), stopped(1))
    command = ("watch", "-o", "json", "--after", "e1-1", "--count", "1")
    async with running(daemon.read_only_socket, *command) as process:
        code, output, _ = await outcome(process)
    assert (code, numbers(output)) == (0, [2])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--since", "10"), "--since takes 10m, 1h30m or 2d"),
        (("--until", "soon"), "--until takes 10m, 1h30m or 2d"),
        (("--since", "1h", "--after", "e1-0"), "exclude each other"),
        (("--after", "nonsense"), "is not a cursor"),
        (("--cursor-file", "/"), "is a directory"),
    ],
)
async def test_what_cannot_be_is_a_sentence(
    daemon: Daemon, options: tuple[str, ...], words: str
) -> None:
    """And the command ends, with a cursor file too."""
    async with running(daemon.read_only_socket, "watch", *options) as process:
        code, output, errors = await outcome(process)
    assert (code, output) == (1, "")
    assert words in errors
    assert errors.startswith("error: ")


async def test_a_reader_that_is_killed_goes_on_where_it_was(daemon: Daemon, tmp_path: Path) -> None:
    """With SIGKILL, which nobody can do anything about: nothing is missed or doubled here."""
    file = tmp_path / "cursor"
    command = ("watch", "-o", "json", "--cursor-file", str(file))
    async with running(daemon.read_only_socket, *command) as process:
        await until_subscribed()
        daemon.publish(started(1))
        first = await line_of(process)
        while file.read_text() != "e1-1\n":  # noqa: ASYNC110  # the file tells nobody
            await asyncio.sleep(0.01)
        process.kill()
        await process.wait()
    daemon.publish(stopped(1), started(2))
    async with running(daemon.read_only_socket, *command, "--count", "2") as process:
        code, output, errors = await outcome(process)
    assert (code, numbers(first + output), errors) == (0, [1, 2, 3], "")
    assert file.read_text() == "e1-3\n"


async def test_a_reader_that_is_killed_before_anything_came_misses_nothing(
    daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it began is in the file from the beginning, and not only with the first heartbeat."""
    monkeypatch.setattr(Stream, "_beat", lambda *_: None)
    daemon.record(started(1))
    file = tmp_path / "cursor"
    command = ("watch", "-o", "json", "--cursor-file", str(file))
    async with running(daemon.read_only_socket, *command) as process:
        await until_subscribed()
        while not file.exists():  # noqa: ASYNC110  # the file tells nobody
            await asyncio.sleep(0.01)
        process.kill()
        await process.wait()
    assert file.read_text() == "e1-1\n"
    daemon.publish(stopped(1))
    async with running(daemon.read_only_socket, *command, "--count", "1") as process:
        code, output, _ = await outcome(process)
    assert (code, numbers(output)) == (0, [2])


@pytest.mark.parametrize(
    ("before", "flags", "between"),
    [
        ('{"cut":', os.O_APPEND, "\n"),
        ('{"whole":1}\n', os.O_APPEND, ""),
        ("", os.O_APPEND, ""),
        ('{"cut":', os.O_TRUNC, None),
    ],
)
async def test_a_line_that_was_cut_takes_no_other_with_it(
    daemon: Daemon, tmp_path: Path, before: str, flags: int, between: str | None
) -> None:
    """A full disk or a kill leaves a part of a line; the record is told again behind it."""
    daemon.record(started(1))
    output, file = tmp_path / "output", tmp_path / "cursor"
    output.write_text(before)
    command = ("watch", "-o", "json", "--no-follow", "--cursor-file", str(file))
    descriptor = os.open(output, os.O_WRONLY | flags)
    async with running(daemon.read_only_socket, *command, output_to=descriptor) as process:
        os.close(descriptor)
        code, _, errors = await outcome(process)
    assert (code, errors) == (0, "")
    text = output.read_text()
    kept = "" if between is None else before + between
    assert text.startswith(kept)
    assert numbers(text.removeprefix(kept)) == [1]


async def test_the_file_comes_before_the_other_beginnings(daemon: Daemon, tmp_path: Path) -> None:
    """The same command line begins with the history, and goes on later."""
    file = tmp_path / "cursor"
    daemon.record(started(1), started(2))
    begin = ("--since", (NOW - timedelta(hours=1)).isoformat())
    command = ("watch", "-o", "json", "--no-follow", "--cursor-file", str(file), *begin)
    for expected in ([1, 2], [3]):
        async with running(daemon.read_only_socket, *command) as process:
            code, output, _ = await outcome(process)
        assert (code, numbers(output)) == (0, expected)
        daemon.record(started(3))


async def test_the_daemon_is_waited_for_and_its_absence_told_once(tmp_path: Path) -> None:
    """A service may start before eventd, and outlives it; a gap is a line of its own."""
    file = tmp_path / "cursor"
    socket = tmp_path / "eventd-ro.sock"
    async with AsyncExitStack() as stack:
        process = await stack.enter_async_context(
            running(socket, "watch", "-o", "json", "--cursor-file", str(file))
        )
        assert process.stderr is not None
        missing = (await process.stderr.readline()).decode()
        assert missing.startswith(f"warning: there is no socket at {socket}")
        assert missing.endswith("; waiting for it\n")
        async with serving(tmp_path, epoch="e1") as daemon:
            await until_subscribed()
            daemon.publish(started(1))
            assert numbers(await line_of(process)) == [1]
        assert b"ended the stream" in await process.stderr.readline()
        async with serving(tmp_path, epoch="e2") as daemon:
            daemon.record(stopped(1))
            gap = json.loads(await line_of(process))
            assert gap["data"]["reason"] == "other-journal"
            assert json.loads(await line_of(process))["cursor"] == "e2-1"
            process.send_signal(signal.SIGTERM)
            code, _, errors = await outcome(process)
    assert (code, errors) == (0, "")
    assert file.read_text() == "e2-1\n"


async def test_a_gap_is_an_error_or_is_told_in_each_form(tmp_path: Path) -> None:
    """On the lines of virsh, which has no word for it, stands nothing else."""
    async with serving(tmp_path, capacity=2) as daemon:
        daemon.record(started(1), started(2), started(3))
        words = "the journal no longer has all that follows the cursor e1-0; 1 record is lost"
        command = ("watch", "--after", "e1-0", "--count", "2")
        async with running(daemon.read_only_socket, *command) as process:
            code, output, errors = await outcome(process)
        assert (code, output) == (1, "")
        assert errors.startswith("error: the journal cannot be read after e1-0")
        goes_on = (*command, "--on-gap", "event")
        async with running(daemon.read_only_socket, *goes_on) as process:
            code, output, errors = await outcome(process)
        assert (code, errors, len(output.splitlines())) == (0, "", 3)
        assert f"gap        expired    {words}" in output.splitlines()[0]
        async with running(daemon.read_only_socket, *goes_on, "-o", "virsh") as process:
            code, output, errors = await outcome(process)
        assert (code, output.count("event 'lifecycle'")) == (0, 2)
        assert errors.startswith(f"warning: {words}")


async def test_a_time_that_is_not_all_held_is_told_before_what_is(tmp_path: Path) -> None:
    """The last hour is taken for the last hour, unless somebody says that it is not."""
    async with serving(tmp_path, capacity=2) as daemon:
        daemon.record(started(1), started(2), started(3))
        since = (NOW - timedelta(hours=1)).isoformat()
        command = ("watch", "--no-follow", "--since", since)
        words = "the journal begins at 2026-11-20 12:00:00Z; it has forgotten records"
        async with running(daemon.read_only_socket, *command) as process:
            code, output, errors = await outcome(process)
        assert (code, errors, len(output.splitlines())) == (0, "", 3)
        assert f"gap        forgotten  {words}" in output.splitlines()[0]
        async with running(daemon.read_only_socket, *command, "-o", "virsh") as process:
            code, output, errors = await outcome(process)
        assert (code, output.count("event 'lifecycle'")) == (0, 2)
        assert errors.startswith(f"warning: {words}")
        async with running(daemon.read_only_socket, *command, "--on-gap", "error") as process:
            code, output, errors = await outcome(process)
        assert (code, output) == (1, "")
        assert errors.startswith(f"error: {words}")


async def test_a_heartbeat_moves_the_cursor_of_a_reader_that_filters(
    daemon: Daemon, tmp_path: Path
) -> None:
    """Else what it does not want would push it out of the journal."""
    file = CursorFile(tmp_path / "cursor")
    async with Client(daemon.socket) as client, asyncio.TaskGroup() as tasks:
        stream = client.events(type="stopped", heartbeat=0.01)
        watching = tasks.create_task(
            watch(stream, layout=layout(Output.JSON), count=1, note=file.write)
        )
        while not daemon.api._streams._streams:  # noqa: ASYNC110  # nobody is told
            await asyncio.sleep(0)
        daemon.publish(started(1))
        while file._cursor != Cursor("e1", 1):  # noqa: ASYNC110  # as above
            await asyncio.sleep(0)
        daemon.publish(stopped(1))
        assert (await watching).received == 1
    assert (tmp_path / "cursor").read_text() == "e1-2\n"
