"""An asyncio client of the daemon over a Unix socket.

Events, callbacks and the present state, questions and operations.

::

    async with Client() as client:
        async for record in client.events(event="lifecycle", type=["started", "stopped"]):
            print(record.event.domain.name, record.event.reason)

Records carry the same typed events as inside the daemon; see `eventd.model.events`.
"""

from __future__ import annotations

from eventd.client.answers import CallbackStatus, DurableSubscription
from eventd.client.callbacks import Callback
from eventd.client.client import DEFAULT_READ_WRITE_SOCKET, DEFAULT_SOCKET, Client
from eventd.client.items import DomainSnapshot, Gap, Heartbeat, Item, SnapshotEnd
from eventd.client.streams import retry_delays

__all__ = [
    "DEFAULT_READ_WRITE_SOCKET",
    "DEFAULT_SOCKET",
    "Callback",
    "CallbackStatus",
    "Client",
    "DomainSnapshot",
    "DurableSubscription",
    "Gap",
    "Heartbeat",
    "Item",
    "SnapshotEnd",
    "retry_delays",
]
