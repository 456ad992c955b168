"""The list view of the tasks that are followed: what the property collector tells of tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from eventd.connections.session import Session
from eventd.connections.updates import Updates
from eventd.errors import Fault
from eventd.tracking.followed_tasks import FollowedTasks
from eventd.vi import calls
from eventd.vi.filters import task_filter
from eventd.vi.types import ManagedObjectReference

__all__ = ["TaskList"]

_IDLE = 50
"""So many tasks that have ended stay in the view until a new one comes; to take each out at once
would cost one call more a task."""

_AT_ONCE = 500
"""As many are named in one call, so that a request stays small."""


class TaskList:
    """The tasks of one session that the host tells of."""

    def __init__(
        self, session: Session, view: ManagedObjectReference, followed: FollowedTasks
    ) -> None:
        self._session = session
        self._view = view
        self._followed = followed
        self._members: dict[str, None] = {}
        self._changing = asyncio.Lock()

    @classmethod
    async def open(cls, session: Session, updates: Updates, followed: FollowedTasks) -> TaskList:
        """Make the view, and the filter that begins at it; to be called before the first answer.

        Raises:
            Fault: the host refuses it.
            HostError: the host is lost.
        """
        manager = session.content.view_manager
        if manager is None:
            raise Fault("CreateListView", "NotSupported", "the host has no view manager")
        view = await session.call(calls.create_list_view(manager))
        await updates.follow(task_filter(view))
        return cls(session, view, followed)

    async def adjust(self) -> None:
        """Let the view have the tasks that are wanted, and not many that are wanted no longer.

        Raises:
            HostError: the host is lost, or does not let the view be changed.
        """
        async with self._changing:
            wanted = self._followed.wanted
            new = [task for task in sorted(wanted) if task not in self._members]
            idle = [task for task in self._members if task not in wanted]
            if new or len(idle) > _IDLE:
                for first in range(0, max(len(new), 1), _AT_ONCE):
                    await self._change(new[first : first + _AT_ONCE], idle)
                    idle = []

    async def _change(self, new: list[str], idle: list[str]) -> None:
        call = calls.modify_list_view(self._view, add=_tasks(new), remove=_tasks(idle))
        unknown = {reference.value for reference in await self._session.call(call)}
        for task in idle:
            del self._members[task]
        self._members |= dict.fromkeys(task for task in new if task not in unknown)
        self._followed.lose(unknown)


def _tasks(values: Iterable[str]) -> list[ManagedObjectReference]:
    return [ManagedObjectReference("Task", value) for value in values]
