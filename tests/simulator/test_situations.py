"""What a host shows of each situation: properties, tasks and events, as scripts make them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from eventd.simulator.world import OUT_OF_SPACE, Pace, VIFault, World
from eventd.simulator.world.values import DataObject, Value, pick
from tests.simulator.played import LATER, LATEST, START, state, task_state, world

HALF = timedelta(milliseconds=500)


def vcenter(**arguments: Any) -> World:
    """Two hosts with running domains; web01 and mail01 are on the first."""
    return world(**{"product": "vpx", "hosts": 2, "powered_on": True, **arguments})


def kinds(played: World) -> list[object]:
    """The events' types; of an EventEx its id."""
    return [event.members.get("eventTypeId", event.type) for event in played.events.events]


def told(played: World, name: str = "web01") -> list[str]:
    """What has happened to a domain, without cause, its agent and its jobs."""
    return [
        happening.words
        for happening in played.happened
        if happening.domain == name and not happening.words.startswith(("agent", "job"))
    ]


def items(value: Value | None) -> tuple[Value, ...]:
    """The items of an array."""
    assert isinstance(value, tuple)
    return cast("tuple[Value, ...]", value)


def host_name(played: World, name: str = "web01") -> object:
    host = played.read(name, "runtime.host")
    return next(each for each in played.host_names if played.host(each) == host)


# -- who did it


@pytest.mark.parametrize(
    ("initiator", "description", "reason", "user", "event"),
    [
        ("user", "VirtualMachine.powerOn", "TaskReasonUser", "ops", "VmPoweredOnEvent"),
        ("drs", "Drm.ExecuteVmPowerOnLRO", "TaskReasonSystem", "", "DrsVmPoweredOnEvent"),
        ("schedule", "VirtualMachine.powerOn", "TaskReasonSchedule", "", "VmPoweredOnEvent"),
        ("alarm", "VirtualMachine.powerOn", "TaskReasonAlarm", "", "VmPoweredOnEvent"),
        ("system", "VirtualMachine.powerOn", "TaskReasonSystem", "", "VmPoweredOnEvent"),
        ("host", "host.AutoStartManager.autoPowerOn", "TaskReasonSystem", "", "VmPoweredOnEvent"),
    ],
)
def test_a_task_and_its_events_say_who_started_a_domain(
    initiator: Any, description: str, reason: str, user: str, event: str
) -> None:
    """Only a user stands in the events; schedules and alarms are named by the task."""
    played = world()

    task = played.power_on("web01", user="ops", initiator=initiator, now=LATER)
    played.advance(LATER)

    given = played.objects.read(task, "info.reason")
    last = played.events.events[-1]
    assert isinstance(given, DataObject)
    assert played.objects.read(task, "info.descriptionId") == description
    assert given.type == reason
    named = {"user": ["ops"], "schedule": ["ops"], "alarm": ["ops"]}.get(initiator, [])
    assert [value for value in given.members.values() if value == "ops"] == named
    assert (last.type, last.members["userName"]) == (event, user)


# -- what trails what


def test_events_can_trail_what_they_tell_of() -> None:
    """They carry the time at which it happened, and their task knows the chain at once."""
    played = world(pace=Pace(queued=HALF, running=HALF, event_delay=2 * HALF))

    task = played.power_on("web01", now=START)
    played.advance(START + 2 * HALF)
    before = (state(played), list(kinds(played)), played.objects.read(task, "info.eventChainId"))
    played.advance(START + 4 * HALF)

    assert before == ("poweredOn", [], 1)
    assert kinds(played) == ["VmStartingEvent", "VmPoweredOnEvent"]
    assert played.events.events[-1].members["createdTime"] == START + 2 * HALF


def test_properties_can_trail_the_events_and_the_task() -> None:
    """The task has succeeded before anything is seen of it."""
    played = world(pace=Pace(queued=HALF, running=HALF, property_delay=2 * HALF))

    task = played.power_on("web01", now=START)
    played.advance(START + 2 * HALF)
    before = (shown(played), kinds(played)[-1], task_state(played, task))
    played.advance(START + 4 * HALF)

    assert before == ("poweredOff", "VmPoweredOnEvent", "success")
    assert shown(played) == "poweredOn"


