"""A random history: what is told is what has happened, by the world's own list.

The rule of comparison: after each step, when all that came of it is taken in, exactly what the
world wrote down in that step has been told since the last one, with types, details, causes, who
did it and where. Of each domain it has to come in the order in which it happened. Domains among
each other have no order within a step, since a change that waits for its cause delays no other.
Guest agents are left out.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

import pytest

from eventd.model.events import DomainAgentLifecycle, DomainEvent
from eventd.simulator import Pace, Product, World
from eventd.simulator.world import Happening
from tests.situations.random_life import RandomLife
from tests.situations.stage import BARRIER, Followed, Stage, Time, line, staged

SEED = 20261120
DOMAINS = 50
BETWEEN_STEPS = timedelta(seconds=1)
UNTIL_ALL_IS_TOLD = timedelta(seconds=3)
"""Longer than any change waits for its cause, and any event trails its change."""

PACE = Pace(queued=timedelta())

_ENDING = re.compile(r"(?<= question cleared) \w+")


def by_domain(told: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return lines by the UUID of their domain; what is said of its questions by itself.

    The end of a task shows the answer to its question, and the two are told as they are seen. What
    became of a question is left out: of a task that fails at once, nobody sees that it went on.
    """
    found: dict[str, list[str]] = {}
    for uuid, text in told:
        is_question = " question " in text
        said = _ENDING.sub("", text) if is_question else text
        found.setdefault(f"{uuid} asks" if is_question else uuid, []).append(said)
    return found


class Comparison:
    """Compares, step by step, what a world wrote down with what was told of it."""

    def __init__(self, followed: Followed) -> None:
        self._followed = followed
        self._happened = len(followed.world.happened)
        self._told = len(followed.events)

    def happened(self) -> dict[str, list[str]]:
        """Return what has happened since this was asked last."""
        world = self._followed.world
        new = list(islice(world.happened, self._happened, None))
        self._happened += len(new)
        return by_domain((each.uuid, str(each)) for each in new if _is_of_domain(each))

    def told(self) -> dict[str, list[str]]:
        """Return what was told since this was asked last."""
        new = list(islice(self._followed.events, self._told, None))
        self._told += len(new)
        return by_domain(
            (event.domain.uuid, line(event))
            for event in new
            if isinstance(event, DomainEvent)
            and not isinstance(event, DomainAgentLifecycle)
            and not event.domain.name.startswith(BARRIER)
        )


def _is_of_domain(happening: Happening) -> bool:
    is_agent = happening.words.startswith("agent-lifecycle")
    return not is_agent and not happening.domain.startswith(BARRIER)


async def settle(stage: Stage, world: World, now: datetime) -> None:
    """Let all that comes of a step happen and be told, and nothing coalesce."""
    world.advance(now)
    await stage.take_in()
    await stage.let_happen(now + UNTIL_ALL_IS_TOLD)


def report(
    step: int, last: Iterable[str], happened: dict[str, list[str]], told: dict[str, list[str]]
) -> str:
    """Say where the two part, and what was done before."""
    parted = [
        uuid for uuid in happened.keys() | told.keys() if happened.get(uuid) != told.get(uuid)
    ]
    lines = [f"seed {SEED}, step {step}; the last operations:", *last]
    lines += [f"- {text}" for uuid in parted for text in happened.get(uuid, ())]
    lines += [f"+ {text}" for uuid in parted for text in told.get(uuid, ())]
    return "\n".join(lines)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("product", "steps"), [("vpx", 5000), ("esx", 1000)])
async def test_random_history_is_told_as_it_happened(product: Product, steps: int) -> None:
    """Types, details and causes, whoever did it and wherever it was."""
    time = Time()
    world = World(
        product=product,
        domains=DOMAINS,
        hosts=4 if product == "vpx" else 1,
        pace=PACE,
        now=time.now(),
    )
    life = RandomLife(world, seed=SEED)
    last: deque[str] = deque(maxlen=20)
    async with staged({"host": world}, time) as stage:
        comparison = Comparison(stage.followed["host"])
        for step in range(steps):
            now = time.now() + BETWEEN_STEPS
            time.set(now)
            last.append(f"{step}: {life.happen(now)}")
            await settle(stage, world, now)

            happened, told = comparison.happened(), comparison.told()
            assert told == happened, report(step, last, happened, told)

        statuses = stage.followed["host"].tracker.statuses(stale=False)
        assert len(statuses) == len(life.domains()) + 1  # the stage's own domain
