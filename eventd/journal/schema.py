"""The tables of the journal's file, and how an older file becomes one of this version."""

from __future__ import annotations

import sqlite3

from eventd.errors import JournalUnusable

__all__ = ["APPLICATION_ID", "VERSION", "migrate"]

APPLICATION_ID = 0x65766464
"""``evdd``: by this, file(1) and eventd know the file for a journal."""

_FIRST = """
CREATE TABLE journal (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    forgotten INTEGER NOT NULL
);
INSERT INTO journal VALUES (1, 0);

CREATE TABLE epochs (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE records (
    sequence INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    happened INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    recorded INTEGER NOT NULL,
    json BLOB NOT NULL
);

CREATE TABLE domains (
    connection TEXT NOT NULL,
    reference TEXT NOT NULL,
    picture BLOB NOT NULL,
    PRIMARY KEY (connection, reference)
) WITHOUT ROWID;

CREATE TABLE hosts (
    connection TEXT PRIMARY KEY,
    identity TEXT,
    position BLOB,
    synced INTEGER
) WITHOUT ROWID;

CREATE TABLE host_names (
    connection TEXT PRIMARY KEY,
    names BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE subscriptions (
    name TEXT PRIMARY KEY,
    filters BLOB NOT NULL,
    epoch TEXT NOT NULL,
    acknowledged INTEGER NOT NULL,
    created INTEGER NOT NULL
) WITHOUT ROWID;
"""
"""``forgotten`` is the sequence up to which records are gone. Times are microseconds of Unix time.
``latest`` is the greatest ``happened`` up to that record: it grows, so that it can be searched."""

_STEPS: tuple[str, ...] = (_FIRST,)
"""What makes each version of the one before; never changed once it is released."""

VERSION = len(_STEPS)
"""The version that this eventd writes."""


def migrate(file: sqlite3.Connection, steps: tuple[str, ...] = _STEPS) -> None:
    """Bring a file to the newest version: an empty one, or that of an older eventd.

    Each step is a transaction, so that a file is of one version whenever the process ends.

    Raises:
        JournalUnusable: the file is of a newer eventd, or of another program.
        sqlite3.Error: it cannot be read or written.
    """
    (version,) = file.execute("PRAGMA user_version").fetchone()
    (owner,) = file.execute("PRAGMA application_id").fetchone()
    if owner != APPLICATION_ID and (owner or version or _has_tables(file)):
        raise JournalUnusable("it is the database of another program")
    if version > len(steps):
        raise JournalUnusable(
            f"it is of a newer eventd: its version is {version}, and this eventd knows {len(steps)}"
        )
    for number, step in enumerate(steps[version:], version + 1):
        file.executescript(
            f"BEGIN IMMEDIATE;{step}"
            f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
        )


def _has_tables(file: sqlite3.Connection) -> bool:
    (count,) = file.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return bool(count)
