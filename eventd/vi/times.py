"""Times as VI writes them: ``xsd:dateTime``."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["parse_datetime"]

# Python's own reader accepts more forms (weeks, no separators) and fewer digits.
_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


def parse_datetime(text: str) -> datetime | None:
    """Return the aware UTC time that an ``xsd:dateTime`` names, None if the text is none.

    A time without zone is UTC, as all of VI's are. Digits beyond the microsecond are dropped.
    """
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        return None
    seconds, fraction, zone = match.groups()
    try:
        time = datetime.fromisoformat(f"{seconds}.{(fraction or '')[:6]:0<6}{zone or 'Z'}")
        return time.astimezone(UTC)
    except (ValueError, OverflowError):  # 30 February; year 1 east of Greenwich
        return None
