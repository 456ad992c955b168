"""A state directory on a disk that is full, or may not be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.daemons import DaemonProcess, write_configuration
from tests.faults.disk import NoDisk, mounted
from tests.faults.lives import live_on_a_protected_disk, live_on_a_small_disk
from tests.faults.schedule import (
    FOR_A_PROCESS_ON_A_READ_ONLY_DISK,
    FOR_A_PROCESS_WITH_A_DISK,
    Fault,
)

SEED = 20261120


def test_a_full_disk_keeps_nothing_from_being_told_and_later_written(tmp_path: Path) -> None:
    """Delivery goes on meanwhile; when there is room again, even a kill loses nothing of it."""
    try:
        report = live_on_a_small_disk(tmp_path, FOR_A_PROCESS_WITH_A_DISK, seed=SEED, runs=4)
    except NoDisk as reason:
        pytest.skip(f"NOT CHECKED, a small disk cannot be mounted: {reason}")
    assert not report.found, str(report)
    assert report.undurable > 0


def test_a_read_only_disk_keeps_nothing_from_being_told_and_later_written(tmp_path: Path) -> None:
    """The daemon says what is wrong, and goes on; a kill loses what waits, and says so."""
    try:
        report = live_on_a_protected_disk(
            tmp_path, FOR_A_PROCESS_ON_A_READ_ONLY_DISK, seed=SEED, runs=4
        )
    except NoDisk as reason:
        pytest.skip(f"NOT CHECKED, no directory can be made read-only: {reason}")
    assert not report.found, str(report)
    assert report.undurable > 0


def test_what_is_lost_with_the_process_on_a_full_disk_is_refused_and_told_anew(
    tmp_path: Path,
) -> None:
    """Whoever was told it learns that, goes back to what was on the disk, and then has it all."""
    try:
        report = live_on_a_small_disk(tmp_path, [Fault.KILLED_WITHOUT_DISK], seed=SEED, runs=3)
    except NoDisk as reason:
        pytest.skip(f"NOT CHECKED, a small disk cannot be mounted: {reason}")
    assert not report.found, str(report)
    assert report.set_back > 0
    assert report.told_anew > 0


async def test_a_disk_that_may_not_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    """The daemon does not start without its journal, and says what to do."""
    try:
        with mounted(tmp_path / "state") as disk:
            disk.forbid_writing()
            daemon = DaemonProcess(write_configuration(tmp_path, "esx://root@127.0.0.1:1/"))
            await daemon.start()
            code = await daemon.ended()
    except NoDisk as reason:
        pytest.skip(f"NOT CHECKED, a small disk cannot be mounted: {reason}")
    log = daemon.log.read_text("utf-8")
    assert code == 1, log
    assert "Traceback" not in log
    assert f"the journal {tmp_path}/state/journal.db cannot be used: " in log
