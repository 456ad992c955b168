"""The long poll: one property collector with its filters, answer after answer.

Two methods serve all versions of the API: `WaitForUpdatesEx` has a time limit of its own, the
older `WaitForUpdates` is cancelled on a timer.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from eventd.connections.session import CALL_SECONDS, Session
from eventd.errors import Fault, HostError, HostNotSupported
from eventd.vi import calls, filters
from eventd.vi.property_collector import PropertyFilterSpec
from eventd.vi.types import ManagedObjectReference, UpdateSet
from eventd.vi.versions import OWN_COLLECTOR_SINCE, WAIT_FOR_UPDATES_EX_SINCE

__all__ = ["LATE_SECONDS", "PAGE_OBJECTS", "WAIT_SECONDS", "Updates"]

WAIT_SECONDS = 60
"""How long one call waits for a change.

Well below the idle time-out of sessions (30 minutes by default), which each call starts anew; an
idle host costs one small exchange a minute, and a dead one is noticed little more than that late.
"""

_GRACE_SECONDS = 10.0
"""How much longer than its own limit an answer may take before the host counts as lost."""

LATE_SECONDS = 3.0
"""How much longer than its own limit an answer takes at most from a host that is well: then it is
not known any more how the domains are."""

PAGE_OBJECTS = 100
"""``maxObjectUpdates``: what vCenter caps an update set at in any case."""


class Updates:
    """The answers of one property collector, from the first on."""

    def __init__(
        self, session: Session, collector: ManagedObjectReference, *, wait_seconds: float
    ) -> None:
        self._session = session
        self._collector = collector
        self._wait_seconds = wait_seconds
        self._version = ""
        self._is_incomplete = True

    @classmethod
    async def open(
        cls,
        session: Session,
        scope: ManagedObjectReference,
        *,
        wait_seconds: float = WAIT_SECONDS,
    ) -> Updates:
        """Set up the filters for the hosts and for all domains below ``scope``."""
        collector = session.content.property_collector
        if session.api_version >= OWN_COLLECTOR_SINCE:
            # One of our own, since filters of others on the session's would come with ours.
            collector = await session.call(calls.create_property_collector(collector))
        updates = cls(session, collector, wait_seconds=wait_seconds)
        for spec in await _filter_specs(session, scope):
            await session.call(calls.create_filter(collector, spec))
        return updates

    async def follow(self, spec: PropertyFilterSpec) -> None:
        """Follow something more; to be called before the first answer.

        Raises:
            Fault: the host refuses it; what is followed otherwise is followed all the same.
            HostError: the host is lost.
        """
        await self._session.call(calls.create_filter(self._collector, spec))

    @property
    def has_begun(self) -> bool:
        """Whether there is a version that the next answer will be the difference to."""
        return self._version != ""

    def begin_anew(self) -> None:
        """Ask for the whole picture next."""
        self._version = ""
        self._is_incomplete = True

    async def next(self) -> UpdateSet:
        """Wait for the next answer; it is empty if nothing happened for a while.

        An empty one never completes what is incomplete, least of all the first picture: from a
        host that was too slow for it, "nothing" does not mean that it has no domains.

        Raises:
            Fault: ``InvalidCollectorVersion`` asks for `begin_anew`; others end the session.
            HostError: the host is lost.
        """
        if self._session.api_version >= WAIT_FOR_UPDATES_EX_SINCE:
            update_set = await self._wait_for_updates_ex(self._wait_seconds)
        else:
            update_set = await self._wait_for_updates(self._wait_seconds)
        if update_set is None:
            return UpdateSet(self._version, [], truncated=self._is_incomplete)
        self._version = update_set.version
        self._is_incomplete = update_set.truncated
        return update_set

    async def _wait_for_updates_ex(self, seconds: float) -> UpdateSet | None:
        call = calls.wait_for_updates_ex(
            self._collector,
            version=self._version,
            max_wait_seconds=max(1, round(seconds)),
            max_object_updates=PAGE_OBJECTS,
        )
        return await self._session.call(call, deadline=seconds + _GRACE_SECONDS)

    async def _wait_for_updates(self, seconds: float) -> UpdateSet | None:
        call = calls.wait_for_updates(self._collector, version=self._version)
        deadline = seconds + CALL_SECONDS + _GRACE_SECONDS
        # Errors are taken out of the group as they are, not as a group of one.
        async with asyncio.TaskGroup() as group:
            canceller = group.create_task(
                self._cancel_after(seconds), name="cancel-wait-for-updates"
            )
            answer: UpdateSet | HostError
            try:
                answer = await self._session.call(call, deadline=deadline)
            except HostError as error:
                answer = error
            finally:
                canceller.cancel()
        if isinstance(answer, Fault) and answer.name == "RequestCanceled":
            return None
        if isinstance(answer, HostError):
            raise answer
        return answer

    async def _cancel_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with suppress(HostError):  # if the host is lost, the wait itself will tell
            await self._session.call(calls.cancel_wait_for_updates(self._collector))


async def _filter_specs(
    session: Session, scope: ManagedObjectReference
) -> list[PropertyFilterSpec]:
    views = session.content.view_manager
    if views is None:
        raise HostNotSupported("the host has no view manager, by which its domains are followed")
    domains = await session.call(calls.create_container_view(views, scope, ("VirtualMachine",)))
    # The hosts of the whole inventory, whatever the scope: their names tell where a domain went.
    root = session.content.root_folder
    hosts = await session.call(calls.create_container_view(views, root, ("HostSystem",)))
    return [
        filters.domain_filter(domains, session.api_version),
        filters.host_filter(hosts),
    ]
