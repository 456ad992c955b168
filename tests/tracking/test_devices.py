"""Aliases of devices: the same whenever and wherever they are made."""

from __future__ import annotations

import pytest

from eventd.tracking.devices import alias, alias_of_key
from eventd.vi.types import DeviceChange


def device(
    kind: str,
    key: int | None = None,
    controller: int | None = None,
    unit: int | None = None,
) -> DeviceChange:
    """A device that is added, by what the specification says of it."""
    return DeviceChange("add", kind, key, controller, unit, None)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (2000, "scsi0-0-0"),
        (2003, "scsi0-0-3"),
        (2016, "scsi1-0-0"),
        (2063, "scsi3-0-15"),
        (2064, None),
        (3000, "ide0-0-0"),
        (3002, "ide1-0-0"),
        (8000, "fdc0-0-0"),
        (16000, "sata0-0-0"),
        (16031, "sata1-0-1"),
        (32000, "nvme0-0-0"),
        (4000, "net0"),
        (4001, "net1"),
        (9000, "serial0"),
        (10000, "parallel0"),
        (7000, "usb0"),
        (500, "video0"),
        (13000, "hostdev0"),
        (12000, None),
        (-1, None),
        (0, None),
    ],
)
def test_key_tells_what_a_device_is_and_where_it_sits(key: int, expected: str | None) -> None:
    """The ranges of keys are the vSphere API's."""
    assert alias_of_key(key) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (device("VirtualDisk", 2001), "scsi0-0-1"),
        (device("VirtualDisk", -1, 1000, 2), "scsi0-0-2"),
        (device("VirtualDisk", None, 1001, 0), "scsi1-0-0"),
        (device("VirtualCdrom", -1, 201, 1), "ide1-0-1"),
        (device("VirtualFloppy", -1, 400, 0), "fdc0-0-0"),
        (device("VirtualDisk", -1, 15000, 4), "sata0-0-4"),
        (device("VirtualDisk", -1, 31000, 0), "nvme0-0-0"),
        (device("VirtualVmxnet3", -1, 100, 7), "net0"),
        (device("VirtualE1000", -1, 100, 9), "net2"),
        (device("VirtualVideoCard", -1, 100, 0), "videocard"),
        (device("VirtualDisk", -1, -5, -1), "disk"),
        (device("VirtualDisk", -1, 1000, -1), "disk"),
        (device("VirtualDisk"), "disk"),
        (device("VirtualCdrom"), "cdrom"),
        (device("VirtualTPM", 11000), "tpm11000"),
        (device("VirtualDisk", 999999), "disk999999"),
    ],
)
def test_alias_is_made_of_the_key_or_the_place_or_the_kind(
    change: DeviceChange, expected: str
) -> None:
    """A device that has no key of its own yet is known by where it is to sit."""
    assert alias(change) == expected
