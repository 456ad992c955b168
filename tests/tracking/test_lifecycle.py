"""What a difference between two pictures means: the situations that the lifecycle table knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from eventd.model.domain import Choice
from eventd.model.events import DomainStopped, QuestionCleared, QuestionRaised
from eventd.model.lifecycle import DETAILS, Detail, StoppedDetail
from eventd.model.picture import DomainPicture, PowerState
from eventd.tracking.changes import Change, Part
from eventd.tracking.facts import Facts
from eventd.tracking.inventory import Step, SuspendMode
from eventd.tracking.lifecycle import SAVED_TABLE, TABLE, decide
from eventd.vi.types import TaskState
from tests.tracking.playbook import NOON, WEB01, Scenario, domains_of, evidence_of, told, users_of


def test_power_on_by_a_task_is_started_booted(scenario: Scenario) -> None:
    """Off, then on, and a power-on task of the domain: STARTED/booted, by that task's user."""
    events = scenario.say(
        scenario.task("VirtualMachine.powerOn", user="ops"),
        scenario.modify(power="poweredOn", boot="2026-11-20T11:59:58.5Z"),
    )

    assert told(events) == ["started booted (task)"]
    assert users_of(events) == ["ops"]
    assert domains_of(events)[0].id == 42


def test_power_on_without_a_task_is_started_booted(scenario: Scenario) -> None:
    """There is only one way from off to on; the time is the host's time of boot."""
    [event] = scenario.say(scenario.modify(power="poweredOn", boot="2026-11-20T11:59:58.5Z"))

    assert told([event]) == ["started booted (state)"]
    assert event.occurred_at == datetime(2026, 11, 20, 11, 59, 58, 500_000, tzinfo=UTC)


def test_power_off_by_a_task_is_stopped_destroyed(running: Scenario) -> None:
    """PowerOffVM_Task pulls the plug: STOPPED/destroyed, whatever cleanPowerOff says."""
    events = running.say(
        running.modify(power="poweredOff", boot=None, clean="true"),
        running.task("VirtualMachine.powerOff"),
    )

    assert told(events) == ["stopped destroyed (task)"]
    assert domains_of(events)[0].id == -1


def test_terminated_domain_is_destroyed_not_crashed(running: Scenario) -> None:
    """A terminate task outweighs the cleanPowerOff=false that it leaves behind."""
    events = running.say(
        running.task("VirtualMachine.terminate"),
        running.modify(power="poweredOff", boot=None, clean="false"),
    )

    assert told(events) == ["stopped destroyed (task)"]


def test_guest_that_was_shutting_down_is_shutdown_and_stopped(running: Scenario) -> None:
    """Guest shutdown: its state was shuttingDown before it went off."""
    assert running.say(running.modify(guest="shuttingDown")) == []
    events = running.say(running.modify(power="poweredOff", boot=None, guest="notRunning"))

    assert told(events) == ["shutdown guest (guest-state)", "stopped shutdown (guest-state)"]


def test_orderly_stop_without_a_task_or_an_event_is_stopped_for_an_unknown_cause(
    running: Scenario,
) -> None:
    """cleanPowerOff says that it was no crash, not whether the guest or a user did it."""
    events = running.say(running.modify(power="poweredOff", boot=None, clean="true"))

    assert told(events) == ["stopped shutdown (unknown)"]
    assert [found.clean_power_off for found in evidence_of(events)] == [True]


def test_guest_shutdown_listed_as_a_task_is_stopped_shutdown(
    running: Scenario,
) -> None:
    """govmomi's simulator makes a task of ShutdownGuest; it is no hard power-off."""
    events = running.say(
        running.task("VirtualMachine.shutdownGuest"), running.modify(power="poweredOff")
    )

    assert told(events) == ["shutdown guest (task)", "stopped shutdown (task)"]


def test_stop_that_the_host_did_not_see_coming_is_stopped_crashed(running: Scenario) -> None:
    """cleanPowerOff = false is evidence of a crash, and its severity says so."""
    [event] = running.say(running.modify(power="poweredOff", boot=None, clean="false"))

    assert told([event]) == ["stopped crashed (clean-power-off)"]
    assert event.severity.name == "ERROR"


