"""The journal's contract: one order of events for all readers, written before anything is read.

An event becomes a record by being appended. Callbacks, streams and sinks are readers with a
position; none of them sees an event that is not in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from eventd.model.events import Event
from eventd.model.picture import DomainPicture, HostPicture, PictureChange
from eventd.model.record import Cursor, EventRecord
from eventd.model.subscriptions import Subscription

__all__ = ["Journal"]


class Journal(Protocol):
    """The durable order of events, the last known picture of every domain, and who reads by name.

    All methods return at once or block the loop for the time of one small disk write, so that
    what one loop turn appends and reads is of one moment.
    """

    @property
    def oldest(self) -> Cursor:
        """The cursor just before the oldest record that can still be read."""
        ...

    @property
    def problem(self) -> str | None:
        """Why records are not durable at the moment; None if they are as durable as they can be."""
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
            JournalUnusable: the records cannot be had now, and may be later.
        """
        ...

    def gave_out(self, cursor: Cursor) -> bool:
        """Whether the cursor is one of this journal's, be it that what follows is forgotten.

        The sequences of all those are of one order, whatever their epochs.
        """
        ...

    def before(self, since: datetime) -> Cursor:
        """Return a cursor behind which all records are that happened at a time or later.

        Some of those that follow it may have happened earlier: what happened is not always told in
        the order in which it did.
        """
        ...

    def forgot_since(self, at: datetime) -> bool:
        """Whether something is forgotten that happened at a time or later.

        True also where that is not known, if what is kept begins later.

        Raises:
            JournalUnusable: the records cannot be had now, and may be later.
        """
        ...

    # -- the last known picture

    def pictures(self, connection: str) -> Mapping[str, DomainPicture]:
        """Return the last known picture of every domain of a connection, by reference."""
        ...

    def host(self, connection: str) -> HostPicture | None:
        """Return what is known of a connection's host itself; None if nothing is."""
        ...

    # -- who reads by name

    def subscriptions(self) -> Sequence[Subscription]:
        """Return all durable subscriptions, by name."""
        ...

    def subscribe(self, subscription: Subscription) -> None:
        """Remember a subscription; one of the same name is replaced."""
        ...

    def acknowledge(self, name: str, cursor: Cursor) -> None:
        """Let a subscription have dealt with everything up to a cursor.

        One that is behind what is acknowledged changes nothing; one that can no longer be read
        from is as good as any.

        Raises:
            NoSuchSubscription: there is none of this name.
            CursorExpired: the cursor is of another epoch, or beyond `newest`.
        """
        ...

    def unsubscribe(self, name: str) -> None:
        """Forget a subscription.

        Raises:
            NoSuchSubscription: there is none of this name.
        """
        ...
