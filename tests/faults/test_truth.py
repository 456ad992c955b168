"""What may be told of domains whose host is replaced by another one, and what may not."""

from __future__ import annotations

import pytest

from tests.faults.truth import Come, Gone, Truth
from tests.faults.validator import compare

ON, OFF = "started booted", "stopped destroyed"
END, LAST = "stopped shutdown", "undefined removed"
FIRST = "defined added"


def faults(truth: Truth, told: list[str]) -> tuple[int, int, int]:
    found = compare(truth.nearest({"uuid": told}), {"uuid": told})
    return found.lost, found.doubled, found.misordered


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([ON, OFF, ON, END, LAST], (0, 0, 0)),
        ([ON, OFF, LAST], (0, 0, 0)),
        ([ON, END, LAST], (0, 0, 0)),
        ([LAST], (4, 0, 0)),
        ([ON, LAST], (3, 0, 0)),
        ([ON, OFF, END, LAST], (1, 0, 0)),
        ([ON, OFF, ON, END], (1, 0, 0)),
        ([ON, OFF, ON, LAST, END], (0, 0, 1)),
        ([ON, OFF, ON, END, LAST, LAST], (0, 1, 0)),
    ],
)
def test_a_domain_ends_behind_what_was_seen_of_it(
    told: list[str], found: tuple[int, int, int]
) -> None:
    """It was off, and what happened first is certain; how it ends goes by what was seen last."""
    assert faults(Truth({}, gone={"uuid": Gone("off", [ON, OFF, ON], certain=1)}), told) == found


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([FIRST, ON, OFF, ON], (0, 0, 0)),
        ([FIRST, OFF, ON], (1, 0, 0)),
        ([FIRST, ON], (2, 0, 0)),
        ([FIRST], (3, 0, 0)),
        ([ON, OFF, ON], (1, 0, 0)),
        ([FIRST, ON, ON, OFF, ON], (0, 1, 0)),
    ],
)
def test_a_domain_begins_with_the_state_in_which_it_was_found(
    told: list[str], found: tuple[int, int, int]
) -> None:
    """The observer came before or after the first thing; either way what follows is told."""
    assert faults(Truth({}, come={"uuid": Come("off", [ON, OFF, ON], late=1)}), told) == found


def test_a_domain_with_the_uuid_of_one_before_comes_after_its_end() -> None:
    """Both are told under the same UUID, one after the other."""
    truth = Truth(
        {}, gone={"uuid": Gone("on", [], certain=0)}, come={"uuid": Come("off", [], late=0)}
    )
    assert faults(truth, [END, LAST, FIRST]) == (0, 0, 0)
    assert faults(truth, [FIRST, END, LAST]) == (0, 0, 1)


def test_a_domain_that_nobody_saw_has_no_end() -> None:
    """It came and went while the host answered nobody."""
    truth = Truth({}, gone={"uuid": Gone(None, [FIRST, ON], certain=0)})
    assert faults(truth, []) == (0, 0, 0)
    assert faults(truth, [FIRST, LAST]) == (0, 0, 0)
    assert faults(truth, [LAST]) != (0, 0, 0)
