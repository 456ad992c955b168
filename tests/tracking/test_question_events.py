"""What is told of questions: whom they hold up, how they end, and what is told before and after."""

from __future__ import annotations

from typing import TypeVar

import pytest

from eventd.model.domain import Question
from eventd.model.events import (
    Event,
    QuestionAnswered,
    QuestionChanged,
    QuestionCleared,
    QuestionEvent,
    QuestionRaised,
)
from eventd.model.evidence import Cause
from eventd.model.picture import DomainPicture
from eventd.model.questions import AnswerRule, QuestionEnding, Requester
from eventd.tracking.properties import question_in
from eventd.tracking.questions import Answer, Fate
from eventd.vi.types import ObjectUpdate, PropertyValue, QuestionInfo, TaskError, TaskReason
from tests.tracking.playbook import WEB01, Scenario, evidence_of, told

OPS = Requester(pid=4711, uid=1000, user="ops")
ON = {"power": "poweredOn", "boot": "2026-11-20T12:00:00Z"}

T = TypeVar("T", bound=QuestionEvent)


@pytest.fixture
def host() -> Scenario:
    """A host in sync that tells how its tasks go on, with web01 off."""
    host = Scenario(follows_tasks=True)
    assert host.sync(host.enter()) == []
    return host


@pytest.fixture
def blocked(host: Scenario) -> Scenario:
    """The same; web01 is being started, and asks."""
    host.say(host.modify(tasks=("task-1",)), host.task_enters(reason=TaskReason("user", "root")))
    host.say(host.modify(question=host.question()))
    return host


def only(cls: type[T], events: list[Event]) -> T:
    """Return the only event, which is of this class."""
    [event] = events
    assert isinstance(event, cls)
    return event


def asked(host: Scenario, domain: str = "vm-42") -> Question:
    """Return the question that a domain has now."""
    question = host.tracker.questions.of(domain)
    assert question is not None
    return question


def answer(
    host: Scenario,
    question: Question | None = None,
    *,
    fate: Fate = Fate.TAKEN,
    rule: AnswerRule = AnswerRule.CLIENT,
    by: Requester | None = None,
) -> None:
    """eventd gives the default answer to the question of web01."""
    question = question or asked(host)
    assert question.default is not None
    host.tracker.questions.begin_answer(question, Answer(question.default, rule, by))
    host.tracker.questions.end_answer(question, fate)


def held_up(event: QuestionEvent) -> str | None:
    """Return the key of the task that a question holds up."""
    return event.evidence.task.key if event.evidence.task else None


# -- what is asked


def test_a_question_is_told_with_the_task_that_it_holds_up(blocked: Scenario) -> None:
    """Who started it stands there; the question itself is nobody's."""
    assert blocked.outcome is not None
    raised = only(QuestionRaised, blocked.outcome.events)

    assert raised.question == asked(blocked)
    assert raised.evidence.cause is Cause.STATE
    assert raised.evidence.user is None
    assert raised.evidence.task is not None
    assert (raised.evidence.task.key, raised.evidence.task.user) == ("task-1", "root")
    assert raised.occurred_at == blocked.now


def test_a_question_that_holds_up_no_task_names_none(host: Scenario) -> None:
    """A domain that runs may ask by itself; and a task that has ended asks nothing."""
    host.say(host.modify(tasks=("task-1",)), host.task_enters(state="success"))
    raised = only(QuestionRaised, host.say(host.modify(question=host.question())))

    assert raised.evidence.task is None


def test_a_question_that_was_there_before_eventd_names_the_task_that_it_holds_up() -> None:
    """As soon as the host tells of that; and it is gone with it."""
    host = Scenario(follows_tasks=True)
    host.sync(host.enter(**WEB01, question=host.question(), tasks=("task-1",)))
    host.say(host.task_enters())
    [pending] = host.tracker.pending_questions(stale=False)
    assert pending.task is not None
    assert pending.task.key == "task-1"

    told_then = host.say(
        host.task_moves(state="error", cancelled="true"), host.modify(question=None)
    )

    assert only(QuestionCleared, told_then).ending is QuestionEnding.WITHDRAWN


