"""``eventd watch --cursor-file`` and the daemon, both killed again and again.

What the watcher prints goes into one pipe, whoever the watcher is at the time: nothing may be
missing in it, and for each kill of the watcher at most one line may be there twice.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from eventd.model.events import EVENT_CLASSES, QuestionRaised
from eventd.model.record import EventRecord
from tests.faults.daemons import DaemonProcess, EventdProcess, write_configuration
from tests.faults.host import IN_THE_HISTORY, Host
from tests.faults.subscriber import until_ready
from tests.faults.trial import Report
from tests.faults.validator import Validator, by_domain, compare
from tests.situations.stage import BARRIER

__all__ = ["watch_through_kills"]

_PATIENCE = 30.0
_LINE_LIMIT = 1024 * 1024


class _Output:
    """What all watchers print, taken in line by line."""

    def __init__(self) -> None:
        self.validator = Validator("watcher")
        self.lines = 0
        self.repeated = 0
        """How many lines came right after themselves."""
        self.asked = ""
        self._last = b""

    def take(self, line: bytes) -> None:
        """Take in a line."""
        self.lines += 1
        if line == self._last:
            self.repeated += 1
            return
        self._last = line
        if self.validator.cursor is None:
            record = EventRecord.from_json(line)
            self.validator.begin(f"{record.cursor.epoch}-{record.sequence - 1}")
        event = self.validator.take(line)
        if isinstance(event, QuestionRaised) and event.domain.name == BARRIER:
            self.asked = event.question.vi_id


@asynccontextmanager
async def _pipe(path: Path) -> AsyncIterator[asyncio.StreamReader]:
    """Make a named pipe that does not end when its writer does."""
    os.mkfifo(path)
    reader = asyncio.StreamReader(limit=_LINE_LIMIT)
    # Open for writing, too: otherwise it would end with its first writer.
    pipe = os.fdopen(os.open(path, os.O_RDWR | os.O_NONBLOCK), "r+b", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        yield reader
    finally:
        transport.close()


async def watch_through_kills(
    directory: Path,
    *,
    seed: int,
    kills: int,
    operations: Collection[str] = IN_THE_HISTORY,
) -> Report:
    """Kill both ends so often, at random moments, while things happen."""
    source = random.Random(f"watching {seed}")
    host = Host(seed=seed, clock=lambda: datetime.now(UTC), operations=operations)
    report = Report()
    output = _Output()
    async with host.serve() as server, _pipe(directory / "pipe") as reader:
        daemon = DaemonProcess(write_configuration(directory, server.whole_uri))
        arguments = ["watch", "-o", "json", "--socket", str(daemon.socket), "--since", "1d"]
        arguments += ["--cursor-file", str(directory / "cursor")]
        arguments += [f"--event={kind}" for kind in sorted({cls.kind for cls in EVENT_CLASSES})]
        watcher = EventdProcess(arguments, log=directory / "watcher.log", output=directory / "pipe")

        async def read(count: int) -> None:
            for _ in range(count):
                output.take(await reader.readline())

        async def read_until_told() -> None:
            number = host.ask()
            while output.asked != number:
                await read(1)

        await daemon.start()
        await until_ready(daemon.socket)
        host.compared()
        await watcher.start()
        for _ in range(kills):
            async with asyncio.timeout(_PATIENCE):
                await read_until_told()
                for _ in range(source.randrange(1, 8)):
                    host.happen()
                await read(source.randrange(3))
                for end in source.sample((daemon, watcher), 2):
                    end.kill()
                    await end.ended()
                    for _ in range(source.randrange(4)):
                        host.happen()
                for end in source.sample((daemon, watcher), 2):
                    await end.start()
        happened = host.happened()
        async with asyncio.timeout(_PATIENCE):
            await read_until_told()
            # What waits for its cause is told behind the question.
            while compare(happened, by_domain(output.validator.told)).lost:
                await read(1)
        watcher.kill()
        await watcher.ended()
        await daemon.stop()
    report.happened = sum(map(len, happened.values()))
    report.events = output.lines
    report.connections = kills + 1
    report.repeated = output.repeated
    report.found.add(output.validator.faults)
    report.found.add(compare(happened, by_domain(output.validator.told)))
    if output.repeated > kills:
        report.found.double(f"{output.repeated} lines twice after {kills} kills", output.repeated)
    return report
