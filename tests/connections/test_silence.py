"""A host that owes an answer: noticed once for each answer, by the hand of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from eventd.connections.silence import Silence

LIMIT = 63.0


class HandTimer:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._moved = asyncio.Event()

    def instant(self) -> float:
        """Return the present moment."""
        return self.now

    async def reach(self, instant: float) -> None:
        """Wait until the clock was moved so far."""
        while self.now < instant:
            self._moved.clear()
            await self._moved.wait()

    async def go_on(self, seconds: float) -> None:
        """Let time pass, and whoever waits for it go on."""
        self.now += seconds
        self._moved.set()
        for _ in range(5):
            await asyncio.sleep(0)


class Watched:
    """A watch, and how often it has noticed something."""

    def __init__(self) -> None:
        self.timer = HandTimer()
        self.noticed = 0
        self.silence = Silence(self.timer, limit=LIMIT, noticed=self._notice)

    def _notice(self) -> None:
        self.noticed += 1


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    """A watch that goes on for as long as the test."""
    watched = Watched()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watched.silence.watch())
        await asyncio.sleep(0)
        yield watched
        task.cancel()


async def test_an_answer_that_does_not_come_is_noticed_once(watched: Watched) -> None:
    """The same silence is no news a minute later."""
    with watched.silence.heard_out():
        await watched.timer.go_on(LIMIT - 1)
        assert watched.noticed == 0
        await watched.timer.go_on(1)
        assert watched.noticed == 1
        await watched.timer.go_on(10 * LIMIT)
        assert watched.noticed == 1


async def test_answers_in_time_are_not_noticed_however_many_there_are(watched: Watched) -> None:
    """Each has its own limit."""
    for _ in range(10):
        with watched.silence.heard_out():
            await watched.timer.go_on(LIMIT - 1)
    await watched.timer.go_on(10 * LIMIT)

    assert watched.noticed == 0


async def test_the_next_answer_may_be_missed_again(watched: Watched) -> None:
    """A host may hang twice."""
    for _ in range(2):
        with watched.silence.heard_out():
            await watched.timer.go_on(2 * LIMIT)

    assert watched.noticed == 2
