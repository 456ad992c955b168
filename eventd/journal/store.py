"""One SQLite file: what of the journal is on the disk.

It knows no present and no policy: it writes what it is given, all or nothing, and reads it back.
What goes wrong is raised as SQLite tells it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from threading import Lock

from eventd.journal.changes import Changes
from eventd.journal.encoding import (
    decode_filters,
    decode_names,
    decode_picture,
    decode_position,
    encode_filters,
    encode_names,
    encode_picture,
    encode_position,
)
from eventd.journal.epochs import Epochs
from eventd.journal.last_known import LastKnown
from eventd.journal.schema import migrate
from eventd.model.picture import HostPicture
from eventd.model.record import Cursor, EventRecord, microseconds
from eventd.model.subscriptions import Subscription

__all__ = ["SIDE_FILES", "Durability", "Store"]

SIDE_FILES = ("-wal", "-shm")
"""What SQLite has beside a file in WAL mode: the name of the file, and this."""

_CACHE_KIBIBYTES = 2048
"""Of pages that were used last. Who reads on reads each once, and those of writers are few."""

_LOG_BYTES = 8 * 1024 * 1024
"""What the write-ahead log keeps of the disk when it begins anew."""

_TRANSACTION_BYTES = 3 * 4096
"""What a transaction writes to the log at the least, about: the pages that it touches."""

_BUSY_SECONDS = 0.05
"""How long a lock of somebody else is waited for: eventd's own connections never wait."""


class Durability(StrEnum):
    """What a record survives once it is written."""

    PROCESS = "process"
    """The end of the process, whatever ends it. The machine writes it to the disk in its time."""
    POWER = "power"
    """The loss of power too: each transaction waits for the disk."""


