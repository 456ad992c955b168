"""The parts of a structure: its children by name, and texts, numbers, times and references in them.

What the structures mean is left to `values`, `events`, `property_collector` and `calls`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from lxml import etree

from eventd.vi.times import parse_datetime
from eventd.vi.types import ManagedObjectReference, Unparsed
from eventd.vi.xml import Element, local_name, type_name

__all__ = [
    "children_by_name",
    "is_true",
    "number_of",
    "outline",
    "parse_fault_name",
    "parse_number",
    "parse_reference",
    "reference_of",
    "text_of",
    "time_of",
    "unparsed",
    "without_secrets",
]

_UNPARSED_BYTES = 4096
"""As much of an unknown structure is kept: enough to see what it is."""

_LONG = 2**63
"""How far VI's largest type of numbers, ``xsd:long``, reaches."""

_new = tuple.__new__
"""Makes a NamedTuple in half the time of its own constructor, which is written in Python."""


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
    xml = etree.tostring(value, with_tail=False)
    return Unparsed(type_name(value), xml[:_UNPARSED_BYTES], max(0, len(xml) - _UNPARSED_BYTES))


_SECRET = rb"(?:passw|passphrase|secret|token|ticket|credential)"
_SECRET_ELEMENT = re.compile(
    rb"<((?:[\w-]+:)?[\w.-]*" + _SECRET + rb"[\w.-]*)([^>]*)(?<!/)>.*?(?:</\1>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_SECRET_OPTION = re.compile(
    rb"(<(?:[\w-]+:)?key\b[^>]*>[^<]*" + _SECRET + rb"[^<]*</(?:[\w-]+:)?key>\s*"
    rb"<((?:[\w-]+:)?value)\b[^>]*(?<!/)>).*?(</\2>|\Z)",
    re.DOTALL | re.IGNORECASE,
)


def without_secrets(xml: bytes) -> bytes:
    """Return XML without the values of what is called a secret: ``password``, ``token``, …

    The configuration of a domain may hold some, such as that of its VNC server. The name may be
    that of an element, or the key of an option.
    """
    xml = _SECRET_OPTION.sub(rb"\1***\3", xml)
    return _SECRET_ELEMENT.sub(rb"<\1\2>***</\1>", xml)


_TAG = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]{0,63})")

_MOST_NAMES = 20


def outline(odd: Unparsed) -> str:
    """Return the names of the first elements of what could not be read: ``Event key vm …``.

    That is for the log, and shows no values: a configuration may hold passwords.
    """
    names = dict.fromkeys(name.decode() for name in _TAG.findall(odd.xml))
    return " ".join([*list(names)[:_MOST_NAMES], *(["…"] if len(names) > _MOST_NAMES else [])])


def children_by_name(parent: Element) -> Mapping[str, Element]:
    """Return the children of a structure by name; of several, the first."""
    return {local_name(child): child for child in reversed(parent)}


def text_of(parts: Mapping[str, Element], name: str) -> str | None:
    """Return the text of a part: empty if it is, None if there is no such part."""
    return (parts[name].text or "") if name in parts else None


def is_true(text: str | None) -> bool:
    """Whether an ``xsd:boolean`` says so; both of its spellings count."""
    return text in ("true", "1")


def parse_number(text: str | None) -> int | None:
    """Return the number that a text is, None if it is none, or not one that VI can mean."""
    try:
        number = int(text or "")
    except ValueError:
        return None
    return number if -_LONG <= number < _LONG else None


def number_of(parts: Mapping[str, Element], name: str) -> int | None:
    """Return the number in a part, None if there is none."""
    return parse_number(text_of(parts, name))


def time_of(parts: Mapping[str, Element], name: str) -> datetime | None:
    """Return the aware UTC time in a part, None if there is none."""
    return parse_datetime(text_of(parts, name) or "")


def reference_of(parts: Mapping[str, Element], name: str) -> ManagedObjectReference | None:
    """Return the managed object reference in a part, None if there is none."""
    return parse_reference(parts[name]) if name in parts else None
