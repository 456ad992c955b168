"""What entries of the event history tell by themselves, with what libvirt's callbacks are given."""

from __future__ import annotations

from typing import Any

import pytest

from eventd.model.arguments import (
    AgentReason,
    AgentState,
    GraphicsPhase,
    IOErrorAction,
    MemoryFailureAction,
    MemoryFailureRecipient,
    MetadataType,
    TrayChange,
    WatchdogAction,
)
from eventd.model.events import (
    DomainAgentLifecycle,
    DomainDeviceAdded,
    DomainDeviceRemovalFailed,
    DomainDeviceRemoved,
    DomainGraphics,
    DomainIOError,
    DomainIOErrorReason,
    DomainJobCompleted,
    DomainMemoryFailure,
    DomainMetadataChanged,
    DomainNICMacChanged,
    DomainTrayChange,
    DomainTunable,
    DomainWatchdog,
    Event,
)
from eventd.vi.types import ConfigChange, DeviceChange, TaskState
from tests.tracking.playbook import WEB01, Scenario, evidence_of, told


@pytest.fixture
def host() -> Scenario:
    """A host whose history is followed, with web01 on."""
    host = Scenario(follows_history=True, grace=1.5)
    assert host.sync(host.enter(**{**WEB01, "power": "poweredOn"})) == []
    host.wait(60)
    return host


def arguments(event: Event) -> dict[str, Any]:
    """What the event says beside what all events say."""
    common = {"occurred_at", "source", "synthetic", "fact", "domain", "evidence"}
    return {name: value for name, value in dict(event).items() if name not in common}


@pytest.mark.parametrize(
    ("kind", "members", "cls", "expected"),
    [
        (
            "VmAcquiredMksTicketEvent",
            {},
            DomainGraphics,
            {"phase": GraphicsPhase.INITIALIZE, "service": "mks"},
        ),
        (
            "VmAcquiredTicketEvent",
            {"ticketType": "webmks"},
            DomainGraphics,
            {"phase": GraphicsPhase.INITIALIZE, "service": "webmks"},
        ),
        (
            "VmRemoteConsoleConnectedEvent",
            {},
            DomainGraphics,
            {"phase": GraphicsPhase.CONNECT, "service": "mks"},
        ),
        (
            "VmRemoteConsoleDisconnectedEvent",
            {},
            DomainGraphics,
            {"phase": GraphicsPhase.DISCONNECT, "service": "mks"},
        ),
        (
            "esx.problem.vm.kill.unexpected.forcefulPageRetire",
            {},
            DomainMemoryFailure,
            {
                "recipient": MemoryFailureRecipient.HYPERVISOR,
                "action": MemoryFailureAction.FATAL,
                "flags": 0,
            },
        ),
        (
            "VmMacChangedEvent",
            {"adapter": "Network adapter 2", "oldMac": "00:50:56:00:00:01", "newMac": "…:02"},
            DomainNICMacChanged,
            {"dev_alias": "net1", "old_mac": "00:50:56:00:00:01", "new_mac": "…:02"},
        ),
        (
            "VmMacChangedEvent",
            {"adapter": "4003"},
            DomainNICMacChanged,
            {"dev_alias": "net3", "old_mac": "", "new_mac": ""},
        ),
        (
            "VmMacChangedEvent",
            {"adapter": "odd"},
            DomainNICMacChanged,
            {"dev_alias": "odd", "old_mac": "", "new_mac": ""},
        ),
    ],
)
def test_entry_that_tells_one_event(
    host: Scenario, kind: str, members: dict[str, str], cls: type[Event], expected: dict[str, Any]
) -> None:
    """With its arguments, at the host's time, and once."""
    entry = host.event(kind, user="ops")._replace(members=members)
    host.wait(3)
    [event] = host.say(entry)

    assert type(event) is cls
    assert arguments(event) == expected
    assert event.occurred_at == entry.created_time
    assert not event.synthetic
    [found] = evidence_of([event])
    assert (found.cause, found.user) == ("event", "ops")
    assert found.event is not None
    assert found.event.key == entry.key
    assert host.say(entry) == []


def test_reset_that_failed_was_tried_by_ha(host: Scenario) -> None:
    """A watchdog that could do nothing; no user has asked it to."""
    [event] = host.say(host.event("VmDasResetFailedEvent"))

    assert type(event) is DomainWatchdog
    assert arguments(event) == {"action": WatchdogAction.NONE}
    assert (event.evidence.cause, event.evidence.initiator) == ("event", "ha")


