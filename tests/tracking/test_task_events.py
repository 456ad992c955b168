"""What is told of tasks as such, in which order, and that none of it has to be read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

import pytest

from eventd.model.events import TaskEvent, TaskFailed, TaskProgressed, TaskQueued, TaskSucceeded
from eventd.model.evidence import Cause, Initiator, TaskEvidence
from eventd.tracking.tracker import Reading
from eventd.vi.types import (
    ManagedObjectReference,
    ObjectUpdate,
    PropertyFilterUpdate,
    PropertyValue,
    TaskError,
    TaskReason,
    TaskState,
    UpdateSet,
)
from tests.tracking.playbook import NOON, WEB01, Scenario, told

NOTHING = Reading(frozenset(), {})
QUEUED, STARTED, ENDED = (f"2026-11-20T11:59:0{second}Z" for second in (1, 2, 3))

T = TypeVar("T", bound=TaskEvent)


def at(second: int) -> datetime:
    return datetime(2026, 11, 20, 11, 59, second, tzinfo=UTC)


@pytest.fixture
def host() -> Scenario:
    """A host in sync that tells how its tasks go on, with web01 off."""
    host = Scenario(follows_tasks=True)
    assert host.sync(host.enter()) == []
    return host


@pytest.fixture
def running(host: Scenario) -> Scenario:
    """The same with web01 on."""
    host.say(host.modify(power="poweredOn", boot="2026-11-20T12:00:00Z"))
    return host


def lists(host: Scenario, *tasks: str, domain: str = "vm-42") -> ObjectUpdate:
    """A domain lists these tasks, and no others."""
    return host.modify(domain, tasks=tasks)


def turned_on(host: Scenario) -> ObjectUpdate:
    """A domain is on now."""
    return host.modify(power="poweredOn", boot="2026-11-20T12:00:00Z")


def only(cls: type[T], host: Scenario) -> T:
    """Return the only event that was told last."""
    assert host.outcome is not None
    [event] = host.outcome.events
    assert isinstance(event, cls)
    return event


# -- the course of a task


def test_the_course_of_a_task_is_told(host: Scenario) -> None:
    """Queued, running, how far, and its end."""
    course = [
        host.task_enters(state="queued"),
        host.task_moves(state="running"),
        host.task_moves(progress="55"),
        host.task_moves(state="success", progress=None),
    ]
    host.say(lists(host, "task-1"))
    for each in course:
        host.say(each)

    assert [type(event) for event in host.tasks_told] == [
        TaskQueued,
        TaskProgressed,
        TaskProgressed,
        TaskSucceeded,
    ]
    assert {event.domain.name for event in host.tasks_told} == {"web01"}


def test_a_task_that_has_begun_and_ended_between_two_answers_is_told_by_its_end(
    host: Scenario,
) -> None:
    """What it was in between nobody has seen."""
    host.say(lists(host, "task-1"), host.task_enters(state="success"))

    assert host.everything == ["success (task)"]


def test_a_task_names_who_started_it_and_what_it_does(host: Scenario) -> None:
    """As the evidence of what it leads to does."""
    reason = TaskReason("user", "VSPHERE\\ops")
    host.say(lists(host, "task-1"), host.task_enters(reason=reason, key="haTask-1"))

    evidence = only(TaskProgressed, host).evidence
    assert evidence.cause is Cause.TASK
    assert (evidence.initiator, evidence.user) == (Initiator.USER, "VSPHERE\\ops")
    assert evidence.task == TaskEvidence(
        key="haTask-1",
        description_id="VirtualMachine.powerOn",
        reason="user",
        user="VSPHERE\\ops",
    )


@pytest.mark.parametrize(("written", "cancelable"), [("true", True), ("false", False)])
def test_a_task_says_whether_it_can_be_cancelled_and_how_far_it_is(
    written: str, cancelable: bool, host: Scenario
) -> None:
    """Each time that it is told."""
    host.say(lists(host, "task-1"), host.task_enters(cancelable=written, progress="30"))

    event = only(TaskProgressed, host)
    assert (event.cancelable, event.progress) == (cancelable, 30)


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_task_that_fails_says_why_and_whether_somebody_wanted_that(
    cancelled: bool, host: Scenario
) -> None:
    """A cancelled one has an error, too."""
    host.say(
        lists(host, "task-1"),
        host.task_enters(
            state="error", error=TaskError("FileFault: No room."), cancelled=str(cancelled).lower()
        ),
    )

    event = only(TaskFailed, host)
    assert event.cancelled == cancelled
    assert event.evidence.task is not None
    assert event.evidence.task.error == "FileFault: No room."


@pytest.mark.parametrize(
    ("leaves", "occurred_at"),
    [
        ({"state": "queued"}, at(1)),
        ({"state": "running"}, at(2)),
        ({"state": "running", "progress": "0"}, at(2)),
        ({"state": "running", "progress": "30"}, NOON),
        ({"state": "success"}, at(3)),
        ({"state": "error"}, at(3)),
    ],
)
def test_a_task_is_told_with_the_hosts_own_time_where_it_has_one(
    leaves: dict[str, PropertyValue], occurred_at: datetime, host: Scenario
) -> None:
    """Of how far it is, the host does not tell since when."""
    times = {"queueTime": QUEUED, "startTime": STARTED, "completeTime": ENDED}
    host.say(lists(host, "task-1"), host.task_enters(**{**times, **leaves}))

    assert only(TaskEvent, host).occurred_at == occurred_at


@pytest.mark.parametrize("state", list(TaskState))
def test_without_a_time_of_the_host_it_is_told_with_that_of_eventd(
    state: TaskState, host: Scenario
) -> None:
    """It was learnt just now."""
    host.wait(7)
    host.say(lists(host, "task-1"), host.task_enters(state=state.value))

    assert only(TaskEvent, host).occurred_at == host.now


# -- the name of the fact


def facts(**leaves: PropertyValue) -> list[str | None]:
    """Return the names of what is told of a task that is queued, runs, and has ended."""
    host = Scenario(follows_tasks=True)
    host.sync(host.enter())
    host.say(lists(host, "task-1"), host.task_enters(**{**leaves, "state": "queued"}))
    host.say(host.task_moves(state="running"))
    host.say(host.task_moves(progress="10"))
    host.say(host.task_moves(state="success", progress=None))
    return [event.fact for event in host.tasks_told]


def test_the_same_fact_has_the_same_name_on_every_daemon() -> None:
    """And each moment of a task has its own."""
    here, there = facts(queueTime=QUEUED), facts(queueTime=QUEUED)

    assert here == there
    assert len({*here}) == 4
    assert None not in here


def test_a_key_that_is_used_again_names_another_fact() -> None:
    """A host that was restarted begins to count anew."""
    assert not {*facts(queueTime=QUEUED)} & {*facts(queueTime=STARTED)}


def test_a_task_whose_time_is_not_told_names_no_fact() -> None:
    """It could be taken for another one."""
    assert facts() == [None] * 4


# -- its place among the others


def test_a_task_ends_after_what_it_has_led_to(host: Scenario) -> None:
    """Who waits for its end then has its effect."""
    host.say(lists(host, "task-1"), host.task_enters(state="queued"))
    host.say(
        host.task_moves(state="success"),
        host.modify(power="poweredOn", boot="2026-11-20T12:00:00Z"),
    )

    assert host.everything == ["started booted (task)", "success (task)"]


def test_a_task_begins_before_what_it_leads_to(host: Scenario) -> None:
    """It may show its effect while it still runs."""
    host.say(
        host.modify(power="poweredOn", boot="2026-11-20T12:00:00Z"),
        lists(host, "task-1"),
        host.task_enters(state="running"),
    )

    assert host.everything == ["running (task)", "started booted (task)"]


def test_a_task_comes_before_its_question_and_ends_after_the_answer(host: Scenario) -> None:
    """The answer before the start that it made possible, and then the end."""
    host.say(
        host.modify(question=host.question()),
        host.task_enters(state="running"),
        lists(host, "task-1"),
    )
    assert host.everything == ["running (task)", "raised (state)"]

    host.say(
        host.task_moves(state="success"),
        host.modify(question=None, power="poweredOn", boot="2026-11-20T12:00:00Z"),
    )

    assert host.everything == [
        "cleared elsewhere (state)",
        "started booted (task)",
        "success (task)",
    ]


def test_one_task_ends_and_another_begins_in_one_update_set(running: Scenario) -> None:
    """Beginnings come first, ends last, whatever the order in which they are shown."""
    running.say(
        lists(running, "task-1", "task-2"),
        running.task_enters("task-1", descriptionId="VirtualMachine.powerOff", state="success"),
        running.task_enters("task-2", descriptionId="VirtualMachine.powerOn", state="queued"),
        running.modify(power="poweredOff", clean="true"),
    )

    assert running.everything == ["queued (task)", "stopped destroyed (task)", "success (task)"]


def test_a_truncated_update_set_tells_of_a_task_when_it_is_complete(host: Scenario) -> None:
    """What it leads to may come in the next part."""
    host.say(lists(host, "task-1"), host.task_enters(), truncated=True)
    assert host.tasks_told == []

    host.say(host.task_moves(progress="40"))

    assert host.everything == ["running (task)"]


# -- what is not told


def test_the_first_picture_tells_of_no_task() -> None:
    """What was so before eventd looked has not happened; what a task does then has."""
    host = Scenario(follows_tasks=True)
    host.sync(host.enter(**WEB01, tasks=("task-1", "task-2", "task-3")))
    assert host.everything == []
    assert host.tracker.followed_tasks.wanted == {"task-1", "task-2", "task-3"}

    host.say(
        host.task_enters("task-1", progress="30"),
        host.task_enters("task-2", state="success"),
        host.task_enters("task-3", state="error"),
    )
    assert host.everything == []

    host.say(host.task_moves("task-1", state="success"))
    assert host.everything == ["success (task)"]


def test_tasks_that_are_in_the_first_answer_are_told_no_more_than_its_domains() -> None:
    """The leaves of a task may be a part of the whole picture."""
    host = Scenario(follows_tasks=True)
    host.sync(host.enter(**WEB01, tasks=("task-1",)), host.task_enters(progress="30"))

    host.say(host.modify(name="web02"))
    assert host.tasks_told == []

    host.say(host.task_moves(progress="40"))
    assert told([*host.tasks_told]) == ["running (task)"]


def test_a_task_on_what_is_no_domain_is_not_told(host: Scenario) -> None:
    """A domain may list the task of its folder, or of its host."""
    host.say(lists(host, "task-1"), host.task_enters(entity="group-v3", state="running"))
    host.say(host.task_moves(state="success"))

    assert host.tasks_told == []


def test_a_task_on_nothing_is_not_told(host: Scenario) -> None:
    """Its domain is what an event is about."""
    host.say(lists(host, "task-1"), host.task_enters(entity=None))

    assert host.tasks_told == []


def test_a_task_on_the_shadow_of_a_domain_is_not_told(host: Scenario) -> None:
    """The second one of fault tolerance is no domain of its own."""
    host.say(host.enter("vm-43", **{**WEB01, "role": "2"}, tasks=("task-1",)))
    host.say(host.task_enters(entity="vm-43"))

    assert host.tasks_told == []


def test_a_task_that_leaves_before_it_has_ended_is_not_told_again(host: Scenario) -> None:
    """Its end was not seen."""
    host.say(lists(host, "task-1"), host.task_enters())
    host.say(host.task_leaves())

    assert told([*host.tasks_told]) == ["running (task)"]


# -- the end of its own domain


def test_a_task_that_is_the_end_of_its_domain_is_told_to_its_end(host: Scenario) -> None:
    """Its last event is of the domain as it was last."""
    host.say(lists(host, "task-1"), host.task_enters(descriptionId="VirtualMachine.destroy"))
    host.say(host.leave(), host.task_moves(state="success"))

    assert host.everything == ["undefined removed (task)", "success (task)"]
    assert host.tasks_told[-1].domain.name == "web01"


def test_a_task_that_eventd_found_under_way_may_be_the_end_of_its_domain() -> None:
    """What it was doing then was no news; that it has ended is."""
    host = Scenario(follows_tasks=True)
    host.sync(host.enter(**WEB01, tasks=("task-1",)))
    host.say(host.task_enters(descriptionId="VirtualMachine.destroy"))

    host.say(host.leave(), host.task_moves(state="success"))

    assert host.everything == ["undefined removed (task)", "success (task)"]


def test_a_task_may_end_a_while_after_its_domain_has_gone(host: Scenario) -> None:
    """The domain is not forgotten until then."""
    host.say(lists(host, "task-1"), host.task_enters(descriptionId="VirtualMachine.destroy"))
    host.say(host.leave())
    host.say(host.task_moves(state="success"))

    assert host.everything == ["success (task)"]
    assert host.tasks_told[-1].domain.reference == "vm-42"


def test_a_task_of_a_domain_that_was_gone_before_is_not_told(host: Scenario) -> None:
    """Nothing is known of who it was."""
    host.say(lists(host, "task-1"))
    host.say(host.leave())
    host.say(host.task_enters(state="success"))

    assert host.tasks_told == []


def test_a_host_that_was_restarted_uses_its_keys_again(host: Scenario) -> None:
    """It counts its tasks from the beginning, and what it did before is another task."""
    host.say(lists(host, "task-1"), host.task_enters())
    host.say(host.task_moves(state="success"))

    host.sync(host.enter(**WEB01))
    host.say(lists(host, "task-1"), host.task_enters(state="queued"))
    host.say(host.task_moves(state="error"))

    assert told([*host.tasks_told]) == [
        *("running (task)", "success (task)"),
        *("queued (task)", "error (task)"),
    ]


def test_a_key_is_used_again_that_its_domain_had_listed_long_ago(host: Scenario) -> None:
    """A host lists a task for ten minutes; what eventd remembers of it is no longer."""
    host.say(lists(host, "task-1"), host.task_enters(state="success"))
    host.say(lists(host))

    host.sync(host.enter(**WEB01))
    host.say(lists(host, "task-1"), host.task_enters(state="queued"))

    assert told([*host.tasks_told]) == ["success (task)", "queued (task)"]


def test_a_task_that_was_under_way_when_its_host_was_restarted_is_another_one_after_that(
    host: Scenario,
) -> None:
    """The host has forgotten the one before, and lists another one under its key."""
    host.say(lists(host, "task-1"), host.task_enters())
    host.sync(host.enter(**WEB01))
    host.tracker.followed_tasks.lose(["task-1"])

    host.say(lists(host, "task-1"), host.task_enters(state="queued"))

    assert told([*host.tasks_told]) == ["running (task)", "queued (task)"]


def test_a_used_key_may_explain_something_again(host: Scenario) -> None:
    """However long ago its domain had listed it."""
    host.say(lists(host, "task-1"), host.task_enters(state="success"), turned_on(host))
    host.say(lists(host), host.modify(power="poweredOff", boot=None))

    host.sync(host.enter(**WEB01))
    host.say(
        lists(host, "task-1"),
        host.task_enters(state="success"),
        turned_on(host),
    )

    assert host.everything == ["started booted (task)", "success (task)"]


def test_the_end_of_a_task_is_told_though_the_host_was_lost_before_that(host: Scenario) -> None:
    """It was heard, and the whole picture that comes then says no more of it."""
    host.say(lists(host, "task-1"), host.task_enters(descriptionId="VirtualMachine.destroy"))
    heard = [host.leave(), host.task_moves(state="success")]
    part = PropertyFilterUpdate(ManagedObjectReference("PropertyFilter", "f"), heard)
    host.tracker.take_in(UpdateSet("2", [part], truncated=False))

    host.sync(host.enter("vm-43", **{**WEB01, "name": "db01"}))

    assert host.everything == [
        "undefined removed (task)",
        "defined added (state)",
        "success (task)",
    ]


def test_a_task_that_could_not_be_published_is_told_again(host: Scenario) -> None:
    """With all that it was seen to do."""
    host.publishes = False
    host.say(lists(host, "task-1"), host.task_enters())
    host.tasks_told.clear()

    host.publishes = True
    host.sync(host.enter(**WEB01, tasks=("task-1",)), host.task_enters())
    host.say(host.task_moves(state="success"))

    assert [type(event) for event in host.tasks_told] == [TaskProgressed, TaskSucceeded]


def test_the_end_of_a_task_that_took_its_domain_away_is_told_again(host: Scenario) -> None:
    """It names the domain, which nobody shows any more."""
    host.say(lists(host, "task-1"), host.task_enters(descriptionId="VirtualMachine.destroy"))
    host.say(host.leave())
    host.tasks_told.clear()
    host.publishes = False
    host.say(host.task_moves(state="success"))
    assert [type(event) for event in host.tasks_told] == [TaskSucceeded]
    host.tasks_told.clear()

    host.publishes = True
    host.say()

    [event] = host.tasks_told
    assert isinstance(event, TaskSucceeded)
    assert event.domain.name == "web01"


def test_a_task_is_told_of_the_domain_as_it_is_then(host: Scenario) -> None:
    """It may have another name at its end."""
    host.say(lists(host, "task-1"), host.task_enters(descriptionId="VirtualMachine.rename"))
    host.say(host.modify(name="web02"), host.task_moves(state="success"))

    assert [event.domain.name for event in host.tasks_told] == ["web01", "web02"]


# -- what is followed need not be read


def test_a_change_that_a_followed_task_explains_asks_for_nothing(host: Scenario) -> None:
    """Everything about it has come with it."""
    host.say(lists(host, "task-1"), host.task_enters(state="running"))
    assert host.reading == NOTHING

    host.say(
        host.task_moves(state="success"),
        host.modify(power="poweredOn", boot="2026-11-20T12:00:00Z"),
    )

    assert host.reading == NOTHING
    assert host.everything == ["started booted (task)", "success (task)"]


def test_a_task_that_is_not_shown_yet_is_read(host: Scenario) -> None:
    """It was listed just now, and is followed from the next answer on."""
    host.say(lists(host, "task-1"))

    assert host.reading == Reading(frozenset({"task-1"}), {})


def test_a_change_with_a_task_that_is_not_shown_yet_asks_for_those_of_its_domain(
    host: Scenario,
) -> None:
    """One of the two is known, and the other may be the cause."""
    host.say(lists(host, "task-1"), host.task_enters("task-1", state="success"))
    events = host.say(
        lists(host, "task-1", "task-2"),
        host.modify(power="poweredOn", boot="2026-11-20T12:00:00Z"),
        host.task("VirtualMachine.powerOn", key="task-2"),
    )

    assert host.reading == Reading(frozenset(), {"vm-42": frozenset({"task-1", "task-2"})})
    assert told(events) == ["started booted (task)"]


def test_a_change_that_no_followed_task_explains_asks_for_those_of_its_domain(
    running: Scenario,
) -> None:
    """The list may have changed without a notification."""
    running.say(running.modify(power="poweredOff", clean="true"))
    assert running.reading == Reading(frozenset(), {"vm-42": frozenset()})


def test_a_change_after_a_task_that_has_explained_another_one_asks_again(host: Scenario) -> None:
    """A task explains one change."""
    host.say(
        lists(host, "task-1"),
        host.task_enters(state="success"),
        host.modify(power="poweredOn", boot="2026-11-20T12:00:00Z"),
    )
    assert host.reading == NOTHING

    host.say(host.modify(power="poweredOff", clean="true"))

    assert host.reading == Reading(frozenset(), {"vm-42": frozenset({"task-1"})})


def test_each_changed_domain_is_asked_for_by_itself(host: Scenario) -> None:
    """One is explained, and the other is not."""
    host.say(host.enter("vm-43", **{**WEB01, "name": "web02", "power": "poweredOn"}))
    host.say(
        lists(host, "task-1"),
        host.task_enters(state="success"),
        host.modify("vm-42", power="poweredOn", boot="2026-11-20T12:00:00Z"),
        host.modify("vm-43", power="poweredOff", clean="true"),
    )

    assert host.reading == Reading(frozenset(), {"vm-43": frozenset()})


def test_the_followed_task_of_a_domain_that_is_gone_is_not_read(host: Scenario) -> None:
    """The host would have forgotten the domain, and with it what it listed."""
    host.say(lists(host, "task-1"), host.task_enters(descriptionId="VirtualMachine.destroy"))
    events = host.say(host.leave(), host.task_moves(state="success"))

    assert host.reading == NOTHING
    assert told(events) == ["undefined removed (task)"]


def test_where_tasks_are_not_followed_they_are_read() -> None:
    """What is known of them may be old."""
    host = Scenario()
    host.sync(host.enter())
    host.say(lists(host, "task-1"), host.task("VirtualMachine.powerOn", TaskState.RUNNING))
    assert host.reading == Reading(frozenset({"task-1"}), {})

    host.say(host.modify(power="poweredOn", boot="2026-11-20T12:00:00Z"))

    assert host.reading == Reading(frozenset(), {"vm-42": frozenset({"task-1"})})


def test_a_task_that_was_read_is_told_like_one_that_was_shown(host: Scenario) -> None:
    """Once: the next answer shows the same."""
    host.say(lists(host, "task-1"), host.task("VirtualMachine.powerOn", TaskState.RUNNING))
    host.say(host.task_enters(state="running"))

    assert told([*host.tasks_told]) == ["running (task)"]


def test_a_task_that_had_ended_before_the_first_picture_is_not_told_when_it_is_read() -> None:
    """A change has its domain list all of its tasks, old ones among them."""
    host = Scenario(follows_tasks=True)
    host.sync(host.enter())
    host.say(
        host.modify(power="poweredOn", boot="2026-11-20T12:00:00Z"),
        host.task("VirtualMachine.powerOff", key="task-0", completed_at=at(1)),
        host.task("VirtualMachine.powerOn", key="task-1"),
    )

    assert [event.evidence.task.key for event in host.tasks_told if event.evidence.task] == [
        "task-1"
    ]


@pytest.mark.parametrize("follows_tasks", [False, True])
def test_the_end_of_a_followed_task_need_not_be_waited_for(follows_tasks: bool) -> None:
    """The host announces it; of others, the end is looked for now and then."""
    host = Scenario(follows_tasks=follows_tasks)
    host.sync(host.enter(**{**WEB01, "power": "poweredOn"}))
    host.say(lists(host, "task-1"), host.task("VirtualMachine.reset", TaskState.RUNNING))

    assert host.tracker.is_waiting is not follows_tasks


# -- after a restart of eventd


def suspension(state: str = "success", *, queued_at: str = QUEUED) -> ObjectUpdate:
    """The host shows a task that suspends web01."""
    info = {"descriptionId": "VirtualMachine.suspend", "state": state, "queueTime": queued_at}
    return Scenario.task_enters("task-7", **info)


def shown_again(host: Scenario, task: ObjectUpdate, **properties: str) -> list[str]:
    """eventd was restarted, and the host shows web01 and its task; return what is told then."""
    host.restart()
    shown = {**WEB01, "power": "suspended", **properties}
    host.sync(host.enter(**shown, tasks=("task-7",)), task)
    return host.everything


@pytest.fixture
def suspended(running: Scenario) -> Scenario:
    """A host with web01 that was suspended by a task, which was told and is listed still."""
    running.say(running.modify(power="suspended", tasks=("task-7",)), suspension())
    assert running.everything == [
        "suspended paused (task)",
        "job-completed suspend (task)",
        "success (task)",
    ]
    return running


@pytest.mark.parametrize("times", [1, 2])
def test_a_task_that_was_told_is_not_told_by_the_next_eventd(
    times: int, suspended: Scenario
) -> None:
    """Nor by that after it: the host lists a task for ten minutes, and says no more than before."""
    for _ in range(times):
        assert shown_again(suspended, suspension()) == []


def test_a_task_that_was_told_explains_nothing_to_the_next_eventd(suspended: Scenario) -> None:
    """It has explained what it led to; the second suspension is another one's work."""
    assert shown_again(suspended, suspension()) == []
    suspended.say(suspended.modify(power="poweredOn"))
    suspended.say(suspended.modify(power="suspended"))
    assert suspended.everything == ["suspended paused (state)"]


