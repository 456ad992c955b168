from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from multidict import CIMultiDict, MultiDict

from eventd.errors import InvalidArgument
from eventd.http_api.filters import FILTER_KEYS
from eventd.http_api.framing import Format
from eventd.http_api.queries import STREAM_KEYS, ConnectionQuery, DomainQuery, EventsQuery, OnGap
from eventd.model.record import Cursor

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def parse(*pairs: tuple[str, str], headers: Mapping[str, str] | None = None) -> EventsQuery:
    return EventsQuery.parse(MultiDict(pairs), CIMultiDict(headers or {}), now=NOW)


def test_no_query_asks_for_live_lines() -> None:
    """The default is NDJSON, live only, without heartbeat."""
    assert parse() == EventsQuery()


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    """A misspelt key must not be taken for no filter at all."""
    with pytest.raises(InvalidArgument) as error:
        parse(("vm", "web-1"))
    for key in (*FILTER_KEYS, *STREAM_KEYS):
        assert key in error.value.message


def test_a_key_with_one_value_cannot_be_given_twice() -> None:
    """Two values would mean that one of them is ignored."""
    with pytest.raises(InvalidArgument, match="twice"):
        parse(("heartbeat", "1s"), ("heartbeat", "2s"))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Format.NDJSON),
        ({"Accept": "*/*"}, Format.NDJSON),
        ({"Accept": "application/x-ndjson"}, Format.NDJSON),
        ({"Accept": "text/event-stream"}, Format.SSE),
        ({"Upgrade": "WebSocket"}, Format.WEBSOCKET),
    ],
)
def test_headers_choose_the_format(headers: Mapping[str, str], expected: Format) -> None:
    """Browsers and libraries ask by header."""
    assert parse(headers=headers).format is expected


def test_the_query_chooses_the_format_before_the_headers() -> None:
    """People with curl ask by query."""
    wish = parse(("format", "sse"), headers={"Accept": "application/x-ndjson"})
    assert wish.format is Format.SSE


@pytest.mark.parametrize("value", ["xml", "", "websocket"])
def test_a_format_that_cannot_be_served_is_refused(value: str) -> None:
    """A WebSocket needs its handshake, and other words mean nothing."""
    with pytest.raises(InvalidArgument):
        parse(("format", value))


@pytest.mark.parametrize(
    ("text", "seconds"), [("15s", 15.0), ("15", 15.0), ("250ms", 0.25), ("2m", 120.0), ("1h", 3600)]
)
def test_a_heartbeat_is_a_duration(text: str, seconds: float) -> None:
    """Durations are spelled as docker spells them."""
    assert parse(("heartbeat", text)).heartbeat == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "0s", "1ms", "-1s", "1.5s", "soon", "99999999h", "25h"])
def test_a_heartbeat_has_sensible_bounds(text: str) -> None:
    """Neither a flood nor a heartbeat that never comes."""
    with pytest.raises(InvalidArgument, match="heartbeat"):
        parse(("heartbeat", text))


@pytest.mark.parametrize("text", ["", "yes", "2"])
def test_a_switch_is_true_or_false(text: str) -> None:
    """Anything else is a mistake."""
    with pytest.raises(InvalidArgument, match="snapshot"):
        parse(("snapshot", text))


def test_a_cursor_resumes() -> None:
    """``after`` takes the cursor of a record as it was."""
    assert parse(("after", "e1-7")).after == Cursor("e1", 7)


@pytest.mark.parametrize("text", ["", "7", "e1-x", "e1-", "-7", "e 1-7"])
def test_a_malformed_cursor_is_refused(text: str) -> None:
    """What is no cursor is not guessed at; an empty one is a script's unset variable."""
    with pytest.raises(InvalidArgument, match="cursor"):
        parse(("after", text))


