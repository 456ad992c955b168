"""The questions of a host's domains: which is which, and which eventd is to answer by itself."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.model.domain import Choice, Question
from eventd.model.picture import DomainPicture
from eventd.model.questions import AnswerRule, Requester
from eventd.tracking.questions import Answer, Fate, Pending, Questions

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
DELAY = 30.0
REMEMBERED = 10_000
"""How many questions that are gone are remembered until their end is told."""

REPLACE, APPEND = Choice(key="0", label="Replace"), Choice(key="1", label="Append")
OPS = Requester(user="ops")
TAKEN = Answer(APPEND, AnswerRule.CLIENT, OPS, Fate.TAKEN)


def read(
    vi_id: str = "25", text: str = "Replace or append?", *, default: Choice | None = APPEND
) -> Question:
    """Return a question as it was read, without an id of eventd's."""
    return Question(id="", vi_id=vi_id, text=text, choices=(REPLACE, APPEND), default=default)


class Host:
    """A host whose questions are kept apart: it shows, and is shown to be judged."""

    def __init__(self, *, answer_after: float | None = DELAY, connection: str = "esx01") -> None:
        self.questions = Questions(connection, answer_after=answer_after)
        self.questions.begin(NOON)
        self._before: dict[str, Question | None] = {}

    def show(
        self, question: Question | None, domain: str = "vm-42", *, in_picture: bool = False
    ) -> str | None:
        """Show which question a domain has now, alone or in a whole picture; return its id."""
        shown = self.questions.show(
            domain, self._before.get(domain), question, is_change=not in_picture
        )
        self._before[domain] = shown
        return None if shown is None else shown.id

    def asked(self, domain: str = "vm-42") -> Question:
        """Return the question that a domain is known to have."""
        found = self.questions.of(domain)
        assert found is not None
        return found

    def judge(self, instant: float = 0.0) -> None:
        """Let all that is shown be judged, so many seconds after noon."""
        self.questions.note_judged(NOON + timedelta(seconds=instant), instant)

    def begin_answer(self, question: Question, *, rule: AnswerRule = AnswerRule.CLIENT) -> None:
        """An answer is on its way."""
        self.questions.begin_answer(question, Answer(APPEND, rule, OPS))

    def answer(self, question: Question | None = None, fate: Fate = Fate.TAKEN) -> None:
        """eventd answers a question: that of vm-42, unless another one is named."""
        question = question or self.asked()
        self.begin_answer(question)
        self.questions.end_answer(question, fate)

    @property
    def next_due(self) -> float | None:
        """When the next question is due, be that in the past."""
        return self.questions.next_due(-1.0)

    @property
    def due(self) -> list[str]:
        """The host's ids of what is to be answered when everything has waited for long."""
        return [each.question.vi_id for each in self.questions.due(1e9)]


@pytest.fixture
def host() -> Host:
    """A host on which nothing is asked."""
    return Host()


# -- which question it is


def test_each_question_has_an_id_of_its_own(host: Host) -> None:
    """The host's own ids repeat over domains, over time, and over hosts."""
    ids = [host.show(read(), "vm-42"), host.show(read(), "vm-43")]
    host.show(None, "vm-42")
    ids.append(host.show(read(), "vm-42"))
    ids.append(host.show(read("26"), "vm-42"))
    ids.append(Host(connection="esx02").show(read()))

    assert len({*ids}) == 5
    assert all(ids)


def test_another_life_of_eventd_gives_other_ids(host: Host) -> None:
    """Else an answer that was meant for a question of yesterday's could hit one of today's."""
    later = Host()
    later.questions.begin(LATER)

    assert later.show(read()) != host.show(read())


def test_an_id_is_short_and_can_be_typed(host: Host) -> None:
    """Sixteen characters, on a command line."""
    identifier = host.show(read())

    assert identifier is not None
    assert len(identifier) == 16
    assert {*identifier} <= {*"0123456789abcdef"}


def test_all_but_the_id_is_the_hosts(host: Host) -> None:
    """The question is not changed on its way."""
    identifier = host.show(read())

    assert host.asked() == read().model_copy(update={"id": identifier})


