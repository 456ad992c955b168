"""What is told of questions: that one is asked, in other words, answered, or gone.

Who or what has asked is the task that it holds up, where one is known; how it ended is worked out
from what eventd has answered, and from what became of that task.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
from eventd.tracking.questions import Answer, Fate, Questions
from eventd.vi.types import TaskInfo, TaskState

__all__ = ["QuestionEvents"]

_UNDERWAY = (TaskState.QUEUED, TaskState.RUNNING)


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
        for reference, question, answer in self._questions.take_unseen():
            picture = self._inventory.shown(reference)
            if picture is not None:
                yield self._event(QuestionRaised, question, picture, moment)
                yield self._answered(question, answer, picture, moment)
            self._questions.note_told(question)

    def _ended(
        self,
        question: Question,
        before: DomainPicture,
        after: DomainPicture | None,
        moment: Moment,
    ) -> QuestionEvent:
        answer = self._questions.answer_to(question)
        if answer is not None and answer.fate is Fate.TAKEN:
            told = self._answered(question, answer, before, moment)
        else:
            ending = self._ending(question, answer, before, after)
            if moment.in_gap and ending is QuestionEnding.ELSEWHERE:
                ending = QuestionEnding.UNKNOWN  # the host may have been restarted
            told = self._event(QuestionCleared, question, before, moment, ending=ending)
        self._questions.note_told(question)
        return told

    def _answered(
        self, question: Question, answer: Answer, picture: DomainPicture, moment: Moment
    ) -> QuestionEvent:
        return self._event(
            QuestionAnswered,
            question,
            picture,
            moment,
            choice=answer.choice,
            rule=answer.rule,
            answered_by=answer.by,
        )

    def _ending(
        self,
        question: Question,
        answer: Answer | None,
        before: DomainPicture,
        after: DomainPicture | None,
    ) -> QuestionEnding:
        """Return what became of a question; of an answer of eventd's nobody knows if it arrived."""
        task = self._task_of(question)
        if after is None or (task is not None and task.cancelled):
            return QuestionEnding.WITHDRAWN
        # A blocked task moves on by an answer alone, and so does the domain that it changes. One
        # that fails may do so by an answer, or by something else.
        if answer is not None:
            return QuestionEnding.UNKNOWN
        if task is not None and task.state is not TaskState.ERROR:
            return QuestionEnding.ELSEWHERE
        if before.power is after.power:
            return QuestionEnding.UNKNOWN
        if after.power is PowerState.POWERED_OFF:
            return QuestionEnding.WITHDRAWN
        return QuestionEnding.ELSEWHERE

    def note_tasks(self, tasks: Iterable[TaskInfo]) -> None:
        """These tasks are heard of now, or go on: a question may have been there before that."""
        for task in tasks:
            key, domain = task.task.value, task.entity
            number = self._followed.number_of(key)
            if domain is not None and number is not None and task.state in _UNDERWAY:
                self._questions.offer_task(domain.value, key, number=number)

    def _find_task(self, question: Question, domain: str) -> None:
        """Find the task that a question holds up, as it is raised.

        The host does not say which it is. It is taken to be the one that came last; one that comes
        later has not asked.
        """
        underway = self._followed.underway(domain)
        shown = self._questions.of(domain)
        if shown is not None and shown.id == question.id:
            self.note_tasks(underway)
        elif underway:
            key = underway[-1].task.value
            self._questions.note_task(question, key, number=self._followed.number_of(key) or 0)

    def _task_of(self, question: Question) -> TaskInfo | None:
        task = self._questions.task_of(question)
        return None if task is None else self._followed.info(task)

    def _event(
        self,
        cls: type[QuestionEvent],
        question: Question,
        picture: DomainPicture,
        moment: Moment,
        **arguments: object,
    ) -> QuestionEvent:
        if cls is QuestionRaised:
            self._find_task(question, picture.reference)
        task = self._task_of(question)
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
