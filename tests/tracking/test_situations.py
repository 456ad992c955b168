"""The situations of a host that eventd knows, by their numbers in its catalogue.

Each is written down here as the host's own signals, in the orders in which they may come, with what
is told of it: type, detail and cause, who did it, and where.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from eventd.model.domain import DomainState
from eventd.model.events import Event
from eventd.model.evidence import Evidence, Initiator
from eventd.tracking.inventory import SuspendMode
from eventd.vi.types import (
    ConfigChange,
    HistoryEvent,
    ManagedObjectReference,
    ObjectUpdate,
    QuestionInfo,
    TaskInfo,
    TaskReason,
    TaskState,
    UpdateKind,
)
from tests.tracking.playbook import WEB01, Scenario, domains_of, evidence_of, told

ON = {**WEB01, "power": "poweredOn", "boot": "2026-11-20T11:00:00Z", "guest": "running"}
NEW = {"name": "new", "uuid": "u-new", "host": "host-1"}
LATER = "2026-11-20T12:01:00Z"
REVERTED = "com.vmware.vc.vm.VmStateRevertedToSnapshot"

Thing = ObjectUpdate | HistoryEvent | TaskInfo


def host_with(
    properties: Mapping[str, str], *, suspend: SuspendMode = SuspendMode.PAUSED
) -> Scenario:
    """A host whose history is followed, in sync for a minute, with web01 like this."""
    host = Scenario(suspend=suspend, follows_history=True, grace=1.5)
    assert host.sync(host.enter(**properties)) == []
    host.wait(60)
    return host


@pytest.fixture
def off() -> Scenario:
    """web01 is off."""
    return host_with(WEB01)


@pytest.fixture
def on() -> Scenario:
    """web01 is on for an hour."""
    return host_with(ON)


@pytest.fixture
def asleep() -> Scenario:
    """web01 is suspended."""
    return host_with({**ON, "power": "suspended"})


def later(host: Scenario, *things: Thing) -> list[Event]:
    """Say these, and return what has been told when the grace is over."""
    events = host.say(*things)
    host.wait(1.5)
    return events + host.read(*(thing for thing in things if isinstance(thing, TaskInfo)))


def first(events: list[Event]) -> Evidence:
    """The evidence of the first event."""
    return evidence_of(events)[0]


def failed_host(host: Scenario, kind: str = "com.vmware.vc.HA.DasHostFailedEvent") -> HistoryEvent:
    """VSphere HA declares host-1 failed; the event is written by whom it pleases."""
    entry = host.event(kind, entity=None, host="host-2")
    return entry._replace(references={"failedHost": "host-1"})


def host_system(reference: str, **changes: str) -> ObjectUpdate:
    """Something changed on a host system."""
    of = ManagedObjectReference("HostSystem", reference)
    return ObjectUpdate(UpdateKind.MODIFY, of, changes, ())


# -- starting


def test_01_power_on_by_a_user(off: Scenario) -> None:
    """By its task; the entry is evidence beside it."""
    entry = off.event("VmPoweredOnEvent", user="ops")
    events = off.say(
        off.modify(power="poweredOn", boot=LATER),
        entry,
        off.task("VirtualMachine.powerOn", user="ops"),
    )

    assert told(events) == ["started booted (task)"]
    assert (first(events).initiator, first(events).user) == (Initiator.USER, "ops")
    assert first(events).event is not None
    assert events[0].occurred_at == entry.created_time


def test_01_power_on_by_a_user_whose_task_is_not_told(off: Scenario) -> None:
    """The entry has the user."""
    events = off.say(
        off.modify(power="poweredOn", boot=LATER), off.event("VmPoweredOnEvent", user="ops")
    )

    assert told(events) == ["started booted (event)"]
    assert (first(events).initiator, first(events).user) == (Initiator.USER, "ops")


@pytest.mark.parametrize(
    ("description_id", "reason", "initiator", "user"),
    [
        ("Drm.ExecuteVmPowerOnLRO", TaskReason("system", None), Initiator.DRS, None),
        (
            "VirtualMachine.powerOn",
            TaskReason("schedule", "nightly"),
            Initiator.SCHEDULE,
            "nightly",
        ),
        ("VirtualMachine.powerOn", TaskReason("alarm", "low"), Initiator.ALARM, "low"),
        ("Datacenter.powerOnVm", TaskReason("system", None), Initiator.SYSTEM, None),
        (
            "host.AutoStartManager.autoPowerOn",
            TaskReason("system", None),
            Initiator.HOST,
            None,
        ),
    ],
)
def test_02_power_on_by_something_else(
    off: Scenario, description_id: str, reason: TaskReason, initiator: Initiator, user: str | None
) -> None:
    """The task says what."""
    task = off.task(description_id)._replace(reason=reason)
    events = off.say(off.modify(power="poweredOn"), off.event("VmPoweredOnEvent"), task)

    assert told(events) == ["started booted (task)"]
    assert (first(events).initiator, first(events).user) == (initiator, user)
    known = first(events).task
    assert known is not None
    assert known.reason == reason.kind


def test_02_power_on_by_drs_with_its_event(off: Scenario) -> None:
    """Its class says so, whether the task is known or not."""
    events = off.say(off.modify(power="poweredOn"), off.event("DrsVmPoweredOnEvent", user="ops"))

    assert told(events) == ["started booted (event)"]
    assert first(events).initiator is Initiator.DRS


@pytest.mark.parametrize("kind", ["VmFailedToPowerOnEvent", "NotEnoughResourcesToStartVmEvent"])
def test_03_power_on_that_had_begun_and_failed(off: Scenario, kind: str) -> None:
    """The event is not the first of its chain."""
    events = later(off, off.event(kind, user="ops", chain=900, reason="no memory"))

    assert told(events) == ["stopped failed (event)"]
    assert (first(events).message, first(events).user) == ("no memory", "ops")
    assert off.status().state is DomainState.SHUTOFF


def test_03_power_on_that_had_begun_by_its_task(off: Scenario) -> None:
    """It has a time of start."""
    task = off.task("VirtualMachine.powerOn", TaskState.ERROR, user="ops")
    events = later(off, off.event("VmFailedToPowerOnEvent"), task)

    assert told(events) == ["stopped failed (event)"]
    assert first(events).task is not None


def test_03_power_on_that_never_began(off: Scenario) -> None:
    """Nothing happened to the domain."""
    task = off.task("VirtualMachine.powerOn", TaskState.ERROR)._replace(start_time=None)

    assert later(off, off.event("VmFailedToPowerOnEvent"), task) == []


# -- stopping


def test_04_power_off_by_a_user(on: Scenario) -> None:
    """The plug is pulled."""
    events = on.say(
        on.modify(power="poweredOff", boot=None, clean="true", guest="notRunning"),
        on.event("VmPoweredOffEvent", user="ops"),
        on.task("VirtualMachine.powerOff", user="ops"),
    )

    assert told(events) == ["stopped destroyed (task)"]
    assert (first(events).initiator, first(events).user) == (Initiator.USER, "ops")


def test_05_terminate(on: Scenario) -> None:
    """It leaves cleanPowerOff false, and is no crash."""
    off = on.modify(power="poweredOff", boot=None, clean="false")
    events = on.say(
        off,
        on.event("com.vmware.vc.vm.VmTerminateEvent", user="ops"),
        on.event("VmPoweredOffEvent", user="ops"),
    )
    assert told(events) == ["stopped destroyed (event)"]
    assert (first(events).initiator, first(events).clean_power_off) == (Initiator.USER, False)

    other = host_with(ON)
    events = other.say(off, other.task("VirtualMachine.terminate", user="ops"))
    assert told(events) == ["stopped destroyed (task)"]


def test_06_guest_that_shuts_itself_down(on: Scenario) -> None:
    """No user, no task, an orderly end."""
    on.say(on.modify(guest="shuttingDown"))
    events = later(
        on,
        on.modify(power="poweredOff", boot=None, clean="true", guest="notRunning"),
        on.event("VmPoweredOffEvent"),
    )

    assert told(events) == ["shutdown guest (event)", "stopped shutdown (event)"]
    assert (first(events).initiator, first(events).user) == (Initiator.GUEST, None)


def test_07_guest_that_is_asked_to_shut_down(on: Scenario) -> None:
    """Nothing at the request; who asked, when it follows."""
    request = on.event("VmGuestShutdownEvent", user="ops")
    assert later(on, request) == []
    on.wait(240)
    events = on.say(
        on.modify(power="poweredOff", boot=None, clean="true"), on.event("VmPoweredOffEvent")
    )

    assert told(events) == ["shutdown guest (request)", "stopped shutdown (request)"]
    assert (first(events).initiator, first(events).user) == (Initiator.USER, "ops")
    asked = first(events).request
    assert asked is not None
    assert asked.key == request.key
    assert first(events).event is not None


def test_07_power_off_of_a_guest_that_was_asked_to_shut_down(on: Scenario) -> None:
    """Somebody lost patience."""
    on.say(on.event("VmGuestShutdownEvent", user="ops"))
    events = on.say(
        on.modify(power="poweredOff", boot=None, clean="true"),
        on.event("VmPoweredOffEvent", user="boss"),
        on.task("VirtualMachine.powerOff", user="boss"),
    )

    assert told(events) == ["stopped destroyed (task)"]
    assert first(events).user == "boss"


def test_08_host_that_shuts_its_domains_down(on: Scenario) -> None:
    """By the automatic stop of the host."""
    on.say(on.modify(guest="shuttingDown"))
    events = on.say(
        on.modify(power="poweredOff", boot=None, clean="true"),
        on.task("host.AutoStartManager.autoPowerOff"),
        on.event("VmPoweredOffEvent"),
    )

    assert told(events) == ["shutdown host (task)", "stopped shutdown (task)"]
    assert first(events).initiator is Initiator.HOST


def test_08_host_that_turns_its_domains_off(on: Scenario) -> None:
    """The history has its shutdown."""
    on.say(on.event("HostShutdownEvent", entity=None, host="host-1", user="ops"))
    events = later(
        on, on.modify(power="poweredOff", boot=None, clean="true"), on.event("VmPoweredOffEvent")
    )

    assert told(events) == ["stopped destroyed (event)"]
    assert first(events).initiator is Initiator.HOST


def test_08_shutdown_of_a_host_stopped_no_domain_that_came_there_afterwards(on: Scenario) -> None:
    """It may be up again within the minute, and a domain keeps its time of boot on the way."""
    on.say(on.event("HostShutdownEvent", entity=None, host="host-2"))
    on.wait(30)
    on.say(on.event("VmMigratedEvent", user="ops", host="host-2"), on.modify(host="host-2"))
    events = later(
        on, on.modify(power="poweredOff", boot=None, clean="true"), on.event("VmPoweredOffEvent")
    )

    assert told(events) == ["shutdown guest (event)", "stopped shutdown (event)"]


@pytest.mark.parametrize(
    ("clean", "user", "expected"),
    [
        ("false", "", "stopped crashed (clean-power-off)"),
        ("true", "ops", "stopped destroyed (event)"),
    ],
)
def test_08_stop_that_was_no_orderly_one_or_that_a_user_asked_for_is_not_the_hosts(
    on: Scenario, clean: str, user: str, expected: str
) -> None:
    """A host on its way down stops its domains in order, and names nobody."""
    on.say(on.event("HostShutdownEvent", entity=None, host="host-1", user="root"))
    events = later(
        on,
        on.modify(power="poweredOff", boot=None, clean=clean),
        on.event("VmPoweredOffEvent", user=user),
    )

    assert told(events) == [expected]
    assert first(events).user == (user or None)


def test_08_shutdown_of_a_host_before_the_boot_of_a_domain_stopped_it_not(off: Scenario) -> None:
    """The host is up again since."""
    off.say(off.event("HostShutdownEvent", entity=None, host="host-1"))
    off.wait(300)
    boot = off.now.isoformat()
    off.say(off.modify(power="poweredOn", boot=boot), off.event("VmPoweredOnEvent", user="ops"))
    off.wait(300)
    events = off.say(
        off.modify(power="poweredOff", boot=None, clean="true"), off.event("VmPoweredOffEvent")
    )

    assert told(events) == ["shutdown guest (event)", "stopped shutdown (event)"]


def test_09_crash_of_the_process(on: Scenario) -> None:
    """The host saw no orderly end; its message says more."""
    events = later(
        on,
        on.event("VmMessageErrorEvent", message="vmx has crashed"),
        on.modify(power="poweredOff", boot=None, clean="false"),
        on.event("VmPoweredOffEvent"),
    )

    assert told(events) == ["stopped crashed (clean-power-off)"]
    assert (first(events).clean_power_off, first(events).message) == (False, "vmx has crashed")


def test_09_domain_killed_by_the_kernel(on: Scenario) -> None:
    """It says so."""
    events = later(
        on,
        on.event("esx.problem.vm.kill.unexpected.noSwapResponse"),
        on.modify(power="poweredOff", boot=None, clean="false"),
        on.event("VmPoweredOffEvent"),
    )

    assert told(events) == ["stopped crashed (event)"]


def test_09_domain_killed_for_a_bad_page(on: Scenario) -> None:
    """The failure of the memory comes before the crash that it led to."""
    events = later(
        on,
        on.modify(power="poweredOff", boot=None, clean="false"),
        on.event("esx.problem.vm.kill.unexpected.forcefulPageRetire"),
    )

    assert told(events) == ["memory-failure fatal (event)", "stopped crashed (event)"]


def test_10_guest_that_panics_and_is_turned_off(on: Scenario) -> None:
    """Crashed while it is on, and a crash when it goes off by itself."""
    events = on.say(on.modify(crashed="true"), on.event("VmGuestOSCrashedEvent"))
    assert told(events) == ["crashed panicked (event)"]
    assert on.status().state is DomainState.CRASHED
    assert on.status().domain.id == 42

    events = later(on, on.modify(power="poweredOff", boot=None, crashed=None))
    assert told(events) == ["stopped crashed (guest-state)"]


def test_10_panic_whose_event_trails_is_told_once(on: Scenario) -> None:
    """The property said it already."""
    assert told(later(on, on.modify(crashed="true"))) == ["crashed panicked (guest-state)"]
    assert later(on, on.event("VmGuestOSCrashedEvent")) == []


@pytest.mark.parametrize("kind", ["VmDasBeingResetEvent", "VmDasBeingResetWithScreenshotEvent"])
def test_11_monitoring_reset(on: Scenario, kind: str) -> None:
    """A watchdog fired, and the guest starts anew."""
    events = later(on, on.event(kind), on.event("VmResettingEvent"), on.modify(guest="resetting"))

    assert told(events) == ["watchdog reset (event)", "reboot (event)"]
    assert first(events).initiator is Initiator.HA


# -- failures of hosts


def test_12_host_failure_and_restart_elsewhere(on: Scenario) -> None:
    """A crash when HA declares it, a start where it runs again."""
    assert told(on.say(on.modify(connection="disconnected"))) == ["control-error (state)"]
    events = later(on, failed_host(on))
    assert told(events) == ["stopped crashed (event)"]
    assert domains_of(events)[0].host == "esx01.example"
    assert first(events).source_host == "esx01.example"
    assert on.status().state is DomainState.SHUTOFF
    assert on.status().stale

    on.wait(60)
    boot = on.now.isoformat()
    events = later(
        on,
        on.modify(host="host-2", boot=boot, connection="connected"),
        on.event("VmPoweredOnEvent", host="host-2"),
        on.event("com.vmware.vc.ha.VmRestartedByHAEvent", host="host-2"),
    )
    assert told(events) == ["started booted (event)"]
    assert first(events).initiator is Initiator.HA
    assert (first(events).source_host, first(events).destination_host) == (
        "esx01.example",
        "esx02.example",
    )
    assert on.status().state is DomainState.RUNNING
    assert not on.status().stale


def test_12_failure_that_is_declared_before_the_domain_is_out_of_sight(on: Scenario) -> None:
    """Either may come first."""
    assert on.say(failed_host(on, "DasHostFailedEvent")) == []
    events = later(on, on.modify(connection="disconnected"))

    assert sorted(told(events)) == ["control-error (state)", "stopped crashed (event)"]


@pytest.mark.parametrize(
    "kind", ["com.vmware.vc.ha.VmRestartedByHAEvent", "VmRestartedOnAlternateHostEvent"]
)
def test_12_restart_elsewhere_without_a_declared_failure(on: Scenario, kind: str) -> None:
    """The restart by HA says how the run before has ended."""
    on.say(on.modify(connection="disconnected"))
    on.wait(60)
    boot = on.now.isoformat()
    events = later(
        on,
        on.modify(host="host-2", boot=boot, connection="connected"),
        on.event(kind, host="host-2"),
    )

    assert told(events) == ["stopped crashed (event)", "started booted (event)"]
    assert [domain.host for domain in domains_of(events)] == ["esx01.example", "esx02.example"]


def test_12_restart_elsewhere_that_only_the_pictures_show(on: Scenario) -> None:
    """Booted anew on another host while its own is lost."""
    on.say(host_system("host-1", **{"runtime.connectionState": "notResponding"}))
    on.say(on.modify(connection="disconnected"))
    on.wait(60)
    boot = on.now.isoformat()
    events = later(on, on.modify(host="host-2", boot=boot, connection="connected"))

    assert told(events) == ["stopped crashed (boot-time)", "started booted (boot-time)"]


def test_12_restart_of_a_lost_domain_that_only_the_pictures_show(on: Scenario) -> None:
    """It was declared lost, and has a new boot on another host: HA does that."""
    on.say(on.modify(connection="disconnected"))
    later(on, failed_host(on))
    on.wait(60)
    events = later(on, on.modify(host="host-2", boot=on.now.isoformat(), connection="connected"))
    on.wait(2)
    events += on.read()

    assert told(events) == ["started booted (boot-time)"]
    assert first(events).initiator is Initiator.HA


def test_12_domain_of_a_failed_host_that_shows_itself_alive(on: Scenario) -> None:
    """HA was wrong: what was told to have stopped runs again."""
    on.say(on.modify(connection="disconnected"))
    later(on, failed_host(on))
    events = later(on, on.modify(connection="connected"))

    assert [event.type for event in events] == ["started"]
    assert on.status().state is DomainState.RUNNING


def test_13_host_failure_without_a_restart(on: Scenario) -> None:
    """Nobody knows until the host is back."""
    assert told(later(on, on.modify(connection="disconnected"))) == ["control-error (state)"]
    on.wait(3600)
    events = later(
        on, on.modify(connection="connected", power="poweredOff", boot=None, clean="false")
    )

    assert told(events) == ["stopped crashed (clean-power-off)"]


def test_13_domain_of_a_failed_host_that_is_found_off_has_stopped_once(on: Scenario) -> None:
    """Its crash was told when the failure was declared."""
    on.say(on.modify(connection="disconnected"))
    later(on, failed_host(on))

    assert (
        later(on, on.modify(connection="connected", power="poweredOff", boot=None, clean="false"))
        == []
    )


@pytest.mark.parametrize(
    ("kind", "result", "expected"),
    [
        ("VmPowerOffOnIsolationEvent", None, ["stopped destroyed (event)"]),
        (
            "VmShutdownOnIsolationEvent",
            "shutdown",
            ["shutdown host (event)", "stopped shutdown (event)"],
        ),
        ("VmShutdownOnIsolationEvent", "poweredOff", ["stopped destroyed (event)"]),
    ],
)
def test_14_isolation(on: Scenario, kind: str, result: str | None, expected: list[str]) -> None:
    """What HA did is in its event."""
    members = {"shutdownResult": result} if result else {}
    events = later(
        on,
        on.modify(power="poweredOff", boot=None, clean="true"),
        on.event(kind)._replace(members=members),
    )

    assert told(events) == expected
    assert first(events).initiator is Initiator.HA


def test_15_storage_failure_and_restart(on: Scenario) -> None:
    """VMCP terminates the domain, and HA starts it where the storage is."""
    events = later(
        on,
        on.event("com.vmware.vc.HA.VmcpStorageFailureDetectedForVm"),
        on.event("com.vmware.vc.HA.VmcpTerminatingVm"),
        on.modify(power="poweredOff", boot=None, clean="false"),
        on.event("VmPoweredOffEvent"),
    )
    assert told(events) == [
        "io-error report (event)",
        "io-error-reason (event)",
        "stopped failed (event)",
    ]
    assert evidence_of(events)[2].initiator is Initiator.HA

    events = later(
        on,
        on.modify(power="poweredOn", boot=LATER, host="host-2"),
        on.event("VmPoweredOnEvent", host="host-2"),
        on.event("com.vmware.vc.vcp.VmRestartEvent", host="host-2"),
    )
    assert told(events) == ["started booted (event)"]
    assert first(events).initiator is Initiator.HA


@pytest.mark.parametrize("state", ["disconnected", "inaccessible", "orphaned", "invalid"])
def test_16_and_38_domain_out_of_sight(on: Scenario, state: str) -> None:
    """A control error once, no lifecycle event; its state is stale until it is seen again."""
    assert told(later(on, on.modify(connection=state))) == ["control-error (state)"]
    assert on.status().stale
    assert on.status().state is DomainState.RUNNING
    assert on.say(on.modify(connection="disconnected")) == []

    assert on.say(on.modify(connection="connected")) == []
    assert not on.status().stale


def test_16_domain_of_a_host_that_was_removed_says_so(on: Scenario) -> None:
    """Its host's event is evidence."""
    on.say(on.event("HostRemovedEvent", entity=None, host="host-1", user="ops"))
    events = on.say(on.modify(connection="disconnected"))

    assert told(events) == ["control-error (event)"]


