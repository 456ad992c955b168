"""One life of a daemon, a host and their subscribers, with faults: what it finds is the truth.

After each fault everybody is given the time to come to rest: the subscribers have to have been told
all that happened, and a question that the harness lets its own domain ask. Then what was told of
each domain is compared with what the host's world wrote down, and each stream with itself.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import assert_never

from pydantic_core import from_json

from eventd.model.events import ConnectionResynchronised, Event, QuestionRaised
from tests.faults.daemons import DaemonProcess, TrialDaemon
from tests.faults.disk import Disk
from tests.faults.fast_loop import Clock
from tests.faults.host import Host
from tests.faults.proxy import Proxy
from tests.faults.remains import cursors_on_disk
from tests.faults.schedule import Fault, Planned
from tests.faults.subscriber import Subscriber, ask, until_ready
from tests.faults.truth import Truth
from tests.faults.validator import Faults, by_domain, compare
from tests.situations.stage import BARRIER

__all__ = ["Report", "Trial"]

_DAY = timedelta(days=1)
_STATES = {"running": "poweredOn", "paused": "suspended", "shut off": "poweredOff"}
"""libvirt's words, and VI's."""

_CANNOT_BEGIN = 1
"""The exit code of a daemon that cannot use its journal."""

_SENTENCES = 60
"""How many a report has at most."""


@dataclass
class Report:
    """What came of some runs; a run is one fault with what goes on around it."""

    runs: Counter[Fault] = field(default_factory=Counter)
    happened: int = 0
    events: int = 0
    """How many events came to all subscribers."""
    undurable: int = 0
    """How many of them were not on the disk when they were told."""
    set_back: int = 0
    """How often a subscriber was told that what it had been told is lost."""
    told_anew: int = 0
    """How many of the events that were lost came again."""
    written_after: float = 0.0
    """Within so many seconds all was written that had waited for the disk."""
    repeated: int = 0
    """How many lines a watcher that was killed printed twice, as it may."""
    connections: int = 0
    """How often a subscriber was connected."""
    found: Faults = field(default_factory=Faults)

    def add(self, other: Report) -> None:
        """Count other runs too."""
        self.runs += other.runs
        self.happened += other.happened
        self.events += other.events
        self.undurable += other.undurable
        self.set_back += other.set_back
        self.told_anew += other.told_anew
        self.written_after = max(self.written_after, other.written_after)
        self.repeated += other.repeated
        self.connections += other.connections
        self.found.add(other.found)

    def __str__(self) -> str:
        lines = [
            f"{self.runs.total()} runs, {self.happened} happenings, {self.events} events to "
            f"subscribers over {self.connections} connections, {self.undurable} before they were "
            f"on the disk",
            f"set back {self.set_back}, told anew {self.told_anew}, all written within "
            f"{self.written_after:.2f} s",
            f"lost {self.found.lost}, doubled {self.found.doubled}, "
            f"misordered {self.found.misordered}; repeated by watchers {self.repeated}",
        ]
        lines += [f"{count:6}  {fault.value}" for fault, count in sorted(self.runs.items())]
        return "\n".join([*lines, *self.found.sentences[:_SENTENCES]])


class Trial:
    """What a life needs.

    ``clock`` is the daemon's, where it can be put forward and back, and ``disk`` has its state,
    where that can be full; ``rest`` is how many seconds
    there are at most from one happening to the next, and ``patience`` how many the harness waits
    for what has to come.
    """

    def __init__(
        self,
        host: Host,
        proxy: Proxy,
        daemon: TrialDaemon,
        subscribers: Iterable[Subscriber],
        *,
        seed: int,
        patience: float,
        rest: float,
        clock: Clock | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.host = host
        self.proxy = proxy
        self.daemon = daemon
        self.subscribers = list(subscribers)
        self.report = Report()
        self._random = random.Random(f"trial {seed}")
        self._patience = patience
        self._rest = rest
        self._clock = clock
        self._disk = disk
        self._asked: dict[Subscriber, str] = {}
        self._replaced = 0
        """How often the first subscriber was told that another host is there."""
        self._did: list[str] = []
        for subscriber in self.subscribers:
            subscriber.on_event(lambda event, who=subscriber: self._note(who, event))  # type: ignore[misc]

    def _note(self, subscriber: Subscriber, event: Event) -> None:
        if isinstance(event, QuestionRaised) and event.domain.name == BARRIER:
            self._asked[subscriber] = event.question.vi_id
        if isinstance(event, ConnectionResynchronised) and subscriber is self.subscribers[0]:
            self._replaced += event.reinstalled

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start the daemon and its subscribers, and stop them in the end."""
        await self.daemon.start()
        async with asyncio.timeout(self._patience):
            await until_ready(self.daemon.socket)
        async with asyncio.TaskGroup() as tasks:
            readers = [
                tasks.create_task(each.run(), name=each.validator.name) for each in self.subscribers
            ]
            async with asyncio.timeout(self._patience):
                for each in self.subscribers:
                    await each.until(lambda each=each: each.connections > 0)  # type: ignore[misc]
            self.host.compared()
            yield
            for reader in readers:
                reader.cancel()
        await self.daemon.stop()

    async def run(self, planned: Planned) -> Report:
        """Let a fault strike; return what came of it."""
        self.report = Report(runs=Counter({planned.fault: 1}))
        self._did = [f"{planned}"]
        before = sum(each.validator.count for each in self.subscribers)
        undurable = self._undurable()
        connections = sum(each.connections for each in self.subscribers)
        set_back, told_anew = self._set_back()
        await self._live(planned.before)
        await self._strike(planned)
        await self._live(planned.after)
        await self._settle()
        self.report.undurable = self._undurable() - undurable
        self.report.set_back = self._set_back()[0] - set_back
        self.report.told_anew = self._set_back()[1] - told_anew
        self.report.events = sum(each.validator.count for each in self.subscribers) - before
        self.report.connections = sum(each.connections for each in self.subscribers) - connections
        return self.report

    def _undurable(self) -> int:
        return sum(each.validator.undurable for each in self.subscribers)

    def _set_back(self) -> tuple[int, int]:
        """How often subscribers were set back, and how much they were told anew."""
        validators = [each.validator for each in self.subscribers]
        return sum(each.set_back for each in validators), sum(each.told_anew for each in validators)

    # -- what happens

    async def _live(self, count: int) -> None:
        for _ in range(count):
            await self._happen()

    async def _happen(self) -> None:
        self._did.append(self.host.happen())
        # Sometimes things happen at once, and sometimes one after another.
        if self._random.random() < 0.7:
            await asyncio.sleep(self._random.random() * self._rest)

    async def _moment(self, pieces: int, act: Callable[[], None]) -> None:
        """Do something when so many pieces have come from the host; things happen until then."""
        has_come = asyncio.Event()

        def strike() -> None:
            act()
            has_come.set()

        self.proxy.at(pieces, strike)
        async with asyncio.timeout(self._patience):
            while not has_come.is_set():
                await self._happen()

    async def _strike(self, planned: Planned) -> None:
        fault, pieces = planned.fault, planned.pieces
        match fault:
            case Fault.DAEMON_KILLED | Fault.DAEMON_KILLED_TWICE:
                await self._moment(pieces, self.daemon.kill)
                await self.daemon.ended()
                await self._live(planned.meanwhile)
                await self.daemon.start()
                if fault is Fault.DAEMON_KILLED_TWICE:
                    await self._moment(1 + pieces % 12, self.daemon.kill)
                    await self.daemon.ended()
                    await self._live(planned.meanwhile)
                    await self.daemon.start()
            case Fault.DAEMON_RESTARTED:
                await self._moment(pieces, lambda: None)
                await self.daemon.stop()
                await self._live(planned.meanwhile)
                await self.daemon.start()
            case Fault.DISK_FULL:
                await self._go_without_disk(planned)
                await self._give_disk_back()
                await self._moment(pieces, self.daemon.kill)
                await self.daemon.ended()
                await self.daemon.start()
            case Fault.DISK_READ_ONLY:
                await self._go_without_disk(planned)
                await self._give_disk_back()
            case Fault.KILLED_WITHOUT_DISK:
                await self._go_without_disk(planned)
                await self._kill_without_disk(planned)
            case Fault.HOST_REPLACED:
                replaced = self._replaced
                await self._replace_host(planned)
                await self._live(planned.meanwhile)
                await self._until_told()
                self.host.seen()
                if self._replaced == replaced:
                    self.report.found.lose("that another host is there")
            case Fault.HOST_REPLACED_AND_KILLED:
                await self._replace_host(planned)
                await self._moment(1 + pieces % 40, self.daemon.kill)
                await self.daemon.ended()
                await self._live(planned.meanwhile)
                await self.daemon.start()
                await self._until_told()
                self.host.seen()
            case Fault.HOST_RESTARTED:
                await self._moment(pieces, lambda: None)
                await self.host.server.stop()
                await self._live(planned.meanwhile)
                await self.host.server.start()
            case Fault.HOST_CUT_OFF:
                await self._moment(pieces, self.proxy.break_off)
                await self._live(planned.meanwhile)
            case Fault.ANSWER_CUT:
                await self._moment(pieces, self.proxy.cut_next)
                await self._live(planned.meanwhile)
            case Fault.ANSWER_GARBLED:
                await self._moment(pieces, self.proxy.garble_next)
                await self._live(planned.meanwhile)
            case Fault.ANSWER_MISSING:
                await self._moment(pieces, self.host.server.faults.drop)
                await self._live(planned.meanwhile)
            case Fault.SESSION_ENDED:
                await self._moment(pieces, self.host.server.expire_sessions)
                await self._live(planned.meanwhile)
            case Fault.CONNECTION_STUCK:
                ended = self.proxy.ended
                await self._moment(pieces, self.proxy.stick)
                await self._live(planned.meanwhile)
                await self._until_given_up(ended)
            case Fault.ANSWER_LATE:
                ended = self.proxy.ended
                await self._moment(pieces, self.proxy.slow_down)
                await self._live(planned.meanwhile)
                await self._until_given_up(ended)
                self.proxy.speed_up()
            case Fault.DAEMON_CLOCK_AHEAD | Fault.DAEMON_CLOCK_BEHIND:
                assert self._clock is not None
                by = _DAY if fault is Fault.DAEMON_CLOCK_AHEAD else -_DAY
                await self._moment(pieces, lambda: self._jump(self._clock, by))
                await self._live(planned.meanwhile)
            case Fault.HOST_CLOCK_AHEAD | Fault.HOST_CLOCK_BEHIND:
                by = _DAY if fault is Fault.HOST_CLOCK_AHEAD else -_DAY
                await self._moment(pieces, lambda: self._jump(self.host.clock, by))
                await self._live(planned.meanwhile)
            case Fault.WATCHER_KILLED:
                raise NotImplementedError("that has a life of its own")
            case _:
                assert_never(fault)

    def _jump(self, clock: object, by: timedelta) -> None:
        assert isinstance(clock, Clock)
        clock.jump(by)

    async def _until_given_up(self, ended: int) -> None:
        """Wait until the daemon has ended a connection on which it waited in vain.

        It had ended so many when the fault struck.
        """
        async with asyncio.timeout(self._patience):
            await self.proxy.until(lambda: self.proxy.ended > ended)

    async def _until_told(self) -> None:
        """Wait until the first subscriber has been told all that has happened by now."""
        happened = self.host.truth()
        first = self.subscribers[0]
        async with asyncio.timeout(self._patience):
            await first.until(lambda: not self._compared(first, happened).lost)

    async def _replace_host(self, planned: Planned) -> None:
        """Let another host be there, after some time in which none is."""
        await self._until_told()
        self.host.seen()
        await self._moment(planned.pieces, lambda: None)
        await self.host.stop()
        await self._live(planned.meanwhile)
        await self.host.replace()
        self._did.append("another host is there")

    async def _go_without_disk(self, planned: Planned) -> None:
        """Let the disk take nothing, until all that happens meanwhile has been told."""
        assert self._disk is not None
        first = self.subscribers[0].validator
        undurable = first.undurable
        await self._moment(planned.pieces, self._disk.refuse)
        await self._live(planned.meanwhile)
        await self._until_told()
        if first.undurable > undurable:
            status, body = await ask(self.daemon.socket, "/readyz")
            says_so = status == 200 and from_json(body)["journal"]["error"]
            if not says_so and not self._disk.leaves_room:
                self.report.found.lose(f"what is wrong with the disk: {status}, {body!r}")

    async def _give_disk_back(self) -> None:
        """Let the disk take everything again, and wait until it has what waited for it."""
        assert self._disk is not None
        begun = time.monotonic()
        self._disk.accept()
        async with asyncio.timeout(self._patience):
            while not await self._is_durable():  # noqa: ASYNC110 -- nothing tells of it
                await asyncio.sleep(0.01)
        self.report.written_after = time.monotonic() - begun

    async def _is_durable(self) -> bool:
        """Ask the daemon whether nothing waits for the disk."""
        status, body = await ask(self.daemon.socket, "/readyz")
        return status != 0 and bool(from_json(body)["journal"]["durable"])

    async def _kill_without_disk(self, planned: Planned) -> None:
        """Kill the daemon, and start it again, before or after the disk takes something."""
        assert self._disk is not None
        await self._live(planned.meanwhile)
        await self._kill_with_what_waits()
        await self._live(planned.meanwhile)
        for _ in range(planned.pieces % 3):
            if not await self._start_without_disk():
                break
            await self._live(planned.meanwhile)
            if self._random.random() < 0.5:
                await self._until_told()
            await self._kill_with_what_waits()
        if self._random.random() < 0.5 and await self._start_without_disk():
            await self._live(planned.meanwhile)
            await self._give_disk_back()
        else:
            self._disk.accept()
            await self.daemon.start()

    async def _kill_with_what_waits(self) -> None:
        """Kill the daemon; whoever was told what it has not left on the disk must learn of it."""
        assert isinstance(self.daemon, DaemonProcess)
        self._did.append("the daemon is killed")
        self.daemon.kill()
        await self.daemon.ended()
        on_disk = cursors_on_disk(self.daemon.state)
        async with asyncio.timeout(self._patience):
            for each in self.subscribers:
                # What has come before the end is still there to be read.
                await each.until(lambda each=each: not each.is_reading)  # type: ignore[misc]
                each.validator.lose(on_disk)

    async def _start_without_disk(self) -> bool:
        """Start the daemon; return whether it serves, and else require that it says why not."""
        daemon = self.daemon
        assert isinstance(daemon, DaemonProcess)
        self._did.append("the daemon is started without a disk")
        said = daemon.log.stat().st_size
        await daemon.start()
        async with asyncio.timeout(self._patience):
            while (await ask(daemon.socket, "/healthz"))[0] != 200:
                if not daemon.is_running:
                    break
                await asyncio.sleep(0.01)
            else:
                return True
            code = await daemon.ended()
        log = daemon.log.read_bytes()[said:]
        if code != _CANNOT_BEGIN or b"cannot be used: " not in log:
            self.report.found.lose(f"why the daemon does not start: {code}, {log!r}")
        return False

    # -- what came of it

    async def _settle(self) -> None:
        """Wait until all that happened is told to everybody, and compare."""
        for each in self.subscribers:
            each.wake()
        happened = self.host.truth()
        number = None
        try:
            async with asyncio.timeout(self._patience):
                for each in self.subscribers:
                    await each.until(lambda each=each: not self._compared(each, happened).lost)  # type: ignore[misc]
                # What is told once too often has been told before this.
                number = self.host.ask()
                for each in self.subscribers:
                    await each.until(lambda each=each: self._asked.get(each) == number)  # type: ignore[misc]
        except TimeoutError:
            if number is not None:
                self.report.found.lose("the question of the harness")
        self.report.happened += happened.count
        compared: list[Faults] = []
        for each in self.subscribers:
            validator = each.validator
            if (faults := self._compared(each, happened)) not in compared:  # else it is the same
                compared.append(faults)
                self.report.found.add(faults)
            self.report.found.add(validator.faults)
            if validator.lost:
                self.report.found.lose(f"{validator.name} was not told anew: {validator.lost}")
            validator.faults = Faults()
            validator.lost.clear()
            validator.told.clear()
        self.host.compared()
        await self._compare_states()
        if self.report.found:
            self.report.found.sentences += ["what happened:", *self._did]
        for each in self.subscribers:
            each.let_stop()

    def _compared(self, subscriber: Subscriber, happened: Truth) -> Faults:
        told = by_domain(subscriber.validator.told)
        return compare(happened.nearest(told), told)

    async def _compare_states(self) -> None:
        status, body = await ask(self.daemon.socket, "/v1/domains")
        if status != 200:
            self.report.found.lose(f"the states of the domains: {status}, {body[:200]!r}")
            return
        known = {
            each["domain"]["uuid"]: _STATES.get(each["state_name"], each["state_name"])
            for each in from_json(body)["domains"]
            if not each["domain"]["name"].startswith(BARRIER)
        }
        if known != (truth := self.host.states()):
            self.report.found.lose(f"the states of the domains are {truth}, and told is {known}")
