"""Snapshots of domains, as VI keeps them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

__all__ = ["Snapshot"]


class Snapshot(NamedTuple):
    """A snapshot; libvirt knows it by its name."""

    name: str
    parent: str | None
    """The name of the snapshot that it was made on; None if there is none."""
    description: str = ""
    state: str = ""
    """``VirtualMachinePowerState`` that the domain was in."""
    created_at: datetime | None = None
    """By the host's clock: aware, UTC."""
    is_current: bool = False
    """Whether the domain runs on it."""
    is_leaf: bool = True
    """Whether none was made on it."""
