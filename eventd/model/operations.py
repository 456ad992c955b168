"""Operations on domains: what can be asked for, and what comes of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from eventd.model.domain import Choice, Domain, Question, Value

__all__ = ["Answered", "DomainOperation", "OperationResult", "TaskProgress"]


class DomainOperation(StrEnum):
    """What can be done to a domain; the words are those of ``virsh``."""

    START = "start"
    SHUTDOWN = "shutdown"
    DESTROY = "destroy"
    SUSPEND = "suspend"
    RESUME = "resume"
    REBOOT = "reboot"
    RESET = "reset"


class TaskProgress(Value):
    """A VI task and how far it is."""

    key: str
    """``TaskInfo.key``: ``task-881``."""
    description_id: str
    """``TaskInfo.descriptionId``: ``VirtualMachine.powerOn``."""
    state: str
    """``queued``, ``running``, ``success`` or ``error``."""
    progress: int | None = None
    """Percent, while the task runs and where the host tells it."""
    queued_at: datetime | None = None
    """This and the others by the host's clock."""
    started_at: datetime | None = None
    completed_at: datetime | None = None


class Answered(Value):
    """A question and the choice that was made."""

    question: Question
    choice: Choice


class OperationResult(Value):
    """An operation that was done."""

    operation: DomainOperation
    domain: Domain
    """The domain as it was when the operation was asked for."""
    task: TaskProgress | None = None
    """The task, which has succeeded; None for what is no task: shutdown and reboot only ask the
    guest, and what it does about it comes later."""
    answered: tuple[Answered, ...] = ()
    """The questions that the task asked and ``auto_answer`` answered, in order."""
