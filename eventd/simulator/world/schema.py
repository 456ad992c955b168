"""Which properties and members exist in one version of the VI API, and of what type each is.

The tables are read once per version; everything newer than the version does not exist in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from eventd.simulator.world.schema_tables import DATA_OBJECTS, MANAGED_OBJECTS

__all__ = ["Member", "Schema", "schema_of", "version_number"]

_XSD = {
    name: f"xsd:{name}"
    for name in ("string", "boolean", "short", "int", "long", "dateTime", "anyType")
}

# Properties whose values another property holds. `summary` repeats what stands elsewhere.
_SAME_AS = {
    "VirtualMachine": {
        "summary.runtime": "runtime",
        "summary.guest.guestId": "guest.guestId",
        "summary.guest.guestFullName": "guest.guestFullName",
        "summary.guest.toolsStatus": "guest.toolsStatus",
        "summary.guest.toolsRunningStatus": "guest.toolsRunningStatus",
        "summary.guest.hostName": "guest.hostName",
        "summary.guest.ipAddress": "guest.ipAddress",
        "summary.config.name": "name",
        "summary.config.template": "config.template",
        "summary.config.vmPathName": "config.files.vmPathName",
        "summary.config.memorySizeMB": "config.hardware.memoryMB",
        "summary.config.numCpu": "config.hardware.numCPU",
        "summary.config.uuid": "config.uuid",
        "summary.config.instanceUuid": "config.instanceUuid",
        "summary.config.guestId": "config.guestId",
        "summary.config.guestFullName": "config.guestFullName",
        "summary.config.annotation": "config.annotation",
        "summary.overallStatus": "overallStatus",
        "config.name": "name",
    },
    "HostSystem": {
        "summary.runtime": "runtime",
        "summary.config.name": "name",
        "summary.overallStatus": "overallStatus",
        "summary.hardware.memorySize": "hardware.memorySize",
    },
}


class Member(NamedTuple):
    """A property of a managed object or a member of a data object."""

    name: str
    type: str
    """As it is written into ``xsi:type``; without the ``ArrayOf`` of an array."""
    is_array: bool


class _Type(NamedTuple):
    name: str
    base: str | None
    members: tuple[tuple[Member, tuple[int, ...]], ...]


def version_number(version: str) -> tuple[int, ...]:
    """Make API versions comparable: ``7.0.2`` is ``7.0.2.0``, and ``2.5u2`` counts as ``2.5``."""
    parts = [int(part.partition("u")[0]) for part in version.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _blocks(table: str) -> Iterator[tuple[str, list[str]]]:
    head, lines = "", list[str]()
    for line in table.strip().splitlines():
        if line.startswith(" "):
            lines.append(line)
            continue
        if head:
            yield head, lines
        head, lines = line, []
    yield head, lines


def _member(line: str) -> tuple[Member, tuple[int, ...]]:
    name, type_name, *since = line.split()
    is_array = type_name.endswith("[]")
    type_name = type_name.removesuffix("[]")
    if type_name == "reference":
        type_name = "ManagedObjectReference"
    member = Member(name, _XSD.get(type_name, type_name), is_array)
    return member, version_number(since[0]) if since else ()


@cache
def _types(table: str) -> dict[str, _Type]:
    types = {}
    for head, lines in _blocks(table):
        name, _, base = head.partition(" : ")
        types[name] = _Type(name, base or None, tuple(_member(line) for line in lines))
    return types


class Schema:
    """The types of one API version. Get it from `schema_of`."""

    def __init__(self, api_version: str) -> None:
        self.api_version = api_version
        self._number = version_number(api_version)
        self._members: dict[str, dict[str, Member]] = {}
        self._paths: dict[tuple[str, str], Member | None] = {}

    def has(self, since: str) -> bool:
        """Tell whether something that came with API version ``since`` exists here."""
        return self._number >= version_number(since)

    def is_data_object(self, type_name: str) -> bool:
        """Tell whether values of the type have members."""
        return type_name in _types(DATA_OBJECTS)

    def is_managed_object(self, type_name: str) -> bool:
        """Tell whether the type is that of managed objects."""
        return type_name in _types(MANAGED_OBJECTS)

    def is_a(self, type_name: str, expected: str) -> bool:
        """Tell whether a type is ``expected`` or a subtype of it."""
        current: str | None = type_name
        while current is not None and current != expected:
            known = _types(MANAGED_OBJECTS).get(current) or _types(DATA_OBJECTS).get(current)
            current = known.base if known else None
        return current is not None

    def members(self, type_name: str) -> dict[str, Member]:
        """All members of a managed or data object type, those of its base types first."""
        found = self._members.get(type_name)
        if found is None:
            found = self._members[type_name] = dict(self._collect(type_name))
        return found

    def _collect(self, type_name: str | None) -> Iterator[tuple[str, Member]]:
        known = _types(MANAGED_OBJECTS).get(type_name or "")
        known = known or _types(DATA_OBJECTS).get(type_name or "")
        if known is None:
            return
        yield from self._collect(known.base)
        for member, since in known.members:
            if self._number >= since:
                yield member.name, member

    def property(self, type_name: str, path: str) -> Member | None:
        """Find a property of a managed object type by its path, ``runtime.powerState``.

        None where this API version has no such property.
        """
        key = (type_name, path)
        if key not in self._paths:
            self._paths[key] = self._find(type_name, path)
        return self._paths[key]

    def _find(self, type_name: str, path: str) -> Member | None:
        member: Member | None = None
        for name in path.split("."):
            if member is not None and member.is_array:
                return None
            member = self.members(member.type if member else type_name).get(name)
            if member is None:
                return None
        return member


@cache
def same_as(type_name: str, path: str) -> str:
    """The path of the property that really holds the value of ``path``."""
    for alias, source in _SAME_AS.get(type_name, {}).items():
        if path == alias or path.startswith(f"{alias}."):
            return source + path[len(alias) :]
    return path


@cache
def sources(type_name: str, path: str) -> tuple[str, ...]:
    """All paths whose change changes the value of ``path``, itself included."""
    below = [
        source
        for alias, source in _SAME_AS.get(type_name, {}).items()
        if alias.startswith(f"{path}.")
    ]
    return (same_as(type_name, path), *below)


@cache
def schema_of(api_version: str) -> Schema:
    """The schema of an API version, ``8.0.2.0``; the same object for the same version."""
    return Schema(api_version)