def test_stop_without_evidence_is_neutral_and_says_so(running: Scenario) -> None:
    """A crash is never guessed: libvirt's detail 0 and the cause unknown."""
    [event] = running.say(running.modify(power="poweredOff"))

    assert told([event]) == ["stopped shutdown (unknown)"]
    assert isinstance(event, DomainStopped)
    assert event.detail == 0


def test_suspend_and_resume_are_paused_and_unpaused(running: Scenario) -> None:
    """As libvirt's ESX driver has it: a suspended domain is paused and keeps its id."""
    events = running.say(running.task("VirtualMachine.suspend"), running.modify(power="suspended"))
    assert told(events) == ["suspended paused (task)", "job-completed suspend (task)"]
    assert (running.status().state.word, running.status().domain.id) == ("paused", 42)

    events = running.say(running.modify(power="poweredOn"))
    assert told(events) == ["resumed unpaused (state)"]


def test_suspended_domain_that_is_powered_off_is_stopped_destroyed(running: Scenario) -> None:
    """Powering off what is suspended throws its memory away."""
    running.say(running.modify(power="suspended"))
    events = running.say(running.modify(power="poweredOff", boot=None))

    assert told(events) == ["stopped destroyed (state)"]


def test_suspend_as_saved_is_stopped_saved_and_started_restored() -> None:
    """With suspend = "saved" a suspended domain is shut off, and events and state agree."""
    host = Scenario(suspend=SuspendMode.SAVED)
    host.sync(host.enter(name="web01", power="poweredOn", uuid="u"))

    assert told(host.say(host.modify(power="suspended"))) == ["stopped saved (state)"]
    assert (host.status().state.word, host.status().domain.id) == ("shut off", -1)
    assert told(host.say(host.modify(power="poweredOn"))) == ["started restored (state)"]


def test_saved_domain_that_is_powered_off_tells_nothing() -> None:
    """With suspend = "saved" it was shut off before and is shut off after."""
    host = Scenario(suspend=SuspendMode.SAVED)
    host.sync(host.enter(name="web01", power="suspended", uuid="u"))

    assert host.say(host.modify(power="poweredOff")) == []


def test_new_domain_is_defined_added(scenario: Scenario) -> None:
    """Register, create and clone all show as a domain that enters."""
    events = scenario.say(scenario.enter("vm-43", name="db01", power="poweredOff", uuid="u2"))

    assert told(events) == ["defined added (state)"]


def test_new_domain_that_a_task_powered_on_is_defined_and_booted(scenario: Scenario) -> None:
    """A clone that is powered on at once: both events, in order."""
    events = scenario.say(
        scenario.task("VirtualMachine.powerOn", entity="vm-43"),
        scenario.enter("vm-43", name="db01", power="poweredOn", uuid="u2"),
    )

    assert told(events) == ["defined added (state)", "started booted (task)"]


def test_new_domain_that_runs_already_came_from_elsewhere(scenario: Scenario) -> None:
    """Nobody powered it on here: it was migrated into what the connection follows."""
    events = scenario.say(scenario.enter("vm-43", name="db01", power="poweredOn", uuid="u2"))

    assert told(events) == ["defined added (state)", "started migrated (state)"]


def test_removed_domain_is_undefined_removed(scenario: Scenario) -> None:
    """Unregister and destroy both show as a domain that leaves; it is told as it was."""
    events = scenario.say(scenario.leave())

    assert told(events) == ["undefined removed (state)"]
    assert domains_of(events)[0].name == "web01"


def test_destroyed_domain_is_undefined_with_the_task_as_evidence(scenario: Scenario) -> None:
    """Destroy is a task, and says who did it."""
    events = scenario.say(scenario.task("VirtualMachine.destroy", user="ops"), scenario.leave())

    assert told(events) == ["undefined removed (task)"]
    assert users_of(events) == ["ops"]


