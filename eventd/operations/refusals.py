"""The errors of operations, in the sentences of libvirt's ESX driver, and what to do about them."""

from __future__ import annotations

from eventd.errors import Fault, OperationFailed, OperationInvalid, QuestionPending, TaskPending
from eventd.model.domain import Choice, Question
from eventd.model.operations import DomainOperation
from eventd.model.picture import PowerState
from eventd.operations.rules import RULES, hint_for
from eventd.vi.types import TaskInfo

__all__ = [
    "answered_instead",
    "host_refused",
    "other_tasks",
    "question_in_the_way",
    "settled_instead",
    "task_failed",
    "wrong_state",
]

_OTHER_TASKS = "Other tasks are pending for this domain"


def wrong_state(
    operation: DomainOperation, power: PowerState | None, *, is_saved: bool = False
) -> OperationInvalid:
    """The power state of the domain does not allow the operation."""
    hint = hint_for(operation, power, is_saved=is_saved)
    return OperationInvalid(RULES[operation].refusal, hint=hint)


def other_tasks(tasks: tuple[TaskInfo, ...] = ()) -> TaskPending:
    """A task that has not ended is in the way, and no question blocks it."""
    listed = ", ".join(f"{task.key} ({task.description_id})" for task in tasks)
    which = f": {listed}" if listed else ""
    return TaskPending(
        _OTHER_TASKS, hint=f"nothing was begun; try again when the other task has ended{which}"
    )


def answered_instead(question: Question, choice: Choice) -> TaskPending:
    """The question in the way has been answered, and what it held up goes on now."""
    return TaskPending(
        _OTHER_TASKS,
        hint=f"nothing was begun: a question was in the way, and was answered with "
        f"{choice.label!r}, so that what it held up goes on now; try again when that has ended. "
        f"The question: {question.text}",
    )


def settled_instead(question: Question) -> TaskPending:
    """The question in the way has been answered meanwhile: not for this operation."""
    return TaskPending(
        _OTHER_TASKS,
        hint="nothing was begun: a question was in the way, which has been answered meanwhile; "
        f"try again when what it held up has ended. The question: {question.text}",
    )


def question_in_the_way(question: Question, *, auto_answer: bool, became: str) -> QuestionPending:
    """A question is in the way, and is not answered; ``became`` says what that led to."""
    message = (
        f"Pending question blocks virtual machine execution, question is '{question.text}', "
        + _possible_answers(question)
    )
    if auto_answer and question.default is None:
        message += ", but no default answer is specified"
    by_default = f" (by default {question.default.label!r})" if question.default else ""
    return QuestionPending(
        message,
        hint=f"{became}; answer the question{by_default}: eventd answer {question.id} CHOICE",
        question_id=question.id,
        text=question.text,
        choices=[(choice.key, choice.label) for choice in question.choices],
        default_choice=question.default.key if question.default else None,
    )


def _possible_answers(question: Question) -> str:
    labels = ", ".join(f"'{choice.label}'" for choice in question.choices)
    return f"possible answers are {labels}" if labels else "no possible answers"


def host_refused(operation: DomainOperation, fault: Fault) -> OperationFailed:
    """The host refused the call itself; no task was begun."""
    return OperationFailed(
        f"{RULES[operation].failure}: {fault.name or 'fault'} - {fault.reason}",
        hint="the host has refused it, and nothing was begun",
    )


def task_failed(operation: DomainOperation, task: TaskInfo) -> OperationFailed:
    """The task has ended in an error."""
    name, _, reason = (task.error or "Unknown error").partition(": ")
    said = f"{name} - {reason}" if reason else name
    ended = "was cancelled" if task.cancelled else "has ended in this error"
    return OperationFailed(
        f"{RULES[operation].failure}: {said}", hint=f"its task {task.key} {ended}"
    )
