"""What one power change with its cause costs on the wire: bytes of the sockets, headers included.

Run by hand: ``python tests/benchmarks/power_change_cost.py``. A simulated host of a hundred domains
plays one operation after the other at its usual pace; eventd follows it through a proxy that
counts what goes by, compressed as negotiated and, by a proxy that asks for identity, as it is.
A change costs what went by until its events were told and the next call waits; the course of its
task, which is told where the host lets tasks be followed, comes on top of the change and its cause.
Target: at most 4 kB down for the change and its cause; nothing when idle; no call that names a
domain that did not change.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import product as product_of
from typing import NamedTuple

from eventd.connections.connection import Connection
from eventd.connections.credentials import Credentials
from eventd.connections.transport import Transport
from eventd.journal.memory import MemoryJournal
from eventd.model.events import ConnectionConnected, Event, LifecycleEvent
from eventd.model.picture import PictureChange
from eventd.model.record import EventRecord
from eventd.simulator import Product, SimulatorServer, VIFault, World, serve
from eventd.tracking.tracker import Tracker
from eventd.vi.uri import ConnectionURI

PRODUCTS: tuple[Product, ...] = ("esx", "vpx")
DOMAINS = 100
IDLE_SECONDS = 5.0
SETTLE_SECONDS = 0.3
"""How long after its last event a change may still cost something; the host takes 50 ms for one."""

_METHOD = re.compile(rb"<soapenv:Body><(\w+)")
_DOMAIN = re.compile(rb'type="VirtualMachine">([^<]+)<')


class Cost(NamedTuple):
    """What went by."""

    down: int
    up: int
    methods: Counter[str]
    domains: set[str]
    """References of the domains that the calls named."""


class Proxy:
    """Passes on what comes, and counts it."""

    def __init__(self, host: str, port: int, *, compressed: bool) -> None:
        self._host = host
        self._port = port
        self._compressed = compressed
        self._up = bytearray()
        self._down = 0
        self._ways: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[int]:
        """Listen for as long as the block lasts, on the port that it gets."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for way in self._ways:
                way.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._host, self._port)
        async with asyncio.TaskGroup() as group:
            self._ways |= {
                group.create_task(_pass_on(reader, back, self._count_up)),
                group.create_task(_pass_on(there, writer, self._count_down)),
            }

    def _count_up(self, data: bytes) -> bytes:
        if not self._compressed:
            data = data.replace(b"Accept-Encoding: gzip", b"Accept-Encoding: none")
        self._up += data
        return data

    def _count_down(self, data: bytes) -> bytes:
        self._down += len(data)
        return data

    def take(self) -> Cost:
        """Return what went by since this was asked last."""
        sent = bytes(self._up)
        cost = Cost(
            self._down,
            len(sent),
            Counter(method.decode() for method in _METHOD.findall(sent)),
            {reference.decode() for reference in _DOMAIN.findall(sent)},
        )
        self._up.clear()
        self._down = 0
        return cost


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[bytes], bytes]
) -> None:
    while data := await reader.read(1 << 16):
        writer.write(count(data))
        await writer.drain()
    writer.close()


class Followed:
    """A simulated host that is followed through a proxy."""

    def __init__(self, server: SimulatorServer, proxy: Proxy, port: int) -> None:
        self.server = server
        self.proxy = proxy
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._journal = MemoryJournal("benchmark")
        product = server.world.product
        uri = ConnectionURI.parse(f"{product}://root@127.0.0.1:{port}/?transport=http")
        self.connection = Connection(
            "host",
            uri,
            transport=partial(Transport, uri.endpoint, ssl_context=None),
            credentials=lambda: Credentials("root", "pass"),
            tracker=Tracker("host", source=uri.source, grace=1.5 if product == "vpx" else 0.25),
            publish=self._publish,
            clock=lambda: datetime.now(UTC),
        )

    def _publish(
        self, events: Sequence[Event], picture: PictureChange | None = None
    ) -> Sequence[EventRecord]:
        for event in events:
            self._events.put_nowait(event)
        return self._journal.append(events, now=datetime.now(UTC), picture=picture)

    async def told(self, kind: type[Event]) -> Event:
        """Return the next event of a class; others are passed by."""
        while not isinstance(event := await self._events.get(), kind):
            pass
        return event

    async def measure(self, title: str, operation: Callable[..., object], host: str = "") -> None:
        """Print what it costs to do something to the first domain, and to tell of it."""
        world = self.server.world
        name = world.domains.names[0]
        operation(name, *([host] if host else []), now=self.server.now())
        event = await self.told(LifecycleEvent)
        assert isinstance(event, LifecycleEvent)
        await asyncio.sleep(SETTLE_SECONDS)
        while not self._events.empty():
            self._events.get_nowait()
        cost = self.proxy.take()
        assert cost.domains <= {world.domain(name).value}, "it asked about another domain"
        methods = ", ".join(f"{count} {method}" for method, count in sorted(cost.methods.items()))
        print(
            f"  {title:16} {cost.down:6} bytes down, {cost.up:6} up, {cost.methods.total():2} "
            f"calls ({methods}); cause: {event.evidence.cause}"
        )


async def measure(product: Product, *, compressed: bool, follows_tasks: bool) -> None:
    """Print what the operations cost on a host of this product."""
    hosts = 2 if product == "vpx" else 1
    world = World(product=product, domains=DOMAINS, hosts=hosts, now=datetime.now(UTC))
    if not follows_tasks:
        world.fail_next("CreateListView", VIFault("NotSupported", "not here"))
    async with serve(world) as server:
        proxy = Proxy(server.host, server.port, compressed=compressed)
        async with proxy.listen() as port, asyncio.TaskGroup() as group:
            followed = Followed(server, proxy, port)
            following = group.create_task(followed.connection.run())
            await followed.told(ConnectionConnected)
            await asyncio.sleep(SETTLE_SECONDS)
            sync = proxy.take()
            coding = "gzip" if compressed else "identity"
            course = "with" if follows_tasks else "without"
            print(f"{product}, {coding}, {course} the course of tasks, {DOMAINS} domains")
            print(f"  {'first picture':16} {sync.down:6} bytes down, {sync.up:6} up")
            await followed.measure("power on", world.power_on)
            await followed.measure("power off", world.power_off)
            await followed.measure("power on again", world.power_on)
            if product == "vpx":
                await followed.measure("vMotion", world.migrate, "esx02.example")
            await followed.measure("guest powers off", world.guest_powers_off)
            await asyncio.sleep(IDLE_SECONDS)
            idle = proxy.take()
            print(f"  {'idle':16} {idle.down:6} bytes down, {idle.up:6} up in {IDLE_SECONDS:.0f} s")
            following.cancel()


async def main() -> None:
    """Print all figures."""
    for product in PRODUCTS:
        for compressed, follows_tasks in product_of((True, False), (False, True)):
            await measure(product, compressed=compressed, follows_tasks=follows_tasks)


if __name__ == "__main__":
    asyncio.run(main())
