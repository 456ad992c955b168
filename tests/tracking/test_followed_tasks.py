"""The course of tasks: what is known of each, what of that is news, and what is let go of."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.tracking.followed_tasks import FollowedTasks
from eventd.vi.types import (
    ManagedObjectReference,
    ObjectUpdate,
    PropertyValue,
    TaskError,
    TaskInfo,
    TaskReason,
    TaskState,
    UpdateKind,
)

REMEMBERED = 1000
"""How many tasks that have ended are remembered."""

ORDER = ("queued", "running", "success", "error")


def update(
    kind: UpdateKind, task: str = "task-1", /, **leaves: PropertyValue | None
) -> ObjectUpdate:
    """The host shows these leaves of a task: ``state``, ``progress``, …"""
    changes = {f"info.{name}": value for name, value in leaves.items()}
    return ObjectUpdate(kind, ManagedObjectReference("Task", task), changes, ())


def enter(task: str = "task-1", /, **leaves: PropertyValue | None) -> ObjectUpdate:
    """The host shows a task for the first time, and all of it."""
    return update(UpdateKind.ENTER, task, **leaves)


def modify(task: str = "task-1", /, **leaves: PropertyValue | None) -> ObjectUpdate:
    """These leaves of a task differ now."""
    return update(UpdateKind.MODIFY, task, **leaves)


def leave(task: str = "task-1", /) -> ObjectUpdate:
    """The host no longer shows the task."""
    return update(UpdateKind.LEAVE, task)


def info(
    state: str, task: str = "task-1", *, progress: int | None = None, domain: str = "vm-42"
) -> TaskInfo:
    """Return what was read of a task."""
    return TaskInfo(
        key=task,
        task=ManagedObjectReference("Task", task),
        description_id="VirtualMachine.powerOn",
        name=None,
        entity=ManagedObjectReference("VirtualMachine", domain),
        state=TaskState(state),
        cancelled=False,
        cancelable=False,
        error=None,
        reason=TaskReason("user", "root"),
        queue_time=None,
        start_time=None,
        complete_time=None,
        event_chain_id=None,
        progress=progress,
    )


@pytest.fixture
def tasks() -> FollowedTasks:
    """task-1 is followed, and nothing is known of it."""
    tasks = FollowedTasks()
    tasks.follow(["task-1"])
    return tasks


def news(tasks: FollowedTasks) -> list[str]:
    """Return what is to be told: ``task-1 running 20``."""
    return [
        " ".join(
            map(str, (task.task.value, task.state, *([task.progress] if task.progress else ())))
        )
        for task in tasks.news()
    ]


def play(tasks: FollowedTasks, updates: Iterable[ObjectUpdate]) -> list[str]:
    """Take in one update after the other; return what is told of each."""
    told = []
    for each in updates:
        tasks.take_in(each)
        told += news(tasks)
    return told


# -- what is wanted


def test_a_task_is_wanted_from_when_it_is_heard_of_until_it_has_ended(tasks: FollowedTasks) -> None:
    """Whatever becomes of it; then the host need not show it any more."""
    tasks.follow(["task-2", "task-3"])
    assert tasks.wanted == {"task-1", "task-2", "task-3"}

    tasks.take_in(enter("task-1", state="running"))
    tasks.take_in(enter("task-2", state="success"))
    tasks.note(info("error", "task-3"))

    assert tasks.wanted == {"task-1"}


def test_a_task_that_has_ended_is_not_followed_again(tasks: FollowedTasks) -> None:
    """Its domain goes on listing it for ten minutes."""
    tasks.take_in(enter(state="success"))

    tasks.follow(["task-1"])

    assert tasks.wanted == frozenset()


# -- merging


def test_what_the_host_shows_of_a_task_is_put_together(tasks: FollowedTasks) -> None:
    """It tells what differs, and nothing twice."""
    tasks.take_in(enter(state="queued", descriptionId="VirtualMachine.powerOn", entity="vm-42"))
    tasks.take_in(modify(state="running", reason=TaskReason("user", "root")))
    tasks.take_in(modify(progress="30"))

    assert tasks.info("task-1") == info("running", progress=30)


def test_what_becomes_unset_is_unset(tasks: FollowedTasks) -> None:
    """The progress is that of a task that runs."""
    tasks.take_in(enter(state="running", progress="30"))
    tasks.take_in(modify(progress=None))

    known = tasks.info("task-1")
    assert known is not None
    assert known.progress is None


def test_a_task_that_enters_again_is_shown_as_a_whole(tasks: FollowedTasks) -> None:
    """As after a new login: what is not told then is not so any more."""
    tasks.take_in(enter(state="running", progress="30", cancelable="true"))
    tasks.take_in(enter(state="running", progress="40"))

    known = tasks.info("task-1")
    assert known is not None
    assert (known.progress, known.cancelable) == (40, False)


def test_tasks_are_kept_apart(tasks: FollowedTasks) -> None:
    """Each has its own leaves."""
    tasks.take_in(enter("task-1", state="running"))
    tasks.take_in(modify("task-2", progress="30"))

    assert tasks.info("task-2") is None
    assert news(tasks) == ["task-1 running"]


def test_a_change_without_a_beginning_is_taken_for_one(tasks: FollowedTasks) -> None:
    """Should a host ever tell it so."""
    tasks.take_in(modify(state="running", progress="30"))

    assert news(tasks) == ["task-1 running 30"]


def test_nothing_is_known_before_the_state_is(tasks: FollowedTasks) -> None:
    """The rest is kept for then."""
    tasks.take_in(enter(descriptionId="VirtualMachine.powerOn"))
    assert tasks.info("task-1") is None
    assert news(tasks) == []

    tasks.take_in(modify(state="queued"))

    known = tasks.info("task-1")
    assert known is not None
    assert known.description_id == "VirtualMachine.powerOn"


# -- a task only ever goes on


@pytest.mark.parametrize("later", ORDER)
@pytest.mark.parametrize("earlier", ORDER)
def test_a_task_never_goes_back(earlier: str, later: str) -> None:
    """What was read may be older than what was shown, and the other way round."""
    tasks = FollowedTasks()
    tasks.follow(["task-1"])
    tasks.note(info(later))
    tasks.note(info(earlier))

    known = tasks.info("task-1")
    assert known is not None
    assert known.state == max(earlier, later, key=ORDER.index)


def test_an_old_reading_is_no_news(tasks: FollowedTasks) -> None:
    """And a task that has ended is not wanted again for it."""
    tasks.take_in(enter(state="success"))
    assert news(tasks) == ["task-1 success"]

    tasks.note(info("running", progress=50))
    tasks.take_in(modify(state="running"))

    assert news(tasks) == []
    assert tasks.wanted == frozenset()


def test_the_same_again_is_no_news(tasks: FollowedTasks) -> None:
    """Several readings bring the same."""
    tasks.note(info("running"))
    assert news(tasks) == ["task-1 running"]

    tasks.note(info("running"))

    assert news(tasks) == []


# -- news


def test_news_are_told_once_and_in_the_order_in_which_they_came(tasks: FollowedTasks) -> None:
    """One update set may bring several."""
    tasks.take_in(enter("task-2", state="queued"))
    tasks.take_in(enter("task-1", state="running"))
    tasks.take_in(modify("task-2", state="running"))

    assert news(tasks) == ["task-2 running", "task-1 running"]
    assert news(tasks) == []


def test_progress_is_told_in_steps_of_ten_percent(tasks: FollowedTasks) -> None:
    """A task of a hundred updates is a dozen events."""
    shown = [modify(progress=str(percent)) for percent in range(1, 101)]

    told = play(tasks, [enter(state="queued"), modify(state="running"), *shown])

    steps = [f"task-1 running {percent}" for percent in range(10, 101, 10)]
    assert told == ["task-1 queued", "task-1 running", *steps]


def test_progress_that_goes_back_is_not_told(tasks: FollowedTasks) -> None:
    """A task may have several parts, and count each of them."""
    tasks.take_in(enter(state="running", progress="50"))
    assert news(tasks) == ["task-1 running 50"]

    tasks.take_in(modify(progress="20"))
    assert news(tasks) == []

    tasks.take_in(modify(progress="50"))
    assert news(tasks) == []


def test_the_end_is_told_whatever_the_progress_was(tasks: FollowedTasks) -> None:
    """Its state is another one."""
    shown = [enter(state="running", progress="95"), modify(state="success", progress=None)]

    assert play(tasks, shown) == ["task-1 running 95", "task-1 success"]


def test_a_change_that_is_neither_state_nor_step_is_known_and_not_told(
    tasks: FollowedTasks,
) -> None:
    """That a task can be cancelled now, say."""
    tasks.take_in(enter(state="running", progress="30"))
    assert news(tasks) == ["task-1 running 30"]

    tasks.take_in(modify(cancelable="true", progress="39"))

    assert news(tasks) == []
    known = tasks.info("task-1")
    assert known is not None
    assert (known.cancelable, known.progress) == (True, 39)


def test_the_state_that_a_quiet_task_is_found_in_is_no_news() -> None:
    """It was so before eventd looked; what it does then is told."""
    tasks = FollowedTasks()
    tasks.follow(["task-1"], is_news=False)

    told = play(tasks, [enter(state="running", progress="30"), modify(progress="40")])

    assert told == ["task-1 running 40"]


def test_a_quiet_task_that_has_ended_already_is_never_told() -> None:
    """Nor is it wanted any more."""
    tasks = FollowedTasks()
    tasks.follow(["task-1"], is_news=False)

    assert play(tasks, [enter(state="error", error=TaskError("no"))]) == []
    assert tasks.wanted == frozenset()


def test_a_task_that_is_followed_already_does_not_fall_quiet(tasks: FollowedTasks) -> None:
    """Whoever hears of it later."""
    tasks.follow(["task-1"], is_news=False)

    assert play(tasks, [enter(state="running")]) == ["task-1 running"]


# -- what is not published


def test_what_could_not_be_published_is_news_again(tasks: FollowedTasks) -> None:
    """Each time, until it is."""
    tasks.take_in(enter(state="running"))
    for _ in range(2):
        assert news(tasks) == ["task-1 running"]
        tasks.roll_back()
    assert news(tasks) == ["task-1 running"]

    tasks.accept()
    tasks.roll_back()
    assert news(tasks) == []


def test_progress_that_could_not_be_published_is_no_more_than_was_told_before(
    tasks: FollowedTasks,
) -> None:
    """What was published before that stays told."""
    play(tasks, [enter(state="running", progress="30")])
    tasks.accept()
    play(tasks, [modify(progress="50"), modify(progress="70")])

    tasks.roll_back()

    tasks.take_in(modify(progress="35"))
    assert news(tasks) == []
    assert play(tasks, [modify(progress="40")]) == ["task-1 running 40"]


def test_a_quiet_task_that_was_found_is_found_again_and_told_no_more_for_that() -> None:
    """The state that it was found in stays what it was before eventd looked."""
    tasks = FollowedTasks()
    tasks.follow(["task-1"], is_news=False)
    play(tasks, [enter(state="running")])
    found = tasks.take_found()

    tasks.roll_back()

    assert tasks.take_found() == found != []
    assert play(tasks, [modify(state="success")]) == ["task-1 success"]


def test_what_is_forgotten_with_its_host_is_not_given_back(tasks: FollowedTasks) -> None:
    """The keys of the next host mean other tasks."""
    play(tasks, [enter(state="running")])
    tasks.forget_everything()
    tasks.roll_back()

    assert news(tasks) == []


# -- lost ones


def test_a_task_that_the_host_knows_no_longer_is_lost(tasks: FollowedTasks) -> None:
    """Its end was not seen, and is not made up."""
    tasks.take_in(enter(state="running"))
    assert not tasks.is_lost("task-1")
    assert news(tasks) == ["task-1 running"]

    tasks.take_in(leave())

    assert tasks.is_lost("task-1")
    assert tasks.wanted == frozenset()
    assert news(tasks) == []


def test_a_task_that_the_host_never_knew_is_lost(tasks: FollowedTasks) -> None:
    """Nothing is known of it then; and it stays lost when its domain lists it again."""
    tasks.lose(["task-1"])
    tasks.follow(["task-1"])

    assert tasks.is_lost("task-1")
    assert tasks.info("task-1") is None
    assert tasks.wanted == frozenset()


def test_the_end_of_a_lost_task_that_was_known_is_taken_in(tasks: FollowedTasks) -> None:
    """It was read when the host had let it go from what it shows."""
    tasks.take_in(enter(state="running"))
    tasks.take_in(leave())

    tasks.note(info("success"))

    assert not tasks.is_lost("task-1")
    assert news(tasks) == ["task-1 success"]


def test_a_task_that_has_ended_is_not_lost_when_it_leaves(tasks: FollowedTasks) -> None:
    """It is taken out of the view then."""
    tasks.take_in(enter(state="success"))
    tasks.take_in(leave())

    assert not tasks.is_lost("task-1")
    known = tasks.info("task-1")
    assert known is not None
    assert known.state is TaskState.SUCCESS


def test_a_task_that_nobody_follows_cannot_be_lost(tasks: FollowedTasks) -> None:
    """Nothing waits for it."""
    tasks.lose(["task-2"])
    tasks.take_in(leave("task-3"))

    assert not tasks.is_lost("task-2")
    assert not tasks.is_lost("task-3")


# -- of a domain


def test_the_tasks_of_a_domain_come_in_the_order_in_which_they_were_heard_of() -> None:
    """The last of them is the one that asks; those that have ended are no longer among them."""
    tasks = FollowedTasks()
    tasks.follow(["task-9", "task-1", "task-5", "task-2", "task-0"])
    tasks.note(info("running", "task-1"))
    tasks.note(info("queued", "task-2"))
    tasks.note(info("running", "task-5", domain="vm-43"))
    tasks.note(info("running", "task-9"))
    tasks.note(info("success", "task-0"))

    assert [task.key for task in tasks.underway("vm-42")] == ["task-9", "task-1", "task-2"]


# -- what is remembered


def test_the_oldest_tasks_that_have_ended_are_forgotten() -> None:
    """Nothing grows with the life of the process."""
    tasks = FollowedTasks()
    for number in range(REMEMBERED + 1):
        tasks.follow([f"task-{number}"])
        tasks.take_in(enter(f"task-{number}", state="success"))
        assert news(tasks) == [f"task-{number} success"]

    assert tasks.info("task-0") is None
    assert tasks.info("task-1") is not None
    assert tasks.info(f"task-{REMEMBERED}") is not None


def test_nothing_is_told_of_what_is_forgotten() -> None:
    """A storm of tasks between two judgements; the host has forgotten the oldest, too."""
    tasks = FollowedTasks()
    for number in range(REMEMBERED + 1):
        tasks.follow([f"task-{number}"])
        tasks.note(info("success", f"task-{number}"))

    assert len(news(tasks)) == REMEMBERED


def test_tasks_that_go_on_are_never_forgotten() -> None:
    """However many there are: their end is yet to come."""
    tasks = FollowedTasks()
    names = [f"task-{number}" for number in range(REMEMBERED + 1)]
    tasks.follow(names)
    for name in names:
        tasks.note(info("running", name))

    assert tasks.wanted == {*names}
    assert len(tasks.underway("vm-42")) == REMEMBERED + 1


def test_a_task_that_is_no_longer_listed_may_have_its_key_used_again(tasks: FollowedTasks) -> None:
    """By another task, after a restart of the host; that one is followed and told."""
    tasks.take_in(enter(state="success", progress="100"))
    assert news(tasks) == ["task-1 success 100"]

    tasks.forget(["task-1", "task-2"])
    tasks.follow(["task-1"])

    assert tasks.info("task-1") is None
    assert tasks.wanted == {"task-1"}
    assert play(tasks, [enter(state="queued")]) == ["task-1 queued"]


def test_what_no_domain_lists_any_more_is_forgotten(tasks: FollowedTasks) -> None:
    """A host that was restarted counts from the beginning."""
    tasks.take_in(enter(state="success"))
    tasks.forget_all_but({"task-2"})
    assert tasks.over == {"task-1"}, "its end is still to be told"
    assert news(tasks) == ["task-1 success"]
    tasks.forget_all_but({"task-1"})
    assert tasks.over == {"task-1"}

    tasks.forget_all_but({"task-2"})

    assert tasks.over == frozenset()
    assert tasks.info("task-1") is None


def test_a_task_that_goes_on_is_not_forgotten(tasks: FollowedTasks) -> None:
    """Something may wait for its end."""
    tasks.take_in(enter(state="running"))

    tasks.forget(["task-1"])

    assert tasks.wanted == {"task-1"}
    assert tasks.info("task-1") is not None


def test_what_is_forgotten_before_it_was_told_is_not_told(tasks: FollowedTasks) -> None:
    """The news would be of a task that the host knows no longer."""
    tasks.take_in(enter(state="success"))

    tasks.forget(["task-1"])

    assert news(tasks) == []


# -- whatever comes

STATES = st.sampled_from([*ORDER, None, "odd"])
PROGRESS = st.one_of(st.none(), st.integers(0, 100).map(str))


@given(st.lists(st.tuples(st.sampled_from(["enter", "modify", "note"]), STATES, PROGRESS)))
def test_what_is_told_of_a_task_never_goes_back(shown: list[tuple[str, str, str]]) -> None:
    """Whatever the host shows and whatever is read, in any order."""
    tasks = FollowedTasks()
    tasks.follow(["task-1"])
    told: list[TaskInfo] = []
    for way, state, progress in shown:
        if way == "note" and state in ORDER:
            tasks.note(info(state, progress=int(progress or 0)))
        else:
            tasks.take_in(
                update(UpdateKind(way.replace("note", "modify")), state=state, progress=progress)
            )
        told += tasks.news()

    for before, after in pairwise(told):
        assert ORDER.index(before.state) <= ORDER.index(after.state)
