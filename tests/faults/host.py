"""A simulated host on which random things happen, and which knows the truth about them.

Another one may take its place, at the same address.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from itertools import islice
from uuid import UUID

from eventd.simulator import INSTANT, Product, Question, SimulatorServer, World, serve
from eventd.simulator.world.questions import question_info
from tests.faults.truth import Come, Gone, Power, Truth
from tests.faults.validator import by_domain
from tests.situations.random_life import OPERATIONS, RandomLife
from tests.situations.stage import BARRIER

__all__ = ["IN_THE_HISTORY", "Host"]

IN_THE_HISTORY = frozenset({"power_on", "power_off"})
"""What the host writes down in full, so that it can be told by whoever was away meanwhile."""

_POWER: dict[str, Power] = {"poweredOn": "on", "poweredOff": "off", "suspended": "suspended"}


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
        self._product = product
        self._domains = domains
        self._without = OPERATIONS - set(operations)
        self._random = random.Random(f"host {seed}")
        self._serving = AsyncExitStack()
        self._asked = 0
        self._first_host = 1
        self._gone: dict[str, Gone] = {}
        """What there was of the host before this one."""
        self._is_new = False
        """Whether this one has come since `compared`."""
        self._populate(seed=seed)

    def _populate(self, *, seed: int, identity: str | None = None) -> None:
        now = self.clock()
        self.world = World(
            product=self._product,
            domains=self._domains,
            hosts=1 if self._product == "esx" else 3,
            first_host=self._first_host,
            identity=identity,
            pace=INSTANT,
            now=now,
        )
        self._barrier = self.world.domains.add(BARRIER, now=now)
        self.life = RandomLife(self.world, seed=seed, without=self._without)
        self.compared()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[SimulatorServer]:
        """Answer for as long as the block lasts; `SimulatorServer.stop` ends it meanwhile."""
        async with self._serving:
            self.server = await self._serving.enter_async_context(
                serve(self.world, clock=self.clock)
            )
            yield self.server

    # -- what happens

    async def stop(self) -> None:
        """Answer nothing any more: what happens from now on, nobody sees."""
        await self.server.stop()
        self._end = len(self.world.happened)

    async def replace(self) -> None:
        """Let another host answer, where this one has stopped to.

        It has domains of the same names and references, some of which are on; in half of the cases
        their UUIDs are the same, too.
        """
        told = self._since_compared(self._end)
        certain = self._since_compared(self._certain)
        self._gone = {
            uuid: Gone(self._at_first.get(uuid), told.get(uuid, []), len(certain.get(uuid, [])))
            for uuid in self._at_first.keys() | told.keys()
        }
        gone = self._gone
        self._first_host += self._random.randrange(2)
        identity = str(UUID(int=self._random.getrandbits(128)))
        self._populate(seed=self._random.getrandbits(32), identity=identity)
        for name in self.life.domains():
            if self._random.random() < 0.5:
                self.world.power_on(name, now=self.world.now)
        self.world.advance(self.world.now)
        self.compared()
        self._gone, self._is_new = gone, True
        self.server = await self._serving.enter_async_context(
            serve(self.world, port=self.server.port, clock=self.clock)
        )

    def seen(self) -> None:
        """What has happened by now has been told."""
        self._certain = len(self.world.happened)

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

    # -- the truth

    def compared(self) -> None:
        """Forget what has happened by now."""
        self._compared = self._certain = self._end = len(self.world.happened)
        self._at_first = {uuid: _POWER[state] for uuid, state in self.states().items()}
        self._gone = {}
        self._is_new = False

    def happened(self) -> dict[str, list[str]]:
        """Return what has happened on this host since `compared`, by the UUID of the domain."""
        return self._since_compared(len(self.world.happened))

    def truth(self) -> Truth:
        """Return what has to be told since `compared`, also of a host that was replaced."""
        words = self.happened()
        if not self._is_new:
            return Truth(words)
        seen = self._since_compared(self._certain) if self._certain > self._compared else words
        come = {
            uuid: Come(self._at_first.get(uuid), words.get(uuid, []), len(seen.get(uuid, [])))
            for uuid in self._at_first.keys() | words.keys()
        }
        return Truth({}, gone=self._gone, come=come)

    def _since_compared(self, end: int) -> dict[str, list[str]]:
        new = islice(self.world.happened, self._compared, end)
        return by_domain(
            (each.uuid, each.words)
            for each in new
            if not each.domain.startswith(BARRIER) and not each.words.startswith("agent-lifecycle")
        )

    def states(self) -> dict[str, str]:
        """Return the power state of each domain, by its UUID."""
        return {
            self.world.domains.uuid(self.world.domain(name)): str(
                self.world.read(name, "runtime.powerState")
            )
            for name in self.life.domains()
        }
