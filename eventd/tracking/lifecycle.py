"""The lifecycle table: what a change of a domain means, and why.

`TABLE` says for each change which evidence leads to which events, best evidence first. The first
row whose evidence is there decides. Without any, libvirt's neutral detail 0 is told with the cause
``unknown``: a crash is never guessed. Each row bears the number of its situation in
``situations.md`` beside this file.
"""

from __future__ import annotations

from typing import NamedTuple

from eventd.model.evidence import Initiator
from eventd.model.lifecycle import (
    CrashedDetail,
    DefinedDetail,
    PMSuspendedDetail,
    ResumedDetail,
    ShutdownDetail,
    StartedDetail,
    StoppedDetail,
    SuspendedDetail,
    UndefinedDetail,
)
from eventd.tracking.changes import Change, Part
from eventd.tracking.event_types import HA_RESTARTS, MONITORING_RESETS
from eventd.tracking.evidence import (
    Find,
    booted_anew,
    both,
    by_automatic_stop,
    by_guest,
    by_host_shutdown,
    by_user,
    came_from_elsewhere,
    came_on,
    clean_power_off_is_false,
    either,
    event,
    guest_does,
    guest_panics,
    guest_reboots,
    guest_shows,
    guest_state_was,
    had_crashed,
    happened,
    host_failed,
    host_replaced,
    just_booted,
    lost_control,
    recently_booted,
    request,
    request_by_user,
    restarted_elsewhere,
    revert,
    revert_between_inactive,
    seen,
    seen_anew,
    shows_a_template,
    task,
    there_is_room,
    unknown,
    went_on,
    went_out_of_scope,
)
from eventd.tracking.facts import Facts, Found
from eventd.tracking.inventory import SuspendMode
from eventd.tracking.operations import Operation
from eventd.tracking.tellings import (
    AGENT_CONNECTED,
    AGENT_DISCONNECTED,
    AGENT_STARTED,
    CONTROL_ERROR,
    IO_ERROR,
    OUT_OF_SPACE,
    PM_SUSPEND,
    PM_WAKEUP,
    REBOOT,
    WATCHDOG_RESET,
    Telling,
)

__all__ = ["SAVED_TABLE", "TABLE", "Row", "Verdict", "decide"]


class Row(NamedTuple):
    """One row: for this change, if this evidence is there, these events, in this order."""

    situation: int
    """Its number in the catalogue of situations."""
    change: Change
    evidence: Find
    then: tuple[Telling, ...]


class Verdict(NamedTuple):
    """What a change turned out to mean."""

    part: Part
    """The change."""
    then: tuple[Telling, ...]
    """The events to publish, in order."""
    found: Found
    elsewhere: str | None
    """The host of another connection that the domain came from or went to."""


_GUEST_STOPPED = (ShutdownDetail.GUEST, StoppedDetail.SHUTDOWN)
_HOST_STOPPED = (ShutdownDetail.HOST, StoppedDetail.SHUTDOWN)
_MOVED = (StoppedDetail.MIGRATED, StartedDetail.MIGRATED)
_ANEW = (StoppedDetail.FROM_SNAPSHOT, StartedDetail.FROM_SNAPSHOT)
_RENAMED = (UndefinedDetail.RENAMED, DefinedDetail.RENAMED)

_ISOLATED = event("VmPowerOffOnIsolationEvent", by=Initiator.HA)
_SHUT_DOWN_ON_ISOLATION = event(
    "VmShutdownOnIsolationEvent", by=Initiator.HA, member=("shutdownResult", "shutdown")
)
_NOT_SHUT_DOWN_ON_ISOLATION = event("VmShutdownOnIsolationEvent", by=Initiator.HA)
_KILLED = event(
    "esx.problem.vm.kill.unexpected.fault.failure",
    "esx.problem.vm.kill.unexpected.forcefulPageRetire",
    "esx.problem.vm.kill.unexpected.noSwapResponse",
    "esx.problem.vm.kill.unexpected.vmtrack",
    "esx.problem.vm.kill.unexpected.vmx.fault.failure",
)
_GUEST_WENT_DOWN = either(guest_state_was("shuttingDown"), request("VmGuestShutdownEvent"))
_POWERED_ON = happened("VmPoweredOnEvent")
_MIGRATED = happened("VmMigratedEvent")
_LEFT_FOR_ANOTHER_HOST = event(
    "com.vmware.vc.vm.SrcVmMigratedEvent", "VmEmigratingEvent", spends=False
)
_INSTANT_CLONE = event("com.vmware.vc.VmInstantClonedEvent")
_CAME_FROM_ANOTHER_VCENTER = event("com.vmware.vc.vm.DstVmMigratedEvent")

