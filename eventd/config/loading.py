"""Reading the file, and saying everything that is wrong with it at once.

A problem names file, line and key, what was found and what was expected. What may be a secret is
never repeated: nothing of a URI, of a credential source, or of a key that eventd does not know.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from pydantic import BaseModel, ValidationError

from eventd.config.models import (
    CREDENTIAL_SOURCES,
    Configuration,
    ConnectionSettings,
    DaemonSettings,
    JournalSettings,
    LibvirtSettings,
)
from eventd.config.positions import KeyPath, key_lines, line_of
from eventd.errors import InvalidConfiguration

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["load", "parse"]

_TABLES: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): Configuration,
    ("daemon",): DaemonSettings,
    ("journal",): JournalSettings,
    ("libvirt",): LibvirtSettings,
    ("connections",): ConnectionSettings,
}
# A person who puts the password itself there must not find it in the log.
_NOT_REPEATED = frozenset({"uri", *CREDENTIAL_SOURCES})
_LONGEST_VALUE = 60
# The end of tomllib's messages; its errors have no attributes for it before Python 3.14.
_TOML_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class _Problem(NamedTuple):
    line: int
    sentence: str


def load(path: Path) -> Configuration:
    """Return the configuration in the file.

    Raises:
        InvalidConfiguration: the file cannot be read, or something in it is wrong. The message
            has one line for each problem, in the order of the file.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidConfiguration(
            f"{path}: the configuration cannot be read: {error.strerror}"
        ) from error
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        _refuse(str(path), [_Problem(line, "found bytes that are not UTF-8, expected TOML")])
    return parse(text, source=str(path))


def parse(text: str, *, source: str) -> Configuration:
    """Return the configuration in the text; `source` names the text in errors.

    Raises:
        InvalidConfiguration: as `load`.
    """
    try:
        document = tomllib.loads(text)
    # TOMLDecodeError is one; so is what a number of more than 4300 digits raises.
    except ValueError as error:
        _refuse(source, [_syntax_problem(error, text)])
    except RecursionError:
        _refuse(source, [_Problem(1, "arrays or tables stand too deep in each other")])
    lines = key_lines(text)
    problems = [*_repeated_names(document, lines)]
    try:
        configuration = Configuration.model_validate(document)
    except ValidationError as error:
        problems += [_problem(details, lines) for details in error.errors()]
        _refuse(source, problems)
    if problems:
        _refuse(source, problems)
    return configuration


def _refuse(source: str, problems: list[_Problem]) -> NoReturn:
    raise InvalidConfiguration(
        "\n".join(f"{source}:{line}: {sentence}" for line, sentence in sorted(problems))
    )


def _syntax_problem(error: ValueError, text: str) -> _Problem:
    sentence = str(error)
    position = _TOML_POSITION.search(sentence)
    what = _TOML_POSITION.sub("", sentence)
    if position is None or position[1] is None:
        return _Problem(text.count("\n") + 1, f"not valid TOML at the end of the file: {what}")
    return _Problem(int(position[1]), f"not valid TOML at column {position[2]}: {what}")


def _repeated_names(
    document: Mapping[str, object], lines: Mapping[KeyPath, int]
) -> Iterator[_Problem]:
    """Find them in the raw document, so that other problems do not hide these."""
    connections = document.get("connections")
    first_lines: dict[str, int] = {}
    for index, connection in enumerate(connections if isinstance(connections, list) else ()):
        name = connection.get("name") if isinstance(connection, dict) else None
        if not isinstance(name, str):
            continue
        path = ("connections", index, "name")
        line = line_of(path, lines)
        if name in first_lines:
            found = f"found {_shown(name)}, which is the name on line {first_lines[name]} too"
            yield _Problem(line, f"{_dotted(path)}: {found}, expected a name of its own")
        first_lines.setdefault(name, line)


def _problem(details: ErrorDetails, lines: Mapping[KeyPath, int]) -> _Problem:
    path = details["loc"]
    return _Problem(line_of(path, lines), f"{_dotted(path)}: {_sentence(details)}")


def _sentence(details: ErrorDetails) -> str:
    *_, key = names = [part for part in details["loc"] if isinstance(part, str)]
    fields = _TABLES[tuple(names[:-1])].model_fields
    match details["type"]:
        case "extra_forbidden":
            return f"unknown key, expected {_nearest(key, list(fields))}"
        case "missing":
            return f"missing, expected {fields[key].description}"
        case "value_error":
            return str(details["ctx"]["error"])
        case _:
            found = _found(key, details["input"])
            return f"found {found}, expected {fields[key].description}"


def _nearest(key: str, known: list[str]) -> str:
    """Return the known key that is most like this one, or all of them if none is."""
    near = get_close_matches(key, known, n=1)
    return f"'{near[0]}'" if near else "one of " + ", ".join(f"'{name}'" for name in known)


def _dotted(path: KeyPath) -> str:
    """Return ``connections[0].uri`` for ``("connections", 0, "uri")``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_shown_key(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def _shown_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _shown(key)


def _found(key: str, value: object) -> str:
    if key in _NOT_REPEATED and isinstance(value, str):
        return "a text that is not repeated here" if value else "an empty text"
    return _shown(value)


def _shown(value: object) -> str:
    """Return the value as TOML would have it, cut to a readable length."""
    match value:
        case dict():
            return "a table"
        case list():
            return "an array" if value else "an empty array"
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            text = json.dumps(value, ensure_ascii=False)
            return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