def test_of_several_tasks_the_last_one_is_held_up(host: Scenario) -> None:
    """The host does not say which it is; those of other domains are none of it."""
    host.say(host.enter("vm-43", **{**WEB01, "name": "web02"}, tasks=("task-9",)))
    host.say(host.modify(tasks=("task-1",)), host.task_enters("task-1"))
    host.say(host.modify(tasks=("task-1", "task-2")), host.task_enters("task-2"))
    host.say(host.task_enters("task-9", entity="vm-43"))

    raised = only(QuestionRaised, host.say(host.modify(question=host.question())))

    assert held_up(raised) == "task-2"


def test_a_question_keeps_the_task_that_it_holds_up(blocked: Scenario) -> None:
    """Another one may come while it waits, and be told of with the next question."""
    blocked.say(blocked.modify(tasks=("task-1", "task-2")), blocked.task_enters("task-2"))
    cleared, raised = blocked.say(blocked.modify(question=blocked.question("26")))

    assert isinstance(cleared, QuestionCleared)
    assert isinstance(raised, QuestionRaised)
    assert (held_up(cleared), held_up(raised)) == ("task-1", "task-2")


def test_a_task_that_comes_later_has_not_asked(host: Scenario) -> None:
    """Nor does it when somebody looks at the pending questions meanwhile."""
    host.say(host.modify(**ON))
    host.say(host.modify(question=host.question()))
    host.say(host.modify(tasks=("task-9",)), host.task_enters("task-9"))
    assert pending(host) == [("web01", None)]

    cleared = only(QuestionCleared, host.say(host.modify(question=None)))

    assert cleared.ending is QuestionEnding.UNKNOWN
    assert held_up(cleared) is None


def test_a_question_in_other_words_has_changed(blocked: Scenario) -> None:
    """It keeps its id; what is told are the new words."""
    before = asked(blocked)
    changed = only(
        QuestionChanged, blocked.say(blocked.modify(question=blocked.question(text="Append?")))
    )

    assert changed.question == before.model_copy(update={"text": "Append?"})
    assert held_up(changed) == "task-1"


def test_the_same_question_again_is_another_one(blocked: Scenario) -> None:
    """The one before has ended, for a reason that nobody has seen."""
    first = asked(blocked)
    cleared, raised = blocked.say(blocked.modify(question=blocked.question()))

    assert isinstance(cleared, QuestionCleared)
    assert isinstance(raised, QuestionRaised)
    assert cleared.question.id == first.id != raised.question.id


def test_a_question_that_goes_on_is_told_once(blocked: Scenario) -> None:
    """Whatever else happens to its domain, and in a whole picture."""
    assert blocked.say(blocked.modify(name="web02"))
    assert told(blocked.say(blocked.modify(tools="guestToolsRunning"))) == []
    again = {**WEB01, "name": "web02", "tools": "guestToolsRunning"}

    assert blocked.sync(blocked.enter(**again, question=blocked.question())) == []


# -- how it ends


