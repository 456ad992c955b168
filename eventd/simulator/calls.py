"""A call of a VI method on the simulator, and what a method is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from eventd.simulator import arguments
from eventd.simulator.answers import AnswerWriter, reference_element
from eventd.simulator.sessions import Session, Sessions
from eventd.simulator.world import World
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
        return arguments.text(self.node, name)

    def flag(self, name: str) -> bool:
        """An argument that is a boolean; false if it was not given."""
        return arguments.flag(self.node, name)

    def reference(self, name: str) -> ManagedObjectReference:
        """An argument that is a reference.

        Raises:
            InvalidArgument: it was not given.
        """
        return arguments.part(self.node, name).reference

    def references(self, name: str) -> list[ManagedObjectReference]:
        """An argument that is an array of references; empty if it was not given."""
        return arguments.references(self.node, name)

    def return_reference(self, reference: ManagedObjectReference | None) -> str:
        """The answer that is a reference, or nothing."""
        return "" if reference is None else reference_element("returnval", reference)

    def return_references(self, references: Iterable[ManagedObjectReference]) -> str:
        """The answer that is an array of references."""
        return "".join(reference_element("returnval", reference) for reference in references)


class Method(NamedTuple):
    """A method: where it exists, and how it is answered."""

    answer: Callable[[Call], Answer]
    on: str
    """The managed object type that has it."""
    since: str = "2.0"
    """The API version that introduced it."""
    is_open: bool = False
    """Whether it can be called without a login."""
