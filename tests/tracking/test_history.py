"""The event history of a host: each event once, in its time, and for as long as it may explain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from eventd.model.picture import HistoryPosition
from eventd.tracking.history import History, host_of, identity_of
from eventd.vi.types import HistoryEvent
from tests.tracking.playbook import NOON


def entry(
    key: int, *, seconds: float = 0, kind: str = "VmPoweredOffEvent", domain: str | None = "vm-42"
) -> HistoryEvent:
    """An entry of the history, some seconds after noon."""
    at = NOON + timedelta(seconds=seconds)
    return HistoryEvent(key, key, at, kind, "", domain, "host-1")


def test_an_event_counts_once_however_often_it_is_read() -> None:
    """A collector is read from a time on, so that it gives again what was given before."""
    history = History()
    history.show(entry(2, seconds=2))
    history.take_in([entry(1, seconds=1), entry(2, seconds=2)])
    assert history.advance() == [entry(1, seconds=1), entry(2, seconds=2)]

    history.take_in([entry(1, seconds=1), entry(2, seconds=2)])

    assert history.advance() == []


def test_keys_that_wrap_below_zero_come_in_the_order_of_reading() -> None:
    """`Event.key` is an int32: the one after the greatest is the smallest."""
    history = History()
    last, first = entry(2**31 - 1, seconds=1), entry(-(2**31), seconds=2)
    history.show(first)
    history.take_in([last, first])

    assert history.advance() == [last, first]


def test_the_same_key_at_another_time_is_another_event() -> None:
    """Keys come again once they have wrapped."""
    history = History()
    for seconds in (1, 100):
        history.show(entry(7, seconds=seconds))
        history.take_in([entry(7, seconds=seconds)])
        assert history.advance() == [entry(7, seconds=seconds)]


def test_two_events_of_one_moment_are_two() -> None:
    """Several things happen within the same millisecond, and each has its key."""
    history = History()
    history.show(entry(2))
    history.take_in([entry(1), entry(2)])

    assert history.advance() == [entry(1), entry(2)]


def test_an_event_beyond_the_newest_that_was_shown_does_not_count_yet() -> None:
    """The pictures are those of the update set; what was read behind it is of a later one."""
    history = History()
    history.show(entry(1, seconds=1))
    history.take_in([entry(1, seconds=1), entry(2, seconds=2)])
    assert history.advance() == [entry(1, seconds=1)]
    assert history.advance() == []

    history.show(entry(2, seconds=2))

    assert history.unread is None
    assert history.advance() == [entry(2, seconds=2)]


def test_an_event_that_is_shown_is_unread_until_it_was_read() -> None:
    """The doorbell rings with one event, and there may be more before it."""
    history = History()
    assert history.unread is None
    history.show(entry(2, seconds=2))
    assert history.unread == entry(2, seconds=2)

    history.take_in([entry(1, seconds=1)])
    assert history.unread == entry(2, seconds=2)

    history.take_in([entry(2, seconds=2)])
    assert history.unread is None


def test_what_was_read_counts_though_the_reading_was_given_up() -> None:
    """A host may show an event and never give it; the others have happened nevertheless."""
    history = History()
    history.show(entry(9, seconds=9))
    history.take_in([entry(1, seconds=1), entry(2, seconds=2)])

    assert history.advance() == [entry(1, seconds=1), entry(2, seconds=2)]


def test_what_is_read_though_no_event_is_shown_counts_at_once() -> None:
    """A host does not show a user without full rights which event has rung."""
    history = History()
    history.take_in([entry(1)])

    assert history.advance() == [entry(1)]
    assert history.since == entry(1).created_time


def test_what_is_read_though_an_old_event_is_shown_counts_at_once() -> None:
    """The user may see one event, and not the next that rings."""
    history = History()
    history.show(entry(1))
    history.take_in([entry(1)])
    assert history.advance() == [entry(1)]

    history.take_in([entry(2, seconds=2)])

    assert history.advance() == [entry(2, seconds=2)]


def test_history_is_read_from_when_the_host_was_first_looked_at() -> None:
    """Also if nothing happened until the connection was lost, or the daemon ended."""
    history = History()
    history.begin(NOON)
    position = history.position(held=())
    assert history.since == NOON
    assert position == HistoryPosition(NOON, frozenset())

    later = History(position)
    later.begin(NOON + timedelta(hours=1))

    assert later.since == NOON


@given(times=st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=5))
def test_no_time_is_too_odd(times: list[datetime]) -> None:
    """A host may send any time that there is; none ends the connection."""
    history = History()
    events = [entry(key)._replace(created_time=time) for key, time in enumerate(times)]
    history.show(events[-1])
    history.take_in(events)
    for event in history.advance():
        history.keep(event)

    position = history.position(held=history.of_domain("vm-42"))

    assert history.since == events[-1].created_time
    assert position is not None
    assert {at for _, at in position.settled} <= {event.created_time for event in events}


def test_an_event_explains_nothing_after_fifteen_minutes() -> None:
    """A guest that was asked to shut down does so within that time, or never."""
    history = History()
    request = entry(1, kind="VmGuestShutdownEvent")
    for event in (request, entry(2, seconds=899)):
        history.show(event)
        history.take_in([event])
        for new in history.advance():
            history.keep(new)
    assert history.of_domain("vm-42") == [request, entry(2, seconds=899)]

    later = entry(3, seconds=901, domain="vm-43")
    history.show(later)
    history.take_in([later])
    history.advance()

    assert history.of_domain("vm-42") == [entry(2, seconds=899)]


def test_a_domain_whose_events_are_all_spent_or_expired_has_none() -> None:
    """Nothing grows with the life of the process."""
    history = History()
    history.keep(entry(1))
    history.keep(entry(2, domain="vm-43"))
    history.spend([entry(1)])
    assert history.of_domain("vm-42") == []

    later = entry(3, seconds=3600)
    history.show(later)
    history.take_in([later])
    history.advance()

    assert history.of_domain("vm-43") == []


def test_spending_one_event_leaves_the_others() -> None:
    """Each explains a change of its own."""
    history = History()
    history.keep(entry(1))
    history.keep(entry(2))

    history.spend([entry(1)])

    assert history.of_domain("vm-42") == [entry(2)]


def test_the_newest_event_of_a_host_is_found_by_its_types_and_its_host() -> None:
    """An event that names the host that failed is about that one, whichever host reports it."""
    history = History()
    down = entry(1, kind="HostShutdownEvent", domain=None)
    failed = HistoryEvent(
        2, 2, NOON, "DasHostFailedEvent", "", None, "host-1", references={"failedHost": "host-2"}
    )
    for event in (down, failed, entry(3, kind="HostShutdownEvent", domain=None)):
        history.keep(event)

    assert host_of(failed) == "host-2"
    assert history.of_host("host-2", ("DasHostFailedEvent",)) == failed
    assert history.of_host("host-1", ("DasHostFailedEvent",)) is None
    found = history.of_host("host-1", ("HostShutdownEvent",))
    assert found is not None
    assert found.key == 3
    assert history.of_host(None, ("HostShutdownEvent",)) is None


def test_the_position_is_unknown_before_anything_counts() -> None:
    """The next session then begins at the present time."""
    assert History().position(held=()) is None


def test_the_position_names_what_is_settled_from_its_time_on() -> None:
    """The next reading begins at that time, and passes those by."""
    history = History()
    history.show(entry(3, seconds=2))
    history.take_in([entry(1, seconds=1), entry(2, seconds=2), entry(3, seconds=2)])
    history.advance()

    position = history.position(held=())

    settled = frozenset({identity_of(entry(2, seconds=2)), identity_of(entry(3, seconds=2))})
    assert position == HistoryPosition(NOON + timedelta(seconds=2), settled)


def test_events_that_are_held_back_keep_the_position_back() -> None:
    """What is not told yet has to be read again after a restart, and it alone."""
    history = History()
    events = [entry(1, seconds=1), entry(2, seconds=2), entry(3, seconds=3)]
    history.show(events[2])
    history.take_in(events)
    history.advance()

    position = history.position(held=[events[1]])

    assert position == HistoryPosition(
        NOON + timedelta(seconds=2), frozenset({identity_of(events[2])})
    )


def test_events_read_ahead_are_not_settled() -> None:
    """They have led to nothing yet."""
    history = History()
    history.show(entry(1, seconds=1))
    history.take_in([entry(1, seconds=1), entry(2, seconds=1)])
    history.advance()

    position = history.position(held=())

    assert position is not None
    assert position.settled == {identity_of(entry(1, seconds=1))}


def test_a_history_at_a_position_passes_by_what_is_settled_and_reads_the_rest() -> None:
    """As after a restart of the daemon."""
    history = History()
    events = [entry(1, seconds=1), entry(2, seconds=2), entry(3, seconds=3)]
    history.show(events[2])
    history.take_in(events)
    history.advance()

    again = History(history.position(held=[events[1]]))

    assert again.since == NOON + timedelta(seconds=2)
    again.show(events[2])
    assert again.unread == events[2]  # settled as it is, there is something before it
    again.take_in(events[1:])
    assert again.unread is None
    assert again.advance() == [events[1]]
    assert again.position(held=()) == history.position(held=())


def test_a_history_at_a_position_keeps_what_is_settled_until_it_is_read() -> None:
    """Two restarts in a row tell nothing twice."""
    history = History()
    events = [entry(1, seconds=1), entry(2, seconds=1)]
    history.show(events[1])
    history.take_in(events)
    history.advance()
    position = history.position(held=())

    assert History(position).position(held=()) == position


def test_going_back_forgets_what_came_after_the_position() -> None:
    """It could not be published, so that it is read and told again."""
    history = History()
    history.show(entry(1, seconds=1))
    history.take_in([entry(1, seconds=1)])
    history.advance()
    position = history.position(held=())
    history.show(entry(2, seconds=2))
    history.take_in([entry(2, seconds=2)])
    history.keep(*history.advance())

    history.go_back(position)

    assert history.unread is None
    assert history.of_domain("vm-42") == []
    history.show(entry(2, seconds=2))
    history.take_in([entry(1, seconds=1), entry(2, seconds=2)])
    assert history.advance() == [entry(2, seconds=2)]


def test_forgetting_leaves_nothing_that_explains() -> None:
    """What was there before the first picture has led to it."""
    history = History()
    history.keep(entry(1))

    history.forget()

    assert history.of_domain("vm-42") == []
