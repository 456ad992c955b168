"""The upkeep of a durable journal: it forgets what is too old, and waits for the disk.

All in small steps beside the publishing, which never waits for any of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NoReturn

from eventd import metrics
from eventd.journal.durable import DurableJournal
from eventd.journal.retention import Retention

__all__ = ["Upkeep"]

_PAUSE_SECONDS = 0.25
"""How often to look: what waits for room on the disk is to be there within a second."""

_RECORDS = 250
"""So many records are forgotten at once, which takes less than a millisecond."""

_BATCHES = 100
"""So many batches are written at once when there is room again."""


class Upkeep:
    """Looks after a journal.

    ``clock`` tells aware UTC, and is asked once: from then on time passes as ``instant`` tells, in
    the seconds of a monotonic clock. A clock that jumps ahead makes nothing old.
    ``problem_changed`` is called when `DurableJournal.problem` is another than at the last look.
    """

    def __init__(
        self,
        journal: DurableJournal,
        *,
        keep: Retention,
        clock: Callable[[], datetime],
        instant: Callable[[], float] = time.monotonic,
        problem_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._journal = journal
        self._keep = keep
        self._instant = instant
        self._begun_at = clock()
        self._begun = instant()
        self._problem_changed = problem_changed
        self._problem: str | None = None

    async def run(self) -> NoReturn:
        """Look after the journal until cancelled."""
        while True:
            await self.look_after()
            await asyncio.sleep(_PAUSE_SECONDS)  # nobody is told

    async def look_after(self) -> None:
        """Do what there is to do now; others have their turn between any two steps."""
        journal = self._journal
        journal.check_file()
        await _step_by_step(lambda: journal.recover(most=_BATCHES))
        await _step_by_step(
            lambda: journal.forget_oldest(keep=self._keep, now=self._now(), most=_RECORDS)
        )
        if journal.needs_checkpoint and not await asyncio.to_thread(journal.checkpoint):
            journal.finish_checkpoint()
        if journal.problem != self._problem:
            self._problem = journal.problem
            self._problem_changed()
        metrics.journal_bytes.set(journal.size)
        metrics.journal_undurable.set(journal.undurable)

    def _now(self) -> datetime:
        return self._begun_at + timedelta(seconds=self._instant() - self._begun)


async def _step_by_step(step: Callable[[], bool]) -> None:
    while step():  # noqa: ASYNC110  # not a wait: a turn for all others
        await asyncio.sleep(0)
