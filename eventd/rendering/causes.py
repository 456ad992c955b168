"""Who or what made it happen, in the words of an administrator."""

from __future__ import annotations

from collections.abc import Iterator

from eventd.model.events import (
    DomainAgentLifecycle,
    DomainEvent,
    DomainStarted,
    DomainStopped,
    QuestionEvent,
    TaskEvent,
)
from eventd.model.evidence import Cause, Evidence, Initiator, TaskEvidence
from eventd.model.lifecycle import StartedDetail, StoppedDetail
from eventd.rendering.characters import printable

__all__ = ["because", "operation_words"]

# The causes that are facts with a name: what did not decide, and nobody did, is not worth a word.
_FACTS = frozenset({Cause.TASK, Cause.EVENT, Cause.REQUEST})


def because(event: DomainEvent) -> Iterator[str]:
    """Yield what is known about the cause, the best first; each is a part of one line.

    Example: ``by VSPHERE.LOCAL\\ops (power off)``, ``from esx-a to esx-b``.
    """
    evidence = event.evidence
    is_failure = _is_failure(event)
    if is_failure:
        yield _failure(event)
    elif isinstance(event, TaskEvent):
        # What was done, and whether it failed, is what such an event is about.
        yield from filter(None, [_initiator(evidence)])
    elif isinstance(event, QuestionEvent):
        # Who started the task has not asked the question, nor answered it.
        yield from _blocked(evidence)
    else:
        yield from _who(evidence)
    if evidence.task and evidence.task.error and not isinstance(event, TaskEvent):
        yield f"which failed: {printable(evidence.task.error.rstrip('.'))}"
    # What the tools of a guest do is not said twice.
    if not isinstance(event, DomainAgentLifecycle) and (known := _known_by(evidence)):
        yield known
    if where := _on(event) if is_failure else _where(event):
        yield where
    if evidence.message and not _is_said(evidence):
        yield printable(" ".join(evidence.message.split()))
    if event.synthetic:
        yield "noticed afterwards"


def _is_said(evidence: Evidence) -> bool:
    """Whether the message is what the error of the task says."""
    error = (evidence.task.error if evidence.task else None) or ""
    return (evidence.message or "").rstrip(".") in error


def _is_failure(event: DomainEvent) -> bool:
    """Whether the domain's host failed: nobody wanted that stop, nor the start that followed."""
    match event:
        case DomainStopped(detail=StoppedDetail.CRASHED):
            return event.evidence.source_host is not None
        case DomainStarted(detail=StartedDetail.BOOTED):
            is_by_ha = event.evidence.initiator is Initiator.HA
            return is_by_ha and event.evidence.source_host is not None
        case _:
            return False


def _failure(event: DomainEvent) -> str:
    source = event.evidence.source_host
    if isinstance(event, DomainStopped):
        return "its host failed"
    return f"by HA after the failure of host {printable(source or '')}"


def _who(evidence: Evidence) -> Iterator[str]:
    what = _operation(evidence)
    who = _initiator(evidence)
    if who:
        yield f"{who} ({what})" if what else who
    elif what and evidence.cause in _FACTS:
        yield what


def _blocked(evidence: Evidence) -> Iterator[str]:
    if evidence.task:
        what = operation_words(evidence.task.description_id)
        yield " ".join(filter(None, ["during", what, _initiator(evidence)]))


def _initiator(evidence: Evidence) -> str | None:
    name = printable(evidence.user) if evidence.user else None
    quoted = f" '{name}'" if name else ""
    match evidence.initiator:
        case Initiator.USER:
            return f"by {name}" if name else "by a user"
        case Initiator.GUEST:
            return "by the guest itself"
        case Initiator.HOST:
            return "by the host"
        case Initiator.HA:
            return "by HA"
        case Initiator.DRS:
            return "by DRS"
        case Initiator.SCHEDULE:
            return f"by schedule{quoted}"
        case Initiator.ALARM:
            return f"by alarm{quoted}"
        case Initiator.SYSTEM:
            return "by the system"
        case None:
            return _starter(evidence.task) if evidence.task else None


def _starter(task: TaskEvidence) -> str | None:
    """Return who started a task, by what the task itself says."""
    if task.user:
        return f"by {printable(task.user)}"
    if task.name:
        return f"by {printable(task.reason or 'task')} '{printable(task.name)}'"
    return None


