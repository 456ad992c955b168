"""The selection engine: which objects an `ObjectSpec` and its traversals lead to.

A selection is computed once and then follows the log of changes, so that a change costs what it
touches and not what the selection holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from eventd.simulator.arguments import flag, part, text
from eventd.simulator.world.faults import InvalidArgument, ManagedObjectNotFound
from eventd.simulator.world.objects import Change, Objects
from eventd.vi.soap import Node
from eventd.vi.types import ManagedObjectReference

__all__ = ["ObjectSpec", "Selection", "Traversal", "parse_object_spec"]

Reference = ManagedObjectReference


@dataclass(eq=False, slots=True)
class Traversal:
    """A ``TraversalSpec``: from objects of a type along a property, and on from there."""

    type: str
    path: str
    skip: bool
    """Whether the objects that it leads to are passed without being selected."""
    next: list[Traversal] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class ObjectSpec:
    """Where a selection begins, and along what it goes."""

    obj: Reference
    skip: bool
    next: list[Traversal] = field(default_factory=list)


def parse_object_spec(node: Node) -> ObjectSpec:
    """Read an ``ObjectSpec``.

    Raises:
        InvalidArgument: there is no object to begin at, or a ``SelectionSpec`` names a traversal
            that is not there.
    """
    obj = part(node, "obj")
    named: dict[str, Traversal] = {}
    by_node: dict[int, Traversal] = {}
    for step in _traversals(node):
        traversal = Traversal(text(step, "type"), text(step, "path"), flag(step, "skip"))
        by_node[id(step)] = traversal
        if name := text(step, "name"):
            named[name] = traversal
    for step in _traversals(node):
        by_node[id(step)].next = _selected(step, named, by_node)
    return ObjectSpec(obj.reference, flag(node, "skip"), _selected(node, named, by_node))


def _traversals(node: Node) -> Iterator[Node]:
    for step in node.every("selectSet"):
        if step.first("path") is not None:
            yield step
            yield from _traversals(step)


def _selected(
    node: Node, named: dict[str, Traversal], by_node: dict[int, Traversal]
) -> list[Traversal]:
    found = []
    for step in node.every("selectSet"):
        traversal = by_node.get(id(step)) or named.get(text(step, "name"))
        if traversal is None:
            raise InvalidArgument(f"selectSet.name: {text(step, 'name')}")
        found.append(traversal)
    return found


Place = tuple[Reference, ObjectSpec | Traversal]
"""An object together with the spec that led to it; what follows depends on both."""


class Selection:
    """The objects that specs select. An object is selected as often as ways lead to it."""

    def __init__(self, objects: Objects, specs: Iterable[ObjectSpec]) -> None:
        """Select what is there now.

        Raises:
            ManagedObjectNotFound: a spec begins at an object that does not exist.
        """
        self._objects = objects
        self._counts: dict[Place, int] = {}
        self._places: dict[Reference, dict[ObjectSpec | Traversal, None]] = {}
        self._children: dict[tuple[Place, Traversal], set[Reference]] = {}
        self._selected: dict[Reference, int] = {}
        self._log: list[tuple[Reference, bool]] = []
        for spec in specs:
            if spec.obj not in objects:
                raise ManagedObjectNotFound(spec.obj)
            self._link((spec.obj, spec))
        self._log.clear()

    def __contains__(self, obj: Reference) -> bool:
        return obj in self._selected

    def __iter__(self) -> Iterator[Reference]:
        return iter(self._selected)

    def __len__(self) -> int:
        return len(self._selected)

    def follow(self, change: Change) -> list[tuple[Reference, bool]]:
        """Take in a change; returns the objects that it selected (True) or dropped (False)."""
        obj = change.obj
        places = self._places.get(obj)
        if places is None:
            return []
        if not change.path:
            if obj not in self._objects:
                for spec in list(places):
                    self._drop((obj, spec))
        elif change.added or change.removed:
            for spec in list(places):
                self._follow_at((obj, spec), change)
        log, self._log = self._log, []
        return log

    def _follow_at(self, place: Place, change: Change) -> None:
        for traversal in place[1].next:
            if traversal.path != change.path or not self._applies(traversal, place[0]):
                continue
            children = self._children.setdefault((place, traversal), set())
            for target in change.removed:
                if target in children:
                    children.discard(target)
                    self._unlink((target, traversal))
            for target in change.added:
                if target not in children:
                    children.add(target)
                    self._link((target, traversal))

    def _applies(self, traversal: Traversal, obj: Reference) -> bool:
        return self._objects.schema.is_a(obj.type, traversal.type)

    def _link(self, place: Place) -> None:
        count = self._counts.get(place, 0)
        self._counts[place] = count + 1
        if count:
            return
        obj, spec = place
        self._places.setdefault(obj, {})[spec] = None
        if not spec.skip:
            self._select(obj)
        for traversal in spec.next:
            if obj in self._objects and self._applies(traversal, obj):
                targets = self._objects.references(obj, traversal.path)
                self._children[place, traversal] = set(targets)
                for target in targets:
                    self._link((target, traversal))

    def _unlink(self, place: Place) -> None:
        count = self._counts.get(place, 0)
        if count > 1:
            self._counts[place] = count - 1
        elif count == 1:
            self._drop(place)

    def _drop(self, place: Place) -> None:
        obj, spec = place
        del self._counts[place]
        del self._places[obj][spec]
        if not self._places[obj]:
            del self._places[obj]
        if not spec.skip:
            self._deselect(obj)
        for traversal in spec.next:
            for target in self._children.pop((place, traversal), ()):
                self._unlink((target, traversal))

    def _select(self, obj: Reference) -> None:
        count = self._selected.get(obj, 0)
        self._selected[obj] = count + 1
        if not count:
            self._log.append((obj, True))

    def _deselect(self, obj: Reference) -> None:
        count = self._selected[obj] - 1
        if count:
            self._selected[obj] = count
        else:
            del self._selected[obj]
            self._log.append((obj, False))
