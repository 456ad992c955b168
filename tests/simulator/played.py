"""A world in which everything is done at once, and short words for looking at it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from eventd.simulator.world import INSTANT, World
from eventd.vi.types import ManagedObjectReference

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = START + timedelta(minutes=1)
LATEST = START + timedelta(minutes=2)


def world(**arguments: Any) -> World:
    """A world in which everything is done at once, unless told otherwise."""
    arguments = {"now": START, "pace": INSTANT, **arguments}
    return World(**arguments)


def state(played: World, name: str = "web01") -> object:
    return played.read(name, "runtime.powerState")


def events(played: World) -> list[str]:
    return [event.type for event in played.events.events]


def task_state(played: World, task: ManagedObjectReference) -> object:
    return played.objects.read(task, "info.state")
