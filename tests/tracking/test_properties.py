"""How property values become the fields of a picture, where a value is not as it should be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eventd.model.picture import DomainPicture, PowerState
from eventd.tracking.properties import pictured
from eventd.vi.types import HistoryEvent, PropertyValue, Unparsed

# An array of events is the value that holds what has no hash.
EVENT = HistoryEvent(1, 1, datetime(2026, 11, 20, tzinfo=UTC), "VmEvent", "", members={})

ODD: list[PropertyValue] = ["", "odd", ("odd",), (EVENT,), Unparsed("Odd", b"<odd/>")]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_value_of_a_property_counts_as_unset(odd: PropertyValue) -> None:
    """One odd domain never spoils the others; a power state that is not told has not changed."""
    before = DomainPicture(
        "vm-42", "web01", power_state=PowerState.POWERED_ON, clean_power_off=True, has_crashed=True
    )
    after = pictured(
        before,
        {
            "runtime.powerState": odd,
            "runtime.cleanPowerOff": odd,
            "guest.guestKernelCrashed": odd,
            "runtime.bootTime": odd,
            "runtime.question": odd,
        },
    )

    assert after.power_state is PowerState.POWERED_ON
    assert (after.clean_power_off, after.has_crashed) == (None, None)
    assert (after.boot_time, after.question) == (None, None)


@pytest.mark.parametrize(("word", "is_true"), [("true", True), ("1", True), ("0", False)])
def test_a_truth_is_spelled_in_two_ways(word: str, is_true: bool) -> None:
    """XML Schema allows both."""
    after = pictured(DomainPicture("vm-42", "web01"), {"runtime.cleanPowerOff": word})

    assert after.clean_power_off is is_true
