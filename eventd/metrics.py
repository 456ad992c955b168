"""Counters and gauges of the daemon, in Prometheus terms.

They live in a registry of their own, so that a program that uses eventd as a library does not
find them among its own metrics.
"""

from __future__ import annotations

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    generate_latest,
)

__all__ = [
    "CONTENT_TYPE",
    "REGISTRY",
    "callback_errors",
    "connection_up",
    "events_encoded",
    "events_published",
    "exposition",
    "journal_bytes",
    "journal_undurable",
    "questions_pending",
    "subscribers",
    "subscribers_disconnected",
]

REGISTRY = CollectorRegistry()

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""What `exposition` is."""

events_published = Counter(
    "eventd_events_published",
    "Events written to the journal.",
    ["connection", "kind"],
    registry=REGISTRY,
)
events_encoded = Counter(
    "eventd_events_encoded",
    "Events encoded as CloudEvents JSON; equals the published ones whatever the subscribers.",
    registry=REGISTRY,
)
callback_errors = Counter(
    "eventd_callback_errors",
    "Exceptions raised by registered callbacks or by their free functions.",
    registry=REGISTRY,
)
connection_up = Gauge(
    "eventd_connection_up",
    "1 while the connection is in sync with its host, else 0.",
    ["connection"],
    registry=REGISTRY,
)
unparsed = Counter(
    "eventd_unparsed",
    "Updates and events of the host that could not be understood.",
    ["connection"],
    registry=REGISTRY,
)
questions_pending = Gauge(
    "eventd_questions_pending",
    "Questions of domains that wait for an answer.",
    ["connection"],
    registry=REGISTRY,
)
journal_bytes = Gauge(
    "eventd_journal_bytes",
    "Bytes of the journal's file that are in use.",
    registry=REGISTRY,
)
journal_undurable = Gauge(
    "eventd_journal_undurable_records",
    "Records that were published and wait for room on the disk.",
    registry=REGISTRY,
)
subscribers = Gauge(
    "eventd_subscribers",
    "Event streams that are open now.",
    registry=REGISTRY,
)
subscribers_disconnected = Counter(
    "eventd_subscribers_disconnected",
    "Event streams that the daemon ended, by reason.",
    ["reason"],
    registry=REGISTRY,
)


def exposition() -> bytes:
    """Return all of them as Prometheus reads them."""
    return generate_latest(REGISTRY)
