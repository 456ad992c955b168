"""Operations on the domains of one connection: asks, begins, and attends to their end.

What may be done, and what to do about a question, is decided in `eventd.operations`; here are the
calls. What becomes of a task and whether its domain asks something is known from the long poll of
the connection, which brings both at once; and it is read now and then, should that ever miss it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from weakref import WeakValueDictionary

import structlog

from eventd.connections.answers import Answers
from eventd.connections.bell import Bell, heard_by
from eventd.connections.live import Live
from eventd.connections.session import Session
from eventd.connections.sight import domain_reference, read_sight, read_task
from eventd.connections.timer import Timer
from eventd.errors import (
    EventdError,
    Fault,
    HostError,
    HostUnreachable,
    NoSuchDomain,
    OperationFailed,
    OperationInvalid,
    SessionExpired,
)
from eventd.model.domain import Choice, Domain, Question
from eventd.model.operations import DomainOperation, OperationResult
from eventd.model.operator import Report
from eventd.model.questions import AnswerRule, Requester
from eventd.operations import refusals
from eventd.operations.preparation import AnswerQuestion, Sight, prepare
from eventd.operations.rules import RULES
from eventd.operations.run import Decision, Fail, Finish, GiveUp, Run, Wait, progress_of
from eventd.tracking.tracker import Tracker
from eventd.vi import calls
from eventd.vi.types import ManagedObjectReference, TaskInfo, TaskState

__all__ = ["Operations"]

_log = structlog.get_logger(__name__)

_AWAY_SECONDS = 60.0
"""How long a host may be lost before an operation on it is given up; the task goes on there."""

_LOOK_SECONDS = 30.0
"""How often a task is read that nothing is heard of: no operation hangs for a lost notification."""

_LOOK_OFTEN_SECONDS = 0.5
"""The same where the host does not let its tasks be followed."""

_STILL_ASKED_SECONDS = 10.0
"""How long a host may go on showing a question that it has taken the answer to; our choice."""


class Operations:
    """Does what is asked for to the domains of one connection.

    ``live`` tells how the host is reached now, None while it is lost; ``news`` is rung whenever
    something was taken in, and when the host is lost or back.
    """

    def __init__(
        self,
        tracker: Tracker,
        answers: Answers,
        *,
        live: Callable[[], Live | None],
        news: Bell,
        timer: Timer,
        auto_answer: bool,
        is_saved: bool,
    ) -> None:
        self._tracker = tracker
        self._answers = answers
        self._live = live
        self._news = news
        self._timer = timer
        self._auto_answer = auto_answer
        self._is_saved = is_saved
        self._beginning: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One for each domain at which an operation begins; gone when nobody holds it."""
        self._underway: Counter[str] = Counter()
        """How many tasks of ours go on, by domain."""

    async def operate(
        self, domain: Domain, operation: DomainOperation, *, by: Requester, report: Report | None
    ) -> OperationResult:
        """Do something to a domain, and return when it is done.

        Raises what `eventd.model.operator.Operator.operate` raises.
        """
        reference = domain.reference
        with self._tracker.questions.operated(reference):
            run = await self._begin(domain, operation, by)
            if run is None:
                return OperationResult(operation=operation, domain=domain)
            self._underway[reference] += 1
            try:
                return await self._attend(run, by, report)
            finally:
                self._underway[reference] -= 1
                self._underway += Counter()  # drops the zeros

    # -- the beginning

    async def _begin(self, domain: Domain, operation: DomainOperation, by: Requester) -> Run | None:
        """Begin an operation; return how to attend to its task, if there is one."""
        lock = self._beginning.setdefault(domain.reference, asyncio.Lock())
        async with lock:
            return await self._begin_now(domain, operation, by)

    async def _begin_now(
        self, domain: Domain, operation: DomainOperation, by: Requester
    ) -> Run | None:
        live, sight = await self._look_at(domain)
        first = prepare(
            operation, domain, sight, auto_answer=self._auto_answer, is_saved=self._is_saved
        )
        if first is not None:
            raise await self._answer_instead(live.session, domain, first, by)
        if RULES[operation].is_task and self._underway[domain.reference]:
            raise refusals.other_tasks()  # one of ours, which the host does not list
        stale = self._tracker.questions.of(domain.reference)
        task = await self._call(live.session, domain, operation)
        if task is None:
            return None
        _log.info(
            "operation_begun",
            connection=domain.connection,
            domain=domain.name,
            operation=str(operation),
            task=task.value,
            user=by.user,
            pid=by.pid,
        )
        run = Run(operation, domain, task.value, auto_answer=self._auto_answer)
        if stale is not None:
            # It was gone when the host was asked, and that is only yet to be heard.
            run.note_settled(stale)
        await self._follow(live, task.value)
        return run

    async def _look_at(self, domain: Domain) -> tuple[Live, Sight]:
        """Look at the domain; once more where the host is found to be lost, or the session."""
        heard = self._news.listen()
        live = await self._reached()
        try:
            return live, await self._sight(live.session, domain)
        except (SessionExpired, HostUnreachable):
            if self._live() is live:  # the long poll is yet to notice
                await heard_by(heard, self._timer, self._timer.instant() + _AWAY_SECONDS)
        live = await self._reached()
        return live, await self._sight(live.session, domain)

    async def _reached(self) -> Live:
        """Return how the host is reached; wait for it for a while if it is lost."""
        deadline = self._timer.instant() + _AWAY_SECONDS
        heard = self._news.listen()
        while (live := self._live()) is None:
            if self._timer.instant() >= deadline:
                raise HostUnreachable(
                    "the host cannot be reached now",
                    hint="'eventd connections' says why; try again when it is back",
                )
            await heard_by(heard, self._timer, deadline)
            heard = self._news.listen()
        return live

    async def _sight(self, session: Session, domain: Domain) -> Sight:
        try:
            return await read_sight(session, domain.reference, self._tracker.questions)
        except Fault as fault:
            raise _translated(fault, domain) from fault

    async def _answer_instead(
        self, session: Session, domain: Domain, asked: AnswerQuestion, by: Requester
    ) -> EventdError:
        """Answer the question in the way; return the error that says why nothing was begun."""
        question, choice = asked
        reception = await self._answers.give(
            session, domain.reference, question, choice, rule=AnswerRule.AUTO_ANSWER, by=by
        )
        if reception.is_taken:
            return refusals.answered_instead(question, choice)
        if reception.is_settled:
            return refusals.settled_instead(question)
        return refusals.question_in_the_way(
            question,
            domain,
            auto_answer=True,
            became=f"nothing was begun, and the host refused the default answer {choice.label!r}: "
            f"{reception.refusal}",
        )

    async def _call(
        self, session: Session, domain: Domain, operation: DomainOperation
    ) -> ManagedObjectReference | None:
        rule = RULES[operation]
        try:
            return await session.call(rule.call(domain_reference(domain.reference)))
        except Fault as fault:
            raise _refused(operation, domain, fault) from fault
        except HostError as error:
            # The call may have arrived all the same.
            error.hint = f"it is not known whether the {operation} was begun: look at the domain"
            raise

    async def _follow(self, live: Live, task: str) -> None:
        self._tracker.followed_tasks.follow([task])
        if live.tasks is not None:
            try:
                await live.tasks.adjust()
            except HostError as error:
                # The task goes on, and is read instead.
                _log.debug("task_not_followed", task=task, error=error.message)

    # -- until the end

    async def _attend(self, run: Run, by: Requester, report: Report | None) -> OperationResult:
        told, asked = None, None
        while True:
            heard = self._news.listen()
            task = self._tracker.followed_tasks.info(run.task)
            if task is not None and report is not None and (now := progress_of(task)) != told:
                told = now
                report(now)
            match self._see(run, task, asked):
                case Finish(result):
                    return result
                case Fail(error):
                    raise error
                case GiveUp(question, why):
                    return await self._give_up(run, question, why)
                case AnswerQuestion(question, choice):
                    await self._answer(run, question, choice, by)
                    asked = None
                case Wait(on):
                    asked = await self._wait(run, on, heard)

    def _see(self, run: Run, task: TaskInfo | None, asked: Question | None) -> Decision:
        """Return what to do; ``asked`` is a question that was read, and may not be shown yet."""
        reference = run.domain.reference
        return run.see(
            task,
            asked or self._tracker.questions.of(reference),
            is_gone=self._live() is not None and not self._tracker.is_followed(reference),
            is_lost=self._tracker.followed_tasks.is_lost(run.task),
        )

    async def _answer(self, run: Run, question: Question, choice: Choice, by: Requester) -> None:
        heard = self._news.listen()
        live = await self._reached_again(run)
        try:
            reception = await self._answers.give(
                live.session,
                run.domain.reference,
                question,
                choice,
                rule=AnswerRule.AUTO_ANSWER,
                by=by,
            )
        except HostError:
            # What the host made of it shows when it is back.
            await heard_by(heard, self._timer, self._timer.instant() + _LOOK_SECONDS)
            return
        if reception.is_taken:
            run.note_answered(question, choice)
        elif reception.is_settled:
            run.note_settled(question)
        else:
            run.note_refused(
                question,
                f"the host refused the default answer {choice.label!r}: {reception.refusal}",
            )

    async def _wait(self, run: Run, on: Question | None, heard: asyncio.Event) -> Question | None:
        """Wait until there is news; if there is none for long, read the task and the question.

        Returns the question that was read.
        """
        live = await self._reached_again(run)
        seconds = _LOOK_SECONDS if live.tasks is not None else _LOOK_OFTEN_SECONDS
        if on is not None:
            seconds = min(seconds, _STILL_ASKED_SECONDS)
        until = self._timer.instant() + seconds
        if await heard_by(heard, self._timer, until) or self._live() is not live:
            return None
        try:
            return await self._look(live.session, run, on)
        except EventdError as error:
            _log.debug("task_not_read", task=run.task, error=error.message)
            return None

    async def _look(self, session: Session, run: Run, on: Question | None) -> Question | None:
        task = await read_task(session, run.task)
        if task is None:
            self._tracker.followed_tasks.lose([run.task])
            return None
        self._tracker.followed_tasks.note(task)
        asked = (await self._sight(session, run.domain)).question
        if on is not None and asked is not None and asked.vi_id == on.vi_id:
            run.note_refused(on, "the host has taken the answer, and goes on asking")
            return on
        return asked

    async def _reached_again(self, run: Run) -> Live:
        try:
            return await self._reached()
        except HostUnreachable as error:
            raise HostUnreachable(
                f"the host was lost while the task {run.task} was under way",
                hint="it goes on there: look at the domain when the host is back",
            ) from error

    # -- what cannot be gone on with

    async def _give_up(self, run: Run, question: Question, why: str) -> OperationResult:
        """Cancel the task that is blocked, if it can be, and report the question.

        Somebody may have answered meanwhile, so that the task has done its work after all.
        """
        live = await self._reached_again(run)
        try:
            task = await read_task(live.session, run.task)
            became, task = await self._cancel(live.session, run, task)
        except HostError as error:
            became, task = f"its task {run.task} was left behind: {error.message}", None
        if task is not None and task.state is TaskState.SUCCESS:
            return run.finish(task).result
        raise run.blocked(question, why, became)

    async def _cancel(
        self, session: Session, run: Run, task: TaskInfo | None
    ) -> tuple[str, TaskInfo | None]:
        """Cancel a task that can be; return what became of it, and how it is now."""
        if task is None:
            return f"its task {run.task} is gone", None
        self._tracker.followed_tasks.note(task)
        if task.state in (TaskState.SUCCESS, TaskState.ERROR):
            return f"its task {run.task} has ended: {task.error or task.state}", task
        if not task.cancelable:
            _log.warning(
                "task_left_behind",
                connection=run.domain.connection,
                domain=run.domain.name,
                task=run.task,
            )
            return f"its task {run.task} cannot be cancelled and was left behind", task
        try:
            await session.call(calls.cancel_task(task.task))
        except SessionExpired:
            raise
        except Fault as fault:
            after = await read_task(session, run.task)
            if after is not None and after.state is TaskState.SUCCESS:
                return "", after
            return (
                f"its task {run.task} could not be cancelled ({fault.reason.rstrip('.')}) and was "
                "left behind"
            ), after
        return f"its task {run.task} was cancelled", None


def _refused(operation: DomainOperation, domain: Domain, fault: Fault) -> EventdError:
    """Say in the words of operations why the host did not begin one."""
    match fault.name:
        case "TaskInProgress":
            return refusals.other_tasks()
        case "InvalidPowerState":
            return OperationInvalid(RULES[operation].refusal, hint=fault.reason)
        case "ManagedObjectNotFound":
            return _translated(fault, domain)
        case _:
            return refusals.host_refused(operation, fault)


def _translated(fault: Fault, domain: Domain) -> EventdError:
    if fault.name == "ManagedObjectNotFound":
        return NoSuchDomain(
            f"the domain {domain.name!r} ({domain.reference}) is gone from the host",
            hint="'eventd domains' lists the domains",
        )
    if isinstance(fault, SessionExpired):
        return fault
    return OperationFailed(
        f"Could not look at the domain: {fault.name or 'fault'} - {fault.reason}",
        hint="the user of the connection may lack the right to read it",
    )