def test_the_same_question_keeps_its_id_over_a_whole_picture(host: Host) -> None:
    """It has been there all the time, as far as anybody can tell."""
    identifier = host.show(read())
    host.questions.begin(LATER)

    assert host.show(read(), in_picture=True) == identifier


def test_the_same_question_again_after_a_change_is_another_one(host: Host) -> None:
    """The one before was answered, and the same was asked anew, faster than anybody could see."""
    identifier = host.show(read())

    assert host.show(read()) != identifier


def test_another_question_has_another_id(host: Host) -> None:
    """In a change and in a whole picture."""
    identifier = host.show(read("25"))
    changed = host.show(read("26"))
    pictured = host.show(read("27"), in_picture=True)

    assert len({identifier, changed, pictured}) == 3


@pytest.mark.parametrize("in_picture", [False, True])
@pytest.mark.parametrize(
    "other", [read(text="Append or replace?"), read(default=None), read(default=REPLACE)]
)
def test_a_question_in_other_words_keeps_its_id(
    other: Question, in_picture: bool, host: Host
) -> None:
    """It is the host's own id that tells so."""
    identifier = host.show(read())

    assert host.show(other, in_picture=in_picture) == identifier
    assert host.asked().text == other.text
    assert host.asked().default == other.default


@pytest.mark.parametrize("in_picture", [False, True])
def test_what_comes_after_an_answer_of_eventds_is_a_new_question(
    in_picture: bool, host: Host
) -> None:
    """Whatever its id and its words are: an answer that was taken has ended the one before."""
    identifier = host.show(read())
    host.answer()

    assert host.show(read(text="Once more?"), in_picture=in_picture) != identifier


@pytest.mark.parametrize("fate", [Fate.UNDERWAY, Fate.UNCERTAIN])
def test_an_answer_that_may_not_have_been_taken_ends_nothing(fate: Fate, host: Host) -> None:
    """The same question in a whole picture is still the same."""
    identifier = host.show(read())
    host.answer(fate=fate)

    assert host.show(read(), in_picture=True) == identifier


def test_a_question_that_is_gone_is_shown_no_more(host: Host) -> None:
    """Nor is that of a domain that is gone; what never was does no harm."""
    host.show(read(), "vm-42")
    host.show(read(), "vm-43")

    host.show(None, "vm-42")
    host.questions.forget("vm-43")
    host.show(None, "vm-44")
    host.questions.forget("vm-44")

    assert host.questions.of("vm-42") is None
    assert host.questions.of("vm-43") is None
    assert host.questions.count == 0


# -- what is read before it is shown


def test_a_question_that_was_read_has_the_id_that_it_is_shown_with(host: Host) -> None:
    """The reading may come first."""
    foreseen = host.questions.foresee("vm-42", read())

    assert foreseen is not None
    assert host.show(read()) == foreseen.id


def test_a_question_that_was_read_twice_has_one_id(host: Host) -> None:
    """It was not shown in between."""
    first, second = (host.questions.foresee("vm-42", read()) for _ in range(2))

    assert first == second


def test_a_question_that_is_shown_is_read_with_its_id(host: Host) -> None:
    """However it is worded meanwhile."""
    identifier = host.show(read())

    foreseen = host.questions.foresee("vm-42", read(text="Append or replace?"))

    assert foreseen is not None
    assert (foreseen.id, foreseen.text) == (identifier, "Append or replace?")
    assert host.asked().text == "Replace or append?"


def test_to_read_that_nothing_is_asked_says_so(host: Host) -> None:
    """What is shown goes when it is shown to be gone."""
    host.show(read())

    assert host.questions.foresee("vm-42", None) is None
    assert host.questions.of("vm-42") is not None


def test_a_question_that_is_only_foreseen_is_not_pending(host: Host) -> None:
    """Nobody was told of it."""
    host.questions.foresee("vm-42", read())

    assert host.questions.of("vm-42") is None
    assert host.questions.count == 0


