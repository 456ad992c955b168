"""Times as VI writes them (XML Schema Part 2, dateTime)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.vi.times import parse_datetime


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-02-29T23:59:59Z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("2024-02-29T23:59:59", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("2024-03-01T01:29:59+01:30", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("2024-02-29T18:59:59-05:00", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("2024-02-29T23:59:59.5Z", datetime(2024, 2, 29, 23, 59, 59, 500_000, tzinfo=UTC)),
        ("2024-02-29T23:59:59.900958561", datetime(2024, 2, 29, 23, 59, 59, 900_958, tzinfo=UTC)),
        (
            "2024-02-29T23:59:59.00000199999999999999-00:00",
            datetime(2024, 2, 29, 23, 59, 59, 1, tzinfo=UTC),
        ),
        ("  2024-02-29T23:59:59Z\n", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_utc(text: str, time: datetime) -> None:
    """No zone means UTC, fractions may have any length and are cut at the microsecond."""
    read = parse_datetime(text)

    assert read == time
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2024-02-29",
        "2024-02-30T00:00:00Z",
        "2024-02-29T25:00:00Z",
        "2024-02-29 00:00:00Z",
        "20240229T000000Z",
        "2024-W09-4T00:00:00Z",
        "-0044-03-15T12:00:00Z",
        "12024-02-29T00:00:00Z",
        "2024-02-29T00:00:00.Z",
        "2024-02-29T00:00:00+0100",
        "2024-02-29T00:00:00+99:00",
        "٢٠٢٤-02-29T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    """One odd time is as if it were not told; nothing is raised."""
    assert parse_datetime(text) is None


@given(
    st.datetimes().filter(lambda time: 1 < time.year < 9999),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_every_time_in_every_zone_is_read_as_it_was(time: datetime, zone: timezone) -> None:
    """The moment is the same, whatever the zone that it is written in."""
    moment = time.replace(tzinfo=zone)
    assert parse_datetime(moment.isoformat()) == moment


@given(st.text())
def test_no_text_raises_anything(text: str) -> None:
    """Any text is a time or none."""
    parse_datetime(text)