def test_domain_that_leaves_while_on_was_migrated_away(running: Scenario) -> None:
    """VI refuses to unregister what is on, so it left the scope: STOPPED before UNDEFINED."""
    events = running.say(running.leave())

    assert told(events) == ["stopped migrated (state)", "undefined removed (state)"]
    assert [domain.id for domain in domains_of(events)] == [-1, -1]


def test_rename_is_undefined_and_defined_with_old_and_new_name(scenario: Scenario) -> None:
    """Two events with the same UUID, as libvirt tells a rename."""
    events = scenario.say(scenario.task("VirtualMachine.rename"), scenario.modify(name="web%2f02"))

    assert told(events) == ["undefined renamed (task)", "defined renamed (task)"]
    assert [domain.name for domain in domains_of(events)] == ["web01", "web/02"]
    assert len({domain.uuid for domain in domains_of(events)}) == 1


def test_another_uuid_is_another_domain(scenario: Scenario) -> None:
    """libvirt's identity is the UUID: the old one is undefined, the new one defined."""
    events = scenario.say(scenario.modify(uuid="99999999-0000-0000-0000-000000000000"))

    assert told(events) == ["undefined removed (state)", "defined added (state)"]
    assert [domain.uuid[:4] for domain in domains_of(events)] == ["4215", "9999"]


def test_another_host_while_on_is_a_migration(running: Scenario) -> None:
    """vMotion: STOPPED/migrated on the old host, then STARTED/migrated on the new one."""
    events = running.say(running.task("VirtualMachine.migrate"), running.modify(host="host-2"))

    assert told(events) == [
        "stopped migrated (task)",
        "started migrated (task)",
        "job-completed migrate (task)",
    ]
    [stopped, started, _] = evidence_of(events)
    assert [domain.host for domain in domains_of(events)[:2]] == ["esx01.example", "esx02.example"]
    assert stopped == started
    assert (stopped.source_host, stopped.destination_host) == ("esx01.example", "esx02.example")


def test_job_of_a_domain_that_leaves_is_told_before_it_is_gone(scenario: Scenario) -> None:
    """It was still running when the domain moved, and nobody can be told of it afterwards."""
    running = TaskState.RUNNING
    scenario.say(scenario.task("VirtualMachine.relocate", running), scenario.modify(host="host-2"))

    events = scenario.say(
        scenario.task("VirtualMachine.relocate"),
        scenario.task("VirtualMachine.destroy", key="task-2"),
        scenario.leave(),
    )

    assert told(events) == ["job-completed relocate (task)", "undefined removed (task)"]


def test_another_host_and_a_new_boot_is_a_stop_and_a_start(running: Scenario) -> None:
    """Off in between, unseen. A crash is not guessed: it may as well have been powered off."""
    events = running.say(running.modify(host="host-2", boot="2026-11-20T13:00:00Z"))

    assert told(events) == ["stopped shutdown (unknown)", "started booted (boot-time)"]
    assert [domain.host for domain in domains_of(events)] == ["esx01.example", "esx02.example"]


def test_power_off_and_destroy_in_one_difference_is_no_migration(running: Scenario) -> None:
    """Its tasks tell how it ended, though it was never seen off."""
    events = running.say(
        running.task("VirtualMachine.powerOff", key="t1"),
        running.task("VirtualMachine.destroy", key="t2"),
        running.leave(),
    )

    assert told(events) == ["stopped destroyed (task)", "undefined removed (task)"]


def test_destroy_of_what_was_last_seen_on_is_no_migration(running: Scenario) -> None:
    """VI destroys nothing that is on, so it was powered off, by whomever."""
    events = running.say(running.task("VirtualMachine.destroy"), running.leave())

    assert told(events) == ["stopped shutdown (unknown)", "undefined removed (task)"]


def test_domain_gone_in_a_gap_is_not_said_to_have_migrated(running: Scenario) -> None:
    """It may have been powered off and deleted meanwhile."""
    events = running.sync()

    assert told(events) == ["stopped shutdown (unknown)", "undefined removed (state)"]
    assert all(event.synthetic for event in events)


