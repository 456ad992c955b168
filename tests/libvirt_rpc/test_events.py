"""The messages of events; that virsh understands them all is for `test_clients` to show."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from eventd.libvirt_rpc.events import (
    MESSAGES,
    RemoteDomain,
    arguments_of,
    event_message,
    payload,
)
from eventd.libvirt_rpc.xdr import Reading
from eventd.model.domain import Domain
from eventd.model.events import DomainEvent
from eventd.model.ids import EventId
from tests.rendering.test_virsh import LINES

TEST = RemoteDomain("test", UUID("6695eb01-f6a4-8304-79aa-97f2502e193f").bytes, 1)


def test_a_lifecycle_event_is_told_as_libvirtd_tells_it() -> None:
    """Suspended, paused; for the callback 1."""
    told = payload(EventId.LIFECYCLE, TEST, (3, 0), legacy=False)
    assert event_message(EventId.LIFECYCLE, 1, told).hex() == (
        "0000004420008086000000010000013e0000000200000001000000000000000100000004746573746695eb01"
        "f6a4830479aa97f2502e193f000000010000000300000000"
    )


def test_a_reason_is_in_front_of_the_domain_where_the_protocol_has_it_there() -> None:
    """The three events of power management; their legacy messages have none."""
    plain = payload(EventId.REBOOT, TEST, (), legacy=False)
    for event_id in (EventId.PMWAKEUP, EventId.PMSUSPEND, EventId.PMSUSPEND_DISK):
        assert payload(event_id, TEST, (), legacy=False) == bytes(4) + plain
        assert payload(event_id, TEST, (), legacy=True) == plain


@pytest.mark.parametrize(
    "event", [event for event, _ in LINES], ids=lambda event: type(event).__name__
)
def test_the_arguments_of_each_event_have_their_layout(event: DomainEvent) -> None:
    """What the callback of its id is given is what is read again."""
    assert event.event_id is not None
    arguments = arguments_of(event)
    told = payload(event.event_id, TEST, arguments, legacy=True)
    reading = Reading(told[len(payload(EventId.REBOOT, TEST, (), legacy=True)) :])
    found = [kind.read(reading) for kind in MESSAGES[event.event_id].arguments]
    assert found == list(arguments)
    assert reading.left == 0


EXAMPLES: dict[EventId, tuple[Any, ...]] = {
    EventId.RTC_CHANGE: (-3600,),
    EventId.BLOCK_JOB: ("/a", 1, 0),
    EventId.DISK_CHANGE: (None, "/new", "disk-1", 0),
    EventId.BALLOON_CHANGE: (1 << 40,),
    EventId.PMSUSPEND_DISK: (),
    EventId.BLOCK_JOB_2: ("sda", 1, 0),
    EventId.MIGRATION_ITERATION: (4,),
    EventId.BLOCK_THRESHOLD: ("sda", None, 1, 2),
    EventId.MEMORY_DEVICE_SIZE_CHANGE: ("dimm0", 1 << 30),
}
"""Of the ids that nothing of VI's is told by."""


def test_what_vi_never_tells_has_its_layout_too() -> None:
    """All 28 ids are there, so that a client may register for each."""
    assert set(MESSAGES) == set(EventId)
    told = {event.event_id for event, _ in LINES} | {EventId.LIFECYCLE}
    assert set(EXAMPLES) == set(EventId) - told
    for event_id, arguments in EXAMPLES.items():
        written = payload(event_id, TEST, arguments, legacy=True)
        assert len(written) > len(payload(EventId.REBOOT, TEST, (), legacy=True)) or not arguments


def test_a_domain_is_told_by_name_uuid_and_id() -> None:
    """The id is -1 where it is not active."""
    domain = Domain(
        connection="lab",
        reference="vm-42",
        uuid="6695eb01-f6a4-8304-79aa-97f2502e193f",
        name="test",
        id=-1,
    )
    assert RemoteDomain.of(domain) == TEST._replace(id=-1)
