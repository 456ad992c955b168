"""What libvirt's clients cost: events to one and to many, a long list, encoding an event.

Run by hand: ``python -m tests.benchmarks.libvirt_clients``. Clients are in processes of their own:
virsh, libvirt-python, and 300 that were written for this.
"""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from timeit import timeit

from eventd import logs
from eventd.libvirt_rpc.events import RemoteDomain, arguments_of, event_message, payload
from eventd.model.domain import DomainState
from eventd.model.ids import EventId
from tests.http_api.fake_daemon import started
from tests.libvirt_rpc.served import Client, Daemon, serving
from tests.libvirt_rpc.test_clients import running, subscriber, until_heard

EVENTS = 20_000
CLIENTS, EACH = 300, 100
DOMAINS = 10_000


def show_encoding() -> None:
    event = started(1)
    domain = RemoteDomain.of(event.domain)
    encoded = payload(EventId.LIFECYCLE, domain, arguments_of(event), legacy=False)
    each = _microseconds(lambda: event_message(EventId.LIFECYCLE, 1, encoded))
    once = _microseconds(
        lambda: payload(
            EventId.LIFECYCLE, RemoteDomain.of(event.domain), arguments_of(event), legacy=False
        )
    )
    print(f"an event: {once:.1f} us once, and {each:.2f} us for each client")


def _microseconds(call: Callable[[], object]) -> float:
    return min(timeit(call, number=20_000) for _ in range(5)) / 20_000 * 1e6


async def show_one_client(daemon: Daemon) -> None:
    """Publish faster than libvirt-python reads; it is served from the journal meanwhile."""
    daemon.directory.add(2)
    daemon.publish(started(2))
    async with running(*subscriber(daemon.uri(), "web-2", EVENTS)) as lines:
        await lines.next()
        await until_heard(daemon, lines, lambda line: "web-999" in line)
        events = [started(number + 10_000) for number in range(EVENTS)]
        begin, cpu = time.perf_counter(), _cpu()
        for first in range(0, EVENTS, 500):
            daemon.publish(*events[first : first + 500])
            await asyncio.sleep(0)
        found: list[str] = []
        while len(found) < EVENTS:
            told = json.loads(await lines.next())
            if told[0] == "all":
                found.append(told[1])
        spent = time.perf_counter() - begin
    in_order = found == [event.domain.name for event in events]
    print(
        f"{EVENTS:,} events to one libvirt-python: {EVENTS / spent:,.0f} events/s, "
        f"{'all in order' if in_order else 'WRONG'}; {(_cpu() - cpu) / EVENTS * 1e6:.1f} us of CPU "
        "each, reading the lines of the client included"
    )


async def show_many_clients(daemon: Daemon) -> None:
    async with AsyncExitStack() as stack:
        before = _resident()
        clients = [
            await stack.enter_async_context(Client.connected(daemon.socket)) for _ in range(CLIENTS)
        ]
        for client in clients:
            await client.ask("register", EventId.LIFECYCLE, None)
        begin = time.perf_counter()
        daemon.publish(*[started(number) for number in range(EACH)])
        counts = await asyncio.gather(*[_read(client) for client in clients])
        spent = time.perf_counter() - begin
        print(
            f"{CLIENTS} clients x {EACH} events: {spent * 1e3:.0f} ms, "
            f"{sum(counts) / spent:,.0f} deliveries/s, clients in this process included; "
            f"{(_resident() - before) / 1024:.1f} MiB more"
        )


async def _read(client: Client) -> int:
    for _ in range(EACH):
        await client.frame()
    return EACH


async def show_list(daemon: Daemon) -> None:
    virsh = shutil.which("virsh")
    assert virsh is not None
    daemon.directory.statuses.clear()
    for number in range(DOMAINS):
        daemon.directory.add(number, DomainState.RUNNING)
    daemon.publish(started(1))
    begin = time.perf_counter()
    async with Client.connected(daemon.socket) as client:
        domains, _ = await client.ask("list_all_domains", 1, 0)
    alone = time.perf_counter() - begin
    begin = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(virsh, "-c", daemon.uri(), "list", "--all"), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    whole = time.perf_counter() - begin
    rows = len([line for line in output.decode().splitlines()[2:] if line])
    print(
        f"a list of {len(domains):,} domains: {alone * 1e3:.0f} ms for the call; "
        f"`virsh list --all`, which asks for the state of each of {rows:,}: {whole:.2f} s"
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


async def compare() -> None:
    for show in (show_one_client, show_many_clients, show_list):
        with TemporaryDirectory() as directory:
            async with serving(Path(directory)) as daemon:
                await show(daemon)


def main() -> None:
    """Show all of it."""
    logs.configure(level="error", format="console", stream=sys.stderr)
    show_encoding()
    asyncio.run(compare())


if __name__ == "__main__":
    main()