def test_what_was_foreseen_is_of_its_domain(host: Host) -> None:
    """The same on another domain is another question."""
    foreseen = host.questions.foresee("vm-42", read())

    assert foreseen is not None
    assert host.show(read(), "vm-43") != foreseen.id


def test_what_was_foreseen_is_shown_once(host: Host) -> None:
    """The same after it is another one; so it is on a domain that has gone and come back."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.show(read())
    host.show(None)
    assert host.show(read()) != foreseen.id

    again = host.questions.foresee("vm-43", read())
    assert again is not None
    host.questions.forget("vm-43")
    assert host.show(read(), "vm-43") != again.id


def test_what_is_read_after_an_answer_is_a_new_question(host: Host) -> None:
    """The host shows the one that was answered for a moment longer."""
    identifier = host.show(read())
    host.answer()

    foreseen = host.questions.foresee("vm-42", read())

    assert foreseen is not None
    assert foreseen.id != identifier
    assert host.show(read()) == foreseen.id


def test_what_was_foreseen_and_is_asked_no_longer_is_forgotten(host: Host) -> None:
    """Else the next question would get its id, and an answer that was meant for it."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.questions.foresee("vm-42", None)

    assert host.show(read()) != foreseen.id


# -- after a restart


def test_known_questions_are_restored_with_their_ids(host: Host) -> None:
    """And no others are pending any more."""
    host.show(read(), "vm-43")
    kept = read().model_copy(update={"id": "0123456789"})

    host.questions.restore([DomainPicture("vm-42", question=kept), DomainPicture("vm-44")])

    assert [pending.question for pending in host.questions.pending()] == [kept]
    assert host.questions.of("vm-43") is None


def test_what_is_known_of_a_question_outlives_that_it_is_taken_back(host: Host) -> None:
    """A defect elsewhere lets all that was not published be forgotten, and shown again."""
    host.show(read())
    host.judge(10)
    kept = host.asked()
    host.show(read("26"))
    host.questions.restore([DomainPicture("vm-42", question=kept)])

    assert [each.question for each in host.questions.pending()] == [kept]


def test_what_is_shown_and_restored_keeps_its_time(host: Host) -> None:
    """Nothing has happened to it."""
    host.show(read())
    host.judge(10)
    host.questions.restore([DomainPicture("vm-42", question=host.asked())])
    host.judge(20)

    assert host.next_due == 40


def test_a_restored_question_that_the_host_still_shows_is_the_same(host: Host) -> None:
    """A restart of eventd answers nothing."""
    kept = read().model_copy(update={"id": "0123456789"})
    host.questions.restore([DomainPicture("vm-42", question=kept)])

    shown = host.questions.show("vm-42", kept, read(), is_change=False)

    assert shown == kept


# -- what waits for an answer


def test_pending_questions_are_told_with_their_domains_and_since_when(host: Host) -> None:
    """The time is that of the first judgement, and not of a later one."""
    host.show(read("25"), "vm-42")
    host.judge(5)
    host.show(read("26"), "vm-43")
    host.judge(10)
    host.show(read("27"), "vm-44")

    assert list(host.questions.pending()) == [
        Pending("vm-42", host.asked("vm-42"), NOON + timedelta(seconds=5), None),
        Pending("vm-43", host.asked("vm-43"), NOON + timedelta(seconds=10), None),
        Pending("vm-44", host.asked("vm-44"), None, None),
    ]


def test_a_question_that_was_answered_waits_no_longer(host: Host) -> None:
    """Although the host shows it for a moment longer."""
    host.show(read())
    host.answer()

    assert list(host.questions.pending()) == []
    assert host.questions.count == 0
    assert host.questions.of("vm-42") is not None


# -- what eventd is to answer by itself


def test_a_question_is_due_after_the_delay(host: Host) -> None:
    """Counted from when it was judged first; the two clocks agree."""
    host.show(read())
    host.judge(10)
    host.judge(20)
    [pending] = host.questions.pending()

    assert host.next_due == 40
    assert host.questions.due_at(host.asked()) == NOON + timedelta(seconds=40)
    assert host.questions.due(39.9) == []
    assert host.questions.due(40) == [pending]


