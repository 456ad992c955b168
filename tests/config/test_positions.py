"""Where the keys of a TOML text stand."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.config.positions import KeyPath, key_lines, line_of


def test_keys_stand_on_the_line_where_they_begin() -> None:
    """A key's line is that of its first character, also behind comments and empty lines."""
    lines = key_lines("# a comment\n\n[daemon]\nlog_level = 'info'  # = [\n\n  'other key' = 1\n")

    assert lines == {
        ("daemon",): 3,
        ("daemon", "log_level"): 4,
        ("daemon", "other key"): 6,
    }


def test_each_element_of_an_array_of_tables_has_its_own_lines() -> None:
    """Elements are counted from 0, as the parsed document does."""
    lines = key_lines("[[c]]\nname = 'a'\n[[c]]\nname = 'b'\n[c.sub]\nx = 1\n")

    assert lines["c", 0, "name"] == 2
    assert lines["c", 1] == 3
    assert lines["c", 1, "name"] == 4
    assert lines["c", 1, "sub", "x"] == 6


@pytest.mark.parametrize(
    "value",
    [
        '"""\nb = 1\n"""',
        '"""\n\\"""\nb = 1\n"""""',
        "'''\nb = 1\n''''",
        "[\n  1, # b = 1\n  [2],\n]",
        '["]",\n"b = 1"]',
        "'#'",
        '"\\"[" # [',
        "1.5\r",
    ],
)
def test_what_a_value_contains_is_no_key(value: str) -> None:
    """Strings, arrays and comments may look like keys and headers, over any number of lines."""
    text = f"a = {value}\nc = 3\n"

    lines = key_lines(text)

    assert set(tomllib.loads(text)) == {"a", "c"}
    assert lines == {("a",): 1, ("c",): text.count("\n")}


def test_dotted_and_quoted_keys_are_the_paths_that_they_mean() -> None:
    """Quotes and escapes are undone, dots lead into tables."""
    lines = key_lines('[a . "b.c"]\n\'d\'."\\u0065" = 1\n')

    assert lines["a", "b.c", "d", "e"] == 2


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("connections", 0, "uri"), 3),
        (("connections", 0, "name"), 2),
        (("connections", 0), 2),
        (("daemon", "log_level"), 1),
    ],
)
def test_a_key_that_is_missing_stands_where_its_table_does(path: KeyPath, line: int) -> None:
    """The innermost known table names the line; without any it is the first."""
    lines = key_lines("\n[[connections]]\nuri = ''\n")

    assert line_of(path, lines) == line


_KEYS = st.text("abé.'\"# =[]\\", min_size=1, max_size=4)
_TEXTS = st.text("ab'\"#=[]{}\n\\", max_size=8)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@given(st.dictionaries(_KEYS, _TEXTS, min_size=1), st.integers(0, 2))
def test_every_key_that_the_parser_finds_has_its_line(table: dict[str, str], gap: int) -> None:
    """Whatever keys and strings contain, keys and lines agree with the parsed document."""
    rows = [f"{_quoted(key)} = {_quoted(value)}" for key, value in table.items()]
    text = ("\n" * (gap + 1)).join(rows)

    assert tomllib.loads(text) == table
    assert key_lines(text) == {(key,): 1 + n * (gap + 1) for n, key in enumerate(table)}
