"""``eventd watch``: print events until somebody or something ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from eventd.cli.lines import Layout
from eventd.cli.terminal import output_descriptor, write_line_patiently
from eventd.client import DomainSnapshot, Item
from eventd.errors import DaemonUnreachable
from eventd.model.record import Cursor, EventRecord

__all__ = ["Ending", "Watched", "watch"]


class Ending(Enum):
    """Why watching came to its end."""

    COUNTED = "as many events as asked for"
    COMPLETE = "all that was asked for"
    TIMED_OUT = "event loop timed out"
    INTERRUPTED = "event loop interrupted"
    READER_GONE = "nobody reads the output"


@dataclass(frozen=True, slots=True)
class Watched:
    """What came of watching."""

    received: int
    """The number of events that were printed."""
    ending: Ending


async def watch(
    stream: AsyncIterator[Item],
    *,
    layout: Layout,
    count: int | None = None,
    timeout: float | None = None,
    is_finite: bool = False,
    note: Callable[[Cursor], None] | None = None,
) -> Watched:
    """Print what the stream carries until one of the `Ending`s.

    Only events are counted, and only those that have a line. A reader that does not read holds
    the printing up, but not its end. ``note`` is called with the cursor of each item that is dealt
    with, after its line was written. Raises what the stream and ``note`` raise.

    Raises:
        DaemonUnreachable: the stream ended before that, and is not ``is_finite``.
        EventdError: the output cannot be written.
    """
    printing = _Printing(layout, count, is_finite=is_finite, note=note)
    deadline = asyncio.timeout(timeout)
    interruption = _Interruption(deadline)
    try:
        async with deadline:
            with interruption.possible():
                ending = await printing.print_all(stream)
    except TimeoutError:
        if not deadline.expired():
            raise
        ending = interruption.ending or Ending.TIMED_OUT
    return Watched(printing.received, ending)


class _Printing:
    """Prints and counts, so that the count survives whatever stops the printing."""

    def __init__(
        self,
        layout: Layout,
        count: int | None,
        *,
        is_finite: bool,
        note: Callable[[Cursor], None] | None,
    ) -> None:
        self._layout = layout
        self._count = count
        self._is_finite = is_finite
        self._note = note
        self.received = 0

    async def print_all(self, stream: AsyncIterator[Item]) -> Ending:
        async for item in stream:
            line = self._layout(item)
            if line is not None:
                try:
                    await write_line_patiently(line)
                except BrokenPipeError:
                    return Ending.READER_GONE
                self.received += isinstance(item, EventRecord)
            # In the turn in which the line has gone out: no signal comes in between.
            if self._note is not None and not isinstance(item, DomainSnapshot):
                self._note(item.cursor)
            if line is not None and self.received == self._count:
                return Ending.COUNTED
        if self._is_finite:
            return Ending.COMPLETE
        raise DaemonUnreachable("the daemon ended the stream; it may have been stopped")


class _Interruption:
    """Brings a deadline to now when a signal comes, or when the reader of our output goes."""

    def __init__(self, deadline: asyncio.Timeout) -> None:
        self._deadline = deadline
        self.ending: Ending | None = None
        """Why, or None if there was no interruption."""

    @contextmanager
    def possible(self) -> Iterator[None]:
        """Let the deadline, which must be running, be interrupted in here."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        pipe = _output_pipe()
        for each in signals:
            loop.add_signal_handler(each, self._interrupt, Ending.INTERRUPTED)
        if pipe is not None:
            # Nothing can be read from this end; poll(2) reports it when the other end is closed.
            loop.add_reader(pipe, self._interrupt, Ending.READER_GONE)
        try:
            yield
        finally:
            for each in signals:
                loop.remove_signal_handler(each)
            if pipe is not None:
                loop.remove_reader(pipe)

    def _interrupt(self, ending: Ending) -> None:
        if not self._deadline.expired():
            self.ending = ending
            self._deadline.reschedule(asyncio.get_running_loop().time())


def _output_pipe() -> int | None:
    """Return the file descriptor of the output if it is a pipe."""
    descriptor = output_descriptor()
    if descriptor is None:
        return None
    return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None
