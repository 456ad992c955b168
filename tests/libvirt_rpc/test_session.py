"""The protocol's side of one client, in conversations: bytes in, calls and bytes out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventd.errors import UndecodableMessage
from eventd.libvirt_rpc import failures
from eventd.libvirt_rpc.events import RemoteDomain
from eventd.libvirt_rpc.messages import (
    KEEPALIVE_PROGRAM,
    PING,
    PONG,
    REMOTE_PROGRAM,
    VERSION,
    Header,
    Kind,
    RemoteError,
    message,
)
from eventd.libvirt_rpc.procedures import PROCEDURES
from eventd.libvirt_rpc.session import Phase, Session
from tests.libvirt_rpc.talk import call, number_of, replies

WEB01 = RemoteDomain("web01", bytes(16), 7)


def asked(session: Session, *calls: bytes) -> list[tuple[int, list[Any] | RemoteError]]:
    """Feed calls that the session answers by itself, and return the answers."""
    for each in calls:
        session.feed(each)
    assert session.next_call() is None
    return replies(session.take_output())


def error_of(session: Session, asking: bytes) -> tuple[int, int, str | None]:
    """Return code, domain and message of the error that the session answers a call with."""
    [(_, error)] = asked(session, asking)
    assert isinstance(error, RemoteError)
    return error.code, error.domain, error.message


def opened(*, is_read_only: bool = False, flags: int = 0) -> Session:
    session = Session(is_read_only=is_read_only)
    session.feed(call("open", "esx:///", flags))
    opening = session.next_call()
    assert opening is not None
    assert opening.arguments == ("esx:///", flags)
    session.answer(opening, [])
    assert replies(session.take_output()) == [(0, [])]
    return session


def test_a_client_is_let_in_and_told_what_there_is() -> None:
    """The order of a C client with an event loop; features that need more are refused."""
    session = Session(is_read_only=False)
    assert asked(session, call("auth_list")) == [(0, [[0]])]
    assert asked(session, call("supports_feature", 10, serial=1)) == [(1, [1])]
    session = opened()
    features = {
        number: asked(session, call("supports_feature", number))[0][1] for number in range(1, 17)
    }
    assert [number for number, results in features.items() if results == [1]] == [9, 10, 14, 15]
    assert asked(session, call("register_close_callback")) == [(0, [])]
    assert asked(session, call("close", serial=9)) == [(9, [])]
    assert session.phase is Phase.ENDED


def test_nothing_is_answered_before_the_connection_is_open_nor_is_it_opened_twice() -> None:
    """In libvirtd's words."""
    internal = (1, 7)
    assert error_of(Session(is_read_only=False), call("get_type")) == (
        *internal,
        "internal error: hypervisor connection not open",
    )
    assert error_of(opened(), call("open", None, 0)) == (
        *internal,
        "internal error: connection already open",
    )


def test_a_refused_opening_leaves_the_session_as_it_was() -> None:
    """Another URI may be right."""
    session = Session(is_read_only=False)
    session.feed(call("open", "esx:///nosuch", 0))
    opening = session.next_call()
    assert opening is not None
    session.refuse(opening, failures.unsupported("virConnectOpen"))
    assert session.phase is Phase.NEW
    assert session.unanswered == 0


def test_what_is_not_known_is_refused_in_words_that_clients_know() -> None:
    """They make "not supported" of an unknown procedure, by its text, and do without."""
    unknown = message(Header(REMOTE_PROGRAM, VERSION, 9999, Kind.CALL, 3))
    assert error_of(opened(), unknown) == (39, 7, "unknown procedure: 9999")
    delete = message(Header(REMOTE_PROGRAM, VERSION, 193, Kind.CALL, 3))
    assert error_of(opened(), delete) == (
        3,
        20,
        "this function is not supported by the connection driver: virDomainSnapshotDelete",
    )
    other = message(Header(74565, 2, 1, Kind.CALL, 3))
    assert error_of(opened(), other) == (39, 7, "Cannot find program 74565 version 2")


def test_arguments_that_cannot_be_read_are_refused() -> None:
    """The next call is answered as if nothing had been."""
    session = opened()
    short = message(Header(REMOTE_PROGRAM, VERSION, number_of("lookup_by_name"), Kind.CALL, 0))
    assert error_of(session, short) == (39, 7, "Unable to decode message payload")
    session.feed(call("lookup_by_name", "web01", serial=1))
    following = session.next_call()
    assert following is not None
    assert following.arguments == ("web01",)


@pytest.mark.parametrize("session", [opened(is_read_only=True), opened(flags=1), opened(flags=7)])
def test_who_may_only_read_changes_nothing(session: Session) -> None:
    """By its socket, or because it has said so; a client's own refusal is not trusted."""
    assert session.is_read_only
    arguments = {"start_flags": (0,), "destroy_flags": (0,), "shutdown_flags": (0,)}
    arguments |= {"reboot": (0,), "reset": (0,)}
    for row in PROCEDURES.values():
        if row.writes:
            given = (WEB01, *arguments.get(row.name, ()))
            assert error_of(session, call(row.name, *given)) == (
                29,
                20,
                f"operation forbidden: read only access prevents {row.function}",
            )