# -- suspending


def test_17_suspend_by_a_user(on: Scenario) -> None:
    """Paused, with the job of it."""
    events = on.say(
        on.modify(power="suspended", suspended_at=LATER),
        on.event("VmSuspendedEvent", user="ops"),
        on.task("VirtualMachine.suspend", user="ops"),
    )

    assert told(events) == ["suspended paused (task)", "job-completed suspend (task)"]
    assert (first(events).initiator, first(events).user) == (Initiator.USER, "ops")
    assert on.status().state is DomainState.PAUSED


def test_17_to_19_where_a_suspended_domain_is_saved() -> None:
    """Stopped, started, and nothing when it is thrown away."""
    host = host_with(ON, suspend=SuspendMode.SAVED)
    events = host.say(host.modify(power="suspended"), host.event("VmSuspendedEvent", user="ops"))
    assert told(events) == ["stopped saved (event)"]
    assert host.status().state is DomainState.SHUTOFF
    events = host.say(host.modify(power="poweredOn"), host.event("VmPoweredOnEvent", user="ops"))
    assert told(events) == ["started restored (event)"]
    host.say(host.modify(power="suspended"), host.event("VmSuspendedEvent", user="ops"))

    assert (
        later(
            host,
            host.modify(power="poweredOff", boot=None),
            host.event("VmPoweredOffEvent", user="ops"),
        )
        == []
    )


