"""The bell: nothing is missed between a look and the wait, and nothing is left behind."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from eventd.connections.bell import Bell, heard_by
from tests.situations.stage import NOON, Time

PATIENCE = 5.0
"""Seconds that a test waits for something that comes at once."""


@pytest.fixture
def bell() -> Bell:
    """A bell that nobody has rung."""
    return Bell()


@pytest.fixture
def time() -> Time:
    """A clock that stands still at 0."""
    return Time()


async def turns(count: int = 5) -> None:
    """Let everybody go on who can."""
    for _ in range(count):
        await asyncio.sleep(0)


def is_alone() -> bool:
    """Whether nothing goes on but the test."""
    return asyncio.all_tasks() == {asyncio.current_task()}


async def test_all_who_listen_hear_it(bell: Bell) -> None:
    """They are woken together."""
    first, second = bell.listen(), bell.listen()
    bell.ring()

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(first.wait(), second.wait())


async def test_who_listens_first_and_waits_later_has_missed_nothing(bell: Bell, time: Time) -> None:
    """It was rung while there was something else to look at."""
    heard = bell.listen()
    bell.ring()

    assert await heard_by(heard, time, None)
    assert await heard_by(heard, time, 0.0)


async def test_who_listens_afterwards_waits_for_the_next(bell: Bell) -> None:
    """What was rung before is old."""
    bell.ring()
    heard = bell.listen()
    assert not heard.is_set()

    bell.ring()
    bell.ring()

    assert heard.is_set()
    assert not bell.listen().is_set()


async def test_without_a_limit_it_is_waited_for_as_long_as_it_takes(bell: Bell, time: Time) -> None:
    """Whatever time it is meanwhile."""
    waiting = asyncio.ensure_future(heard_by(bell.listen(), time, None))
    time.set(NOON + timedelta(days=365))
    await turns()
    assert not waiting.done()

    bell.ring()

    assert await waiting


async def test_a_wait_that_is_rung_in_time_was_heard(bell: Bell, time: Time) -> None:
    """The alarm is let go."""
    waiting = asyncio.ensure_future(heard_by(bell.listen(), time, 30.0))
    await turns()
    assert not waiting.done()

    bell.ring()

    assert await waiting
    await turns()
    assert is_alone()


async def test_a_wait_that_is_over_was_not_heard(bell: Bell, time: Time) -> None:
    """Once the moment has come, and not before."""
    waiting = asyncio.ensure_future(heard_by(bell.listen(), time, 30.0))
    await turns()
    time.set(NOON + timedelta(seconds=29.9))
    await turns()
    assert not waiting.done()

    time.set(NOON + timedelta(seconds=30))

    assert not await waiting
    await turns()
    assert is_alone()


async def test_at_a_moment_that_has_passed_it_is_not_waited_for(bell: Bell, time: Time) -> None:
    """Something is due already."""
    time.set(NOON + timedelta(seconds=30))

    assert not await heard_by(bell.listen(), time, 30.0)


async def test_a_wait_that_is_given_up_leaves_nothing_behind(bell: Bell, time: Time) -> None:
    """Nothing goes on that nobody waits for."""
    waiting = asyncio.ensure_future(heard_by(bell.listen(), time, 30.0))
    await turns()

    waiting.cancel()
    await asyncio.wait([waiting])
    await turns()

    assert waiting.cancelled()
    assert is_alone()
