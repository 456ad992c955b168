"""Container views: which entities lie inside a container, kept up to date as they come and go."""

from __future__ import annotations

from collections.abc import Iterator
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
    """All container views. A change costs a walk upwards per view, whatever they hold."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._serial = count(1)
        self._views: dict[Reference, tuple[Reference, frozenset[str], bool]] = {}

    def create(self, container: Reference, types: list[str], *, recursive: bool) -> Reference:
        """Create a view of the entities of some types (all, if none is named) in a container."""
        view = Reference("ContainerView", f"session-view-{next(self._serial)}")
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
        del self._views[view]
        self._objects.destroy(view)

    def entered(self, entity: Reference) -> None:
        """Take a new entity into the views that it belongs to."""
        for view, (container, types, recursive) in self._views.items():
            if self._wants(types, entity) and self._contains(container, entity, recursive):
                self._objects.link(view, "view", entity)

    def left(self, entity: Reference) -> None:
        """Take an entity that is about to go out of all views."""
        for view in self._views:
            self._objects.unlink(view, "view", entity)

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
