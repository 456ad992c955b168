"""What one event costs in the callback registry, against a scan of all registrations.

Run by hand: ``python tests/benchmarks/registry_dispatch.py``. Half of the registrations are for
one domain each, the others for all; the events go round the domains. The callback does nothing,
so that the figures are the registry's own. Trust the ratios, not the microseconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from eventd.bus.registry import Registration, Registry
from eventd.journal.memory import MemoryJournal
from eventd.model.domain import Domain
from eventd.model.events import DomainEvent, DomainStarted
from eventd.model.evidence import Cause, Evidence
from eventd.model.ids import EventId
from eventd.model.lifecycle import StartedDetail
from eventd.model.record import EventRecord

SIZES = (1, 10, 100, 1_000, 10_000)
ROUNDS = 7
EVENTS = 200
Dispatch = Callable[[list[EventRecord]], None]
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def ignore(record: EventRecord, opaque: object) -> None:
    """Take an event and do nothing with it."""


def uuid(number: int) -> str:
    """Return the UUID of a domain by its number."""
    return str(UUID(int=number))


def records(domains: int) -> list[EventRecord]:
    """Return one start after another, going round the domains."""
    events = [
        DomainStarted(
            occurred_at=NOW,
            source="esx://esx01.example/",
            domain=Domain(
                connection="esx01", reference="vm-1", uuid=uuid(n % domains), name="x", id=1
            ),
            evidence=Evidence(cause=Cause.UNKNOWN),
            detail=StartedDetail.BOOTED,
        )
        for n in range(EVENTS)
    ]
    return MemoryJournal("bench").append(events, now=NOW)


def naive(filters: list[str | None]) -> Dispatch:
    """Return what a plain list does: it asks every registration about every event."""
    registrations = _register(filters).registrations()

    def scan(queued: list[EventRecord]) -> None:
        for record in queued:
            event = record.event
            domain = event.domain.uuid if isinstance(event, DomainEvent) else None
            for each in registrations:
                if each.kind is event.kind and (each.domain is None or each.domain == domain):
                    each.call(record)

    return scan


def indexed(filters: list[str | None]) -> Dispatch:
    """Return what the registry does."""
    registry = _register(filters)

    def dispatch(queued: list[EventRecord]) -> None:
        registry.enqueue(queued)
        registry.flush(Registration.call)

    return dispatch


def _register(filters: list[str | None]) -> Registry:
    registry = Registry(limit_per_client=len(filters))
    for domain in filters:
        registry.register(EventId.LIFECYCLE, ignore, domain=domain)
    return registry


def measure(dispatch: Dispatch, queued: list[EventRecord]) -> float:
    """Return microseconds of CPU per event in one round."""
    begin = time.process_time()
    dispatch(queued)
    return (time.process_time() - begin) / len(queued) * 1e6


def compare(filters: list[str | None]) -> tuple[float, float]:
    """Return the best round of the registry and of the scan, which take turns."""
    queued = records(max(1, len(filters) // 2))
    contenders = indexed(filters), naive(filters)
    rounds = [[measure(each, queued) for each in contenders] for _ in range(ROUNDS)]
    registry, scan = (min(figures) for figures in zip(*rounds, strict=True))
    return registry, scan


def main() -> None:
    """Print the table."""
    write = sys.stdout.write
    write(
        f"{'registrations':>13} {'filtered':>9} {'registry us':>12} {'scan us':>9} {'ratio':>6}\n"
    )
    for size in SIZES:
        half = [uuid(n // 2) if n % 2 else None for n in range(size)]
        every = [uuid(n) for n in range(size)]
        for name, filters in (("half", half), ("all", every)):
            registry, scan = compare(list(filters))
            write(f"{size:>13,} {name:>9} {registry:12.2f} {scan:9.2f} {registry / scan:6.2f}\n")


if __name__ == "__main__":
    main()