def test_18_resume_by_a_user(asleep: Scenario) -> None:
    """The power-on of what is suspended."""
    events = asleep.say(
        asleep.modify(power="poweredOn"),
        asleep.event("VmPoweredOnEvent", user="ops"),
        asleep.task("VirtualMachine.powerOn", user="ops"),
    )

    assert told(events) == ["resumed unpaused (task)"]
    assert first(events).user == "ops"


@pytest.mark.parametrize("cause", ["task", "event", "state"])
def test_19_suspended_domain_that_is_powered_off(asleep: Scenario, cause: str) -> None:
    """What it had in memory is gone."""
    things: list[Thing] = [asleep.modify(power="poweredOff", boot=None)]
    if cause == "task":
        things.append(asleep.task("VirtualMachine.powerOff"))
    if cause == "event":
        things.append(asleep.event("VmPoweredOffEvent", user="ops"))

    assert told(later(asleep, *things)) == [f"stopped destroyed ({cause})"]


def test_20_guest_that_goes_to_sleep_and_wakes_up(on: Scenario) -> None:
    """The domain stays on."""
    on.say(on.event("VmGuestStandbyEvent", user="ops"))
    events = on.say(on.modify(standby="true"))
    assert told(events) == ["pmsuspended memory (request)", "pm-suspend (request)"]
    assert first(events).user == "ops"
    assert on.status().state is DomainState.PMSUSPENDED

    assert told(on.say(on.modify(standby="false"))) == [
        "started wakeup (state)",
        "pm-wakeup (state)",
    ]
    assert on.status().state is DomainState.RUNNING


