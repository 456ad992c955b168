"""What a broken journal file is: told from a disk that cannot be written, lost, set aside."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

import structlog
from structlog.typing import FilteringBoundLogger

from eventd.journal.files import remove, set_aside
from eventd.model.events import JournalReplaced

__all__ = ["Loss", "is_broken", "reason_of"]

_SOURCE = "/v1/events"
"""The source of what the journal tells of itself: the stream of all events."""

_CANNOT_WRITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
"""Result codes that say nothing bad of the file: https://sqlite.org/rescode.html."""

_log: FilteringBoundLogger = structlog.get_logger(__name__)


class Loss:
    """A file that is given up, from when it is found broken until another has taken its place."""

    def __init__(self, path: Path, error: Exception) -> None:
        self._path = path
        self._error = str(error)
        self._kept_as: Path | None = None
        self._is_set_aside = False

    def make_way(self, *, now: datetime) -> None:
        """Let nothing be at the file's path: the file is kept under another name.

        What is there after the first time was begun in its place and not finished; it is removed.

        Raises:
            OSError: that cannot be done now.
        """
        if self._is_set_aside:
            remove(self._path)
        else:
            self._kept_as = set_aside(self._path, now=now)
            self._is_set_aside = True

    def event(self, *, now: datetime) -> JournalReplaced:
        """Return what tells everybody that another file is in its place; log it too."""
        kept_as = str(self._kept_as) if self._kept_as else None
        _log.error(
            "journal_replaced",
            file=str(self._path),
            error=self._error,
            set_aside=kept_as,
            hint="older cursors are refused; read the present state and go on from there",
        )
        return JournalReplaced(
            occurred_at=now, source=_SOURCE, message=self._error, set_aside=kept_as
        )


def is_broken(error: Exception) -> bool:
    """Whether an error says that the file is not what was written to it."""
    if not isinstance(error, sqlite3.Error):
        return False
    # The lowest byte is the primary code; an error without one is our own.
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF not in _CANNOT_WRITE


def reason_of(error: Exception) -> str:
    """Return what was wrong, in the words of the system."""
    return (isinstance(error, OSError) and error.strerror) or str(error)
