"""Reads what is so of one domain, or of one task, at this moment."""

from __future__ import annotations

from eventd.connections.session import READING_SECONDS, Session
from eventd.errors import Fault
from eventd.model.picture import PowerState
from eventd.operations.preparation import Sight
from eventd.tracking.properties import power_state_in, question_in
from eventd.tracking.questions import Questions
from eventd.vi import calls
from eventd.vi.property_collector import (
    ObjectSpec,
    PropertyFilterSpec,
    PropertySpec,
    TraversalSpec,
)
from eventd.vi.types import ManagedObjectReference, ObjectContent, TaskInfo

__all__ = ["domain_reference", "read_sight", "read_task"]

_POWER, _QUESTION = "runtime.powerState", "runtime.question"

_PROPERTIES = (
    PropertySpec("VirtualMachine", (_POWER, _QUESTION)),
    PropertySpec("Task", ("info",)),
)

_RECENT = TraversalSpec("VirtualMachine", "recentTask")

_TRIES = 3
"""A task that the host forgets at the very moment spoils the answer."""


def domain_reference(value: str) -> ManagedObjectReference:
    """Return the reference of the domain that has this value."""
    return ManagedObjectReference("VirtualMachine", value)


async def read_sight(session: Session, domain: str, questions: Questions) -> Sight:
    """Read power state, question and recent tasks of a domain, all with one call.

    Raises:
        Fault: ``ManagedObjectNotFound``: the domain is gone.
        HostError: the host is lost.
    """
    reference = domain_reference(domain)
    spec = PropertyFilterSpec(_PROPERTIES, (ObjectSpec(reference, select=(_RECENT,)),))
    contents = await _read_stubbornly(session, spec)
    power: PowerState | None = None
    question, tasks = None, []
    for content in contents:
        if content.obj == reference:
            power = power_state_in(content.properties.get(_POWER))
            question = question_in(content.properties.get(_QUESTION))
        elif isinstance(info := content.properties.get("info"), TaskInfo):
            tasks.append(info)
    return Sight(power, questions.foresee(domain, question), tuple(tasks))


async def _read_stubbornly(session: Session, spec: PropertyFilterSpec) -> list[ObjectContent]:
    for _ in range(_TRIES - 1):
        try:
            return await _read(session, spec)
        except Fault as fault:
            if fault.name != "ManagedObjectNotFound":
                raise
    return await _read(session, spec)


async def read_task(session: Session, task: str) -> TaskInfo | None:
    """Read a task; None if the host does not know it.

    Raises:
        HostError: the host is lost.
    """
    spec = PropertyFilterSpec(_PROPERTIES[1:], (ObjectSpec(ManagedObjectReference("Task", task)),))
    try:
        contents = await _read(session, spec)
    except Fault as fault:
        if fault.name != "ManagedObjectNotFound":
            raise
        return None
    infos = (content.properties.get("info") for content in contents)
    return next((info for info in infos if isinstance(info, TaskInfo)), None)


async def _read(session: Session, spec: PropertyFilterSpec) -> list[ObjectContent]:
    collector = session.content.property_collector
    call = calls.retrieve_properties(collector, (spec,))
    return await session.call(call, deadline=READING_SECONDS)
