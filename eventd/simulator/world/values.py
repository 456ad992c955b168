"""The values that properties of managed objects hold, as plain Python values.

A value does not carry its XSD type: the schema knows the type of each property and member.
Only a `DataObject` names its own type, since it may be a subtype of the declared one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, Union

from eventd.vi.types import ManagedObjectReference

__all__ = ["DataObject", "ReferenceSet", "Value", "pick"]


class DataObject(NamedTuple):
    """A VI data object: ``VirtualMachineQuestionInfo`` and its members that are set."""

    type: str
    members: Mapping[str, Value]


class ReferenceSet(dict[ManagedObjectReference, None]):
    """An array of references that grows and shrinks in place, in the order of arrival.

    A folder holds thousands of domains; a tuple would have to be copied for each new one.
    """

    def __init__(self, references: Iterable[ManagedObjectReference] = ()) -> None:
        super().__init__(dict.fromkeys(references))


Value = Union[
    str,
    bool,
    int,
    datetime,
    ManagedObjectReference,
    DataObject,
    ReferenceSet,
    "tuple[Value, ...]",
]


def pick(value: Value | None, members: list[str]) -> Value | None:
    """Follow member names into a data object; None where one of them is unset."""
    for name in members:
        if type(value) is not DataObject:
            return None
        value = value.members.get(name)
    return value
