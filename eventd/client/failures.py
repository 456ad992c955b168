"""What goes wrong on the way to the daemon, or what it refuses, as errors of our own."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from pydantic_core import from_json

from eventd.errors import (
    CursorExpired,
    DaemonError,
    DaemonUnreachable,
    ErrorCode,
    InvalidArgument,
)

__all__ = ["gone", "read_problem", "refusal", "translated", "understood"]


def read_problem(body: bytes) -> Any:
    """Return the problem that a response has for its body, or None if that is no JSON."""
    try:
        return from_json(body)
    except ValueError:
        return None  # it is not eventd that answers


def refusal(status: int, problem: Any) -> DaemonError | CursorExpired:
    """Return the error that a problem stands for, of a response or of a session."""
    match problem:
        case {"detail": str(detail), "oldest": str(oldest), "newest": str(newest)}:
            hint = _text(problem.get("hint"))
            return CursorExpired(detail, oldest=oldest, newest=newest, hint=hint)
        case {"detail": str(text)} | {"message": str(text)}:
            return DaemonError(
                text,
                status=status,
                code=_code(problem.get("libvirt_code")),
                hint=_text(problem.get("hint")),
                problem=problem,
            )
        case _:
            return DaemonError(f"the daemon answered with HTTP status {status}", status=status)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _code(number: object) -> ErrorCode | None:
    return next((code for code in ErrorCode if code == number), None)


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Say in our own errors what the way to the daemon brought."""
    try:
        yield
    except aiohttp.WSServerHandshakeError as error:
        raise DaemonError(f"the daemon refused: {error.message}", status=error.status) from error
    except aiohttp.ClientConnectorError as error:
        raise DaemonUnreachable(_why(path, error.os_error)) from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise gone(path) from error


@contextmanager
def understood(path: str, status: int) -> Iterator[None]:
    """Say in our own error that what the daemon has said cannot be read."""
    try:
        yield
    except (ValueError, LookupError, TypeError, InvalidArgument, HttpProcessingError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DaemonError(
            f"what the daemon at {path} said cannot be understood; use a client and a daemon of "
            f"the same version: {reason}",
            status=status,
        ) from error


def _why(path: str, error: OSError) -> str:
    if not path:
        return "the path of the socket is empty; name the socket that eventd serves"
    if _is_no_socket(path):
        return f"{path} is not a socket; name the socket that eventd serves"
    match error.errno:
        case errno.ENOENT:
            return f"there is no socket at {path}; start eventd, or name the socket that it serves"
        case errno.EACCES | errno.EPERM:
            return (
                f"this user may not open {path}; join the socket's group, or use eventd-ro.sock if "
                "nothing is to be changed"
            )
        case errno.ECONNREFUSED:
            return f"nobody serves {path} any more; start eventd again"
        case _:
            return f"cannot open {path}: {error.strerror or error}"


def _is_no_socket(path: str) -> bool:
    try:
        return not stat.S_ISSOCK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def gone(path: str) -> DaemonUnreachable:
    """Return the error that the daemon has ended a connection before its time."""
    return DaemonUnreachable(f"the daemon at {path} ended the connection; see its log for why")
