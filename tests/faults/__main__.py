"""The long run, by hand: ``python -m tests.faults --seed N --runs M [--only PART]``.

``python -m tests.faults.catching_up`` and ``python -m tests.faults.crowd`` are the other two.

It prints what happened and what was wrong with it, and ends with 1 if anything was. A life has at
most so many runs, so that journals and worlds do not only grow; each has a seed of its own, which
brings it back.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import structlog

from tests.faults.disk import NoDisk
from tests.faults.host import IN_THE_HISTORY
from tests.faults.lives import (
    live_here,
    live_in_a_process,
    live_on_a_protected_disk,
    live_on_a_small_disk,
    live_with_other_hosts,
)
from tests.faults.schedule import (
    FOR_A_DAEMON_HERE,
    FOR_A_HOST_WITH_A_CLOCK,
    FOR_A_PROCESS,
    FOR_A_PROCESS_ON_A_FULL_DISK,
    FOR_A_PROCESS_ON_A_READ_ONLY_DISK,
    FOR_A_PROCESS_WITH_A_DISK,
    FOR_A_PROCESS_WITH_OTHER_HOSTS,
    Fault,
)
from tests.faults.trial import Report
from tests.faults.watching import watch_through_kills
from tests.situations.random_life import OPERATIONS

_RUNS_OF_A_LIFE = 50


class Live(Protocol):
    """Lives for so many runs in a directory of its own."""

    def __call__(
        self,
        directory: Path,
        faults: Sequence[Fault],
        *,
        seed: int,
        runs: int,
        operations: Collection[str],
    ) -> Report:
        """Return what came of it."""
        ...


def _live_with_a_watcher(
    directory: Path,
    faults: Sequence[Fault],
    *,
    seed: int,
    runs: int,
    operations: Collection[str],
) -> Report:
    """Kill ``eventd watch`` and the daemon; the one fault there is."""
    work = watch_through_kills(directory, seed=seed, kills=runs, operations=operations)
    report = asyncio.run(work)
    report.runs = Counter(dict.fromkeys(faults, runs))
    return report


_LIVES: dict[str, tuple[Live, Sequence[Fault]]] = {
    "killed": (live_in_a_process, (Fault.DAEMON_KILLED, Fault.DAEMON_KILLED_TWICE)),
    "process": (live_in_a_process, FOR_A_PROCESS),
    "disk": (live_on_a_small_disk, FOR_A_PROCESS_WITH_A_DISK),
    "full-killed": (live_on_a_small_disk, FOR_A_PROCESS_ON_A_FULL_DISK),
    "readonly": (live_on_a_protected_disk, FOR_A_PROCESS_ON_A_READ_ONLY_DISK),
    "reinstalled": (live_with_other_hosts, FOR_A_PROCESS_WITH_OTHER_HOSTS),
    "here": (live_here, FOR_A_DAEMON_HERE),
    "clock": (live_here, FOR_A_HOST_WITH_A_CLOCK),
    "watch": (_live_with_a_watcher, (Fault.WATCHER_KILLED,)),
    "hasty": (partial(live_here, rest=0.02), FOR_A_DAEMON_HERE),
}
_USUAL = ("process", "here", "reinstalled", "readonly", "full-killed")


def main() -> int:
    """Run, report, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--only", choices=sorted(_LIVES), help="a part of the faults")
    parser.add_argument("--life", type=int, default=_RUNS_OF_A_LIFE, help="runs of one life")
    parser.add_argument(
        "--operations",
        default=",".join(sorted(IN_THE_HISTORY)),
        help=f"what happens to domains, of: {', '.join(sorted(OPERATIONS))}",
    )
    given = parser.parse_args()
    operations = frozenset(given.operations.split(","))
    if unknown := operations - OPERATIONS:
        parser.error(f"no such operations: {', '.join(sorted(unknown))}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    parts = (given.only,) if given.only else _USUAL
    total = Report()
    seed, left = given.seed, given.runs
    while left > 0:
        is_checked = False
        for part in parts:
            live, faults = _LIVES[part]
            begun = time.monotonic()
            with TemporaryDirectory() as directory:
                try:
                    report = live(
                        Path(directory),
                        faults,
                        seed=seed,
                        runs=min(left, given.life),
                        operations=operations,
                    )
                except NoDisk as reason:
                    print(f"seed {seed}, {part}: NOT CHECKED, {reason}", flush=True)
                    continue
            is_checked = True
            took = time.monotonic() - begun
            total.add(report)
            print(
                f"seed {seed}, {part}: {report.runs.total()} runs in {took:.0f} s: lost "
                f"{report.found.lost}, doubled {report.found.doubled}, misordered "
                f"{report.found.misordered}",
                flush=True,
            )
            left -= min(left, given.life)
        if not is_checked:
            return 1
        seed += 1
    print(total)
    return 1 if total.found else 0


if __name__ == "__main__":
    sys.exit(main())
