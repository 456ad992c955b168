"""Reads the configuration of a domain: finds its VMX file on the datastore, and fetches it.

The file is served over HTTP beside the VI API: Web Services SDK Programming Guide, "HTTP Access
to vSphere Server Files". What it says is read in `eventd.vi.vmx`.
"""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from eventd.connections.session import Session
from eventd.errors import Fault, HostError, HostUnreachable, InvalidArgument, MalformedAnswer
from eventd.model.configuration import DomainConfiguration
from eventd.vi import calls
from eventd.vi.names import DatastorePath
from eventd.vi.property_collector import (
    ObjectSpec,
    PropertyFilterSpec,
    PropertySpec,
    TraversalSpec,
)
from eventd.vi.types import ManagedObjectReference, ObjectContent
from eventd.vi.vmx import VMX

__all__ = ["CONFIGURATION_SECONDS", "datacenter_path", "read_configuration"]

CONFIGURATION_SECONDS = 30.0
"""How long it may take to read a configuration, in all: somebody waits for it.

It is some ten small answers. The host itself waits where a datastore has lost one of its paths and
goes over to another, which takes seconds to tens of seconds.
"""

_MOST_LEVELS = 64
"""Above a host are a cluster and a few folders; a host that tells of more goes round in circles."""

_PARENT = TraversalSpec("ManagedEntity", "parent")


async def read_configuration(
    session: Session, domain: str, *, name: str | None = None
) -> DomainConfiguration:
    """Return what the VMX file of a domain says; ``domain`` is the value of its reference.

    Messages call it by its ``name``, if that is given.

    Raises:
        SessionExpired: the host has forgotten the session.
        Fault: the domain is gone (``ManagedObjectNotFound``), its file is not there
            (``FileNotFound``), or there is no right to read it (``NoPermission``).
        MalformedAnswer: the file is no VMX file; the message names the path and the line.
        HostError: the host does not tell where the file is, or cannot be asked.
    """
    try:
        async with asyncio.timeout(CONFIGURATION_SECONDS):
            reference = ManagedObjectReference("VirtualMachine", domain)
            return await _read(session, reference, name or domain)
    except TimeoutError as error:
        raise HostUnreachable(
            f"the configuration of {name or domain!r} could not be read within "
            f"{CONFIGURATION_SECONDS:g} s",
            hint="the host may be busy; 'eventd connections' says how its connection is",
        ) from error


async def _read(session: Session, domain: ManagedObjectReference, name: str) -> DomainConfiguration:
    path, host = await _place(session, domain, name)
    try:
        item = DatastorePath.parse(path)
    except InvalidArgument as error:
        raise MalformedAnswer(f"the configuration of {name!r}: {error.message}") from error
    datacenter = await datacenter_path(session, host)
    if datacenter is None:
        raise HostError(
            f"the host does not tell which datacenter {host.value} is in; may the user see it?"
        )
    content = await _fetch(session, item, datacenter, path)
    try:
        vmx = VMX.parse(content)
    except InvalidArgument as error:
        raise MalformedAnswer(f"{path}, {error.message}") from error
    return DomainConfiguration(
        path=path, name=vmx.display_name, annotation=vmx.annotation, entries=dict(vmx.entries)
    )


async def _place(
    session: Session, domain: ManagedObjectReference, name: str
) -> tuple[str, ManagedObjectReference]:
    """Return the path of a domain's file, and the host that the domain is on."""
    wanted = ("config.files.vmPathName", "runtime.host")
    found = await _retrieve(session, PropertySpec("VirtualMachine", wanted), ObjectSpec(domain))
    told = found[0].properties if found else {}
    path, host = (told.get(each) for each in wanted)
    for property_name, value in zip(wanted, (path, host), strict=True):
        if not value:
            raise HostError(
                f"the host does not tell where the configuration of {name!r} is: it has no "
                f"{property_name}; is the domain accessible, and may the user see it?"
            )
    return str(path), ManagedObjectReference("HostSystem", str(host))


async def datacenter_path(session: Session, host: ManagedObjectReference) -> str | None:
    """Return the inventory path of the datacenter that a host is in: ``north/Datacenter``.

    None where not all of it is shown to the user.

    Names are in it as VI spells them, with ``%2f`` for a slash: it is the bare slash that tells one
    name from the next (VI API reference, ``FindByInventoryPath``), and libvirt sends them so too.

    Raises:
        MalformedAnswer: the inventory goes round in circles.
        HostError: the host cannot be asked.
    """
    names: list[str] = []
    entity = host
    for _ in range(_MOST_LEVELS):
        above = await _parent(session, entity)
        if above is None or above.obj == session.content.root_folder:
            break
        entity = above.obj
        if names or entity.type == "Datacenter":
            names.insert(0, str(above.properties.get("name", "")))
    else:
        raise MalformedAnswer(f"the inventory has no end above {host.value}")
    return "/".join(names) if names and all(names) else None


async def _parent(session: Session, entity: ManagedObjectReference) -> ObjectContent | None:
    """Return what an entity is in, and its name; None at the end, or where no more is shown."""
    way = ObjectSpec(entity, skip=True, select=(_PARENT,))
    found = await _retrieve(session, PropertySpec("ManagedEntity", ("name",)), way)
    return found[0] if found else None


async def _retrieve(
    session: Session, properties: PropertySpec, objects: ObjectSpec
) -> list[ObjectContent]:
    spec = PropertyFilterSpec((properties,), (objects,))
    collector = session.content.property_collector
    return await session.call(calls.retrieve_properties(collector, (spec,)))


async def _fetch(session: Session, item: DatastorePath, datacenter: str, path: str) -> bytes:
    # Each part is encoded as a whole, as libvirt does it (src/esx/esx_driver.c).
    file, datacenter, datastore = (
        quote(part, safe="") for part in (item.path, datacenter, item.datastore)
    )
    try:
        return await session.get(f"/folder/{file}?dcPath={datacenter}&dsName={datastore}")
    except Fault as fault:  # SessionExpired is one, and stays what it is
        raise type(fault)(fault.method, fault.name, f"{path}: {fault.reason}") from fault
