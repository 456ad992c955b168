"""The numbers and words of libvirt, written out once more."""

from __future__ import annotations

import pytest

from eventd.model.domain import DomainState
from eventd.model.ids import EVENT_ID_LAST, EventId, EventKind
from eventd.model.lifecycle import DETAILS, LifecycleType

# include/libvirt/libvirt-domain.h of libvirt 11.3, in the words of `virsh event --list`.
EVENT_IDS = {
    0: ("LIFECYCLE", "lifecycle"),
    1: ("REBOOT", "reboot"),
    2: ("RTC_CHANGE", "rtc-change"),
    3: ("WATCHDOG", "watchdog"),
    4: ("IO_ERROR", "io-error"),
    5: ("GRAPHICS", "graphics"),
    6: ("IO_ERROR_REASON", "io-error-reason"),
    7: ("CONTROL_ERROR", "control-error"),
    8: ("BLOCK_JOB", "block-job"),
    9: ("DISK_CHANGE", "disk-change"),
    10: ("TRAY_CHANGE", "tray-change"),
    11: ("PMWAKEUP", "pm-wakeup"),
    12: ("PMSUSPEND", "pm-suspend"),
    13: ("BALLOON_CHANGE", "balloon-change"),
    14: ("PMSUSPEND_DISK", "pm-suspend-disk"),
    15: ("DEVICE_REMOVED", "device-removed"),
    16: ("BLOCK_JOB_2", "block-job-2"),
    17: ("TUNABLE", "tunable"),
    18: ("AGENT_LIFECYCLE", "agent-lifecycle"),
    19: ("DEVICE_ADDED", "device-added"),
    20: ("MIGRATION_ITERATION", "migration-iteration"),
    21: ("JOB_COMPLETED", "job-completed"),
    22: ("DEVICE_REMOVAL_FAILED", "device-removal-failed"),
    23: ("METADATA_CHANGE", "metadata-change"),
    24: ("BLOCK_THRESHOLD", "block-threshold"),
    25: ("MEMORY_FAILURE", "memory-failure"),
    26: ("MEMORY_DEVICE_SIZE_CHANGE", "memory-device-size-change"),
    27: ("NIC_MAC_CHANGE", "nic-mac-change"),
}

# (number, word, virsh's string): details by number, each (word, virsh's string).
LIFECYCLE = {
    (0, "defined", "Defined"): [
        ("added", "Added"),
        ("updated", "Updated"),
        ("renamed", "Renamed"),
        ("from_snapshot", "Snapshot"),
    ],
    (1, "undefined", "Undefined"): [
        ("removed", "Removed"),
        ("renamed", "Renamed"),
    ],
    (2, "started", "Started"): [
        ("booted", "Booted"),
        ("migrated", "Migrated"),
        ("restored", "Restored"),
        ("from_snapshot", "Snapshot"),
        ("wakeup", "Event wakeup"),
    ],
    (3, "suspended", "Suspended"): [
        ("paused", "Paused"),
        ("migrated", "Migrated"),
        ("ioerror", "I/O Error"),
        ("watchdog", "Watchdog"),
        ("restored", "Restored"),
        ("from_snapshot", "Snapshot"),
        ("api_error", "API error"),
        ("postcopy", "Post-copy"),
        ("postcopy_failed", "Post-copy Error"),
    ],
    (4, "resumed", "Resumed"): [
        ("unpaused", "Unpaused"),
        ("migrated", "Migrated"),
        ("from_snapshot", "Snapshot"),
        ("postcopy", "Post-copy"),
        ("postcopy_failed", "Post-copy Error"),
    ],
    (5, "stopped", "Stopped"): [
        ("shutdown", "Shutdown"),
        ("destroyed", "Destroyed"),
        ("crashed", "Crashed"),
        ("migrated", "Migrated"),
        ("saved", "Saved"),
        ("failed", "Failed"),
        ("from_snapshot", "Snapshot"),
    ],
    (6, "shutdown", "Shutdown"): [
        ("finished", "Finished"),
        ("guest", "Finished after guest request"),
        ("host", "Finished after host request"),
    ],
    (7, "pmsuspended", "PMSuspended"): [
        ("memory", "Memory"),
        ("disk", "Disk"),
    ],
    (8, "crashed", "Crashed"): [
        ("panicked", "Panicked"),
        ("crashloaded", "Crashloaded"),
    ],
}


def test_event_ids_have_libvirts_numbers_names_and_words() -> None:
    """All that libvirt 11.3 has, and no more."""
    assert {int(each): (each.name, str(each.kind)) for each in EventId} == EVENT_IDS
    assert EVENT_ID_LAST == 28


def test_kinds_are_libvirts_and_five_of_our_own() -> None:
    """Our own have a word and no number."""
    own = ["question", "task", "connection", "amendment", "journal"]
    assert [str(kind) for kind in EventKind] == [word for _, word in EVENT_IDS.values()] + own
    assert [kind.event_id for kind in EventKind] == [*EVENT_IDS, *[None] * 5]


def test_lifecycle_types_and_details_are_libvirts() -> None:
    """Numbers, words, and the strings that virsh prints."""
    tables = {
        (int(kind), kind.word, kind.virsh): [
            (detail.word, detail.virsh) for detail in sorted(DETAILS[kind])
        ]
        for kind in LifecycleType
    }
    assert tables == LIFECYCLE


@pytest.mark.parametrize("kind", LifecycleType)
def test_details_count_from_zero_without_a_hole(kind: LifecycleType) -> None:
    """The place in the table above is the number."""
    assert [int(detail) for detail in DETAILS[kind]] == list(range(len(DETAILS[kind])))


def test_the_table_of_details_cannot_be_changed() -> None:
    """It is the same for everybody."""
    with pytest.raises(TypeError):
        DETAILS[LifecycleType.DEFINED] = DETAILS[LifecycleType.CRASHED]  # type: ignore[index]


def test_domain_states_have_libvirts_numbers_and_virshs_words() -> None:
    """The words are those of ``virsh domstate``."""
    assert {int(state): (state.name, state.word) for state in DomainState} == {
        0: ("NOSTATE", "no state"),
        1: ("RUNNING", "running"),
        2: ("BLOCKED", "idle"),
        3: ("PAUSED", "paused"),
        4: ("SHUTDOWN", "in shutdown"),
        5: ("SHUTOFF", "shut off"),
        6: ("CRASHED", "crashed"),
        7: ("PMSUSPENDED", "pmsuspended"),
    }
