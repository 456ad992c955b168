"""The types of events that are followed, and the version of the API that each came with.

Together they tell why a domain changed, and changes that no property shows. The "-ing" events
(``VmStartingEvent`` and so on) are left out: the event of the outcome says all that they do.

A class is matched exactly (VI API reference, EventFilterSpec.eventTypeId), so that subclasses
have names of their own here. An EventEx or ExtendedEvent goes by its ``eventTypeId``, whose
spelling is the catalogue's of vCenter 8.0 (``EventManager.description.eventInfo``): it is
inconsistent in its capitals.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from eventd.vi.versions import EVENT_TYPE_ID_SINCE, ApiVersion

__all__ = ["FOLLOWED", "followed_classes", "followed_types"]

_CLASSES = {
    "2.5": (
        "VmPoweredOnEvent",
        "DrsVmPoweredOnEvent",
        "VmRestartedOnAlternateHostEvent",
        "VmPoweredOffEvent",
        "VmPowerOffOnIsolationEvent",
        "VmSuspendedEvent",
        "VmResettingEvent",
        "VmGuestShutdownEvent",
        "VmGuestRebootEvent",
        "VmGuestStandbyEvent",
        "VmFailedToPowerOnEvent",
        "NotEnoughResourcesToStartVmEvent",
        "DasHostFailedEvent",
        "VmMigratedEvent",
        "DrsVmMigratedEvent",
        "VmEmigratingEvent",
        "VmRelocatedEvent",
        "VmCreatedEvent",
        "VmRegisteredEvent",
        "VmDiscoveredEvent",
        "VmRemovedEvent",
        "VmRenamedEvent",
        "VmAutoRenameEvent",
        "VmReconfiguredEvent",
        "VmResourceReallocatedEvent",
        "VmClonedEvent",
        "VmDeployedEvent",
        "VmUuidChangedEvent",
        "VmMacChangedEvent",
        "VmAcquiredMksTicketEvent",
        "HostShutdownEvent",
        "HostRemovedEvent",
    ),
    "4.0": (
        "VmShutdownOnIsolationEvent",
        "VmDasBeingResetEvent",
        "VmDasBeingResetWithScreenshotEvent",
        "VmDasResetFailedEvent",
        "VmMessageErrorEvent",
        "VmPrimaryFailoverEvent",
        "VmFaultToleranceVmTerminatedEvent",
        "VmRemoteConsoleConnectedEvent",
        "VmRemoteConsoleDisconnectedEvent",
    ),
    "4.1": ("VmAcquiredTicketEvent",),
    "6.0": ("VmGuestOSCrashedEvent",),
}
"""Classes, by the version in which the VI API reference has them first; 2.5 has the older ones."""

_IDENTIFIERS = (
    "com.vmware.vc.ha.VmRestartedByHAEvent",
    "com.vmware.vc.HA.DasHostFailedEvent",
    "com.vmware.vc.HA.VmcpTerminatingVm",
    "com.vmware.vc.HA.VmcpStorageFailureDetectedForVm",
    "com.vmware.vc.vcp.VmRestartEvent",
    "com.vmware.vc.vcp.VmDatastoreFailedEvent",
    "com.vmware.vc.vm.SrcVmMigratedEvent",
    "com.vmware.vc.vm.DstVmMigratedEvent",
    "com.vmware.vc.vm.VmStateRevertedToSnapshot",
    "com.vmware.vc.vm.VmTerminateEvent",
    "com.vmware.vc.vm.VmConvertedToTemplateEvent",
    "com.vmware.vc.vm.TemplateConvertedToVmEvent",
    "com.vmware.vc.VmInstantClonedEvent",
    "com.vmware.vc.vmam.VmDasAppHeartbeatFailedEvent",
    "com.vmware.vim.vm.reboot.powerOff",
    "esx.problem.vm.kill.unexpected.fault.failure",
    "esx.problem.vm.kill.unexpected.forcefulPageRetire",
    "esx.problem.vm.kill.unexpected.noSwapResponse",
    "esx.problem.vm.kill.unexpected.vmtrack",
    "esx.problem.vm.kill.unexpected.vmx.fault.failure",
)
"""Identifiers are free text to the API: any host can be asked for them that knows the filter."""


def _by_version() -> Mapping[str, ApiVersion]:
    since = {
        name: ApiVersion.parse(version) for version, names in _CLASSES.items() for name in names
    }
    return MappingProxyType(since | dict.fromkeys(_IDENTIFIERS, EVENT_TYPE_ID_SINCE))


FOLLOWED: Mapping[str, ApiVersion] = _by_version()
"""The types that are followed, and the version of the API from which on each can be asked for."""


def followed_classes(version: ApiVersion) -> tuple[str, ...]:
    """Return those of `followed_types` that are classes of the API, not identifiers."""
    return tuple(name for name in followed_types(version) if name not in _IDENTIFIERS)


def followed_types(version: ApiVersion) -> tuple[str, ...]:
    """Return the types to ask a host for that speaks a version of the API, `FOLLOWED` in order."""
    return tuple(name for name, since in FOLLOWED.items() if version >= since)
