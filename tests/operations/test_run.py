"""While the task of an operation goes on: each thing that can be seen has one consequence."""

from __future__ import annotations

import pytest

from eventd.errors import ErrorCode, EventdError, NoSuchDomain, OperationFailed, QuestionPending
from eventd.model.domain import Choice
from eventd.model.operations import DomainOperation
from eventd.operations.preparation import AnswerQuestion
from eventd.operations.run import Fail, Finish, GiveUp, Run, Wait, progress_of
from eventd.vi.types import TaskState
from tests.operations.things import QUESTION, WEB01, question, task

RUNNING = task(TaskState.RUNNING)
APPEND = Choice(key="1", label="Append")


def run(*, auto_answer: bool = True, operation: DomainOperation = DomainOperation.START) -> Run:
    return Run(operation, WEB01, "task-1", auto_answer=auto_answer)


def failure(decision: object) -> EventdError:
    assert isinstance(decision, Fail)
    return decision.error


@pytest.mark.parametrize("seen", [None, task(TaskState.QUEUED), RUNNING])
def test_a_task_that_goes_on_is_waited_for(seen: object) -> None:
    """Also one of which nothing was seen yet."""
    assert run().see(seen, None) == Wait()  # type: ignore[arg-type]


def test_a_task_that_has_succeeded_is_the_result() -> None:
    """With the answers that it needed."""
    started = run()
    assert started.see(RUNNING, QUESTION) == AnswerQuestion(QUESTION, APPEND)
    started.note_answered(QUESTION, APPEND)
    decision = started.see(task(TaskState.SUCCESS), None)

    assert isinstance(decision, Finish)
    assert decision.result.domain == WEB01
    assert decision.result.task is not None
    assert (decision.result.task.key, decision.result.task.state) == ("task-1", "success")
    assert [(each.question, each.choice) for each in decision.result.answered] == [
        (QUESTION, APPEND)
    ]


@pytest.mark.parametrize(
    ("operation", "error", "message"),
    [
        (
            "start",
            "GenericVmConfigFault: it is so",
            "start domain: GenericVmConfigFault - it is so",
        ),
        ("suspend", "Timedout", "suspend domain: Timedout"),
        ("destroy", None, "destroy domain: Unknown error"),
        ("reset", "A: b: c", "reset domain: A - b: c"),
        ("resume", "A: b", "resume domain: A - b"),
    ],
)
def test_a_task_that_has_failed_is_told_in_libvirts_words(
    operation: str, error: str | None, message: str
) -> None:
    """The fault and the host's sentence."""
    seen = task(TaskState.ERROR, error=error)
    told = failure(run(operation=DomainOperation(operation)).see(seen, None))

    assert isinstance(told, OperationFailed)
    assert (told.code, told.message) == (ErrorCode.INTERNAL_ERROR, f"Could not {message}")


def test_a_task_that_somebody_cancelled_says_so() -> None:
    """It is no fault of the host's."""
    told = failure(run().see(task(TaskState.ERROR, error="RequestCanceled", cancelled=True), None))

    assert told.hint == "its task task-1 was cancelled"


def test_the_end_of_a_task_counts_more_than_a_question() -> None:
    """What is asked then is asked by something else."""
    assert isinstance(run().see(task(TaskState.SUCCESS), QUESTION), Finish)


@pytest.mark.parametrize(
    ("auto_answer", "asked"),
    [
        (False, QUESTION),
        (False, question("q1", has_default=False)),
        (True, question("q1", has_default=False)),
    ],
)
def test_a_question_that_eventd_does_not_answer_ends_the_operation(
    auto_answer: bool, asked: object
) -> None:
    """The rule of auto_answer=0, and of questions without a default."""
    started = run(auto_answer=auto_answer)

    assert started.see(RUNNING, asked) == GiveUp(asked, "")  # type: ignore[arg-type]


def test_a_question_is_answered_once() -> None:
    """While the host goes on showing it, the operation waits for that to end."""
    started = run()
    started.note_answered(QUESTION, APPEND)

    assert started.see(RUNNING, QUESTION) == Wait(QUESTION)
    assert started.see(RUNNING, None) == Wait()


def test_several_questions_are_answered_one_after_the_other() -> None:
    """Each on its own."""
    started = run()
    for number in range(3):
        asked = question(f"q{number}")
        assert started.see(RUNNING, asked) == AnswerQuestion(asked, APPEND)
        started.note_answered(asked, APPEND)
    decision = started.see(task(TaskState.SUCCESS), None)

    assert isinstance(decision, Finish)
    assert [each.question.id for each in decision.result.answered] == ["q0", "q1", "q2"]


def test_a_question_that_somebody_else_answers_does_no_harm() -> None:
    """The task goes on, and so does the operation; a later question is another matter."""
    started = run()
    started.note_settled(QUESTION)

    assert started.see(RUNNING, QUESTION) == Wait(QUESTION)
    assert started.see(RUNNING, question("q2")) == AnswerQuestion(question("q2"), APPEND)


def test_an_answer_that_the_host_refuses_ends_the_operation() -> None:
    """The error tells the question, and why it was not answered."""
    started = run()
    started.note_refused(QUESTION, "the host refused 'Append': no")
    decision = started.see(RUNNING, QUESTION)
    assert decision == GiveUp(QUESTION, "the host refused 'Append': no")
    error = started.blocked(QUESTION, "the host refused 'Append': no", "its task was cancelled")

    assert isinstance(error, QuestionPending)
    assert error.hint == (
        "the host refused 'Append': no; its task was cancelled; answer the question: "
        "eventd answer web01 CHOICE"
    )


def test_a_domain_that_is_gone_ends_the_operation() -> None:
    """Unless its task has ended, which says more."""
    assert isinstance(failure(run().see(RUNNING, None, is_gone=True)), NoSuchDomain)
    assert isinstance(run().see(task(TaskState.SUCCESS), None, is_gone=True), Finish)


def test_a_task_that_the_host_has_forgotten_ends_the_operation() -> None:
    """Nobody knows what became of it."""
    told = failure(run().see(RUNNING, None, is_lost=True))

    assert told.message == "Could not start domain: the host no longer knows the task task-1"


@pytest.mark.parametrize(
    ("state", "progress", "told"),
    [(TaskState.RUNNING, 40, 40), (TaskState.QUEUED, 40, None), (TaskState.SUCCESS, 95, None)],
)
def test_only_a_task_that_runs_is_so_far(state: TaskState, progress: int, told: int | None) -> None:
    """Hosts leave the last figure where it was."""
    assert progress_of(task(state, progress=progress)).progress == told