def test_what_clients_do_not_see_yet_is_true_all_the_same() -> None:
    """The world decides by what is, and each change is shown in its turn."""
    played = world(powered_on=True, pace=Pace(queued=HALF, running=HALF, property_delay=4 * HALF))

    played.crash("web01", now=START)
    with pytest.raises(VIFault, match="InvalidPowerState"):
        played.guest_powers_off("web01", now=START)
    played.power_on("web01", now=START)
    seen = []
    for halves in range(8):
        played.advance(START + halves * HALF)
        seen.append(shown(played))

    assert state(played) == "poweredOn"
    assert seen == ["poweredOn"] * 4 + ["poweredOff"] * 2 + ["poweredOn"] * 2


def shown(played: World) -> object:
    """The power state that clients see."""
    return played.objects.read_shown(played.domain("web01"), "runtime.powerState")


def test_a_host_may_list_no_tasks() -> None:
    """They are done all the same."""
    played = world(lists_tasks=False)

    played.power_on("web01", now=START)
    played.advance(START)

    assert state(played) == "poweredOn"
    assert played.objects.references(played.domain("web01"), "recentTask") == ()


def test_a_host_may_post_no_events() -> None:
    """Its history stays empty."""
    played = world(posts_events=False)

    played.power_on("web01", now=START)
    played.advance(START)

    assert state(played) == "poweredOn"
    assert kinds(played) == []


def test_recent_tasks_can_name_a_task_late() -> None:
    """It works meanwhile."""
    played = world(pace=Pace(queued=HALF, running=HALF, task_delay=4 * HALF))

    task = played.power_on("web01", now=START)
    played.advance(START + 2 * HALF)
    before = (state(played), played.objects.references(played.domain("web01"), "recentTask"))
    played.advance(START + 4 * HALF)

    assert before == ("poweredOn", ())
    assert played.objects.references(played.domain("web01"), "recentTask") == (task,)


def test_the_keys_of_events_go_on_below_zero() -> None:
    """`Event.key` is an int32."""
    played = world()
    played.count_events_from(2**31 - 1, now=START)

    played.storm(2, now=START)

    assert [event.members["key"] for event in played.events.events] == [2**31 - 1, -(2**31)]
    assert [position for position, _ in played.events.positions(after=1)] == [2]


# -- starts that fail


def test_a_start_that_fails_after_it_began_belongs_to_its_chain() -> None:
    """The task has a start time, and the event is not the first of its chain."""
    played = world()

    task = played.fail_power_on("web01", reason="no disk", now=LATER)
    played.advance(LATER)

    first, failed = played.events.events
    assert (task_state(played, task), state(played)) == ("error", "poweredOff")
    assert played.objects.read(task, "info.startTime") == LATER
    assert (first.type, failed.type) == ("VmStartingEvent", "VmFailedToPowerOnEvent")
    assert failed.members["chainId"] == first.members["key"] != failed.members["key"]
    assert pick(failed, ["reason", "localizedMessage"]) == "no disk"
    assert told(played) == ["stopped failed"]


def test_a_start_that_never_began_has_no_start_time() -> None:
    """And its event begins a chain; nothing has happened to the domain."""
    played = world()

    task = played.refuse_power_on("web01", now=LATER)
    played.advance(LATER)

    [event] = played.events.events
    assert task_state(played, task) == "error"
    assert played.objects.read(task, "info.startTime") is None
    assert event.type == "NotEnoughResourcesToStartVmEvent"
    assert event.members["chainId"] == event.members["key"]
    assert told(played) == []


# -- hosts


def test_a_host_that_fails_takes_its_domains_out_of_sight_and_ha_restarts_them() -> None:
    """Elsewhere, with a new boot time; what died is told when HA says so."""
    played = vcenter()

    played.fail_host("esx01.example", now=LATER)
    lost = [
        played.read("web01", path)
        for path in (
            *("runtime.connectionState", "runtime.powerState"),
            *("runtime.vmFailoverInProgress", "runtime.bootTime"),
        )
    ]
    played.declare_host_failed("esx01.example", now=LATER)
    declared = told(played)
    played.restart_by_ha("web01", "esx02.example", now=LATEST)

    assert lost == ["disconnected", "poweredOn", True, START]
    assert declared == ["control-error", "stopped crashed"]
    assert told(played) == [*declared, "started booted"]
    assert played.read("web01", "runtime.connectionState") == "connected"
    assert played.read("web01", "runtime.bootTime") == LATEST
    assert host_name(played) == "esx02.example"
    failed = next(e for e in played.events.events if e.type == "EventEx")
    assert (failed.members["objectType"], failed.members["objectName"]) == (
        *("HostSystem", "esx01.example"),
    )


