"""What there is of a host while it is followed."""

from __future__ import annotations

from typing import NamedTuple

from eventd.connections.session import Session
from eventd.connections.task_list import TaskList

__all__ = ["Live"]


class Live(NamedTuple):
    """A session that is in sync."""

    session: Session
    tasks: TaskList | None
    """None where the host does not let its tasks be followed."""