def _operation(evidence: Evidence) -> str | None:
    """Return the words for what was done, by the fact that decided if there are several."""
    task = evidence.task.description_id if evidence.task else None
    event = evidence.event.type if evidence.event else None
    request = evidence.request.type if evidence.request else None
    match evidence.cause:
        case Cause.EVENT:
            known = event or task or request
        case Cause.REQUEST:
            known = request or task or event
        case _:
            known = task or event or request
    return known and operation_words(known)


def operation_words(name: str) -> str:
    """Return the words for a ``TaskInfo.descriptionId``, or for the class of an event."""
    return _OPERATIONS.get(name.lower(), printable(name))


def _known_by(evidence: Evidence) -> str | None:
    match evidence.cause:
        case Cause.CLEAN_POWER_OFF:
            return "not cleanly" if evidence.clean_power_off is False else "cleanly"
        case Cause.BOOT_TIME:
            return "its boot time changed"
        case Cause.GUEST_STATE:
            return "its guest was seen doing so"
        case Cause.OUT_OF_SCOPE:
            return "it left what the connection follows"
        case Cause.HOST_REPLACED:
            return "another host answers in the place of its own"
        case Cause.UNKNOWN:
            return "cause unknown"
        case _:
            return None


def _where(event: DomainEvent) -> str | None:
    """Return the host, or both hosts where the domain went from one to another."""
    host = event.domain.host
    has_left = isinstance(event, DomainStopped)
    source = event.evidence.source_host or (host if has_left else None)
    destination = event.evidence.destination_host or (None if has_left else host)
    if source == destination or not (event.evidence.source_host or event.evidence.destination_host):
        return _on(event)
    ways = (f"from {printable(source)}" if source else "", _to(destination))
    return " ".join(filter(None, ways))


def _to(host: str | None) -> str:
    return f"to {printable(host)}" if host else ""


def _on(event: DomainEvent) -> str | None:
    return f"on {printable(event.domain.host)}" if event.domain.host else None


