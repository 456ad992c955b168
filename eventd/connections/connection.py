"""One connection: follows its host for as long as it runs, whatever happens to the host.

A connection logs in and follows the host (`eventd.connections.following`). When the host is lost
its domains become stale, and after a while it is tried again; then the whole picture is taken anew
and compared with the last known one. What clients ask for of the host is done meanwhile.
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
from eventd.connections.credentials import CredentialSource
from eventd.connections.datastore import read_configuration
from eventd.connections.following import Following
from eventd.connections.foreign_questions import answer_foreign_questions
from eventd.connections.going_on import Caller, going_on
from eventd.connections.live import Live
from eventd.connections.operations import Operations
from eventd.connections.session import Session
from eventd.connections.timer import LoopTimer, Timer
from eventd.connections.transport import Transport
from eventd.errors import (
    EventdError,
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
from eventd.model.questions import (
    AnswerRule,
    PendingQuestion,
    Requester,
    find_choice,
    find_question,
)
from eventd.model.record import EventRecord
from eventd.tracking.inventory import SuspendMode
from eventd.tracking.tracker import Outcome, Tracker
from eventd.vi.types import About
from eventd.vi.uri import ConnectionURI

__all__ = ["Connection", "Publish"]

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_LOGOUT_SECONDS = 0.5
"""A clean stop takes at most two seconds in all; a lost session ends by itself."""


_CONFIGURATIONS = 4
"""So many configurations are read of a host at once: everybody may ask for one."""


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
        self._live: Live | None = None
        self._news = Bell()
        """Rung when something was taken in, and when the host is lost or back."""
        self._group: asyncio.TaskGroup | None = None
        """Runs what goes on beside the long poll, while the host is followed at all."""
        self._reading_configurations = asyncio.Semaphore(_CONFIGURATIONS)
        self._answers = Answers(name, tracker.questions, name_of=tracker.name_of)
        self._operations = Operations(
            tracker,
            self._answers,
            live=self._reached,
            is_in_sync=self._is_in_sync,
            unreachable=self._unreachable,
            news=self._news,
            timer=self._timer,
            auto_answer=uri.auto_answer,
            is_saved=tracker.suspend is SuspendMode.SAVED,
        )

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
                await self._follow_in(session)
            except SessionExpired:
                raise  # there is nothing left to log out from
            except BaseException:
                # Also from a host that seems lost: a cut connection leaves its session behind.
                with suppress(HostError):
                    await session.close(deadline=_LOGOUT_SECONDS)
                raise

    async def _follow_in(self, session: Session) -> NoReturn:
        following = Following(
            self.name,
            session,
            self._tracker,
            answers=self._answers,
            conclude=self._take_in,
            taken_in=self._note_taken_in,
            clock=self._clock,
            timer=self._timer,
        )
        try:
            await following.run(self._uri)
        finally:
            self._live = None
            self._news.ring()

    def _note_taken_in(self, live: Live) -> None:
        """Note that the host is reached, and all that it has said by now is taken in and told."""
        self._synced_at = self._clock()
        self._live = live
        self._news.ring()

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

    def _is_in_sync(self) -> bool:
        return self._state is ConnectionState.CONNECTED

    def _unreachable(self) -> HostUnreachable:
        return HostUnreachable(
            f"the host of the connection {self.name!r} cannot be reached now",
            hint="'eventd connections' says why; try again when it is back",
        )

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

    async def answer(self, pending: PendingQuestion, choice: str, *, by: Requester) -> Answered:
        """Answer one of `questions`; raises what `Operator.answer` raises.

        The answer is heard out when the caller waits for it no longer.
        """
        question = find_question(self.questions(), pending.question.id).question
        reference = pending.domain.reference
        answer = find_choice(question, choice)
        giving = self._answers.give(
            self._session, reference, question, answer, rule=AnswerRule.CLIENT, by=by
        )
        reception = await self._going_on(giving, name=f"answer to {question.id}")
        if reception.is_settled:
            raise NoSuchQuestion(
                f"the question of the domain {pending.domain.name!r} has been answered meanwhile, "
                "or withdrawn by the host",
                hint="'eventd questions' lists the pending questions",
            )
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

        Once begun, it goes on when the caller waits for it no longer.
        """
        caller = Caller()
        work = self._operations.operate(domain, operation, by=by, report=report, caller=caller)
        return await self._going_on(work, name=f"{operation} of {domain.name}", caller=caller)

    async def _going_on(
        self, work: Coroutine[Any, Any, T], *, name: str, caller: Caller | None = None
    ) -> T:
        if self._group is None:
            work.close()
            raise HostUnreachable(f"the connection {self.name!r} is not followed")
        return await going_on(self._group, work, name=name, caller=caller)

    async def configuration(self, domain: Domain) -> DomainConfiguration:
        """Read the configuration file of a domain; raises what `Operator.configuration` raises."""
        async with self._reading_configurations:
            return await read_configuration(self._session, domain.reference, name=domain.name)

    @property
    def _session(self) -> Session:
        if self._live is None:
            raise self._unreachable()
        return self._live.session


def _end_if_cancelled() -> None:
    """Let a cancellation win over an error that came at the same moment.

    The task groups of Python 3.11 and 3.12 raise the error of a child in its place (gh-116720).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _random_delay(error: EventdError, failures: int) -> float:
    return retry.delay(error, failures=failures, chance=random.random())  # noqa: S311 - no secret
