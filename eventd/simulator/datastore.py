"""The files of domains on the host's datastore: what ``/folder/…`` serves and takes."""

from __future__ import annotations

import re

from eventd.simulator.world import World

__all__ = ["display_name", "read"]

_DISPLAY_NAME = re.compile(r'^displayName = "(.*)"$', re.MULTILINE)


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
    """The name that a configuration gives its domain."""
    found = _DISPLAY_NAME.search(content)
    return found[1] if found else None


def _configuration(world: World, name: str) -> str:
    digits = str(world.read(name, "config.uuid")).replace("-", "")
    pairs = [digits[at : at + 2] for at in range(0, 32, 2)]
    lines = {
        "config.version": "8",
        "virtualHW.version": "8",
        "displayName": name,
        "uuid.bios": f"{' '.join(pairs[:8])}-{' '.join(pairs[8:])}",
        "memsize": str(world.read(name, "config.hardware.memoryMB")),
        "numvcpus": str(world.read(name, "config.hardware.numCPU")),
        "guestOS": "other",
    }
    return "".join(f'{key} = "{value}"\n' for key, value in lines.items())
