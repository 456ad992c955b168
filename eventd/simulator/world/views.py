"""Views, kept up to date as objects come and go: what a container contains, or a list of objects.

Whose views they are, and how long they last, is a session's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from eventd.simulator.world.objects import Objects
from eventd.simulator.world.values import ReferenceSet
from eventd.vi.types import ManagedObjectReference

__all__ = ["Views"]

Reference = ManagedObjectReference

# VI API reference, CreateContainerView: what a container contains, by its type.
_CONTENTS = {
    "Folder": ("childEntity",),
    "Datacenter": ("vmFolder", "hostFolder", "datastoreFolder", "networkFolder"),
    "ComputeResource": ("host", "resourcePool"),
    "ClusterComputeResource": ("host", "resourcePool"),
    "ResourcePool": ("resourcePool", "vm"),
    "HostSystem": ("vm",),
}


class Views:
    """All views.

    A change costs a walk upwards per container view, whatever they hold, and nothing for the list
    views that it does not concern.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._serial = count(1)
        self._views: dict[Reference, tuple[Reference, frozenset[str], bool]] = {}
        self._lists_of: dict[Reference, dict[Reference, None]] = {}
        """The list views that an object is in."""
        objects.leaving.append(self._unlist)

    def create(self, container: Reference, types: list[str], *, recursive: bool) -> Reference:
        """Create a view of the entities of some types (all, if none is named) in a container."""
        view = self._next_reference("ContainerView")
        self._views[view] = (container, frozenset(types), recursive)
        inside = self._descend(container, recursive=recursive)
        self._objects.create(
            view,
            {
                "container": container,
                "type": tuple(types),
                "recursive": recursive,
                "view": ReferenceSet(e for e in inside if self._wants(types, e)),
            },
        )
        return view

    def destroy(self, view: Reference) -> None:
        """Forget a view."""
        if view.type == "ListView":
            self.remove_from_list(view, self._objects.references(view, "view"))
        else:
            del self._views[view]
        self._objects.destroy(view)

    def _next_reference(self, type_name: str) -> Reference:
        return Reference(type_name, f"session-view-{next(self._serial)}")

    # -- lists

    def create_list(self, members: Iterable[Reference]) -> Reference:
        """Create a view of just these objects, of whatever types.

        Raises:
            ManagedObjectNotFound: one of them does not exist.
        """
        members = tuple(members)
        for member in members:
            self._objects.values(member)
        view = self._next_reference("ListView")
        self._objects.create(view, {"view": ReferenceSet()})
        self.add_to_list(view, members)
        return view

    def add_to_list(self, view: Reference, members: Iterable[Reference]) -> list[Reference]:
        """Add objects to a list view; returns those that do not exist and are left out."""
        unresolved = []
        for member in members:
            if member not in self._objects:
                unresolved.append(member)
                continue
            self._lists_of.setdefault(member, {})[view] = None
            self._objects.link(view, "view", member)
        return unresolved

    def remove_from_list(self, view: Reference, members: Iterable[Reference]) -> None:
        """Take objects out of a list view, as far as they are in it."""
        for member in members:
            lists = self._lists_of.get(member, {})
            lists.pop(view, None)
            if not lists:
                self._lists_of.pop(member, None)
            self._objects.unlink(view, "view", member)

    def reset_list(self, view: Reference, members: Iterable[Reference]) -> list[Reference]:
        """Let a list view hold these objects and no others; returns those that do not exist."""
        wanted = dict.fromkeys(members)
        held = self._objects.references(view, "view")
        self.remove_from_list(view, [member for member in held if member not in wanted])
        return self.add_to_list(view, wanted)

    def _unlist(self, obj: Reference) -> None:
        for view in self._lists_of.pop(obj, ()):
            self._objects.unlink(view, "view", obj)

    # -- containers

    def entered(self, entity: Reference) -> None:
        """Take a new entity into the views that it belongs to."""
        for view, (container, types, recursive) in self._views.items():
            if self._wants(types, entity) and self._contains(container, entity, recursive):
                self._objects.link(view, "view", entity)

    def left(self, entity: Reference) -> None:
        """Take an entity that is about to go out of all views."""
        for view in self._views:
            self._objects.unlink(view, "view", entity)
        self._unlist(entity)

    def moved(self, entity: Reference) -> None:
        """Take an entity that has another place into the right views, and out of the others."""
        for view, (container, types, recursive) in self._views.items():
            if self._wants(types, entity) and self._contains(container, entity, recursive):
                self._objects.link(view, "view", entity)
            else:
                self._objects.unlink(view, "view", entity)

    def _wants(self, types: list[str] | frozenset[str], entity: Reference) -> bool:
        is_a = self._objects.schema.is_a
        return not types or any(is_a(entity.type, wanted) for wanted in types)

    def _descend(self, container: Reference, *, recursive: bool) -> Iterator[Reference]:
        seen = {container}
        waiting = [container]
        while waiting:
            parent = waiting.pop()
            for path in _CONTENTS.get(parent.type, ()):
                for child in self._objects.references(parent, path):
                    if child in seen:
                        continue
                    seen.add(child)
                    yield child
                    if recursive:
                        waiting.append(child)

    def _contains(self, container: Reference, entity: Reference, recursive: bool) -> bool:
        above = self._above(entity)
        if not recursive:
            return container in above
        seen = set[Reference]()
        while above:
            place = above.pop()
            if place == container:
                return True
            if place not in seen:
                seen.add(place)
                above |= self._above(place)
        return False

    def _above(self, entity: Reference) -> set[Reference]:
        is_domain = entity.type == "VirtualMachine"
        paths = ("parent", "runtime.host", "resourcePool") if is_domain else ("parent",)
        return {place for path in paths for place in self._objects.references(entity, path)}
