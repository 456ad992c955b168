"""Evidence: the facts from which the reason of an event was decided. It travels in the event."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from eventd.model.domain import Value

__all__ = ["Cause", "Evidence", "TaskEvidence"]


class Cause(StrEnum):
    """Which kind of fact decided the reason."""

    TASK = "task"
    """A VI task on the domain explains the change."""
    CLEAN_POWER_OFF = "clean-power-off"
    """``runtime.cleanPowerOff`` tells an orderly stop from a crash."""
    BOOT_TIME = "boot-time"
    """``runtime.bootTime`` shows that the domain was started anew, or was not."""
    GUEST_STATE = "guest-state"
    """``guest.guestState`` shows what the guest's own system is doing."""
    STATE = "state"
    """The change itself admits only one reading."""
    UNKNOWN = "unknown"
    """Nothing explains the change; its detail is libvirt's neutral 0."""


class TaskEvidence(Value):
    """A VI task, as far as it explains an event."""

    key: str
    """``TaskInfo.key``: ``task-881``."""
    description_id: str
    """``TaskInfo.descriptionId``: ``VirtualMachine.powerOff``."""
    reason: str | None = None
    """Who or what started it: ``user``, ``alarm``, ``schedule`` or ``system``."""
    user: str | None = None
    """The user of a task that a user started."""
    error: str | None = None
    """The fault and its message, where the task failed."""


class Evidence(Value):
    """The facts that decided an event's type and detail; unset where the host told nothing."""

    cause: Cause
    task: TaskEvidence | None = None
    clean_power_off: bool | None = None
    boot_time: datetime | None = None
    previous_host: str | None = None
    """The host that the domain was on before, where it is on another one now."""
    message: str | None = None
    """A free sentence for people."""
