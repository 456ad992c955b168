"""What a client asks of the daemon, answered: which domains there are, events, operations.

One method for each row of `eventd.libvirt_rpc.procedures`, of its name; each returns the results
of its row, or what can be awaited for them.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Any
from uuid import UUID

from eventd.bus.remote import RemoteCallbacks
from eventd.errors import ErrorCode, EventdError, HostError, InvalidArgument, NoSuchDomain
from eventd.libvirt_rpc.events import MESSAGES, RemoteDomain, uuid_bytes
from eventd.libvirt_rpc.inventory import Inventory, chosen_connection, wanted
from eventd.libvirt_rpc.procedures import MOST_LISTED, Statistics
from eventd.libvirt_rpc.session import Call
from eventd.libvirt_rpc.snapshot_calls import SnapshotCalls
from eventd.libvirt_rpc.statistics import flags_of_list, groups_of, needs_figures, statistics
from eventd.model.arguments import MetadataType
from eventd.model.domain import DomainStatus
from eventd.model.ids import EVENT_ID_LAST, EventId
from eventd.model.inspector import DomainFigures, Inspector
from eventd.model.operations import DomainOperation
from eventd.model.operator import Operator
from eventd.model.questions import Requester
from eventd.vi.capabilities_xml import capabilities_xml
from eventd.vi.domain_xml import domain_xml

__all__ = ["Calls", "Results"]

Results = Sequence[Any]
"""As many as the row of the procedure has."""

_NONE: Results = ()


def _number_of_version(major: int, minor: int, patch: int) -> int:
    return major * 1_000_000 + minor * 1_000 + patch


_NUMBERS = [int(number) for number in re.findall(r"\d+", version("eventd"))]
_VERSION = _number_of_version(*[*_NUMBERS, 0, 0][:3])

_XML_INACTIVE = 2
"""``VIR_DOMAIN_XML_INACTIVE``."""

_LIVE, _CONFIG, _MAXIMUM = 1, 2, 4
"""``virDomainVcpuFlags``, as far as they mean anything of a domain of VI."""

_GRACEFUL = 1
"""``VIR_DOMAIN_DESTROY_GRACEFUL``: VI has one way only."""


class Calls(SnapshotCalls):
    """Answers one client, about the connection that it has opened.

    ``requester`` tells who the client is.
    """

    def __init__(
        self,
        *,
        inventory: Inventory,
        operator: Operator,
        inspector: Inspector,
        callbacks: RemoteCallbacks,
        requester: Callable[[], Awaitable[Requester]],
    ) -> None:
        self._inventory = inventory
        self._operator = operator
        super().__init__(lambda given: self._status(given).domain, inspector)
        self._callbacks = callbacks
        self._requester = requester
        self._connection = ""
        self.legacy: set[int] = set()
        """The callback ids of registrations that the client knows by their event id alone."""
        self._legacy_ids: dict[EventId, int] = {}

    def answer(self, call: Call) -> Results | Awaitable[Results]:
        """Return the results of a call, or what can be awaited for them.

        Raises:
            EventdError: it fails.
        """
        method = getattr(self, call.procedure.name)
        answered: Results | Awaitable[Results] = method(*call.arguments)
        return answered

    # -- the connection

    def open(self, uri: str | None, _flags: int) -> Results:
        """Choose the connection."""
        self._connection = chosen_connection(uri, self._inventory.connections())
        return _NONE

    def get_type(self) -> Results:
        """The driver that libvirt has for such hosts."""
        return ("ESX",)

    def get_lib_version(self) -> Results:
        """Of libvirt there is none: it is eventd's own, as libvirt writes versions."""
        return (_VERSION,)

    def get_uri(self) -> Results:
        """As a client of this socket would have it."""
        return (f"esx:///{self._connection}",)

    def is_secure(self) -> Results:
        """Nobody listens on a Unix socket."""
        return (1,)

    # -- the host

    async def get_version(self) -> Results:
        """Of the product, as libvirt writes versions."""
        figures = await self._inspector.host_figures(self._connection)
        parts = [int(part) for part in re.findall(r"\d{1,3}", figures.version or "", re.ASCII)]
        major, minor, patch = (*parts, 0, 0, 0)[:3]
        return (_number_of_version(major, minor, patch),)

    async def get_hostname(self) -> Results:
        """Of the first host."""
        figures = await self._inspector.host_figures(self._connection)
        return (figures.name or self._connection,)

    async def get_capabilities(self) -> Results:
        """As XML."""
        return (capabilities_xml(await self._inspector.host_hardware(self._connection)),)

    async def get_max_vcpus(self, _type: str | None) -> Results:
        """Of one domain."""
        figures = await self._inspector.host_figures(self._connection)
        return (figures.most_vcpus,)

    async def node_get_info(self) -> Results:
        """All hosts of the connection in sum; of several, sockets and nodes are those of all."""
        figures = await self._inspector.host_figures(self._connection)
        # Clients multiply the last four, so that none of them may be 0.
        packages, cores = max(1, figures.packages), max(1, figures.cores)
        return (
            figures.cpu_model,
            figures.memory,
            figures.cores,
            figures.cpu_mhz,
            max(1, figures.numa_nodes),
            packages,
            max(1, figures.cores // packages),
            max(1, figures.threads // cores),
        )

    async def node_get_free_memory(self) -> Results:
        """What is not in use, in bytes."""
        figures = await self._inspector.host_figures(self._connection)
        if figures.memory_usage is None:
            raise HostError("the host does not tell how much of its memory is in use")
        return (max(0, figures.memory - figures.memory_usage) * 1024,)

    # -- which domains there are

    def list_all_domains(self, need_results: int, flags: int) -> Results:
        """The domains that the flags choose, and how many they are."""
        found = wanted(self._inventory.domains(self._connection), flags)
        if not need_results:
            return [], len(found)
        _check_length(len(found))
        return [RemoteDomain.of(each.domain) for each in found], len(found)

    def list_domains(self, most: int) -> Results:
        """The ids of active domains."""
        _check_most("maxids", most)
        return ([each.domain.id for each in self._active()][:most],)

    def num_of_domains(self) -> Results:
        """How many are active."""
        return (len(self._active()),)

    def list_defined_domains(self, most: int) -> Results:
        """The names of domains that are not active."""
        _check_most("maxnames", most)
        return ([each.domain.name for each in self._inactive()][:most],)

    def num_of_defined_domains(self) -> Results:
        """How many are not active."""
        return (len(self._inactive()),)

    def _active(self) -> list[DomainStatus]:
        domains = self._inventory.domains(self._connection)
        return [each for each in domains if each.domain.id >= 0]

    def _inactive(self) -> list[DomainStatus]:
        domains = self._inventory.domains(self._connection)
        return [each for each in domains if each.domain.id < 0]

    def lookup_by_id(self, number: int) -> Results:
        """An active domain."""
        return (RemoteDomain.of(self._inventory.by_id(self._connection, number).domain),)

    def lookup_by_name(self, name: str) -> Results:
        """A domain."""
        return (RemoteDomain.of(self._inventory.by_name(self._connection, name).domain),)

    def lookup_by_uuid(self, uuid: bytes) -> Results:
        """A domain."""
        return (RemoteDomain.of(self._inventory.by_uuid(self._connection, uuid).domain),)

    # -- one domain

    def _status(self, domain: RemoteDomain) -> DomainStatus:
        return self._inventory.by_domain(self._connection, domain)

    def get_state(self, domain: RemoteDomain, _flags: int) -> Results:
        """The state; VI tells no reason for it."""
        return int(self._status(domain).state), 0

    async def _figures(self, domain: RemoteDomain) -> DomainFigures:
        return await self._inspector.figures(self._status(domain).domain)

    async def get_info(self, domain: RemoteDomain) -> Results:
        """The state and the size; VI does not tell how long its processors have worked."""
        figures = await self._figures(domain)
        state = int(self._status(domain).state)
        return state, figures.memory or 0, figures.current_memory or 0, figures.vcpus or 0, 0

    async def get_xml_desc(self, domain: RemoteDomain, flags: int) -> Results:
        """What it is made of, as XML; there is nothing secret in it."""
        known = self._status(domain).domain
        told = await self._inspector.describe(known)
        xml = domain_xml(
            name=known.name,
            uuid=str(UUID(bytes=uuid_bytes(known.uuid))),  # that by which the client knows it
            hardware=told.hardware,
            domain_id=-1 if flags & _XML_INACTIVE else known.id,
            datacenter_path=told.datacenter_path,
        )
        return (xml,)

    async def get_autostart(self, domain: RemoteDomain) -> Results:
        """Whether it is started with its host."""
        return (int(await self._inspector.is_autostarted(self._status(domain).domain)),)

    async def get_max_memory(self, domain: RemoteDomain) -> Results:
        """In KiB."""
        return ((await self._figures(domain)).memory or 0,)

    async def get_domain_max_vcpus(self, domain: RemoteDomain) -> Results:
        """What the host lets a domain have."""
        self._status(domain)
        return await self.get_max_vcpus(None)

    async def get_vcpus_flags(self, domain: RemoteDomain, flags: int) -> Results:
        """How many it has, or may have."""
        _check_flags(flags & ~(_LIVE | _CONFIG | _MAXIMUM), "virDomainGetVcpusFlags")
        if flags & _MAXIMUM:
            return await self.get_domain_max_vcpus(domain)
        return ((await self._figures(domain)).vcpus or 0,)

    async def get_metadata(
        self, domain: RemoteDomain, kind: int, _uri: str | None, _flags: int
    ) -> Results:
        """The annotation; VI has no other text."""
        annotation = (await self._figures(domain)).annotation
        if kind != MetadataType.DESCRIPTION or annotation is None:
            raise EventdError(
                "metadata not found: Requested metadata element is not present",
                code=ErrorCode.NO_DOMAIN_METADATA,
            )
        return (annotation,)

    async def get_all_domain_stats(
        self, given: Sequence[RemoteDomain], asked: int, flags: int
    ) -> Results:
        """What VI tells of the groups that are asked for, of some domains or of all.

        Raises:
            InvalidArgument: a group has to be there and is not, or a flag is not known.
        """
        groups = groups_of(asked, flags)
        figures: Mapping[str, DomainFigures] = {}
        if needs_figures(groups):
            figures = await self._inspector.all_figures(self._connection)
        if given:
            statuses = [*self._still_there(given)]
        else:
            statuses = wanted(self._inventory.domains(self._connection), flags_of_list(flags))
        _check_length(len(statuses))
        return (
            [
                Statistics(
                    RemoteDomain.of(each.domain),
                    statistics(
                        each,
                        figures.get(each.domain.reference, DomainFigures()),
                        groups=groups,
                    ),
                )
                for each in statuses
            ],
        )

    def _still_there(self, given: Sequence[RemoteDomain]) -> Iterator[DomainStatus]:
        """Yield those that have not gone since the client has listed them."""
        for each in given:
            with suppress(NoSuchDomain):
                yield self._status(each)

    def is_active(self, domain: RemoteDomain) -> Results:
        """Whether it has an id."""
        return (int(self._status(domain).domain.id >= 0),)

    def is_persistent(self, domain: RemoteDomain) -> Results:
        """All are: a domain of VI stays when it is stopped."""
        self._status(domain)
        return (1,)

    def is_updated(self, domain: RemoteDomain) -> Results:
        """None has another configuration for its next start."""
        self._status(domain)
        return (0,)

    def get_os_type(self, domain: RemoteDomain) -> Results:
        """All are fully virtualized."""
        self._status(domain)
        return ("hvm",)

    def has_managed_save_image(self, domain: RemoteDomain, _flags: int) -> Results:
        """VI has no such thing."""
        self._status(domain)
        return (0,)

    def get_messages(self, domain: RemoteDomain, _flags: int) -> Results:
        """VI has no such warnings. An error would hide from ``virsh dominfo`` the one before it."""
        self._status(domain)
        return ([],)

    # -- events

    def register(self, event_id: int, domain: RemoteDomain | None) -> Results:
        """The id of a new callback."""
        uuid = None if domain is None else domain.uuid.hex()
        return (self._callbacks.register(_event_id(event_id), domain=uuid),)

    def deregister(self, callback_id: int) -> Results:
        """Forget one callback."""
        if callback_id in self.legacy:
            raise _not_registered(callback_id)
        try:
            self._callbacks.deregister(callback_id)
        except InvalidArgument:
            raise _not_registered(callback_id) from None
        return _NONE

    def register_legacy(self, event_id: int) -> Results:
        """Events of all domains, by the event id alone."""
        known = _event_id(event_id)
        if MESSAGES[known].legacy is None:
            raise _internal(f"unsupported event ID {event_id}")
        if known not in self._legacy_ids:
            callback_id = self._callbacks.register(known)
            self._legacy_ids[known] = callback_id
            self.legacy.add(callback_id)
        return _NONE

    def deregister_legacy(self, event_id: int) -> Results:
        """Forget that."""
        callback_id = self._legacy_ids.pop(_event_id(event_id), None)
        if callback_id is None:
            raise _not_registered(event_id)
        self.legacy.discard(callback_id)
        self._callbacks.deregister(callback_id)
        return _NONE

    def register_lifecycle(self) -> Results:
        """How many callbacks there are; clients do not look at it."""
        self.register_legacy(EventId.LIFECYCLE)
        return (1,)

    def deregister_lifecycle(self) -> Results:
        """How many callbacks are left."""
        self.deregister_legacy(EventId.LIFECYCLE)
        return (0,)

    # -- operations

    async def _operate(self, domain: RemoteDomain, operation: DomainOperation) -> Results:
        status = self._status(domain)
        await self._operator.operate(
            status.domain.uuid, operation, connection=self._connection, by=await self._requester()
        )
        return _NONE

    def start(self, domain: RemoteDomain) -> Awaitable[Results]:
        """Power on."""
        return self._operate(domain, DomainOperation.START)

    async def start_flags(self, domain: RemoteDomain, flags: int) -> Results:
        """Power on; the domain as it is then."""
        _check_flags(flags, "virDomainCreateWithFlags")
        await self._operate(domain, DomainOperation.START)
        return (RemoteDomain.of(self._status(domain).domain),)

    def destroy(self, domain: RemoteDomain) -> Awaitable[Results]:
        """Power off."""
        return self._operate(domain, DomainOperation.DESTROY)

    def destroy_flags(self, domain: RemoteDomain, flags: int) -> Awaitable[Results]:
        """Power off."""
        _check_flags(flags & ~_GRACEFUL, "virDomainDestroyFlags")
        return self.destroy(domain)

    def suspend(self, domain: RemoteDomain) -> Awaitable[Results]:
        """Write the memory to the disk; libvirt calls such a domain paused."""
        return self._operate(domain, DomainOperation.SUSPEND)

    def resume(self, domain: RemoteDomain) -> Awaitable[Results]:
        """Power on what is suspended."""
        return self._operate(domain, DomainOperation.RESUME)

    def shutdown(self, domain: RemoteDomain) -> Awaitable[Results]:
        """Ask the guest to shut down."""
        return self._operate(domain, DomainOperation.SHUTDOWN)

    def shutdown_flags(self, domain: RemoteDomain, flags: int) -> Awaitable[Results]:
        """Ask the guest to shut down."""
        _check_flags(flags, "virDomainShutdownFlags")
        return self.shutdown(domain)

    def reboot(self, domain: RemoteDomain, flags: int) -> Awaitable[Results]:
        """Ask the guest to reboot."""
        _check_flags(flags, "virDomainReboot")
        return self._operate(domain, DomainOperation.REBOOT)

    def reset(self, domain: RemoteDomain, flags: int) -> Awaitable[Results]:
        """Reset."""
        _check_flags(flags, "virDomainReset")
        return self._operate(domain, DomainOperation.RESET)


def _event_id(number: int) -> EventId:
    if not 0 <= number < EVENT_ID_LAST:
        raise _internal(f"unsupported event ID {number}")
    return EventId(number)


def _not_registered(callback_id: int) -> EventdError:
    return _internal(f"domain event callback {callback_id} not registered")


def _internal(message: str) -> EventdError:
    # libvirtd has this code for what is a wrong argument.
    return EventdError(message)


def _check_flags(flags: int, function: str) -> None:
    if flags:
        raise InvalidArgument(f"unsupported flags ({flags:#x}) in function {function}")


def _check_most(name: str, most: int) -> None:
    if most < 0:
        raise InvalidArgument(f"{name} in the call must be non-negative")
    if most > MOST_LISTED:
        raise InvalidArgument(f"{name} > REMOTE_DOMAIN_LIST_MAX ({MOST_LISTED})")


def _check_length(count: int) -> None:
    if count > MOST_LISTED:
        raise InvalidArgument(
            f"the connection has {count} domains, and a list of libvirt's has room for "
            f"{MOST_LISTED}; let several connections of eventd follow parts of this host"
        )
