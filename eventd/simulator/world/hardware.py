"""What domains are made of: usual hardware for most, and a variety of it for the first ones.

Each kind of domain has what another kind has not, so that a look at eight domains has seen each
bus, backing and network that clients know. The keys are those that VI hosts give. Each domain has a
disk or none with the key 2000, a CD-ROM drive with 3000, and a network card with 4000.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple
from zlib import crc32

from eventd.simulator.world.values import DataObject, Value

__all__ = ["KINDS", "Files", "usual"]

Values = dict[str, Value]

_PCI, _PS2, _SIO = 100, 300, 400
_IDE = (200, 201)
_SCSI, _SATA = 1000, 15000


class Files(NamedTuple):
    """Where the files of a domain are, and what tells it from others."""

    name: str
    datastore: str = "datastore1"

    def beside(self, file: str) -> str:
        """A file in the directory of the domain."""
        return f"[{self.datastore}] {self.name}/{file}"

    def mac(self, number: int, prefix: str = "00:0c:29") -> str:
        """An address that no other domain has."""
        digits = f"{crc32(f'{self.name}/{number}'.encode()):08x}"
        return f"{prefix}:{digits[:2]}:{digits[2:4]}:{digits[4:6]}"


# There may be ten thousand domains: what is the same for all of them is made once.


@cache
def _label(type_name: str) -> DataObject:
    return DataObject("Description", {"label": type_name, "summary": type_name})


def _device(type_name: str, key: int, **members: Value) -> DataObject:
    return DataObject(type_name, {"key": key, "deviceInfo": _label(type_name), **members})


@cache
def _connectable(*, connected: bool = True) -> DataObject:
    return DataObject(
        "VirtualDeviceConnectInfo",
        {"startConnected": connected, "allowGuestControl": True, "connected": connected},
    )


_FIXED = (
    _device("VirtualIDEController", _IDE[0], busNumber=0),
    _device("VirtualIDEController", _IDE[1], busNumber=1),
    _device("VirtualPS2Controller", _PS2, busNumber=0),
    _device("VirtualPCIController", _PCI, busNumber=0),
    _device("VirtualSIOController", _SIO, busNumber=0),
    _device("VirtualKeyboard", 600, controllerKey=_PS2, unitNumber=0),
    _device("VirtualPointingDevice", 700, controllerKey=_PS2, unitNumber=1),
)
"""What each domain has, whatever it is."""


@cache
def _video(kib: int = 4096) -> DataObject:
    return _device(
        "VirtualMachineVideoCard", 500, controllerKey=_PCI, unitNumber=0, videoRamSizeInKB=kib
    )


@cache
def _scsi(type_name: str, bus: int = 0) -> DataObject:
    return _device(
        type_name,
        _SCSI + bus,
        controllerKey=_PCI,
        unitNumber=3 + bus,
        busNumber=bus,
        hotAddRemove=True,
        sharedBus="noSharing",
        scsiCtlrUnitNumber=7,
    )


@cache
def _sata(bus: int = 0) -> DataObject:
    return _device(
        "VirtualAHCIController", _SATA + bus, controllerKey=_PCI, unitNumber=24, busNumber=bus
    )


def _disk(
    number: int,
    file: str,
    *,
    controller: int,
    unit: int,
    mode: str = "persistent",
    writes_through: bool = False,
) -> DataObject:
    backing = DataObject(
        "VirtualDiskFlatVer2BackingInfo",
        {
            "fileName": file,
            "diskMode": mode,
            "split": False,
            "writeThrough": writes_through,
            "thinProvisioned": True,
        },
    )
    return _device(
        "VirtualDisk",
        2000 + number,
        backing=backing,
        controllerKey=controller,
        unitNumber=unit,
        capacityInKB=16 << 20,
    )


def _drive(
    type_name: str, key: int, backing: DataObject, *, controller: int, unit: int
) -> DataObject:
    return _device(
        type_name,
        key,
        backing=backing,
        connectable=_connectable(),
        controllerKey=controller,
        unitNumber=unit,
    )


@cache
def _of_host(type_name: str, device: str, *, is_chosen: bool = False) -> DataObject:
    """A backing by a device of the host, which may choose it."""
    return DataObject(type_name, {"deviceName": device, "useAutoDetect": is_chosen})


@cache
def _iso(*, controller: int) -> DataObject:
    backing = DataObject("VirtualCdromIsoBackingInfo", {"fileName": "[nfs1] iso/debian.iso"})
    return _drive("VirtualCdrom", 3000, backing, controller=controller, unit=0)


def _card(
    type_name: str, number: int, mac: str, backing: DataObject, *, address_type: str = "generated"
) -> DataObject:
    return _device(
        type_name,
        4000 + number,
        backing=backing,
        connectable=_connectable(),
        controllerKey=_PCI,
        unitNumber=7 + number,
        addressType=address_type,
        macAddress=mac,
    )


@cache
def _network(name: str = "VM Network") -> DataObject:
    return _of_host("VirtualEthernetCardNetworkBackingInfo", name)


def _port(type_name: str, key: int, number: int, backing: DataObject) -> DataObject:
    return _device(
        type_name,
        key + number,
        backing=backing,
        connectable=_connectable(),
        controllerKey=_SIO,
        unitNumber=number,
    )


def _serial(number: int, kind: str, **members: Value) -> DataObject:
    backing = DataObject(f"VirtualSerialPort{kind}BackingInfo", members)
    return _port("VirtualSerialPort", 9000, number, backing)


def _parallel(number: int, kind: str, **members: Value) -> DataObject:
    backing = DataObject(f"VirtualParallelPort{kind}BackingInfo", members)
    return _port("VirtualParallelPort", 10000, number, backing)


def _hardware(
    *devices: DataObject,
    video_ram: int = 4096,
    options: Mapping[str, str] | None = None,
    **more: Value,
) -> Values:
    values: Values = {f"config.{name.replace('__', '.')}": value for name, value in more.items()}
    values["config.hardware.device"] = (*_FIXED, _video(video_ram), *devices)
    if options:
        values["config.extraConfig"] = tuple(
            DataObject("OptionValue", {"key": key, "value": value})
            for key, value in options.items()
        )
    return values


# --- kinds of domains -----------------------------------------------------------------------------


def usual(files: Files) -> Values:
    """One of each: a disk, a CD-ROM, a network card, and a serial port that writes to a file."""
    return _hardware(
        _scsi("ParaVirtualSCSIController"),
        _sata(),
        _disk(0, files.beside(f"{files.name}.vmdk"), controller=_SCSI, unit=0),
        _iso(controller=_SATA),
        _card("VirtualVmxnet3", 0, files.mac(0), _network()),
        _serial(0, "File", fileName=files.beside("serial0.log")),
    )


def _large(files: Files) -> Values:
    """Disks on all kinds of datastores, limits on all that can be limited, a distributed switch."""
    remote = _of_host("VirtualCdromRemotePassthroughBackingInfo", "")
    port = DataObject(
        "DistributedVirtualSwitchPortConnection",
        {
            "switchUuid": "20 67 2b 50 5b a8 0f 03-7d 23 33 60 0f 2b f6 19",
            "portgroupKey": "dvportgroup-285",
            "portKey": "9",
            "connectionCookie": 408217997,
        },
    )
    switch = DataObject("VirtualEthernetCardDistributedVirtualPortBackingInfo", {"port": port})
    high = DataObject("SharesInfo", {"shares": 8000, "level": "high"})
    return _hardware(
        _scsi("VirtualLsiLogicSASController"),
        _scsi("ParaVirtualSCSIController", 1),
        _disk(0, files.beside(f"{files.name}.vmdk"), controller=_SCSI, unit=0),
        _disk(
            1,
            f"[iscsi1] {files.name}/log.vmdk",
            controller=_SCSI,
            unit=8,
            writes_through=True,
        ),
        _disk(2, f"[nfs1] {files.name}/scratch.vmdk", controller=_SCSI + 1, unit=0, mode=_LOST),
        _drive("VirtualCdrom", 3000, remote, controller=_IDE[1], unit=0),
        _card("VirtualE1000e", 0, files.mac(0, "00:50:56"), switch, address_type="assigned"),
        firmware="efi",
        annotation='The "shop" database: 100% of <orders> & invoices | more',
        hardware__numCPU=4,
        hardware__numCoresPerSocket=2,
        hardware__memoryMB=8192,
        cpuAllocation__shares=high,
        cpuAffinity=DataObject("VirtualMachineAffinityInfo", {"affinitySet": (0, 1, 2, 3, 6)}),
        memoryAllocation__limit=4096,
        memoryAllocation__reservation=1024,
    )


_LOST = "independent_nonpersistent"


def _old(files: Files) -> Values:
    """A 32-bit system on IDE, with floppies, devices of the host, and parallel ports."""
    image = DataObject("VirtualFloppyImageBackingInfo", {"fileName": files.beside("boot.flp")})
    floppy = _of_host("VirtualFloppyDeviceBackingInfo", "/dev/fd0")
    atapi = _of_host("VirtualCdromAtapiBackingInfo", "/vmfs/devices/cdrom/mpx.vmhba32:C0:T0:L0")
    return _hardware(
        _scsi("VirtualBusLogicController"),
        _disk(0, files.beside(f"{files.name}.vmdk"), controller=_IDE[0], unit=0),
        _disk(1, files.beside("spool.vmdk"), controller=_SCSI, unit=3),
        _drive("VirtualCdrom", 3000, atapi, controller=_IDE[1], unit=0),
        _drive("VirtualFloppy", 8000, image, controller=_SIO, unit=0),
        _drive("VirtualFloppy", 8001, floppy, controller=_SIO, unit=1),
        _card("VirtualPCNet32", 0, files.mac(0, "00:50:56"), _network(), address_type="manual"),
        _serial(0, "Device", deviceName="/dev/char/serial/uart0", useAutoDetect=False),
        _parallel(0, "Device", deviceName="/dev/parport0", useAutoDetect=False),
        _parallel(1, "File", fileName=files.beside("printer.out")),
        guestId="otherGuest",
    )


def _with_consoles(files: Files) -> Values:
    """A serial port of each kind that talks to somebody, and a VNC server."""
    return _hardware(
        _scsi("VirtualLsiLogicController"),
        _disk(0, files.beside(f"{files.name}.vmdk"), controller=_SCSI, unit=0),
        _iso(controller=_IDE[0]),
        _card("VirtualVmxnet2", 0, files.mac(0), _network("Production")),
        _card("VirtualE1000", 1, files.mac(1), _network("Backup")),
        _serial(0, "URI", serviceURI="telnet://0.0.0.0:23000", direction="server"),
        _serial(1, "URI", serviceURI="tcp+ssl://192.0.2.7:23001", direction="client"),
        _serial(
            2,
            "URI",
            serviceURI="telnets://192.0.2.8:23002",
            direction="client",
            proxyURI="telnet://192.0.2.9:13370",
        ),
        _serial(3, "Pipe", pipeName="console", endpoint="server", noRxLoss=True),
        options={
            "RemoteDisplay.vnc.enabled": "TRUE",
            "RemoteDisplay.vnc.port": "5903",
            "RemoteDisplay.vnc.ip": "192.0.2.1",
            "RemoteDisplay.vnc.keymap": "de",
            "RemoteDisplay.vnc.password": "hunter2",
        },
    )


def _diskless(files: Files) -> Values:
    """Nothing of its own: a CD-ROM of the host, passed through, and a card on no known network."""
    raw = _of_host("VirtualCdromPassthroughBackingInfo", "/vmfs/devices/cdrom/mpx.vmhba1")
    floppy = _of_host("VirtualFloppyRemoteDeviceBackingInfo", "")
    opaque = DataObject(
        "VirtualEthernetCardOpaqueNetworkBackingInfo",
        {"opaqueNetworkId": "segment-1", "opaqueNetworkType": "nsx.LogicalSwitch"},
    )
    return _hardware(
        _drive("VirtualCdrom", 3000, raw, controller=_IDE[0], unit=1),
        _drive("VirtualFloppy", 8000, floppy, controller=_SIO, unit=0),
        _card("VirtualVmxnet3", 0, files.mac(0), opaque),
    )


def _odd(files: Files) -> Values:
    """What is seldom set: a generation ID, SMBIOS of the host, any MAC, an odd network name."""
    return _hardware(
        _sata(),
        _disk(0, files.beside(f"{files.name}.vmdk"), controller=_SATA, unit=0),
        _disk(1, files.beside("ccache.vmdk"), controller=_SATA, unit=1),
        _iso(controller=_IDE[1]),
        _card(
            "VirtualVmxnet3", 0, "02:00:00:00:00:01", _network("CI & tests"), address_type="manual"
        ),
        video_ram=5000,
        options={
            "ethernet0.checkMACAddress": "FALSE",
            "SMBIOS.reflectHost": "TRUE",
            "vm.genid": "-8536691797830587195",
            "vm.genidX": "-1723453263670062919",
        },
        hardware__numCPU=2,
        hardware__memoryMB=2052,
        cpuAllocation__shares=DataObject("SharesInfo", {"shares": 1234, "level": "custom"}),
    )


def _chosen_by_host(files: Files) -> Values:
    """Devices that the host chooses itself."""
    atapi = _of_host("VirtualCdromAtapiBackingInfo", "", is_chosen=True)
    return _hardware(
        _scsi("VirtualLsiLogicController"),
        _disk(0, files.beside(f"{files.name}.vmdk"), controller=_SCSI, unit=0),
        _drive("VirtualCdrom", 3000, atapi, controller=_IDE[0], unit=0),
        _card("VirtualE1000", 0, files.mac(0), _network()),
        options={"RemoteDisplay.vnc.enabled": "TRUE"},
    )


def _full(files: Files) -> Values:
    """Many disks and cards."""
    disks = (
        _disk(at, files.beside(f"disk{at}.vmdk"), controller=_SCSI, unit=at if at < 7 else at + 1)
        for at in range(15)
    )
    cards = (
        _card("VirtualVmxnet3", at, files.mac(at), _network(f"VLAN {at}"), address_type="manual")
        for at in range(6)
    )
    return _hardware(
        _scsi("ParaVirtualSCSIController"),
        *disks,
        _iso(controller=_IDE[1]),
        *cards,
        guestId="windows2019srv_64Guest",
        hardware__numCPU=8,
        hardware__numCoresPerSocket=8,
        hardware__memoryMB=16384,
    )


KINDS: tuple[Callable[[Files], Values], ...] = (
    *(usual, _large, _old, _with_consoles, _diskless, _odd, _chosen_by_host, _full),
)
"""The kinds in the order of the domains that a world has at first."""
