from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from eventd import metrics
from eventd.http_api.broadcast import Broadcast, Group, Subscriber
from eventd.http_api.filters import Filter
from eventd.http_api.framing import Format, Framing, Line
from eventd.journal.memory import MemoryJournal
from eventd.model.record import Cursor, EventRecord
from tests.http_api.fake_daemon import NOW, started, stopped

LINES = Framing(Format.NDJSON)
LIMIT = 10_000


class FakeTransport(asyncio.WriteTransport):
    """Keeps what is written; ``waiting`` is what its client has not taken."""

    def __init__(self) -> None:
        super().__init__()
        self.is_written: list[bytes] = []
        self.waiting = 0
        self.is_broken = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.is_broken:
            raise RuntimeError("Cannot call write() after write_eof()")
        assert isinstance(data, bytes)
        self.is_written.append(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal("e1")


@pytest.fixture
async def broadcast() -> Broadcast:
    return Broadcast(write_limit=LIMIT)


def subscribe(
    broadcast: Broadcast,
    *,
    joined: Cursor | None = None,
    framing: Framing = LINES,
    wanted: Filter | None = None,
) -> tuple[Subscriber, FakeTransport]:
    transport = FakeTransport()
    group = Group(framing, wanted or Filter())
    subscriber = Subscriber(group, transport, joined or Cursor("e1", 0))
    broadcast.join(subscriber)
    return subscriber, transport


def lines(records: Sequence[EventRecord]) -> bytes:
    return b"".join(record.json + b"\n" for record in records)


def encoded_so_far() -> float:
    return metrics.REGISTRY.get_sample_value("eventd_events_encoded_total") or 0.0


async def test_the_records_of_a_turn_are_one_write_of_the_same_bytes(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """Equal subscribers get the very same object: it was built once."""
    _, first = subscribe(broadcast)
    _, second = subscribe(broadcast)
    records = journal.append([started(1), stopped(1)], now=NOW)
    broadcast.deliver(records)
    assert first.is_written == [lines(records)]
    assert second.is_written[0] is first.is_written[0]


async def test_an_event_is_encoded_once_for_a_thousand_subscribers(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """Subscribers cost writes, not encodings."""
    transports = [subscribe(broadcast)[1] for _ in range(1000)]
    before = encoded_so_far()
    records = journal.append([started(1)], now=NOW)
    broadcast.deliver(records)
    assert encoded_so_far() == before + 1
    assert all(transport.is_written == [lines(records)] for transport in transports)


async def test_each_group_gets_its_own_framing_and_filter(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """Who wants nothing of a turn is not written to at all."""
    _, only_stopped = subscribe(broadcast, wanted=Filter(type=frozenset({"stopped"})))
    _, sse = subscribe(broadcast, framing=Framing(Format.SSE))
    [record] = journal.append([started(1)], now=NOW)
    broadcast.deliver([record])
    assert only_stopped.is_written == []
    assert sse.is_written == [b"id: e1-1\ndata: " + record.json + b"\n\n"]


async def test_who_joins_between_recording_and_delivery_sees_no_record_twice(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """It has read the journal up to where it joined; the rest of the turn is new to it."""
    early = journal.append([started(1)], now=NOW)
    _, late = subscribe(broadcast, joined=journal.newest)
    _, always = subscribe(broadcast)
    records = early + journal.append([stopped(1)], now=NOW)
    broadcast.deliver(records)
    assert late.is_written == [lines(records[1:])]
    assert always.is_written == [lines(records)]


async def test_who_has_all_records_of_a_turn_is_not_written_to(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """Nothing new is no write."""
    records = journal.append([started(1)], now=NOW)
    _, transport = subscribe(broadcast, joined=journal.newest)
    broadcast.deliver(records)
    assert transport.is_written == []


async def test_one_that_does_not_keep_up_is_left_behind_and_others_are_not(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """It is told up to where it has everything; nobody else notices."""
    slow, stuck = subscribe(broadcast)
    _, healthy = subscribe(broadcast)
    first = journal.append([started(1)], now=NOW)
    broadcast.deliver(first)
    stuck.waiting = LIMIT
    second = journal.append([stopped(1)], now=NOW)
    broadcast.deliver(second)
    assert slow.left_behind.result() == first[-1].cursor
    assert stuck.is_written == [lines(first)]
    assert healthy.is_written == [lines(first), lines(second)]


async def test_one_that_was_left_behind_is_not_written_to_again(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """Its stream reads the journal now; both together would repeat records."""
    _, stuck = subscribe(broadcast)
    stuck.waiting = LIMIT
    broadcast.deliver(journal.append([started(1)], now=NOW))
    stuck.waiting = 0
    broadcast.deliver(journal.append([stopped(1)], now=NOW))
    assert stuck.is_written == []


async def test_a_burst_beyond_the_limit_is_left_to_the_journal(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """Even for a quick reader no more than the limit is held in memory."""
    subscriber, transport = subscribe(broadcast)
    records = journal.append([started(1, message="x" * LIMIT)], now=NOW)
    broadcast.deliver(records)
    assert transport.is_written == []
    assert subscriber.left_behind.result() == Cursor("e1", 0)


async def test_one_that_cannot_be_written_to_is_left_to_its_stream_and_others_are_not(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """Else all that come behind it would miss the records, and nobody would tell them."""
    members = [subscribe(broadcast) for _ in range(3)]
    other_group = subscribe(broadcast, framing=Framing(Format.SSE))
    broken, transport = members[1]
    transport.is_broken = True
    with capture_logs() as logs:
        broadcast.deliver(journal.append([started(1)], now=NOW))
        broadcast.deliver(journal.append([stopped(1)], now=NOW))
    assert broken.left_behind.result() == Cursor("e1", 0)
    healthy = [written for member, written in (*members, other_group) if member is not broken]
    assert [len(each.is_written) for each in healthy] == [2, 2, 2]
    assert [(each["event"], each["subscribers"]) for each in logs] == [
        ("subscribers not written to", 1)
    ]


async def test_a_group_whose_records_cannot_be_framed_is_left_to_its_streams(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """What one filter cannot read, the others get all the same; it is told once for all members."""
    picky = [subscribe(broadcast, wanted=Filter(type=frozenset({"stopped"})))[0] for _ in range(2)]
    _, healthy = subscribe(broadcast)
    unreadable = EventRecord(Cursor("e1", 1), b"{", happened=0)
    with capture_logs() as logs:
        broadcast.deliver([unreadable])
    assert [each.left_behind.result() for each in picky] == [Cursor("e1", 0)] * 2
    assert healthy.is_written == [b"{\n"]
    assert [each["subscribers"] for each in logs] == [2]


async def test_one_that_has_left_is_not_written_to(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """Leaving twice does no harm, since a stream and the broadcast may both say it."""
    subscriber, transport = subscribe(broadcast)
    broadcast.leave(subscriber)
    broadcast.leave(subscriber)
    broadcast.deliver(journal.append([started(1)], now=NOW))
    assert transport.is_written == []


async def test_a_member_has_reached_what_was_delivered_last(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """A heartbeat moves the cursor of a filtered stream past what it does not want."""
    subscriber, _ = subscribe(broadcast, wanted=Filter(type=frozenset({"stopped"})))
    assert broadcast.reached(subscriber) == Cursor("e1", 0)
    broadcast.deliver(journal.append([started(1)], now=NOW))
    assert broadcast.reached(subscriber) == Cursor("e1", 1)
    late, _ = subscribe(broadcast, joined=Cursor("e1", 5))
    assert broadcast.reached(late) == Cursor("e1", 5)


async def test_one_that_counts_is_handed_back_for_each_record_that_it_wants(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """Only its stream knows how many more it may get; what it does not want disturbs nobody."""
    subscriber, transport = subscribe(broadcast, wanted=Filter(type=frozenset({"stopped"})))
    subscriber.counts = True
    broadcast.deliver(journal.append([started(1)], now=NOW))
    assert not subscriber.left_behind.done()
    broadcast.deliver(journal.append([stopped(1)], now=NOW))
    assert subscriber.left_behind.result() == Cursor("e1", 1)
    assert transport.is_written == []


async def test_one_that_is_handed_back_twice_keeps_where_it_was_first(
    broadcast: Broadcast, journal: MemoryJournal
) -> None:
    """Its time may be over in the turn in which it fell behind."""
    subscriber, stuck = subscribe(broadcast)
    stuck.waiting = LIMIT
    broadcast.deliver(journal.append([started(1)], now=NOW))
    broadcast.hand_back(subscriber)
    assert subscriber.left_behind.result() == Cursor("e1", 0)


@pytest.mark.parametrize("kind", list(Format))
def test_a_group_without_a_filter_decodes_nothing(kind: Format, journal: MemoryJournal) -> None:
    """The bytes pass through, whatever is in them."""
    records = [EventRecord(Cursor("e1", number), b"{%d}" % number, happened=0) for number in (1, 2)]
    framing = Framing(kind, is_chunked=True)
    lines = [Line(record.json, str(record.cursor)) for record in records]
    assert Group(framing, Filter()).chunk(records) == framing.chunk(lines)
    assert Group(framing, Filter()).chunk([]) == b""
