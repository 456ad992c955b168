from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventd.errors import InvalidArgument
from eventd.http_api.filters import FILTER_KEYS, MOST_VALUES, Filter
from eventd.model.arguments import GraphicsPhase
from eventd.model.domain import Domain, Question
from eventd.model.events import (
    EVENT_CLASSES,
    ConnectionConnected,
    DomainEventAmended,
    DomainGraphics,
    DomainStarted,
    Event,
    QuestionRaised,
)
from eventd.model.evidence import Cause, Evidence
from eventd.model.lifecycle import StartedDetail
from eventd.model.record import Cursor, EventRecord
from eventd.model.traits import read_traits
from tests.http_api.fake_daemon import NOW, domain_of, started, stopped, uuid_of
from tests.model.test_cloudevents import events_of

SOURCE = "esx://esx01.example/"


def of(query: str) -> Filter:
    return Filter.parse(tuple(pair.split("=", 1)) for pair in query.split("&"))  # type: ignore[misc]


def migrated(host: str) -> DomainStarted:
    return DomainStarted(
        occurred_at=NOW,
        source=SOURCE,
        domain=domain_of(1, host=host),
        evidence=Evidence(cause=Cause.STATE),
        detail=StartedDetail.MIGRATED,
    )


def connected(connection: str = "lab") -> ConnectionConnected:
    return ConnectionConnected(occurred_at=NOW, source=SOURCE, connection=connection, domains=1)


def question() -> QuestionRaised:
    return QuestionRaised(
        occurred_at=NOW,
        source=SOURCE,
        domain=domain_of(1),
        evidence=Evidence(cause=Cause.STATE),
        question=Question(id="1", vi_id="1", text="moved or copied?"),
    )


def graphics() -> DomainGraphics:
    return DomainGraphics(
        occurred_at=NOW,
        source=SOURCE,
        domain=domain_of(1),
        evidence=Evidence(cause=Cause.EVENT),
        phase=GraphicsPhase.DISCONNECT,
        service="mks",
    )


def amendment() -> DomainEventAmended:
    return DomainEventAmended(
        occurred_at=NOW,
        source=SOURCE,
        domain=domain_of(1),
        evidence=Evidence(cause=Cause.EVENT),
        amends="e-1",
        amended="stopped shutdown",
        corrected="stopped destroyed",
    )


@pytest.mark.parametrize("event", [started(1), question(), connected(), graphics(), amendment()])
def test_an_empty_filter_matches_everything(event: Event) -> None:
    """No condition lets everything through."""
    assert Filter().matches(event)


@pytest.mark.parametrize(
    ("query", "event"),
    [
        (f"domain={uuid_of(1)}", started(1)),
        (f"domain={uuid_of(1).upper()}", started(1)),
        ("domain=web-1", started(1)),
        ("domain=web-*", started(1)),
        ("connection=lab", started(1)),
        ("connection=lab", connected()),
        ("host=esx01", started(1)),
        ("event=lifecycle", started(1)),
        ("event=question", question()),
        ("event=connection", connected()),
        ("type=started", started(1)),
        ("type=raised", question()),
        ("reason=booted", started(1)),
        ("reason=migrated", migrated("esx02")),
        ("event=graphics", graphics()),
        ("reason=disconnect", graphics()),
        ("event=amendment", amendment()),
        ("reason=destroyed&domain=web-1", amendment()),
    ],
)
def test_a_filter_matches_what_it_names(query: str, event: Event) -> None:
    """Each key looks at its own part of the event."""
    assert of(query).matches(event)


@pytest.mark.parametrize(
    ("query", "event"),
    [
        (f"domain={uuid_of(2)}", started(1)),
        ("domain=WEB-*", started(1)),
        ("domain=web", started(1)),
        ("domain=*", connected()),
        ("connection=other", started(1)),
        ("connection=other", connected()),
        ("host=esx02", started(1)),
        ("host=esx01", connected()),
        ("event=reboot", started(1)),
        ("type=stopped", started(1)),
        ("reason=destroyed", started(1)),
        ("reason=booted", question()),
        ("type=stopped", amendment()),
        ("reason=connect", graphics()),
    ],
)
def test_a_filter_does_not_match_anything_else(query: str, event: Event) -> None:
    """What lacks the attribute does not match a filter on it."""
    assert not of(query).matches(event)


def own_words(event: Event) -> dict[str, set[str | None]]:
    """Return, by the key of the filter, the words with which it lets this event through."""
    about = getattr(event, "domain", None)
    connection = about.connection if about else getattr(event, "connection", None)
    return {
        "domain": {about.uuid, "*"} if about else set(),
        "connection": {connection},
        "host": {about.host} if about else set(),
        "event": {event.kind},
        "type": {event.type},
        "reason": {event.reason},
    }


