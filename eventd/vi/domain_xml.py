"""libvirt's XML of a domain (``virsh dumpxml``), written from what VI says the domain is made of.

libvirt's ESX driver writes the same from the VMX file. The differences, of libvirt 9.0:

- SCSI and SATA addresses are those that VI and the guest have: ``controller`` and ``unit``. The
  driver counts all SCSI disks as units of controller 0, and six SATA units to a controller. Names
  (``sda``) are the driver's, but that two disks of a bus never share one.
- A drive of the client (what a new domain's CD-ROM drive is at first) is an empty drive, and a
  floppy drive that takes whatever device there is has ``startupPolicy`` as a CD-ROM drive has. The
  driver leaves the former out, and calls the device of the latter ``auto detect``.
- A serial port whose URI is a word that only its proxy knows is a connection to the proxy, and one
  whose URI cannot be read is ``null``. The driver refuses the domain, as it does for a URI that
  names no host to listen on.
- A network card on an opaque network (NSX) is on a bridge of that id. For the driver it is on none.
- A port of a distributed switch that has no number yet is 0. The driver refuses the domain.
- Disks of the mode ``nonpersistent`` are transient, as those of ``independent_nonpersistent`` are.
  A topology that would not give the number of processors is left out.
- What VI always tells is always there: model of a network card, shares of the processors, video
  memory. The driver tells what the file happens to contain.
- Not there, since VI does not tell it: ``vmnet`` devices.
- Not there, since libvirt's schema does not have it: ``vmware:moref``.

Neither has disks on NVMe controllers, USB, sound, shared folders or passed-through PCI devices.

Whatever the host tells, the document is valid to libvirt's schema. Where the driver's would not be:

- A card on a network that no bridge could be called after (``Büro``, ``VLAN 7 & 8``) is of the type
  ``network``.
- Left out or cut: paths and devices of drives that are none, MAC addresses that no card has,
  addresses that no server listens at, a reservation of more memory than there is, line ends in
  names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from itertools import count
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from eventd.model.hardware import (
    Bus,
    DevicePort,
    DomainHardware,
    Drive,
    DriveKind,
    DriveSource,
    FilePort,
    Firmware,
    NetworkCard,
    NetworkPort,
    PipePort,
    Port,
    VNCServer,
)
from eventd.vi.libvirt_xml import add, document, root
from eventd.vi.xml import Element

__all__ = ["domain_xml"]

_LINE_ENDS = re.compile(r"[\r\n]+")

_NAMESPACE = "http://libvirt.org/schemas/domain/vmware/1.0"


def domain_xml(
    *,
    name: str,
    uuid: str,
    hardware: DomainHardware,
    domain_id: int = -1,
    datacenter_path: str | None = None,
) -> str:
    """Write a domain of type ``vmware``.

    ``domain_id`` is -1 while it is inactive. ``datacenter_path`` tells virt-v2v where the domain
    is: ``folder/Datacenter``, or ``ha-datacenter`` of a bare host.
    """
    domain = root("domain", namespaces={"vmware": _NAMESPACE} if datacenter_path else None)
    domain.set("type", "vmware")
    if domain_id >= 0:
        domain.set("id", str(domain_id))
    add(domain, "name", _LINE_ENDS.sub(" ", name) or uuid)
    add(domain, "uuid", uuid)
    if hardware.generation_id is not None:
        add(domain, "genid", hardware.generation_id)
    if hardware.annotation:
        add(domain, "description", hardware.annotation)
    _add_memory(domain, hardware)
    _add_processors(domain, hardware)
    system = add(domain, "os", firmware="efi" if hardware.firmware is Firmware.EFI else None)
    add(system, "type", "hvm", arch="x86_64" if hardware.is_64_bit else "i686")
    if hardware.has_smbios_of_host:
        add(system, "smbios", mode="host")
    _add_topology(domain, hardware)
    add(domain, "clock", offset="utc")
    add(domain, "on_poweroff", "destroy")
    add(domain, "on_reboot", "restart")
    add(domain, "on_crash", "destroy")
    _add_devices(add(domain, "devices"), hardware)
    if datacenter_path:
        add(domain, f"{{{_NAMESPACE}}}datacenterpath", datacenter_path)
    return document(domain)


def _add_memory(domain: Element, hardware: DomainHardware) -> None:
    limit = hardware.memory if hardware.memory_limit is None else hardware.memory_limit
    add(domain, "memory", hardware.memory, unit="KiB")
    add(domain, "currentMemory", min(hardware.memory, limit), unit="KiB")
    if hardware.memory_reservation:
        reserved = min(hardware.memory_reservation, hardware.memory)
        add(add(domain, "memtune"), "min_guarantee", reserved, unit="KiB")


def _add_processors(domain: Element, hardware: DomainHardware) -> None:
    affinity = _ranges(hardware.cpu_affinity) or None
    add(domain, "vcpu", hardware.vcpus, placement="static", cpuset=affinity)
    if hardware.cpu_shares is not None:
        add(add(domain, "cputune"), "shares", hardware.cpu_shares)


def _ranges(numbers: Iterable[int]) -> str:
    """Write a set of numbers: ``0,2-3``."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ",".join(f"{one}" if one == last else f"{one}-{last}" for one, last in ranges)


