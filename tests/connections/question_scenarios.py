"""What can happen to a start that meets a question: a table for eventd and libvirt's own driver.

Each row arranges a world and says what comes of ``start web01``: the calls that change something,
and the class of the error. Where libvirt does something else, the row says what, and why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from eventd.errors import ErrorCode
from eventd.simulator import Pace, Question, SimulatorServer, VIFault, World
from eventd.simulator.world.faults import InvalidArgument, InvalidState
from eventd.simulator.world.tasks import Task

__all__ = ["FAST", "ROWS", "Outcome", "Row", "mutating_calls"]

FAST = Pace(
    queued=timedelta(milliseconds=1),
    running=timedelta(milliseconds=1),
    guest=timedelta(milliseconds=1),
)

INTERNAL, INVALID = ErrorCode.INTERNAL_ERROR, ErrorCode.OPERATION_INVALID

Arrange = Callable[[World, datetime], None]


@dataclass(frozen=True)
class Outcome:
    """What came of it: the calls that change something, and the error if there was one."""

    calls: tuple[str, ...]
    code: ErrorCode | None = None


HANGS = None
"""libvirt's driver waits for what never comes."""


@dataclass(frozen=True)
class Row:
    """One situation, and the outcomes by ``auto_answer``."""

    name: str
    arrange: Arrange
    expected: tuple[Outcome, Outcome]
    """With ``auto_answer=0`` and with ``auto_answer=1``."""
    world: type[World] = World
    empty_updates: timedelta | None = None
    """How often the host says that nothing has changed, if it does: no real one was seen to."""
    differs: dict[int, tuple[Outcome | None, str]] = field(default_factory=dict)
    """Where libvirt's outcome is another one: which, and the reason."""


class _AnsweredElsewhere(World):
    """A host on which somebody else is always a moment faster with the answer."""

    def take_scripted_fault(self, method: str) -> VIFault | None:
        if method == "AnswerVM":
            self.answer("web01", "25", "1", now=self.now)
        return super().take_scripted_fault(method)


class _EndedBeforeCancelled(World):
    """A host whose task is done a moment before it would be cancelled."""

    def take_scripted_fault(self, method: str) -> VIFault | None:
        if method == "CancelTask":
            self.answer("web01", "25", "1", now=self.now)
            self.advance(self.now + timedelta(seconds=1))
        return super().take_scripted_fault(method)


def _scripted(*questions: Question, cancelable: bool = False) -> Arrange:
    def arrange(world: World, _: datetime) -> None:
        world.script_questions("web01", *questions)
        if cancelable:
            world.make_tasks_cancelable("web01")

    return arrange


def _failing(method: str, fault: VIFault, *, cancelable: bool) -> Arrange:
    arrange_question = _scripted(_ASKED_AT_ONCE, cancelable=cancelable)

    def arrange(world: World, now: datetime) -> None:
        arrange_question(world, now)
        world.fail_next(method, fault)

    return arrange


def _blocked_before(world: World, now: datetime) -> None:
    world.script_questions("web01", Question())
    world.power_on("web01", now=now)
    world.advance(now + timedelta(milliseconds=100))


def _blocked_by_a_task_that_is_not_listed(world: World, now: datetime) -> None:
    _blocked_before(world, now)
    world.hide_tasks("web01")


def _asked_by_nothing(world: World, now: datetime) -> None:
    world.ask("web01", Question(), now=now)


def _busy(world: World, now: datetime) -> None:
    world.script_questions("web01", Question(delay=timedelta(hours=1)))
    world.power_on("web01", now=now)
    world.advance(now + timedelta(milliseconds=100))


def _vanishing(world: World, _: datetime) -> None:
    """Let the task go on for ever, and the domain vanish a moment after it began."""
    world.script_questions("web01", Question(delay=timedelta(hours=1)))

    def plan(_: Task, now: datetime) -> None:
        at = now + timedelta(milliseconds=300)
        world.schedule.add(at, lambda due: world.vanish("web01", now=due))

    world.tasks.running.append(plan)


# libvirt sees a question at once only if it is there when it looks, before it waits for the task.
_ASKED_AT_ONCE = Question(when="queued")
_LATE = Question(delay=timedelta(milliseconds=500))
_WITHOUT_DEFAULT = Question(when="queued", default_index=None)
_DEFAULT_OUT_OF_RANGE = Question(when="queued", default_index=3)

_STARTED = ("power on",)
_CANCELLED = ("power on", "cancel")
_ANSWERED = ("power on", "answer 1")

_HANG = "a question that comes after the last change of the task's state is never looked for"

