"""While the task of an operation goes on: each thing that can be seen has one consequence."""

from __future__ import annotations

import pytest

from eventd.errors import ErrorCode, EventdError, NoSuchDomain, OperationFailed, QuestionPending
from eventd.model.domain import Choice, Question
from eventd.model.operations import DomainOperation
from eventd.operations.preparation import AnswerQuestion
from eventd.operations.run import CancelTask, Fail, Finish, LookAtTask, Run, Wait, progress_of
from eventd.vi.types import TaskInfo, TaskState
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
def test_a_question_that_eventd_does_not_answer_blocks_the_task_for_good(
    auto_answer: bool, asked: Question
) -> None:
    """The rule of auto_answer=0, and of questions without a default."""
    assert run(auto_answer=auto_answer).see(RUNNING, asked) == LookAtTask()


def blocked() -> Run:
    """A start that a question blocks, and nobody is to answer it."""
    started = run(auto_answer=False)
    started.see(RUNNING, QUESTION)
    return started


def hint(decision: object) -> str:
    error = failure(decision)
    assert isinstance(error, QuestionPending)
    assert error.question_id == QUESTION.id
    became, _, then = (error.hint or "").rpartition("; ")
    assert then == "answer the question (by default 'Append'): eventd answer q1 CHOICE"
    return became


def test_a_blocked_task_is_cancelled_if_it_can_be() -> None:
    """What becomes of that is waited for; the error is the question."""
    started = blocked()
    assert started.see_blocked(RUNNING._replace(cancelable=True)) == CancelTask()
    started.note_cancelled()

    assert started.see(RUNNING, QUESTION) == Wait()
    over = started.see(task(TaskState.ERROR, error="RequestCanceled", cancelled=True), None)
    assert hint(over) == "its task task-1 was cancelled"


def test_a_task_that_takes_its_time_to_be_cancelled_is_told_as_it_is() -> None:
    """It may well do its work yet."""
    started = blocked()
    started.note_cancelled()

    assert hint(started.still_there()) == "its task task-1 is being cancelled"


def test_a_task_that_has_done_its_work_before_it_was_cancelled_is_the_result() -> None:
    """Somebody else answered: what was asked for is done."""
    success = task(TaskState.SUCCESS)
    cancelled = blocked()
    cancelled.note_cancelled()

    assert isinstance(blocked().see_blocked(success), Finish)
    assert isinstance(blocked().cancel_refused("it has ended", success), Finish)
    assert isinstance(cancelled.see(success, None), Finish)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (RUNNING, "its task task-1 cannot be cancelled and was left behind"),
        (None, "its task task-1 is gone"),
        (task(TaskState.ERROR, error="Fault: why"), "its task task-1 has ended: Fault: why"),
        (
            task(TaskState.ERROR, error="RequestCanceled", cancelled=True),
            "its task task-1 was cancelled",
        ),
    ],
)
def test_a_blocked_task_that_is_not_cancelled_is_told_as_it_is(
    seen: TaskInfo | None, told: str
) -> None:
    """The question is the error in any case."""
    assert hint(blocked().see_blocked(seen)) == told


def test_a_cancellation_that_the_host_refuses_is_told_beside_the_question() -> None:
    """Its reason does not hide the question."""
    told = blocked().cancel_refused("The task is busy.", RUNNING)

    assert (
        hint(told)
        == "its task task-1 could not be cancelled (The task is busy) and was left behind"
    )
    assert hint(blocked().left_behind("the host is lost")) == (
        "its task task-1 was left behind: the host is lost"
    )


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


def test_an_answer_that_the_host_refuses_blocks_the_task_for_good() -> None:
    """The error tells the question, why it was not answered, and what became of the task."""
    started = run()
    started.note_refused(QUESTION, "the host refused 'Append': no")
    assert started.see(RUNNING, QUESTION) == LookAtTask()

    assert hint(started.see_blocked(RUNNING)) == (
        "the host refused 'Append': no; its task task-1 cannot be cancelled and was left behind"
    )


def test_a_question_that_is_still_asked_after_its_answer_blocks_the_task_for_good() -> None:
    """To answer it again and again would help nobody."""
    started = run()
    started.note_answered(QUESTION, APPEND)
    started.note_still_asked(QUESTION, QUESTION)
    assert started.see(RUNNING, QUESTION) == LookAtTask()

    assert hint(started.see_blocked(RUNNING)).startswith(
        "the host has taken the answer, and goes on asking; "
    )


def test_a_question_that_is_still_asked_under_another_id_is_reported_under_that() -> None:
    """Under the old one nobody could answer it."""
    started, anew = run(), QUESTION.model_copy(update={"id": "q-9"})
    started.note_answered(QUESTION, APPEND)
    started.note_still_asked(QUESTION, anew)
    assert started.see(RUNNING, anew) == LookAtTask()

    blocked = started.see_blocked(RUNNING)
    assert isinstance(blocked, Fail)
    assert isinstance(blocked.error, QuestionPending)
    assert blocked.error.question_id == "q-9"


def test_a_question_that_is_still_asked_though_it_was_settled_is_answered() -> None:
    """It was not, after all."""
    started = run()
    started.note_settled(QUESTION)
    started.note_still_asked(QUESTION, QUESTION)

    assert started.see(RUNNING, QUESTION) == AnswerQuestion(QUESTION, APPEND)


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