class Store:
    """The journal's file, open for writing.

    All methods but `checkpoint` are for one thread.
    """

    def __init__(self, path: Path, *, durability: Durability) -> None:
        """Open the file, and bring it to this version; make it if it is not there.

        Raises:
            JournalUnusable: it is not eventd's, or of a newer eventd.
            sqlite3.Error: it cannot be read or written.
            OSError: it cannot be made.
        """
        self._path = path
        self.log_size = 0
        """How many bytes wait in the write-ahead log, about."""
        self._checkpointing = Lock()
        # Only for the user of the daemon; SQLite gives its side files the same mode.
        made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._identity = _identity_of(os.fstat(made))
        os.close(made)
        self._file = _connect(path)
        try:
            self._file.execute("PRAGMA journal_mode = WAL")
            # Whoever writes a record has no time for it: see `checkpoint`.
            self._file.execute("PRAGMA wal_autocheckpoint = 0")
            self._file.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
            safety = "FULL" if durability is Durability.POWER else "NORMAL"
            self._file.execute(f"PRAGMA synchronous = {safety}")
            self._file.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
            migrate(self._file)
            self.forgotten: int = self._one("SELECT forgotten FROM journal")
            """The sequence up to which records are gone."""
            last = self._file.execute(
                "SELECT sequence, latest FROM records ORDER BY sequence DESC LIMIT 1"
            ).fetchone()
            self.newest: int
            self._latest: int
            self.newest, self._latest = last or (self.forgotten, 0)
            self.epochs = Epochs(
                self._file.execute("SELECT name, first FROM epochs ORDER BY number")
            )
            """Those that are written."""
            self._host_names: dict[str, Mapping[str, str]] = {}
            """By connection, as they were written or read last."""
            self._checkpointer = _connect(path)
        except BaseException:
            self._file.close()
            raise

    def _one(self, query: str) -> int:
        (value,) = self._file.execute(query).fetchone()
        return int(value)

    def close(self) -> None:
        """Close the file."""
        with self._checkpointing, suppress(sqlite3.Error):
            self._checkpointer.close()
        with suppress(sqlite3.Error):
            self._file.close()

    # -- writing

    def write(
        self,
        records: Sequence[EventRecord],
        changes: Changes | None = None,
        *,
        epochs: Epochs | None = None,
        forgotten: int | None = None,
    ) -> None:
        """Write records that follow the newest one, and what else changes with them.

        ``epochs`` are those of the journal where they are others than are written; ``forgotten`` is
        a new beginning of what can be read.

        Raises:
            sqlite3.Error: nothing was written.
        """
        if forgotten is not None and forgotten > self.forgotten and records:
            # What is forgotten unread happened by then at the latest.
            self._latest = max(self._latest, microseconds(records[0].recorded_at))
        rows = _rows(records, self._latest)
        file = self._file
        file.execute("BEGIN IMMEDIATE")
        try:
            if epochs is not None:
                file.execute("DELETE FROM epochs")
                self._execute("INSERT INTO epochs (name, first) VALUES (?, ?)", epochs.items())
            self._execute(_INSERT_RECORD, rows)
            if changes is not None:
                self._write_changes(changes)
            if forgotten is not None:
                file.execute("UPDATE journal SET forgotten = ?", (forgotten,))
            file.execute("COMMIT")  # prepared once, other than by commit()
        except BaseException:
            file.rollback()
            raise
        if epochs is not None:
            self.epochs = Epochs(epochs.items())
        if changes is not None:
            for connection, host in changes.hosts.items():
                self._host_names[connection] = host.names
        if forgotten is not None:
            self.forgotten = forgotten
            self.newest = max(self.newest, forgotten)
        if rows:
            self.newest, self._latest = rows[-1][0], rows[-1][2]
        self.log_size += _TRANSACTION_BYTES
        for row in rows:
            self.log_size += len(row[4])

    def _write_changes(self, changes: Changes) -> None:
        if changes.domains:
            rows = [(*key, encode_picture(p)) for key, p in changes.domains.items() if p]
            self._execute(_INSERT_DOMAIN, rows)
            if len(rows) < len(changes.domains):
                gone = [key for key, picture in changes.domains.items() if picture is None]
                self._execute(_DELETE_DOMAIN, gone)
        for connection, host in changes.hosts.items():
            self._file.execute(_INSERT_HOST, _host_row(connection, host))
            # They hardly ever change, and may be many: the same object has the same names.
            if host.names is not self._host_names.get(connection):
                self._file.execute(_INSERT_HOST_NAMES, (connection, encode_names(host.names)))
        for name, subscription in changes.subscriptions.items():
            if subscription is None:
                self._file.execute("DELETE FROM subscriptions WHERE name = ?", (name,))
            else:
                self._file.execute(_INSERT_SUBSCRIPTION, _subscription_row(subscription))

    def _execute(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if len(rows) == 1:
            self._file.execute(statement, rows[0])  # a third of the other's cost
        elif rows:
            self._file.executemany(statement, rows)

    # -- reading

    def read(self, after: int, *, limit: int) -> list[EventRecord]:
        """Return at most ``limit`` records that follow a sequence, in order."""
        rows = self._file.execute(
            "SELECT sequence, happened, json FROM records WHERE sequence > ? "
            "ORDER BY sequence LIMIT ?",
            (max(after, self.forgotten), limit),
        )
        cursor = self.epochs.cursor
        return [
            EventRecord(cursor(sequence), json, happened=happened)
            for sequence, happened, json in rows
        ]

    def before(self, since: int) -> int:
        """Return the sequence behind which all records are that happened at ``since`` or later."""
        low: int = self.forgotten
        high: int = self.newest
        while low < high:
            middle = (low + high + 1) // 2
            row = self._file.execute(
                "SELECT latest FROM records WHERE sequence = ?", (middle,)
            ).fetchone()
            if row is None or row[0] < since:
                low = middle
            else:
                high = middle - 1
        return low

    def latest(self, sequence: int) -> int | None:
        """Return when the last happened of all records up to one; None where that is not there."""
        row = self._file.execute(
            "SELECT latest FROM records WHERE sequence = ?", (sequence,)
        ).fetchone()
        return None if row is None else int(row[0])

    def last_known(self) -> LastKnown:
        """Return what is known last, without what cannot be read."""
        known = LastKnown()
        rows = self._file.execute("SELECT connection, reference, picture FROM domains")
        for connection, reference, json in rows:
            if (picture := decode_picture(json)) is not None:
                known.domains[connection][reference] = picture
        for connection, json in self._file.execute("SELECT connection, names FROM host_names"):
            self._host_names[connection] = decode_names(json)
        rows = self._file.execute("SELECT connection, identity, position, synced FROM hosts")
        for connection, identity, position, synced in rows:
            known.hosts[connection] = HostPicture(
                identity,
                self._host_names.get(connection, {}),
                decode_position(position),
                None if synced is None else _time(synced),
            )
        rows = self._file.execute(
            "SELECT name, filters, epoch, acknowledged, created FROM subscriptions"
        )
        for name, json, epoch, acknowledged, created in rows:
            if (filters := decode_filters(json)) is not None:
                known.subscriptions[name] = Subscription(
                    name, filters, Cursor(epoch, acknowledged), _time(created)
                )
        return known

    @property
    def is_there(self) -> bool:
        """Whether its path still leads to the file."""
        try:
            return _identity_of(self._path.stat()) == self._identity
        except OSError:
            return False

    # -- keeping it small

    def forget_oldest(self, up_to: int, *, most: int) -> int:
        """Delete records up to a sequence, ``most`` of them; return how many are gone.

        The last of them stays without its content: it has the time of what is forgotten.

        Raises:
            sqlite3.Error: nothing was deleted; a full disk has no room for that either.
        """
        (first,) = self._file.execute(
            "SELECT min(sequence) FROM records WHERE sequence != ?", (self.forgotten,)
        ).fetchone()
        if first is None or first > up_to:
            return 0
        end: int = min(up_to, first + most - 1)
        forgotten = max(end, self.forgotten)
        with self._file:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.execute(
                "DELETE FROM records WHERE sequence <= ? AND sequence != ?", (end, forgotten)
            )
            self._file.execute("UPDATE records SET json = x'' WHERE sequence = ?", (forgotten,))
            self._file.execute("UPDATE journal SET forgotten = ?", (forgotten,))
        self.forgotten = forgotten
        return end + 1 - int(first)

    def recorded_before(self, at: int, *, most: int) -> int:
        """Return the sequence of the last of the oldest records that were written before a time.

        No more than ``most`` of them are looked at.
        """
        rows = self._file.execute(
            "SELECT sequence, recorded FROM records WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (self.forgotten, most),
        )
        last: int = self.forgotten
        for sequence, recorded in rows:
            if recorded >= at:
                break
            last = sequence
        return last

    @property
    def size(self) -> int:
        """How many bytes of the file are in use; the file itself never shrinks."""
        pages = self._one("PRAGMA page_count") - self._one("PRAGMA freelist_count")
        return pages * self._one("PRAGMA page_size")

    @property
    def disk_size(self) -> int:
        """How many bytes the file system has, all in all."""
        found = os.statvfs(self._path.parent)
        return found.f_frsize * found.f_blocks

    def checkpoint(self) -> bool:
        """Bring what is in the write-ahead log into the file; return whether that was all of it.

        For a thread of its own: it waits for the disk, and nobody waits for it.
        """
        with self._checkpointing:
            before = self.log_size
            is_all = _checkpoint(self._checkpointer)
            if is_all:
                self.log_size -= before
            return is_all

    def checkpoint_at_once(self) -> None:
        """Do the same in this thread, where little is left to do."""
        if _checkpoint(self._file):
            self.log_size = 0


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def _checkpoint(file: sqlite3.Connection) -> bool:
    busy, written, moved = file.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return not busy and written == moved


_INSERT_RECORD = "INSERT INTO records VALUES (?, ?, ?, ?, ?)"
_INSERT_DOMAIN = "INSERT OR REPLACE INTO domains VALUES (?, ?, ?)"
_DELETE_DOMAIN = "DELETE FROM domains WHERE connection = ? AND reference = ?"
_INSERT_HOST = "INSERT OR REPLACE INTO hosts VALUES (?, ?, ?, ?)"
_INSERT_HOST_NAMES = "INSERT OR REPLACE INTO host_names VALUES (?, ?)"
_INSERT_SUBSCRIPTION = "INSERT OR REPLACE INTO subscriptions VALUES (?, ?, ?, ?, ?)"

_Row = tuple[int, int, int, int, bytes]


def _rows(records: Sequence[EventRecord], latest: int) -> list[_Row]:
    rows = []
    for record in records:
        latest = max(latest, record.happened)
        recorded = microseconds(record.recorded_at)
        rows.append((record.sequence, record.happened, latest, recorded, record.json))
    return rows


def _host_row(connection: str, host: HostPicture) -> tuple[object, ...]:
    synced = None if host.synced_at is None else microseconds(host.synced_at)
    return connection, host.identity, encode_position(host.position), synced


def _subscription_row(each: Subscription) -> tuple[object, ...]:
    acknowledged = each.acknowledged
    return (
        each.name,
        encode_filters(each.filters),
        acknowledged.epoch,
        acknowledged.sequence,
        microseconds(each.created_at),
    )


def _identity_of(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _time(at: int) -> datetime:
    return _UNIX_EPOCH + timedelta(microseconds=at)


_UNIX_EPOCH = datetime.fromtimestamp(0, UTC)
