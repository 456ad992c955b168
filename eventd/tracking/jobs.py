"""What tasks tell by themselves: resets that nothing else shows, and jobs that have succeeded."""

from __future__ import annotations

from eventd.model.picture import DomainPicture
from eventd.tracking.inquiry import Knowledge
from eventd.tracking.judgement import Judgement
from eventd.tracking.narration import Narrator
from eventd.tracking.resets import TASK, Reboots
from eventd.vi.types import TaskInfo

__all__ = ["Jobs"]


class Jobs:
    """Tells the ends of tasks, each once."""

    def __init__(self, knowledge: Knowledge, narrator: Narrator, *, reboots: Reboots) -> None:
        self._inventory, _, self._tasks = knowledge
        self._narrator = narrator
        self._reboots = reboots

    def tell(self, judgement: Judgement) -> None:
        """Tell resets that only their task shows, and the jobs that have come to an end."""
        self._tell_resets(judgement)
        now = judgement.moment.now
        for task, operation in self._tasks.finished_jobs(but_of=judgement.held):
            if picture := self._domain_of(task):
                judgement.tell(self._narrator.tell_job(picture, task, operation, now=now))

    def tell_if_done(self, task: TaskInfo, domain: str, judgement: Judgement) -> None:
        """Tell that a task has succeeded, if it has, which led to what was told just now."""
        picture = self._inventory.domains.get(domain)
        if picture is None or (operation := self._tasks.finished_job(task)) is None:
            return
        now = judgement.moment.now
        judgement.tell(self._narrator.tell_job(picture, task, operation, now=now))

    def _tell_resets(self, judgement: Judgement) -> None:
        moment = judgement.moment
        for task in self._tasks.finished_resets():
            picture = self._domain_of(task)
            if picture and self._reboots.is_new(picture.reference, {TASK}, moment.host_time):
                judgement.tell(self._narrator.tell_reset(picture, task, now=moment.now))

    def _domain_of(self, task: TaskInfo) -> DomainPicture | None:
        return self._inventory.shown(task.entity.value) if task.entity else None