def test_20_guest_standby_that_suspends_the_domain(on: Scenario) -> None:
    """As its settings have it; who asked is known."""
    on.say(on.event("VmGuestStandbyEvent", user="ops"))
    events = on.say(on.modify(power="suspended"), on.event("VmSuspendedEvent"))

    assert told(events) == ["suspended paused (request)"]
    assert (first(events).initiator, first(events).user) == (Initiator.USER, "ops")


def test_21_guest_that_reboots_by_itself(on: Scenario) -> None:
    """Only its state shows it."""
    events = on.say(on.modify(guest="resetting"))
    events += later(on, on.modify(guest="running"))

    assert told(events) == ["reboot (guest-state)"]
    assert first(events).initiator is Initiator.GUEST


def test_21_guest_that_is_asked_to_reboot(on: Scenario) -> None:
    """Who asked is known."""
    events = on.say(on.event("VmGuestRebootEvent", user="ops"))
    events += on.say(on.modify(guest="resetting"))
    events += later(on, on.modify(guest="running"))

    assert told(events) == ["reboot (request)"]
    assert (first(events).initiator, first(events).user) == (Initiator.USER, "ops")
    assert first(events).request is not None


def test_21_reset_by_a_user(on: Scenario) -> None:
    """One reboot, and never a stop and a start."""
    task = on.task("VirtualMachine.reset", user="ops")
    events = later(on, on.event("VmResettingEvent", user="ops"), on.event("VmPoweredOnEvent"), task)
    events += later(on, on.modify(guest="resetting"), task)
    events += later(on, on.modify(guest="running"), task)

    assert told(events) == ["reboot (task)"]


