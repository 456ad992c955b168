"""Every situation of the catalogue, played on the simulator and followed by a real connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter, itemgetter
from typing import Any

import pytest

from eventd.errors import EventdError
from eventd.model.arguments import (
    GraphicsPhase,
    IOErrorAction,
    MetadataType,
    TrayChange,
    WatchdogAction,
)
from eventd.model.domain import DomainState
from eventd.model.events import (
    DomainAgentLifecycle,
    DomainEvent,
    DomainEventAmended,
    DomainRebooted,
    LifecycleEvent,
    QuestionEvent,
)
from eventd.model.evidence import Cause
from eventd.model.lifecycle import LifecycleType
from eventd.model.record import EventRecord
from eventd.simulator import World
from eventd.simulator.scenario import DomainPlan, Scenario, WorldPlan
from eventd.simulator.scenarios import load, names
from eventd.simulator.world import Happening
from tests.situations.stage import BARRIER, Followed, Time, line, staged


@pytest.mark.parametrize("name", names())
async def test_scenario_is_told_as_it_happened(name: str) -> None:
    """Types, details, causes, who did it and where; and whom it was about, and when.

    Of each domain in order. Domains have none among each other, since a change that waits for its
    cause delays no other. That a scenario expects what happened is tested with the scenarios.
    """
    scenario = load(name)
    time = Time()
    worlds = scenario.build(now=time.now())
    async with staged(worlds, time) as stage:
        await stage.play(scenario)

        for followed in stage.followed.values():
            told = [event for event in followed.told if is_worth_comparing(event)]
            assert by_domain((event.domain.uuid, line(event)) for event in told) == by_domain(
                (each.uuid, str(each)) for each in happenings(followed.world)
            )
            for record, happening in told_of_what_happened(followed):
                assert_true(record, happening)
            assert_states_are_those_of(followed)


async def test_tools_are_told_of_as_they_come_and_go() -> None:
    """The other scenarios are not about them."""
    scenario = load("tools-start-and-stop")
    time = Time()
    async with staged(scenario.build(now=time.now()), time) as stage:
        await stage.play(scenario)

        assert stage.followed["host"].lines == list(scenario.expect["host"] or ())


# -- whom it was about, and when


def told_of_what_happened(followed: Followed) -> Iterator[tuple[EventRecord, Happening]]:
    """Return what was told and what truly happened, which have been found to be the same."""
    records = [
        (record.event.domain.uuid, record)
        for record in followed.records
        if isinstance(record.event, DomainEvent) and is_worth_comparing(record.event)
    ]
    happened = happenings(followed.world)
    return zip(
        (record for _, record in sorted(records, key=itemgetter(0))),
        sorted(happened, key=attrgetter("uuid")),
        strict=True,
    )


def is_worth_comparing(event: DomainEvent) -> bool:
    """Whether this is no barrier, and not about an agent, which has no order among the others."""
    is_of_agent = isinstance(event, DomainAgentLifecycle)
    return not is_of_agent and not event.domain.name.startswith(BARRIER)


def happenings(world: World) -> list[Happening]:
    """Return what happened, without the agents and the stage's own domain."""
    return [
        each
        for each in world.happened
        if not each.words.startswith("agent-lifecycle") and not each.domain.startswith(BARRIER)
    ]


def assert_true(record: EventRecord, happening: Happening) -> None:
    """Nothing is synthetic, the domain is the one of then, and the host's own time is kept."""
    event = record.event
    assert isinstance(event, DomainEvent)
    assert not event.synthetic, line(event)
    assert (event.domain.name, event.domain.uuid) == (happening.domain, happening.uuid)
    assert happening.at <= event.occurred_at <= record.recorded_at, line(event)
    if event.evidence.event is not None or event.evidence.task is not None:
        assert event.occurred_at == happening.at, line(event)


def assert_states_are_those_of(followed: Followed) -> None:
    """Each domain that is within reach is known, and known to be as it is."""
    world = followed.world
    statuses = followed.tracker.statuses(stale=False)
    known = {status.domain.name: status for status in statuses}
    there = [name for name in world.domains.names if world.read(name, "config.ftInfo.role") != 2]
    assert sorted(known) == sorted(there)
    for name, status in known.items():
        is_lost = world.read(name, "runtime.connectionState") != "connected"
        assert status.stale is is_lost, name
        assert is_lost or status.state is state_of(world, name), name


