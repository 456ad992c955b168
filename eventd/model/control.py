"""Control records: what a stream says about itself. They are no events and have no sequence."""

from __future__ import annotations

from enum import StrEnum

from eventd.model.domain import Value

__all__ = ["ControlRecord", "Gap", "GapReason", "Heartbeat", "SnapshotEnd"]


class GapReason(StrEnum):
    """Why a stream has a gap."""

    EXPIRED = "expired"
    """The reader resumed at a cursor that is too old."""
    OTHER_JOURNAL = "other-journal"
    """The reader resumed at a cursor that this journal has never given out."""
    FELL_BEHIND = "fell-behind"
    """The reader was too slow for what the journal keeps."""
    FORGOTTEN = "forgotten"
    """The reader asked for a time of which the journal no longer has everything."""


class ControlRecord(Value):
    """Something about the stream, at its cursor."""


class Gap(ControlRecord):
    """The stream cannot give what follows a cursor. It ends, or goes on with what is still held."""

    reason: GapReason
    after: str
    """The cursor up to which the reader has everything; ``oldest`` where it asked for a time."""
    oldest: str
    """The oldest cursor that can still be read from."""
    newest: str
    """The newest one."""
    lost: int | None = None
    """How many records there were between ``after`` and ``oldest``; None if nobody knows."""
    message: str
    """What happened and what to do, in one sentence."""


class Heartbeat(ControlRecord):
    """Nothing has happened, and the daemon is alive."""


class SnapshotEnd(ControlRecord):
    """Every domain has been told; what follows happened after the cursor."""

    domains: int
    """How many domains were told."""
