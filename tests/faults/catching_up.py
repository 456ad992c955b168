"""A subscriber that does not read while a hundred thousand events happen, and then does.

By hand: ``python -m tests.faults.catching_up [EVENTS]``; it ends with 1 if an event was missing, or
the daemon has grown by 20 MB.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.faults.daemons import DaemonProcess, write_configuration
from tests.faults.host import Host
from tests.faults.subscriber import Subscriber, Temper, until_ready
from tests.faults.validator import Faults, OrderOnly

__all__ = ["CaughtUp", "catch_up"]

_WARM = 2000
"""Events after which the daemon has grown to its usual size."""

_MOST_GROWTH = 20_000
"""kB."""

_STOPS = Temper(stops=1.0)


class CaughtUp(NamedTuple):
    """What came of it."""

    events: int
    """How many events the late one got."""
    before: int
    """The memory of the daemon (``VmRSS``, kB) when it was warm."""
    behind: int
    """The same when all had happened."""
    after: int
    """The same when the late one had read everything."""
    faults: Faults


def _has_had(subscriber: Subscriber, count: int) -> bool:
    return subscriber.validator.count >= count


async def catch_up(
    directory: Path, *, events: int, domains: int = 200, patience: float = 600.0
) -> CaughtUp:
    """Publish at least so many events past one who does not read, and let it read then."""
    host = Host(seed=1, clock=lambda: datetime.now(UTC), domains=domains)
    async with host.serve() as server, asyncio.TaskGroup() as tasks, asyncio.timeout(patience):
        daemon = DaemonProcess(write_configuration(directory, server.whole_uri))
        await daemon.start()
        await until_ready(daemon.socket)
        quick = Subscriber("quick", daemon.socket, validator=OrderOnly("quick"))
        late = Subscriber("late", daemon.socket, validator=OrderOnly("late"), temper=_STOPS)
        running = [tasks.create_task(each.run()) for each in (quick, late)]
        for each in (quick, late):
            await each.until(lambda each=each: each.connections > 0)  # type: ignore[misc]

        async def publish(count: int) -> None:
            begin = quick.validator.count
            while quick.validator.count < begin + count:
                # A turn of all domains at a time: a host is never far ahead of who follows it.
                told = quick.validator.count + host.turn_all()
                await quick.until(partial(_has_had, quick, told))

        await publish(min(_WARM, events))
        before = daemon.reckoned("VmRSS")
        await publish(events)
        behind = daemon.reckoned("VmRSS")
        late.wake()
        await late.until(partial(_has_had, late, events))
        await late.until(lambda: late.validator.cursor == quick.validator.cursor)
        after = daemon.reckoned("VmRSS")
        for task in running:
            task.cancel()
        await daemon.stop()
    faults = quick.validator.faults
    faults.add(late.validator.faults)
    return CaughtUp(late.validator.count, before, behind, after, faults)


def _main() -> int:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with TemporaryDirectory() as directory:
        caught_up = asyncio.run(catch_up(Path(directory), events=events, patience=3600.0))
    grown = max(caught_up.behind, caught_up.after) - caught_up.before
    print(caught_up)
    print(f"{caught_up.events} events were caught up with; the daemon has grown by {grown} kB")
    return 1 if caught_up.faults or grown >= _MOST_GROWTH else 0


if __name__ == "__main__":
    sys.exit(_main())
