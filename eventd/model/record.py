"""An event in the journal: its place in the order, and its one encoding.

A record is encoded once, when it is made; every reader downstream passes those bytes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from eventd.errors import InvalidArgument
from eventd.model import cloudevents
from eventd.model.events import Event
from eventd.model.traits import Traits, read_traits

__all__ = ["Cursor", "EventRecord", "microseconds"]

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


class EventRecord:
    """An event with its place in the journal. It cannot be changed.

    One that was read from a file decodes its event when it is first asked for: most readers only
    pass the bytes on.
    """

    __slots__ = ("_content", "cursor", "happened", "json")

    cursor: Cursor
    json: bytes
    """The CloudEvents 1.0 JSON of the record, on one line, without a line end."""
    happened: int
    """When it happened, in microseconds of Unix time, for the search by time.

    A host whose clock is ahead tells of the future; then it is when the record was written.
    """
    _content: tuple[Event, datetime] | None

    def __init__(
        self,
        cursor: Cursor,
        json: bytes,
        *,
        happened: int,
        content: tuple[Event, datetime] | None = None,
    ) -> None:
        """Make a record of its encoding; ``content`` is the event and when it was recorded."""
        set_once = object.__setattr__
        set_once(self, "cursor", cursor)
        set_once(self, "json", json)
        set_once(self, "happened", happened)
        set_once(self, "_content", content)

    def __setattr__(self, name: str, _: object) -> NoReturn:
        raise AttributeError(f"a record cannot be changed: {name!r} is not to be set")

    def __repr__(self) -> str:
        return f"EventRecord({self.cursor}, {self.event!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EventRecord):
            return NotImplemented
        return (self.cursor, self.json) == (other.cursor, other.json)

    def __hash__(self) -> int:
        return hash(self.cursor)

    @property
    def event(self) -> Event:
        """What happened."""
        return self._decoded()[0]

    @property
    def traits(self) -> Event | Traits:
        """What readers choose it by: the event where it is at hand, else what its JSON says."""
        return read_traits(self.json) if self._content is None else self._content[0]

    @property
    def recorded_at(self) -> datetime:
        """When it was written to the journal: aware, UTC."""
        return self._decoded()[1]

    def _decoded(self) -> tuple[Event, datetime]:
        if self._content is None:
            decoded = cloudevents.decode(self.json)
            object.__setattr__(self, "_content", (decoded.event, decoded.recorded_at))
            return decoded.event, decoded.recorded_at
        return self._content

    @property
    def id(self) -> str:
        """The CloudEvents ``id``: by this, and the source, another event refers to it."""
        return cloudevents.identify(self.event, cursor=str(self.cursor))

    @property
    def sequence(self) -> int:
        """Its number: each record has the number after that of the record before."""
        return self.cursor.sequence

    @classmethod
    def of(
        cls, event: Event, *, cursor: Cursor, recorded_at: datetime, durable: bool = True
    ) -> EventRecord:
        """Give an event its place, and encode it.

        A record that is not ``durable`` says so: when it was published, it was not on the disk.
        """
        json = cloudevents.encode(
            event,
            cursor=str(cursor),
            recorded_at=recorded_at,
            sequence=cursor.sequence,
            durable=durable,
        )
        happened = microseconds(min(event.occurred_at, recorded_at))
        return cls(cursor, json, happened=happened, content=(event, recorded_at))

    @classmethod
    def from_json(cls, json: bytes) -> EventRecord:
        """Read a record back from its encoding.

        Raises:
            InvalidArgument: the bytes are no record of a known type.
        """
        decoded = cloudevents.decode(json)
        return cls(
            Cursor.parse(decoded.cursor),
            json,
            happened=microseconds(min(decoded.event.occurred_at, decoded.recorded_at)),
            content=(decoded.event, decoded.recorded_at),
        )


_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """Return an aware time in microseconds of Unix time, exactly."""
    return (at - _EPOCH) // _MICROSECOND
