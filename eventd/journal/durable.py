"""The journal on the disk, and what it does when the disk does not do its part.

* The disk is full, or cannot be written for another reason: delivery goes on without it. Records
  say ``durable: false``, wait in memory, and are written when there is room. Their cursors are of
  an epoch of their own, which the file learns with them: should the process end before, nobody can
  resume behind a record that is lost, and all others can.
* The file is broken: it is set aside, and a new one begun, with all that is still known. Who had
  caught up goes on; older cursors are expired.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import TypeVar

import structlog
from structlog.typing import FilteringBoundLogger

from eventd.errors import CursorExpired, JournalUnusable
from eventd.journal.changes import Changes
from eventd.journal.cursors import count_published, expired, not_given_out
from eventd.journal.damage import Loss, is_broken, reason_of
from eventd.journal.epochs import Epochs
from eventd.journal.files import locked
from eventd.journal.last_known import LastKnown
from eventd.journal.retention import Retention
from eventd.journal.store import Durability, Store
from eventd.journal.undurable import Batch, Undurable
from eventd.model.events import Event
from eventd.model.picture import DomainPicture, HostPicture, PictureChange
from eventd.model.record import Cursor, EventRecord, microseconds
from eventd.model.subscriptions import Subscription

__all__ = ["FILE_NAME", "DurableJournal"]

FILE_NAME = "journal.db"

_LOCK_NAME = "journal.lock"

_LARGE_LOG_BYTES = 4 * 1024 * 1024
_VERY_LARGE_LOG_BYTES = 64 * 1024 * 1024

Announce = Callable[[Sequence[EventRecord]], None]

T = TypeVar("T")

_log: FilteringBoundLogger = structlog.get_logger(__name__)


class DurableJournal:
    """A journal in a directory of its own; see `eventd.journal.journal.Journal`.

    ``clock`` tells aware UTC. ``announce`` is given the records that the journal writes on its own
    account, when they are written. ``new_epoch`` makes names that never come again, of letters and
    digits. At most ``most_undurable_bytes`` of records wait in memory for the disk.
    """

    def __init__(
        self,
        directory: Path,
        *,
        clock: Callable[[], datetime],
        durability: Durability = Durability.PROCESS,
        announce: Announce = lambda _: None,
        new_epoch: Callable[[], str] = lambda: token_hex(8),
        most_undurable_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        """Open the journal in a directory, or begin one.

        Raises:
            JournalUnusable: the directory or the file cannot be used; the message says why.
        """
        self._path = directory / FILE_NAME
        self._durability = durability
        self._clock = clock
        self._announce: Announce = lambda _: None
        self._new_epoch = new_epoch
        self._undurable = Undurable(most_bytes=most_undurable_bytes)
        self._problem: str | None = None
        self._loss: Loss | None = None
        """Of the file before this one, until that is told."""
        with self._usable(), ExitStack() as stack:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(locked(directory / _LOCK_NAME))
            store, self._known = self._opened_or_begun()
            self._store: Store | None = store
            self._lock = stack.pop_all()
        self._newest = store.newest
        self._forgotten = store.forgotten
        if self._loss is not None:
            # What it had, nobody knows: the first sequence of the new one stands for all of that.
            self._newest = self._forgotten = 1
        self._epochs = Epochs(store.epochs.items())
        self._begin_epoch()
        self._tell_loss()
        self._announce = announce

    def _opened_or_begun(self) -> tuple[Store, LastKnown]:
        try:
            return self._read_in()
        except sqlite3.DatabaseError as error:
            if not is_broken(error):
                raise
            self._loss = Loss(self._path, error)
            self._loss.make_way(now=self._clock())
            return self._read_in()

    def _read_in(self) -> tuple[Store, LastKnown]:
        store = self._open()
        try:
            return store, store.last_known()
        except BaseException:
            store.close()
            raise

    def _begin_epoch(self) -> None:
        """Let what is told from here on be told apart from what may have been told and lost."""
        self._epochs.begin(self._new_epoch(), behind=self._newest)
        self._has_new_epoch = True

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Say what cannot be used, and why."""
        try:
            yield
        except (JournalUnusable, OSError, sqlite3.Error) as error:
            reason = error.message if isinstance(error, JournalUnusable) else reason_of(error)
            raise JournalUnusable(
                f"the journal {self._path} cannot be used: {reason}; mend that, or name another "
                "directory as daemon.state_directory"
            ) from error

    def _open(self) -> Store:
        return Store(self._path, durability=self._durability)

    def close(self) -> None:
        """Write what waits, if that is possible now, and close the file."""
        self._announce = lambda _: None  # nobody is there any more
        try:
            self.recover()
        finally:
            self._close_store()
            self._lock.close()

    # -- the order of events

    @property
    def oldest(self) -> Cursor:
        """The cursor just before the oldest record that can still be read."""
        return self._epochs.cursor(self._forgotten)

    @property
    def newest(self) -> Cursor:
        """The cursor of the newest record; sequence 0 while there is none."""
        return self._epochs.cursor(self._newest)

    def append(
        self, events: Sequence[Event], *, now: datetime, picture: PictureChange | None = None
    ) -> list[EventRecord]:
        """Write events and the picture that they lead to; return the records."""
        batch = Batch(self._encoded(events, now), Changes.of(picture))
        if not self._write(batch):
            self._recover_from_loss()
            # They have other cursors now, and say so if they are not on the disk.
            batch.records = self._encoded(events, now)
            if not self._write(batch):
                batch.records = self._encoded(events, now)
                self._write(batch)
        if picture is not None:
            self._known.take_in(picture)
        count_published(events)
        return [*batch.records]

    def _encoded(self, events: Sequence[Event], now: datetime) -> list[EventRecord]:
        epoch, durable = self._epochs.current, self._problem is None
        return [
            EventRecord.of(event, cursor=Cursor(epoch, number), recorded_at=now, durable=durable)
            for number, event in enumerate(events, self._newest + 1)
        ]

    def _write(self, batch: Batch) -> bool:
        """Write a batch, or let it wait; return False if it has to be encoded anew for that."""
        if self._store is None or self._problem is not None:
            self._undurable.add(batch)
            self._forgotten = max(self._forgotten, self._undurable.given_up)
        else:
            try:
                self._write_into(self._store, batch)
            except sqlite3.Error as error:
                self._stop_writing(error)
                return False
        self._newest += len(batch.records)
        return True

    def _write_into(self, store: Store, batch: Batch, *, forgotten: int | None = None) -> None:
        epochs = None
        if self._has_new_epoch:
            epochs, forgotten = self._epochs, self._forgotten
        store.write(batch.records, batch.changes, epochs=epochs, forgotten=forgotten)
        self._has_new_epoch = False

    def read(self, after: Cursor, *, limit: int) -> list[EventRecord]:
        """Return at most ``limit`` records that follow ``after``, in order.

        Raises:
            CursorExpired: ``after`` is of another epoch, or older than ``oldest``.
            JournalUnusable: the disk does not give them now, and may do so later.
        """
        self._check(after)
        if after.sequence == self._newest:
            return []
        if self._store is None or after.sequence >= self._store.newest:
            return self._undurable.read(after.sequence, limit=limit)
        try:
            return self._store.read(max(after.sequence, self._forgotten), limit=limit)
        except sqlite3.Error as error:
            if not is_broken(error):
                raise JournalUnusable(
                    f"the journal cannot be read now: {error}; try again from {after}"
                ) from error
            self._stop_writing(error)
            self._recover_from_loss()
            self._check(after)
            return self.read(after, limit=limit)

    def _check(self, cursor: Cursor) -> None:
        if cursor.sequence < self._forgotten or not self.gave_out(cursor):
            raise expired(cursor, oldest=self.oldest, newest=self.newest)

    def gave_out(self, cursor: Cursor) -> bool:
        """Whether the cursor is one of this journal's, be it that what follows is forgotten."""
        return self._epochs.gave_out(cursor, newest=self._newest)

    def before(self, since: datetime) -> Cursor:
        """Return a cursor behind which all records are that happened at a time or later."""
        at = microseconds(since)
        sequence = self._before(at)
        return self._epochs.cursor(max(sequence, self._forgotten))

    def forgot_since(self, at: datetime) -> bool:
        """Whether something is forgotten that happened at a time or later."""
        if self._forgotten == 0:
            return False
        latest = self._asked(lambda store: store.latest(self._forgotten), None)
        if latest is not None:
            return microseconds(at) <= latest
        # It went with a file that broke, or before it could be written: it was recorded before
        # what is kept, and nothing happens later than it is recorded.
        try:
            kept = self.read(self.oldest, limit=1)
        except CursorExpired:
            return True  # the file broke just now
        return not kept or at <= kept[0].recorded_at

    def _before(self, at: int) -> int:
        waiting = self._undurable.before(at)
        try:
            written = self._store.before(at) if self._store is not None else self._forgotten
        except sqlite3.Error:
            return self._forgotten  # who reads from there on will find out
        if self._store is not None and written < self._store.newest:
            return written
        return self._newest if waiting is None else waiting

    # -- the last known picture

    def pictures(self, connection: str) -> Mapping[str, DomainPicture]:
        """Return the last known picture of every domain of a connection, by reference."""
        return self._known.pictures(connection)

    def host(self, connection: str) -> HostPicture | None:
        """Return what is known of a connection's host itself; None if nothing is."""
        return self._known.hosts.get(connection)

    # -- who reads by name

    def subscriptions(self) -> Sequence[Subscription]:
        """Return all durable subscriptions, by name."""
        return self._known.by_name()

    def subscribe(self, subscription: Subscription) -> None:
        """Remember a subscription; one of the same name is replaced."""
        self._known.subscriptions[subscription.name] = subscription
        self._change_subscription(subscription.name, subscription)

    def acknowledge(self, name: str, cursor: Cursor) -> None:
        """Let a subscription have dealt with everything up to a cursor."""
        acknowledged = self._known.acknowledged(name, cursor, gave_out=self.gave_out)
        if not self.gave_out(cursor):
            raise not_given_out(cursor, oldest=self.oldest, newest=self.newest)
        if acknowledged != self._known.subscription(name):
            self.subscribe(acknowledged)

    def unsubscribe(self, name: str) -> None:
        """Forget a subscription."""
        del self._known.subscriptions[self._known.subscription(name).name]
        self._change_subscription(name, None)

    def _change_subscription(self, name: str, subscription: Subscription | None) -> None:
        batch = Batch([], Changes(subscriptions={name: subscription}))
        if not self._write(batch):
            self._recover_from_loss()
            if not self._write(batch):
                self._write(batch)

    # -- when the disk does not do its part

    @property
    def problem(self) -> str | None:
        """Why nothing can be written at the moment; None if it can."""
        return self._problem

    @property
    def undurable(self) -> int:
        """How many records are not on the disk."""
        return self._undurable.count

    def _stop_writing(self, error: sqlite3.Error) -> None:
        """Go on without the disk; a broken file is not touched again."""
        if self._problem is None:
            self._problem = str(error)
            # A process that ends now takes with it what is told from here on.
            self._begin_epoch()
            _log.error("journal_not_written", file=str(self._path), error=self._problem)
        if is_broken(error):
            self._lose_store(error)

    def _lose_store(self, error: Exception) -> None:
        self._loss = self._loss or Loss(self._path, error)
        self._close_store()
        # What it had cannot be read any more, whenever there is another file.
        self._forgotten = self._newest - self._undurable.count

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _recover_from_loss(self) -> None:
        if self._store is None:
            self.recover()

    def recover(self, *, most: int | None = None) -> bool:
        """Write what waits for the disk, ``most`` batches of it; return whether to go on so.

        There is no reason to where nothing waits any more, or the disk still does not do its part.
        For whoever looks after the journal, some times a second while there is a `problem`.
        """
        if self._problem is None:
            return False
        try:
            if self._store is None:
                self._begin_file()
            else:
                self._write_waiting(self._store, most)
        except (JournalUnusable, sqlite3.Error, OSError) as error:
            if is_broken(error):
                self._lose_store(error)
            return False
        if self._undurable:
            return True
        self._problem = None
        if not self._tell_loss():
            _log.info("journal_written_again", file=str(self._path), newest=self._newest)
        return False

    def check_file(self) -> None:
        """Begin a new file if somebody has taken the present one away: nobody would find it again.

        For whoever looks after the journal.
        """
        if self._store is not None and not self._store.is_there:
            self._stop_writing(sqlite3.DatabaseError("somebody has taken the file away"))
            self._recover_from_loss()

    def _write_waiting(self, store: Store, most: int | None) -> None:
        batch, count = self._undurable.first(most)
        # What a reader is told to be gone has to stay so.
        self._write_into(store, batch, forgotten=self._forgotten)
        self._undurable.drop_first(count)

    def _begin_file(self) -> None:
        """Begin a new file in place of a broken one, with all that is known in one transaction."""
        if self._loss is not None:
            self._loss.make_way(now=self._clock())
        waiting, count = self._undurable.first(None)
        batch = Batch(waiting.records, self._known.everything())
        store = self._open()
        self._has_new_epoch = True  # to this file they are all new
        try:
            self._write_into(store, batch, forgotten=self._forgotten)
        except BaseException:
            store.close()
            raise
        self._store = store
        self._undurable.drop_first(count)

    def _tell_loss(self) -> bool:
        """Tell, in the new file and to everybody, if an old one is gone; return whether it is."""
        loss, self._loss = self._loss, None
        if loss is None:
            return False
        replaced = loss.event(now=self._clock())
        self._announce(self.append([replaced], now=replaced.occurred_at))
        return True

    # -- looking after it

    @property
    def size(self) -> int:
        """How many bytes of the file are in use; 0 while there is none."""
        return self._asked(lambda store: store.size, 0)

    def forget_oldest(self, *, keep: Retention, now: datetime, most: int) -> bool:
        """Forget the oldest records that are too many or too old; return whether there are more.

        At most ``most`` of them, so that nobody waits long. ``now`` is aware UTC.
        """
        if self._problem is not None:
            return False
        gone = self._asked(lambda store: keep.forget_oldest(store, now=now, most=most), 0)
        if self._store is not None:
            self._forgotten = max(self._forgotten, self._store.forgotten)
        return gone == most

    def _asked(self, question: Callable[[Store], T], otherwise: T) -> T:
        """Return what the file answers, or something else where it cannot answer."""
        if self._store is None:
            return otherwise
        try:
            return question(self._store)
        except (sqlite3.Error, OSError):
            return otherwise

    @property
    def needs_checkpoint(self) -> bool:
        """Whether enough has been written that it is worth to bring it into the file."""
        return self._store is not None and self._store.log_size > _LARGE_LOG_BYTES

    def checkpoint(self) -> bool:
        """Bring what was written last into the file, in a thread of its own; it may take its time.

        Return whether that was all, so that the log begins anew.
        """
        return self._asked(lambda store: store.checkpoint(), False)

    def finish_checkpoint(self) -> None:
        """Do so with what has come since, in the thread of the loop, if the log is very large."""
        if self._store is not None and self._store.log_size > _VERY_LARGE_LOG_BYTES:
            self._asked(lambda store: store.checkpoint_at_once(), None)
