"""A call of a VI method on the simulator, and what a method is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from eventd.simulator.answers import AnswerWriter, reference_element
from eventd.simulator.sessions import Session, Sessions
from eventd.simulator.world import World
from eventd.simulator.world.faults import InvalidArgument
from eventd.vi.soap import Node
from eventd.vi.types import ManagedObjectReference

__all__ = ["Answer", "Call", "Method", "Waiting"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that is not answered yet."""

    poll: Callable[[], str | None]
    """Looks again; returns the content of the answer as soon as there is one, or raises."""
    deadline: datetime | None = None
    """When to stop waiting, if ever."""
    at_deadline: str = ""
    """The content of the answer then."""


Answer = str | Waiting
"""The content of the answer, which is its ``returnval`` elements, or a wait for it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, with everything that a method may need for its answer."""

    world: World
    sessions: Sessions
    session: Session
    writer: AnswerWriter
    password: str
    empty_update_interval: timedelta | None
    now: datetime
    this: ManagedObjectReference
    node: Node

    @property
    def user(self) -> str:
        """The name of who calls."""
        return self.session.user or ""

    def text(self, name: str) -> str:
        """The text of an argument; empty if it was not given."""
        node = self.node.first(name)
        return "" if node is None else node.text

    def flag(self, name: str) -> bool:
        """An argument that is a boolean."""
        return self.text(name) in ("true", "1")

    def number(self, name: str) -> int | None:
        """An argument that is a whole number; None if it was not given.

        Raises:
            InvalidArgument: it is none.
        """
        text = self.text(name)
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise InvalidArgument(name) from None

    def reference(self, name: str) -> ManagedObjectReference:
        """An argument that is a reference.

        Raises:
            InvalidArgument: it was not given.
        """
        node = self.node.first(name)
        if node is None:
            raise InvalidArgument(name)
        return node.reference

    def part(self, name: str) -> Node:
        """An argument that is a data object.

        Raises:
            InvalidArgument: it was not given.
        """
        node = self.node.first(name)
        if node is None:
            raise InvalidArgument(name)
        return node

    def return_reference(self, reference: ManagedObjectReference | None) -> str:
        """The answer that is a reference, or nothing."""
        return "" if reference is None else reference_element("returnval", reference)


class Method(NamedTuple):
    """A method: where it exists, and how it is answered."""

    answer: Callable[[Call], Answer]
    on: str
    """The managed object type that has it."""
    since: str = "2.0"
    """The API version that introduced it."""
    is_open: bool = False
    """Whether it can be called without a login."""
