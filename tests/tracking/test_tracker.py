"""Update sets in, events and pictures out: the order, the gaps, and what must always hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventd.journal.memory import MemoryJournal
from eventd.model.domain import DomainState
from eventd.model.events import Event, LifecycleEvent
from eventd.model.lifecycle import LifecycleType
from eventd.model.picture import HistoryPosition, PowerState
from eventd.tracking.inventory import SuspendMode
from eventd.tracking.tracker import Reading, Tracker
from eventd.vi.types import (
    HistoryEvent,
    ManagedObjectReference,
    ObjectUpdate,
    PropertyFilterUpdate,
    TaskState,
    Unparsed,
    UpdateKind,
    UpdateSet,
)
from tests.tracking.playbook import NOON, WEB01, Scenario, evidence_of, position_of, told


def test_first_picture_tells_no_events() -> None:
    """What was there before eventd looked has not happened; it is in the picture."""
    host = Scenario()

    assert host.sync(host.enter(name="web01", power="poweredOn", uuid="u")) == []
    assert host.outcome is not None
    assert host.outcome.is_sync
    assert host.outcome.picture.changed["vm-42"].power_state is PowerState.POWERED_ON
    assert host.status().state is DomainState.RUNNING


def test_truncated_update_set_waits_for_its_last_part(running: Scenario) -> None:
    """The task that explains a change may stand in a later part of the same difference."""
    assert running.say(running.modify(power="poweredOff", clean="true"), truncated=True) == []
    assert running.reading is None

    events = running.say(running.task("VirtualMachine.powerOff"))
    assert told(events) == ["stopped destroyed (task)"]


def test_power_cycles_in_one_update_set_come_out_in_order(running: Scenario) -> None:
    """Each task explains one change: two off-and-ons are four events."""
    events = running.say(
        *(running.task("VirtualMachine.powerOff", key=key) for key in ("t1", "t3")),
        *(running.task("VirtualMachine.powerOn", key=key) for key in ("t2", "t4")),
        running.modify(power="poweredOff"),
        running.modify(power="poweredOn"),
        running.modify(power="poweredOff"),
        running.modify(power="poweredOn"),
    )

    assert told(events) == ["stopped destroyed (task)", "started booted (task)"] * 2
    assert [found.task.key for found in evidence_of(events) if found.task] == [
        "t1",
        "t2",
        "t3",
        "t4",
    ]


def test_stops_of_different_kinds_at_once_are_explained_in_the_order_of_their_tasks(
    running: Scenario,
) -> None:
    """A guest shutdown and a later power-off in one update set keep their own reasons."""
    events = running.say(
        running.task("VirtualMachine.shutdownGuest", key="t1"),
        running.task("VirtualMachine.powerOff", key="t2"),
        running.modify(power="poweredOff"),
        running.modify(power="poweredOn"),
        running.modify(power="poweredOff"),
    )

    assert told(events) == [
        "shutdown guest (task)",
        "stopped shutdown (task)",
        "started booted (state)",
        "stopped destroyed (task)",
    ]


def test_spent_task_never_explains_a_later_change(running: Scenario) -> None:
    """The power-off that a client asked for is not the cause of the one that the guest did."""
    running.say(running.task("VirtualMachine.powerOff"), running.modify(power="poweredOff"))
    running.say(running.modify(power="poweredOn"))
    events = running.say(running.modify(power="poweredOff", clean="true"))

    assert told(events) == ["stopped shutdown (unknown)"]


def test_task_that_ended_before_the_first_picture_explains_nothing(running: Scenario) -> None:
    """It has led to the picture."""
    before = running.now - timedelta(seconds=1)
    events = running.say(
        running.task("VirtualMachine.powerOff", completed_at=before),
        running.modify(power="poweredOff"),
    )

    assert told(events) == ["stopped shutdown (unknown)"]


def test_times_of_tasks_are_compared_by_the_clock_of_the_host() -> None:
    """A host whose clock is an hour behind has tasks that look old and are not."""
    host = Scenario()
    host.host_ahead = -timedelta(hours=1)
    host.sync(host.enter(**{**WEB01, "power": "poweredOn"}))

    events = host.say(
        host.task("VirtualMachine.powerOff", completed_at=host.now - timedelta(minutes=59)),
        host.modify(power="poweredOff"),
    )

    assert told(events) == ["stopped destroyed (task)"]


def test_task_that_is_listed_anew_is_new_whatever_its_time_says(running: Scenario) -> None:
    """The clock of the host may be set back."""
    yesterday = running.now - timedelta(days=1)
    events = running.say(
        running.task("VirtualMachine.powerOff", completed_at=yesterday),
        running.modify(power="poweredOff", tasks=("task-1",)),
    )

    assert told(events) == ["stopped destroyed (task)"]


def test_task_that_was_seen_ended_long_ago_explains_nothing(running: Scenario) -> None:
    """Its change would have been seen by now; ten seconds are enough."""
    task = running.task("VirtualMachine.powerOff")
    running.say(task, running.modify(name="web02"))
    running.wait(11)

    assert told(running.say(task, running.modify(power="poweredOff"))) == [
        "stopped shutdown (unknown)"
    ]


def test_task_that_failed_after_it_was_seen_running_explains_nothing(running: Scenario) -> None:
    """What a task does is asked when it matters, not remembered."""
    running.say(
        running.task("VirtualMachine.powerOff", TaskState.RUNNING), running.modify(name="web02")
    )
    events = running.say(
        running.task("VirtualMachine.powerOff", TaskState.ERROR),
        running.modify(power="poweredOff", clean="false"),
    )

    assert told(events) == ["stopped crashed (clean-power-off)"]


def test_task_that_the_host_no_longer_knows_explains_nothing(running: Scenario) -> None:
    """What was read before is not kept."""
    running.say(
        running.task("VirtualMachine.powerOff", TaskState.RUNNING), running.modify(name="web02")
    )

    assert told(running.say(running.modify(power="poweredOff"))) == ["stopped shutdown (unknown)"]


def test_task_of_another_domain_explains_nothing(running: Scenario) -> None:
    """A task belongs to its entity."""
    events = running.say(
        running.task("VirtualMachine.powerOff", entity="vm-99"), running.modify(power="poweredOff")
    )

    assert told(events) == ["stopped shutdown (unknown)"]


def test_tasks_that_a_domain_lists_anew_are_read(running: Scenario) -> None:
    """A reset changes nothing else that is told; an update set names tasks, and says no more."""
    running.say(running.modify(tasks=("task-1",)))
    running.say(running.modify(tasks=("task-1", "task-2")))

    assert running.reading == Reading(tasks=frozenset({"task-2"}), domains={})


def test_recent_tasks_of_a_changed_domain_are_read(running: Scenario) -> None:
    """All of them as they are now: servers may not notify of them, and they go on meanwhile."""
    running.say(running.modify(power="poweredOff", tasks=("task-1",)))

    assert running.reading == Reading(tasks=frozenset(), domains={"vm-42": frozenset({"task-1"})})


def test_tasks_of_a_domain_that_is_gone_are_read_by_themselves(running: Scenario) -> None:
    """The domain cannot be asked for them any more."""
    running.say(running.modify(tasks=("task-1",)))
    running.say(running.leave())

    assert running.reading == Reading(tasks=frozenset({"task-1"}), domains={})


def test_nothing_is_read_for_what_changes_no_state(running: Scenario) -> None:
    """A guest that reports its state costs no second call."""
    running.say(running.modify(guest="running"))

    assert running.reading == Reading(frozenset(), {})


def test_nothing_is_read_for_the_first_picture() -> None:
    """Ten thousand domains with their recent tasks are no reason to ask for those."""
    host = Scenario()
    host.sync(host.enter(name="web01", power="poweredOn", uuid="u", tasks=("task-1",)))

    assert host.reading == Reading(frozenset(), {})


def test_running_reset_is_read_until_it_ends(running: Scenario) -> None:
    """Nothing else may announce its end: a guest without VMware Tools tells no state."""
    assert running.say(running.task("VirtualMachine.reset", TaskState.RUNNING)) == []
    assert running.tracker.is_waiting

    running.say(running.task("VirtualMachine.reset", TaskState.RUNNING))
    assert running.reading == Reading(tasks=frozenset({"task-1"}), domains={})

    reset = running.task("VirtualMachine.reset")
    assert running.say(reset) == []
    assert told(running.say_again(reset)) == ["reboot (task)"]
    assert not running.tracker.is_waiting


def test_reset_that_the_host_has_forgotten_is_awaited_no_longer(running: Scenario) -> None:
    """It was asked for and not told of."""
    running.say(running.task("VirtualMachine.reset", TaskState.RUNNING))
    running.say()

    assert not running.tracker.is_waiting


def test_what_was_taken_in_is_judged_after_a_lost_connection(running: Scenario) -> None:
    """The host was lost while the tasks were read: they are read again when it is back."""
    off = running.modify(power="poweredOff", boot=None, tasks=("task-1",))
    part = PropertyFilterUpdate(ManagedObjectReference("PropertyFilter", "f"), [off])
    running.tracker.take_in(UpdateSet("2", [part], truncated=False))

    events = running.sync(
        running.enter(**WEB01, tasks=("task-1",)), running.task("VirtualMachine.powerOff")
    )

    assert running.reading == Reading(tasks=frozenset(), domains={"vm-42": frozenset({"task-1"})})
    assert told(events) == ["stopped destroyed (task)"]


def test_state_is_told_when_its_events_are(running: Scenario) -> None:
    """Between taking in and judging, and until the outcome is accepted, it is the old one."""
    off = running.modify(power="poweredOff")
    part = PropertyFilterUpdate(ManagedObjectReference("PropertyFilter", "f"), [off])
    running.tracker.take_in(UpdateSet("2", [part], truncated=False))
    assert running.status().state is DomainState.RUNNING

    outcome = running.tracker.judge([], now=running.now)
    assert running.status().state is DomainState.RUNNING

    running.tracker.accept(outcome)
    assert running.status().state is DomainState.SHUTOFF


def test_what_was_not_accepted_is_seen_again_after_a_roll_back(running: Scenario) -> None:
    """Its events could not be published, so that they have not happened yet."""
    off = running.modify(power="poweredOff", clean="false")
    part = PropertyFilterUpdate(ManagedObjectReference("PropertyFilter", "f"), [off])
    running.tracker.take_in(UpdateSet("2", [part], truncated=False))
    running.tracker.judge([], now=running.now)

    running.tracker.roll_back()

    events = running.sync(running.enter(**WEB01, clean="false"))
    assert told(events) == ["stopped crashed (clean-power-off)"]


def test_a_first_picture_that_could_not_be_published_is_the_first_one_again() -> None:
    """What was there before eventd looked is no news, however often it is looked at."""
    host = Scenario()
    host.publishes = False
    host.sync(host.enter(**{**WEB01, "power": "poweredOn"}))
    assert not host.tracker.has_picture

    host.publishes = True
    assert host.sync(host.enter(**{**WEB01, "power": "poweredOn"})) == []
    assert host.tracker.has_picture
    assert told(host.say(host.modify(power="poweredOff", clean="false"))) == [
        "stopped crashed (clean-power-off)"
    ]


def test_a_first_picture_that_could_not_be_published_names_no_host() -> None:
    """The next one may be that of another host: nothing is known that it could replace."""
    host = Scenario()
    host.hardware = "hardware-1"
    host.publishes = False
    host.sync(host.enter(**WEB01))

    host.publishes = True
    host.hardware = "hardware-2"
    assert host.sync(host.enter(**WEB01)) == []
    assert host.outcome is not None
    assert host.outcome.is_sync
    assert host.status().domain.name == "web01"


def test_hosts_a_century_away_break_nothing(running: Scenario) -> None:
    """A clock may show anything."""
    running.host_ahead = timedelta(days=365 * 7000)
    running.sync(running.enter(**WEB01))

    assert told(running.say(running.modify(power="poweredOn"))) == ["started booted (state)"]


def test_part_of_an_answer_counts_though_the_host_is_lost_before_the_rest(
    running: Scenario,
) -> None:
    """What was seen has happened, even if it is over when the host is back."""
    running.say(running.modify(power="poweredOff", clean="false"), truncated=True)
    running.say(running.modify(power="poweredOn"), truncated=True)

    events = running.sync(running.enter(**{**WEB01, "power": "poweredOn"}))

    assert told(events) == ["stopped crashed (clean-power-off)", "started booted (state)"]


def test_domain_that_enters_again_unchanged_tells_nothing(running: Scenario) -> None:
    """Servers send ``enter`` again for domains that they have sent before."""
    same = {"name": "web01", "power": "poweredOn", "host": "host-1"}

    assert running.say(running.enter(**same, boot="2026-11-20T12:00:00Z")) == []


def test_domain_that_leaves_unknown_tells_nothing(scenario: Scenario) -> None:
    """What was never seen cannot be gone."""
    assert scenario.say(scenario.leave("vm-99")) == []
    assert scenario.outcome is not None
    assert scenario.outcome.picture.removed == frozenset()


def test_missed_changes_are_told_after_a_new_sync(running: Scenario) -> None:
    """The difference between the last known picture and the present one, marked synthetic."""
    events = running.sync(
        running.enter(
            name="web02", power="poweredOff", uuid="4215d4a2-0000-0000-0000-000000000042"
        ),
        running.enter("vm-43", name="db01", power="poweredOff", uuid="u2"),
    )

    assert told(events) == [
        "undefined renamed (state)",
        "defined renamed (state)",
        "stopped shutdown (unknown)",
        "defined added (state)",
    ]
    assert all(event.synthetic for event in events)


def test_missed_stop_with_evidence_is_not_synthetic(running: Scenario) -> None:
    """Its cause is known, although nobody was looking."""
    [event] = running.sync(running.enter(name="web01", power="poweredOff", clean="false"))

    assert told([event]) == ["stopped crashed (clean-power-off)"]
    assert not event.synthetic


def test_domain_that_is_gone_after_a_new_sync_is_undefined(scenario: Scenario) -> None:
    """The whole picture does not show it."""
    [event] = scenario.sync()

    assert told([event]) == ["undefined removed (state)"]
    assert scenario.outcome is not None
    assert scenario.outcome.picture.removed == {"vm-42"}


def test_known_picture_of_an_earlier_run_is_compared_with_the_first_answer(
    running: Scenario,
) -> None:
    """The journal's picture bridges a restart of the daemon."""
    journal = MemoryJournal("epoch")
    assert running.outcome is not None
    journal.append([], now=running.now, picture=running.outcome.picture)

    host = Scenario(known=journal.pictures("esx01"))

    assert told(host.sync(host.enter())) == ["stopped shutdown (unknown)"]


