"""The Unix sockets themselves: where they are, who may open them, and who had them before."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eventd.errors import SocketInUse

__all__ = [
    "BACKLOG",
    "READ_ONLY_MODE",
    "READ_ONLY_NAME",
    "READ_WRITE_MODE",
    "READ_WRITE_NAME",
    "bound",
]

READ_WRITE_NAME = "eventd.sock"
READ_ONLY_NAME = "eventd-ro.sock"

# The file permissions are the authorisation, as with libvirtd's two sockets.
READ_WRITE_MODE = 0o660
READ_ONLY_MODE = 0o666

BACKLOG = 128
"""asyncio's accept loop repeats an EMFILE up to this often (cpython issue 151615): keep it low."""


@contextmanager
def bound(path: Path, *, mode: int) -> Iterator[socket.socket]:
    """Listen on a Unix stream socket at ``path``, and remove the file on leaving.

    A file that a dead daemon left is replaced.

    Raises:
        SocketInUse: a living process serves the path, or the path is not a socket.
        OSError: the directory is missing or not writable.
    """
    _make_way(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.setblocking(False)
        # Nobody can connect before `listen`, so the mode is never wider than asked for.
        listener.bind(str(path))
        path.chmod(mode)
        listener.listen(BACKLOG)
        identity = _identity(path)
        try:
            yield listener
        finally:
            _remove(path, identity)


def _make_way(path: Path) -> None:
    if not os.path.lexists(path):
        return
    if not path.is_socket():
        raise SocketInUse(f"{path} exists and is not a socket; move it away and start again")
    if _answers(path):
        raise SocketInUse(
            f"another process already serves {path}; stop it, or use another runtime directory"
        )
    path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (BlockingIOError, PermissionError):
            return True  # alive with a full backlog, or somebody else's
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        return True


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _remove(path: Path, identity: tuple[int, int]) -> None:
    # By now the path may belong to a daemon that was started after us.
    with suppress(FileNotFoundError):
        if _identity(path) == identity:
            path.unlink()
