"""``--cursor-file``: where a reader that comes back has got to, in a file of one line."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from eventd.cli.terminal import sync_output
from eventd.errors import EventdError, InvalidArgument
from eventd.model.record import Cursor

__all__ = ["CursorFile"]

_MOST_BYTES = 256
"""Of a cursor and its line end, with room to spare: what is longer is some other file."""


_SYNC_INTERVAL = 1.0
"""Seconds between two synchronisations with the disk: one for each line of a history is too slow"""


class CursorFile:
    """A cursor that is read once and written as often as it moves.

    There is always either the old cursor or the new one in the file, whenever the process is
    killed. On the disk there is always one of them too, but at a failure of power it may be some
    seconds old, and the lines behind it are told again; or the system has written it just before
    the last lines of the output, and those are missing there.

    ``clock`` returns the seconds of a monotonic clock.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        # Through a symbolic link, which the replacing would otherwise replace.
        self._path = Path(os.path.realpath(path))
        # Beside it, as only within one file system one file can take the place of another.
        self._next = self._path.parent / f".{self._path.name}.next"
        self._cursor: Cursor | None = None
        self._clock = clock
        self._synced_at = -_SYNC_INTERVAL
        self._is_synced = True

    def read(self) -> Cursor | None:
        """Return the cursor in the file, or None if there is no file yet.

        Raises:
            EventdError: the file cannot be read, cannot be written, or holds no cursor. An empty
                one may have lost it: to begin anew would miss events, and nobody would know.
        """
        with self._failure_told("read"):
            text = self._text()
        self._check_writable()
        if text is None:
            return None
        try:
            self._cursor = Cursor.parse(text.strip())
        except InvalidArgument:
            what = "holds something that is no cursor" if text.strip() else "is empty"
            raise EventdError(
                f"{self._path} {what}; remove the file to begin anew, write the cursor into it "
                "behind which to go on, or name another file"
            ) from None
        return self._cursor

    def _text(self) -> str | None:
        try:
            mode = self._path.stat().st_mode
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(mode):
            raise EventdError(f"{self._path} is a directory; name a file in it for the cursor")
        if not stat.S_ISREG(mode):
            raise EventdError(f"{self._path} is no regular file; name another one for the cursor")
        with self._path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("ascii", "replace")

    def _check_writable(self) -> None:
        """Fail now, and not behind the first event."""
        with self._failure_told("written"):
            self._next.write_bytes(b"")
            self._next.unlink()

    def write(self, cursor: Cursor) -> None:
        """Put a cursor into the file, if it is another one.

        Raises:
            EventdError: it cannot be written.
        """
        if cursor != self._cursor:
            with self._failure_told("written"):
                line = f"{cursor}\n".encode()
                if not self._overwrite(line):
                    self._replace(line)
            self._cursor = cursor
        if self._clock() - self._synced_at >= _SYNC_INTERVAL:
            self.sync()

    def _overwrite(self, line: bytes) -> bool:
        """Write over the old cursor; return False if the new one has to take its place instead.

        Of the same length, and within one sector of the disk, there is never a part of it.
        """
        try:
            descriptor = os.open(self._path, os.O_WRONLY)
        except OSError:
            return False  # there is none yet, or it may be replaced only
        try:
            if os.fstat(descriptor).st_size != len(line):
                return False
            self._is_synced = False
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
        return True

    def _replace(self, line: bytes) -> None:
        sync_output()
        descriptor = os.open(self._next, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            os.write(descriptor, line)
            # Else some file systems have an empty file after a failure of power.
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._next.replace(self._path)
        _sync_directory(self._path.parent)
        self._note_synced()

    def sync(self) -> None:
        """Bring the output to the disk, and then the cursor, if it is not there yet.

        Raises:
            EventdError: one of them cannot be written.
        """
        if self._is_synced:
            return
        with self._failure_told("written"):
            sync_output()
            descriptor = os.open(self._path, os.O_WRONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._note_synced()

    def _note_synced(self) -> None:
        self._synced_at, self._is_synced = self._clock(), True

    @contextlib.contextmanager
    def _failure_told(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EventdError(
                f"the cursor file {self._path} cannot be {what}: {error.strerror or error}"
            ) from error


def _sync_directory(path: Path) -> None:
    # Not every file system can: then it has other means, or none.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
