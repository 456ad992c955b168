"""What handing events to many subscribers costs: the broadcast, and a queue for each of them.

Run by hand: ``python tests/benchmarks/fan_out.py [ROUNDS]``. The subscribers live in a process of
their own, so that the times are the server's CPU alone. Both ways serve the same records over
aiohttp and take turns, so that the ratio holds on a busy machine. Target: one encoding for each
event, whatever the number of subscribers.
"""

from __future__ import annotations

import asyncio
import resource
import selectors
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import cast

from aiohttp import web

from eventd import metrics
from eventd.bus.delivery import Delivery
from eventd.bus.registry import Registry
from eventd.http_api import HttpApi
from eventd.journal.memory import MemoryJournal
from eventd.model.domain import ConnectionStatus, Domain, DomainStatus
from eventd.model.events import DomainStarted
from eventd.model.evidence import Cause, Evidence
from eventd.model.lifecycle import StartedDetail
from eventd.model.operator import Operator
from eventd.model.record import EventRecord

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SUBSCRIBERS = 1000
READ_AT_ONCE = 1 << 16

Publish = Callable[[Sequence[DomainStarted]], None]
Server = Callable[[Path], AbstractAsyncContextManager[Publish]]


class NoHosts:
    """A directory without anything in it."""

    def domains(self) -> Sequence[DomainStatus]:
        return ()

    def connections(self) -> Sequence[ConnectionStatus]:
        return ()


def event(number: int) -> DomainStarted:
    domain = Domain(
        connection="lab",
        reference=f"vm-{number}",
        uuid=f"4215d4a2-0000-0000-0000-{number:012d}",
        name=f"web-{number}",
        id=number,
        host="esx01",
    )
    return DomainStarted(
        occurred_at=NOW,
        source="esx://esx01.example/",
        domain=domain,
        evidence=Evidence(cause=Cause.STATE),
        detail=StartedDetail.BOOTED,
    )


@asynccontextmanager
async def broadcast(directory: Path) -> AsyncIterator[Publish]:
    """Serve events as eventd does."""
    journal, registry = MemoryJournal("e1"), Registry()
    async with Delivery(registry) as delivery:
        api = HttpApi(
            journal=journal,
            delivery=delivery,
            registry=registry,
            directory=NoHosts(),
            operator=cast(Operator, None),  # nobody asks it for anything here
            clock=lambda: NOW,
        )
        async with api.serve(directory):
            yield lambda events: delivery.publish(journal.append(events, now=NOW))


@asynccontextmanager
async def queues(directory: Path) -> AsyncIterator[Publish]:
    """Serve events as is usual: a queue for each subscriber, a write for each event."""
    journal = MemoryJournal("e1")
    waiting: set[asyncio.Queue[EventRecord]] = set()

    async def follow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        queue: asyncio.Queue[EventRecord] = asyncio.Queue()
        waiting.add(queue)
        try:
            while True:
                await response.write((await queue.get()).json + b"\n")
        finally:
            waiting.discard(queue)

    def publish(events: Sequence[DomainStarted]) -> None:
        for record in journal.append(events, now=NOW):
            for queue in waiting:
                queue.put_nowait(record)

    application = web.Application()
    application.router.add_get("/v1/events", follow)
    runner = web.AppRunner(
        application, access_log=None, handler_cancellation=True, shutdown_timeout=1
    )
    await runner.setup()
    await web.UnixSite(runner, str(directory / "eventd.sock")).start()
    try:
        yield publish
    finally:
        await runner.cleanup()


async def measure(server: Server, *, turns: int, burst: int) -> tuple[float, float]:
    """Return CPU seconds of the server and encodings, for ``turns`` times ``burst`` events."""
    batches = [[event(number) for number in range(burst)] for _ in range(turns)]
    with TemporaryDirectory() as directory:
        async with server(Path(directory)) as publish:
            readers = await asyncio.create_subprocess_exec(
                sys.executable,
                __file__,
                "--read",
                str(Path(directory) / "eventd.sock"),
                str(turns * burst),
                stdout=asyncio.subprocess.PIPE,
            )
            assert readers.stdout is not None
            await readers.stdout.readline()
            encoded, begin = _encoded(), time.process_time()
            for batch in batches:
                publish(batch)
                await asyncio.sleep(0)
            await readers.stdout.readline()
            spent = time.process_time() - begin, _encoded() - encoded
            await readers.wait()
            return spent


def _encoded() -> float:
    return metrics.REGISTRY.get_sample_value("eventd_events_encoded_total") or 0.0


def read(path: str, events: int) -> None:
    """Be all subscribers; say when all have subscribed, and when all have every event."""
    selector = selectors.DefaultSelector()
    for _ in range(SUBSCRIBERS):
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
        client.sendall(b"GET /v1/events HTTP/1.1\r\nHost: eventd\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(READ_AT_ONCE)
        selector.register(client, selectors.EVENT_READ)
    print("subscribed", flush=True)
    missing = SUBSCRIBERS * events
    while missing:
        for key, _ in selector.select():
            assert isinstance(key.fileobj, socket.socket)
            missing -= key.fileobj.recv(READ_AT_ONCE).count(b'"specversion"')
    print("all read", flush=True)


async def compare(rounds: int) -> None:
    """Print one line for each rhythm of events."""
    servers: dict[str, Server] = {"broadcast": broadcast, "queues": queues}
    for title, turns, burst in (("one event a turn", 100, 1), ("32 events a turn", 4, 32)):
        times: dict[str, list[float]] = {name: [] for name in servers}
        encodings = 0.0
        for _ in range(rounds):
            for name, server in servers.items():
                spent, encodings = await measure(server, turns=turns, burst=burst)
                times[name].append(spent / (turns * burst * SUBSCRIBERS) * 1e6)
        ours, usual = median(times["broadcast"]), median(times["queues"])
        print(
            f"{title}, {SUBSCRIBERS} subscribers: broadcast {ours:.2f} us of CPU a delivery, "
            f"queues {usual:.2f} us, {usual / ours:.1f} times as much; "
            f"{encodings:.0f} encodings of {turns * burst} events"
        )


def main() -> None:
    """Compare, or be the subscribers."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    match sys.argv[1:]:
        case ["--read", path, events]:
            read(path, int(events))
        case [rounds]:
            asyncio.run(compare(int(rounds)))
        case _:
            asyncio.run(compare(5))


if __name__ == "__main__":
    main()
