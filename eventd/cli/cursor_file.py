"""``--cursor-file``: where a reader that comes back has got to, in a file of one line."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from eventd.errors import EventdError, InvalidArgument
from eventd.model.record import Cursor

__all__ = ["CursorFile"]

_MOST_BYTES = 256
"""Of a cursor and its line end, with room to spare: what is longer is some other file."""


class CursorFile:
    """A cursor that is read once and replaced, whole, as often as it moves.

    There is always either the old cursor or the new one in the file, whenever the process is
    killed; what only a failure of power takes back may be told again.
    """

    def __init__(self, path: Path) -> None:
        # Through a symbolic link, which the replacing would otherwise replace.
        self._path = Path(os.path.realpath(path))
        # Beside it, as only within one file system one file can take the place of another.
        self._next = self._path.parent / f".{self._path.name}.next"
        self._cursor: Cursor | None = None

    def read(self) -> Cursor | None:
        """Return the cursor in the file, or None if there is none yet.

        Raises:
            EventdError: the file cannot be read, cannot be written, or holds something else.
        """
        with self._failure_told("read"):
            text = self._text()
        self._check_writable()
        if not text.strip():
            return None
        try:
            self._cursor = Cursor.parse(text.strip())
        except InvalidArgument:
            raise EventdError(
                f"{self._path} holds something that is no cursor; remove the file to begin anew, "
                "or name another one"
            ) from None
        return self._cursor

    def _text(self) -> str:
        try:
            mode = self._path.stat().st_mode
        except FileNotFoundError:
            return ""
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
        if cursor == self._cursor:
            return
        with self._failure_told("written"):
            descriptor = os.open(self._next, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            try:
                os.write(descriptor, f"{cursor}\n".encode())
            finally:
                os.close(descriptor)
            self._next.replace(self._path)
        self._cursor = cursor

    @contextlib.contextmanager
    def _failure_told(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EventdError(
                f"the cursor file {self._path} cannot be {what}: {error.strerror or error}"
            ) from error
