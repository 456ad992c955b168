from __future__ import annotations

from collections.abc import Mapping

import pytest
from multidict import CIMultiDict, MultiDict

from eventd.errors import InvalidArgument
from eventd.http_api.filters import FILTER_KEYS
from eventd.http_api.framing import Format
from eventd.http_api.queries import STREAM_KEYS, ConnectionQuery, DomainQuery, EventsQuery
from eventd.model.record import Cursor


def parse(*pairs: tuple[str, str], headers: Mapping[str, str] | None = None) -> EventsQuery:
    return EventsQuery.parse(MultiDict(pairs), CIMultiDict(headers or {}))


def test_no_query_asks_for_live_lines() -> None:
    """The default is NDJSON, live only, without heartbeat."""
    assert parse() == EventsQuery()


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    """A misspelt key must not be taken for no filter at all."""
    with pytest.raises(InvalidArgument) as error:
        parse(("vm", "web-1"))
    for key in (*FILTER_KEYS, *STREAM_KEYS):
        assert key in error.value.message


@pytest.mark.parametrize("key", ["since", "until", "limit", "follow"])
def test_a_key_that_is_not_served_is_refused(key: str) -> None:
    """Nobody may believe that a key works which does not."""
    with pytest.raises(InvalidArgument, match=key):
        parse((key, "1"))


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


def test_a_reconnecting_browser_resumes_where_it_was() -> None:
    """``EventSource`` repeats its first URL, so that the header is the later word."""
    wish = parse(("after", "e1-7"), headers={"Last-Event-ID": "e1-9"})
    assert wish.after == Cursor("e1", 9)
    wish = parse(("snapshot", "true"), headers={"Last-Event-ID": "e1-9"})
    assert wish.after == Cursor("e1", 9)
    assert not wish.has_snapshot


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
