"""The demonstration tells its whole story, and fails if it cannot."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from eventd import demo
from eventd.simulator.scenario import Scenario, parse
from eventd.simulator.scenarios import load


async def tell(told: Scenario | None = None) -> tuple[int, list[str]]:
    """Tell the story without pauses; return the exit code and what was written."""
    written: list[str] = []
    code = await demo.run(
        forever=False, write=written.append, colour=False, pause_seconds=0, story=told
    )
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
        "shutdown guest",
        "disconnected",
        "undefined removed",
    ):
        assert words in text
    assert re.search(r"^27 events in 16 scenes: .*2 stopped crashed", written[-2])


async def test_plain_lines_where_the_output_is_no_terminal() -> None:
    """Without colour there is no escape sequence, and no line is two."""
    _, written = await tell()

    assert not any("\x1b" in line or "\n" in line for line in written)


def story(words: str) -> Scenario:
    """Return the story of web01, which is renamed, and of which these words are told."""
    return parse(
        f"""
        title = "A short story"
        domains = {{ web01 = "off" }}
        [[steps]]
        say = "web01 is renamed."
        do = "rename"
        name = "web01"
        new_name = "web02"
        tells = [{words}]
        """,
        name="short",
    )


async def test_story_whose_events_do_not_come_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demonstration says which event was never told, and its exit code is 1."""
    monkeypatch.setattr(demo, "_SCENE_SECONDS", 1.0)

    code, written = await tell(story('"undefined renamed", "defined renamed", "stopped saved"'))

    assert code == 1
    assert written[-1] == "The story is broken: stopped saved was never told."


async def test_event_that_nobody_expects_breaks_the_story() -> None:
    """What is told twice, or made up, is as wrong as what is missing."""
    code, written = await tell(story('"defined renamed"'))

    assert code == 1
    assert written[0].startswith("A simulated vCenter with 1 host and 1 domain, and eventd,")
    assert written[-1] == "The story is broken: undefined renamed was told, and not expected."


def test_story_tells_what_happens_on_its_host() -> None:
    """The scenario of the demonstration is checked like the others: nothing is made up."""
    scenario = load("story")
    now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    worlds = scenario.build(now=now)
    for due in scenario.play(worlds, start=now):
        due.perform()
    [world] = worlds.values()
    world.advance(world.now + timedelta(seconds=5))

    happened = [each.words for each in world.happened if "agent-lifecycle" not in each.words]
    assert happened == [words for step in scenario.steps for words in step.tells]