TABLE: tuple[Row, ...] = (
    # What comes to be known, and what is known no more.
    Row(31, Change.APPEARED, event("VmClonedEvent", "VmDeployedEvent"), (DefinedDetail.ADDED,)),
    Row(31, Change.APPEARED, event("com.vmware.vc.VmInstantClonedEvent", spends=False),
        (DefinedDetail.ADDED,)),
    Row(26, Change.APPEARED, event("com.vmware.vc.vm.DstVmMigratedEvent", spends=False),
         (DefinedDetail.ADDED,)),
    Row(35, Change.APPEARED, event("VmUuidChangedEvent"), (DefinedDetail.ADDED,)),
    Row(30, Change.APPEARED, event("VmRegisteredEvent", spends=False), (DefinedDetail.ADDED,)),
    Row(30, Change.APPEARED, event("VmDiscoveredEvent", spends=False), (DefinedDetail.ADDED,)),
    Row(31, Change.APPEARED, event("VmCreatedEvent"), (DefinedDetail.ADDED,)),
    Row(25, Change.APPEARED, came_from_elsewhere, (DefinedDetail.ADDED,)),
    Row(30, Change.APPEARED, seen, (DefinedDetail.ADDED,)),
    Row(31, Change.FOUND_ON, _INSTANT_CLONE, (StartedDetail.RESTORED,)),
    Row(26, Change.FOUND_ON, _CAME_FROM_ANOTHER_VCENTER, (StartedDetail.MIGRATED,)),
    Row(30, Change.FOUND_ON, event("VmRegisteredEvent"), (StartedDetail.BOOTED,)),
    Row(30, Change.FOUND_ON, event("VmDiscoveredEvent"), (StartedDetail.BOOTED,)),
    Row(1, Change.FOUND_ON, task(Operation.POWER_ON), (StartedDetail.BOOTED,)),
    Row(1, Change.FOUND_ON, _POWERED_ON, (StartedDetail.BOOTED,)),
    Row(25, Change.FOUND_ON, _MIGRATED, (StartedDetail.MIGRATED,)),
    Row(25, Change.FOUND_ON, came_from_elsewhere, (StartedDetail.MIGRATED,)),
    Row(42, Change.FOUND_ON, recently_booted, (StartedDetail.BOOTED,)),
    Row(25, Change.FOUND_ON, came_on, (StartedDetail.MIGRATED,)),
    Row(42, Change.FOUND_ON, unknown, (StartedDetail.BOOTED,)),
    Row(17, Change.FOUND_SUSPENDED, happened("VmSuspendedEvent"), (SuspendedDetail.PAUSED,)),
    Row(42, Change.FOUND_SUSPENDED, seen, (SuspendedDetail.PAUSED,)),
    Row(43, Change.LOST_ON, host_replaced, (StoppedDetail.SHUTDOWN,)),
    Row(4, Change.LOST_ON, task(Operation.POWER_OFF), (StoppedDetail.DESTROYED,)),
    Row(25, Change.LOST_ON, _LEFT_FOR_ANOTHER_HOST, (StoppedDetail.MIGRATED,)),
    Row(25, Change.LOST_ON, went_on, (StoppedDetail.MIGRATED,)),
    Row(42, Change.LOST_ON, unknown, (StoppedDetail.SHUTDOWN,)),
    Row(43, Change.LOST_SUSPENDED, host_replaced, (StoppedDetail.SAVED,)),
    # What was suspended stays on the disk.
    Row(33, Change.LOST_SUSPENDED, seen_anew, (StoppedDetail.SAVED,)),
    Row(43, Change.LEFT, host_replaced, (UndefinedDetail.REMOVED,)),
    Row(32, Change.LEFT, task(Operation.DESTROY), (UndefinedDetail.REMOVED,)),
    Row(35, Change.LEFT, event("VmUuidChangedEvent", spends=False), (UndefinedDetail.REMOVED,)),
    Row(26, Change.LEFT, event("com.vmware.vc.vm.SrcVmMigratedEvent"), (UndefinedDetail.REMOVED,)),
    Row(32, Change.LEFT, event("VmRemovedEvent"), (UndefinedDetail.REMOVED,)),
    Row(33, Change.LEFT, went_out_of_scope, (UndefinedDetail.REMOVED,)),
    Row(42, Change.LEFT, seen, (UndefinedDetail.REMOVED,)),
    Row(34, Change.RENAMED, task(Operation.RENAME, Operation.RECONFIGURE), _RENAMED),
    Row(34, Change.RENAMED, event("VmRenamedEvent", "VmAutoRenameEvent"), _RENAMED),
    Row(34, Change.RENAMED, seen, _RENAMED),
    # Start.
    Row(12, Change.STARTED, event(*HA_RESTARTS, by=Initiator.HA), (StartedDetail.BOOTED,)),
    Row(15, Change.STARTED, event("com.vmware.vc.vcp.VmRestartEvent", by=Initiator.HA),
        (StartedDetail.BOOTED,)),
    Row(1, Change.STARTED, task(Operation.POWER_ON), (StartedDetail.BOOTED,)),
    Row(1, Change.STARTED, _POWERED_ON, (StartedDetail.BOOTED,)),
    Row(12, Change.STARTED, restarted_elsewhere, (StartedDetail.BOOTED,)),
    Row(42, Change.STARTED, booted_anew, (StartedDetail.BOOTED,)),
    Row(42, Change.STARTED, seen, (StartedDetail.BOOTED,)),
    # Stop. Events that say more than "powered off" come first, then the task.
    Row(14, Change.STOPPED, _ISOLATED, (StoppedDetail.DESTROYED,)),
    Row(14, Change.STOPPED, _SHUT_DOWN_ON_ISOLATION, _HOST_STOPPED),
    Row(14, Change.STOPPED, _NOT_SHUT_DOWN_ON_ISOLATION, (StoppedDetail.DESTROYED,)),
    Row(15, Change.STOPPED, event("com.vmware.vc.HA.VmcpTerminatingVm", by=Initiator.HA),
        (StoppedDetail.FAILED,)),
    Row(41, Change.STOPPED, event("VmFaultToleranceVmTerminatedEvent"), (StoppedDetail.FAILED,)),
    Row(5, Change.STOPPED, event("com.vmware.vc.vm.VmTerminateEvent"), (StoppedDetail.DESTROYED,)),
    Row(22, Change.STOPPED, event("com.vmware.vim.vm.reboot.powerOff", by=Initiator.GUEST),
        _GUEST_STOPPED),
    Row(12, Change.STOPPED, host_failed, (StoppedDetail.CRASHED,)),
    Row(8, Change.STOPPED, both(by_automatic_stop, _GUEST_WENT_DOWN), _HOST_STOPPED),
    Row(8, Change.STOPPED, by_automatic_stop, (StoppedDetail.DESTROYED,)),
    Row(4, Change.STOPPED, task(Operation.POWER_OFF), (StoppedDetail.DESTROYED,)),
    Row(9, Change.STOPPED, _KILLED, (StoppedDetail.CRASHED,)),
    Row(7, Change.STOPPED, task(Operation.SHUT_DOWN_GUEST), _GUEST_STOPPED),
    Row(7, Change.STOPPED, request_by_user("VmGuestShutdownEvent"), _GUEST_STOPPED),
    Row(4, Change.STOPPED, by_user("VmPoweredOffEvent"), (StoppedDetail.DESTROYED,)),
    Row(8, Change.STOPPED, both(by_host_shutdown, _GUEST_WENT_DOWN), _HOST_STOPPED),
    Row(8, Change.STOPPED, by_host_shutdown, (StoppedDetail.DESTROYED,)),
    Row(7, Change.STOPPED, request("VmGuestShutdownEvent"), _GUEST_STOPPED),
    Row(9, Change.STOPPED, clean_power_off_is_false, (StoppedDetail.CRASHED,)),
    Row(10, Change.STOPPED, had_crashed, (StoppedDetail.CRASHED,)),
    Row(6, Change.STOPPED, by_guest("VmPoweredOffEvent"), _GUEST_STOPPED),
    Row(6, Change.STOPPED, guest_state_was("shuttingDown"), _GUEST_STOPPED),
    Row(42, Change.STOPPED, unknown, (StoppedDetail.SHUTDOWN,)),
    # Suspend and resume.
    Row(20, Change.SUSPENDED, request("VmGuestStandbyEvent"), (SuspendedDetail.PAUSED,)),
    Row(17, Change.SUSPENDED, task(Operation.SUSPEND), (SuspendedDetail.PAUSED,)),
    Row(17, Change.SUSPENDED, happened("VmSuspendedEvent"), (SuspendedDetail.PAUSED,)),
    Row(42, Change.SUSPENDED, seen, (SuspendedDetail.PAUSED,)),
    Row(18, Change.RESUMED, task(Operation.POWER_ON), (ResumedDetail.UNPAUSED,)),
    Row(18, Change.RESUMED, _POWERED_ON, (ResumedDetail.UNPAUSED,)),
    Row(42, Change.RESUMED, seen, (ResumedDetail.UNPAUSED,)),
    Row(19, Change.DISCARDED, task(Operation.POWER_OFF), (StoppedDetail.DESTROYED,)),
    Row(19, Change.DISCARDED, happened("VmPoweredOffEvent"), (StoppedDetail.DESTROYED,)),
    Row(19, Change.DISCARDED, seen, (StoppedDetail.DESTROYED,)),
    # Snapshots.
    Row(28, Change.REVERTED, revert("off", "on"), (StartedDetail.FROM_SNAPSHOT,)),
    Row(28, Change.REVERTED, revert("on", "on"), _ANEW),
    Row(28, Change.REVERTED, revert("suspended", "on"), _ANEW),
    Row(28, Change.REVERTED, revert("off", "suspended"),
        (StartedDetail.FROM_SNAPSHOT, SuspendedDetail.FROM_SNAPSHOT)),
    Row(28, Change.REVERTED, revert("on", "suspended"), (SuspendedDetail.FROM_SNAPSHOT,)),
    Row(28, Change.REVERTED, revert("suspended", "suspended"), (SuspendedDetail.FROM_SNAPSHOT,)),
    Row(29, Change.REVERTED, revert("on", "off"),
        (StoppedDetail.FROM_SNAPSHOT, DefinedDetail.FROM_SNAPSHOT)),
    Row(29, Change.REVERTED, revert("suspended", "off"),
        (StoppedDetail.FROM_SNAPSHOT, DefinedDetail.FROM_SNAPSHOT)),
    Row(29, Change.REVERTED, revert("off", "off"), (DefinedDetail.FROM_SNAPSHOT,)),
    Row(27, Change.SNAPSHOT_CHANGED, task(Operation.SNAPSHOT), ()),
    Row(27, Change.SNAPSHOT_CHANGED, seen_anew, ()),
    # Place.
    Row(41, Change.MOVED, event("VmPrimaryFailoverEvent"), _MOVED),
    Row(23, Change.MOVED, task(Operation.MIGRATE), _MOVED),
    Row(23, Change.MOVED, _MIGRATED, _MOVED),
    Row(42, Change.MOVED, seen, _MOVED),
    Row(24, Change.RELOCATED, task(Operation.MIGRATE), (DefinedDetail.UPDATED,)),
    Row(24, Change.RELOCATED, event("VmMigratedEvent", "DrsVmMigratedEvent"),
        (DefinedDetail.UPDATED,)),
    Row(24, Change.RELOCATED, event("VmRelocatedEvent"), (DefinedDetail.UPDATED,)),
    Row(42, Change.RELOCATED, seen, (DefinedDetail.UPDATED,)),
    # While it is on.
    Row(11, Change.REBOOTED, event(*MONITORING_RESETS, by=Initiator.HA), (WATCHDOG_RESET, REBOOT)),
    Row(21, Change.REBOOTED, task(Operation.RESET), (REBOOT,)),
    Row(21, Change.REBOOTED, event("VmResettingEvent"), (REBOOT,)),
    Row(21, Change.REBOOTED, request("VmGuestRebootEvent"), (REBOOT,)),
    Row(21, Change.REBOOTED, guest_reboots, (REBOOT,)),
    Row(10, Change.PANICKED, event("VmGuestOSCrashedEvent"), (CrashedDetail.PANICKED,)),
    Row(10, Change.PANICKED, guest_panics, (CrashedDetail.PANICKED,)),
    Row(20, Change.STANDING_BY, request("VmGuestStandbyEvent"),
        (PMSuspendedDetail.MEMORY, PM_SUSPEND)),
    Row(20, Change.STANDING_BY, guest_does, (PMSuspendedDetail.MEMORY, PM_SUSPEND)),
    Row(20, Change.WOKEN, seen_anew, (StartedDetail.WAKEUP, PM_WAKEUP)),
    Row(39, Change.BLOCKED, seen_anew, (SuspendedDetail.IOERROR, IO_ERROR, OUT_OF_SPACE)),
    Row(40, Change.UNBLOCKED, there_is_room, (ResumedDetail.UNPAUSED,)),
    # Whatever it is.
    Row(16, Change.CONTROL_LOST, lost_control, (CONTROL_ERROR,)),
    Row(37, Change.TEMPLATE_CHANGED,
        event("com.vmware.vc.vm.VmConvertedToTemplateEvent",
              "com.vmware.vc.vm.TemplateConvertedToVmEvent"), (DefinedDetail.UPDATED,)),
    Row(37, Change.TEMPLATE_CHANGED, shows_a_template, (DefinedDetail.UPDATED,)),
    Row(1, Change.TOOLS_STARTED, just_booted, (AGENT_STARTED,)),
    Row(1, Change.TOOLS_STARTED, guest_shows, (AGENT_CONNECTED,)),
    Row(6, Change.TOOLS_STOPPED, guest_shows, (AGENT_DISCONNECTED,)),
)  # fmt: skip
"""The table for ``suspend = "paused"``: a suspended domain is active."""

