"""What the journal costs: beside one in memory, and as it grows.

Run by hand: ``python -m tests.benchmarks.journal [ROUNDS [MILLIONS]]``. All kinds of journals take
turns, so that the ratios hold on a busy machine. Latency is from the call that publishes an event
to the moment when a subscriber in a process of its own has it, by the monotonic clock that both
share. Replay is to one subscriber over the socket, too. With MILLIONS of events, the last part
fills a journal with as many, and shows what grows with it.

Targets: 20,000 events/s in transactions of 100 with ``durability = "process"``; 100,000 events/s
replayed; a median latency with ``process`` within 1.5 times that without a journal.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import NamedTuple, cast

from eventd import logs
from eventd.bus.delivery import Delivery
from eventd.bus.registry import Registry
from eventd.http_api import HttpApi
from eventd.journal.durable import FILE_NAME, DurableJournal
from eventd.journal.journal import Journal
from eventd.journal.memory import MemoryJournal
from eventd.journal.retention import Retention
from eventd.journal.store import Durability, Store
from eventd.journal.upkeep import Upkeep
from eventd.model.operator import Operator
from eventd.model.picture import DomainPicture, PictureChange
from eventd.model.record import Cursor, EventRecord
from tests.benchmarks.fan_out import NOW, NoHosts, event

EVERYTHING = Retention(bytes=1 << 50)
BATCH = 100
KINDS = ("memory", *Durability)


def opened(kind: str, directory: Path) -> DurableJournal | MemoryJournal:
    if kind == "memory":
        return MemoryJournal("e1", capacity=1 << 20)
    return DurableJournal(directory / kind, clock=lambda: NOW, durability=Durability(kind))


def close(journal: DurableJournal | MemoryJournal) -> None:
    if isinstance(journal, DurableJournal):
        journal.close()


class Served(NamedTuple):
    """A journal behind the HTTP API, with its upkeep."""

    journal: Journal
    publish: Callable[[int], None]
    path: Path


@asynccontextmanager
async def served(journal: DurableJournal | MemoryJournal) -> AsyncIterator[Served]:
    async with Delivery(Registry()) as delivery, asyncio.TaskGroup() as tasks:
        api = HttpApi(
            journal=journal,
            delivery=delivery,
            registry=Registry(),
            directory=NoHosts(),
            operator=cast(Operator, None),  # nobody asks it for anything here
            clock=lambda: NOW,
        )

        def publish(number: int) -> None:
            change = PictureChange("lab", {"vm-1": DomainPicture(f"vm-{number}")}, frozenset())
            delivery.publish(journal.append([event(number)], now=NOW, picture=change))

        with TemporaryDirectory() as directory:
            async with api.serve(Path(directory)):
                upkeep = None
                if isinstance(journal, DurableJournal):
                    looked_after = Upkeep(journal, keep=EVERYTHING, clock=lambda: NOW)
                    upkeep = tasks.create_task(looked_after.run())
                yield Served(journal, publish, Path(directory) / "eventd.sock")
                if upkeep is not None:
                    upkeep.cancel()


# -- being a subscriber, in another process


def subscribe(path: str, query: str, count: int) -> None:
    """Read a stream; say when it begins, and then when each of ``count`` events, or all, came."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.sendall(f"GET /v1/events{query} HTTP/1.1\r\nHost: eventd\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(1 << 16)
    print("subscribed", flush=True)
    seen, arrived = head.count(b'"specversion"'), list[float]()
    begin = time.perf_counter()
    while seen < count:
        new = client.recv(1 << 18).count(b'"specversion"')
        seen += new
        if count <= 10_000:
            arrived += [time.monotonic()] * new
    print(json.dumps({"seconds": time.perf_counter() - begin, "arrived": arrived}), flush=True)


async def subscriber(path: Path, query: str, count: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.benchmarks.journal",
        "--subscribe",
        str(path),
        query,
        str(count),
        stdout=asyncio.subprocess.PIPE,
    )


# -- what is measured


