"""The tasks whose course is followed, from when they are first heard of until they have ended.

What is known of a task comes from the property collector or was read on the occasion of something
else; what of it explains the changes of its domain is left to `eventd.tracking.tasks`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import NamedTuple

from eventd.model.picture import ToldTask
from eventd.vi.tasks import task_info
from eventd.vi.types import ObjectUpdate, PropertyValue, TaskInfo, TaskState, UpdateKind

__all__ = ["FollowedTasks"]

_REMEMBERED = 1000
"""How many tasks are remembered that have ended; a host lists each for ten minutes after that."""

_STEP = 10
"""Percent: progress is told as often as it has come so much further; our choice."""

# A task only ever goes on, but what was read of it may be older than what was shown.
_ORDER = (TaskState.QUEUED, TaskState.RUNNING, TaskState.SUCCESS, TaskState.ERROR)
_ENDED = (TaskState.SUCCESS, TaskState.ERROR)


class _Told(NamedTuple):
    state: TaskState
    step: int


class FollowedTasks:
    """What is known of tasks, by the value of their reference."""

    def __init__(self) -> None:
        self._wanted: dict[str, None] = {}
        self._numbers: dict[str, int] = {}
        """How many tasks were heard of before each."""
        self._count = 0
        self._leaves: dict[str, dict[str, PropertyValue | None]] = {}
        """What the host has shown of each task that goes on."""
        self._known: dict[str, TaskInfo] = {}
        self._ended: dict[str, None] = {}
        """Those that are over, or that the host knows no longer."""
        self._told: dict[str, _Told] = {}
        self._told_before: dict[str, ToldTask] = {}
        """What was told in an earlier life, until the task is known again."""
        self._told_of: dict[str, dict[str, None]] = {}
        """The tasks of which something was told, by domain, for as long as it may list them."""
        self._newly_told: set[str] = set()
        """Domains of which something was told anew."""
        self._changed: dict[str, None] = {}
        self._quiet: set[str] = set()
        """Tasks of which the state that they are found in is no news."""
        self._found: list[TaskInfo] = []
        self._unpublished: dict[str, _Told | None] = {}
        """What had been told of the tasks whose news are not published yet."""
        self._found_before: list[TaskInfo] = []
        """The tasks that were taken as found, and of which nothing is published yet."""

    def follow(self, tasks: Iterable[str], *, is_news: bool = True) -> None:
        """Follow these tasks from now on; unless it ``is_news``, only what they do next is told."""
        for task in tasks:
            if task not in self._ended and task not in self._wanted:
                self._wanted[task] = None
                self._numbers[task] = self._count
                self._count += 1
                if not is_news:
                    self._quiet.add(task)

    def remember(self, domain: str, told: Iterable[ToldTask]) -> None:
        """So much was told of these tasks of a domain in an earlier life."""
        for each in told:
            self._told_before[each.task] = each
            self._told_of.setdefault(domain, {})[each.task] = None

    def unlist(self, domain: str, tasks: Iterable[str]) -> None:
        """A domain no longer lists these tasks, and never will again."""
        told = self._told_of.get(domain, {})
        for task in tasks:
            told.pop(task, None)
        if not told:
            self._told_of.pop(domain, None)

    @property
    def count(self) -> int:
        """How many tasks have been heard of so far."""
        return self._count

    def number_of(self, task: str) -> int | None:
        """Return how many tasks had been heard of before this one."""
        return self._numbers.get(task)

    @property
    def wanted(self) -> frozenset[str]:
        """The tasks that are to be followed: those that have not ended, as far as is known."""
        return frozenset(self._wanted)

    def take_in(self, update: ObjectUpdate) -> None:
        """Keep what the host shows of a task."""
        task = update.obj.value
        if update.kind is UpdateKind.LEAVE:
            self._leaves.pop(task, None)
            self.lose([task])
            return
        if update.kind is UpdateKind.ENTER:
            self._leaves[task] = {}
        leaves = self._leaves.setdefault(task, {})
        leaves.update(update.changes)
        info = task_info(task, leaves)
        if info is not None:
            self.note(info)
        if task in self._ended:
            self._leaves.pop(task, None)

    def note(self, task: TaskInfo) -> None:
        """Keep what is known of a task, unless more is known already."""
        key = task.task.value
        known = self._known.get(key)
        if known is not None and _ORDER.index(task.state) < _ORDER.index(known.state):
            return
        if task == known or (known is None and key in self._ended):
            return
        before = self._told_before.pop(key, None)
        if before and before.queued_at == task.queue_time and before.state in _ORDER:
            self._told[key] = _Told(TaskState(before.state), before.progress // _STEP)
        self._known[key] = task
        self._changed[key] = None
        if task.state in _ENDED:
            self._end(key)

    def lose(self, tasks: Iterable[str]) -> None:
        """The host knows these tasks no longer."""
        for task in tasks:
            if task in self._wanted:
                self._end(task)

    def _end(self, task: str) -> None:
        self._wanted.pop(task, None)
        self._leaves.pop(task, None)
        if task not in self._known:
            self._quiet.discard(task)
        self._ended[task] = None
        while len(self._ended) > _REMEMBERED:
            self._forget(next(iter(self._ended)))

    def forget(self, tasks: Iterable[str]) -> None:
        """The host no longer lists these tasks: should it use a key again, that is another task."""
        for task in tasks:
            self._told_before.pop(task, None)
            if task in self._ended:
                self._forget(task)

    def forget_all_but(self, listed: Container[str]) -> None:
        """The host lists these tasks alone.

        Those that go on are kept in any case, and those of which something is to be told.
        """
        kept = self._changed.keys()
        known = (*self._ended, *self._told_before)
        self.forget([task for task in known if task not in listed and task not in kept])

    def forget_everything(self) -> None:
        """It is another host, whose keys mean other tasks; the count goes on."""
        for kept in (self._wanted, self._numbers, self._leaves, self._known, self._ended):
            kept.clear()
        for memory in (self._told_before, self._told_of, self._newly_told):
            memory.clear()
        for told in (self._told, self._changed, self._quiet, self._found):
            told.clear()
        self.accept()

    @property
    def over(self) -> frozenset[str]:
        """The tasks that have ended, or that the host knows no longer, as far as is remembered."""
        return frozenset(self._ended)

    def _forget(self, task: str) -> None:
        del self._ended[task]
        if (known := self._known.get(task)) is not None and known.entity is not None:
            self.unlist(known.entity.value, [task])
        self._quiet.discard(task)
        for kept in (self._known, self._told, self._changed, self._numbers):
            kept.pop(task, None)

    def info(self, task: str) -> TaskInfo | None:
        """Return what is known of a task."""
        return self._known.get(task)

    def is_lost(self, task: str) -> bool:
        """Whether the host no longer knows a task whose end was not seen."""
        known = self._known.get(task)
        return task in self._ended and (known is None or known.state not in _ENDED)

    def underway(self, domain: str) -> list[TaskInfo]:
        """Return the tasks of a domain that have not ended, in the order in which they came."""
        known = (self._known.get(task) for task in self._wanted)
        return [task for task in known if task and task.entity and task.entity.value == domain]

    def news(self) -> list[TaskInfo]:
        """Return the tasks that are further than was told; that is told once it is accepted."""
        changed, self._changed = self._changed, {}
        found = [self._known[key] for key in changed if key in self._known]
        return [task for task in found if self._is_news(task)]

    def take_newly_told(self) -> set[str]:
        """Return the domains of which something was told since this was asked last."""
        newly_told, self._newly_told = self._newly_told, set()
        return newly_told

    def told_of(self, domain: str) -> list[ToldTask]:
        """Return what was told of the tasks of a domain that it may list, in any life."""
        told = {task: self._told_as(task) for task in self._told_of.get(domain, ())}
        self.unlist(domain, [task for task, each in told.items() if each is None])
        return [each for each in told.values() if each is not None]

    def _told_as(self, task: str) -> ToldTask | None:
        told, info = self._told.get(task), self._known.get(task)
        if told is None or info is None:
            return self._told_before.get(task)
        return ToldTask(
            task,
            info.queue_time,
            str(told.state),
            told.step * _STEP,
            is_spent=False,
            is_settled=False,
        )

    def take_found(self) -> list[TaskInfo]:
        """Return the tasks whose state was no news, as they were found; once."""
        found, self._found = self._found, []
        self._found_before += found
        return found

    def accept(self) -> None:
        """What was taken is published."""
        self._unpublished.clear()
        self._found_before.clear()

    def roll_back(self) -> None:
        """What was taken is not published: it is news again."""
        for key, told in self._unpublished.items():
            if key not in self._known:
                continue
            self._changed[key] = None
            if told is None:
                self._told.pop(key, None)
            else:
                self._told[key] = told
        self._found = [*self._found_before, *self._found]
        self._unpublished.clear()
        self._found_before.clear()

    def _is_news(self, task: TaskInfo) -> bool:
        key = task.task.value
        told, now = self._told.get(key), _Told(task.state, (task.progress or 0) // _STEP)
        # Something that was read meanwhile may be further than what is shown after it.
        if told is not None and told.state is now.state and now.step <= told.step:
            return False
        self._told[key] = now
        if task.entity is not None:
            self._told_of.setdefault(task.entity.value, {})[key] = None
            self._newly_told.add(task.entity.value)
        if key in self._quiet:
            self._quiet.discard(key)
            self._found.append(task)
            return False
        self._unpublished.setdefault(key, told)
        return True
