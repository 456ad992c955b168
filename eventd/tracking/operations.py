"""What a task does to its domain, told by ``TaskInfo.descriptionId``.

The ids are those that vCenter and ESX list in ``TaskManager.description``, and those that govmomi's
simulator sends in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from eventd.model.arguments import JobOperation
from eventd.vi.types import TaskInfo

__all__ = ["JOBS", "Operation", "operation_of"]


class Operation(Enum):
    """What a task does to its domain; the values are the ids of such tasks."""

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
        "Drm.ExecuteStorageVmotionLro",
    )
    AUTO_POWER_OFF = ("host.AutoStartManager.autoPowerOff",)
    REVERT = (
        "vm.Snapshot.revert",
        "VirtualMachine.revertToCurrentSnapshot",
        "VirtualMachine.revertToSnapshot",
        "VirtualMachine.revertSnapshot",
    )
    SNAPSHOT = (
        "VirtualMachine.createSnapshot",
        "VirtualMachine.createSnapshotEx",
        "vm.Snapshot.remove",
        "VirtualMachine.removeSnapshot",
        "VirtualMachine.removeAllSnapshots",
        "VirtualMachine.RemoveAllSnapshots",
    )
    RECONFIGURE = ("VirtualMachine.reconfigure", "VirtualMachine.reconfigVm")
    RENAME = ("VirtualMachine.rename", "ManagedEntity.rename")
    DESTROY = (
        "VirtualMachine.destroy",
        "ManagedEntity.destroy",
        "VirtualMachine.unregister",
        "Folder.unregisterAndDestroy",
    )


JOBS: Mapping[str, JobOperation] = {
    "VirtualMachine.migrate": JobOperation.MIGRATE,
    "Drm.ExecuteVMotionLRO": JobOperation.MIGRATE,
    "Drm.ExecuteMaintenanceRecommendationsLro": JobOperation.MIGRATE,
    "VirtualMachine.relocate": JobOperation.RELOCATE,
    "VirtualMachine.relocateVm": JobOperation.RELOCATE,
    "Drm.ExecuteStorageVmotionLro": JobOperation.RELOCATE,
    "VirtualMachine.suspend": JobOperation.SUSPEND,
    "VirtualMachine.createSnapshot": JobOperation.SNAPSHOT_CREATE,
    "VirtualMachine.createSnapshotEx": JobOperation.SNAPSHOT_CREATE,
    "vm.Snapshot.remove": JobOperation.SNAPSHOT_REMOVE,
    "VirtualMachine.removeSnapshot": JobOperation.SNAPSHOT_REMOVE,
    "VirtualMachine.removeAllSnapshots": JobOperation.SNAPSHOT_REMOVE,
    "VirtualMachine.RemoveAllSnapshots": JobOperation.SNAPSHOT_REMOVE,
    "vm.Snapshot.revert": JobOperation.SNAPSHOT_REVERT,
    "VirtualMachine.revertToCurrentSnapshot": JobOperation.SNAPSHOT_REVERT,
    "VirtualMachine.revertToSnapshot": JobOperation.SNAPSHOT_REVERT,
    "VirtualMachine.revertSnapshot": JobOperation.SNAPSHOT_REVERT,
}
"""The tasks that libvirt would call a job, and of which a successful end is told."""

_OPERATIONS = {
    description_id: operation for operation in Operation for description_id in operation.value
}


def operation_of(task: TaskInfo) -> Operation | None:
    """Return what a task does to its domain; None if that explains no change."""
    return _OPERATIONS.get(task.description_id)
