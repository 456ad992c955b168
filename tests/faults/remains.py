"""What a daemon that was killed has left on its disk: looked at without any of its code."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic_core import from_json

__all__ = ["cursors_on_disk"]

_RECORDS = "SELECT json FROM records WHERE sequence > (SELECT forgotten FROM journal)"

_FILES = ("journal.db", "journal.db-wal")


def cursors_on_disk(state: Path) -> frozenset[str]:
    """Return the cursors of all records in the journal of a state directory.

    A copy is read: nobody but the daemon touches its files.
    """
    with TemporaryDirectory() as directory:
        for name in _FILES:
            if (state / name).exists():
                shutil.copy(state / name, directory)
        with closing(sqlite3.connect(Path(directory) / _FILES[0])) as file:
            rows = file.execute(_RECORDS).fetchall()
    return frozenset(from_json(json)["cursor"] for (json,) in rows)