def test_22_reboot_that_was_turned_into_a_power_off(on: Scenario) -> None:
    """The guest wanted to reboot."""
    events = later(
        on,
        on.event("com.vmware.vim.vm.reboot.powerOff"),
        on.modify(power="poweredOff", boot=None, clean="true"),
        on.event("VmPoweredOffEvent"),
    )

    assert told(events) == ["shutdown guest (event)", "stopped shutdown (event)"]
    assert first(events).initiator is Initiator.GUEST


# -- places


def test_23_migration_by_a_user(on: Scenario) -> None:
    """It ends here and begins there, and the job is done."""
    events = later(
        on,
        on.modify(host="host-2"),
        on.event("VmMigratedEvent", user="ops", host="host-2"),
        on.task("VirtualMachine.migrate", user="ops"),
    )

    assert told(events) == [
        "stopped migrated (task)",
        "started migrated (task)",
        "job-completed migrate (task)",
    ]
    assert [domain.host for domain in domains_of(events)] == [
        "esx01.example",
        "esx02.example",
        "esx02.example",
    ]
    assert (first(events).source_host, first(events).destination_host) == (
        "esx01.example",
        "esx02.example",
    )
    assert (first(events).initiator, first(events).user) == (Initiator.USER, "ops")


def test_23_migration_by_drs(on: Scenario) -> None:
    """Its event says so."""
    events = later(on, on.modify(host="host-2"), on.event("DrsVmMigratedEvent", host="host-2"))

    assert told(events) == ["stopped migrated (event)", "started migrated (event)"]
    assert first(events).initiator is Initiator.DRS


def test_24_cold_migration(off: Scenario) -> None:
    """Another definition."""
    events = later(
        off,
        off.modify(host="host-2"),
        off.event("VmMigratedEvent", user="ops", host="host-2"),
        off.task("VirtualMachine.relocate", user="ops"),
    )

    assert told(events) == ["defined updated (task)", "job-completed relocate (task)"]


