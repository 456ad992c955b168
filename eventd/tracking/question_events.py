"""What is told of questions: that one is asked, in other words, answered, or gone.

Who or what has asked is the task that it holds up, where one is known; how it ended is worked out
from what eventd has answered, and from what became of that task.
"""

from __future__ import annotations

from collections.abc import Iterator

from eventd.model.domain import Question
from eventd.model.events import (
    QuestionAnswered,
    QuestionChanged,
    QuestionCleared,
    QuestionEvent,
    QuestionRaised,
)
from eventd.model.evidence import Cause, Evidence
from eventd.model.picture import DomainPicture, PowerState
from eventd.model.questions import QuestionEnding
from eventd.tracking.attribution import evidence
from eventd.tracking.facts import Found
from eventd.tracking.followed_tasks import FollowedTasks
from eventd.tracking.inventory import Inventory, Step
from eventd.tracking.judgement import Moment
from eventd.tracking.questions import Questions
from eventd.vi.types import TaskInfo, TaskState

__all__ = ["QuestionEvents"]

_REMEMBERED = 1000
"""Questions whose task is remembered; our choice."""


class QuestionEvents:
    """Tells of the questions of one connection's domains."""

    def __init__(
        self,
        inventory: Inventory,
        questions: Questions,
        followed: FollowedTasks,
        *,
        source: str,
    ) -> None:
        self._inventory = inventory
        self._questions = questions
        self._followed = followed
        self._source = source
        self._tasks: dict[str, str] = {}
        """The task that each question holds up."""

    def tell_ended(self, step: Step, moment: Moment) -> Iterator[QuestionEvent]:
        """Tell how the question that a step takes away has ended, if it does."""
        was, is_ = _questions_of(step)
        # Under the name that the domain had.
        if step.before is not None and was is not None and (is_ is None or is_.id != was.id):
            yield self._ended(was, step.before, step.after, moment)

    def tell_asked(self, step: Step, moment: Moment) -> Iterator[QuestionEvent]:
        """Tell which question a step brings, or puts into other words, if it does."""
        was, is_ = _questions_of(step)
        if step.after is None or is_ is None or is_ == was:
            return
        if was is not None and was.id == is_.id:
            yield self._event(QuestionChanged, is_, step.after, moment)
        else:
            yield self._event(QuestionRaised, is_, step.after, moment)

    def tell_unseen(self, moment: Moment) -> Iterator[QuestionEvent]:
        """Tell the questions that were answered before the host has shown them."""
        for reference, question in self._questions.take_unseen():
            picture = self._inventory.shown(reference)
            if picture is not None:
                yield self._event(QuestionRaised, question, picture, moment)
                yield self._ended(question, picture, picture, moment)

    def _ended(
        self,
        question: Question,
        before: DomainPicture,
        after: DomainPicture | None,
        moment: Moment,
    ) -> QuestionEvent:
        answer = self._questions.answer_to(question)
        if answer is None:
            ending = self._ending(question, before, after)
            return self._event(QuestionCleared, question, before, moment, ending=ending)
        return self._event(
            QuestionAnswered,
            question,
            before,
            moment,
            choice=answer.choice,
            rule=answer.rule,
            answered_by=answer.by,
        )

    def _ending(
        self, question: Question, before: DomainPicture, after: DomainPicture | None
    ) -> QuestionEnding:
        task = self._task_of(question)
        if after is None or (task is not None and task.cancelled):
            return QuestionEnding.WITHDRAWN
        # A blocked task moves on by an answer alone, and so does the domain that it changes. One
        # that fails may do so by an answer, or by something else.
        if task is not None and task.state is not TaskState.ERROR:
            return QuestionEnding.ELSEWHERE
        if before.power is after.power:
            return QuestionEnding.UNKNOWN
        if after.power is PowerState.POWERED_OFF:
            return QuestionEnding.WITHDRAWN
        return QuestionEnding.ELSEWHERE

    def task_held_up(self, question: Question, domain: str) -> TaskInfo | None:
        """Return the task that a pending question of a domain holds up, where one is known.

        The host does not say which it is. It is taken to be the one that came last.
        """
        if question.id not in self._tasks and (underway := self._followed.underway(domain)):
            self._tasks[question.id] = underway[-1].task.value
            while len(self._tasks) > _REMEMBERED:
                del self._tasks[next(iter(self._tasks))]
        return self._task_of(question)

    def _task_of(self, question: Question) -> TaskInfo | None:
        task = self._tasks.get(question.id)
        return None if task is None else self._followed.info(task)

    def _event(
        self,
        cls: type[QuestionEvent],
        question: Question,
        picture: DomainPicture,
        moment: Moment,
        **arguments: object,
    ) -> QuestionEvent:
        task = self.task_held_up(question, picture.reference)
        held_up = None if task is None else evidence(Found(Cause.TASK, task=task)).task
        return cls.model_validate(
            {
                "occurred_at": moment.now,
                "source": self._source,
                "synthetic": moment.in_gap,
                "domain": self._inventory.domain(picture),
                # Who started the task is in there; the question itself is nobody's.
                "evidence": Evidence(cause=Cause.STATE, task=held_up),
                "question": question,
                **arguments,
            }
        )


def _questions_of(step: Step) -> tuple[Question | None, Question | None]:
    was = step.before.question if step.before is not None else None
    is_ = step.after.question if step.after is not None else None
    return was, is_