def test_new_domain_that_was_booted_after_the_last_look_has_not_migrated(
    scenario: Scenario,
) -> None:
    """Created and started between two answers: its boot time tells."""
    later = "2026-11-20T12:00:05Z"
    events = scenario.say(
        scenario.enter("vm-43", name="db01", power="poweredOn", boot=later, uuid="u2")
    )

    assert told(events) == ["defined added (state)", "started booted (boot-time)"]


def test_what_enters_or_leaves_while_on_says_so(running: Scenario) -> None:
    """The evidence says that it is the scope that was entered or left."""
    events = running.say(
        running.leave(), running.enter("vm-43", name="db01", power="poweredOn", uuid="u2")
    )

    messages = [found.message for found in evidence_of(events) if found.message]
    assert messages == [
        "it was on when it left what the connection follows",
        "it was on when it entered what the connection follows",
    ]


def test_another_uuid_while_on_stops_the_old_and_starts_the_new(running: Scenario) -> None:
    """Who replays the events of either UUID comes to its state."""
    events = running.say(running.modify(uuid="99999999-0000-0000-0000-000000000000"))

    assert [event.type for event in events] == ["stopped", "undefined", "defined", "started"]
    assert [domain.uuid[:4] for domain in domains_of(events)] == ["4215", "4215", "9999", "9999"]


def test_crash_of_the_last_run_is_not_the_cause_of_the_next_stop(running: Scenario) -> None:
    """A host that leaves cleanPowerOff set while on tells nothing of the stop to come."""
    running.say(running.modify(power="poweredOff", clean="false"))
    running.say(running.modify(power="poweredOn"))
    events = running.say(running.modify(power="poweredOff"))

    assert told(events) == ["stopped shutdown (unknown)"]


def test_orderly_stop_in_a_gap_has_no_known_cause(running: Scenario) -> None:
    """cleanPowerOff does not tell a guest's shutdown from a power-off whose task is forgotten."""
    [event] = running.sync(running.enter(**{**WEB01, "clean": "true"}))

    assert told([event]) == ["stopped shutdown (unknown)"]
    assert event.synthetic


def test_name_that_is_told_later_is_no_rename(scenario: Scenario) -> None:
    """A domain may enter before the host knows its name."""
    scenario.say(scenario.enter("vm-43", power="poweredOff", uuid="u2"))

    assert scenario.say(scenario.modify("vm-43", name="db01")) == []


def test_reset_that_a_host_shows_as_off_and_on_is_one_reboot(running: Scenario) -> None:
    """govmomi's simulator does, with a task for each of them."""
    events = running.say(
        running.task("VirtualMachine.reset", key="t1"),
        running.task("VirtualMachine.powerOff", key="t2"),
        running.task("VirtualMachine.powerOn", key="t3"),
        running.modify(power="poweredOff", boot=None),
        running.modify(power="poweredOn", boot="2026-11-20T12:00:09Z"),
    )

    assert told(events) == ["reboot (task)"]


def test_half_of_a_reset_is_held_back_until_the_other_half(running: Scenario) -> None:
    """The domain is not said to be off meanwhile."""
    resetting = running.task("VirtualMachine.reset", TaskState.RUNNING, key="t1")
    off = running.task("VirtualMachine.powerOff", key="t2")
    assert running.say(resetting, off, running.modify(power="poweredOff")) == []
    assert running.status().state.word == "running"
    assert running.tracker.is_waiting

    events = running.say(resetting, off, running.modify(power="poweredOn"))
    events += running.say(running.task("VirtualMachine.reset", key="t1"))
    assert told(events) == ["reboot (task)"]
    assert not running.tracker.is_waiting


def test_reset_that_is_told_before_its_halves_are_seen_is_told_once(running: Scenario) -> None:
    """Its task was read when it had ended, and what it changed came later."""
    reset = running.task("VirtualMachine.reset", key="t1")
    off = running.task("VirtualMachine.powerOff", key="t2")
    events = running.say(reset, off, running.modify(tasks=("t1", "t2")))
    events += running.say_again(reset, off)
    events += running.say(
        reset, off, running.modify(power="poweredOff"), running.modify(power="poweredOn")
    )

    assert told(events) == ["reboot (task)"]


