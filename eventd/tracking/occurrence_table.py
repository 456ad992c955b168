"""What each type of event tells by itself: a new definition, devices, consoles, failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from eventd.model.arguments import (
    GraphicsPhase,
    IOErrorAction,
    MemoryFailureAction,
    MemoryFailureRecipient,
    MetadataType,
    TrayChange,
    WatchdogAction,
)
from eventd.model.events import (
    DomainDeviceAdded,
    DomainDeviceRemoved,
    DomainGraphics,
    DomainIOError,
    DomainIOErrorReason,
    DomainMemoryFailure,
    DomainMetadataChanged,
    DomainNICMacChanged,
    DomainTrayChange,
    DomainTunable,
    DomainWatchdog,
)
from eventd.model.lifecycle import DefinedDetail
from eventd.tracking.devices import alias, alias_of_key
from eventd.tracking.tellings import Said, Telling
from eventd.vi.types import ConfigChange, DeviceChange, HistoryEvent

__all__ = ["OCCURRENCES", "removed_devices", "what_changed"]

Tell = Callable[[HistoryEvent], Iterator[Telling]]


def _graphics(phase: GraphicsPhase) -> Tell:
    def tell(event: HistoryEvent) -> Iterator[Telling]:
        service = event.members.get("ticketType", "mks")
        yield Said(DomainGraphics, {"phase": phase, "service": service})

    return tell


def _reconfigured(event: HistoryEvent) -> Iterator[Telling]:
    """A new definition, and what of it has an event of its own."""
    yield DefinedDetail.UPDATED
    config = event.config or ConfigChange()
    yield from _devices(config)
    if config.cpu_shares is not None:
        yield Said(DomainTunable, {"parameters": {"cputune.cpu_shares": config.cpu_shares}})
    if config.annotation is not None:
        yield Said(DomainMetadataChanged, {"metadata": MetadataType.DESCRIPTION})


def _devices(config: ConfigChange) -> Iterator[Said]:
    new_keys = list(config.added_keys)
    for device in config.devices:
        match device.operation:
            case "add":
                yield Said(DomainDeviceAdded, {"dev_alias": _added(device, new_keys)})
            case "remove":
                yield Said(DomainDeviceRemoved, {"dev_alias": alias(device)})
            case "edit" if device.type in _WITH_TRAY and device.connected is not None:
                change = TrayChange.CLOSE if device.connected else TrayChange.OPEN
                yield Said(DomainTrayChange, {"dev_alias": alias(device), "change": change})
            case _:
                pass  # another backing or size: the definition says it


_WITH_TRAY = ("VirtualCdrom", "VirtualFloppy")


def _added(device: DeviceChange, new_keys: list[int]) -> str:
    """Return the alias of a new device: by the key that the host gave it, where that is told."""
    if new_keys and (found := alias_of_key(new_keys.pop(0))) is not None:
        return found
    return alias(device)


def removed_devices(event: HistoryEvent) -> list[str]:
    """Return the aliases of the devices that a reconfiguration was to take away."""
    config = event.config or ConfigChange()
    return [alias(device) for device in config.devices if device.operation == "remove"]


def what_changed(event: HistoryEvent) -> str | None:
    """Return in short what a reconfiguration changed, as far as eventd tells of it."""
    config = event.config or ConfigChange()
    new_keys = list(config.added_keys)
    added = [_added(device, new_keys) for device in config.devices if device.operation == "add"]
    devices = [
        f"{verb} {', '.join(names)}"
        for verb, names in (("added", added), ("removed", removed_devices(event)))
        if names
    ]
    parts = [
        "annotation" if config.annotation is not None else "",
        "CPU shares" if config.cpu_shares is not None else "",
        f"devices: {', '.join(devices)}" if devices else "",
    ]
    return "; ".join(filter(None, parts)) or None


def _updated(_: HistoryEvent) -> Iterator[Telling]:
    yield DefinedDetail.UPDATED


def _storage_failed(_: HistoryEvent) -> Iterator[Telling]:
    yield Said(DomainIOError, {"action": IOErrorAction.REPORT})
    yield Said(DomainIOErrorReason, {"action": IOErrorAction.REPORT, "error_reason": ""})


def _mac_changed(event: HistoryEvent) -> Iterator[Telling]:
    adapter = event.members.get("adapter", "")
    yield Said(
        DomainNICMacChanged,
        {
            "dev_alias": _adapter_alias(adapter),
            "old_mac": event.members.get("oldMac", ""),
            "new_mac": event.members.get("newMac", ""),
        },
    )


def _adapter_alias(adapter: str) -> str:
    """Return the alias of a network card by its key, or by its label: the first is number 1."""
    digits = adapter.rpartition(" ")[2]
    if not digits.isdecimal():
        return adapter
    number = int(digits)
    return alias_of_key(number) or f"net{max(number - 1, 0)}"


def _reset_failed(_: HistoryEvent) -> Iterator[Telling]:
    yield Said(DomainWatchdog, {"action": WatchdogAction.NONE})


def _page_failed(_: HistoryEvent) -> Iterator[Telling]:
    yield Said(
        DomainMemoryFailure,
        {
            "recipient": MemoryFailureRecipient.HYPERVISOR,
            "action": MemoryFailureAction.FATAL,
        },
    )


OCCURRENCES: Mapping[str, Tell] = {
    "VmReconfiguredEvent": _reconfigured,
    "VmResourceReallocatedEvent": _updated,
    "VmRelocatedEvent": _updated,
    "VmMacChangedEvent": _mac_changed,
    "VmAcquiredMksTicketEvent": _graphics(GraphicsPhase.INITIALIZE),
    "VmAcquiredTicketEvent": _graphics(GraphicsPhase.INITIALIZE),
    "VmRemoteConsoleConnectedEvent": _graphics(GraphicsPhase.CONNECT),
    "VmRemoteConsoleDisconnectedEvent": _graphics(GraphicsPhase.DISCONNECT),
    "VmDasResetFailedEvent": _reset_failed,
    "com.vmware.vc.vcp.VmDatastoreFailedEvent": _storage_failed,
    "com.vmware.vc.HA.VmcpStorageFailureDetectedForVm": _storage_failed,
    "esx.problem.vm.kill.unexpected.forcefulPageRetire": _page_failed,
}
"""What is told of an event of each type, in order; of other types nothing by themselves."""