def state_of(world: World, name: str) -> DomainState:
    """Return what libvirt calls the state that a domain is truly in."""
    if (power := world.read(name, "runtime.powerState")) != "poweredOn":
        return DomainState.SHUTOFF if power == "poweredOff" else DomainState.PAUSED
    if world.read(name, "guest.guestKernelCrashed") is True:
        return DomainState.CRASHED
    if world.read(name, "runtime.onlineStandby") is True:
        return DomainState.PMSUSPENDED
    if "outofspace" in str(world.read(name, "runtime.question")):
        return DomainState.PAUSED
    return DomainState.RUNNING


# -- what else an event says

ARGUMENTS: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]] = {
    "11-monitoring-reset": [
        ("watchdog reset", {"action": WatchdogAction.RESET}),
        ("watchdog reset", {"action": WatchdogAction.RESET}),
    ],
    "17-suspend": [
        ("job-completed suspend", {"operation": "suspend", "time_elapsed": 40}),
    ],
    "27-snapshots": [
        ("job-completed snapshot-create", {"operation": "snapshot-create", "time_elapsed": 40}),
        ("job-completed snapshot-create", {"operation": "snapshot-create", "time_elapsed": 40}),
        ("job-completed snapshot-remove", {"operation": "snapshot-remove", "time_elapsed": 40}),
        ("job-completed snapshot-create", {"operation": "snapshot-create", "time_elapsed": 40}),
    ],
    "36-reconfigure": [
        ("metadata-change description", {"metadata": MetadataType.DESCRIPTION, "uri": None}),
        ("tunable", {"parameters": {"cputune.cpu_shares": 2000}}),
        ("device-added", {"dev_alias": "scsi0-0-1"}),
        ("device-added", {"dev_alias": "net1"}),
        ("device-removed", {"dev_alias": "net0"}),
        ("tray-change open", {"dev_alias": "ide0-0-0", "change": TrayChange.OPEN}),
        ("device-removal-failed", {"dev_alias": "scsi0-0-0"}),
        (
            "nic-mac-change",
            {
                "dev_alias": "net0",
                "old_mac": "00:50:56:00:00:01",
                "new_mac": "00:50:56:00:00:02",
            },
        ),
    ],
    "39-questions": [
        ("io-error pause", {"src_path": "", "dev_alias": "", "action": IOErrorAction.PAUSE}),
        ("io-error-reason enospc", {"action": IOErrorAction.PAUSE, "error_reason": "enospc"}),
    ],
    "consoles": [
        ("graphics initialize", {"phase": GraphicsPhase.INITIALIZE, "service": "mks"}),
        ("graphics initialize", {"phase": GraphicsPhase.INITIALIZE, "service": "webmks"}),
        ("graphics connect", {"phase": GraphicsPhase.CONNECT}),
        ("graphics disconnect", {"phase": GraphicsPhase.DISCONNECT}),
    ],
}
"""What the events of a scenario carry, of those that are neither lifecycle nor questions."""


@pytest.mark.parametrize("name", ARGUMENTS)
async def test_events_carry_the_particulars_of_what_happened(name: str) -> None:
    """Devices, addresses, shares, services and times."""
    scenario = load(name)
    time = Time()
    async with staged(scenario.build(now=time.now()), time) as stage:
        await stage.play(scenario)

        [followed] = stage.followed.values()
        particulars = [
            event
            for event in followed.told
            if not isinstance(event, LifecycleEvent | QuestionEvent | DomainRebooted)
            and is_worth_comparing(event)
        ]
        found = [
            (words_of(event), {each: getattr(event, each) for each in expected})
            for event, (_, expected) in zip(particulars, ARGUMENTS[name], strict=True)
        ]
        assert found == [(words, dict(expected)) for words, expected in ARGUMENTS[name]]


def words_of(event: DomainEvent) -> str:
    """Return kind and particulars of an event that is no lifecycle event."""
    return " ".join(part for part in (str(event.kind), event.type, event.reason) if part)


# -- a host that another connection follows


async def test_domain_that_another_host_has_is_known_to_have_come_from_there() -> None:
    """It is told at once, and not as one that merely happened to be on."""
    scenario = load("25-vmotion-between-two-bare-hosts")
    time = Time()
    async with staged(scenario.build(now=time.now()), time) as stage:
        await stage.play(scenario)

        pairs = list(told_of_what_happened(stage.followed["right"]))
        assert len(pairs) == 2
        for record, happening in pairs:
            assert isinstance(record.event, DomainEvent)
            assert record.event.evidence.message is None
            assert record.recorded_at == happening.at


# -- what happens while nobody looks

