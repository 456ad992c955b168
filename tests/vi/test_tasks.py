"""A task out of its leaves: the same as it is when its info comes whole, whatever is missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.vi.tasks import TASK_PATHS, task_info
from eventd.vi.types import (
    HistoryEvent,
    ManagedObjectReference,
    PropertyValue,
    QuestionInfo,
    TaskError,
    TaskInfo,
    TaskReason,
    TaskState,
    Unparsed,
)
from eventd.vi.values import parse_value
from tests.vi.answers import element_of

LEAST = {"info.state": "running"}

PARTS = {
    "info.key": '<key xsi:type="xsd:string">haTask-42-vim.VirtualMachine.powerOff-881</key>',
    "info.name": '<name xsi:type="xsd:string">PowerOffVM_Task</name>',
    "info.descriptionId": (
        '<descriptionId xsi:type="xsd:string">VirtualMachine.powerOff</descriptionId>'
    ),
    "info.entity": (
        '<entity type="VirtualMachine" xsi:type="ManagedObjectReference">vm-42</entity>'
    ),
    "info.state": '<state xsi:type="TaskInfoState">error</state>',
    "info.cancelled": '<cancelled xsi:type="xsd:boolean">true</cancelled>',
    "info.cancelable": '<cancelable xsi:type="xsd:boolean">1</cancelable>',
    "info.error": (
        '<error xsi:type="LocalizedMethodFault"><fault xsi:type="InvalidPowerState"/>'
        "<localizedMessage>The power state is wrong.</localizedMessage></error>"
    ),
    "info.reason": '<reason xsi:type="TaskReasonUser"><userName>VSPHERE\\ops</userName></reason>',
    "info.progress": '<progress xsi:type="xsd:int">37</progress>',
    "info.queueTime": '<queueTime xsi:type="xsd:dateTime">2026-11-20T12:00:00Z</queueTime>',
    "info.startTime": '<startTime xsi:type="xsd:dateTime">2026-11-20T13:00:01+01:00</startTime>',
    "info.completeTime": (
        '<completeTime xsi:type="xsd:dateTime">2026-11-20T12:00:02.5Z</completeTime>'
    ),
    "info.eventChainId": '<eventChainId xsi:type="xsd:int">1001</eventChainId>',
}
"""Every leaf of a task, as a host writes it."""

LEAVES = {path: parse_value(element_of(part)) for path, part in PARTS.items()}


def whole(*paths: str) -> PropertyValue:
    """Return the info as it comes in one piece, with these leaves."""
    parts = "".join(PARTS[path] for path in paths)
    return parse_value(
        element_of(f'<val xsi:type="TaskInfo"><task type="Task">task-881</task>{parts}</val>')
    )


def of_state(**leaves: PropertyValue | None) -> TaskInfo:
    """Return a task that runs and has these leaves besides."""
    found = task_info("task-881", {**LEAST, **{f"info.{name}": leaves[name] for name in leaves}})
    assert found is not None
    return found


def test_every_leaf_that_is_followed_is_put_in_its_place() -> None:
    """None is asked for in vain."""
    assert LEAVES.keys() == {*TASK_PATHS}
    assert task_info("task-881", LEAVES) == TaskInfo(
        key="haTask-42-vim.VirtualMachine.powerOff-881",
        task=ManagedObjectReference("Task", "task-881"),
        description_id="VirtualMachine.powerOff",
        name="PowerOffVM_Task",
        entity=ManagedObjectReference("VirtualMachine", "vm-42"),
        state=TaskState.ERROR,
        cancelled=True,
        cancelable=True,
        error="InvalidPowerState: The power state is wrong.",
        reason=TaskReason("user", "VSPHERE\\ops"),
        queue_time=datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
        start_time=datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC),
        complete_time=datetime(2026, 11, 20, 12, 0, 2, 500_000, tzinfo=UTC),
        event_chain_id=1001,
        progress=37,
    )


@given(st.sets(st.sampled_from([path for path in TASK_PATHS if path != "info.state"])))
def test_a_task_is_the_same_in_leaves_as_in_one_piece(told: set[str]) -> None:
    """Whichever of them the host tells: it may have been read in the one way or in the other."""
    paths = ("info.key", "info.state", *sorted(told - {"info.key"}))

    assert task_info("task-881", {path: LEAVES[path] for path in paths}) == whole(*paths)


@pytest.mark.parametrize("state", list(TaskState))
def test_a_task_has_one_of_four_states(state: TaskState) -> None:
    """They are VI's words."""
    info = task_info("task-881", {"info.state": state.value})

    assert info is not None
    assert info.state is state