def test_a_host_that_comes_back_has_its_domains_off() -> None:
    """That it was no orderly stop is all that tells of it."""
    played = vcenter()

    played.fail_host("esx01.example", now=LATER)
    played.return_host("esx01.example", now=LATEST)

    assert (state(played), played.read("web01", "runtime.cleanPowerOff")) == ("poweredOff", False)
    assert told(played) == ["control-error", "stopped crashed"]
    assert (told(played, "db01"), state(played, "db01")) == ([], "poweredOn")


def test_a_host_that_was_silent_changes_nothing() -> None:
    """Its domains have gone on."""
    played = vcenter()

    played.lose_host("esx01.example", now=LATER)
    played.find_host_again("esx01.example", now=LATEST)

    assert (state(played), told(played)) == ("poweredOn", ["control-error"])


def test_the_guest_shutdowns_of_a_host_are_its_own() -> None:
    """No user asks for them; the task is that of the automatic stop."""
    played = vcenter()

    played.shut_down_host("esx01.example", now=LATER)
    played.advance(LATER)

    [task] = played.objects.references(played.domain("web01"), "recentTask")
    asked = next(e for e in played.events.events if e.type == "VmGuestShutdownEvent")
    assert played.objects.read(task, "info.descriptionId") == "host.AutoStartManager.autoPowerOff"
    assert asked.members["userName"] == ""
    assert told(played) == ["shutdown host", "stopped shutdown"]
    assert state(played, "db01") == "poweredOn"


def test_a_removed_host_takes_its_domains_along_without_a_word_about_them() -> None:
    """Only the host is named."""
    played = vcenter(domains=2)

    played.remove_host("esx02.example", now=LATER)

    assert (kinds(played), played.domains.names) == (["HostRemovedEvent"], ["web01"])
    assert told(played, "db01") == ["stopped migrated", "undefined removed"]


# -- files, questions, guests

PATHS = ("config.uuid", "runtime.connectionState", "name")


@pytest.mark.parametrize("trouble", ["inaccessible", "orphaned", "invalid"])
def test_a_domain_whose_files_are_lost_has_no_configuration(trouble: Any) -> None:
    """It comes back as it was; its name stays."""
    played = vcenter()
    uuid = played.read("web01", "config.uuid")

    played.lose_files("web01", trouble=trouble, now=LATER)
    lost = [played.read("web01", path) for path in PATHS]
    played.find_files("web01", now=LATEST)

    assert lost == [None, trouble, "web01"]
    assert played.read("web01", "config.uuid") == uuid
    assert told(played) == ["control-error"]


def test_a_domain_whose_files_are_lost_can_be_removed() -> None:
    """Nothing of it stays, in whatever index."""
    played = vcenter()
    uuid = str(played.read("web01", "config.uuid"))

    played.lose_files("web01", now=LATER)
    played.hide("web01", now=LATEST)

    assert played.domains.with_uuid(uuid) == []
    assert told(played) == ["control-error", "stopped migrated", "undefined removed"]


def test_a_full_datastore_stops_a_domain_until_somebody_answers() -> None:
    """The power state says nothing of it; the question names its message."""
    played = vcenter()

    played.run_out_of_space("web01", now=LATER)
    question = played.read("web01", "runtime.question")
    played.answer("web01", OUT_OF_SPACE.id, "0", now=LATEST)

    assert isinstance(question, DataObject)
    [message] = items(question.members["message"])
    assert pick(message, ["id"]) == "msg.hbacommon.outofspace"
    assert state(played) == "poweredOn"
    assert told(played) == [
        *("question raised", "suspended ioerror", "io-error pause", "io-error-reason enospc"),
        *("question cleared unknown", "resumed unpaused"),
    ]


