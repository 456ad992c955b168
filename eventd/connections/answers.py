"""Gives answers to questions, each once, and listens to what the host makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import structlog

from eventd.connections.session import READING_SECONDS, Session
from eventd.connections.sight import domain_reference, read_sight
from eventd.errors import Fault, HostError, SessionExpired
from eventd.model.domain import Choice, Question
from eventd.model.questions import AnswerRule, Requester
from eventd.tracking.questions import Answer, Fate, Questions
from eventd.vi import calls

__all__ = ["Answers", "Reception"]

_log = structlog.get_logger(__name__)


class Reception(NamedTuple):
    """How an answer was received."""

    is_taken: bool
    refusal: str | None = None
    """Why it was not, in the host's words, if the question is there all the same."""

    @property
    def is_settled(self) -> bool:
        """Whether the question was there no longer: somebody else was faster."""
        return not self.is_taken and self.refusal is None


class Answers:
    """Answers the questions of one connection's domains."""

    def __init__(
        self, connection: str, questions: Questions, *, name_of: Callable[[str], str]
    ) -> None:
        self._connection = connection
        self._questions = questions
        self._name_of = name_of
        """Tells the name of a domain by the value of its reference, for the log."""
        self._underway: dict[str, asyncio.Future[None]] = {}
        """By the id of the question."""

    async def give(
        self,
        session: Session,
        domain: str,
        question: Question,
        choice: Choice,
        *,
        rule: AnswerRule,
        by: Requester | None = None,
    ) -> Reception:
        """Answer a question of a domain, given by the value of its reference.

        A question that is being answered already is waited for, and not answered twice.

        Raises:
            HostError: the host is lost, and what it makes of the answer is not known.
        """
        while (other := self._underway.get(question.id)) is not None:
            await asyncio.wait((other,))
        if not self._questions.is_open(question):
            return Reception(is_taken=False)
        heard = self._underway[question.id] = asyncio.get_running_loop().create_future()
        answer = Answer(choice, rule, by)
        self._questions.begin_answer(question, answer)
        try:
            return await self._give(session, domain, question, answer)
        finally:
            if self._questions.is_underway(question):
                self._questions.end_answer(question, Fate.UNCERTAIN)
            del self._underway[question.id]
            heard.set_result(None)

    async def _give(
        self, session: Session, domain: str, question: Question, answer: Answer
    ) -> Reception:
        call = calls.answer_vm(
            domain_reference(domain), question_id=question.vi_id, choice=answer.choice.key
        )
        try:
            await session.call(call)
        except SessionExpired:
            self._questions.refuse_answer(question, is_final=False)
            raise
        except Fault as fault:
            return await self._refused(session, domain, question, fault)
        self._questions.end_answer(question, Fate.TAKEN)
        self._log_taken(domain, question, answer)
        return Reception(is_taken=True)

    async def _refused(
        self, session: Session, domain: str, question: Question, fault: Fault
    ) -> Reception:
        """Find out whether the host does not want this answer, or needs none any more."""
        try:
            is_still_asked = await self._is_still_asked(session, domain, question)
        except HostError:
            self._questions.refuse_answer(question, is_final=False)
            raise
        self._questions.refuse_answer(question)
        if not is_still_asked:
            return Reception(is_taken=False)
        _log.warning(
            "answer_refused",
            connection=self._connection,
            domain=self._name_of(domain),
            question=question.text,
            error=fault.message,
        )
        return Reception(is_taken=False, refusal=fault.reason)

    async def _is_still_asked(self, session: Session, domain: str, question: Question) -> bool:
        try:
            still = (await read_sight(session, domain, self._questions)).question
        except SessionExpired:
            raise
        except Fault as fault:
            if fault.name != "ManagedObjectNotFound":
                return True  # it cannot be read, and may well ask
            self._questions.foresee(domain, None)
            return False
        return still is not None and still.id == question.id

    def _log_taken(self, domain: str, question: Question, answer: Answer) -> None:
        _log.info(
            "question_answered",
            connection=self._connection,
            domain=self._name_of(domain),
            question=question.text,
            choice=answer.choice.label,
            reason=str(answer.rule),
            **({"user": answer.by.user} if answer.by else {}),
        )

    async def until_heard(self) -> None:
        """Return when no answer is under way, or when that takes too long.

        What was seen of a question meanwhile may be the effect of the answer, or of another one.
        """
        if self._underway:
            await asyncio.wait([*self._underway.values()], timeout=READING_SECONDS)
