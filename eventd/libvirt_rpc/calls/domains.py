"""What a client asks about domains: which there are, and how each of them is."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from uuid import UUID

from eventd.errors import AmbiguousDomain, ErrorCode, EventdError, NoSuchDomain
from eventd.libvirt_rpc.calls.results import Results, check_flags, check_length, check_most
from eventd.libvirt_rpc.domain_list import Known, chosen, needs_autostart, needs_snapshots
from eventd.libvirt_rpc.events import RemoteDomain, uuid_bytes
from eventd.libvirt_rpc.inventory import OpenedConnection
from eventd.libvirt_rpc.procedures import Statistics
from eventd.libvirt_rpc.statistics import (
    flags_of_list,
    groups_of,
    memory_statistics,
    needs_figures,
    statistics,
)
from eventd.model.arguments import MetadataType
from eventd.model.domain import DomainStatus
from eventd.model.inspector import DomainFigures, Inspector
from eventd.vi.domain_xml import domain_xml

__all__ = ["DomainCalls"]

_XML_INACTIVE = 2
"""``VIR_DOMAIN_XML_INACTIVE``."""

_LIVE, _CONFIG, _MAXIMUM = 1, 2, 4
"""``virDomainVcpuFlags``, as far as they mean anything of a domain of VI."""


class DomainCalls:
    """Answers one client."""

    def __init__(self, opened: OpenedConnection, inspector: Inspector) -> None:
        self._opened = opened
        self._inspector = inspector

    # -- which domains there are

    def list_all_domains(self, need_results: int, flags: int) -> Results | Awaitable[Results]:
        """The domains that the flags choose, and how many they are."""
        if needs_autostart(flags) or needs_snapshots(flags):
            return self._list_with_host(need_results, flags)
        return _listed(chosen(self._opened.domains(), flags), need_results)

    async def _list_with_host(self, need_results: int, flags: int) -> Results:
        return _listed(await self._chosen(flags), need_results)

    async def _chosen(
        self, flags: int, domains: Sequence[DomainStatus] | None = None
    ) -> list[DomainStatus]:
        """Return which of some or all domains flags choose, by what only the host knows too."""
        name = self._opened.name
        started = await self._inspector.autostarted(name) if needs_autostart(flags) else ()
        held = await self._inspector.with_snapshots(name) if needs_snapshots(flags) else ()
        if domains is None:
            domains = self._opened.domains()
        return chosen(domains, flags, Known(started, held))

    def list_domains(self, most: int) -> Results:
        """The ids of active domains."""
        check_most("maxids", most)
        return ([each.domain.id for each in self._active()][:most],)

    def num_of_domains(self) -> Results:
        """How many are active."""
        return (len(self._active()),)

    def list_defined_domains(self, most: int) -> Results:
        """The names of domains that are not active."""
        check_most("maxnames", most)
        return ([each.domain.name for each in self._inactive()][:most],)

    def num_of_defined_domains(self) -> Results:
        """How many are not active."""
        return (len(self._inactive()),)

    def _active(self) -> list[DomainStatus]:
        return [each for each in self._opened.domains() if each.domain.id >= 0]

    def _inactive(self) -> list[DomainStatus]:
        return [each for each in self._opened.domains() if each.domain.id < 0]

    def lookup_by_id(self, number: int) -> Results:
        """An active domain."""
        return (RemoteDomain.of(self._opened.by_id(number).domain),)

    def lookup_by_name(self, name: str) -> Results:
        """A domain."""
        return (RemoteDomain.of(self._opened.by_name(name).domain),)

    def lookup_by_uuid(self, uuid: bytes) -> Results:
        """A domain."""
        return (RemoteDomain.of(self._opened.by_uuid(uuid).domain),)

    # -- one domain

    def get_state(self, domain: RemoteDomain, _flags: int) -> Results:
        """The state; VI tells no reason for it."""
        return int(self._opened.by_domain(domain).state), 0

    async def _figures(self, domain: RemoteDomain) -> DomainFigures:
        return await self._inspector.figures(self._opened.by_domain(domain).domain)

    async def get_info(self, domain: RemoteDomain) -> Results:
        """The state and the size; VI does not tell how long its processors have worked."""
        figures = await self._figures(domain)
        state = int(self._opened.by_domain(domain).state)
        return state, figures.memory or 0, figures.current_memory or 0, figures.vcpus or 0, 0

    async def get_xml_desc(self, domain: RemoteDomain, flags: int) -> Results:
        """What it is made of, as XML; there is nothing secret in it."""
        known = self._opened.by_domain(domain).domain
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
        reference = self._opened.by_domain(domain).domain.reference
        return (int(reference in await self._inspector.autostarted(self._opened.name)),)

    async def get_max_memory(self, domain: RemoteDomain) -> Results:
        """In KiB."""
        return ((await self._figures(domain)).memory or 0,)

    async def get_domain_max_vcpus(self, domain: RemoteDomain) -> Results:
        """What the host lets a domain have."""
        self._opened.by_domain(domain)
        return ((await self._inspector.host_figures(self._opened.name)).most_vcpus,)

    async def get_vcpus_flags(self, domain: RemoteDomain, flags: int) -> Results:
        """How many it has: as many as it may have until it is configured anew."""
        check_flags(flags & ~(_LIVE | _CONFIG | _MAXIMUM), "virDomainGetVcpusFlags")
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

    async def get_memory_stats(self, domain: RemoteDomain, most: int, flags: int) -> Results:
        """What VI tells of its memory."""
        check_flags(flags, "virDomainMemoryStats")
        return (memory_statistics(await self._figures(domain))[:most],)

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
            figures = await self._inspector.all_figures(self._opened.name)
        statuses = await self._chosen(
            flags_of_list(flags), [*self._still_there(given)] if given else None
        )
        check_length(len(statuses))
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
            try:
                yield self._opened.by_domain(each)
            except AmbiguousDomain:
                raise
            except NoSuchDomain:
                continue

    def is_active(self, domain: RemoteDomain) -> Results:
        """Whether it has an id."""
        return (int(self._opened.by_domain(domain).domain.id >= 0),)

    def is_persistent(self, domain: RemoteDomain) -> Results:
        """All are: a domain of VI stays when it is stopped."""
        self._opened.by_domain(domain)
        return (1,)

    def is_updated(self, domain: RemoteDomain) -> Results:
        """None has another configuration for its next start."""
        self._opened.by_domain(domain)
        return (0,)

    def get_os_type(self, domain: RemoteDomain) -> Results:
        """All are fully virtualized."""
        self._opened.by_domain(domain)
        return ("hvm",)

    def has_managed_save_image(self, domain: RemoteDomain, _flags: int) -> Results:
        """VI has no such thing."""
        self._opened.by_domain(domain)
        return (0,)

    def get_messages(self, domain: RemoteDomain, _flags: int) -> Results:
        """VI has no such warnings. An error would hide from ``virsh dominfo`` the one before it."""
        self._opened.by_domain(domain)
        return ([],)


def _listed(found: Sequence[DomainStatus], need_results: int) -> Results:
    if not need_results:
        return [], len(found)
    check_length(len(found))
    return [RemoteDomain.of(each.domain) for each in found], len(found)
