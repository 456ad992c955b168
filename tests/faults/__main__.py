"""The long run, by hand: ``python -m tests.faults --seed N --runs M [--only killed|here]``.

It prints what happened and what was wrong with it, and ends with 1 if anything was. A life has at
most so many runs, so that journals and worlds do not only grow; each has a seed of its own, which
brings it back.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from tests.faults.lives import live_here, live_in_a_process
from tests.faults.schedule import FOR_A_DAEMON_HERE, FOR_A_PROCESS, Fault
from tests.faults.trial import Report

_RUNS_OF_A_LIFE = 50

_LIVES = {
    "killed": (live_in_a_process, (Fault.DAEMON_KILLED, Fault.DAEMON_KILLED_TWICE)),
    "process": (live_in_a_process, FOR_A_PROCESS),
    "here": (live_here, FOR_A_DAEMON_HERE),
}
_USUAL = ("process", "here")


def main() -> int:
    """Run, report, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--only", choices=sorted(_LIVES), help="a part of the faults")
    parser.add_argument("--life", type=int, default=_RUNS_OF_A_LIFE, help="runs of one life")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    parts = (given.only,) if given.only else _USUAL
    total = Report()
    seed, left = given.seed, given.runs
    while left > 0:
        for part in parts:
            live, faults = _LIVES[part]
            begun = time.monotonic()
            with TemporaryDirectory() as directory:
                report = live(Path(directory), faults, seed=seed, runs=min(left, given.life))
            took = time.monotonic() - begun
            total.add(report)
            print(
                f"seed {seed}, {part}: {report.runs.total()} runs in {took:.0f} s: lost "
                f"{report.found.lost}, doubled {report.found.doubled}, misordered "
                f"{report.found.misordered}",
                flush=True,
            )
            left -= min(left, given.life)
        seed += 1
    print(total)
    return 1 if total.found else 0


if __name__ == "__main__":
    sys.exit(main())
