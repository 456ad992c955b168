"""An event in the journal: its place in the order, and its one encoding.

A record is encoded once, when it is made; every reader downstream passes those bytes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from eventd.errors import InvalidArgument
from eventd.model import cloudevents
from eventd.model.events import Event

__all__ = ["Cursor", "EventRecord"]

_MOST_DIGITS = 20
"""As many as the attribute ``sequence`` has; ``int`` itself refuses more than 4,300."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in the order of events: everything up to and including ``sequence`` is behind it.

    Clients get and give it as an opaque string, ``str(cursor)``.
    """

    epoch: str
    """Names one life of the journal; sequences of different epochs cannot be compared."""
    sequence: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read what ``str`` wrote.

        Raises:
            InvalidArgument: the text is no cursor.
        """
        epoch, dash, sequence = text.rpartition("-")
        is_number = sequence.isascii() and sequence.isdigit() and len(sequence) <= _MOST_DIGITS
        if not (dash and epoch.isalnum() and is_number):
            raise InvalidArgument(
                f"{text[:80]!r} is not a cursor; pass one back exactly as a record carried it"
            )
        return cls(epoch, int(sequence))


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event with its place in the journal."""

    cursor: Cursor
    recorded_at: datetime
    """When it was written to the journal: aware, UTC."""
    event: Event
    json: bytes = field(repr=False)
    """The CloudEvents 1.0 JSON of the record, on one line, without a line end."""

    @property
    def id(self) -> str:
        """The CloudEvents ``id``: by this, and the source, another event refers to it."""
        return cloudevents.identify(self.event, cursor=str(self.cursor))

    @property
    def sequence(self) -> int:
        """Its number: each record has the number after that of the record before."""
        return self.cursor.sequence

    @classmethod
    def of(cls, event: Event, *, cursor: Cursor, recorded_at: datetime) -> EventRecord:
        """Give an event its place, and encode it."""
        json = cloudevents.encode(
            event, cursor=str(cursor), recorded_at=recorded_at, sequence=cursor.sequence
        )
        return cls(cursor, recorded_at, event, json)

    @classmethod
    def from_json(cls, json: bytes) -> EventRecord:
        """Read a record back from its encoding.

        Raises:
            InvalidArgument: the bytes are no record of a known type.
        """
        decoded = cloudevents.decode(json)
        return cls(Cursor.parse(decoded.cursor), decoded.recorded_at, decoded.event, json)
