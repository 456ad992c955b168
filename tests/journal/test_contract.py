"""What every journal promises: one order, search by time, the last known picture, and readers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventd import metrics
from eventd.errors import CursorExpired, ErrorCode, NoSuchSubscription
from eventd.journal.journal import Journal
from eventd.journal.memory import MemoryJournal
from eventd.journal.retention import Retention
from eventd.model.events import Event
from eventd.model.picture import DomainPicture, PictureChange
from eventd.model.record import Cursor
from tests.journal.things import EVENT, HOST, NONE, NOW, REBOOT, SUBSCRIPTION, happened, opened

LATER = NOW + timedelta(hours=1)


@pytest.fixture(params=["memory", "durable"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal("a")
    else:
        with closing(opened(tmp_path)) as durable:
            yield durable


def published(connection: str, kind: str) -> float:
    labels = {"connection": connection, "kind": kind}
    return metrics.REGISTRY.get_sample_value("eventd_events_published_total", labels) or 0


def sequences(journal: Journal, after: int, limit: int = 100) -> list[int]:
    return [record.sequence for record in journal.read(Cursor("a", after), limit=limit)]


def test_an_empty_journal_begins_and_ends_at_zero(journal: Journal) -> None:
    """A reader that begins there misses nothing."""
    assert journal.oldest == journal.newest == Cursor("a", 0)
    assert sequences(journal, 0) == []


def test_sequences_grow_by_one_over_all_appends(journal: Journal) -> None:
    """The first record has the number 1."""
    first = journal.append([EVENT, EVENT], now=NOW)
    second = journal.append([REBOOT], now=NOW)
    assert [record.cursor for record in first + second] == [Cursor("a", n) for n in (1, 2, 3)]
    assert journal.newest == Cursor("a", 3)


def test_a_record_says_when_it_was_written(journal: Journal) -> None:
    """That is another time than when it happened."""
    later = datetime(2026, 11, 20, 11, 52, 7, tzinfo=UTC)
    (record,) = journal.append([EVENT], now=later)
    assert record.recorded_at == later
    assert record.event.occurred_at == NOW


def test_appending_nothing_writes_nothing(journal: Journal) -> None:
    """An update set may change the picture and cause no event."""
    assert journal.append([], now=NOW) == []
    assert journal.newest == Cursor("a", 0)


def test_a_reader_gets_what_follows_its_cursor_up_to_its_limit(journal: Journal) -> None:
    """In order, and the very records that were appended."""
    records = journal.append([EVENT] * 4, now=NOW)
    assert journal.read(Cursor("a", 1), limit=2) == records[1:3]
    assert journal.read(Cursor("a", 3), limit=2) == records[3:]
    assert journal.read(Cursor("a", 4), limit=2) == []


@pytest.mark.parametrize("after", [Cursor("a", 7), Cursor("b", 4), Cursor("b", 0)])
def test_a_cursor_that_cannot_be_read_from_is_refused_with_those_that_can(
    journal: Journal, after: Cursor
) -> None:
    """Never given out, or of another life of the journal."""
    journal.append([EVENT] * 6, now=NOW)
    with pytest.raises(CursorExpired) as expired:
        journal.read(after, limit=1)
    assert (expired.value.oldest, expired.value.newest) == ("a-0", "a-6")
    assert expired.value.code == ErrorCode.INVALID_ARG
    assert expired.value.message == (
        f"the journal cannot be read after {after}: it holds what follows a-0, up to a-6; "
        "read the present state and go on from there"
    )


@given(
    st.lists(st.integers(-9, 9), max_size=20),
    st.integers(-10, 10),
    st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_behind_the_cursor_of_a_time_is_all_that_happened_since(
    tmp_path: Path, seconds: list[int], since: int, is_durable: bool
) -> None:
    """What happened is not always told in its order; a host that is ahead tells of the future."""
    journal: Journal = MemoryJournal("a")
    with ExitStack() as stack:
        if is_durable:
            directory = TemporaryDirectory(dir=tmp_path)
            journal = stack.enter_context(closing(opened(Path(stack.enter_context(directory)))))
        for second in seconds:
            journal.append([happened(NOW + timedelta(seconds=second))], now=NOW)

        found = journal.before(NOW + timedelta(seconds=since))

    wanted = [at for at, second in enumerate(seconds, 1) if min(second, 0) >= since]
    assert found.sequence == (wanted[0] - 1 if wanted else len(seconds))


@pytest.mark.parametrize("kind", ["memory", "durable"])
def test_a_journal_knows_of_which_time_it_has_forgotten_something(
    kind: str, tmp_path: Path
) -> None:
    """Also after a restart; a quiet time between what is forgotten and what is kept is no loss."""
    events = [happened(NOW + timedelta(minutes=minute)) for minute in (3, 1, 9)]
    journal: Journal = MemoryJournal("a", capacity=1)
    with ExitStack() as stack:
        if kind == "durable":
            with closing(opened(tmp_path)) as first:
                assert not first.forgot_since(NOW)
                first.append(events[:2], now=LATER)
                assert not first.forgot_since(NOW)
                assert first.forget_oldest(keep=Retention(bytes=0), now=LATER, most=2)
                assert not first.forget_oldest(keep=Retention(bytes=0), now=LATER, most=2)
                first.append(events[2:], now=LATER)
            journal = stack.enter_context(closing(opened(tmp_path, epochs="b")))
        else:
            journal.append(events[:1], now=LATER)
            assert not journal.forgot_since(NOW)
            journal.append(events[1:], now=LATER)
        [kept] = journal.read(journal.oldest, limit=9)
        assert kept.sequence == 3
        assert journal.forgot_since(NOW + timedelta(minutes=3))
        assert not journal.forgot_since(NOW + timedelta(minutes=4))


def test_events_are_counted_by_connection_and_kind(journal: Journal) -> None:
    """For every kind of event it is known which connection it came from."""
    before = published("esx01", "connection"), published("esx02", "reboot")
    journal.append([EVENT, REBOOT, EVENT], now=NOW)
    assert published("esx01", "connection") - before[0] == 2
    assert published("esx02", "reboot") - before[1] == 1


# Pictures


def picture(journal: Journal, **changed: DomainPicture) -> None:
    change = PictureChange("esx01", changed, frozenset())
    journal.append([], now=NOW, picture=change)


def test_the_picture_of_a_domain_is_the_one_that_was_appended_last(
    journal: Journal,
) -> None:
    """Domains that an append does not speak of stay as they are."""
    picture(journal, vm1=DomainPicture("vm1", "web"), vm2=DomainPicture("vm2", "db"))
    picture(journal, vm1=DomainPicture("vm1", "web 01"))
    assert journal.pictures("esx01") == {
        "vm1": DomainPicture("vm1", "web 01"),
        "vm2": DomainPicture("vm2", "db"),
    }


def test_a_removed_domain_has_no_picture(journal: Journal) -> None:
    """Also where it was not known."""
    picture(journal, vm1=DomainPicture("vm1"))
    change = PictureChange("esx01", {}, frozenset({"vm1", "vm9"}))
    journal.append([], now=NOW, picture=change)
    assert journal.pictures("esx01") == {}


def test_each_connection_has_its_own_pictures(journal: Journal) -> None:
    """References repeat over connections."""
    picture(journal, vm1=DomainPicture("vm1"))
    assert journal.pictures("esx02") == {}


def test_pictures_that_were_read_stay_as_they_were(journal: Journal) -> None:
    """Who goes through them may append meanwhile; nobody can change them in passing."""
    picture(journal, vm1=DomainPicture("vm1"))
    before = journal.pictures("esx01")
    for reference in before:
        picture(journal, vm2=DomainPicture("vm2"))
        assert reference == "vm1"
    assert before == {"vm1": DomainPicture("vm1")}
    with pytest.raises(TypeError):
        before["vm1"] = DomainPicture("vm1")  # type: ignore[index]


def test_what_cannot_be_encoded_changes_nothing(journal: Journal) -> None:
    """Events and picture are written together, or neither is."""
    broken: Event = EVENT.model_copy(update={"message": "\ud800"})
    change = PictureChange("esx01", {"vm1": DomainPicture("vm1")}, frozenset())
    counted = published("esx01", "connection")
    with pytest.raises(ValueError, match="surrogates"):
        journal.append([EVENT, broken], now=NOW, picture=change)
    assert journal.newest == Cursor("a", 0)
    assert journal.pictures("esx01") == {}
    assert published("esx01", "connection") == counted


def test_the_host_is_as_it_was_appended_last(journal: Journal) -> None:
    """A change that does not speak of it leaves it as it is."""
    assert journal.host("esx01") is None
    for change in (PictureChange("esx01", {}, frozenset(), HOST), PictureChange("esx01", {}, NONE)):
        journal.append([], now=NOW, picture=change)
    assert journal.host("esx01") == HOST
    assert journal.host("esx02") is None


# Readers by name


def test_a_subscription_is_remembered_with_what_it_has_dealt_with(journal: Journal) -> None:
    """By name, in their order."""
    journal.append([EVENT] * 3, now=NOW)
    for name in ("b", "a"):
        journal.subscribe(SUBSCRIPTION._replace(name=name))
    journal.acknowledge("a", Cursor("a", 2))
    assert journal.subscriptions() == [
        SUBSCRIPTION._replace(name="a", acknowledged=Cursor("a", 2)),
        SUBSCRIPTION._replace(name="b"),
    ]


def test_a_subscription_of_the_same_name_takes_its_place(journal: Journal) -> None:
    """A program may want other events in its next version."""
    journal.subscribe(SUBSCRIPTION)
    other = SUBSCRIPTION._replace(filters=())
    journal.subscribe(other)
    assert journal.subscriptions() == [other]


def test_a_subscription_ends_when_it_is_told_to(journal: Journal) -> None:
    """Not when nobody reads it."""
    journal.subscribe(SUBSCRIPTION)
    journal.unsubscribe("agent")
    assert journal.subscriptions() == []


def test_a_subscription_that_is_not_there_is_no_such_one(journal: Journal) -> None:
    """The message says which there are."""
    with pytest.raises(NoSuchSubscription, match="'agent'; there are none at all"):
        journal.unsubscribe("agent")
    journal.subscribe(SUBSCRIPTION)
    with pytest.raises(NoSuchSubscription, match="'other'; there are agent"):
        journal.acknowledge("other", Cursor("a", 0))


def test_what_is_behind_changes_nothing_when_it_is_acknowledged(journal: Journal) -> None:
    """An acknowledgement may come twice, or late."""
    journal.append([EVENT] * 3, now=NOW)
    journal.subscribe(SUBSCRIPTION)
    for sequence, expected in ((2, 2), (2, 2), (0, 2), (3, 3), (1, 3)):
        journal.acknowledge("agent", Cursor("a", sequence))
        [subscription] = journal.subscriptions()
        assert subscription.acknowledged == Cursor("a", expected)


def test_what_is_acknowledged_of_another_journal_is_behind_all(journal: Journal) -> None:
    """Its sequences cannot be compared, and its reader goes on here."""
    journal.append([EVENT] * 3, now=NOW)
    journal.subscribe(SUBSCRIPTION._replace(acknowledged=Cursor("z", 77)))
    journal.acknowledge("agent", Cursor("a", 1))
    [subscription] = journal.subscriptions()
    assert subscription.acknowledged == Cursor("a", 1)


@pytest.mark.parametrize("cursor", [Cursor("a", 1), Cursor("b", 0)])
def test_what_was_never_told_cannot_be_acknowledged(journal: Journal, cursor: Cursor) -> None:
    """It would be passed by when it comes."""
    journal.subscribe(SUBSCRIPTION)
    with pytest.raises(CursorExpired, match=f"never given out {cursor}"):
        journal.acknowledge("agent", cursor)
    assert journal.subscriptions() == [SUBSCRIPTION]
