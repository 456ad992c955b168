"""What the host of a test tells and nobody can understand."""

from __future__ import annotations

from datetime import UTC, datetime

from eventd.connections.not_understood import NotUnderstood
from eventd.connections.timer import LoopTimer, Timer

__all__ = ["odd_things"]

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def odd_things(*, timer: Timer | None = None) -> NotUnderstood:
    """Begin to note what cannot be understood of the connection esx01, at noon."""
    return NotUnderstood(
        "esx01", source="esx://esx01/", timer=timer or LoopTimer(), clock=lambda: NOON
    )