def test_identity_is_kept_while_the_host_does_not_tell_it(scenario: Scenario) -> None:
    """A disconnected domain has no config; its name and UUIDs have not changed."""
    assert scenario.say(scenario.modify(uuid=None, instance_uuid=None, name=None)) == []
    assert scenario.status().domain.uuid == "4215d4a2-0000-0000-0000-000000000042"


def test_domain_without_a_uuid_gets_a_derived_one_that_stays() -> None:
    """Made from the host's identity and the reference: the same after each restart."""
    uuids = set()
    for _ in range(2):
        host = Scenario()
        host.sync(host.enter(name="web01", power="poweredOff"))
        assert host.status().domain.uuid_derived
        uuids.add(host.status().domain.uuid)

    assert len(uuids) == 1


def test_name_that_cannot_be_unescaped_is_told_as_it_is(scenario: Scenario) -> None:
    """One odd domain never breaks the rest."""
    scenario.say(scenario.modify(name="50%"))

    assert scenario.status().domain.name == "50%"


def test_values_of_an_unexpected_form_count_as_unset(running: Scenario) -> None:
    """Garbage in one property spoils neither the domain nor the others."""
    odd = Unparsed("Whatever", b"<val/>")

    running.say(running.modify(guest=odd, boot="yesterday", clean="maybe", question="?"))

    assert running.outcome is not None
    picture = running.outcome.picture.changed["vm-42"]
    assert picture.guest_state is None
    assert picture.boot_time is None
    assert picture.clean_power_off is None
    assert picture.question is None


