"""Which question is meant."""

from __future__ import annotations

import pytest

from eventd.cli.questions import find_question
from eventd.errors import NoSuchQuestion
from eventd.model.questions import PendingQuestion
from tests.http_api.fake_daemon import domain_of, question_of, uuid_of


def pending(number: int, **fields: str) -> PendingQuestion:
    domain = domain_of(number).model_copy(update=fields)
    return PendingQuestion(domain=domain, question=question_of(number))


@pytest.mark.parametrize("text", ["q-2", uuid_of(2), uuid_of(2).upper(), "web-2"])
def test_it_is_found_by_its_id_or_its_domain(text: str) -> None:
    """UUID and name are in full."""
    questions = [pending(1), pending(2), pending(3)]

    assert find_question(questions, text) is questions[1]


def test_an_id_goes_before_a_name() -> None:
    """A domain may be named anything; an id is never two questions'."""
    questions = [pending(1, name="q-2"), pending(2)]

    assert find_question(questions, "q-2") is questions[1]


def test_of_several_none_is_chosen() -> None:
    """The message lists them, each on a line with its id."""
    questions = [pending(1), pending(2, name="web-1", connection="other"), pending(3)]

    with pytest.raises(NoSuchQuestion) as error:
        find_question(questions, "web-1")

    listed = error.value.message.splitlines()[1:]
    assert [line.split(" asks ")[0] for line in listed] == [
        "q-1: web-1 on lab",
        "q-2: web-1 on other",
    ]


@pytest.mark.parametrize("text", ["", "web", "web-*", "q-9"])
def test_none_is_none(text: str) -> None:
    """No part of a name is enough to answer something."""
    with pytest.raises(NoSuchQuestion, match=r"is pending, nor one of a domain with that UUID"):
        find_question([pending(1)], text)
