"""Changes without a cause wait for it, and one that comes too late amends what was told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventd.model.events import DomainEventAmended, Event
from eventd.model.evidence import Initiator
from eventd.tracking.history import History
from eventd.vi.types import HistoryEvent, ObjectUpdate, TaskInfo, TaskState
from tests.tracking.playbook import (
    NOON,
    WEB01,
    Scenario,
    domains_of,
    evidence_of,
    position_of,
    told,
    users_of,
)

ON = {**WEB01, "power": "poweredOn", "boot": "2026-11-20T11:00:00Z"}


@pytest.fixture
def host() -> Scenario:
    """A host whose history is followed, with web01 on for an hour and db01 (vm-43) off."""
    host = Scenario(follows_history=True, grace=1.5)
    assert host.sync(host.enter(**ON), host.enter("vm-43", name="db01", power="poweredOff")) == []
    host.wait(60)
    return host


def positions(host: Scenario) -> datetime | None:
    """Return from when on the history would be read after a restart."""
    position = position_of(host.outcome)
    return position.since if position else None


def amendments(events: list[Event]) -> list[DomainEventAmended]:
    """Return the amendments among the events."""
    return [event for event in events if isinstance(event, DomainEventAmended)]


# -- waiting


def test_change_with_its_cause_in_the_same_answer_is_told_at_once(host: Scenario) -> None:
    """Nothing is worth waiting for."""
    events = host.say(
        host.modify(power="poweredOff", boot=None), host.event("VmPoweredOffEvent", user="ops")
    )

    assert told(events) == ["stopped destroyed (event)"]
    assert host.tracker.deadline is None


def test_change_with_its_task_is_told_at_once(host: Scenario) -> None:
    """The event may trail; the task says it all."""
    events = host.say(
        host.modify(power="poweredOff", boot=None), host.task("VirtualMachine.powerOff")
    )

    assert told(events) == ["stopped destroyed (task)"]


def test_change_without_a_cause_is_held_back_with_its_state(host: Scenario) -> None:
    """What is told and what the state says agree, always."""
    assert host.say(host.modify(power="poweredOff", boot=None)) == []

    assert host.tracker.deadline == 60 + 1.5
    assert host.status().state.word == "running"
    assert host.outcome is not None
    assert host.outcome.picture.changed == {}


def test_a_held_change_keeps_its_first_deadline(host: Scenario) -> None:
    """Other answers do not put it off."""
    host.say(host.modify(power="poweredOff", boot=None))
    host.wait(1)
    assert host.say(host.modify("vm-43", tools="guestToolsNotRunning")) == []

    assert host.tracker.deadline == 61.5


def test_change_that_nothing_explains_in_time_is_unknown(host: Scenario) -> None:
    """libvirt's neutral detail, and the cause says so."""
    host.say(host.modify(power="poweredOff", boot=None, clean="true"))
    host.wait(1.5)
    events = host.read()

    assert told(events) == ["stopped shutdown (unknown)"]
    assert host.tracker.deadline is None
    assert host.status().state.word == "shut off"
    assert not events[0].synthetic


def test_change_that_waited_happened_when_it_was_seen(host: Scenario) -> None:
    """Not when the waiting was over: the host tells no time of its own."""
    seen_at = host.now
    host.say(host.modify(power="poweredOff", boot=None))
    host.wait(1.5)

    assert [event.occurred_at for event in host.read()] == [seen_at]


def test_domain_that_came_from_elsewhere_came_when_it_was_seen(host: Scenario) -> None:
    """It was booted there, long ago; only a boot has the time of a boot."""
    host.say(host.enter("vm-44", name="far01", power="poweredOn", boot="2026-11-19T12:00:00Z"))
    seen_at = host.now
    host.wait(1.5)
    events = host.read()

    assert told(events) == ["defined added (state)", "started migrated (state)"]
    assert [event.occurred_at for event in events] == [seen_at, seen_at]


def test_nothing_is_told_before_the_deadline(host: Scenario) -> None:
    """A timer that is early changes nothing."""
    host.say(host.modify(power="poweredOff", boot=None))
    host.wait(1.4)

    assert host.read() == []
    assert host.tracker.deadline == 61.5


def test_stop_that_was_not_clean_is_a_crash_if_nothing_else_explains_it(host: Scenario) -> None:
    """cleanPowerOff = false is decisive, but a terminate leaves it behind too."""
    assert host.say(host.modify(power="poweredOff", boot=None, clean="false")) == []
    host.wait(1.5)

    assert told(host.read()) == ["stopped crashed (clean-power-off)"]


def test_cause_that_comes_within_the_grace_is_told_with_the_change(host: Scenario) -> None:
    """vCenter writes its history a moment after the state."""
    host.say(host.modify(power="poweredOff", boot=None))
    host.wait(0.5)
    events = host.say(host.event("VmPoweredOffEvent", user="ops"))

    assert told(events) == ["stopped destroyed (event)"]
    assert evidence_of(events)[0].user == "ops"
    assert host.tracker.deadline is None


def test_terminate_that_comes_within_the_grace_overrules_the_crash(host: Scenario) -> None:
    """The event says more than cleanPowerOff."""
    host.say(host.modify(power="poweredOff", boot=None, clean="false"))
    events = host.say(host.event("com.vmware.vc.vm.VmTerminateEvent", user="ops"))

    assert told(events) == ["stopped destroyed (event)"]


