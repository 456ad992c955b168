"""Every situation of the catalogue, played on the simulator and followed by a real connection."""

from __future__ import annotations

import pytest

from eventd.simulator.scenario import Scenario
from eventd.simulator.scenarios import load, names
from tests.situations.stage import BARRIER, Followed, Time, staged


@pytest.mark.parametrize("name", names())
async def test_scenario_is_told_as_it_happened(name: str) -> None:
    """Types, details, causes, who did it and where, in order."""
    scenario = load(name)
    time = Time()
    worlds = scenario.build(now=time.now())
    async with staged(worlds, time) as stage:
        await stage.play(scenario)

        for world, followed in stage.followed.items():
            assert told(scenario, followed.lines, world) == happened(scenario, followed, world)


def told(scenario: Scenario, lines: list[str], world: str) -> list[str]:
    """Return what was told, without the guest agents where the scenario is not about them."""
    expected = scenario.expect[world] or ()
    is_about_agents = any(" agent-lifecycle " in line for line in expected)
    return [line for line in lines if is_about_agents or " agent-lifecycle " not in line]


def happened(scenario: Scenario, followed: Followed, world: str) -> list[str]:
    """Return what the scenario expects, or where it does not say, what the world wrote down."""
    expected = scenario.expect[world]
    if expected is not None:
        return list(expected)
    lines = scenario.told(world, followed.world)
    return [line for line in lines if not line.startswith(BARRIER)]
