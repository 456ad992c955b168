"""Operations, other people's tasks, questions, answers and cancellations, in any order.

A seeded random driver does things to one host, some through eventd and some behind its back, while
what was asked for before goes on. After each piece all that is underway has to come to its end,
and the host is asked what was done to it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from eventd.errors import (
    EventdError,
    HostError,
    NoSuchDomain,
    OperationError,
    OperationInvalid,
    QuestionPending,
)
from eventd.model.domain import Domain
from eventd.model.events import QuestionAnswered, QuestionCleared, QuestionRaised
from eventd.model.operations import DomainOperation
from eventd.model.questions import AnswerRule, PendingQuestion
from eventd.simulator import Pace, Question, VIFault, World
from eventd.simulator.world.faults import InvalidArgument, InvalidState
from eventd.vi.types import ManagedObjectReference
from tests.connections.operating import OPS, PATIENCE, Operated, operating
from tests.situations.stage import NOON, Time

BATCHES = 40
PIECES = 25
"""Interleavings of each batch, on the same host: a thousand in all."""

ONCE_ENDED_BADLY = (6003,)
"""Batches that have found something: here that a session ended for a wait and a look at once."""

STEPS = 8
"""Of each interleaving; what is asked for in one goes on during the next."""

DOMAINS = 3
OPERATIONS = ("start", "destroy", "suspend", "resume", "reset", "start", "start")
DELAY = 5.0
"""After which questions of others are answered where they are."""


class Watched(World):
    """A host that notes what eventd does to it, and what eventd could know before."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.service: Any = None
        self.in_the_way: dict[ManagedObjectReference, bool] = {}
        """Whether something was in the way of each domain when eventd looked last."""
        self.begun: list[ManagedObjectReference] = []
        """The domains of the tasks that eventd has begun."""
        self.begun_in_the_way: list[ManagedObjectReference] = []
        self.cancelled: list[ManagedObjectReference] = []
        self.answered = 0

    def take_scripted_fault(self, method: str) -> VIFault | None:
        if self.service is not None:
            self._note(self.service.calls[-1])
        return super().take_scripted_fault(method)

    def _note(self, call: Any) -> None:
        match call.method:
            case "RetrieveProperties":
                self._note_look(call)
            case "AnswerVM":
                self.answered += 1
            case "CancelTask":
                self.cancelled.append(call.this)
            case str(method) if method.endswith("_Task"):
                if self.in_the_way.pop(call.this, True):
                    self.begun_in_the_way.append(call.this)
                if not self.tasks.of(call.this):
                    self.begun.append(call.this)
            case _:
                pass

    def _note_look(self, call: Any) -> None:
        [spec] = call.call.every("specSet")
        paths = {p.text for each in spec.every("propSet") for p in each.every("pathSet")}
        if "runtime.question" in paths:
            [start] = spec.every("objectSet")
            domain = start.first("obj").reference
            self.in_the_way[domain] = bool(self.tasks.of(domain)) or self.asks(domain)

    def asks(self, domain: ManagedObjectReference) -> bool:
        return self.objects.read(domain, "runtime.question") is not None