@pytest.mark.parametrize("end", ["reset", "power_off", "crash"])
def test_a_crash_of_the_guest_lasts_until_it_is_started_anew(end: str) -> None:
    """Whatever ends it."""
    played = vcenter()

    played.guest_crashes("web01", now=LATER)
    crashed = (state(played), played.read("web01", "guest.guestKernelCrashed"))
    getattr(played, end)("web01", now=LATEST)
    played.advance(LATEST)

    assert crashed == ("poweredOn", True)
    assert played.read("web01", "guest.guestKernelCrashed") is False


def test_a_guest_that_sleeps_stays_on() -> None:
    """`onlineStandby` is all that shows it."""
    played = vcenter()

    played.standby_guest("web01", online=True, now=LATER)
    played.advance(LATER)
    asleep = (state(played), played.read("web01", "runtime.onlineStandby"))
    played.guest_wakes_up("web01", now=LATEST)

    assert asleep == ("poweredOn", True)
    assert played.read("web01", "runtime.onlineStandby") is False


# -- snapshots

ON, OFF, SUSPENDED = "poweredOn", "poweredOff", "suspended"
STOPPED, STARTED = "stopped from_snapshot", "started from_snapshot"
PAUSED, REDEFINED = "suspended from_snapshot", "defined from_snapshot"
WAYS = {
    (ON, OFF): ["power_off"],
    (ON, SUSPENDED): ["suspend"],
    (OFF, ON): ["power_on"],
    (OFF, SUSPENDED): ["power_on", "suspend"],
    (SUSPENDED, ON): ["power_on"],
    (SUSPENDED, OFF): ["power_off"],
}


@pytest.mark.parametrize(
    ("before", "target", "expected"),
    [
        (OFF, OFF, [REDEFINED]),
        (ON, OFF, [STOPPED, REDEFINED]),
        (SUSPENDED, OFF, [STOPPED, REDEFINED]),
        (OFF, ON, [STARTED]),
        (ON, ON, [STOPPED, STARTED]),
        (SUSPENDED, ON, [STOPPED, STARTED]),
        (OFF, SUSPENDED, [STARTED, PAUSED]),
        (ON, SUSPENDED, [PAUSED]),
        (SUSPENDED, SUSPENDED, [PAUSED]),
    ],
)
def test_going_back_to_a_snapshot_changes_the_power_state(
    before: str, target: str, expected: list[str]
) -> None:
    """To that of the snapshot, from whatever it is now."""
    played = world(powered_on=True)
    for step in [*WAYS.get((ON, target), []), "create_snapshot", *WAYS.get((target, before), [])]:
        getattr(played, step)("web01", now=LATER)
        played.advance(LATER)
    assert state(played) == before
    done = len(told(played))

    played.revert("web01", now=LATEST)
    played.advance(LATEST)

    assert state(played) == target
    assert told(played)[done:] == expected
    assert kinds(played)[-1] == "com.vmware.vc.vm.VmStateRevertedToSnapshot"


def test_snapshots_form_a_line_of_which_one_is_current() -> None:
    """The current one is what `revert` goes back to unless told."""
    played = world(powered_on=True)
    for name in ("one", "two"):
        played.create_snapshot("web01", name, memory=False, now=LATER)
        played.advance(LATER)

    tree = played.read("web01", "snapshot.rootSnapshotList")
    played.remove_snapshot("web01", "two", now=LATEST)
    played.advance(LATEST)
    current = played.read("web01", "snapshot.currentSnapshot")
    played.remove_snapshot("web01", "one", now=LATEST)
    played.advance(LATEST)

    [one] = items(tree)
    [two] = items(pick(one, ["childSnapshotList"]))
    assert [pick(each, ["name"]) for each in (one, two)] == ["one", "two"]
    assert current == pick(one, ["snapshot"])
    assert played.read("web01", "snapshot") is None
    with pytest.raises(VIFault, match="no such snapshot"):
        played.revert("web01", now=LATEST)


# -- configuration, places


