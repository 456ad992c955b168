"""Event ids and kinds: what an event is about, as libvirt's numbers and virsh's words.

Numbers: ``virDomainEventID`` in libvirt's ``include/libvirt/libvirt-domain.h`` (11.3).
Words: the order and spelling of ``virsh event --list``.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = ["EVENT_ID_LAST", "EventId", "EventKind"]


class EventId(IntEnum):
    """``VIR_DOMAIN_EVENT_ID_*``: the number that a callback is registered for."""

    LIFECYCLE = 0
    REBOOT = 1
    RTC_CHANGE = 2
    WATCHDOG = 3
    IO_ERROR = 4
    GRAPHICS = 5
    IO_ERROR_REASON = 6
    CONTROL_ERROR = 7
    BLOCK_JOB = 8
    DISK_CHANGE = 9
    TRAY_CHANGE = 10
    PMWAKEUP = 11
    PMSUSPEND = 12
    BALLOON_CHANGE = 13
    PMSUSPEND_DISK = 14
    DEVICE_REMOVED = 15
    BLOCK_JOB_2 = 16
    TUNABLE = 17
    AGENT_LIFECYCLE = 18
    DEVICE_ADDED = 19
    MIGRATION_ITERATION = 20
    JOB_COMPLETED = 21
    DEVICE_REMOVAL_FAILED = 22
    METADATA_CHANGE = 23
    BLOCK_THRESHOLD = 24
    MEMORY_FAILURE = 25
    MEMORY_DEVICE_SIZE_CHANGE = 26
    NIC_MAC_CHANGE = 27

    @property
    def kind(self) -> EventKind:
        """The word that virsh prints for this id."""
        return _KINDS[self]


EVENT_ID_LAST = 28
"""``VIR_DOMAIN_EVENT_ID_LAST``: the first number that is not an event id."""


class EventKind(StrEnum):
    """The word for what an event is about, in filters, records and on the command line.

    The first 28 are libvirt's, in the order of their event ids. The others are eventd's own,
    for facts that libvirt has no event id for.
    """

    LIFECYCLE = "lifecycle"
    REBOOT = "reboot"
    RTC_CHANGE = "rtc-change"
    WATCHDOG = "watchdog"
    IO_ERROR = "io-error"
    GRAPHICS = "graphics"
    IO_ERROR_REASON = "io-error-reason"
    CONTROL_ERROR = "control-error"
    BLOCK_JOB = "block-job"
    DISK_CHANGE = "disk-change"
    TRAY_CHANGE = "tray-change"
    PM_WAKEUP = "pm-wakeup"
    PM_SUSPEND = "pm-suspend"
    BALLOON_CHANGE = "balloon-change"
    PM_SUSPEND_DISK = "pm-suspend-disk"
    DEVICE_REMOVED = "device-removed"
    BLOCK_JOB_2 = "block-job-2"
    TUNABLE = "tunable"
    AGENT_LIFECYCLE = "agent-lifecycle"
    DEVICE_ADDED = "device-added"
    MIGRATION_ITERATION = "migration-iteration"
    JOB_COMPLETED = "job-completed"
    DEVICE_REMOVAL_FAILED = "device-removal-failed"
    METADATA_CHANGE = "metadata-change"
    BLOCK_THRESHOLD = "block-threshold"
    MEMORY_FAILURE = "memory-failure"
    MEMORY_DEVICE_SIZE_CHANGE = "memory-device-size-change"
    NIC_MAC_CHANGE = "nic-mac-change"

    QUESTION = "question"
    TASK = "task"
    CONNECTION = "connection"
    AMENDMENT = "amendment"
    JOURNAL = "journal"

    @property
    def event_id(self) -> EventId | None:
        """libvirt's number for this kind, or None for eventd's own kinds."""
        return _IDS.get(self)


_KINDS = dict(zip(EventId, EventKind, strict=False))
_IDS = {kind: event_id for event_id, kind in _KINDS.items()}
