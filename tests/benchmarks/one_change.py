"""What one power change costs, at 100 domains and at 10,000: bytes, calls, and CPU of eventd.

Run by hand: ``python tests/benchmarks/one_change.py [ROUNDS]``. The simulated vCenter runs in a
process of its own and changes one of the same hundred domains each time it is told to; eventd is
the whole connection, with the reading of the event history and of the tasks. The next change is
made when the event of the last one is in the journal. The two sizes take turns, each in fresh
processes, so that the ratio holds on a busy machine. Bytes are those of the SOAP documents.
Target: at 10,000 domains at most 1.2 times what it costs at 100.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import NamedTuple

from eventd.connections.connection import Connection
from eventd.connections.credentials import Credentials
from eventd.connections.transport import Transport
from eventd.journal.memory import MemoryJournal
from eventd.model.events import ConnectionConnected, Event, LifecycleEvent
from eventd.model.evidence import Cause
from eventd.model.picture import PictureChange
from eventd.model.record import EventRecord
from eventd.simulator import INSTANT, World, serve
from eventd.tracking.tracker import Tracker
from eventd.vi.uri import ConnectionURI

FEW, MANY = 100, 10_000
CHANGES = 2 * FEW
"""Each of the hundred is powered on and off, so that both sizes list as many recent tasks."""


class Cost(NamedTuple):
    """What one power change costs."""

    up: float
    """Bytes."""
    down: float
    calls: float
    cpu: float
    """Seconds."""


# --- the host -----------------------------------------------------------------------------------


async def be_host(domains: int) -> None:
    """Be a vCenter: print the URI, and make one power change for each line that comes in."""
    world = World(product="vpx", domains=domains, hosts=2, pace=INSTANT, now=datetime.now(UTC))
    names = world.domains.names[:FEW]
    changes: list[tuple[Callable[..., object], str]] = [(world.power_on, name) for name in names]
    changes += [(world.power_off, name) for name in names]
    told = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(told)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async with serve(world) as server:
        print(f"vpx://root@{server.host}:{server.port}/?transport=http", flush=True)
        for change, name in changes:
            await told.readline()
            change(name, now=server.now())
        await told.read()  # until the client ends


@asynccontextmanager
async def host(domains: int) -> AsyncIterator[tuple[ConnectionURI, Callable[[], None]]]:
    """Run the host in a process of its own; give its URI, and what makes it change a domain."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--host", str(domains)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        uri = ConnectionURI.parse((await process.stdout.readline()).decode().strip())
        yield uri, partial(process.stdin.write, b"\n")
    finally:
        process.stdin.close()
        await process.wait()


# --- the client ---------------------------------------------------------------------------------


class CountingTransport(Transport):
    """Counts what goes over it."""

    up = down = calls = 0

    async def post(self, body: bytes, *, soap_action: str, deadline: float) -> bytes:
        answer = await super().post(body, soap_action=soap_action, deadline=deadline)
        self.up += len(body)
        self.down += len(answer)
        self.calls += 1
        return answer

    def spent(self) -> Cost:
        return Cost(self.up, self.down, self.calls, time.process_time())


async def follow(domains: int) -> Cost:
    """Follow a host of so many domains through all changes; return the cost of one."""
    async with host(domains) as (uri, change), asyncio.TaskGroup() as tasks:
        transport = CountingTransport(uri.endpoint, ssl_context=None)
        journal = MemoryJournal("benchmark")
        published: asyncio.Queue[Event] = asyncio.Queue()

        def publish(
            events: Sequence[Event], picture: PictureChange | None = None
        ) -> Sequence[EventRecord]:
            for event in events:
                if isinstance(event, LifecycleEvent | ConnectionConnected):
                    published.put_nowait(event)
            return journal.append(events, now=datetime.now(UTC), picture=picture)

        connection = Connection(
            "vcenter",
            uri,
            transport=lambda: transport,
            credentials=lambda: Credentials("root", "pass"),
            tracker=Tracker("vcenter", source=uri.source),
            publish=publish,
            clock=lambda: datetime.now(UTC),
        )
        following = tasks.create_task(connection.run())
        assert isinstance(await published.get(), ConnectionConnected)
        assert len(journal.pictures("vcenter")) == domains
        gc.collect()
        before = transport.spent()
        for _ in range(CHANGES):
            change()
            event = await published.get()
            assert isinstance(event, LifecycleEvent)
            assert event.evidence.cause is Cause.TASK
        after = transport.spent()
        following.cancel()
    return Cost(*((end - begin) / CHANGES for begin, end in zip(before, after, strict=True)))


def in_a_fresh_process(domains: int) -> Cost:
    """Follow a host of so many domains; return the cost of one change."""
    command = [sys.executable, __file__, "--follow", str(domains)]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    return Cost(*map(float, output.splitlines()[-1].split()))  # eventd logs before it


# --- the figures --------------------------------------------------------------------------------


def compare(rounds: int) -> None:
    """Print one line for each size, and the ratios."""
    costs: dict[int, list[Cost]] = {FEW: [], MANY: []}
    for _ in range(rounds):
        for domains, found in costs.items():
            found.append(in_a_fresh_process(domains))
    for domains, found in costs.items():
        up, down, calls, cpu = (median(figures) for figures in zip(*found, strict=True))
        print(
            f"{domains} domains, one power change: {up:.0f} bytes up, {down:.0f} down, "
            f"{calls:.2f} calls, {cpu * 1e3:.2f} ms of CPU"
        )
    ratios = [
        median(many[which] / few[which] for few, many in zip(*costs.values(), strict=True))
        for which in range(len(Cost._fields))
    ]
    up, down, _, cpu = ratios
    print(f"  {MANY} to {FEW}: {up:.3f} of the bytes up, {down:.3f} down, {cpu:.2f} of the CPU")


def main() -> None:
    """Compare, or be the host or the client."""
    match sys.argv[1:]:
        case ["--host", domains]:
            asyncio.run(be_host(int(domains)))
        case ["--follow", domains]:
            print(*asyncio.run(follow(int(domains))))
        case arguments:
            compare(int(arguments[0]) if arguments else 5)


if __name__ == "__main__":
    main()