def append_rate(journal: Journal, *, events: int) -> float:
    """Return events per second in transactions of `BATCH`."""
    batch = [event(number) for number in range(BATCH)]
    begin = time.perf_counter()
    for _ in range(events // BATCH):
        journal.append(batch, now=NOW)
    return events / (time.perf_counter() - begin)


async def latencies(journal: DurableJournal | MemoryJournal, *, events: int) -> list[float]:
    """Return how many seconds each event took to a subscriber, one after another."""
    async with served(journal) as here:
        process = await subscriber(here.path, "", events)
        assert process.stdout is not None
        await process.stdout.readline()
        published = []
        for number in range(events):
            published.append(time.monotonic())
            here.publish(number)
            await asyncio.sleep(0.002)
        arrived = json.loads(await process.stdout.readline())["arrived"]
        await process.wait()
    return [late - early for early, late in zip(published, arrived, strict=True)]


async def replay_rate(journal: DurableJournal, *, query: str) -> float:
    """Return events per second from the disk to one subscriber."""
    count = journal.newest.sequence - journal.oldest.sequence
    async with served(journal) as here:
        process = await subscriber(here.path, f"?after={journal.oldest}{query}", count)
        assert process.stdout is not None
        begin = time.perf_counter()
        await process.stdout.readline()
        await process.stdout.readline()
        spent = time.perf_counter() - begin
        await process.wait()
    return count / spent


async def compare(rounds: int) -> None:
    rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    replays: dict[str, list[float]] = {"ndjson": [], "sse": []}
    for _ in range(rounds):
        for kind in KINDS:
            with TemporaryDirectory() as name:
                journal = opened(kind, Path(name))
                rates[kind].append(append_rate(journal, events=20_000))
                times[kind] += await latencies(journal, events=1000)
                if kind == Durability.PROCESS:
                    assert isinstance(journal, DurableJournal)
                    append_rate(journal, events=200_000)
                    for form, found in replays.items():
                        found.append(await replay_rate(journal, query=f"&format={form}"))
                close(journal)
    usual_rate, usual = median(rates["memory"]), median(times["memory"])
    for kind in KINDS:
        rate, late = median(rates[kind]), median(times[kind])
        worst = quantiles(times[kind], n=100)[98]
        print(
            f"{kind}: {rate:,.0f} events/s in transactions of {BATCH} "
            f"({rate / usual_rate:.2f} of that in memory); to a subscriber "
            f"{late * 1e6:.0f} us ({late / usual:.2f} times), 99 of 100 within {worst * 1e6:.0f} us"
        )
    for form, found in replays.items():
        print(f"replay of 220,000 events as {form}: {median(found):,.0f} events/s")


# -- as it grows


def grow(directory: Path, *, to: int) -> None:
    """Fill the file of a journal; its records are encoded once, which would take most of the time.

    The numbers in them are all the same, and of the same length as the true ones.
    """
    store = Store(directory / FILE_NAME, durability=Durability.PROCESS)
    with closing(store):
        epoch = store.epoch or "e1"
        model = EventRecord.of(event(1), cursor=Cursor(epoch, to), recorded_at=NOW)
        content = (model.event, NOW)
        while store.newest < to:
            first = store.newest + 1
            store.write(
                [
                    EventRecord(
                        Cursor(epoch, sequence),
                        model.json,
                        happened=model.happened,
                        content=content,
                    )
                    for sequence in range(first, first + 1000)
                ],
                epochs=[epoch],
            )
            if store.log_size > 1 << 26:
                store.checkpoint_at_once()


def show_size(directory: Path, millions: float) -> None:
    begin = time.perf_counter()
    journal = DurableJournal(directory, clock=lambda: NOW)
    opening = time.perf_counter() - begin
    with closing(journal):
        rate = append_rate(journal, events=20_000)
        first, last = journal.oldest.sequence, journal.newest.sequence
        epoch = journal.newest.epoch
        pages = [Cursor(epoch, random.randrange(first, last)) for _ in range(200)]
        reading = timed([partial(journal.read, cursor, limit=64) for cursor in pages])
        searching = timed([lambda: journal.before(NOW) for _ in range(200)])
        forgetting = timed(
            [
                lambda: journal.forget_oldest(keep=Retention(bytes=0), now=NOW, most=250)
                for _ in range(50)
            ]
        )
        size = os.stat(directory / FILE_NAME).st_size / 1e9
    print(
        f"{millions:g} million events, {size:.2f} GB: opened in {opening * 1e3:.1f} ms, "
        f"{rate:,.0f} events/s appended, a page of 64 anywhere {reading:.0f} us, "
        f"a time found in {searching:.0f} us, 250 forgotten in {forgetting:.0f} us"
    )


def timed(calls: Sequence[Callable[[], object]]) -> float:
    """Return the median of what calls take, in microseconds."""
    spent = []
    for call in calls:
        begin = time.perf_counter()
        call()
        spent.append(time.perf_counter() - begin)
    return median(spent) * 1e6


def show_growth(millions: float) -> None:
    with TemporaryDirectory() as name:
        for size in (0.1, 1.0, 10.0):
            if size > millions:
                break
            grow(Path(name), to=int(size * 1e6))
            show_size(Path(name), size)


def main() -> None:
    """Compare, or be a subscriber."""
    logs.configure(level="error", format="console", stream=sys.stderr)
    match sys.argv[1:]:
        case ["--subscribe", path, query, count]:
            subscribe(path, query, int(count))
        case [rounds, millions]:
            asyncio.run(compare(int(rounds)))
            show_growth(float(millions))
        case arguments:
            asyncio.run(compare(int(arguments[0]) if arguments else 5))


if __name__ == "__main__":
    main()
