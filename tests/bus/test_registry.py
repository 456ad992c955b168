"""The contract of register and deregister, rule by rule, as libvirt's programs know it."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import sys
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from eventd import metrics
from eventd.bus import registry as registry_module
from eventd.bus.registry import DAEMON, ID_LIMIT, Owner, Registration, Registry
from eventd.errors import ErrorCode, InvalidArgument, LimitReached
from eventd.model.events import DomainEvent
from eventd.model.ids import EventId, EventKind
from eventd.model.record import EventRecord

Happen = Callable[..., EventRecord]

WEB = "4215d4a2-0c1d-4f6e-8a55-2d1f0a1b2c3d"
DB = "4215d4a2-0c1d-4f6e-8a55-2d1f0a1b2c3e"
ALICE = Owner("http-1", pid=100, uid=1000)
BOB = Owner("http-2", pid=100, uid=1000)


class Calls:
    """Remembers who was called, by the registration's opaque, and for which event."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, int]] = []
        self.freed: list[object] = []

    def note(self, record: EventRecord, opaque: object) -> None:
        self.seen.append((opaque, record.sequence))

    def free(self, opaque: object) -> None:
        self.freed.append(opaque)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def calls() -> Calls:
    return Calls()


def deliver(registry: Registry, *records: EventRecord) -> None:
    registry.enqueue(records)
    registry.flush(Registration.call)


def errors_counted() -> float:
    return metrics.REGISTRY.get_sample_value("eventd_callback_errors_total") or 0


def nothing(record: EventRecord, opaque: object) -> None:
    pass


# Ids


def test_ids_count_from_zero_over_all_kinds_and_owners(registry: Registry) -> None:
    """One counter serves every registration of the daemon, legacy ones too."""
    ids = [
        registry.register(EventId.LIFECYCLE, nothing),
        registry.register(EventKind.QUESTION, nothing, owner=ALICE),
        registry.register_legacy(nothing),
        registry.register(1, nothing, owner=BOB, domain=WEB),
    ]
    assert ids == [0, 1, 2, 3]


def test_a_refused_registration_uses_up_no_id(registry: Registry) -> None:
    """Only what succeeded has a number."""
    with pytest.raises(InvalidArgument):
        registry.register(28, nothing)
    with pytest.raises(InvalidArgument):
        registry.register(0, nothing, domain="web 01")
    assert registry.register(0, nothing) == 0


def test_an_id_is_never_used_again(registry: Registry) -> None:
    """Neither a deregistration nor the end of a client gives a number back."""
    registry.deregister(registry.register(0, nothing))
    registry.register(0, nothing, owner=ALICE)
    registry.purge_owner(ALICE)
    assert registry.register(0, nothing) == 2


