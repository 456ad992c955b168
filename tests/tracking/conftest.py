"""Two beginnings that most scenarios share."""

from __future__ import annotations

import pytest

from tests.tracking.playbook import Scenario


@pytest.fixture
def scenario() -> Scenario:
    """A host in sync, with web01 off."""
    scenario = Scenario()
    assert scenario.sync(scenario.enter()) == []
    return scenario


@pytest.fixture
def running(scenario: Scenario) -> Scenario:
    """A host in sync, with web01 on since noon."""
    scenario.say(scenario.modify(power="poweredOn", boot="2026-11-20T12:00:00Z"))
    return scenario