_SILENT_WHEN_SAVED = (Change.DISCARDED, Change.FOUND_SUSPENDED, Change.LOST_SUSPENDED)
_WHEN_SAVED: dict[Change, tuple[Telling, ...]] = {
    Change.SUSPENDED: (StoppedDetail.SAVED,),
    Change.RESUMED: (StartedDetail.RESTORED,),
    **dict.fromkeys(_SILENT_WHEN_SAVED, ()),
}


def _saved(row: Row) -> Row:
    """Return a row as it reads where a suspended domain is shut off."""
    return row._replace(then=_WHEN_SAVED.get(row.change, row.then))


# What a suspended domain is put back to, or from, is not active.
_SAVED_REVERTS = (
    Row(28, Change.REVERTED, revert("off", "on"), (StartedDetail.FROM_SNAPSHOT,)),
    Row(28, Change.REVERTED, revert("on", "on"), _ANEW),
    Row(28, Change.REVERTED, revert("suspended", "on"), (StartedDetail.FROM_SNAPSHOT,)),
    Row(28, Change.REVERTED, revert("on", "suspended"),
        (StoppedDetail.FROM_SNAPSHOT, DefinedDetail.FROM_SNAPSHOT)),
    Row(29, Change.REVERTED, revert("on", "off"),
        (StoppedDetail.FROM_SNAPSHOT, DefinedDetail.FROM_SNAPSHOT)),
    Row(29, Change.REVERTED, revert_between_inactive, (DefinedDetail.FROM_SNAPSHOT,)),
)  # fmt: skip

SAVED_TABLE: tuple[Row, ...] = _SAVED_REVERTS + tuple(
    _saved(row) for row in TABLE if row.change is not Change.REVERTED
)
"""The table for ``suspend = "saved"``: a suspended domain is shut off."""


def _by_change(table: tuple[Row, ...]) -> dict[Change, tuple[Row, ...]]:
    return {change: tuple(row for row in table if row.change is change) for change in Change}


_ROWS = {SuspendMode.PAUSED: _by_change(TABLE), SuspendMode.SAVED: _by_change(SAVED_TABLE)}


def decide(facts: Facts, mode: SuspendMode) -> Verdict:
    """Return what a change means: the first row whose evidence is there decides."""
    for row in _ROWS[mode][facts.change]:
        if (found := row.evidence(facts)) is not None:
            return Verdict(facts.part, row.then, found, facts.elsewhere)
    raise AssertionError(f"the lifecycle table has no last row for {facts.change}")
