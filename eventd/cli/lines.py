"""The line of what a stream carries, in each of the forms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import assert_never

from eventd.cli.words import Output
from eventd.client import DomainSnapshot, Gap, Heartbeat, Item, SnapshotEnd
from eventd.model.record import EventRecord
from eventd.rendering import (
    gap_sentence,
    printable_json,
    sentence,
    status_sentence,
    virsh_line,
)

__all__ = ["Layout", "layout"]

Layout = Callable[[Item], str | None]
"""Turns what a stream carries into a line, or None if the form has no line for it.

A few of virsh's lines are several.
"""


def layout(output: Output, *, colour: bool = False, is_stamped: bool = False) -> Layout:
    """Return the form of the lines; `is_stamped` puts the time in front of virsh's."""
    match output:
        case Output.TEXT:
            return lambda item: _text(item, colour=colour)
        case Output.JSON:
            return _json
        case Output.VIRSH:
            return lambda item: _virsh(item, is_stamped=is_stamped)
        case _:
            assert_never(output)


def _json(item: Item) -> str | None:
    # Heartbeats move the cursor, and nobody who watches has asked for them.
    return None if isinstance(item, Heartbeat) else printable_json(item.json.decode())


def _text(item: Item, *, colour: bool) -> str | None:
    match item:
        case EventRecord():
            return sentence(item.event, colour=colour)
        case DomainSnapshot():
            return status_sentence(item.status, at=datetime.now(UTC), colour=colour)
        case Gap():
            return gap_sentence(item.reason, item.message, at=datetime.now(UTC), colour=colour)
        case SnapshotEnd() | Heartbeat():
            return None
        case _:
            assert_never(item)


def _virsh(item: Item, *, is_stamped: bool) -> str | None:
    if not isinstance(item, EventRecord):
        return None
    return virsh_line(item.event, is_stamped=is_stamped)
