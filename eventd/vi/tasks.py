"""``TaskInfo`` by its leaves: what a property filter follows of a task, put together again.

To follow ``info`` as a whole would bring all of it each time that one more percent is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from eventd.vi.structures import is_true, parse_number
from eventd.vi.times import parse_datetime
from eventd.vi.types import (
    ManagedObjectReference,
    PropertyValue,
    TaskError,
    TaskInfo,
    TaskReason,
    TaskState,
)

__all__ = ["TASK_PATHS", "task_info"]

TASK_PATHS = (
    "info.key",
    "info.name",
    "info.descriptionId",
    "info.entity",
    "info.state",
    "info.cancelled",
    "info.cancelable",
    "info.error",
    "info.reason",
    "info.progress",
    "info.queueTime",
    "info.startTime",
    "info.completeTime",
    "info.eventChainId",
)
"""What a filter names; all of it is older than any host that eventd follows."""

_STATES: Mapping[str | None, TaskState] = {state.value: state for state in TaskState}


def task_info(task: str, leaves: Mapping[str, PropertyValue | None]) -> TaskInfo | None:
    """Return the task of a reference, given the values of its leaves; None if it has no state.

    A leaf has the value of a reference and not its type: the entity is taken for a domain, since
    it is domains that list the tasks which are followed.
    """
    state = _STATES.get(_text(leaves, "state"))
    if state is None:
        return None
    entity, error, reason = (leaves.get(f"info.{name}") for name in ("entity", "error", "reason"))
    return TaskInfo(
        key=_text(leaves, "key") or task,
        task=ManagedObjectReference("Task", task),
        description_id=_text(leaves, "descriptionId") or "",
        name=_text(leaves, "name"),
        entity=ManagedObjectReference("VirtualMachine", entity)
        if isinstance(entity, str)
        else None,
        state=state,
        cancelled=is_true(_text(leaves, "cancelled")),
        cancelable=is_true(_text(leaves, "cancelable")),
        error=error.sentence if isinstance(error, TaskError) else None,
        reason=reason if isinstance(reason, TaskReason) else None,
        queue_time=_time(leaves, "queueTime"),
        start_time=_time(leaves, "startTime"),
        complete_time=_time(leaves, "completeTime"),
        event_chain_id=parse_number(_text(leaves, "eventChainId")),
        progress=parse_number(_text(leaves, "progress")),
    )


def _text(leaves: Mapping[str, PropertyValue | None], name: str) -> str | None:
    value = leaves.get(f"info.{name}")
    return value if isinstance(value, str) and value else None


def _time(leaves: Mapping[str, PropertyValue | None], name: str) -> datetime | None:
    text = _text(leaves, name)
    return parse_datetime(text) if text else None
