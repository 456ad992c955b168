"""Before an operation begins: may it, or is something in its way?

libvirt's ``src/esx/README``, "How is automatic question handling implemented?": where a question
is in the way, the operation is not begun, whether or not the question is answered. A question
counts even where no pending task explains it. (The code of libvirt's driver begins the operation
then, against its README.)
"""

from __future__ import annotations

from typing import NamedTuple

from eventd.model.domain import Choice, Question
from eventd.model.operations import DomainOperation
from eventd.model.picture import PowerState
from eventd.operations import refusals
from eventd.operations.rules import RULES, may_begin
from eventd.vi.types import TaskInfo, TaskState

__all__ = ["AnswerQuestion", "Sight", "prepare"]


class Sight(NamedTuple):
    """What is so of a domain at one moment, read from the host at once."""

    power: PowerState | None
    question: Question | None
    tasks: tuple[TaskInfo, ...] = ()
    """Its recent tasks."""

    @property
    def pending(self) -> tuple[TaskInfo, ...]:
        """The tasks that have not ended."""
        return tuple(
            task for task in self.tasks if task.state in (TaskState.QUEUED, TaskState.RUNNING)
        )


class AnswerQuestion(NamedTuple):
    """Answer this question with this choice."""

    question: Question
    choice: Choice


def prepare(
    operation: DomainOperation,
    sight: Sight,
    *,
    auto_answer: bool,
    is_saved: bool,
) -> AnswerQuestion | None:
    """Return None if the operation may begin, else the question to answer in its place.

    Shutdown and reboot ask the guest, and no question or task of the host is in their way.

    Raises:
        QuestionPending: a question is in the way that is not to be answered, or cannot be.
        OperationInvalid: a task that has not ended is in the way, or the power state.
    """
    if RULES[operation].is_task:
        if (question := sight.question) is not None:
            if not auto_answer or question.default is None:
                raise refusals.question_in_the_way(
                    question, auto_answer=auto_answer, became="nothing was begun"
                )
            return AnswerQuestion(question, question.default)
        if sight.pending:
            raise refusals.other_tasks(sight.pending)
    if not may_begin(operation, sight.power, is_saved=is_saved):
        raise refusals.wrong_state(operation, sight.power, is_saved=is_saved)
    return None
