"""What a gap says, of a journal that has been through several epochs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from eventd.http_api.gaps import gap
from eventd.http_api.queries import OnGap
from eventd.journal.durable import DurableJournal
from eventd.journal.retention import Retention
from eventd.model.control import GapReason
from eventd.model.record import Cursor
from tests.journal.things import EVENT, NOW, opened


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[DurableJournal]:
    """It has the epochs ``a`` and ``b``, of ten records each, and has forgotten twelve."""
    with closing(opened(tmp_path, epochs="a")) as first:
        first.append([EVENT] * 10, now=NOW)
    with closing(opened(tmp_path, epochs="b")) as second:
        second.append([EVENT] * 10, now=NOW)
        second.forget_oldest(keep=Retention(bytes=0), now=NOW, most=12)
        yield second


@pytest.mark.parametrize(
    ("after", "reason", "lost"),
    [
        (Cursor("a", 3), GapReason.EXPIRED, 9),
        (Cursor("b", 11), GapReason.EXPIRED, 1),
        (Cursor("a", 11), GapReason.OTHER_JOURNAL, None),
        (Cursor("x", 3), GapReason.OTHER_JOURNAL, None),
    ],
)
def test_a_gap_counts_what_is_lost_over_all_epochs(
    journal: DurableJournal, after: Cursor, reason: GapReason, lost: int | None
) -> None:
    """As long as the cursor stands for something that this journal had."""
    told = gap(journal, after, has_begun=False, on_gap=OnGap.EVENT)
    assert (told.reason, told.lost, told.oldest) == (reason, lost, "b-12")
