from __future__ import annotations

from eventd.journal.memory import MemoryJournal
from eventd.journal.pages import Pages
from eventd.model.record import Cursor, EventRecord

PAGE = 128 * 1024


class Stored(MemoryJournal):
    """A journal of records of given sizes, as they are read from a file."""

    def __init__(self, *sizes: int) -> None:
        super().__init__("e1")
        for size in sizes:
            self._sequence += 1
            cursor = Cursor("e1", self._sequence)
            self._records.append(EventRecord(cursor, b"x" * size, happened=0))


def pages_of(journal: MemoryJournal) -> list[list[int]]:
    """Return the sizes of the records of each page."""
    pages, cursor, found = Pages(journal), Cursor("e1", 0), []
    while records := pages.after(cursor):
        found.append([len(record.json) for record in records])
        cursor = records[-1].cursor
    return found


def test_a_page_is_of_as_many_bytes_as_may_wait() -> None:
    """However large the records are, and nothing is left out."""
    sizes = [10_000] * 40 + [600] * 300 + [PAGE - 1] * 3 + [1] * 600
    pages = pages_of(Stored(*sizes))
    assert [size for page in pages for size in page] == sizes
    assert all(sum(page) <= PAGE for page in pages)


def test_a_record_that_is_larger_than_a_page_is_one_by_itself() -> None:
    """It has to be told."""
    assert pages_of(Stored(5, PAGE * 2, 5)) == [[5], [PAGE * 2], [5]]


def test_large_records_are_not_read_again_and_again() -> None:
    """Only as many are asked for as fit, by the size of those before."""
    asked: list[int] = []

    class Counting(Stored):
        def read(self, after: Cursor, *, limit: int) -> list[EventRecord]:
            records = super().read(after, limit=limit)
            asked.append(len(records))
            return records

    pages = pages_of(Counting(*[10_000] * 600))
    assert sum(map(len, pages)) == 600
    assert sum(asked) < 1100
    asked.clear()
    pages_of(Counting(*[100] * 2560))
    assert asked == [256] * 10 + [0]
