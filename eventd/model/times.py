"""Times as people and programs write them: ``10m``, ``1732622400.25``, ``2026-11-20T12:00:00Z``.

The forms are those of ``docker events --since``. What the present time is, the caller says.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from eventd.errors import InvalidArgument

__all__ = ["parse_time"]

# From 2001 to 2286. Others are a duration whose unit was forgotten, or a date.
_UNIX = re.compile(r"[1-9]\d{9}(?:\.\d{1,9})?", re.ASCII)
_DURATION = re.compile(r"(?:\d{1,12}(?:\.\d{1,9})?(?:ms|s|m|h|d))+", re.ASCII)
_PART = re.compile(r"([\d.]+)(ms|s|m|h|d)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}

# RFC 3339, section 5.6. A blank before the offset is a plus sign that was not escaped in a URL.
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([-+ ])(\d{2}:\d{2}))",
    re.ASCII,
)


def parse_time(key: str, text: str, *, now: datetime) -> datetime:
    """Return the time that a text means: aware, in UTC; a duration is counted back from now.

    Raises:
        InvalidArgument: the text is none of the forms, or there is no such time; ``key`` names
            what it was given for.
    """
    try:
        if _UNIX.fullmatch(text):
            return datetime.fromtimestamp(0, UTC) + timedelta(seconds=float(text))
        if _DURATION.fullmatch(text):
            return now - _duration(text)
        if instant := _INSTANT.fullmatch(text):
            return _instant(*instant.groups())
    except (ValueError, OverflowError):
        pass  # the form is right, and there is no such time
    raise InvalidArgument(
        f"{key!r} is a duration back from now such as 10m or 1h30m (ms, s, m, h, d), a time with "
        f"its offset such as 2026-11-20T12:00:00Z, or seconds of Unix time such as 1795176000, not "
        f"{text[:80]!r}"
    )


def _duration(text: str) -> timedelta:
    parts = _PART.findall(text)
    return sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta())


def _instant(
    date: str, clock: str, fraction: str | None, sign: str | None, offset: str | None
) -> datetime:
    # Python knows microseconds; what is finer is cut off.
    text = f"{date}T{clock}.{(fraction or '0')[:6]:0<6}"
    ahead = "+00:00" if offset is None else f"{'-' if sign == '-' else '+'}{offset}"
    return datetime.fromisoformat(text + ahead).astimezone(UTC)