def _add_topology(domain: Element, hardware: DomainHardware) -> None:
    sockets, rest = divmod(hardware.vcpus, hardware.cores_per_socket)
    if hardware.cores_per_socket > 1 and not rest:
        cpu = add(domain, "cpu")
        cores = hardware.cores_per_socket
        add(cpu, "topology", sockets=sockets, dies=1, cores=cores, threads=1)


def _add_devices(devices: Element, hardware: DomainHardware) -> None:
    drives = sorted(
        (drive for drive in hardware.drives if drive.bus in _TARGETS),
        key=lambda drive: (list(_TARGETS).index(drive.bus), drive.controller, drive.unit),
    )
    names: set[tuple[Bus, str]] = set()
    for drive in drives:
        target = next(name for name in _targets(drive) if (drive.bus, name) not in names)
        names.add((drive.bus, target))
        _add_drive(devices, drive, target)
    _add_controllers(devices, hardware, drives)
    for card in hardware.network_cards:
        _add_interface(devices, card)
    for port in hardware.serial_ports:
        add(_add_port(devices, "serial", port), "target", port=port.number)
    for port in hardware.parallel_ports:
        add(_add_port(devices, "parallel", port), "target", port=port.number)
    # libvirt's own rule for machines of a PC's kind: the first serial port is the console.
    for port in hardware.serial_ports[:1]:
        console = _add_port(devices, "console", port)
        add(console, "target", type="serial", port=port.number)
    if hardware.vnc is not None:
        _add_graphics(devices, hardware.vnc)
    if hardware.video_memory is not None:
        video = add(devices, "video")
        size = _power_of_two(hardware.video_memory)
        add(video, "model", type="vmvga", vram=size, primary="yes")


def _power_of_two(least: int) -> int:
    """Return the first power of two that is not less: libvirt counts video memory so."""
    return 1 << (least - 1).bit_length() if least else 0


# --- drives ---------------------------------------------------------------------------------------

_TARGETS = {Bus.SCSI: "sd", Bus.SATA: "sd", Bus.IDE: "hd", Bus.FLOPPY: "fd"}
"""What the names of targets begin with, on the buses that libvirt has, in its order."""

_UNITS = {Bus.SCSI: 15, Bus.SATA: 30, Bus.IDE: 2, Bus.FLOPPY: 2}
"""How many drives the driver takes a controller to have."""

_FILE = re.compile(r"(?:/|[A-Za-z]:\\|\[[^\]]+\] )[^\n\r]+")
_DEVICE = re.compile(r"(?:/|[A-Za-z]:\\)[^\n\r]+|[A-Za-z0-9_.\-\\:/]+")
"""Of a drive, as libvirt's schema has them."""

_SCSI_OWN_UNIT = 7
"""The unit that a SCSI controller has itself."""


def _targets(drive: Drive) -> Iterator[str]:
    """Yield the name that the driver gives to a drive, and those after it."""
    first = drive.controller * _UNITS[drive.bus] + drive.unit
    if drive.bus is Bus.SCSI and drive.unit > _SCSI_OWN_UNIT:
        first -= 1
    return (_TARGETS[drive.bus] + _letters(index) for index in count(first))


def _letters(index: int) -> str:
    """Count in letters: ``a`` … ``z``, ``aa``, ``ab`` …"""
    letters = ""
    while index >= 0:
        index, letter = divmod(index, 26)
        letters = chr(ord("a") + letter) + letters
        index -= 1
    return letters


def _add_drive(devices: Element, drive: Drive, target: str) -> None:
    is_device = drive.source is DriveSource.DEVICE
    is_lun = is_device and drive.is_passthrough and drive.kind is DriveKind.CDROM
    kind = "lun" if is_lun else drive.kind
    disk = add(devices, "disk", type="block" if is_device else "file", device=kind)
    if drive.is_write_through:
        add(disk, "driver", cache="writethrough")
    if is_device and drive.path is None:
        add(disk, "source", startupPolicy="optional")
    elif drive.path is not None and (_DEVICE if is_device else _FILE).fullmatch(drive.path):
        add(disk, "source", **{"dev" if is_device else "file": drive.path})
    add(disk, "target", dev=target, bus=drive.bus)
    if drive.kind is DriveKind.CDROM:
        add(disk, "readonly")
    if drive.is_transient:
        add(disk, "transient")
    controller, bus = _place(drive)
    add(disk, "address", type="drive", controller=controller, bus=bus, target=0, unit=drive.unit)


def _place(drive: Drive) -> tuple[int, int]:
    """Return controller and bus. The two IDE controllers of VI are libvirt's one with two buses."""
    return (0, drive.controller) if drive.bus is Bus.IDE else (drive.controller, 0)


