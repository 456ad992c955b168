"""While the task of an operation goes on: what to do about what is seen of it and its domain.

A run is shown each moment (`Run.see`) and says what to do next; what the host makes of that is told
to it. A task that is blocked for good is cancelled, if it can be, and the question reported.
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

__all__ = [
    "CancelTask",
    "Decision",
    "Fail",
    "Finish",
    "LookAtTask",
    "Run",
    "Wait",
    "progress_of",
]


class Wait(NamedTuple):
    """Nothing is to be done until something changes."""

    on: Question | None = None
    """A question that was answered and that the host goes on showing, for a moment as a rule."""


class Finish(NamedTuple):
    """The operation is done."""

    result: OperationResult


class Fail(NamedTuple):
    """The operation is over, and was not done."""

    error: EventdError


class LookAtTask(NamedTuple):
    """The task is blocked for good: read how it is now, and show that to `Run.see_blocked`."""


class CancelTask(NamedTuple):
    """Cancel the task."""


Decision = Wait | AnswerQuestion | Finish | Fail | LookAtTask
BlockedDecision = Finish | Fail | CancelTask


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
        self._blocked: tuple[Question, str] | None = None
        """The question that is not answered, and why not where that is no rule."""
        self._is_cancelled = False

    # -- what is seen

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
        if task is not None and (over := self._see_end(task)) is not None:
            return over
        if is_gone:
            return Fail(self._gone())
        if is_lost:
            return Fail(self._lost())
        if self._is_cancelled:
            return Wait()
        return Wait() if question is None else self._see_question(question)

    def _see_end(self, task: TaskInfo) -> Finish | Fail | None:
        match task.state:
            case TaskState.SUCCESS:
                return self._finish(task)
            case TaskState.ERROR if self._blocked is not None:
                ended = "was cancelled" if task.cancelled else f"has ended: {task.error}"
                return self._block(f"its task {self.task} {ended}")
            case TaskState.ERROR:
                return Fail(refusals.task_failed(self.operation, task))
            case _:
                return None

    def _see_question(self, question: Question) -> Decision:
        is_answered = any(each.question.id == question.id for each in self._answered)
        if (reason := self._refused.get(question.id)) is not None:
            self._blocked = question, reason
            return LookAtTask()
        if is_answered or question.id in self._settled:
            return Wait(question)
        if not self.auto_answer or question.default is None:
            self._blocked = question, ""
            return LookAtTask()
        return AnswerQuestion(question, question.default)

    def see_blocked(self, task: TaskInfo | None) -> BlockedDecision:
        """Return what to do about the task, which is blocked; None if the host knows it no more.

        Somebody may have answered meanwhile, so that it has done its work after all.
        """
        if task is None:
            return self._block(f"its task {self.task} is gone")
        if (over := self._see_end(task)) is not None:
            return over
        if not task.cancelable:
            return self._block(f"its task {self.task} cannot be cancelled and was left behind")
        return CancelTask()

    # -- what came of it

    def note_answered(self, question: Question, choice: Choice) -> None:
        """The host has taken the answer."""
        self._answered.append(Answered(question=question, choice=choice))

    def note_settled(self, question: Question) -> None:
        """The question is there no longer, or will not be in a moment: somebody took care of it."""
        self._settled.add(question.id)

    def note_refused(self, question: Question, reason: str) -> None:
        """The host has not taken the answer; ``reason`` is a half-sentence."""
        self._refused[question.id] = reason

    def note_still_asked(self, question: Question, asked: Question) -> None:
        """The host goes on asking what it had taken the answer to, or what was settled.

        ``asked`` is the same question as it is known now.
        """
        if question.id in self._settled:
            self._settled.discard(question.id)  # it was not, after all
        else:
            self.note_refused(asked, "the host has taken the answer, and goes on asking")

    def note_cancelled(self) -> None:
        """The host has agreed to cancel the task; that may take a moment."""
        self._is_cancelled = True

    def cancel_refused(self, reason: str, task: TaskInfo | None) -> Finish | Fail:
        """The host has not agreed; return what that means, given how the task is then."""
        over = self._see_end(task) if task is not None else None
        why = reason.rstrip(".")
        return over or self._block(
            f"its task {self.task} could not be cancelled ({why}) and was left behind"
        )

    def still_there(self) -> Fail:
        """The task that was cancelled takes its time to end."""
        return self._block(f"its task {self.task} is being cancelled")

    def left_behind(self, reason: str) -> Fail:
        """Nothing can be done about the task; ``reason`` is a sentence."""
        return self._block(f"its task {self.task} was left behind: {reason}")

    # -- the end

    def _finish(self, task: TaskInfo) -> Finish:
        return Finish(
            OperationResult(
                operation=self.operation,
                domain=self.domain,
                task=progress_of(task),
                answered=tuple(self._answered),
            )
        )

    def _block(self, became: str) -> Fail:
        assert self._blocked is not None  # noqa: S101 - only a blocked task is looked at
        question, why = self._blocked
        return Fail(
            refusals.question_in_the_way(
                question,
                auto_answer=self.auto_answer,
                became=f"{why}; {became}" if why else became,
            )
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
