"""Answers to questions: each is given once, and what the host makes of it is heard."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from eventd.connections import answers
from eventd.connections.answers import Answers, Reception
from eventd.connections.session import Session
from eventd.errors import HostUnreachable, SessionExpired
from eventd.model.domain import Choice, Question
from eventd.model.questions import AnswerRule, Requester
from eventd.tracking.questions import Answer, Fate, Questions
from eventd.vi.types import ManagedObjectReference
from tests.connections.scripted_host import PATIENCE, Host, Reply, fault
from tests.connections.sights import GONE, domain, question, session_with

REPLACE, APPEND = Choice(key="0", label="Replace"), Choice(key="1", label="Append")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OPS = Requester(pid=4711, uid=1000, user="ops")
NAMES = {"vm-42": "web01", "vm-43": "web02"}

TAKEN: Reply = ""
REFUSED = fault("InvalidArgument", "A specified parameter was not correct.")
UNREACHABLE = HostUnreachable("esx01 did not answer within 60 s")
STILL_ASKED = domain(question=question())


class Asked:
    """A host on which vm-42 asks, and what is made of the answers."""

    def __init__(self, host: Host, session: Session) -> None:
        self.host = host
        self.questions = Questions("esx01", answer_after=30.0)
        self.answers = Answers("esx01", self.questions, name_of=NAMES.__getitem__)
        self._session = session
        self.question = self.show()

    def show(self, domain: str = "vm-42") -> Question:
        """A domain asks; return the question."""
        asked = Question(
            id="",
            vi_id="25",
            text="Replace or append?",
            choices=(REPLACE, APPEND),
            default=APPEND,
        )
        shown = self.questions.show(domain, None, asked)
        assert shown is not None
        return shown

    async def give(
        self,
        choice: Choice = APPEND,
        *,
        question: Question | None = None,
        rule: AnswerRule = AnswerRule.CLIENT,
        by: Requester | None = OPS,
        domain: str = "vm-42",
    ) -> Reception:
        """Answer the question of vm-42, or another one."""
        asked = question or self.question
        async with asyncio.timeout(PATIENCE):
            return await self.answers.give(self._session, domain, asked, choice, rule=rule, by=by)

    def fate(self) -> Fate | None:
        """Return what the host made of the answer to the question of vm-42, if there is one."""
        answer = self.questions.answer_to(self.question)
        return None if answer is None else answer.fate

    @property
    def given(self) -> list[str]:
        """The choices that the host was told, in order."""
        sent = [call.call.first("answerChoice") for call in self.host.called("AnswerVM")]
        return [node.text for node in sent if node is not None]


@pytest.fixture
async def asked() -> Asked:
    """A domain asks, and nobody has answered."""
    host = Host()
    return Asked(host, await session_with(host))


# -- one answer


async def test_an_answer_that_is_taken_is_the_end_of_the_question(asked: Asked) -> None:
    """The host is told its own id of the question, and the key of the choice."""
    asked.host.plan("AnswerVM", TAKEN)

    reception = await asked.give(REPLACE)

    assert reception == Reception(is_taken=True)
    assert not reception.is_settled
    [call] = asked.host.called("AnswerVM")
    assert call.this == ManagedObjectReference("VirtualMachine", "vm-42")
    [identifier] = call.call.every("questionId")
    assert identifier.text == "25"
    assert asked.given == ["0"]
    assert asked.questions.answer_to(asked.question) == Answer(
        REPLACE, AnswerRule.CLIENT, OPS, Fate.TAKEN
    )
    assert "RetrieveProperties" not in asked.host.methods


@pytest.mark.parametrize(("by", "who"), [(OPS, {"user": "ops"}), (None, {})])
async def test_an_answer_that_is_taken_is_logged(
    by: Requester | None, who: dict[str, str], asked: Asked
) -> None:
    """Who has answered what, and why; nobody where it was eventd by itself."""
    asked.host.plan("AnswerVM", TAKEN)
    with capture_logs() as logs:
        await asked.give(rule=AnswerRule.FOREIGN, by=by)

    assert logs == [
        {
            "event": "question_answered",
            "log_level": "info",
            "connection": "esx01",
            "domain": "web01",
            "question": "Replace or append?",
            "choice": "Append",
            "reason": "foreign",
            **who,
        }
    ]


@pytest.mark.parametrize(
    "seen",
    [
        [domain()],
        [domain(question=question("26"))],
        [GONE, GONE, GONE],
    ],
    ids=["nothing is asked", "something else is asked", "the domain is gone"],
)
async def test_an_answer_to_what_is_settled_is_no_failure(seen: list[Reply], asked: Asked) -> None:
    """Somebody else was faster; nothing is logged, and the end is not eventd's."""
    asked.host.plan("AnswerVM", fault("InvalidState", "There is no such question."))
    asked.host.plan("RetrieveProperties", *seen)
    with capture_logs() as logs:
        reception = await asked.give()

    assert reception.is_settled
    assert reception == Reception(is_taken=False)
    assert asked.fate() is None
    assert logs == []


