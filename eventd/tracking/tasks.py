"""The tasks of one connection, and which of them explains which change.

A task explains one change at most, and only one that is seen while the task runs or shortly after
its end. So a power-off that a client asked for is never taken for the cause of a later one that
the guest did by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from eventd.model.arguments import JobOperation
from eventd.model.picture import ToldTask
from eventd.tracking.operations import JOBS, Operation, operation_of
from eventd.vi.types import TaskInfo, TaskState

__all__ = ["Tasks"]


# Tasks that lead to the same change. When several changes come at once, each is explained by the
# oldest of them, whatever its kind: the tasks ran in that order.
_STOPS = frozenset({Operation.POWER_OFF, Operation.SHUT_DOWN_GUEST})

_TRAILING = timedelta(seconds=10)
"""How long after the end of a task was seen its change may still be seen.

Our choice: servers were seen to send both at once, and no document bounds the delay.
"""

_REMEMBERED = 10_000
"""How many tasks are remembered as used up. A host lists each for ten minutes after its end."""

_WITH_CHANGE = frozenset(
    {
        JobOperation.MIGRATE,
        JobOperation.RELOCATE,
        JobOperation.SUSPEND,
        JobOperation.SNAPSHOT_REVERT,
    }
)
"""The jobs that lead to an event of their domain, which is told before their end."""

_ENDED = (TaskState.SUCCESS, TaskState.ERROR)
_EARLIEST = datetime.fromtimestamp(0, UTC)


class Tasks:
    """What the host said of tasks when it was last asked, and which of them are used up.

    Domains list their recent tasks, but not how those are doing: that is read when it matters,
    and not kept. Times of tasks are the host's own, and compared with no other clock's.
    """

    def __init__(self) -> None:
        self._read: list[TaskInfo] = []
        self._now = _EARLIEST
        self._listed: dict[str, frozenset[str]] = {}
        self._host_time = _EARLIEST
        """When the first picture was taken, by the host's clock."""
        self._new: dict[str, None] = {}
        """Tasks that were listed since then, so that they are new whatever their time says."""
        self._seen_ended: dict[str, datetime] = {}
        self._spent: dict[str, None] = {}
        self._tentative: list[str] = []
        """Spent since `try_out`."""
        self._told_jobs: dict[str, None] = {}
        self._watched: dict[str, None] = {}
        """Tasks whose end something waits for."""
        self._told_before: dict[str, ToldTask] = {}
        """What was told in an earlier life, until the task is read again."""

    def begin(self, host_time: datetime) -> None:
        """The first picture is taken now: what ended before has led to it."""
        self._host_time = host_time

    def remember(self, told: Iterable[ToldTask]) -> None:
        """These tasks have explained and told so much in an earlier life."""
        self._told_before.update((each.task, each) for each in told)

    def as_told(self, told: ToldTask, task: TaskInfo | None) -> ToldTask:
        """Return what was told of a task, with what it has explained by now."""
        if task is None:
            return told
        before = self._told_before.get(told.task)
        if before is not None and before.queued_at == told.queued_at:
            return told._replace(is_spent=before.is_spent, is_settled=before.is_settled)
        is_old = not self.is_new(task)
        return told._replace(
            is_spent=is_old or told.task in self._spent,
            is_settled=is_old or told.task in self._told_jobs,
        )

    @property
    def domains_read(self) -> set[str]:
        """The domains of the tasks that were read last."""
        return {task.entity.value for task in self._read if task.entity is not None}

    def listed_by(self, domain: str) -> frozenset[str]:
        """Return the tasks that a domain listed last."""
        return self._listed.get(domain, frozenset())

    @property
    def listed(self) -> frozenset[str]:
        """All tasks that domains list."""
        return frozenset().union(*self._listed.values())

    def newly_listed(self, domain: str, tasks: Collection[str]) -> frozenset[str]:
        """Note which tasks a domain lists now; return those that it did not list before."""
        listed = frozenset(tasks)
        new = listed - self.listed_by(domain)
        self._listed[domain] = listed
        return new

    def forget(self, tasks: Iterable[str]) -> None:
        """The host no longer lists these tasks: should it use a key again, that is another task."""
        for task in tasks:
            self._told_before.pop(task, None)
            for memory in (self._spent, self._told_jobs, self._watched, self._seen_ended):
                memory.pop(task, None)

    def forget_all_but(self, listed: Container[str]) -> None:
        """The host lists these tasks alone."""
        memories = (self._spent, self._told_jobs, self._watched, self._seen_ended)
        known = frozenset().union(*memories, self._told_before)
        self.forget([task for task in known if task not in listed])

    def note_new(self, tasks: Iterable[str]) -> None:
        """These tasks were listed after the first picture."""
        _remember(self._new, tasks)

    def forget_domain(self, domain: str) -> None:
        """The domain is gone."""
        self._listed.pop(domain, None)

    @property
    def awaited(self) -> frozenset[str]:
        """Tasks whose end will be told, and that nothing but themselves may announce."""
        return frozenset(
            task.task.value
            for task in self._read
            if self._may_explain(task, {Operation.RESET}) or self._is_job_underway(task)
        )

    def _is_job_underway(self, task: TaskInfo) -> bool:
        """Whether a job has done its work, as far as can be seen, and not ended yet."""
        key = task.task.value
        is_job = task.description_id in JOBS and key in self._spent
        return (is_job or key in self._watched) and task.state not in _ENDED

    def take_in(self, tasks: Iterable[TaskInfo], now: datetime) -> None:
        """Know these tasks from now on, and no others; ``now`` is aware UTC."""
        self._now = now
        self._read = sorted(
            (
                task
                for task in tasks
                if operation_of(task) is not None or task.description_id in JOBS
            ),
            key=_queued,
        )
        for task in self._read:
            self._recognise(task)
            if task.state in _ENDED:
                self._seen_ended.setdefault(task.task.value, now)
        _trim(self._seen_ended)

    def _recognise(self, task: TaskInfo) -> None:
        key = task.task.value
        before = self._told_before.pop(key, None)
        if before is None or before.queued_at != task.queue_time:
            return
        if before.is_spent:
            _remember(self._spent, [key])
        if before.is_settled:
            _remember(self._told_jobs, [key])

    def explain(
        self,
        domain: str,
        operation: Operation,
        chain: int | None = None,
        *,
        queued_by: datetime | None = None,
    ) -> TaskInfo | None:
        """Return the task of this kind that explains a change of the domain, and spend it.

        ``chain`` is that of the event that records the change, if there is one. Of a host that
        tells the chains of tasks (``TaskInfo.eventChainId``), only a task of that chain will do.
        Nor will one that was queued after ``queued_by``, by the host's clock.
        """
        alike = _STOPS if operation in _STOPS else frozenset({operation})
        task = self._find(domain, alike, chain)
        if task is None or operation_of(task) is not operation:
            return None
        if queued_by is not None and _queued(task) > queued_by:
            return None
        key = task.task.value
        if key not in self._spent:
            self._tentative.append(key)
        _remember(self._spent, [key])
        return task

    def try_out(self) -> None:
        """What is spent from now on can be taken back."""
        self._tentative.clear()

    def take_back(self) -> None:
        """Nothing was spent since `try_out`."""
        for key in self._tentative:
            self._spent.pop(key, None)
        self._tentative.clear()

    def watch(self, domain: str, operation: Operation, chain: int) -> bool:
        """Return whether the task that an event belongs to goes on; its end is awaited then."""
        task = self._find(domain, {operation}, chain)
        if task is None or task.state in _ENDED:
            return False
        _remember(self._watched, [task.task.value])
        return True

    def knows(self, domain: str, operation: Operation, chain: int) -> bool:
        """Return whether the task that an event of a chain belongs to is known, however it is."""
        failed = self.failed(domain, operation, chain)
        return failed is not None or self._find(domain, {operation}, chain) is not None

    def failed(self, domain: str, operation: Operation, chain: int) -> TaskInfo | None:
        """Return the failed task of this kind on a domain that an event of a chain belongs to.

        A host that tells no chains (``eventChainId`` 0) has its newest failed task taken for it.
        """
        failed = [
            task
            for task in self._read
            if operation_of(task) is operation
            and task.state is TaskState.ERROR
            and task.entity is not None
            and task.entity.value == domain
            and (task.event_chain_id == chain or not self._tells_chains(domain))
        ]
        return failed[-1] if failed else None

    def _tells_chains(self, domain: str) -> bool:
        """Whether the host says which events a task of a domain belongs to."""
        return any(
            task.event_chain_id
            for task in self._read
            if task.entity is not None and task.entity.value == domain
        )

    def finished_job(self, task: TaskInfo) -> JobOperation | None:
        """Return what job a task was, if it has succeeded and that is not told yet; it is then."""
        operation = JOBS.get(task.description_id)
        key = task.task.value
        if operation is None or task.state is not TaskState.SUCCESS or key in self._told_jobs:
            return None
        _remember(self._told_jobs, [key])
        return operation

    def finished_jobs(
        self, *, but_of: Collection[str] = (), is_whole: bool = False
    ) -> list[tuple[TaskInfo, JobOperation]]:
        """Return the jobs that have succeeded since the first picture; each is returned once.

        Those of the domains ``but_of`` are left for later, and those whose change is yet to be
        seen, unless ``is_whole`` says that all of the picture was seen just now.
        """
        found = [
            (task, JOBS[task.description_id])
            for task in self._read
            if task.description_id in JOBS
            and task.state is TaskState.SUCCESS
            and task.task.value not in self._told_jobs
            and self.is_new(task)
            and not (task.entity is not None and task.entity.value in but_of)
            and (is_whole or not self._is_before_its_change(task))
        ]
        _remember(self._told_jobs, (task.task.value for task, _ in found))
        return found

    def finished_jobs_of(self, domain: str) -> list[tuple[TaskInfo, JobOperation]]:
        """Return the jobs of a domain that have succeeded and are not told yet; they are then."""
        its_own = (task for task in self._read if task.entity and task.entity.value == domain)
        found = [(task, self.finished_job(task)) for task in its_own if self.is_new(task)]
        return [(task, operation) for task, operation in found if operation is not None]

    @property
    def unsettled(self) -> frozenset[str]:
        """Jobs that have ended, and whose change is yet to be seen."""
        return frozenset(task.task.value for task in self._read if self._is_before_its_change(task))

    @property
    def seconds_to_next_job(self) -> float | None:
        """After how many seconds the change of a job will not be seen any more, if one waits."""
        waits = [
            (self._seen_ended[key] + _TRAILING - self._now).total_seconds()
            for key in self.unsettled
        ]
        return min(waits, default=None)

    def _is_before_its_change(self, task: TaskInfo) -> bool:
        """Whether a job has succeeded that changes how its domain is seen, and none saw that."""
        key = task.task.value
        return (
            JOBS.get(task.description_id) in _WITH_CHANGE
            and task.state is TaskState.SUCCESS
            and key not in self._told_jobs
            and key not in self._spent
            and self.is_new(task)
            and self._now - self._seen_ended.get(key, self._now) < _TRAILING
        )

    def is_resetting(self, domain: str) -> bool:
        """Return whether the task that turns a domain off was started by a reset of it."""
        off = self._find(domain, _STOPS)
        return off is not None and any(
            operation_of(task) is Operation.RESET
            and task.state is not TaskState.ERROR
            and task.entity == off.entity
            and _queued(task) <= _queued(off) <= (task.complete_time or _queued(off))
            for task in self._read
        )

    def has(self, domain: str, operation: Operation) -> bool:
        """Return whether a task of this kind could explain a change of the domain."""
        return bool(self.of_kind(domain, operation))

    def of_kind(self, domain: str, operation: Operation) -> list[TaskInfo]:
        """Return the tasks of this kind that could explain a change of the domain."""
        return [
            task
            for task in self._read
            if task.entity is not None
            and task.entity.value == domain
            and self._may_explain(task, {operation})
        ]

    def of_chain(self, domain: str, operation: Operation, chain: int) -> TaskInfo | None:
        """Return the task that an event of a chain belongs to, also if it explained a change."""
        return next(
            (
                task
                for task in self._read
                if task.entity is not None
                and task.entity.value == domain
                and operation_of(task) is operation
                and task.event_chain_id == chain
            ),
            None,
        )

    def finished_resets(self) -> list[TaskInfo]:
        """Return the resets that had ended well when tasks were read before; spend them.

        One that is first seen so now is left for the next time: what the domain went through
        before it may not have been told yet.
        """
        found = [
            task
            for task in self._read
            if self._may_explain(task, {Operation.RESET})
            and self._seen_ended.get(task.task.value, self._now) < self._now
        ]
        _remember(self._spent, (task.task.value for task in found))
        return found

    def _find(
        self, domain: str, operations: Collection[Operation], chain: int | None = None
    ) -> TaskInfo | None:
        for task in self._read:
            is_its_own = task.entity is not None and task.entity.value == domain
            is_of_chain = chain is None or task.event_chain_id in (chain, None, 0)
            if is_its_own and is_of_chain and self._may_explain(task, operations):
                return task
        return None

    def may_explain(self, task: TaskInfo) -> bool:
        """Whether a task may still explain a change of its domain."""
        operation = operation_of(task)
        return operation is not None and self._may_explain(task, {operation})

    def _may_explain(self, task: TaskInfo, operations: Collection[Operation]) -> bool:
        key = task.task.value
        return (
            operation_of(task) in operations
            and task.state is not TaskState.ERROR
            and key not in self._spent
            and self._now - self._seen_ended.get(key, self._now) <= _TRAILING
            and self.is_new(task)
        )

    def is_new(self, task: TaskInfo) -> bool:
        """Whether a task has ended, or was listed, only after the first picture was taken."""
        ended_at = task.complete_time or self._host_time
        return task.task.value in self._new or ended_at >= self._host_time


def _queued(task: TaskInfo) -> datetime:
    return task.queue_time or _EARLIEST


def _remember(memory: dict[str, None], keys: Iterable[str]) -> None:
    memory.update(dict.fromkeys(keys))
    _trim(memory)


def _trim(memory: dict[str, Any]) -> None:
    """Forget the oldest, so that nothing grows with the life of the process."""
    while len(memory) > _REMEMBERED:
        del memory[next(iter(memory))]
