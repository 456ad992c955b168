"""What a reconfiguration does to virtual devices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from eventd.simulator.world.faults import InvalidArgument
from eventd.simulator.world.values import DataObject, Value

__all__ = ["DeviceEdit", "apply", "change_words", "config_spec"]


class DeviceEdit(NamedTuple):
    """One entry of a ``deviceChange``."""

    operation: Literal["add", "remove", "edit"]
    type: str = "VirtualDisk"
    """The class of a device that is added."""
    key: int = -1
    """The key of a device that is there; of a new one, that which the host will give it."""
    connected: bool | None = None
    """Whether its backing is connected from now on: for a CD-ROM, whether its tray is closed."""


# VI hosts give the keys of a kind of device from a number of the kind on.
_FIRST_KEYS = {
    "VirtualDisk": 2000,
    "VirtualCdrom": 3000,
    "VirtualE1000": 4000,
    "VirtualVmxnet3": 4000,
    "VirtualUSB": 5000,
    "VirtualFloppy": 8000,
    "VirtualSerialPort": 9000,
}


def _device(type_name: str, key: int, *, connected: bool | None) -> DataObject:
    members: dict[str, Value] = {
        "key": key,
        "deviceInfo": DataObject("Description", {"label": type_name, "summary": type_name}),
    }
    if connected is not None:
        members["connectable"] = DataObject(
            "VirtualDeviceConnectInfo",
            {"startConnected": True, "allowGuestControl": True, "connected": connected},
        )
    members["controllerKey"] = 1000 if type_name == "VirtualDisk" else 100
    members["unitNumber"] = key % 1000
    return DataObject(type_name, members)


def _edited(device: DataObject, *, connected: bool | None) -> DataObject:
    """The device, with its backing connected or not."""
    held = device.members.get("connectable")
    if connected is None or not isinstance(held, DataObject):
        return device
    connectable = held._replace(members={**held.members, "connected": connected})
    return device._replace(members={**device.members, "connectable": connectable})


def _objects(devices: Value | None) -> list[DataObject]:
    items = devices if isinstance(devices, tuple) else ()
    return [item for item in items if isinstance(item, DataObject)]


def _key(device: DataObject) -> Value:
    return device.members["key"]


def _find(devices: list[DataObject], key: int) -> DataObject:
    for device in devices:
        if _key(device) == key:
            return device
    raise InvalidArgument("configSpec.deviceChange.device")


def apply(
    devices: Value | None, edits: Iterable[DeviceEdit]
) -> tuple[tuple[Value, ...], list[DeviceEdit]]:
    """The devices after some edits, and the edits with the keys and types that they truly have.

    Raises:
        InvalidArgument: there is no such device.
    """
    present = _objects(devices)
    done = []
    for edit in edits:
        if edit.operation == "add":
            key = _FIRST_KEYS.get(edit.type, 10_000)
            while any(_key(device) == key for device in present):
                key += 1
            present.append(_device(edit.type, key, connected=edit.connected))
            done.append(edit._replace(key=key))
            continue
        device = _find(present, edit.key)
        done.append(edit._replace(type=device.type))
        place = present.index(device)
        if edit.operation == "remove":
            del present[place]
        else:
            present[place] = _edited(device, connected=edit.connected)
    return tuple(present), done


def config_spec(
    edits: Sequence[DeviceEdit],
    *,
    annotation: str | None = None,
    cpu_shares: int | None = None,
    name: str | None = None,
) -> DataObject:
    """The ``configSpec`` of a `VmReconfiguredEvent`: what was asked for."""
    members: dict[str, Value] = {}
    if name is not None:
        members["name"] = name
    if annotation is not None:
        members["annotation"] = annotation
    if edits:
        members["deviceChange"] = tuple(
            DataObject(
                "VirtualDeviceConfigSpec",
                {
                    "operation": edit.operation,
                    "device": _device(edit.type, edit.key, connected=edit.connected),
                },
            )
            for edit in edits
        )
    if cpu_shares is not None:
        shares = DataObject("SharesInfo", {"shares": cpu_shares, "level": "custom"})
        members["cpuAllocation"] = DataObject("ResourceAllocationInfo", {"shares": shares})
    return DataObject("VirtualMachineConfigSpec", members)


def change_words(edit: DeviceEdit) -> str | None:
    """libvirt's words for an edit; None where it has none."""
    match edit.operation:
        case "add":
            return "device-added"
        case "remove":
            return "device-removed"
        case "edit" if edit.type in ("VirtualCdrom", "VirtualFloppy"):
            return "tray-change close" if edit.connected else "tray-change open"
        case _:
            return None
