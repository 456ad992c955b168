"""The daemon and the embedded host in one process: what vcsim cannot play.

The story of each domain is random; what has to be told of it is known beforehand. A guest's own
reboot is left out: at this speed its state is what it was before eventd can look.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eventd.client import Client
from eventd.config import Configuration
from eventd.daemon import Daemon
from eventd.model.events import DomainEvent, Event
from eventd.simulator import (
    INSTANT,
    Pace,
    Product,
    Question,
    SimulatorServer,
    VIFault,
    World,
    serve,
)
from tests.end_to_end.processes import KINDS

HOSTS = ("esx01.example", "esx02.example")

PACES = {
    "at once": INSTANT,
    "tasks that outlive their effect": Pace(
        queued=timedelta(),
        running=timedelta(milliseconds=1),
        ending=timedelta(milliseconds=5),
        guest=timedelta(milliseconds=1),
    ),
}


def configuration(directory: Path, server: SimulatorServer) -> Configuration:
    """Follow the whole of a simulated host."""
    password_file = directory / "password"
    password_file.write_text("pass", "utf-8")
    uri = f"{server.world.product}://root@127.0.0.1:{server.port}/?transport=http"
    connection = {"name": "host", "uri": uri, "password_file": password_file}
    return Configuration.model_validate(
        {
            "daemon": {"runtime_directory": directory, "state_directory": directory},
            "connections": [connection],
        }
    )


def told(event: Event) -> str:
    """Write an event as ``web01: stopped crashed``."""
    assert isinstance(event, DomainEvent)
    words = (event.type or str(event.kind), event.reason)
    return f"{event.domain.name}: {' '.join(word for word in words if word)}"


class RandomLife:
    """Lets random things happen to the domains of a world, and says what has to be told."""

    def __init__(self, server: SimulatorServer, *, seed: int, can_reset: bool) -> None:
        self._can_reset = can_reset
        self._server = server
        self._world = server.world
        self._random = random.Random(seed)
        self._new_names = (f"new-{number}" for number in range(10_000))

    def happen(self) -> list[str]:
        """Let one thing happen, and return the sentences of its events."""
        name = self._random.choice(sorted(self._world.domains.names))
        possible: dict[str, list[Callable[[str], Iterator[str]]]] = {
            "poweredOn": [
                self._power_off,
                self._shut_down,
                self._guest_powers_off,
                self._crash,
                self._suspend,
                self._rename,
            ],
            "poweredOff": [self._power_on, self._rename, self._destroy, self._create],
            "suspended": [self._resume, self._power_off],
        }
        state = str(self._world.read(name, "runtime.powerState"))
        choices = possible[state]
        if state == "poweredOn" and self._world.product == "vpx":
            choices.append(self._migrate)
        if state == "poweredOn" and self._can_reset:
            choices.append(self._reset)
        try:
            return list(self._random.choice(choices)(name))
        except VIFault:
            return []  # the domain is busy with a task that has not ended

    @property
    def _now(self) -> datetime:
        return self._server.now()

    def _power_on(self, name: str) -> Iterator[str]:
        self._world.power_on(name, now=self._now)
        yield f"{name}: started booted"

    def _power_off(self, name: str) -> Iterator[str]:
        self._world.power_off(name, now=self._now)
        yield f"{name}: stopped destroyed"

    def _shut_down(self, name: str) -> Iterator[str]:
        self._world.shutdown_guest(name, now=self._now)
        yield f"{name}: shutdown guest"
        yield f"{name}: stopped shutdown"

    def _guest_powers_off(self, name: str) -> Iterator[str]:
        self._world.guest_powers_off(name, now=self._now)
        yield f"{name}: shutdown guest"
        yield f"{name}: stopped shutdown"

    def _crash(self, name: str) -> Iterator[str]:
        self._world.crash(name, now=self._now)
        yield f"{name}: stopped crashed"

    def _suspend(self, name: str) -> Iterator[str]:
        self._world.suspend(name, now=self._now)
        yield f"{name}: suspended paused"
        yield f"{name}: job-completed suspend"

    def _resume(self, name: str) -> Iterator[str]:
        self._world.power_on(name, now=self._now)
        yield f"{name}: resumed unpaused"

    def _reset(self, name: str) -> Iterator[str]:
        self._world.reset(name, now=self._now)
        yield f"{name}: reboot"

    def _migrate(self, name: str) -> Iterator[str]:
        here = self._world.read(name, "runtime.host")
        there = next(host for host in HOSTS if self._world.host(host) != here)
        self._world.migrate(name, there, now=self._now)
        yield f"{name}: stopped migrated"
        yield f"{name}: started migrated"
        yield f"{name}: job-completed migrate"

    def _rename(self, name: str) -> Iterator[str]:
        new = next(self._new_names)
        self._world.rename(name, new, now=self._now)
        yield f"{name}: undefined renamed"
        yield f"{new}: defined renamed"

    def _destroy(self, name: str) -> Iterator[str]:
        if len(self._world.domains.names) > 3:
            self._world.destroy(name, now=self._now)
            yield f"{name}: undefined removed"

    def _create(self, _: str) -> Iterator[str]:
        new = next(self._new_names)
        self._world.create(new, now=self._now)
        yield f"{new}: defined added"


@pytest.mark.parametrize("pace", PACES.values(), ids=PACES)
@pytest.mark.parametrize("tells_recent_tasks", [True, False])
@pytest.mark.parametrize("product", ["esx", "vpx"])
async def test_random_life_is_told_exactly(
    product: Product, tells_recent_tasks: bool, pace: Pace, tmp_path: Path
) -> None:
    """True reasons, whether or not the host notifies of tasks and whenever those end."""
    world = World(
        product=product,
        domains=5,
        hosts=len(HOSTS) if product == "vpx" else 1,
        pace=pace,
        tells_recent_tasks=tells_recent_tasks,
        now=datetime.now(UTC),
    )
    async with serve(world, host="127.0.0.1") as server:
        daemon = Daemon(configuration(tmp_path, server))
        async with daemon.serve(), Client(tmp_path / "eventd-ro.sock") as client:
            events = client.events(after=daemon.journal.oldest, event=KINDS)
            assert (await anext(events)).event.type == "connected"
            # At this speed nothing but its task shows a reset.
            life = RandomLife(server, seed=20261120, can_reset=tells_recent_tasks)
            for _ in range(100):
                expected = life.happen()
                heard = [told((await anext(events)).event) for _ in expected]
                assert heard == expected
            await events.aclose()


async def test_question_of_a_start_is_raised_and_cleared(tmp_path: Path) -> None:
    """vcsim asks no questions; the embedded host does, and holds up the task until an answer."""
    world = World(domains=1, pace=INSTANT, now=datetime.now(UTC))
    async with serve(world, host="127.0.0.1") as server:
        daemon = Daemon(configuration(tmp_path, server))
        async with daemon.serve(), Client(tmp_path / "eventd-ro.sock") as client:
            events = client.events(after=daemon.journal.oldest, event=KINDS)
            assert (await anext(events)).event.type == "connected"
            question = Question()
            world.script_questions("web01", question)

            world.power_on("web01", now=server.now())
            raised = [told((await anext(events)).event)]
            world.answer("web01", question.id, "1", now=server.now())
            after = [told((await anext(events)).event) for _ in range(2)]

            await events.aclose()
    assert raised == ["web01: raised"]
    assert after == ["web01: cleared elsewhere", "web01: started booted"]