def test_task_that_appears_within_the_grace_is_the_cause(host: Scenario) -> None:
    """The tasks of a held domain are read each time."""
    host.say(host.modify(power="poweredOff", boot=None, tasks=("task-1",)))
    host.wait(0.5)
    events = host.say(host.task("VirtualMachine.powerOff", user="ops"))

    assert host.reading is not None
    assert host.reading.domains == {"vm-42": frozenset({"task-1"})}
    assert told(events) == ["stopped destroyed (task)"]


def test_tasks_of_a_held_domain_are_read_again_at_its_deadline(host: Scenario) -> None:
    """The last chance to learn the cause."""
    host.say(host.modify(power="poweredOff", boot=None, tasks=("task-1",)))
    host.wait(1.5)
    events = host.read(host.task("VirtualMachine.powerOff"))

    assert host.reading is not None
    assert host.reading.domains == {"vm-42": frozenset({"task-1"})}
    assert told(events) == ["stopped destroyed (task)"]


def test_other_domains_are_not_delayed(host: Scenario) -> None:
    """Only the domain whose cause is missing waits."""
    events = host.say(
        host.modify(power="poweredOff", boot=None),
        host.modify("vm-43", power="poweredOn"),
        host.event("VmPoweredOnEvent", user="ops", entity="vm-43"),
    )

    assert told(events) == ["started booted (event)"]
    assert host.outcome is not None
    assert set(host.outcome.picture.changed) == {"vm-43"}


def test_what_happens_to_a_held_domain_later_comes_after_it(host: Scenario) -> None:
    """The events of one domain are in the order of what happened to it."""
    host.say(host.modify(power="poweredOff", boot=None))
    assert host.say(host.modify(name="web02"), host.task("VirtualMachine.rename")) == []
    assert host.say(host.event("VmReconfiguredEvent", user="ops")) == []
    host.wait(1.5)

    assert told(host.read(host.task("VirtualMachine.rename"))) == [
        "stopped shutdown (unknown)",
        "undefined renamed (task)",
        "defined renamed (task)",
        "defined updated (event)",
    ]


def test_job_of_a_held_domain_comes_after_its_change(host: Scenario) -> None:
    """The migration is told before its job is said to be complete."""
    job = host.task("VirtualMachine.createSnapshot", key="task-7")
    assert host.say(host.modify(host="host-2"), job) == []
    host.wait(1.5)

    assert told(host.read(job)) == [
        "stopped migrated (state)",
        "started migrated (state)",
        "job-completed snapshot-create (task)",
    ]


def test_position_stays_before_the_events_of_a_held_domain(host: Scenario) -> None:
    """They may explain it, and have to be read again should the daemon be restarted now."""
    host.say(host.event("VmGuestStandbyEvent", user="ops"))
    asked_at = host.now
    host.wait(10)
    assert host.say(host.modify(power="poweredOff", boot=None)) == []
    host.say(
        host.modify("vm-43", power="poweredOn"),
        host.event("VmPoweredOnEvent", user="ops", entity="vm-43"),
    )
    assert positions(host) == asked_at

    host.wait(1.5)
    assert told(host.read()) == ["stopped shutdown (unknown)"]
    assert positions(host) == NOON + timedelta(seconds=70)


def test_position_passes_by_what_of_a_held_domain_is_told(host: Scenario) -> None:
    """An error of its storage was told before, and would be told again after a restart."""
    error = host.event("com.vmware.vc.vcp.VmDatastoreFailedEvent")
    assert told(host.say(error)) == ["io-error report (event)", "io-error-reason (event)"]
    host.wait(10)
    assert host.say(host.modify(power="poweredOff", boot=None)) == []

    host.say(host.event("VmReconfiguredEvent", entity="vm-43"))
    assert host.tracker.deadline is not None
    position = position_of(host.outcome)
    assert position is not None
    restarted = History(position)
    restarted.show(error)
    restarted.take_in([error])
    assert restarted.advance() == [] or error.created_time < position.since


def test_held_change_is_decided_when_the_picture_is_taken_anew(host: Scenario) -> None:
    """After a gap the cause has come, or never will."""
    host.say(host.modify(power="poweredOff", boot=None))
    events = host.sync(host.enter(**WEB01), host.enter("vm-43", name="db01", power="poweredOff"))

    assert told(events) == ["stopped shutdown (unknown)"]
    assert host.tracker.deadline is None


def test_nothing_waits_in_the_answer_that_ends_a_gap(host: Scenario) -> None:
    """Nor does what changed during the gap."""
    events = host.sync(host.enter(**WEB01), host.enter("vm-43", name="db01", power="poweredOff"))

    assert told(events) == ["stopped shutdown (unknown)"]
    assert events[0].synthetic


def test_nothing_waits_where_the_history_is_not_followed() -> None:
    """No cause can come."""
    host = Scenario(follows_history=False, grace=1.5)
    host.sync(host.enter(**ON))

    assert told(host.say(host.modify(power="poweredOff"))) == ["stopped shutdown (unknown)"]
    assert host.tracker.deadline is None


def test_nothing_waits_without_a_grace() -> None:
    """A grace of zero is none."""
    host = Scenario(follows_history=True)
    host.sync(host.enter(**ON))

    assert told(host.say(host.modify(power="poweredOff"))) == ["stopped shutdown (unknown)"]
    assert host.tracker.deadline is None


def test_roll_back_forgets_what_waits(host: Scenario) -> None:
    """The next whole picture shows it again."""
    host.say(host.modify(power="poweredOff", boot=None))
    host.tracker.roll_back()
    assert host.tracker.deadline is None

    events = host.sync(host.enter(**WEB01), host.enter("vm-43", name="db01", power="poweredOff"))
    assert told(events) == ["stopped shutdown (unknown)"]