def test_unknown_power_state_keeps_the_last_known_one(running: Scenario) -> None:
    """A state that VI has no word for is no evidence of a change."""
    assert running.say(running.modify(power="warped")) == []
    assert running.status().state is DomainState.RUNNING


def test_properties_and_objects_that_nobody_asked_for_are_passed_by(scenario: Scenario) -> None:
    """A server may send more than was asked for."""
    pool = ObjectUpdate(
        UpdateKind.ENTER,
        ManagedObjectReference("ResourcePool", "resgroup-1"),
        {"name": "pool"},
        (),
    )
    extra = ObjectUpdate(
        UpdateKind.MODIFY,
        ManagedObjectReference("VirtualMachine", "vm-42"),
        {"summary.quickStats": "x"},
        (),
    )

    assert scenario.say(pool, extra) == []


@dataclass
class Replay:
    """What a reader knows who only has the events."""

    states: dict[str, DomainState] = field(default_factory=dict)

    def read(self, event: Event) -> None:
        if not isinstance(event, LifecycleEvent):
            return
        uuid = event.domain.uuid
        match event.lifecycle:
            case LifecycleType.DEFINED:
                self.states.setdefault(uuid, DomainState.SHUTOFF)
            case LifecycleType.UNDEFINED:
                if event.reason == "removed":
                    del self.states[uuid]
            case LifecycleType.STARTED | LifecycleType.RESUMED:
                self.states[uuid] = DomainState.RUNNING
            case LifecycleType.SUSPENDED:
                self.states[uuid] = DomainState.PAUSED
            case LifecycleType.STOPPED:
                self.states[uuid] = DomainState.SHUTOFF
            case _:
                raise AssertionError(event)


