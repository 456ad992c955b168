"""Short lives with faults, the same ones each time; the long ones are run by hand.

``python -m tests.faults`` has more of them, and other seeds.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.faults.lives import live_here, live_in_a_process, live_with_other_hosts
from tests.faults.schedule import (
    FOR_A_DAEMON_HERE,
    FOR_A_PROCESS,
    FOR_A_PROCESS_WITH_OTHER_HOSTS,
    Fault,
    draw,
)

SEED = 20261120


def test_the_same_seed_plans_the_same_faults() -> None:
    """So that what was found can be found again."""
    plans = [list(islice(draw(seed, FOR_A_DAEMON_HERE), 50)) for seed in (SEED, SEED, SEED + 1)]
    assert plans[0] == plans[1]
    assert plans[0] != plans[2]
    assert {planned.fault for planned in plans[0]} == set(FOR_A_DAEMON_HERE)


def test_a_daemon_that_is_killed_loses_nothing_and_tells_nothing_twice(tmp_path: Path) -> None:
    """At any moment of the conversation with its host, and while it starts."""
    report = live_in_a_process(tmp_path, FOR_A_PROCESS, seed=SEED, runs=9)
    assert not report.found, str(report)
    assert report.runs.total() == 9


@pytest.mark.parametrize("seed", [SEED, SEED + 1], ids=["esx", "vpx"])
def test_another_host_in_the_place_of_one_is_told_as_another_one(tmp_path: Path, seed: int) -> None:
    """All domains of the one before are removed, those of the new one added, and it is followed."""
    faults = FOR_A_PROCESS_WITH_OTHER_HOSTS
    report = live_with_other_hosts(tmp_path, faults, seed=seed, runs=len(faults))
    assert not report.found, str(report)
    assert set(report.runs) == set(faults)


def test_faults_of_the_host_the_way_and_the_own_clock_lose_nothing(tmp_path: Path) -> None:
    """What is told in the end is what happened, in its order, to everybody and once."""
    report = live_here(tmp_path, FOR_A_DAEMON_HERE, seed=SEED, runs=len(FOR_A_DAEMON_HERE))
    assert not report.found, str(report)
    assert set(report.runs) == set(FOR_A_DAEMON_HERE)


def test_a_host_whose_clock_is_put_back_a_day_is_followed_all_the_same(tmp_path: Path) -> None:
    """Events are known by what they are, and not by when a clock says that they were."""
    report = live_here(tmp_path, [Fault.HOST_CLOCK_BEHIND], seed=SEED, runs=4)
    assert not report.found, str(report)