# TaskInfo.descriptionId and the classes (or eventTypeIds) of events, in lower case since VMware
# spells some of them in two ways. What is not here is shown as the host has it.
_OPERATIONS = {
    name.lower(): words
    for words, names in {
        "power on": (
            "VirtualMachine.powerOn",
            "VirtualApp.powerOn",
            "Datacenter.powerOnVm",
            "Datacenter.ExecuteVmPowerOnLRO",
            "VmPoweredOnEvent",
        ),
        "DRS power on": ("Drm.ExecuteVmPowerOnLRO", "DrsVmPoweredOnEvent"),
        "automatic power on": ("host.AutoStartManager.autoPowerOn",),
        "power on of a secondary": ("FaultTolerance.PowerOnSecondaryLRO",),
        "failed power on": ("VmFailedToPowerOnEvent",),
        "not enough resources": ("NotEnoughResourcesToStartVmEvent",),
        "power off": ("VirtualMachine.powerOff", "VirtualApp.powerOff", "VmPoweredOffEvent"),
        "automatic power off": ("host.AutoStartManager.autoPowerOff",),
        "host shutdown": ("HostShutdownEvent",),
        "host removal": ("HostRemovedEvent",),
        "termination": ("VirtualMachine.terminate", "com.vmware.vc.vm.VmTerminateEvent"),
        "guest shutdown": ("VirtualMachine.shutdownGuest", "VmGuestShutdownEvent"),
        "guest reboot": ("VirtualMachine.rebootGuest", "VmGuestRebootEvent"),
        "guest standby": ("VirtualMachine.standbyGuest", "VmGuestStandbyEvent"),
        "guest crash": ("VmGuestOSCrashedEvent",),
        "reboot turned into power off": ("com.vmware.vim.vm.reboot.powerOff",),
        "suspend": ("VirtualMachine.suspend", "VirtualApp.suspend", "VmSuspendedEvent"),
        "reset": ("VirtualMachine.reset", "VmResettingEvent"),
        "HA monitoring reset": (
            "VmDasBeingResetEvent",
            "VmDasBeingResetWithScreenshotEvent",
            "com.vmware.vc.vmam.VmDasAppHeartbeatFailedEvent",
        ),
        "failed HA monitoring reset": ("VmDasResetFailedEvent",),
        "HA restart": (
            "VmRestartedOnAlternateHostEvent",
            "com.vmware.vc.ha.VmRestartedByHAEvent",
            "com.vmware.vc.vcp.VmRestartEvent",
        ),
        "host failure": ("DasHostFailedEvent", "com.vmware.vc.HA.DasHostFailedEvent"),
        "isolation response": ("VmPowerOffOnIsolationEvent", "VmShutdownOnIsolationEvent"),
        "storage failure response": ("com.vmware.vc.HA.VmcpTerminatingVm",),
        "storage failure": (
            "com.vmware.vc.HA.VmcpStorageFailureDetectedForVm",
            "com.vmware.vc.vcp.VmDatastoreFailedEvent",
        ),
        "killed by the host": (
            "esx.problem.vm.kill.unexpected.fault.failure",
            "esx.problem.vm.kill.unexpected.forcefulPageRetire",
            "esx.problem.vm.kill.unexpected.noSwapResponse",
            "esx.problem.vm.kill.unexpected.vmtrack",
            "esx.problem.vm.kill.unexpected.vmx.fault.failure",
        ),
        "error message": ("VmMessageErrorEvent",),
        "migration": (
            "VirtualMachine.migrate",
            "VmMigratedEvent",
            "VmEmigratingEvent",
            "com.vmware.vc.vm.SrcVmMigratedEvent",
            "com.vmware.vc.vm.DstVmMigratedEvent",
        ),
        "DRS migration": ("Drm.ExecuteVMotionLRO", "DrsVmMigratedEvent"),
        "evacuation for maintenance": ("Drm.ExecuteMaintenanceRecommendationsLro",),
        "DRS storage migration": ("Drm.ExecuteStorageVmotionLro",),
        "relocation": (
            "VirtualMachine.relocate",
            "VirtualMachine.relocateVm",  # vcsim's spelling
            "VmRelocatedEvent",
        ),
        "creation": ("Folder.createVm", "ResourcePool.createVm", "VmCreatedEvent"),
        "clone": ("VirtualMachine.clone", "VirtualMachine.cloneVm", "VmClonedEvent"),
        "instant clone": ("VirtualMachine.instantClone", "com.vmware.vc.VmInstantClonedEvent"),
        "deployment": ("VmDeployedEvent",),
        "registration": ("Folder.registerVm", "ResourcePool.registerVm", "VmRegisteredEvent"),
        "discovery": ("VmDiscoveredEvent",),
        "removal": ("VirtualMachine.unregister", "VmRemovedEvent"),
        "deletion": (
            "VirtualMachine.destroy",
            "ManagedEntity.destroy",
            "Folder.unregisterAndDestroy",
        ),
        "rename": ("VirtualMachine.rename", "ManagedEntity.rename", "VmRenamedEvent"),
        "automatic rename": ("VmAutoRenameEvent",),
        "reconfiguration": (
            "VirtualMachine.reconfigure",
            "VirtualMachine.reconfigVm",  # vcsim's spelling
            "VmReconfiguredEvent",
        ),
        "new resource allocation": ("VmResourceReallocatedEvent",),
        "new UUID": ("VmUuidChangedEvent",),
        "new MAC address": ("VmMacChangedEvent",),
        "mark as template": (
            "VirtualMachine.markAsTemplate",
            "com.vmware.vc.vm.VmConvertedToTemplateEvent",
        ),
        "mark as virtual machine": (
            "VirtualMachine.markAsVirtualMachine",
            "com.vmware.vc.vm.TemplateConvertedToVmEvent",
        ),
        "snapshot": (
            "VirtualMachine.createSnapshot",
            "VirtualMachine.createSnapshotEx",
        ),
        "removal of a snapshot": ("vm.Snapshot.remove",),
        "removal of all snapshots": ("VirtualMachine.removeAllSnapshots",),
        "disk consolidation": ("VirtualMachine.consolidateDisks",),
        "revert to a snapshot": (
            "vm.Snapshot.revert",
            "VirtualMachine.revertToCurrentSnapshot",
            "VirtualMachine.revertToSnapshot",  # vcsim's spelling
            "VirtualMachine.revertSnapshot",
            "com.vmware.vc.vm.VmStateRevertedToSnapshot",
        ),
        "fault tolerance failover": ("VmPrimaryFailoverEvent",),
        "fault tolerance": (
            "VirtualMachine.terminateFaultTolerantVM",
            "VmFaultToleranceVmTerminatedEvent",
        ),
        "console ticket": ("VmAcquiredMksTicketEvent", "VmAcquiredTicketEvent"),
        "console opened": ("VmRemoteConsoleConnectedEvent",),
        "console closed": ("VmRemoteConsoleDisconnectedEvent",),
    }.items()
    for name in names
}
