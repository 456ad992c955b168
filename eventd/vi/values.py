"""Values of VI out of their elements: references, simple ones, arrays, task infos, questions.

Events of the event history are read by `events`. What a value means for its object is left to the
reader of the property.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from eventd.vi.events import is_event, parse_event, parse_events
from eventd.vi.structures import (
    children_by_name,
    is_true,
    number_of,
    parse_fault_name,
    parse_number,
    reference_of,
    text_of,
    time_of,
    unparsed,
)
from eventd.vi.types import (
    HistoryEvent,
    PropertyValue,
    QuestionChoice,
    QuestionInfo,
    TaskError,
    TaskInfo,
    TaskReason,
    TaskState,
    Unparsed,
)
from eventd.vi.xml import Element, excerpt, local_name, type_name

__all__ = ["parse_value"]


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
        return _events(value) if name == "ArrayOfEvent" else _texts(value)
    if is_event(name):
        return _events_of_one(value)
    return unparsed(value) if len(value) else text or ""


def _events(array: Element) -> tuple[HistoryEvent, ...] | Unparsed:
    """Read the events of a page; one that is none does not cost the others."""
    events, odd = parse_events(array)
    return tuple(events) if events or not odd else unparsed(array)


def _events_of_one(value: Element) -> tuple[HistoryEvent, ...] | Unparsed:
    event = parse_event(value)
    return (event,) if event is not None else unparsed(value)


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
        parse_number(default[0]) if default else None,
        _message_ids(value, text_of(parts, "text") or ""),
    )


# Hosts put the id of a message before its text: `msg.serial.file.open:Replace or append?`.
_MESSAGE_ID = re.compile(r"(msg(?:\.[A-Za-z0-9_-]+)+):")


def _message_ids(question: Element, text: str) -> tuple[str, ...]:
    """Return the ids of a question's messages, the one before its text included; none twice."""
    ids = [
        identifier
        for part in question
        if local_name(part) == "message" and (identifier := text_of(children_by_name(part), "id"))
    ]
    if before := _MESSAGE_ID.match(text):
        ids.append(before[1])
    return tuple(dict.fromkeys(ids))


def _choice(value: Element) -> QuestionChoice:
    parts = children_by_name(value)
    return QuestionChoice(text_of(parts, "key") or "", text_of(parts, "label") or "")


def _task_info(value: Element) -> TaskInfo | None:
    parts = children_by_name(value)
    key, state = text_of(parts, "key"), text_of(parts, "state")
    task = reference_of(parts, "task")
    if not key or task is None or state not in _TASK_STATES:
        return None
    return TaskInfo(
        key=key,
        task=task,
        description_id=text_of(parts, "descriptionId") or "",
        name=text_of(parts, "name"),
        entity=reference_of(parts, "entity"),
        state=TaskState(state),
        cancelled=is_true(text_of(parts, "cancelled")),
        cancelable=is_true(text_of(parts, "cancelable")),
        error=_error(parts.get("error")),
        reason=_reason(parts.get("reason")),
        queue_time=time_of(parts, "queueTime"),
        start_time=time_of(parts, "startTime"),
        complete_time=time_of(parts, "completeTime"),
        event_chain_id=number_of(parts, "eventChainId"),
        progress=number_of(parts, "progress"),
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


def _task_error(value: Element) -> TaskError | None:
    sentence = _error(value)
    return TaskError(sentence) if sentence else None


_PARSERS: Mapping[str, Callable[[Element], PropertyValue | None]] = {
    "LocalizedMethodFault": _task_error,
    "ManagedObjectReference": unparsed,  # those that name an object are texts
    "TaskInfo": _task_info,
    "VirtualMachineQuestionInfo": _question,
    **dict.fromkeys(_REASONS, _reason),
}
