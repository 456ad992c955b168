"""All managed objects of a world, and the log of what changed on them.

Every change is one entry of the log, whatever the number of objects: who wants to know what
changed since a position reads the log from there. The log forgets its oldest entries.

What is true of a domain may be shown to clients only later. The world reads what is true, and
they read what is shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import NamedTuple

from eventd.simulator.world.faults import ManagedObjectNotFound
from eventd.simulator.world.schema import Schema, same_as
from eventd.simulator.world.values import DataObject, ReferenceSet, Value, pick
from eventd.vi.types import ManagedObjectReference

__all__ = ["Change", "Objects"]

_LOG_LENGTH = 100_000
"""Entries that are kept at least: enough for 10,000 domains that change several times each."""


class Change(NamedTuple):
    """One entry of the log. ``path`` is empty where the object itself came or went."""

    obj: ManagedObjectReference
    path: str
    added: tuple[ManagedObjectReference, ...] = ()
    removed: tuple[ManagedObjectReference, ...] = ()


class _Unseen(NamedTuple):
    """A change that is not shown yet, and the value that is shown until then."""

    change: Change
    shown: Value | None


Later = Callable[[Callable[[], None]], None]
"""Lets something happen when it is time to show it."""


class Objects:
    """The managed objects by reference. `changed` is called after each change.

    Changes of the properties named in ``silent`` happen without anybody being told. ``later``
    lets the properties of domains trail what is true; without it they are shown at once.
    """

    def __init__(
        self,
        schema: Schema,
        changed: Callable[[], None],
        *,
        silent: frozenset[str] = frozenset(),
        later: Later | None = None,
    ) -> None:
        self.schema = schema
        self._silent = silent
        self._later = later
        self._unseen: dict[ManagedObjectReference, dict[str, deque[_Unseen]]] = {}
        self._changed = changed
        self.leaving: list[Callable[[ManagedObjectReference], None]] = []
        """Called when an object is about to be taken away."""
        self._values: dict[ManagedObjectReference, dict[str, Value]] = {}
        self._paths: set[str] = set()
        """Every path that a value was ever held under, on any object."""
        self._parents: set[str] = set()
        """Everything above one of those: what may have to be composed."""
        self._log: list[Change] = []
        self._first = 0

    @property
    def position(self) -> int:
        """The position after the newest change."""
        return self._first + len(self._log)

    def remembers(self, position: int) -> bool:
        """Tell whether the log still has all changes since a position."""
        return position >= self._first

    def changes_since(self, position: int) -> list[Change]:
        """The changes after a position that the log remembers, oldest first."""
        return self._log[position - self._first :]

    def __contains__(self, obj: ManagedObjectReference) -> bool:
        return obj in self._values

    def create(self, obj: ManagedObjectReference, values: Mapping[str, Value]) -> None:
        """Add an object; ``values`` by property path."""
        self._values[obj] = dict(values)
        for path in values:
            self._learn(path)
        self._append(Change(obj, ""))

    def destroy(self, obj: ManagedObjectReference) -> None:
        """Take an object away. References to it are its owner's business.

        Raises:
            ManagedObjectNotFound: there is no such object.
        """
        self.values(obj)
        for observer in self.leaving:
            observer(obj)
        del self._values[obj]
        self._unseen.pop(obj, None)
        self._append(Change(obj, ""))

    def assign(self, obj: ManagedObjectReference, path: str, value: Value | None) -> None:
        """Set one property, or unset it with None. Nothing happens if it is so already."""
        values = self.values(obj)
        old = values.get(path)
        if old == value and type(old) is type(value):
            return
        if value is None:
            del values[path]
        else:
            values[path] = value
            self._learn(path)
        change = Change(obj, path, _references(value), _references(old))
        if self._later is None or obj.type != "VirtualMachine":
            self._append(change)
            return
        unseen = _Unseen(change, old)
        self._unseen.setdefault(obj, {}).setdefault(path, deque()).append(unseen)
        self._later(partial(self._show, unseen))

    def _show(self, unseen: _Unseen) -> None:
        obj, path = unseen.change.obj, unseen.change.path
        waiting = self._unseen.get(obj, {}).get(path)
        if waiting and waiting[0] is unseen:
            waiting.popleft()
            self._append(unseen.change)

    def show(self, obj: ManagedObjectReference) -> None:
        """Show all of an object as it is now."""
        for waiting in self._unseen.pop(obj, {}).values():
            for unseen in waiting:
                self._append(unseen.change)

    def update(self, obj: ManagedObjectReference, values: Mapping[str, Value | None]) -> None:
        """Assign several properties of one object."""
        for path, value in values.items():
            self.assign(obj, path, value)

    def link(self, obj: ManagedObjectReference, path: str, target: ManagedObjectReference) -> None:
        """Add a reference to an array of references."""
        references = self.values(obj).setdefault(path, ReferenceSet())
        self._learn(path)
        if isinstance(references, ReferenceSet) and target not in references:
            references[target] = None
            self._append(Change(obj, path, added=(target,)))

    def unlink(
        self, obj: ManagedObjectReference, path: str, target: ManagedObjectReference
    ) -> None:
        """Remove a reference from an array of references, if it is there."""
        references = self.values(obj).get(path)
        if isinstance(references, ReferenceSet) and target in references:
            del references[target]
            self._append(Change(obj, path, removed=(target,)))

    def values(self, obj: ManagedObjectReference) -> dict[str, Value]:
        """The object's properties that are set, by path.

        Raises:
            ManagedObjectNotFound: there is no such object.
        """
        try:
            return self._values[obj]
        except KeyError:
            raise ManagedObjectNotFound(obj) from None

    def shown_values(self, obj: ManagedObjectReference) -> Mapping[str, Value]:
        """What `values` are to clients."""
        values = self.values(obj)
        unseen = self._unseen.get(obj)
        if not unseen:
            return values
        shown = {path: waiting[0].shown for path, waiting in unseen.items() if waiting}
        return {path: value for path, value in {**values, **shown}.items() if value is not None}

    def read_shown(self, obj: ManagedObjectReference, path: str) -> Value | None:
        """What `read` is to clients."""
        return self._read(obj.type, self.shown_values(obj), path)

    def references(
        self, obj: ManagedObjectReference, path: str
    ) -> tuple[ManagedObjectReference, ...]:
        """The references that a property holds, be it one or many."""
        return _references(self.read(obj, path))

    def read(self, obj: ManagedObjectReference, path: str) -> Value | None:
        """The value of a property, composed from its parts where it is a data object."""
        return self._read(obj.type, self.values(obj), path)

    def _read(self, type_name: str, values: Mapping[str, Value], path: str) -> Value | None:
        value = values.get(path)
        return value if value is not None else self._compose(type_name, values, path)

    def _compose(self, type_name: str, values: Mapping[str, Value], path: str) -> Value | None:
        path = same_as(type_name, path)
        if path in values:
            return values[path]
        if path not in self._parents:
            return self._inside(values, path)
        member = self.schema.property(type_name, path)
        if member is not None and self.schema.is_data_object(member.type) and not member.is_array:
            members = {
                name: value
                for name in self.schema.members(member.type)
                if (value := self._compose(type_name, values, f"{path}.{name}")) is not None
            }
            if members:
                return DataObject(member.type, members)
        return None

    def _inside(self, values: Mapping[str, Value], path: str) -> Value | None:
        """The value of a path below a property that is held as a whole."""
        for above in _above(path):
            if above in self._paths and above in values:
                return pick(values[above], path[len(above) + 1 :].split("."))
        return None

    def _learn(self, path: str) -> None:
        if path not in self._paths:
            self._paths.add(path)
            self._parents.update(_above(path))

    def _append(self, change: Change) -> None:
        if change.path in self._silent:
            return
        self._log.append(change)
        if len(self._log) > 2 * _LOG_LENGTH:
            del self._log[:_LOG_LENGTH]
            self._first += _LOG_LENGTH
        self._changed()


@cache
def _above(path: str) -> tuple[str, ...]:
    """The paths above a path: ``a.b`` and ``a`` are above ``a.b.c``."""
    names = path.split(".")
    return tuple(".".join(names[:cut]) for cut in range(len(names) - 1, 0, -1))


def _references(value: Value | None) -> tuple[ManagedObjectReference, ...]:
    match value:
        case ManagedObjectReference():
            return (value,)
        case ReferenceSet():
            return tuple(value)
        case _:
            return ()
