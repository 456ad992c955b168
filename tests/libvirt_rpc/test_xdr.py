"""XDR against RFC 4506 and against itself."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.errors import UndecodableMessage
from eventd.libvirt_rpc.xdr import (
    DOUBLE,
    HYPER,
    INT,
    UHYPER,
    UINT,
    Type,
    array,
    characters,
    opaque,
    optional,
    string,
    structure,
    union,
)

TEXT = string(most=100)

I32, U32 = st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1)
I64, U64 = st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=25)


def row(*fields: Any) -> Sequence[Any]:
    return fields


VALUES: list[tuple[Type[Any], st.SearchStrategy[Any]]] = [
    (INT, I32),
    (UINT, U32),
    (HYPER, I64),
    (UHYPER, U64),
    (DOUBLE, st.floats(allow_nan=False)),
    (opaque(16), st.binary(min_size=16, max_size=16)),
    (opaque(5), st.binary(min_size=5, max_size=5)),
    (TEXT, TEXTS),
    (characters(32), st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=31)),
    (optional(TEXT), st.none() | TEXTS),
    (array(INT, most=10), st.lists(I32, max_size=10)),
    (structure(row, TEXT, INT, optional(UINT)), st.tuples(TEXTS, I32, st.none() | U32)),
    (union({1: INT, 7: TEXT}), st.tuples(st.just(1), I32) | st.tuples(st.just(7), TEXTS)),
]


@given(st.data())
@pytest.mark.parametrize(("kind", "values"), VALUES)
def test_what_is_written_is_read_back(
    kind: Type[Any], values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    """Each type reads what it has written, to its last byte, in units of four."""
    value = data.draw(values)
    encoded = kind.encode(value)
    assert len(encoded) % 4 == 0
    assert kind.decode(encoded) == value
    if encoded:
        with pytest.raises(UndecodableMessage):
            kind.decode(encoded[:-1])


@given(st.binary(max_size=64))
@pytest.mark.parametrize("kind", [kind for kind, _ in VALUES])
def test_any_bytes_are_a_value_or_undecodable(kind: Type[Any], data: bytes) -> None:
    """Nothing but `UndecodableMessage` comes of what a peer sends."""
    try:
        value = kind.decode(data)
    except UndecodableMessage:
        return
    assert kind.encode(value) or value in (b"", (), [])


def test_the_layout_is_that_of_the_standard() -> None:
    """RFC 4506, 4.11 and 4.19: counts, zero padding, 0 and 1 for what is optional."""
    assert TEXT.encode("hello") == b"\0\0\0\5hello\0\0\0"
    assert optional(INT).encode(None) == b"\0\0\0\0"
    assert optional(INT).encode(-2) == b"\0\0\0\1\xff\xff\xff\xfe"
    assert array(UINT, most=2).encode([1, 2]) == b"\0\0\0\2\0\0\0\1\0\0\0\2"
    assert characters(3).encode("ab") == b"\0\0\0a\0\0\0b\0\0\0\0"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (TEXT, b"\0\0\0\x65" + b"x" * 104),
        (TEXT, b"\0\0\0\1\xff\0\0\0"),
        (array(INT, most=3), b"\0\0\0\4" + bytes(16)),
        (array(INT, most=1 << 30), b"\x20\0\0\0" + bytes(16)),
        (union({1: INT}), b"\0\0\0\2" + bytes(4)),
    ],
    ids=["long text", "no UTF-8", "long list", "count without values", "unknown arm"],
)
def test_what_is_out_of_bounds_is_refused(kind: Type[Any], data: bytes) -> None:
    """A bound is checked before anything of that size is made."""
    with pytest.raises(UndecodableMessage):
        kind.decode(data)


def test_any_number_but_zero_says_that_a_value_follows() -> None:
    """libvirt's C library takes all of them, and go-libvirt writes the bytes of 1 backwards."""
    assert optional(INT).decode(b"\1\0\0\0" + b"\0\0\0\7") == 7


def test_a_text_that_no_client_could_read_is_made_readable() -> None:
    """libvirt-python raises at what is no UTF-8, and C ends at a NUL; a domain has its name."""
    assert TEXT.decode(TEXT.encode("a\0b")) == "a\N{REPLACEMENT CHARACTER}b"
    assert TEXT.decode(TEXT.encode("a\ud800b")) == "a?b"
    assert string(most=4).decode(string(most=4).encode("abcé")) == "abc"


def test_a_value_that_does_not_fit_is_an_error_of_who_writes_it() -> None:
    """What eventd writes is right, or it is not sent."""
    for kind, value in [(INT, 2**31), (opaque(16), b"x"), (array(INT, most=1), [1, 2])]:
        with pytest.raises((ValueError, struct.error)):
            kind.encode(value)  # type: ignore[attr-defined]
