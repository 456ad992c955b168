"""The world by itself: what a script can do to domains, at times that the test sets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from eventd.simulator.world import Pace, VIFault, World
from eventd.simulator.world.values import DataObject
from tests.simulator.played import LATER, LATEST, START, events, state, task_state, world


def test_domains_have_readable_names_and_are_off() -> None:
    """The names repeat with a number; nothing runs at first."""
    played = world(domains=9)

    assert played.domains.names == [
        *("web01", "db01", "mail01", "app01", "cache01", "build01", "proxy01", "backup01"),
        "web02",
    ]
    assert {state(played, name) for name in played.domains.names} == {"poweredOff"}


@pytest.mark.parametrize(("product", "reference"), [("esx", "1"), ("vpx", "vm-42")])
def test_references_have_the_form_of_the_product(product: Any, reference: str) -> None:
    """libvirt makes the domain's id from the number in them."""
    assert world(product=product).domain("web01").value == reference


def test_identities_are_the_same_in_each_world_and_differ_within_one() -> None:
    """BIOS UUID and instance UUID are two things; a restart keeps both."""
    one, other = world(), world()
    uuids = [one.read(name, "config.uuid") for name in one.domains.names]

    assert uuids == [other.read(name, "config.uuid") for name in other.domains.names]
    assert len(set(uuids)) == len(uuids)
    assert one.read("web01", "config.instanceUuid") not in uuids


@pytest.mark.parametrize("product", ["esx", "vpx"])
def test_a_world_with_another_identity_is_another_host_with_the_same_domains(product: Any) -> None:
    """As one that was reinstalled, and got its domains back."""
    one, other = (world(product=product, identity=identity) for identity in ("one", "other"))

    assert [identity_of(each) for each in (one, other)] == ["one", "other"]
    assert identity_of(world(product=product)) not in (None, "one", "other")
    assert one.read("web01", "config.uuid") == other.read("web01", "config.uuid")


def identity_of(played: World) -> object:
    if played.product == "esx":
        return played.objects.read(played.inventory.hosts[0], "hardware.systemInfo.uuid")
    return played.objects.read(played.inventory.service_instance, "content.about.instanceUuid")


def test_a_task_is_queued_and_runs_and_succeeds_one_after_the_other() -> None:
    """Each state is reached at its own time, and the domain changes with the last."""
    played = world(pace=Pace(queued=timedelta(seconds=1), running=timedelta(seconds=2)))

    task = played.power_on("web01", now=START)
    seen = []
    while (due := played.next_deadline) is not None and due < LATER:
        seen.append((task_state(played, task), state(played)))
        played.advance(due)

    assert seen == [("queued", "poweredOff"), ("running", "poweredOff")]
    assert (task_state(played, task), state(played)) == ("success", "poweredOn")
    assert played.objects.read(task, "info.descriptionId") == "VirtualMachine.powerOn"
    assert played.objects.read(task, "info.name") == "PowerOnVM_Task"
    assert played.objects.read(task, "info.completeTime") == START + timedelta(seconds=3)


def test_booting_sets_the_boot_time_and_stopping_clears_it() -> None:
    """And `cleanPowerOff` is only set while the domain is off."""
    played = world()

    played.power_on("web01", now=START)
    played.advance(START)
    booted, clean_while_on = (
        played.read("web01", path) for path in ("runtime.bootTime", "runtime.cleanPowerOff")
    )
    played.power_off("web01", now=LATER)
    played.advance(LATER)

    assert (booted, clean_while_on) == (START, None)
    assert played.read("web01", "runtime.bootTime") is None
    assert played.read("web01", "runtime.cleanPowerOff") is True


def test_going_on_after_a_suspend_keeps_the_boot_time() -> None:
    """It is no boot; the events call it resuming."""
    played = world(powered_on=True, domains=1)

    played.suspend("web01", now=LATER)
    played.advance(LATER)
    suspended = state(played)
    played.power_on("web01", now=LATEST)
    played.advance(LATEST)

    assert (suspended, state(played)) == ("suspended", "poweredOn")
    assert played.read("web01", "runtime.bootTime") == START
    assert events(played) == [
        *("VmSuspendingEvent", "VmSuspendedEvent"),
        *("VmResumingEvent", "VmPoweredOnEvent"),
    ]


