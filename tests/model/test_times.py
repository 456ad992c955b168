from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from eventd.errors import InvalidArgument
from eventd.model.times import parse_time

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("10m", timedelta(minutes=10)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("2d", timedelta(days=2)),
        ("1.5h", timedelta(minutes=90)),
        ("250ms", timedelta(milliseconds=250)),
        ("1m1ms", timedelta(minutes=1, milliseconds=1)),
        ("0s", timedelta()),
    ],
)
def test_a_duration_is_counted_back_from_now(text: str, back: timedelta) -> None:
    """As docker has it, and with days, which it has not."""
    assert parse_time("since", text, now=NOW) == NOW - back


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1000000000", datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)),
        ("1732622400.25", datetime(2024, 11, 26, 12, 0, 0, 250_000, tzinfo=UTC)),
        ("1732622400.000001", datetime(2024, 11, 26, 12, 0, 0, 1, tzinfo=UTC)),
        ("2026-11-20T12:00:00Z", NOW),
        ("2026-11-20t12:00:00z", NOW),
        ("2026-11-20 12:00:00.000Z", NOW),
        ("2026-11-20T13:30:00+01:30", NOW),
        ("2026-11-20T13:30:00 01:30", NOW),
        ("2026-11-20T09:00:00-03:00", NOW),
        ("2026-11-20T12:00:00.123456789Z", NOW.replace(microsecond=123_456)),
    ],
)
def test_a_time_is_that_of_unix_or_of_rfc_3339(text: str, expected: datetime) -> None:
    """A plus sign that a URL made a blank is still a plus sign."""
    assert parse_time("since", text, now=NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "10x",
        "-10m",
        "m",
        "1h 30m",
        "0",
        "10",
        "20261120",
        "999999999.9",
        "2026-11-20",
        "2026-11-20T12:00:00",
        "2026-11-20T12:00Z",
        "12:00:00Z",
        "2026-13-20T12:00:00Z",
        "2026-11-20T12:00:00+25:00",
        "0001-01-01T00:00:00+12:00",
        "999999999999",
        "999999999999d",
        "1e9",
        "\u0661",
        "nan",
    ],
)
def test_what_is_no_time_is_refused_with_what_is_expected(text: str) -> None:
    """A date alone, or a time without an offset, would be of a place that nobody has named.

    And who gives a small number has forgotten its unit: no host of ours was there in 1970.
    """
    with pytest.raises(InvalidArgument) as error:
        parse_time("since", text, now=NOW)
    for expected in ("'since'", "10m", "2026-11-20T12:00:00Z", "Unix", repr(text)):
        assert expected in error.value.message
