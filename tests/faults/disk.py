"""Disks for the state directory that take nothing for a while: full ones, and read-only ones."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import Protocol

__all__ = ["Disk", "NoDisk", "ProtectedDirectory", "SmallDisk", "mounted", "protectable"]

_SIZE = "64m"
"""Much more than the journal of one life needs: it is the filler that makes it full."""
_FILLER = "filler"
_PIECE = b"\0" * 4096

# Of linux/fs.h; the flags are a long by its definition.
_GET_FLAGS, _SET_FLAGS, _IMMUTABLE = 0x80086601, 0x40086602, 0x10
_FLAGS = Struct("l")
_MAPPED = "-shm"
"""What the file ends with that SQLite writes to in memory, where no disk refuses it."""


class NoDisk(Exception):
    """There is no such disk here; says why."""


class Disk(Protocol):
    """What a trial does to the disk of its daemon."""

    leaves_room: bool
    """Whether what is small enough is taken all the same, in the room that files have already."""

    def refuse(self) -> None:
        """Take nothing more that is written, also of who has its files open."""
        ...

    def accept(self) -> None:
        """Take everything again."""
        ...


class SmallDisk:
    """A file system in memory, which can be full. Get it from `mounted`."""

    leaves_room = True

    def __init__(self, path: Path) -> None:
        self.path = path

    def refuse(self) -> None:
        """Leave no room on it."""
        descriptor = os.open(self.path / _FILLER, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            while True:
                os.write(descriptor, _PIECE)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(descriptor)

    def accept(self) -> None:
        """Make room again."""
        (self.path / _FILLER).unlink()

    def forbid_writing(self) -> None:
        """Make it read-only; nobody may have a file of it open for writing."""
        _run("mount", "-o", "remount,ro", str(self.path))


class ProtectedDirectory:
    """A directory that can be made read-only under a running daemon. Get it from `protectable`.

    A file system cannot: while a file of it is open for writing, a remount is refused, and what a
    kernel does of its own accord after an error of the device cannot be undone. To who has a file
    open, it is the same: it can be read, and is not written.
    """

    leaves_room = False

    def __init__(self, path: Path) -> None:
        self.path = path

    def refuse(self) -> None:
        """Let nobody write to what is there, nor make or remove anything."""
        for path in (*self.path.iterdir(), self.path):
            if not path.name.endswith(_MAPPED):
                _set_immutable(path, is_so=True)

    def accept(self) -> None:
        """Let it be written again."""
        for path in (self.path, *self.path.iterdir()):
            _set_immutable(path, is_so=False)


@contextmanager
def protectable(path: Path) -> Iterator[ProtectedDirectory]:
    """Make a directory that can be read-only for as long as the block lasts.

    Raises:
        NoDisk: this user may not, or not on this file system.
    """
    path.mkdir(parents=True, exist_ok=True)
    directory = ProtectedDirectory(path)
    try:
        _require_refusal(directory)
        yield directory
    finally:
        directory.accept()


def _require_refusal(directory: ProtectedDirectory) -> None:
    probe = directory.path / "probe"
    with probe.open("wb", buffering=0) as file:
        directory.refuse()
        try:
            file.write(b"1")
        except PermissionError:
            return
        finally:
            directory.accept()
            probe.unlink()
    raise NoDisk(f"who has a file open in {directory.path} may write to it, protected or not")


def _set_immutable(path: Path, *, is_so: bool) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        (flags,) = _FLAGS.unpack(fcntl.ioctl(descriptor, _GET_FLAGS, bytes(_FLAGS.size)))
        flags = flags | _IMMUTABLE if is_so else flags & ~_IMMUTABLE
        fcntl.ioctl(descriptor, _SET_FLAGS, _FLAGS.pack(flags))
    except OSError as error:
        raise NoDisk(f"{path} cannot be made immutable: {error.strerror}") from error
    finally:
        os.close(descriptor)


@contextmanager
def mounted(path: Path) -> Iterator[SmallDisk]:
    """Mount a small disk on a directory for as long as the block lasts.

    Raises:
        NoDisk: this user may not, or not here.
    """
    path.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=0700", "tmpfs", str(path))
    try:
        yield SmallDisk(path)
    finally:
        _run("umount", "--lazy", str(path))


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NoDisk(f"there is no command {command[0]} here") from error
    except subprocess.CalledProcessError as error:
        raise NoDisk(f"{' '.join(command)}: {error.stderr.strip()}") from error
