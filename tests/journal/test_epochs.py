"""Epochs: which cursors stand for what the journal has or had."""

from __future__ import annotations

import pytest

from eventd.journal.epochs import Epochs
from eventd.model.record import Cursor


@pytest.fixture
def epochs() -> Epochs:
    """``a`` has what follows 0, ``b`` what follows 100, ``c`` what follows 250."""
    return Epochs([("a", 0), ("b", 100), ("c", 250)])


@pytest.mark.parametrize(
    ("sequence", "epoch"),
    [(0, "a"), (1, "a"), (100, "a"), (101, "b"), (250, "b"), (251, "c"), (9999, "c")],
)
def test_the_cursor_of_a_record_is_of_the_epoch_that_told_it(
    epochs: Epochs, sequence: int, epoch: str
) -> None:
    """Whoever has it was told all up to there, in that epoch or before."""
    assert epochs.cursor(sequence) == Cursor(epoch, sequence)


@pytest.mark.parametrize(
    ("cursor", "is_good"),
    [
        (Cursor("a", 0), True),
        (Cursor("a", 100), True),
        (Cursor("a", 101), False),
        (Cursor("b", 250), True),
        (Cursor("b", 251), False),
        (Cursor("c", 300), True),
        (Cursor("c", 301), False),
        (Cursor("d", 0), False),
    ],
)
def test_a_cursor_is_good_up_to_where_the_next_epoch_began(
    epochs: Epochs, cursor: Cursor, is_good: bool
) -> None:
    """What the epoch told beyond that is lost, and others have its numbers."""
    assert epochs.gave_out(cursor, newest=300) is is_good


def test_an_epoch_that_told_nothing_leaves_nothing(epochs: Epochs) -> None:
    """However often the disk is full and free again."""
    for number in range(1000):
        epochs.begin(f"d{number}", behind=300)
    assert epochs.current == "d999"
    assert epochs.items() == [("a", 0), ("b", 100), ("c", 250), ("d999", 300)]


def test_the_beginning_belongs_to_the_first_epoch() -> None:
    """Its cursor is given out before anything is told."""
    epochs = Epochs()
    epochs.begin("a", behind=0)
    assert epochs.cursor(0) == Cursor("a", 0)
    epochs.begin("b", behind=0)
    assert epochs.gave_out(Cursor("a", 0), newest=0)
    assert not epochs.gave_out(Cursor("a", 1), newest=1)
