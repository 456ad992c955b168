"""Operations on the domains of one connection: asks, begins, and attends to their end.

What may be done, and what to do about a question, is decided in `eventd.operations`; here are the
calls. What becomes of a task and whether its domain asks something is known from the long poll of
the connection, which brings both at once; and it is read now and then, should that ever miss it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog

from eventd.connections.answers import Answers
from eventd.connections.bell import Bell, heard_by
from eventd.connections.going_on import Caller
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
from eventd.operations.run import (
    CancelTask,
    Decision,
    Fail,
    Finish,
    LookAtTask,
    Run,
    Wait,
    progress_of,
)
from eventd.tracking.tracker import Tracker
from eventd.vi import calls
from eventd.vi.types import ManagedObjectReference, TaskInfo

__all__ = ["Operations"]

_log = structlog.get_logger(__name__)

_LOGIN_SECONDS = 10.0
"""How long an operation waits before it begins for a new login, or for a look at its domain."""

_AWAY_SECONDS = 60.0
"""How long a host may be lost while a task of ours goes on there, before that is given up."""

_LOOK_SECONDS = 30.0
"""How often a task is read that nothing is heard of: no operation hangs for a lost notification."""

_LOOK_OFTEN_SECONDS = 0.5
"""The same where the host does not let its tasks be followed."""

_CANCELLING_SECONDS = 10.0
"""How long a task that was cancelled may take to end before that is reported as it is."""

_STILL_ASKED_SECONDS = 10.0
"""How long a host may go on showing a question that it has taken the answer to; our choice."""


@dataclass(slots=True)
class _Looks:
    """What was read while a task goes on, and when, in the seconds of the timer."""

    last: float
    """When it was looked at last, or was begun."""
    settled: float
    """When a question was answered last; before the first one, when the task was begun."""
    asked: Question | None = None
    """The question that was read last, which may not be shown yet."""
    unseen: Question | None = None
    """The question that was answered last, if the host had not shown it by then.

    It may be read or shown for a moment more, and has another id then.
    """


class Operations:
    """Does what is asked for to the domains of one connection.

    ``live`` tells how the host is reached now, None while it is lost or logged in to anew, of which
    ``is_in_sync`` tells the latter; ``unreachable`` makes the error that it is lost. ``news`` is
    rung whenever something was taken in, and when the host is lost or back.
    """

    def __init__(
        self,
        tracker: Tracker,
        answers: Answers,
        *,
        live: Callable[[], Live | None],
        is_in_sync: Callable[[], bool],
        unreachable: Callable[[], HostUnreachable],
        news: Bell,
        timer: Timer,
        auto_answer: bool,
        is_saved: bool,
    ) -> None:
        self._tracker = tracker
        self._answers = answers
        self._live = live
        self._is_in_sync = is_in_sync
        self._unreachable = unreachable
        self._news = news
        self._timer = timer
        self._auto_answer = auto_answer
        self._is_saved = is_saved
        self._beginning: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One for each domain at which an operation begins; gone when nobody holds it."""
        self._underway: Counter[str] = Counter()
        """How many tasks of ours go on, by domain."""

    async def operate(
        self,
        domain: Domain,
        operation: DomainOperation,
        *,
        by: Requester,
        report: Report | None,
        caller: Caller,
    ) -> OperationResult:
        """Do something to a domain, and return when it is done.

        It is not begun for a ``caller`` who has gone. Raises what
        `eventd.model.operator.Operator.operate` raises.
        """
        reference = domain.reference
        try:
            with self._tracker.questions.operated(reference):
                run = await self._begin(domain, operation, by, caller)
                if run is None:
                    return OperationResult(operation=operation, domain=domain)
                with self._own_task(reference):
                    return await self._attend(run, by, report)
        finally:
            # A question that it has left is anybody's now.
            self._news.ring()

    @contextmanager
    def _own_task(self, reference: str) -> Iterator[None]:
        self._underway[reference] += 1
        try:
            yield
        finally:
            self._underway[reference] -= 1
            self._underway += Counter()  # drops the zeros

    # -- the beginning

    async def _begin(
        self, domain: Domain, operation: DomainOperation, by: Requester, caller: Caller
    ) -> Run | None:
        """Begin an operation; return how to attend to its task, if there is one."""
        lock = self._beginning.setdefault(domain.reference, asyncio.Lock())
        async with lock:
            return await self._begin_now(domain, operation, by, caller)

    async def _begin_now(
        self, domain: Domain, operation: DomainOperation, by: Requester, caller: Caller
    ) -> Run | None:
        live = await self._clear_the_way(domain, operation, by, caller)
        if RULES[operation].is_task and self._underway[domain.reference]:
            raise refusals.other_tasks()  # one of ours, which the host does not list
        _end_without(caller)
        over = self._tracker.followed_tasks.over
        stale = self._tracker.questions.of(domain.reference)
        task = await self._call(live.session, domain, operation)
        _log.info(
            "operation_begun",
            connection=domain.connection,
            domain=domain.name,
            operation=str(operation),
            task=task.value if task is not None else None,
            user=by.user,
            pid=by.pid,
        )
        if task is None:
            return None
        run = Run(operation, domain, task.value, auto_answer=self._auto_answer)
        if stale is not None:
            # It was gone when the host was asked, and that is only yet to be heard.
            run.note_settled(stale)
        self._tracker.followed_tasks.forget(over & {task.value})  # a key that is used again
        await self._follow(live, task.value)
        return run

    async def _clear_the_way(
        self, domain: Domain, operation: DomainOperation, by: Requester, caller: Caller
    ) -> Live:
        """Return how the host is reached, if the operation may begin; raise why not otherwise."""
        while True:
            before = self._tracker.questions.of(domain.reference)
            live, sight = await self._look_at(domain)
            _end_without(caller)
            first = prepare(
                operation, sight, auto_answer=self._auto_answer, is_saved=self._is_saved
            )
            if first is not None:
                raise await self._answer_instead(live.session, domain, first, by)
            now = self._tracker.questions.of(domain.reference)
            if not RULES[operation].is_task or now is None or now == before:
                return live
            # It was asked after the host was looked at, and heard of before: look again.

    async def _look_at(self, domain: Domain) -> tuple[Live, Sight]:
        try:
            return await self._look_stubbornly(domain)
        except (HostUnreachable, SessionExpired) as error:
            error.hint = (
                "nothing was begun: the host was lost before it was asked to; "
                "'eventd connections' says why; try again when it is back"
            )
            raise

    async def _look_stubbornly(self, domain: Domain) -> tuple[Live, Sight]:
        """Look at the domain; once more where the session is found to be lost."""
        heard = self._news.listen()
        live = await self._reached()
        try:
            return live, await self._sight(live.session, domain)
        except (SessionExpired, HostUnreachable):
            if self._live() == live:  # the long poll is yet to notice
                await heard_by(heard, self._timer, self._timer.instant() + _LOGIN_SECONDS)
        live = await self._reached()
        return live, await self._sight(live.session, domain)

    async def _reached(self) -> Live:
        """Return how the host is reached; a new login is waited for, and a lost host is not."""
        live = await self._until_reached(_LOGIN_SECONDS, is_worth_it=self._is_in_sync)
        if live is None:
            raise self._unreachable()
        return live

    async def _until_reached(
        self, seconds: float, *, is_worth_it: Callable[[], bool]
    ) -> Live | None:
        """Return how the host is reached; wait so long for it if that is worth it."""
        deadline = self._timer.instant() + seconds
        heard = self._news.listen()
        while (live := self._live()) is None:
            if self._timer.instant() >= deadline or not is_worth_it():
                return None
            await heard_by(heard, self._timer, deadline)
            heard = self._news.listen()
        return live

    async def _sight(self, session: Session, domain: Domain) -> Sight:
        try:
            return await read_sight(session, domain.reference, self._tracker.questions)
        except SessionExpired:
            raise
        except Fault as fault:
            raise _translated(fault, domain) from fault

    async def _answer_instead(
        self, session: Session, domain: Domain, asked: AnswerQuestion, by: Requester
    ) -> EventdError:
        """Answer the question in the way; return the error that says why nothing was begun."""
        question, choice = asked
        try:
            reception = await self._answers.give(
                session, domain.reference, question, choice, rule=AnswerRule.AUTO_ANSWER, by=by
            )
        except SessionExpired as error:
            error.hint = "nothing was begun: a question was in the way, and the session had ended"
            return error
        except HostError as error:
            error.hint = (
                "nothing was begun: a question was in the way, and the host was lost before it was "
                "heard whether it has taken the default answer"
            )
            return error
        if reception.is_taken:
            return refusals.answered_instead(question, choice)
        if reception.is_settled:
            return refusals.settled_instead(question)
        return refusals.question_in_the_way(
            question,
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
        told = None
        looks = _Looks(last=self._timer.instant(), settled=self._timer.instant())
        while True:
            heard = self._news.listen()
            task = self._tracker.followed_tasks.info(run.task)
            if task is not None and report is not None and (now := progress_of(task)) != told:
                told = now
                report(now)
            match self._see(run, task, looks):
                case Finish(result):
                    return result
                case Fail(error):
                    raise error
                case AnswerQuestion(question, choice):
                    await self._answer(run, question, choice, by)
                    looks.asked, looks.settled = None, self._timer.instant()
                    shown = self._tracker.questions.of(run.domain.reference)
                    was_shown = shown is not None and shown.id == question.id
                    looks.unseen = None if was_shown else question
                case LookAtTask():
                    return await self._give_up(run)
                case Wait(on):
                    await self._wait(run, on, heard, looks)

    def _see(self, run: Run, task: TaskInfo | None, looks: _Looks) -> Decision:
        """Return what to do, given the task and what was read beside it."""
        reference = run.domain.reference
        asked = looks.asked or self._tracker.questions.of(reference)
        if looks.unseen is not None and _is_same(asked, looks.unseen):
            asked = looks.unseen
        return run.see(
            task,
            asked,
            is_gone=self._is_gone(run),
            is_lost=self._tracker.followed_tasks.is_lost(run.task),
        )

    def _is_gone(self, run: Run) -> bool:
        return self._live() is not None and not self._tracker.is_followed(run.domain.reference)

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

    async def _wait(
        self, run: Run, on: Question | None, heard: asyncio.Event, looks: _Looks
    ) -> None:
        """Wait until there is news, or until it is time to read the task and the question.

        News of others put no look off: there may be some all the time.
        """
        live = await self._reached_again(run)
        due = looks.last + (_LOOK_SECONDS if live.tasks is not None else _LOOK_OFTEN_SECONDS)
        if on is not None:
            due = min(due, looks.settled + _STILL_ASKED_SECONDS)
        due = max(due, looks.last + _LOOK_OFTEN_SECONDS)
        looks.asked = None
        if await heard_by(heard, self._timer, due) or self._live() != live:
            return
        looks.last = self._timer.instant()
        try:
            looks.asked = await self._look(live.session, run, on, looks)
        except EventdError as error:
            _log.debug("task_not_read", task=run.task, error=error.message)

    async def _look(
        self, session: Session, run: Run, on: Question | None, looks: _Looks
    ) -> Question | None:
        if await self._read(session, run) is None:
            self._tracker.followed_tasks.follow([run.task])
            self._tracker.followed_tasks.lose([run.task])
            return None
        asked = (await self._sight(session, run.domain)).question
        on = on or looks.unseen
        if asked is None or on is None or not _is_same(asked, on):
            looks.unseen = None
            return asked
        if looks.last < looks.settled + _STILL_ASKED_SECONDS:
            return on
        looks.unseen = None
        if self._tracker.questions.is_answered(on):
            asked = self._tracker.questions.reopen(on, asked)
        run.note_still_asked(on, asked)
        return asked

    async def _read(self, session: Session, run: Run) -> TaskInfo | None:
        """Read the task, and keep what is known of it then."""
        task = await read_task(session, run.task)
        if task is not None:
            self._tracker.followed_tasks.note(task)
        return task

    async def _reached_again(self, run: Run) -> Live:
        """Return how the host is reached; while a task goes on there, that may take a while."""
        live = await self._until_reached(_AWAY_SECONDS, is_worth_it=lambda: True)
        if live is None:
            raise HostUnreachable(
                f"the host was lost while the task {run.task} was under way",
                hint="it goes on there: look at the domain when the host is back",
            )
        return live

    # -- what cannot be gone on with

    async def _give_up(self, run: Run) -> OperationResult:
        """Cancel the task that is blocked, if it can be, and raise the question that blocks it.

        Somebody may have answered meanwhile, so that the task has done its work after all.
        """
        match await self._cancel_stubbornly(run):
            case Finish(result):
                return result
            case Fail(error):
                _log.warning(
                    "operation_blocked",
                    connection=run.domain.connection,
                    domain=run.domain.name,
                    operation=str(run.operation),
                    task=run.task,
                    outcome=error.hint,
                )
                raise error

    async def _cancel_stubbornly(self, run: Run) -> Finish | Fail:
        """Cancel the task; once more where the host is found to be lost, or the session."""
        heard = self._news.listen()
        live = await self._reached_again(run)
        try:
            return await self._cancel(live.session, run)
        except HostError:
            if self._live() == live:  # the long poll is yet to notice
                await heard_by(heard, self._timer, self._timer.instant() + _AWAY_SECONDS)
        live = await self._reached_again(run)
        try:
            return await self._cancel(live.session, run)
        except HostError as error:
            return run.left_behind(error.message)

    async def _cancel(self, session: Session, run: Run) -> Finish | Fail:
        task = await self._read(session, run)
        decision = run.see_blocked(task)
        if not isinstance(decision, CancelTask):
            return decision
        try:
            await session.call(calls.cancel_task(ManagedObjectReference("Task", run.task)))
        except SessionExpired:
            raise
        except Fault as fault:
            return run.cancel_refused(fault.reason, await self._read(session, run))
        run.note_cancelled()
        return await self._until_cancelled(session, run)

    async def _until_cancelled(self, session: Session, run: Run) -> Finish | Fail:
        """Wait for the end of the task, but not for long: it may not get around to it."""
        until = self._timer.instant() + _CANCELLING_SECONDS
        is_time = True
        while True:
            heard = self._news.listen()
            decision = run.see(
                self._tracker.followed_tasks.info(run.task),
                None,
                is_gone=self._is_gone(run),
                is_lost=self._tracker.followed_tasks.is_lost(run.task),
            )
            if isinstance(decision, Finish | Fail):
                return decision
            if not is_time:
                return run.still_there()
            is_time = await heard_by(heard, self._timer, until)
            if not is_time:
                await self._read(session, run)  # once more, should nothing have been heard of it


def _is_same(asked: Question | None, other: Question) -> bool:
    """Whether the host takes one question for the other."""
    return asked is not None and asked.vi_id == other.vi_id


def _end_without(caller: Caller) -> None:
    if caller.is_gone:
        raise OperationFailed("nothing was begun: nobody waits for it any more")


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
    return OperationFailed(
        f"Could not look at the domain: {fault.name or 'fault'} - {fault.reason}",
        hint="the user of the connection may lack the right to read it",
    )
