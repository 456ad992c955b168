"""While the task of an operation goes on: what to do about what is seen of it and its domain.

A run is shown each moment (`Run.see`) and says what to do next. What the host makes of an answer
is told to it by `note_answered`, `note_settled` and `note_refused`.
"""

from __future__ import annotations

from typing import NamedTuple

from eventd.errors import EventdError, NoSuchDomain, OperationFailed
from eventd.model.domain import Choice, Domain, Question
from eventd.model.operations import Answered, DomainOperation, OperationResult, TaskProgress
from eventd.operations import refusals
from eventd.operations.preparation import AnswerQuestion
from eventd.operations.rules import RULES
from eventd.vi.types import TaskInfo, TaskState

__all__ = ["Decision", "Fail", "Finish", "GiveUp", "Run", "Wait", "progress_of"]


class Wait(NamedTuple):
    """Nothing is to be done until something changes."""

    on: Question | None = None
    """A question that was answered and that the host goes on showing, for a moment as a rule."""


class Finish(NamedTuple):
    """The operation is done."""

    result: OperationResult


class Fail(NamedTuple):
    """The operation has failed, and nothing of it goes on that eventd could look after."""

    error: EventdError


class GiveUp(NamedTuple):
    """The question blocks the task for good: cancel that if it can be, and report the question."""

    question: Question
    why: str
    """Why it is not answered, as the beginning of a sentence; empty where that is the rule."""


Decision = Wait | AnswerQuestion | Finish | Fail | GiveUp


class Run:
    """The task of one operation, from its call to its end."""

    def __init__(
        self, operation: DomainOperation, domain: Domain, task: str, *, auto_answer: bool
    ) -> None:
        self.operation = operation
        self.domain = domain
        self.task = task
        """Value of the reference of the task."""
        self.auto_answer = auto_answer
        self._answered: list[Answered] = []
        self._settled: set[str] = set()
        """Questions of which somebody else took care."""
        self._refused: dict[str, str] = {}

    def see(
        self,
        task: TaskInfo | None,
        question: Question | None,
        *,
        is_gone: bool = False,
        is_lost: bool = False,
    ) -> Decision:
        """Return what to do at a moment.

        ``task`` is None as long as nothing was seen of it; ``is_gone`` says that the domain is no
        longer followed, and ``is_lost`` that the host no longer knows the task.
        """
        match task:
            case TaskInfo(state=TaskState.SUCCESS):
                return self.finish(task)
            case TaskInfo(state=TaskState.ERROR):
                return Fail(refusals.task_failed(self.operation, task))
            case _:
                pass
        if is_gone:
            return Fail(self._gone())
        if is_lost:
            return Fail(self._lost())
        return Wait() if question is None else self._see_question(question)

    def _see_question(self, question: Question) -> Decision:
        if (reason := self._refused.get(question.id)) is not None:
            return GiveUp(question, reason)
        is_answered = any(each.question.id == question.id for each in self._answered)
        if is_answered or question.id in self._settled:
            return Wait(question)
        if not self.auto_answer or question.default is None:
            return GiveUp(question, "")
        return AnswerQuestion(question, question.default)

    def note_answered(self, question: Question, choice: Choice) -> None:
        """The host has taken the answer."""
        self._answered.append(Answered(question=question, choice=choice))

    def note_settled(self, question: Question) -> None:
        """The host has not taken the answer, since the question was there no longer."""
        self._settled.add(question.id)

    def note_refused(self, question: Question, reason: str) -> None:
        """The host has not taken the answer, or goes on asking; ``reason`` is a half-sentence."""
        self._refused[question.id] = reason

    def finish(self, task: TaskInfo) -> Finish:
        """Return the result of a task that has succeeded."""
        return Finish(
            OperationResult(
                operation=self.operation,
                domain=self.domain,
                task=progress_of(task),
                answered=tuple(self._answered),
            )
        )

    def blocked(self, question: Question, why: str, became: str) -> EventdError:
        """Return the error of a question that blocks the task, and what became of that."""
        return refusals.question_in_the_way(
            question,
            self.domain,
            auto_answer=self.auto_answer,
            became=f"{why}; {became}" if why else became,
        )

    def _gone(self) -> EventdError:
        return NoSuchDomain(
            f"the domain {self.domain.name!r} is gone from {self.domain.connection!r} before its "
            f"{self.operation} was done",
            hint=f"its task {self.task} may go on, wherever the domain is now",
        )

    def _lost(self) -> EventdError:
        return OperationFailed(
            f"{RULES[self.operation].failure}: the host no longer knows the task {self.task}",
            hint="it may have been done or not: look at the state of the domain",
        )


def progress_of(task: TaskInfo) -> TaskProgress:
    """Return how far a task is."""
    return TaskProgress(
        key=task.key,
        description_id=task.description_id,
        state=task.state,
        progress=task.progress if task.state is TaskState.RUNNING else None,
        queued_at=task.queue_time,
        started_at=task.start_time,
        completed_at=task.complete_time,
    )
