"""Event history collectors: the events that match a filter, to be read page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from eventd.simulator.arguments import integer, reference, text, texts
from eventd.simulator.world import World
from eventd.simulator.world.faults import InvalidArgument
from eventd.simulator.world.values import DataObject, Value
from eventd.vi.soap import Node
from eventd.vi.times import parse_datetime
from eventd.vi.types import ManagedObjectReference

__all__ = ["EventCollector", "EventFilter", "page_size"]

DEFAULT_PAGE_SIZE = 10
"""VI API reference, EventFilterSpec.maxCount: what a collector's page holds if not told."""

LARGEST_PAGE = 1000
"""VI API reference, SetCollectorPageSize: the most that a page may hold."""


class EventFilter:
    """An ``EventFilterSpec``, as far as it is played: types, entity, time, users, chain."""

    def __init__(self, node: Node | None, world: World) -> None:
        self._world = world
        entity, time, users = (
            None if node is None else node.first(name) for name in ("entity", "time", "userName")
        )
        self._types = frozenset((*texts(node, "eventTypeId"), *texts(node, "type")))
        self._entity = reference(entity, "entity")
        self._begin = parse_datetime(text(time, "beginTime"))
        self._end = parse_datetime(text(time, "endTime"))
        self._users = frozenset(texts(users, "userList"))
        self._chain = integer(node, "eventChainId")
        self.page_size = page_size(node)

    def matches(self, event: DataObject) -> bool:
        """Tell whether an event is wanted."""
        return (
            self._is_of_wanted_type(event)
            and self._concerns_entity(event)
            and self._is_in_time(event.members["createdTime"])
            and (not self._users or event.members["userName"] in self._users)
            and (self._chain is None or event.members["chainId"] == self._chain)
        )

    def _is_of_wanted_type(self, event: DataObject) -> bool:
        # Real hosts name a type as `vim.event.VmPoweredOnEvent` or `VmPoweredOnEvent`; the type of
        # an EventEx is its id.
        if not self._types or event.members.get("eventTypeId") in self._types:
            return True
        is_a = self._world.schema.is_a
        return any(is_a(event.type, wanted.rpartition(".")[2]) for wanted in self._types)

    def _concerns_entity(self, event: DataObject) -> bool:
        entity = self._entity
        if entity is None or entity == self._world.inventory.root_folder:
            return True
        arguments = (event.members.get(name) for name in ("vm", "host", "datacenter"))
        return any(
            isinstance(argument, DataObject) and entity in argument.members.values()
            for argument in arguments
        )

    def _is_in_time(self, created: Value) -> bool:
        if not isinstance(created, datetime):
            return False
        return (self._begin is None or self._begin <= created) and (
            self._end is None or created <= self._end
        )


class EventCollector:
    """A collector with its scrollable position; its ``latestPage`` is a property of its object."""

    def __init__(self, obj: ManagedObjectReference, wanted: EventFilter, world: World) -> None:
        self._obj = obj
        self._filter = wanted
        self._world = world
        self.page_size = wanted.page_size
        self._newest_read = 0
        self._oldest_read = world.events.total + 1
        world.objects.create(obj, {"initialized": True})
        world.events.posted.append(self._take_in)
        self._refresh()

    def read_next(self, limit: int) -> list[DataObject]:
        """The next events after those read last, in the order of posting."""
        found = list(islice(self._matching(after=self._newest_read), limit))
        self._move_to(found)
        return [event for _, event in found]

    def read_previous(self, limit: int) -> list[DataObject]:
        """The events before those read last, the newest first."""
        older = [placed for placed in self._matching() if placed[0] < self._oldest_read]
        found = older[-limit:]
        self._move_to(found)
        return [event for _, event in reversed(found)]

    def _move_to(self, found: list[tuple[int, DataObject]]) -> None:
        if found:
            self._oldest_read, self._newest_read = found[0][0], found[-1][0]

    def rewind(self) -> None:
        """Go before the oldest event."""
        self._newest_read = self._oldest_read = 0

    def reset(self) -> None:
        """Go behind the newest event."""
        self._newest_read = self._world.events.total
        self._oldest_read = self._world.events.total + 1

    def set_page_size(self, size: int) -> None:
        """Say how many events ``latestPage`` holds."""
        self.page_size = size
        self._refresh()

    def close(self) -> None:
        """End the collector."""
        self._world.events.posted.remove(self._take_in)
        self._world.objects.destroy(self._obj)

    def _matching(self, *, after: int = 0) -> Iterator[tuple[int, DataObject]]:
        events = self._world.events.positions(after=after)
        return (placed for placed in events if self._filter.matches(placed[1]))

    def _take_in(self, event: DataObject) -> None:
        if self._filter.matches(event):
            page = self._world.objects.values(self._obj).get("latestPage", ())
            newest = (event, *page) if isinstance(page, tuple) else (event,)
            self._world.objects.assign(self._obj, "latestPage", newest[: self.page_size])

    def _refresh(self) -> None:
        newest = [event for _, event in self._matching()][-self.page_size :][::-1]
        self._world.objects.assign(self._obj, "latestPage", tuple(newest) or None)


def page_size(node: Node | None) -> int:
    """The ``maxCount`` of a call or filter.

    Raises:
        InvalidArgument: it is no number from 1 to 1000.
    """
    size = integer(node, "maxCount")
    if size is None:
        return DEFAULT_PAGE_SIZE
    if not 0 < size <= LARGEST_PAGE:
        raise InvalidArgument("maxCount")
    return size