@pytest.mark.parametrize("cls", EVENT_CLASSES)
@given(data=st.data())
@settings(max_examples=25)
def test_a_record_is_chosen_by_its_json_as_by_its_event(
    cls: type[Event], data: st.DataObject
) -> None:
    """Whether the event is at hand or still undecoded makes no difference to anybody."""
    event = data.draw(events_of(cls))
    record = EventRecord.of(event, cursor=Cursor("a", 7), recorded_at=NOW)
    own = own_words(event)
    values = {key: sorted({"other", *filter(None, own[key])}) for key in FILTER_KEYS}
    wanted = Filter(
        **{
            key: data.draw(st.frozensets(st.sampled_from(values[key]), max_size=2))
            for key in FILTER_KEYS
        }
    )
    expected = all(not getattr(wanted, key) or getattr(wanted, key) & own[key] for key in own)
    assert wanted.matches(event) == expected
    assert wanted.matches(read_traits(record.json)) == expected


def test_values_of_one_key_are_alternatives() -> None:
    """docker's rule: the same key again means *or*."""
    either = of("type=started&type=stopped")
    assert either.matches(started(1))
    assert either.matches(stopped(1))
    assert not either.matches(question())


def test_different_keys_must_all_match() -> None:
    """docker's rule: another key means *and*."""
    both = of("type=started&domain=web-1")
    assert both.matches(started(1))
    assert not both.matches(started(2))
    assert not both.matches(stopped(1))


def test_a_uuid_does_not_match_as_a_name() -> None:
    """A renamed domain keeps its UUID, and no name can pretend to be another's."""
    impostor = Domain(
        connection="lab", reference="vm-9", uuid=uuid_of(9), name=uuid_of(1).upper(), id=9
    )
    assert not of(f"domain={uuid_of(1)}").matches_domain(impostor)


@pytest.mark.parametrize(
    ("query", "known"),
    [
        ("event=livecycle", "lifecycle"),
        ("type=start", "started"),
        ("reason=boot", "booted"),
    ],
)
def test_an_unknown_word_is_refused_with_the_known_ones(query: str, known: str) -> None:
    """A misspelt word must not become a stream that stays silent for ever."""
    with pytest.raises(InvalidArgument, match=known):
        of(query)


@pytest.mark.parametrize("cls", EVENT_CLASSES)
def test_every_word_of_every_event_can_be_asked_for(cls: type[Event]) -> None:
    """What a record says can be put into a filter."""
    words = [("event", str(cls.kind)), *(("reason", reason) for reason in cls.reasons)]
    if cls.type:
        words.append(("type", cls.type))
    for key, word in words:
        assert Filter.parse([(key, word)]) != Filter()


@pytest.mark.parametrize("key", FILTER_KEYS)
def test_an_empty_value_is_refused(key: str) -> None:
    """``?domain=`` is a mistake in a script, not a wish for everything."""
    with pytest.raises(InvalidArgument, match=key):
        of(f"{key}=")


def test_equal_conditions_are_equal_filters() -> None:
    """The order and the repetition of values do not keep subscribers from sharing bytes."""
    assert of("type=started&type=stopped") == of("type=stopped&type=started&type=started")
    assert len({of("event=lifecycle"), of("event=lifecycle")}) == 1


def test_a_key_has_a_bounded_number_of_values() -> None:
    """Each costs something for each event: nobody makes others wait with a filter."""
    many = [("domain", uuid_of(number)) for number in range(MOST_VALUES)]
    assert Filter.parse([*many, *many]).matches(started(MOST_VALUES - 1))
    with pytest.raises(InvalidArgument, match=f"'domain' has more than {MOST_VALUES} values"):
        Filter.parse([*many, ("domain", "web-*")])


def test_globs_are_alternatives_over_the_whole_name() -> None:
    """What is special in a regular expression is not so in a glob."""
    wish = of("domain=web-?&domain=db.*")
    names = ["web-1", "web-11", "xweb-1", "db.1", "db1", "db.1\n"]
    matched = [
        name
        for name in names
        if wish.matches_domain(domain_of(1).model_copy(update={"name": name}))
    ]
    assert matched == ["web-1", "db.1", "db.1\n"]


def test_a_filter_is_made_again_from_its_pairs() -> None:
    """In one order, whatever the one in which it was given: a subscription is compared by it."""
    pairs = [("type", "stopped"), ("domain", "web-*"), ("type", "started"), ("event", "lifecycle")]
    wanted = Filter.parse(pairs)
    assert wanted.pairs() == Filter.parse(reversed(pairs)).pairs()
    assert Filter.parse(wanted.pairs()) == wanted
    assert not wanted.lets_all_through
    assert Filter().pairs() == ()
    assert Filter().lets_all_through