def test_a_reconfiguration_says_what_was_asked_for() -> None:
    """New devices have the keys that the host gave them."""
    played = vcenter()

    played.reconfigure(
        "web01", annotation="shop", cpu_shares=7, add=["VirtualDisk"], remove=[4000], now=LATER
    )
    played.advance(LATER)

    [event] = [e for e in played.events.events if e.type == "VmReconfiguredEvent"]
    changes = items(pick(event, ["configSpec", "deviceChange"]))
    assert [(pick(c, ["operation"]), pick(c, ["device", "key"])) for c in changes] == [
        *(("add", 2001), ("remove", 4000)),
    ]
    assert pick(event, ["configSpec", "annotation"]) == "shop"
    assert pick(event, ["configSpec", "cpuAllocation", "shares", "shares"]) == 7
    assert played.read("web01", "config.annotation") == "shop"
    devices = items(played.read("web01", "config.hardware.device"))
    keys = [pick(device, ["key"]) for device in devices]
    assert [key for key in keys if key in range(2000, 5000)] == [2000, 3000, 2001]


def test_a_device_that_does_not_exist_cannot_be_removed() -> None:
    """The task ends in an error, and nothing has changed."""
    played = vcenter()

    task = played.reconfigure("web01", remove=[7], annotation="x", now=LATER)
    played.advance(LATER)

    assert task_state(played, task) == "error"
    assert (played.read("web01", "config.annotation"), told(played)) == (None, [])


def test_a_move_by_drs_is_nobody_s() -> None:
    """Its event is a kind of its own and is posted on the new host."""
    played = vcenter()

    task = played.migrate("web01", "esx02.example", initiator="drs", now=LATER)
    played.advance(LATER)

    moved = played.events.events[-1]
    assert played.objects.read(task, "info.descriptionId") == "Drm.ExecuteVMotionLRO"
    assert (moved.type, moved.members["userName"]) == ("DrsVmMigratedEvent", "")
    assert pick(moved, ["host", "name"]) == "esx02.example"
    assert pick(moved, ["sourceHost", "name"]) == "esx01.example"


def test_a_move_that_fails_leaves_the_domain_where_it_was() -> None:
    """And tells why."""
    played = vcenter()

    task = played.fail_migration("web01", "esx02.example", now=LATER)
    played.advance(LATER)

    assert task_state(played, task) == "error"
    assert kinds(played) == ["VmBeingHotMigratedEvent", "VmFailedMigrateEvent"]
    assert (host_name(played), told(played)) == ("esx01.example", [])


def test_a_secondary_is_a_domain_that_takes_over() -> None:
    """They change places; the primary keeps its boot time, and nothing is told of the other."""
    played = vcenter()

    secondary = played.add_secondary("web01", "esx02.example", now=LATER)
    role = played.objects.read(secondary, "config.ftInfo.role")
    played.fail_over("web01", now=LATEST)

    assert (role, played.read("web01", "config.ftInfo.role")) == (2, 1)
    assert (host_name(played), host_name(played, "web01 (secondary)")) == (
        *("esx02.example", "esx01.example"),
    )
    assert played.read("web01", "runtime.bootTime") == START
    assert told(played) == ["stopped migrated", "started migrated"]
    assert told(played, "web01 (secondary)") == []


def test_nothing_is_told_of_a_secondary_whose_host_fails() -> None:
    """To libvirt it is no domain."""
    played = vcenter()
    played.add_secondary("web01", "esx02.example", now=LATER)

    played.fail_host("esx02.example", now=LATEST)
    played.declare_host_failed("esx02.example", now=LATEST)

    assert told(played, "db01") == ["control-error", "stopped crashed"]
    assert told(played, "web01 (secondary)") == []


@pytest.mark.parametrize("operation", ["reset", "reboot_guest", "guest_reboots", "reset_by_ha"])
def test_a_guest_that_is_reset_sleeps_no_longer(operation: str) -> None:
    """It wakes up before it reboots: each change of state has an event."""
    played = vcenter()
    played.guest_falls_asleep("web01", now=LATER)
    played.happened.clear()

    getattr(played, operation)("web01", now=LATEST)
    played.advance(LATEST)

    assert told(played)[:2] == ["started wakeup", "pm-wakeup"]
    assert played.read("web01", "runtime.onlineStandby") is False


def test_a_guest_that_is_suspended_sleeps_no_longer() -> None:
    """When it goes on, it is awake."""
    played = vcenter()
    played.guest_falls_asleep("web01", now=LATER)

    played.suspend("web01", now=LATEST)
    played.advance(LATEST)

    assert played.read("web01", "runtime.onlineStandby") is False


