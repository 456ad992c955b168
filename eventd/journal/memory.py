"""A journal in memory: bounded, and gone with the process."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from types import MappingProxyType

from eventd import metrics
from eventd.errors import CursorExpired
from eventd.model.events import ConnectionEvent, DomainEvent, Event
from eventd.model.picture import DomainPicture, PictureChange
from eventd.model.record import Cursor, EventRecord

__all__ = ["MemoryJournal"]


class MemoryJournal:
    """Keeps the newest ``capacity`` records; see `eventd.journal.journal.Journal`.

    ``epoch`` must be a new name for each life of the process: letters and digits.
    """

    def __init__(self, epoch: str, *, capacity: int = 65_536) -> None:
        self._epoch = epoch
        self._records: deque[EventRecord] = deque(maxlen=capacity)
        self._sequence = 0
        self._pictures: defaultdict[str, dict[str, DomainPicture]] = defaultdict(dict)

    @property
    def oldest(self) -> Cursor:
        """The cursor just before the oldest record that can still be read."""
        return Cursor(self._epoch, self._sequence - len(self._records))

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
        self._records.extend(records)
        self._sequence += len(records)
        if picture is not None:
            self._keep(picture)
        for event in events:
            metrics.events_published.labels(_connection_of(event), event.kind).inc()
        return records

    def _keep(self, change: PictureChange) -> None:
        known = self._pictures[change.connection]
        known.update(change.changed)
        for reference in change.removed:
            known.pop(reference, None)

    def read(self, after: Cursor, *, limit: int) -> list[EventRecord]:
        """Return at most ``limit`` records that follow ``after``, in order."""
        first = self.oldest.sequence
        if after.epoch != self._epoch or not first <= after.sequence <= self._sequence:
            raise CursorExpired(
                f"the journal cannot be read after {after}: it holds what follows {self.oldest}, "
                f"up to {self.newest}; read the present state and go on from there",
                oldest=str(self.oldest),
                newest=str(self.newest),
            )
        skipped = after.sequence - first
        return list(islice(self._records, skipped, skipped + limit))

    def pictures(self, connection: str) -> Mapping[str, DomainPicture]:
        """Return the last known picture of every domain of a connection, by reference."""
        # A copy: the caller holds a moment, whatever is appended while it goes through it.
        return MappingProxyType(dict(self._pictures.get(connection, {})))


def _connection_of(event: Event) -> str:
    match event:
        case DomainEvent(domain=domain):
            return domain.connection
        case ConnectionEvent(connection=connection):
            return connection
        case _:
            return ""