def test_the_last_id_is_followed_by_a_refusal(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libvirt's int would wrap after 2**31 - 1; we refuse, with words."""
    assert ID_LIMIT == 2**31 - 1
    monkeypatch.setattr(registry_module, "ID_LIMIT", 2)
    registry.register(0, nothing)
    registry.deregister(registry.register(0, nothing))
    with pytest.raises(LimitReached, match="all callback ids are used up"):
        registry.register(0, nothing)


# Owners


@pytest.mark.parametrize("stranger", [BOB, DAEMON])
def test_the_id_of_another_owner_is_not_found_and_not_disturbed(
    registry: Registry, calls: Calls, happen: Happen, stranger: Owner
) -> None:
    """An id counts only together with the session that got it, even within one process."""
    callback_id = registry.register(0, calls.note, owner=ALICE, free=calls.free)
    with pytest.raises(
        InvalidArgument, match=r"^could not find event callback 0 for deletion$"
    ) as refusal:
        registry.deregister(callback_id, owner=stranger)
    assert refusal.value.code == ErrorCode.INVALID_ARG
    deliver(registry, happen())
    assert calls.seen == [(None, 1)]
    assert calls.freed == []


def test_the_listing_tells_owner_kind_and_filter_in_order(registry: Registry) -> None:
    """The listing is a snapshot of active registrations."""
    registry.register(EventId.REBOOT, nothing, owner=ALICE, domain=WEB.upper())
    gone = registry.register(0, nothing)
    registry.register(EventKind.CONNECTION, nothing)
    before = registry.registrations()
    registry.deregister(gone)
    assert [(r.id, r.kind, r.domain, r.owner) for r in registry.registrations()] == [
        (0, EventKind.REBOOT, WEB, ALICE),
        (2, EventKind.CONNECTION, None, DAEMON),
    ]
    assert len(before) == 3


def test_the_listing_cannot_be_changed_and_shows_no_opaque(registry: Registry) -> None:
    """What a client stores in opaque is its own business, also in logs."""
    registry.register(0, nothing, opaque="secret")
    (listed,) = registry.registrations()
    with pytest.raises(dataclasses.FrozenInstanceError):
        listed.domain = None  # type: ignore[misc]
    assert "secret" not in repr(listed)


# Filters


def test_a_filter_matches_the_uuid_and_no_other(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """None is all domains; a UUID is this one, in whatever case it was written."""
    registry.register(0, calls.note, opaque="web", domain=WEB.upper())
    registry.register(0, calls.note, opaque="db", domain=DB)
    registry.register(0, calls.note, opaque="all")
    deliver(registry, happen(domain=WEB), happen(domain=DB))
    assert calls.seen == [("web", 1), ("all", 1), ("db", 2), ("all", 2)]


def test_a_filter_survives_undefine_and_redefine_under_another_name(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """The name is no part of the filter, and neither is being known."""
    registry.register(0, calls.note, domain=WEB)
    deliver(registry, happen("undefined", name="web 01"), happen("defined", name="web 02"))
    assert calls.seen == [(None, 1), (None, 2)]


def test_the_same_name_with_a_new_uuid_does_not_match(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """Another domain that took over the name is another domain."""
    registry.register(0, calls.note, domain=WEB)
    deliver(registry, happen(domain=DB, name="web 01"))
    assert calls.seen == []


def test_both_events_of_a_rename_reach_the_filter(registry: Registry, happen: Happen) -> None:
    """A rename is UNDEFINED under the old name and DEFINED under the new one."""
    names: list[str] = []

    def note_name(record: EventRecord, opaque: object) -> None:
        assert isinstance(record.event, DomainEvent)
        names.append(record.event.domain.name)

    registry.register(0, note_name, domain=WEB)
    deliver(
        registry, happen("undefined renamed", name="old"), happen("defined renamed", name="new")
    )
    assert names == ["old", "new"]


@pytest.mark.parametrize("domain", ["", "web 01", "vm-42", WEB[:-1], "é" * 32])
def test_a_filter_that_is_no_uuid_is_refused(registry: Registry, domain: str) -> None:
    """A name would stop to match some day, so it never starts to."""
    with pytest.raises(InvalidArgument, match="is not the UUID of a domain"):
        registry.register(0, nothing, domain=domain)


def test_only_the_registered_kind_is_called(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """eventd's own kinds have no number at libvirt, and are registered by their word."""
    registry.register(EventId.REBOOT, calls.note, opaque="reboot")
    registry.register(EventKind.QUESTION, calls.note, opaque="question", domain=WEB)
    registry.register(EventKind.CONNECTION, calls.note, opaque="connection")
    registry.register(EventKind.TASK, calls.note, opaque="task")
    deliver(registry, *map(happen, ["started", "rebooted", "question", "connected"]))
    assert calls.seen == [("reboot", 2), ("question", 3), ("connection", 4)]


# The same callback more than once


def test_the_same_callback_registered_n_times_is_called_n_times(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """Each registration is one of its own, down to the last detail of it."""
    ids = [registry.register(0, calls.note, free=calls.free) for _ in range(3)]
    deliver(registry, happen())
    assert len(calls.seen) == 3
    registry.deregister(ids[1])
    deliver(registry, happen())
    assert len(calls.seen) == 5


def test_strict_libvirt_refuses_the_same_registration_twice(happen: Happen) -> None:
    """libvirt's identity is event, domain, connection and function, whatever opaque and free."""
    registry = Registry(strict_libvirt=True)
    registry.register(0, nothing, domain=WEB, owner=ALICE, opaque=1)
    with pytest.raises(InvalidArgument, match=r"^event callback already tracked$") as refusal:
        registry.register(0, nothing, domain=WEB.upper(), owner=ALICE, opaque=2)
    assert refusal.value.code == ErrorCode.INVALID_ARG


def test_strict_libvirt_allows_what_differs_in_event_domain_owner_or_api() -> None:
    """Any of these makes it another registration for libvirt, too."""
    registry = Registry(strict_libvirt=True)
    first = registry.register(0, nothing, domain=WEB)
    registry.register(0, nothing)
    registry.register(1, nothing, domain=WEB)
    registry.register(0, nothing, domain=DB)
    registry.register(0, nothing, domain=WEB, owner=ALICE)
    registry.register_legacy(nothing)
    registry.deregister(first)
    registry.register(0, nothing, domain=WEB)
    assert len(registry.registrations()) == 6


# The legacy API


def test_a_legacy_callback_cannot_be_registered_twice(registry: Registry, calls: Calls) -> None:
    """There the callable is the identity; the caller keeps its opaque."""
    registry.register_legacy(calls.note, opaque=1, free=calls.free)
    with pytest.raises(InvalidArgument, match=r"^event callback already tracked$"):
        registry.register_legacy(calls.note, opaque=2, free=calls.free)
    assert calls.freed == []
    registry.register_legacy(calls.note, owner=ALICE)


def test_a_legacy_callback_is_called_for_the_lifecycle_of_all_domains(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """The first API of 2008 knew neither other events nor filters."""
    registry.register_legacy(calls.note)
    deliver(registry, happen(), happen("rebooted"), happen(domain=DB))
    assert calls.seen == [(None, 1), (None, 3)]


def test_legacy_deregister_finds_legacy_registrations_only(registry: Registry) -> None:
    """A callback that is known by its id is not known by its function."""
    registry.register(0, nothing)
    with pytest.raises(
        InvalidArgument, match=r"^event callback function 0x[0-9a-f]+ not registered$"
    ):
        registry.deregister_legacy(nothing)
    assert len(registry.registrations()) == 1


def test_legacy_deregister_leaves_the_other_registrations_of_the_callback(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """Both APIs share the list and do not disturb each other."""
    registry.register(0, calls.note, opaque="any")
    registry.register_legacy(calls.note, opaque="legacy", free=calls.free)
    registry.deregister_legacy(calls.note)
    deliver(registry, happen())
    assert calls.seen == [("any", 1)]
    assert calls.freed == ["legacy"]
    with pytest.raises(InvalidArgument, match="not registered"):
        registry.deregister_legacy(calls.note)


def test_a_legacy_id_that_was_guessed_is_refused(registry: Registry, calls: Calls) -> None:
    """libvirt lets it pass; ids of the two APIs are two types here."""
    callback_id = registry.register_legacy(calls.note, free=calls.free)
    with pytest.raises(InvalidArgument, match="could not find event callback 0 for deletion"):
        registry.deregister(callback_id)
    assert calls.freed == []
    assert len(registry.registrations()) == 1


# Refusals


def test_an_unknown_id_and_a_second_deregistration_are_refused(registry: Registry) -> None:
    """libvirt's words and its code 8."""
    callback_id = registry.register(0, nothing)
    registry.deregister(callback_id)
    for unknown in (callback_id, 7):
        with pytest.raises(InvalidArgument) as refusal:
            registry.deregister(unknown)
        assert refusal.value.message == f"could not find event callback {unknown} for deletion"
        assert refusal.value.code == 8


def test_a_negative_id_is_refused_in_words_of_its_own(registry: Registry) -> None:
    """libvirt checks the sign before it looks."""
    with pytest.raises(InvalidArgument) as refusal:
        registry.deregister(-1)
    assert (
        refusal.value.message
        == "callbackID in virConnectDomainEventDeregisterAny must be zero or greater"
    )
    assert refusal.value.code == 8


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (-1, "eventID in virConnectDomainEventRegisterAny must be zero or greater"),
        (28, "eventID must be less than 28"),
        (2**31, "eventID must be less than 28"),
    ],
)
def test_an_event_id_out_of_range_is_refused(registry: Registry, event: int, words: str) -> None:
    """libvirt's words; 28 is VIR_DOMAIN_EVENT_ID_LAST of libvirt 11.3."""
    with pytest.raises(InvalidArgument) as refusal:
        registry.register(event, nothing)
    assert (refusal.value.message, refusal.value.code) == (words, 8)


def test_each_event_id_of_libvirt_can_be_registered(registry: Registry) -> None:
    """Also those that a VI host never causes: clients ask for all of them."""
    for number in range(28):
        registry.register(number, nothing)
    assert [r.kind.event_id for r in registry.registrations()] == list(range(28))


def test_no_callback_is_refused_in_libvirts_words(registry: Registry) -> None:
    """The words name libvirt's function, since its programs look for them."""
    with pytest.raises(InvalidArgument) as refusal:
        registry.register(0, None)  # type: ignore[arg-type]
    assert refusal.value.message == "cb in virConnectDomainEventRegisterAny must not be NULL"
    with pytest.raises(InvalidArgument) as refusal:
        registry.register_legacy(None)  # type: ignore[arg-type]
    assert refusal.value.message == "cb in virConnectDomainEventRegister must not be NULL"
    assert refusal.value.code == 8


@pytest.mark.parametrize(
    "callback",
    [
        "not a callable",
        lambda record: None,
        lambda record, opaque, more: None,
        lambda record, opaque, *, more: None,
        functools.partial(lambda record, opaque: None, None),
        [].append,
    ],
)
def test_a_callback_that_cannot_take_record_and_opaque_is_refused(
    registry: Registry, callback: Any
) -> None:
    """What would fail at each event fails once, at registration."""
    with pytest.raises(InvalidArgument, match="opaque"):
        registry.register(0, callback)


@pytest.mark.parametrize(
    "callback",
    [
        nothing,
        Calls().note,
        lambda *anything: None,
        lambda record, opaque, more=None: None,
        functools.partial(lambda more, record, opaque: None, 1),
        max,  # tells no signature
    ],
)
def test_a_callback_that_can_take_record_and_opaque_is_accepted(
    registry: Registry, callback: Any
) -> None:
    """How it is written does not matter, nor that some built-in functions do not tell."""
    assert registry.register(0, callback) == 0


def test_a_client_at_its_limit_is_refused_until_it_deregisters(calls: Calls) -> None:
    """The cap holds for each client alone; a refused registration is not freed."""
    registry = Registry(limit_per_client=2)
    first = registry.register(0, nothing, owner=ALICE)
    registry.register_legacy(nothing, owner=ALICE)
    with pytest.raises(LimitReached, match="http-1 has 2 callbacks registered"):
        registry.register(0, nothing, owner=ALICE, opaque="x", free=calls.free)
    assert calls.freed == []
    registry.register(0, nothing, owner=BOB)
    registry.deregister(first, owner=ALICE)
    registry.register(0, nothing, owner=ALICE)


def test_a_client_may_have_1024_callbacks_unless_told_otherwise(registry: Registry) -> None:
    """libvirt has no limit at all."""
    for _ in range(1024):
        registry.register(0, nothing, owner=ALICE)
    with pytest.raises(LimitReached):
        registry.register(0, nothing, owner=ALICE)


# Order


def test_events_come_in_order_and_callbacks_in_order_of_registration(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """All callbacks of an event are called before any of the next; filters change no order."""
    registry.register(0, calls.note, opaque="a", domain=WEB)
    registry.register(0, calls.note, opaque="b")
    registry.register(0, calls.note, opaque="c", domain=WEB)
    registry.register_legacy(calls.note, opaque="d")
    deliver(registry, happen(), happen())
    assert calls.seen == [(who, number) for number in (1, 2) for who in "abcd"]


def test_the_callback_gets_the_frozen_record_itself(registry: Registry, happen: Happen) -> None:
    """It may keep what it gets: nothing in it ever changes."""
    kept: list[EventRecord] = []
    registry.register(0, lambda record, opaque: kept.append(record))
    record = happen()
    deliver(registry, record)
    assert kept == [record]
    with pytest.raises(AttributeError):
        kept[0].json = b""


# Inside a flush


def test_what_is_registered_inside_a_callback_begins_with_the_next_event(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """It misses the event that is being delivered and gets the next one of the same flush."""

    def register_once(record: EventRecord, opaque: object) -> None:
        if record.sequence == 1:
            registry.register(0, calls.note)

    registry.register(0, register_once)
    deliver(registry, happen(), happen())
    assert calls.seen == [(None, 2)]


def test_what_is_deregistered_inside_a_callback_is_not_called_any_more(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """Not even for the event that is being delivered; free waits for the end of the flush."""
    freed_inside: list[list[object]] = []

    def deregister_both(record: EventRecord, opaque: object) -> None:
        calls.note(record, opaque)
        registry.deregister(0)
        registry.deregister(1)
        freed_inside.append(list(calls.freed))

    registry.register(0, deregister_both, opaque="self", free=calls.free)
    registry.register(0, calls.note, opaque="other", free=calls.free)
    registry.register(0, calls.note, opaque="third", free=calls.free)
    deliver(registry, happen(), happen())
    assert calls.seen == [("self", 1), ("third", 1), ("third", 2)]
    assert freed_inside == [[]]
    assert calls.freed == ["self", "other"]


def test_a_marked_callback_is_gone_from_the_listing_at_once(
    registry: Registry, happen: Happen
) -> None:
    """Nobody sees it, though its free function was not called yet."""
    listed: list[int] = []

    def deregister_self(record: EventRecord, opaque: object) -> None:
        registry.deregister(0)
        listed.append(len(registry.registrations()))

    registry.register(0, deregister_self)
    deliver(registry, happen())
    assert listed == [0]


def test_deregistering_twice_inside_a_flush_is_refused_the_second_time(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """As in libvirt's remote driver; its local one lets it pass."""
    refusals: list[str] = []

    def deregister_twice(record: EventRecord, opaque: object) -> None:
        registry.deregister(0)
        with pytest.raises(InvalidArgument) as refusal:
            registry.deregister(0)
        refusals.append(refusal.value.message)

    registry.register(0, deregister_twice, free=calls.free)
    deliver(registry, happen())
    assert refusals == ["could not find event callback 0 for deletion"]
    assert calls.freed == [None]


@pytest.mark.parametrize("strict", [False, True])
def test_a_callback_that_registers_itself_anew_gets_the_next_event(
    calls: Calls, happen: Happen, strict: bool
) -> None:
    """The marked registration is no duplicate, and none of its events is lost between the two."""
    registry = Registry(strict_libvirt=strict)

    def renew(record: EventRecord, opaque: int) -> None:
        calls.note(record, opaque)
        registry.deregister(opaque)
        registry.register(0, renew, opaque=opaque + 1, free=calls.free)

    registry.register(0, renew, opaque=0, free=calls.free)
    deliver(registry, happen(), happen(), happen())
    assert calls.seen == [(0, 1), (1, 2), (2, 3)]
    assert calls.freed == [0, 1, 2]


def test_events_that_a_callback_causes_wait_for_the_next_flush(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """The event at hand reaches everybody first, and so does what was queued with it."""

    def cause_another(record: EventRecord, opaque: object) -> None:
        if record.sequence == 1:
            registry.enqueue([happen()])

    registry.register(0, cause_another)
    registry.register(0, calls.note)
    deliver(registry, happen(), happen())
    assert calls.seen == [(None, 1), (None, 2)]
    registry.flush(Registration.call)
    assert calls.seen == [(None, 1), (None, 2), (None, 3)]


def test_a_callback_that_raises_stays_and_disturbs_nobody(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """The failure is logged with its traceback and counted."""
    before = errors_counted()

    def fail(record: EventRecord, opaque: object) -> None:
        raise ValueError("a mistake in the callback")

    registry.register(0, fail, owner=ALICE)
    registry.register(0, calls.note)
    with capture_logs() as logs:
        deliver(registry, happen(), happen())
    assert calls.seen == [(None, 1), (None, 2)]
    assert [(entry["event"], entry["callback_id"], entry["owner"]) for entry in logs] == [
        ("callback failed", 0, "http-1")
    ] * 2
    assert [str(entry["exc_info"]) for entry in logs] == ["a mistake in the callback"] * 2
    assert errors_counted() - before == 2


@pytest.mark.parametrize("way_out", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_program_is_no_failure_of_a_callback(
    registry: Registry, calls: Calls, happen: Happen, way_out: type[BaseException]
) -> None:
    """It passes through, and the registry is not left inside a flush."""

    def leave(record: EventRecord, opaque: object) -> None:
        registry.deregister(0)
        raise way_out

    registry.register(0, leave, free=calls.free)
    with pytest.raises(way_out):
        deliver(registry, happen())
    assert calls.freed == [None]


# What a registration sees


def test_what_is_published_without_a_registration_reaches_no_callback(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """The journal has it; whoever comes later reads it there."""
    registry.enqueue([happen()])
    registry.register(0, calls.note)
    registry.flush(Registration.call)
    assert calls.seen == []


def test_what_was_queued_is_gone_with_the_last_registration(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """A new registration before the flush gets nothing of it."""
    callback_id = registry.register(0, calls.note, opaque="first")
    registry.enqueue([happen()])
    registry.deregister(callback_id)
    registry.register(0, calls.note, opaque="second")
    deliver(registry, happen())
    assert calls.seen == [("second", 2)]


def test_what_was_queued_still_reaches_the_one_that_is_left(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """Removing one of two takes nothing from the other."""
    first = registry.register(0, calls.note, opaque="first")
    registry.register(0, calls.note, opaque="second")
    registry.enqueue([happen()])
    registry.deregister(first)
    registry.flush(Registration.call)
    assert calls.seen == [("second", 1)]


def test_a_registration_sees_only_what_is_published_after_it(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """libvirt would also deliver what waits in the queue, by accident of its flush."""
    registry.register(0, calls.note, opaque="early")
    registry.enqueue([happen()])
    registry.register(0, calls.note, opaque="late")
    deliver(registry, happen())
    assert calls.seen == [("early", 1), ("early", 2), ("late", 2)]


def test_a_registration_sees_nothing_up_to_the_sequence_that_it_names(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """A client that has read the journal up to there does not get it twice."""
    registry.register(0, calls.note, after=2)
    deliver(registry, happen(), happen(), happen())
    assert calls.seen == [(None, 3)]


def test_a_sequence_in_the_past_replays_nothing(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """Replay is for streams, which ask for it."""
    registry.enqueue([happen(), happen()])
    registry.register(0, calls.note, after=1)
    registry.flush(Registration.call)
    assert calls.seen == []


# free


def test_free_is_called_before_deregister_returns(registry: Registry, calls: Calls) -> None:
    """Outside a flush nothing can still use the opaque."""
    registry.deregister(registry.register(0, nothing, opaque="x", free=calls.free))
    assert calls.freed == ["x"]


def test_free_is_not_called_by_a_registration_that_failed(registry: Registry, calls: Calls) -> None:
    """The caller still owns its opaque."""
    with pytest.raises(InvalidArgument):
        registry.register(28, nothing, opaque="x", free=calls.free)
    registry.purge_owner(DAEMON)
    assert calls.freed == []


def test_free_may_call_the_registry(registry: Registry, calls: Calls, happen: Happen) -> None:
    """libvirt holds its lock meanwhile and would wait for ever."""

    def free_and_go_on(opaque: object) -> None:
        calls.free(opaque)
        registry.deregister(1)
        registry.register(0, calls.note, opaque="new")

    def deregister_self(record: EventRecord, opaque: object) -> None:
        registry.deregister(0)

    registry.register(0, deregister_self, opaque="first", free=free_and_go_on)
    registry.register(0, nothing, opaque="second", free=calls.free)
    deliver(registry, happen())
    assert calls.freed == ["first", "second"]
    deliver(registry, happen())
    assert calls.seen == [("new", 2)]


def test_a_free_that_raises_is_logged_and_changes_nothing(registry: Registry, calls: Calls) -> None:
    """Deregistering has succeeded all the same, and the others are freed."""

    def fail(opaque: object) -> None:
        raise ValueError("a mistake in free")

    before = errors_counted()
    registry.register(0, nothing, owner=ALICE, free=fail)
    registry.register(0, nothing, owner=ALICE, opaque="second", free=calls.free)
    with capture_logs() as logs:
        registry.purge_owner(ALICE)
    assert registry.registrations() == ()
    assert calls.freed == ["second"]
    assert [(entry["event"], entry["callback_id"]) for entry in logs] == [
        ("free function of a callback failed", 0)
    ]
    assert errors_counted() - before == 1


def test_a_free_that_raises_a_cancellation_stops_nobody(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """It is no Exception, and yet only a failure of that function."""

    def fail(opaque: object) -> None:
        raise asyncio.CancelledError

    def take_back(record: EventRecord, opaque: object) -> None:
        registry.deregister(first)

    first = registry.register(0, take_back, free=fail)
    registry.register(0, calls.note, opaque="other")
    with capture_logs() as logs:
        deliver(registry, happen(), happen())
    assert calls.seen == [("other", 1), ("other", 2)]
    assert [entry["event"] for entry in logs] == ["free function of a callback failed"]


def test_a_held_registration_is_freed_when_it_is_released(registry: Registry, calls: Calls) -> None:
    """A coroutine of it still runs and may use the opaque."""
    registry.register(0, nothing, opaque="x", free=calls.free)
    (registration,) = registry.registrations()
    registry.hold(registration)
    registry.deregister(0)
    assert not registry.is_active(registration)
    assert calls.freed == []
    registry.release(registration)
    assert calls.freed == ["x"]


def test_releasing_an_active_registration_does_not_free_it(
    registry: Registry, calls: Calls
) -> None:
    """Its coroutine is over, its registration is not."""
    registry.register(0, nothing, free=calls.free)
    (registration,) = registry.registrations()
    registry.hold(registration)
    registry.release(registration)
    assert registry.is_active(registration)
    assert calls.freed == []


# The end of a client


def test_when_a_client_goes_its_callbacks_go_and_are_freed(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """All of them, legacy ones too, and nobody else's."""
    registry.register(0, calls.note, owner=ALICE, opaque="a", free=calls.free)
    registry.register_legacy(calls.note, owner=ALICE, opaque="b", free=calls.free)
    registry.register(0, calls.note, owner=BOB, opaque="c", free=calls.free)
    registry.enqueue([happen()])
    registry.purge_owner(ALICE)
    assert calls.freed == ["a", "b"]
    registry.flush(Registration.call)
    assert calls.seen == [("c", 1)]


def test_a_client_that_goes_inside_a_flush_is_not_called_any_more(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """Its session may end by what another callback does."""
    registry.register(0, lambda record, opaque: registry.purge_owner(ALICE))
    registry.register(0, calls.note, owner=ALICE, opaque="a", free=calls.free)
    deliver(registry, happen(), happen())
    assert calls.seen == []
    assert calls.freed == ["a"]


def test_a_client_that_is_gone_leaves_nothing_behind(registry: Registry) -> None:
    """Clients come and go for years; the registry holds no reference to any of them."""
    owner = Owner("http-3", pid=1, uid=1)
    before = sys.getrefcount(owner)
    registry.register(0, nothing, owner=owner, domain=WEB)
    assert sys.getrefcount(owner) > before
    registry.purge_owner(owner)
    assert sys.getrefcount(owner) == before


def test_purging_goes_on_where_a_free_deregisters_the_next(
    registry: Registry, calls: Calls
) -> None:
    """What is gone by then is not freed again."""

    def free_both(opaque: object) -> None:
        calls.free(opaque)
        registry.deregister(1, owner=ALICE)

    for opaque, free in (("a", free_both), ("b", calls.free), ("c", calls.free)):
        registry.register(0, nothing, owner=ALICE, opaque=opaque, free=free)
    registry.purge_owner(ALICE)
    assert calls.freed == ["a", "b", "c"]


def test_purging_a_client_without_callbacks_does_nothing(registry: Registry) -> None:
    """The end of a session need not know what the session did."""
    registry.register(0, nothing)
    registry.purge_owner(ALICE)
    assert len(registry.registrations()) == 1


def test_equal_events_are_all_delivered(registry: Registry, calls: Calls, happen: Happen) -> None:
    """Nothing is suppressed as a duplicate, and nothing is rate-limited."""
    registry.register(0, calls.note)
    deliver(registry, *[happen() for _ in range(50)])
    assert len(calls.seen) == 50


# What one owner wants


def test_what_an_owner_wants_is_what_it_would_be_called_for(
    registry: Registry, calls: Calls, happen: Happen
) -> None:
    """Kind, domain, owner and the position of each registration are all looked at."""
    early = happen()
    everything = registry.register(EventKind.LIFECYCLE, calls.note, owner=ALICE)
    web = registry.register(EventKind.LIFECYCLE, calls.note, owner=ALICE, domain=WEB)
    registry.register(EventKind.LIFECYCLE, calls.note, owner=ALICE, domain=DB)
    registry.register(EventKind.REBOOT, calls.note, owner=ALICE)
    registry.register(EventKind.LIFECYCLE, calls.note, owner=ALICE, after=7)
    registry.register(EventKind.LIFECYCLE, calls.note, owner=BOB)
    later = happen("stopped")
    wanting = registry.wanting(later, owner=ALICE)
    assert [registration.id for registration in wanting] == [everything, web]
    late = registry.register(EventKind.LIFECYCLE, calls.note, owner=ALICE, after=early.sequence)
    assert late not in {each.id for each in registry.wanting(early, owner=ALICE)}
