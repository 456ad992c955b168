"""What the journals say alike: what is wrong with a cursor, and what was published."""

from __future__ import annotations

from collections.abc import Iterable

from eventd import metrics
from eventd.errors import CursorExpired
from eventd.model.events import ConnectionEvent, DomainEvent, Event
from eventd.model.record import Cursor

__all__ = ["count_published", "expired", "not_given_out"]


def expired(after: Cursor, *, oldest: Cursor, newest: Cursor) -> CursorExpired:
    """Return the error that a journal cannot be read after a cursor."""
    return CursorExpired(
        f"the journal cannot be read after {after}: it holds what follows {oldest}, "
        f"up to {newest}; read the present state and go on from there",
        oldest=str(oldest),
        newest=str(newest),
    )


def not_given_out(cursor: Cursor, *, oldest: Cursor, newest: Cursor) -> CursorExpired:
    """Return the error that a cursor cannot be acknowledged."""
    return CursorExpired(
        f"the journal has never given out {cursor}, its newest cursor is {newest}; acknowledge "
        "that of a record",
        oldest=str(oldest),
        newest=str(newest),
    )


def count_published(events: Iterable[Event]) -> None:
    """Count events that are in the journal now."""
    for event in events:
        metrics.events_published.labels(_connection_of(event), event.kind).inc()


def _connection_of(event: Event) -> str:
    match event:
        case DomainEvent(domain=domain):
            return domain.connection
        case ConnectionEvent(connection=connection):
            return connection
        case _:
            return ""
