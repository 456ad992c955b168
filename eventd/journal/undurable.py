"""What cannot be written at the moment: records and changes that wait in memory for the disk.

They wait batch by batch, as they came: what happened, and the picture that it led to, have to reach
the disk together. Past a number of bytes, the oldest records are given up.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from eventd.journal.changes import Changes
from eventd.model.record import EventRecord

__all__ = ["Batch", "Undurable"]


@dataclass(slots=True)
class Batch:
    """What is written in one transaction."""

    records: list[EventRecord]
    changes: Changes = field(default_factory=Changes)


class Undurable:
    """Holds at most ``most_bytes`` of records, or a single batch."""

    def __init__(self, *, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._batches: deque[Batch] = deque()
        self._records: deque[EventRecord] = deque()
        """Those of all batches."""
        self._bytes = 0
        self.given_up = 0
        """The sequence of the last record that was given up."""

    def __bool__(self) -> bool:
        return bool(self._batches)

    @property
    def count(self) -> int:
        """How many records wait."""
        return len(self._records)

    def add(self, batch: Batch) -> None:
        """Let a batch wait behind the others."""
        self._batches.append(batch)
        self._records.extend(batch.records)
        self._bytes += _size(batch)
        while self._bytes > self._most_bytes and len(self._batches) > 1:
            oldest, following = self._batches[0], self._batches[1]
            if oldest.records:
                self.given_up = oldest.records[-1].sequence
            oldest.changes.add(following.changes)
            following.changes = oldest.changes
            self.drop_first(1)

    def first(self, most: int | None) -> tuple[Batch, int]:
        """Return the batches that wait longest as one, and how many these are."""
        whole = Batch([])
        batches = list(islice(self._batches, most))
        for each in batches:
            whole.records.extend(each.records)
            whole.changes.add(each.changes)
        return whole, len(batches)

    def drop_first(self, count: int) -> None:
        """Let go of the batches that wait longest: they are written, or given up."""
        for _ in range(count):
            batch = self._batches.popleft()
            for _ in batch.records:
                self._records.popleft()
            self._bytes -= _size(batch)

    def read(self, after: int, *, limit: int) -> list[EventRecord]:
        """Return at most ``limit`` of the records that follow a sequence, in order."""
        if not self._records:
            return []
        skipped = max(0, after + 1 - self._records[0].sequence)
        return list(islice(self._records, skipped, skipped + limit))

    def before(self, since: int) -> int | None:
        """Return the sequence just before the first record that happened at ``since`` or later."""
        first = (each.sequence - 1 for each in self._records if each.happened >= since)
        return next(first, None)


def _size(batch: Batch) -> int:
    return sum(len(record.json) for record in batch.records)
