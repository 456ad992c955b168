"""What arrives in the log."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from eventd import logs


class Terminal(io.StringIO):
    """A stream that says that a person reads it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the process as it was: logging is configured for all of it."""
    root = logging.getLogger()
    level, targets = root.level, root.handlers[:]
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    yield
    root.setLevel(level)
    root.handlers[:] = targets
    structlog.reset_defaults()


def logged(format: logs.Format, **keys: object) -> str:  # noqa: A002
    """Return what an entry looks like in a file."""
    stream = io.StringIO()
    logs.configure(level="info", format=format, stream=stream)
    structlog.get_logger("eventd.test").warning("something happened", **keys)
    return stream.getvalue()


def test_a_file_gets_logfmt_in_a_fixed_order() -> None:
    """Time, level, place and sentence come first, whatever else there is."""
    line = logged("auto", connection="esx01", retry=True)

    stamp, rest = line.split(" ", 1)
    assert stamp.startswith("timestamp=20")
    assert stamp.endswith("Z")
    assert rest == (
        'level=warning logger=eventd.test event="something happened" connection=esx01 retry=true\n'
    )


def test_a_terminal_gets_colours() -> None:
    """A person reads it."""
    stream = Terminal()
    logs.configure(level="info", format="auto", stream=stream)
    structlog.get_logger().info("hello")

    assert "\x1b[" in stream.getvalue()
    assert "event=" not in stream.getvalue()


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://no-color.org: any value but the empty one counts."""
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    logs.configure(level="info", format="auto", stream=stream)
    structlog.get_logger().info("hello")

    assert "hello" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_json_is_one_object_on_each_line() -> None:
    """Programs read it."""
    entry = json.loads(logged("json", connection="esx01"))

    assert (entry["event"], entry["level"], entry["connection"]) == (
        "something happened",
        "warning",
        "esx01",
    )


def test_libraries_log_in_the_same_form() -> None:
    """Entries of the standard logging look like eventd's own."""
    stream = io.StringIO()
    logs.configure(level="info", format="logfmt", stream=stream)
    logging.getLogger("aiohttp.server").error("bad %s", "request")

    assert 'level=error logger=aiohttp.server event="bad request"' in stream.getvalue()


@pytest.mark.parametrize("format", ["console", "logfmt", "json"])
def test_what_is_below_the_level_is_not_logged(format: logs.Format) -> None:  # noqa: A002
    """Neither of eventd nor of libraries."""
    stream = io.StringIO()
    logs.configure(level="warning", format=format, stream=stream)
    structlog.get_logger().info("quiet")
    logging.getLogger("aiohttp").info("quiet")

    assert stream.getvalue() == ""


@pytest.mark.parametrize("format", ["console", "logfmt", "json"])
@pytest.mark.parametrize(
    "keys",
    [
        {"password": "hunter2"},
        {"db_Password": "hunter2"},
        {"session-token": "hunter2"},
        {"headers": {"Cookie": "hunter2"}},
        {"requests": [{"authorization": "hunter2"}]},
        {"uri": "esx://root:hunter2@esx01/"},
        {"connections": ["esx://root:hunter2@esx01/"]},
        {"connections": ("esx://root:hunter2@esx01/",)},
        {"connections": {"esx://root:hunter2@esx01/"}},
        {"connections": {"lab": frozenset({"esx://root:hunter2@esx01/"})}},
        {"requests": ({"cookie": "hunter2"},)},
        {"error": ValueError("no way to esx://root:hunter2@esx01/")},
    ],
)
def test_a_secret_is_not_logged(format: logs.Format, keys: dict[str, object]) -> None:  # noqa: A002
    """Wherever it stands in the entry."""
    line = logged(format, **keys)

    assert "hunter2" not in line
    assert "***" in line


def test_what_only_sounds_secret_is_logged() -> None:
    """The path of a password file is what the administrator needs to see."""
    line = logged("logfmt", password_file="/etc/pw", uri="esx://root@esx01:443/?a=@")

    assert "password_file=/etc/pw" in line
    assert 'uri="esx://root@esx01:443/?a=@"' in line


@pytest.mark.parametrize("format", ["console", "logfmt", "json"])
def test_a_traceback_shows_no_variables(format: logs.Format) -> None:  # noqa: A002
    """The code is public, what it holds at the moment may not be."""
    stream = io.StringIO()
    logs.configure(level="info", format=format, stream=stream)
    credential = "".join(("hunter", "2"))
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        structlog.get_logger().exception("it failed")

    assert credential == "hunter2"
    assert "RuntimeError: broken" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def logged_failure(format: logs.Format, message: str) -> str:  # noqa: A002
    """Return what an exception with this message looks like in a file."""
    stream = io.StringIO()
    logs.configure(level="info", format=format, stream=stream)
    try:
        raise RuntimeError(message)
    except RuntimeError:
        structlog.get_logger().exception("it failed")
        logging.getLogger("lib").exception("it failed too")
    return stream.getvalue()


@pytest.mark.parametrize("format", ["console", "logfmt", "json"])
def test_a_traceback_hides_secrets(format: logs.Format) -> None:  # noqa: A002
    """An exception may quote what it could not use."""
    text = logged_failure(format, "no way to esx://root:hunter2@esx01/")

    assert text.count("no way to esx://root:***@esx01/") == 2
    assert "hunter2" not in text


@pytest.mark.parametrize("format", ["console", "logfmt"])
def test_a_traceback_cannot_forge_an_entry(format: logs.Format) -> None:  # noqa: A002
    """The lines of its message stay in it, and off the terminal's controls."""
    text = logged_failure(format, "a\nlevel=error event=forged\r\x1b[2Jb\u2028c\x85d")

    assert not [line for line in text.splitlines() if line.startswith("level=error event=forged")]
    assert "\x1b" not in text
    assert text.splitlines() == text.rstrip("\n").split("\n")
    assert text.count("forged") == 2


@pytest.mark.parametrize("format", ["console", "logfmt"])
def test_an_entry_cannot_forge_another(format: logs.Format) -> None:  # noqa: A002
    """What a host says stays inside its entry, and off the terminal's controls."""
    text = logged(format, answer="a\nlevel=error event=forged\x1b[2J")

    assert text.count("\n") == 1
    assert "\x1b" not in text


def test_journald_learns_the_priority_of_each_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sd-daemon(3); the lines of a traceback are as important as the first one."""
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        logs.configure(level="info", format="console", stream=stream)
        try:
            raise RuntimeError("broken")
        except RuntimeError:
            structlog.get_logger("t").error("it failed", exc_info=True)
        logging.getLogger("lib").warning("hm")
        stream.seek(0)
        lines = stream.read().splitlines()

    assert {line[:3] for line in lines[:-1]} == {"<3>"}
    assert lines[0].startswith("<3>[error")
    assert lines[-1].startswith("<4>[warning")


def test_a_stream_that_only_inherits_the_journal_is_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A service's child whose output is redirected has the variable too."""
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")

    assert logged("logfmt").startswith("timestamp=")
