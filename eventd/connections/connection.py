"""One connection: follows its host for as long as it runs, whatever happens to the host.

A connection logs in, sets up one property collector with its filters, and waits for updates; what
the tracker holds back meanwhile, it lets the tracker judge again when its time has come. When
the host is lost its domains become stale, and after a while it is tried again; then the whole
picture is taken anew and compared with the last known one.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NoReturn, Protocol, TypeVar

import structlog

from eventd import metrics
from eventd.connections import retry
from eventd.connections.answers import Answers
from eventd.connections.bell import Bell
from eventd.connections.complaints import Complaints
from eventd.connections.credentials import CredentialSource
from eventd.connections.datastore import read_configuration
from eventd.connections.foreign_questions import answer_foreign_questions
from eventd.connections.going_on import going_on
from eventd.connections.history import EventHistory
from eventd.connections.live import Live
from eventd.connections.operations import Operations
from eventd.connections.scope import find_scope
from eventd.connections.session import READING_SECONDS, Session
from eventd.connections.task_list import TaskList
from eventd.connections.tasks import read_tasks
from eventd.connections.timer import LoopTimer, Timer
from eventd.connections.transport import Transport
from eventd.connections.updates import Updates
from eventd.errors import (
    EventdError,
    Fault,
    HostError,
    HostUnreachable,
    NoSuchQuestion,
    OperationFailed,
    SessionExpired,
)
from eventd.model.configuration import DomainConfiguration
from eventd.model.domain import ConnectionState, ConnectionStatus, Domain, DomainStatus
from eventd.model.events import ConnectionConnected, ConnectionDisconnected, Event
from eventd.model.operations import Answered, DomainOperation, OperationResult
from eventd.model.operator import Report
from eventd.model.picture import PictureChange
from eventd.model.questions import AnswerRule, PendingQuestion, Requester, find_choice
from eventd.model.record import EventRecord
from eventd.tracking.inventory import SuspendMode
from eventd.tracking.tracker import Outcome, Reading, Tracker
from eventd.vi import calls, filters
from eventd.vi.structures import outline
from eventd.vi.types import About, TaskInfo, UpdateSet
from eventd.vi.uri import ConnectionURI

__all__ = ["Connection", "Publish"]

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_LOGOUT_SECONDS = 0.5
"""A clean stop takes at most two seconds in all; a lost session ends by itself."""

_LOOK_SECONDS = 1.0
"""How often to look after what announces itself by nothing: the end of a task."""

_LOOK_OFTEN_SECONDS = 60.0
_LATER_LOOK_SECONDS = 30.0
"""A task that goes on for longer than the first is looked after as seldom as the second: to remove
a snapshot may take hours."""


class Publish(Protocol):
    """Where events go: into the journal first, and from there to everybody."""

    def __call__(
        self, events: Sequence[Event], picture: PictureChange | None = None
    ) -> Sequence[EventRecord]:
        """Write the events, and the picture that they lead to, as one; return their records."""
        ...


class Connection:
    """Follows one host and publishes what happens to its domains.

    ``transport`` makes a new way to the host for each try; ``clock`` tells aware UTC.

    What explains a change is read before it is judged, and everything else on the connection waits
    for that: a host that is slow with its events and its tasks delays what has to be told by at
    most twice `READING_SECONDS`, and it is told without them then.
    """

    def __init__(
        self,
        name: str,
        uri: ConnectionURI,
        *,
        transport: Callable[[], Transport],
        credentials: CredentialSource,
        tracker: Tracker,
        publish: Publish,
        clock: Callable[[], datetime],
        timer: Timer | None = None,
        delay: Callable[[EventdError, int], float] | None = None,
    ) -> None:
        self.name = name
        self._uri = uri
        self._transport = transport
        self._credentials = credentials
        self._tracker = tracker
        self._publish = publish
        self._clock = clock
        self._timer = timer or LoopTimer()
        self._delay = delay or _random_delay
        self._state = ConnectionState.CONNECTING
        self._about: About | None = None
        self._synced_at: datetime | None = None
        self._error: str | None = None
        self._failures = 0
        self._complaints = Complaints(name)
        self._live: Live | None = None
        self._news = Bell()
        """Rung when something was taken in, and when the host is lost or back."""
        self._group: asyncio.TaskGroup | None = None
        """Runs what goes on beside the long poll, while the host is followed at all."""
        self._answers = Answers(name, tracker.questions, name_of=tracker.name_of)
        self._operations = Operations(
            tracker,
            self._answers,
            live=self._reached,
            news=self._news,
            timer=self._timer,
            auto_answer=uri.auto_answer,
            is_saved=tracker.suspend is SuspendMode.SAVED,
        )
        self._tasks_read: list[TaskInfo] = []
        self._awaited_since: float | None = None
        """Since when, by the timer, something is awaited and nothing has come."""

    async def run(self) -> None:
        """Follow the host until cancelled, and do meanwhile what is asked for."""
        metrics.connection_up.labels(self.name).set(0)
        async with asyncio.TaskGroup() as self._group:
            if self._tracker.questions.are_answered:
                self._group.create_task(
                    self._answer_foreign_questions(), name=f"questions of {self.name}"
                )
            try:
                await self._follow_for_ever()
            finally:
                self._group = None

    async def _follow_for_ever(self) -> NoReturn:
        while True:
            try:
                await self._follow()
            except EventdError as error:
                lost_by = error
            except Exception as error:
                # The boundary of the connection: a defect here must not end the others.
                _log.exception("connection_failed", connection=self.name)
                self._tracker.roll_back()
                lost_by = EventdError(f"a defect of eventd: {error!r}; see the log")
            _end_if_cancelled()
            self._failures += 1
            delay = self._delay(lost_by, self._failures)
            self._lose(lost_by, delay)
            await asyncio.sleep(delay)

    async def _follow(self) -> NoReturn:
        """Follow the host until it is lost; never returns otherwise."""
        async with self._transport() as transport:
            session = await Session.open(transport, self._uri, self._credentials())
            self._about = session.content.about
            try:
                await self._follow_session(session)
            except SessionExpired:
                raise  # there is nothing left to log out from
            except BaseException:
                # Also from a host that seems lost: a cut connection leaves its session behind.
                with suppress(HostError):
                    await session.close(deadline=_LOGOUT_SECONDS)
                raise

    async def _follow_session(self, session: Session) -> NoReturn:
        self._complaints = Complaints(self.name)
        self._awaited_since = None
        host_time = await self._begin_sync(session)
        updates = await Updates.open(session, await find_scope(session, self._uri))
        history = await self._follow_history(session, updates, host_time)
        self._tracker.follows_history = history is not None
        tasks = await self._follow_tasks(session, updates)
        self._tracker.follows_tasks = tasks is not None
        try:
            await self._take_in_all(Live(session, tasks), updates, history)
        finally:
            self._live = None
            self._news.ring()

    async def _take_in_all(
        self, live: Live, updates: Updates, history: EventHistory | None
    ) -> NoReturn:
        """Take in answer after answer; the host is reached from the first complete one on."""
        session = live.session
        is_complete = False
        while True:
            try:
                update_set = await self._next(session, updates, is_complete=is_complete)
            except Fault as fault:
                if fault.name != "InvalidCollectorVersion" or not updates.has_begun:
                    raise
                _log.info("versions_out_of_date", connection=self.name)
                updates.begin_anew()
                is_complete = False
                await self._begin_sync(session)
                continue
            self._log_odd(update_set)
            if update_set.filters:
                self._awaited_since = None  # what is awaited may have begun just now
            if history is not None:
                history.hear(update_set)
            is_complete = self._tracker.take_in(update_set)
            if is_complete:
                self._synced_at = self._clock()
                if history is not None:
                    events = await history.read(self._tracker.unread_event)
                    self._tracker.take_in_history(events)
                await self._judge(session)
                await self._adjust(live.tasks)
                self._live = live
                self._news.ring()

    async def _follow_history(
        self, session: Session, updates: Updates, host_time: datetime
    ) -> EventHistory | None:
        """Follow the event history where the host has one and lets it be followed."""
        since = self._tracker.history_since
        history = await EventHistory.open(
            session,
            complaints=self._complaints,
            since=since or host_time,
            is_resumed=since is not None,
        )
        if history is None:
            return None
        try:
            await updates.follow(filters.history_filter(history.doorbell))
        except Fault as fault:
            if retry.is_mended_by_login(fault):
                raise
            self._complaints.refused("event_history_refused", fault.message)
            return None
        return history

    async def _follow_tasks(self, session: Session, updates: Updates) -> TaskList | None:
        """Follow how tasks go on, where the host lets that be followed."""
        try:
            return await TaskList.open(session, updates, self._tracker.followed_tasks)
        except Fault as fault:
            if retry.is_mended_by_login(fault):
                raise
            self._complaints.refused("tasks_not_followed", fault.message)
            return None

    async def _adjust(self, tasks: TaskList | None) -> None:
        """Follow the tasks that have been heard of just now."""
        if tasks is None:
            return
        try:
            await tasks.adjust()
        except Fault as fault:
            if retry.is_mended_by_login(fault):
                raise
            self._tracker.follows_tasks = False
            self._complaints.refused("tasks_not_followed", fault.message)

    async def _next(self, session: Session, updates: Updates, *, is_complete: bool) -> UpdateSet:
        """Wait for the next answer; meanwhile judge again whenever it is time for that.

        The wait goes on during that: to cancel it could lose what its answer says. While an update
        set has come in part, nothing is judged.
        """
        if not is_complete or self._next_look() is None:
            return await updates.next()
        try:
            async with asyncio.TaskGroup() as group:
                answer = group.create_task(updates.next(), name=f"wait for {self.name}")
                await self._judge_in_time(session, group, until=answer)
        except ExceptionGroup as errors:
            # The first failure ends the other side, which then has none of its own.
            raise errors.exceptions[0] from None
        return answer.result()

    async def _judge_in_time(
        self, session: Session, group: asyncio.TaskGroup, *, until: asyncio.Task[UpdateSet]
    ) -> None:
        """Judge whenever it is time, until an answer has come or there is nothing to look after."""
        while (look := self._next_look()) is not None:
            alarm = group.create_task(self._timer.reach(look), name=f"alarm of {self.name}")
            await asyncio.wait((until, alarm), return_when=asyncio.FIRST_COMPLETED)
            alarm.cancel()
            if until.done():
                return
            await self._judge(session, not_before=look)

    def _next_look(self) -> float | None:
        """Return the instant at which to judge without an answer, None if there is no reason to.

        The reasons are the deadline of what is held back, and what may come without an answer.
        """
        deadline = self._tracker.deadline
        if not self._tracker.is_waiting:
            self._awaited_since = None
            return deadline
        now = self._timer.instant()
        if self._awaited_since is None:
            self._awaited_since = now
        is_often = now - self._awaited_since < _LOOK_OFTEN_SECONDS
        look = now + (_LOOK_SECONDS if is_often else _LATER_LOOK_SECONDS)
        return look if deadline is None else min(look, deadline)

    async def _judge(self, session: Session, *, not_before: float = 0.0) -> None:
        """Tell what happened, given what is known now; read the tasks that may explain it.

        ``not_before`` is the instant that has come: timers may be early by a tick.
        """
        tasks = await self._read_tasks(session, self._tracker.reading())
        await self._answers.until_heard()
        instant = max(self._timer.instant(), not_before)
        self._take_in(self._tracker.judge(tasks, now=self._clock(), instant=instant))

    def _log_odd(self, update_set: UpdateSet) -> None:
        for odd in update_set.unparsed:
            self._complaints.complain(
                "update_not_understood", odd.type, type=odd.type, parts=outline(odd)
            )

    async def _read_tasks(self, session: Session, reading: Reading) -> list[TaskInfo]:
        """Return the tasks that may explain what was seen; none where the host refuses them.

        A host that is slow with them is not waited for.
        """
        try:
            async with asyncio.timeout(READING_SECONDS):
                self._tasks_read = await read_tasks(session, reading)
                return self._tasks_read
        except SessionExpired:
            raise
        except TimeoutError:
            # As they were when they were read last: one whose end is awaited stays so.
            tasks = [task for task in self._tasks_read if task.task.value in reading.tasks]
            problem = f"the host did not give its tasks within {READING_SECONDS:.0f} s"
        except Fault as fault:
            # A user may see domains and not tasks: events without a cause are better than none.
            tasks = []
            problem = fault.message
        self._complaints.refused("tasks_not_readable", problem)
        return tasks

    async def _begin_sync(self, session: Session) -> datetime:
        """Expect the whole picture; return the host's time, aware UTC."""
        about = session.content.about
        host_time = await session.call(calls.current_time())
        # A vCenter before 4.0 has no instance UUID, and its hosts' would not name it.
        own_name = self.name if about.api_type == "VirtualCenter" else None
        self._tracker.begin_sync(
            identity=about.instance_uuid or own_name, host_time=host_time, now=self._clock()
        )
        return host_time

    def _take_in(self, outcome: Outcome) -> None:
        events = outcome.events
        if outcome.is_sync:
            events = events + self._connected(outcome)
        else:
            # Not before: a host whose sessions end as soon as it is in sync is a lost one.
            self._failures = 0
        records: Sequence[EventRecord] = ()
        if events or outcome.picture.changed or outcome.picture.removed:
            records = self._publish(events, outcome.picture)
        self._tracker.accept(outcome, [record.id for record in records[: len(outcome.events)]])
        metrics.questions_pending.labels(self.name).set(self._tracker.questions.count)
        self._news.ring()

    def _connected(self, outcome: Outcome) -> list[Event]:
        """Return the event that the connection is in sync, unless it never was out of it."""
        self._error = None
        if self._state is ConnectionState.CONNECTED:
            return []
        self._state = ConnectionState.CONNECTED
        metrics.connection_up.labels(self.name).set(1)
        domains = self._tracker.count_after(outcome)
        _log.info("connected", connection=self.name, uri=self._uri.source, domains=domains)
        return [
            ConnectionConnected(
                occurred_at=self._clock(),
                source=self._uri.source,
                connection=self.name,
                domains=domains,
            )
        ]

    def _lose(self, error: EventdError, delay: float) -> None:
        """Note that the host is lost, and tell it once: as an event, and as a warning."""
        if retry.is_mended_by_login(error) and self._failures == 1:
            _log.info("session_lost", connection=self.name, error=str(error))
            return  # a new login mends it; nothing was missed if it does
        log = _log.debug if self._error == str(error) else _log.warning
        self._error = str(error)
        what = "host_lost" if self._state is ConnectionState.CONNECTED else "host_not_reached"
        # Worth saying since it may be a quarter of an hour; a restart tries at once.
        log(what, connection=self.name, error=self._error, tried_again_after=f"{delay:.0f} s")
        if self._state is not ConnectionState.CONNECTED:
            return
        self._tell_what_is_held_back()
        self._state = ConnectionState.DISCONNECTED
        metrics.connection_up.labels(self.name).set(0)
        lost = ConnectionDisconnected(
            occurred_at=self._clock(),
            source=self._uri.source,
            connection=self.name,
            message=self._error,
            synced_at=self._synced_at,
        )
        self._publish([lost])

    def _tell_what_is_held_back(self) -> None:
        """Decide what waits for its cause: the host that could tell it is not there.

        What the event history has when the host is back becomes an amendment.
        """
        if self._tracker.deadline is not None:
            self._take_in(self._tracker.judge((), now=self._clock(), instant=math.inf))

    def status(self) -> ConnectionStatus:
        """Return how the connection is doing."""
        about = self._about
        return ConnectionStatus(
            name=self.name,
            uri=self._uri.source,
            state=self._state,
            product=about.full_name if about else None,
            api_version=about.api_version if about else None,
            domains=self._tracker.domain_count,
            synced_at=self._synced_at.isoformat() if self._synced_at else None,
            error=self._error,
        )

    def whereabouts(self, instance_uuid: str) -> str | None:
        """Return the name of the host on which a domain runs, or ran until a moment ago.

        None if it is not known here. A domain has the same instance UUID wherever it goes.
        """
        return self._tracker.whereabouts(instance_uuid, now=self._clock())

    def domains(self) -> list[DomainStatus]:
        """Return the present state of every domain, by name."""
        return self._tracker.statuses(stale=self._state is not ConnectionState.CONNECTED)

    # -- what is asked for

    def _reached(self) -> Live | None:
        return self._live

    async def _answer_foreign_questions(self) -> NoReturn:
        await answer_foreign_questions(
            self.name,
            self._tracker.questions,
            self._answers,
            live=self._reached,
            news=self._news,
            timer=self._timer,
        )

    def questions(self) -> list[PendingQuestion]:
        """Return the questions that wait for an answer, by domain."""
        is_stale = self._state is not ConnectionState.CONNECTED
        return self._tracker.pending_questions(stale=is_stale)

    async def answer(self, question_id: str, choice: str, *, by: Requester) -> Answered:
        """Answer a pending question; raises what `Operator.answer` raises.

        The answer is heard out when the caller waits for it no longer.
        """
        pending = self._tracker.questions.find(question_id)
        if pending is None:
            raise _no_such_question(question_id)
        question = pending.question
        answer = find_choice(question, choice)
        giving = self._answers.give(
            self._session, pending.reference, question, answer, rule=AnswerRule.CLIENT, by=by
        )
        reception = await self._going_on(giving, name=f"answer to {question_id}")
        if reception.is_settled:
            raise _no_such_question(question_id)
        if not reception.is_taken:
            raise OperationFailed(
                f"Could not answer the question: {reception.refusal}",
                hint="the question is still pending; try another choice",
            )
        return Answered(question=question, choice=answer)

    async def operate(
        self,
        domain: Domain,
        operation: DomainOperation,
        *,
        by: Requester,
        report: Report | None = None,
    ) -> OperationResult:
        """Do something to a domain; raises what `Operator.operate` raises.

        It goes on when the caller waits for it no longer.
        """
        work = self._operations.operate(domain, operation, by=by, report=report)
        return await self._going_on(work, name=f"{operation} of {domain.name}")

    async def _going_on(self, work: Coroutine[Any, Any, T], *, name: str) -> T:
        if self._group is None:
            work.close()
            raise HostUnreachable(f"the connection {self.name!r} is not followed")
        return await going_on(self._group, work, name=name)

    async def configuration(self, domain: Domain) -> DomainConfiguration:
        """Read the configuration file of a domain; raises what `Operator.configuration` raises."""
        return await read_configuration(self._session, domain.reference)

    @property
    def _session(self) -> Session:
        if self._live is None:
            raise HostUnreachable(
                f"the host of the connection {self.name!r} cannot be reached now",
                hint="'eventd connections' says why; try again when it is back",
            )
        return self._live.session


def _no_such_question(question_id: str) -> NoSuchQuestion:
    return NoSuchQuestion(
        f"no question with the id {question_id[:80]!r} is pending; it may have been answered, or "
        "withdrawn by the host",
        hint="'eventd questions' lists the pending questions",
    )


def _end_if_cancelled() -> None:
    """Let a cancellation win over an error that came at the same moment.

    The task groups of Python 3.11 and 3.12 raise the error of a child in its place (gh-116720).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _random_delay(error: EventdError, failures: int) -> float:
    return retry.delay(error, failures=failures, chance=random.random())  # noqa: S311 - no secret
