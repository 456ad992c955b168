"""Progress: what a running task says of how far it is."""

from __future__ import annotations

from datetime import timedelta

from eventd.simulator.world import Pace, Question, World
from eventd.vi.types import ManagedObjectReference
from tests.simulator.played import LATER, LATEST, START, task_state, world

SECOND = timedelta(seconds=1)

SLOW = Pace(queued=SECOND, running=10 * SECOND, progress_steps=4)


def progress(played: World, task: ManagedObjectReference) -> object:
    return played.objects.read(task, "info.progress")


def test_a_running_task_reports_its_progress_in_even_steps() -> None:
    """None while it is queued, 0 when it begins, and none again when it is over."""
    played = world(pace=SLOW)
    task = played.power_on("web01", now=START)

    seen = []
    for second in range(0, 13, 2):
        played.advance(START + second * SECOND)
        seen.append((second, task_state(played, task), progress(played, task)))

    assert seen == [
        (0, "queued", None),
        *((2, "running", 0), (4, "running", 20), (6, "running", 40)),
        *((8, "running", 60), (10, "running", 80)),
        (12, "success", None),
    ]


def test_a_task_reports_no_progress_unless_the_host_is_one_that_does() -> None:
    """VI API reference, TaskInfo.progress: it may be unset."""
    played = world(pace=Pace())
    before = played.objects.position

    played.power_on("web01", now=START)
    played.advance(LATER)

    changed = {change.path for change in played.objects.changes_since(before)}
    assert "info.state" in changed
    assert "info.progress" not in changed


def test_a_task_that_a_question_holds_up_stays_at_its_last_step() -> None:
    """Real hosts show 95 % until the answer."""
    played = world(pace=Pace(progress_steps=19))
    played.script_questions("web01", Question())
    task = played.power_on("web01", now=START)
    played.advance(LATER)
    held = (task_state(played, task), progress(played, task))

    played.answer("web01", "25", "1", now=LATEST)
    played.advance(LATEST)

    assert held == ("running", 95)
    assert (task_state(played, task), progress(played, task)) == ("success", None)


def test_a_task_that_ends_early_reports_no_more_progress() -> None:
    """Its state is the last that changes."""
    played = world(pace=SLOW)
    played.make_tasks_cancelable("web01")
    task = played.power_on("web01", now=START)
    played.advance(START + 4 * SECOND)
    before = progress(played, task)

    played.cancel_task(task, now=START + 5 * SECOND)
    after = played.objects.position
    played.advance(LATER)

    assert (before, progress(played, task)) == (20, None)
    assert played.objects.changes_since(after) == []