class TestEndings:
    """What became of a question that eventd did not answer."""

    @staticmethod
    def ending(host: Scenario, *updates: ObjectUpdate) -> str:
        [cleared] = [event for event in host.say(*updates) if isinstance(event, QuestionEvent)]
        assert isinstance(cleared, QuestionCleared)
        return cleared.ending

    @pytest.mark.parametrize("state", ["running", "success"])
    def test_elsewhere_when_its_task_goes_on(self, state: str, blocked: Scenario) -> None:
        """Only an answer lets it."""
        assert self.ending(
            blocked, blocked.task_moves(state=state), blocked.modify(question=None)
        ) == (QuestionEnding.ELSEWHERE)

    def test_withdrawn_when_its_task_was_cancelled(self, blocked: Scenario) -> None:
        """Whoever did that; the domain is as it was."""
        cancelled = blocked.task_moves(state="error", cancelled="true")

        assert self.ending(blocked, cancelled, blocked.modify(question=None)) == (
            QuestionEnding.WITHDRAWN
        )

    def test_unknown_when_its_task_has_failed(self, blocked: Scenario) -> None:
        """By an answer, or by something else."""
        failed = blocked.task_moves(state="error", error=TaskError("no"))

        assert self.ending(blocked, failed, blocked.modify(question=None)) == (
            QuestionEnding.UNKNOWN
        )

    def test_withdrawn_when_its_domain_is_gone(self, blocked: Scenario) -> None:
        """Whatever its task says: nobody can answer any more."""
        assert self.ending(blocked, blocked.leave()) == QuestionEnding.WITHDRAWN

    def test_unknown_when_nothing_else_has_changed(self, host: Scenario) -> None:
        """Nor is a task known."""
        host.say(host.modify(question=host.question()))

        assert self.ending(host, host.modify(question=None)) == QuestionEnding.UNKNOWN

    def test_elsewhere_when_its_domain_has_moved_on(self, host: Scenario) -> None:
        """It was started."""
        host.say(host.modify(question=host.question()))

        assert self.ending(host, host.modify(question=None, **ON)) == QuestionEnding.ELSEWHERE

    def test_withdrawn_when_its_domain_is_off(self, host: Scenario) -> None:
        """The question went with the run."""
        host.say(host.modify(**ON))
        host.say(host.modify(question=host.question()))

        assert self.ending(host, host.modify(question=None, power="poweredOff", boot=None)) == (
            QuestionEnding.WITHDRAWN
        )

    def test_elsewhere_when_a_task_that_has_failed_has_changed_the_domain(
        self, blocked: Scenario
    ) -> None:
        """It got as far as that, by an answer."""
        failed = blocked.task_moves(state="error", error=TaskError("no"))

        assert self.ending(blocked, failed, blocked.modify(question=None, **ON)) == (
            QuestionEnding.ELSEWHERE
        )


@pytest.mark.parametrize(
    ("rule", "by"),
    [(AnswerRule.CLIENT, OPS), (AnswerRule.AUTO_ANSWER, OPS), (AnswerRule.FOREIGN, None)],
)
def test_an_answer_of_eventds_is_told_with_who_gave_it_and_why(
    rule: AnswerRule, by: Requester | None, blocked: Scenario
) -> None:
    """The client behind it, where there is one."""
    question = asked(blocked)
    answer(blocked, rule=rule, by=by)
    answered = only(QuestionAnswered, blocked.say(blocked.modify(question=None)))

    assert answered.question == question
    assert answered.choice == question.default
    assert (answered.rule, answered.answered_by) == (rule, by)
    assert held_up(answered) == "task-1"


@pytest.mark.parametrize(
    ("cancelled", "ending"),
    [(None, QuestionEnding.UNKNOWN), ("true", QuestionEnding.WITHDRAWN)],
)
def test_nobody_knows_whether_an_answer_has_arrived_over_which_the_host_was_lost(
    cancelled: str | None, ending: QuestionEnding, blocked: Scenario
) -> None:
    """It is not claimed to be eventd's, nor somebody else's."""
    answer(blocked, fate=Fate.UNCERTAIN)
    blocked.say(blocked.task_moves(cancelled=cancelled))
    cleared = only(QuestionCleared, blocked.say(blocked.modify(question=None)))

    assert cleared.ending is ending


def test_an_answer_that_was_refused_has_ended_nothing(blocked: Scenario) -> None:
    """Somebody else's has."""
    question = asked(blocked)
    assert question.default is not None
    questions = blocked.tracker.questions
    questions.begin_answer(question, Answer(question.default, AnswerRule.CLIENT))
    questions.refuse_answer(question)

    assert told(blocked.say(blocked.modify(question=None))) == ["cleared elsewhere (state)"]


def test_a_question_ends_under_the_name_that_its_domain_had(blocked: Scenario) -> None:
    """It is told of the domain that had asked; the next one is of its new name."""
    events = blocked.say(blocked.modify(name="web02", question=blocked.question("26")))

    names = {type(event): event.domain.name for event in events if isinstance(event, QuestionEvent)}
    assert names == {QuestionCleared: "web01", QuestionRaised: "web02"}


def test_an_answer_whose_telling_could_not_be_published_is_told_again_as_an_answer(
    blocked: Scenario,
) -> None:
    """And not as a question that is gone, nobody knows why."""
    answer(blocked)
    blocked.publishes = False
    assert told(blocked.say(blocked.modify(question=None))) == ["answered client (state)"]
    blocked.publishes = True

    assert told(blocked.sync(blocked.enter(**WEB01, question=None))) == ["answered client (state)"]