def test_the_next_one_due_is_the_oldest(host: Host) -> None:
    """Each has its own time."""
    host.show(read("25"), "vm-42")
    host.judge(1)
    host.show(read("26"), "vm-43")
    host.judge(2)

    assert host.next_due == 31
    assert [each.reference for each in host.questions.due(31)] == ["vm-42"]
    assert [each.reference for each in host.questions.due(32)] == ["vm-42", "vm-43"]


def test_a_question_keeps_its_time_when_it_changes_its_words(host: Host) -> None:
    """A host that words it anew each second would never be answered."""
    host.show(read())
    host.judge(10)
    host.show(read(text="Append or replace?"))
    host.judge(20)

    assert host.next_due == 40


def test_the_same_again_has_a_time_of_its_own(host: Host) -> None:
    """Whoever answered the one before may answer this one."""
    host.show(read())
    host.judge(10)
    host.show(read())
    host.judge(20)

    assert host.next_due == 50


def test_nothing_is_due_before_it_is_judged(host: Host) -> None:
    """It is told first, and answered afterwards."""
    host.show(read())

    assert host.due == []
    assert host.next_due is None
    assert host.questions.due_at(host.asked()) is None


def test_what_is_judged_at_the_end_of_time_has_no_time_yet(host: Host) -> None:
    """The host is lost then, and everything is decided at once; it is judged when it is back."""
    host.show(read())
    host.questions.note_judged(NOON, math.inf)
    assert host.next_due is None

    host.judge(10)

    assert host.next_due == 40


def test_a_question_may_be_due_at_once() -> None:
    """Without a delay, and at the beginning of the clock."""
    host = Host(answer_after=0.0)
    host.show(read())
    host.judge(0)

    assert host.next_due == 0
    assert len(host.questions.due(0)) == 1


def test_nothing_is_due_where_eventd_answers_none() -> None:
    """It is off unless the connection says otherwise."""
    host = Host(answer_after=None)
    host.show(read())
    host.judge()

    assert not host.questions.are_answered
    assert host.due == []
    assert host.next_due is None
    assert host.questions.due_at(host.asked()) is None
    assert Host().questions.are_answered


class TestNotDue:
    """Questions that eventd leaves alone for now, or for good."""

    @staticmethod
    def is_left_alone(host: Host) -> bool:
        at = [host.questions.due_at(each.question) for each in host.questions.pending()]
        left = (host.due, host.next_due, [each for each in at if each])
        assert left == ([], None, []) or (left[0] and left[1] and left[2])
        return not left[0]

    def test_one_without_a_default(self, host: Host) -> None:
        """There is nothing to answer."""
        host.show(read(default=None))
        host.judge()

        assert self.is_left_alone(host)

    def test_one_that_an_operation_takes_care_of(self, host: Host) -> None:
        """By its own rule; when it has ended, whatever it left is for this one again."""
        host.show(read())
        host.judge()
        with host.questions.operated("vm-42"):
            with host.questions.operated("vm-42"):
                assert self.is_left_alone(host)
            assert self.is_left_alone(host)
        assert not self.is_left_alone(host)

    def test_one_that_an_operation_takes_care_of_that_fails(self, host: Host) -> None:
        """It is over then, too."""
        host.show(read())
        host.judge()
        with pytest.raises(RuntimeError), host.questions.operated("vm-42"):
            raise RuntimeError

        assert not self.is_left_alone(host)

    def test_not_one_of_another_domain(self, host: Host) -> None:
        """The operation has nothing to do with it."""
        host.show(read(), "vm-43")
        host.judge()
        with host.questions.operated("vm-42"):
            assert not self.is_left_alone(host)

    def test_one_whose_answer_is_under_way(self, host: Host) -> None:
        """It is not given twice."""
        host.show(read())
        host.judge()
        host.begin_answer(host.asked())

        assert self.is_left_alone(host)

    def test_one_that_was_answered(self, host: Host) -> None:
        """The host goes on showing it for a moment."""
        host.show(read())
        host.judge()
        host.answer()

        assert self.is_left_alone(host)

    def test_not_one_of_whose_answer_nothing_is_known(self, host: Host) -> None:
        """The host was lost; if it still shows the question, it has not heard it."""
        host.show(read())
        host.judge()
        host.answer(fate=Fate.UNCERTAIN)

        assert not self.is_left_alone(host)

    def test_one_whose_answer_was_refused(self, host: Host) -> None:
        """The host would refuse it again, each time."""
        host.show(read())
        host.judge()
        host.begin_answer(host.asked())
        host.questions.refuse_answer(host.asked())

        assert self.is_left_alone(host)
        host.show(read(), in_picture=True)
        assert self.is_left_alone(host)

    def test_not_one_that_was_put_into_other_words_since(self, host: Host) -> None:
        """It may have another default."""
        host.show(read())
        host.judge()
        host.begin_answer(host.asked())
        host.questions.refuse_answer(host.asked())

        host.show(read(text="Append or replace?", default=REPLACE))

        assert not self.is_left_alone(host)

    def test_not_one_whose_answer_was_not_even_asked_for(self, host: Host) -> None:
        """The session had ended."""
        host.show(read())
        host.judge()
        host.begin_answer(host.asked())
        host.questions.refuse_answer(host.asked(), is_final=False)

        assert not self.is_left_alone(host)


