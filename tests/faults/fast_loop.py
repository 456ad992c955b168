"""An event loop on which time runs fast, so that a deadline of a minute takes a few seconds.

Whatever runs on it sees one clock, the loop's: daemon, host, way between them and subscribers
agree on how long a second is, and none of them has a switch for tests.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

__all__ = ["Clock", "FastLoop", "run_fast"]

SPEED = 20.0
"""Ten seconds, the shortest deadline that matters, are half a second: a busy machine meets it."""

_BEGINNING = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Waits for a part of what it is asked to."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout > 0:
            timeout /= self._speed
        return super().select(timeout)


class FastLoop(asyncio.SelectorEventLoop):
    """The loop of asyncio, with seconds that pass ``speed`` times as fast."""

    def __init__(self, speed: float = SPEED) -> None:
        self._speed = speed
        super().__init__(_Selector(speed))

    def time(self) -> float:
        """Return the loop's time in its own seconds."""
        return super().time() * self._speed


class Clock:
    """Aware UTC that goes with the running loop, and jumps when it is told to."""

    def __init__(self, now: datetime = _BEGINNING) -> None:
        self._offset = now - _elapsed()

    def __call__(self) -> datetime:
        """Return what it shows."""
        return self._offset + _elapsed()

    def jump(self, by: timedelta) -> None:
        """Show another time from now on."""
        self._offset += by


def _elapsed() -> timedelta:
    return timedelta(seconds=asyncio.get_running_loop().time())


def run_fast(main: Callable[[], Coroutine[Any, Any, T]], *, speed: float = SPEED) -> T:
    """Run a coroutine function to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=partial(FastLoop, speed)) as runner:
        return runner.run(main())
