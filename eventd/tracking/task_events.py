"""What is told of tasks as such: that one waits, runs, has done its work or failed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from eventd.model.events import TaskEvent, TaskFailed, TaskProgressed, TaskQueued, TaskSucceeded
from eventd.model.evidence import Cause
from eventd.model.picture import DomainPicture
from eventd.tracking.attribution import evidence
from eventd.tracking.facts import Found
from eventd.tracking.inventory import Inventory
from eventd.tracking.judgement import Judgement
from eventd.vi.types import TaskInfo, TaskState

__all__ = ["TaskEvents"]

_REMEMBERED = 10_000
"""Tasks under way whose domain is remembered: of one that the host forgets no end is heard."""


class TaskEvents:
    """Tells the course of the tasks of one connection's domains."""

    def __init__(self, inventory: Inventory, *, source: str) -> None:
        self._inventory = inventory
        self._source = source
        self._domains: dict[str, DomainPicture] = {}
        """The domains of tasks under way, as they were last: a task may be the end of its own."""
        self._ended: list[TaskInfo] = []
        self._over: list[str] = []
        """Tasks whose end was told last: it may not be published."""

    def take_back(self) -> None:
        """What was told last is not published, and will be told again."""
        self._ended.clear()
        self._over.clear()

    def note_found(self, tasks: Iterable[TaskInfo]) -> None:
        """These tasks go on, and only what they do next is to be told."""
        for task in tasks:
            self._remember_domain(task)

    def tell_begun(self, tasks: Iterable[TaskInfo], judgement: Judgement) -> None:
        """Tell the tasks that are queued and run, before all that they lead to."""
        self._forget_what_is_over()
        for task in tasks:
            self._remember_domain(task)
            if task.state in (TaskState.QUEUED, TaskState.RUNNING):
                self._tell(task, judgement)
            else:
                self._ended.append(task)

    def tell_ended(self, judgement: Judgement) -> None:
        """Tell the tasks that have ended, after all that they have led to."""
        ended, self._ended = self._ended, []
        for task in ended:
            self._tell(task, judgement)
            self._over.append(task.task.value)

    def _forget_what_is_over(self) -> None:
        over, self._over = self._over, []
        for task in over:
            self._domains.pop(task, None)

    def _remember_domain(self, task: TaskInfo) -> None:
        picture = self._inventory.shown(task.entity.value) if task.entity else None
        if picture is not None:
            self._domains[task.task.value] = picture
            while len(self._domains) > _REMEMBERED:
                del self._domains[next(iter(self._domains))]

    def _tell(self, task: TaskInfo, judgement: Judgement) -> None:
        picture = self._domains.get(task.task.value)
        if picture is not None:
            judgement.tell(self._event(task, picture, judgement.moment.now))

    def _event(self, task: TaskInfo, picture: DomainPicture, now: datetime) -> TaskEvent:
        cls, at, arguments = _case(task)
        return cls.model_validate(
            {
                "occurred_at": at or now,
                "source": self._source,
                "fact": self._fact(task, picture),
                "domain": self._inventory.domain(picture),
                "evidence": evidence(Found(Cause.TASK, task=task)),
                "cancelable": task.cancelable,
                **arguments,
            }
        )

    def _fact(self, task: TaskInfo, picture: DomainPicture) -> str | None:
        """Return what names the fact the same to every daemon that follows the host."""
        if task.queue_time is None:
            return None  # keys are used again after a restart of the host
        said = f"task.{task.state}.{task.progress or 0}"
        at = task.queue_time.isoformat()
        return f"{self._inventory.host_identity}/{picture.reference}/{at}/{task.key}/{said}"


def _case(task: TaskInfo) -> tuple[type[TaskEvent], datetime | None, dict[str, object]]:
    """Return the class of a task's event, when it happened, and what else it tells."""
    match task.state:
        case TaskState.QUEUED:
            return TaskQueued, task.queue_time, {}
        case TaskState.RUNNING:
            # Only of its first moment the host tells when that was.
            began = None if task.progress else task.start_time
            return TaskProgressed, began, {"progress": task.progress}
        case TaskState.SUCCESS:
            return TaskSucceeded, task.complete_time, {}
        case TaskState.ERROR:
            return TaskFailed, task.complete_time, {"cancelled": task.cancelled}
