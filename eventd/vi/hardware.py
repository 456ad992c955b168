"""What domains and hosts are made of, out of their VI properties.

Devices are told apart by their class, their backings by what they hold: later versions of VI add
classes of backings, seldom members. A device of an unknown class, or one that lacks what makes it
one, is left out; it never costs the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from eventd.model.hardware import (
    Bus,
    Controller,
    DevicePort,
    DistributedPort,
    DomainHardware,
    Drive,
    DriveKind,
    DriveSource,
    FilePort,
    Firmware,
    HostHardware,
    NetworkCard,
    NetworkPort,
    PipePort,
    Port,
    PortBacking,
    VNCServer,
)
from eventd.vi.structures import children_by_name, is_true, number_of, parse_number, text_of
from eventd.vi.xml import Element, local_name, type_name

__all__ = ["domain_hardware", "host_hardware"]

_KIB_PER_MIB = 1024

_MOST = 2**31 - 1
"""The largest ``xsd:int``."""

_MOST_PLACES = 100
"""Controllers of a kind, and units of one, to libvirt's schema; no host has as many."""

_MOST_VCPUS = 2**16 - 1
"""As many as libvirt can count; VMware's products are far from it."""

_Parts = Mapping[str, Element]


def domain_hardware(properties: Mapping[str, Element]) -> DomainHardware:
    """Return what a domain is made of, given its properties by path: ``config``, or parts of it.

    What is missing has the value that it has by default.
    """
    hardware_element = _property(properties, "config.hardware")
    hardware = _parts(hardware_element)
    vcpus = _count(hardware, "numCPU", least=1, most=_MOST_VCPUS)
    devices = [child for child in _children(hardware_element) if local_name(child) == "device"]
    controllers = dict(_controllers(devices))
    memory_allocation = _parts(_property(properties, "config.memoryAllocation"))
    memory_limit = number_of(memory_allocation, "limit")
    options = dict(_options(_items(properties, "config.extraConfig")))
    return DomainHardware(
        memory=_count(hardware, "memoryMB") * _KIB_PER_MIB,
        vcpus=vcpus,
        cores_per_socket=_count(hardware, "numCoresPerSocket", least=1),
        firmware=_firmware(_text(properties, "config.firmware")),
        guest_id=_text(properties, "config.guestId"),
        annotation=_text(properties, "config.annotation"),
        generation_id=_generation_id(options),
        has_smbios_of_host=options.get("smbios.reflecthost", "").lower() == "true",
        memory_limit=_unless_negative(memory_limit),
        memory_reservation=_count(memory_allocation, "reservation") * _KIB_PER_MIB,
        cpu_shares=_shares(_parts(_property(properties, "config.cpuAllocation")), vcpus),
        cpu_affinity=tuple(_affinity(_property(properties, "config.cpuAffinity"))),
        controllers=tuple(controllers.values()),
        drives=tuple(_drives(devices, controllers)),
        network_cards=tuple(_network_cards(devices, options)),
        serial_ports=tuple(_ports(devices, "VirtualSerialPort")),
        parallel_ports=tuple(_ports(devices, "VirtualParallelPort")),
        video_memory=_video_memory(devices),
        vnc=_vnc(options),
    )


def host_hardware(properties: Mapping[str, Element]) -> HostHardware:
    """Return what a host is made of, given its properties by path.

    Read are ``summary.hardware``, ``hardware`` and ``capability``, or parts of them.
    """
    summary = _parts(_property(properties, "summary.hardware"))
    packages = _items(properties, "hardware.cpuPkg")
    numa = _parts(_property(properties, "hardware.numaInfo"))
    return HostHardware(
        cpu_model=" ".join((text_of(summary, "cpuModel") or "").split()),
        cpu_vendor=_cpu_vendor(packages),
        mhz=_count(summary, "cpuMhz"),
        packages=_count(summary, "numCpuPkgs", least=1),
        cores=_count(summary, "numCpuCores", least=1),
        threads=_count(summary, "numCpuThreads", least=1),
        memory=max(0, number_of(summary, "memorySize") or 0),
        numa_nodes=_count(numa, "numNodes", least=1),
        uuid=(text_of(summary, "uuid") or "").strip().lower() or None,
        can_vmotion=is_true(_text(properties, "capability.vmotionSupported")),
    )


