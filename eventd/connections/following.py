"""Following a host for the life of one session: from the whole picture on, change after change.

Sets up one property collector with its filters, and waits for updates; what the tracker holds back
meanwhile, it lets the tracker judge again when its time has come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

import structlog

from eventd.connections import retry
from eventd.connections.answers import Answers
from eventd.connections.complaints import Complaints
from eventd.connections.history import EventHistory
from eventd.connections.live import Live
from eventd.connections.not_understood import NotUnderstood
from eventd.connections.scope import find_scope
from eventd.connections.session import READING_SECONDS, Session
from eventd.connections.silence import Silence
from eventd.connections.task_list import TaskList
from eventd.connections.tasks import read_tasks
from eventd.connections.timer import Timer
from eventd.connections.updates import Updates
from eventd.errors import Fault, SessionExpired
from eventd.tracking.tracker import Outcome, Reading, Tracker
from eventd.vi import calls, filters
from eventd.vi.types import TaskInfo, UpdateSet
from eventd.vi.uri import ConnectionURI

__all__ = ["Following"]

T = TypeVar("T")

_log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
"""How often to look after what announces itself by nothing: the end of a task."""

_LOOK_OFTEN_SECONDS = 60.0
_LATER_LOOK_SECONDS = 30.0
"""A task that goes on for longer than the first is looked after as seldom as the second: to remove
a snapshot may take hours."""


class Following:
    """Feeds one session's answers to a tracker, and what comes of them to ``conclude``.

    ``taken_in`` is called after each complete answer, when all that it has led to is told;
    ``history_cut_short``, with the reason, where the event history could not be read to its end.

    Unless it ``bears_silence``, a host that does not give its event history in time is given up:
    when it is reached again, all that it has is told in its order.

    What explains a change is read before it is judged, and everything else on the connection waits
    for that: a host that is slow with its events and its tasks delays what has to be told by at
    most twice `READING_SECONDS`, and it is told without them then.
    """

    def __init__(
        self,
        name: str,
        session: Session,
        tracker: Tracker,
        *,
        answers: Answers,
        conclude: Callable[[Outcome], None],
        taken_in: Callable[[Live], None],
        history_cut_short: Callable[[str], None],
        bears_silence: bool,
        not_understood: NotUnderstood,
        silence: Silence,
        clock: Callable[[], datetime],
        timer: Timer,
    ) -> None:
        self._name = name
        self._session = session
        self._tracker = tracker
        self._answers = answers
        self._conclude = conclude
        self._taken_in = taken_in
        self._history_cut_short = history_cut_short
        self._bears_silence = bears_silence
        self._not_understood = not_understood
        self._silence = silence
        self._clock = clock
        self._timer = timer
        self._complaints = Complaints(name)
        self._tasks_read: list[TaskInfo] = []
        self._awaited_since: float | None = None
        """Since when, by the timer, something is awaited and nothing has come."""

    async def run(self, uri: ConnectionURI) -> None:
        """Follow what the URI names until the session or the host is lost.

        Returns if it is another host than before, and the end of that one is told: what the new
        one has is to be followed in a session of its own.

        Raises:
            HostError: that has happened, or the host has not what is needed.
        """
        host_time = await self._begin_sync()
        updates = await Updates.open(self._session, await find_scope(self._session, uri))
        history = await self._follow_history(updates, host_time)
        self._tracker.follows_history = history is not None
        tasks = await self._follow_tasks(updates)
        self._tracker.follows_tasks = tasks is not None
        await self._take_in_all(updates, history, tasks)

    async def _take_in_all(
        self, updates: Updates, history: EventHistory | None, tasks: TaskList | None
    ) -> None:
        """Take in answer after answer; return if they are another host's."""
        is_complete = False
        while True:
            try:
                if is_complete:
                    self._tracker.questions.begin_poll()
                with self._silence.heard_out():
                    update_set = await self._next(updates, is_complete=is_complete)
            except Fault as fault:
                if fault.name != "InvalidCollectorVersion" or not updates.has_begun:
                    raise
                _log.info("versions_out_of_date", connection=self._name)
                updates.begin_anew()
                is_complete = False
                await self._begin_sync()
                continue
            self._not_understood.note_in(update_set)
            if update_set.filters:
                self._awaited_since = None  # what is awaited may have begun just now
            if history is not None:
                history.hear(update_set)
            is_complete = self._tracker.take_in(update_set)
            if self._tracker.is_another_host:
                await self._judge()
                return
            if is_complete:
                if history is not None:
                    events = await history.read(self._tracker.unread_event)
                    self._tracker.take_in_history(events)
                    if history.cut_short is not None:
                        self._history_cut_short(history.cut_short)
                await self._judge()
                tasks = await self._adjusted(tasks)
                self._taken_in(Live(self._session, tasks))

    async def _follow_history(self, updates: Updates, host_time: datetime) -> EventHistory | None:
        """Follow the event history where the host has one and lets it be followed."""
        since = self._tracker.history_since
        history = await self._open_history(since or host_time, is_resumed=since is not None)
        if history is None and since is not None:
            self._history_cut_short("the host does not give its event history from then on")
            # It may not like the time: one of a clock that was set back, or of a longer memory.
            history = await self._open_history(host_time, is_resumed=False)
        if history is None:
            return None
        try:
            await updates.follow(filters.history_filter(history.doorbell))
        except Fault as fault:
            if retry.is_mended_by_login(fault):
                raise
            self._complaints.refused("event_history_refused", fault.message)
            if since is not None:
                self._history_cut_short(fault.message)
            return None
        return history

    async def _open_history(self, since: datetime, *, is_resumed: bool) -> EventHistory | None:
        return await EventHistory.open(
            self._session,
            complaints=self._complaints,
            not_understood=self._not_understood,
            since=since,
            is_resumed=is_resumed,
            bears_silence=self._bears_silence,
        )

    async def _follow_tasks(self, updates: Updates) -> TaskList | None:
        """Follow how tasks go on, where the host lets that be followed."""
        try:
            return await TaskList.open(self._session, updates, self._tracker.followed_tasks)
        except Fault as fault:
            if retry.is_mended_by_login(fault):
                raise
            self._complaints.refused("tasks_not_followed", fault.message)
            return None

    async def _adjusted(self, tasks: TaskList | None) -> TaskList | None:
        """Follow the tasks that have been heard of just now; no longer if the host refuses it."""
        if tasks is None:
            return None
        try:
            await tasks.adjust()
        except Fault as fault:
            if retry.is_mended_by_login(fault):
                raise
            self._tracker.follows_tasks = False
            self._complaints.refused("tasks_not_followed", fault.message)
            return None
        return tasks

    async def _next(self, updates: Updates, *, is_complete: bool) -> UpdateSet:
        """Wait for the next answer; meanwhile judge again whenever it is time for that.

        The wait goes on during that: to cancel it could lose what its answer says. While an update
        set has come in part, nothing is judged.
        """
        if not is_complete or self._next_look() is None:
            return await updates.next()
        try:
            async with asyncio.TaskGroup() as group:
                waiting = _outcome(updates.next())
                answer = group.create_task(waiting, name=f"wait for {self._name}")
                await self._judge_in_time(group, until=answer)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        outcome = answer.result()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _judge_in_time(self, group: asyncio.TaskGroup, *, until: asyncio.Task[Any]) -> None:
        """Judge whenever it is time, until an answer has come or there is nothing to look after."""
        while (look := self._next_look()) is not None:
            alarm = group.create_task(self._timer.reach(look), name=f"alarm of {self._name}")
            await asyncio.wait((until, alarm), return_when=asyncio.FIRST_COMPLETED)
            alarm.cancel()
            if until.done():
                return
            await self._judge(not_before=look)

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

    async def _judge(self, *, not_before: float = 0.0) -> None:
        """Tell what happened, given what is known now; read the tasks that may explain it.

        ``not_before`` is the instant that has come: timers may be early by a tick.
        """
        tasks = await self._read_tasks(self._tracker.reading())
        await self._answers.until_heard()
        instant = max(self._timer.instant(), not_before)
        self._conclude(self._tracker.judge(tasks, now=self._clock(), instant=instant))

    async def _read_tasks(self, reading: Reading) -> list[TaskInfo]:
        """Return the tasks that may explain what was seen; none where the host refuses them.

        A host that is slow with them is not waited for.
        """
        try:
            async with asyncio.timeout(READING_SECONDS):
                self._tasks_read = await read_tasks(self._session, reading)
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

    async def _begin_sync(self) -> datetime:
        """Expect the whole picture; return the host's time, aware UTC."""
        about = self._session.content.about
        host_time = await self._session.call(calls.current_time())
        self._tracker.begin_sync(
            identity=about.instance_uuid,
            is_vcenter=about.api_type == "VirtualCenter",
            host_time=host_time,
            now=self._clock(),
        )
        return host_time


async def _outcome(work: Coroutine[Any, Any, T]) -> T | Exception:
    """Return what work returns, or raises.

    A task of a group that fails at the same moment as its block leaves the block's own task with a
    cancellation that nobody has asked for, in Python 3.11 and 3.12.
    """
    try:
        return await work
    except Exception as error:
        return error
