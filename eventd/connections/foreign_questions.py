"""Answers the questions that nobody answers: those of other people's tasks, after a while.

Only where the connection says so. Their tasks are never cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import structlog

from eventd.connections.answers import Answers
from eventd.connections.bell import Bell, heard_by
from eventd.connections.live import Live
from eventd.connections.timer import Timer
from eventd.errors import HostError
from eventd.model.questions import AnswerRule
from eventd.tracking.questions import Pending, Questions

__all__ = ["answer_foreign_questions"]

_log = structlog.get_logger(__name__)


async def answer_foreign_questions(
    connection: str,
    questions: Questions,
    answers: Answers,
    *,
    live: Callable[[], Live | None],
    news: Bell,
    timer: Timer,
) -> NoReturn:
    """Give the default answer to each question whose time has come, until cancelled."""
    while True:
        heard = news.listen()
        is_heard = False
        if (reached := live()) is not None:
            is_heard = True
            for pending in questions.due(timer.instant()):
                is_heard = await _answer(connection, answers, reached, pending) and is_heard
        # Where one could not be given, none is given again before there is news of the host.
        await heard_by(heard, timer, questions.next_due if is_heard else None)


async def _answer(connection: str, answers: Answers, live: Live, pending: Pending) -> bool:
    """Give the default answer; return whether the host has heard it."""
    question = pending.question
    if question.default is None:
        return True
    try:
        await answers.give(
            live.session,
            pending.reference,
            question,
            question.default,
            rule=AnswerRule.FOREIGN,
        )
    except HostError as error:
        _log.debug("answer_not_given", connection=connection, error=error.message)
        return False
    except Exception:
        # The boundary of the task: a defect in here must not end the connection.
        _log.exception("answer_failed", connection=connection, domain=pending.reference)
        return False
    return True
