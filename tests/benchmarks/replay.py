"""What reading a long history costs: records a second to one subscriber, in each framing.

Run by hand: ``python -m tests.benchmarks.replay [RECORDS]``. The subscriber is a process of its
own. The records are as they come from a file: bytes, and nothing decoded. Target: far above 100,000
a second for those who take all; of what a filter compares, the JSON of each has to be read.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from eventd.bus.delivery import Delivery
from eventd.bus.registry import Registry
from eventd.http_api import HttpApi
from eventd.journal.memory import MemoryJournal
from eventd.model.directory import Directory
from eventd.model.operator import Operator
from eventd.model.record import Cursor, EventRecord
from tests.benchmarks.fan_out import NOW, event

READ_AT_ONCE = 1 << 18


class StoredJournal(MemoryJournal):
    """A journal that was not written by this process."""

    def __init__(self, count: int) -> None:
        super().__init__("e1", capacity=count)
        for number in range(1, count + 1):
            made = EventRecord.of(event(number), cursor=Cursor("e1", number), recorded_at=NOW)
            self._records.append(EventRecord(made.cursor, made.json, happened=made.happened))
        self._sequence = count


async def measure(journal: StoredJournal, query: str, upgrade: str = "") -> tuple[float, float]:
    """Return seconds of the clock, and of the server's CPU."""
    registry = Registry()
    with TemporaryDirectory() as directory:
        async with Delivery(registry) as delivery:
            api = HttpApi(
                journal=journal,
                delivery=delivery,
                registry=registry,
                directory=cast(Directory, None),  # nobody asks for domains here
                operator=cast(Operator, None),
                clock=lambda: NOW,
            )
            async with api.serve(Path(directory)):
                path = str(Path(directory) / "eventd.sock")
                began, worked = time.perf_counter(), time.process_time()
                reader = await asyncio.create_subprocess_exec(
                    *(
                        sys.executable,
                        "-m",
                        "tests.benchmarks.replay",
                        "--read",
                        path,
                        query,
                        upgrade,
                    ),
                    stdout=asyncio.subprocess.PIPE,
                )
                assert reader.stdout is not None
                await reader.stdout.readline()
                began, worked = time.perf_counter(), time.process_time()
                found = int(await reader.stdout.readline())
                spent = time.perf_counter() - began, time.process_time() - worked
                await reader.wait()
                assert found > 0
                return spent


def main() -> None:
    """Print one line for each framing."""
    count = int(sys.argv[1]) if sys.argv[1:] else 100_000
    journal = StoredJournal(count)
    size = len(journal.read(Cursor("e1", 0), limit=1)[0].json)
    print(f"{count} records of {size} bytes to one subscriber:")
    for title, query, upgrade in (
        ("NDJSON", "?follow=false", ""),
        ("SSE", "?follow=false&format=sse", ""),
        ("WebSocket", "?follow=false", "websocket"),
        ("NDJSON, since", "?follow=false&since=1h", ""),
        ("NDJSON, type=started", "?follow=false&type=started", ""),
        ("NDJSON, domain=web-9*", "?follow=false&domain=web-9*", ""),
    ):
        seconds, worked = asyncio.run(measure(journal, query, upgrade))
        print(f"  {title}: {count / seconds:,.0f} a second, {count / worked:,.0f} a second of CPU")


def read(path: str, query: str, upgrade: str) -> None:
    """Be the subscriber: say when it begins, and how many bytes there were."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    lines = [f"GET /v1/events{query} HTTP/1.1", "Host: eventd"]
    if upgrade:
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    print("begins", flush=True)
    client.sendall("\r\n".join([*lines, "", ""]).encode())
    found = 0
    last = b""
    while data := client.recv(READ_AT_ONCE):
        found += len(data)
        last = (last + data)[-16:]
        if upgrade and last.endswith(b"\x88\x02\x03\xe8"):
            break  # the close frame, with 1000
    print(found, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(*sys.argv[2:])
    else:
        main()
