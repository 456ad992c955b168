"""The journal in memory: one order, bounded, and the last known picture."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd import metrics
from eventd.errors import CursorExpired, ErrorCode
from eventd.journal.journal import Journal
from eventd.journal.memory import MemoryJournal
from eventd.model.domain import Domain
from eventd.model.events import ConnectionConnected, DomainRebooted, Event
from eventd.model.evidence import Cause, Evidence
from eventd.model.picture import DomainPicture, PictureChange
from eventd.model.record import Cursor

NOW = datetime(2026, 11, 20, 11, 51, 59, tzinfo=UTC)
EVENT = ConnectionConnected(
    occurred_at=NOW, source="esx://esx01.example/", connection="esx01", domains=3
)
REBOOT = DomainRebooted(
    occurred_at=NOW,
    source="esx://esx02.example/",
    domain=Domain(connection="esx02", reference="vm-1", uuid="0", name="x", id=1),
    evidence=Evidence(cause=Cause.BOOT_TIME),
)


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal("a", capacity=4)


def published(connection: str, kind: str) -> float:
    labels = {"connection": connection, "kind": kind}
    return metrics.REGISTRY.get_sample_value("eventd_events_published_total", labels) or 0


def sequences(journal: Journal, after: int, limit: int = 100) -> list[int]:
    return [record.sequence for record in journal.read(Cursor("a", after), limit=limit)]


def test_an_empty_journal_begins_and_ends_at_zero(journal: MemoryJournal) -> None:
    """A reader that begins there misses nothing."""
    assert journal.oldest == journal.newest == Cursor("a", 0)
    assert sequences(journal, 0) == []


def test_sequences_grow_by_one_over_all_appends(journal: MemoryJournal) -> None:
    """The first record has the number 1."""
    first = journal.append([EVENT, EVENT], now=NOW)
    second = journal.append([REBOOT], now=NOW)
    assert [record.cursor for record in first + second] == [Cursor("a", n) for n in (1, 2, 3)]
    assert journal.newest == Cursor("a", 3)


def test_a_record_says_when_it_was_written(journal: MemoryJournal) -> None:
    """That is another time than when it happened."""
    later = datetime(2026, 11, 20, 11, 52, 7, tzinfo=UTC)
    (record,) = journal.append([EVENT], now=later)
    assert record.recorded_at == later
    assert record.event.occurred_at == NOW


def test_appending_nothing_writes_nothing(journal: MemoryJournal) -> None:
    """An update set may change the picture and cause no event."""
    assert journal.append([], now=NOW) == []
    assert journal.newest == Cursor("a", 0)


def test_a_reader_gets_what_follows_its_cursor_up_to_its_limit(journal: MemoryJournal) -> None:
    """In order, and the very records that were appended."""
    records = journal.append([EVENT] * 4, now=NOW)
    assert journal.read(Cursor("a", 1), limit=2) == records[1:3]
    assert journal.read(Cursor("a", 3), limit=2) == records[3:]
    assert journal.read(Cursor("a", 4), limit=2) == []


def test_a_full_journal_forgets_its_oldest_records(journal: MemoryJournal) -> None:
    """``oldest`` is still a cursor to read from, one before it is not."""
    journal.append([EVENT] * 6, now=NOW)
    assert (journal.oldest, journal.newest) == (Cursor("a", 2), Cursor("a", 6))
    assert sequences(journal, 2) == [3, 4, 5, 6]
    with pytest.raises(CursorExpired):
        sequences(journal, 1)


@pytest.mark.parametrize("after", [Cursor("a", 0), Cursor("a", 7), Cursor("b", 4)])
def test_a_cursor_that_cannot_be_read_from_is_refused_with_those_that_can(
    journal: MemoryJournal, after: Cursor
) -> None:
    """Too old, never given out, or of another life of the process."""
    journal.append([EVENT] * 6, now=NOW)
    with pytest.raises(CursorExpired) as expired:
        journal.read(after, limit=1)
    assert (expired.value.oldest, expired.value.newest) == ("a-2", "a-6")
    assert expired.value.code == ErrorCode.INVALID_ARG
    assert expired.value.message == (
        f"the journal cannot be read after {after}: it holds what follows a-2, up to a-6; "
        "read the present state and go on from there"
    )


@given(st.integers(1, 5), st.lists(st.integers(0, 3), max_size=8), st.integers(1, 3))
def test_a_reader_that_keeps_up_sees_each_record_once(
    capacity: int, appends: list[int], limit: int
) -> None:
    """Whatever the appends and its limit, as long as it is not overtaken."""
    journal, cursor, seen = MemoryJournal("a", capacity=capacity), Cursor("a", 0), list[int]()
    for size in appends:
        journal.append([EVENT] * min(size, capacity), now=NOW)
        while records := journal.read(cursor, limit=limit):
            seen += [record.sequence for record in records]
            cursor = records[-1].cursor
    assert seen == list(range(1, journal.newest.sequence + 1))


def test_events_are_counted_by_connection_and_kind(journal: MemoryJournal) -> None:
    """For every kind of event it is known which connection it came from."""
    before = published("esx01", "connection"), published("esx02", "reboot")
    journal.append([EVENT, REBOOT, EVENT], now=NOW)
    assert published("esx01", "connection") - before[0] == 2
    assert published("esx02", "reboot") - before[1] == 1


# Pictures


def picture(journal: MemoryJournal, **changed: DomainPicture) -> None:
    change = PictureChange("esx01", changed, frozenset())
    journal.append([], now=NOW, picture=change)


def test_the_picture_of_a_domain_is_the_one_that_was_appended_last(
    journal: MemoryJournal,
) -> None:
    """Domains that an append does not speak of stay as they are."""
    picture(journal, vm1=DomainPicture("vm1", "web"), vm2=DomainPicture("vm2", "db"))
    picture(journal, vm1=DomainPicture("vm1", "web 01"))
    assert journal.pictures("esx01") == {
        "vm1": DomainPicture("vm1", "web 01"),
        "vm2": DomainPicture("vm2", "db"),
    }


def test_a_removed_domain_has_no_picture(journal: MemoryJournal) -> None:
    """Also where it was not known."""
    picture(journal, vm1=DomainPicture("vm1"))
    change = PictureChange("esx01", {}, frozenset({"vm1", "vm9"}))
    journal.append([], now=NOW, picture=change)
    assert journal.pictures("esx01") == {}


def test_each_connection_has_its_own_pictures(journal: MemoryJournal) -> None:
    """References repeat over connections."""
    picture(journal, vm1=DomainPicture("vm1"))
    assert journal.pictures("esx02") == {}


def test_pictures_that_were_read_stay_as_they_were(journal: MemoryJournal) -> None:
    """Who goes through them may append meanwhile; nobody can change them in passing."""
    picture(journal, vm1=DomainPicture("vm1"))
    before = journal.pictures("esx01")
    for reference in before:
        picture(journal, vm2=DomainPicture("vm2"))
        assert reference == "vm1"
    assert before == {"vm1": DomainPicture("vm1")}
    with pytest.raises(TypeError):
        before["vm1"] = DomainPicture("vm1")  # type: ignore[index]


def test_what_cannot_be_encoded_changes_nothing(journal: MemoryJournal) -> None:
    """Events and picture are written together, or neither is."""
    broken: Event = EVENT.model_copy(update={"message": "\ud800"})
    change = PictureChange("esx01", {"vm1": DomainPicture("vm1")}, frozenset())
    counted = published("esx01", "connection")
    with pytest.raises(ValueError, match="surrogates"):
        journal.append([EVENT, broken], now=NOW, picture=change)
    assert journal.newest == Cursor("a", 0)
    assert journal.pictures("esx01") == {}
    assert published("esx01", "connection") == counted
