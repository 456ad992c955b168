"""Tables for people and for programs."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from eventd.cli.tables import write_connections, write_domains, write_questions
from eventd.model.domain import (
    Choice,
    ConnectionState,
    ConnectionStatus,
    Domain,
    DomainState,
    DomainStatus,
    Question,
)
from eventd.model.questions import PendingQuestion

STATUSES = [
    DomainStatus(
        domain=Domain(connection="esx01", reference="vm-17", uuid="u-1", name="web 01", id=17),
        state=DomainState.RUNNING,
        question=Question(id="1", vi_id="1", text="?"),
    ),
    DomainStatus(
        domain=Domain(
            connection="esx01", reference="2", uuid="u-2", name="db\x1b[2J", id=-1, host="esx-a"
        ),
        state=DomainState.SHUTOFF,
        stale=True,
    ),
]
CONNECTION = ConnectionStatus(
    name="esx01",
    uri="esx://esx01.example/",
    state=ConnectionState.DISCONNECTED,
    product="VMware ESXi 7.0.3",
    domains=2,
    error="nobody answered",
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_programs_get_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """No lines, no colours, nothing cut; what a host says stays on its line."""
    write_domains(STATUSES, stream=io.StringIO())

    assert capsys.readouterr().out == (
        "ID  NAME       STATE             CONNECTION  HOST   UUID\n"
        "17  web 01     running (asks)    esx01       -      u-1\n"
        "-   db\\x1b[2J  shut off (stale)  esx01       esx-a  u-2\n"
    )


def test_a_question_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """However long it is, and whatever is in it; the default choice is marked."""
    first = Choice(key="0", label="No")
    choices = (first, Choice(key="1", label="Yes"))
    asked = Question(id="q-1", vi_id="25", text="Go\non?\x1b[2J", choices=choices, default=first)
    since = datetime(2026, 11, 20, 11, 51, 59, 827_400, UTC)
    pending = PendingQuestion(domain=STATUSES[0].domain, question=asked, since=since, stale=True)
    bare = PendingQuestion(
        domain=STATUSES[1].domain, question=Question(id="q-22", vi_id="25", text="?")
    )

    write_questions([pending, bare], stream=io.StringIO())

    assert capsys.readouterr().out == (
        "ID    DOMAIN     CONNECTION  SINCE                         QUESTION       CHOICES\n"
        "q-1   web 01     esx01       2026-11-20 11:51:59Z (stale)  Go on?\\x1b[2J  "
        "0 = No (default), 1 = Yes\n"
        "q-22  db\\x1b[2J  esx01       -                             ?              -\n"
    )


def test_nothing_is_a_header(capsys: pytest.CaptureFixture[str]) -> None:
    """A list without entries is a list."""
    write_connections([], stream=io.StringIO())

    assert capsys.readouterr().out == "NAME  STATE  DOMAINS  URI  PRODUCT  ERROR\n"


def test_connections_tell_why_they_are_not_in_sync(capsys: pytest.CaptureFixture[str]) -> None:
    """The error is the last column, so that it may be long."""
    write_connections([CONNECTION], stream=io.StringIO())

    assert capsys.readouterr().out.splitlines()[1] == (
        "esx01  disconnected  2        esx://esx01.example/  VMware ESXi 7.0.3  nobody answered"
    )


def test_people_get_a_table() -> None:
    """It is drawn."""
    terminal = Terminal()

    write_domains(STATUSES, stream=terminal)

    assert "web 01" in terminal.getvalue()
    assert "━" in terminal.getvalue() or "─" in terminal.getvalue()
    assert "\x1b[2J" not in terminal.getvalue()


@pytest.mark.parametrize("terminal_type", ["xterm-256color", "dumb"])
def test_people_can_copy_every_word(terminal_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A UUID that is folded in two is none; rather the line is longer than the terminal is wide."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", terminal_type)
    terminal = Terminal()
    uuid = "564d9d6c-2b46-1c2c-8f2c-8a1d5e7f9a10"
    domain = STATUSES[1].domain.model_copy(update={"uuid": uuid})
    status = STATUSES[1].model_copy(update={"domain": domain})

    write_domains([status], stream=terminal)
    write_connections([CONNECTION], stream=terminal)

    words = terminal.getvalue().split()
    assert {uuid, "esx-a", "disconnected", CONNECTION.uri, "7.0.3"} <= set(words)


def test_people_read_errors_below_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """In full, on one line, with the connection's name; no error is no line."""
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal()
    error = "nobody answered at esx01.example port 443 within 30 seconds, as ever"
    good = CONNECTION.model_copy(update={"name": "esx02", "error": None})

    write_connections([CONNECTION.model_copy(update={"error": error}), good], stream=terminal)

    assert terminal.getvalue().splitlines()[-1] == f"esx01: {error}"
    assert "ERROR" not in terminal.getvalue()


def test_a_table_without_colour_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://no-color.org."""
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()

    write_domains(STATUSES, stream=terminal)

    assert "\x1b[3" not in terminal.getvalue()
