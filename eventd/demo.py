"""The demonstration: a simulated vCenter, the daemon and a subscriber, in one process.

They talk over real sockets, as three programs on three machines would. The story is checked while
it is told: a scene is over when its events have arrived, and the demonstration fails if they do
not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from eventd.client import Client
from eventd.config import Configuration
from eventd.daemon import Daemon
from eventd.model.events import ConnectionEvent, Event, LifecycleEvent
from eventd.model.ids import EventKind
from eventd.model.record import EventRecord
from eventd.rendering import sentence
from eventd.simulator import SimulatorServer, World, serve
from eventd.simulator.scenario import Due, Scenario, Step
from eventd.simulator.scenarios import load

__all__ = ["run"]

_PASSWORD = "pass"  # noqa: S105 - of the simulated host, which ends with this process

_STORY = "story"
"""The name of the scenario."""

_KINDS = (
    EventKind.LIFECYCLE,
    EventKind.REBOOT,
    EventKind.CONTROL_ERROR,
    EventKind.JOB_COMPLETED,
    EventKind.QUESTION,
    EventKind.CONNECTION,
)
"""What the subscriber asks for: not what VMware Tools do in each guest."""

_PAUSE_SECONDS = 1.0
"""Between two scenes, for people to read. The whole story takes less than half a minute."""

_SCENE_SECONDS = 10.0
"""How long the events of a scene may take; they are expected at once."""

Write = Callable[[str], None]


class Scene(NamedTuple):
    """A piece of the story."""

    text: str
    act: Callable[[SimulatorServer], Awaitable[None] | None]
    tells: tuple[str, ...]
    """What must be told: ``stopped destroyed``, ``reboot``, …"""


def _scenes(scenario: Scenario) -> list[Scene]:
    """Return what happens on the host: each scene begins with a step that says something."""
    scenes: list[list[Step]] = []
    for step in scenario.steps:
        if step.say is not None or not scenes:
            scenes.append([])
        scenes[-1].append(step)
    return [
        Scene(
            steps[0].say or scenario.title,
            partial(_perform, steps),
            tuple(words for step in steps for words in step.tells),
        )
        for steps in scenes
    ]


def _perform(steps: Iterable[Step], server: SimulatorServer) -> None:
    now = server.now()
    for step in steps:
        Due(now, step, server.world, _STORY).perform()


async def _go_away(server: SimulatorServer) -> None:
    await server.stop()


async def _come_back(server: SimulatorServer) -> None:
    await server.start()


_END = (
    Scene("The vCenter goes away: no domain is said to stop ...", _go_away, ("disconnected",)),
    Scene("... and is back.", _come_back, ("connected",)),
)


async def run(
    *,
    forever: bool,
    write: Write,
    colour: bool,
    pause_seconds: float = _PAUSE_SECONDS,
    story: Scenario | None = None,
) -> int:
    """Tell the story once, or again and again; return the exit code.

    ``write`` is given one line at a time, without a line end. ``pause_seconds`` lie between two
    scenes. ``story`` is a scenario of one vCenter whose steps say and tell something; by default
    the one named ``story``. The code is 0 if all its events arrived and no others, else 1.
    """
    scenario = story or load(_STORY)
    while True:
        heard = await _tell(scenario, write, colour=colour, pause_seconds=pause_seconds)
        if heard is None:
            return 1
        write("")
        scenes = len(_scenes(scenario)) + len(_END)
        write(f"{heard.total()} events in {scenes} scenes: {_summary(heard)}.")
        if not forever:
            break
    write("Next: name your own hosts in a file, and 'eventd run --config FILE'.")
    return 0


async def _tell(
    scenario: Scenario, write: Write, *, colour: bool, pause_seconds: float
) -> Counter[str] | None:
    """Tell the story once; return what was heard, or None if something was missing."""
    async with _stage(scenario) as (server, events):
        write(_opening(server.world))
        listener = _Listener(events, write, colour=colour)
        if not await listener.hear(["connected"]):
            return None
        for scene in (*_scenes(scenario), *_END):
            await asyncio.sleep(pause_seconds)
            write("")
            write(_faint(f"# {scene.text}", colour=colour))
            if (going_on := scene.act(server)) is not None:
                await going_on
            if not await listener.hear(scene.tells):
                return None
        return listener.heard


def _opening(world: World) -> str:
    hosts = _count(len(world.inventory.hosts), "host")
    domains = _count(len(world.domains), "domain")
    return f"A simulated vCenter with {hosts} and {domains}, and eventd, which follows it:"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _faint(text: str, *, colour: bool) -> str:
    return f"\x1b[2m{text}\x1b[0m" if colour else text


def _summary(heard: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in heard.most_common())


@asynccontextmanager
async def _stage(
    scenario: Scenario,
) -> AsyncIterator[tuple[SimulatorServer, AsyncIterator[EventRecord]]]:
    """Run the host, the daemon and a subscriber, who hears all from the first event on."""
    with TemporaryDirectory(prefix="eventd-demo-") as name:
        directory = Path(name)
        [world] = scenario.build(now=datetime.now(UTC)).values()
        async with serve(world, password=_PASSWORD) as server:
            daemon = Daemon(_configuration(directory, port=server.port))
            async with (
                daemon.serve(),
                Client(directory / "eventd-ro.sock") as client,
                aclosing(client.events(event=_KINDS, after=daemon.journal.oldest)) as events,
            ):
                yield server, events


def _configuration(directory: Path, *, port: int) -> Configuration:
    password_file = directory / "password"
    password_file.write_text(_PASSWORD, "utf-8")
    return Configuration.model_validate(
        {
            "daemon": {"runtime_directory": directory, "state_directory": directory},
            "connections": [
                {
                    "name": "vcenter",
                    "uri": f"vpx://root@127.0.0.1:{port}/?transport=http",
                    "password_file": password_file,
                }
            ],
        }
    )


class _Listener:
    """Writes each event down as it is heard, and counts them."""

    def __init__(self, events: AsyncIterator[EventRecord], write: Write, *, colour: bool) -> None:
        self._events = events
        self._write = write
        self._colour = colour
        self.heard: Counter[str] = Counter()

    async def hear(self, expected: Iterable[str]) -> bool:
        """Listen until all that is expected was heard, and nothing else; return whether it was."""
        missing = Counter(expected)
        try:
            async with asyncio.timeout(_SCENE_SECONDS):
                while missing.total():
                    event = (await anext(self._events)).event
                    self._write(sentence(event, colour=self._colour))
                    words = _words(event)
                    if not missing[words]:
                        self._write(f"The story is broken: {words} was told, and not expected.")
                        return False
                    self.heard[words] += 1
                    missing[words] -= 1
        except TimeoutError:
            self._write(f"The story is broken: {', '.join(+missing)} was never told.")
            return False
        return True


def _words(event: Event) -> str:
    if isinstance(event, LifecycleEvent):
        return f"{event.type} {event.reason}"
    if isinstance(event, ConnectionEvent):
        return str(event.type)
    words = (str(event.kind), event.type, event.reason)
    return " ".join(word for word in words if word)
