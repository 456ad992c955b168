"""A bell that is rung when there is news, for all who listen then."""

from __future__ import annotations

import asyncio

from eventd.connections.timer import Timer

__all__ = ["Bell", "heard_by"]


class Bell:
    """Rings for those who listen.

    `listen` first, look at what there is, and then wait for what `listen` has returned: so nothing
    is missed in between.
    """

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake everybody who listens."""
        rung, self._next = self._next, asyncio.Event()
        rung.set()

    def listen(self) -> asyncio.Event:
        """Return what is set when it is rung next."""
        return self._next


async def heard_by(bell: asyncio.Event, timer: Timer, until: float | None) -> bool:
    """Wait for what `Bell.listen` has returned, at most until an instant of the timer.

    Return whether it was rung.
    """
    if until is None:
        return await bell.wait()
    async with asyncio.TaskGroup() as group:
        rung = group.create_task(bell.wait(), name="bell")
        alarm = group.create_task(timer.reach(until), name="alarm")
        await asyncio.wait((rung, alarm), return_when=asyncio.FIRST_COMPLETED)
        was_rung = rung.done()
        rung.cancel()
        alarm.cancel()
    return was_rung
