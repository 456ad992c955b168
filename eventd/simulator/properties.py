"""What of each object is reported: `PropertySpec`, and the XML of properties.

The rendering of a page of objects is the simulator's hottest path: for a property that is held
as it is asked for, one dictionary look-up and one string.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from eventd.simulator.answers import AnswerWriter, reference_element
from eventd.simulator.arguments import flag, part, texts
from eventd.simulator.world.faults import InvalidProperty
from eventd.simulator.world.objects import Objects
from eventd.simulator.world.schema import Member, Schema, sources
from eventd.simulator.world.values import Value
from eventd.vi.soap import Node
from eventd.vi.types import ManagedObjectReference

__all__ = ["Properties", "PropertySpec", "parse_property_spec"]

Reference = ManagedObjectReference

Read = Callable[[Reference, str], Value | None]
"""Reads a property; what a session sees of it may depend on the session."""


class PropertySpec(NamedTuple):
    """Which properties of the objects of a type are asked for."""

    type: str
    all: bool
    paths: tuple[str, ...]


class Column(NamedTuple):
    """One property that is asked for of objects of one type."""

    path: str
    member: Member


def parse_property_spec(node: Node) -> PropertySpec:
    """Read a ``PropertySpec``.

    Raises:
        InvalidArgument: it names no type.
    """
    return PropertySpec(part(node, "type").text, flag(node, "all"), tuple(texts(node, "pathSet")))


class Properties:
    """The properties that a set of specs asks for, and their XML."""

    def __init__(
        self, specs: Iterable[PropertySpec], objects: Objects, read: Read, writer: AnswerWriter
    ) -> None:
        """Check and keep the specs.

        Raises:
            InvalidProperty: this API version has no such property.
        """
        self._specs = tuple(specs)
        self._objects = objects
        self._read = read
        self._writer = writer
        self._columns: dict[str, tuple[Column, ...] | None] = {}
        self._hits: dict[tuple[str, str], tuple[Column, ...]] = {}
        for spec in self._specs:
            self._check(spec)

    def _check(self, spec: PropertySpec) -> None:
        schema = self._objects.schema
        for path in spec.paths:
            if schema.is_managed_object(spec.type) and not schema.property(spec.type, path):
                raise InvalidProperty(path)

    def columns(self, type_name: str) -> tuple[Column, ...] | None:
        """What is asked for of objects of a type; None if such objects are not asked for."""
        if type_name not in self._columns:
            self._columns[type_name] = self._find_columns(type_name)
        return self._columns[type_name]

    def _find_columns(self, type_name: str) -> tuple[Column, ...] | None:
        schema: Schema = self._objects.schema
        matching = [spec for spec in self._specs if schema.is_a(type_name, spec.type)]
        if not matching:
            return None
        paths: dict[str, None] = {}
        for spec in matching:
            paths.update(dict.fromkeys(schema.members(type_name) if spec.all else spec.paths))
        columns = ((path, schema.property(type_name, path)) for path in paths)
        return tuple(Column(path, member) for path, member in columns if member is not None)

    def touched_by(self, type_name: str, changed: str) -> tuple[Column, ...]:
        """The properties asked for whose values a change of a property changes."""
        key = (type_name, changed)
        if key not in self._hits:
            self._hits[key] = tuple(
                column
                for column in self.columns(type_name) or ()
                if any(_overlap(source, changed) for source in sources(type_name, column.path))
            )
        return self._hits[key]

    def object_content(self, obj: Reference) -> str:
        """The object and its properties that are set, as ``RetrieveProperties`` answers."""
        parts = [reference_element("obj", obj)]
        for column in self.columns(obj.type) or ():
            value = self._read(obj, column.path)
            if value is not None:
                val = self._writer.any_value("val", column.member, value)
                parts.append(f"<propSet><name>{column.path}</name>{val}</propSet>")
        return "".join(parts)

    def enter(self, obj: Reference) -> str:
        """The update that reports an object for the first time, with what is set of it."""
        values = self._objects.shown_values(obj)
        any_value = self._writer.any_value
        parts = [f"<objectSet><kind>enter</kind>{reference_element('obj', obj)}"]
        for path, member in self.columns(obj.type) or ():
            value = values.get(path)
            if value is None and (value := self._read(obj, path)) is None:
                continue
            parts.append(
                f"<changeSet><name>{path}</name><op>assign</op>"
                f"{any_value('val', member, value)}</changeSet>"
            )
        parts.append("</objectSet>")
        return "".join(parts)

    def modify(self, obj: Reference, columns: Iterable[Column]) -> str:
        """The update that reports some properties; one that became unset comes without a value."""
        parts = [f"<objectSet><kind>modify</kind>{reference_element('obj', obj)}"]
        for path, member in columns:
            value = self._read(obj, path)
            val = "" if value is None else self._writer.any_value("val", member, value)
            parts.append(f"<changeSet><name>{path}</name><op>assign</op>{val}</changeSet>")
        parts.append("</objectSet>")
        return "".join(parts)


def leave(obj: Reference) -> str:
    """The update that reports that an object is selected no longer."""
    return f"<objectSet><kind>leave</kind>{reference_element('obj', obj)}</objectSet>"


def _overlap(path: str, changed: str) -> bool:
    return (
        path == changed
        or (changed.startswith(path) and changed[len(path)] == ".")
        or (path.startswith(changed) and path[len(changed)] == ".")
    )