# -- amendments


def test_cause_that_comes_after_the_grace_amends_what_was_told(host: Scenario) -> None:
    """The published event stays as it is; another one says what it should have been."""
    event = host.event("VmPoweredOffEvent", user="ops")
    host.say(host.modify(power="poweredOff", boot=None))
    host.wait(1.5)
    assert told(host.read()) == ["stopped shutdown (unknown)"]  # record-1
    host.wait(5)
    [amended] = amendments(host.say(event))

    assert amended.amends == "record-1"
    assert (amended.amended, amended.corrected) == ("stopped shutdown", "stopped destroyed")
    assert amended.evidence.user == "ops"
    assert amended.evidence.event is not None
    assert amended.evidence.event.key == event.key


def test_amendment_names_the_right_record_among_several(host: Scenario) -> None:
    """Each change has its own."""
    off = host.event("VmPoweredOffEvent", user="ops")
    host.say(
        host.modify(power="poweredOff", boot=None),
        host.modify("vm-43", name="db02"),
        host.task("VirtualMachine.rename", entity="vm-43"),
    )
    host.wait(1.5)
    events = host.read()
    assert told(events) == ["stopped shutdown (unknown)"]  # record-4, after the rename
    [amended] = amendments(host.say(off))

    assert amended.amends == "record-4"


@pytest.mark.parametrize(
    ("kind", "initiator"),
    [
        ("VmPowerOffOnIsolationEvent", Initiator.HA),
        ("com.vmware.vc.vm.VmTerminateEvent", Initiator.USER),
    ],
)
def test_late_event_that_says_more_than_powered_off_amends(
    host: Scenario, kind: str, initiator: Initiator
) -> None:
    """The table is asked again, with the event that has come."""
    event = host.event(kind, user="" if initiator is Initiator.HA else "ops")
    host.say(host.modify(power="poweredOff", boot=None))
    host.wait(1.5)
    host.read()
    [amended] = amendments(host.say(event))

    assert amended.corrected == "stopped destroyed"
    assert amended.evidence.initiator is initiator


def test_late_removal_amends_what_went_out_of_scope(host: Scenario) -> None:
    """The domain was removed, and did not only leave what is followed."""
    removed = host.event("VmRemovedEvent", user="ops", entity="vm-43")
    host.say(host.leave("vm-43"))
    host.wait(1.5)
    assert told(host.read()) == ["undefined removed (out-of-scope)"]
    [amended] = amendments(host.say(removed))

    assert (amended.amends, amended.corrected) == ("record-1", "undefined removed")
    assert amended.evidence.user == "ops"


def test_late_creation_amends_what_appeared(host: Scenario) -> None:
    """Who made it is worth knowing."""
    created = host.event("VmRegisteredEvent", user="ops", entity="vm-44")
    host.say(host.enter("vm-44", name="new", power="poweredOff"))
    host.wait(1.5)
    assert told(host.read()) == ["defined added (state)"]
    [amended] = amendments(host.say(created))

    assert amended.corrected == "defined added"
    assert amended.evidence.user == "ops"


def test_late_start_of_what_was_found_on_amends_its_migration(host: Scenario) -> None:
    """It was started here after all."""
    started = host.event("VmPoweredOnEvent", user="ops", entity="vm-44")
    host.say(host.enter("vm-44", name="new", power="poweredOn"))
    host.wait(1.5)
    assert told(host.read()) == ["defined added (state)", "started migrated (state)"]
    [amended] = amendments(host.say(started))

    assert (amended.amended, amended.corrected) == ("started migrated", "started booted")


def test_late_move_amends_who_moved_it(host: Scenario) -> None:
    """The reason was right before, and its initiator unknown."""
    moved = host.event("DrsVmMigratedEvent", host="host-2")
    host.say(host.modify(host="host-2"))
    host.wait(1.5)
    assert told(host.read()) == ["stopped migrated (state)", "started migrated (state)"]
    [amended] = amendments(host.say(moved))

    assert (amended.amends, amended.corrected) == ("record-2", "started migrated")
    assert amended.evidence.initiator is Initiator.DRS
    assert amended.evidence.source_host == "esx01.example"


def test_each_cause_amends_once(host: Scenario) -> None:
    """The same event read again, or another one, adds nothing."""
    off = host.event("VmPoweredOffEvent", user="ops")
    host.say(host.modify(power="poweredOff", boot=None))
    host.wait(1.5)
    host.read()
    assert len(amendments(host.say(off))) == 1

    assert host.say(off) == []
    assert host.say(host.event("VmReconfiguredEvent", user="ops")) != []
    assert amendments(host.say(host.event("com.vmware.vc.vm.VmTerminateEvent"))) == []


def test_request_that_was_made_later_amends_nothing(host: Scenario) -> None:
    """What was asked for after a stop has not caused it."""
    host.say(host.modify(power="poweredOff", boot=None))
    host.wait(1.5)
    host.read()
    host.wait(10)
    host.say(host.modify(power="poweredOn"), host.event("VmPoweredOnEvent", user="ops"))
    host.wait(10)

    assert host.say(host.event("VmGuestShutdownEvent", user="ops")) == []
    assert told(host.say(host.modify(power="poweredOff"), host.event("VmPoweredOffEvent"))) == [
        "shutdown guest (request)",
        "stopped shutdown (request)",
    ]