LIFECYCLE = {str(lifecycle.word) for lifecycle in LifecycleType}

UNSEEN = [
    "01-power-on-by-a-user",
    "02-power-on-by-others",
    "04-hard-power-off",
    "05-terminate",
    "06-guest-powers-itself-off",
    "07-guest-shutdown-asked-for",
    "08-host-shuts-down",
    "09-process-dies",
    "14-isolation-response",
    "17-suspend",
    "18-resume",
    "19-suspended-and-powered-off",
    "22-reboot-turned-into-power-off",
    "30-register",
    "31-create-and-copy",
    "32-remove",
    "34-rename",
    "42-unseen",
    "several-power-cycles-unseen",
]


@pytest.mark.parametrize("name", UNSEEN)
async def test_history_tells_why_things_happened_while_nobody_looked(name: str) -> None:
    """With their true times, so that nothing of it is synthetic."""
    scenario = load(name)
    time = Time()
    async with staged(scenario.build(now=time.now()), time) as stage:
        await stage.look_away()
        stage.play_unseen(scenario)
        await stage.look()
        await stage.take_in()

        [followed] = stage.followed.values()
        lifecycle = [event for event in followed.told if isinstance(event, LifecycleEvent)]
        assert by_domain(without_causes(lifecycle)) == by_domain(
            without_cause(each)
            for each in happenings(followed.world)
            if each.words.partition(" ")[0] in LIFECYCLE
        )
        assert [line(event) for event in lifecycle if event.synthetic] == []
        assert_states_are_those_of(followed)


NOTHING_KEPT: Mapping[str, Sequence[str]] = {
    "01-power-on-by-a-user": ["web01 started booted state"],
    "04-hard-power-off": ["web01 stopped shutdown unknown"],
    "09-process-dies": [
        "web01 stopped crashed clean-power-off",
        "db01 stopped crashed clean-power-off",
        "mail01 stopped crashed clean-power-off",
    ],
    "17-suspend": ["web01 suspended paused state"],
    "18-resume": ["web01 resumed unpaused state"],
    "19-suspended-and-powered-off": ["web01 stopped destroyed state"],
    "30-register": [
        "web01 defined added state",
        "db01 defined added state",
        "mail01 defined added state",
        "mail01 started booted boot-time",
    ],
    "32-remove": [
        "web01 undefined removed state",
        "db01 stopped shutdown unknown from esx02.example",
        "db01 undefined removed state",
    ],
    "34-rename": [
        "web01 undefined renamed state",
        "www defined renamed state",
        "db01 undefined renamed state",
        "db01 (1) defined renamed state",
    ],
}
"""What the difference alone tells of a scenario, where the host has kept no task and no event."""


@pytest.mark.parametrize("name", NOTHING_KEPT)
async def test_difference_alone_is_synthetic_where_it_only_shows_the_outcome(name: str) -> None:
    """A time of boot and an end that was not orderly are facts; that a state is another is none."""
    scenario = load(name)
    silent = {"lists_tasks": False, "posts_events": False}
    worlds = tuple(plan.model_copy(update=silent) for plan in scenario.worlds)
    time = Time()
    async with staged(replace(scenario, worlds=worlds).build(now=time.now()), time) as stage:
        await stage.look_away()
        stage.play_unseen(scenario)
        await stage.look()
        await stage.take_in()

        [followed] = stage.followed.values()
        lifecycle = [event for event in followed.told if isinstance(event, LifecycleEvent)]
        assert sorted(map(line, lifecycle)) == sorted(NOTHING_KEPT[name])
        for event in lifecycle:
            is_guessed = event.evidence.cause in (Cause.STATE, Cause.UNKNOWN)
            assert event.synthetic is is_guessed, line(event)


# -- hosts that tell in another order, or less

PACES: Mapping[str, Mapping[str, Any]] = {
    "events-trail": {"pace": {"event_delay": 0.5}},
    "tasks-trail": {"pace": {"task_delay": 0.5}},
    "properties-trail": {"pace": {"property_delay": 0.5}},
    "tasks-end-late": {"pace": {"ending": 0.3}},
    "no-recent-tasks": {"tells_recent_tasks": False},
    "bare-host": {"product": "esx", "hosts": 1},
}
"""What differs from a vCenter that tells everything at once. All is told within the grace."""

