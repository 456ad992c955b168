"""The Unix sockets themselves: where they are, who may open them, and who had them before."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventd.errors import SocketInUse

__all__ = [
    "READ_ONLY_MODE",
    "READ_WRITE_MODE",
    "bound",
    "locked",
]

# The file permissions are the authorisation, as with libvirtd's two sockets.
READ_WRITE_MODE = 0o660
READ_ONLY_MODE = 0o666

_BACKLOG = 1024
"""How many clients may wait to be taken in. Further ones of asyncio would believe to be connected:
a connect to a Unix socket that cannot be done at once is none that goes on."""

_LOCK_NAME = "eventd.lock"


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Be the only daemon that serves a directory; the lock goes with the process.

    A socket's file alone cannot tell: two daemons that start at the same moment would both find
    that nobody answers there, and each would remove what the other has just made.

    Raises:
        SocketInUse: another daemon serves there.
        OSError: the directory is missing or not writable.
    """
    path = directory / _LOCK_NAME
    descriptor = _lock(path)
    try:
        yield
    finally:
        # While it is locked: whoever has opened the file meanwhile sees that it is no longer it.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise SocketInUse(_served(path.parent)) from None
        if _is_at(path, _identity_of(os.fstat(descriptor))):
            return descriptor
        os.close(descriptor)  # its last owner has removed it before we had the lock


@contextmanager
def bound(path: Path, *, mode: int) -> Iterator[socket.socket]:
    """Listen on a Unix stream socket at ``path``, and remove the file on leaving.

    A file that a dead daemon left is replaced. The caller has the directory `locked`.

    Raises:
        SocketInUse: a living process serves the path, or the path is not a socket.
        OSError: the directory is missing or not writable.
    """
    _make_way(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.setblocking(False)
        _bind(listener, path, mode=mode)
        identity = _identity_of(path.lstat())
        try:
            listener.listen(_BACKLOG)
            yield listener
        finally:
            # By now the path may belong to a daemon that was started after us.
            if _is_at(path, identity):
                path.unlink(missing_ok=True)


def _bind(listener: socket.socket, path: Path, *, mode: int) -> None:
    # The file is made with its mode: a later chmod would follow what may then be at its path.
    before = os.umask(0o777 & ~mode)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)


def _make_way(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketInUse(f"{path} exists and is not a socket; move it away and start again")
    if _answers(path):
        raise SocketInUse(_served(path))
    path.unlink(missing_ok=True)


def _served(path: Path) -> str:
    return f"another process already serves {path}; stop it, or use another runtime directory"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (BlockingIOError, PermissionError):
            return True  # alive with a full backlog, or somebody else's
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError as error:
            if error.errno == errno.EPROTOTYPE:
                return True  # somebody's datagram socket
            raise
        return True


def _identity_of(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _is_at(path: Path, identity: tuple[int, int]) -> bool:
    try:
        return _identity_of(path.lstat()) == identity
    except FileNotFoundError:
        return False