def test_late_entry_without_a_cause_amends_nothing(host: Scenario) -> None:
    """It records what was told, and says no more."""
    on = host.event("VmPoweredOnEvent")
    host.say(host.modify("vm-43", power="poweredOn"))
    host.say(host.event("VmPoweredOnEvent", user="ops", entity="vm-43"))
    assert host.say(on) == []


# -- entries that trail what they record


def test_entries_that_trail_changes_explained_by_tasks_tell_nothing(host: Scenario) -> None:
    """Not an amendment, and not another stop and start."""
    off, on = host.event("VmPoweredOffEvent", user="ops"), host.event("VmPoweredOnEvent")
    off_task = host.task("VirtualMachine.powerOff", key="t1")
    on_task = host.task("VirtualMachine.powerOn", key="t2")
    host.say(host.modify(power="poweredOff", boot=None), off_task)
    host.say(host.modify(power="poweredOn", boot="2026-11-20T12:01:00Z"), off_task, on_task)

    assert host.say(off, on) == []
    host.wait(2)
    assert host.read() == []
    assert host.say(host.modify(guest="running")) == []


def test_entry_that_trails_a_stop_that_another_event_explains_tells_nothing(
    host: Scenario,
) -> None:
    """A terminate is recorded twice: as itself, and as a power-off."""
    off = host.event("VmPoweredOffEvent", user="ops")
    host.say(
        host.modify(power="poweredOff", boot=None), host.event("com.vmware.vc.vm.VmTerminateEvent")
    )
    host.say(
        host.modify(power="poweredOn", boot="2026-11-20T12:01:00Z"),
        host.task("VirtualMachine.powerOn"),
    )
    on = host.event("VmPoweredOnEvent")

    assert host.say(off, on) == []
    host.wait(2)
    assert host.read() == []


def test_entry_that_trails_a_requested_shutdown_is_not_the_record_of_the_next_stop(
    host: Scenario,
) -> None:
    """The request explained the stop before its record came."""
    host.say(host.event("VmGuestShutdownEvent", user="ops"))
    off = host.event("VmPoweredOffEvent")
    assert told(host.say(host.modify(power="poweredOff", boot=None, guest="notRunning"))) == [
        "shutdown guest (request)",
        "stopped shutdown (request)",
    ]
    assert host.say(off) == []
    host.say(host.modify(power="poweredOn"), host.event("VmPoweredOnEvent", user="ops"))
    host.wait(20)
    host.say(host.modify(power="poweredOff", boot=None))
    host.wait(1.5)

    assert told(host.read()) == ["stopped shutdown (unknown)"]


def test_silent_change_does_not_take_the_event_of_a_later_one(host: Scenario) -> None:
    """An entry records what was seen when it was written, or before: never what went before that.

    A stop that was never recorded is followed by a start and a stop that are.
    """
    host.say(host.modify(power="poweredOff", boot=None))
    host.wait(1.5)
    assert told(host.read()) == ["stopped shutdown (unknown)"]
    events = host.say(host.modify(power="poweredOn"), host.event("VmPoweredOnEvent", user="ops"))
    assert told(events) == ["started booted (event)"]
    events = host.say(host.modify(power="poweredOff"), host.event("VmPoweredOffEvent", user="ops"))

    assert told(events) == ["stopped destroyed (event)"]


def test_silent_stop_and_a_recorded_cycle_in_one_answer_are_told_as_they_were(
    host: Scenario,
) -> None:
    """The entries are in order: what comes after a start records no stop before it."""
    host.say(host.modify(power="poweredOff", boot=None))
    host.wait(1.5)
    host.read()
    events = host.say(
        host.modify(power="poweredOn"),
        host.modify(power="poweredOff"),
        host.event("VmPoweredOnEvent", user="ops"),
        host.event("VmPoweredOffEvent", user="ops"),
    )

    assert told(events) == ["started booted (event)", "stopped destroyed (event)"]


def test_changes_of_one_answer_have_their_own_entries(host: Scenario) -> None:
    """Each step takes what leads to its end, and leaves the rest to those that follow."""
    events = host.say(
        host.modify(power="poweredOff"),
        host.modify(power="poweredOn"),
        host.modify(power="poweredOff"),
        host.event("VmPoweredOffEvent", user="a"),
        host.event("VmPoweredOnEvent", user="b"),
        host.event("VmPoweredOffEvent", user="c"),
    )

    assert told(events) == [
        "stopped destroyed (event)",
        "started booted (event)",
        "stopped destroyed (event)",
    ]
    assert [found.user for found in evidence_of(events)] == ["a", "b", "c"]
    assert host.tracker.deadline is None


def test_event_of_a_later_change_of_one_answer_is_not_taken_before_it(host: Scenario) -> None:
    """A step that changes no power leaves the entries to the steps that do."""
    events = host.say(
        host.modify(tools="guestToolsNotRunning"),
        host.modify(power="poweredOff"),
        host.modify(power="poweredOn"),
        host.event("VmPoweredOffEvent", user="a"),
        host.event("VmPoweredOnEvent", user="b"),
    )

    assert told(events) == ["stopped destroyed (event)", "started booted (event)"]
    assert host.tracker.deadline is None


def test_entry_that_leads_its_change_waits_for_it(host: Scenario) -> None:
    """The event says off and the property is still on: nothing is told until both agree."""
    assert host.say(host.event("VmPoweredOffEvent", user="ops")) == []
    host.wait(20)
    assert host.read() == []
    events = host.say(host.modify(power="poweredOff", boot=None))

    assert told(events) == ["stopped destroyed (event)"]