_references = st.sampled_from(["vm-1", "vm-2", "vm-3"])
_pictures = st.fixed_dictionaries(
    {
        "power": st.sampled_from(["poweredOff", "poweredOn", "suspended"]),
        "host": st.sampled_from(["host-1", "host-2"]),
        "name": st.sampled_from(["a", "b"]),
        "uuid": st.sampled_from(["1", "2"]),
        "boot": st.sampled_from(["2026-11-20T12:00:00Z", "2026-11-20T13:00:00Z"]),
    }
)
_moves = st.one_of(
    st.tuples(st.just("show"), _references, _pictures),
    st.tuples(st.just("show unseen"), _references, _pictures),
    st.tuples(st.just("leave"), _references),
    st.tuples(st.just("leave unseen"), _references),
    st.tuples(st.just("sync")),
)


@pytest.mark.parametrize("mode", SuspendMode)
@given(moves=st.lists(_moves, max_size=20))
@settings(deadline=None)
def test_replaying_the_events_gives_the_state(moves: list[Any], mode: SuspendMode) -> None:
    """No change without an event, no event without a change, seen or unseen, in either mode."""
    host = Scenario(suspend=mode)
    host.sync()
    replay = Replay()
    shown: dict[str, dict[str, str]] = {}
    for move in moves:
        before = dict(replay.states)
        events: list[Event] = []
        match move:
            case ("show" | "show unseen" as how, reference, picture):
                # A UUID of its own, or another one of its own.
                shown[reference] = {**picture, "uuid": f"{reference}-{picture['uuid']}"}
                if how == "show":
                    events = host.say(host.enter(reference, **shown[reference]))
            case ("leave" | "leave unseen" as how, reference):
                shown.pop(reference, None)
                if how == "leave":
                    events = host.say(host.leave(reference))
            case _:
                events = host.sync(*(host.enter(ref, **props) for ref, props in shown.items()))
        for event in events:
            replay.read(event)
        statuses = host.tracker.statuses(stale=False)
        assert replay.states == {status.domain.uuid: status.state for status in statuses}
        if not events:
            assert replay.states == before


