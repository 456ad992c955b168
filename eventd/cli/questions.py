"""Which of the pending questions somebody means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eventd.errors import NoSuchQuestion
from eventd.model.questions import PendingQuestion
from eventd.rendering import asked

__all__ = ["find_question"]


def find_question(questions: Sequence[PendingQuestion], text: str) -> PendingQuestion:
    """Return the only question with this id, or else of the domain with this UUID or name.

    Raises:
        NoSuchQuestion: there is none, or there are several; the message lists those.
    """
    matches = next(filter(None, _ways(questions, text)), [])
    if not matches:
        raise NoSuchQuestion(
            f"no question with the ID {text[:80]!r} is pending, nor one of a domain with that UUID "
            "or name; it may have been answered, or withdrawn by the host",
            hint="'eventd questions' lists the pending questions",
        )
    if len(matches) > 1:
        listed = "\n".join(map(_described, matches))
        raise NoSuchQuestion(
            f"several questions are those of a domain {text[:80]!r}:\n{listed}",
            hint="give the ID of the one that is meant, or --connection",
        )
    return matches[0]


def _ways(questions: Sequence[PendingQuestion], text: str) -> Iterator[list[PendingQuestion]]:
    yield [each for each in questions if each.question.id == text]
    yield [each for each in questions if each.domain.uuid == text.lower()]
    yield [each for each in questions if each.domain.name == text]


def _described(pending: PendingQuestion) -> str:
    domain, question = pending.domain, pending.question
    return f"{question.id}: {domain.name} on {domain.connection} asks {asked(question)}"
