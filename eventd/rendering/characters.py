"""Characters that do something to a terminal, and how they are shown instead."""

from __future__ import annotations

import re

__all__ = ["printable", "printable_json"]

# Control characters of ISO 6429 (C0, C1), and what turns the direction of text (Unicode UAX 9).
_NOT_PRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Return the text on one line, with every control character as its escape sequence."""
    return _NOT_PRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def printable_json(text: str) -> str:
    """Return JSON without line ends as the same JSON without any control character.

    JSON itself escapes C0 only, but terminals obey C1 too.
    """
    return _NOT_PRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
