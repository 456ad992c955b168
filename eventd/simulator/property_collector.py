"""The property collector: filters, versions, pages, and the difference since a version.

A version names a position in the log of changes. Nothing is kept per domain and version: the
difference is read from the log, so that it costs what changed, and a version may be asked for
again as long as the collector remembers it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from itertools import count, groupby
from typing import NamedTuple

from eventd.simulator.answers import reference_element
from eventd.simulator.properties import Column, Properties, leave
from eventd.simulator.selection import ObjectSpec, Selection
from eventd.simulator.world.faults import InvalidCollectorVersion, RequestCanceled
from eventd.simulator.world.objects import Objects
from eventd.vi.types import ManagedObjectReference

__all__ = ["Filter", "PropertyCollector"]

Reference = ManagedObjectReference

_VERSIONS_KEPT = 8
"""Versions that may still be asked for; older ones are ``InvalidCollectorVersion``."""


class Update(NamedTuple):
    """One object to report; ``columns`` is None where it is not a modification."""

    filter: Filter
    obj: Reference
    kind: str
    columns: tuple[Column, ...] = ()

    def xml(self) -> str:
        """The ``objectSet`` element with the values of now; empty if the object has gone."""
        if self.kind == "leave":
            return leave(self.obj)
        if not self.filter.exists(self.obj):
            return ""
        if self.kind == "enter":
            return self.filter.properties.enter(self.obj)
        return self.filter.properties.modify(self.obj, self.columns)


class Filter:
    """A filter of a collector: a selection, and what is told of its objects."""

    def __init__(
        self,
        reference: Reference,
        objects: Objects,
        specs: Iterable[ObjectSpec],
        properties: Properties,
    ) -> None:
        self.reference = reference
        self.properties = properties
        self._objects = objects
        self._specs = tuple(specs)
        self._selection = Selection(objects, self._specs)
        self._position = objects.position
        self._membership: deque[tuple[int, Reference, bool]] = deque()

    def exists(self, obj: Reference) -> bool:
        """Tell whether the object is still there."""
        return obj in self._objects

    def everything(self) -> Iterator[Update]:
        """All that the filter selects, as an initial answer reports it."""
        if not self._objects.remembers(self._position):
            self._selection = Selection(self._objects, self._specs)
            self._position = self._objects.position
            self._membership.clear()
        self._catch_up()
        for obj in self._selection:
            if self.properties.columns(obj.type) is not None:
                yield Update(self, obj, "enter")

    def difference(self, since: int) -> Iterator[Update]:
        """What the filter has to report since a position of the log, in the order of the log.

        Raises:
            InvalidCollectorVersion: the log no longer remembers the position.
        """
        if not self._objects.remembers(since):
            raise InvalidCollectorVersion
        self._catch_up()
        found = [*self._came_and_went(since), *self._modified(since)]
        found.sort(key=lambda placed: placed[0])
        seen = {update.obj for _, update in found if update.kind != "modify"}
        for _, update in found:
            if update.kind != "modify" or update.obj not in seen:
                yield update

    def forget_before(self, position: int) -> None:
        """Forget the comings and goings before the oldest version that may be asked for."""
        while self._membership and self._membership[0][0] < position:
            self._membership.popleft()

    def _catch_up(self) -> None:
        position = self._position
        for change in self._objects.changes_since(position):
            for obj, selected in self._selection.follow(change):
                if self.properties.columns(obj.type) is not None:
                    self._membership.append((position, obj, selected))
            position += 1
        self._position = position

    def _came_and_went(self, since: int) -> Iterator[tuple[int, Update]]:
        first: dict[Reference, tuple[int, bool]] = {}
        last: dict[Reference, bool] = {}
        for position, obj, selected in self._membership:
            if position >= since:
                first.setdefault(obj, (position, selected))
                last[obj] = selected
        for obj, (position, selected) in first.items():
            if selected and last[obj]:
                yield position, Update(self, obj, "enter")
            elif not selected and not last[obj]:
                yield position, Update(self, obj, "leave")

    def _modified(self, since: int) -> Iterator[tuple[int, Update]]:
        touched: dict[Reference, tuple[int, dict[Column, None]]] = {}
        for position, change in enumerate(self._objects.changes_since(since), since):
            if change.path and change.obj in self._selection:
                hits = self.properties.touched_by(change.obj.type, change.path)
                if hits:
                    entry = touched.setdefault(change.obj, (position, {}))
                    entry[1].update(dict.fromkeys(hits))
        for obj, (position, columns) in touched.items():
            yield position, Update(self, obj, "modify", tuple(columns))


class _Version(NamedTuple):
    """What a client knows that has a version."""

    position: int
    filters: frozenset[Reference]
    """The filters that have been reported; a newer one is reported in full."""


class _Rest(NamedTuple):
    """The rest of a truncated answer."""

    token: str
    updates: deque[Update]
    version: _Version


class PropertyCollector:
    """One collector of a session; it must not be asked by two callers at once."""

    def __init__(self, reference: Reference, objects: Objects, *, page_size: int) -> None:
        self.reference = reference
        self.filters: dict[Reference, Filter] = {}
        self._objects = objects
        self._page_size = page_size
        self._serial = count(1)
        self._versions: OrderedDict[str, _Version] = OrderedDict()
        self._rest: _Rest | None = None
        self._waits = 0
        self._cancelled = 0

    def begin_wait(self) -> int:
        """Announce a wait; returns its ticket for `require_not_cancelled`."""
        self._waits += 1
        return self._waits

    def cancel_waits(self) -> None:
        """End all waits that have begun."""
        self._cancelled = self._waits

    def require_not_cancelled(self, ticket: int) -> None:
        """Raise `RequestCanceled` if the wait with this ticket was cancelled."""
        if ticket <= self._cancelled:
            raise RequestCanceled("The request was canceled.")

    def updates(self, version: str, *, limit: int | None = None, paged: bool = True) -> str | None:
        """The update set since a version as the content of ``returnval``; None if it is empty.

        ``limit`` is the client's own limit of objects per page. Without ``paged``, as in the
        older methods, everything comes at once.

        Raises:
            InvalidCollectorVersion: the version is none that may be asked for.
        """
        size = min(limit or self._page_size, self._page_size)
        if self._rest is not None and version == self._rest.token and paged:
            return self._page(self._rest.updates, self._rest.version, size)
        self._rest = None
        known = self._versions.get(version)
        if known is None and version:
            raise InvalidCollectorVersion
        if not self.filters and not version:
            return None
        now = _Version(self._objects.position, frozenset(self.filters))
        updates = deque(self._since(known))
        if not updates and known is not None:
            # What the client knows is still all there is; do not read the same changes again.
            self._versions[version] = now
            return None
        return self._page(updates, now, size if paged else len(updates))

    def empty_set(self, version: str) -> str:
        """An update set that says that nothing has changed since a version."""
        return f"<version>{version}</version>"

    def _since(self, known: _Version | None) -> Iterator[Update]:
        for one in self.filters.values():
            if known is None or one.reference not in known.filters:
                yield from one.everything()
            else:
                yield from one.difference(known.position)

    def _page(self, updates: deque[Update], version: _Version, size: int) -> str:
        page = [updates.popleft() for _ in range(min(size, len(updates)))]
        token = str(next(self._serial))
        if updates:
            self._rest = _Rest(token, updates, version)
        else:
            self._rest = None
            self._remember(token, version)
        return self._write(token, page, truncated=bool(updates))

    def _remember(self, token: str, version: _Version) -> None:
        self._versions[token] = version
        if len(self._versions) > _VERSIONS_KEPT:
            self._versions.popitem(last=False)
        oldest = min(version.position for version in self._versions.values())
        for one in self.filters.values():
            one.forget_before(oldest)

    def _write(self, token: str, page: list[Update], *, truncated: bool) -> str:
        parts = [f"<version>{token}</version>"]
        for one, updates in groupby(page, key=lambda update: update.filter):
            objects = "".join(update.xml() for update in updates)
            if objects:
                name = reference_element("filter", one.reference)
                parts.append(f"<filterSet>{name}{objects}</filterSet>")
        if truncated:
            parts.append("<truncated>true</truncated>")
        return "".join(parts)
