"""Reads the arguments of a call out of its elements."""

from __future__ import annotations

from eventd.simulator.world.faults import InvalidArgument
from eventd.vi.soap import Node
from eventd.vi.types import ManagedObjectReference

__all__ = ["flag", "integer", "part", "reference", "references", "text", "texts"]


def text(node: Node | None, tag: str) -> str:
    """The text of a part; empty if it is not there."""
    found = None if node is None else node.first(tag)
    return "" if found is None else found.text


def texts(node: Node | None, tag: str) -> list[str]:
    """The texts of all parts of a name."""
    return [] if node is None else [found.text for found in node.every(tag)]


def flag(node: Node | None, tag: str) -> bool:
    """A part that is an ``xsd:boolean``; false if it is not there."""
    return text(node, tag) in ("true", "1")


def integer(node: Node | None, tag: str) -> int | None:
    """A part that is an ``xsd:int``; None if it is not there.

    Raises:
        InvalidArgument: it is something else, or a number of more than 32 bits.
    """
    found = None if node is None else node.first(tag)
    if found is None:
        return None
    try:
        number = int(found.text)
    except ValueError:
        raise InvalidArgument(tag) from None
    if not -(2**31) <= number < 2**31:
        raise InvalidArgument(tag)
    return number


def reference(node: Node | None, tag: str) -> ManagedObjectReference | None:
    """A part that is a reference; None if it is not there."""
    found = None if node is None else node.first(tag)
    return None if found is None else found.reference


def references(node: Node, tag: str) -> list[ManagedObjectReference]:
    """All parts of a name, which are references."""
    return [found.reference for found in node.every(tag)]


def part(node: Node, tag: str) -> Node:
    """A part that has to be there.

    Raises:
        InvalidArgument: it is not.
    """
    found = node.first(tag)
    if found is None:
        raise InvalidArgument(tag)
    return found
