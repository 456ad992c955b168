"""The tasks of one connection, and which of them explains which change.

A task explains one change at most, and only a change that is seen while the task runs or
shortly after its end. So a power-off that a client asked for is never taken for the cause of a
later one that the guest did by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import Enum

from eventd.model.evidence import TaskEvidence
from eventd.vi.types import ObjectUpdate, TaskInfo, TaskState, UpdateKind

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

_EXPLAINS_FOR = timedelta(seconds=10)
"""How long after its end was seen a task may explain a change that trails it.

Our choice: servers were seen to send both in one update set, and no document bounds the delay.
"""


class Tasks:
    """The tasks that the host lists now, oldest first."""

    def __init__(self) -> None:
        self._tasks: dict[str, TaskInfo] = {}
        self._ended_at: dict[str, datetime] = {}
        self._spent: set[str] = set()

    def take_in(self, update: ObjectUpdate, now: datetime) -> None:
        """Keep what an update says about a task."""
        key = update.obj.value
        if update.kind is UpdateKind.LEAVE:
            self._forget(key)
        for change in update.changes:
            if change.name == "info" and isinstance(change.value, TaskInfo):
                self._tasks[key] = change.value
                if change.value.state in (TaskState.SUCCESS, TaskState.ERROR):
                    self._ended_at.setdefault(key, now)

    def _forget(self, key: str) -> None:
        self._tasks.pop(key, None)
        self._ended_at.pop(key, None)
        self._spent.discard(key)

    def keep_only(self, keys: Collection[str]) -> None:
        """Forget all tasks but these: after a new start the host lists what it still has."""
        for key in self._tasks.keys() - set(keys):
            self._forget(key)

    def spend_ended(self) -> None:
        """Let tasks that have ended explain nothing any more: the picture is newer than they."""
        self._spent.update(self._ended_at)

    def explain(self, reference: str, operation: Operation, now: datetime) -> TaskInfo | None:
        """Return the task of this kind that explains a change of the domain, and spend it."""
        alike = next((kinds for kinds in _ALIKE if operation in kinds), frozenset({operation}))
        for key, task in self._tasks.items():
            if (
                task.entity is not None
                and task.entity.value == reference
                and self._may_explain(key, task, alike, now)
            ):
                if _OPERATIONS[task.description_id] is not operation:
                    return None
                self._spent.add(key)
                return task
        return None

    def succeeded(self, operation: Operation, now: datetime) -> list[TaskInfo]:
        """Return the tasks of the kind that have succeeded unexplained, and spend them."""
        found = [
            (key, task)
            for key, task in self._tasks.items()
            if task.state is TaskState.SUCCESS and self._may_explain(key, task, {operation}, now)
        ]
        self._spent.update(key for key, _ in found)
        return [task for _, task in found]

    def _may_explain(
        self, key: str, task: TaskInfo, operations: Collection[Operation], now: datetime
    ) -> bool:
        return (
            _OPERATIONS.get(task.description_id) in operations
            and task.state is not TaskState.ERROR
            and key not in self._spent
            and now - self._ended_at.get(key, now) <= _EXPLAINS_FOR
        )


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