_AT_ONCE = "a second task begins in the moment in which the first is started"
_ELSEWHERE = "something happens on a second host"
CANNOT_BE_PLAYED = {
    ("tasks-end-late", "42-unseen"): _AT_ONCE,
    ("tasks-end-late", "several-power-cycles-unseen"): _AT_ONCE,
    ("bare-host", "08-host-shuts-down"): _ELSEWHERE,
    ("bare-host", "12-host-fails-and-ha-restarts"): _ELSEWHERE,
    ("bare-host", "12b-host-fails-without-a-word"): _ELSEWHERE,
    ("bare-host", "15-datastore-lost"): _ELSEWHERE,
    ("bare-host", "16-host-disconnected"): _ELSEWHERE,
    ("bare-host", "23-vmotion"): _ELSEWHERE,
    ("bare-host", "24-cold-migration-and-storage"): _ELSEWHERE,
    ("bare-host", "33-out-of-scope"): _ELSEWHERE,
    ("bare-host", "41-fault-tolerance"): _ELSEWHERE,
    ("bare-host", "story"): _ELSEWHERE,
}
"""Scenarios that a host of a pace cannot be made to play, and why."""

TOLD_OTHERWISE = {
    ("tasks-trail", "42-unseen"): (
        "only its task tells that a job is over, and the events that come before it"
        " have told by then that the domain goes on"
    ),
}
"""Scenarios of which VI tells in another order at a pace, and why."""

EVERYWHERE = [
    pytest.param(
        pace,
        name,
        marks=[pytest.mark.xfail(strict=True, reason=reason)]
        if (reason := TOLD_OTHERWISE.get((pace, name)))
        else [],
    )
    for pace in PACES
    for name in names()
    if (pace, name) not in CANNOT_BE_PLAYED
]


def on_a_host_with(pace: str, scenario: Scenario) -> Scenario:
    """Return a scenario on hosts that differ as a pace says."""
    worlds = tuple(changed(plan, PACES[pace]) for plan in scenario.worlds)
    return replace(scenario, worlds=worlds)


def changed(plan: WorldPlan, differences: Mapping[str, Any]) -> WorldPlan:
    """Return a plan with another pace, or on another product, where all domains are on its host."""
    update = dict(differences)
    if pace := update.pop("pace", None):
        update["pace"] = plan.pace.model_copy(update=pace)
    if update.get("hosts") == 1:
        update["domains"] = {name: at_home(domain) for name, domain in plan.domains.items()}
    return plan.model_copy(update=update)


def at_home(domain: DomainPlan) -> DomainPlan:
    """Return a domain on whatever host there is."""
    return domain.model_copy(update={"host": None})


@pytest.mark.parametrize(("pace", "name"), EVERYWHERE)
async def test_scenario_is_told_the_same_at_another_pace(pace: str, name: str) -> None:
    """Only the cause may be another, where another fact came first; and what came late amends it.

    Of each domain it comes in the order in which it happened.
    """
    scenario = on_a_host_with(pace, load(name))
    time = Time()
    async with staged(scenario.build(now=time.now()), time) as stage:
        await stage.play(scenario)

        for followed in stage.followed.values():
            assert by_domain(without_causes(followed.told)) == by_domain(
                map(without_cause, happenings(followed.world))
            )
            assert_states_are_those_of(followed)


def without_cause(happening: Happening) -> tuple[str, str]:
    """Return what happened by the name of the domain."""
    return happening.domain, str(happening).replace(f" {happening.cause}", "", 1)


def without_causes(events: Iterable[DomainEvent]) -> Iterator[tuple[str, str]]:
    """Return what was told by the name of the domain."""
    for event in events:
        is_only_a_better_cause = (
            isinstance(event, DomainEventAmended) and event.amended == event.corrected
        )
        if is_worth_comparing(event) and not is_only_a_better_cause:
            yield event.domain.name, line(event).replace(f" {event.evidence.cause}", "", 1)


def by_domain(lines: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return lines by the UUID or the name of their domain."""
    found: dict[str, list[str]] = {}
    for name, text in lines:
        found.setdefault(name, []).append(text)
    return found


@pytest.mark.parametrize(("pace", "name"), CANNOT_BE_PLAYED)
def test_scenario_that_is_left_out_of_a_pace_cannot_be_played_there(pace: str, name: str) -> None:
    """The table says no more than is so."""
    scenario = on_a_host_with(pace, load(name))

    with pytest.raises(EventdError):
        play_unseen(scenario)


def play_unseen(scenario: Scenario) -> None:
    """Play a scenario that nobody follows."""
    start = Time().now()
    worlds = scenario.build(now=start)
    for due in scenario.play(worlds, start=start):
        for world in worlds.values():
            world.advance(due.at)
        due.perform()
