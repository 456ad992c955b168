"""How records travel: as lines, as server-sent events, or as WebSocket messages. Pure.

A chunk is built once and written to every transport of a group as it is. Where the response is
chunked (HTTP/1.1), the chunk carries its own length, so that nothing has to wrap it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from eventd.model.record import EventRecord

__all__ = ["Format", "Framing", "Line", "close_frame", "text_frame"]


class Format(StrEnum):
    """What a client can ask for with ``?format=``."""

    NDJSON = "ndjson"
    SSE = "sse"
    WEBSOCKET = "websocket"


class Line(NamedTuple):
    """One record of a stream."""

    json: bytes
    """The record, on one line, without a line end."""
    cursor: str | None
    """Where a client that has seen this record resumes; None in the middle of a snapshot."""


@dataclass(frozen=True, slots=True)
class Framing:
    """The outer form of a stream. Subscribers with equal framings can share their bytes."""

    format: Format
    is_chunked: bool = False
    """True if the response has ``Transfer-Encoding: chunked``."""

    def chunk(self, lines: Iterable[Line]) -> bytes:
        """Return the lines as one piece of the response body; empty if there are none."""
        return self._piece(b"".join(map(_LINE_WRITERS[self.format], lines)))

    def events(self, records: Sequence[EventRecord]) -> bytes:
        """Return the lines of events as one piece of the body; each encoding is the record's own.

        Whole histories go through here: nothing is made for a record but its line.
        """
        return self._piece(_RECORD_WRITERS[self.format](records))

    def _piece(self, body: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(body), body) if body and self.is_chunked else body


def _newline_delimited(line: Line) -> bytes:
    return b"%b\n" % line.json


def _server_sent(line: Line) -> bytes:
    # No `event:` field: with one, a browser's `onmessage` would never be called.
    if line.cursor is None:
        return b"data: %b\n\n" % line.json
    return b"id: %b\ndata: %b\n\n" % (line.cursor.encode(), line.json)


def _message(line: Line) -> bytes:
    return text_frame(line.json)


_LINE_WRITERS: Mapping[Format, Callable[[Line], bytes]] = {
    Format.NDJSON: _newline_delimited,
    Format.SSE: _server_sent,
    Format.WEBSOCKET: _message,
}


def _records_newline_delimited(records: Sequence[EventRecord]) -> bytes:
    # The empty one at the end is for the end of the last line.
    return b"\n".join([*(record.json for record in records), b""])


def _records_server_sent(records: Sequence[EventRecord]) -> bytes:
    return b"".join(
        [b"id: %b\ndata: %b\n\n" % (str(each.cursor).encode(), each.json) for each in records]
    )


def _record_messages(records: Sequence[EventRecord]) -> bytes:
    return b"".join([text_frame(record.json) for record in records])


_RECORD_WRITERS: Mapping[Format, Callable[[Sequence[EventRecord]], bytes]] = {
    Format.NDJSON: _records_newline_delimited,
    Format.SSE: _records_server_sent,
    Format.WEBSOCKET: _record_messages,
}


def text_frame(payload: bytes) -> bytes:
    """Return an unmasked text message in one WebSocket frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 1 << 16:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), payload)


def close_frame(code: int, reason: str) -> bytes:
    """Return a WebSocket close frame (RFC 6455, section 5.5.1); the reason is cut to fit."""
    # A control frame has at most 125 bytes, and the code takes two of them.
    payload = code.to_bytes(2, "big") + reason.encode()[:123]
    return b"\x88%c%b" % (len(payload), payload)
