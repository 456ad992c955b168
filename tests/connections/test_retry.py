"""When a lost host is tried again, by what was wrong and for how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.connections.retry import delay, is_mended_by_login
from eventd.errors import (
    EventdError,
    Fault,
    HostNotSupported,
    HostNotTrusted,
    HostUnreachable,
    InvalidArgument,
    InvalidConfiguration,
    InvalidURI,
    LoginRefused,
    MalformedAnswer,
    SessionExpired,
)

EXPIRED = SessionExpired("WaitForUpdatesEx", "NotAuthenticated", "The session is gone.")
COLLECTOR_GONE = Fault("WaitForUpdatesEx", "ManagedObjectNotFound", "It is gone.")
REFUSED = Fault("CreateFilter", "InvalidProperty", "There is no such property.")
UNREACHABLE = HostUnreachable("esx01 cannot be reached: Connection refused")

TRY_AGAIN = (UNREACHABLE, MalformedAnswer("cut"), REFUSED, EventdError("a defect"))

QUARTER_OF_AN_HOUR = 900.0
"""ESXi's Security.AccountUnlockTime."""


@pytest.mark.parametrize("error", TRY_AGAIN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    ("failures", "shortest", "longest"),
    [(1, 0.5, 1), (2, 1, 2), (3, 2, 4), (4, 4, 8), (5, 8, 16), (6, 15, 30), (10**6, 15, 30)],
)
def test_a_lost_host_is_tried_at_ever_longer_intervals(
    error: EventdError, failures: int, shortest: float, longest: float
) -> None:
    """The interval doubles up to half a minute; chance takes away at most half of it."""
    assert delay(error, failures=failures, chance=0.0) == shortest
    assert delay(error, failures=failures, chance=1.0) == longest


@pytest.mark.parametrize("error", [EXPIRED, COLLECTOR_GONE], ids=lambda error: str(error.name))
@pytest.mark.parametrize("chance", [0.0, 0.99])
def test_a_lost_session_is_replaced_at_once(error: EventdError, chance: float) -> None:
    """The host is there; a new login mends it."""
    assert is_mended_by_login(error)
    assert delay(error, failures=1, chance=chance) == 0.0


@pytest.mark.parametrize("error", [EXPIRED, COLLECTOR_GONE], ids=lambda error: str(error.name))
def test_a_session_that_is_lost_again_before_it_was_of_use_is_a_lost_host(
    error: EventdError,
) -> None:
    """Otherwise a host that forgets every session would be asked without a pause."""
    assert delay(error, failures=2, chance=0.0) == delay(UNREACHABLE, failures=2, chance=0.0)


@pytest.mark.parametrize("failures", [1, 2, 100])
def test_a_refused_login_is_not_repeated_for_a_quarter_of_an_hour(failures: int) -> None:
    """ESXi locks an account for so long after five failures: Security.AccountLockFailures."""
    error = LoginRefused("root was refused")

    assert delay(error, failures=failures, chance=0.0) == QUARTER_OF_AN_HOUR
    assert not is_mended_by_login(error)


@pytest.mark.parametrize(
    "error",
    [
        HostNotTrusted("another certificate"),
        HostNotSupported("another product"),
        InvalidConfiguration("no password"),
        InvalidURI("no such datacenter"),
        InvalidArgument("a character that XML cannot carry"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("failures", [1, 2, 100])
def test_what_only_a_person_can_mend_is_tried_every_five_minutes(
    error: EventdError, failures: int
) -> None:
    """Not never: the person may mend it at the host."""
    assert delay(error, failures=failures, chance=0.5) == 300.0


@given(
    error=st.sampled_from(TRY_AGAIN),
    failures=st.integers(min_value=1),
    chance=st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_no_interval_is_shorter_than_half_a_second_or_longer_than_half_a_minute(
    error: EventdError, failures: int, chance: float
) -> None:
    """Whatever happens, a host is neither stormed nor forgotten."""
    assert 0.5 <= delay(error, failures=failures, chance=chance) <= 30.0
