"""Which faults strike, when, and what goes on meanwhile: the same for the same seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

__all__ = [
    "FOR_A_DAEMON_HERE",
    "FOR_A_HOST_WITH_A_CLOCK",
    "FOR_A_PROCESS",
    "FOR_A_PROCESS_ON_A_FULL_DISK",
    "FOR_A_PROCESS_ON_A_READ_ONLY_DISK",
    "FOR_A_PROCESS_WITH_A_DISK",
    "FOR_A_PROCESS_WITH_OTHER_HOSTS",
    "Fault",
    "Planned",
    "draw",
]


class Fault(StrEnum):
    """What can go wrong."""

    DAEMON_KILLED = "the daemon is killed, and started again"
    DAEMON_KILLED_TWICE = "the daemon is killed, and once more while it starts"
    DAEMON_RESTARTED = "the daemon is stopped in order, and started again"
    WATCHER_KILLED = "eventd watch is killed, and the daemon"
    DISK_FULL = "the disk is full for a while; soon after, the daemon is killed"
    DISK_READ_ONLY = "the disk may not be written for a while"
    KILLED_WITHOUT_DISK = "the daemon is killed while the disk takes nothing"
    HOST_REPLACED = "another host is there in the place of the one before"
    HOST_REPLACED_AND_KILLED = "another host is there, and the daemon is killed while it finds out"
    HOST_RESTARTED = "the host ends, and is there again with the domains as they were"
    HOST_CUT_OFF = "all connections to the host end"
    ANSWER_CUT = "the connection ends in the middle of an answer"
    ANSWER_GARBLED = "the host answers with bytes that mean nothing"
    ANSWER_MISSING = "the host does its work and ends the connection without an answer"
    SESSION_ENDED = "the host forgets all sessions"
    CONNECTION_STUCK = "nothing passes any more, and neither side is told"
    ANSWER_LATE = "an answer comes later than the daemon waits for it"
    DAEMON_CLOCK_AHEAD = "the clock of the daemon is put a day forward"
    DAEMON_CLOCK_BEHIND = "the clock of the daemon is put a day back"
    HOST_CLOCK_AHEAD = "the clock of the host is put a day forward"
    HOST_CLOCK_BEHIND = "the clock of the host is put a day back"


_ON_THE_WAY = (
    Fault.HOST_RESTARTED,
    Fault.HOST_CUT_OFF,
    Fault.ANSWER_CUT,
    Fault.ANSWER_GARBLED,
    Fault.ANSWER_MISSING,
    Fault.SESSION_ENDED,
)

FOR_A_PROCESS = (Fault.DAEMON_KILLED, Fault.DAEMON_KILLED_TWICE, Fault.DAEMON_RESTARTED)

FOR_A_PROCESS_WITH_A_DISK = (Fault.DISK_FULL, Fault.DAEMON_KILLED)

FOR_A_PROCESS_ON_A_FULL_DISK = (Fault.KILLED_WITHOUT_DISK, Fault.DISK_FULL)

FOR_A_PROCESS_ON_A_READ_ONLY_DISK = (
    Fault.DISK_READ_ONLY,
    Fault.KILLED_WITHOUT_DISK,
    Fault.DAEMON_KILLED,
)

FOR_A_PROCESS_WITH_OTHER_HOSTS = (
    Fault.HOST_REPLACED,
    Fault.HOST_REPLACED_AND_KILLED,
    Fault.HOST_RESTARTED,
    Fault.DAEMON_KILLED,
)

FOR_A_DAEMON_HERE = (
    *_ON_THE_WAY,
    Fault.HOST_REPLACED,
    Fault.DAEMON_RESTARTED,
    Fault.CONNECTION_STUCK,
    Fault.ANSWER_LATE,
    Fault.DAEMON_CLOCK_AHEAD,
    Fault.DAEMON_CLOCK_BEHIND,
)

FOR_A_HOST_WITH_A_CLOCK = (Fault.HOST_CLOCK_AHEAD, Fault.HOST_CLOCK_BEHIND)
"""In lives of their own: a simulated world stands still until a clock that was put back is where it
was, so that all that follows happens at one moment."""


class Planned(NamedTuple):
    """One fault with what goes on around it."""

    fault: Fault
    before: int
    """So many things happen to domains before."""
    pieces: int
    """It strikes when so many more pieces of answers have come from the host."""
    meanwhile: int
    """So many things happen while it lasts."""
    after: int
    """So many things happen afterwards."""


def draw(seed: int, faults: Sequence[Fault]) -> Iterator[Planned]:
    """Draw faults without end; of each kind about the same number."""
    source = random.Random(f"schedule {seed}")
    while True:
        for fault in source.sample(faults, len(faults)):
            yield Planned(
                fault,
                before=source.randrange(6),
                # Few are the likeliest: most of what can break does so at a beginning.
                pieces=1 + int(source.expovariate(1 / 8)),
                meanwhile=source.choice((0, 1, 2, 5, 20)),
                after=source.randrange(6),
            )
