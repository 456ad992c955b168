"""Questions: when they come, whom they hold up, and what ends them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from eventd.simulator.world import Pace, Question, VIFault, World
from eventd.simulator.world.happenings import Initiator
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


@pytest.mark.parametrize("how", ["unregister", "vanish", "hide"])
def test_a_domain_that_leaves_takes_its_question_along(how: str) -> None:
    """Its task ends in an error, and nobody can answer any more; then it is gone."""
    played = world()
    played.script_questions("web01", Question(), Question(id="26"))
    domain = played.domain("web01")
    task = played.power_on("web01", now=START)
    played.advance(START)

    getattr(played, how)("web01", now=LATER)

    assert task_state(played, task) == "error"
    assert words(played, domain="web01") == [
        *("question raised", "question cleared withdrawn", "stopped failed", "undefined removed"),
    ]
    with pytest.raises(VIFault, match="InvalidState"):
        played.answer(domain, "25", "1", now=LATEST)


def words(played: World, *, domain: str) -> list[str]:
    """What happened to a domain, but for its guest's agent."""
    happened = (each.words for each in played.happened if each.domain == domain)
    return [each for each in happened if not each.startswith("agent-lifecycle")]


def test_a_task_that_fails_takes_its_question_back() -> None:
    """Its domain's process ends while it waits for the answer."""
    played = world(powered_on=True)
    played.script_questions("web01", Question(), Question(id="26"))
    task = played.reset("web01", now=START)
    played.advance(START)
    asked = question(played)

    played.terminate("web01", now=LATER)
    played.advance(LATEST)

    assert asked == "25"
    assert (task_state(played, task), question(played)) == ("error", None)


def test_a_failing_task_leaves_the_question_of_others_alone() -> None:
    """It stays as it was shown, and is not raised again."""
    played = world(powered_on=True)
    played.ask("web01", Question(id="9"), now=START)
    played.script_questions("web01", Question())
    played.reset("web01", now=START)
    played.advance(START)

    played.terminate("web01", now=LATER)
    played.advance(LATER)

    assert question(played) == "9"
    assert words(played, domain="web01").count("question raised") == 1


def test_the_next_question_shows_as_soon_as_the_one_before_is_answered() -> None:
    """There is no moment without a question, and an answer that comes too late misses."""
    played = world()
    played.script_questions("web01", Question(id="1"), Question(id="2"))
    played.power_on("web01", now=START)
    played.advance(START)

    played.answer("web01", "1", "0", now=START)

    assert question(played) == "2"
    with pytest.raises(VIFault, match="questionId"):
        played.answer("web01", "1", "0", now=START)


def test_a_question_that_the_host_takes_back_lets_its_task_go_on() -> None:
    """As after an answer."""
    played = world()
    played.script_questions("web01", Question())
    task = played.power_on("web01", now=START)
    played.advance(START)

    played.withdraw_question("web01", now=LATER)
    played.advance(LATER)

    assert (task_state(played, task), question(played)) == ("success", None)
    assert words(played, domain="web01") == [
        *("question raised", "question cleared elsewhere", "started booted"),
    ]


def test_a_question_that_is_taken_back_makes_room_for_the_next() -> None:
    """The task still waits for that one."""
    played = world()
    played.script_questions("web01", Question(), Question(id="26"))
    task = played.power_on("web01", now=START)
    played.advance(START)

    played.withdraw_question("web01", now=LATER)
    played.advance(LATER)

    assert (task_state(played, task), question(played)) == ("running", "26")


@pytest.mark.parametrize("how", ["withdraw_question", "reword_question"])
def test_without_a_question_there_is_nothing_to_take_back_or_to_replace(how: str) -> None:
    """A script that tries to has a mistake."""
    played = world()
    arguments = ["why?"] if how == "reword_question" else []

    with pytest.raises(VIFault, match="InvalidState"):
        getattr(played, how)("web01", *arguments, now=START)


def test_a_question_can_change_without_a_gap() -> None:
    """Whoever only looks at its id does not see the difference; its task still waits."""
    played = world()
    played.script_questions("web01", Question())
    task = played.power_on("web01", now=START)
    played.advance(START)
    before = played.objects.position

    played.reword_question("web01", "Really?", now=LATER)

    assert (question(played), played.read("web01", "runtime.question.text")) == ("25", "Really?")
    changed = [change.path for change in played.objects.changes_since(before)]
    assert changed.count("runtime.question") == 1
    assert words(played, domain="web01") == ["question raised", "question changed"]
    played.answer("web01", "25", "1", now=LATER)
    played.advance(LATER)
    assert task_state(played, task) == "success"


def test_a_domain_can_ask_at_every_start() -> None:
    """Whoever starts it; other tasks ask nothing."""
    played = world()
    played.script_questions_always("web01", Question())

    initiators: tuple[Initiator, ...] = ("user", "schedule")
    held = []
    for initiator in initiators:
        task = played.power_on("web01", initiator=initiator, now=START)
        played.advance(START)
        held.append((task_state(played, task), question(played)))
        played.answer("web01", "25", "0", now=START)
        played.advance(START)
        stop = played.power_off("web01", now=START)
        played.advance(START)
        held.append((task_state(played, stop), question(played)))

    assert held == [("running", "25"), ("success", None)] * 2


def test_a_script_for_the_next_task_goes_before_what_every_start_asks() -> None:
    """An empty one lets a start pass without a question."""
    played = world()
    played.script_questions_always("web01", Question())
    asked = []
    for script in ([Question(id="7")], [], None):
        if script is not None:
            played.script_questions("web01", *script)
        task = played.power_on("web01", now=START)
        played.advance(START)
        asked.append(question(played))
        if asked[-1] is not None:
            played.answer("web01", str(asked[-1]), "0", now=START)
            played.advance(START)
        assert task_state(played, task) == "success"
        played.power_off("web01", now=START)
        played.advance(START)

    assert asked == ["7", None, "25"]


def test_a_domain_stops_asking_at_every_start_when_told_so() -> None:
    """No questions are as good a script as any."""
    played = world()
    played.script_questions_always("web01", Question())

    played.script_questions_always("web01")
    task = played.power_on("web01", now=START)
    played.advance(START)

    assert task_state(played, task) == "success"