def test_entries_that_lead_their_changes_explain_each_its_own(host: Scenario) -> None:
    """The properties follow within the grace."""
    assert host.say(host.event("VmPoweredOffEvent", user="a")) == []
    assert host.say(host.event("VmPoweredOnEvent", user="b")) == []
    assert told(host.say(host.modify(power="poweredOff", boot=None))) == [
        "stopped destroyed (event)"
    ]
    events = host.say(host.modify(power="poweredOn", boot="2026-11-20T12:01:00Z"))

    assert told(events) == ["started booted (event)"]
    assert evidence_of(events)[0].user == "b"
    host.wait(2)
    assert host.read() == []


def test_cycle_that_no_picture_shows_is_told_after_the_grace(host: Scenario) -> None:
    """On before and on after, and its history has both."""
    assert host.say(host.event("VmPoweredOffEvent", user="a"), host.event("VmPoweredOnEvent")) == []
    assert host.tracker.deadline == 61.5
    host.wait(1.5)

    assert told(host.read()) == ["stopped destroyed (event)", "started booted (event)"]
    assert host.tracker.deadline is None
    host.wait(2)
    assert host.read() == []


def test_tasks_are_read_when_a_cycle_that_no_picture_shows_is_decided(host: Scenario) -> None:
    """A reset is known by its task alone, on hosts that record it as off and on."""
    host.say(host.modify(tasks=("task-1",)))
    host.say(host.event("VmPoweredOffEvent"), host.event("VmPoweredOnEvent"))
    host.wait(1.5)
    host.read()

    assert host.reading is not None
    assert host.reading.domains == {"vm-42": frozenset({"task-1"})}


def test_boot_time_that_trails_a_cycle_told_by_its_entries_tells_it_no_second_time(
    host: Scenario,
) -> None:
    """The time of boot is that of the start that was told."""
    off, on = host.event("VmPoweredOffEvent", user="a"), host.event("VmPoweredOnEvent", user="a")
    host.say(off, on)
    host.wait(1.5)
    assert len(host.read()) == 2
    host.wait(1)
    boot = on.created_time.astimezone(UTC).isoformat()
    assert host.say(host.modify(boot=boot)) == []
    host.wait(2)

    assert host.read() == []


# -- resets


def reset_tasks(host: Scenario, state: TaskState = TaskState.SUCCESS) -> list[TaskInfo]:
    """The three tasks that govmomi's simulator makes of a reset."""
    return [
        host.task("VirtualMachine.reset", state, key="t1", queued_at=host.now),
        host.task("VirtualMachine.powerOff", key="t2", queued_at=host.now),
        host.task("VirtualMachine.powerOn", key="t3", queued_at=host.now),
    ]


def reset_entries(host: Scenario) -> tuple[HistoryEvent, HistoryEvent]:
    """What it writes into its history."""
    return (
        host.event("VmPoweredOffEvent", user="root"),
        host.event("VmPoweredOnEvent", user="root"),
    )


def test_reset_shown_as_off_and_on_with_its_entries_is_one_reboot(host: Scenario) -> None:
    """All in one answer."""
    tasks = reset_tasks(host)
    events = host.say(
        host.modify(power="poweredOff"),
        host.modify(power="poweredOn"),
        *reset_entries(host),
        *tasks,
    )
    host.wait(2)
    events += host.read(*tasks)

    assert told(events) == ["reboot (task)"]


def test_reset_whose_entries_trail_is_one_reboot(host: Scenario) -> None:
    """They record nothing else."""
    tasks = reset_tasks(host)
    entries = reset_entries(host)
    events = host.say(host.modify(power="poweredOff"), host.modify(power="poweredOn"), *tasks)
    for entry in entries:
        events += host.say(entry, *tasks)
    host.wait(2)
    events += host.read(*tasks)

    assert told(events) == ["reboot (task)"]


def test_reset_whose_entries_lead_is_one_reboot(host: Scenario) -> None:
    """They are kept for the change that they record."""
    tasks = reset_tasks(host)
    off, on = reset_entries(host)
    events = host.say(off, *tasks)
    events += host.say(host.modify(power="poweredOff"), on, *tasks)
    events += host.say(host.modify(power="poweredOn"), *tasks)
    host.wait(2)
    events += host.read(*tasks)

    assert told(events) == ["reboot (task)"]


def test_reset_that_no_picture_shows_is_one_reboot(host: Scenario) -> None:
    """Off and on came to nothing, and its entries and tasks tell."""
    tasks = reset_tasks(host)
    events = host.say(*reset_entries(host), *tasks)
    host.wait(1.5)
    events += host.read(*tasks)
    host.wait(1)
    events += host.say(*tasks)

    assert told(events) == ["reboot (task)"]


def test_domain_that_leaves_amid_a_reset_is_told_whole_after_waiting(host: Scenario) -> None:
    """What the reset had merged is held back together: none of it is lost."""
    tasks = reset_tasks(host, TaskState.RUNNING)
    events = host.say(host.modify(power="poweredOff"), *tasks)
    events += host.say(host.leave(), *tasks)
    assert events == []
    host.wait(2)
    events = host.read()

    assert told(events) == ["stopped migrated (out-of-scope)", "undefined removed (out-of-scope)"]