# --- parts ----------------------------------------------------------------------------------------


def _property(properties: Mapping[str, Element], path: str) -> Element | None:
    """Return the element of a property, which may be inside of that of a shorter path."""
    names = path.split(".")
    for length in range(len(names), 0, -1):
        found = properties.get(".".join(names[:length]))
        if found is not None:
            for name in names[length:]:
                found = _parts(found).get(name)
            return found
    return None


def _items(properties: Mapping[str, Element], path: str) -> list[Element]:
    """Return the items of an array: children of the property, or parts of one name inside it."""
    if path in properties:
        return properties[path][:]
    parent, _, name = path.rpartition(".")
    return [
        child for child in _children(_property(properties, parent)) if local_name(child) == name
    ]


def _children(element: Element | None) -> list[Element]:
    return [] if element is None else element[:]


def _parts(element: Element | None) -> _Parts:
    return {} if element is None else children_by_name(element)


def _text(properties: Mapping[str, Element], path: str) -> str:
    found = _property(properties, path)
    return "" if found is None else found.text or ""


def _filled(parts: _Parts, name: str) -> str | None:
    """Return the text of a part; None where it is empty too."""
    return (text_of(parts, name) or "").strip() or None


def _count(parts: _Parts, name: str, *, least: int = 0, most: int = _MOST) -> int:
    """Return a count, which VI has as an ``xsd:int``; the least where the host tells none."""
    number = number_of(parts, name)
    return least if number is None else max(least, min(number, most))


def _unless_negative(mebibytes: int | None) -> int | None:
    """Return KiB. VI says -1 for "no limit"."""
    return None if mebibytes is None or mebibytes < 0 else mebibytes * _KIB_PER_MIB


def _firmware(text: str) -> Firmware:
    return Firmware.EFI if text == Firmware.EFI else Firmware.BIOS


_SHARES = {"low": 500, "normal": 1000, "high": 2000}
"""Of each virtual processor, by ``SharesLevel`` (VI API reference)."""


def _shares(allocation: _Parts, vcpus: int) -> int | None:
    """Return the shares of the processors: VI's own number counts at the level ``custom`` alone."""
    parts = _parts(allocation.get("shares"))
    of_each = _SHARES.get(text_of(parts, "level") or "")
    shares = number_of(parts, "shares") if of_each is None else of_each * vcpus
    return shares if shares is not None and 0 < shares <= _MOST else None


def _affinity(affinity: Element | None) -> Iterator[int]:
    for child in _children(affinity):
        number = parse_number(child.text)
        if local_name(child) == "affinitySet" and number is not None and number >= 0:
            yield number


def _cpu_vendor(packages: Iterable[Element]) -> str:
    return next((vendor for one in packages if (vendor := _filled(_parts(one), "vendor"))), "")


# --- drives ---------------------------------------------------------------------------------------

_CONTROLLERS: Mapping[str, tuple[Bus, str | None]] = {
    "ParaVirtualSCSIController": (Bus.SCSI, "vmpvscsi"),
    "VirtualAHCIController": (Bus.SATA, None),
    "VirtualBusLogicController": (Bus.SCSI, "buslogic"),
    "VirtualIDEController": (Bus.IDE, None),
    "VirtualLsiLogicController": (Bus.SCSI, "lsilogic"),
    "VirtualLsiLogicSASController": (Bus.SCSI, "lsisas1068"),
    "VirtualNVMEController": (Bus.NVME, None),
    "VirtualSATAController": (Bus.SATA, None),
    "VirtualSCSIController": (Bus.SCSI, None),
}

_DRIVES = {"VirtualCdrom": DriveKind.CDROM, "VirtualDisk": DriveKind.DISK}


