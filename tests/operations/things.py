"""A domain, a question and tasks, for what is decided about them."""

from __future__ import annotations

from datetime import UTC, datetime

from eventd.model.domain import Choice, Domain, Question
from eventd.vi.types import ManagedObjectReference, TaskInfo, TaskState

WEB01 = Domain(
    connection="esx01",
    reference="vm-42",
    uuid="4215d4a2-0000-0000-0000-000000000042",
    name="web01",
    id=-1,
)

CHOICES = (
    Choice(key="0", label="Replace"),
    Choice(key="1", label="Append"),
    Choice(key="2", label="Cancel"),
)

QUESTION = Question(
    id="q1", vi_id="25", text="Replace or append?", choices=CHOICES, default=CHOICES[1]
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def question(question_id: str, *, has_default: bool = True) -> Question:
    """Return another question."""
    default = CHOICES[1] if has_default else None
    return QUESTION.model_copy(update={"id": question_id, "default": default})


def task(
    state: TaskState,
    *,
    key: str = "task-1",
    error: str | None = None,
    cancelled: bool = False,
    progress: int | None = None,
) -> TaskInfo:
    """Return a power-on task of web01."""
    return TaskInfo(
        key=key,
        task=ManagedObjectReference("Task", key),
        description_id="VirtualMachine.powerOn",
        name="PowerOnVM_Task",
        entity=ManagedObjectReference("VirtualMachine", "vm-42"),
        state=state,
        cancelled=cancelled,
        cancelable=False,
        error=error,
        reason=None,
        queue_time=NOON,
        start_time=NOON,
        complete_time=None,
        event_chain_id=None,
        progress=progress,
    )
