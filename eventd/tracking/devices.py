"""Aliases of virtual devices, as libvirt names those of its own domains.

VI names a device by a key, and the ranges of keys tell what it is and where it sits (vSphere API:
keys of the controllers begin at 100, 200, 1000, …, and those of devices follow from controller and
unit). So an alias is the same whenever and wherever it is made: ``net0``, ``scsi0-0-1``.
"""

from __future__ import annotations

from eventd.vi.types import DeviceChange

__all__ = ["alias", "alias_of_key"]

# First key of a kind of controller, how many there can be, the bus, and the places of one.
_CONTROLLERS = (
    (200, 2, "ide"),
    (400, 1, "fdc"),
    (1000, 4, "scsi"),
    (15000, 4, "sata"),
    (31000, 4, "nvme"),
)
# First key of a kind of device on a bus, and how many keys each controller takes.
_ON_A_BUS = (
    (2000, 64, 16, "scsi"),
    (3000, 4, 2, "ide"),
    (8000, 2, 2, "fdc"),
    (16000, 120, 30, "sata"),
    (32000, 60, 15, "nvme"),
)
_ALONE = (
    (4000, 100, "net"),
    (9000, 100, "serial"),
    (10000, 100, "parallel"),
    (7000, 100, "usb"),
    (500, 100, "video"),
    (13000, 100, "hostdev"),
)
_KINDS = {
    "VirtualCdrom": "cdrom",
    "VirtualDisk": "disk",
    "VirtualFloppy": "floppy",
    "VirtualUSB": "usb",
    "VirtualSerialPort": "serial",
    "VirtualParallelPort": "parallel",
    "VirtualPCIPassthrough": "hostdev",
}
_FIRST_NETWORK_UNIT = 7
"""Network cards take the units from 7 on of the PCI controller."""

_PCI_CONTROLLER = 100


def alias(change: DeviceChange) -> str:
    """Return the alias of the device that a reconfiguration is about."""
    if change.key is not None and change.key >= 0:
        return alias_of_key(change.key) or f"{_kind(change.type)}{change.key}"
    place = _place(change)
    return place or _kind(change.type)


def alias_of_key(key: int) -> str | None:
    """Return the alias of the device with a key; None for a key of no known range."""
    for first, count, of_each, bus in _ON_A_BUS:
        if first <= key < first + count:
            controller, unit = divmod(key - first, of_each)
            return f"{bus}{controller}-0-{unit}"
    for first, count, kind in _ALONE:
        if first <= key < first + count:
            return f"{kind}{key - first}"
    return None


def _place(change: DeviceChange) -> str | None:
    """Return the alias of a device without a key of its own yet, by where it is to sit."""
    controller, unit = change.controller_key, change.unit_number
    if controller is None or unit is None or unit < 0:
        return None
    if controller == _PCI_CONTROLLER and unit >= _FIRST_NETWORK_UNIT:
        return f"net{unit - _FIRST_NETWORK_UNIT}"
    for first, count, bus in _CONTROLLERS:
        if first <= controller < first + count:
            return f"{bus}{controller - first}-0-{unit}"
    return None


def _kind(device_type: str) -> str:
    return _KINDS.get(device_type) or device_type.removeprefix("Virtual").lower()
