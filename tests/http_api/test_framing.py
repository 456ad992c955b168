from __future__ import annotations

import pytest

from eventd.http_api.framing import Format, Framing, Line, close_frame, text_frame

LINES = [Line(b'{"a":1}', "e1-1"), Line(b'{"b":2}', None)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Format.NDJSON, b'{"a":1}\n{"b":2}\n'),
        (Format.SSE, b'id: e1-1\ndata: {"a":1}\n\ndata: {"b":2}\n\n'),
        (Format.WEBSOCKET, b'\x81\x07{"a":1}\x81\x07{"b":2}'),
    ],
)
def test_lines_are_framed_as_one_chunk(kind: Format, expected: bytes) -> None:
    """All lines of a turn are one piece; only what has a cursor gets an SSE id."""
    assert Framing(kind).chunk(LINES) == expected


def test_a_chunk_carries_its_length_where_the_response_is_chunked() -> None:
    """RFC 9112, section 7.1: size in hexadecimal, CRLF, data, CRLF."""
    framing = Framing(Format.NDJSON, is_chunked=True)
    assert framing.chunk(LINES) == b'10\r\n{"a":1}\n{"b":2}\n\r\n'


@pytest.mark.parametrize("is_chunked", [True, False])
def test_no_lines_are_no_bytes(is_chunked: bool) -> None:
    """An empty chunk would end a chunked response."""
    assert Framing(Format.NDJSON, is_chunked=is_chunked).chunk([]) == b""


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_text_frame_tells_its_length_in_the_shortest_form(size: int, header: bytes) -> None:
    """RFC 6455, section 5.2: seven bits, then 16, then 64."""
    assert text_frame(b"x" * size) == header + b"x" * size


def test_a_close_frame_is_no_longer_than_a_control_frame_may_be() -> None:
    """RFC 6455, section 5.5: at most 125 bytes of payload."""
    frame = close_frame(1013, "y" * 500)
    assert frame[:4] == b"\x88\x7d\x03\xf5"
    assert len(frame) == 2 + 125