def test_power_off_after_a_reset_is_told_at_once(running: Scenario) -> None:
    """Its task was queued when the reset had ended."""
    reset = running.task("VirtualMachine.reset", key="t1", completed_at=NOON)
    off = running.task("VirtualMachine.powerOff", key="t2", queued_at=NOON + timedelta(seconds=1))
    events = running.say(reset, off, running.modify(power="poweredOff"))

    assert told(events) == ["stopped destroyed (task)"]


def test_reset_that_fails_half_way_is_a_stop(running: Scenario) -> None:
    """What was held back is told when the reset has ended in an error."""
    off = running.task("VirtualMachine.powerOff", key="t2")
    running.say(
        running.task("VirtualMachine.reset", TaskState.RUNNING, key="t1"),
        off,
        running.modify(power="poweredOff"),
    )
    events = running.say(running.task("VirtualMachine.reset", TaskState.ERROR, key="t1"), off)

    assert told(events) == ["stopped destroyed (task)"]
    assert running.status().state.word == "shut off"


def test_another_host_while_off_is_a_new_definition(scenario: Scenario) -> None:
    """A cold migration changes no state of the domain, only where it is defined to be."""
    assert told(scenario.say(scenario.modify(host="host-2"))) == ["defined updated (state)"]


def test_new_boot_time_while_on_reveals_a_restart(running: Scenario) -> None:
    """bootTime is set at power-on only, so the domain was off in between."""
    events = running.say(running.modify(boot="2026-11-20T13:00:00Z"))

    assert told(events) == ["stopped shutdown (unknown)", "started booted (boot-time)"]
    assert events[0].occurred_at <= events[1].occurred_at


def test_new_boot_time_with_a_power_off_task_reveals_a_destroyed_domain(running: Scenario) -> None:
    """The task tells how the run that was not seen to end has ended."""
    events = running.say(
        running.task("VirtualMachine.powerOff"), running.modify(boot="2026-11-20T13:00:00Z")
    )

    assert told(events) == ["stopped destroyed (task)", "started booted (boot-time)"]
    assert events[0].occurred_at <= events[1].occurred_at


def test_reset_is_one_reboot_whichever_signal_comes_first(running: Scenario) -> None:
    """The task and the guest's state both show a reset; it is told once."""
    resetting = running.task("VirtualMachine.reset", TaskState.RUNNING)
    events = running.say(resetting)
    events += running.say(resetting, running.modify(guest="resetting"))
    events += running.say(running.task("VirtualMachine.reset"))

    assert told(events) == ["reboot (task)"]


def test_reset_whose_guest_state_trails_is_told_once(running: Scenario) -> None:
    """The task has succeeded before the guest is seen resetting."""
    reset = running.task("VirtualMachine.reset")
    events = running.say(reset)
    events += running.say_again(reset)
    events += running.say(running.modify(guest="resetting"))
    events += running.say(running.modify(guest="running"))

    assert told(events) == ["reboot (task)"]


def test_guest_reboot_after_a_reset_is_told_again(running: Scenario) -> None:
    """Once the guest runs again, its next restart is its own."""
    reset = running.task("VirtualMachine.reset")
    events = running.say(reset)
    events += running.say_again(reset)
    events += running.say(running.modify(guest="running"))
    events += running.say(running.modify(guest="resetting"))

    assert told(events) == ["reboot (task)", "reboot (guest-state)"]


def test_reset_is_told_after_what_went_before_it(running: Scenario) -> None:
    """Tasks are read a moment later than the changes that they are read for."""
    reset = running.task("VirtualMachine.reset")
    events = running.say(reset, running.modify(power="suspended"))
    events += running.say(reset, running.modify(power="poweredOn"))
    events += running.say_again(reset)

    assert told(events) == ["suspended paused (state)", "resumed unpaused (state)", "reboot (task)"]


