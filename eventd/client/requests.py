"""What a program asks for, in the words in which the daemon takes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from eventd.errors import InvalidArgument
from eventd.model.operations import DomainOperation
from eventd.model.times import parse_time

__all__ = ["Time", "Words", "only", "operation_of", "path_of", "query_of", "time_text"]

Time = datetime | float | str
"""An aware datetime, seconds of Unix time, or a text as docker takes it."""

Words = str | Iterable[str]
"""One value of a filter, or several of which any may match."""


def query_of(**filters: Words) -> list[tuple[str, str]]:
    """Return filters as keys and values of a query."""
    return [
        (key, value)
        for key, words in filters.items()
        for value in ([words] if isinstance(words, str) else words)
    ]


def only(connection: str | None) -> list[tuple[str, str]]:
    """Return the query that looks in one connection, or in all for None."""
    return [] if connection is None else [("connection", connection)]


def operation_of(word: str) -> DomainOperation:
    """Return the operation that a word names.

    Raises:
        InvalidArgument: it names none.
    """
    try:
        return DomainOperation(word)
    except ValueError:
        known = ", ".join(DomainOperation)
        raise InvalidArgument(
            f"{str(word)[:80]!r} is not an operation; there are {known}"
        ) from None


def time_text(key: str, at: Time, *, now: datetime) -> str:
    """Return a time as the daemon takes it, and as it still is after an outage.

    Raises:
        InvalidArgument: it is none.
    """
    if isinstance(at, str):
        return parse_time(key, at, now=now).isoformat()
    if not isinstance(at, datetime):
        # As a text, a small number would be a mistake; of a program it is a time of long ago.
        try:
            return datetime.fromtimestamp(at, UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            raise InvalidArgument(f"{key!r} is no second of Unix time: {at!r}") from None
    if at.utcoffset() is None:
        raise InvalidArgument(f"{key!r} is a time without an offset; make it an aware datetime")
    return at.astimezone(UTC).isoformat()


def path_of(collection: str, name: str, *what: str) -> str:
    """Return the path of what belongs to something that has a name, with whatever characters.

    Raises:
        InvalidArgument: no path can have such a name in it.
    """
    try:
        quoted = quote(name, safe="")
    except UnicodeEncodeError:
        quoted = ""
    # In a path, the dots would lead to somewhere else.
    if quoted in ("", ".", ".."):
        raise InvalidArgument(
            f"{name[:80]!r} cannot be sent as the name of anything; give its UUID or its id"
        )
    return "/".join(("/v1", collection, quoted, *what))
