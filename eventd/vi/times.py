"""Times as VI writes them: ``xsd:dateTime``."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["parse_datetime"]

# Python's own reader accepts more forms: weeks, no separators, any letter for the T.
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)


def parse_datetime(text: str) -> datetime | None:
    """Return the aware UTC time that an ``xsd:dateTime`` names, None if the text is none.

    A time without zone is UTC, as all of VI's are. Digits beyond the microsecond are dropped.
    """
    text = text.strip()
    if _DATE_TIME.fullmatch(text) is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # 30 February; year 1 east of Greenwich
        return None
