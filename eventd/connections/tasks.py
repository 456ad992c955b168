"""Reads the tasks that may explain what was seen: update sets name them at most."""

from __future__ import annotations

from eventd.connections.session import Session
from eventd.errors import Fault
from eventd.tracking.tracker import Reading
from eventd.vi import calls
from eventd.vi.property_collector import (
    ObjectSpec,
    PropertyFilterSpec,
    PropertySpec,
    TraversalSpec,
)
from eventd.vi.types import ManagedObjectReference, TaskInfo

__all__ = ["read_tasks"]

_RECENT = TraversalSpec("VirtualMachine", "recentTask")


async def read_tasks(session: Session, reading: Reading) -> list[TaskInfo]:
    """Return what the host says of the tasks; of those that it no longer knows, nothing.

    Raises:
        HostError: the host is lost.
    """
    wanted = [
        *(ObjectSpec(ManagedObjectReference("Task", task)) for task in sorted(reading.tasks)),
        *(
            ObjectSpec(
                ManagedObjectReference("VirtualMachine", domain), skip=True, select=(_RECENT,)
            )
            for domain in sorted(reading.domains)
        ),
    ]
    if not wanted:
        return []
    try:
        return await _read(session, *wanted)
    except Fault as fault:
        if fault.name != "ManagedObjectNotFound":
            raise
    # One that is gone spoils the answer for all: ask for each.
    found = []
    for objects in wanted:
        try:
            found += await _read(session, objects)
        except Fault as fault:
            if fault.name != "ManagedObjectNotFound":
                raise
    return found


async def _read(session: Session, *objects: ObjectSpec) -> list[TaskInfo]:
    spec = PropertyFilterSpec((PropertySpec("Task", ("info",)),), objects)
    collector = session.content.property_collector
    contents = await session.call(calls.retrieve_properties(collector, (spec,)))
    infos = (content.properties.get("info") for content in contents)
    return [info for info in infos if isinstance(info, TaskInfo)]
