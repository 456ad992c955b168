"""Characters that do something to a terminal, and how they are shown instead."""

from __future__ import annotations

import re

__all__ = ["printable", "printable_cell", "printable_json"]

# Control characters of ISO 6429 (C0, C1), what turns the direction of text (Unicode UAX 9), and
# what has no width, by which two names look the same. The joiners U+200C and U+200D belong to
# words of Persian and Hindi.
_NOT_PRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)

# A blank behind a blank; all of them that Unicode has (category Zs).
_BLANK = "[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
_FURTHER_BLANK = re.compile(f"(?<={_BLANK}){_BLANK}")


def printable(text: str) -> str:
    """Return the text on one line, with every control character as its escape sequence."""
    return _NOT_PRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def printable_cell(text: str) -> str:
    """Return the text as `printable` does, and never with two blanks in a row.

    Columns are that far apart, so that no name can forge one.
    """
    return _FURTHER_BLANK.sub(lambda match: _escape(match[0]), printable(text))


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def printable_json(text: str) -> str:
    """Return JSON without line ends as the same JSON without any control character.

    JSON itself escapes C0 only, but terminals obey C1 too.
    """
    return _NOT_PRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
