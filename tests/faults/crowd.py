"""Many at once: thousands of domains, or of subscribers, with a daemon in a process of its own.

Most of the crowd only looks at the order of what it gets, since a thousand programs in one process
have not the time for more; one of them compares every event with the truth.

By hand: ``python -m tests.faults.crowd [DOMAINS [SUBSCRIBERS [HAPPENINGS]]]``.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.daemons import DaemonProcess, write_configuration
from tests.faults.host import Host
from tests.faults.subscriber import RESTLESS, STEADY, Subscriber, Temper, until_ready
from tests.faults.trial import Report
from tests.faults.validator import Faults, OrderOnly, by_domain, compare

__all__ = ["CHURN", "live_with_many", "raise_descriptors"]

CHURN = frozenset({"power_on", "power_off", "create", "register", "destroy", "unregister"})
"""What makes domains come, go and change."""

_STOPS = Temper(stops=1.0)
"""It reads one line, and then nothing until it is woken."""


def raise_descriptors(needed: int) -> bool:
    """Let this process have as many descriptors as it may; return whether that is enough."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return True


async def live_with_many(
    directory: Path,
    *,
    seed: int,
    domains: int,
    subscribers: int,
    happenings: int,
    operations: frozenset[str],
    patience: float = 110.0,
) -> Report:
    """Let things happen to many domains in front of many subscribers.

    A tenth of them stops to read, another one connects anew again and again.
    """
    host = Host(seed=seed, clock=lambda: datetime.now(UTC), domains=domains, operations=operations)
    report = Report()
    async with host.serve() as server, asyncio.TaskGroup() as tasks, asyncio.timeout(patience):
        daemon = DaemonProcess(write_configuration(directory, server.whole_uri))
        await daemon.start()
        await until_ready(daemon.socket)
        judge = Subscriber("judge", daemon.socket, seed=seed)
        crowd = _crowd(daemon.socket, subscribers, seed=seed)
        everybody = [judge, *crowd]
        running = [tasks.create_task(each.run()) for each in everybody]
        for each in everybody:
            await each.until(lambda each=each: each.connections > 0)  # type: ignore[misc]
        host.compared()
        for _ in range(happenings):
            host.happen()
            await asyncio.sleep(0)

        happened = host.happened()
        count = sum(map(len, happened.values()))

        def difference() -> Faults:
            return compare(happened, by_domain(judge.validator.told))

        try:
            async with asyncio.timeout(patience * 0.8):
                # To compare everything takes its time: not after each event.
                await judge.until(lambda: len(judge.validator.told) >= count)
                await judge.until(lambda: not difference())
                for each in crowd:
                    each.wake()
                    await each.until(partial(_has_caught_up, each, judge))
        except TimeoutError:
            report.found.lose("not everybody was told everything in time")
        for task in running:
            task.cancel()
        await daemon.stop()
    report.happened = count
    report.found.add(difference())
    for each in everybody:
        report.events += each.validator.count
        report.connections += each.connections
        report.found.add(each.validator.faults)
    return report


def _has_caught_up(subscriber: Subscriber, judge: Subscriber) -> bool:
    return subscriber.validator.cursor == judge.validator.cursor


def _crowd(socket: Path, count: int, *, seed: int) -> Sequence[Subscriber]:
    tempers = chain(
        (_STOPS for _ in range(count // 10)),
        (RESTLESS for _ in range(count // 10)),
        (STEADY for _ in range(count - 2 * (count // 10))),
    )
    return [
        Subscriber(f"{number}", socket, temper=temper, seed=seed, validator=OrderOnly(f"{number}"))
        for number, temper in enumerate(tempers, 1)
    ]


def _main() -> int:
    given = [int(each) for each in sys.argv[1:]]
    domains, subscribers, happenings = [*given, *(10_000, 1_000, 500)[len(given) :]]
    if not raise_descriptors(subscribers + 200):
        print(f"a process may not have {subscribers + 200} descriptors here")
        return 2
    with TemporaryDirectory() as directory:
        report = asyncio.run(
            live_with_many(
                Path(directory),
                seed=1,
                domains=domains,
                subscribers=subscribers,
                happenings=happenings,
                operations=CHURN,
                patience=1800.0,
            )
        )
    print(report)
    return 1 if report.found else 0


if __name__ == "__main__":
    sys.exit(_main())