# -- the answers


def test_an_answer_is_remembered_with_what_became_of_it(host: Host) -> None:
    """Who gave it, by which rule, and whether the host has taken it."""
    host.show(read())
    question = host.asked()
    assert host.questions.answer_to(question) is None

    host.begin_answer(question, rule=AnswerRule.FOREIGN)
    answer = Answer(APPEND, AnswerRule.FOREIGN, OPS)
    assert host.questions.answer_to(question) == answer
    assert (host.questions.is_underway(question), host.questions.is_answered(question)) == (
        True,
        False,
    )

    host.questions.end_answer(question, Fate.TAKEN)
    answer.fate = Fate.TAKEN
    assert host.questions.answer_to(question) == answer
    assert (host.questions.is_underway(question), host.questions.is_answered(question)) == (
        False,
        True,
    )


def test_an_answer_that_may_be_lost_is_remembered_as_such(host: Host) -> None:
    """If the question is gone when the host is back, it may have been the reason."""
    host.show(read())
    host.answer(fate=Fate.UNCERTAIN)

    answer = host.questions.answer_to(host.asked())
    assert answer is not None
    assert answer.fate is Fate.UNCERTAIN
    assert not host.questions.is_underway(host.asked())
    assert not host.questions.is_answered(host.asked())
    assert host.questions.count == 1


@pytest.mark.parametrize("is_final", [False, True])
def test_an_answer_that_was_not_taken_has_ended_nothing(is_final: bool, host: Host) -> None:
    """The question may be gone for another reason."""
    host.show(read())
    host.begin_answer(host.asked())

    host.questions.refuse_answer(host.asked(), is_final=is_final)

    assert host.questions.answer_to(host.asked()) is None
    assert host.questions.count == 1


@pytest.mark.parametrize("is_final", [False, True])
def test_a_refused_answer_leaves_a_question_that_is_not_shown_yet_its_id(
    is_final: bool, host: Host
) -> None:
    """Somebody may have been given it, to answer; what was refused is not tried by eventd again."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.begin_answer(foreseen)
    host.questions.foresee("vm-42", read())

    host.questions.refuse_answer(foreseen, is_final=is_final)
    host.judge()

    assert host.show(read()) == foreseen.id
    host.judge()
    assert host.due == ([] if is_final else ["25"])


# -- answered before they were shown


def test_a_question_that_was_answered_unseen_is_told_once(host: Host) -> None:
    """Nobody would hear of it otherwise."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.answer(foreseen)

    assert host.questions.take_unseen() == [("vm-42", foreseen, TAKEN)]
    assert host.questions.take_unseen() == []