def test_reset_that_ends_on_another_host_is_told_whole_after_waiting(host: Scenario) -> None:
    """The move waits for its cause, and the reboot with it."""
    tasks = reset_tasks(host, TaskState.RUNNING)
    events = host.say(host.modify(power="poweredOff"), *tasks)
    events += host.say(host.modify(power="poweredOn", host="host-2"), *tasks)
    assert events == []
    host.wait(2)
    events = host.read(*tasks)

    assert told(events) == [
        "stopped migrated (state)",
        "started migrated (state)",
        "reboot (task)",
    ]


def signs_of_a_reset(host: Scenario) -> list[tuple[ObjectUpdate | HistoryEvent | TaskInfo, ...]]:
    """What shows a reset on ESX: the entry, the guest's state, and the task beside each."""
    return [
        (host.event("VmResettingEvent", user="ops"),),
        (host.modify(guest="resetting"),),
        (host.modify(tasks=("t1",)),),
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("pause", [0.0, 3.0])
def test_signs_of_a_reset_are_one_reboot_in_any_order(
    host: Scenario, order: tuple[int, ...], pause: float
) -> None:
    """Guest, history and task are three witnesses of one thing."""
    signs = signs_of_a_reset(host)
    reset = host.task("VirtualMachine.reset", key="t1", queued_at=host.now)
    events: list[Event] = []
    for number in order:
        events += host.say(*signs[number], reset)
        host.wait(pause)
        events += host.read(reset)

    assert [event.kind for event in events] == ["reboot"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_signs_of_a_monitoring_reset_are_one_watchdog_and_one_reboot(
    host: Scenario, order: tuple[int, ...]
) -> None:
    """vSphere HA says that it resets, the domain is reset, and the guest shows it."""
    host.say(host.modify(guest="running"))
    kinds = ("VmDasBeingResetEvent", "VmResettingEvent")
    events: list[Event] = []
    for number in order:
        host.wait(3)
        events += host.say(
            host.modify(guest="resetting") if number == 2 else host.event(kinds[number])
        )

    assert sorted(event.kind for event in events) == ["reboot", "watchdog"]


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_guest_that_was_asked_to_reboot_and_does_is_one_reboot(
    host: Scenario, order: tuple[int, ...]
) -> None:
    """The request tells who, the guest that it happens."""
    signs: list[HistoryEvent | ObjectUpdate] = [
        host.event("VmGuestRebootEvent", user="ops"),
        host.modify(guest="resetting"),
    ]
    events = host.say(signs[order[0]])
    host.wait(3)
    events += host.say(signs[order[1]])

    assert [event.kind for event in events] == ["reboot"]


def test_two_resets_are_two_reboots(host: Scenario) -> None:
    """The same sign a second time is another reboot."""
    events: list[Event] = []
    for _ in range(2):
        host.wait(5)
        events += host.say(host.event("VmResettingEvent", user="ops"))

    assert told(events) == ["reboot (event)"] * 2


def test_reset_is_recorded_in_its_evidence_with_its_task(host: Scenario) -> None:
    """All that is known travels."""
    events = host.say(
        host.event("VmResettingEvent", user="ops"), host.task("VirtualMachine.reset", user="ops")
    )

    assert told(events) == ["reboot (task)"]
    [found] = evidence_of(events)
    assert found.event is not None
    assert found.event.type == "VmResettingEvent"
    assert (found.initiator, found.user) == (Initiator.USER, "ops")


# -- reverts


def test_entry_that_trails_a_revert_explained_by_its_task_tells_nothing(host: Scenario) -> None:
    """It records what was told."""
    entry = host.event("com.vmware.vc.vm.VmStateRevertedToSnapshot", user="ops")
    revert = host.task("VirtualMachine.revertToCurrentSnapshot")
    events = host.say(host.modify(power="poweredOff", boot=None, snapshot="s1"), revert)
    assert told(events) == [
        "stopped from_snapshot (task)",
        "defined from_snapshot (task)",
        "job-completed snapshot-revert (task)",
    ]

    assert host.say(entry, revert) == []
    host.wait(2)
    assert host.read(revert) == []


def test_revert_under_way_explains_nothing_but_a_change_of_power(host: Scenario) -> None:
    """A rename meanwhile is no return to a snapshot, and what the revert leads to comes later."""
    revert = host.task("VirtualMachine.revertToCurrentSnapshot", TaskState.RUNNING)
    events = host.say(
        host.modify(name="web02"), revert, host.task("VirtualMachine.rename", key="t2")
    )
    assert told(events) == ["undefined renamed (task)", "defined renamed (task)"]

    done = host.task("VirtualMachine.revertToCurrentSnapshot")
    events = host.say(host.modify(power="poweredOff", boot=None), done)
    assert told(events)[:2] == ["stopped from_snapshot (task)", "defined from_snapshot (task)"]


# -- several changes of one domain


def test_request_belongs_to_the_stop_that_follows_it(host: Scenario) -> None:
    """Two stops that no picture tells apart, and a request between them."""
    events = host.say(
        host.modify(power="poweredOff", boot=None),
        host.event("VmPoweredOffEvent", user="ops"),
        host.event("VmPoweredOnEvent", user="ops"),
        host.event("VmGuestShutdownEvent", user="ops"),
        host.event("VmPoweredOffEvent"),
    )

    assert told(events) == [
        "stopped destroyed (event)",
        "started booted (event)",
        "shutdown guest (request)",
        "stopped shutdown (request)",
    ]


def test_isolation_belongs_to_the_stop_that_it_records(host: Scenario) -> None:
    """And not to the one before it."""
    events = host.say(
        host.modify(power="poweredOff", boot=None),
        host.event("VmPoweredOffEvent"),
        host.event("VmPoweredOnEvent", user="ops"),
        host.event("VmPowerOffOnIsolationEvent"),
    )

    assert told(events) == [
        "stopped shutdown (unknown)",
        "started booted (event)",
        "stopped destroyed (event)",
    ]
    assert [found.initiator for found in evidence_of(events)] == [
        None,
        Initiator.USER,
        Initiator.HA,
    ]


def test_request_that_a_power_off_overtook_is_spent(host: Scenario) -> None:
    """The guest was asked, somebody lost patience, and its next stop is its own."""
    host.say(host.event("VmGuestShutdownEvent", user="ops"))
    events = host.say(
        host.modify(power="poweredOff", boot=None),
        host.event("VmPoweredOffEvent", user="ops"),
        host.task("VirtualMachine.powerOff", user="ops"),
    )
    assert told(events) == ["stopped destroyed (task)"]
    host.say(host.modify(power="poweredOn"), host.event("VmPoweredOnEvent", user="ops"))
    events = host.say(
        host.modify(power="poweredOff", clean="true"), host.event("VmPoweredOffEvent")
    )

    assert told(events) == ["shutdown guest (event)", "stopped shutdown (event)"]
    assert users_of(events) == [None, None]


def test_task_of_a_change_that_an_event_explains_explains_no_later_one(host: Scenario) -> None:
    """The terminate task and the terminate event are one."""
    terminate = host.task("VirtualMachine.terminate", user="ops")
    events = host.say(
        host.modify(power="poweredOff", boot=None, clean="false"),
        host.event("com.vmware.vc.vm.VmTerminateEvent", user="ops"),
        terminate,
    )
    assert told(events) == ["stopped destroyed (event)"]
    assert users_of(events) == ["ops"]
    host.wait(2)
    host.say(host.modify(power="poweredOn"), host.event("VmPoweredOnEvent", user="ops"), terminate)
    host.wait(2)
    host.say(host.modify(power="poweredOff"), terminate)
    host.wait(1.5)

    assert told(host.read(terminate)) == ["stopped shutdown (unknown)"]


def test_events_of_a_domain_that_left_explain_nothing_when_it_is_back(host: Scenario) -> None:
    """It went out of sight and came again; nobody registered it anew."""
    host.say(
        host.enter("vm-44", name="new", power="poweredOff"),
        host.event("VmRegisteredEvent", user="ops", entity="vm-44"),
    )
    host.wait(10)
    host.say(host.leave("vm-44"))
    host.wait(1.5)
    host.read()
    host.wait(10)
    host.say(host.enter("vm-44", name="new", power="poweredOn"))
    host.wait(1.5)

    assert told(host.read()) == ["defined added (state)", "started migrated (state)"]


def test_what_was_not_published_leaves_its_event_to_what_is_told_instead(host: Scenario) -> None:
    """The change is told again after a roll-back, and its entry is the record of that."""
    entry = host.event("VmPoweredOffEvent", user="ops")
    host.tracker.take_in_history([])
    host.say(host.modify(power="poweredOff", boot=None))
    host.wait(1.5)
    host.tracker.reading()
    host.tracker.judge([], now=host.now, instant=host.tracker.deadline or 0)
    host.tracker.roll_back()

    events = host.sync(
        host.enter(**WEB01), host.enter("vm-43", name="db01", power="poweredOff"), entry
    )

    assert told(events) == ["stopped destroyed (event)"]
    assert [domain.name for domain in domains_of(events)] == ["web01"]


# -- always


_CHANGES = {
    ("poweredOff", "poweredOn"): "started",
    ("poweredOn", "poweredOff"): "stopped",
    ("poweredOn", "suspended"): "suspended",
    ("suspended", "poweredOn"): "resumed",
    ("suspended", "poweredOff"): "stopped",
}
_RECORDS = {
    "poweredOn": "VmPoweredOnEvent",
    "poweredOff": "VmPoweredOffEvent",
    "suspended": "VmSuspendedEvent",
}
_happenings = st.lists(
    st.tuples(
        st.sampled_from(sorted(_RECORDS)),
        st.integers(-1, 3),  # how many answers later its entry comes; before it, if below zero
        st.sampled_from([0.2, 1.0, 3.0]),
        st.booleans(),  # whether its task is told
        st.booleans(),  # whether it is recorded at all
    ),
    max_size=8,
)
_TASKS = {
    "poweredOn": "VirtualMachine.powerOn",
    "poweredOff": "VirtualMachine.powerOff",
    "suspended": "VirtualMachine.suspend",
}


@given(happenings=_happenings)
@settings(deadline=None)
def test_each_change_is_told_once_whenever_its_entry_comes(
    happenings: list[tuple[str, int, float, bool, bool]],
) -> None:
    """Nothing is told twice and nothing invented, whether entries lead, trail or are missing."""
    host = Scenario(follows_history=True, grace=1.5)
    host.sync(host.enter(**WEB01))
    host.wait(60)
    happened: list[str] = []
    answers: list[list[ObjectUpdate | TaskInfo | HistoryEvent]] = [
        [] for _ in range(len(happenings) + 6)
    ]
    pauses = [0.0, *(pause for _, _, pause, _, _ in happenings)] + [1.0] * 5
    state, latest = "poweredOff", 0
    for number, (to, lag, _, has_task, is_recorded) in enumerate(happenings, 1):
        if (state, to) not in _CHANGES:
            continue
        happened.append(_CHANGES[state, to])
        state = to
        answers[number].append(host.modify(power=to))
        if has_task:
            answers[number].append(host.task(_TASKS[to], key=f"task-{number}"))
        if is_recorded:
            latest = max(latest, number + lag)  # entries come in order
            at = host.now + timedelta(seconds=sum(pauses[: number - (lag < 0)]))
            answers[latest].append(host.event(_RECORDS[to], user="ops")._replace(created_time=at))
    events: list[Event] = []
    for answer, pause in zip(answers, pauses, strict=True):
        events += host.say(*answer)
        host.wait(pause)
        events += host.read(*(x for x in answer if isinstance(x, TaskInfo)))
    host.wait(2)
    events += host.read()

    lifecycle = [event for event in events if event.kind == "lifecycle"]
    assert [event.type for event in lifecycle] == happened
    assert host.tracker.deadline is None


# -- causes that come after the grace


def test_registration_that_comes_late_corrects_that_the_domain_had_come_from_elsewhere(
    host: Scenario,
) -> None:
    """One entry explains both that it came and that it is on."""
    host.say(host.enter("vm-44", name="new01", power="poweredOn"))
    entry = host.event("VmRegisteredEvent", user="ops", entity="vm-44")
    host.wait(2)
    assert told(host.read()) == ["defined added (state)", "started migrated (state)"]

    amended = amendments(host.say(entry))

    assert [(each.amended, each.corrected) for each in amended] == [
        ("defined added", "defined added"),
        ("started migrated", "started booted"),
    ]


def test_removal_of_a_host_that_comes_late_tells_who_took_its_domains_away(host: Scenario) -> None:
    """The domains had gone before it was recorded."""
    removal = host.event("HostRemovedEvent", user="ops", entity=None, host="host-1")
    host.say(host.leave())
    host.wait(2)
    assert told(host.read()) == [
        "stopped migrated (out-of-scope)",
        "undefined removed (out-of-scope)",
    ]

    amended = amendments(host.say(removal))

    assert [each.evidence.user for each in amended] == ["ops", "ops"]
    assert [each.amended for each in amended] == ["stopped migrated", "undefined removed"]


def test_task_that_shows_late_ends_its_job_after_what_it_led_to(host: Scenario) -> None:
    """The change was told by its event; the task is read as soon as the domain lists it."""
    entry = host.event("VmSuspendedEvent", user="ops")
    assert told(host.say(host.modify(power="suspended"), entry)) == ["suspended paused (event)"]
    host.wait(0.5)
    job = host.task("VirtualMachine.suspend", user="ops")
    events = host.say(host.modify(tasks=("task-1",)), job)

    assert told(events) == ["job-completed suspend (task)"]


def test_job_is_not_complete_before_what_it_led_to_is_seen(host: Scenario) -> None:
    """The host may be late to show what the task has done."""
    host.say(host.modify(tasks=("task-1",)), host.event("VmSuspendedEvent", user="ops"))
    job = host.task("VirtualMachine.suspend", user="ops")
    host.wait(0.5)
    assert host.read(job) == []
    events = host.say(host.modify(power="suspended"), job)

    assert told(events) == ["suspended paused (task)", "job-completed suspend (task)"]


def test_job_whose_change_is_never_seen_is_told_after_a_while(host: Scenario) -> None:
    """A relocation may change nothing that is followed."""
    job = host.task("VirtualMachine.relocate", user="ops")
    assert host.say(job) == []
    assert host.tracker.deadline == 70
    host.wait(10)

    assert told(host.read(job)) == ["job-completed relocate (task)"]


def test_boot_that_the_history_told_is_not_told_again_when_its_time_is_shown(
    host: Scenario,
) -> None:
    """Another property came first, and with it what the history has."""
    off, on = (host.event(kind, user="ops") for kind in ("VmPoweredOffEvent", "VmPoweredOnEvent"))
    events = host.say(host.modify(tools="guestToolsNotRunning"), off, on)
    assert told(events) == ["stopped destroyed (event)", "started booted (event)"]
    host.wait(0.5)

    assert host.say(host.modify(boot=host.now.isoformat())) == []
    host.wait(1.5)
    assert host.read() == []


def test_task_of_a_later_change_amends_no_earlier_one() -> None:
    """A start that nothing explained is not explained by the next one's task."""
    host = Scenario(follows_history=True)
    host.sync(host.enter())
    assert told(host.say(host.modify(power="poweredOn"))) == ["started booted (state)"]
    host.wait(20)
    host.say(host.modify(power="poweredOff"), host.task("VirtualMachine.powerOff"))
    host.wait(20)

    events = host.say(
        host.event("VmPoweredOnEvent", user="root"),
        host.task("VirtualMachine.powerOn", key="task-2", queued_at=host.now),
        host.modify(power="poweredOn"),
    )

    assert told(events) == ["started booted (task)"]


def test_job_is_told_of_the_domain_as_it_was_before_a_rename_that_follows() -> None:
    """What one answer brings is told in order, each under the name that it had then."""
    host = Scenario(follows_history=True)
    host.sync(host.enter(name="web01", power="poweredOn", uuid="u"))

    events = host.say(
        host.task("VirtualMachine.suspend"),
        host.task("VirtualMachine.rename", key="task-2"),
        host.modify(power="suspended"),
        host.modify(name="web02"),
    )

    assert [domain.name for domain in domains_of(events)] == ["web01", "web01", "web01", "web02"]
