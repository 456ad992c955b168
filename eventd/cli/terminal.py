"""What the command does to its terminal: lines out at once, colours only for people."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from eventd.logs import Level

__all__ = [
    "abandon_output",
    "log_to_errors",
    "prepare",
    "wants_colour",
    "write_error",
    "write_line",
]


def prepare() -> None:
    """Make the streams take any text: what a terminal cannot show is escaped, not refused."""
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
    """
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def write_error(message: str, *, kind: str = "error") -> None:
    """Write a message for people, each of its lines with its kind in front."""
    for line in message.splitlines():
        with contextlib.suppress(BrokenPipeError):
            print(f"{kind}: {line}", file=sys.stderr, flush=True)


def log_to_errors(*, level: Level = "warning") -> None:
    """Send what the parts log to the error stream: the output is only what was asked for."""
    from eventd import logs

    logs.configure(level=level, format="auto", stream=sys.stderr)


def abandon_output() -> None:
    """Let the rest go nowhere: without it Python complains at its end that the reader is gone."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