def _controllers(devices: Iterable[Element]) -> Iterator[tuple[str, Controller]]:
    """Yield the controllers of drives and their keys, which are numbers that nobody counts with."""
    for device in devices:
        if (known := _CONTROLLERS.get(type_name(device))) is not None:
            parts = children_by_name(device)
            key, number = text_of(parts, "key"), number_of(parts, "busNumber")
            if key and number is not None and 0 <= number < _MOST_PLACES:
                yield key, Controller(known[0], number, known[1])


def _drives(devices: Iterable[Element], controllers: Mapping[str, Controller]) -> Iterator[Drive]:
    for device in devices:
        parts = children_by_name(device)
        unit = number_of(parts, "unitNumber")
        if unit is None or not 0 <= unit < _MOST_PLACES:
            continue
        if type_name(device) == "VirtualFloppy":  # its controller has all kinds of things
            yield _drive(DriveKind.FLOPPY, Bus.FLOPPY, 0, unit, parts.get("backing"))
        elif (kind := _DRIVES.get(type_name(device))) is not None:
            controller = controllers.get(text_of(parts, "controllerKey") or "")
            if controller is not None:
                bus, number, _ = controller
                yield _drive(kind, bus, number, unit, parts.get("backing"))


def _drive(kind: DriveKind, bus: Bus, controller: int, unit: int, backing: Element | None) -> Drive:
    parts = _parts(backing)
    source, path = _source("" if backing is None else type_name(backing), parts)
    return Drive(
        kind,
        bus,
        controller,
        unit,
        source,
        path,
        is_passthrough=backing is not None and "Passthrough" in type_name(backing),
        is_write_through=is_true(text_of(parts, "writeThrough")),
        is_transient=(text_of(parts, "diskMode") or "").endswith("nonpersistent"),
    )


def _source(backing: str, parts: _Parts) -> tuple[DriveSource, str | None]:
    if "Remote" in backing:
        return DriveSource.CLIENT, None
    # A raw disk has the name of its device beside that of the file which stands for it.
    if (file := _file(parts)) is not None:
        return DriveSource.FILE, file
    if "deviceName" in parts or is_true(text_of(parts, "useAutoDetect")):
        return DriveSource.DEVICE, _device_name(parts)
    return DriveSource.EMPTY, None


def _file(parts: _Parts) -> str | None:
    file = _filled(parts, "fileName") or _filled(parts, "descriptorFileName")
    if file is None:
        return None
    # What is on none of the host's datastores: ESX's own images, and nothing at all.
    return file.removeprefix("[]").strip() or None


def _device_name(parts: _Parts) -> str | None:
    if is_true(text_of(parts, "useAutoDetect")):
        return None
    return _filled(parts, "deviceName")


# --- network cards --------------------------------------------------------------------------------

_CARD_MODELS: Mapping[str, str | None] = {
    "VirtualE1000": "e1000",
    "VirtualE1000e": "e1000e",
    "VirtualPCNet32": "vlance",
    "VirtualSriovEthernetCard": None,
    "VirtualVmxnet": "vmxnet",
    "VirtualVmxnet2": "vmxnet2",
    "VirtualVmxnet3": "vmxnet3",
    "VirtualVmxnet3Vrdma": "vmxnet3",
}


_FIRST_CARD = 4000
"""The key of the card that the VMX file calls ``ethernet0``."""


def _network_cards(devices: Iterable[Element], options: Mapping[str, str]) -> Iterator[NetworkCard]:
    for device in devices:
        parts = children_by_name(device)
        # Nothing but a network card has an address, whatever class is added to these.
        if type_name(device) in _CARD_MODELS or "macAddress" in parts:
            backing = _parts(parts.get("backing"))
            number = (number_of(parts, "key") or 0) - _FIRST_CARD
            yield NetworkCard(
                mac=_filled(parts, "macAddress"),
                is_mac_generated=_is_generated(text_of(parts, "addressType")),
                model=_CARD_MODELS.get(type_name(device)),
                network=_filled(backing, "deviceName") or _filled(backing, "opaqueNetworkId"),
                distributed_port=_distributed_port(backing.get("port")),
                is_mac_checked=(
                    options.get(f"ethernet{number}.checkmacaddress", "").lower() != "false"
                ),
            )


