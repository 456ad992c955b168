"""The catalogue of situations says what the tables do."""

from __future__ import annotations

import re

from eventd.model.events import EVENT_CLASSES, DomainEvent
from eventd.tracking.lifecycle import SAVED_TABLE, TABLE
from tests.tracking.state_machine import CATALOGUE, drawn

SITUATIONS = range(1, 44)


def test_picture_of_the_state_machine_is_that_of_the_table() -> None:
    """Mend a difference with ``python tests/tracking/state_machine.py``."""
    assert CATALOGUE.read_text("utf-8") == drawn()


def test_every_situation_has_its_row() -> None:
    """All 43, in their order."""
    numbers = re.findall(r"^\| (\d+) \|", CATALOGUE.read_text("utf-8"), re.MULTILINE)

    assert [int(number) for number in numbers] == list(SITUATIONS)


def test_rows_of_the_table_are_of_situations_of_the_catalogue() -> None:
    """A row's number leads to its sentence."""
    assert {row.situation for row in (*TABLE, *SAVED_TABLE)} <= set(SITUATIONS)


def test_every_libvirt_event_that_is_told_is_in_the_catalogue() -> None:
    """As is every one that is never told."""
    text = CATALOGUE.read_text("utf-8")
    told, _, never = text.partition("Never told:")

    kinds = {cls.kind for cls in EVENT_CLASSES if issubclass(cls, DomainEvent)}
    libvirts = {kind for kind in kinds if kind.event_id not in (None, 0)}
    assert {kind for kind in libvirts if f"`{kind}`" not in told} == set()
    assert {kind for kind in libvirts if f"`{kind}`" in never.partition("\n\n")[0]} == set()
