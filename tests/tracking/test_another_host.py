"""Another host answers in the place of the one whose domains are known."""

from __future__ import annotations

import pytest

from eventd.model.picture import HostPicture
from tests.tracking.playbook import WEB01, Scenario, domains_of, evidence_of, told

ON = {**WEB01, "power": "poweredOn"}


@pytest.fixture
def host() -> Scenario:
    """A bare host with web01 on and db01 suspended, and an event history."""
    host = Scenario(follows_history=True)
    host.hardware = "hardware-1"
    host.sync(
        host.enter(**ON, question=host.question()),
        host.enter("vm-43", name="db01", power="suspended", uuid="u2"),
        host.enter("vm-44", name="mail01", power="poweredOff", uuid="u3"),
    )
    host.say(host.event("VmReconfiguredEvent", user="ops"))
    host.wait(3600)
    host.hardware = "hardware-2"
    return host


def test_all_domains_of_the_old_host_are_told_as_removed(host: Scenario) -> None:
    """Those that were on are stopped first, for libvirt's order."""
    events = host.sync(host.enter(**ON))

    assert told(events) == [
        "cleared withdrawn (state)",
        "stopped shutdown (host-replaced)",
        "undefined removed (host-replaced)",
        "stopped saved (host-replaced)",
        "undefined removed (host-replaced)",
        "undefined removed (host-replaced)",
    ]
    assert [domain.name for domain in domains_of(events)][-1] == "mail01"
    assert host.outcome is not None
    assert host.outcome.is_farewell
    assert not host.outcome.is_sync
    assert host.outcome.picture.removed == {"vm-42", "vm-43", "vm-44"}
    assert host.tracker.statuses(stale=False) == []


def test_all_domains_of_the_new_host_are_told_although_they_look_the_same(host: Scenario) -> None:
    """References and UUIDs may coincide, as of a host that was reinstalled."""
    host.sync(host.enter(**ON))

    events = host.sync(host.enter(**ON))

    assert told(events) == ["defined added (state)", "started booted (unknown)"]
    assert host.outcome is not None
    assert host.outcome.is_compared
    assert told(host.sync(host.enter(**ON))) == []


def test_nothing_of_the_old_host_is_known_any_more_but_the_time_of_its_last_answer(
    host: Scenario,
) -> None:
    """Not its names, and not the place in its history."""
    before = host.tracker.host
    host.sync(host.enter(**ON))

    assert host.tracker.host == HostPicture(identity="hardware-2", synced_at=before.synced_at)
    assert host.tracker.history_since is None
    assert host.tracker.pending_questions(stale=False) == []
    assert host.tracker.followed_tasks.wanted == frozenset()


def test_history_and_tasks_of_the_new_host_explain_nothing_of_the_old_one(host: Scenario) -> None:
    """Their keys and references mean other things."""
    off = host.event("VmPoweredOffEvent", user="mallory")
    task = host.task("VirtualMachine.powerOff")

    events = host.sync(host.enter(**WEB01, tasks=("task-1",)), off, task)

    assert {str(found.cause) for found in evidence_of(events)} == {"state", "host-replaced"}
    assert {found.user for found in evidence_of(events)} == {None}
    assert host.reading is not None
    assert not host.reading.tasks
    assert not host.reading.domains


def test_what_the_new_host_recorded_before_it_was_looked_at_explains_its_first_picture_alone(
    host: Scenario,
) -> None:
    """It has led to that picture, and tells no second start."""
    host.sync(host.enter(**ON))
    on = host.event("VmPoweredOnEvent", user="ops")
    host.wait(1)
    assert told(host.sync(host.enter(**ON), on)) == [
        "defined added (state)",
        "started booted (event)",
    ]
    host.wait(60)
    assert told(host.say(host.event("VmReconfiguredEvent"))) == ["defined updated (event)"]


def test_the_end_of_the_old_host_that_could_not_be_published_is_told_again(host: Scenario) -> None:
    """Nothing is accepted that is not in the journal."""
    host.publishes = False
    first = told(host.sync(host.enter(**ON)))
    host.publishes = True

    assert len(host.tracker.statuses(stale=True)) == 3
    assert told(host.sync(host.enter(**ON))) == first


def test_after_a_restart_between_both_all_domains_of_the_new_host_are_told(host: Scenario) -> None:
    """The identity is written with the end of the old one."""
    host.sync(host.enter(**ON))
    host.restart()

    assert told(host.sync(host.enter(**ON))) == [
        "defined added (state)",
        "started booted (unknown)",
    ]


def test_another_vcenter_is_another_host() -> None:
    """Whatever its hosts are."""
    host = Scenario()
    host.instance_uuid = "vc-1"
    host.sync(host.enter())
    host.instance_uuid = "vc-2"

    assert told(host.sync(host.enter())) == ["undefined removed (host-replaced)"]


def test_events_of_the_old_host_bear_its_identity_and_uuids() -> None:
    """A derived UUID is made of the host's identity: it is the one that was told before."""
    host = Scenario()
    host.hardware = "hardware-1"
    host.sync(host.enter(name="web01", power="poweredOff"))
    before = host.status().domain
    host.hardware = "hardware-2"

    [gone] = domains_of(host.sync(host.enter(name="web01", power="poweredOff")))
    [come] = domains_of(host.sync(host.enter(name="web01", power="poweredOff")))

    assert gone.uuid == before.uuid != come.uuid