@pytest.mark.parametrize(
    "kind",
    [
        "com.vmware.vc.vcp.VmDatastoreFailedEvent",
        "com.vmware.vc.HA.VmcpStorageFailureDetectedForVm",
    ],
)
def test_storage_that_fails_is_an_io_error_with_and_without_its_reason(
    host: Scenario, kind: str
) -> None:
    """libvirt tells both ids; nothing was done about it yet, and the reason is not known."""
    error, reason = host.say(host.event(kind))

    assert isinstance(error, DomainIOError)
    assert isinstance(reason, DomainIOErrorReason)
    assert error.action is reason.action is IOErrorAction.REPORT
    assert (reason.error_reason, reason.src_path, reason.dev_alias) == ("", "", "")
    assert host.status().state.word == "running"


def test_reallocated_resources_are_a_new_definition(host: Scenario) -> None:
    """What exactly changed is not told."""
    assert told(host.say(host.event("VmResourceReallocatedEvent", user="ops"))) == [
        "defined updated (event)"
    ]


def reconfigured(host: Scenario, config: ConfigChange) -> list[Event]:
    """Say that a user reconfigured the domain."""
    return host.say(host.event("VmReconfiguredEvent", user="ops", config=config))


def test_devices_that_are_added_have_the_keys_that_the_host_gave_them(host: Scenario) -> None:
    """The specification has negative ones only; before 6.5 the place has to do."""
    disk = DeviceChange("add", "VirtualDisk", -1, 1000, 1, None)
    card = DeviceChange("add", "VirtualVmxnet3", -2, 100, 8, None)
    events = reconfigured(host, ConfigChange((disk, card), added_keys=(2005, 4002)))
    assert told(events) == ["defined updated (event)"] + ["device-added (event)"] * 2
    assert [arguments(event)["dev_alias"] for event in events[1:]] == ["scsi0-0-5", "net2"]
    assert isinstance(events[1], DomainDeviceAdded)

    events = reconfigured(host, ConfigChange((disk, card)))
    assert [arguments(event)["dev_alias"] for event in events[1:]] == ["scsi0-0-1", "net1"]


def test_device_that_is_removed(host: Scenario) -> None:
    """By the key that it had."""
    disk = DeviceChange("remove", "VirtualDisk", 2000, None, None, None)
    assert reconfigured(host, ConfigChange((disk,))) == []  # its task may tell that it failed
    host.wait(1.5)
    events = host.read()

    assert isinstance(events[1], DomainDeviceRemoved)
    assert arguments(events[1]) == {"dev_alias": "scsi0-0-0"}


@pytest.mark.parametrize(
    ("connected", "change"), [(True, TrayChange.CLOSE), (False, TrayChange.OPEN)]
)
def test_medium_that_is_connected_or_not_moves_the_tray(
    host: Scenario, connected: bool, change: TrayChange
) -> None:
    """The nearest that VI has."""
    drive = DeviceChange("edit", "VirtualCdrom", 3002, 201, 0, connected)
    events = reconfigured(host, ConfigChange((drive,)))

    assert isinstance(events[1], DomainTrayChange)
    assert arguments(events[1]) == {"dev_alias": "ide1-0-0", "change": change}


@pytest.mark.parametrize(
    "device",
    [
        DeviceChange("edit", "VirtualE1000", 4000, 100, 7, False),
        DeviceChange("edit", "VirtualCdrom", 3000, 200, 0, None),
        DeviceChange(None, "VirtualDisk", 2000, 1000, 0, None),
    ],
)
def test_other_edit_of_a_device_is_a_new_definition_only(
    host: Scenario, device: DeviceChange
) -> None:
    """It has no event of its own."""
    assert told(reconfigured(host, ConfigChange((device,)))) == ["defined updated (event)"]


def test_shares_of_the_processor_are_tunable(host: Scenario) -> None:
    """By the name of libvirt's field."""
    events = reconfigured(host, ConfigChange(cpu_shares=2000))

    assert isinstance(events[1], DomainTunable)
    assert arguments(events[1]) == {"parameters": {"cputune.cpu_shares": 2000}}


def test_annotation_is_the_description(host: Scenario) -> None:
    """Also one that is taken away."""
    events = reconfigured(host, ConfigChange(annotation=""))

    assert isinstance(events[1], DomainMetadataChanged)
    assert arguments(events[1]) == {"metadata": MetadataType.DESCRIPTION, "uri": None}


def test_device_that_could_not_be_removed_is_told_so_and_nothing_else(host: Scenario) -> None:
    """The entry is written before the task fails."""
    disk = DeviceChange("remove", "VirtualDisk", 2000, None, None, None)
    entry = host.event("VmReconfiguredEvent", user="ops", config=ConfigChange((disk,)))
    running = host.task("VirtualMachine.reconfigure", TaskState.RUNNING)
    assert host.say(entry, running) == []

    events = host.say(host.task("VirtualMachine.reconfigure", TaskState.ERROR))

    assert told(events) == ["device-removal-failed (task)"]
    assert isinstance(events[0], DomainDeviceRemovalFailed)
    assert arguments(events[0]) == {"dev_alias": "scsi0-0-0"}


