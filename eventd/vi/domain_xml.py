"""libvirt's XML of a domain (``virsh dumpxml``), written from what VI says the domain is made of.

libvirt's ESX driver writes the same from the VMX file. The differences, of libvirt 9.0:

- SCSI and SATA addresses are those that VI and the guest have: ``controller`` and ``unit``. The
  driver counts all SCSI disks as units of controller 0, and six SATA units to a controller. Names
  (``sda``) are the driver's, but that two disks of a bus never share one.
- A drive of the client (what a new domain's CD-ROM drive is at first) is an empty drive, and a
  floppy drive that takes whatever device there is has ``startupPolicy`` as a CD-ROM drive has. The
  driver leaves the former out, and calls the device of the latter ``auto detect``.
- A serial port with a proxy is a connection to the proxy, and one whose URI cannot be read is
  ``null``. The driver refuses the domain, as it does for a URI that names no host to listen on.
- A network card on an opaque network (NSX) is on a bridge of that id. For the driver it is on none.
- A port of a distributed switch that has no number yet is 0. The driver refuses the domain.
- Disks of the mode ``nonpersistent`` are transient, as those of ``independent_nonpersistent`` are.
  A topology that would not give the number of processors is left out.
- What VI always tells is always there: model of a network card, shares of the processors, video
  memory. The driver tells what the file happens to contain.
- Not there, since VI does not tell it: ``genid``, ``vmnet`` devices, ``check='no'`` of a MAC.
- Not there, since libvirt's schema does not have it: ``vmware:moref``.

Neither has disks on NVMe controllers, USB, sound, shared folders or passed-through PCI devices.
Names are written as they are, even where libvirt's schema has a narrower idea of them: it does not
foresee a bridge called ``Büro``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count, pairwise
from urllib.parse import urlsplit

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
    add(domain, "name", name)
    add(domain, "uuid", uuid)
    if hardware.annotation:
        add(domain, "description", hardware.annotation)
    _add_memory(domain, hardware)
    _add_processors(domain, hardware)
    system = add(domain, "os", firmware="efi" if hardware.firmware is Firmware.EFI else None)
    add(system, "type", "hvm", arch="x86_64" if hardware.is_64_bit else "i686")
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
        tuning = add(domain, "memtune")
        add(tuning, "min_guarantee", hardware.memory_reservation, unit="KiB")


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
        add(video, "model", type="vmvga", vram=hardware.video_memory, primary="yes")


# --- drives ---------------------------------------------------------------------------------------

_TARGETS = {Bus.SCSI: "sd", Bus.SATA: "sd", Bus.IDE: "hd", Bus.FLOPPY: "fd"}
"""What the names of targets begin with, on the buses that libvirt has, in its order."""

_UNITS = {Bus.SCSI: 15, Bus.SATA: 30, Bus.IDE: 2, Bus.FLOPPY: 2}
"""How many drives the driver takes a controller to have."""

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
    elif drive.path is not None:
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
_UUID_DIGITS = 32


def _add_interface(devices: Element, card: NetworkCard) -> None:
    interface = add(devices, "interface")
    if card.mac is not None and _MAC.fullmatch(card.mac):
        kind = {True: "generated", False: "static", None: None}[card.is_mac_generated]
        add(interface, "mac", address=card.mac.lower(), type=kind)
    if (port := card.distributed_port) is not None:
        interface.set("type", "vds")
        add(
            interface,
            "source",
            switchid=_uuid(port.switch_uuid),
            portid=port.port if _NUMBER.fullmatch(port.port or "") else 0,
            portgroupid=port.portgroup or "",
            connectionid=port.connection or 0,
        )
    elif card.network is not None:
        interface.set("type", "bridge")
        add(interface, "source", bridge=card.network)
    else:
        interface.set("type", "null")
    if card.model is not None:
        add(interface, "model", type=card.model)


def _uuid(text: str) -> str:
    """Return the UUID that VI spells in pairs of digits; what is none stays as it is."""
    digits = text.replace(" ", "").replace("-", "").lower()
    if len(digits) != _UUID_DIGITS:
        return text
    ends = (0, 8, 12, 16, 20, 32)
    return "-".join(digits[begin:end] for begin, end in pairwise(ends))


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


def _set_connection(chardev: Element, port: NetworkPort) -> None:
    uri, is_server = (port.uri, port.is_server) if port.proxy is None else (port.proxy, False)
    try:
        parts = urlsplit(uri)
        protocol, service = _PROTOCOLS.get(parts.scheme), parts.port
        host = parts.hostname or ("0.0.0.0" if is_server else None)  # noqa: S104 - the host's
    except ValueError:
        protocol = service = host = None
    if protocol is None or service is None or host is None:
        chardev.set("type", "null")
        return
    chardev.set("type", "tcp")
    add(chardev, "source", mode="bind" if is_server else "connect", host=host, service=service)
    add(chardev, "protocol", type=protocol)


# --- display --------------------------------------------------------------------------------------


def _add_graphics(devices: Element, vnc: VNCServer) -> None:
    graphics = add(
        devices,
        "graphics",
        type="vnc",
        port=-1 if vnc.port is None else vnc.port,
        autoport="yes" if vnc.port is None else "no",
        listen=vnc.address,
        keymap=vnc.keymap,
    )
    add(graphics, "listen", type="address", address=vnc.address)
