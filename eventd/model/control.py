"""Control records: what a stream says about itself. They are no events and have no sequence."""

from __future__ import annotations

from eventd.model.domain import Value

__all__ = ["ControlRecord", "Gap", "Heartbeat", "SnapshotEnd"]


class ControlRecord(Value):
    """Something about the stream, at its cursor."""


class Gap(ControlRecord):
    """The stream cannot give what follows, and ends."""

    reason: str
    """``fell-behind``: the reader was too slow for what the journal keeps."""
    after: str
    """The cursor up to which the reader has everything."""
    oldest: str
    """The oldest cursor that can still be read from."""
    newest: str
    """The newest one."""
    message: str
    """What happened and what to do, in one sentence."""


class Heartbeat(ControlRecord):
    """Nothing has happened, and the daemon is alive."""


class SnapshotEnd(ControlRecord):
    """Every domain has been told; what follows happened after the cursor."""

    domains: int
    """How many domains were told."""
