"""What a connection follows: the whole host, or the part of a vCenter that the path names.

The path is libvirt's: ``[folder/…]datacenter/[folder/…]computeresource[/host]``. It may also end
earlier, at a datacenter or a cluster, and then means all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from eventd.connections.session import Session
from eventd.errors import InvalidURI
from eventd.vi import calls
from eventd.vi.property_collector import (
    ObjectSpec,
    PropertyFilterSpec,
    PropertySpec,
    TraversalSpec,
)
from eventd.vi.types import ManagedObjectReference, ObjectContent
from eventd.vi.uri import ConnectionURI, Scheme

__all__ = ["find_scope"]


class _Level(NamedTuple):
    children: TraversalSpec
    """How to get to the objects that the next part of a path may name."""
    sought: str
    """libvirt's word for them: src/esx/esx_vi.c."""


# Below a datacenter the path goes on in its host folder. The types match their subtypes too: a
# ClusterComputeResource is a ComputeResource.
_LEVELS: Mapping[str, _Level] = {
    "Folder": _Level(TraversalSpec("Folder", "childEntity"), "datacenter"),
    "Datacenter": _Level(TraversalSpec("Folder", "childEntity"), "compute resource"),
    "ComputeResource": _Level(TraversalSpec("ComputeResource", "host"), "host system"),
    "ClusterComputeResource": _Level(TraversalSpec("ComputeResource", "host"), "host system"),
}


async def find_scope(session: Session, uri: ConnectionURI) -> ManagedObjectReference:
    """Return the object below which the domains are that the connection follows.

    Raises:
        InvalidURI: the path names nothing, or nothing that holds domains.
        HostError: the host cannot be asked.
    """
    found = session.content.root_folder
    if uri.scheme is not Scheme.VPX:
        return found  # the path of a bare host means nothing
    sought = "datacenter"
    for segment in uri.path_segments:
        if (level := _LEVELS.get(found.type)) is None:
            raise InvalidURI(f"Path '{uri.path}' ends with an excess item")
        if found.type != "Folder":  # a folder may stand between any two
            sought = level.sought
        children = await _children(session, found, level.children)
        if segment not in children:
            there = ", ".join(repr(name) for name in sorted(children)) or "nothing"
            raise InvalidURI(
                f"Could not find {sought} specified in '{uri.path}': no {segment!r} among {there}"
            )
        found = children[segment]
    if uri.path_segments and found.type == "Folder":
        missing = "the datacenter, and may go on to " if sought == "datacenter" else ""
        raise InvalidURI(
            f"Path '{uri.path}' ends at a folder; it has to specify {missing}a cluster or host"
        )
    return found


async def _children(
    session: Session, parent: ManagedObjectReference, children: TraversalSpec
) -> dict[str, ManagedObjectReference]:
    """Return the objects below by name, escaped as VI has it: libvirt compares it so."""
    if parent.type == "Datacenter":
        found = await _retrieve(
            session, PropertySpec("Datacenter", ("hostFolder",)), ObjectSpec(parent)
        )
        folder = found[0].properties.get("hostFolder") if found else None
        if not isinstance(folder, str):
            return {}  # no right to see it
        parent = ManagedObjectReference("Folder", folder)
    named = await _retrieve(
        session,
        PropertySpec("ManagedEntity", ("name",)),
        ObjectSpec(parent, skip=True, select=(children,)),
    )
    return {str(child.properties.get("name", "")): child.obj for child in named}


async def _retrieve(
    session: Session, properties: PropertySpec, objects: ObjectSpec
) -> list[ObjectContent]:
    # In one piece whatever the version: a path's folders are small.
    spec = PropertyFilterSpec(properties=(properties,), objects=(objects,))
    return await session.call(
        calls.retrieve_properties(session.content.property_collector, (spec,))
    )