def _add_controllers(devices: Element, hardware: DomainHardware, drives: Iterable[Drive]) -> None:
    """Add the controllers of drives. As for libvirt, one without any is none."""
    models = {(one.bus, one.number): one.model for one in hardware.controllers}
    used = {(drive.bus, _place(drive)[0]) for drive in drives}
    for wanted in (Bus.SCSI, Bus.SATA, Bus.FLOPPY, Bus.IDE):
        for index in sorted(index for bus, index in used if bus is wanted):
            add(
                devices,
                "controller",
                type=wanted,
                index=index,
                model=models.get((wanted, index)),
            )


# --- network cards --------------------------------------------------------------------------------

_NUMBER = re.compile("[0-9]{1,18}")
_MAC = re.compile("[0-9A-Fa-f][02468ACEace](?::[0-9A-Fa-f]{2}){5}")
"""Of one card, as libvirt's schema has it: a text that is none would spoil the whole document."""
_BRIDGE = re.compile(r"[A-Za-z0-9_.\-\\:/ ]+")
"""The names of bridges to the same schema."""


def _add_interface(devices: Element, card: NetworkCard) -> None:
    interface = add(devices, "interface")
    if card.mac is not None and _MAC.fullmatch(card.mac):
        kind = {True: "generated", False: "static", None: None}[card.is_mac_generated]
        check = None if card.is_mac_checked else "no"
        add(interface, "mac", address=card.mac.lower(), type=kind, check=check)
    _set_network(interface, card)
    if card.model is not None:
        add(interface, "model", type=card.model)


def _set_network(interface: Element, card: NetworkCard) -> None:
    port, network = card.distributed_port, card.network
    switch = None if port is None else _uuid(port.switch_uuid)
    if port is not None and switch is not None:
        interface.set("type", "vds")
        add(
            interface,
            "source",
            switchid=switch,
            portid=port.port if _NUMBER.fullmatch(port.port or "") else 0,
            portgroupid=port.portgroup or "",
            connectionid=port.connection or 0,
        )
    elif not network:
        interface.set("type", "null")
    elif _BRIDGE.fullmatch(network):
        interface.set("type", "bridge")
        add(interface, "source", bridge=network)
    else:
        interface.set("type", "network")
        add(interface, "source", network=network)


def _uuid(text: str) -> str | None:
    """Return the UUID that VI spells in pairs of digits, None where it is none."""
    try:
        return str(UUID(text.replace(" ", "")))
    except ValueError:
        return None


# --- ports ----------------------------------------------------------------------------------------

_PROTOCOLS = {
    **dict.fromkeys(("tcp", "tcp4", "tcp6"), "raw"),
    **dict.fromkeys(("ssl", "tcp+ssl", "tcp4+ssl", "tcp6+ssl"), "tls"),
    "telnet": "telnet",
    **dict.fromkeys(("telnets", "telnet+ssl"), "telnets"),
}
"""The schemes of VI's URIs of ports, and what they are to libvirt."""


def _add_port(devices: Element, tag: str, port: Port) -> Element:
    chardev = add(devices, tag)
    match port.backing:
        case FilePort(path):
            _set_source(chardev, "file", path)
        case PipePort(name):
            _set_source(chardev, "pipe", name)
        case DevicePort(device):
            _set_source(chardev, "dev", "auto detect" if device is None else device)
        case NetworkPort() as network:
            _set_connection(chardev, network)
    return chardev


def _set_source(chardev: Element, kind: str, path: str) -> None:
    chardev.set("type", kind)
    add(chardev, "source", path=path)


class _Connection(NamedTuple):
    host: str
    service: int
    protocol: str
    is_server: bool


def _set_connection(chardev: Element, port: NetworkPort) -> None:
    found = _connection(port.uri, is_server=port.is_server)
    if found is None and port.proxy is not None:
        found = _connection(port.proxy, is_server=False)
    if found is None:
        chardev.set("type", "null")
        return
    chardev.set("type", "tcp")
    mode = "bind" if found.is_server else "connect"
    add(chardev, "source", mode=mode, host=found.host, service=found.service)
    add(chardev, "protocol", type=found.protocol)


def _connection(uri: str, *, is_server: bool) -> _Connection | None:
    """Return what a URI leads to; None where it is a word that only a proxy knows."""
    try:
        parts = urlsplit(uri)
        host, service = parts.hostname, parts.port
    except ValueError:
        return None
    if host is None and is_server:
        host = "0.0.0.0"  # noqa: S104 - the host's own addresses
    protocol = _PROTOCOLS.get(parts.scheme)
    if host is None or service is None or protocol is None:
        return None
    return _Connection(host, service, protocol, is_server)


# --- display --------------------------------------------------------------------------------------

_HOST_NAME = re.compile(r"[A-Za-z0-9.\-]+")


def _add_graphics(devices: Element, vnc: VNCServer) -> None:
    address = vnc.address if vnc.address is not None and _is_address(vnc.address) else None
    graphics = add(
        devices,
        "graphics",
        type="vnc",
        port=-1 if vnc.port is None else vnc.port,
        autoport="yes" if vnc.port is None else "no",
        listen=address,
        keymap=vnc.keymap,
    )
    add(graphics, "listen", type="address", address=address)


def _is_address(text: str) -> bool:
    try:
        return "%" not in text and bool(ip_address(text))
    except ValueError:
        return _HOST_NAME.fullmatch(text) is not None
