"""Work that goes on when nobody waits for it: what comes of it, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from eventd.connections.going_on import Caller, going_on
from eventd.errors import EventdError, OperationFailed

PATIENCE = 5.0
"""Seconds that a test waits for something that comes at once."""

REFUSED = OperationFailed("Could not start domain: it is full")


class Work:
    """Something that takes until it is let go."""

    def __init__(self, *, fails_with: Exception | None = None) -> None:
        self.has_begun = asyncio.Event()
        self.is_let_go = asyncio.Event()
        self.is_done = asyncio.Event()
        self._fails_with = fails_with

    async def do(self) -> str:
        """Work; return that it is done, or fail."""
        self.has_begun.set()
        async with asyncio.timeout(PATIENCE):
            await self.is_let_go.wait()
        self.is_done.set()
        if self._fails_with is not None:
            raise self._fails_with
        return "done"


@asynccontextmanager
async def under_way(work: Work, group: asyncio.TaskGroup) -> AsyncIterator[asyncio.Task[str]]:
    """Somebody waits for work that goes on in a group."""
    async with asyncio.TaskGroup() as callers:
        caller = callers.create_task(going_on(group, work.do(), name="start of web01"))
        await work.has_begun.wait()
        yield caller


async def test_who_waits_gets_what_the_work_returns() -> None:
    """Like any other call."""
    work = Work()
    async with asyncio.TaskGroup() as group, under_way(work, group) as caller:
        assert not caller.done()
        work.is_let_go.set()

        assert await caller == "done"


async def test_the_work_has_a_name_in_its_group() -> None:
    """It is told in a list of tasks what goes on."""
    work = Work()
    async with asyncio.TaskGroup() as group, under_way(work, group) as caller:
        assert "start of web01" in {task.get_name() for task in asyncio.all_tasks()}
        work.is_let_go.set()
        await caller


async def test_who_waits_is_told_that_the_work_was_stopped_before_it_began() -> None:
    """The group may end at that very moment."""
    work = Work()
    async with asyncio.TaskGroup() as callers:
        async with asyncio.TaskGroup() as group:
            caller = callers.create_task(
                outcome_of(going_on(group, work.do(), name="start of web01"))
            )
            while not (begun := named("start of web01")):  # noqa: ASYNC110  # nobody is told
                await asyncio.sleep(0)
            begun[0].cancel()
        error = await caller

    assert isinstance(error, EventdError)
    assert error.message == "eventd was stopped before this was begun"
    assert not work.has_begun.is_set()


def named(name: str) -> list[asyncio.Task[object]]:
    """Return the tasks of a name."""
    return [task for task in asyncio.all_tasks() if task.get_name() == name]


async def outcome_of(work: Awaitable[str]) -> str | EventdError:
    """Return what work returns, or its error."""
    try:
        return await work
    except EventdError as error:
        return error


async def test_who_waits_gets_the_error_of_the_work() -> None:
    """It is the caller's, and the group goes on; nothing is logged."""
    work, other = Work(fails_with=REFUSED), Work()
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as group, under_way(other, group) as beside:
            work.is_let_go.set()
            with pytest.raises(OperationFailed) as caught:
                await going_on(group, work.do(), name="start of web01")
            other.is_let_go.set()

            assert await beside == "done"

    assert caught.value is REFUSED
    assert logs == []


async def test_a_defect_in_the_work_is_logged_and_ends_nothing_else() -> None:
    """The connection in whose group it runs goes on."""
    work, other = Work(fails_with=ZeroDivisionError("odd")), Work()
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as group, under_way(other, group) as beside:
            work.is_let_go.set()
            with pytest.raises(EventdError) as caught:
                await going_on(group, work.do(), name="start of web01")
            other.is_let_go.set()

            assert await beside == "done"

    assert caught.value.message == "a defect of eventd: ZeroDivisionError('odd'); see its log"
    assert [(entry["event"], entry["work"]) for entry in logs] == [
        ("work_failed", "start of web01")
    ]


@pytest.mark.parametrize("error", [None, REFUSED, ZeroDivisionError("odd")])
async def test_the_work_goes_on_when_nobody_waits_for_it(error: Exception | None) -> None:
    """A client has gone; how it ends is of interest to nobody, and no complaint of the loop's."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    work = Work(fails_with=error)
    async with asyncio.TaskGroup() as group:
        async with under_way(work, group) as caller:
            caller.cancel()
        assert caller.cancelled()
        assert not work.is_done.is_set()

        work.is_let_go.set()

    assert work.is_done.is_set()
    del caller
    assert complaints == []


async def test_the_work_can_know_whether_somebody_waits_for_it() -> None:
    """Who has gone is not there to be asked."""
    work, caller = Work(), Caller()
    async with asyncio.TaskGroup() as group:
        waiting = asyncio.ensure_future(going_on(group, work.do(), name="start", caller=caller))
        await work.has_begun.wait()
        assert not caller.is_gone

        waiting.cancel()
        await asyncio.wait([waiting])

        assert caller.is_gone
        work.is_let_go.set()


@pytest.mark.parametrize("error", [None, REFUSED])
async def test_a_caller_that_gets_the_outcome_is_not_gone(error: Exception | None) -> None:
    """Whatever it is."""
    work, caller = Work(fails_with=error), Caller()
    work.is_let_go.set()
    async with asyncio.TaskGroup() as group:
        waiting = asyncio.ensure_future(going_on(group, work.do(), name="start", caller=caller))
        await asyncio.wait([waiting])

    assert waiting.exception() is error
    assert not caller.is_gone


async def test_one_of_two_who_wait_for_different_work_leaves_the_other_alone() -> None:
    """Each has its own."""
    first, second = Work(), Work()
    async with asyncio.TaskGroup() as group, under_way(second, group) as stays:
        async with under_way(first, group) as goes:
            goes.cancel()
        first.is_let_go.set()
        second.is_let_go.set()

        assert await stays == "done"
        await first.is_done.wait()


async def test_the_end_of_the_group_ends_the_work_and_says_so() -> None:
    """What had begun goes on on the host, and nobody looks after it any more."""
    work = Work()
    begun: asyncio.Future[asyncio.TaskGroup] = asyncio.get_running_loop().create_future()

    async def follow() -> None:
        async with asyncio.TaskGroup() as group:
            begun.set_result(group)
            await asyncio.Event().wait()

    following = asyncio.ensure_future(follow())
    waiting = asyncio.ensure_future(going_on(await begun, work.do(), name="start of web01"))
    await work.has_begun.wait()

    following.cancel()

    with pytest.raises(EventdError) as caught:
        await waiting
    assert caught.value.message == (
        "eventd was stopped meanwhile; what had begun goes on on the host"
    )
    await asyncio.wait([following])
    assert following.cancelled()
    assert not work.is_done.is_set()
