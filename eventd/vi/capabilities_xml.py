"""libvirt's XML of what a host can do (``virsh capabilities``), as its ESX driver writes it.

The driver takes the architecture from the features of the processor; every ESX host that can be
followed is x86_64. Topology and model of the processor are left to ``virsh nodeinfo`` by both. As
the driver does, it names live migration whether or not the host can (`HostHardware.can_vmotion`).

libvirt's own schema (``capability.rng`` of 9.0) forgets that domains may be of type ``vmware``:
this is the one thing in which neither document is valid.
"""

from __future__ import annotations

from eventd.model.hardware import HostHardware
from eventd.vi.libvirt_xml import add, document, root

__all__ = ["capabilities_xml"]

_ARCHITECTURES = {"i686": 32, "x86_64": 64}
"""Of guests, with their sizes of a word."""


def capabilities_xml(host: HostHardware) -> str:
    """Write the capabilities of a host."""
    capabilities = root("capabilities")
    about = add(capabilities, "host")
    if host.uuid is not None:
        add(about, "uuid", host.uuid)
    add(add(about, "cpu"), "arch", "x86_64")
    add(about, "power_management")
    add(about, "iommu", support="no")
    migration = add(about, "migration_features")
    add(migration, "live")
    add(add(migration, "uri_transports"), "uri_transport", "vpxmigr")
    for name, word_size in _ARCHITECTURES.items():
        guest = add(capabilities, "guest")
        add(guest, "os_type", "hvm")
        architecture = add(guest, "arch", name=name)
        add(architecture, "wordsize", word_size)
        add(architecture, "domain", type="vmware")
    return document(capabilities)