# An array of events is the value that holds what has no hash.
EVENT = HistoryEvent(1, 1, datetime(2026, 11, 20, tzinfo=UTC), "VmEvent", "", members={})


@pytest.mark.parametrize(
    "leaves",
    [
        {},
        {"info.state": None},
        {"info.state": ""},
        {"info.state": "paused"},
        {"info.state": ("running",)},
        {"info.state": (EVENT,)},
        {"info.state": Unparsed("TaskInfoState", b"<state><x/></state>")},
        {path: value for path, value in LEAVES.items() if path != "info.state"},
    ],
)
def test_without_a_state_nothing_is_known_of_a_task(
    leaves: Mapping[str, PropertyValue | None],
) -> None:
    """The rest may be on its way, or the user may not be allowed to see it."""
    assert task_info("task-881", leaves) is None


def test_a_task_of_which_only_the_state_is_told_is_named_by_its_reference() -> None:
    """Everything else is unknown, and nothing is made up."""
    assert task_info("task-881", LEAST) == TaskInfo(
        key="task-881",
        task=ManagedObjectReference("Task", "task-881"),
        description_id="",
        name=None,
        entity=None,
        state=TaskState.RUNNING,
        cancelled=False,
        cancelable=False,
        error=None,
        reason=None,
        queue_time=None,
        start_time=None,
        complete_time=None,
        event_chain_id=None,
        progress=None,
    )


def test_a_leaf_that_became_unset_is_as_one_that_was_never_told() -> None:
    """Progress goes away with the end of a task."""
    unset = dict.fromkeys((path for path in TASK_PATHS if path != "info.state"), None)

    assert task_info("task-881", {**unset, **LEAST}) == task_info("task-881", LEAST)


@pytest.mark.parametrize(
    "odd", ["", "soon", ("a", "b"), Unparsed("Odd", b"<val/>"), QuestionInfo("25", "?", (), None)]
)
def test_a_leaf_of_another_form_costs_no_other(odd: PropertyValue) -> None:
    """Numbers, times, errors and reasons that are none are unset; the state is still told."""
    info = of_state(
        error=odd,
        reason=odd,
        progress=odd,
        queueTime=odd,
        startTime=odd,
        completeTime=odd,
        eventChainId=odd,
        cancelled=odd,
        cancelable=odd,
    )

    assert info == task_info("task-881", LEAST)


@pytest.mark.parametrize("odd", [("a", "b"), Unparsed("Odd", b"<val/>"), TaskError("no")])
def test_a_name_that_is_no_text_is_unset(odd: PropertyValue) -> None:
    """The task is named by its reference then."""
    info = of_state(key=odd, name=odd, descriptionId=odd, entity=odd)

    assert info == task_info("task-881", LEAST)


@pytest.mark.parametrize(
    ("word", "is_true"), [("true", True), ("1", True), ("false", False), ("0", False)]
)
def test_a_truth_is_spelled_in_two_ways(word: str, is_true: bool) -> None:
    """Both are of XML Schema."""
    info = of_state(cancelled=word, cancelable=word)

    assert (info.cancelled, info.cancelable) == (is_true, is_true)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ('"TaskReasonUser"><userName>root</userName>', TaskReason("user", "root")),
        ('"TaskReasonAlarm"><alarmName>CPU</alarmName>', TaskReason("alarm", "CPU")),
        ('"TaskReasonSchedule"><name>nightly</name>', TaskReason("schedule", "nightly")),
        ('"TaskReasonSystem">', TaskReason("system", None)),
        ('"TaskReasonOther"><name>x</name>', None),
    ],
)
def test_a_task_says_who_or_what_started_it(written: str, reason: TaskReason | None) -> None:
    """A reason that nobody knows is none."""
    value = parse_value(element_of(f"<val xsi:type={written}</val>"))

    assert of_state(reason=value).reason == reason


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ('<fault xsi:type="RequestCanceled"/>', "RequestCanceled"),
        ("<localizedMessage>It failed.</localizedMessage>", "It failed."),
        (
            '<fault xsi:type="FileFault"/><localizedMessage>No room.</localizedMessage>',
            "FileFault: No room.",
        ),
    ],
)
def test_the_error_of_a_task_is_one_sentence(written: str, error: str) -> None:
    """The fault, and what the host says of it."""
    value = parse_value(element_of(f'<val xsi:type="LocalizedMethodFault">{written}</val>'))

    assert of_state(error=value).error == error