@pytest.mark.parametrize("operation", ["unregister", "destroy", "vanish", "hide"])
def test_a_suspended_domain_that_goes_stops_before(operation: str) -> None:
    """What is suspended is active to libvirt, and stays on the disk."""
    played = vcenter()
    played.suspend("web01", now=LATER)
    played.advance(LATER)
    played.happened.clear()

    getattr(played, operation)("web01", now=LATEST)
    played.advance(LATEST)

    assert told(played) == ["stopped saved", "undefined removed"]


def test_two_worlds_beside_each_other_have_nothing_in_common() -> None:
    """Neither names of hosts nor identities of domains."""
    one, other = world(), world(first_host=2)

    assert (one.host_names, other.host_names) == (["esx01.example"], ["esx02.example"])
    for path in ("config.uuid", "config.instanceUuid"):
        assert one.read("web01", path) != other.read("web01", path)


def test_a_domain_that_came_from_elsewhere_keeps_its_identity() -> None:
    """It runs, and nothing on the new host started it."""
    played = world(domains=0)

    played.immigrate("web01", uuid="u", instance_uuid="i", now=LATER)

    assert (state(played), kinds(played)) == ("poweredOn", [])
    assert played.read("web01", "config.instanceUuid") == "i"
    assert told(played) == ["defined added", "started migrated"]


def test_another_uuid_is_another_domain() -> None:
    """It is found under the new one only."""
    played = world()
    old = str(played.read("web01", "config.uuid"))

    played.change_uuid("web01", "new", now=LATER)

    assert played.domains.with_uuid("NEW") == [played.domain("web01")]
    assert played.domains.with_uuid(old) == []
    assert [happening.uuid for happening in played.happened] == [old, "new"]


def test_before_7_0_1_a_template_is_made_without_an_event() -> None:
    """The property tells it alone."""
    played = world(api_version="6.7")

    played.mark_as_template("web01", now=LATER)

    assert (played.read("web01", "config.template"), kinds(played)) == (True, [])


# -- what cannot be


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("terminate_fault_tolerant", {"name": "web01"}),
        ("fail_over", {"name": "web01"}),
        ("restart_by_ha", {"name": "web01", "host": "esx02.example"}),
        ("declare_host_failed", {"name": "esx01.example"}),
        ("return_host", {"name": "esx01.example"}),
        ("find_host_again", {"name": "esx01.example"}),
        ("find_files", {"name": "web01"}),
        ("assign", {"name": "web01", "path": "runtime.nope", "value": "x"}),
        ("count_events_from", {"key": 2**31}),
    ],
)
def test_what_needs_a_failure_is_refused_without_one(
    operation: str, arguments: dict[str, Any]
) -> None:
    """A domain that lives is not restarted, a host that is connected is not declared dead."""
    played = vcenter()

    with pytest.raises(VIFault):
        getattr(played, operation)(**arguments, now=LATER)

    assert played.happened == []


@pytest.mark.parametrize(
    ("operation", "since", "before"),
    [
        ("guest_falls_asleep", "5.1", "5.0"),
        ("guest_crashes", "6.0", "5.5"),
        ("guest_reboot_powers_off", "8.0", "7.0"),
    ],
)
def test_a_host_shows_only_what_its_api_version_has(
    operation: str, since: str, before: str
) -> None:
    """What it could not tell is refused, so that nobody waits for it."""
    getattr(vcenter(api_version=since), operation)("web01", now=LATER)

    with pytest.raises(VIFault, match="NotSupported"):
        getattr(vcenter(api_version=before), operation)("web01", now=LATER)


def test_a_domain_that_goes_while_it_is_on_is_not_removed() -> None:
    """VI removes only what is off: no event says so."""
    played = vcenter()

    played.vanish("web01", now=LATER)

    assert kinds(played) == []
    assert told(played) == ["stopped migrated", "undefined removed"]


@pytest.mark.parametrize(
    ("operation", "severity"), [("kill", "error"), ("terminate_by_vmcp", "warning")]
)
def test_extended_events_bear_their_severity(operation: str, severity: str) -> None:
    """That a kernel kills a domain is an error, what HA does a warning."""
    played = vcenter()

    getattr(played, operation)("web01", now=LATER)

    [event] = [each for each in played.events.events if each.type == "EventEx"]
    assert event.members["severity"] == severity
