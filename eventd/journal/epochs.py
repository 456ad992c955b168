"""The epochs of a journal: which of the cursors that were given out stand for what it holds.

A new epoch begins whenever it is not sure that all which was told is on the disk: with each life of
the process, and when the disk cannot be written. Sequences go on through all of them. What an epoch
has told and the next one has not found is lost: its cursors are good up to where that began.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from eventd.model.record import Cursor

__all__ = ["Epochs"]

_MOST = 10_000
"""How many are remembered; the disk is not full so often, nor eventd killed."""


class Epochs:
    """Names, and the sequences behind which they begin, in order."""

    def __init__(self, known: Iterable[tuple[str, int]] = ()) -> None:
        self._names: list[str] = []
        self._firsts: list[int] = []
        self._places: dict[str, int] = {}
        for name, first in known:
            self._add(name, first)

    def begin(self, name: str, *, behind: int) -> None:
        """Let a new epoch have what follows a sequence."""
        if behind and self._firsts and self._firsts[-1] == behind:
            # Nobody has a cursor of an epoch without a record, but of the very beginning.
            self._firsts.pop()
            del self._places[self._names.pop()]
        self._add(name, behind)

    def _add(self, name: str, first: int) -> None:
        self._places[name] = len(self._names)
        self._names.append(name)
        self._firsts.append(first)

    def items(self) -> list[tuple[str, int]]:
        """Return names and beginnings, as far as they are to be remembered."""
        return list(zip(self._names[-_MOST:], self._firsts[-_MOST:], strict=True))

    @property
    def current(self) -> str:
        """The epoch of the next record."""
        return self._names[-1]

    def cursor(self, sequence: int) -> Cursor:
        """Return the cursor of the record of a sequence, or of the beginning."""
        place = bisect_left(self._firsts, sequence) - 1
        return Cursor(self._names[max(0, place)], sequence)

    def gave_out(self, cursor: Cursor, *, newest: int) -> bool:
        """Whether a cursor stands for what the journal has or had; ``newest`` is its end."""
        place = self._places.get(cursor.epoch)
        if place is None:
            return False
        is_last = place + 1 == len(self._names)
        return cursor.sequence <= (newest if is_last else self._firsts[place + 1])