async def test_an_answer_that_is_refused_says_why(asked: Asked) -> None:
    """The question is there all the same, and eventd does not answer it by itself any more."""
    asked.host.plan("AnswerVM", REFUSED)
    asked.host.plan("RetrieveProperties", STILL_ASKED)
    with capture_logs() as logs:
        reception = await asked.give()

    assert reception == Reception(False, "A specified parameter was not correct.")
    assert not reception.is_settled
    assert asked.fate() is None
    assert [(entry["event"], entry["log_level"], entry["domain"]) for entry in logs] == [
        ("answer_refused", "warning", "web01")
    ]
    asked.questions.note_judged(NOON, 0.0)
    assert asked.questions.next_due(-1.0) is None


async def test_a_refused_answer_may_be_followed_by_another_one(asked: Asked) -> None:
    """By a client's, with another choice."""
    asked.host.plan("AnswerVM", REFUSED, TAKEN)
    asked.host.plan("RetrieveProperties", STILL_ASKED)
    await asked.give(APPEND)

    assert await asked.give(REPLACE) == Reception(is_taken=True)
    assert asked.given == ["1", "0"]


async def test_a_question_that_was_answered_is_not_answered_again(asked: Asked) -> None:
    """The host shows it for a moment longer."""
    asked.host.plan("AnswerVM", TAKEN)
    await asked.give()

    assert (await asked.give(REPLACE)).is_settled
    assert asked.given == ["1"]


# -- the host is lost


async def test_the_fate_of_an_answer_is_uncertain_when_the_host_is_lost(asked: Asked) -> None:
    """It may have been taken; it is answered again if the host still asks."""
    asked.host.plan("AnswerVM", UNREACHABLE, TAKEN)

    with pytest.raises(HostUnreachable):
        await asked.give()
    assert asked.fate() is Fate.UNCERTAIN
    assert asked.questions.count == 1

    assert await asked.give() == Reception(is_taken=True)
    assert asked.fate() is Fate.TAKEN
    assert asked.given == ["1", "1"]


async def test_an_answer_without_a_session_was_not_heard(asked: Asked) -> None:
    """The question is as it was: eventd may go on to answer it by itself."""
    asked.questions.note_judged(NOON, 0.0)
    asked.host.plan("AnswerVM", fault("NotAuthenticated"))

    with pytest.raises(SessionExpired):
        await asked.give()

    assert asked.fate() is None
    assert asked.questions.next_due(-1.0) == 30.0


@pytest.mark.parametrize(
    ("reply", "error"),
    [(fault("NotAuthenticated"), SessionExpired), (UNREACHABLE, HostUnreachable)],
)
async def test_a_host_that_is_lost_over_a_refusal_is_lost(
    reply: Reply, error: type[Exception], asked: Asked
) -> None:
    """Whether the question is still there is not known."""
    asked.host.plan("AnswerVM", REFUSED)
    asked.host.plan("RetrieveProperties", reply)

    with pytest.raises(error):
        await asked.give()

    assert asked.fate() is None
    asked.questions.note_judged(NOON, 0.0)
    assert asked.questions.next_due(-1.0) == 30.0


async def test_an_answer_to_a_domain_that_cannot_be_read_is_refused(asked: Asked) -> None:
    """It may well go on asking."""
    asked.host.plan("AnswerVM", REFUSED)
    asked.host.plan("RetrieveProperties", fault("NoPermission"))

    assert await asked.give() == Reception(False, "A specified parameter was not correct.")


async def test_an_answer_that_is_given_up_may_have_been_heard(asked: Asked) -> None:
    """The daemon is stopped meanwhile, say; nobody waits for ever."""
    asked.host.plan("AnswerVM", asyncio.Event())
    called = asked.host.on("AnswerVM")
    giving = asyncio.ensure_future(asked.give())
    await called.wait()
    assert asked.fate() is Fate.UNDERWAY

    giving.cancel()
    await asyncio.wait([giving])

    assert giving.cancelled()
    assert asked.fate() is Fate.UNCERTAIN
    await asked.answers.until_heard()


# -- several at once


