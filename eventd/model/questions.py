"""Questions that wait for an answer, and how they end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

from eventd.errors import NoSuchChoice, NoSuchQuestion
from eventd.model.domain import Choice, Domain, Question, Value
from eventd.model.evidence import TaskEvidence

__all__ = [
    "AnswerRule",
    "PendingQuestion",
    "QuestionEnding",
    "Requester",
    "find_choice",
    "find_question",
]


class AnswerRule(StrEnum):
    """Why eventd answered a question."""

    AUTO_ANSWER = "auto-answer"
    """It was in the way of an operation of eventd's, and the URI says ``auto_answer=1``."""
    FOREIGN = "foreign"
    """Nobody had answered it for a while, and ``answer_foreign_questions`` is on."""
    CLIENT = "client"
    """A client told eventd to."""


class QuestionEnding(StrEnum):
    """What became of a question that eventd did not answer."""

    ELSEWHERE = "elsewhere"
    """Somebody else answered it: the task that had asked has moved on, or the domain has."""
    WITHDRAWN = "withdrawn"
    """The host took it back: the task that had asked was cancelled, or the domain is off or gone.
    """
    UNKNOWN = "unknown"
    """It is gone, and nothing shows why."""


class Requester(Value):
    """Who asked eventd for something: a local process, as the kernel tells it of a Unix socket."""

    pid: int | None = None
    uid: int | None = None
    user: str | None = None
    """Name of the account, where the machine knows it."""


class PendingQuestion(Value):
    """A question that waits for an answer, as ``GET /v1/questions`` tells it."""

    domain: Domain
    question: Question
    since: datetime | None = None
    """When eventd learnt of it: aware, UTC."""
    task: TaskEvidence | None = None
    """The task that is blocked by it, where one is known."""
    answer_due: datetime | None = None
    """When eventd gives the default answer, if it is to do that by itself: aware, UTC."""
    stale: bool = False
    """True while the connection is lost: the question is the last known one."""


def find_question(pending: Iterable[PendingQuestion], question_id: str) -> PendingQuestion:
    """Return the pending question of an id.

    Raises:
        NoSuchQuestion: none of them has it.
    """
    found = next((each for each in pending if each.question.id == question_id), None)
    if found is None:
        raise NoSuchQuestion(
            f"no question with the id {question_id[:80]!r} is pending; it may have been answered, "
            "or withdrawn by the host",
            hint="'eventd questions' lists the pending questions",
        )
    return found


def find_choice(question: Question, text: str) -> Choice:
    """Return the choice of a question that has this key, or else this label.

    A label may be written in small or capital letters.

    Raises:
        NoSuchChoice: there is none, or several have the label. The message lists all choices.
    """
    for matches in _ways(question, text):
        if len(matches) == 1:
            return matches[0]
    listed = ", ".join(f"{choice.key} = {choice.label}" for choice in question.choices)
    raise NoSuchChoice(
        f"{text[:80]!r} is not one choice of the question; give the key or the label of one: "
        f"{listed or 'it has no choices'}",
        choices=[(choice.key, choice.label) for choice in question.choices],
    )


def _ways(question: Question, text: str) -> Iterator[list[Choice]]:
    yield [choice for choice in question.choices if choice.key == text]
    yield [choice for choice in question.choices if choice.label == text]
    yield [choice for choice in question.choices if choice.label.casefold() == text.casefold()]
