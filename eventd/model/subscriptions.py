"""Durable subscriptions: who reads by a name, what of, and how far it has got."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from eventd.model.record import Cursor

__all__ = ["Subscription"]


class Subscription(NamedTuple):
    """A reader that has a name and acknowledges what it has dealt with.

    The journal remembers it, so that both its program and the daemon may end at any moment.
    """

    name: str
    """Letters, digits, ``-``, ``_`` and ``.``."""
    filters: tuple[tuple[str, str], ...]
    """Which events it wants: keys and values as in the query of a stream."""
    acknowledged: Cursor
    """Everything up to here is dealt with."""
    created_at: datetime
    """Aware, UTC."""
