"""What a stream of events carries, and how its lines are read."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from eventd.model import cloudevents, control
from eventd.model.control import GapReason
from eventd.model.domain import DomainStatus
from eventd.model.events import EVENT_CLASSES
from eventd.model.record import Cursor, EventRecord

__all__ = [
    "DomainSnapshot",
    "Gap",
    "Heartbeat",
    "Item",
    "Passed",
    "SnapshotEnd",
    "read_item",
    "read_record",
]

# Programs of all kinds use this package: it logs as every library does, and configures nothing.
_log = logging.getLogger(__package__)

_EVENT_TYPES = frozenset(map(cloudevents.type_of, EVENT_CLASSES))


@dataclass(frozen=True, slots=True)
class DomainSnapshot:
    """The state of one domain at the beginning of a stream with ``snapshot=True``."""

    status: DomainStatus
    json: bytes = field(default=b"", repr=False, compare=False)
    """The CloudEvents JSON as it came, on one line, without a line end."""


@dataclass(frozen=True, slots=True)
class SnapshotEnd:
    """Every domain has been told; what follows happened after ``cursor``."""

    cursor: Cursor
    domains: int
    """How many domains the snapshot had."""
    json: bytes = field(default=b"", repr=False, compare=False)
    """The CloudEvents JSON as it came, on one line, without a line end."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The daemon no longer has what follows ``after``; the stream goes on from ``cursor``."""

    cursor: Cursor
    reason: GapReason
    after: str
    oldest: str
    newest: str
    lost: int | None
    """How many records are lost; None if nobody knows."""
    message: str
    """What happened, in one sentence."""
    json: bytes = field(default=b"", repr=False, compare=False)
    """The CloudEvents JSON as it came, on one line, without a line end."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing has happened up to ``cursor`` that the stream wants, and the daemon is alive."""

    cursor: Cursor
    json: bytes = field(default=b"", repr=False, compare=False)
    """The CloudEvents JSON as it came, on one line, without a line end; empty at a beginning."""


Item = EventRecord | DomainSnapshot | SnapshotEnd | Gap | Heartbeat
"""What a stream yields, if it is asked for all that there is."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A record that only a newer client knows: only where the stream is by now."""

    cursor: str | None


def read_item(line: bytes) -> Item | Passed:
    """Return what a line of a stream says."""
    envelope = from_json(line)
    data = envelope["data"]
    match envelope["type"]:
        case cloudevents.SNAPSHOT:
            return DomainSnapshot(DomainStatus.model_validate(data), line.rstrip())
        case cloudevents.SNAPSHOT_END:
            cursor = Cursor.parse(envelope["cursor"])
            return SnapshotEnd(cursor, data["domains"], line.rstrip())
        case cloudevents.GAP:
            return _gap(Cursor.parse(envelope["cursor"]), data, line.rstrip())
        case cloudevents.HEARTBEAT:
            return Heartbeat(Cursor.parse(envelope["cursor"]), line.rstrip())
        case ce_type:
            return read_record(ce_type, line.rstrip()) or Passed(envelope.get("cursor"))


def _gap(cursor: Cursor, data: Any, json: bytes) -> Gap:
    told = control.Gap.model_validate(data)
    return Gap(
        cursor=cursor,
        reason=told.reason,
        after=told.after,
        oldest=told.oldest,
        newest=told.newest,
        lost=told.lost,
        message=told.message,
        json=json,
    )


def read_record(ce_type: str, json: bytes) -> EventRecord | None:
    """Return the record of an event, or None if only a newer client knows its type."""
    if ce_type not in _EVENT_TYPES:
        _log.debug("skipped a record of an unknown type: %s", ce_type)
        return None
    return EventRecord.from_json(json)
