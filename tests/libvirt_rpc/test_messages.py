"""Frames and headers, against bytes that libvirtd 9.0.0 and its clients have sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.errors import ErrorCode, UndecodableMessage
from eventd.libvirt_rpc.messages import (
    KEEPALIVE_PROGRAM,
    MOST_BYTES,
    PING,
    REMOTE_ERROR,
    REMOTE_PROGRAM,
    VERSION,
    Frames,
    Header,
    Kind,
    RemoteError,
    Status,
    message,
)

AUTH_LIST = bytes.fromhex("0000001c200080860000000100000042000000000000000000000000")
OPEN = bytes.fromhex(
    "00000038200080860000000100000001000000000000000200000000"
    "000000010000000f746573743a2f2f2f64656661756c740000000000"
)
PINGED = bytes.fromhex("0000001c6b6565700000000100000001000000020000000000000000")
NO_DOMAIN = bytes.fromhex(
    "000000702000808600000001000000170000000100000006000000010000002a0000000c0000000100000010"
    "446f6d61696e206e6f7420666f756e6400000002000000000000000100000010446f6d61696e206e6f742066"
    "6f756e640000000000000000ffffffffffffffff00000000"
)


def test_messages_are_written_as_they_were_recorded() -> None:
    """A call without arguments, and what is no call at all."""
    assert message(Header(REMOTE_PROGRAM, VERSION, 66, Kind.CALL, 0)) == AUTH_LIST
    assert message(Header(KEEPALIVE_PROGRAM, VERSION, PING, Kind.MESSAGE, 0)) == PINGED


def test_an_error_is_written_as_it_was_recorded() -> None:
    """libvirtd's answer for a name that no domain has."""
    error = RemoteError.of(ErrorCode.NO_DOMAIN, "Domain not found", domain=12)
    header = Header(REMOTE_PROGRAM, VERSION, 23, Kind.REPLY, 6, Status.ERROR)
    assert message(header, REMOTE_ERROR.encode(error)) == NO_DOMAIN
    assert REMOTE_ERROR.decode(NO_DOMAIN[28:]) == error


def test_the_detail_of_an_error_is_told_beside_its_form() -> None:
    """As libvirtd has it: a form with %s in str1, and what is put there in str2."""
    error = RemoteError.of(ErrorCode.RPC, "unknown procedure: 9", domain=7, detail="9")
    assert (error.message, error.str1, error.str2) == (
        "unknown procedure: 9",
        "unknown procedure: %s",
        "9",
    )


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40))
def test_messages_come_out_however_their_bytes_come_in(sizes: list[int]) -> None:
    """TCP's and Unix's streams know no messages."""
    stream, frames, found = AUTH_LIST + OPEN + PINGED, Frames(), []
    position = 0
    for size in [*sizes, len(stream)]:
        frames.feed(stream[position : position + size])
        position += size
        while (got := frames.next()) is not None:
            found.append((got[0].procedure, len(got[1])))
    assert found == [(66, 0), (1, 28), (PING, 0)]


@pytest.mark.parametrize("length", [0, 4, 27, MOST_BYTES + 1, 0xFFFFFFFF])
def test_a_length_that_is_none_is_refused_at_once(length: int) -> None:
    """Not when so many bytes are there: a client would fill the memory first."""
    frames = Frames()
    frames.feed(length.to_bytes(4, "big"))
    with pytest.raises(UndecodableMessage, match=f"has {length} bytes"):
        frames.next()
