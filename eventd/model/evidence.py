"""Evidence: the facts from which the reason of an event was decided. It travels in the event."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from eventd.model.domain import Value

__all__ = ["Cause", "Evidence", "Initiator", "TaskEvidence", "VIEventEvidence"]


class Cause(StrEnum):
    """Which kind of fact decided the reason."""

    TASK = "task"
    """A VI task on the domain explains the change."""
    EVENT = "event"
    """An event of the host's event history explains it."""
    REQUEST = "request"
    """Somebody had asked the guest for it before; there is no task for that."""
    CLEAN_POWER_OFF = "clean-power-off"
    """``runtime.cleanPowerOff`` tells an orderly stop from a crash."""
    BOOT_TIME = "boot-time"
    """``runtime.bootTime`` shows that the domain was started anew, or was not."""
    GUEST_STATE = "guest-state"
    """``guest`` shows what the guest's own system is doing."""
    STATE = "state"
    """The change itself admits only one reading."""
    OUT_OF_SCOPE = "out-of-scope"
    """The domain left what the connection follows; nothing says that it was removed."""
    HOST_REPLACED = "host-replaced"
    """Another host answers at the address: reinstalled, or another one altogether."""
    UNKNOWN = "unknown"
    """Nothing explains the change; its detail is libvirt's neutral 0."""


class Initiator(StrEnum):
    """Who or what made it happen."""

    USER = "user"
    GUEST = "guest"
    """The guest's own system."""
    HOST = "host"
    """The host itself: its shutdown, or its automatic start."""
    HA = "ha"
    """vSphere HA: a restart, an isolation response, a monitoring reset."""
    DRS = "drs"
    """The Distributed Resource Scheduler."""
    SCHEDULE = "schedule"
    """A scheduled task."""
    ALARM = "alarm"
    """The action of an alarm."""
    SYSTEM = "system"
    """The server, on its own account."""


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
    name: str | None = None
    """Name of the scheduled task or the alarm that started it."""
    error: str | None = None
    """The fault and its message, where the task failed."""


class VIEventEvidence(Value):
    """An event of the host's event history, as far as it explains an event."""

    key: int
    """``Event.key``. It may wrap below zero."""
    chain_id: int
    """``Event.chainId``: the key of the first event of the same operation."""
    type: str
    """Its class (``VmPoweredOffEvent``), or the ``eventTypeId`` of an EventEx."""
    created_at: datetime
    """``Event.createdTime``, by the host's clock."""
    user: str | None = None
    """Who asked for it; unset where nobody did."""
    message: str | None = None
    """The host's own sentence, where it sends one."""


class Evidence(Value):
    """The facts that decided an event's type and detail; unset where the host told nothing."""

    cause: Cause
    initiator: Initiator | None = None
    """Who or what made it happen, where that is known."""
    user: str | None = None
    """The name of the user, of the scheduled task or of the alarm."""
    task: TaskEvidence | None = None
    event: VIEventEvidence | None = None
    request: VIEventEvidence | None = None
    """What the guest was asked for before: ``VmGuestShutdownEvent``."""
    clean_power_off: bool | None = None
    boot_time: datetime | None = None
    source_host: str | None = None
    """The host that the domain was on before, where it is on another one now."""
    destination_host: str | None = None
    """The host that it is on then."""
    message: str | None = None
    """A free sentence for people."""