def test_several_entries_of_one_answer_are_one_new_definition(host: Scenario) -> None:
    """And each keeps what has an event of its own."""
    events = host.say(
        host.event("VmReconfiguredEvent", config=ConfigChange(cpu_shares=1)),
        host.event("VmReconfiguredEvent", config=ConfigChange(annotation="x")),
        host.event("VmResourceReallocatedEvent"),
    )

    assert told(events) == [
        "defined updated (event)",
        "tunable (event)",
        "metadata-change description (event)",
    ]


def test_facts_of_one_entry_have_names_of_their_own(host: Scenario) -> None:
    """The name of a fact is the id of its record: two of the same would be one."""
    disks = tuple(DeviceChange("add", "VirtualDisk", key, None, None, None) for key in (2000, 2001))
    events = reconfigured(host, ConfigChange(disks, annotation="x", cpu_shares=1))

    names = [event.fact for event in events]
    assert None not in names
    assert len(set(names)) == len(names) == 5


def test_entry_of_a_domain_that_is_not_followed_tells_nothing(host: Scenario) -> None:
    """The history is the whole host's."""
    assert host.say(host.event("VmRemoteConsoleConnectedEvent", entity="vm-99")) == []


def test_entry_of_no_domain_tells_nothing(host: Scenario) -> None:
    """It may explain something later."""
    assert host.say(host.event("HostShutdownEvent", entity=None, host="host-1")) == []


def test_entries_of_a_gap_are_told_with_their_own_times(host: Scenario) -> None:
    """Nobody was looking, and the history says what was."""
    entry = host.event("VmRemoteConsoleConnectedEvent", user="ops")
    host.wait(100)
    [event] = host.sync(host.enter(**{**WEB01, "power": "poweredOn"}), entry)

    assert not event.synthetic
    assert event.occurred_at == entry.created_time


def test_entries_of_a_domain_that_left_come_before_its_end(host: Scenario) -> None:
    """Who replays them finds the domain."""
    events = host.say(
        host.event("VmReconfiguredEvent", user="ops"),
        host.event("VmPoweredOffEvent", user="ops"),
        host.event("VmRemovedEvent", user="ops"),
        host.leave(),
    )

    assert told(events) == [
        "defined updated (event)",
        "stopped destroyed (event)",
        "undefined removed (event)",
    ]


def test_tools_that_come_up_with_the_guest_are_an_agent_of_the_start(host: Scenario) -> None:
    """Within five minutes of the boot."""
    host.say(
        host.modify(boot=host.now.isoformat(), tools="guestToolsNotRunning"),
    )
    host.wait(60)
    [event] = host.say(host.modify(tools="guestToolsRunning"))

    assert isinstance(event, DomainAgentLifecycle)
    assert (event.state, event.because) == (AgentState.CONNECTED, AgentReason.DOMAIN_STARTED)


def test_tools_that_come_and_go_later_are_a_channel_event(host: Scenario) -> None:
    """Nothing else happened."""
    host.say(host.modify(tools="guestToolsRunning"))
    events = host.say(host.modify(tools="guestToolsNotRunning"))
    events += host.say(host.modify(tools="guestToolsRunning"))

    assert [
        (event.state, event.because) for event in events if isinstance(event, DomainAgentLifecycle)
    ] == [
        (AgentState.DISCONNECTED, AgentReason.CHANNEL),
        (AgentState.CONNECTED, AgentReason.CHANNEL),
    ]


def test_job_that_has_ended_tells_how_long_it_took(host: Scenario) -> None:
    """In milliseconds, by the host's clock; unknown where it tells no times."""
    task = host.task("VirtualMachine.createSnapshot", completed_at=host.now)
    [event] = host.say(host.modify(snapshot="s1"), task)

    assert isinstance(event, DomainJobCompleted)
    assert arguments(event) == {"operation": "snapshot-create", "time_elapsed": 60_000}
    assert event.occurred_at == host.now
    assert host.say(task) == []

    unknown = host.task("VirtualMachine.createSnapshot", key="task-2")
    [event] = host.say(host.modify(snapshot="s2"), unknown)
    assert arguments(event)["time_elapsed"] is None


def test_job_that_failed_is_none(host: Scenario) -> None:
    """Nothing was completed."""
    failed = host.task("VirtualMachine.migrate", TaskState.ERROR)

    assert host.say(host.event("VmRelocatedEvent"), failed) != []
    assert "job-completed" not in str(told(host.say(failed)))