@pytest.mark.parametrize("properties", [ON, WEB01])
def test_24_relocation_of_the_storage(properties: Mapping[str, str]) -> None:
    """On or off, it is where it was."""
    host = host_with(properties)
    events = later(
        host,
        host.event("VmRelocatedEvent", user="ops"),
        host.task("VirtualMachine.relocate", user="ops"),
    )

    assert told(events) == ["defined updated (task)", "job-completed relocate (task)"]


def test_25_migration_between_two_bare_hosts() -> None:
    """Each tells its half, and where the other half is, if one daemon follows both."""
    there = Scenario(follows_history=True, grace=1.5, elsewhere=lambda _: "esx-a")
    there.sync()
    here = Scenario(follows_history=True, grace=1.5, elsewhere=lambda _: "esx-b")
    here.sync(here.enter(**ON))

    events = later(here, here.leave())
    assert told(events) == ["stopped migrated (state)", "undefined removed (out-of-scope)"]
    assert (first(events).source_host, first(events).destination_host) == (
        "esx01.example",
        "esx-b",
    )

    events = later(there, there.enter(**ON))
    assert told(events) == ["defined added (state)", "started migrated (state)"]
    [_, started] = evidence_of(events)
    assert (started.source_host, started.destination_host) == ("esx-a", "esx01.example")


def test_25_migration_away_with_its_events(on: Scenario) -> None:
    """The host says where it emigrates from."""
    events = later(
        on,
        on.event("VmEmigratingEvent", user="ops"),
        on.leave(),
        on.event("VmRemovedEvent", user="ops"),
    )

    assert told(events) == ["stopped migrated (event)", "undefined removed (event)"]


def test_26_migration_to_another_vcenter(on: Scenario) -> None:
    """Its event says so."""
    events = later(on, on.event("com.vmware.vc.vm.SrcVmMigratedEvent", user="ops"), on.leave())

    assert told(events) == ["stopped migrated (event)", "undefined removed (event)"]


def test_26_migration_from_another_vcenter(off: Scenario) -> None:
    """Likewise."""
    events = later(
        off,
        off.enter("vm-7", **NEW, power="poweredOn"),
        off.event("com.vmware.vc.vm.DstVmMigratedEvent", user="ops", entity="vm-7"),
    )

    assert told(events) == ["defined added (event)", "started migrated (event)"]


# -- snapshots


@pytest.mark.parametrize(
    ("description_id", "job"),
    [
        ("VirtualMachine.createSnapshot", "snapshot-create"),
        ("vm.Snapshot.remove", "snapshot-remove"),
    ],
)
def test_27_snapshots_are_jobs(on: Scenario, description_id: str, job: str) -> None:
    """No state changes with them."""
    events = later(on, on.modify(snapshot="s1"), on.task(description_id))

    assert told(events) == [f"job-completed {job} (task)"]


@pytest.mark.parametrize(
    ("before", "after", "expected", "when_saved"),
    [
        ("poweredOff", "poweredOn", ["started"], ["started"]),
        ("poweredOn", "poweredOn", ["stopped", "started"], ["stopped", "started"]),
        ("suspended", "poweredOn", ["stopped", "started"], ["started"]),
        ("poweredOff", "suspended", ["started", "suspended"], ["defined"]),
        ("poweredOn", "suspended", ["suspended"], ["stopped", "defined"]),
        ("suspended", "suspended", ["suspended"], ["defined"]),
        ("poweredOn", "poweredOff", ["stopped", "defined"], ["stopped", "defined"]),
        ("suspended", "poweredOff", ["stopped", "defined"], ["defined"]),
        ("poweredOff", "poweredOff", ["defined"], ["defined"]),
    ],
)
@pytest.mark.parametrize("mode", SuspendMode)
@pytest.mark.parametrize("cause", ["event", "task"])
def test_28_and_29_reverts(
    before: str,
    after: str,
    expected: list[str],
    when_saved: list[str],
    mode: SuspendMode,
    cause: str,
) -> None:
    """From each state to each: what ends, and what begins, all of it from the snapshot."""
    host = host_with({**WEB01, "power": before}, suspend=mode)
    evidence: Thing = (
        host.event(REVERTED, user="ops")
        if cause == "event"
        else host.task("vm.Snapshot.revert", user="ops")
    )
    events = later(host, host.modify(power=after, snapshot="s1"), evidence)

    lifecycle = [event for event in events if event.kind == "lifecycle"]
    words = expected if mode is SuspendMode.PAUSED else when_saved
    assert told(lifecycle) == [f"{word} from_snapshot ({cause})" for word in words]
    assert all(found.user == "ops" for found in evidence_of(lifecycle))
    host.wait(5)
    assert "from_snapshot" not in str(told(host.read(evidence)))


# -- the inventory


@pytest.mark.parametrize("kind", ["VmRegisteredEvent", "VmDiscoveredEvent"])
@pytest.mark.parametrize("power", ["poweredOff", "poweredOn"])
def test_30_registered_or_discovered(off: Scenario, kind: str, power: str) -> None:
    """Found on, it was started by whomever."""
    events = later(
        off,
        off.enter("vm-7", **NEW, power=power),
        off.event(kind, user="ops", entity="vm-7"),
    )

    assert (
        told(events)
        == ["defined added (event)", "started booted (event)"][: 1 + (power == "poweredOn")]
    )
    assert first(events).user == "ops"


