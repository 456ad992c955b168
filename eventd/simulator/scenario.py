"""Scenarios: short scripts of what happens on simulated hosts, and what has to be told of it.

A script is TOML. This module reads and checks its text and plays it on worlds, in a time that its
caller sets; where the text comes from is the caller's business.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from eventd.errors import EventdError, InvalidArgument
from eventd.simulator.operations import Mistake, expected, listed, operations
from eventd.simulator.world import Pace, Product, VIFault, World
from eventd.simulator.world.values import Value

__all__ = ["DomainPlan", "Due", "PacePlan", "Scenario", "Step", "WorldPlan", "parse"]

Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]

_WORLD = "host"
"""What the only world of a script is called."""


Lines = Annotated[tuple[str, ...], Field(strict=False)]
"""TOML's arrays are lists in Python."""


class _Plan(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PacePlan(_Plan):
    """A `Pace`, whose times are in seconds."""

    queued: Seconds = 0.01
    running: Seconds = 0.04
    ending: Seconds = 0
    guest: Seconds = 0.06
    event_delay: Seconds = 0
    task_delay: Seconds = 0
    property_delay: Seconds = 0
    progress_steps: Annotated[int, Field(ge=0, le=99)] = 0

    def pace(self) -> Pace:
        """The pace itself."""
        times = self.model_dump(exclude={"progress_steps"})
        given = {name: timedelta(seconds=value) for name, value in times.items()}
        return Pace(**given, progress_steps=self.progress_steps)


class DomainPlan(_Plan):
    """A domain as it is at first; its power state alone says all of it."""

    power: Literal["on", "off", "suspended"] = "off"
    host: str | None = None
    uuid: str | None = None
    instance_uuid: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_power(cls, given: object) -> object:
        return {"power": given} if isinstance(given, str) else given


class WorldPlan(_Plan):
    """A host or vCenter, and what has to be told of it."""

    name: str = _WORLD
    product: Product = "vpx"
    hosts: Annotated[int, Field(ge=1, le=32)] = 1
    first_host: Annotated[int, Field(ge=1, le=99)] = 1
    api_version: str = "8.0.2.0"
    pace: PacePlan = PacePlan()
    tells_recent_tasks: bool = True
    lists_tasks: bool = True
    posts_events: bool = True
    domains: dict[str, DomainPlan] = {}
    expect: Lines | None = None


class _StepPlan(BaseModel):
    """A step; what is not named here are the arguments of the operation."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    do: str
    after: Seconds = 1.0
    world: str | None = None
    say: str | None = None
    tells: Lines = ()


class _Script(_Plan):
    title: str
    worlds: Annotated[tuple[WorldPlan, ...], Field(strict=False)]
    steps: Annotated[tuple[_StepPlan, ...], Field(strict=False)]


class Step(NamedTuple):
    """Something to do on a world."""

    number: int
    """Which step of the script it is, from 1."""
    after: timedelta
    """How long after the step before."""
    world: str
    operation: str
    """The name of a method of `World`."""
    arguments: Mapping[str, Any]
    say: str | None = None
    """What a storyteller says before it; a step without goes on with what was said before."""
    tells: tuple[str, ...] = ()
    """What is told of it, in words that `Happening.words` has too."""

    def __str__(self) -> str:
        words = [self.operation]
        words += [f"{name}={value!r}" for name, value in self.arguments.items()]
        return " ".join(words)


class Due(NamedTuple):
    """A step whose time has come."""

    at: datetime
    step: Step
    world: World
    script: str
    """The name of the script, for messages."""

    def perform(self, now: datetime | None = None) -> None:
        """Do it, at the time at which it is due unless told another.

        Raises:
            EventdError: the world does not allow it, as it is now.
        """
        operation = getattr(self.world, self.step.operation)
        try:
            operation(**self.step.arguments, now=now or self.at)
        except (KeyError, ValueError, VIFault) as error:
            reason = error.args[0] if error.args else error
            raise EventdError(
                f"{self.script}, step {self.step.number} ({self.step.operation}): {reason}; "
                "correct the step or those before it"
            ) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A script that has been read. Get it from `parse`."""

    name: str
    """What messages call it: the name of its file."""
    title: str
    steps: tuple[Step, ...]
    expect: Mapping[str, tuple[str, ...] | None]
    """What has to be told, by world: the lines of its `World.happened`, oldest first.

    Lines about guest agents (``agent-lifecycle``) are left out, unless the script has some. None
    where the script does not say."""
    worlds: tuple[WorldPlan, ...]
    """The worlds as they are before the first step."""

    def build(self, *, now: datetime) -> dict[str, World]:
        """Make the worlds, by name."""
        return {plan.name: _build(plan, now) for plan in self.worlds}

    def play(self, worlds: Mapping[str, World], *, start: datetime) -> Iterator[Due]:
        """Give the steps one after the other, each with the time at which it is due.

        The caller waits as he likes, and performs them.
        """
        at = start
        for step in self.steps:
            at += step.after
            yield Due(at, step, worlds[step.world], self.name)

    def told(self, world: str, played: World) -> list[str]:
        """What has happened on a world, as it compares to `expect`."""
        expected = self.expect[world] or ()
        with_agent = any(_is_about_agent(line) for line in expected)
        lines = (str(happening) for happening in played.happened)
        return [line for line in lines if with_agent or not _is_about_agent(line)]


def _is_about_agent(line: str) -> bool:
    return " agent-lifecycle " in line


def _build(plan: WorldPlan, now: datetime) -> World:
    world = World(
        product=plan.product,
        domains=0,
        hosts=plan.hosts,
        first_host=plan.first_host,
        api_version=plan.api_version,
        pace=plan.pace.pace(),
        tells_recent_tasks=plan.tells_recent_tasks,
        lists_tasks=plan.lists_tasks,
        posts_events=plan.posts_events,
        now=now,
    )
    for index, (name, domain) in enumerate(plan.domains.items()):
        host = world.inventory.hosts[index % plan.hosts]
        _add(world, name, domain, world.host(domain.host) if domain.host else host, now)
    return world


def _add(world: World, name: str, plan: DomainPlan, host: Any, now: datetime) -> None:
    values: dict[str, Value | None] = {}
    if plan.uuid is not None:
        values["config.uuid"] = plan.uuid
    if plan.instance_uuid is not None:
        values["config.instanceUuid"] = plan.instance_uuid
    reference = world.domains.add(name, now=now, host=host, values=values)
    if plan.power != "off":
        world.domains.set_powered_on(reference, now)
    if plan.power == "suspended":
        world.domains.set_suspended(reference, now)
    world.objects.show(reference)


# -- reading


def parse(text: str, *, name: str) -> Scenario:
    """Read and check a script; ``name`` is what messages call it.

    Raises:
        InvalidArgument: it is no script, names the first mistake, and says what to write instead.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgument(f"{name} is no TOML: {error}; correct the line") from error
    try:
        script = _Script.model_validate(_with_worlds(document))
        _check_worlds(script.worlds)
        steps = tuple(_step(n, plan, script) for n, plan in enumerate(script.steps, start=1))
    except ValidationError as error:
        raise InvalidArgument(f"{name}{_first_mistake(error)}") from error
    except Mistake as mistake:
        raise InvalidArgument(f"{name}{mistake}") from mistake
    return Scenario(
        name=name,
        title=script.title,
        steps=steps,
        expect={plan.name: plan.expect for plan in script.worlds},
        worlds=script.worlds,
    )


def _with_worlds(document: dict[str, Any]) -> dict[str, Any]:
    """The only world of a script may be described at its top."""
    if "worlds" in document:
        return document
    world = {key: value for key, value in document.items() if key not in ("title", "steps")}
    rest = {key: value for key, value in document.items() if key in ("title", "steps")}
    return {**rest, "worlds": [world]}


def _first_mistake(error: ValidationError) -> str:
    """The place and the mistake: ``, step 2: after = -1 is wrong; expected at least 0``."""
    first = error.errors()[0]
    place, *path = first["loc"] if len(first["loc"]) > 1 else ("", *first["loc"])
    match place, path:
        case "steps", [int(index), *rest]:
            where = f", step {index + 1}: "
        case "worlds", [0, *rest] if rest:
            where = ": "  # of most scripts the only one, which it does not name
        case "worlds", [int(index), *rest]:
            where = f", world {index + 1}: "
        case _:
            where, rest = ": ", path
    return f"{where}{'.'.join(map(str, rest)) or 'it'}{_mistake(first)}"


def _mistake(error: ErrorDetails) -> str:
    match error["type"]:
        case "missing":
            return " is missing; add it"
        case "extra_forbidden":
            return " is no key of a scenario; remove or correct it"
        case _:
            return f" = {error['input']!r} is wrong; expected {expected(error)}"


def _check_worlds(worlds: tuple[WorldPlan, ...]) -> None:
    seen = set[str]()
    for plan in worlds:
        if plan.name in seen:
            raise Mistake(f": two worlds are called {plan.name!r}; give each a 'name' of its own")
        seen.add(plan.name)
        if plan.product == "esx" and plan.hosts != 1:
            raise Mistake(f": a bare host has one host; for {plan.hosts}, make the product 'vpx'")
        known = [f"esx{plan.first_host + index:02}.example" for index in range(plan.hosts)]
        for domain, given in plan.domains.items():
            if given.host is not None and given.host not in known:
                wrong = f": domains.{domain}.host = {given.host!r} is wrong"
                raise Mistake(f"{wrong}; choose one of: {listed(known)}")


def _step(number: int, plan: _StepPlan, script: _Script) -> Step:
    place = f", step {number} ({plan.do})"
    worlds = [world.name for world in script.worlds]
    operation = operations().get(plan.do)
    if operation is None:
        near = get_close_matches(plan.do, operations(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {listed(operations())}"
        raise Mistake(f"{place}: there is no such operation; {hint}")
    if plan.world is None and len(worlds) > 1:
        raise Mistake(f"{place}: 'world' is missing; choose one of: {listed(worlds)}")
    world = plan.world or worlds[0]
    if world not in worlds:
        raise Mistake(f"{place}: no world is called {world!r}; choose one of: {listed(worlds)}")
    try:
        arguments = operation.read(plan.model_extra or {})
    except Mistake as mistake:
        raise Mistake(f"{place}: {mistake}") from mistake
    after = timedelta(seconds=plan.after)
    return Step(number, after, world, plan.do, arguments, plan.say, plan.tells)
