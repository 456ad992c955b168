"""Before an operation: libvirt's table of states, and what is in the way of a task."""

from __future__ import annotations

import pytest

from eventd.errors import ErrorCode, OperationError, OperationInvalid, QuestionPending
from eventd.model.domain import Choice, Question
from eventd.model.operations import DomainOperation
from eventd.model.picture import PowerState
from eventd.operations.preparation import AnswerQuestion, Sight, prepare
from eventd.vi.types import TaskState
from tests.operations.things import QUESTION, task

OFF, ON, SUSPENDED = PowerState.POWERED_OFF, PowerState.POWERED_ON, PowerState.SUSPENDED

ALLOWED = {
    DomainOperation.START: OFF,
    DomainOperation.SHUTDOWN: ON,
    DomainOperation.DESTROY: ON,
    DomainOperation.SUSPEND: ON,
    DomainOperation.RESUME: SUSPENDED,
    DomainOperation.REBOOT: ON,
    DomainOperation.RESET: ON,
}
REFUSALS = {
    OFF: "Domain is not powered off",
    ON: "Domain is not powered on",
    SUSPENDED: "Domain is not suspended",
}
WITHOUT_TASK = (DomainOperation.SHUTDOWN, DomainOperation.REBOOT)
TASKS = [each for each in DomainOperation if each not in WITHOUT_TASK]


def decide(
    operation: DomainOperation,
    sight: Sight,
    *,
    auto_answer: bool = False,
    is_saved: bool = False,
) -> AnswerQuestion | OperationError | None:
    """Return what is to be done first, or why nothing is."""
    try:
        return prepare(operation, sight, auto_answer=auto_answer, is_saved=is_saved)
    except OperationError as error:
        return error


@pytest.mark.parametrize("power", [*PowerState, None])
@pytest.mark.parametrize("operation", DomainOperation)
def test_each_operation_is_allowed_in_one_state(
    operation: DomainOperation, power: PowerState | None
) -> None:
    """Any other is refused with libvirt's sentence and code, and a hint of what to do."""
    decision = decide(operation, Sight(power, None))

    if power is ALLOWED[operation]:
        assert decision is None
    else:
        assert isinstance(decision, OperationInvalid)
        assert decision.code is ErrorCode.OPERATION_INVALID
        assert decision.message == REFUSALS[ALLOWED[operation]]
        assert decision.hint


@pytest.mark.parametrize(
    ("operation", "power", "hint"),
    [
        ("start", ON, "it is powered on already"),
        ("start", SUSPENDED, "it is suspended: resume it first"),
        ("resume", ON, "it is powered on, and not suspended"),
        ("resume", OFF, "it is powered off: start it first"),
        ("destroy", OFF, "it is powered off already"),
        ("destroy", SUSPENDED, "it is suspended: resume it first"),
        ("suspend", SUSPENDED, "it is suspended already"),
        ("reset", None, "the host does not tell its power state; its files may be out of reach"),
    ],
)
def test_the_hint_says_how_the_domain_is(
    operation: str, power: PowerState | None, hint: str
) -> None:
    """libvirt says only how it is not."""
    decision = decide(DomainOperation(operation), Sight(power, None))

    assert isinstance(decision, OperationInvalid)
    assert decision.hint == hint


@pytest.mark.parametrize("operation", DomainOperation)
def test_a_saved_domain_is_started_and_nothing_else(operation: DomainOperation) -> None:
    """Where suspend is called saved, the domain is shut off, and a start restores it."""
    decision = decide(operation, Sight(SUSPENDED, None), is_saved=True)

    if operation is DomainOperation.START:
        assert decision is None
    else:
        assert isinstance(decision, OperationInvalid)
        assert decision.hint in (
            "its memory is saved: start it, which restores it",
            "it is suspended already",
        )


@pytest.mark.parametrize("state", [TaskState.QUEUED, TaskState.RUNNING])
@pytest.mark.parametrize("operation", TASKS)
def test_no_task_is_begun_beside_another(operation: DomainOperation, state: TaskState) -> None:
    """Whatever the state of the domain: it may be another one in a moment."""
    pending = task(state, key="task-7")
    decision = decide(operation, Sight(ALLOWED[operation], None, (pending,)))

    assert isinstance(decision, OperationInvalid)
    assert decision.message == "Other tasks are pending for this domain"
    assert decision.hint is not None
    assert "task-7 (VirtualMachine.powerOn)" in decision.hint


@pytest.mark.parametrize("state", [TaskState.SUCCESS, TaskState.ERROR])
def test_a_task_that_has_ended_is_in_nobodys_way(state: TaskState) -> None:
    """A host lists it for ten minutes more."""
    assert decide(DomainOperation.START, Sight(OFF, None, (task(state),))) is None


@pytest.mark.parametrize("tasks", [(), (task(TaskState.RUNNING),)], ids=["none", "one"])
@pytest.mark.parametrize("operation", TASKS)
class TestQuestion:
    """A question is in the way, with a task that it blocks or without one that is known."""

    def test_is_reported_where_it_is_not_to_be_answered(
        self, operation: DomainOperation, tasks: tuple[()]
    ) -> None:
        """With libvirt's sentence, its choices, and how to answer it."""
        decision = decide(operation, Sight(ALLOWED[operation], QUESTION, tasks))

        assert isinstance(decision, QuestionPending)
        assert decision.code is ErrorCode.INTERNAL_ERROR
        assert decision.message == (
            "Pending question blocks virtual machine execution, question is 'Replace or append?', "
            "possible answers are 'Replace', 'Append', 'Cancel'"
        )
        assert decision.question_id == QUESTION.id
        assert decision.choices == (("0", "Replace"), ("1", "Append"), ("2", "Cancel"))
        assert decision.default_choice == "1"
        assert decision.hint == (
            "nothing was begun; answer the question (by default 'Append'): eventd answer q1 CHOICE"
        )

    def test_is_answered_with_the_default_where_it_is(
        self, operation: DomainOperation, tasks: tuple[()]
    ) -> None:
        """And the operation is not begun, whether a task is known or not."""
        decision = decide(operation, Sight(ALLOWED[operation], QUESTION, tasks), auto_answer=True)

        assert decision == AnswerQuestion(QUESTION, Choice(key="1", label="Append"))

    def test_is_reported_where_it_has_no_default(
        self, operation: DomainOperation, tasks: tuple[()]
    ) -> None:
        """Nobody but a person knows the answer."""
        question = QUESTION.model_copy(update={"default": None})
        decision = decide(operation, Sight(ALLOWED[operation], question, tasks), auto_answer=True)

        assert isinstance(decision, QuestionPending)
        assert decision.message.endswith(", but no default answer is specified")

    def test_comes_before_the_wrong_state(
        self, operation: DomainOperation, tasks: tuple[()]
    ) -> None:
        """The answer may well change that."""
        assert isinstance(decide(operation, Sight(None, QUESTION, tasks)), QuestionPending)


@pytest.mark.parametrize("operation", WITHOUT_TASK)
def test_what_asks_the_guest_looks_at_nothing_but_the_power_state(
    operation: DomainOperation,
) -> None:
    """It is no task, and the host's questions and tasks do not concern the guest."""
    assert decide(operation, Sight(ON, QUESTION, (task(TaskState.RUNNING),))) is None


def test_a_question_without_choices_is_reported_as_such() -> None:
    """The list of none has words of its own."""
    question = Question(id="q1", vi_id="1", text="Why?")
    decision = decide(DomainOperation.START, Sight(OFF, question))

    assert isinstance(decision, QuestionPending)
    assert decision.message.endswith("question is 'Why?', no possible answers")
