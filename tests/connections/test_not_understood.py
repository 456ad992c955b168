"""What a host tells and nobody can understand: told, counted, and bounded."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from eventd.metrics import REGISTRY
from eventd.vi.types import (
    ManagedObjectReference,
    ObjectUpdate,
    PropertyFilterUpdate,
    PropertyValue,
    Unparsed,
    UpdateKind,
    UpdateSet,
)
from tests.connections.odd_things import odd_things

ODD = Unparsed("OddEvent", b'<returnval xsi:type="OddEvent"><key>x</key></returnval>')


class Clock:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def instant(self) -> float:
        """Return the present moment."""
        return self.now

    async def reach(self, instant: float) -> None:
        """Nobody waits here."""
        raise AssertionError(instant)


def counted() -> float:
    """Return how many were counted so far."""
    return REGISTRY.get_sample_value("eventd_unparsed_total", {"connection": "esx01"}) or 0.0


def test_it_is_told_with_its_beginning_and_its_size() -> None:
    """To see what it was."""
    odd = odd_things(timer=Clock())
    odd.note(ODD._replace(cut=1000), place="the event history")

    [event] = odd.take()
    assert (event.element, event.message) == ("OddEvent", "found in the event history")
    assert event.raw == ODD.xml.decode()
    assert event.size == len(ODD.xml) + 1000
    assert odd.take() == []


def test_the_same_of_the_same_place_is_told_once_a_minute_and_always_counted() -> None:
    """A host that sends thousands of them floods neither the journal nor the log."""
    clock = Clock()
    odd = odd_things(timer=clock)
    before = counted()

    with capture_logs() as logs:
        for _ in range(1000):
            odd.note(ODD, place="the event history")
        odd.note(ODD, place="an update set")
        assert len(odd.take()) == len(logs) == 2
        clock.now += 60
        odd.note(ODD, place="the event history")

    assert len(odd.take()) == 1
    assert logs[-1]["came_again_before"] == 999
    assert counted() - before == 1002


def test_many_different_ones_are_told_in_part() -> None:
    """What they are called comes from the host."""
    clock = Clock()
    odd = odd_things(timer=clock)
    with capture_logs() as logs:
        for number in range(5000):
            odd.note(Unparsed(f"Odd{number}", b"<odd/>"), place="the event history")
        assert len(odd.take()) == 20
        clock.now += 61
        odd.note(Unparsed("Last" * 1000, b"<odd/>"), place="the event history")

    [event] = odd.take()
    assert len(event.element) == 200
    assert logs[-1]["others_left_out"] == 4980


def test_what_could_not_be_published_is_told_with_the_next() -> None:
    """And before it."""
    odd = odd_things(timer=Clock())
    odd.note(ODD, place="the event history")
    odd.give_back(odd.take())
    odd.note(ODD, place="an update set")

    assert [event.message for event in odd.take()] == [
        "found in the event history",
        "found in an update set",
    ]


def updates(kind: str = "VirtualMachine", **changes: PropertyValue | None) -> UpdateSet:
    """Return an update set with these properties of one object; ``__`` is a dot."""
    told = {path.replace("__", "."): value for path, value in changes.items()}
    update = ObjectUpdate(UpdateKind.MODIFY, ManagedObjectReference(kind, "1"), told, ())
    part = PropertyFilterUpdate(ManagedObjectReference("PropertyFilter", "f"), [update])
    return UpdateSet("1", [part], truncated=False)


@pytest.mark.parametrize(
    ("update_set", "place"),
    [
        (UpdateSet("1", [], False, (ODD,)), "an update set"),
        (updates(runtime__question=ODD), "runtime.question of VirtualMachine"),
        (updates(runtime__powerState="hibernated"), "runtime.powerState of VirtualMachine"),
        (updates("HostSystem", name=ODD), "name of HostSystem"),
        (updates("EventHistoryCollector", latestPage=ODD), "latestPage of EventHistoryCollector"),
        (updates("Task", info__error=ODD), "info.error of Task"),
    ],
)
def test_what_is_odd_in_an_update_set_is_found(update_set: UpdateSet, place: str) -> None:
    """Whole updates, and values of properties that are followed."""
    odd = odd_things(timer=Clock())
    odd.note_in(update_set)

    [event] = odd.take()
    assert event.message == f"found in {place}"


def test_what_is_unset_or_never_read_is_not_odd() -> None:
    """The tree of snapshots is compared as a whole."""
    odd = odd_things(timer=Clock())
    odd.note_in(
        updates(runtime__powerState=None, snapshot__rootSnapshotList=ODD, name="", recentTask=())
    )
    assert odd.take() == []
