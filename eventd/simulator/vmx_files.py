"""The configuration files (VMX) of domains, made up from their properties.

It says the same as the VI API, in another language: libvirt's ESX driver knows a domain by its
file. Keys and values are those of VMware's products, as far as libvirt reads them: libvirt,
``src/vmx/vmx.c``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from eventd.simulator.world import World
from eventd.simulator.world.values import DataObject, Value, pick
from eventd.vi.names import DatastorePath, domain_name, escape_annotation, escape_display_name
from eventd.vi.vmx import VMX

__all__ = ["configuration"]

Entries = dict[str, str]


def configuration(world: World, name: str) -> str:
    """The file of a domain."""
    digits = str(world.read(name, "config.uuid")).replace("-", "")
    pairs = [digits[at : at + 2] for at in range(0, 32, 2)]
    entries = {
        ".encoding": "UTF-8",
        "config.version": "8",
        "virtualHW.version": str(world.read(name, "config.version")).removeprefix("vmx-"),
        "displayName": _written(escape_display_name(domain_name(name))),
        "uuid.bios": f"{' '.join(pairs[:8])}-{' '.join(pairs[8:])}",
        "memsize": str(world.read(name, "config.hardware.memoryMB")),
        "numvcpus": str(world.read(name, "config.hardware.numCPU")),
        "guestOS": _system(str(world.read(name, "config.guestId"))),
        **dict(_allocations(world, name)),
        **dict(_rest(world, name)),
        **_Devices(world, name).entries(),
    }
    annotation = world.read(name, "config.annotation")
    if annotation:
        entries["annotation"] = _written(escape_annotation(str(annotation)))
    return str(VMX(entries))


_CONTROL_CHARACTER = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


def _written(escaped: str) -> str:
    """Write what ends a line in a file as VMware does: open-vm-tools, ``lib/dict/dictll.c``."""
    return _CONTROL_CHARACTER.sub(lambda match: f"|{ord(match[0]):02X}", escaped)


def _system(guest_id: str) -> str:
    """``debian12_64Guest`` is ``debian12-64``."""
    return re.sub("_?64$", "-64", guest_id.removesuffix("Guest").lower()).replace("_", "-")


def _allocations(world: World, name: str) -> Iterator[tuple[str, str]]:
    def told(path: str) -> Value | None:
        return world.read(name, path)

    limit = told("config.memoryAllocation.limit")
    yield "sched.mem.max", "unlimited" if limit == -1 else str(limit)
    yield "sched.mem.minsize", str(told("config.memoryAllocation.reservation"))
    shares = told("config.cpuAllocation.shares")
    level = pick(shares, ["level"])
    yield "sched.cpu.shares", str(pick(shares, ["shares"]) if level == "custom" else level)
    affinity = pick(told("config.cpuAffinity"), ["affinitySet"])
    if isinstance(affinity, tuple):
        yield "sched.cpu.affinity", ",".join(map(str, affinity))
    if (cores := told("config.hardware.numCoresPerSocket")) != 1:
        yield "cpuid.coresPerSocket", str(cores)


def _rest(world: World, name: str) -> Iterator[tuple[str, str]]:
    if world.read(name, "config.firmware") == "efi":
        yield "firmware", "efi"
    options = world.read(name, "config.extraConfig")
    for option in options if isinstance(options, tuple) else ():
        yield str(pick(option, ["key"])), str(pick(option, ["value"]))


_CONTROLLERS = {
    "VirtualBusLogicController": ("scsi", "buslogic"),
    "VirtualLsiLogicController": ("scsi", "lsilogic"),
    "VirtualLsiLogicSASController": ("scsi", "lsisas1068"),
    "ParaVirtualSCSIController": ("scsi", "pvscsi"),
    "VirtualAHCIController": ("sata", ""),
    "VirtualIDEController": ("ide", ""),
    "VirtualSIOController": ("floppy", ""),
}

_CARDS = {
    "VirtualE1000": "e1000",
    "VirtualE1000e": "e1000e",
    "VirtualPCNet32": "vlance",
    "VirtualVmxnet": "vmxnet",
    "VirtualVmxnet2": "vmxnet",
    "VirtualVmxnet3": "vmxnet3",
}


class _Devices:
    """The entries of the devices of one domain."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._directory = DatastorePath.parse(str(world.read(name, "config.files.vmPathName")))
        devices = world.read(name, "config.hardware.device")
        self._devices = [
            each
            for each in (devices if isinstance(devices, tuple) else ())
            if isinstance(each, DataObject)
        ]
        self._prefixes: dict[Value | None, str] = {}

    def entries(self) -> Entries:
        found: Entries = {}
        for device in self._devices:
            if device.type in _CONTROLLERS:
                found |= self._controller(device)
        for device in self._devices:
            if prefix := self._prefix(device):
                found[f"{prefix}.present"] = "TRUE"
                own = {**self._members(device), **self._backing(device)}
                found |= {
                    f"{prefix}.{key}": _written(escape_annotation(value))
                    for key, value in own.items()
                }
        return found

    def _controller(self, device: DataObject) -> Entries:
        kind, model = _CONTROLLERS[device.type]
        bus = device.members.get("busNumber")
        self._prefixes[device.members["key"]] = kind if kind == "floppy" else f"{kind}{bus}:"
        if kind not in ("scsi", "sata"):
            return {}
        entries = {f"{kind}{bus}.present": "TRUE"}
        if model:
            entries[f"{kind}{bus}.virtualDev"] = model
        return entries

    def _prefix(self, device: DataObject) -> str:
        """What the keys of a device begin with; empty for one that the file does not name."""
        key = int(str(device.members["key"]))
        if device.type in ("VirtualDisk", "VirtualCdrom", "VirtualFloppy"):
            prefix = self._prefixes.get(device.members.get("controllerKey"))
            return f"{prefix}{device.members.get('unitNumber')}" if prefix else ""
        if device.type in _CARDS:
            return f"ethernet{key - 4000}"
        if device.type == "VirtualSerialPort":
            return f"serial{key - 9000}"
        if device.type == "VirtualParallelPort":
            return f"parallel{key - 10000}"
        return "svga" if device.type == "VirtualMachineVideoCard" else ""

    def _members(self, device: DataObject) -> Entries:
        members = device.members
        entries: Entries = {}
        if device.type == "VirtualMachineVideoCard":
            entries["vramSize"] = str(int(str(members["videoRamSizeInKB"])) * 1024)
        if device.type in _CARDS:
            entries["virtualDev"] = _CARDS[device.type]
            if device.type == "VirtualVmxnet2":
                entries["features"] = "15"
        if "macAddress" in members:
            told = str(members.get("addressType"))
            kind = {"manual": "static", "assigned": "vpx"}.get(told, told)
            entries["addressType"] = kind
            entries["address" if kind == "static" else "generatedAddress"] = str(
                members["macAddress"]
            )
        return entries

    def _backing(self, device: DataObject) -> Entries:
        backing = device.members.get("backing")
        if not isinstance(backing, DataObject):
            return _NO_FILE.get(device.type, {})
        members = backing.members
        file = self._file(str(members.get("fileName", "")))
        chosen = members.get("useAutoDetect") is True
        named = "auto detect" if chosen else str(members.get("deviceName", ""))
        match backing.type:
            case "VirtualDiskFlatVer2BackingInfo":
                mode = str(members["diskMode"]).replace("_", "-")
                through = str(members["writeThrough"]).upper()
                return {"fileName": file, "mode": mode, "writeThrough": through}
            case "VirtualCdromIsoBackingInfo":
                return {"fileName": file, "deviceType": "cdrom-image"}
            case "VirtualCdromAtapiBackingInfo":
                return {"fileName": named, "deviceType": "atapi-cdrom"}
            case "VirtualCdromPassthroughBackingInfo":
                return {"fileName": named, "deviceType": "cdrom-raw"}
            case "VirtualCdromRemotePassthroughBackingInfo":
                return {**_REMOTE, "deviceType": "cdrom-raw"}
            case "VirtualFloppyRemoteDeviceBackingInfo":
                return {**_REMOTE, "fileType": "device"}
            case "VirtualEthernetCardNetworkBackingInfo":
                return {"networkName": named}
            case "VirtualEthernetCardDistributedVirtualPortBackingInfo":
                return _distributed(backing)
            case "VirtualEthernetCardOpaqueNetworkBackingInfo":
                return {"opaqueNetwork.id": str(members["opaqueNetworkId"])}
            case "VirtualSerialPortPipeBackingInfo":
                end = str(members["endpoint"])
                return {
                    "fileType": "pipe",
                    "fileName": str(members["pipeName"]),
                    "pipe.endPoint": end,
                }
            case "VirtualSerialPortURIBackingInfo":
                return _connection(members)
            case _ if "fileName" in members:
                return {"fileType": "file", "fileName": file}
            case _:
                return {"fileType": "device", "fileName": named}

    def _file(self, path: str) -> str:
        """A file of a datastore as VMX files name it: from the domain's directory, or whole."""
        if not path:
            return ""
        item = DatastorePath.parse(path)
        beside = f"{self._directory.directory}/"
        if item.datastore == self._directory.datastore and item.path.startswith(beside):
            return item.path.removeprefix(beside)
        return f"{self._mount(item.datastore)}/{item.path}"

    def _mount(self, datastore: str) -> str:
        objects = self._world.objects
        for reference in self._world.inventory.datastores:
            if objects.read(reference, "name") == datastore:
                mounts = objects.read(reference, "host")
                if isinstance(mounts, tuple) and mounts:
                    return str(pick(mounts[0], ["mountInfo", "path"]))
        return f"/vmfs/volumes/{datastore}"


_REMOTE = {"clientDevice": "TRUE", "fileName": "emptyBackingString"}

_NO_PORT = {"fileType": "device", "fileName": ""}

_NO_FILE: Mapping[str, Entries] = {
    "VirtualDisk": {"fileName": "added.vmdk"},
    "VirtualCdrom": _REMOTE,
    "VirtualFloppy": _REMOTE,
    "VirtualSerialPort": _NO_PORT,
    "VirtualParallelPort": _NO_PORT,
}
"""What there is of a device that was added by its class alone."""


def _distributed(backing: DataObject) -> Entries:
    port = ["port"]
    return {
        "dvs.switchId": str(pick(backing, [*port, "switchUuid"])),
        "dvs.portId": str(pick(backing, [*port, "portKey"])),
        "dvs.portgroupId": str(pick(backing, [*port, "portgroupKey"])),
        "dvs.connectionId": str(pick(backing, [*port, "connectionCookie"])),
    }


def _connection(members: Mapping[str, Value]) -> Entries:
    entries = {
        "fileType": "network",
        "fileName": str(members["serviceURI"]),
        "network.endPoint": str(members["direction"]),
    }
    if "proxyURI" in members:
        entries["vspc"] = str(members["proxyURI"])
    return entries
