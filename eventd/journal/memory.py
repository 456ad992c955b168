"""A journal in memory: bounded, and gone with the process."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain, islice

from eventd.journal.cursors import count_published, expired, not_given_out
from eventd.journal.last_known import LastKnown
from eventd.model.events import Event
from eventd.model.picture import DomainPicture, HostPicture, PictureChange
from eventd.model.record import Cursor, EventRecord, microseconds
from eventd.model.subscriptions import Subscription

__all__ = ["MemoryJournal"]


class MemoryJournal:
    """Keeps the newest ``capacity`` records; see `eventd.journal.journal.Journal`.

    ``epoch`` must be a new name for each life of the process: letters and digits.
    """

    def __init__(self, epoch: str, *, capacity: int = 65_536) -> None:
        self._epoch = epoch
        self._capacity = capacity
        self._records: deque[EventRecord] = deque(maxlen=capacity)
        self._sequence = 0
        self._forgotten_until: int | None = None
        """When the last of all happened that are forgotten; None if none is."""
        self._known = LastKnown()

    @property
    def oldest(self) -> Cursor:
        """The cursor just before the oldest record that can still be read."""
        return Cursor(self._epoch, self._sequence - len(self._records))

    @property
    def problem(self) -> str | None:
        """None: there is no disk to have one."""
        return None

    @property
    def newest(self) -> Cursor:
        """The cursor of the newest record; sequence 0 while there is none."""
        return Cursor(self._epoch, self._sequence)

    def append(
        self, events: Sequence[Event], *, now: datetime, picture: PictureChange | None = None
    ) -> list[EventRecord]:
        """Write events and the picture that they lead to; return the records."""
        # Encoding may raise, so it comes before anything is changed.
        records = [
            EventRecord.of(event, cursor=Cursor(self._epoch, sequence), recorded_at=now)
            for sequence, event in enumerate(events, self._sequence + 1)
        ]
        self._forget(len(self._records) + len(records) - self._capacity, records)
        self._records.extend(records)
        self._sequence += len(records)
        if picture is not None:
            self._known.take_in(picture)
        count_published(events)
        return records

    def _forget(self, count: int, following: Sequence[EventRecord]) -> None:
        """Note of what time those are that have no room any more."""
        for record in islice(chain(self._records, following), max(0, count)):
            self._forgotten_until = max(self._forgotten_until or record.happened, record.happened)

    def read(self, after: Cursor, *, limit: int) -> list[EventRecord]:
        """Return at most ``limit`` records that follow ``after``, in order."""
        self._check(after)
        skipped = after.sequence - self.oldest.sequence
        return list(islice(self._records, skipped, skipped + limit))

    def _check(self, cursor: Cursor) -> None:
        is_held = self.oldest.sequence <= cursor.sequence <= self._sequence
        if cursor.epoch != self._epoch or not is_held:
            raise expired(cursor, oldest=self.oldest, newest=self.newest)

    def gave_out(self, cursor: Cursor) -> bool:
        """Whether the cursor is one of this journal's, be it that what follows is forgotten."""
        return cursor.epoch == self._epoch and cursor.sequence <= self._sequence

    def before(self, since: datetime) -> Cursor:
        """Return a cursor behind which all records are that happened at a time or later."""
        since_when = microseconds(since)
        first = self.oldest.sequence
        for skipped, record in enumerate(self._records):
            if record.happened >= since_when:
                return Cursor(self._epoch, first + skipped)
        return self.newest

    def forgot_since(self, at: datetime) -> bool:
        """Whether something is forgotten that happened at a time or later."""
        until = self._forgotten_until
        return until is not None and microseconds(at) <= until

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

    def acknowledge(self, name: str, cursor: Cursor) -> None:
        """Let a subscription have dealt with everything up to a cursor."""
        acknowledged = self._known.acknowledged(name, cursor, gave_out=self.gave_out)
        if not self.gave_out(cursor):
            raise not_given_out(cursor, oldest=self.oldest, newest=self.newest)
        self.subscribe(acknowledged)

    def unsubscribe(self, name: str) -> None:
        """Forget a subscription."""
        del self._known.subscriptions[self._known.subscription(name).name]
