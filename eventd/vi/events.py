"""Events of the host's event history out of their elements.

An ``Event`` is read by the names of its parts, since each of its classes has parts of its own.
Which types of events are followed is said in `event_types`; what they mean is left to tracking.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from eventd.vi.structures import (
    children_by_name,
    is_true,
    number_of,
    parse_fault_name,
    parse_reference,
    text_of,
    time_of,
    unparsed,
)
from eventd.vi.types import ConfigChange, DeviceChange, HistoryEvent, Unparsed
from eventd.vi.xml import Element, excerpt, local_name, type_name

__all__ = ["is_event", "parse_event", "parse_events"]

_LONGEST_TEXT = 4096
"""Characters of a text that are kept, be it a name, a value or a reference; all are far shorter."""

_MOST_MEMBERS = 64
"""Members of an event that are kept, and references as well; no class of VI has half as many."""

_SMALLEST_KEY, _LARGEST_KEY = -(2**31), 2**31 - 1
"""Keys are ``xsd:int`` (VI API reference, Event); a vCenter that gets to the end goes on below."""

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Times outside are of no clock. Inside, time zones and delays stay within the calendar."""

_LONGEST_MESSAGE = 1000
"""Characters of the host's own sentence that are kept, as of a task's error."""

_OWN_FIELDS = frozenset(
    {"key", "chainId", "createdTime", "userName", "fullFormattedMessage", "eventTypeId"}
)
"""Parts that `HistoryEvent` has fields for."""


def is_event(type_name: str) -> bool:
    """Whether an ``xsi:type`` is that of an event: each of the classes is called so."""
    return type_name.endswith(("Event", "EventEx"))


def parse_events(page: Iterable[Element]) -> tuple[list[HistoryEvent], list[Unparsed]]:
    """Return the events of a page in the order of the host, and what of it is none."""
    events: list[HistoryEvent] = []
    odd: list[Unparsed] = []
    for element in page:
        if (event := parse_event(element)) is not None:
            events.append(event)
        else:
            odd.append(unparsed(element))
    return events, odd


def parse_event(event: Element) -> HistoryEvent | None:
    """Return the event that an element holds, None if its key, time or type is not told."""
    parts = children_by_name(event)
    key, created_time = _key(parts, "key"), time_of(parts, "createdTime")
    chain_id = _key(parts, "chainId") if "chainId" in parts else key
    event_type = _text_of(parts, "eventTypeId") or _cut(type_name(event))
    if key is None or chain_id is None or created_time is None or not event_type:
        return None
    if not _EARLIEST <= created_time < _LATEST:
        return None
    members, references = _members(event)
    return HistoryEvent(
        key=key,
        chain_id=chain_id,
        created_time=created_time,
        type=event_type,
        user=_text_of(parts, "userName"),
        domain=_subject(parts, references, "vm", "VirtualMachine"),
        host=_subject(parts, references, "host", "HostSystem"),
        members=MappingProxyType(members),
        references=MappingProxyType(references),
        message=_message(parts),
        config=_config(parts),
    )


def _key(parts: Mapping[str, Element], name: str) -> int | None:
    number = number_of(parts, name)
    return None if number is None or not _SMALLEST_KEY <= number <= _LARGEST_KEY else number


def _cut(text: str) -> str:
    return text[:_LONGEST_TEXT]


def _text_of(parts: Mapping[str, Element], name: str) -> str:
    return _cut(text_of(parts, name) or "")


def _subject(
    parts: Mapping[str, Element], references: Mapping[str, str], argument: str, kind: str
) -> str | None:
    """Return the domain or host that an event is about, by the argument or by its object.

    An EventEx may name no more than ``objectType`` and ``objectId``, and an ExtendedEvent no more
    than its ``managedObject``.
    """
    if argument in parts:
        return references.get(argument)
    object_type = text_of(parts, "objectType") or ""
    if object_type.rpartition(".")[2] == kind:
        return _text_of(parts, "objectId") or None
    managed = parse_reference(parts["managedObject"]) if "managedObject" in parts else None
    return _cut(managed.value) if managed and managed.type == kind else None


