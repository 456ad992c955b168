"""The demonstration tells its whole story, and fails if it cannot."""

from __future__ import annotations

import re

import pytest

from eventd import demo
from eventd.simulator import SimulatorServer


async def tell() -> tuple[int, list[str]]:
    """Tell the story without pauses; return the exit code and what was written."""
    written: list[str] = []
    code = await demo.run(forever=False, write=written.append, colour=False, pause_seconds=0)
    return code, written


async def test_story_is_told_to_its_end_with_exit_code_0() -> None:
    """Every scene's events arrive over the real sockets, and are counted in the summary."""
    code, written = await tell()

    assert code == 0
    text = "\n".join(re.sub(" +", " ", line) for line in written)
    for words in (
        "stopped crashed",
        "started migrated",
        "reboot",
        "question raised",
        "disconnected",
        "undefined removed",
    ):
        assert words in text
    assert re.search(r"^20 events in 14 scenes: .*1 stopped crashed", written[-2])


async def test_plain_lines_where_the_output_is_no_terminal() -> None:
    """Without colour there is no escape sequence, and no line is two."""
    _, written = await tell()

    assert not any("\x1b" in line or "\n" in line for line in written)


async def test_story_whose_events_do_not_come_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demonstration says which event was never told, and its exit code is 1."""
    impossible = demo.Scene("Nothing happens.", lambda server: None, ("stopped saved",))
    monkeypatch.setattr(demo, "_STORY", (impossible,))
    monkeypatch.setattr(demo, "_SCENE_SECONDS", 0.2)

    code, written = await tell()

    assert code == 1
    assert written[-1] == "The story is broken: stopped saved was never told."


async def test_event_that_nobody_expects_breaks_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told twice, or made up, is as wrong as what is missing."""

    def rename(server: SimulatorServer) -> None:
        server.world.rename("web01", "web02", now=server.now())

    surprising = demo.Scene("web01 is renamed.", rename, ("defined renamed",))
    monkeypatch.setattr(demo, "_STORY", (surprising,))

    code, written = await tell()

    assert code == 1
    assert written[-1] == "The story is broken: undefined renamed was told, and not expected."