def test_a_reset_never_leaves_the_powered_on_state() -> None:
    """Only the task and the guest's state tell of it."""
    played = world(powered_on=True, pace=Pace())
    states = set()
    guest = []
    played.observers.append(lambda: states.add(state(played)))

    played.reset("web01", now=LATER)
    for _ in range(3):
        due = played.next_deadline
        assert due is not None
        guest.append(played.read("web01", "guest.guestState"))
        played.advance(due)

    assert states == {"poweredOn"}
    assert guest == ["running", "resetting", "running"]
    assert played.read("web01", "runtime.bootTime") == START


def test_a_crash_has_no_task_and_was_no_orderly_stop() -> None:
    """`cleanPowerOff` is the one thing that tells."""
    played = world(powered_on=True)

    played.crash("web01", now=LATER)

    assert state(played) == "poweredOff"
    assert played.read("web01", "runtime.cleanPowerOff") is False
    assert played.objects.references(played.domain("web01"), "recentTask") == ()


def test_a_guest_that_stops_by_itself_has_no_task_and_no_user() -> None:
    """But it was an orderly stop."""
    played = world(powered_on=True)

    played.guest_powers_off("web01", now=LATER)

    assert played.read("web01", "runtime.cleanPowerOff") is True
    assert played.objects.references(played.domain("web01"), "recentTask") == ()
    assert [event.members["userName"] for event in played.events.events] == [""]


def test_a_guest_shutdown_takes_its_time() -> None:
    """The request is one thing, the stop another; the event of the stop names nobody."""
    played = world(powered_on=True, pace=Pace(guest=timedelta(seconds=5)))

    played.shutdown_guest("web01", user="alice", now=START)
    asked = (state(played), played.read("web01", "guest.guestState"))
    played.advance(LATER)

    assert asked == ("poweredOn", "shuttingDown")
    assert state(played) == "poweredOff"
    assert [(event.type, event.members["userName"]) for event in played.events.events] == [
        ("VmGuestShutdownEvent", "alice"),
        ("VmPoweredOffEvent", ""),
    ]


def test_a_guest_that_goes_to_standby_is_suspended() -> None:
    """There is no task."""
    played = world(powered_on=True)

    played.standby_guest("web01", now=START)
    played.advance(START)

    assert state(played) == "suspended"
    assert events(played) == ["VmGuestStandbyEvent", "VmSuspendedEvent"]


def test_a_guest_reboots_in_its_own_time() -> None:
    """Its tools go and come back; the power state stays on."""
    played = world(powered_on=True, pace=Pace(guest=timedelta(seconds=5)))

    played.guest_reboots("web01", now=START)
    during = played.read("web01", "guest.guestState"), played.read("web01", "guest.toolsStatus")
    played.advance(START + timedelta(seconds=5))

    assert during == ("resetting", "toolsNotRunning")
    assert played.read("web01", "guest.guestState") == "running"
    assert state(played) == "poweredOn"


def test_recent_tasks_can_be_hidden() -> None:
    """The task goes on all the same."""
    played = world(pace=Pace())
    task = played.power_on("web01", now=START)

    played.hide_tasks("web01")
    played.advance(LATER)

    assert played.objects.references(played.domain("web01"), "recentTask") == ()
    assert task_state(played, task) == "success"


def test_without_tools_the_guest_cannot_be_asked() -> None:
    """The call fails at once."""
    played = world(powered_on=True)
    played.assign("web01", "guest.toolsRunningStatus", "guestToolsNotRunning", now=LATER)

    with pytest.raises(VIFault, match="ToolsUnavailable"):
        played.shutdown_guest("web01", now=LATER)


def test_a_vmotion_changes_the_host_and_nothing_else() -> None:
    """The domain runs on, with the boot time that it had."""
    played = world(product="vpx", hosts=2, powered_on=True)
    source = played.read("web01", "runtime.host")

    task = played.migrate("web01", "esx02.example", now=LATER)
    played.advance(LATER)

    assert played.read("web01", "runtime.host") == played.host("esx02.example") != source
    assert (state(played), played.read("web01", "runtime.bootTime")) == ("poweredOn", START)
    assert played.objects.read(task, "info.descriptionId") == "VirtualMachine.migrate"
    assert events(played) == ["VmBeingHotMigratedEvent", "VmMigratedEvent"]


