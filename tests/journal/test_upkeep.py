"""The upkeep of a journal: it forgets in small steps, and writes when there is room again."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

from eventd import metrics
from eventd.journal.durable import FILE_NAME
from eventd.journal.retention import Retention
from eventd.journal.upkeep import Upkeep
from tests.journal.test_durable import kept_from_writing
from tests.journal.things import EVENT, NOW, opened

PLENTY = Retention(bytes=1 << 30, age=timedelta(days=1))


class Instants:
    """A monotonic clock that goes as far as a test says."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def gauge(name: str) -> float:
    return metrics.REGISTRY.get_sample_value(name) or 0


async def test_records_are_forgotten_when_they_have_become_old(tmp_path: Path) -> None:
    """However many; the time since the start of the process counts."""
    instant = Instants()
    with closing(opened(tmp_path)) as journal:
        journal.append([EVENT] * 600, now=NOW)
        upkeep = Upkeep(journal, keep=PLENTY, clock=lambda: NOW, instant=instant)
        await upkeep.look_after()
        assert journal.oldest.sequence == 0
        instant.seconds += 86_401
        await upkeep.look_after()
        assert journal.oldest.sequence == 600


async def test_a_clock_that_jumps_ahead_makes_nothing_old(tmp_path: Path) -> None:
    """It may be set back again, and what is forgotten stays so."""
    times = iter([NOW, NOW + timedelta(days=365)])
    with closing(opened(tmp_path)) as journal:
        journal.append([EVENT], now=NOW)
        upkeep = Upkeep(journal, keep=PLENTY, clock=lambda: next(times), instant=Instants())
        await upkeep.look_after()
        assert journal.oldest.sequence == 0


async def test_what_waits_is_written_when_it_is_possible(tmp_path: Path) -> None:
    """All of it at once, as far as others are concerned; agents see how much waits."""
    with closing(opened(tmp_path)) as journal:
        problems: list[str | None] = []
        upkeep = Upkeep(
            journal,
            keep=PLENTY,
            clock=lambda: NOW,
            problem_changed=lambda: problems.append(journal.problem),
        )
        with kept_from_writing(tmp_path):
            for _ in range(250):
                journal.append([EVENT], now=NOW)
            await upkeep.look_after()
            await upkeep.look_after()
            assert gauge("eventd_journal_undurable_records") == 250
        await upkeep.look_after()
        assert problems == ["database is locked", None]
        assert gauge("eventd_journal_undurable_records") == 0
        assert gauge("eventd_journal_bytes") == journal.size > 0


async def test_a_long_log_is_brought_into_the_file(tmp_path: Path) -> None:
    """In a thread of its own: the log begins anew with the next record, and grows no more."""
    log = tmp_path / f"{FILE_NAME}-wal"
    with closing(opened(tmp_path)) as journal:
        upkeep = Upkeep(journal, keep=PLENTY, clock=lambda: NOW)
        sizes = []
        for _ in range(4):
            while not journal.needs_checkpoint:
                journal.append([EVENT] * 100, now=NOW)
            await upkeep.look_after()
            journal.append([EVENT], now=NOW)
            sizes.append(log.stat().st_size)
        assert sizes[-1] < 1.2 * sizes[0]
        assert (tmp_path / FILE_NAME).stat().st_size > sizes[0] / 2
