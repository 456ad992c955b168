"""Values of VI out of their elements: references, simple ones, arrays, task infos, questions.

What a value means for its object is left to the reader of the property.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from lxml import etree

from eventd.vi.times import parse_datetime
from eventd.vi.types import (
    ManagedObjectReference,
    PropertyValue,
    QuestionChoice,
    QuestionInfo,
    TaskInfo,
    TaskReason,
    TaskState,
    Unparsed,
)
from eventd.vi.xml import Element, excerpt, local_name, type_name

__all__ = [
    "children_by_name",
    "is_true",
    "parse_fault_name",
    "parse_reference",
    "parse_value",
    "text_of",
    "unparsed",
]

_UNPARSED_BYTES = 4096
"""As much of an unknown structure is kept: enough to see what it is."""

_new = tuple.__new__
"""Makes a NamedTuple in half the time of its own constructor, which is written in Python."""


def parse_value(value: Element) -> PropertyValue:
    """Return the value that an element with an ``xsi:type`` holds; see `PropertyValue`.

    What is no value of its type is given as `Unparsed`: no value is an error.
    """
    text = value.text
    if text and not len(value):
        return text  # no structure, whatever its type
    name = type_name(value)
    if (parse := _PARSERS.get(name)) is not None:
        return parse(value) or unparsed(value)
    if name.startswith("ArrayOf"):
        return _texts(value)
    return unparsed(value) if len(value) else text or ""


def parse_reference(value: Element) -> ManagedObjectReference | None:
    """Return the managed object reference that an element holds, None if it holds none."""
    object_type, text = value.get("type"), value.text
    return _new(ManagedObjectReference, (object_type, text)) if object_type and text else None


def parse_fault_name(fault: Element | None) -> str:
    """Return the type of a ``LocalizedMethodFault``; its message where no type is told."""
    if fault is None:
        return ""
    parts = children_by_name(fault)
    name = type_name(parts["fault"]) if "fault" in parts else ""
    return name or text_of(parts, "localizedMessage") or ""


def unparsed(value: Element) -> Unparsed:
    """Keep the beginning of an element for which there is no type."""
    return Unparsed(type_name(value), etree.tostring(value, with_tail=False)[:_UNPARSED_BYTES])


def children_by_name(parent: Element) -> Mapping[str, Element]:
    """Return the children of a structure by name; of several, the first."""
    return {local_name(child): child for child in reversed(parent)}


def text_of(parts: Mapping[str, Element], name: str) -> str | None:
    """Return the text of a part: empty if it is, None if there is no such part."""
    return (parts[name].text or "") if name in parts else None


def is_true(text: str | None) -> bool:
    """Whether an ``xsd:boolean`` says so; both of its spellings count."""
    return text in ("true", "1")


def _texts(array: Element) -> tuple[str, ...] | Unparsed:
    if not len(array):
        return ()
    children = array[:]
    if any(map(len, children)):
        return unparsed(array)
    return tuple([child.text or "" for child in children])


def _question(value: Element) -> QuestionInfo | None:
    parts = children_by_name(value)
    identifier = text_of(parts, "id")
    if not identifier:
        return None
    choice = parts.get("choice", ())
    choices = [child for child in choice if local_name(child) == "choiceInfo"]
    default = [child.text for child in choice if local_name(child) == "defaultIndex"]
    return QuestionInfo(
        identifier,
        text_of(parts, "text") or "",
        tuple(_choice(child) for child in choices),
        _number(default[0]) if default else None,
    )


def _choice(value: Element) -> QuestionChoice:
    parts = children_by_name(value)
    return QuestionChoice(text_of(parts, "key") or "", text_of(parts, "label") or "")


def _task_info(value: Element) -> TaskInfo | None:
    parts = children_by_name(value)
    key, state = text_of(parts, "key"), text_of(parts, "state")
    task = _reference(parts, "task")
    if not key or task is None or state not in _TASK_STATES:
        return None
    return TaskInfo(
        key=key,
        task=task,
        description_id=text_of(parts, "descriptionId") or "",
        name=text_of(parts, "name"),
        entity=_reference(parts, "entity"),
        state=TaskState(state),
        cancelled=is_true(text_of(parts, "cancelled")),
        cancelable=is_true(text_of(parts, "cancelable")),
        error=_error(parts.get("error")),
        reason=_reason(parts.get("reason")),
        queue_time=_time(parts, "queueTime"),
        start_time=_time(parts, "startTime"),
        complete_time=_time(parts, "completeTime"),
        event_chain_id=_number(text_of(parts, "eventChainId")),
    )


def _error(fault: Element | None) -> str | None:
    if fault is None:
        return None
    name = parse_fault_name(fault)
    message = text_of(children_by_name(fault), "localizedMessage") or ""
    return excerpt(f"{name}: {message}" if message and message != name else name, length=1000)


_TASK_STATES = frozenset(TaskState)

# Class of TaskReason, and what it calls by name.
_REASONS = {
    "TaskReasonUser": ("user", "userName"),
    "TaskReasonAlarm": ("alarm", "alarmName"),
    "TaskReasonSchedule": ("schedule", "name"),
    "TaskReasonSystem": ("system", ""),
}


def _reason(value: Element | None) -> TaskReason | None:
    if value is None or type_name(value) not in _REASONS:
        return None
    kind, name = _REASONS[type_name(value)]
    return TaskReason(kind, text_of(children_by_name(value), name))


def _reference(parts: Mapping[str, Element], name: str) -> ManagedObjectReference | None:
    return parse_reference(parts[name]) if name in parts else None


def _time(parts: Mapping[str, Element], name: str) -> datetime | None:
    return parse_datetime(text_of(parts, name) or "")


def _number(text: str | None) -> int | None:
    try:
        return int(text or "")
    except ValueError:
        return None


_PARSERS: Mapping[str, Callable[[Element], PropertyValue | None]] = {
    "ManagedObjectReference": unparsed,  # those that name an object are texts
    "TaskInfo": _task_info,
    "VirtualMachineQuestionInfo": _question,
}
