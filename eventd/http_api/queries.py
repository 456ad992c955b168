"""What a request asks for, read from its query and headers. Pure: mappings in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self

from eventd.errors import InvalidArgument
from eventd.http_api.filters import DOMAIN_KEYS, FILTER_KEYS, Filter
from eventd.http_api.framing import Format
from eventd.model.record import Cursor

__all__ = ["STREAM_KEYS", "ConnectionQuery", "DomainQuery", "EventsQuery", "Query"]

STREAM_KEYS = ("snapshot", "heartbeat", "after", "format")
"""The query keys of an event stream beside the filters."""

_HEARTBEAT = re.compile(r"(\d{1,7})(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_SHORTEST_HEARTBEAT = 0.01
_LONGEST_HEARTBEAT = 86_400.0


class Query(Protocol):
    """The part of a multi-valued mapping that is needed here."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return every key with every value."""
        ...


@dataclass(frozen=True, slots=True)
class EventsQuery:
    """A wish for a stream of events."""

    filter: Filter = field(default_factory=Filter)
    format: Format = Format.NDJSON
    has_snapshot: bool = False
    """True if the stream shall begin with the present state."""
    heartbeat: float | None = None
    """Seconds between heartbeats, or None for no heartbeat."""
    after: Cursor | None = None
    """Where to resume, or None to begin with what comes."""

    @classmethod
    def parse(cls, query: Query, headers: Mapping[str, str]) -> Self:
        """Read a stream's query.

        Raises:
            InvalidArgument: a key is unknown or occurs twice, or a value is wrong.
        """
        filters, rest = _split(query, FILTER_KEYS, STREAM_KEYS)
        # A browser repeats its first URL when it reconnects: the header is the later word.
        resumed = headers.get("Last-Event-ID")
        after = resumed or rest.get("after")
        snapshot = _switch("snapshot", rest.get("snapshot", "false")) and not resumed
        if snapshot and after is not None:
            raise InvalidArgument(
                "'snapshot' and 'after' exclude each other: one begins anew, the other resumes"
            )
        return cls(
            filter=Filter.parse(filters),
            format=_format(rest.get("format"), headers),
            has_snapshot=snapshot,
            heartbeat=_heartbeat(rest["heartbeat"]) if "heartbeat" in rest else None,
            after=None if after is None else Cursor.parse(after),
        )


@dataclass(frozen=True, slots=True)
class DomainQuery:
    """A wish for a list of domains."""

    filter: Filter

    @classmethod
    def parse(cls, query: Query) -> Self:
        """Read the query of a list of domains; raises InvalidArgument like `EventsQuery.parse`."""
        filters, _ = _split(query, DOMAIN_KEYS, ())
        return cls(Filter.parse(filters))


@dataclass(frozen=True, slots=True)
class ConnectionQuery:
    """A wish for the one domain that the path names."""

    connection: str | None = None
    """Name of the only connection to look in, or None to look in all."""

    @classmethod
    def parse(cls, query: Query) -> Self:
        """Read the query of one domain; raises InvalidArgument like `EventsQuery.parse`."""
        _, single = _split(query, (), ("connection",))
        if single.get("connection") == "":
            raise InvalidArgument("'connection' is empty; give it a value or leave it out")
        return cls(**single)


def _split(
    query: Query, filter_keys: tuple[str, ...], single_keys: tuple[str, ...]
) -> tuple[list[tuple[str, str]], dict[str, str]]:
    filters: list[tuple[str, str]] = []
    single: dict[str, str] = {}
    for key, value in query.items():
        if key in filter_keys:
            filters.append((key, value))
        elif key not in single_keys:
            known = ", ".join((*filter_keys, *single_keys))
            raise InvalidArgument(f"{key[:80]!r} is not a key of this query; the keys are {known}")
        elif key in single:
            raise InvalidArgument(f"{key!r} is given twice; give it once")
        else:
            single[key] = value
    return filters, single


def _switch(key: str, value: str) -> bool:
    match value.lower():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
        case _:
            raise InvalidArgument(f"{key!r} is true or false, not {value[:80]!r}")


def _heartbeat(value: str) -> float:
    match = _HEARTBEAT.fullmatch(value)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not _SHORTEST_HEARTBEAT <= seconds <= _LONGEST_HEARTBEAT:
        raise InvalidArgument(
            f"'heartbeat' is a duration from 10ms to 24h such as 15s, not {value[:80]!r}"
        )
    return seconds


def _format(value: str | None, headers: Mapping[str, str]) -> Format:
    if headers.get("Upgrade", "").lower() == Format.WEBSOCKET:
        return Format.WEBSOCKET
    if value is None:
        is_sse = "text/event-stream" in headers.get("Accept", "").lower()
        return Format.SSE if is_sse else Format.NDJSON
    try:
        chosen = Format(value)
    except ValueError:
        known = ", ".join(Format)
        raise InvalidArgument(f"{value[:80]!r} is not a format; known are {known}") from None
    if chosen is Format.WEBSOCKET:
        raise InvalidArgument("'format=websocket' needs the headers of a WebSocket handshake")
    return chosen