def test_resuming_excludes_a_snapshot() -> None:
    """One begins anew, the other goes on."""
    with pytest.raises(InvalidArgument, match="exclude"):
        parse(("after", "e1-7"), ("snapshot", "true"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("since", "1h"), ("after", "e1-7")),
        (("since", "1h"), ("snapshot", "true")),
        (("since", "1h"), ("durable", "agent")),
        (("until", "1h"), ("snapshot", "true")),
        (("durable", "agent"), ("snapshot", "true")),
    ],
)
def test_keys_that_contradict_each_other_are_refused_with_what_to_leave_out(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    """Each is a sensible wish, and the daemon does not choose between them."""
    with pytest.raises(InvalidArgument) as error:
        parse(one, other)
    for key, _ in (one, other):
        assert (
            f"leave out '{key}'" in error.value.message or f"or '{key}' to" in error.value.message
        )


def test_a_durable_stream_takes_no_filter_of_its_own() -> None:
    """The subscription has them; others would make its acknowledgement a lie."""
    with pytest.raises(InvalidArgument, match=r"leave out 'type', or 'durable'"):
        parse(("durable", "agent"), ("type", "started"))
    assert parse(("durable", "agent"), ("after", "e1-7")).durable == "agent"


def test_a_time_is_counted_back_from_the_present_that_is_given() -> None:
    """The clock is the daemon's."""
    wish = parse(("since", "1h"), ("until", "10m"))
    assert wish.since == NOW - timedelta(hours=1)
    assert wish.until == NOW - timedelta(minutes=10)


def test_a_time_that_comes_before_its_beginning_is_refused() -> None:
    """As docker refuses it: nothing can have happened in between."""
    with pytest.raises(InvalidArgument, match="'until' is not later than 'since'"):
        parse(("since", "10m"), ("until", "1h"))


@pytest.mark.parametrize(
    ("pairs", "follows", "is_finite"),
    [
        ([], True, False),
        ([("follow", "true")], True, False),
        ([("follow", "false")], False, True),
        ([("limit", "3")], True, True),
        ([("until", "0s")], False, True),
        ([("until", "1m"), ("follow", "true")], False, True),
        ([("until", "2026-11-20T12:00:01Z")], True, True),
    ],
)
def test_a_stream_ends_by_itself_where_the_query_says_so(
    pairs: list[tuple[str, str]], follows: bool, is_finite: bool
) -> None:
    """What is past cannot be followed."""
    wish = parse(*pairs)
    assert (wish.follows, wish.is_finite) == (follows, is_finite)


@pytest.mark.parametrize("text", ["", "0", "00", "-1", "1.5", "many", "9" * 30, "\u0661"])
def test_a_limit_is_a_number_of_events(text: str) -> None:
    """None at all is no wish."""
    with pytest.raises(InvalidArgument, match="'limit' is a number of events from 1 on"):
        parse(("limit", text))
    assert parse(("limit", "25")).limit == 25


def test_a_gap_is_an_error_or_an_event() -> None:
    """An error, unless the client says that it understands the other."""
    assert parse().on_gap is OnGap.ERROR
    assert parse(("on_gap", "event")).on_gap is OnGap.EVENT
    with pytest.raises(InvalidArgument, match="'on_gap' is one of error, event"):
        parse(("on_gap", "ignore"))


def test_a_reconnecting_browser_resumes_where_it_was() -> None:
    """``EventSource`` repeats its first URL, so that the header is the later word."""
    wish = parse(("after", "e1-7"), headers={"Last-Event-ID": "e1-9"})
    assert wish.after == Cursor("e1", 9)
    wish = parse(("snapshot", "true"), headers={"Last-Event-ID": "e1-9"})
    assert wish.after == Cursor("e1", 9)
    assert not wish.has_snapshot
    wish = parse(("since", "1h"), headers={"Last-Event-ID": "e1-9"})
    assert (wish.after, wish.since) == (Cursor("e1", 9), None)


def test_a_list_of_domains_takes_no_filter_on_events() -> None:
    """A domain has no type or reason."""
    with pytest.raises(InvalidArgument, match="domain, connection, host"):
        DomainQuery.parse(MultiDict([("type", "started")]))


def test_one_domain_is_looked_for_on_one_connection_or_on_all() -> None:
    """The connection is all that can be said beside the domain itself."""
    assert ConnectionQuery.parse(MultiDict()).connection is None
    assert ConnectionQuery.parse(MultiDict([("connection", "lab")])).connection == "lab"
    with pytest.raises(InvalidArgument, match=r"'host' is not a key .* the keys are connection$"):
        ConnectionQuery.parse(MultiDict([("host", "esx01")]))
    with pytest.raises(InvalidArgument, match="given twice"):
        ConnectionQuery.parse(MultiDict([("connection", "a"), ("connection", "b")]))
    with pytest.raises(InvalidArgument, match="empty"):
        ConnectionQuery.parse(MultiDict([("connection", "")]))
