"""Snapshots of one domain as values: what each holds, and the tree that they form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from eventd.simulator.world.values import DataObject, Value
from eventd.vi.types import ManagedObjectReference

__all__ = ["Snapshot", "tree"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of a domain."""

    reference: ManagedObjectReference
    domain: ManagedObjectReference
    name: str
    power_state: str
    """That of the domain when it goes back here: without memory it is off."""
    created: datetime


def tree(snapshots: Sequence[Snapshot]) -> tuple[Value, ...]:
    """The ``rootSnapshotList`` of snapshots of which each is the child of the one before."""
    below: tuple[Value, ...] = ()
    for each in reversed(snapshots):
        members: dict[str, Value] = {
            "snapshot": each.reference,
            "vm": each.domain,
            "name": each.name,
            "description": "",
            "createTime": each.created,
            "state": each.power_state,
            "quiesced": False,
            "childSnapshotList": below,
        }
        below = (DataObject("VirtualMachineSnapshotTree", members),)
    return below
