"""A small disk for the state directory, which can be full or read-only."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Disk", "NoDisk", "mounted"]

_SIZE = "64m"
"""Much more than the journal of one life needs: it is the filler that makes it full."""
_FILLER = "filler"
_PIECE = b"\0" * 4096


class NoDisk(Exception):
    """A disk cannot be mounted here; says why."""


class Disk:
    """A file system in memory. Get it from `mounted`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
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

    def free(self) -> None:
        """Make room again."""
        (self.path / _FILLER).unlink()

    def forbid_writing(self) -> None:
        """Make it read-only; nobody may have a file of it open for writing."""
        _run("mount", "-o", "remount,ro", str(self.path))


@contextmanager
def mounted(path: Path) -> Iterator[Disk]:
    """Mount a small disk on a directory for as long as the block lasts.

    Raises:
        NoDisk: this user may not, or not here.
    """
    path.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=0700", "tmpfs", str(path))
    try:
        yield Disk(path)
    finally:
        _run("umount", "--lazy", str(path))


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NoDisk(f"there is no command {command[0]} here") from error
    except subprocess.CalledProcessError as error:
        raise NoDisk(f"{' '.join(command)}: {error.stderr.strip()}") from error