ON = {**WEB01, "power": "poweredOn", "boot": "2026-11-20T11:00:00Z"}


@pytest.fixture
def followed() -> Scenario:
    """A host whose history is followed, in sync for a minute, with web01 on."""
    host = Scenario(follows_history=True, grace=1.5)
    assert host.sync(host.enter(**ON)) == []
    host.wait(60)
    return host


def failure(host: Scenario) -> HistoryEvent:
    """VSphere HA declares host-1 failed."""
    entry = host.event("DasHostFailedEvent", entity=None, host="host-2")
    return entry._replace(references={"failedHost": "host-1"})


def test_history_is_read_from_the_first_look_at_the_host_on() -> None:
    """What happens after a quiet beginning is found, also when nobody looks any more."""
    host = Scenario(follows_history=True)
    host.host_ahead = timedelta(minutes=-3)
    assert host.tracker.history_since is None
    host.sync(host.enter())
    began_at = host.now + host.host_ahead
    host.wait(3600)
    host.say()

    assert host.tracker.history_since == began_at
    assert host.outcome is not None
    assert position_of(host.outcome) == HistoryPosition(began_at, frozenset())


def test_no_place_in_a_history_that_is_not_followed(scenario: Scenario) -> None:
    """What it would bring later was told already, without its causes."""
    scenario.say(scenario.modify(power="poweredOn"))

    assert scenario.tracker.history_since is None
    assert scenario.outcome is not None
    assert position_of(scenario.outcome) is None


