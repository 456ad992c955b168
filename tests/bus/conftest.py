"""A journal to which things happen, for the tests of the bus."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from eventd.journal.memory import MemoryJournal
from eventd.model.domain import Domain, Question
from eventd.model.events import (
    ConnectionConnected,
    DomainDefined,
    DomainRebooted,
    DomainStarted,
    DomainStopped,
    DomainUndefined,
    Event,
    QuestionRaised,
)
from eventd.model.evidence import Cause, Evidence, TaskEvidence
from eventd.model.lifecycle import DefinedDetail, StartedDetail, StoppedDetail, UndefinedDetail
from eventd.model.record import EventRecord

NOW = datetime(2026, 11, 20, 11, 51, 59, tzinfo=UTC)
WEB = "4215d4a2-0c1d-4f6e-8a55-2d1f0a1b2c3d"


@pytest.fixture
def happen() -> Callable[..., EventRecord]:
    """Let something happen to a domain, or to its connection, and return the record of it."""
    journal = MemoryJournal("test")

    def happen(
        what: str = "started", *, domain: str = WEB, name: str = "web 01", user: str | None = None
    ) -> EventRecord:
        return journal.append([_event(what, domain, name, user)], now=NOW)[0]

    return happen


def _event(what: str, uuid: str, name: str, user: str | None) -> Event:
    task = TaskEvidence(key="task-1", description_id="VirtualMachine.powerOn", user=user)
    domain = Domain(connection="esx01", reference="vm-42", uuid=uuid, name=name, id=-1)
    evidence = Evidence(cause=Cause.TASK, task=task)
    source = "esx://esx01.example/"
    match what:
        case "started":
            return DomainStarted(
                occurred_at=NOW,
                source=source,
                domain=domain,
                evidence=evidence,
                detail=StartedDetail.BOOTED,
            )
        case "stopped":
            return DomainStopped(
                occurred_at=NOW,
                source=source,
                domain=domain,
                evidence=evidence,
                detail=StoppedDetail.DESTROYED,
            )
        case "defined" | "defined renamed":
            return DomainDefined(
                occurred_at=NOW,
                source=source,
                domain=domain,
                evidence=evidence,
                detail=DefinedDetail.ADDED if what == "defined" else DefinedDetail.RENAMED,
            )
        case "undefined" | "undefined renamed":
            return DomainUndefined(
                occurred_at=NOW,
                source=source,
                domain=domain,
                evidence=evidence,
                detail=(
                    UndefinedDetail.REMOVED if what == "undefined" else UndefinedDetail.RENAMED
                ),
            )
        case "rebooted":
            return DomainRebooted(occurred_at=NOW, source=source, domain=domain, evidence=evidence)
        case "question":
            return QuestionRaised(
                occurred_at=NOW,
                source=source,
                domain=domain,
                evidence=evidence,
                question=Question(id="q1", vi_id="1", text="Moved or copied?"),
            )
        case "connected":
            return ConnectionConnected(
                occurred_at=NOW, source=source, connection="esx01", domains=3
            )
        case _:
            raise ValueError(what)
