"""Reading the journal a page at a time, each of about as many bytes as may wait for a client."""

from __future__ import annotations

from collections.abc import Sequence

from eventd.journal.journal import Journal
from eventd.model.record import Cursor, EventRecord

__all__ = ["Pages"]

_BYTES = 128 * 1024
"""Of a page. A transport that takes a further one has less than its own 64 KiB waiting: together
they are below the 256 KiB that may wait for one client."""
_MOST = 256
"""Records of a page: where the JSON of each is read to choose, one or two milliseconds of work."""
_FEWEST = 4


class Pages:
    """Reads for one client. What does not fit into a page is read again with the next one."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._limit = _MOST
        """Records that are likely to fill a page, by the size of those of the last one."""

    def after(self, cursor: Cursor) -> Sequence[EventRecord]:
        """Return some of the records that follow a cursor, in order; nothing if there are none.

        Raises:
            CursorExpired: the journal no longer has what follows.
        """
        records = self._journal.read(cursor, limit=self._limit)
        size = 0
        for count, record in enumerate(records, 1):
            size += len(record.json)
            if size > _BYTES:
                self._limit = max(_FEWEST, count)
                # One that is larger than a page is a page of its own.
                return records[: max(1, count - 1)]
        if len(records) == self._limit:
            self._limit = min(_MOST, 2 * self._limit)
        return records