@dataclass
class Driver:
    """Does random things to a host."""

    host: Operated
    time: Time
    random: random.Random
    auto_answer: bool
    answers_others: bool
    group: asyncio.TaskGroup
    names: tuple[str, ...]
    """The domains to which things happen."""
    barrier: ManagedObjectReference
    """One to which nothing happens; what is heard of it last, all the rest was heard before."""
    running: list[asyncio.Task[EventdError | None]] = field(default_factory=list)
    ended: list[EventdError | None] = field(default_factory=list)
    refusals: int = 0
    """How many answers the host was told to refuse."""

    @property
    def world(self) -> Watched:
        assert isinstance(self.host.world, Watched)
        return self.host.world

    def step(self) -> None:
        actions: list[tuple[int, Callable[[str], None]]] = [
            (6, self._operate),
            (3, self._others_operate),
            (5, self._script),
            (2, self._answer),
            (1, self._cancel),
            (2, self._client_answers),
            (1, self._ask),
            (1, self._allow_cancelling),
            (1, self._refuse_something),
            (1, self._end_sessions),
            (1, self._vanish),
            (6, self._wait),
        ]
        weights = [weight for weight, _ in actions]
        [(_, action)] = self.random.choices(actions, weights)
        with suppress(VIFault):
            action(self.random.choice(self.names))

    def _operate(self, name: str) -> None:
        """Ask for an operation on a domain that eventd knows, be it gone from the host or not."""
        known = [status.domain for status in self.host.connection.domains()]
        if named := [domain for domain in known if domain.name == name]:
            operation = DomainOperation(self.random.choice(OPERATIONS))
            doing = self._error(self.random.choice(named), operation)
            self.running.append(self.group.create_task(doing))

    async def _error(self, domain: Domain, operation: DomainOperation) -> EventdError | None:
        try:
            await self.host.connection.operate(domain, operation, by=OPS)
        except EventdError as error:
            return error
        return None

    def _others_operate(self, name: str) -> None:
        operation = self.random.choice(("power_on", "power_off", "suspend", "reset"))
        getattr(self.world, operation)(name, user="somebody", now=self.time.now())

    def _question(self) -> Question:
        return Question(
            id=self.random.choice(("25", "26")),
            default_index=self.random.choice((1, 1, 1, 2, None)),
            when=self.random.choice(("queued", "running")),
            delay=timedelta(seconds=self.random.choice((0, 0, 0.5, 2))),
        )

    def _script(self, name: str) -> None:
        count = self.random.choice((1, 1, 2, 3))
        self.world.script_questions(name, *(self._question() for _ in range(count)))

    def _ask(self, name: str) -> None:
        self.world.ask(name, self._question(), now=self.time.now())

    def _answer(self, name: str) -> None:
        asked = self.world.read(name, "runtime.question.id")
        if asked is not None:
            key = self.random.choice("012")
            self.world.answer(name, str(asked), key, now=self.time.now())

    def _client_answers(self, name: str) -> None:
        del name
        pending = self.host.connection.questions()
        if pending:
            chosen = self.random.choice(pending)
            key = self.random.choice(chosen.question.choices).key
            self.running.append(self.group.create_task(self._client_answer(chosen, key)))

    async def _client_answer(self, pending: PendingQuestion, key: str) -> None:
        with suppress(EventdError):
            await self.host.connection.answer(pending, key, by=OPS)

    def _cancel(self, name: str) -> None:
        for task in self.world.tasks.of(self.world.domain(name)):
            self.world.cancel_task(task.reference, now=self.time.now())

    def _allow_cancelling(self, name: str) -> None:
        self.world.make_tasks_cancelable(name)

    def _refuse_something(self, name: str) -> None:
        del name
        if self.random.random() < 0.5:
            self.world.fail_next("AnswerVM", InvalidArgument("answerChoice"))
            self.refusals += 1
        else:
            self.world.fail_next("CancelTask", InvalidState("The task is busy."))

    def _end_sessions(self, name: str) -> None:
        del name
        self.host.server.expire_sessions()

    def _vanish(self, name: str) -> None:
        """A domain goes, whatever it is doing, and another one comes under its name."""
        self.world.vanish(name, now=self.time.now())
        self.world.domains.add(name, now=self.time.now())

    def _wait(self, name: str) -> None:
        del name
        self.pass_time(self.random.choice((0.01, 0.1, 1.0)))

    def pass_time(self, seconds: float) -> None:
        self.time.set(self.time.now() + timedelta(seconds=seconds))
        self.world.advance(self.time.now())

    async def play(self) -> None:
        """Do some things, with more or less time for the others in between."""
        self.ended.clear()
        self.refusals = 0
        self.world.begun.clear()
        for _ in range(STEPS):
            self.step()
            for _ in range(self.random.choice((0, 1, 5, 30))):
                await asyncio.sleep(0)

    def answer_all(self) -> None:
        """Somebody answers all that is asked, so that no refused answer is in the way later on."""
        for name in self.world.domains.names:
            while (asked := self.world.read(name, "runtime.question.id")) is not None:
                self.world.answer(name, str(asked), "1", now=self.time.now())

    async def settle(self) -> None:
        """Let all that is underway come to its end."""
        async with asyncio.timeout(PATIENCE):
            while not all(task.done() for task in self.running):
                self.pass_time(0.5)
                await asyncio.sleep(0)
        self.ended += [task.result() for task in self.running]
        self.running.clear()
        self.world.refuse_no_more()