def _message(parts: Mapping[str, Element]) -> str | None:
    text = text_of(parts, "fullFormattedMessage") or text_of(parts, "message")
    return excerpt(text, length=_LONGEST_MESSAGE) if text else None


def _members(event: Element) -> tuple[dict[str, str], dict[str, str]]:
    """Return the simple members of an event, and the references of its entities, by name."""
    members: dict[str, str] = {}
    references: dict[str, str] = {}
    pairs: list[Element] = []
    for part in event:
        match local_name(part):
            case name if name in _OWN_FIELDS:
                pass
            case "arguments" | "data":
                pairs.append(part)
            case name:
                _add(name, part, members, references)
    # A pair never hides a member, whatever its key.
    for pair in map(children_by_name, pairs):
        key = _text_of(pair, "key")
        if key and key not in members and "value" in pair:
            _add(key, pair["value"], members, references)
    return members, references


def _add(name: str, part: Element, members: dict[str, str], references: dict[str, str]) -> None:
    """Add a part: a simple value, a reference, a fault, or an argument that is an entity."""
    inner = children_by_name(part)
    if (text := part.text or "" if not inner else _text_of_structure(part, inner)) is not None:
        _keep(members, name, text)
    for candidate in (part, *inner.values()):
        if not len(candidate) and (reference := parse_reference(candidate)) is not None:
            _keep(references, name, reference.value)


def _keep(texts: dict[str, str], name: str, text: str) -> None:
    if name in texts or len(texts) < _MOST_MEMBERS:
        texts[_cut(name)] = _cut(text)


def _text_of_structure(part: Element, inner: Mapping[str, Element]) -> str | None:
    """Return the name of an entity or the sentence of a fault, None if it is neither."""
    if "fault" in inner or "localizedMessage" in inner:
        return text_of(inner, "localizedMessage") or parse_fault_name(part)
    return text_of(inner, "name")


# --- what a reconfiguration changed -------------------------------------------------------------


# `configChanges.added` is text for people, a line for each: `config.hardware.device(2001): (…)`.
_ADDED_DEVICE = re.compile(r"\bconfig\.hardware\.device\(([0-9]{1,10})\)\s*:")


def _config(parts: Mapping[str, Element]) -> ConfigChange | None:
    if "configSpec" not in parts:
        return None
    spec = parts["configSpec"]
    members = children_by_name(spec)
    changes = children_by_name(parts["configChanges"]) if "configChanges" in parts else {}
    added = _ADDED_DEVICE.findall(text_of(changes, "added") or "")
    return ConfigChange(
        devices=tuple(_device(part) for part in spec if local_name(part) == "deviceChange"),
        annotation=text_of(members, "annotation"),
        cpu_shares=_cpu_shares(members),
        added_keys=tuple(map(int, dict.fromkeys(added))),
    )


def _device(change: Element) -> DeviceChange:
    parts = children_by_name(change)
    element = parts.get("device")
    device = {} if element is None else children_by_name(element)
    connected = text_of(_inside(device, "connectable"), "connected")
    return DeviceChange(
        operation=text_of(parts, "operation") or None,
        type="" if element is None else type_name(element),
        key=number_of(device, "key"),
        controller_key=number_of(device, "controllerKey"),
        unit_number=number_of(device, "unitNumber"),
        connected=None if connected is None else is_true(connected),
    )


# What libvirt's ESX driver gives for a level that is no number of its own: src/esx/esx_driver.c.
_SHARES_OF_LEVEL = {"low": -1, "normal": -2, "high": -3}


def _cpu_shares(spec: Mapping[str, Element]) -> int | None:
    shares = _inside(_inside(spec, "cpuAllocation"), "shares")
    # The number means nothing unless the level is "custom" (VI API reference, SharesInfo).
    level = _SHARES_OF_LEVEL.get(text_of(shares, "level") or "")
    return number_of(shares, "shares") if level is None else level


def _inside(parts: Mapping[str, Element], name: str) -> Mapping[str, Element]:
    """Return the parts of a part; none if it is not there."""
    return children_by_name(parts[name]) if name in parts else {}
