"""Reads values out of the elements of a call, by the types that the schema gives them."""

from __future__ import annotations

from eventd.simulator.world.faults import InvalidArgument
from eventd.simulator.world.schema import Member, Schema
from eventd.simulator.world.values import DataObject, Value
from eventd.vi.soap import Node
from eventd.vi.times import parse_datetime
from eventd.vi.types import ManagedObjectReference

__all__ = ["data_object"]

_NUMBERS = ("xsd:short", "xsd:int", "xsd:long")


def data_object(node: Node, declared: str, schema: Schema) -> DataObject:
    """Read a data object: of the type that it names, else of the declared one.

    Raises:
        InvalidArgument: the schema has no such type, or a value is none of its type.
    """
    type_name = node.type or declared
    if not schema.is_data_object(type_name):
        raise InvalidArgument(f"{node.tag}: {type_name}")
    members: dict[str, Value] = {}
    for name, member in schema.members(type_name).items():
        found = [_value(child, member, schema) for child in node.every(name)]
        if member.is_array and found:
            members[name] = tuple(found)
        elif found:
            members[name] = found[0]
    return DataObject(type_name, members)


def _value(node: Node, member: Member, schema: Schema) -> Value:
    wanted = member.type
    if wanted == "xsd:anyType":
        wanted = node.type or "string"
        wanted = wanted if schema.is_data_object(wanted) else f"xsd:{wanted}"
    if schema.is_data_object(wanted):
        return data_object(node, wanted, schema)
    try:
        return _simple(node, wanted)
    except ValueError:
        raise InvalidArgument(node.tag) from None


def _simple(node: Node, wanted: str) -> Value:
    if "type" in node.attributes or wanted.endswith("ManagedObjectReference"):
        return ManagedObjectReference(*node.reference)
    if wanted in _NUMBERS:
        return int(node.text)
    if wanted == "xsd:boolean":
        return node.text in ("true", "1")
    if wanted == "xsd:dateTime":
        read = parse_datetime(node.text)
        if read is None:
            raise ValueError(node.text)
        return read
    return node.text
