"""What is still to happen, by the time at which it is due."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime
from itertools import count

__all__ = ["Schedule"]

Step = Callable[[datetime], None]
"""What happens; it gets the time at which it was due."""


class Schedule:
    """A queue of steps. Steps that are due at the same time happen in the order of `add`."""

    def __init__(self, changed: Callable[[], None], *, now: datetime) -> None:
        self._changed = changed
        self.now = now
        """The time up to which everything has happened; in a step, that of the step."""
        self._queue: list[tuple[datetime, int, Step]] = []
        self._serial = count()

    @property
    def next_deadline(self) -> datetime | None:
        """When the next step is due; None if nothing is to happen."""
        return self._queue[0][0] if self._queue else None

    def add(self, due: datetime, step: Step) -> None:
        """Let a step happen at a time."""
        heapq.heappush(self._queue, (due, next(self._serial), step))
        self._changed()

    def run(self, now: datetime) -> None:
        """Let everything happen that is due, also what becomes due by that."""
        while self._queue and self._queue[0][0] <= now:
            due, _, step = heapq.heappop(self._queue)
            self.now = max(self.now, due)
            step(due)
        self.now = max(self.now, now)
