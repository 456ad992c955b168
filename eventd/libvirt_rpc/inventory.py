"""The domains of each connection, found by UUID, name or id, and chosen by the flags of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import unquote, urlsplit

from eventd.errors import AmbiguousDomain, HostUnreachable, InvalidArgument, NoSuchDomain
from eventd.journal.journal import Journal
from eventd.libvirt_rpc.events import RemoteDomain, uuid_bytes
from eventd.model.directory import Directory
from eventd.model.domain import ConnectionState, DomainStatus
from eventd.model.record import Cursor

__all__ = ["Inventory", "OpenedConnection", "chosen_connection"]

_FRESH_SECONDS = 1.0

_SCHEMES = ("", "esx", "gsx", "vpx")
"""Those of libvirt's drivers for VMware's hosts, and none."""

_NO_NAMES = ("", "system", "session")
"""Paths of a URI that stand for the only connection; libvirt has the two words of its own."""


def chosen_connection(uri: str | None, names: Sequence[str]) -> str:
    """Return the connection that a client's URI names by its path.

    Raises:
        InvalidArgument: it is one for another hypervisor, or names none of ``names``, or nothing
            where there are several.
    """
    try:
        parts = urlsplit(uri or "")
        name = unquote(parts.path).strip("/")
    except ValueError as error:
        raise InvalidArgument(f"{(uri or '')[:80]!r} is no URI: {error}") from None
    if parts.scheme not in _SCHEMES:
        raise InvalidArgument(
            f"eventd follows VMware hosts: esx+unix:///NAME?socket=..., and {parts.scheme[:80]!r} "
            "is another hypervisor's"
        )
    if name in names:
        return name
    listed = ", ".join(f"esx+unix:///{each}?socket=..." for each in names)
    if name not in _NO_NAMES:
        raise InvalidArgument(
            f"eventd has no connection of the name {name[:80]!r}; there are {listed}"
        )
    if len(names) == 1:
        return names[0]
    raise InvalidArgument(f"eventd follows several hosts; name one of them: {listed}")


class Inventory:
    """What a directory knows, in the order that lookups need.

    It is looked through again when something has been recorded since: changes of domains are. What
    is not, such as where the host shows more of one than before, is seen after a second. ``now`` is
    monotonic, in seconds.
    """

    def __init__(self, directory: Directory, journal: Journal, *, now: Callable[[], float]) -> None:
        self._directory = directory
        self._journal = journal
        self._now = now
        self._as_of: Cursor | None = None
        self._looked_at = 0.0
        self._domains: dict[str, list[DomainStatus]] = {}
        # By connection, and what is looked for.
        self._by_uuid: dict[tuple[str, bytes], list[DomainStatus]] = {}
        self._by_name: dict[tuple[str, str], list[DomainStatus]] = {}
        self._by_id: dict[tuple[str, int], DomainStatus] = {}

    def connections(self) -> list[str]:
        """Return the names of the connections, in configured order."""
        return [each.name for each in self._directory.connections()]

    def domains(self, connection: str) -> Sequence[DomainStatus]:
        """Return the domains of a connection, by name.

        Raises:
            HostUnreachable: nothing is known of the host yet: it is not one without domains.
        """
        self._look()
        found = self._domains.get(connection, [])
        if not found and self._is_unknown(connection):
            raise HostUnreachable(
                f"the host of the connection {connection!r} has not been reached yet",
                hint="'eventd connections' says why",
            )
        return found

    def _is_unknown(self, connection: str) -> bool:
        states = {each.name: each.state for each in self._directory.connections()}
        return states.get(connection) is ConnectionState.CONNECTING

    def by_domain(self, connection: str, given: RemoteDomain) -> DomainStatus:
        """Return the domain that a client has been told of, by its UUID.

        Where several have that (copies do), name and id tell them apart, as far as they can.

        Raises:
            NoSuchDomain: there is none.
            AmbiguousDomain: there are several, all alike.
        """
        found = self._with_uuid(connection, given.uuid)
        if not found:
            raise NoSuchDomain(
                f"no domain with matching uuid '{_text(given.uuid)}' ({given.name[:80]})"
            )
        found = [each for each in found if each.domain.name == given.name] or found
        found = [each for each in found if each.domain.id == given.id] or found
        return _only(found, given.name)

    def by_uuid(self, connection: str, uuid: bytes) -> DomainStatus:
        """Return the domain of this UUID; the first, by name, where several have it.

        Raises:
            NoSuchDomain: there is none.
        """
        found = self._with_uuid(connection, uuid)
        if not found:
            raise NoSuchDomain(f"no domain with matching uuid '{_text(uuid)}'")
        return found[0]

    def by_name(self, connection: str, name: str) -> DomainStatus:
        """Return the domain of this name.

        Raises:
            NoSuchDomain: there is none.
            AmbiguousDomain: there are several.
        """
        self.domains(connection)
        found = self._by_name.get((connection, name), [])
        if not found:
            raise NoSuchDomain(f"no domain with matching name '{name[:80]}'")
        return _only(found, name)

    def by_id(self, connection: str, number: int) -> DomainStatus:
        """Return the active domain of this id.

        Raises:
            NoSuchDomain: there is none.
        """
        self.domains(connection)
        found = self._by_id.get((connection, number))
        if found is None:
            raise NoSuchDomain(f"no domain with matching id {number}")
        return found

    def _with_uuid(self, connection: str, uuid: bytes) -> Sequence[DomainStatus]:
        self.domains(connection)
        return self._by_uuid.get((connection, uuid), [])

    def _look(self) -> None:
        newest = self._journal.newest
        now = self._now()
        if newest == self._as_of and now - self._looked_at < _FRESH_SECONDS:
            return
        self._as_of, self._looked_at = newest, now
        for found in (self._domains, self._by_uuid, self._by_name, self._by_id):
            found.clear()
        for status in self._directory.domains():
            domain = status.domain
            name = domain.connection
            self._domains.setdefault(name, []).append(status)
            self._by_uuid.setdefault((name, uuid_bytes(domain.uuid)), []).append(status)
            self._by_name.setdefault((name, domain.name), []).append(status)
            if domain.id >= 0:
                self._by_id[name, domain.id] = status


class OpenedConnection:
    """The part of an inventory that a client has opened; it has no name before."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self.name = ""

    def choose(self, uri: str | None) -> None:
        """Open the connection that a URI names; raises what `chosen_connection` raises."""
        self.name = chosen_connection(uri, self._inventory.connections())

    # What these raise, the methods of `Inventory` raise.

    def domains(self) -> Sequence[DomainStatus]:
        """Return the domains, by name."""
        return self._inventory.domains(self.name)

    def by_domain(self, given: RemoteDomain) -> DomainStatus:
        """Return the domain that the client has been told of."""
        return self._inventory.by_domain(self.name, given)

    def by_uuid(self, uuid: bytes) -> DomainStatus:
        """Return the domain of this UUID."""
        return self._inventory.by_uuid(self.name, uuid)

    def by_name(self, name: str) -> DomainStatus:
        """Return the domain of this name."""
        return self._inventory.by_name(self.name, name)

    def by_id(self, number: int) -> DomainStatus:
        """Return the active domain of this id."""
        return self._inventory.by_id(self.name, number)


def _text(uuid: bytes) -> str:
    text = uuid.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _only(found: Sequence[DomainStatus], name: str) -> DomainStatus:
    if len(found) > 1:
        listed = ", ".join(f"{each.domain.uuid} ({each.domain.reference})" for each in found)
        raise AmbiguousDomain(f"{len(found)} domains have the name '{name[:80]}': {listed}")
    return found[0]