def test_a_question_that_was_answered_unseen_is_known_until_it_is_told(host: Host) -> None:
    """With the task that it has held up."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.answer(foreseen)
    host.questions.take_unseen()

    host.questions.note_task(foreseen, "task-1", number=0)
    assert host.questions.task_of(foreseen) == "task-1"
    host.questions.note_told(foreseen)
    host.questions.accept()
    assert host.questions.task_of(foreseen) is None


def test_the_same_that_is_shown_after_it_is_another_one(host: Host) -> None:
    """It was asked after the answer."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.answer(foreseen)
    host.questions.begin_poll()

    assert host.show(read()) not in (foreseen.id, None)
    assert host.questions.take_unseen() == [("vm-42", foreseen, TAKEN)]


def test_one_that_the_host_shows_late_is_the_one_that_was_answered(host: Host) -> None:
    """Its answer to the wait may be of a moment before eventd's own answer was heard."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.answer(foreseen)

    assert host.show(read()) == foreseen.id
    assert host.questions.take_unseen() == []
    assert host.questions.answer_to(foreseen) == TAKEN
    assert [*host.questions.pending()] == []
    assert host.show(None) is None


def test_one_that_is_shown_when_its_end_is_told_is_not_told_again(host: Host) -> None:
    """A judgement may come between its answer and the late answer to the wait."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.answer(foreseen)
    host.questions.take_unseen()
    host.questions.note_told(foreseen)
    host.questions.accept()

    assert host.show(read()) is None
    host.questions.begin_poll()
    assert host.show(read()) not in (foreseen.id, None)


def test_what_was_foreseen_and_not_shown_leaves_nothing_to_a_later_question(host: Host) -> None:
    """The wait that was begun after it was read would have shown it: it is gone."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.begin_answer(foreseen)
    host.questions.refuse_answer(foreseen)
    host.questions.begin_poll()
    host.questions.begin_poll()

    later = host.show(read())
    assert later not in (foreseen.id, None)
    host.judge()
    assert host.due == ["25"]


@pytest.mark.parametrize("polls", [0, 1])
def test_what_was_foreseen_is_shown_by_the_present_wait_or_by_the_next(
    polls: int, host: Host
) -> None:
    """The present one may have been answered before it was read."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    for _ in range(polls):
        host.questions.begin_poll()

    assert host.show(read()) == foreseen.id


def test_what_is_read_again_and_again_keeps_its_id(host: Host) -> None:
    """A host may not notify of it at all."""
    first = host.questions.foresee("vm-42", read())
    for _ in range(10):
        host.questions.begin_poll()
        assert host.questions.foresee("vm-42", read()) == first


def test_what_was_told_and_could_not_be_published_is_told_again(host: Host) -> None:
    """With the answer that it got."""
    foreseen = host.questions.foresee("vm-43", read())
    assert foreseen is not None
    host.answer(foreseen)
    host.show(read())
    shown = host.asked()
    host.answer()
    host.show(None)
    for _ in range(2):
        assert host.questions.take_unseen() == [("vm-43", foreseen, TAKEN)]
        host.questions.note_told(foreseen)
        host.questions.note_told(shown)
        assert host.questions.answer_to(shown) == TAKEN
        host.questions.roll_back()

    assert host.questions.answer_to(foreseen) == TAKEN
    host.questions.restore([DomainPicture("vm-42", question=shown)])
    assert host.questions.answer_to(shown) == TAKEN


def test_since_when_it_is_asked_is_known_after_a_restart(host: Host) -> None:
    """By its id it is the same question; its answer of eventd's own waits anew."""
    host.show(read())
    host.judge(60)
    question = host.asked()
    since = host.questions.since(question)

    again = Host()
    again.questions.restore([DomainPicture("vm-42", question=question, asked_at=since)])
    again.judge(3600)

    [pending] = again.questions.pending()
    assert (pending.question.id, pending.since) == (question.id, NOON + timedelta(seconds=60))


def test_a_question_that_was_shown_is_not_unseen(host: Host) -> None:
    """Be it shown before the answer, or while it was on its way."""
    host.show(read(), "vm-42")
    host.answer()
    foreseen = host.questions.foresee("vm-43", read())
    assert foreseen is not None
    host.begin_answer(foreseen)
    host.show(read(), "vm-43")
    host.questions.end_answer(foreseen, Fate.TAKEN)

    assert host.questions.take_unseen() == []


