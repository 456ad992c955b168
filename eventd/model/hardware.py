"""What a domain and a host are made of, as far as libvirt has words for it.

The values are VI's own, frozen and without a connection to anything. How they are read is left to
`eventd.vi.hardware`, how libvirt's XML tells them to `domain_xml` and `capabilities_xml` there.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

__all__ = [
    "Bus",
    "Controller",
    "DevicePort",
    "DistributedPort",
    "DomainDescription",
    "DomainHardware",
    "Drive",
    "DriveKind",
    "DriveSource",
    "FilePort",
    "Firmware",
    "HostHardware",
    "NetworkCard",
    "NetworkPort",
    "PipePort",
    "Port",
    "PortBacking",
    "VNCServer",
]


class Firmware(StrEnum):
    """``config.firmware``."""

    BIOS = "bios"
    EFI = "efi"


class Bus(StrEnum):
    """What a drive is attached to, in libvirt's word."""

    SCSI = "scsi"
    SATA = "sata"
    NVME = "nvme"
    IDE = "ide"
    FLOPPY = "fdc"


class Controller(NamedTuple):
    """A controller of drives."""

    bus: Bus
    number: int
    """``busNumber``: the 1 of ``scsi1:0``. The two IDE channels of a domain are two controllers."""
    model: str | None = None
    """Model of a SCSI controller in libvirt's word: ``lsilogic``, ``lsisas1068``, ``buslogic``,
    ``vmpvscsi``."""


class DriveKind(StrEnum):
    """What a drive is to the guest, in libvirt's word."""

    DISK = "disk"
    CDROM = "cdrom"
    FLOPPY = "floppy"


class DriveSource(StrEnum):
    """Where a drive has its contents from."""

    FILE = "file"
    """A file: `Drive.path` is ``[datastore] path``, or absolute for one that comes with ESX."""
    DEVICE = "device"
    """A device of the host: `Drive.path` is its name, None where the host is to find one."""
    CLIENT = "client"
    """A device or file of whichever client is connected with the domain's console."""
    EMPTY = "empty"


class Drive(NamedTuple):
    """A disk, CD-ROM or floppy drive."""

    kind: DriveKind
    bus: Bus
    controller: int
    """`Controller.number`; 0 for floppies."""
    unit: int
    source: DriveSource = DriveSource.EMPTY
    path: str | None = None
    """See `DriveSource`; None for the client's and for empty ones."""
    is_passthrough: bool = False
    """Whether the guest sends its commands to the device of the host itself."""
    is_write_through: bool = False
    is_transient: bool = False
    """Whether what the guest writes is gone when it is powered off."""


class DistributedPort(NamedTuple):
    """A port of a distributed switch: ``DistributedVirtualSwitchPortConnection``."""

    switch_uuid: str
    """As VI spells it: ``50 37 4f 0c 55 3a fd b1-3a 3f 4a 5b 6c 7d 8e 9f``."""
    portgroup: str | None = None
    """Key of the portgroup, which is the value of its reference: ``dvportgroup-102``."""
    port: str | None = None
    """Key of the port, mostly a number; None until the host has chosen one."""
    connection: int | None = None
    """``connectionCookie``."""


class NetworkCard(NamedTuple):
    """A virtual network card. It has a network or a port of a distributed switch, or neither."""

    mac: str | None = None
    is_mac_generated: bool | None = None
    """False if somebody chose the address; None where the host does not tell."""
    model: str | None = None
    """In libvirt's word: ``e1000``, ``e1000e``, ``vmxnet``, ``vmxnet2``, ``vmxnet3``, ``vlance``;
    None for one that libvirt has no word for."""
    network: str | None = None
    """Name of the network or portgroup, or the id of an opaque network (NSX)."""
    distributed_port: DistributedPort | None = None
    is_mac_checked: bool = True
    """Whether the host takes only addresses of VMware's own ranges."""


class FilePort(NamedTuple):
    """What goes out through the port is appended to a file."""

    path: str
    """``[datastore] path``."""


class PipePort(NamedTuple):
    """The port is one end of a named pipe on the host."""

    name: str
    is_server: bool = False


class DevicePort(NamedTuple):
    """The port is one of the host's own."""

    name: str | None = None
    """``/dev/char/serial/uart0``; None where the host is to find one."""


class NetworkPort(NamedTuple):
    """The port is a connection over the network: ``VirtualSerialPortURIBackingInfo``."""

    uri: str
    """``telnet://192.0.2.1:7001``; with a proxy, any text that tells the proxy which port it is."""
    is_server: bool = False
    """Whether the host listens; else it connects."""
    proxy: str | None = None
    """URI of a virtual serial port concentrator, to which the host then connects instead."""


PortBacking = FilePort | PipePort | DevicePort | NetworkPort


class Port(NamedTuple):
    """A serial or parallel port."""

    number: int
    """From 0: VI's "Serial port 1" is 0."""
    backing: PortBacking


class VNCServer(NamedTuple):
    """The VNC server that ESX runs for a domain (before 7.0). Its password is not kept."""

    port: int | None = None
    """TCP port; None where the host chooses."""
    address: str | None = None
    keymap: str | None = None


class DomainHardware(NamedTuple):
    """What a domain is made of."""

    memory: int
    """KiB."""
    vcpus: int = 1
    cores_per_socket: int = 1
    firmware: Firmware = Firmware.BIOS
    guest_id: str = ""
    """``config.guestId``: ``debian11_64Guest``."""
    annotation: str = ""
    generation_id: str | None = None
    """The UUID by which a guest sees that it was copied or set back."""
    has_smbios_of_host: bool = False
    """Whether the guest is shown the maker and model of its host."""
    memory_limit: int | None = None
    """KiB of the host's memory that it gets at most; None where that is not limited."""
    memory_reservation: int = 0
    """KiB of the host's memory that it gets at least."""
    cpu_shares: int | None = None
    cpu_affinity: tuple[int, ...] = ()
    """Numbers of the host's processors that it may run on; all where it is empty."""
    controllers: tuple[Controller, ...] = ()
    drives: tuple[Drive, ...] = ()
    network_cards: tuple[NetworkCard, ...] = ()
    serial_ports: tuple[Port, ...] = ()
    parallel_ports: tuple[Port, ...] = ()
    video_memory: int | None = None
    """KiB; None without a video card."""
    vnc: VNCServer | None = None

    @property
    def is_64_bit(self) -> bool:
        """Whether the guest's system is one for x86_64: VI says so in the name of its kind."""
        return self.guest_id.endswith("64Guest")


class DomainDescription(NamedTuple):
    """What there is to tell of a domain beside its name and state."""

    hardware: DomainHardware
    datacenter_path: str | None = None
    """Inventory path of the datacenter that it is in, as VI spells it: ``north/Datacenter``; None
    where the host does not tell."""


class HostHardware(NamedTuple):
    """What a host is made of."""

    cpu_model: str = ""
    """``Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz``."""
    cpu_vendor: str = ""
    """``intel``, ``amd``; empty where the host does not tell."""
    mhz: int = 0
    packages: int = 1
    cores: int = 1
    """Of all packages together."""
    threads: int = 1
    """Of all cores together."""
    memory: int = 0
    """Bytes."""
    numa_nodes: int = 1
    uuid: str | None = None
    """That of the system's BIOS, in canonical lower case."""
    can_vmotion: bool = False

    @property
    def cores_per_package(self) -> int:
        """How many cores each package has."""
        return max(1, self.cores // self.packages) if self.packages else 1

    @property
    def threads_per_core(self) -> int:
        """How many threads each core has."""
        return max(1, self.threads // self.cores) if self.cores else 1
