"""A question in words: what is asked, what can be answered, and what came of it."""

from __future__ import annotations

from typing import assert_never

from eventd.model.domain import Choice, Question
from eventd.model.events import QuestionAnswered
from eventd.model.questions import AnswerRule, QuestionEnding, Requester
from eventd.rendering.characters import printable

__all__ = ["answered", "asked", "choice_words", "ending_words", "question_text"]


def question_text(text: str) -> str:
    """Return what is asked on one line, in quotation marks."""
    return f'"{printable(" ".join(text.split()))}"'


def choice_words(choice: Choice, *, is_default: bool) -> str:
    """Return a choice as its key, which is what is answered with, and its label."""
    default = " (default)" if is_default else ""
    return f"{printable(choice.key)} = {printable(choice.label)}{default}"


def asked(question: Question) -> str:
    """Return a question with its choices, on one line."""
    choices = ", ".join(
        choice_words(choice, is_default=choice == question.default) for choice in question.choices
    )
    return question_text(question.text) + (f" [{choices}]" if choices else "")


def answered(event: QuestionAnswered) -> str:
    """Return what a question was answered with, and why."""
    label = printable(event.choice.label)
    return f"{question_text(event.question.text)} with {label} ({_why(event)})"


def _why(event: QuestionAnswered) -> str:
    who = event.answered_by and _account(event.answered_by)
    match event.rule:
        case AnswerRule.AUTO_ANSWER:
            return f"auto_answer, for {who}" if who else "auto_answer"
        case AnswerRule.FOREIGN:
            return "answer_foreign_questions"
        case AnswerRule.CLIENT:
            return f"by {who or 'a client'}"
        case _:
            assert_never(event.rule)


def _account(requester: Requester) -> str | None:
    if requester.user:
        return printable(requester.user)
    return None if requester.uid is None else f"uid {requester.uid}"


def ending_words(ending: QuestionEnding) -> str:
    """Return what became of a question that eventd has not answered."""
    match ending:
        case QuestionEnding.ELSEWHERE:
            return "answered by somebody else"
        case QuestionEnding.WITHDRAWN:
            return "withdrawn by the host"
        case QuestionEnding.UNKNOWN:
            return "gone, nobody knows why"
        case _:
            assert_never(ending)
