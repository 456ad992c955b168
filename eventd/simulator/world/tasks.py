"""Tasks: from queued over running to success or error, with the questions that hold them up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count

from eventd.simulator.world.faults import InvalidState, RequestCanceled, TaskInProgress, VIFault
from eventd.simulator.world.happenings import By
from eventd.simulator.world.inventory import Inventory
from eventd.simulator.world.objects import Objects
from eventd.simulator.world.schedule import Schedule
from eventd.simulator.world.settings import Pace
from eventd.simulator.world.values import DataObject, Value
from eventd.vi.types import ManagedObjectReference

__all__ = ["Task", "Tasks"]

_FINISHED_KEPT = 200
"""VI API reference, recentTask: a vCenter keeps no more than the last 200 finished tasks."""


def _nothing(_: datetime) -> None:
    """What a task does in a step in which it does nothing."""


@dataclass(slots=True, eq=False)
class Task:
    """A task at work. `holds` counts the questions that keep it from its next step."""

    reference: ManagedObjectReference
    entity: ManagedObjectReference
    by: By
    begins: Callable[[datetime], None]
    ends: Callable[[datetime], Value | None]
    fails: Callable[[VIFault, datetime], None]
    cancelable: bool
    chain: int | None = None
    """The key of the first of its events, as soon as there is one."""
    state: str = "queued"
    is_due: bool = False
    holds: int = 0
    outcome: dict[str, Value] | None = None
    """What it will tell when it is over, as soon as its work is done."""

    @property
    def is_active(self) -> bool:
        """Tell whether it still has something to do."""
        return self.state in ("queued", "running")


class Tasks:
    """Starts tasks, moves them on, and keeps the finished ones for a while."""

    def __init__(
        self,
        objects: Objects,
        inventory: Inventory,
        schedule: Schedule,
        pace: Pace,
        *,
        are_listed: bool = True,
    ) -> None:
        """Begin without tasks. Unless they ``are_listed``, `recentTask` never names one."""
        self._objects = objects
        self._inventory = inventory
        self._schedule = schedule
        self.pace = pace
        self._are_listed = are_listed
        self._serial = count(1)
        self._tasks: dict[ManagedObjectReference, Task] = {}
        self._finished: deque[Task] = deque()
        self._failures: dict[ManagedObjectReference, VIFault] = {}
        self.queued: list[Callable[[Task, datetime], None]] = []
        """Called when a task has been queued."""
        self.running: list[Callable[[Task, datetime], None]] = []
        """Called when a task has begun to run."""
        self.completed: list[Callable[[Task, datetime], None]] = []
        """Called when a task is over, however it ended."""

    def of(self, entity: ManagedObjectReference) -> list[Task]:
        """The tasks that still work on an entity."""
        return [task for task in self._tasks.values() if task.entity == entity and task.is_active]

    def find(self, reference: ManagedObjectReference) -> Task | None:
        """The task of a reference, finished or not."""
        return self._tasks.get(reference)

    def fail_next(self, entity: ManagedObjectReference, fault: VIFault) -> None:
        """Let the next task on an entity end with a fault instead of its result."""
        self._failures[entity] = fault

    def require_idle(self, entity: ManagedObjectReference) -> None:
        """Refuse a second task on an entity.

        Raises:
            TaskInProgress: another task still works on it.
        """
        for task in self.of(entity):
            raise TaskInProgress(task.reference)

    def start(
        self,
        name: str,
        description_id: str,
        entity: ManagedObjectReference,
        *,
        by: By,
        now: datetime,
        begins: Callable[[Task, datetime], None] | None = None,
        ends: Callable[[Task, datetime], Value | None],
        fails: Callable[[Task, VIFault, datetime], None] | None = None,
        cancelable: bool = False,
    ) -> ManagedObjectReference:
        """Queue a task. ``begins`` happens when it runs, ``ends`` when it is done.

        ``name`` is that of the WSDL method. What ``ends`` returns is the task's result; a fault
        that it raises is the task's error. ``fails`` happens before a task ends in an error.
        """
        serial = next(self._serial)
        reference = ManagedObjectReference(
            "Task", self._inventory.task_value(serial, description_id, entity)
        )
        task = Task(
            reference,
            entity,
            by,
            begins=lambda at: begins(task, at) if begins else _nothing(at),
            ends=lambda at: ends(task, at),
            fails=lambda fault, at: fails(task, fault, at) if fails else _nothing(at),
            cancelable=cancelable,
        )
        self._tasks[reference] = task
        self._objects.create(reference, self._info(task, name, description_id, now))
        if self.pace.task_delay:
            self._schedule.add(now + self.pace.task_delay, lambda _: self._list(task))
        else:
            self._list(task)
        for observer in self.queued:
            observer(task, now)
        self._schedule.add(now + self.pace.queued, lambda at: self._reach(task, at))
        return reference

    def _list(self, task: Task) -> None:
        """Name a task in `recentTask`."""
        if not self._are_listed:
            return
        if task.entity in self._objects:
            self._objects.link(task.entity, "recentTask", task.reference)
        self._objects.link(self._inventory.task_manager, "recentTask", task.reference)

    def join_chain(self, task: Task, chain: int) -> None:
        """Let a task know the chain that its first event began."""
        if task.chain is None:
            task.chain = chain
            self._objects.assign(task.reference, "info.eventChainId", chain)

    def _info(self, task: Task, name: str, description_id: str, now: datetime) -> dict[str, Value]:
        return {
            "info.key": task.reference.value,
            "info.task": task.reference,
            "info.name": name,
            "info.descriptionId": description_id,
            "info.entity": task.entity,
            "info.entityName": self._objects.read(task.entity, "name") or "",
            "info.state": "queued",
            "info.cancelled": False,
            "info.cancelable": task.cancelable,
            "info.reason": self._reason(task),
            "info.queueTime": now,
            "info.eventChainId": 0,
        }

    def _reason(self, task: Task) -> DataObject:
        name = task.by.name
        match task.by.initiator:
            case "user":
                return DataObject("TaskReasonUser", {"userName": name})
            case "schedule":
                schedule = ManagedObjectReference("ScheduledTask", "schedule-1")
                return DataObject("TaskReasonSchedule", {"name": name, "scheduledTask": schedule})
            case "alarm":
                members: dict[str, Value] = {
                    "alarmName": name,
                    "alarm": ManagedObjectReference("Alarm", "alarm-1"),
                    "entityName": self._objects.read(task.entity, "name") or "",
                    "entity": task.entity,
                }
                return DataObject("TaskReasonAlarm", members)
            case _:
                return DataObject("TaskReasonSystem", {})

    def hold(self, task: Task) -> None:
        """Let a task wait for the answer to a question."""
        task.holds += 1

    def release(self, task: Task, now: datetime) -> None:
        """Let a task go on after an answer."""
        task.holds -= 1
        if not task.holds and task.is_due and task.is_active:
            self._schedule.add(now, lambda at: self._reach(task, at))

    def cancel(self, task: Task, now: datetime) -> None:
        """Cancel a task at the wish of a client.

        Raises:
            InvalidState: it is finished.
            VIFault: ``NotSupported``: it cannot be cancelled.
        """
        if not task.is_active:
            raise InvalidState("The task has already finished.")
        if not task.cancelable:
            raise VIFault("NotSupported", "The task cannot be canceled.")
        self._objects.assign(task.reference, "info.cancelled", value=True)
        self.fail(task, RequestCanceled(), now)

    def fail(self, task: Task, fault: VIFault, now: datetime) -> None:
        """End a task with an error; one whose work is done succeeds all the same."""
        if not task.is_active:
            return
        if task.outcome is not None:
            self._succeed(task, now)
            return
        task.fails(fault, now)
        self._complete(task, "error", {"info.error": fault.localized}, now)

    def _reach(self, task: Task, now: datetime) -> None:
        """Take the step that a task is due for, unless something holds it up."""
        task.is_due = True
        if task.holds or not task.is_active:
            return
        task.is_due = False
        if task.state == "queued":
            self._run(task, now)
        else:
            self._finish(task, now)

    def _run(self, task: Task, now: datetime) -> None:
        task.state = "running"
        self._objects.update(task.reference, {"info.state": "running", "info.startTime": now})
        self._plan_progress(task, now)
        task.begins(now)
        for observer in self.running:
            observer(task, now)
        self._schedule.add(now + self.pace.running, lambda at: self._reach(task, at))

    def _plan_progress(self, task: Task, now: datetime) -> None:
        """Let a task report how far it is, in even steps.

        What a question holds up is the end: the task stays at its last step until the answer, as
        those of real hosts do at 95 %.
        """
        parts = self.pace.progress_steps + 1
        if parts == 1:
            return
        self._report_progress(task, 0, now)
        for done in range(1, parts):
            due = now + self.pace.running * done / parts
            self._schedule.add(due, partial(self._report_progress, task, 100 * done // parts))

    def _report_progress(self, task: Task, percent: int, _: datetime) -> None:
        if task.is_active:
            self._objects.assign(task.reference, "info.progress", percent)

    def _finish(self, task: Task, now: datetime) -> None:
        try:
            if failure := self._failures.pop(task.entity, None):
                raise failure
            result = task.ends(now)
        except VIFault as fault:
            self.fail(task, fault, now)
            return
        task.outcome = {} if result is None else {"info.result": result}
        self._schedule.add(now + self.pace.ending, lambda at: self._succeed(task, at))

    def _succeed(self, task: Task, now: datetime) -> None:
        self._complete(task, "success", task.outcome or {}, now)

    def _complete(self, task: Task, state: str, values: dict[str, Value], now: datetime) -> None:
        if not task.is_active:
            return
        task.state = state
        # VI API reference, TaskInfo.progress: only a running task has some.
        end: dict[str, Value | None] = {"info.progress": None, "info.completeTime": now}
        self._objects.update(task.reference, {**values, **end, "info.state": state})
        for observer in self.completed:
            observer(task, now)
        self._finished.append(task)
        self._schedule.add(now + self.pace.task_kept, lambda _: self._forget_until(task))
        if len(self._finished) > _FINISHED_KEPT:
            self._forget(self._finished.popleft())

    def _forget_until(self, task: Task) -> None:
        while task.reference in self._tasks:
            self._forget(self._finished.popleft())

    def _forget(self, task: Task) -> None:
        del self._tasks[task.reference]
        if task.entity in self._objects:
            self._objects.unlink(task.entity, "recentTask", task.reference)
        self._objects.unlink(self._inventory.task_manager, "recentTask", task.reference)
        self._objects.destroy(task.reference)
