"""Questions: when they come, whom they hold up, and what ends them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from eventd.simulator.world import Pace, Question, VIFault, World
from tests.simulator.played import LATER, LATEST, START, state, task_state, world


def question(played: World, name: str = "web01") -> object:
    asked = played.read(name, "runtime.question")
    return None if asked is None else played.read(name, "runtime.question.id")


def test_a_question_holds_its_task_until_it_is_answered() -> None:
    """The task runs, the question shows, and with the answer both are over."""
    played = world()
    played.script_questions("web01", Question())

    task = played.power_on("web01", now=START)
    played.advance(LATER)
    blocked = (task_state(played, task), question(played))
    played.answer("web01", "25", "1", now=LATEST)
    played.advance(LATEST)

    assert blocked == ("running", "25")
    assert (task_state(played, task), question(played)) == ("success", None)
    assert state(played) == "poweredOn"


def test_questions_come_one_after_the_other() -> None:
    """The second shows when the first is answered."""
    played = world()
    played.script_questions("web01", Question(id="1"), Question(id="2"))

    task = played.power_on("web01", now=START)
    played.advance(START)
    shown = [question(played)]
    played.answer("web01", "1", "0", now=START)
    played.advance(LATER)
    shown.append(question(played))
    played.answer("web01", "2", "0", now=LATER)
    played.advance(LATER)

    assert shown == ["1", "2"]
    assert task_state(played, task) == "success"


@pytest.mark.parametrize(("when", "held"), [("queued", "queued"), ("running", "running")])
def test_a_question_can_come_before_or_after_the_task_runs(when: Any, held: str) -> None:
    """The task stays in that state."""
    played = world()
    played.script_questions("web01", Question(when=when))

    task = played.power_on("web01", now=START)
    played.advance(LATER)

    assert (task_state(played, task), question(played)) == (held, "25")


def test_a_question_can_come_late() -> None:
    """The task waits for it."""
    played = world()
    played.script_questions("web01", Question(delay=timedelta(seconds=30)))

    task = played.power_on("web01", now=START)
    played.advance(START + timedelta(seconds=29))
    before = (task_state(played, task), question(played))
    played.advance(START + timedelta(seconds=30))

    assert before == ("running", None)
    assert question(played) == "25"


def test_an_aborting_answer_ends_the_task_in_an_error() -> None:
    """And takes back the question that would have come next."""
    played = world()
    played.script_questions("web01", Question(), Question(id="26"))

    task = played.power_on("web01", now=START)
    played.advance(START)
    played.answer("web01", "25", "2", now=LATER)
    played.advance(LATER)

    assert (task_state(played, task), question(played)) == ("error", None)
    assert state(played) == "poweredOff"


@pytest.mark.parametrize(
    ("question_id", "key", "fault"),
    [("24", "1", "InvalidArgument"), ("25", "7", "InvalidArgument")],
)
def test_an_answer_has_to_fit_the_question(question_id: str, key: str, fault: str) -> None:
    """Another id or a choice that does not exist changes nothing."""
    played = world()
    played.ask("web01", Question(), now=START)

    with pytest.raises(VIFault, match=fault):
        played.answer("web01", question_id, key, now=START)

    assert question(played) == "25"


def test_an_answer_that_comes_second_is_refused() -> None:
    """Somebody else was faster."""
    played = world()
    played.ask("web01", Question(), now=START)
    played.answer("web01", "25", "1", now=START)

    with pytest.raises(VIFault, match="InvalidState"):
        played.answer("web01", "25", "1", now=START)


def test_a_cancelled_task_takes_its_question_back() -> None:
    """Only a task that can be cancelled is."""
    played = world(pace=Pace())
    for name in ("web01", "db01"):
        played.script_questions(name, Question())
    played.make_tasks_cancelable("web01")
    cancelable, other = (played.power_on(name, now=START) for name in ("web01", "db01"))
    played.advance(LATER)

    played.cancel_task(cancelable, now=LATER)
    with pytest.raises(VIFault, match="NotSupported"):
        played.cancel_task(other, now=LATER)

    assert (task_state(played, cancelable), question(played)) == ("error", None)
    assert played.objects.read(cancelable, "info.cancelled") is True
    assert (task_state(played, other), question(played, "db01")) == ("running", "25")