def test_a_task_that_ends_while_eventd_is_away_is_told_then(running: Scenario) -> None:
    """Its beginning was told already."""
    running.say(lists(running, "task-7"), suspension("running"))
    assert running.everything == ["running (task)"]

    assert shown_again(running, suspension()) == [
        "suspended paused (task)",
        "job-completed suspend (task)",
        "success (task)",
    ]


def test_a_task_that_goes_on_as_it_did_is_not_told_by_the_next_eventd(running: Scenario) -> None:
    """Only what it does next is."""
    running.say(lists(running, "task-7"), suspension("running"))
    boot = "2026-11-20T12:00:00Z"
    assert shown_again(running, suspension("running"), power="poweredOn", boot=boot) == []

    running.say(running.task_moves("task-7", state="error"))
    assert running.everything == ["error (task)"]


def test_a_task_that_comes_and_goes_while_eventd_is_away_is_told_then(running: Scenario) -> None:
    """The host lists it still."""
    assert shown_again(running, suspension()) == [
        "suspended paused (task)",
        "job-completed suspend (task)",
        "success (task)",
    ]


def test_a_key_that_its_host_uses_again_while_eventd_is_away_is_another_task(
    suspended: Scenario,
) -> None:
    """A restarted host counts from the beginning; when a task was queued tells them apart."""
    assert shown_again(suspended, suspension(queued_at=ENDED)) == [
        "job-completed suspend (task)",
        "success (task)",
    ]


