"""Times as somebody at a terminal writes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from eventd.cli.times import time_of
from eventd.errors import InvalidArgument

NOW = datetime(2026, 10, 25, 22, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clocks went back there in the night before `NOW`, when it is 23:30."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", "2026-10-25T00:00:00+02:00"),
        ("yesterday", "2026-10-24T00:00:00+02:00"),
        ("2026-10-26", "2026-10-26T00:00:00+01:00"),
        ("2026-07-01", "2026-07-01T00:00:00+02:00"),
        ("2026-10-25 10:00", "2026-10-25T10:00:00+01:00"),
        ("2026-10-25T10:00", "2026-10-25T10:00:00+01:00"),
        ("2026-10-25 02:30", "2026-10-25T02:30:00+02:00"),
        ("2026-10-25t10:00:07", "2026-10-25T10:00:07+01:00"),
    ],
)
def test_a_time_without_an_offset_is_that_of_the_place(text: str, expected: str) -> None:
    """As journalctl has it, on days of 25 hours too."""
    assert time_of("--since", text, now=NOW) == datetime.fromisoformat(expected)


def test_today_is_the_day_of_the_place() -> None:
    """In Greenwich it is still the day before."""
    now = datetime(2026, 10, 25, 23, 30, tzinfo=UTC)
    midnight = datetime.fromisoformat("2026-10-26T00:00:00+01:00")
    assert time_of("--since", "today", now=now) == midnight


def test_each_time_is_one_that_the_daemon_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there were zones, places were seconds apart, which RFC 3339 cannot say."""
    monkeypatch.setenv("TZ", "LMT-0:53:28")
    time.tzset()
    assert time_of("--since", "1890-01-01", now=NOW).isoformat() == "1889-12-31T23:06:32+00:00"


def test_the_forms_of_the_daemon_are_taken_too() -> None:
    """A duration, Unix time, and RFC 3339."""
    assert time_of("--since", "1h30m", now=NOW) == NOW - timedelta(minutes=90)
    assert time_of("--since", "1000000000", now=NOW).year == 2001
    assert time_of("--until", "2026-10-25T22:30:00Z", now=NOW) == NOW


@pytest.mark.parametrize(
    "text",
    [
        "10",
        "0",
        "",
        "soon",
        "tomorrow",
        "10:00",
        "2026-13-01",
        "2026-10-25 25:00",
        "20261025",
        "202610251200",
    ],
)
def test_what_is_no_time_is_refused_with_all_that_are(text: str) -> None:
    """A number without its unit above all: 10 would be a second of 1970."""
    with pytest.raises(InvalidArgument) as error:
        time_of("--since", text, now=NOW)
    message = error.value.message
    for expected in ("--since", "10m", "today", "2026-11-20 12:00", "1795176000", repr(text)):
        assert expected in message
