"""What a client asks about the snapshots of a domain, answered: they are read, and not made.

libvirt knows a snapshot by its name; of two that VI lets have the same, the first is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eventd.errors import ErrorCode, EventdError, InvalidArgument
from eventd.libvirt_rpc.calls.results import Results
from eventd.libvirt_rpc.events import RemoteDomain
from eventd.libvirt_rpc.inventory import OpenedConnection
from eventd.libvirt_rpc.procedures import RemoteSnapshot
from eventd.model.inspector import Inspector
from eventd.model.snapshots import Snapshot
from eventd.vi.snapshots import snapshot_xml

__all__ = ["SnapshotCalls", "chosen"]

_ROOTS, _METADATA, _LEAVES, _NO_LEAVES, _NO_METADATA = 1, 2, 4, 8, 16
_INACTIVE, _ACTIVE, _DISK_ONLY, _INTERNAL, _EXTERNAL, _TOPOLOGICAL = 32, 64, 128, 256, 512, 1024
"""``virDomainSnapshotListFlags``; among children, the first stands for all below them."""

_GROUPS = (
    _LEAVES | _NO_LEAVES,
    _METADATA | _NO_METADATA,
    _INACTIVE | _ACTIVE | _DISK_ONLY,
    _INTERNAL | _EXTERNAL,
)


def _traits(snapshot: Snapshot) -> int:
    return (
        (_LEAVES if snapshot.is_leaf else _NO_LEAVES)
        | _NO_METADATA
        | (_INACTIVE if snapshot.state == "poweredOff" else _ACTIVE)
        | _INTERNAL
    )


def chosen(snapshots: Iterable[Snapshot], flags: int) -> list[Snapshot]:
    """Return those that the flags of a list choose: any of each group that is named.

    Raises:
        InvalidArgument: there are flags that nobody knows.
    """
    if unknown := flags & ~(sum(_GROUPS) | _ROOTS | _TOPOLOGICAL):
        raise InvalidArgument(f"unsupported flags ({unknown:#x}) in a list of snapshots")
    groups = [flags & group for group in _GROUPS if flags & group]
    return [each for each in snapshots if all(_traits(each) & group for group in groups)]


class SnapshotCalls:
    """Answers one client."""

    def __init__(self, opened: OpenedConnection, inspector: Inspector) -> None:
        self._opened = opened
        self._inspector = inspector

    async def _snapshots(self, domain: RemoteDomain) -> Sequence[Snapshot]:
        return await self._inspector.snapshots(self._opened.by_domain(domain).domain)

    async def _snapshot(self, given: RemoteSnapshot) -> Snapshot:
        return _named(await self._snapshots(given.domain), given.name)

    async def _listed(self, domain: RemoteDomain, flags: int) -> list[Snapshot]:
        snapshots = await self._snapshots(domain)
        if flags & _ROOTS:
            snapshots = [each for each in snapshots if each.parent is None]
        return chosen(snapshots, flags)

    async def _children(self, given: RemoteSnapshot, flags: int) -> list[Snapshot]:
        snapshots = await self._snapshots(given.domain)
        above = {_named(snapshots, given.name).name}
        found = []
        for each in snapshots:  # parents come before their children
            if each.parent in above:
                found.append(each)
                if flags & _ROOTS:
                    above.add(each.name)
        return chosen(found, flags)

    async def snapshot_num(self, domain: RemoteDomain, flags: int) -> Results:
        """How many a domain has."""
        return (len(await self._listed(domain, flags)),)

    async def snapshot_list_names(self, domain: RemoteDomain, most: int, flags: int) -> Results:
        """Their names."""
        return ([each.name for each in await self._listed(domain, flags)][: max(0, most)],)

    async def list_all_snapshots(
        self, domain: RemoteDomain, need_results: int, flags: int
    ) -> Results:
        """They, and how many they are."""
        return _all(await self._listed(domain, flags), domain, need_results)

    async def snapshot_list_all_children(
        self, snapshot: RemoteSnapshot, need_results: int, flags: int
    ) -> Results:
        """Those that were made on one, or, on request, on those too."""
        return _all(await self._children(snapshot, flags), snapshot.domain, need_results)

    async def snapshot_num_children(self, snapshot: RemoteSnapshot, flags: int) -> Results:
        """How many those are."""
        return (len(await self._children(snapshot, flags)),)

    async def snapshot_lookup_by_name(
        self, domain: RemoteDomain, name: str, _flags: int
    ) -> Results:
        """One of them."""
        return (RemoteSnapshot(_named(await self._snapshots(domain), name).name, domain),)

    async def has_current_snapshot(self, domain: RemoteDomain, _flags: int) -> Results:
        """Whether the domain runs on one."""
        return (int(any(each.is_current for each in await self._snapshots(domain))),)

    async def snapshot_current(self, domain: RemoteDomain, _flags: int) -> Results:
        """The one that it runs on."""
        for each in await self._snapshots(domain):
            if each.is_current:
                return (RemoteSnapshot(each.name, domain),)
        raise _missing("the domain does not have a current snapshot")

    async def snapshot_is_current(self, snapshot: RemoteSnapshot, _flags: int) -> Results:
        """Whether it is that one."""
        return (int((await self._snapshot(snapshot)).is_current),)

    async def snapshot_has_metadata(self, snapshot: RemoteSnapshot, _flags: int) -> Results:
        """None has: VI keeps all that there is to know of it."""
        await self._snapshot(snapshot)
        return (0,)

    async def snapshot_get_parent(self, snapshot: RemoteSnapshot, _flags: int) -> Results:
        """The one that it was made on."""
        parent = (await self._snapshot(snapshot)).parent
        if parent is None:
            raise _missing(f"snapshot '{snapshot.name[:80]}' does not have a parent")
        return (RemoteSnapshot(parent, snapshot.domain),)

    async def snapshot_get_xml_desc(self, snapshot: RemoteSnapshot, _flags: int) -> Results:
        """As XML."""
        domain = self._opened.by_domain(snapshot.domain).domain
        found = await self._snapshot(snapshot)
        return (snapshot_xml(found, domain_uuid=domain.uuid),)


def _all(snapshots: Sequence[Snapshot], domain: RemoteDomain, need_results: int) -> Results:
    listed = [RemoteSnapshot(each.name, domain) for each in snapshots]
    return listed if need_results else [], len(listed)


def _named(snapshots: Iterable[Snapshot], name: str) -> Snapshot:
    for each in snapshots:
        if each.name == name:
            return each
    raise _missing(f"Could not find snapshot with name '{name[:80]}'")


def _missing(message: str) -> EventdError:
    return EventdError(f"Domain snapshot not found: {message}", code=ErrorCode.NO_DOMAIN_SNAPSHOT)
