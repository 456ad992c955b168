"""What a client asks of the daemon, answered: domains, hosts, events, operations.

There is one method for each row of `eventd.libvirt_rpc.procedures`, of its name; each returns the
results of its row, or what can be awaited for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from eventd.bus.remote import RemoteCallbacks
from eventd.libvirt_rpc.calls.domains import DomainCalls
from eventd.libvirt_rpc.calls.events import EventCalls
from eventd.libvirt_rpc.calls.hosts import HostCalls
from eventd.libvirt_rpc.calls.operations import OperationCalls
from eventd.libvirt_rpc.calls.results import Results
from eventd.libvirt_rpc.calls.snapshots import SnapshotCalls
from eventd.libvirt_rpc.inventory import Inventory, OpenedConnection
from eventd.libvirt_rpc.procedures import PROCEDURES
from eventd.libvirt_rpc.session import Call
from eventd.model.inspector import Inspector
from eventd.model.operator import Operator
from eventd.model.questions import Requester

__all__ = ["METHODS", "Calls", "Results"]

_KINDS = (HostCalls, DomainCalls, SnapshotCalls, EventCalls, OperationCalls)

METHODS = {
    row.name: kind for row in PROCEDURES.values() for kind in _KINDS if hasattr(kind, row.name)
}
"""The class that answers a procedure, by its name. Those of the session alone are not in it."""


class Calls:
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
        opened = OpenedConnection(inventory)
        self._events = EventCalls(callbacks)
        self._answering: dict[type, object] = {
            HostCalls: HostCalls(opened, inspector),
            DomainCalls: DomainCalls(opened, inspector),
            SnapshotCalls: SnapshotCalls(opened, inspector),
            EventCalls: self._events,
            OperationCalls: OperationCalls(opened, operator, requester),
        }

    def answer(self, call: Call) -> Results | Awaitable[Results]:
        """Return the results of a call, or what can be awaited for them.

        Raises:
            EventdError: it fails.
        """
        name = call.procedure.name
        method = getattr(self._answering[METHODS[name]], name)
        answered: Results | Awaitable[Results] = method(*call.arguments)
        return answered

    def is_legacy(self, callback_id: int) -> bool:
        """Whether the client knows a callback by its event id alone."""
        return callback_id in self._events.legacy