def test_the_other_flags_of_an_opening_are_a_clients_own() -> None:
    """Those who are not root, and have a path /session, send 6."""
    assert not opened(flags=6).is_read_only


def test_later_calls_may_be_answered_sooner() -> None:
    """Each reply has the serial of its call."""
    session = opened()
    session.feed(call("start", WEB01, serial=5) + call("get_type", serial=6))
    slow, quick = session.next_call(), session.next_call()
    assert slow is not None
    assert quick is not None
    assert session.unanswered == 2
    session.answer(quick, ["ESX"])
    session.answer(slow, [])
    assert replies(session.take_output()) == [(6, ["ESX"]), (5, [])]
    assert session.unanswered == 0


def test_a_ping_is_answered_at_any_time() -> None:
    """Before the opening, too."""
    session = Session(is_read_only=True)
    session.feed(message(Header(KEEPALIVE_PROGRAM, VERSION, PING, Kind.MESSAGE, 0)))
    assert session.next_call() is None
    pong = message(Header(KEEPALIVE_PROGRAM, VERSION, PONG, Kind.MESSAGE, 0))
    assert session.take_output() == pong


@pytest.mark.parametrize(
    "header",
    [
        Header(KEEPALIVE_PROGRAM, VERSION, PONG, Kind.MESSAGE, 0),
        Header(KEEPALIVE_PROGRAM, VERSION, 3, Kind.MESSAGE, 0),
        Header(KEEPALIVE_PROGRAM, 2, PING, Kind.MESSAGE, 0),
        Header(REMOTE_PROGRAM, VERSION, 66, Kind.REPLY, 0),
        Header(REMOTE_PROGRAM, VERSION, 318, Kind.MESSAGE, 0),
        Header(REMOTE_PROGRAM, VERSION, 66, Kind.STREAM, 0),
    ],
)
def test_what_nobody_has_asked_for_is_passed_by(header: Header) -> None:
    """As libvirtd does."""
    assert asked(opened(), message(header)) == []


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\3",
        b"\xff\xff\xff\xff",
        b"GET / HTTP/1.1\r\n\r\n",
        message(Header(REMOTE_PROGRAM, VERSION, 66, Kind.CALL_WITH_FDS, 0)),
    ],
)
def test_what_makes_all_that_follows_unreadable_ends_the_client(data: bytes) -> None:
    """A length that is none, and file descriptors that come as bytes of their own."""
    session = opened()
    session.feed(data)
    with pytest.raises(UndecodableMessage):
        session.next_call()
    assert session.next_call() is None


def test_results_that_do_not_fit_are_not_written() -> None:
    """Their call can still be refused."""
    session = opened()
    session.feed(call("get_type"))
    asking = session.next_call()
    assert asking is not None
    with pytest.raises(ValueError, match="zip"):
        session.answer(asking, [])
    session.refuse(asking, failures.internal())
    [(_, error)] = replies(session.take_output())
    assert isinstance(error, RemoteError)
    assert session.unanswered == 0


# -- bad input

NUMBERS = st.sampled_from([*PROCEDURES, 0, 9999, -1])
ANY_INT = st.integers(-(2**31), 2**31 - 1)
HEADERS = st.builds(
    Header,
    st.sampled_from([REMOTE_PROGRAM, KEEPALIVE_PROGRAM, 0]),
    st.sampled_from([1, 1, 1, 2]),
    NUMBERS,
    st.sampled_from([0, 0, 0, 1, 2, 3, 4, 6, -1]),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0, 0, 1, 2, -1]),
)
PAYLOADS = st.binary(max_size=80)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame, true to the protocol or not, and perhaps damaged."""
    frame = message(draw(HEADERS), draw(PAYLOADS))
    how = draw(st.sampled_from(["whole", "whole", "whole", "cut", "changed", "length"]))
    if how == "cut":
        return frame[: draw(st.integers(0, len(frame)))]
    if how == "changed":
        place = draw(st.integers(0, len(frame) - 1))
        return frame[:place] + bytes([draw(st.integers(0, 255))]) + frame[place + 1 :]
    if how == "length":
        return draw(st.integers(0, 2**32 - 1)).to_bytes(4, "big") + frame[4:]
    return frame


@settings(max_examples=400)
@given(st.lists(frames(), max_size=12), st.booleans(), st.booleans())
def test_any_frames_are_answered_or_the_end(
    sent: list[bytes], is_open: bool, is_read_only: bool
) -> None:
    """No exception but `UndecodableMessage`, no call that may not be, and nothing piles up."""
    session = opened(is_read_only=is_read_only) if is_open else Session(is_read_only=is_read_only)
    taken = 0
    try:
        for each in sent:
            session.feed(each)
            while (asking := session.next_call()) is not None:
                taken += 1
                assert not (asking.procedure.writes and is_read_only)
                assert session.phase is Phase.OPEN or asking.procedure.name == "open"
                session.refuse(asking, failures.unsupported(asking.procedure.function))
    except UndecodableMessage:
        pass
    assert session.unanswered == 0
    assert len(session.take_output()) <= 400 * len(sent)
