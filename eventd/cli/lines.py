"""The line of an event, of a present state, in each of the forms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import assert_never

from pydantic_core import to_json

from eventd.cli.words import Output
from eventd.model.domain import DomainStatus
from eventd.model.record import EventRecord
from eventd.rendering import sentence, status_sentence, virsh_line

__all__ = ["Layout", "layout", "status_json"]

Layout = Callable[[EventRecord | DomainStatus], str | None]
"""Turns what a stream carries into a line, or None if the form has no line for it."""


def layout(output: Output, *, colour: bool = False, is_stamped: bool = False) -> Layout:
    """Return the form of the lines; `is_stamped` puts virsh's timestamp in front of its own."""
    match output:
        case Output.TEXT:
            return lambda item: _text(item, colour=colour)
        case Output.JSON:
            return _json
        case Output.VIRSH:
            return lambda item: _virsh(item, is_stamped=is_stamped)
        case _:
            assert_never(output)


def _text(item: EventRecord | DomainStatus, *, colour: bool) -> str:
    if isinstance(item, EventRecord):
        return sentence(item.event, colour=colour)
    return status_sentence(item, at=datetime.now(UTC), colour=colour)


def _json(item: EventRecord | DomainStatus) -> str:
    if isinstance(item, EventRecord):
        return item.json.decode()
    return status_json(item)


def _virsh(item: EventRecord | DomainStatus, *, is_stamped: bool) -> str | None:
    if not isinstance(item, EventRecord):
        return None
    return virsh_line(item.event, printed_at=datetime.now(UTC) if is_stamped else None)


def status_json(status: DomainStatus) -> str:
    """Return the state of a domain as ``GET /v1/domains`` tells it: numbers and words."""
    state = {"state_name": status.state.word}
    return to_json(status.model_dump(exclude_none=True) | state).decode()
