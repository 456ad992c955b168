"""Where the keys of a TOML text stand, because `tomllib` does not tell.

The text must have passed `tomllib` already. Keys inside inline tables and arrays are not told
apart: they stand where the outermost value begins.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

__all__ = ["KeyPath", "key_lines", "line_of"]

KeyPath = tuple[str | int, ...]
"""A key with the tables and array indices (from 0) that lead to it: ``("connections", 0, "uri")``.
"""

# https://toml.io/en/v1.0.0: a multi-line string may end with up to two more quotes of its own.
_PIECE = re.compile(
    r'''
      """ (?: \\. | (?!""") [^\\] )* """ "{0,2}
    | \'\'\' (?: (?!\'\'\') . )* \'\'\' '{0,2}
    | " (?: \\. | [^"\\] )* "
    | ' [^']* '
    | \# [^\n]*
    | [ \t\r]+
    | [A-Za-z0-9_-]+
    | .
    ''',
    re.VERBOSE | re.DOTALL,
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, counted from 1, on which each table and each key first stands."""
    lines: dict[KeyPath, int] = {}
    sizes: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, pieces in _statements(text):
        if pieces[0] == "[":
            table = _enter_table(pieces, sizes)
            path = table
        else:
            path = _resolve(table, _key_parts(pieces[: pieces.index("=")]), sizes)
        for length in range(1, len(path) + 1):
            lines.setdefault(path[:length], line)
    return lines


def line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int:
    """Return the line of the key, or of the innermost table around it that has one, else 1."""
    prefixes = (path[:length] for length in range(len(path), 0, -1))
    return next((lines[prefix] for prefix in prefixes if prefix in lines), 1)


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line and the pieces of each header and each key with its value."""
    line, depth = 1, 0
    first, pieces = 1, list[str]()
    for piece in _PIECE.findall(text + "\n"):
        if piece == "\n" and depth == 0 and pieces:
            yield first, pieces
            pieces = []
        elif not piece.isspace() and not piece.startswith("#"):
            first = first if pieces else line
            pieces.append(piece)
            depth += (piece in "[{") - (piece in "]}")
        line += piece.count("\n")


def _enter_table(pieces: list[str], sizes: dict[KeyPath, int]) -> KeyPath:
    """Return the path that ``[a.b]`` or ``[[a.b]]`` opens; `sizes` counts arrays of tables."""
    is_array = pieces[1] == "["
    parts = _key_parts([piece for piece in pieces if piece not in "[]"])
    if not is_array:
        return _resolve((), parts, sizes)
    array = (*_resolve((), parts[:-1], sizes), parts[-1])
    sizes[array] = sizes.get(array, 0) + 1
    return (*array, sizes[array] - 1)


def _resolve(start: KeyPath, parts: list[str], sizes: Mapping[KeyPath, int]) -> KeyPath:
    """Return the path of a dotted key; an array of tables on the way means its last element."""
    path = start
    for part in parts:
        path = (*path, part)
        if path in sizes:
            path = (*path, sizes[path] - 1)
    return path


def _key_parts(pieces: list[str]) -> list[str]:
    return [_unquoted(piece) for piece in pieces if piece != "."]


def _unquoted(key: str) -> str:
    if not key.startswith(('"', "'")):
        return key
    unquoted: str = tomllib.loads(f"key = {key}")["key"]
    return unquoted
