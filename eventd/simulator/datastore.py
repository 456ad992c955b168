"""The files of domains on the host's datastore: what ``/folder/…`` serves and takes."""

from __future__ import annotations

import re

from eventd.errors import InvalidArgument
from eventd.simulator.world import World
from eventd.vi.names import (
    domain_name,
    escape_annotation,
    escape_display_name,
    escape_vi_name,
)
from eventd.vi.vmx import VMX

__all__ = ["datacenter_path", "display_name", "exists", "read"]

_CONTROL_CHARACTER = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


def datacenter_path(world: World) -> str:
    """The inventory path of the datacenter: the names below the root folder, as VI spells them."""
    names: list[str] = []
    entity = world.inventory.datacenter
    while entity != world.inventory.root_folder:
        names.insert(0, str(world.objects.read(entity, "name")))
        entity = world.objects.references(entity, "parent")[0]
    return "/".join(names)


def exists(world: World, *, datacenter: str, datastore: str) -> bool:
    """Whether there is such a datastore; each is in the one datacenter."""
    if datacenter != datacenter_path(world):
        return False
    # Domains may have moved to one of which nothing is known but its name.
    moved = [world.read(name, "config.files.vmPathName") for name in world.domains.names]
    return datastore == world.objects.read(world.inventory.datastore, "name") or any(
        str(path).startswith(f"[{datastore}] ") for path in (*world.files, *moved)
    )


def read(world: World, path: str) -> str | None:
    """The file at a datastore path, ``[datastore1] web01/web01.vmx``; None if there is none.

    A domain's configuration is made up from its properties unless somebody stored one.
    """
    if path in world.files:
        return world.files[path]
    for name in world.domains.names:
        if world.read(name, "config.files.vmPathName") == path:
            return _configuration(world, name)
    return None


def display_name(content: str) -> str | None:
    """The name that a configuration gives its domain, as VI spells it."""
    try:
        name = VMX.parse(content.encode()).display_name
    except InvalidArgument:
        return None
    return name and escape_vi_name(name)


def _configuration(world: World, name: str) -> str:
    digits = str(world.read(name, "config.uuid")).replace("-", "")
    pairs = [digits[at : at + 2] for at in range(0, 32, 2)]
    entries = {
        ".encoding": "UTF-8",
        "config.version": "8",
        "virtualHW.version": "8",
        "displayName": _written(escape_display_name(domain_name(name))),
        "uuid.bios": f"{' '.join(pairs[:8])}-{' '.join(pairs[8:])}",
        "memsize": str(world.read(name, "config.hardware.memoryMB")),
        "numvcpus": str(world.read(name, "config.hardware.numCPU")),
        "guestOS": "other",
        # A file beside this one; libvirt would look for the datastore of any other path.
        "serial0.present": "TRUE",
        "serial0.fileType": "file",
        "serial0.fileName": "serial0.log",
    }
    annotation = world.read(name, "config.annotation")
    if annotation:
        entries["annotation"] = _written(escape_annotation(str(annotation)))
    return str(VMX(entries))


def _written(escaped: str) -> str:
    """Write what ends a line in a file as VMware does: open-vm-tools, ``lib/dict/dictll.c``."""
    return _CONTROL_CHARACTER.sub(lambda match: f"|{ord(match[0]):02X}", escaped)
