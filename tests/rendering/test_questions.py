"""Questions in words."""

from __future__ import annotations

import pytest

from eventd.model.domain import Choice, Question
from eventd.model.questions import QuestionEnding
from eventd.rendering import asked, choice_words, question_text
from eventd.rendering.questions import ending_words

NO = Choice(key="0", label="No")
QUESTION = Question(id="q-1", vi_id="25", text="Go\n  on?", choices=(NO,))


def test_a_question_is_one_line_with_its_choices() -> None:
    """None of which need be the default one, and there may be none."""
    assert asked(QUESTION) == '"Go on?" [0 = No]'
    assert asked(QUESTION.model_copy(update={"default": NO})) == '"Go on?" [0 = No (default)]'
    assert asked(QUESTION.model_copy(update={"choices": ()})) == '"Go on?"'


def test_a_question_commands_no_terminal() -> None:
    """Neither its text nor its choices, which are the host's."""
    evil = Choice(key="\x1b[1m", label="\x1b[2J")
    assert question_text("\x1b[2J") == r'"\x1b[2J"'
    assert choice_words(evil, is_default=False) == r"\x1b[1m = \x1b[2J"


@pytest.mark.parametrize("ending", QuestionEnding)
def test_every_ending_has_words(ending: QuestionEnding) -> None:
    """For people, who know no word of a filter."""
    assert " " in ending_words(ending)
