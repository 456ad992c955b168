"""Thousands of domains, and a thousand subscribers of which some are no good ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.catching_up import catch_up
from tests.faults.crowd import CHURN, live_with_many, raise_descriptors
from tests.faults.host import IN_THE_HISTORY

SEED = 20261120


async def test_thousands_of_domains_come_go_and_change_without_a_loss(tmp_path: Path) -> None:
    """The cost is that of what changes; everybody is told all of it, in its order."""
    report = await live_with_many(
        tmp_path, seed=SEED, domains=2000, subscribers=10, happenings=100, operations=CHURN
    )
    assert not report.found, str(report)
    assert report.happened >= 100


async def test_a_thousand_subscribers_get_everything_though_some_do_not_read(
    tmp_path: Path,
) -> None:
    """A hundred stop to read, and a hundred connect anew again and again."""
    if not raise_descriptors(1200):
        pytest.skip("NOT CHECKED, a process may not have 1200 descriptors here")
    report = await live_with_many(
        tmp_path, seed=SEED, domains=10, subscribers=1000, happenings=15, operations=IN_THE_HISTORY
    )
    assert not report.found, str(report)
    assert report.events > 15 * 1000
    assert report.connections > 1000


async def test_who_has_not_read_for_long_catches_up_with_every_event(tmp_path: Path) -> None:
    """From the journal, without holding anything up."""
    caught_up = await catch_up(tmp_path, events=1500, domains=100)
    assert not caught_up.faults, caught_up
    assert caught_up.events >= 1500
