"""The event classes: frozen, and each with the numbers and words of its kind."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from eventd.model.domain import Domain
from eventd.model.events import (
    EVENT_CLASSES,
    ConnectionEvent,
    DomainEvent,
    DomainRebooted,
    DomainStarted,
    Event,
    LifecycleEvent,
    QuestionEvent,
)
from eventd.model.evidence import Cause, Evidence
from eventd.model.lifecycle import DETAILS, LifecycleType, StartedDetail

NOW = datetime(2026, 11, 20, 11, 51, 59, tzinfo=UTC)
DOMAIN = Domain(
    connection="esx01",
    reference="vm-42",
    uuid="4215d4a2-0c1d-4f6e-8a55-2d1f0a1b2c3d",
    name="web 01",
    id=42,
)
STARTED = DomainStarted(
    occurred_at=NOW,
    source="esx://esx01.example/",
    domain=DOMAIN,
    evidence=Evidence(cause=Cause.STATE),
    detail=StartedDetail.BOOTED,
)


def concrete(cls: type[Event]) -> list[type[Event]]:
    """Return the classes below that have none below themselves."""
    below = cls.__subclasses__()
    return [leaf for each in below for leaf in concrete(each)] if below else [cls]


def test_each_event_class_is_listed_once() -> None:
    """What is not in the list could be published, and not be read back."""
    assert len(set(EVENT_CLASSES)) == len(EVENT_CLASSES)
    assert set(EVENT_CLASSES) == set(concrete(Event))


def test_each_lifecycle_type_has_a_class_with_its_details() -> None:
    """The class says the type, so that no event can have a detail of another type."""
    classes = [cls for cls in EVENT_CLASSES if issubclass(cls, LifecycleEvent)]
    assert [cls.lifecycle for cls in classes] == list(LifecycleType)
    for cls in classes:
        assert cls.type == cls.lifecycle.word
        assert cls.model_fields["detail"].annotation is DETAILS[cls.lifecycle]


def test_a_lifecycle_event_has_libvirts_numbers_and_words() -> None:
    """Event id 0, event 2, detail 0; started, booted."""
    assert (STARTED.event_id, STARTED.event, STARTED.detail) == (0, 2, 0)
    assert (STARTED.kind, STARTED.type, STARTED.reason) == ("lifecycle", "started", "booted")


def test_a_reboot_is_event_id_1_without_type_and_reason() -> None:
    """It is no stop and start."""
    reboot = DomainRebooted(
        occurred_at=NOW, source=STARTED.source, domain=DOMAIN, evidence=STARTED.evidence
    )
    assert (reboot.event_id, reboot.kind, reboot.type, reboot.reason) == (1, "reboot", None, None)


@pytest.mark.parametrize(
    ("base", "kind"), [(QuestionEvent, "question"), (ConnectionEvent, "connection")]
)
def test_our_own_kinds_have_no_number(base: type[Event], kind: str) -> None:
    """libvirt has no event id for them."""
    for cls in concrete(base):
        assert cls.kind == kind
        assert cls.kind.event_id is None


@pytest.mark.parametrize("cls", [each for each in EVENT_CLASSES if issubclass(each, DomainEvent)])
def test_each_domain_event_has_a_domain_and_evidence(cls: type[Event]) -> None:
    """Nothing happens to a domain without saying to which, and why it was taken so."""
    for name in ("domain", "evidence"):
        assert cls.model_fields[name].is_required()


@pytest.mark.parametrize("cls", EVENT_CLASSES)
def test_each_event_class_is_frozen(cls: type[Event]) -> None:
    """An event is handed to everybody."""
    assert cls.model_config.get("frozen")


def test_an_event_and_all_in_it_are_frozen() -> None:
    """It keeps what was true when it happened."""
    for value, name in ((STARTED, "source"), (STARTED.domain, "name"), (STARTED.evidence, "cause")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(value, name, "changed")
    assert {STARTED: 1}[STARTED.model_copy()] == 1


def test_a_time_without_a_zone_is_refused() -> None:
    """Hosts are in many zones; records are in UTC."""
    with pytest.raises(ValidationError, match="timezone"):
        DomainStarted.model_validate(STARTED.model_dump() | {"occurred_at": datetime(2026, 11, 20)})  # noqa: DTZ001


def test_a_detail_of_another_number_is_refused() -> None:
    """A start has five details."""
    with pytest.raises(ValidationError, match="detail"):
        DomainStarted.model_validate(STARTED.model_dump() | {"detail": 5})