def test_a_job_that_had_ended_before_the_first_picture_is_told_by_no_eventd() -> None:
    """Nor is the task; both have led to that picture."""
    host = Scenario(follows_tasks=True)
    ended = Scenario.task_enters(
        "task-7",
        descriptionId="VirtualMachine.suspend",
        state="success",
        queueTime=QUEUED,
        completeTime=ENDED,
    )
    shown = {**WEB01, "power": "suspended"}
    host.sync(host.enter(**shown, tasks=("task-7",)))
    host.say(ended)
    assert host.everything == []

    assert shown_again(host, ended) == []


@pytest.mark.parametrize("is_listed_later", [False, True])
def test_a_task_that_was_read_before_its_domain_listed_it_is_not_told_by_the_next_eventd(
    is_listed_later: bool, running: Scenario
) -> None:
    """The tasks of a changed domain are read as they are now; a host may not tell of the list."""
    done = running.task("VirtualMachine.suspend", key="task-7")
    running.say(running.modify(power="suspended"), done)
    assert "success (task)" in running.everything
    if is_listed_later:
        running.say(lists(running, "task-7"))

    assert shown_again(running, suspension(queued_at="2026-11-20T12:00:00Z")) == []


def test_what_was_told_of_a_task_is_forgotten_when_it_is_listed_no_longer(
    suspended: Scenario,
) -> None:
    """So a picture has the tasks of ten minutes, and not those of a life."""
    assert [each.task for each in suspended.pictures["vm-42"].told_tasks] == ["task-7"]
    suspended.say(lists(suspended))
    suspended.say(suspended.modify(power="poweredOn"))
    assert not suspended.pictures["vm-42"].told_tasks


