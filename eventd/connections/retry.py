"""When to try a lost host again. Pure: the caller brings the chance and the clock."""

from __future__ import annotations

from eventd.errors import (
    EventdError,
    Fault,
    HostNotSupported,
    HostNotTrusted,
    InvalidArgument,
    InvalidConfiguration,
    LoginRefused,
    SessionExpired,
)

__all__ = [
    "FIRST_DELAY",
    "LOGIN_DELAY",
    "LONGEST_DELAY",
    "UNLIKELY_DELAY",
    "delay",
    "is_mended_by_login",
]

FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0
"""Seconds. Delays double from the first to the longest while a host stays away."""

LOGIN_DELAY = 900.0
"""Seconds after a refused login: ESXi locks an account for 15 minutes after 5 failures."""

UNLIKELY_DELAY = 300.0
"""Seconds where only a person can mend it: another certificate, product or configuration."""


def is_mended_by_login(error: EventdError) -> bool:
    """Tell whether the host has forgotten the session, or what belonged to it.

    ``ManagedObjectNotFound`` comes where another session has taken its place.
    """
    return isinstance(error, SessionExpired) or (
        isinstance(error, Fault) and error.name == "ManagedObjectNotFound"
    )


def delay(error: EventdError, *, failures: int, chance: float) -> float:
    """Return the seconds to wait before the next try.

    ``failures`` counts the tries in a row that failed, this one included; ``chance`` is a random
    number in [0, 1), which spreads the daemons that lost the same host at the same moment.
    """
    match error:
        case Fault() if failures == 1 and is_mended_by_login(error):
            return 0.0
        case LoginRefused():
            return LOGIN_DELAY
        case HostNotTrusted() | HostNotSupported() | InvalidConfiguration() | InvalidArgument():
            return UNLIKELY_DELAY
        case _:
            # The exponent is bounded, since a host may stay away for months.
            longest: float = min(FIRST_DELAY * 2.0 ** min(failures - 1, 16), LONGEST_DELAY)
            return longest * (0.5 + chance / 2)
