"""Types of VI events, in the groups that mean the same to the tracker.

The names are those of the VI API reference (classes below ``VmEvent`` and ``HostEvent``) and, with
dots, those that servers put into ``EventEx.eventTypeId``.
"""

from __future__ import annotations

from collections.abc import Mapping

from eventd.model.picture import PowerState

__all__ = [
    "CONCLUDED",
    "FAILED_STARTS",
    "HA_RESTARTS",
    "HOST_FAILURES",
    "MIGRATED",
    "MONITORING_RESETS",
    "REBOOTS",
    "REQUESTS",
    "RESTARTS",
    "REVERTED",
    "SYMPTOMS",
]

CONCLUDED: Mapping[str, PowerState] = {
    "VmPoweredOnEvent": PowerState.POWERED_ON,
    "DrsVmPoweredOnEvent": PowerState.POWERED_ON,
    "VmRestartedOnAlternateHostEvent": PowerState.POWERED_ON,
    "VmPoweredOffEvent": PowerState.POWERED_OFF,
    "VmPowerOffOnIsolationEvent": PowerState.POWERED_OFF,
    "VmShutdownOnIsolationEvent": PowerState.POWERED_OFF,
    "VmSuspendedEvent": PowerState.SUSPENDED,
}
"""The events that record a change of the power state, and the state that it led to."""

MIGRATED = frozenset({"VmMigratedEvent", "DrsVmMigratedEvent"})
"""The events that record a change of the host."""

REVERTED = "com.vmware.vc.vm.VmStateRevertedToSnapshot"
"""The event that records the return to a snapshot."""

HA_RESTARTS = ("com.vmware.vc.ha.VmRestartedByHAEvent", "VmRestartedOnAlternateHostEvent")
"""vSphere HA started the domain again. The latter was replaced by the former in 5.0."""

RESTARTS = (*HA_RESTARTS, "com.vmware.vc.vcp.VmRestartEvent")
"""vSphere HA started the domain again, after its host or its storage had failed."""

HOST_FAILURES = ("DasHostFailedEvent", "com.vmware.vc.HA.DasHostFailedEvent")
"""vSphere HA declared a host failed."""

MONITORING_RESETS = ("VmDasBeingResetEvent", "VmDasBeingResetWithScreenshotEvent")
"""vSphere HA resets the domain, since nothing is heard from its guest."""

REBOOTS = ("VmResettingEvent", "VmGuestRebootEvent", *MONITORING_RESETS)
"""The guest's system starts anew, now or soon."""

REQUESTS = ("VmGuestShutdownEvent", "VmGuestStandbyEvent", "VmGuestRebootEvent")
"""Somebody asked the guest for something. It follows later, and no task leads to it."""

FAILED_STARTS = ("VmFailedToPowerOnEvent", "NotEnoughResourcesToStartVmEvent")
"""A start came to nothing, whether it had begun or not."""

SYMPTOMS = (
    "esx.problem.vm.kill.unexpected.forcefulPageRetire",
    "com.vmware.vc.vcp.VmDatastoreFailedEvent",
    "com.vmware.vc.HA.VmcpStorageFailureDetectedForVm",
)
"""What leads to a stop, and is told before it."""
