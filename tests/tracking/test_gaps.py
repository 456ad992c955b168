"""What happened while nobody looked: all of it, once, in order, whatever the host's clock did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import chain, count

import pytest

from eventd.model.events import DomainEvent, Event
from eventd.vi.types import (
    HistoryEvent,
    ManagedObjectReference,
    ObjectUpdate,
    PropertyFilterUpdate,
    UpdateKind,
    UpdateSet,
)
from tests.tracking.playbook import NOON, WEB01, Scenario, evidence_of, told

ON = {**WEB01, "power": "poweredOn"}
DAY = timedelta(days=1)
OFF_AND_ON = ["stopped destroyed (event)", "started booted (event)"]


@pytest.fixture
def host() -> Scenario:
    """A host with web01 on and its history followed up to event 1001; nobody looks any more."""
    host = Scenario(follows_history=True, grace=1.5)
    host.sync(host.enter(**ON))
    host.wait(60)
    host.say(host.event("VmReconfiguredEvent", user="ops"))
    host.wait(60)
    host.say()
    return host


def off(host: Scenario, domain: str = "vm-42", user: str = "ops") -> HistoryEvent:
    """The host records that a user powers a domain off."""
    return host.event("VmPoweredOffEvent", user=user, entity=domain)


def on(host: Scenario, domain: str = "vm-42", user: str = "ops") -> HistoryEvent:
    """The host records that a user powers a domain on."""
    return host.event("VmPoweredOnEvent", user=user, entity=domain)


def flap(host: Scenario, times: int = 1) -> list[HistoryEvent]:
    """The host records that web01 goes off and on, an hour apart."""
    entries = []
    for _ in range(times):
        host.wait(3600)
        entries.append(off(host))
        host.wait(3600)
        entries.append(on(host))
    return entries


def read_from(
    host: Scenario, entries: Iterable[HistoryEvent], *, synced: bool = True
) -> list[HistoryEvent]:
    """Return what a collector gives of the host's history that begins where it is asked to.

    The host is asked for its whole picture first, as the place may depend on its time.
    """
    if synced:
        host.tracker.begin_sync(identity=None, host_time=host.now + host.host_ahead, now=host.now)
    since = host.tracker.history_since
    assert since is not None
    return [entry for entry in entries if entry.created_time >= since]


def times_of(events: Sequence[Event]) -> list[float]:
    """Return when the events happened, in seconds after noon."""
    return [(event.occurred_at - NOON).total_seconds() for event in events]


def times_of_entries(entries: Sequence[HistoryEvent]) -> list[float]:
    """Return when they were recorded, in seconds after noon."""
    return [(entry.created_time - NOON).total_seconds() for entry in entries]


# --- days -----------------------------------------------------------------------------------------


def test_flaps_of_days_come_out_as_they_happened(host: Scenario) -> None:
    """Each with its own time and user, also those that are days older than the newest."""
    entries = flap(host, times=36)

    events = host.sync(host.enter(**ON), *entries)

    assert told(events) == OFF_AND_ON * 36
    assert times_of(events) == times_of_entries(entries)
    assert not any(event.synthetic for event in events)


def test_what_many_domains_did_for_days_is_told_by_the_hour() -> None:
    """Events of all domains come in the order of their times, those of each in its own."""
    host = Scenario(follows_history=True)
    domains = [f"vm-{number}" for number in range(100, 120)]
    things = [
        host.enter(domain, name=domain, power="poweredOn", uuid=f"uuid-{domain}")
        for domain in domains
    ]
    host.sync(*things)
    entries = []
    for hour in range(72):
        host.wait(3600)
        for domain in domains[hour % 4 :: 4]:
            host.wait(1)
            entries += [off(host, domain), on(host, domain)]

    events = host.sync(*things, *entries)

    assert told(events) == OFF_AND_ON * (len(entries) // 2)
    assert times_of(events) == times_of_entries(entries)


def test_what_the_history_lacks_is_synthetic_and_all_else_is_not(host: Scenario) -> None:
    """The last stop is in no history: the pictures show it."""
    entries = flap(host, times=2)
    host.wait(3600)

    events = host.sync(host.enter(**WEB01), *entries)

    assert told(events) == [*OFF_AND_ON * 2, "stopped shutdown (unknown)"]
    assert [event.synthetic for event in events] == [False] * 4 + [True]
    assert times_of(events)[:-1] == times_of_entries(entries)


def test_the_guest_was_asked_for_it_shortly_before_or_not_at_all(host: Scenario) -> None:
    """What somebody had asked for two days before a power-off has not led to it."""
    host.wait(60)
    asked = host.event("VmGuestShutdownEvent", user="carol")
    host.wait(2 * 86400)
    long_after = off(host)
    host.wait(3600)
    again = on(host)
    host.wait(3600)
    asked_again = host.event("VmGuestShutdownEvent", user="carol")
    host.wait(60)
    done = host.event("VmPoweredOffEvent")

    events = host.sync(host.enter(**WEB01), asked, long_after, again, asked_again, done)

    assert told(events) == [
        *OFF_AND_ON,
        "shutdown guest (request)",
        "stopped shutdown (request)",
    ]
    assert [found.user for found in evidence_of(events)] == ["ops", "ops", "carol", "carol"]


def test_a_shutdown_of_the_host_explains_what_stopped_then_and_nothing_days_later(
    host: Scenario,
) -> None:
    """The newest one is not that of each stop."""
    host.wait(60)
    stopped = host.event("VmPoweredOffEvent")
    host.wait(600)
    started = on(host)
    host.wait(2 * 86400)
    shutdown = host.event("HostShutdownEvent", entity=None, host="host-1")
    host.wait(10)
    with_the_host = host.event("VmPoweredOffEvent")

    events = host.sync(host.enter(**WEB01), stopped, started, shutdown, with_the_host)

    assert told(events) == [
        "stopped shutdown (unknown)",
        "started booted (event)",
        "stopped destroyed (event)",
    ]
    assert [found.initiator for found in evidence_of(events)] == [None, "user", "host"]


def test_reboots_of_different_days_are_different_reboots(host: Scenario) -> None:
    """They are read at one moment; each is told once, and between what it lies between."""
    host.wait(3600)
    first = host.event("VmResettingEvent", user="ops")
    flapped = flap(host)
    host.wait(86400)
    second = host.event("VmGuestRebootEvent", user="carol")

    events = host.sync(host.enter(**ON), first, *flapped, second)

    assert told(events) == ["reboot (event)", *OFF_AND_ON, "reboot (request)"]
    assert times_of(events) == sorted(times_of(events))


def test_a_domain_that_came_and_went_on_is_told_in_the_order_of_its_life(host: Scenario) -> None:
    """Made, started, stopped; and another one removed in between."""
    host.sync(host.enter(**ON), host.enter("vm-7", name="old", power="poweredOff", uuid="u7"))
    host.wait(3600)
    created = host.event("VmCreatedEvent", entity="vm-50", user="ops")
    host.wait(60)
    started = on(host, "vm-50")
    host.wait(3600)
    removed = host.event("VmRemovedEvent", entity="vm-7", user="ops")
    host.wait(3600)
    stopped = off(host, "vm-50")

    events = host.sync(
        host.enter(**ON),
        host.enter("vm-50", name="new", power="poweredOff", uuid="u50"),
        *(created, started, removed, stopped),
    )

    assert [(e.domain.name, e.type) for e in events if isinstance(e, DomainEvent)] == [
        ("new", "defined"),
        ("new", "started"),
        ("old", "undefined"),
        ("new", "stopped"),
    ]


def test_late_causes_find_their_records_although_they_were_put_in_order(host: Scenario) -> None:
    """An amendment names the record of the change, wherever that stands among the others."""
    host.sync(host.enter(**ON), host.enter("vm-7", name="db01", power="poweredOn", uuid="u7"))
    host.wait(3600)
    known = off(host, "vm-7")
    host.wait(3600)

    first = host.sync(
        host.enter(**WEB01), host.enter("vm-7", name="db01", power="poweredOff", uuid="u7"), known
    )
    assert [e.domain.name for e in first if isinstance(e, DomainEvent)] == ["db01", "web01"]
    record = f"record-{next(host.records) - 1}"
    late = off(host)._replace(created_time=host.now)

    [amendment] = host.say(late)
    assert amendment.kind == "amendment"
    assert getattr(amendment, "amends") == record  # noqa: B009 - of one class alone


# --- odd histories --------------------------------------------------------------------------------


@pytest.mark.parametrize("is_restarted", [False, True], ids=["same process", "after a restart"])
def test_a_history_that_was_cleared_loses_causes_and_no_change(
    is_restarted: bool, host: Scenario
) -> None:
    """As of a bare host that was restarted: it keeps its events in memory."""
    if is_restarted:
        host.restart()
    host.wait(3600)

    events = host.sync(host.enter(**WEB01))
    assert told(events) == ["stopped shutdown (unknown)"]
    assert [event.synthetic for event in events] == [True]

    host.wait(60)
    entry = on(host)._replace(key=3, chain_id=3)
    assert told(host.say(host.modify(power="poweredOn"), entry)) == ["started booted (event)"]


@pytest.mark.parametrize("is_restarted", [False, True], ids=["same process", "after a restart"])
def test_keys_that_wrap_in_the_gap_keep_their_order(is_restarted: bool) -> None:
    """`Event.key` is an int32, which goes on below zero."""
    host = Scenario(follows_history=True)
    host.keys = chain([2**31 - 2, 2**31 - 1], count(-(2**31)))
    host.sync(host.enter(**ON))
    host.say(host.event("VmReconfiguredEvent"))
    if is_restarted:
        host.restart()
    entries = flap(host, times=2)

    events = host.sync(host.enter(**ON), *entries)
    assert told(events) == OFF_AND_ON * 2
    assert told(host.sync(host.enter(**ON), *entries)) == []


@pytest.mark.parametrize("is_restarted", [False, True], ids=["same process", "after a restart"])
@pytest.mark.parametrize("step", [-DAY, -timedelta(minutes=10), timedelta(), DAY], ids=str)
def test_a_clock_that_was_set_in_the_gap_loses_and_doubles_nothing(
    step: timedelta, is_restarted: bool, host: Scenario
) -> None:
    """What was recorded afterwards is found and is new; what was told before is not told again."""
    told_before = [host.event("VmReconfiguredEvent", user="ops")]
    host.say(*told_before)
    told_before += flap(host, times=12)
    assert told(host.sync(host.enter(**ON), *told_before[1:])) == OFF_AND_ON * 12
    host.wait(60)
    host.say()
    if is_restarted:
        host.restart()
    before = flap(host)
    host.host_ahead += step
    after = flap(host)
    history = [*told_before, *before, *after]

    events = host.sync(host.enter(**ON), *read_from(host, history))

    assert told(events) == OFF_AND_ON * 2
    host.wait(60)
    assert told(host.sync(host.enter(**ON), *read_from(host, history))) == []
    host.wait(60)
    assert told(host.say(host.modify(power="poweredOff"), off(host))) == [
        "stopped destroyed (event)"
    ]


@pytest.mark.parametrize("is_restarted", [False, True], ids=["same process", "after a restart"])
def test_a_place_in_the_future_of_the_host_is_left(is_restarted: bool) -> None:
    """The clock was a year ahead, and somebody has mended it."""
    host = Scenario(follows_history=True)
    host.host_ahead = timedelta(days=365)
    host.sync(host.enter(**ON))
    host.wait(60)
    known = host.event("VmReconfiguredEvent", user="ops")
    host.say(known)
    if is_restarted:
        host.restart()
    host.host_ahead = timedelta()
    entries = flap(host, times=2)

    events = host.sync(host.enter(**ON), *read_from(host, [known, *entries]))

    assert told(events) == OFF_AND_ON * 2
    assert times_of(events) == times_of_entries(entries)
    assert told(host.sync(host.enter(**ON), *read_from(host, [known, *entries]))) == []


def test_the_place_moves_back_no_further_than_a_wrong_date_would_move_it(host: Scenario) -> None:
    """The clock of this machine may be the one that was set: years of events are not read."""
    since = host.tracker.history_since
    assert since is not None
    host.now += timedelta(days=3650)
    host.host_ahead -= timedelta(days=3650)

    host.tracker.begin_sync(identity=None, host_time=host.now + host.host_ahead, now=host.now)

    assert host.tracker.history_since is not None
    assert since - host.tracker.history_since <= timedelta(days=2, hours=1)


def test_a_host_of_the_year_one_breaks_nothing(host: Scenario) -> None:
    """A clock may show anything."""
    host.host_ahead = -timedelta(days=365 * 2020)
    assert told(host.sync(host.enter(**WEB01))) == ["stopped shutdown (unknown)"]
    assert host.tracker.history_since is not None


def boot(host: Scenario) -> str:
    """The time of a boot that happens now, as the host writes it."""
    return host.now.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_cycles_that_were_read_when_the_host_was_lost_are_told_with_what_was_missed(
    host: Scenario,
) -> None:
    """Of two pictures that were not judged yet, each has its own entries."""
    host.say(host.modify(boot=boot(host)))
    first = flap(host)
    shown = host.modify(boot=boot(host))
    # The host is lost while the tasks are read that may explain it.
    update = ObjectUpdate(
        UpdateKind.MODIFY,
        ManagedObjectReference("EventHistoryCollector", "collector-1"),
        {"latestPage": (first[-1],)},
        (),
    )
    part = PropertyFilterUpdate(ManagedObjectReference("PropertyFilter", "f"), [shown, update])
    assert host.tracker.take_in(UpdateSet("1", [part], truncated=False))
    host.tracker.take_in_history(first)
    host.tracker.reading()

    missed = [*flap(host), off(host)]
    events = host.sync(host.enter(**{**WEB01, "power": "poweredOff"}), *first[1:], *missed)

    assert told(events) == ["stopped destroyed (event)", "started booted (event)"] * 2 + [
        "stopped destroyed (event)"
    ]
    assert times_of(events) == times_of_entries([*first, *missed])


def test_entries_that_are_read_late_take_their_place_among_the_others(host: Scenario) -> None:
    """A host that was slow with its history had given the newest of them alone."""
    host.say(host.modify(boot=boot(host)))
    entries = []
    for record in (off, on, off, on):
        host.wait(1)
        entries.append(record(host))
    assert host.say(host.modify(boot=boot(host)), entries[-1]) == []

    events = host.say(*entries[:-1])

    assert told(events) == OFF_AND_ON * 2
    assert times_of(events) == times_of_entries(entries)


def test_what_came_before_a_change_that_is_told_at_once_is_told_before_it(host: Scenario) -> None:
    """Two answers may be far apart, and a domain may have gone through much in between."""
    entries = []
    for kind in ("VmSuspendedEvent", "VmPoweredOnEvent", "VmResettingEvent", "VmSuspendedEvent"):
        host.wait(1)
        entries.append(host.event(kind, user="ops"))

    events = host.say(host.modify(power="suspended"), *entries)

    assert told(events) == [
        "suspended paused (event)",
        "resumed unpaused (event)",
        "reboot (event)",
        "suspended paused (event)",
    ]
    assert times_of(events) == times_of_entries(entries)


def test_a_suspension_after_a_reset_that_was_not_judged_when_the_host_was_lost_is_told_once(
    host: Scenario,
) -> None:
    """Its picture is known, and its entry comes after the end of the reset."""
    shown = host.modify(power="suspended")
    part = PropertyFilterUpdate(ManagedObjectReference("PropertyFilter", "f"), [shown])
    assert host.tracker.take_in(UpdateSet("1", [part], truncated=False))
    host.wait(1)
    reset = host.event("VmResettingEvent", user="ops")
    end = host.event("VmPoweredOnEvent", user="ops", chain=reset.key)
    host.wait(1)
    suspended = host.event("VmSuspendedEvent", user="ops")

    events = host.sync(host.enter(**{**WEB01, "power": "suspended"}), reset, end, suspended)

    assert told(events) == ["reboot (event)", "suspended paused (event)"]