def test_history_is_read_from_the_newest_event_that_is_known(followed: Scenario) -> None:
    """The next session begins there."""
    entry = followed.event("VmReconfiguredEvent", user="ops")
    followed.say(entry)

    assert followed.tracker.history_since == entry.created_time


def test_event_that_rings_is_unread_until_it_was_read(followed: Scenario) -> None:
    """The connection asks what it has to read."""
    entry = followed.event("VmReconfiguredEvent", user="ops")
    page = (followed.event("VmCreatedEvent")._replace(created_time=NOON), entry)
    ring = ObjectUpdate(
        UpdateKind.MODIFY,
        ManagedObjectReference("EventHistoryCollector", "c"),
        {"latestPage": page},
        (),
    )
    part = PropertyFilterUpdate(ManagedObjectReference("PropertyFilter", "f"), [ring])
    assert followed.tracker.take_in(UpdateSet("2", [part], truncated=False))
    assert followed.tracker.unread_event == entry

    assert told(followed.read(entry)) == ["defined updated (event)"]
    assert followed.tracker.unread_event is None


@pytest.mark.parametrize("page", [(), None, "odd", ("odd",)])
def test_ring_without_an_event_announces_none(
    followed: Scenario, page: tuple[()] | tuple[str] | str | None
) -> None:
    """The newest event may be one that cannot be read."""
    ring = ObjectUpdate(
        UpdateKind.MODIFY,
        ManagedObjectReference("EventHistoryCollector", "c"),
        {"latestPage": page},
        (),
    )

    assert followed.say(ring) == []
    assert followed.tracker.unread_event is None


def test_position_of_an_earlier_run_passes_by_what_it_has_told(followed: Scenario) -> None:
    """A restart of the daemon tells nothing twice, and misses nothing."""
    assert followed.outcome is not None
    known = followed.outcome.picture.changed
    first = followed.event("VmReconfiguredEvent", user="ops")
    followed.say(first)
    picture = followed.outcome.picture
    second = followed.event("VmPoweredOffEvent", user="ops")

    again = Tracker(
        "esx01",
        source="esx://esx01/",
        known=known,
        host=picture.host,
    )
    restarted = Scenario(follows_history=True)
    restarted.tracker = again
    again.follows_history = True
    assert again.history_since == first.created_time
    restarted.wait(100)
    events = restarted.sync(restarted.enter(**WEB01), first, second)

    assert told(events) == ["stopped destroyed (event)"]


