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
    heard, tried = news.listen(), set[str]()
    while True:
        if heard.is_set():
            heard, tried = news.listen(), set()
        instant = timer.instant()
        reached = live()
        due = [] if reached is None else questions.due(instant)
        pending = next((each for each in due if each.question.id not in tried), None)
        if reached is None or pending is None:
            await heard_by(heard, timer, None if reached is None else questions.next_due(instant))
        else:
            # One that cannot be given is not given again before there is news of the host.
            tried.add(pending.question.id)
            await _answer(connection, answers, reached, pending)


async def _answer(connection: str, answers: Answers, live: Live, pending: Pending) -> None:
    """Give the default answer."""
    question = pending.question
    if question.default is None:
        return
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
    except Exception:
        # The boundary of the task: a defect in here must not end the connection.
        _log.exception("answer_failed", connection=connection, domain=pending.reference)