def check_outcomes(driver: Driver) -> None:
    """Each operation says truly whether it has begun anything."""
    world = driver.world
    assert world.begun_in_the_way == []
    for error in driver.ended:
        if isinstance(error, QuestionPending) and driver.auto_answer:
            hint = error.hint or ""
            assert error.default_choice is None or "refused" in hint or "goes on asking" in hint
        assert error is None or isinstance(error, OperationError | HostError | NoSuchDomain)
    not_begun = sum(map(_has_begun_nothing, driver.ended))
    assert len(world.begun) <= len(driver.ended) - not_begun


def _has_begun_nothing(error: EventdError | None) -> bool:
    hint = (error.hint or "") if error is not None else ""
    # What the host itself refuses was called for, and is among those that were begun.
    is_refused = isinstance(error, OperationInvalid) and "attempted operation" not in hint
    return is_refused or "nothing was begun" in hint


def check_questions(driver: Driver) -> None:
    """Each question that was told has one end, or is pending; nobody answered out of turn."""
    raised = [e.question.id for e in driver.host.events if isinstance(e, QuestionRaised)]
    ended = [
        event.question.id
        for event in driver.host.events
        if isinstance(event, QuestionAnswered | QuestionCleared)
    ]
    pending = {each.question.id for each in driver.host.connection.questions()}
    assert len(set(raised)) == len(raised)
    assert len(set(ended)) == len(ended)
    assert set(raised) - set(ended) == pending
    rules = {e.rule for e in driver.host.events if isinstance(e, QuestionAnswered)}
    if not driver.auto_answer:
        assert rules <= {AnswerRule.CLIENT}
    if not driver.answers_others:
        assert AnswerRule.FOREIGN not in rules


def check_cancellations(driver: Driver) -> None:
    """Nobody's tasks but eventd's own are cancelled by it."""
    for task in driver.world.cancelled:
        found = driver.world.tasks.find(task)
        assert found is None or found.by.name != "somebody"


async def check_others(driver: Driver) -> None:
    """After their delay, the questions of others that have a default are answered."""
    if driver.refusals:
        driver.answer_all()
    if not driver.answers_others:
        return
    async with asyncio.timeout(PATIENCE):
        while any(each.question.default for each in driver.host.connection.questions()):
            driver.pass_time(1)
            await asyncio.sleep(0)


async def in_sync(driver: Driver) -> None:
    """Return when all that has happened on the host is told."""
    count = driver.host.told.count("defined renamed")
    driver.world.assign(driver.barrier, "name", f"renamed-{count}", now=driver.time.now())
    await driver.host.until("defined renamed", count + 1)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("auto_answer", [False, True])
@pytest.mark.parametrize("batch", [*range(BATCHES // 2), *ONCE_ENDED_BADLY])
async def test_whatever_happens_at_once_ends_well(batch: int, auto_answer: bool) -> None:
    """No hang, nothing begun in vain, no question forgotten, and nothing left on the host."""
    answers_others = auto_answer and batch % 2 == 1
    time = Time()
    pace = Pace(queued=timedelta(seconds=0.01), running=timedelta(seconds=0.2), progress_steps=2)
    world = Watched(domains=DOMAINS + 1, pace=pace, now=NOON)
    async with (
        operating(
            world,
            auto_answer=auto_answer,
            answer_after=DELAY if answers_others else None,
            clock=time.now,
            timer=time,
        ) as host,
        asyncio.TaskGroup() as group,
    ):
        world.service = host.server.service
        before = host.server.service.sessions.belongings()
        *names, last = world.domains.names
        barrier = world.domain(last)
        driver = Driver(
            host,
            time,
            random.Random(batch),
            auto_answer,
            answers_others,
            group,
            tuple(names),
            barrier,
        )
        for _ in range(PIECES):
            await driver.play()
            await driver.settle()
            await check_others(driver)
            check_outcomes(driver)
            check_cancellations(driver)
        await in_sync(driver)
        check_questions(driver)
        assert host.server.service.sessions.belongings() == before
    assert sum(host.server.service.sessions.belongings()) == 0
