"""Each signal by itself: hosts that list no tasks, post no events, or do neither.

What several facts tell at once in the scenarios, one has to tell alone here: the rows of the
lifecycle table that come after the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from eventd.model.arguments import AgentReason, AgentState
from eventd.model.events import DomainAgentLifecycle, DomainEvent
from eventd.simulator.operations import operations
from eventd.simulator.scenario import DomainPlan, PacePlan, Scenario, WorldPlan
from eventd.simulator.scenario import Step as ScenarioStep
from tests.situations.stage import Time, line, staged

EVENTS: Mapping[str, Any] = {"lists_tasks": False}
"""A host of which only the event history and the properties tell."""
TASKS: Mapping[str, Any] = {"posts_events": False}
"""One of which only the tasks and the properties tell."""
PROPERTIES: Mapping[str, Any] = {**EVENTS, **TASKS}
"""One of which only the properties tell."""
BOTH: Mapping[str, Any] = {}
AT_ONCE = PacePlan(queued=0, running=0, guest=0)
"""What is asked for in one moment has happened in it."""


class Signal(NamedTuple):
    """What is done on a host, and what is told of it."""

    host: Mapping[str, Any]
    steps: str
    """``operation argument=value …``, one per line; ``+`` begins one of the same moment.

    They are about web01 where they name no other domain."""
    lines: tuple[str, ...]
    """With the type of the event of the history in angle brackets, and the message in round."""
    domain: str = "on"
    """The power state of web01 at first."""


IMMIGRATION = (
    "immigrate name=new uuid=564d8f1c-4b1f-4c0e-9a5e-2f1c7a3b9d01"
    " instance_uuid=503c2b1e-7d0a-4d0f-8f57-6f5b1e2a9c02"
)

SIGNALS = {
    "start, by its event": Signal(
        EVENTS, "power_on", ("started booted event user:root <VmPoweredOnEvent>",), "off"
    ),
    "start, by the event of DRS": Signal(
        EVENTS,
        "power_on initiator=drs",
        ("started booted event drs <DrsVmPoweredOnEvent>",),
        "off",
    ),
    "start, seen": Signal(PROPERTIES, "power_on", ("started booted state",), "off"),
    "start, by its task": Signal(TASKS, "power_on", ("started booted task user:root",), "off"),
    "off and on, by the time of boot": Signal(
        {**PROPERTIES, "pace": AT_ONCE},
        "power_off\n+ power_on",
        ("stopped shutdown unknown", "started booted boot-time"),
    ),
    "stop, by the event of a user": Signal(
        EVENTS, "power_off", ("stopped destroyed event user:root <VmPoweredOffEvent>",)
    ),
    "stop, by its task": Signal(TASKS, "power_off", ("stopped destroyed task user:root",)),
    "stop, by nothing": Signal(PROPERTIES, "power_off", ("stopped shutdown unknown",)),
    "stop, by the state of the guest": Signal(
        PROPERTIES,
        "shutdown_guest",
        ("shutdown guest guest-state guest", "stopped shutdown guest-state guest"),
    ),
    "stop, by the task of a guest's shutdown": Signal(
        TASKS,
        "shutdown_guest as_task=true",
        ("shutdown guest task user:root", "stopped shutdown task user:root"),
    ),
    "stop, by a reboot that becomes one": Signal(
        BOTH,
        "guest_reboot_powers_off",
        (
            "shutdown guest event guest <com.vmware.vim.vm.reboot.powerOff>",
            "stopped shutdown event guest <com.vmware.vim.vm.reboot.powerOff>",
        ),
    ),
    "stop, by the shutdown of the host": Signal(
        BOTH,
        "shut_down_host name=esx01.example action=powerOff tasks=false",
        ("stopped destroyed event host <HostShutdownEvent>",),
    ),
    "stop, by the end of its process": Signal(
        PROPERTIES, "crash", ("stopped crashed clean-power-off",)
    ),
    "stop, after a panic": Signal(
        PROPERTIES,
        "guest_crashes\nguest_powers_off",
        ("crashed panicked guest-state", "stopped crashed guest-state"),
    ),
    **{
        f"stop, by the kernel: {why}": Signal(
            BOTH,
            f"kill why={why}",
            (f"stopped crashed event <esx.problem.vm.kill.unexpected.{why}>",),
        )
        for why in ("fault.failure", "noSwapResponse", "vmtrack", "vmx.fault.failure")
    },
    **{
        f"start, by {description}": Signal(
            TASKS, f"power_on description={description}", ("started booted task user:root",), "off"
        )
        for description in (
            "Datacenter.powerOnVm",
            "Datacenter.ExecuteVmPowerOnLRO",
            "FaultTolerance.PowerOnSecondaryLRO",
            "VirtualApp.powerOn",
        )
    },
    **{
        f"move, by {description}": Signal(
            TASKS,
            f"migrate host=esx02.example description={description} initiator={initiator}",
            (
                *(
                    f"{word} migrated task {by} from esx01.example to esx02.example"
                    for word in ("stopped", "started")
                ),
                f"job-completed {job} task {by}",
            ),
        )
        for description, initiator, by, job in (
            ("VirtualMachine.relocate", "user", "user:root", "relocate"),
            ("VirtualMachine.relocateVm", "user", "user:root", "relocate"),
            ("Drm.ExecuteMaintenanceRecommendationsLro", "drs", "drs", "migrate"),
        )
    },
    **{
        f"storage that fails, by {event}": Signal(
            BOTH,
            f"fail_storage event={event}",
            (f"io-error report event <{kind}>", f"io-error-reason event <{kind}>"),
        )
        for event, kind in (
            ("ha", "com.vmware.vc.HA.VmcpStorageFailureDetectedForVm"),
            ("vcp", "com.vmware.vc.vcp.VmDatastoreFailedEvent"),
        )
    },
    "failure of the host, by the event of before 5.0": Signal(
        BOTH,
        "fail_host name=esx01.example\ndeclare_host_failed name=esx01.example event=old",
        (
            "control-error state (disconnected; its host does not respond)",
            "stopped crashed event from esx01.example <DasHostFailedEvent>",
        ),
    ),
    "restart by HA, by the event of before 5.0": Signal(
        BOTH,
        "fail_host name=esx01.example\nrestart_by_ha host=esx02.example event=old",
        (
            "control-error state (disconnected; its host does not respond)",
            "stopped crashed event from esx01.example <VmRestartedOnAlternateHostEvent>",
            "started booted event ha from esx01.example to esx02.example"
            " <VmRestartedOnAlternateHostEvent>",
        ),
    ),
    "suspend, by its event": Signal(
        EVENTS, "suspend", ("suspended paused event user:root <VmSuspendedEvent>",)
    ),
    "suspend, seen": Signal(PROPERTIES, "suspend", ("suspended paused state",)),
    "resume, by its event": Signal(
        EVENTS, "power_on", ("resumed unpaused event user:root <VmPoweredOnEvent>",), "suspended"
    ),
    "resume, seen": Signal(PROPERTIES, "power_on", ("resumed unpaused state",), "suspended"),
    "discard, by its event": Signal(
        EVENTS,
        "power_off",
        ("stopped destroyed event user:root <VmPoweredOffEvent>",),
        "suspended",
    ),
    "discard, seen": Signal(PROPERTIES, "power_off", ("stopped destroyed state",), "suspended"),
    "revert from suspended to suspended": Signal(
        BOTH,
        "create_snapshot\nrevert",
        (
            "job-completed snapshot-create task user:root",
            "suspended from_snapshot event user:root <com.vmware.vc.vm.VmStateRevertedToSnapshot>",
            "job-completed snapshot-revert task user:root",
        ),
        "suspended",
    ),
    "move, by its event": Signal(
        EVENTS,
        "migrate host=esx02.example",
        tuple(
            f"{word} migrated event user:root from esx01.example to esx02.example <VmMigratedEvent>"
            for word in ("stopped", "started")
        ),
    ),
    "move, seen": Signal(
        PROPERTIES,
        "migrate host=esx02.example",
        tuple(
            f"{word} migrated state from esx01.example to esx02.example"
            for word in ("stopped", "started")
        ),
    ),
    "cold move, by its event": Signal(
        EVENTS,
        "migrate host=esx02.example",
        ("defined updated event user:root from esx01.example to esx02.example <VmMigratedEvent>",),
        "off",
    ),
    "cold move, seen": Signal(
        PROPERTIES,
        "migrate host=esx02.example",
        ("defined updated state from esx01.example to esx02.example",),
        "off",
    ),
    "files moved, by the event": Signal(
        EVENTS, "relocate", ("defined updated event user:root <VmRelocatedEvent>",)
    ),
    "reset, by its event": Signal(EVENTS, "reset", ("reboot event user:root <VmResettingEvent>",)),
    "reset, by its task": Signal(TASKS, "reset", ("reboot task user:root",)),
    "reset that fails": Signal(
        BOTH, "fail_reset_by_ha", ("watchdog none event ha <VmDasResetFailedEvent>",)
    ),
    "panic, seen": Signal(PROPERTIES, "guest_crashes", ("crashed panicked guest-state",)),
    "clone": Signal(
        BOTH,
        "clone new_name=copy",
        ("copy: defined added event user:root <VmClonedEvent> (a copy of web01)",),
        "off",
    ),
    "deployment": Signal(
        BOTH,
        "deploy template=web01 new_name=copy",
        ("copy: defined added event user:root <VmDeployedEvent> (a copy of web01)",),
        "off",
    ),
    "instant clone": Signal(
        BOTH,
        "instant_clone new_name=copy",
        tuple(
            f"copy: {words} event user:root <com.vmware.vc.VmInstantClonedEvent>"
            for words in ("defined added", "started restored")
        ),
    ),
    "coming, seen": Signal(PROPERTIES, "register name=new", ("new: defined added state",)),
    "coming and starting, by the task": Signal(
        {**TASKS, "pace": AT_ONCE},
        "create name=new\n+ power_on name=new",
        ("new: defined added state", "new: started booted task user:root"),
    ),
    "coming and starting, by the time of boot": Signal(
        {**PROPERTIES, "pace": AT_ONCE},
        "create name=new\n+ power_on name=new",
        ("new: defined added state", "new: started booted boot-time"),
    ),
    "registered while it runs": Signal(
        BOTH,
        "register name=new powered_on=true",
        tuple(
            f"new: {words} event user:root <VmRegisteredEvent>"
            for words in ("defined added", "started booted")
        ),
    ),
    "coming and being suspended, by the events": Signal(
        {**EVENTS, "pace": AT_ONCE},
        "create name=new\n+ power_on name=new\n+ suspend name=new",
        (
            "new: defined added event user:root <VmCreatedEvent>",
            "new: started booted event user:root <VmPoweredOnEvent>",
            "new: suspended paused event user:root <VmSuspendedEvent>",
        ),
    ),
    "coming and being suspended, seen": Signal(
        {**PROPERTIES, "pace": AT_ONCE},
        "create name=new\n+ power_on name=new\n+ suspend name=new",
        ("new: defined added state", "new: suspended paused state"),
    ),
    "coming and starting, by the events": Signal(
        {**EVENTS, "pace": AT_ONCE},
        "create name=new\n+ power_on name=new",
        (
            "new: defined added event user:root <VmCreatedEvent>",
            "new: started booted event user:root <VmPoweredOnEvent>",
        ),
    ),
    "coming on, seen": Signal(
        PROPERTIES,
        IMMIGRATION,
        (
            "new: defined added state",
            "new: started migrated state to esx01.example"
            " (it was on when it entered what the connection follows)",
        ),
    ),
    "going while off is not shown yet, by the task": Signal(
        {**TASKS, "pace": PacePlan(property_delay=1)},
        "power_off\ndestroy",
        (
            "stopped destroyed task user:root from esx01.example",
            "undefined removed task user:root",
        ),
    ),
    "going while suspended": Signal(
        BOTH,
        "hide",
        (
            "stopped saved state",
            "undefined removed out-of-scope",
        ),
        "suspended",
    ),
    "another UUID, seen": Signal(
        PROPERTIES,
        "change_uuid uuid=564d8f1c-4b1f-4c0e-9a5e-2f1c7a3b9d01",
        (
            "undefined removed state (its UUID is now 564d8f1c-4b1f-4c0e-9a5e-2f1c7a3b9d01)",
            "defined added state (its UUID was 1c8b2e6e-2097-5747-bf5e-41d9178c5a35)",
        ),
        "off",
    ),
    "template, seen": Signal(
        {"api_version": "6.7"},
        "mark_as_template\nmark_as_domain",
        (
            "defined updated state (it became a template)",
            "defined updated state (it is no template any more)",
        ),
        "off",
    ),
    "files that are invalid": Signal(
        BOTH, "lose_files trouble=invalid", ("control-error state (invalid)",)
    ),
}


@pytest.mark.parametrize("name", SIGNALS)
async def test_one_signal_is_enough(name: str) -> None:
    """What is told by it is told, with no more than it says."""
    signal = SIGNALS[name]
    scenario = scenario_of(signal)
    time = Time()
    async with staged(scenario.build(now=time.now()), time) as stage:
        await stage.play(scenario)

        told = stage.followed["host"].told
        lines = [full_line(each) for each in told if not isinstance(each, DomainAgentLifecycle)]
        assert lines == [each if ": " in each else f"web01: {each}" for each in signal.lines]


UNSEEN = {
    "coming on, by nothing": Signal(
        PROPERTIES, IMMIGRATION, ("new: defined added state", "new: started booted unknown")
    ),
    "coming on from another vCenter": Signal(
        BOTH,
        IMMIGRATION,
        (
            "new: defined added event <com.vmware.vc.vm.DstVmMigratedEvent>",
            "new: started migrated event to esx01.example <com.vmware.vc.vm.DstVmMigratedEvent>",
        ),
    ),
    "going while on, by nothing": Signal(
        PROPERTIES,
        "vanish",
        ("stopped shutdown unknown from esx01.example", "undefined removed state"),
    ),
}


@pytest.mark.parametrize("name", UNSEEN)
async def test_one_signal_of_what_happened_unseen_is_enough(name: str) -> None:
    """Nobody says that a domain has moved that was merely there when eventd looked again."""
    signal = UNSEEN[name]
    scenario = scenario_of(signal)
    time = Time()
    async with staged(scenario.build(now=time.now()), time) as stage:
        await stage.look_away()
        stage.play_unseen(scenario)
        await stage.look()
        await stage.take_in()

        told = stage.followed["host"].told
        lines = [full_line(each) for each in told if not isinstance(each, DomainAgentLifecycle)]
        assert lines == [each if ": " in each else f"web01: {each}" for each in signal.lines]


def scenario_of(signal: Signal) -> Scenario:
    """Return a scenario that does what a signal says, on one domain."""
    domains = {"web01": DomainPlan.model_validate(signal.domain)}
    world = WorldPlan(hosts=2, domains=domains).model_copy(update=signal.host)
    steps = tuple(
        step(number, text) for number, text in enumerate(signal.steps.splitlines(), start=1)
    )
    return Scenario(name="x", title="x", steps=steps, expect={world.name: None}, worlds=(world,))


def step(number: int, text: str) -> ScenarioStep:
    """Return a step, a second after the one before, or in the same moment."""
    is_at_once = text.startswith("+ ")
    operation, *given = text.removeprefix("+ ").split()
    domain = {"name": "web01"} if "name" in operations()[operation].arguments else {}
    arguments = domain | dict(each.split("=") for each in given)
    return ScenarioStep(
        number, timedelta(seconds=not is_at_once), "host", operation, typed(arguments)
    )


def typed(arguments: Mapping[str, str]) -> dict[str, str | bool]:
    """Return arguments, with truth values for their words."""
    words = {"true": True, "false": False}
    return {name: words.get(value, value) for name, value in arguments.items()}


def full_line(event: DomainEvent) -> str:
    """Return an event's line, the type of its event of the history, and its message."""
    name, evidence = event.domain.name, event.evidence
    text = f"{name}: {line(event).removeprefix(name + ' ')}"
    if evidence.event is not None:
        text += f" <{evidence.event.type}>"
    return f"{text} ({evidence.message})" if evidence.message else text


@pytest.mark.parametrize(
    ("steps", "domain", "told"),
    [
        ("power_on", "off", [(AgentState.CONNECTED, AgentReason.DOMAIN_STARTED)]),
        (
            "stop_tools\nstart_tools",
            "on",
            [
                (AgentState.DISCONNECTED, AgentReason.CHANNEL),
                (AgentState.CONNECTED, AgentReason.CHANNEL),
            ],
        ),
    ],
)
async def test_tools_come_with_a_start_or_by_themselves(
    steps: str, domain: str, told: list[tuple[AgentState, AgentReason]]
) -> None:
    """What comes up within five minutes of the boot belongs to it."""
    scenario = scenario_of(Signal(BOTH, steps, (), domain))
    time = Time()
    async with staged(scenario.build(now=time.now()), time) as stage:
        await stage.go_to(time.now() + timedelta(minutes=6))
        await stage.play(scenario)

        agents = [
            each for each in stage.followed["host"].told if isinstance(each, DomainAgentLifecycle)
        ]
        assert [(each.state, each.because) for each in agents] == told
