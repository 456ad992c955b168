"""A simulated host on which random things happen, and which knows the truth about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import islice

from eventd.simulator import INSTANT, Product, Question, SimulatorServer, World, serve
from eventd.simulator.world.questions import question_info
from tests.faults.validator import by_domain
from tests.situations.random_life import OPERATIONS, RandomLife
from tests.situations.stage import BARRIER

__all__ = ["IN_THE_HISTORY", "Host"]

IN_THE_HISTORY = frozenset({"power_on", "power_off"})
"""What the host writes down in full, so that it can be told by whoever was away meanwhile."""


class Host:
    """A world with a random life. Get its server from `serve`."""

    server: SimulatorServer

    def __init__(
        self,
        *,
        seed: int,
        clock: Callable[[], datetime],
        product: Product = "esx",
        domains: int = 6,
        operations: Collection[str] = IN_THE_HISTORY,
    ) -> None:
        self.clock = clock
        hosts = 1 if product == "esx" else 3
        now = clock()
        self.world = World(product=product, domains=domains, hosts=hosts, pace=INSTANT, now=now)
        self._barrier = self.world.domains.add(BARRIER, now=now)
        self._asked = 0
        self._compared = 0
        self.life = RandomLife(self.world, seed=seed, without=OPERATIONS - set(operations))

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[SimulatorServer]:
        """Answer for as long as the block lasts; `SimulatorServer.stop` ends it meanwhile."""
        async with serve(self.world, clock=self.clock) as self.server:
            yield self.server

    def happen(self) -> str:
        """Let something happen to a domain; return what."""
        now = max(self.clock(), self.world.now)
        what = self.life.happen(now)
        self.world.advance(now)
        return what

    def turn_all(self) -> int:
        """Power each domain off that is on, and the others on; return how many there are."""
        now = max(self.clock(), self.world.now)
        names = self.life.domains()
        for name in names:
            is_on = self.world.read(name, "runtime.powerState") == "poweredOn"
            (self.world.power_off if is_on else self.world.power_on)(name, now=now)
        self.world.advance(now)
        return len(names)

    def ask(self) -> str:
        """Let the domain of the harness ask a question, behind all that has happened before.

        Return its number, by which its event is known: ``QuestionRaised.question.vi_id``.
        """
        self._asked += 1
        question = Question(id=str(self._asked))
        self.world.objects.assign(self._barrier, "runtime.question", question_info(question))
        self.world.objects.show(self._barrier)
        return question.id

    def happened(self) -> dict[str, list[str]]:
        """Return what has happened since `compared`, by the UUID of the domain."""
        new = islice(self.world.happened, self._compared, None)
        return by_domain(
            (each.uuid, each.words)
            for each in new
            if not each.domain.startswith(BARRIER) and not each.words.startswith("agent-lifecycle")
        )

    def compared(self) -> None:
        """Forget what has happened by now."""
        self._compared = len(self.world.happened)

    def states(self) -> dict[str, str]:
        """Return the power state of each domain, by its UUID."""
        return {
            self.world.domains.uuid(self.world.domain(name)): str(
                self.world.read(name, "runtime.powerState")
            )
            for name in self.life.domains()
        }