def test_a_question_whose_answer_was_not_taken_is_not_unseen(host: Host) -> None:
    """It may still be shown."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.answer(foreseen, Fate.UNCERTAIN)

    assert host.questions.take_unseen() == []
    assert host.show(read()) == foreseen.id


@pytest.mark.parametrize("then", ["next", "nothing", "read another", "domain gone"])
def test_an_answer_is_heard_of_a_question_that_is_asked_no_longer(then: str, host: Host) -> None:
    """The host may show what comes next before it says that it has taken the answer."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.begin_answer(foreseen)
    match then:
        case "next":
            host.show(read("26"))
        case "nothing":
            host.questions.foresee("vm-42", None)
        case "read another":
            host.questions.foresee("vm-42", read("26"))
        case _:
            host.questions.forget("vm-42")
    assert host.questions.is_underway(foreseen)
    assert not host.questions.is_open(foreseen)

    host.questions.end_answer(foreseen, Fate.TAKEN)

    assert host.questions.take_unseen() == [("vm-42", foreseen, TAKEN)]


@pytest.mark.parametrize("fate", [Fate.UNCERTAIN, None])
def test_an_answer_that_was_not_taken_to_what_is_asked_no_longer_is_forgotten(
    fate: Fate | None, host: Host
) -> None:
    """Nothing is to be told of it."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.begin_answer(foreseen)
    host.questions.foresee("vm-42", None)
    if fate is None:
        host.questions.refuse_answer(foreseen)
    else:
        host.questions.end_answer(foreseen, fate)

    assert host.questions.answer_to(foreseen) is None
    assert host.questions.take_unseen() == []


# -- what is remembered


def test_an_answer_that_is_under_way_is_known_though_the_end_of_its_question_is_told(
    host: Host,
) -> None:
    """It took so long that nobody waited for it."""
    host.show(read())
    question = host.asked()
    host.begin_answer(question)
    host.show(None)
    host.questions.note_told(question)
    host.questions.accept()
    assert host.questions.is_underway(question)
    assert not host.questions.is_open(question)

    host.questions.end_answer(question, Fate.TAKEN)
    assert host.questions.answer_to(question) is None


def test_what_was_undone_is_known_as_before(host: Host) -> None:
    """With its answer, under its id; what came after it has not been."""
    host.show(read())
    answered = host.asked()
    host.answer()
    host.show(read())
    later = host.asked()
    host.answer(later, Fate.UNCERTAIN)

    host.questions.restore([DomainPicture("vm-42", question=answered)])

    assert host.asked() == answered
    assert host.questions.is_answered(answered)
    assert host.questions.count == 0
    assert host.questions.answer_to(later) is None


def test_a_question_that_goes_on_after_its_answer_waits_for_another_one(host: Host) -> None:
    """Under its id; eventd gives none by itself any more."""
    host.show(read())
    host.judge()
    question = host.asked()
    host.answer()
    again = host.questions.foresee("vm-42", read())
    assert again is not None

    assert host.questions.reopen(question, again) == question

    assert host.questions.is_open(question)
    assert not host.questions.is_open(again)
    assert [each.question for each in host.questions.pending()] == [question]
    assert host.due == []


def test_a_question_that_was_told_already_goes_on_as_another_one(host: Host) -> None:
    """Its end is told."""
    foreseen = host.questions.foresee("vm-42", read())
    assert foreseen is not None
    host.answer(foreseen)
    host.questions.take_unseen()
    host.questions.note_told(foreseen)
    host.questions.accept()
    again = host.questions.foresee("vm-42", read())
    assert again is not None

    assert host.questions.reopen(foreseen, again) == again
    assert host.show(read()) == again.id


def test_the_answer_to_a_question_that_is_gone_is_known_until_its_end_is_told(host: Host) -> None:
    """Nobody asks for it afterwards."""
    host.show(read())
    gone = host.asked()
    host.answer()
    host.show(None)
    assert host.questions.answer_to(gone) == TAKEN

    host.questions.note_told(gone)
    host.questions.accept()

    assert host.questions.answer_to(gone) is None


def test_to_tell_the_end_of_one_question_forgets_no_other(host: Host) -> None:
    """Nor one that was never known."""
    host.show(read("25"))
    gone = host.asked()
    host.show(read("26"))
    host.answer()
    host.questions.note_told(gone)
    host.questions.accept()
    host.questions.note_told(read().model_copy(update={"id": "0123456789abcdef"}))

    assert host.questions.answer_to(host.asked()) == TAKEN


def test_what_is_remembered_of_questions_that_are_gone_is_bounded(host: Host) -> None:
    """The oldest are forgotten, should their ends never be told."""
    gone = []
    for number in range(REMEMBERED + 1):
        host.show(read(str(number)))
        gone.append(host.asked())
        host.answer()
        host.show(None)

    assert host.questions.answer_to(gone[0]) is None
    assert host.questions.answer_to(gone[1]) == TAKEN
    assert host.questions.answer_to(gone[-1]) == TAKEN


def test_questions_that_wait_are_never_forgotten(host: Host) -> None:
    """However many there are: a full datastore lets all of its domains ask at once."""
    domains = [f"vm-{number}" for number in range(REMEMBERED + 1)]
    for domain in domains:
        host.show(read(), domain)
    host.judge(0)
    host.judge(20)

    assert host.questions.count == len(domains)
    assert host.next_due == DELAY
    assert [each.reference for each in host.questions.due(DELAY)] == domains


# -- what it holds up


def test_the_task_that_a_question_holds_up_is_told_with_it(host: Host) -> None:
    """For as long as anybody may ask."""
    host.show(read())
    question = host.asked()
    assert host.questions.task_of(question) is None
    host.questions.note_task(question, "task-1", number=0)

    [pending] = host.questions.pending()
    assert pending.task == "task-1"
    host.show(read(text="Append or replace?"))
    assert host.questions.task_of(host.asked()) == "task-1"
    host.show(None)
    assert host.questions.task_of(question) == "task-1"
    host.questions.note_told(question)
    host.questions.accept()
    assert host.questions.task_of(question) is None


@pytest.mark.parametrize(
    ("offers", "task"),
    [
        ([("task-1", 0)], "task-1"),
        ([("task-1", 0), ("task-2", 1)], "task-2"),
        ([("task-2", 1), ("task-1", 0)], "task-2"),
        ([("task-3", 2)], None),
        ([], None),
    ],
)
def test_what_a_question_holds_up_may_be_heard_of_later(
    offers: list[tuple[str, int]], task: str | None, host: Host
) -> None:
    """Of the tasks that were there when it was judged first, the last one; a later one has not
    asked."""
    host.show(read())
    host.questions.note_judged(NOON, 0.0, tasks=2)
    for key, number in offers:
        host.questions.offer_task("vm-42", key, number=number)

    assert host.questions.task_of(host.asked()) == task


def test_the_next_question_holds_up_what_is_noted_of_it(host: Host) -> None:
    """It may have been asked by another task."""
    host.show(read())
    host.questions.note_task(host.asked(), "task-1", number=0)
    host.show(read())

    assert host.questions.task_of(host.asked()) is None


# -- whatever is shown

SHOWN = st.sampled_from([None, read("25"), read("25", "Other words?"), read("26")])


@given(st.lists(st.tuples(SHOWN, st.booleans(), st.sampled_from(["", "answer", "read"]))))
def test_no_id_comes_back(steps: list[tuple[Question | None, bool, str]]) -> None:
    """Once another question, or none, was shown, an id is never used again."""
    host = Host()
    ids: list[str | None] = []
    for question, in_picture, then in steps:
        identifier = host.show(question, in_picture=in_picture)
        if not ids or ids[-1] != identifier:
            ids.append(identifier)
        if then == "answer" and question is not None:
            host.answer()
        elif then == "read":
            host.questions.foresee("vm-42", question)

    used = [identifier for identifier in ids if identifier is not None]
    assert len({*used}) == len(used)
