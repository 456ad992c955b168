"""How a question is named, by its id; and a choice of it, by its key or else by its label."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.errors import ErrorCode, NoSuchChoice, NoSuchQuestion
from eventd.model.domain import Choice, Domain, Question
from eventd.model.questions import PendingQuestion, find_choice, find_question


def asking(*choices: tuple[str, str]) -> Question:
    """Return a question with these choices: keys and labels."""
    return Question(
        id="0123456789",
        vi_id="25",
        text="Replace or append?",
        choices=tuple(Choice(key=key, label=label) for key, label in choices),
    )


SERIAL = asking(("0", "Replace"), ("1", "Append"), ("2", "Cancel"))


WEB01 = Domain(connection="esx01", reference="vm-42", uuid="4215d4a2", name="web01", id=-1)


def pending(*ids: str) -> list[PendingQuestion]:
    """Return questions that wait for an answer, by eventd's ids of them."""
    return [
        PendingQuestion(domain=WEB01, question=SERIAL.model_copy(update={"id": each}))
        for each in ids
    ]


def test_a_question_is_named_by_eventds_id_of_it() -> None:
    """In full, as it was told; the host's own id repeats."""
    first, second = pending("0123456789", "abcdef0123")

    assert find_question([first, second], "abcdef0123") is second
    for other in ("25", "abcdef", "ABCDEF0123", ""):
        with pytest.raises(NoSuchQuestion):
            find_question([first, second], other)


def test_a_question_that_does_not_wait_is_refused_with_where_to_look() -> None:
    """The message stays short whatever was asked for."""
    with pytest.raises(NoSuchQuestion) as caught:
        find_question(pending("0123456789"), "x" * 10_000)

    assert caught.value.message == (
        f"no question with the id {'x' * 80!r} is pending; it may have been answered, or withdrawn "
        f"by the host"
    )
    assert caught.value.hint == "'eventd questions' lists the pending questions"


@pytest.mark.parametrize("text", ["1", "Append", "append", "APPEND"])
def test_a_choice_is_named_by_its_key_or_its_label(text: str) -> None:
    """The label in small or capital letters, as people type."""
    assert find_choice(SERIAL, text) == Choice(key="1", label="Append")


def test_a_key_goes_before_a_label() -> None:
    """A host may number the choices, and call them by other numbers."""
    question = asking(("1", "2"), ("2", "1"))

    assert find_choice(question, "1").key == "1"


def test_a_label_as_it_is_written_goes_before_one_in_other_letters() -> None:
    """Two labels may differ by nothing else."""
    question = asking(("0", "Retry"), ("1", "RETRY"))

    assert find_choice(question, "RETRY").key == "1"
    with pytest.raises(NoSuchChoice):
        find_choice(question, "retry")


def test_letters_are_the_same_in_every_alphabet() -> None:
    """A host speaks its own language."""
    assert find_choice(asking(("0", "Weiß nicht")), "WEISS NICHT").key == "0"


@pytest.mark.parametrize("text", ["3", "Repl", "", " Append", "Append ", "Append or Replace"])
def test_what_is_no_choice_is_refused_with_all_that_there_are(text: str) -> None:
    """A choice is named in full; the next try can be right."""
    with pytest.raises(NoSuchChoice) as caught:
        find_choice(SERIAL, text)

    assert caught.value.message == (
        f"{text!r} is not one choice of the question; give the key or the label of one: "
        f"0 = Replace, 1 = Append, 2 = Cancel"
    )
    assert caught.value.choices == (("0", "Replace"), ("1", "Append"), ("2", "Cancel"))
    assert caught.value.code is ErrorCode.INVALID_ARG


def test_a_label_that_two_choices_have_names_neither() -> None:
    """Their keys do."""
    question = asking(("0", "Yes"), ("1", "Yes"))

    with pytest.raises(NoSuchChoice):
        find_choice(question, "Yes")
    assert find_choice(question, "1").key == "1"


def test_a_question_without_choices_says_so() -> None:
    """There is nothing to answer."""
    with pytest.raises(NoSuchChoice) as caught:
        find_choice(asking(), "0")

    assert caught.value.message.endswith("of one: it has no choices")
    assert caught.value.choices == ()


def test_a_message_stays_short_whatever_was_asked_for() -> None:
    """It goes into a log and onto a terminal."""
    with pytest.raises(NoSuchChoice) as caught:
        find_choice(SERIAL, "x" * 10_000)

    assert len(caught.value.message) < 300


@given(st.lists(st.tuples(st.text(), st.text()), unique_by=lambda choice: choice[0]))
def test_each_choice_is_found_by_its_key(choices: list[tuple[str, str]]) -> None:
    """Whatever it looks like, and whatever the labels are."""
    question = asking(*choices)

    assert [find_choice(question, key).key for key, _ in choices] == [key for key, _ in choices]