def test_a_job_whose_task_could_not_be_read_with_its_change_is_told_when_the_host_shows_it() -> (
    None
):
    """The host was slow with it, so that the change was told without it."""
    host = Scenario(follows_tasks=True, follows_history=True)
    host.sync(host.enter(**{**WEB01, "power": "poweredOn"}))
    host.say(
        host.modify(power="suspended", tasks=("task-7",)),
        host.event("VmSuspendedEvent", user="ops"),
    )
    assert host.everything == ["suspended paused (event)"]

    host.say(suspension())
    assert host.everything == ["job-completed suspend (task)", "success (task)"]


def test_a_reset_whose_task_could_not_be_read_with_its_record_is_told_once() -> None:
    """Also if there is another one before the host shows the task of the first."""
    host = Scenario(follows_tasks=True, follows_history=True)
    host.sync(host.enter(**{**WEB01, "power": "poweredOn"}))

    def resets(key: str) -> ObjectUpdate:
        info = {"descriptionId": "VirtualMachine.reset", "state": "success"}
        return Scenario.task_enters(key, **info)

    host.say(lists(host, "task-7"), host.event("VmResettingEvent", user="ops"))
    assert host.everything == ["reboot (event)"]
    host.say(resets("task-7"))
    assert host.everything == ["success (task)"]
    host.wait(5)
    host.say(
        lists(host, "task-7", "task-8"),
        resets("task-8"),
        host.event("VmResettingEvent", user="ops"),
    )
    assert host.everything == ["reboot (task)", "success (task)"]
    for _ in range(2):
        host.wait(1)
        host.say()
        assert host.everything == []
