"""The list view of followed tasks: what comes in, what goes, and with how many calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from eventd.connections.task_list import TaskList
from eventd.connections.updates import Updates
from eventd.errors import Fault, HostUnreachable, SessionExpired
from eventd.tracking.followed_tasks import FollowedTasks
from eventd.vi.types import ManagedObjectReference, ObjectUpdate, UpdateKind
from tests.connections.scripted_host import Host, Reply, content, fault, reference
from tests.connections.sights import references, session_with

IDLE = 50
"""So many tasks that have ended stay in the view."""

AT_ONCE = 500
"""As many are named in one call."""

REFUSED = fault("NotSupported", "Not on this host.")


class Followed:
    """The list of a host, and the tasks that it is to have."""

    def __init__(self, host: Host, tasks: FollowedTasks, view: TaskList) -> None:
        self.host = host
        self.tasks = tasks
        self._view = view

    async def follow(self, *tasks: str) -> list[tuple[list[str], list[str]]]:
        """Hear of tasks; return what is changed: what comes, and what goes, for each call."""
        self.tasks.follow(tasks)
        return await self.adjust()

    async def adjust(self) -> list[tuple[list[str], list[str]]]:
        """Let the view have what is wanted; return what is changed."""
        before = len(self._changes)
        await self._view.adjust()
        return self._changes[before:]

    @property
    def _changes(self) -> list[tuple[list[str], list[str]]]:
        return [
            (references(call, "add"), references(call, "remove"))
            for call in self.host.called("ModifyListView")
        ]

    def end(self, tasks: Iterable[str]) -> None:
        """The host shows that these tasks have ended."""
        for task in tasks:
            reference = ManagedObjectReference("Task", task)
            self.tasks.take_in(
                ObjectUpdate(UpdateKind.ENTER, reference, {"info.state": "success"}, ())
            )


async def open_list(host: Host) -> TaskList:
    """Log in and make the view."""
    session = await session_with(host)
    collector = ManagedObjectReference("PropertyCollector", "own-collector")
    updates = Updates(session, collector, wait_seconds=60)
    return await TaskList.open(session, updates, FollowedTasks())


async def followed(host: Host | None = None) -> Followed:
    """Follow the tasks of a host."""
    host = host or Host()
    session = await session_with(host)
    collector = ManagedObjectReference("PropertyCollector", "own-collector")
    updates = Updates(session, collector, wait_seconds=60)
    tasks = FollowedTasks()
    return Followed(host, tasks, await TaskList.open(session, updates, tasks))


def names(count: int) -> list[str]:
    return [f"task-{number:04}" for number in range(count)]


# -- the view


async def test_the_view_is_empty_at_first_and_followed_with_the_rest() -> None:
    """By the collector whose updates are waited for."""
    host = Host()
    await open_list(host)

    assert host.methods[2:] == ["CreateListView", "CreateFilter"]
    [created], [filtered] = host.called("CreateListView"), host.called("CreateFilter")
    assert references(created, "obj") == []
    assert filtered.this == ManagedObjectReference("PropertyCollector", "own-collector")
    [spec] = filtered.call.every("spec")
    [start] = spec.every("objectSet")
    [obj] = start.every("obj")
    assert obj.reference == ManagedObjectReference("ListView", "list")


async def test_a_host_without_views_refuses_it() -> None:
    """As a fault, like any other host that does not let its tasks be followed."""
    host = Host()
    host.plan("RetrieveServiceContent", content(without="viewManager"))

    with pytest.raises(Fault) as caught:
        await open_list(host)

    assert (caught.value.method, caught.value.name) == ("CreateListView", "NotSupported")


@pytest.mark.parametrize("method", ["CreateListView", "CreateFilter"])
async def test_a_refusal_comes_through(method: str) -> None:
    """Tasks are read then."""
    host = Host()
    host.plan(method, REFUSED)

    with pytest.raises(Fault) as caught:
        await open_list(host)

    assert (caught.value.method, caught.value.name) == (method, "NotSupported")


# -- what comes


async def test_the_tasks_that_are_new_come_in_with_one_call() -> None:
    """To the view that was made, each once."""
    view = await followed()

    assert await view.follow("task-2", "task-1") == [(["task-1", "task-2"], [])]
    assert await view.follow("task-2", "task-3") == [(["task-3"], [])]

    for call in view.host.called("ModifyListView"):
        assert call.this == ManagedObjectReference("ListView", "list")


async def test_where_nothing_has_changed_nothing_is_said() -> None:
    """Most update sets bring no task."""
    view = await followed()
    assert await view.adjust() == []

    await view.follow("task-1")

    assert await view.adjust() == []


async def test_very_many_tasks_come_in_parts() -> None:
    """A request stays small."""
    view = await followed()
    tasks = names(2 * AT_ONCE + 1)

    changes = await view.follow(*tasks)

    assert [len(came) for came, _ in changes] == [AT_ONCE, AT_ONCE, 1]
    assert [task for came, _ in changes for task in came] == tasks


async def test_a_task_that_the_host_does_not_know_is_lost() -> None:
    """It is not asked for again; the others are in the view."""
    view = await followed()
    view.host.plan("ModifyListView", reference("Task", "task-2"))

    await view.follow("task-1", "task-2")

    assert view.tasks.is_lost("task-2")
    assert view.tasks.wanted == {"task-1"}
    assert await view.follow("task-2", "task-3") == [(["task-3"], [])]


async def test_a_task_that_was_unknown_need_not_be_taken_out() -> None:
    """It never was in."""
    view = await followed()
    view.host.plan("ModifyListView", reference("Task", "task-2"))
    await view.follow("task-1", "task-2")
    view.end(["task-1"])

    assert await view.follow("task-3") == [(["task-3"], ["task-1"])]


# -- what goes


async def test_tasks_that_have_ended_go_when_others_come() -> None:
    """With the same call, and once."""
    view = await followed()
    await view.follow("task-1", "task-2")
    view.end(["task-1"])
    assert await view.adjust() == []

    assert await view.follow("task-3") == [(["task-3"], ["task-1"])]
    assert await view.follow("task-4") == [(["task-4"], [])]


async def test_tasks_that_have_ended_go_by_themselves_when_they_are_many() -> None:
    """A few more stay than anybody needs, for as long as nothing comes."""
    view = await followed()
    tasks = names(IDLE + 2)
    await view.follow(*tasks)
    view.end(tasks[:IDLE])
    assert await view.adjust() == []

    view.end([tasks[IDLE]])

    assert await view.adjust() == [([], tasks[: IDLE + 1])]
    assert await view.adjust() == []


async def test_of_many_parts_the_first_takes_out_what_has_ended() -> None:
    """Nothing goes twice."""
    view = await followed()
    await view.follow("task-1")
    view.end(["task-1"])

    changes = await view.follow(*names(AT_ONCE + 1))

    assert [gone for _, gone in changes] == [["task-1"], []]


# -- refusals


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (REFUSED, Fault),
        (fault("NotAuthenticated"), SessionExpired),
        (HostUnreachable("esx01 cannot be reached"), HostUnreachable),
    ],
)
async def test_a_change_that_is_refused_comes_through_and_is_still_to_be_made(
    reply: Reply, error: type[Exception]
) -> None:
    """What the view has then is what it had."""
    view = await followed()
    await view.follow("task-1")
    view.end(["task-1"])
    view.host.plan("ModifyListView", reply)
    with pytest.raises(error):
        await view.follow("task-2")

    assert view.tasks.wanted == {"task-2"}
    assert await view.adjust() == [(["task-2"], ["task-1"])]


async def test_two_who_adjust_at_once_do_not_repeat_each_other() -> None:
    """An operation begins while an answer is taken in."""
    view = await followed()
    answered = asyncio.Event()
    view.host.plan("ModifyListView", answered, "")
    async with asyncio.TaskGroup() as both:
        called = view.host.on("ModifyListView")
        first = both.create_task(view.follow("task-1"))
        await called.wait()
        second = both.create_task(view.follow("task-2"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(view.host.called("ModifyListView")) == 1
        answered.set()

    assert first.result()[0] == (["task-1"], [])
    assert second.result()[-1] == (["task-2"], [])
    assert len(view.host.called("ModifyListView")) == 2
