"""The journal's contract: one order of events for all readers, written before anything is read.

An event becomes a record by being appended. Callbacks, streams and sinks are readers with a
position; none of them sees an event that is not in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from eventd.model.events import Event
from eventd.model.picture import DomainPicture, PictureChange
from eventd.model.record import Cursor, EventRecord

__all__ = ["Journal"]


class Journal(Protocol):
    """The durable order of events and the last known picture of every domain.

    All methods return at once or block the loop for the time of one small disk write, so that
    what one loop turn appends and reads is of one moment.
    """

    @property
    def oldest(self) -> Cursor:
        """The cursor just before the oldest record that can still be read."""
        ...

    @property
    def newest(self) -> Cursor:
        """The cursor of the newest record; sequence 0 while there is none."""
        ...

    def append(
        self, events: Sequence[Event], *, now: datetime, picture: PictureChange | None = None
    ) -> list[EventRecord]:
        """Write events and the picture that they lead to, all or nothing; return the records.

        Sequence numbers grow by one. ``now`` is aware UTC and becomes ``recorded_at``.
        """
        ...

    def read(self, after: Cursor, *, limit: int) -> list[EventRecord]:
        """Return at most ``limit`` records that follow ``after``, in order.

        Raises:
            CursorExpired: ``after`` is of another epoch, or older than ``oldest``.
        """
        ...

    def pictures(self, connection: str) -> Mapping[str, DomainPicture]:
        """Return the last known picture of every domain of a connection, by reference."""
        ...
