"""Times as somebody at a terminal writes them: those of the daemon, and some of the place.

The forms of the place are those of ``journalctl --since``. Over HTTP there is none: who asks and
who answers need not agree on where they are.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from eventd.errors import InvalidArgument
from eventd.model.times import parse_time

__all__ = ["FORMS", "time_of"]

FORMS = (
    "10m, 1h30m or 2d for so long ago; today, yesterday; 2026-11-20 or '2026-11-20 12:00' in local "
    "time; 2026-11-20T12:00:00Z; seconds of Unix time such as 1795176000"
)
"""Examples of all of them, in a sentence."""

_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(?::\d{2})?)?", re.ASCII)

_DAYS_AGO = {"today": 0, "yesterday": 1}


def time_of(option: str, text: str, *, now: datetime) -> datetime:
    """Return the time that a text means, in UTC. Durations count back from ``now``, an aware time.

    A day begins at its midnight, here. A time that comes twice, as clocks are set back, is the
    first of the two; one that is left out is of the hour beside it.

    Raises:
        InvalidArgument: the text is none of the forms, or there is no such time; ``option`` names
            what it was given for.
    """
    try:
        if (days := _DAYS_AGO.get(text)) is not None:
            return _midnight(now.astimezone().date() - timedelta(days=days))
        if _LOCAL.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        return parse_time(option, text, now=now)
    except (InvalidArgument, ValueError, OverflowError):
        raise InvalidArgument(f"{option} takes {FORMS}; not {text[:80]!r}") from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time()).astimezone(UTC)
