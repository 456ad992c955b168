"""The property collector: filter specs to XML, update sets and object contents from it.

A page is walked by position, in the order that the WSDL lays down, since reading every element's
name would cost about as much again as parsing the page. Names are read only where what stands at
a position cannot be what belongs there. One odd object or property never costs the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eventd.vi.soap import reference_element
from eventd.vi.structures import (
    children_by_name,
    is_true,
    parse_fault_name,
    parse_reference,
    text_of,
    unparsed,
)
from eventd.vi.types import (
    ManagedObjectReference,
    MissingProperty,
    ObjectContent,
    ObjectUpdate,
    PropertyFilterUpdate,
    PropertyValue,
    Unparsed,
    UpdateKind,
    UpdateSet,
)
from eventd.vi.values import parse_value
from eventd.vi.xml import Element, NotAcceptable, element, local_name

__all__ = [
    "ObjectSpec",
    "PropertyFilterSpec",
    "PropertySpec",
    "TraversalSpec",
    "parse_object_content",
    "parse_update_set",
]


# The parts of a spec are written in the order of the WSDL, which hosts insist on.


@dataclass(frozen=True, slots=True)
class PropertySpec:
    """Which properties are told of the objects of a type and of its subtypes."""

    type: str
    paths: tuple[str, ...]

    def to_xml(self, tag: str) -> str:
        """Write the spec as an element of that name."""
        paths = "".join(element("pathSet", path) for path in self.paths)
        return f"<{tag}>{element('type', self.type)}{element('all', False)}{paths}</{tag}>"


@dataclass(frozen=True, slots=True)
class TraversalSpec:
    """The way from the objects of a type to those that one of its properties refers to."""

    type: str
    path: str
    skip: bool = False
    """True if the objects at its end are passed through, not told of."""

    def to_xml(self, tag: str) -> str:
        """Write the spec as an element of that name, which may be of type SelectionSpec."""
        way = element("type", self.type) + element("path", self.path) + element("skip", self.skip)
        return f'<{tag} xsi:type="TraversalSpec">{way}</{tag}>'


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """The object to begin with, and the ways that lead on from it."""

    obj: ManagedObjectReference
    skip: bool = False
    """True if the object itself is passed through, not told of."""
    select: tuple[TraversalSpec, ...] = ()

    def to_xml(self, tag: str) -> str:
        """Write the spec as an element of that name."""
        start = reference_element("obj", self.obj) + element("skip", self.skip)
        ways = "".join(way.to_xml("selectSet") for way in self.select)
        return f"<{tag}>{start}{ways}</{tag}>"


@dataclass(frozen=True, slots=True)
class PropertyFilterSpec:
    """Which properties of which objects: what a filter follows and a retrieval reads."""

    properties: tuple[PropertySpec, ...]
    objects: tuple[ObjectSpec, ...]

    def to_xml(self, tag: str) -> str:
        """Write the spec as an element of that name."""
        properties = "".join(spec.to_xml("propSet") for spec in self.properties)
        objects = "".join(spec.to_xml("objectSet") for spec in self.objects)
        return f"<{tag}>{properties}{objects}</{tag}>"


def parse_update_set(update_set: Element) -> UpdateSet:
    """Read an ``UpdateSet``: version, filterSet*, truncated.

    Raises:
        NotAcceptable: it has no version, and without one nothing can be asked for after it.
    """
    version, truncated = None, None
    filters: list[PropertyFilterUpdate] = []
    odd: list[Unparsed] = []
    for part in update_set:
        match local_name(part):
            case "version":
                version = part.text
            case "filterSet":
                filters.append(_filter_update(part, odd))
            case "truncated":
                truncated = part.text
            case _:
                pass  # a later version of the API may have more
    if not version:
        raise NotAcceptable("has no version")
    return UpdateSet(version, filters, is_true(truncated), tuple(odd))


def _filter_update(update: Element, odd: list[Unparsed]) -> PropertyFilterUpdate:
    """Read a ``PropertyFilterUpdate``: filter, objectSet*, missingSet*."""
    reference = ManagedObjectReference("", "")
    objects = []
    for part in update:
        if (found := _object_update(part)) is not None:
            objects.append(found)
        elif local_name(part) == "filter":
            reference = parse_reference(part) or reference
        else:
            odd.append(unparsed(part))
    return PropertyFilterUpdate(reference, objects)


_KINDS: Mapping[str | None, UpdateKind] = {kind.value: kind for kind in UpdateKind}
_OPS = frozenset({"assign", "add", "remove", "indirectRemove"})

# At 10,000 domains small things count. lxml makes an object of each element that is touched, so
# that a walk costs what it touches; it lists the children with `update[:]` in half the time of
# `list(update)`. A NamedTuple is made by the constructor of `tuple` in half that of its own.
_new = tuple.__new__


def _object_update(update: Element) -> ObjectUpdate | None:
    """Read an ``ObjectUpdate``: kind, obj, changeSet*, missingSet*; None if it is none."""
    return _from_positions(update[:]) or _from_positions(sorted(update, key=_kind_and_obj_first))


def _kind_and_obj_first(part: Element) -> int:
    return {"kind": 0, "obj": 1}.get(local_name(part), 2)


def _from_positions(parts: list[Element]) -> ObjectUpdate | None:
    if len(parts) < 2:
        return None
    kind, obj = _KINDS.get(parts[0].text), parse_reference(parts[1])
    if kind is None or obj is None:
        return None
    changes: dict[str, PropertyValue | None] = {}
    missing: list[MissingProperty] = []
    for part in parts[2:]:
        # A PropertyChange is name, op, val?. One of the four words in the place of `op` tells that
        # all are in their places; more it need not tell, as changes are asked for in whole values.
        if 2 <= (size := len(part)) <= 3 and part[1].text in _OPS and (name := part[0].text):
            changes[name] = parse_value(part[2]) if size == 3 else None
        elif local_name(part) == "missingSet":
            missing.append(_missing(part))
        else:
            changes.update(_odd_change(part))
    return _new(ObjectUpdate, (kind, obj, changes, tuple(missing)))


def _odd_change(change: Element) -> dict[str, PropertyValue]:
    """Read a ``PropertyChange`` by names. It is never taken to say that a property is unset."""
    parts = children_by_name(change)
    value = parse_value(parts["val"]) if "val" in parts else unparsed(change)
    return {text_of(parts, "name") or "": value}


def _missing(missing: Element) -> MissingProperty:
    parts = children_by_name(missing)
    return MissingProperty(text_of(parts, "path") or "", parse_fault_name(parts.get("fault")))


def parse_object_content(content: Element) -> ObjectContent | None:
    """Read an ``ObjectContent``: obj, propSet*, missingSet*; None if it names no object."""
    obj: ManagedObjectReference | None = None
    properties: dict[str, PropertyValue] = {}
    missing: list[MissingProperty] = []
    for part in content:
        match local_name(part):
            case "obj":
                obj = parse_reference(part)
            case "propSet":
                parts = children_by_name(part)
                if (name := text_of(parts, "name")) and "val" in parts:
                    properties[name] = parse_value(parts["val"])
            case "missingSet":
                missing.append(_missing(part))
            case _:
                pass  # a later version of the API may have more
    return None if obj is None else ObjectContent(obj, properties, tuple(missing))