@pytest.mark.parametrize(
    ("kind", "members", "message"),
    [
        ("VmCreatedEvent", {}, None),
        ("VmClonedEvent", {"sourceVm": "gold"}, "a copy of gold"),
        ("VmDeployedEvent", {"srcTemplate": "tmpl"}, "a copy of tmpl"),
    ],
)
def test_31_created_cloned_or_deployed(
    off: Scenario, kind: str, members: dict[str, str], message: str | None
) -> None:
    """With its source, and the start that follows."""
    entry = off.event(kind, user="ops", entity="vm-7")._replace(members=members)
    events = later(off, off.enter("vm-7", **NEW, power="poweredOff"), entry)
    assert told(events) == ["defined added (event)"]
    assert (first(events).message, first(events).user) == (message, "ops")

    on = off.event("VmPoweredOnEvent", user="ops", entity="vm-7")
    assert told(later(off, off.modify("vm-7", power="poweredOn"), on)) == ["started booted (event)"]


def test_31_clone_that_is_powered_on_at_once(off: Scenario) -> None:
    """Seen for the first time when it is on."""
    events = later(
        off,
        off.enter("vm-7", **NEW, power="poweredOn", boot=LATER),
        off.event("VmCreatedEvent", user="ops", entity="vm-7"),
        off.event("VmClonedEvent", user="ops", entity="vm-7"),
        off.event("VmPoweredOnEvent", user="ops", entity="vm-7"),
    )

    assert told(events) == ["defined added (event)", "started booted (event)"]


def test_31_instant_clone(off: Scenario) -> None:
    """It goes on where its parent is."""
    events = later(
        off,
        off.enter("vm-7", **NEW, power="poweredOn"),
        off.event("com.vmware.vc.VmInstantClonedEvent", user="ops", entity="vm-7"),
    )

    assert told(events) == ["defined added (event)", "started restored (event)"]


@pytest.mark.parametrize("cause", ["event", "task"])
def test_32_unregistered_or_destroyed(off: Scenario, cause: str) -> None:
    """It is gone."""
    evidence: Thing = (
        off.event("VmRemovedEvent", user="ops")
        if cause == "event"
        else off.task("VirtualMachine.destroy", user="ops")
    )
    events = later(off, off.leave(), evidence)

    assert told(events) == [f"undefined removed ({cause})"]
    assert first(events).user == "ops"


def test_32_powered_off_and_destroyed_at_once(on: Scenario) -> None:
    """The stop comes first."""
    events = later(
        on,
        on.leave(),
        on.event("VmPoweredOffEvent", user="ops"),
        on.event("VmRemovedEvent", user="ops"),
    )

    assert told(events) == ["stopped destroyed (event)", "undefined removed (event)"]


def test_33_out_of_scope(off: Scenario) -> None:
    """Nothing says that it was removed."""
    assert off.say(off.leave()) == []
    assert off.status().domain.name == "web01"
    off.wait(1.5)

    assert told(off.read()) == ["undefined removed (out-of-scope)"]


def test_33_out_of_scope_with_its_host(on: Scenario) -> None:
    """Its host was removed."""
    on.say(on.event("HostRemovedEvent", entity=None, host="host-1", user="ops"))
    events = later(on, on.leave())

    assert told(events) == ["stopped migrated (out-of-scope)", "undefined removed (out-of-scope)"]
    assert evidence_of(events)[1].message == "its host was removed"


@pytest.mark.parametrize("cause", ["event", "task", "state"])
def test_34_rename(off: Scenario, cause: str) -> None:
    """Under the old name, then under the new one."""
    things: list[Thing] = [off.modify(name="web02")]
    if cause == "task":
        things.append(off.task("VirtualMachine.rename", user="ops"))
    if cause == "event":
        things.append(off.event("VmRenamedEvent", user="ops"))
    events = later(off, *things)

    assert told(events) == [f"undefined renamed ({cause})", f"defined renamed ({cause})"]
    assert [domain.name for domain in domains_of(events)] == ["web01", "web02"]


def test_34_rename_whose_entry_trails_is_told_once(off: Scenario) -> None:
    """The name had changed before."""
    events = later(off, off.modify(name="web02"))
    events += [event for event in later(off, off.event("VmRenamedEvent")) if event.type]

    assert told(events) == ["undefined renamed (state)", "defined renamed (state)"]


def test_35_another_uuid(off: Scenario) -> None:
    """Another domain, to libvirt."""
    events = later(
        off, off.modify(uuid="99999999-0000"), off.event("VmUuidChangedEvent", user="ops")
    )

    assert told(events) == ["undefined removed (event)", "defined added (event)"]
    assert [domain.uuid[:4] for domain in domains_of(events)] == ["4215", "9999"]


def test_36_reconfigured(on: Scenario) -> None:
    """Once for each answer."""
    entries = [on.event("VmReconfiguredEvent", user="ops", config=ConfigChange()) for _ in "ab"]

    assert told(later(on, *entries)) == ["defined updated (event)"]


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("true", "com.vmware.vc.vm.VmConvertedToTemplateEvent", "it became a template"),
        ("false", "com.vmware.vc.vm.TemplateConvertedToVmEvent", "it is no template any more"),
    ],
)
def test_37_template(value: str, kind: str, message: str) -> None:
    """The message says which way."""
    host = host_with({**WEB01, "template": "false" if value == "true" else "true"})
    events = later(host, host.modify(template=value), host.event(kind, user="ops"))
    assert told(events) == ["defined updated (event)"]
    assert first(events).message == message

    other = host_with({**WEB01, "template": "false" if value == "true" else "true"})
    events = later(other, other.modify(template=value))
    assert told(events) == ["defined updated (state)"]
    assert first(events).message == message


def test_38_orphan_that_leaves(off: Scenario) -> None:
    """It is removed after all."""
    off.say(off.modify(connection="orphaned"))

    assert told(later(off, off.leave())) == ["undefined removed (out-of-scope)"]


# -- questions


def out_of_space() -> QuestionInfo:
    """What a host asks when a datastore is full."""
    return Scenario.question()._replace(message_ids=("msg.hbacommon.outofspace",))


