from __future__ import annotations

import os
import pwd
from collections.abc import AsyncIterator

import pytest
from pydantic_core import to_json

from eventd.model.questions import PendingQuestion, Requester
from tests.http_api.fake_daemon import APPEND, Daemon, question_of, uuid_of
from tests.http_api.talk import Talk, talking

CHOICES = [{"key": "0", "label": "Replace"}, {"key": "1", "label": "Append"}]


@pytest.fixture
async def talk(daemon: Daemon) -> AsyncIterator[Talk]:
    async with talking(daemon.socket) as opened:
        yield opened


@pytest.fixture
async def reading(daemon: Daemon) -> AsyncIterator[Talk]:
    async with talking(daemon.read_only_socket) as opened:
        yield opened


async def test_nothing_pending_is_an_empty_list(reading: Talk) -> None:
    """Everybody may look."""
    assert await reading.get("/v1/questions") == (200, {"questions": []})


async def test_pending_questions_are_listed(daemon: Daemon, reading: Talk) -> None:
    """With domain, choices, the default one, and since when."""
    pending = [daemon.operator.ask(1), daemon.operator.ask(2)]
    status, body = await reading.get("/v1/questions")
    assert status == 200
    assert [PendingQuestion.model_validate(each) for each in body["questions"]] == pending
    assert body["questions"][0]["question"]["choices"] == CHOICES
    assert body["questions"][0]["since"] == "2026-11-20T12:00:00Z"


@pytest.mark.parametrize(
    "query", ["domain=web-2", f"domain={uuid_of(2)}", "domain=*-2&connection=lab&host=esx01"]
)
async def test_questions_can_be_chosen_like_domains(
    daemon: Daemon, reading: Talk, query: str
) -> None:
    """The same keys with the same meaning."""
    daemon.operator.ask(1)
    daemon.operator.ask(2)
    _, body = await reading.get(f"/v1/questions?{query}")
    assert [each["question"]["id"] for each in body["questions"]] == ["q-2"]


async def test_questions_cannot_be_chosen_like_events(reading: Talk) -> None:
    """A question has no reason."""
    status, problem = await reading.get("/v1/questions?reason=x")
    assert (status, problem["code"]) == (400, "invalid-argument")


async def test_one_question_is_found_by_its_id(daemon: Daemon, reading: Talk) -> None:
    """It is what the list says of it."""
    daemon.operator.ask(1)
    pending = daemon.operator.ask(2)
    status, body = await reading.get("/v1/questions/q-2")
    assert (status, PendingQuestion.model_validate(body)) == (200, pending)


async def test_a_question_that_is_not_pending_is_a_problem(reading: Talk) -> None:
    """It may have been answered meanwhile; the hint says where the others are."""
    status, problem = await reading.get("/v1/questions/q-7")
    assert (status, problem["code"], problem["libvirt_code"]) == (404, "no-such-question", 8)
    assert "'q-7'" in problem["detail"]
    assert problem["hint"] == "'eventd questions' lists the pending questions"


@pytest.mark.parametrize("choice", ["1", "Append", "append"])
async def test_a_question_is_answered_with_a_key_or_a_label(
    daemon: Daemon, talk: Talk, choice: str
) -> None:
    """The answer tells what was asked and what was chosen; then nothing is pending."""
    daemon.operator.ask(1)
    status, body = await talk.post("/v1/questions/q-1/answer", to_json({"choice": choice}))
    assert status == 200
    assert body["choice"] == APPEND.model_dump()
    assert body["question"]["text"] == question_of(1).text
    assert await talk.get("/v1/questions") == (200, {"questions": []})


async def test_the_operator_is_told_who_answers(daemon: Daemon, talk: Talk) -> None:
    """As the kernel knows it, with the name of the account."""
    daemon.operator.ask(1)
    await talk.post("/v1/questions/q-1/answer", b'{"choice": "1"}')
    user = pwd.getpwuid(os.getuid()).pw_name
    requester = Requester(pid=os.getpid(), uid=os.getuid(), user=user)
    assert daemon.operator.answers == [("q-1", "1", requester)]


async def test_a_choice_that_does_not_exist_is_a_problem_that_lists_the_others(
    daemon: Daemon, talk: Talk
) -> None:
    """For people in the sentence, for programs as members."""
    daemon.operator.ask(1)
    status, problem = await talk.post("/v1/questions/q-1/answer", b'{"choice": "Burn"}')
    assert (status, problem["code"], problem["libvirt_code"]) == (400, "no-such-choice", 8)
    assert problem["choices"] == CHOICES
    assert "1 = Append" in problem["detail"]


async def test_an_answer_to_a_question_that_is_not_pending_is_a_problem(talk: Talk) -> None:
    """Nothing was answered."""
    status, problem = await talk.post("/v1/questions/q-7/answer", b'{"choice": "1"}')
    assert (status, problem["code"]) == (404, "no-such-question")


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"{}",
        b"Append",
        b'"Append"',
        b"[]",
        b"null",
        b'{"choice": 1}',
        b'{"choice": null}',
        b'{"choice": "1", "connection": "lab"}',
        b'{"choice": "\\ud800"}',
        b'{"choice": "1"',
        b"\xff\x00",
        b"[" * 4000,
    ],
    ids=lambda body: repr(body)[:24],
)
async def test_an_answer_that_names_no_choice_is_refused(
    daemon: Daemon, talk: Talk, body: bytes | None
) -> None:
    """With what is expected."""
    daemon.operator.ask(1)
    status, problem = await talk.post("/v1/questions/q-1/answer", body)
    assert (status, problem["code"]) == (400, "invalid-argument")
    assert "body" in problem["detail"]
    assert daemon.operator.answers == []


async def test_a_question_cannot_be_answered_on_the_read_only_socket(
    daemon: Daemon, reading: Talk
) -> None:
    """29 is ``VIR_ERR_OPERATION_DENIED``; the hint names the socket to use."""
    daemon.operator.ask(1)
    status, problem = await reading.post("/v1/questions/q-1/answer", b'{"choice": "1"}')
    assert (status, problem["code"], problem["libvirt_code"]) == (403, "read-only", 29)
    assert str(daemon.socket) in problem["hint"]
    assert daemon.operator.answers == []
