"""The host's event history."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice

from eventd.simulator.world.inventory import Inventory
from eventd.simulator.world.objects import Objects
from eventd.simulator.world.schedule import Schedule
from eventd.simulator.world.values import DataObject, Value
from eventd.vi.types import ManagedObjectReference

__all__ = ["EventHistory"]

_KEPT = 10_000
"""Events that the host keeps; the oldest are forgotten."""

_LARGEST_KEY = 2**31 - 1
"""`Event.key` is an ``xsd:int``: the key after this one is -2**31."""


class EventHistory:
    """Posts events and keeps the newest. `posted` is called with each one.

    Events appear ``delay`` after what they tell of, with the time at which it happened. They are
    in the order of posting; their keys are not, once they have wrapped below zero.
    """

    def __init__(
        self,
        objects: Objects,
        inventory: Inventory,
        schedule: Schedule,
        *,
        delay: timedelta = timedelta(),
        is_silent: bool = False,
    ) -> None:
        """Begin without events. One that ``is_silent`` takes keys, but never has an event."""
        self._objects = objects
        self._inventory = inventory
        self._schedule = schedule
        self._delay = delay
        self._is_silent = is_silent
        self.next_key = 1
        """May be set, to play a host that has run for long."""
        self.clock_ahead = timedelta()
        """May be set, to play a host whose clock was set: its events are recorded by it."""
        self.total = 0
        """How many events were ever posted: the position of the newest."""
        self.events: deque[DataObject] = deque(maxlen=_KEPT)
        self.posted: list[Callable[[DataObject], None]] = []

    def positions(self, *, after: int = 0) -> Iterator[tuple[int, DataObject]]:
        """The events that are kept, oldest first, each with its position in the order of posting.

        ``after`` leaves out those up to a position.
        """
        first = self.total - len(self.events) + 1
        skipped = max(0, after - first + 1)
        return zip(
            range(first + skipped, self.total + 1),
            islice(self.events, skipped, None),
            strict=True,
        )

    def post(
        self,
        kind: str,
        *,
        now: datetime,
        user: str = "",
        domain: ManagedObjectReference | None = None,
        host: ManagedObjectReference | None = None,
        chain: int | None = None,
        message: str = "",
        members: Mapping[str, Value] | None = None,
    ) -> int:
        """Record an event and return its `chainId`, which is its own key if it begins a chain.

        Its place in the inventory follows from the domain, and from the host where it is told.
        """
        key = self._take_key()
        event = DataObject(
            kind,
            {
                "key": key,
                "chainId": key if chain is None else chain,
                "createdTime": now + self.clock_ahead,
                "userName": user,
                **self._place(domain, host),
                "fullFormattedMessage": message or kind.removesuffix("Event"),
                **({"template": False} if domain is not None else {}),
                **(members or {}),
            },
        )
        if self._is_silent:
            return key if chain is None else chain
        if self._delay:
            self._schedule.add(now + self._delay, lambda _: self._publish(event))
        else:
            self._publish(event)
        return key if chain is None else chain

    def forget(self) -> None:
        """Have no event any more, and count from the beginning, as after a restart of the host."""
        self.events.clear()
        self.next_key = 1

    def _take_key(self) -> int:
        key = self.next_key
        self.next_key = -_LARGEST_KEY - 1 if key == _LARGEST_KEY else key + 1
        return key

    def _publish(self, event: DataObject) -> None:
        self.events.append(event)
        self.total += 1
        self._objects.assign(self._inventory.event_manager, "latestEvent", event)
        for posted in self.posted:
            posted(event)

    def _place(
        self, domain: ManagedObjectReference | None, host: ManagedObjectReference | None
    ) -> dict[str, Value]:
        place: dict[str, Value] = {
            "datacenter": self.argument("Datacenter", self._inventory.datacenter),
            "computeResource": self.argument("ComputeResource", self._inventory.compute_resource),
        }
        if domain is not None:
            on = self._objects.read(domain, "runtime.host")
            host = on if host is None and isinstance(on, ManagedObjectReference) else host
            place["vm"] = self.argument("Vm", domain)
        if host is not None:
            place["host"] = self.argument("Host", host)
        return place

    def argument(self, kind: str, obj: ManagedObjectReference) -> DataObject:
        """A reference with the name that its object has now: ``VmEventArgument``."""
        member = {"Vm": "vm", "ComputeResource": "computeResource"}.get(kind, kind.lower())
        name = self._objects.read(obj, "name") or ""
        return DataObject(f"{kind}EventArgument", {"name": name, member: obj})