class Slowly:
    """A host that takes its time with an answer, and makes something of it in the end."""

    def __init__(self, asked: Asked, *replies: Reply) -> None:
        self.asked = asked
        self._is_let_go = asyncio.Event()
        asked.host.plan("AnswerVM", self._is_let_go, *replies)
        self._called = asked.host.on("AnswerVM")

    async def is_asked(self) -> None:
        """Return when an answer is under way, and everybody has gone on who can."""
        await self._called.wait()
        await turns()

    def answer(self) -> None:
        """Answer at last."""
        self._is_let_go.set()


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_two_answers_at_once_are_one(asked: Asked) -> None:
    """The second waits for the first, and is not given."""
    slowly = Slowly(asked, TAKEN)
    async with asyncio.TaskGroup() as both:
        first = both.create_task(asked.give(APPEND))
        second = both.create_task(asked.give(REPLACE))
        await slowly.is_asked()
        assert asked.given == ["1"]
        slowly.answer()

    assert first.result() == Reception(is_taken=True)
    assert second.result().is_settled
    assert asked.given == ["1"]


async def test_a_question_whose_end_was_told_meanwhile_is_not_answered_again(asked: Asked) -> None:
    """The first answer took so long that nobody waited for it; a second one would hit another."""
    slowly = Slowly(asked, TAKEN)
    async with asyncio.TaskGroup() as both:
        first = both.create_task(asked.give(APPEND))
        second = both.create_task(asked.give(REPLACE))
        await slowly.is_asked()
        asked.questions.show("vm-42", asked.question, None)
        asked.questions.note_told(asked.question)
        slowly.answer()

    assert first.result() == Reception(is_taken=True)
    assert second.result().is_settled
    assert asked.given == ["1"]


async def test_the_second_of_two_answers_is_given_when_the_first_is_refused(asked: Asked) -> None:
    """And a third waits for that one."""
    again = asyncio.Event()
    slowly = Slowly(asked, REFUSED, again, TAKEN)
    asked.host.plan("RetrieveProperties", STILL_ASKED)
    async with asyncio.TaskGroup() as all_three:
        given = [all_three.create_task(asked.give(each)) for each in (APPEND, REPLACE, REPLACE)]
        await slowly.is_asked()
        slowly.answer()
        await turns()
        assert asked.given == ["1", "0"]
        again.set()

    assert [each.result().is_taken for each in given] == [False, True, False]
    assert [each.result().is_settled for each in given] == [False, False, True]
    assert asked.given == ["1", "0"]


async def test_the_second_of_two_answers_is_given_when_the_first_is_given_up(asked: Asked) -> None:
    """It would wait for ever otherwise."""
    slowly = Slowly(asked)
    asked.host.plan("AnswerVM", TAKEN)
    first = asyncio.ensure_future(asked.give(APPEND))
    await slowly.is_asked()
    second = asyncio.ensure_future(asked.give(REPLACE))
    await turns()

    first.cancel()

    assert await second == Reception(is_taken=True)
    assert asked.given == ["1", "0"]


async def test_different_questions_do_not_wait_for_each_other(asked: Asked) -> None:
    """The host asks the same of two domains, under the same id."""
    slowly = Slowly(asked, TAKEN, TAKEN)
    other = asked.show("vm-43")
    async with asyncio.TaskGroup() as both:
        first = both.create_task(asked.give())
        await slowly.is_asked()
        second = both.create_task(asked.give(question=other, domain="vm-43", by=None))
        await turns()
        assert [call.this.value for call in asked.host.called("AnswerVM")] == ["vm-42", "vm-43"]
        slowly.answer()

    assert (first.result().is_taken, second.result().is_taken) == (True, True)


# -- until it is heard


async def test_nothing_is_waited_for_where_no_answer_is_under_way(asked: Asked) -> None:
    """Before one, and after it."""
    await asked.answers.until_heard()
    asked.host.plan("AnswerVM", TAKEN)
    await asked.give()
    await asked.answers.until_heard()


@pytest.mark.parametrize("reply", [TAKEN, REFUSED, UNREACHABLE])
async def test_an_answer_that_is_under_way_is_waited_for(reply: Reply, asked: Asked) -> None:
    """Whatever comes of it: then it is known whose the end of the question is."""
    slowly = Slowly(asked, reply)
    asked.host.plan("RetrieveProperties", STILL_ASKED)
    giving = asyncio.ensure_future(asked.give())
    await slowly.is_asked()
    waiting = asyncio.ensure_future(asked.answers.until_heard())
    await turns()
    assert not waiting.done()

    slowly.answer()

    async with asyncio.timeout(PATIENCE):
        await waiting
    assert not asked.questions.is_underway(asked.question)
    await asyncio.wait([giving])
    giving.exception()


async def test_an_answer_that_takes_too_long_is_not_waited_for(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything else on the connection would wait, too."""
    monkeypatch.setattr(answers, "READING_SECONDS", 0.0)
    slowly = Slowly(asked, TAKEN)
    giving = asyncio.ensure_future(asked.give())
    await slowly.is_asked()

    async with asyncio.timeout(PATIENCE):
        await asked.answers.until_heard()

    assert asked.fate() is Fate.UNDERWAY
    slowly.answer()
    assert (await giving).is_taken
