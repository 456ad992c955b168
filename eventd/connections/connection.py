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
from datetime import datetime, timedelta
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
from eventd.connections.history import HistoryOverdue
from eventd.connections.inspection import Inspection
from eventd.connections.live import Live
from eventd.connections.not_understood import NotUnderstood
from eventd.connections.operations import Operations
from eventd.connections.session import Session
from eventd.connections.silence import Silence
from eventd.connections.timer import LoopTimer, Timer
from eventd.connections.transport import Transport
from eventd.connections.updates import LATE_SECONDS, WAIT_SECONDS
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
from eventd.model.events import (
    ConnectionConnected,
    ConnectionDisconnected,
    ConnectionResynchronised,
    ConnectionStale,
    Event,
)
from eventd.model.operations import Answered, DomainOperation, OperationResult
from eventd.model.operator import Report
from eventd.model.picture import HostPicture, PictureChange
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

_KEPT_EACH = timedelta(seconds=50)
"""How far everything is known is written so often; an idle host answers each minute."""

_CUT_SHORT_AGAIN = 60.0
"""Seconds: that the event history could not be read is told once in that time; our choice."""

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
        self._synced_at = tracker.host.synced_at
        self._kept = tracker.host
        """What was last written of the host itself."""
        self._missed = 0
        """How many events tell of a host that was replaced by another one just now."""
        self._replaced = 0
        """How often another host was met since the whole picture was there last."""
        self._bears_silence = False
        """Whether the host is followed, too, where it does not give its history in time."""
        self._is_overdue = False
        """Whether the host owes an answer for longer than it may take."""
        self._history_cut_short: str | None = None
        """Why the host's event history could not be read to its end, until that is told."""
        self._cut_short_told_at = -math.inf
        self._error: str | None = None
        self._failures = 0
        self._live: Live | None = None
        self._news = Bell()
        """Rung when something was taken in, and when the host is lost or back."""
        self._group: asyncio.TaskGroup | None = None
        """Runs what goes on beside the long poll, while the host is followed at all."""
        self._not_understood = NotUnderstood(
            name, source=uri.source, timer=self._timer, clock=clock
        )
        self._silence = Silence(
            self._timer, limit=WAIT_SECONDS + LATE_SECONDS, noticed=self._note_overdue
        )
        self.inspection = Inspection(
            lambda: self._session,
            domains=tracker.references,
            hosts=lambda: tracker.host.names,
            now=lambda: self._timer.instant(),
        )
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
        metrics.unparsed.labels(self.name)
        self._tell_of_what_was_known()
        async with asyncio.TaskGroup() as self._group:
            self._group.create_task(self._silence.watch(), name=f"silence of {self.name}")
            if self._tracker.questions.are_answered:
                self._group.create_task(
                    self._answer_foreign_questions(), name=f"questions of {self.name}"
                )
            try:
                await self._follow_for_ever()
            finally:
                self._group = None

    def _tell_of_what_was_known(self) -> None:
        """Tell that the host is not reached yet, if anything is known of it from before."""
        if self._tracker.has_picture:
            self._tell(self._stale("not reached yet since the start of eventd"))

    def _stale(self, message: str) -> ConnectionStale:
        return ConnectionStale(
            occurred_at=self._clock(),
            source=self._uri.source,
            connection=self.name,
            message=message,
            synced_at=self._synced_at,
        )

    def _note_overdue(self) -> None:
        if self._state is not ConnectionState.CONNECTED or self._is_overdue:
            return
        self._is_overdue = True
        _log.warning("answer_overdue", connection=self.name)
        self._tell(self._stale("the host owes an answer"))

    def _tell(self, event: Event, picture: PictureChange | None = None) -> None:
        """Publish what the connection itself has to say, beside what is followed of the host.

        A defect there must not end the other connections.
        """
        try:
            self._publish([event], picture)
        except Exception:
            _log.exception("event_not_published", connection=self.name, type=event.type)

    async def _follow_for_ever(self) -> NoReturn:
        while True:
            lost_by: EventdError
            try:
                await self._follow()
                if self._replaced == 1:
                    continue
                lost_by = HostUnreachable("several hosts answer in turn; name one of them")
            except EventdError as error:
                lost_by = error
                # A host that is only slow with its history is followed without it, the next time.
                self._bears_silence = isinstance(error, HistoryOverdue)
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

    async def _follow(self) -> None:
        """Follow the host until it is lost; return if it turns out to be another one."""
        async with self._transport() as transport:
            session = await Session.open(transport, self._uri, self._credentials())
            self._about = session.content.about
            try:
                await self._follow_in(session)
                _log.warning("host_replaced", connection=self.name, uri=self._uri.source)
                with suppress(HostError):
                    await session.close(deadline=_LOGOUT_SECONDS)
            except SessionExpired:
                raise  # there is nothing left to log out from
            except BaseException:
                # Also from a host that seems lost: a cut connection leaves its session behind.
                with suppress(HostError):
                    await session.close(deadline=_LOGOUT_SECONDS)
                raise

    async def _follow_in(self, session: Session) -> None:
        following = Following(
            self.name,
            session,
            self._tracker,
            answers=self._answers,
            conclude=self._take_in,
            taken_in=self._note_taken_in,
            history_cut_short=self._note_cut_short,
            bears_silence=self._bears_silence,
            not_understood=self._not_understood,
            silence=self._silence,
            clock=self._clock,
            timer=self._timer,
        )
        try:
            await following.run(self._uri)
        finally:
            self._live = None
            self._news.ring()

    def _note_cut_short(self, problem: str) -> None:
        self._history_cut_short = problem

    def _note_taken_in(self, live: Live) -> None:
        """Note that the host is reached, and all that it has said by now is taken in and told."""
        if self._is_overdue:
            self._is_overdue = False
            self._publish([self._resynchronised(self._tracker.domain_count, missed=0)])
            self._note_cut_short_told()
        self._synced_at = self._clock()
        self._live = live
        self._news.ring()

    def _take_in(self, outcome: Outcome) -> None:
        odd = self._not_understood.take()
        events = [*outcome.events, *odd]
        if outcome.is_sync:
            events += self._in_sync(outcome)
        elif not outcome.is_farewell:
            # Not before: a host whose sessions end as soon as it is in sync is a lost one.
            self._failures = 0
            if self._is_cut_short_to_be_told():
                domains = self._tracker.count_after(outcome)
                events.append(self._resynchronised(domains, missed=0))
        records: Sequence[EventRecord] = ()
        picture = outcome.picture
        if events or picture.changed or picture.removed or self._is_to_be_kept(picture.host):
            try:
                records = self._publish(events, picture)
            except Exception:
                self._not_understood.give_back(odd)
                raise
            self._kept = picture.host or self._kept
        self._tracker.accept(outcome, [record.id for record in records[: len(outcome.events)]])
        self._note_published(outcome, events)
        metrics.questions_pending.labels(self.name).set(self._tracker.questions.count)
        self._news.ring()

    def _is_cut_short_to_be_told(self) -> bool:
        since_told = self._timer.instant() - self._cut_short_told_at
        return self._history_cut_short is not None and since_told >= _CUT_SHORT_AGAIN

    def _note_cut_short_told(self) -> None:
        if self._history_cut_short is not None:
            self._history_cut_short = None
            self._cut_short_told_at = self._timer.instant()

    def _note_published(self, outcome: Outcome, events: Sequence[Event]) -> None:
        if any(isinstance(event, ConnectionResynchronised) for event in events):
            self._note_cut_short_told()
        elif outcome.is_farewell or outcome.is_sync:
            self._history_cut_short = None  # nothing of the host was known that it could miss
        if outcome.is_farewell:
            self._missed += len(outcome.events)
            self._replaced += 1
        elif outcome.is_sync:
            self._missed, self._replaced, self._is_overdue = 0, 0, False

    def _is_to_be_kept(self, host: HostPicture | None) -> bool:
        """Whether something of the host itself is to be written, although nothing has happened.

        How far everything is known is so once in a while, as what was missed begins there.
        """
        if host is None or host.synced_at is None:
            return False
        kept = self._kept
        if host.identity != kept.identity or host.names is not kept.names:
            return True
        return kept.synced_at is None or abs(host.synced_at - kept.synced_at) >= _KEPT_EACH

    def _in_sync(self, outcome: Outcome) -> list[Event]:
        """Return the events that the picture is the present one: what was missed comes before."""
        self._error = None
        domains = self._tracker.count_after(outcome)
        events: list[Event] = []
        if self._state is not ConnectionState.CONNECTED:
            self._state = ConnectionState.CONNECTED
            metrics.connection_up.labels(self.name).set(1)
            _log.info("connected", connection=self.name, uri=self._uri.source, domains=domains)
            events.append(
                ConnectionConnected(
                    occurred_at=self._clock(),
                    source=self._uri.source,
                    connection=self.name,
                    domains=domains,
                )
            )
        if outcome.is_compared:
            missed = self._missed + len(outcome.events)
            _log.info("resynchronised", connection=self.name, domains=domains, missed=missed)
            events.append(self._resynchronised(domains, missed=missed))
        return events

    def _resynchronised(self, domains: int, *, missed: int) -> ConnectionResynchronised:
        return ConnectionResynchronised(
            occurred_at=self._clock(),
            source=self._uri.source,
            connection=self.name,
            domains=domains,
            missed=missed,
            synced_at=self._synced_at,
            reinstalled=self._replaced > 0,
            incomplete=self._history_cut_short is not None,
            message=self._history_cut_short,
        )

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
        # With how far everything is known: what is missed from now on begins there.
        self._tell(lost, PictureChange(self.name, {}, frozenset(), self._tracker.host))
        self._kept = self._tracker.host
        self._news.ring()

    def _tell_what_is_held_back(self) -> None:
        """Decide what waits for its cause: the host that could tell it is not there.

        What the event history has when the host is back becomes an amendment. What a defect keeps
        from being told shows again in the next whole picture.
        """
        if self._tracker.deadline is None or self._tracker.unread_event is not None:
            return  # what is not read yet has to be told before, when the host is back
        try:
            self._take_in(self._tracker.judge((), now=self._clock(), instant=math.inf))
        except Exception:
            _log.exception("held_back_not_told", connection=self.name)
            self._tracker.roll_back()

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
        return self._tracker.statuses(stale=self._is_stale)

    @property
    def _is_stale(self) -> bool:
        return self._state is not ConnectionState.CONNECTED or self._is_overdue

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
        return self._tracker.pending_questions(stale=self._is_stale)

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
