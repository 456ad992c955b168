"""Characters that do something to a terminal."""

from __future__ import annotations

import json

from eventd.rendering import printable, printable_cell, printable_json


def test_printable_text_stays_as_it_is() -> None:
    """Letters of all languages are text, and so is a backslash."""
    text = r"Füße 北京 \n"

    assert printable(text) == text


def test_control_characters_are_shown_and_not_sent() -> None:
    """C0, C1, and what turns the direction of text."""
    assert printable("a\x1b[2J\r\n\x9b\u202e") == r"a\x1b[2J\r\n\x9b\u202e"


def test_what_cannot_be_seen_is_shown() -> None:
    """No width, or another direction: two names would look the same."""
    text = "a\u200b\u200e\u200f\u061c\ufeffb"

    assert printable(text) == r"a\u200b\u200e\u200f\u061c\ufeffb"
    assert printable("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\u200c\u062e"


def test_a_cell_never_has_two_blanks_in_a_row() -> None:
    """It would look like the end of its column; elsewhere blanks are indentation."""
    assert printable_cell("web01   stopped by ops") == r"web01 \x20\x20stopped by ops"
    assert printable_cell("a\u3000\xa0\u2003b") == "a\u3000" + r"\xa0\u2003b"
    assert printable("  a") == "  a"


def test_json_stays_the_same_json() -> None:
    """JSON may carry C1 as it is; a terminal obeys it."""
    text = '{"name":"\x9b2J"}'

    assert printable_json(text) == r'{"name":"\u009b2J"}'
    assert json.loads(printable_json(text)) == json.loads(text)