def _is_generated(address_type: str | None) -> bool | None:
    """Whether host or vCenter chose the address; the words are those of all versions of VI."""
    return {"manual": False, "generated": True, "assigned": True}.get((address_type or "").lower())


def _distributed_port(port: Element | None) -> DistributedPort | None:
    parts = _parts(port)
    switch = _filled(parts, "switchUuid")
    if switch is None:
        return None
    return DistributedPort(
        switch,
        _filled(parts, "portgroupKey"),
        _filled(parts, "portKey"),
        number_of(parts, "connectionCookie"),
    )


# --- ports ----------------------------------------------------------------------------------------


def _ports(devices: Iterable[Element], name: str) -> Iterator[Port]:
    for index, device in enumerate(one for one in devices if type_name(one) == name):
        parts = children_by_name(device)
        unit = number_of(parts, "unitNumber")
        backing = _port_backing(_parts(parts.get("backing")))
        if backing is not None:
            yield Port(index if unit is None or unit < 0 else unit, backing)


def _port_backing(parts: _Parts) -> PortBacking | None:
    """Return what a port leads to; None for what libvirt has no word for (a printer)."""
    if (uri := _filled(parts, "serviceURI")) is not None:
        is_server = text_of(parts, "direction") == "server"
        return NetworkPort(uri, is_server, _filled(parts, "proxyURI"))
    if (pipe := _filled(parts, "pipeName")) is not None:
        return PipePort(pipe, text_of(parts, "endpoint") == "server")
    if (file := _file(parts)) is not None:
        return FilePort(file)
    if "deviceName" in parts:
        return DevicePort(_device_name(parts))
    return None


# --- display --------------------------------------------------------------------------------------


def _video_memory(devices: Iterable[Element]) -> int | None:
    for device in devices:
        if type_name(device) == "VirtualMachineVideoCard":
            size = number_of(children_by_name(device), "videoRamSizeInKB")
            return size if size is not None and 0 <= size <= _MOST else None
    return None


def _vnc(options: Mapping[str, str]) -> VNCServer | None:
    if options.get("remotedisplay.vnc.enabled", "").lower() != "true":
        return None
    port = parse_number(options.get("remotedisplay.vnc.port"))
    return VNCServer(
        port if port is not None and 0 < port < 65536 else None,
        options.get("remotedisplay.vnc.ip") or None,
        options.get("remotedisplay.vnc.keymap") or None,
    )


# --- what VI has no properties for -------------------------------------------------------------

_OPTION = re.compile(
    r"remotedisplay\.vnc\.(?:enabled|port|ip|keymap)|smbios\.reflecthost|vm\.genidx?"
    r"|ethernet[0-9]+\.checkmacaddress"
)
"""The keys of a VMX file that are read. Others may hold passwords: of the VNC server, for one."""


def _options(extra_config: Iterable[Element]) -> Iterator[tuple[str, str]]:
    """Yield options by key in lower case: as in a VMX file, the case of keys means nothing."""
    for option in extra_config:
        parts = children_by_name(option)
        key = (text_of(parts, "key") or "").lower()
        if _OPTION.fullmatch(key):
            yield key, (text_of(parts, "value") or "").strip()


def _generation_id(options: Mapping[str, str]) -> str | None:
    """Return the UUID that a VMX file has as two numbers of 64 bits, with their signs.

    One that is missing is 0 to libvirt, and none is an ID of zeros.
    """
    halves = [parse_number(options.get(key)) or 0 for key in ("vm.genid", "vm.genidx")]
    if not any(halves):
        return None
    return str(UUID("".join(f"{half % 2**64:016x}" for half in halves)))
