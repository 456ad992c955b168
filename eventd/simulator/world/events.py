"""The host's event history."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime

from eventd.simulator.world.inventory import Inventory
from eventd.simulator.world.objects import Objects
from eventd.simulator.world.values import DataObject, Value
from eventd.vi.types import ManagedObjectReference

__all__ = ["EventHistory"]

_KEPT = 10_000
"""Events that the host keeps; the oldest are forgotten."""


class EventHistory:
    """Posts events and keeps the newest. `posted` is called with each one."""

    def __init__(self, objects: Objects, inventory: Inventory) -> None:
        self._objects = objects
        self._inventory = inventory
        self.next_key = 1
        """May be set, to play a host that has run for long."""
        self.events: deque[DataObject] = deque(maxlen=_KEPT)
        self.posted: list[Callable[[DataObject], None]] = []

    def new_chain(self) -> int:
        """A number for events that belong together: that of the first of them."""
        key = self.next_key
        self.next_key += 1
        return key

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
    ) -> None:
        """Record an event. Its place in the inventory follows from the domain or host."""
        key = self.new_chain()
        place = self._place(domain, host)
        event = DataObject(
            kind,
            {
                "key": key,
                "chainId": key if chain is None else chain,
                "createdTime": now,
                "userName": user,
                **place,
                "fullFormattedMessage": message or kind.removesuffix("Event"),
                **({"template": False} if domain is not None else {}),
                **(members or {}),
            },
        )
        self.events.append(event)
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
            host = on if isinstance(on, ManagedObjectReference) else host
            place["vm"] = self.argument("Vm", domain)
        if host is not None:
            place["host"] = self.argument("Host", host)
        return place

    def argument(self, kind: str, obj: ManagedObjectReference) -> DataObject:
        """A reference with the name that its object has now: ``VmEventArgument``."""
        member = {"Vm": "vm", "ComputeResource": "computeResource"}.get(kind, kind.lower())
        name = self._objects.read(obj, "name") or ""
        return DataObject(f"{kind}EventArgument", {"name": name, member: obj})
