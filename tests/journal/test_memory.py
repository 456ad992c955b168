"""The journal in memory: it holds so many records, and forgets the oldest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.errors import CursorExpired
from eventd.journal.memory import MemoryJournal
from eventd.model.record import Cursor
from tests.journal.things import EVENT, NOW, SUBSCRIPTION


def test_a_full_journal_forgets_its_oldest_records() -> None:
    """``oldest`` is still a cursor to read from, one before it is not."""
    journal = MemoryJournal("a", capacity=4)
    journal.append([EVENT] * 6, now=NOW)
    assert (journal.oldest, journal.newest) == (Cursor("a", 2), Cursor("a", 6))
    records = journal.read(Cursor("a", 2), limit=100)
    assert [record.sequence for record in records] == [3, 4, 5, 6]
    with pytest.raises(CursorExpired):
        journal.read(Cursor("a", 1), limit=100)


def test_what_was_forgotten_can_be_acknowledged() -> None:
    """It was told and dealt with, however long ago."""
    journal = MemoryJournal("a", capacity=2)
    journal.subscribe(SUBSCRIPTION)
    journal.append([EVENT] * 6, now=NOW)
    journal.acknowledge("agent", Cursor("a", 3))
    assert journal.subscriptions() == [SUBSCRIPTION._replace(acknowledged=Cursor("a", 3))]


@given(st.integers(1, 5), st.lists(st.integers(0, 3), max_size=8), st.integers(1, 3))
def test_a_reader_that_keeps_up_sees_each_record_once(
    capacity: int, appends: list[int], limit: int
) -> None:
    """Whatever the appends and its limit, as long as it is not overtaken."""
    journal, cursor, seen = MemoryJournal("a", capacity=capacity), Cursor("a", 0), list[int]()
    for size in appends:
        journal.append([EVENT] * min(size, capacity), now=NOW)
        while records := journal.read(cursor, limit=limit):
            seen += [record.sequence for record in records]
            cursor = records[-1].cursor
    assert seen == list(range(1, journal.newest.sequence + 1))
