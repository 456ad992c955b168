"""What is known of the host itself: kept with each outcome, and known again after a restart."""

from __future__ import annotations

from eventd.model.picture import HostPicture
from tests.tracking.playbook import NOON, WEB01, Scenario

HARDWARE = "4C4C4544-0001-0002-0003-000000000004"


def picture_of(host: Scenario) -> HostPicture:
    """Return what the last outcome keeps of the host."""
    assert host.outcome is not None
    assert host.outcome.picture.host is not None
    return host.outcome.picture.host


def test_a_bare_host_is_named_by_its_hardware() -> None:
    """In lower case, as other UUIDs are."""
    host = Scenario()
    host.hardware = HARDWARE
    host.sync(host.enter())

    assert picture_of(host).identity == HARDWARE.lower()


def test_a_vcenter_is_named_by_its_instance_and_by_none_of_its_hosts() -> None:
    """A host more would be another vCenter otherwise."""
    host = Scenario()
    host.instance_uuid, host.hardware = "vc-1", HARDWARE
    host.sync(host.enter())

    assert picture_of(host).identity == "vc-1"


def test_a_host_that_tells_no_identity_keeps_the_one_that_is_known() -> None:
    """The user may have lost the right to see it; that makes it no other host."""
    host = Scenario()
    host.hardware = HARDWARE
    host.sync(host.enter())
    host.hardware = None

    assert host.sync(host.enter()) == []
    assert picture_of(host).identity == HARDWARE.lower()


def test_names_of_hosts_are_the_same_object_until_one_changes() -> None:
    """The journal writes them when they are another one."""
    host = Scenario()
    host.sync(host.enter())
    names = picture_of(host).names
    assert names == {"host-1": "esx01.example", "host-2": "esx02.example"}

    host.say(host.modify(power="poweredOn"))
    host.sync(host.enter(**{**WEB01, "power": "poweredOn"}))
    assert picture_of(host).names is names

    host.say(host.host_system(1, name="renamed.example"))
    assert picture_of(host).names == {"host-1": "renamed.example", "host-2": "esx02.example"}
    assert names["host-1"] == "esx01.example"


def test_an_answer_counts_as_the_last_when_it_is_judged_and_looking_again_does_not() -> None:
    """Without an answer nobody knows whether the host is still there."""
    host = Scenario()
    host.sync(host.enter())
    assert picture_of(host).synced_at == NOON

    host.wait(60)
    host.read()
    assert picture_of(host).synced_at == NOON

    host.say()
    assert picture_of(host).synced_at == host.now


def test_after_a_restart_names_and_derived_uuids_are_known_before_the_host_is_reached() -> None:
    """Whoever asks for the state meanwhile finds the domain that events have told of."""
    host = Scenario()
    host.hardware = HARDWARE
    host.sync(host.enter(name="web01", power="poweredOn", host="host-2"))
    [before] = host.tracker.statuses(stale=True)
    assert before.domain.uuid_derived

    host.restart()

    [after] = host.tracker.statuses(stale=True)
    assert after == before
    assert after.domain.host == "esx02.example"


def test_that_there_was_no_domain_is_a_picture_too() -> None:
    """What is there after a restart has come meanwhile."""
    host = Scenario()
    host.sync()
    host.restart()

    events = host.sync(host.enter())

    assert [event.type for event in events] == ["defined"]
    assert host.outcome is not None
    assert host.outcome.is_compared
