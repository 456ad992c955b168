"""What readers choose events by: the few words of an event that a filter compares.

They are read from the JSON of a record whose event nobody needs: to build an event of it costs
several times as much.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic_core import from_json

from eventd.errors import InvalidArgument

__all__ = ["Traits", "read_traits"]


class Traits(NamedTuple):
    """The words of one event, as the event itself has them; None where it has no such thing."""

    kind: str
    type: str | None
    reason: str | None
    connection: str | None = None
    """Name of the connection that it is about, or that its domain belongs to."""
    uuid: str | None = None
    """Of its domain, as the others."""
    name: str | None = None
    host: str | None = None


def read_traits(json: bytes) -> Traits:
    """Return the traits of the event whose record has this JSON; it may be of a newer eventd.

    Raises:
        InvalidArgument: the bytes are not the JSON of an event.
    """
    try:
        envelope = from_json(json)
        # eventd.domain.<kind>[.<type>].v1, or without the "domain" where it is about none.
        words = envelope["type"].split(".")[1:-1]
        data = envelope["data"]
        domain = data.get("domain")
        if domain is None:
            kind, type_ = words if len(words) > 1 else (*words, None)
            return Traits(kind, type_, data.get("reason"), data.get("connection"))
        return Traits(
            words[1],
            words[2] if len(words) > 2 else None,
            data.get("reason"),
            domain["connection"],
            domain["uuid"],
            domain["name"],
            domain.get("host"),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidArgument(f"not the record of an event: {error}") from error
