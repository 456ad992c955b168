"""What the command does to its terminal: lines out at once, colours only for people."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import select
import stat
import sys
from typing import TYPE_CHECKING, TextIO

from eventd.errors import EventdError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventd.logs import Level

__all__ = [
    "abandon_output",
    "end_cut_line",
    "is_output_taken",
    "log_to_errors",
    "output_descriptor",
    "prepare",
    "sync_output",
    "wants_colour",
    "write_error",
    "write_line",
    "write_line_patiently",
]


def prepare() -> None:
    """Make the streams take any text: what a terminal cannot show is escaped, not refused.

    A stream that is closed (``>&-``) is None for Python, and the next socket would get its
    descriptor. The output then refuses what is written, as a closed one does, and errors are lost.
    """
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def wants_colour(stream: TextIO) -> bool:
    """Say whether the stream leads to a person who has not set ``NO_COLOR`` (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write_line(line: str) -> None:
    """Write a line so that a reader has it now, also through a pipe.

    Raises:
        BrokenPipeError: the reader is gone.
        EventdError: the output cannot be written.
    """
    with _failure_told():
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


async def write_line_patiently(line: str) -> None:
    """Write a line as its reader takes it, without blocking the loop while it does not.

    Cancelled meanwhile, it leaves a part of the line written. Raises what `write_line` raises.
    """
    descriptor = output_descriptor()
    if descriptor is None:
        write_line(line)
        return
    rest = f"{line}\n".encode(sys.stdout.encoding, sys.stdout.errors or "strict")
    with _failure_told():
        while rest:
            if not is_output_taken():
                await _until_writable(descriptor)
            # POSIX: so much a pipe takes without blocking, if poll(2) says that it is writable.
            rest = rest[os.write(descriptor, rest[: select.PIPE_BUF]) :]


def end_cut_line() -> None:
    """End the last line of the file that the output is appended to, if it has no end.

    A disk that was full, or a kill, has cut it; what comes would be a part of it.

    Raises:
        EventdError: the output cannot be written.
    """
    descriptor = _output_file()
    if descriptor is not None and _last_byte(descriptor) not in (b"", b"\n"):
        write_line("")


def sync_output() -> None:
    """Bring what was written to the disk, if the output is a file.

    Raises:
        EventdError: the output cannot be written.
    """
    descriptor = _output_file()
    if descriptor is not None:
        with _failure_told():
            os.fsync(descriptor)


def _output_file() -> int | None:
    """Return the file descriptor of the output if it is a regular file."""
    descriptor = output_descriptor()
    if descriptor is None:
        return None
    return descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def _last_byte(descriptor: int) -> bytes:
    """Return what stands before the place that is written next; nothing if nobody can tell."""
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND:
        place = os.fstat(descriptor).st_size
    else:
        place = os.lseek(descriptor, 0, os.SEEK_CUR)
    if place == 0:
        return b""
    try:
        # A shell opens its output for writing only.
        readable = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.pread(readable, 1, place - 1)
    finally:
        os.close(readable)


def output_descriptor() -> int | None:
    """Return the file descriptor of the output, or None if it is no file of the system."""
    try:
        return sys.stdout.fileno()
    except (OSError, ValueError):
        return None


def is_output_taken() -> bool:
    """Say whether a short text can be written now, without waiting for the reader."""
    descriptor = output_descriptor()
    if descriptor is None:
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))


async def _until_writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    writable = asyncio.Event()
    loop.add_writer(descriptor, writable.set)
    try:
        await writable.wait()
    finally:
        loop.remove_writer(descriptor)


@contextlib.contextmanager
def _failure_told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_output()
        raise EventdError(f"cannot write the output: {error.strerror or error}") from error


def write_error(message: str, *, kind: str = "error") -> None:
    """Write a message for people, each of its lines with its kind in front.

    What hosts and clients name things may be in it, as it is.
    """
    from eventd.rendering import printable

    for line in message.splitlines():
        with contextlib.suppress(OSError):
            print(f"{kind}: {printable(line)}", file=sys.stderr, flush=True)


def log_to_errors(*, level: Level = "warning") -> None:
    """Send what the parts log to the error stream: the output is only what was asked for."""
    from eventd import logs

    logs.configure(level=level, format="auto", stream=sys.stderr)


def abandon_output() -> None:
    """Let the rest go nowhere: without it Python complains at its end that nobody takes it."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
