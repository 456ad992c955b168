"""Live fan-out: what one loop turn brings is framed once per group and written to every member.

Subscribers with equal framings and filters form a group. A chunk goes straight to the transport:
one ``transport.write`` for all records of a turn costs a small part of what a queue and an
``await response.write()`` per event cost. A subscriber that does not keep up is handed back to its
stream with the cursor that it has reached; what it gets then is the stream's affair.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from eventd.http_api.filters import Filter
from eventd.http_api.framing import Framing
from eventd.model.record import Cursor, EventRecord

__all__ = ["Broadcast", "Group", "Subscriber"]


@dataclass(frozen=True, slots=True)
class Group:
    """What subscribers have in common whose bytes are the same."""

    framing: Framing
    filter: Filter

    def chunk(self, records: Sequence[EventRecord]) -> bytes:
        """Return what the members get of these records; empty if nothing."""
        return self.framing.events(self.wanted(records))

    def wanted(self, records: Sequence[EventRecord]) -> Sequence[EventRecord]:
        """Return those of the records that the members get."""
        if self.filter.lets_all_through:
            return records
        matches = self.filter.matches
        return [record for record in records if matches(record.traits)]


@dataclass(eq=False, slots=True)
class Subscriber:
    """A reader that has caught up and is written to as events come."""

    group: Group
    transport: asyncio.WriteTransport
    joined: Cursor
    """Where it joined: what was recorded up to here, it has."""
    counts: bool = False
    """True if only its stream knows how many records it may get: it is handed back for each."""
    left_behind: asyncio.Future[Cursor] = field(default_factory=asyncio.Future)
    """Done when it is handed back to its stream, with the cursor that it has reached."""


class Broadcast:
    """All live subscribers of both sockets. Its `deliver` is a reader of the delivery."""

    def __init__(self, *, write_limit: int) -> None:
        self._write_limit = write_limit
        """Bytes that may wait in a subscriber's transport."""
        self._groups: dict[Group, set[Subscriber]] = {}
        self._delivered: Cursor | None = None

    def join(self, subscriber: Subscriber) -> None:
        """Begin writing to a subscriber: what follows the cursor where it joined."""
        self._groups.setdefault(subscriber.group, set()).add(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        """Write no more to a subscriber; leaving twice does no harm."""
        members = self._groups.get(subscriber.group, set())
        members.discard(subscriber)
        if not members:
            self._groups.pop(subscriber.group, None)

    def reached(self, subscriber: Subscriber) -> Cursor:
        """Return the cursor up to which a member has been written everything that it wants."""
        joined, delivered = subscriber.joined, self._delivered
        return delivered if delivered and delivered.sequence > joined.sequence else joined

    def deliver(self, records: Sequence[EventRecord]) -> None:
        """Write the records of one loop turn to all members that want them."""
        for group, members in list(self._groups.items()):
            chunk = group.chunk(records)
            if chunk:
                for subscriber in tuple(members):
                    self._write(subscriber, chunk, records)
        self._delivered = records[-1].cursor

    def _write(self, subscriber: Subscriber, chunk: bytes, records: Sequence[EventRecord]) -> None:
        joined = subscriber.joined.sequence
        if joined >= records[0].sequence:
            # It joined between recording and delivery, and has the first of these already.
            chunk = subscriber.group.chunk([each for each in records if each.sequence > joined])
        if not chunk:
            return
        waiting = subscriber.transport.get_write_buffer_size()
        if subscriber.counts or waiting + len(chunk) > self._write_limit:
            self.hand_back(subscriber)
        else:
            subscriber.transport.write(chunk)

    def hand_back(self, subscriber: Subscriber) -> None:
        """Leave the writing to the stream of a member again."""
        if not subscriber.left_behind.done():
            subscriber.left_behind.set_result(self.reached(subscriber))
        self.leave(subscriber)
