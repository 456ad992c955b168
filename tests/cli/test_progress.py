"""The bar for people: there while a task goes on, gone afterwards, and never in a pipe."""

from __future__ import annotations

import io

import pytest

from eventd.cli.progress import progress_bar
from tests.http_api.fake_daemon import power_on


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_a_task_has_a_bar_with_its_words(terminal: Terminal) -> None:
    """At the end the line is cleared and the cursor is shown."""
    with progress_bar(terminal) as report:
        assert report is not None
        report(power_on("queued"))
        report(power_on("running", 42))

    assert "power on" in terminal.getvalue()
    assert "42%" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")
    assert "\x1b[?25h" in terminal.getvalue()


def test_a_task_that_waits_says_so(terminal: Terminal) -> None:
    """Nobody knows yet how far it is."""
    with progress_bar(terminal) as report:
        assert report is not None
        report(power_on("queued"))

    assert "power on, queued" in terminal.getvalue()
    assert "%" not in terminal.getvalue()


def test_a_description_is_no_markup(terminal: Terminal) -> None:
    """The host's own word is shown where there are no others for it."""
    with progress_bar(terminal) as report:
        assert report is not None
        report(power_on("running", 1).model_copy(update={"description_id": "[red]x\x1b[2J"}))

    assert "[red]x\\x1b[2J" in terminal.getvalue()


def test_what_is_no_task_has_no_bar(terminal: Terminal) -> None:
    """Shutdown and reboot are over at once."""
    with progress_bar(terminal):
        pass

    assert terminal.getvalue() == ""


def test_an_error_takes_the_bar_away(terminal: Terminal) -> None:
    """Its sentence begins on a line of its own."""

    def fail() -> None:
        with progress_bar(terminal) as report:
            assert report is not None
            report(power_on("running", 42))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert terminal.getvalue().endswith("\x1b[2K")


def test_without_a_terminal_nothing_is_asked_for(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in a pipe nor on a terminal that cannot move its cursor."""
    with progress_bar(io.StringIO()) as report:
        assert report is None
    monkeypatch.setenv("TERM", "dumb")
    with progress_bar(terminal) as report:
        assert report is None