def test_history_before_the_first_picture_tells_nothing() -> None:
    """It has led to that picture."""
    host = Scenario(follows_history=True, grace=1.5)
    off = host.event("VmPoweredOffEvent", user="ops")

    assert host.sync(host.enter(**WEB01), off) == []
    host.wait(60)
    on = host.event("VmPoweredOnEvent", user="ops")
    assert told(host.say(host.modify(power="poweredOn"), on)) == ["started booted (event)"]


def test_shadow_of_a_domain_is_in_no_picture(followed: Scenario) -> None:
    """A secondary of fault tolerance is another domain's; the primary is a domain."""
    assert followed.say(followed.enter("vm-8", **ON, role="2")) == []
    followed.wait(2)
    assert followed.read() == []
    assert followed.tracker.domain_count == 1
    assert followed.outcome is not None
    assert followed.outcome.picture.changed == {}

    host = Scenario(follows_history=True, grace=1.5)
    host.sync(host.enter(**ON, role="1"), host.enter("vm-8", **ON, role="2"))
    assert host.outcome is not None
    assert set(host.outcome.picture.changed) == {"vm-42"}


def test_shadow_that_becomes_a_domain_appears(followed: Scenario) -> None:
    """And one that becomes a shadow is gone."""
    followed.say(followed.enter("vm-8", **ON, role="2"))
    followed.say(followed.modify("vm-8", role="1"))
    followed.wait(2)
    assert [event.type for event in followed.read()] == ["defined", "started"]

    followed.say(followed.modify("vm-8", role="2"))
    followed.wait(2)
    assert [event.type for event in followed.read()] == ["stopped", "undefined"]
    assert followed.tracker.domain_count == 1


def test_domain_of_a_failed_host_is_off_until_it_shows_itself(followed: Scenario) -> None:
    """VI goes on to show the state that it had."""
    followed.say(followed.modify(connection="disconnected"))
    events = followed.say(failure(followed))
    assert told(events) == ["stopped crashed (event)"]
    assert followed.status().state is DomainState.SHUTOFF
    assert followed.status().domain.id == -1
    assert followed.outcome is not None
    assert followed.outcome.picture.changed["vm-42"].is_lost
    assert followed.say(followed.modify(guest="notRunning"), failure(followed)) == []

    followed.say(followed.modify(connection="connected"))
    followed.wait(2)
    assert told(followed.read()) == ["started booted (state)"]
    assert followed.status().state is DomainState.RUNNING


def test_failure_of_a_host_that_is_over_takes_down_no_domain_later(followed: Scenario) -> None:
    """Its host is back since, and out of sight for another reason now."""
    followed.say(followed.modify(connection="disconnected"))
    assert told(followed.say(failure(followed))) == ["stopped crashed (event)"]
    followed.say(followed.modify(connection="connected"))
    followed.wait(300)
    followed.read()

    assert told(followed.say(followed.modify(connection="disconnected"))) == [
        "control-error (state)"
    ]


def test_failure_of_a_host_before_a_domain_was_booted_there_did_not_take_it_down(
    scenario: Scenario,
) -> None:
    """It was started when the host was up again."""
    scenario.tracker.follows_history = True
    scenario.wait(10)
    scenario.say(failure(scenario))
    scenario.wait(30)
    boot = scenario.now.isoformat()
    scenario.say(scenario.modify(power="poweredOn", boot=boot))

    assert told(scenario.say(scenario.modify(connection="disconnected"))) == [
        "control-error (state)"
    ]


def test_domain_that_is_off_or_in_sight_is_not_lost_with_its_host(followed: Scenario) -> None:
    """Only what ran there, and cannot be seen any more."""
    followed.say(followed.enter("vm-8", name="db", power="poweredOff", host="host-1"))
    followed.wait(2)
    followed.read()

    assert followed.say(failure(followed)) == []
    assert told(followed.say(followed.modify("vm-8", connection="disconnected"))) == [
        "control-error (state)"
    ]
    assert followed.status().state is DomainState.RUNNING


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"crashed": "true"}, DomainState.CRASHED),
        ({"standby": "true"}, DomainState.PMSUSPENDED),
        ({"power": "suspended"}, DomainState.PAUSED),
        ({"power": "poweredOff"}, DomainState.SHUTOFF),
        ({"crashed": "true", "standby": "true"}, DomainState.CRASHED),
        ({"crashed": "false", "standby": "false"}, DomainState.RUNNING),
    ],
)
def test_state_follows_the_properties(
    followed: Scenario, changed: dict[str, str], state: DomainState
) -> None:
    """Those of the guest count while the domain is on."""
    followed.say(followed.modify(**changed))
    followed.wait(2)
    followed.read()

    assert followed.status().state is state


