"""Whole lives, put together: who runs where, by which clock, and for how many faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from eventd.simulator import Product
from tests.faults.daemons import DaemonHere, DaemonProcess, write_configuration
from tests.faults.disk import Disk, mounted, protectable
from tests.faults.fast_loop import Clock, run_fast
from tests.faults.host import IN_THE_HISTORY, Host
from tests.faults.proxy import Proxy
from tests.faults.schedule import Fault, draw
from tests.faults.subscriber import RESTLESS, STEADY, TIRED, Subscriber
from tests.faults.trial import Report, Trial

__all__ = [
    "live_here",
    "live_in_a_process",
    "live_on_a_protected_disk",
    "live_on_a_small_disk",
    "live_with_other_hosts",
]

_PATIENCE_HERE = 400.0
"""Seconds of the fast loop: several long polls that end in nothing."""

_PATIENCE = 30.0
_REST = 0.02


def _subscribers(socket: Path, *, seed: int) -> list[Subscriber]:
    return [
        Subscriber("steady", socket, temper=STEADY, seed=seed),
        Subscriber("restless", socket, temper=RESTLESS, seed=seed, goes_on_behind_gaps=True),
        Subscriber("tired", socket, temper=TIRED, seed=seed),
    ]


@asynccontextmanager
async def _way_to(host: Host, *, seed: int) -> AsyncIterator[Proxy]:
    async with (
        host.serve() as server,
        Proxy(server.host, server.port, seed=seed).serve() as proxy,
    ):
        yield proxy


def _uri(proxy: Proxy, product: Product) -> str:
    return f"{product}://root@127.0.0.1:{proxy.port}/?transport=http"


async def _runs(trial: Trial, faults: Sequence[Fault], *, seed: int, count: int) -> Report:
    total = Report()
    async with trial.running():
        for planned in islice(draw(seed, faults), count):
            report = await trial.run(planned)
            total.add(report)
            if report.found:
                break  # what follows would be about the same
    return total


def live_here(
    directory: Path,
    faults: Sequence[Fault],
    *,
    seed: int,
    runs: int,
    operations: Collection[str] = IN_THE_HISTORY,
    rest: float = 2.0,
) -> Report:
    """Live with a daemon in this process, in fast time.

    With little ``rest`` a domain changes many times while one answer is on its way.
    """

    async def live() -> Report:
        clock = Clock()
        host = Host(seed=seed, clock=Clock(), operations=operations)
        async with _way_to(host, seed=seed) as proxy, asyncio.TaskGroup() as tasks:
            daemon = DaemonHere(
                write_configuration(directory, _uri(proxy, "esx")), tasks, clock=clock
            )
            trial = Trial(
                host,
                proxy,
                daemon,
                _subscribers(daemon.socket, seed=seed),
                seed=seed,
                patience=_PATIENCE_HERE,
                rest=rest,
                clock=clock,
            )
            return await _runs(trial, faults, seed=seed, count=runs)

    return run_fast(live)


def live_in_a_process(
    directory: Path,
    faults: Sequence[Fault],
    *,
    seed: int,
    runs: int,
    operations: Collection[str] = IN_THE_HISTORY,
    disk: Disk | None = None,
    product: Product = "esx",
) -> Report:
    """Live with a daemon in a process of its own, that can be killed."""

    async def live() -> Report:
        host = Host(
            seed=seed, clock=lambda: datetime.now(UTC), product=product, operations=operations
        )
        async with AsyncExitStack() as stack:
            proxy = await stack.enter_async_context(_way_to(host, seed=seed))
            daemon = DaemonProcess(write_configuration(directory, _uri(proxy, product)))
            stack.callback(daemon.abandon)
            subscribers = _subscribers(daemon.socket, seed=seed)
            trial = Trial(
                host,
                proxy,
                daemon,
                subscribers,
                seed=seed,
                patience=_PATIENCE,
                rest=_REST,
                disk=disk,
            )
            return await _runs(trial, faults, seed=seed, count=runs)

    return asyncio.run(live())


def live_on_a_small_disk(
    directory: Path,
    faults: Sequence[Fault],
    *,
    seed: int,
    runs: int,
    operations: Collection[str] = IN_THE_HISTORY,
) -> Report:
    """The same with a state directory on a disk that can be full.

    Raises:
        NoDisk: none can be mounted here.
    """
    with mounted(directory / "state") as disk:
        return live_in_a_process(
            directory, faults, seed=seed, runs=runs, operations=operations, disk=disk
        )


def live_on_a_protected_disk(
    directory: Path,
    faults: Sequence[Fault],
    *,
    seed: int,
    runs: int,
    operations: Collection[str] = IN_THE_HISTORY,
) -> Report:
    """The same with a state directory that can be read-only.

    Raises:
        NoDisk: this user cannot make it so here.
    """
    with protectable(directory / "state") as disk:
        return live_in_a_process(
            directory, faults, seed=seed, runs=runs, operations=operations, disk=disk
        )


def live_with_other_hosts(
    directory: Path,
    faults: Sequence[Fault],
    *,
    seed: int,
    runs: int,
    operations: Collection[str] = IN_THE_HISTORY,
) -> Report:
    """Live in a process, with a bare host or with a vCenter."""
    product: Product = "vpx" if seed % 2 else "esx"
    return live_in_a_process(
        directory, faults, seed=seed, runs=runs, operations=operations, product=product
    )
