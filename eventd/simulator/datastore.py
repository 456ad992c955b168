"""The files of domains on the host's datastore: what ``/folder/…`` serves and takes."""

from __future__ import annotations

from eventd.errors import InvalidArgument
from eventd.simulator.vmx_files import configuration
from eventd.simulator.world import World
from eventd.vi.names import escape_vi_name
from eventd.vi.vmx import VMX

__all__ = ["datacenter_path", "display_name", "exists", "read"]


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
    names = [world.objects.read(each, "name") for each in world.inventory.datastores]
    return datastore in names or any(
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
            return configuration(world, name)
    return None


def display_name(content: str) -> str | None:
    """The name that a configuration gives its domain, as VI spells it."""
    try:
        name = VMX.parse(content.encode()).display_name
    except InvalidArgument:
        return None
    return name and escape_vi_name(name)