def test_the_events_of_a_task_form_its_chain() -> None:
    """Their `chainId` is the `eventChainId` of the task, which no other task has."""
    played = world()

    tasks = [played.power_on(name, now=START) for name in ("web01", "db01")]
    played.advance(START)

    chains = [played.objects.read(task, "info.eventChainId") for task in tasks]
    assert [event.members["chainId"] for event in played.events.events] == [
        *(chains[0], chains[0], chains[1], chains[1])
    ]
    assert chains[0] != chains[1]


def test_a_task_can_end_later_than_its_domain_changes() -> None:
    """Nothing says that a host tells both at once."""
    played = world(pace=Pace(ending=timedelta(seconds=5)))

    task = played.power_on("web01", now=START)
    played.advance(START + timedelta(seconds=4))
    between = (state(played), task_state(played, task))
    played.advance(START + timedelta(seconds=6))

    assert between == ("poweredOn", "running")
    assert task_state(played, task) == "success"


def test_a_crash_ends_the_tasks_of_its_domain() -> None:
    """They cannot go on without it."""
    played = world(powered_on=True, pace=Pace())
    task = played.suspend("web01", now=START)

    played.crash("web01", now=START)
    played.advance(LATER)

    assert (task_state(played, task), state(played)) == ("error", "poweredOff")


def test_a_task_that_has_done_its_work_succeeds_whatever_becomes_of_its_domain() -> None:
    """A start that outlives its effect has not failed because the domain crashes meanwhile."""
    played = world(pace=Pace(queued=timedelta(), running=timedelta(), ending=timedelta(minutes=5)))
    task = played.power_on("web01", now=START)
    played.advance(START)

    played.crash("web01", now=LATER)

    assert task_state(played, task) == "success"
    assert "VmFailedToPowerOnEvent" not in events(played)
    assert "stopped failed" not in [happening.words for happening in played.happened]


def test_a_shutdown_ends_the_run_that_it_was_asked_of() -> None:
    """A domain that was meanwhile powered off and on again runs on."""
    played = world(powered_on=True, pace=Pace(guest=timedelta(seconds=30)))

    played.shutdown_guest("web01", now=START)
    played.power_off("web01", now=START)
    played.power_on("web01", now=START + timedelta(seconds=10))
    played.advance(LATER)

    assert state(played) == "poweredOn"


def test_a_second_task_on_a_domain_is_refused() -> None:
    """Another domain is another matter."""
    played = world(powered_on=True, pace=Pace())

    played.power_off("web01", now=LATER)

    with pytest.raises(VIFault, match="TaskInProgress"):
        played.suspend("web01", now=LATER)
    played.suspend("db01", now=LATER)


@pytest.mark.parametrize(
    ("powered_on", "operation"),
    [(True, "power_on"), (False, "power_off"), (False, "suspend"), (False, "reset")],
)
def test_an_operation_in_the_wrong_power_state_is_refused(powered_on: bool, operation: str) -> None:
    """The fault names the state that is."""
    played = world(powered_on=powered_on)

    with pytest.raises(VIFault) as refusal:
        getattr(played, operation)("web01", now=LATER)

    assert refusal.value.name == "InvalidPowerState"
    assert refusal.value.members["existingState"] == ("poweredOn" if powered_on else "poweredOff")


def test_a_domain_comes_and_goes_with_all_references_to_it() -> None:
    """Folder, host and pool know it as long as it is there."""
    played = world(domains=1)

    played.create("new", now=START)
    played.advance(START)
    domain = played.domain("new")
    inventory = played.inventory
    holders = [
        (inventory.domain_folder, "childEntity"),
        (inventory.resource_pool, "vm"),
        (inventory.hosts[0], "vm"),
    ]
    held = [domain in played.objects.references(*holder) for holder in holders]
    played.destroy("new", now=LATER)
    played.advance(LATER)

    assert held == [True, True, True]
    assert not any(domain in played.objects.references(*holder) for holder in holders)
    assert domain not in played.objects
    assert played.domains.names == ["web01"]


def test_registering_a_domain_again_gives_it_a_new_reference() -> None:
    """References are not used twice."""
    played = world(domains=1)
    old = played.domain("web01")

    played.unregister("web01", now=START)
    played.register("web01", now=LATER)
    played.advance(LATER)

    assert played.domain("web01") != old
    assert events(played) == ["VmRemovedEvent", "VmRegisteredEvent"]


