"""How much of the past is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from eventd.journal.store import Store
from eventd.model.record import microseconds

__all__ = ["Retention"]


class Retention(NamedTuple):
    """Limits: what is past one of them is forgotten, the oldest first."""

    bytes: int
    """So much of the file may be in use, all in all."""
    age: timedelta | None = None
    """So long ago a record may have been written; None for as long as there is room."""

    def forget_oldest(self, store: Store, *, now: datetime, most: int) -> int:
        """Forget at most ``most`` records of a file, and return how many; ``now`` is aware UTC.

        Raises:
            sqlite3.Error: nothing was forgotten.
        """
        if store.size > self.bytes:
            return store.forget_oldest(store.newest, most=most)
        if self.age is None:
            return 0
        too_old = store.recorded_before(microseconds(now - self.age), most=most)
        return store.forget_oldest(too_old, most=most)
