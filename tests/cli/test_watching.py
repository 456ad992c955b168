"""What ends the watching of events, and what is printed until then."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventd.cli.lines import layout
from eventd.cli.terminal import is_output_taken
from eventd.cli.watching import Ending, Watched, watch
from eventd.cli.words import Output
from eventd.client import DomainSnapshot, Item, SnapshotEnd
from eventd.errors import DaemonError, DaemonUnreachable, EventdError
from eventd.model.domain import Domain, DomainState, DomainStatus
from eventd.model.events import ConnectionConnected, DomainStarted, Event
from eventd.model.evidence import Cause, Evidence
from eventd.model.lifecycle import StartedDetail
from eventd.model.record import Cursor, EventRecord

AT = datetime(2026, 11, 20, 11, 51, 59, tzinfo=UTC)
SOURCE = "esx://esx01.example/"
WEB01 = Domain(connection="esx01", reference="vm-1", uuid="u-1", name="web01", id=1)
PIPE_SIZE = 4096
STATE = DomainSnapshot(DomainStatus(domain=WEB01, state=DomainState.RUNNING), b'{"a":1}')
STATE_END = SnapshotEnd(Cursor("e", 1), 1, b'{"b":2}')
VIRSH = layout(Output.VIRSH)
LINE = "event 'lifecycle' for domain 'web01': Started Booted\n"


def record(event: Event) -> EventRecord:
    return EventRecord.of(event, cursor=Cursor("e", 1), recorded_at=AT)


STARTED = record(
    DomainStarted(
        occurred_at=AT,
        source=SOURCE,
        domain=WEB01,
        evidence=Evidence(cause=Cause.STATE),
        detail=StartedDetail.BOOTED,
    )
)
CONNECTED = record(
    ConnectionConnected(occurred_at=AT, source=SOURCE, connection="esx01", domains=1)
)


async def stream(*items: Item, ends: bool = False) -> AsyncIterator[Item]:
    """Carry the items, then nothing more for ever, or end."""
    for item in items:
        yield item
    if not ends:
        await asyncio.Event().wait()


async def test_it_ends_when_enough_events_were_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The event after the last one is not even looked at."""
    watched = await watch(stream(STARTED, STARTED, STARTED), layout=VIRSH, count=2)

    assert watched == Watched(2, Ending.COUNTED)
    assert capsys.readouterr().out == LINE * 2


async def test_it_ends_when_the_time_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    """What came before is printed and counted."""
    watched = await watch(stream(STARTED), layout=VIRSH, timeout=0.001)

    assert watched == Watched(1, Ending.TIMED_OUT)
    assert capsys.readouterr().out == LINE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_ends_when_it_is_interrupted(number: signal.Signals) -> None:
    """A service manager and a person at the keyboard are answered alike."""

    async def interrupted() -> AsyncIterator[Item]:
        yield STARTED
        signal.raise_signal(number)
        signal.raise_signal(number)
        await asyncio.Event().wait()

    watched = await watch(interrupted(), layout=VIRSH)

    assert watched == Watched(1, Ending.INTERRUPTED)


async def test_the_end_of_the_stream_is_an_error() -> None:
    """It was to be watched for longer, whether something came or not."""
    for items in ((), (STARTED,)):
        with pytest.raises(DaemonUnreachable, match="it may have been stopped"):
            await watch(stream(*items, ends=True), layout=VIRSH)


async def test_it_passes_on_what_the_stream_raises() -> None:
    """A time limit of the stream is not that of the watching."""

    async def failing(error: Exception) -> AsyncIterator[Item]:
        raise error
        yield

    with pytest.raises(DaemonError, match="bad filter"):
        await watch(failing(DaemonError("bad filter", status=400)), layout=VIRSH)
    with pytest.raises(TimeoutError):
        await watch(failing(TimeoutError()), layout=VIRSH, timeout=60)


@contextmanager
def output_to_pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Make a pipe the output; yields the end that its reader has."""
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    # Closing writes once more what could not be written.
    with (
        suppress(BrokenPipeError),
        os.fdopen(write_end, "w") as output,
        monkeypatch.context() as patch,
    ):
        patch.setattr(sys, "stdout", output)
        yield read_end


async def test_it_ends_at_once_when_the_reader_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`eventd watch | head -1` must not wait for a second event to notice."""
    with output_to_pipe(monkeypatch) as read_end:

        async def read_once() -> AsyncIterator[Item]:
            yield STARTED
            assert os.read(read_end, 4096).decode() == LINE
            os.close(read_end)
            await asyncio.Event().wait()

        watched = await watch(read_once(), layout=VIRSH)

    assert watched == Watched(1, Ending.READER_GONE)


