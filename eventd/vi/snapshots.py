"""The snapshots of a domain: VI's tree of them, and libvirt's XML of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eventd.model.snapshots import Snapshot
from eventd.vi.libvirt_xml import add, document, root
from eventd.vi.structures import children_by_name, parse_reference, text_of, time_of
from eventd.vi.xml import Element, local_name

__all__ = ["snapshot_xml", "snapshots_of"]

_MOST_LEVELS = 64
"""VI itself allows 32 in a row."""

_STATES = {"poweredOn": "running", "poweredOff": "shutoff", "suspended": "paused"}
"""libvirt's words for the state that a domain was in."""


def snapshots_of(properties: Mapping[str, Element]) -> tuple[Snapshot, ...]:
    """Return the snapshots, parents before their children, given the property ``snapshot``."""
    info = properties.get("snapshot")
    if info is None:
        return ()
    current = children_by_name(info).get("currentSnapshot")
    reference = None if current is None else parse_reference(current)
    return tuple(_below(info, "rootSnapshotList", None, reference and reference.value))


def _below(
    parent: Element, name: str, above: Snapshot | None, current: str | None, level: int = 0
) -> Iterator[Snapshot]:
    if level == _MOST_LEVELS:
        return
    for tree in parent:
        if local_name(tree) != name:
            continue
        parts = children_by_name(tree)
        found = parts.get("snapshot")
        reference = None if found is None else parse_reference(found)
        snapshot = Snapshot(
            name=text_of(parts, "name") or "",
            parent=above.name if above else None,
            description=text_of(parts, "description") or "",
            state=text_of(parts, "state") or "",
            created_at=time_of(parts, "createTime"),
            is_current=reference is not None and reference.value == current,
            is_leaf="childSnapshotList" not in parts,
        )
        yield snapshot
        yield from _below(tree, "childSnapshotList", snapshot, current, level + 1)


def snapshot_xml(snapshot: Snapshot, *, domain_uuid: str) -> str:
    """Write a snapshot of a domain."""
    about = root("domainsnapshot")
    add(about, "name", snapshot.name)
    if snapshot.description:
        add(about, "description", snapshot.description)
    if state := _STATES.get(snapshot.state):
        add(about, "state", state)
    if snapshot.parent is not None:
        add(add(about, "parent"), "name", snapshot.parent)
    if snapshot.created_at is not None:
        add(about, "creationTime", int(snapshot.created_at.timestamp()))
    add(add(about, "domain"), "uuid", domain_uuid)
    return document(about)
