"""What a client asks to be done to domains."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from eventd.libvirt_rpc.calls.results import NO_RESULTS, Results, check_flags
from eventd.libvirt_rpc.events import RemoteDomain
from eventd.libvirt_rpc.inventory import OpenedConnection
from eventd.model.operations import DomainOperation
from eventd.model.operator import Operator
from eventd.model.questions import Requester

__all__ = ["OperationCalls"]

_GRACEFUL = 1
"""``VIR_DOMAIN_DESTROY_GRACEFUL``: VI has one way only."""


class OperationCalls:
    """Answers one client. ``requester`` tells who it is."""

    def __init__(
        self,
        opened: OpenedConnection,
        operator: Operator,
        requester: Callable[[], Awaitable[Requester]],
    ) -> None:
        self._opened = opened
        self._operator = operator
        self._requester = requester

    async def _operate(self, domain: RemoteDomain, operation: DomainOperation) -> Results:
        uuid = self._opened.by_domain(domain).domain.uuid
        by = await self._requester()
        await self._operator.operate(uuid, operation, connection=self._opened.name, by=by)
        return NO_RESULTS

    def start(self, domain: RemoteDomain) -> Awaitable[Results]:
        """Power on."""
        return self._operate(domain, DomainOperation.START)

    async def start_flags(self, domain: RemoteDomain, flags: int) -> Results:
        """Power on; the domain as it is then."""
        check_flags(flags, "virDomainCreateWithFlags")
        await self._operate(domain, DomainOperation.START)
        return (RemoteDomain.of(self._opened.by_domain(domain).domain),)

    def destroy(self, domain: RemoteDomain) -> Awaitable[Results]:
        """Power off."""
        return self._operate(domain, DomainOperation.DESTROY)

    def destroy_flags(self, domain: RemoteDomain, flags: int) -> Awaitable[Results]:
        """Power off."""
        check_flags(flags & ~_GRACEFUL, "virDomainDestroyFlags")
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
        check_flags(flags, "virDomainShutdownFlags")
        return self.shutdown(domain)

    def reboot(self, domain: RemoteDomain, flags: int) -> Awaitable[Results]:
        """Ask the guest to reboot."""
        check_flags(flags, "virDomainReboot")
        return self._operate(domain, DomainOperation.REBOOT)

    def reset(self, domain: RemoteDomain, flags: int) -> Awaitable[Results]:
        """Reset."""
        check_flags(flags, "virDomainReset")
        return self._operate(domain, DomainOperation.RESET)
