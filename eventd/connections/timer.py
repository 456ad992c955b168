"""The time by which held-back changes are decided: the event loop's, or a test's own."""

from __future__ import annotations

import asyncio
from typing import Protocol

__all__ = ["LoopTimer", "Timer"]


class Timer(Protocol):
    """A monotonic clock that can be waited for."""

    def instant(self) -> float:
        """Return the present moment in seconds."""
        ...

    async def reach(self, instant: float) -> None:
        """Return once that moment has come, or nearly so."""
        ...


class LoopTimer:
    """The clock of the running event loop."""

    def instant(self) -> float:
        """Return the loop's time in seconds."""
        return asyncio.get_running_loop().time()

    async def reach(self, instant: float) -> None:
        """Sleep until then, or a tick less: the loop's timers may be early."""
        await asyncio.sleep(max(0.0, instant - self.instant()))