# -- answered before it was shown


def test_a_question_that_is_shown_after_its_answer_was_heard_is_told_once(
    blocked: Scenario,
) -> None:
    """What the host says may be of a moment before the answer."""
    blocked.say(blocked.modify(question=None))
    foreseen = blocked.tracker.questions.foresee("vm-42", question_in(blocked.question("26")))
    assert foreseen is not None
    answer(blocked, foreseen, by=OPS)

    raised = only(QuestionRaised, blocked.say(blocked.modify(question=blocked.question("26"))))
    assert raised.question == foreseen
    assert blocked.tracker.pending_questions(stale=False) == []
    answered = only(QuestionAnswered, blocked.say(blocked.modify(question=None)))
    assert (answered.question, answered.answered_by) == (foreseen, OPS)


def test_since_when_it_is_asked_is_known_after_a_restart_of_eventd(blocked: Scenario) -> None:
    """With its id, by which somebody may be about to answer it."""
    [before] = blocked.tracker.pending_questions(stale=False)
    blocked.restart()
    blocked.wait(3600)
    assert blocked.sync(blocked.enter(**WEB01, question=blocked.question())) == []

    [after] = blocked.tracker.pending_questions(stale=False)
    assert (after.question.id, after.since) == (before.question.id, before.since)


def test_a_question_that_was_answered_unseen_is_raised_and_answered(blocked: Scenario) -> None:
    """Both at once, and nothing after it."""
    blocked.say(blocked.modify(question=None))
    foreseen = blocked.tracker.questions.foresee("vm-42", question_in(blocked.question("26")))
    assert foreseen is not None
    answer(blocked, foreseen, rule=AnswerRule.AUTO_ANSWER, by=OPS)

    raised, answered = blocked.say()

    assert isinstance(raised, QuestionRaised)
    assert isinstance(answered, QuestionAnswered)
    assert raised.question == answered.question == foreseen
    assert answered.answered_by == OPS
    assert blocked.say() == []


def test_a_question_that_was_answered_unseen_is_told_before_the_end_of_its_task(
    host: Scenario,
) -> None:
    """And after what else has happened."""
    host.say(host.modify(tasks=("task-1",)), host.task_enters())
    foreseen = host.tracker.questions.foresee("vm-42", question_in(host.question()))
    assert foreseen is not None
    answer(host, foreseen)

    host.say(host.task_moves(state="success"), host.modify(**ON))

    assert host.everything == [
        "started booted (task)",
        "raised (state)",
        "answered client (state)",
        "success (task)",
    ]


def test_a_question_that_was_answered_unseen_names_the_task_that_it_held_up(
    host: Scenario,
) -> None:
    """As one that was shown does."""
    host.say(host.modify(tasks=("task-1",)), host.task_enters())
    foreseen = host.tracker.questions.foresee("vm-42", question_in(host.question()))
    assert foreseen is not None
    answer(host, foreseen)

    held_up = [each.task for each in evidence_of(host.say())]

    assert [task and task.key for task in held_up] == ["task-1", "task-1"]


def test_an_unseen_question_of_a_domain_that_is_gone_is_not_told(host: Scenario) -> None:
    """Nobody is left to tell it of."""
    foreseen = host.tracker.questions.foresee("vm-42", question_in(host.question()))
    assert foreseen is not None
    answer(host, foreseen)

    assert told(host.say(host.leave())) == ["undefined removed (state)"]


# -- its place among the others


def test_a_question_is_raised_after_what_led_to_it(host: Scenario) -> None:
    """A domain that runs asks, and was started before."""
    assert told(host.say(host.modify(**ON, question=host.question()))) == [
        "started booted (state)",
        "raised (state)",
    ]


def test_a_question_that_stops_its_domain_comes_before_that(host: Scenario) -> None:
    """It is the reason."""
    host.say(host.modify(**ON))
    full: QuestionInfo = host.question()._replace(message_ids=("msg.hbacommon.outofspace",))

    events = [*map(str.split, told(host.say(host.modify(question=full))))]

    assert events[0] == ["raised", "(state)"]
    assert "suspended" in [words[0] for words in events[1:]]


