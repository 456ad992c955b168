"""Notices that a host owes an answer for longer than it may take, while it may still give it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from eventd.connections.timer import Timer

__all__ = ["Silence"]


class Silence:
    """Calls ``noticed`` once for each answer that has not come ``limit`` seconds after it was due.

    It looks at the time now and then: an answer that comes in time costs nothing.
    """

    def __init__(self, timer: Timer, *, limit: float, noticed: Callable[[], None]) -> None:
        self._timer = timer
        self._limit = limit
        self._noticed = noticed
        self._asked_at: float | None = None

    @contextmanager
    def heard_out(self) -> Iterator[None]:
        """Wait for an answer in this block."""
        self._asked_at = self._timer.instant()
        try:
            yield
        finally:
            self._asked_at = None

    async def watch(self) -> NoReturn:
        """Look after the answers until cancelled."""
        while True:
            await self._timer.reach(self._next_look())
            if self._is_silent():
                self._asked_at = None
                self._noticed()

    def _next_look(self) -> float:
        asked_at = self._asked_at
        return (self._timer.instant() if asked_at is None else asked_at) + self._limit

    def _is_silent(self) -> bool:
        return self._asked_at is not None and self._timer.instant() - self._asked_at >= self._limit