ROWS = (
    Row(
        "a question at once, the task not cancelable",
        _scripted(_ASKED_AT_ONCE),
        (Outcome(_STARTED, INTERNAL), Outcome(_ANSWERED)),
    ),
    Row(
        "a question at once, the task cancelable",
        _scripted(_ASKED_AT_ONCE, cancelable=True),
        (Outcome(_CANCELLED, INTERNAL), Outcome(_ANSWERED)),
    ),
    Row(
        "a start while another one is blocked",
        _blocked_before,
        (Outcome((), INTERNAL), Outcome(("answer 1",), INVALID)),
    ),
    Row(
        "a start while another one is blocked whose task is not listed",
        _blocked_by_a_task_that_is_not_listed,
        (Outcome((), INTERNAL), Outcome(("answer 1",), INVALID)),
        differs={
            1: (
                Outcome(("answer 1", "power on"), INTERNAL),
                "its README says that nothing is started after an answer; its code looks for "
                "tasks alone, and starts one more, which the host refuses",
            )
        },
    ),
    Row(
        "a question that no task asks",
        _asked_by_nothing,
        (Outcome((), INTERNAL), Outcome(("answer 1",), INVALID)),
        differs={
            1: (
                Outcome(("answer 1", "power on")),
                "its README says that nothing is started after an answer; its code does so",
            )
        },
    ),
    Row(
        "no default",
        _scripted(_WITHOUT_DEFAULT),
        (Outcome(_STARTED, INTERNAL), Outcome(_STARTED, INTERNAL)),
    ),
    Row(
        "no default, the task cancelable",
        _scripted(_WITHOUT_DEFAULT, cancelable=True),
        (Outcome(_CANCELLED, INTERNAL), Outcome(_CANCELLED, INTERNAL)),
    ),
    Row(
        "a default that is none of the choices",
        _scripted(_DEFAULT_OUT_OF_RANGE),
        (Outcome(_STARTED, INTERNAL), Outcome(_STARTED, INTERNAL)),
    ),
    Row(
        "another task that asks nothing",
        _busy,
        (Outcome((), INVALID), Outcome((), INVALID)),
    ),
    Row(
        "a late question, the task not cancelable",
        _scripted(_LATE),
        (Outcome(_STARTED, INTERNAL), Outcome(_ANSWERED)),
        differs={0: (HANGS, _HANG), 1: (HANGS, _HANG)},
    ),
    Row(
        "a late question, the task cancelable",
        _scripted(_LATE, cancelable=True),
        (Outcome(_CANCELLED, INTERNAL), Outcome(_ANSWERED)),
        differs={0: (HANGS, _HANG), 1: (HANGS, _HANG)},
    ),
    Row(
        "a late question, on a host that says now and then that nothing has changed",
        _scripted(_LATE),
        (Outcome(_STARTED, INTERNAL), Outcome(_ANSWERED)),
        empty_updates=timedelta(milliseconds=300),
    ),
    Row(
        "a domain that vanishes while it is blocked",
        _vanishing,
        (Outcome(_STARTED, INTERNAL), Outcome(_STARTED, INTERNAL)),
    ),
    Row(
        "two questions in a row",
        _scripted(_ASKED_AT_ONCE, Question(id="26", when="queued")),
        (Outcome(_STARTED, INTERNAL), Outcome((*_ANSWERED, "answer 1"))),
    ),
    Row(
        "the same question twice",
        _scripted(_ASKED_AT_ONCE, _ASKED_AT_ONCE),
        (Outcome(_STARTED, INTERNAL), Outcome((*_ANSWERED, "answer 1"))),
    ),
    Row(
        "a second question that comes late",
        _scripted(_ASKED_AT_ONCE, _LATE),
        (Outcome(_STARTED, INTERNAL), Outcome((*_ANSWERED, "answer 1"))),
        differs={1: (HANGS, _HANG)},
    ),
    Row(
        "answered by somebody else, a moment before",
        _scripted(_ASKED_AT_ONCE),
        (Outcome(_STARTED, INTERNAL), Outcome(_ANSWERED)),
        world=_AnsweredElsewhere,
        differs={1: (Outcome(_ANSWERED, INTERNAL), "it takes the refused answer for a failure")},
    ),
    Row(
        "answered by somebody else, the task cancelable",
        _scripted(_ASKED_AT_ONCE, cancelable=True),
        (Outcome(_CANCELLED, INTERNAL), Outcome(_ANSWERED)),
        world=_AnsweredElsewhere,
        differs={
            1: (
                Outcome((*_ANSWERED, "cancel"), INTERNAL),
                "it takes the refused answer for a failure, and cancels a healthy task",
            )
        },
    ),
    Row(
        "an answer that the host refuses",
        _failing("AnswerVM", InvalidArgument("answerChoice"), cancelable=False),
        (Outcome(_STARTED, INTERNAL), Outcome(_ANSWERED, INTERNAL)),
    ),
    Row(
        "an answer that the host refuses, the task cancelable",
        _failing("AnswerVM", InvalidArgument("answerChoice"), cancelable=True),
        (Outcome(_CANCELLED, INTERNAL), Outcome((*_ANSWERED, "cancel"), INTERNAL)),
    ),
    Row(
        "a cancellation that the host refuses",
        _failing("CancelTask", InvalidState("The task is busy."), cancelable=True),
        (Outcome(_CANCELLED, INTERNAL), Outcome(_ANSWERED)),
    ),
    Row(
        "a task that has ended before it is cancelled",
        _scripted(_ASKED_AT_ONCE, cancelable=True),
        (Outcome(_CANCELLED), Outcome(_ANSWERED)),
        world=_EndedBeforeCancelled,
        differs={
            0: (
                Outcome(_CANCELLED, INTERNAL),
                "it reports that there was nothing to cancel, although the domain was started",
            )
        },
    ),
)


def mutating_calls(server: SimulatorServer) -> tuple[str, ...]:
    """Return the calls that changed something, in short."""
    short = {"PowerOnVM_Task": "power on", "PowerOffVM_Task": "power off", "CancelTask": "cancel"}
    told = []
    for call in server.service.calls:
        if call.method == "AnswerVM":
            answer = call.call.first("answerChoice")
            assert answer is not None
            told.append(f"answer {answer.text}")
        elif call.method in short:
            told.append(short[call.method])
    return tuple(told)
