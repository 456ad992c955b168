"""What a request asks for, read from its query and headers. Pure: mappings in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self

from eventd.errors import InvalidArgument
from eventd.http_api.filters import DOMAIN_KEYS, FILTER_KEYS, Filter
from eventd.http_api.framing import Format
from eventd.model.record import Cursor
from eventd.model.times import parse_time

__all__ = ["STREAM_KEYS", "ConnectionQuery", "DomainQuery", "EventsQuery", "OnGap", "Query"]

STREAM_KEYS = (
    *("snapshot", "since", "after", "durable", "until", "limit", "follow"),
    *("heartbeat", "on_gap", "format"),
)
"""The query keys of an event stream beside the filters."""

_LIMIT = re.compile(r"0*[1-9]\d{0,17}", re.ASCII)

_HEARTBEAT = re.compile(r"(\d{1,7})(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_SHORTEST_HEARTBEAT = 0.01
_LONGEST_HEARTBEAT = 86_400.0


class Query(Protocol):
    """The part of a multi-valued mapping that is needed here."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return every key with every value."""
        ...


class OnGap(StrEnum):
    """What a stream does where the journal no longer has what follows."""

    ERROR = "error"
    """It is refused with 410, also where that is true of the time of 'since', or ends with a gap
    record."""
    EVENT = "event"
    """It tells a gap record and goes on with what is still held."""


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
    since: datetime | None = None
    """Of what is recorded already, only what happened then or later."""
    until: datetime | None = None
    """Of what is recorded already, only what happened before; and when to end. Aware, UTC."""
    limit: int | None = None
    """After how many events to end."""
    follows: bool = True
    """False if the stream ends when all is told that was recorded at its beginning."""
    on_gap: OnGap = OnGap.ERROR
    durable: str | None = None
    """Name of the durable subscription whose filters and cursor it has."""

    @classmethod
    def parse(cls, query: Query, headers: Mapping[str, str], *, now: datetime) -> Self:
        """Read a stream's query. ``now`` is the time that durations are counted back from.

        Raises:
            InvalidArgument: a key is unknown or occurs twice, a value is wrong, or two keys
                exclude each other.
        """
        filters, rest = _split(query, FILTER_KEYS, STREAM_KEYS)
        if "snapshot" in rest and not _switch("snapshot", rest["snapshot"]):
            del rest["snapshot"]
        if resumed := headers.get("Last-Event-ID"):
            # A browser repeats its first URL when it reconnects: the header is the later word.
            rest = {key: value for key, value in rest.items() if key not in ("snapshot", "since")}
            rest["after"] = resumed
        _refuse_together(filters, rest)
        since, until = (
            parse_time(key, rest[key], now=now) if key in rest else None
            for key in ("since", "until")
        )
        if since and until and until <= since:
            raise InvalidArgument("'until' is not later than 'since': there is no time in between")
        return cls(
            filter=Filter.parse(filters),
            format=_format(rest.get("format"), headers),
            has_snapshot="snapshot" in rest,
            heartbeat=_heartbeat(rest["heartbeat"]) if "heartbeat" in rest else None,
            after=Cursor.parse(rest["after"]) if "after" in rest else None,
            since=since,
            until=until,
            limit=_limit(rest["limit"]) if "limit" in rest else None,
            follows=_switch("follow", rest.get("follow", "true")) and not (until and until <= now),
            on_gap=_on_gap(rest.get("on_gap", OnGap.ERROR)),
            durable=rest.get("durable"),
        )

    @property
    def is_finite(self) -> bool:
        """Whether the stream has an end of its own."""
        return not self.follows or self.limit is not None or self.until is not None


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


# Pairs of keys, with what each of the two would do.
_EXCLUSIVE = (
    ("snapshot", "begin anew", "after", "resume"),
    ("snapshot", "begin anew", "durable", "resume where the subscription is"),
    ("snapshot", "begin with the present", "since", "begin with what has happened"),
    ("snapshot", "begin with the present", "until", "end at a time"),
    ("since", "begin at a time", "after", "resume after a cursor"),
    ("since", "begin at a time", "durable", "resume where the subscription is"),
)


def _refuse_together(filters: list[tuple[str, str]], rest: Mapping[str, str]) -> None:
    for one, to_do_one, other, to_do_other in _EXCLUSIVE:
        if one in rest and other in rest:
            raise InvalidArgument(
                f"{one!r} and {other!r} exclude each other: leave out {other!r} to {to_do_one}, or "
                f"{one!r} to {to_do_other}"
            )
    if filters and "durable" in rest:
        raise InvalidArgument(
            f"'durable' has the filters of its subscription: leave out {filters[0][0]!r}, or "
            "'durable' to choose with filters of your own"
        )


def _limit(value: str) -> int:
    if not _LIMIT.fullmatch(value):
        raise InvalidArgument(f"'limit' is a number of events from 1 on, not {value[:80]!r}")
    return int(value)


def _on_gap(value: str) -> OnGap:
    try:
        return OnGap(value)
    except ValueError:
        known = ", ".join(OnGap)
        raise InvalidArgument(f"'on_gap' is one of {known}, not {value[:80]!r}") from None


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
