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
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from eventd.client import Client
from eventd.config import Configuration
from eventd.daemon import Daemon
from eventd.model.events import Event
from eventd.model.record import EventRecord
from eventd.rendering import sentence
from eventd.simulator import Question, SimulatorServer, World, serve

__all__ = ["run"]

_DOMAINS = 5
_HOSTS = 2
_PASSWORD = "pass"  # noqa: S105 - of the simulated host, which ends with this process

_PAUSE_SECONDS = 1.0
"""Between two scenes, for people to read. The whole story takes less than half a minute."""

_SCENE_SECONDS = 10.0
"""How long the events of a scene may take; they are expected at once."""

Write = Callable[[str], None]


class Scene(NamedTuple):
    """A piece of the story."""

    text: str
    act: Callable[[SimulatorServer], Awaitable[None] | None]
    events: tuple[str, ...]
    """What must be told: ``stopped destroyed``, ``reboot``, …"""


def _power_on(server: SimulatorServer) -> None:
    for name in ("web01", "db01", "mail01"):
        server.world.power_on(name, user="alice", now=server.now())


def _power_off(server: SimulatorServer) -> None:
    server.world.power_off("mail01", user="alice", now=server.now())


def _guest_powers_off(server: SimulatorServer) -> None:
    server.world.guest_powers_off("db01", now=server.now())


def _migrate(server: SimulatorServer) -> None:
    server.world.migrate("web01", "esx02.example", user="alice", now=server.now())


def _reboot(server: SimulatorServer) -> None:
    server.world.reboot_guest("web01", user="alice", now=server.now())


def _suspend(server: SimulatorServer) -> None:
    server.world.suspend("web01", user="bob", now=server.now())


def _resume(server: SimulatorServer) -> None:
    server.world.power_on("web01", user="bob", now=server.now())


def _crash(server: SimulatorServer) -> None:
    server.world.crash("web01", now=server.now())


def _ask(server: SimulatorServer) -> None:
    server.world.script_questions("db01", Question())
    server.world.power_on("db01", user="bob", now=server.now())


def _answer(server: SimulatorServer) -> None:
    question = Question()
    server.world.answer("db01", question.id, "1", now=server.now())


def _rename(server: SimulatorServer) -> None:
    server.world.rename("mail01", "mail-old", user="alice", now=server.now())


def _destroy(server: SimulatorServer) -> None:
    server.world.destroy("mail-old", user="alice", now=server.now())


async def _go_away(server: SimulatorServer) -> None:
    await server.stop()


async def _come_back(server: SimulatorServer) -> None:
    await server.start()


_STORY = (
    Scene("Alice powers on web01, db01 and mail01.", _power_on, ("started booted",) * 3),
    Scene("She pulls the plug of mail01.", _power_off, ("stopped destroyed",)),
    Scene("Somebody types 'poweroff' inside db01.", _guest_powers_off, ("stopped shutdown",)),
    Scene("web01 moves to another host.", _migrate, ("stopped migrated", "started migrated")),
    Scene("The guest of web01 is rebooted: it is not a stop and a start.", _reboot, ("reboot",)),
    Scene("Bob suspends web01 ...", _suspend, ("suspended paused",)),
    Scene("... and lets it go on.", _resume, ("resumed unpaused",)),
    Scene("Bob starts db01, and the host has a question.", _ask, ("raised",)),
    Scene("Somebody answers it.", _answer, ("cleared", "started booted")),
    Scene("The process of web01 dies.", _crash, ("stopped crashed",)),
    Scene("mail01 gets another name ...", _rename, ("undefined renamed", "defined renamed")),
    Scene("... and is deleted.", _destroy, ("undefined removed",)),
    Scene("The vCenter goes away: no domain is said to stop ...", _go_away, ("disconnected",)),
    Scene("... and is back.", _come_back, ("connected",)),
)


async def run(
    *, forever: bool, write: Write, colour: bool, pause_seconds: float = _PAUSE_SECONDS
) -> int:
    """Tell the story once, or again and again; return the exit code.

    ``write`` is given one line at a time, without a line end. ``pause_seconds`` lie between two
    scenes. The code is 0 if all events of the story arrived, else 1.
    """
    while True:
        heard = await _tell(write, colour=colour, pause_seconds=pause_seconds)
        if heard is None:
            return 1
        write("")
        write(f"{heard.total()} events in {len(_STORY)} scenes: {_summary(heard)}.")
        if not forever:
            break
    write("Next: name your own hosts in a file, and 'eventd run --config FILE'.")
    return 0


async def _tell(write: Write, *, colour: bool, pause_seconds: float) -> Counter[str] | None:
    """Tell the story once; return what was heard, or None if something was missing."""
    write("A simulated vCenter with two hosts and five domains, and eventd, which follows it:")
    async with _stage() as (server, events):
        listener = _Listener(events, write, colour=colour)
        if not await listener.hear(["connected"]):
            return None
        for scene in _STORY:
            await asyncio.sleep(pause_seconds)
            write("")
            write(_faint(f"# {scene.text}", colour=colour))
            if (going_on := scene.act(server)) is not None:
                await going_on
            if not await listener.hear(scene.events):
                return None
        return listener.heard


def _faint(text: str, *, colour: bool) -> str:
    return f"\x1b[2m{text}\x1b[0m" if colour else text


def _summary(heard: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in heard.most_common())


@asynccontextmanager
async def _stage() -> AsyncIterator[tuple[SimulatorServer, AsyncIterator[EventRecord]]]:
    """Run the host, the daemon and a subscriber, who hears all from the first event on."""
    with TemporaryDirectory(prefix="eventd-demo-") as name:
        directory = Path(name)
        world = World(product="vpx", domains=_DOMAINS, hosts=_HOSTS, now=datetime.now(UTC))
        async with serve(world, password=_PASSWORD) as server:
            daemon = Daemon(_configuration(directory, port=server.port))
            async with (
                daemon.serve(),
                Client(directory / "eventd-ro.sock") as client,
                aclosing(client.events(after=daemon.journal.oldest)) as events,
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
            self._write(f"The story is broken: {', '.join(missing)} was never told.")
            return False
        return True


def _words(event: Event) -> str:
    what = event.type or str(event.kind)
    return f"{what} {event.reason}" if event.reason else what
