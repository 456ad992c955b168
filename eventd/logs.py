"""What the log looks like: one pipeline for eventd's own entries and for those of libraries.

Everything goes through the standard `logging` to one stream. Parts log with
``structlog.get_logger()`` and know nothing of this module; only a command configures it.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from typing import Literal, TextIO, assert_never

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from eventd.rendering import printable

__all__ = ["Format", "Level", "configure"]

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "logfmt", "json"]

# sd-daemon(3): journald reads the priority of a line from the number in front of it.
_PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}

_FIRST_KEYS = ("timestamp", "level", "logger", "event")

# What structlog puts below the line of an entry.
_KEYS_WITH_LINES = frozenset({"exception", "stack", "stack_info"})

# The last word counts: `password_file` is a path, `db_password` is a secret.
_SECRET_KEY = re.compile(
    r"(?:^|[_-])(?:password|passwd|passphrase|secret|token|cookie|authorization|session_key)$",
    re.IGNORECASE,
)
_PASSWORD_IN_URI = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")
_HIDDEN = "***"


def configure(*, level: Level, format: Format, stream: TextIO) -> None:  # noqa: A002
    """Send all log entries from this level up to the stream.

    ``auto`` is the console format on a terminal and logfmt elsewhere. Colours appear only on a
    terminal, and not where ``NO_COLOR`` is set. On a stream that leads to journald each line
    carries its priority, and no time, since journald has its own.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    before_formatting: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
    ]
    structlog.configure(
        processors=[*before_formatting, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
    )
    is_journald = _leads_to_journald(stream)
    steps: list[Processor] = [
        ProcessorFormatter.remove_processors_meta,
        # Before the secrets are looked for, since an exception may quote anything. This is the
        # plain form; structlog's own choice for a terminal shows local variables.
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    if not is_journald:
        steps.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    formatter = _PriorityFormatter if is_journald else ProcessorFormatter
    target = logging.StreamHandler(stream)
    target.setFormatter(
        formatter(
            foreign_pre_chain=before_formatting, processors=[*steps, *_layout(format, stream)]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [target]
    root.setLevel(threshold)


class _PriorityFormatter(ProcessorFormatter):
    """Puts the priority in front of each line, a traceback's too."""

    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_PRIORITIES[record.levelname]}>"
        return "\n".join(f"{prefix}{line}" for line in super().format(record).splitlines())


def hide_secrets(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Replace what must not be read by others: values of secret keys, passwords in URIs."""
    return {key: _without_secret(key, value) for key, value in entry.items()}


def _without_secret(key: str, value: object) -> object:
    if _SECRET_KEY.search(key):
        return _HIDDEN
    match value:
        case str():
            return _PASSWORD_IN_URI.sub(rf"\1{_HIDDEN}", value)
        case Mapping():
            return {inner: _without_secret(str(inner), item) for inner, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_without_secret(key, item) for item in value]
        case None | bool() | int() | float():
            return value
        case _:
            return _without_secret(key, str(value))


def _layout(format: Format, stream: TextIO) -> list[Processor]:  # noqa: A002
    """Return the steps that turn an entry into text."""
    match format:
        case "auto":
            return _layout("console" if stream.isatty() else "logfmt", stream)
        case "console":
            console = structlog.dev.ConsoleRenderer(
                colors=stream.isatty() and not os.environ.get("NO_COLOR")
            )
            return [_show_control_characters, console]
        case "logfmt":
            logfmt = structlog.processors.LogfmtRenderer(
                key_order=_FIRST_KEYS, drop_missing=True, bool_as_flag=False
            )
            return [_show_control_characters, logfmt]
        case "json":
            return [structlog.processors.JSONRenderer()]
        case _:
            assert_never(format)


def _show_control_characters(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Keep what hosts say from breaking lines or reaching the terminal as commands."""
    return {key: _shown(key, value) for key, value in entry.items()}


def _shown(key: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if key in _KEYS_WITH_LINES:
        # Indented, so that no line of a message looks like an entry.
        return "\n".join(f"  {printable(line)}" for line in value.split("\n"))
    return printable(value)


def _leads_to_journald(stream: TextIO) -> bool:
    """Tell by device and inode, since a redirected service inherits the variable nevertheless.

    systemd.exec(5), ``$JOURNAL_STREAM``.
    """
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
