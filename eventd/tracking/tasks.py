"""The tasks of one connection, and which of them explains which change.

A task explains one change at most, and only one that is seen while the task runs or shortly after
its end. So a power-off that a client asked for is never taken for the cause of a later one that
the guest did by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum

from eventd.model.evidence import TaskEvidence
from eventd.vi.types import TaskInfo, TaskState

__all__ = ["Operation", "Tasks", "evidence_of"]


class Operation(Enum):
    """What a task does to its domain, told by ``TaskInfo.descriptionId``.

    The values are the ids that vCenter and ESX list in ``TaskManager.description``, and those
    that govmomi's simulator sends in their place.
    """

    POWER_ON = (
        "VirtualMachine.powerOn",
        "Datacenter.powerOnVm",
        "Datacenter.ExecuteVmPowerOnLRO",
        "Drm.ExecuteVmPowerOnLRO",
        "FaultTolerance.PowerOnSecondaryLRO",
        "VirtualApp.powerOn",
        "host.AutoStartManager.autoPowerOn",
    )
    POWER_OFF = (
        "VirtualMachine.powerOff",
        "VirtualMachine.terminate",
        "VirtualMachine.terminateFaultTolerantVM",
        "VirtualApp.powerOff",
    )
    SHUT_DOWN_GUEST = ("VirtualMachine.shutdownGuest",)
    SUSPEND = ("VirtualMachine.suspend", "VirtualApp.suspend", "VirtualMachine.standbyGuest")
    RESET = ("VirtualMachine.reset",)
    MIGRATE = (
        "VirtualMachine.migrate",
        "VirtualMachine.relocate",
        "VirtualMachine.relocateVm",
        "Drm.ExecuteVMotionLRO",
        "Drm.ExecuteMaintenanceRecommendationsLro",
    )
    RENAME = ("VirtualMachine.rename", "ManagedEntity.rename")
    DESTROY = (
        "VirtualMachine.destroy",
        "ManagedEntity.destroy",
        "VirtualMachine.unregister",
        "Folder.unregisterAndDestroy",
    )


# Tasks that lead to the same change. When several changes come at once, each is explained by the
# oldest of them, whatever its kind: the tasks ran in that order.
_ALIKE = (frozenset({Operation.POWER_OFF, Operation.SHUT_DOWN_GUEST}),)

_OPERATIONS = {
    description_id: operation for operation in Operation for description_id in operation.value
}

_TRAILING = timedelta(seconds=10)
"""How long after the end of a task its change may be seen.

Our choice: servers were seen to send both at once, and no document bounds the delay.
"""

_ENDED = (TaskState.SUCCESS, TaskState.ERROR)


class Tasks:
    """The tasks that may explain what is seen now, oldest first, and those already spent.

    Domains list their recent tasks, but not how those are doing: that has to be read. Times are
    the host's own.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, TaskInfo] = {}
        self._listed: dict[str, frozenset[str]] = {}
        self._spent: set[str] = set()

    def newly_listed(self, domain: str, tasks: Collection[str]) -> frozenset[str]:
        """Note which tasks a domain lists now; return those that it did not list before."""
        before = self._listed.get(domain, frozenset())
        now = self._listed[domain] = frozenset(tasks)
        return now - before

    def forget_domain(self, domain: str) -> None:
        """The domain is gone."""
        self._listed.pop(domain, None)

    @property
    def running_resets(self) -> frozenset[str]:
        """Tasks whose end will be told as a reboot."""
        return frozenset(
            key
            for key, task in self._tasks.items()
            if _OPERATIONS.get(task.description_id) is Operation.RESET
            and task.state not in _ENDED
            and key not in self._spent
        )

    def take_in(self, tasks: Iterable[TaskInfo], *, since: datetime) -> None:
        """Keep what was read, and let go of what ended too long before ``since`` to matter.

        ``since`` is when the host was last asked: what is new has happened after it.
        """
        self._tasks |= {task.task.value: task for task in tasks}
        self._tasks = {
            key: task for key, task in self._in_order() if _end(task) >= since - _TRAILING
        }
        self._spent &= self._tasks.keys()

    def _in_order(self) -> list[tuple[str, TaskInfo]]:
        return sorted(self._tasks.items(), key=lambda item: item[1].queue_time or _EARLIEST)

    def explain(self, reference: str, operation: Operation) -> TaskInfo | None:
        """Return the task of this kind that explains a change of the domain, and spend it."""
        alike = next((kinds for kinds in _ALIKE if operation in kinds), frozenset({operation}))
        for key, task in self._unspent(alike):
            if task.entity is not None and task.entity.value == reference:
                if _OPERATIONS[task.description_id] is not operation:
                    return None
                self._spent.add(key)
                return task
        return None

    def succeeded(self, operation: Operation) -> list[TaskInfo]:
        """Return the tasks of the kind that have succeeded unexplained, and spend them."""
        found = [
            (key, task)
            for key, task in self._unspent({operation})
            if task.state is TaskState.SUCCESS
        ]
        self._spent.update(key for key, _ in found)
        return [task for _, task in found]

    def _unspent(self, operations: Collection[Operation]) -> Iterator[tuple[str, TaskInfo]]:
        for key, task in self._tasks.items():
            if (
                _OPERATIONS.get(task.description_id) in operations
                and task.state is not TaskState.ERROR
                and key not in self._spent
            ):
                yield key, task


_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


def _end(task: TaskInfo) -> datetime:
    """Return when a task ended; one that runs, or whose end nobody tells, never did."""
    return task.complete_time or _LATEST


def evidence_of(task: TaskInfo) -> TaskEvidence:
    """Return what of a task travels in an event."""
    reason = task.reason
    return TaskEvidence(
        key=task.key,
        description_id=task.description_id,
        reason=reason.kind if reason else None,
        user=reason.name if reason and reason.kind == "user" else None,
        error=task.error,
    )