def test_failed_reset_tells_nothing(running: Scenario) -> None:
    """A task that failed explains no change."""
    assert running.say(running.task("VirtualMachine.reset", TaskState.ERROR)) == []


def test_reset_of_a_domain_that_is_not_followed_tells_nothing(running: Scenario) -> None:
    """Tasks are seen for the whole host, domains for the scope only."""
    assert running.say(running.task("VirtualMachine.reset", entity="vm-99")) == []


def test_question_raised_and_cleared(running: Scenario) -> None:
    """A question is an event of its own, with its choices and the default."""
    [raised] = running.say(running.modify(question=running.question()))
    assert told([raised]) == ["raised (state)"]
    assert isinstance(raised, QuestionRaised)
    assert raised.question.default == Choice(key="1", label="Append")
    assert running.status().question == raised.question

    [cleared] = running.say(running.modify(question=None))
    assert told([cleared]) == ["cleared unknown (state)"]
    assert isinstance(cleared, QuestionCleared)
    assert cleared.question == raised.question


def test_question_that_follows_another_clears_it(running: Scenario) -> None:
    """Another id is another question."""
    running.say(running.modify(question=running.question("25")))
    events = running.say(running.modify(question=running.question("26")))

    assert told(events) == ["cleared unknown (state)", "raised (state)"]


def test_question_is_cleared_before_what_it_held_up(scenario: Scenario) -> None:
    """The host may tell the answer and the start that it let go on at once."""
    scenario.say(scenario.modify(question=scenario.question()))
    events = scenario.say(scenario.modify(question=None, power="poweredOn"))

    assert told(events) == ["cleared elsewhere (state)", "started booted (state)"]


def test_question_of_a_domain_that_leaves_is_cleared(scenario: Scenario) -> None:
    """Nobody can answer it any more."""
    scenario.say(scenario.modify(question=scenario.question()))

    events = scenario.say(scenario.leave())

    assert told(events) == ["cleared withdrawn (state)", "undefined removed (state)"]


def test_question_whose_default_is_out_of_range_has_none(running: Scenario) -> None:
    """The index is the host's word; libvirt too reports no default then."""
    [raised] = running.say(running.modify(question=running.question(default=7)))

    assert isinstance(raised, QuestionRaised)
    assert raised.question.default is None


ON = DomainPicture("vm-42", power_state=PowerState.POWERED_ON)


def no_evidence(change: Change) -> Facts:
    """Return the facts of a change that nothing explains, after a gap."""
    return Facts(
        part=Part(change, Step(ON, ON)),
        history=(),
        host_event=lambda host, types: None,
        explain=lambda operation, chain: None,
        has=lambda operation: False,
        is_host_connected=True,
        host_state=None,
        elsewhere=None,
        arrived_at=None,
        follows_history=False,
        in_gap=True,
        is_another_host=False,
        looked_at=NOON,
    )


@pytest.mark.parametrize("mode", SuspendMode)
@pytest.mark.parametrize("change", Change)
def test_every_change_is_decided_without_evidence_and_never_as_a_crash(
    change: Change, mode: SuspendMode
) -> None:
    """The last row of each change needs nothing, and no such row says crashed."""
    verdict = decide(no_evidence(change), mode)

    details = [what for what in verdict.then if isinstance(what, Detail)]
    assert {type(detail) for detail in details} <= set(DETAILS.values())
    assert not any(detail is StoppedDetail.CRASHED for detail in details)


def test_rows_of_one_change_stand_together() -> None:
    """The tables read from top to bottom: the rows of a change are never scattered."""
    for table in (TABLE, SAVED_TABLE):
        order = [row.change for row in table]
        runs = [change for i, change in enumerate(order) if i == 0 or order[i - 1] is not change]
        assert len(runs) == len(set(runs))


def test_stopped_event_is_frozen(running: Scenario) -> None:
    """What was published cannot be rewritten."""
    [event] = running.say(running.modify(power="poweredOff"))

    with pytest.raises(ValueError, match="frozen"):
        event.synthetic = True  # type: ignore[misc]