def test_state_of_a_domain_without_space_is_paused(followed: Scenario) -> None:
    """It keeps its id, since it is active."""
    question = followed.question()._replace(message_ids=("msg.hbacommon.outofspace",))
    followed.say(followed.modify(question=question))

    assert (followed.status().state, followed.status().domain.id) == (DomainState.PAUSED, 42)


def test_status_is_stale_while_the_domain_is_not_connected(followed: Scenario) -> None:
    """Or while the connection is not."""
    assert not followed.status().stale
    [status] = followed.tracker.statuses(stale=True)
    assert status.stale

    followed.say(followed.modify(connection="inaccessible"))
    assert followed.status().stale


def test_whereabouts_are_told_of_what_runs_here_or_ran_until_it_left(followed: Scenario) -> None:
    """Another connection asks by the instance UUID."""
    identity = WEB01["instance_uuid"]
    assert followed.tracker.whereabouts("another", now=followed.now) is None
    assert followed.tracker.whereabouts(identity, now=followed.now) == "esx01.example"

    followed.say(followed.leave())
    followed.wait(2)
    followed.read()

    assert followed.tracker.whereabouts(identity, now=followed.now) == "esx01.example"


def test_whereabouts_are_forgotten_after_a_while(followed: Scenario) -> None:
    """Who left long ago may have been anywhere since."""
    identity = WEB01["instance_uuid"]
    followed.say(followed.modify(power="poweredOn"), followed.event("VmPoweredOnEvent", user="o"))
    followed.say(followed.leave())
    followed.wait(1.5)
    followed.read()
    assert followed.tracker.whereabouts(identity, now=followed.now) == "esx01.example"
    followed.wait(121)

    assert followed.tracker.whereabouts(identity, now=followed.now) is None


def test_whereabouts_are_those_of_now_when_the_domain_is_back(followed: Scenario) -> None:
    """It was on when it left, and is off since it came back."""
    identity = WEB01["instance_uuid"]
    followed.say(followed.modify(power="poweredOn"), followed.event("VmPoweredOnEvent", user="o"))
    followed.say(followed.leave())
    followed.wait(1.5)
    followed.read()
    followed.say(followed.enter())
    followed.wait(1.5)
    followed.read()

    assert followed.tracker.whereabouts(identity, now=followed.now) is None


def test_whereabouts_of_a_domain_that_is_off_are_not_told(scenario: Scenario) -> None:
    """It does not run here."""
    assert scenario.tracker.whereabouts(WEB01["instance_uuid"], now=scenario.now) is None
    scenario.say(scenario.leave())
    assert scenario.tracker.whereabouts(WEB01["instance_uuid"], now=scenario.now) is None


def test_only_so_many_departures_are_remembered(followed: Scenario) -> None:
    """Nothing grows with the life of the process."""
    many = [
        followed.enter(
            f"vm-{number}", **{**ON, "instance_uuid": f"i-{number}", "uuid": str(number)}
        )
        for number in range(1001)
    ]
    followed.sync(*many)
    followed.sync()

    remembered = [
        number
        for number in range(1001)
        if followed.tracker.whereabouts(f"i-{number}", now=followed.now)
    ]
    assert len(remembered) == 1000


def test_first_picture_comes_without_deadline() -> None:
    """There is nothing to wait for."""
    host = Scenario(follows_history=True, grace=1.5)
    host.sync(host.enter(**ON))

    assert host.tracker.deadline is None
    assert not host.tracker.is_waiting