def test_39_question(off: Scenario) -> None:
    """It waits for an answer, and nothing else."""
    assert told(later(off, off.modify(question=off.question()))) == ["raised (state)"]


def test_39_and_40_no_space_left(on: Scenario) -> None:
    """It does not execute until there is room."""
    events = later(on, on.modify(question=out_of_space()))
    assert sorted(told(events)) == sorted(
        [
            "raised (state)",
            "suspended ioerror (state)",
            "io-error pause (state)",
            "io-error-reason enospc (state)",
        ]
    )
    assert on.status().state is DomainState.PAUSED

    assert sorted(told(later(on, on.modify(question=None)))) == [
        "cleared unknown (state)",
        "resumed unpaused (state)",
    ]
    assert on.status().state is DomainState.RUNNING


def test_40_domain_without_space_that_is_powered_off_does_not_resume(on: Scenario) -> None:
    """The question went with the run."""
    later(on, on.modify(question=out_of_space()))
    events = later(
        on,
        on.modify(question=None, power="poweredOff", boot=None),
        on.event("VmPoweredOffEvent", user="ops"),
    )

    assert told(events) == ["cleared withdrawn (state)", "stopped destroyed (event)"]


# -- fault tolerance


def test_41_failover(on: Scenario) -> None:
    """The secondary took over, and the guest did not notice."""
    events = later(on, on.event("VmPrimaryFailoverEvent"), on.modify(host="host-2"))

    assert told(events) == ["stopped migrated (event)", "started migrated (event)"]
    assert first(events).message is None  # its event says it
    assert first(events).source_host == "esx01.example"


def test_41_secondary_is_no_domain_of_its_own(on: Scenario) -> None:
    """It is not listed, and nothing is told of it."""
    shadow = on.enter("vm-8", **{**ON, "role": "2"})
    assert later(on, shadow, on.event("VmPoweredOnEvent", entity="vm-8")) == []
    job = on.task("Drm.ExecuteVMotionLRO", entity="vm-8")
    assert later(on, on.modify("vm-8", host="host-2"), job) == []
    assert (
        later(on, on.modify("vm-8", tasks=("task-1",)), on.event("VmResettingEvent", entity="vm-8"))
        == []
    )
    assert later(on, on.modify("vm-8", connection="disconnected"), failed_host(on)) == []
    assert [status.domain.reference for status in on.tracker.statuses(stale=False)] == ["vm-42"]
    assert on.tracker.domain_count == 1
    assert later(on, on.leave("vm-8"), on.event("VmRemovedEvent", entity="vm-8")) == []


def test_41_terminated_by_fault_tolerance(on: Scenario) -> None:
    """It did not stop by itself."""
    events = later(
        on,
        on.event("VmFaultToleranceVmTerminatedEvent"),
        on.modify(power="poweredOff", boot=None, clean="false"),
    )

    assert told(events) == ["stopped failed (event)"]


# -- gaps


def test_42_gap_without_a_history(on: Scenario) -> None:
    """By difference, and marked so."""
    on.wait(60)
    boot = on.now.isoformat()
    events = on.sync(on.enter(**{**ON, "boot": boot}))

    assert told(events) == ["stopped shutdown (unknown)", "started booted (boot-time)"]
    assert [event.synthetic for event in events] == [True, False]


def test_42_gap_with_its_history(on: Scenario) -> None:
    """True reasons and true times, and nothing synthetic."""
    on.wait(10)
    off = on.event("VmPoweredOffEvent", user="ops")
    on.wait(10)
    start = on.event("VmPoweredOnEvent", user="ops")
    boot = on.now.isoformat()
    on.wait(600)
    events = on.sync(on.enter(**{**ON, "boot": boot}), off, start)

    assert told(events) == ["stopped destroyed (event)", "started booted (event)"]
    assert [event.occurred_at for event in events] == [off.created_time, start.created_time]
    assert not any(event.synthetic for event in events)


def test_42_crash_in_a_gap(on: Scenario) -> None:
    """The property is evidence, whenever it is seen."""
    events = on.sync(on.enter(**{**WEB01, "clean": "false"}))

    assert told(events) == ["stopped crashed (clean-power-off)"]
    assert not events[0].synthetic


def test_42_suspended_and_resumed_in_a_gap(on: Scenario) -> None:
    """The time of the suspend shows it."""
    on.wait(600)
    at = on.now - timedelta(seconds=300)
    events = on.sync(on.enter(**ON, suspended_at=at.isoformat()))

    assert told(events) == ["suspended paused (state)", "resumed unpaused (state)"]
    assert events[0].occurred_at == at
    assert all(event.synthetic for event in events)


def test_42_old_time_of_a_suspend_is_not_that_of_the_next(on: Scenario) -> None:
    """It may be told a moment later than the state."""
    later(on, on.modify(power="suspended", suspended_at=LATER), on.event("VmSuspendedEvent"))
    on.say(on.modify(power="poweredOn"), on.event("VmPoweredOnEvent", user="ops"))
    on.wait(3600)
    seen_at = on.now
    [event] = later(on, on.modify(power="suspended"))

    assert event.occurred_at == seen_at
    assert later(on, on.modify(suspended_at=on.now.isoformat())) == []


def test_42_stop_in_a_gap_that_was_asked_for_before_it(on: Scenario) -> None:
    """A request that was made before the gap counts, if its stop is in it."""
    on.say(on.event("VmGuestShutdownEvent", user="ops"))
    on.wait(60)
    off = on.event("VmPoweredOffEvent")
    on.wait(60)
    events = on.sync(on.enter(**{**WEB01, "clean": "true"}), off)

    assert told(events) == ["shutdown guest (request)", "stopped shutdown (request)"]
    assert events[1].occurred_at == off.created_time
