"""The command that follows events for scripts, killed again and again, and the daemon with it."""

from __future__ import annotations

from pathlib import Path

from tests.faults.watching import watch_through_kills

SEED = 20261120


async def test_a_watcher_with_a_cursor_file_survives_kills_of_both_ends(tmp_path: Path) -> None:
    """Nothing is missing in what it prints, and at most one line for each kill is there twice."""
    report = await watch_through_kills(tmp_path, seed=SEED, kills=3)
    assert not report.found, str(report)
    assert report.happened > 3
