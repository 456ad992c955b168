"""Answering the questions of others: what a failure of one answer means for the next ones.

When they are answered, and with what, is shown on a simulated host in `test_operations`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from structlog.testing import capture_logs

from eventd.connections.answers import Answers
from eventd.connections.bell import Bell
from eventd.connections.foreign_questions import answer_foreign_questions
from eventd.connections.live import Live
from eventd.connections.session import Session
from eventd.errors import HostUnreachable
from eventd.model.domain import Choice, Question
from eventd.model.questions import AnswerRule
from eventd.tracking.questions import Answer, Fate, Questions
from tests.situations.stage import NOON, Time

APPEND = Choice(key="1", label="Append")
ASKED = Question(id="", vi_id="25", text="Replace or append?", choices=(APPEND,), default=APPEND)
LIVE = Live(cast(Session, None), None)


class FailingAnswers:
    """Gives no answer, for one reason after the other."""

    def __init__(self, *reasons: Exception) -> None:
        self._reasons = list(reasons)
        self.tried: list[str] = []
        self.asked = asyncio.Event()
        self.gave_up = asyncio.Event()

    async def give(self, session: Session, domain: str, *_: Any, **__: Any) -> None:
        self.tried.append(domain)
        self.asked.set()
        if not self._reasons:
            self.gave_up.set()
            await asyncio.Event().wait()
        raise self._reasons.pop(0)


@asynccontextmanager
async def answered_with(
    answers: object, questions: Questions, *, news: Bell, time: Time
) -> AsyncIterator[None]:
    """Let the questions of others be answered for as long as the block lasts."""
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(
            answer_foreign_questions(
                "esx01",
                questions,
                cast(Answers, answers),
                live=lambda: LIVE,
                news=news,
                timer=time,
            )
        )
        yield
        task.cancel()


async def answering(answers: FailingAnswers, *, rings: int) -> Bell:
    """Let a question be due, ring the bell so often, and return when the answers gave up."""
    time, news = Time(), Bell()
    questions = Questions("esx01", answer_after=30.0)
    questions.show("vm-1", None, ASKED)
    questions.note_judged(NOON, 0.0)
    time.set(NOON.replace(hour=13))
    async with answered_with(answers, questions, news=news, time=time):
        for count in range(1, rings + 1):
            await answers.asked.wait()
            answers.asked.clear()
            # It waits for news, however often it is looked at.
            for _ in range(20):
                await asyncio.sleep(0)
            assert len(answers.tried) == count
            news.ring()
        await answers.gave_up.wait()
    return news


async def test_an_answer_that_cannot_be_given_is_given_when_there_is_news_of_the_host() -> None:
    """And not again and again before that."""
    answers = FailingAnswers(HostUnreachable("cut"), HostUnreachable("cut"))

    await answering(answers, rings=2)

    assert answers.tried == ["vm-1"] * 3


class SlowAnswers:
    """Gives answers, each when it is let go."""

    def __init__(self, questions: Questions) -> None:
        self.given: list[str] = []
        self.goes_on = asyncio.Event()
        self.let_go = asyncio.Event()
        self._questions = questions

    async def give(
        self, session: Session, domain: str, question: Question, choice: Choice, **_: Any
    ) -> None:
        self._questions.begin_answer(question, Answer(choice, AnswerRule.FOREIGN))
        self.given.append(domain)
        self.goes_on.set()
        await self.let_go.wait()
        self._questions.end_answer(question, Fate.TAKEN)


async def test_what_falls_due_no_longer_while_another_answer_is_given_is_left_alone() -> None:
    """A host may take a minute for the first of many answers."""
    time, news = Time(), Bell()
    questions = Questions("esx01", answer_after=30.0)
    questions.show("vm-1", None, ASKED)
    asked = questions.show("vm-2", None, ASKED)
    questions.show("vm-3", None, ASKED)
    assert asked is not None
    questions.note_judged(NOON, 0.0)
    time.set(NOON.replace(hour=13))
    answers = SlowAnswers(questions)
    async with answered_with(answers, questions, news=news, time=time):
        await answers.goes_on.wait()
        # A client answers meanwhile, that is told, and the domain asks again.
        questions.begin_answer(asked, Answer(APPEND, AnswerRule.CLIENT))
        questions.end_answer(asked, Fate.TAKEN)
        questions.show("vm-2", asked, None)
        questions.note_told(asked)
        questions.show("vm-2", None, ASKED)
        answers.let_go.set()
        while len(answers.given) < 2:  # noqa: ASYNC110  # nobody is told
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)

    assert answers.given == ["vm-1", "vm-3"]


async def test_a_defect_in_an_answer_does_not_end_the_connection() -> None:
    """It is logged, and the next one is given."""
    answers = FailingAnswers(KeyError("a defect"))
    with capture_logs() as logs:
        await answering(answers, rings=1)

    assert [entry["event"] for entry in logs] == ["answer_failed"]
    assert answers.tried == ["vm-1"] * 2