async def test_it_ends_when_nobody_takes_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that nobody could read does not count."""
    with output_to_pipe(monkeypatch) as read_end:
        os.close(read_end)

        watched = await watch(stream(STARTED), layout=VIRSH)

    assert watched == Watched(0, Ending.READER_GONE)


async def test_a_reader_that_does_not_read_does_not_keep_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`eventd watch | less` must still end when its time is over, or when it is told to."""

    async def interrupted() -> AsyncIterator[Item]:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
        yield STARTED

    def more_than_a_pipe_holds(_item: Item) -> str:
        return "x" * PIPE_SIZE

    with output_to_pipe(monkeypatch) as read_end:
        in_time = await watch(stream(STARTED), layout=more_than_a_pipe_holds, timeout=0.001)
        told = await watch(interrupted(), layout=more_than_a_pipe_holds)
        assert not is_output_taken()
        os.close(read_end)

    assert in_time == Watched(0, Ending.TIMED_OUT)
    assert told == Watched(0, Ending.INTERRUPTED)


async def test_a_long_line_comes_through_a_pipe_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """The printing goes on when the reader does."""
    line = "0123456789" * PIPE_SIZE
    with output_to_pipe(monkeypatch) as read_end:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(asyncio.to_thread(read_exactly, read_end, len(line) + 1))
            watched = await watch(stream(STARTED), layout=lambda _: line, count=1)
        os.close(read_end)

    assert watched == Watched(1, Ending.COUNTED)
    assert reading.result() == f"{line}\n"


def read_exactly(descriptor: int, size: int) -> str:
    """Read so many bytes."""
    read = b""
    while len(read) < size:
        read += os.read(descriptor, size - len(read))
    return read.decode()


@contextmanager
def full_output(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a disk without room the output."""
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        yield


async def test_an_output_without_room_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words of the system."""
    with (
        full_output(monkeypatch),
        pytest.raises(EventdError, match="cannot write the output: No space left on device"),
    ):
        await watch(stream(STARTED), layout=VIRSH)


async def test_what_the_form_has_no_line_for_is_not_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """virsh knows neither connections nor present states."""
    watched = await watch(stream(STATE, STATE_END, CONNECTED, STARTED), layout=VIRSH, count=1)

    assert watched.received == 1
    assert capsys.readouterr().out == LINE


async def test_a_present_state_is_printed_but_is_no_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither a count nor the exit code takes it for something that happened."""
    watched = await watch(stream(STATE, STATE_END, STARTED), layout=layout(Output.TEXT), count=1)

    assert watched.received == 1
    present, event = capsys.readouterr().out.splitlines()
    assert present.endswith("Z  esx01     web01         is         running")
    assert "web01         started    booted" in event


@pytest.mark.parametrize("item", [STARTED, STATE, STATE_END])
def test_json_is_the_line_as_it_came(item: Item) -> None:
    """Nothing is added, nothing is lost: it is what curl shows too."""
    assert layout(Output.JSON)(item) == item.json.decode()


def test_json_moves_no_cursor() -> None:
    """C1 is legal in JSON and obeyed by terminals; escaped, it is the same JSON."""
    state = DomainSnapshot(STATE.status, '{"name":"\x9b2J\u202e"}'.encode())

    line = layout(Output.JSON)(state)

    assert line == r'{"name":"\u009b2J\u202e"}'
    assert json.loads(line) == json.loads(state.json)


def test_colour_is_for_people() -> None:
    """It is in the text where it was asked for, and nowhere else."""
    assert "\x1b" in (layout(Output.TEXT, colour=True)(STARTED) or "")
    assert "\x1b" not in (layout(Output.TEXT)(STARTED) or "")
    assert "\x1b" not in (layout(Output.JSON, colour=True)(STARTED) or "")
    assert "\x1b" not in (layout(Output.VIRSH, colour=True)(STARTED) or "")


def test_virsh_lines_are_stamped_on_demand() -> None:
    """With the time of the event, be it long ago."""
    line = layout(Output.VIRSH, is_stamped=True)(STARTED)

    assert f"{line}\n" == f"2026-11-20 11:51:59.000+0000: {LINE}"
