from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventd.errors import InvalidArgument
from eventd.model.events import EVENT_CLASSES, ConnectionEvent, DomainEvent, Event
from eventd.model.record import Cursor, EventRecord
from eventd.model.traits import Traits, read_traits
from tests.model.test_cloudevents import NOW, events_of, example


def traits_of(event: Event) -> Traits:
    match event:
        case DomainEvent(domain=domain):
            about = (domain.connection, domain.uuid, domain.name, domain.host)
            return Traits(event.kind, event.type, event.reason, *about)
        case ConnectionEvent(connection=connection):
            return Traits(event.kind, event.type, event.reason, connection)
        case _:
            return Traits(event.kind, event.type, event.reason)


@pytest.mark.parametrize("cls", EVENT_CLASSES)
@given(data=st.data())
@settings(max_examples=25)
def test_the_json_of_a_record_has_the_traits_of_its_event(
    cls: type[Event], data: st.DataObject
) -> None:
    """Of every class, with whatever texts."""
    event = data.draw(events_of(cls))
    record = EventRecord.of(event, cursor=Cursor("a", 7), recorded_at=NOW)
    assert read_traits(record.json) == traits_of(event)


def test_a_record_that_is_only_chosen_by_its_traits_is_not_decoded() -> None:
    """That is what they are for; one that has its event has no need of them."""
    event = example(EVENT_CLASSES[0])
    made = EventRecord.of(event, cursor=Cursor("a", 7), recorded_at=NOW)
    stored = EventRecord(made.cursor, made.json, happened=made.happened)
    assert made.traits is event
    assert stored.traits == traits_of(event)
    assert stored._content is None


def test_an_event_of_a_newer_eventd_has_traits() -> None:
    """Nothing but its words is looked at: a filter lets it through or not, as any other."""
    domain = b'{"connection":"lab","uuid":"u","name":"web","more":1}'
    json = b'{"type":"eventd.domain.moon.risen.v2","data":{"reason":"tide","domain":%b}}' % domain
    assert read_traits(json) == Traits("moon", "risen", "tide", "lab", "u", "web")
    assert read_traits(b'{"type":"eventd.sun.v1","data":{}}') == Traits("sun", None, None)


@pytest.mark.parametrize(
    "json",
    [
        b"",
        b"[]",
        b"{}",
        b'{"type":7,"data":{}}',
        b'{"type":"eventd.v1","data":{}}',
        b'{"type":"eventd.domain.v1","data":{"domain":{}}}',
        b'{"type":"eventd.domain.reboot.v1","data":{"domain":{}}}',
        b'{"type":"eventd.domain.reboot.v1","data":[]}',
    ],
)
def test_what_is_no_event_has_no_traits(json: bytes) -> None:
    """The message says so, as when it is decoded."""
    with pytest.raises(InvalidArgument, match="not the record of an event"):
        read_traits(json)
