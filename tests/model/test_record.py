"""Cursors, and records as they come back from their encoding."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.errors import InvalidArgument
from eventd.model.events import ConnectionConnected
from eventd.model.record import Cursor, EventRecord

NOW = datetime(2026, 11, 20, 11, 51, 59, 827_000, tzinfo=UTC)
EVENT = ConnectionConnected(
    occurred_at=NOW, source="esx://esx01.example/", connection="esx01", domains=3
)


@given(st.from_regex(r"[0-9a-z]{1,16}", fullmatch=True), st.integers(0, 2**63))
def test_a_cursor_is_read_back_from_its_string(epoch: str, sequence: int) -> None:
    """Clients get it and give it back as it is."""
    cursor = Cursor(epoch, sequence)
    assert Cursor.parse(str(cursor)) == cursor


def test_a_cursor_reads_as_epoch_and_sequence() -> None:
    """One string, that needs no escaping in URLs and headers."""
    assert str(Cursor("0001a2", 4212)) == "0001a2-4212"


@pytest.mark.parametrize(
    "text",
    ["", "-", "4212", "a-", "-1", "a--1", "a-+1", "a- 1", "a-1 ", "a-٣", "a-1_0", "a b-1", "a-1\n"],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    """With what was given, and with what to do instead."""
    with pytest.raises(InvalidArgument, match="is not a cursor; pass one back exactly as") as error:
        Cursor.parse(text)
    assert repr(text) in error.value.message


def test_a_cursor_of_endless_digits_is_refused_and_not_repeated() -> None:
    """Python itself refuses to read a number of more than 4,300 digits."""
    with pytest.raises(InvalidArgument, match="is not a cursor") as error:
        Cursor.parse("a-" + "1" * 5_000)
    assert len(error.value.message) < 200


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    """Nothing else can come of it."""
    try:
        cursor = Cursor.parse(text)
    except InvalidArgument:
        return
    assert cursor.sequence >= 0


def test_a_record_has_its_sequence_from_its_cursor_and_its_bytes_not_in_its_repr() -> None:
    """A log line with a record in it stays readable."""
    record = EventRecord.of(EVENT, cursor=Cursor("a", 7), recorded_at=NOW)
    assert record.sequence == 7
    assert "specversion" not in repr(record)


def test_a_record_is_frozen() -> None:
    """It is handed to all readers alike."""
    record = EventRecord.of(EVENT, cursor=Cursor("a", 7), recorded_at=NOW)
    with pytest.raises(AttributeError, match="cannot be changed"):
        record.cursor = Cursor("a", 8)


def test_a_record_is_read_back_from_its_bytes() -> None:
    """All of it, and the bytes are kept as they are."""
    record = EventRecord.of(EVENT, cursor=Cursor("a", 7), recorded_at=NOW)
    assert EventRecord.from_json(record.json) == record


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("type", None),
        ("type", []),
        ("type", "eventd.stream.heartbeat.v1"),
        ("type", "com.example.unknown"),
        ("data", None),
        ("data", []),
        ("data", "text"),
        ("data", {}),
        ("time", "yesterday"),
        ("time", "2026-11-20T11:51:59"),
        ("recordedtime", None),
        ("source", None),
        ("cursor", None),
        ("cursor", 7),
        ("cursor", "7"),
    ],
)
def test_a_record_with_a_wrong_attribute_is_refused(attribute: str, value: object) -> None:
    """Whatever is wrong, it is the same error."""
    record = EventRecord.of(EVENT, cursor=Cursor("a", 7), recorded_at=NOW)
    envelope = json.loads(record.json) | {attribute: value}
    with pytest.raises(InvalidArgument):
        EventRecord.from_json(json.dumps(envelope).encode())


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"7", b"null", b'"x"', b"\xff", b"[" * 10_000])
def test_what_is_no_json_object_is_refused(text: bytes) -> None:
    """A file that was cut, or is of somebody else."""
    with pytest.raises(InvalidArgument, match="not the record of a known event"):
        EventRecord.from_json(text)
