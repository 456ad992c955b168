"""What tasks tell by themselves: resets that nothing else shows, and jobs that have succeeded."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from eventd.model.picture import DomainPicture
from eventd.tracking.inquiry import Knowledge
from eventd.tracking.inventory import Step
from eventd.tracking.judgement import Judgement, Moment
from eventd.tracking.narration import Narrator
from eventd.tracking.operations import Operation
from eventd.tracking.resets import TASK, Reboots
from eventd.tracking.told import CLOCK_TOLERANCE
from eventd.vi.types import TaskInfo

__all__ = ["Jobs"]


_MAY_BE_LATE = timedelta(minutes=1)
"""How long after its change a task may become visible; our choice, far above what was seen."""


class _Taskless(NamedTuple):
    """A change that was told without the task that may have led to it."""

    operation: Operation
    chain: int | None
    seen_at: datetime
    """By the host's clock: what was queued later has led to something else."""


class Jobs:
    """Tells the ends of tasks, each once."""

    def __init__(self, knowledge: Knowledge, narrator: Narrator, *, reboots: Reboots) -> None:
        self._inventory, _, self._tasks = knowledge
        self._narrator = narrator
        self._reboots = reboots
        self._taskless: dict[str, list[_Taskless]] = {}

    def expect(
        self, domain: str, operation: Operation, chain: int | None, *, seen_at: datetime
    ) -> None:
        """A change was told without a task of this kind, which may become visible later."""
        self._taskless.setdefault(domain, []).append(_Taskless(operation, chain, seen_at))

    def lacks_task(self, domain: str) -> bool:
        """Whether a task that the domain lists anew may have led to what was told lately."""
        return domain in self._taskless

    @property
    def domains_without_task(self) -> list[str]:
        """The domains of which something was told lately whose task may become visible."""
        return [*self._taskless]

    def forget(self, domain: str) -> None:
        """The domain is gone."""
        self._taskless.pop(domain, None)

    def tell(self, judgement: Judgement) -> None:
        """Tell resets that only their task shows, and the jobs that have come to an end."""
        self._tell_resets(judgement)
        moment = judgement.moment
        finished = self._tasks.finished_jobs(but_of=judgement.held, is_whole=moment.in_gap)
        for task, operation in finished:
            if picture := self._domain_of(task):
                judgement.tell(self._narrator.tell_job(picture, task, operation, now=moment.now))
        if (seconds := self._tasks.seconds_to_next_job) is not None:
            judgement.look_again(seconds)

    def tell_before(self, step: Step, judgement: Judgement) -> None:
        """Tell what a leaving domain has seen the end of: afterwards it is known no more."""
        if step.after is not None or step.before is None:
            return
        for task, operation in self._tasks.finished_jobs_of(step.reference):
            now = judgement.moment.now
            judgement.tell(self._narrator.tell_job(step.before, task, operation, now=now))

    def find_late_tasks(self, judgement: Judgement) -> None:
        """Find the tasks that have become visible after what they led to was told."""
        for domain, changes in list(self._taskless.items()):
            left = [each for each in changes if not self._find_late_task(domain, each, judgement)]
            if left:
                self._taskless[domain] = left
            else:
                del self._taskless[domain]

    def _find_late_task(self, domain: str, change: _Taskless, judgement: Judgement) -> bool:
        """Find the task of a change; return True if it was found, or has not come in time."""
        task = self._tasks.explain(
            domain,
            change.operation,
            change.chain,
            queued_by=change.seen_at + CLOCK_TOLERANCE,
        )
        if task is not None:
            self.tell_if_done(task, self._inventory.domains.get(domain), judgement)
        return task is not None or judgement.moment.host_time - change.seen_at > _MAY_BE_LATE

    def tell_if_done(
        self, task: TaskInfo, picture: DomainPicture | None, judgement: Judgement
    ) -> None:
        """Tell that a task has succeeded, if it has, of the domain as it was told of just now."""
        if picture is None or (operation := self._tasks.finished_job(task)) is None:
            return
        now = judgement.moment.now
        judgement.tell(self._narrator.tell_job(picture, task, operation, now=now))

    def _tell_resets(self, judgement: Judgement) -> None:
        moment = judgement.moment
        for task in self._tasks.finished_resets():
            picture = self._domain_of(task)
            if picture and self._is_new_reboot(picture.reference, task, moment):
                judgement.tell(self._narrator.tell_reset(picture, task, now=moment.now))

    def _is_new_reboot(self, domain: str, task: TaskInfo, moment: Moment) -> bool:
        queued_at = task.queue_time
        # The host still lists what was told before eventd was started again.
        if queued_at and self._reboots.was_kept_since(domain, queued_at - CLOCK_TOLERANCE):
            return False
        return self._reboots.is_new(domain, {TASK}, moment.host_time)

    def _domain_of(self, task: TaskInfo) -> DomainPicture | None:
        return self._inventory.shown(task.entity.value) if task.entity else None
