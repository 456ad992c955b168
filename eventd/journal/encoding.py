"""How the last known picture is written: JSON objects, without what is None.

A field that an older or newer eventd had, and this one has not, is passed by; what cannot be read
at all is as if it had never been known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from eventd.model.picture import DomainPicture, HistoryPosition

__all__ = [
    "decode_filters",
    "decode_names",
    "decode_picture",
    "decode_position",
    "encode_filters",
    "encode_names",
    "encode_picture",
    "encode_position",
]

T = TypeVar("T")

_PICTURE: TypeAdapter[DomainPicture] = TypeAdapter(DomainPicture)
_POSITION: TypeAdapter[HistoryPosition] = TypeAdapter(HistoryPosition)
_NAMES: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])
_FILTERS: TypeAdapter[tuple[tuple[str, str], ...]] = TypeAdapter(tuple[tuple[str, str], ...])

_PICTURE_FIELDS = frozenset(DomainPicture._fields)


def encode_picture(picture: DomainPicture) -> bytes:
    """Write the picture of a domain."""
    fields = zip(DomainPicture._fields, picture, strict=True)
    return to_json({name: value for name, value in fields if value is not None})


def decode_picture(json: bytes) -> DomainPicture | None:
    """Read the picture of a domain; None if it cannot be read."""
    try:
        fields = from_json(json)
        known = {name: fields[name] for name in fields.keys() & _PICTURE_FIELDS}
        # As JSON, where a time is a text.
        return _PICTURE.validate_json(json if len(known) == len(fields) else to_json(known))
    except (ValueError, TypeError, AttributeError, ValidationError):
        return None


def encode_position(position: HistoryPosition | None) -> bytes | None:
    """Write how far the history of a host is dealt with."""
    return None if position is None else to_json(position._asdict())


def decode_position(json: bytes | None) -> HistoryPosition | None:
    """Read how far the history of a host is dealt with; None if it cannot be read."""
    return None if json is None else _read(_POSITION, json)


def encode_names(names: Mapping[str, str]) -> bytes:
    """Write the names of hosts by their references."""
    return to_json(dict(names))


def decode_names(json: bytes) -> dict[str, str]:
    """Read the names of hosts by their references."""
    return _read(_NAMES, json) or {}


def encode_filters(filters: tuple[tuple[str, str], ...]) -> bytes:
    """Write which events a subscription wants."""
    return to_json(filters)


def decode_filters(json: bytes) -> tuple[tuple[str, str], ...] | None:
    """Read which events a subscription wants; None if that cannot be read."""
    return _read(_FILTERS, json)


def _read(kind: TypeAdapter[T], json: bytes) -> T | None:
    try:
        return kind.validate_json(json)
    except ValidationError:
        return None
