"""Events, pictures and a journal for the tests of journals."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from eventd.journal.durable import DurableJournal
from eventd.model.domain import Domain
from eventd.model.events import ConnectionConnected, DomainRebooted
from eventd.model.evidence import Cause, Evidence
from eventd.model.picture import HistoryPosition, HostPicture
from eventd.model.record import Cursor
from eventd.model.subscriptions import Subscription

NOW = datetime(2026, 11, 20, 11, 51, 59, tzinfo=UTC)
NONE: frozenset[str] = frozenset()

EVENT = ConnectionConnected(
    occurred_at=NOW, source="esx://esx01.example/", connection="esx01", domains=3
)
REBOOT = DomainRebooted(
    occurred_at=NOW,
    source="esx://esx02.example/",
    domain=Domain(connection="esx02", reference="vm-1", uuid="0", name="x", id=1),
    evidence=Evidence(cause=Cause.BOOT_TIME),
)

HOST = HostPicture(
    identity="564d9f7c-0000-0000-0000-000000000001",
    names={"host-9": "esx01.example", "host-10": "esx02.example"},
    position=HistoryPosition(NOW, frozenset({(-7, NOW), (4212, NOW)})),
    synced_at=NOW,
)
SUBSCRIPTION = Subscription("agent", (("event", "lifecycle"),), Cursor("a", 0), NOW)


def happened(at: datetime) -> ConnectionConnected:
    """Return an event of this time."""
    return EVENT.model_copy(update={"occurred_at": at})


def opened(
    directory: Path, *, epochs: str = "abcdefgh", most_undurable_bytes: int = 1 << 20
) -> DurableJournal:
    """Open the journal in a directory; its new epochs are called as the letters say."""
    names = iter(epochs)
    return DurableJournal(
        directory,
        clock=lambda: NOW,
        new_epoch=lambda: next(names),
        most_undurable_bytes=most_undurable_bytes,
    )
