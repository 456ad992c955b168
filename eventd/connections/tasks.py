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

_OBJECTS = 100
"""As many are asked for at once, so that an answer stays far below what the transport takes."""


async def read_tasks(session: Session, reading: Reading) -> list[TaskInfo]:
    """Return what the host says of the tasks; of those that it no longer knows, nothing.

    Raises:
        HostError: the host is lost.
    """
    wanted = [_task(task) for task in sorted(reading.tasks)]
    wanted += [_tasks_of(domain) for domain in sorted(reading.domains)]
    found = []
    for first in range(0, len(wanted), _OBJECTS):
        found += await _read_known(session, wanted[first : first + _OBJECTS], reading)
    return found


def _task(task: str) -> ObjectSpec:
    return ObjectSpec(ManagedObjectReference("Task", task))


def _tasks_of(domain: str) -> ObjectSpec:
    reference = ManagedObjectReference("VirtualMachine", domain)
    return ObjectSpec(reference, skip=True, select=(_RECENT,))


async def _read_known(
    session: Session, objects: list[ObjectSpec], reading: Reading
) -> list[TaskInfo]:
    """Read all of the objects that the host knows: one that is gone spoils an answer for all."""
    try:
        return await _read(session, objects)
    except Fault as fault:
        if fault.name != "ManagedObjectNotFound":
            raise
    if len(objects) > 1:
        middle = len(objects) // 2
        return [
            *await _read_known(session, objects[:middle], reading),
            *await _read_known(session, objects[middle:], reading),
        ]
    # A domain that is gone has left its tasks behind; a task that is gone has left nothing.
    left = [_task(task) for task in sorted(reading.domains.get(objects[0].obj.value, ()))]
    return await _read_known(session, left, reading) if left else []


async def _read(session: Session, objects: list[ObjectSpec]) -> list[TaskInfo]:
    spec = PropertyFilterSpec((PropertySpec("Task", ("info",)),), tuple(objects))
    collector = session.content.property_collector
    contents = await session.call(calls.retrieve_properties(collector, (spec,)))
    infos = (content.properties.get("info") for content in contents)
    return [info for info in infos if isinstance(info, TaskInfo)]