def test_a_clone_is_a_domain_of_its_own() -> None:
    """It is off, and has other identities."""
    played = world(domains=1, powered_on=True)

    task = played.clone("web01", "copy", now=LATER)
    played.advance(LATER)

    assert played.objects.read(task, "info.result") == played.domain("copy")
    assert state(played, "copy") == "poweredOff"
    assert played.read("copy", "config.uuid") != played.read("web01", "config.uuid")


def test_a_rename_keeps_everything_else() -> None:
    """The name is the only thing that changes besides the version of the configuration."""
    played = world()
    reference, uuid = played.domain("web01"), played.read("web01", "config.uuid")

    played.rename("web01", "www", now=LATER)
    played.advance(LATER)

    assert (played.domain("www"), played.read("www", "config.uuid")) == (reference, uuid)
    with pytest.raises(KeyError, match="no domain is named 'web01'"):
        played.domain("web01")


def test_two_domains_cannot_have_one_name() -> None:
    """A name that is taken is refused, whichever way it comes."""
    played = world()

    for attempt in (played.create, played.register):
        with pytest.raises(VIFault, match="DuplicateName"):
            attempt("web01", now=START)
    with pytest.raises(VIFault, match="DuplicateName"):
        played.rename("db01", "web01", now=START)


def test_a_domain_that_runs_cannot_be_unregistered() -> None:
    """But it can vanish, which no client can make it."""
    played = world(powered_on=True)

    with pytest.raises(VIFault, match="InvalidPowerState"):
        played.unregister("web01", now=LATER)
    played.vanish("web01", now=LATER)

    assert "web01" not in played.domains.names


def test_the_tasks_of_a_domain_that_vanishes_end_in_an_error() -> None:
    """They would never end otherwise."""
    played = world(pace=Pace())
    task = played.power_on("web01", now=START)

    played.vanish("web01", now=START)

    assert task_state(played, task) == "error"
    played.advance(LATER)
    assert task_state(played, task) == "error"


def test_a_task_can_be_made_to_fail() -> None:
    """The fault is the task's error, and the domain stays as it was."""
    played = world()
    played.fail_next_task("web01", VIFault("GenericVmConfigFault", "simulated failure"))

    task = played.power_on("web01", now=START)
    played.advance(START)

    error = played.objects.read(task, "info.error")
    assert isinstance(error, DataObject)
    assert error.members["localizedMessage"] == "simulated failure"
    assert (task_state(played, task), state(played)) == ("error", "poweredOff")


def test_finished_tasks_are_recent_for_ten_minutes() -> None:
    """Then they and their references are gone."""
    played = world()
    task = played.power_on("web01", now=START)
    played.advance(START + timedelta(minutes=9))
    still = played.objects.references(played.domain("web01"), "recentTask")

    played.advance(START + timedelta(minutes=11))

    assert still == (task,)
    assert played.objects.references(played.domain("web01"), "recentTask") == ()
    assert task not in played.objects


def test_only_the_last_200_finished_tasks_are_recent() -> None:
    """However many there were within ten minutes."""
    played = world(domains=1)
    for _ in range(150):
        played.power_on("web01", now=START)
        played.advance(START)
        played.power_off("web01", now=START)
        played.advance(START)

    manager = played.inventory.task_manager
    assert len(played.objects.references(manager, "recentTask")) == 200
    played.advance(START + timedelta(minutes=11))
    assert played.objects.references(manager, "recentTask") == ()


def test_a_lost_host_leaves_its_domains_as_they_were_last_seen() -> None:
    """Only their connection state changes, and only on that host."""
    played = world(product="vpx", hosts=2, powered_on=True)

    played.lose_host("esx01.example", now=LATER)
    lost = [played.read(name, "runtime.connectionState") for name in ("web01", "db01")]
    played.find_host_again("esx01.example", now=LATEST)

    assert lost == ["disconnected", "connected"]
    assert state(played) == "poweredOn"
    assert played.read("web01", "runtime.connectionState") == "connected"


def test_time_that_goes_backwards_stands_still() -> None:
    """The clock of the machine may be set; what has happened stays so."""
    played = world()
    played.advance(LATER)

    played.power_on("web01", now=START)
    played.advance(START)

    assert played.read("web01", "runtime.bootTime") == LATER


def test_a_bare_host_cannot_have_two_hosts() -> None:
    """The argument is wrong, and the message says how to get more."""
    with pytest.raises(ValueError, match="make the product vpx"):
        world(product="esx", hosts=2)