def test_questions_of_a_gap_are_marked(blocked: Scenario) -> None:
    """The host may have been restarted meanwhile, so nothing shows who has answered."""
    events = blocked.sync(blocked.enter(**WEB01, question=blocked.question("26")))

    assert told(events) == ["cleared unknown (state)", "raised (state)"]
    assert {event.synthetic for event in events} == {True}


# -- after a restart


def test_a_question_that_is_still_there_after_a_restart_is_not_told_again() -> None:
    """It has the id that was told before."""
    before = Scenario()
    before.sync(before.enter())
    before.say(before.modify(question=before.question()))
    known = {"vm-42": picture_of(before)}

    after = Scenario(known=known)

    assert after.sync(after.enter(**WEB01, question=after.question())) == []
    assert asked(after) == asked(before)


def picture_of(host: Scenario) -> DomainPicture:
    assert host.outcome is not None
    return host.outcome.picture.changed["vm-42"]


def test_very_many_questions_are_each_told_once() -> None:
    """A full datastore lets all of its domains ask at once."""
    domains = [f"vm-{number}" for number in range(1500)]
    host = Scenario()
    host.sync(*(host.enter(domain) for domain in domains))
    raised = host.say(*(host.modify(domain, question=host.question()) for domain in domains))
    assert len(raised) == len(domains)
    assert {each.since for each in host.tracker.pending_questions(stale=False)} == {host.now}

    answer(host, asked(host, "vm-0"))

    assert told(host.say(host.modify("vm-0", question=None))) == ["answered client (state)"]


# -- what is pending


def pending(host: Scenario, *, stale: bool = False) -> list[tuple[str, str | None]]:
    """Return the domains that ask, and the tasks that wait for the answers."""
    return [
        (each.domain.name, each.task.key if each.task else None)
        for each in host.tracker.pending_questions(stale=stale)
    ]


def named(name: str) -> dict[str, PropertyValue]:
    return {**WEB01, "name": name}


def test_pending_questions_are_listed_by_domain(host: Scenario) -> None:
    """By name, and then by reference; with the tasks that they hold up."""
    host.say(
        host.enter("vm-45", **named("web00"), question=host.question()),
        host.enter("vm-44", **named("web02"), question=host.question()),
        host.enter("vm-43", **named("web02"), question=host.question()),
        host.modify("vm-44", tasks=("task-1",)),
        host.task_enters(entity="vm-44"),
    )

    found = host.tracker.pending_questions(stale=False)

    assert [each.domain.reference for each in found] == ["vm-45", "vm-43", "vm-44"]
    assert pending(host) == [("web00", None), ("web02", None), ("web02", "task-1")]
    assert [each.question for each in found] == [
        asked(host, reference) for reference in ("vm-45", "vm-43", "vm-44")
    ]
    assert {each.since for each in found} == {host.now}


def test_a_question_that_was_answered_is_pending_no_longer(blocked: Scenario) -> None:
    """Although the host shows it for a moment longer."""
    answer(blocked)

    assert pending(blocked) == []


def test_the_shadow_of_a_domain_asks_nothing(host: Scenario) -> None:
    """The second one of fault tolerance is no domain of its own."""
    host.say(host.enter("vm-43", **named("web01"), role="2", question=host.question()))

    assert pending(host) == []
    assert host.tasks_told == []


@pytest.mark.parametrize("stale", [False, True])
def test_it_is_said_when_eventd_will_answer(stale: bool) -> None:
    """Unless the host is lost: then nobody knows."""
    host = Scenario(answer_after=30)
    host.sync(host.enter())
    host.say(host.modify(question=host.question()))
    asked_at = host.now
    host.wait(10)

    [found] = host.tracker.pending_questions(stale=stale)

    assert found.stale is stale
    assert found.since == asked_at
    seconds = None if found.answer_due is None else (found.answer_due - asked_at).total_seconds()
    assert seconds == (None if stale else 30)


def test_it_is_not_said_where_eventd_answers_none(blocked: Scenario) -> None:
    """auto_answer is about eventd's own operations."""
    [found] = blocked.tracker.pending_questions(stale=False)

    assert found.answer_due is None
    assert found.task is not None
    assert found.task.user == "root"
