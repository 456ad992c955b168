"""What lies between two pictures: every difference, and the transitions that neither shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.model.domain import Question
from eventd.model.picture import DomainPicture, PowerState
from eventd.tracking.changes import Change, Part, unfold
from eventd.tracking.inventory import Step
from eventd.vi.types import HistoryEvent
from tests.tracking.playbook import NOON

OFF = DomainPicture("vm-42", name="web01", uuid="u", power_state=PowerState.POWERED_OFF, host="h1")
ON = OFF._replace(power_state=PowerState.POWERED_ON, boot_time=NOON)
SUSPENDED = ON._replace(power_state=PowerState.SUSPENDED, suspend_time=NOON)
LATER = NOON + timedelta(hours=1)

STATES = {"on": ON, "off": OFF, "suspended": SUSPENDED}
ENTRIES = {
    "on": "VmPoweredOnEvent",
    "off": "VmPoweredOffEvent",
    "suspended": "VmSuspendedEvent",
    "revert": "com.vmware.vc.vm.VmStateRevertedToSnapshot",
    "moved": "VmMigratedEvent",
}


def history(*kinds: str, chain: int | None = None, host: str | None = None) -> list[HistoryEvent]:
    """Entries of these kinds, a second apart."""
    return [
        HistoryEvent(
            number,
            number if chain is None else chain,
            NOON + timedelta(seconds=number),
            ENTRIES[kind],
            "",
            "vm-42",
            host,
        )
        for number, kind in enumerate(kinds, 1)
    ]


def names(parts: list[Part]) -> list[str]:
    """Write parts as words."""
    return [part.change.name.lower() for part in parts]


def keys(parts: list[Part]) -> list[int | None]:
    """The keys of the entries that record the parts."""
    return [part.event.key if part.event else None for part in parts]


# -- single differences


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("off", "on", "started"),
        ("on", "off", "stopped"),
        ("on", "suspended", "suspended"),
        ("suspended", "on", "resumed"),
        ("suspended", "off", "discarded"),
        ("off", "suspended", "found_suspended"),
    ],
)
def test_another_power_state_is_one_transition(before: str, after: str, expected: str) -> None:
    """Without a history, the direct way is all that is known."""
    assert names(unfold(Step(STATES[before], STATES[after]))) == [expected]


@pytest.mark.parametrize("state", STATES)
def test_equal_pictures_differ_in_nothing(state: str) -> None:
    """No change without a difference."""
    assert unfold(Step(STATES[state], STATES[state])) == []


def test_nothing_known_before_and_after_is_nothing() -> None:
    """A shadow of another domain has no pictures of its own."""
    assert unfold(Step(None, None)) == []


QUESTION = Question(
    id="q1", vi_id="1", text="?", choices=(), default=None, message_ids=("msg.x.outofspace",)
)
OTHER_QUESTION = QUESTION.model_copy(update={"message_ids": ("msg.uuid.altered",)})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (ON, ON._replace(name="web02"), ["renamed"]),
        (OFF._replace(name=""), OFF, []),
        (ON, ON._replace(host="h2"), ["moved"]),
        (ON, ON._replace(host=None), []),
        (OFF, OFF._replace(host="h2"), ["relocated"]),
        (SUSPENDED, SUSPENDED._replace(host="h2"), ["relocated"]),
        (ON, ON._replace(boot_time=LATER), ["stopped", "started"]),
        (ON._replace(boot_time=None), ON, []),
        (ON, ON._replace(boot_time=None), []),
        (ON, ON._replace(suspend_time=LATER), ["suspended", "resumed"]),
        (ON, ON._replace(boot_time=LATER, suspend_time=LATER), ["stopped", "started"]),
        (SUSPENDED, SUSPENDED._replace(suspend_time=LATER), []),
        (ON, ON._replace(guest_state="resetting"), ["rebooted"]),
        (ON._replace(guest_state="resetting"), ON._replace(guest_state="running"), []),
        (OFF, OFF._replace(guest_state="resetting"), []),
        (ON, ON._replace(has_crashed=True), ["panicked"]),
        (ON._replace(has_crashed=True), ON._replace(has_crashed=False), ["rebooted"]),
        (
            ON._replace(has_crashed=True),
            ON._replace(has_crashed=False, guest_state="resetting"),
            ["rebooted"],
        ),
        (ON, ON._replace(is_on_standby=True), ["standing_by"]),
        (ON._replace(is_on_standby=True), ON._replace(is_on_standby=False), ["woken"]),
        (ON._replace(is_on_standby=True), OFF._replace(is_on_standby=False), ["stopped"]),
        (ON, ON._replace(question=QUESTION), ["blocked"]),
        (ON, ON._replace(question=OTHER_QUESTION), []),
        (OFF, OFF._replace(question=QUESTION), []),
        (ON._replace(question=QUESTION), ON, ["unblocked"]),
        (ON._replace(question=QUESTION), ON._replace(question=OTHER_QUESTION), ["unblocked"]),
        (ON._replace(question=QUESTION), OFF, ["stopped"]),
        (ON, ON._replace(connection_state="disconnected"), ["control_lost"]),
        (ON, ON._replace(connection_state="connected"), []),
        (
            ON._replace(connection_state="disconnected"),
            ON._replace(connection_state="orphaned"),
            [],
        ),
        (ON._replace(connection_state="orphaned"), ON._replace(connection_state="connected"), []),
        (OFF._replace(is_template=False), OFF._replace(is_template=True), ["template_changed"]),
        (OFF, OFF._replace(is_template=True), []),
        (
            ON._replace(tools_state="guestToolsNotRunning"),
            ON._replace(tools_state="guestToolsRunning"),
            ["tools_started"],
        ),
        (
            ON._replace(tools_state="guestToolsRunning"),
            OFF._replace(tools_state="guestToolsNotRunning"),
            ["stopped"],
        ),
        (ON, ON._replace(tools_state="guestToolsRunning"), ["tools_started"]),
        (ON, ON._replace(tools_state="guestToolsNotRunning"), []),
        (
            ON._replace(connection_state="disconnected"),
            ON._replace(connection_state="connected", tools_state="guestToolsRunning"),
            [],
        ),
        (ON, ON._replace(snapshot="s1"), ["snapshot_changed"]),
        (ON, ON._replace(uuid="v"), ["lost_on", "left", "appeared", "found_on"]),
        (OFF, OFF._replace(uuid="v"), ["left", "appeared"]),
    ],
)
def test_each_difference_has_its_name(
    before: DomainPicture, after: DomainPicture, expected: list[str]
) -> None:
    """One by one; what became unset and what is told for the first time is no difference."""
    assert names(unfold(Step(before, after))) == expected


def test_reset_that_was_folded_is_a_reboot_and_no_power_change() -> None:
    """The domain was off in between, for the reset and nothing else."""
    step = Step(ON, ON, is_reset=True)

    assert names(unfold(step, history("off", "on"))) == ["rebooted"]


def test_lost_domain_counts_as_off() -> None:
    """Its host failed, whatever the host's last word was."""
    lost = ON._replace(is_lost=True)

    assert names(unfold(Step(ON, lost))) == ["stopped"]
    assert names(unfold(Step(lost, ON))) == ["started"]
    assert unfold(Step(lost, OFF)) == []


# -- appearing and leaving


def test_appearing_off_is_no_more_than_that() -> None:
    """It is known now."""
    assert names(unfold(Step(None, OFF))) == ["appeared"]


def test_appearing_on_without_a_record_is_found_on() -> None:
    """How it came to be on has to be told by something else."""
    assert names(unfold(Step(None, ON))) == ["appeared", "found_on"]


def test_appearing_on_with_its_record_was_started() -> None:
    """It was created and powered on between two answers."""
    parts = unfold(Step(None, ON), history("on"))

    assert names(parts) == ["appeared", "started"]
    assert keys(parts) == [None, 1]


def test_appearing_suspended_with_its_records_was_started_and_suspended() -> None:
    """Each transition is told."""
    parts = unfold(Step(None, SUSPENDED), history("on", "suspended"))

    assert names(parts) == ["appeared", "started", "suspended"]


def test_appearing_suspended_without_a_record_is_found_so() -> None:
    """Nothing says that it was on here."""
    assert names(unfold(Step(None, SUSPENDED))) == ["appeared", "found_suspended"]


def test_appearing_off_after_a_run_tells_the_run() -> None:
    """Short-lived as it was."""
    assert names(unfold(Step(None, OFF), history("on", "off"))) == [
        "appeared",
        "started",
        "stopped",
    ]


def test_leaving_while_on_was_lost_on() -> None:
    """It was not seen to stop."""
    assert names(unfold(Step(ON, None))) == ["lost_on", "left"]


def test_leaving_while_on_with_its_record_was_stopped() -> None:
    """It was powered off and destroyed between two answers."""
    parts = unfold(Step(ON, None), history("off"))

    assert names(parts) == ["stopped", "left"]
    assert keys(parts) == [1, None]


def test_leaving_while_suspended_was_lost_suspended() -> None:
    """What it had in memory stays on the disk."""
    assert names(unfold(Step(SUSPENDED, None))) == ["lost_suspended", "left"]


def test_leaving_while_off_after_an_unseen_run_tells_the_run() -> None:
    """Its history has it."""
    assert names(unfold(Step(OFF, None), history("on", "off"))) == ["started", "stopped", "left"]


# -- what no picture shows


def test_several_cycles_between_two_pictures_are_all_told() -> None:
    """The longest way that leads to the present state, with its entries."""
    parts = unfold(Step(ON, ON), history("off", "on", "off", "on"))

    assert names(parts) == ["stopped", "started", "stopped", "started"]
    assert keys(parts) == [1, 2, 3, 4]
    assert [part.is_unseen for part in parts] == [True, True, True, False]


def test_cycle_around_a_visible_change_is_told() -> None:
    """On to off, by way of off and on."""
    assert keys(unfold(Step(ON, OFF), history("off", "on", "off"))) == [1, 2, 3]


def test_entry_that_leads_its_property_is_left_alone() -> None:
    """It says off, and the picture still says on: one of both will follow."""
    assert unfold(Step(ON, ON), history("off")) == []
    assert keys(unfold(Step(ON, OFF), history("off", "on"))) == [1]


def test_entry_of_the_present_state_changes_nothing() -> None:
    """The end of a reset, or a late record."""
    assert unfold(Step(ON, ON), history("on")) == []
    assert keys(unfold(Step(ON, OFF), history("on", "off"))) == [2]


def test_step_that_others_follow_takes_no_more_than_its_own_entry() -> None:
    """The rest of the history is theirs."""
    entries = history("off", "on", "off")

    assert keys(unfold(Step(ON, OFF), entries, is_last=False)) == [1]
    assert unfold(Step(ON, ON), entries, is_last=False) == []
    assert keys(unfold(Step(ON, SUSPENDED), entries, is_last=False)) == [None]
    assert names(unfold(Step(ON, OFF), history("revert", "on"), is_last=False)) == ["reverted"]


def test_step_that_others_follow_passes_by_the_end_of_a_reset() -> None:
    """Which is recorded as a power-on; one that ends no reset is of the steps that follow."""
    on, suspended = history("on", "suspended")
    reset = on._replace(type="VmResettingEvent", key=7)

    assert keys(unfold(Step(ON, SUSPENDED), [reset, on, suspended], is_last=False)) == [2]
    assert keys(unfold(Step(ON, SUSPENDED), [on, suspended], is_last=False)) == [None]


def test_new_time_of_boot_takes_one_cycle_if_other_steps_follow() -> None:
    """The cycles behind it are between the pictures to come; and so are those of suspensions."""
    booted = ON._replace(boot_time=NOON)
    again = ON._replace(boot_time=NOON + timedelta(minutes=1))
    entries = history("off", "on", "off", "on", "off")
    assert keys(unfold(Step(booted, again), entries, is_last=False)) == [1, 2]

    resumed = ON._replace(suspend_time=NOON)
    entries = history("suspended", "on", "suspended", "on", "off")
    assert keys(unfold(Step(ON, resumed), entries, is_last=False)) == [1, 2]


def test_new_time_of_boot_takes_the_entries_that_there_are() -> None:
    """One of the two may be missing, or both."""
    after = ON._replace(boot_time=LATER)

    assert keys(unfold(Step(ON, after), history("off", "on"))) == [1, 2]
    assert keys(unfold(Step(ON, after), history("off"))) == [1, None]
    assert keys(unfold(Step(ON, after), history("on"))) == [None, 1]
    assert keys(unfold(Step(ON, after), history("on", "off"))) == [2, None]
    assert [part.is_unseen for part in unfold(Step(ON, after))] == [True, True]


def test_unseen_stop_was_before_the_boot_and_its_picture_is_bare() -> None:
    """What belongs to one run of the guest is not carried over."""
    before = ON._replace(guest_state="running", clean_power_off=False, has_crashed=True)
    stop, start = unfold(Step(before, ON._replace(boot_time=LATER, host="h2")))

    assert stop.not_after == LATER
    assert start.not_after is None
    between = stop.step.after
    assert between is not None
    assert (between.boot_time, between.guest_state, between.has_crashed) == (None, None, None)
    assert between.host == "h1"


def test_unseen_stop_is_on_the_host_that_its_record_names() -> None:
    """It may have moved before it stopped."""
    [stop, _] = unfold(Step(ON, ON), history("off", "on", host="h2"))

    assert stop.step.after is not None
    assert stop.step.after.host == "h2"


def test_unseen_suspend_was_not_before_the_boot() -> None:
    """Only what a start follows is bounded by its time."""
    suspend, resume = unfold(Step(ON, ON._replace(suspend_time=LATER)), history("suspended"))

    assert (suspend.not_after, resume.not_after) == (None, None)
    assert suspend.step.after is not None
    assert suspend.step.after.suspend_time == LATER
    assert keys([suspend, resume]) == [1, None]


# -- snapshots


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_revert_is_one_change_from_any_state_to_any(before: str, after: str) -> None:
    """Whether the history says so, or a task."""
    step = Step(STATES[before], STATES[after])

    assert names(unfold(step, history("revert"))) == ["reverted"]
    assert names(unfold(step, is_reverted=True)) == ["reverted"]


def test_entries_of_the_revert_itself_are_no_transitions() -> None:
    """They belong to its chain."""
    assert names(unfold(Step(ON, OFF), history("off", "revert", "on", "off", chain=7))) == [
        "reverted"
    ]


def test_revert_on_the_way_leads_to_where_the_next_transition_begins() -> None:
    """Reverted to off, then powered on."""
    parts = unfold(Step(ON, ON), history("revert", "on"))

    assert names(parts) == ["reverted", "started"]
    assert names(unfold(Step(OFF, OFF), history("revert", "off"))) == ["reverted", "stopped"]


# -- places


def test_moves_over_several_hosts_are_all_told() -> None:
    """The history names each host."""
    entries = [
        *history("moved", host="h2"),
        history("moved", "moved", host="h3")[1],
    ]
    first, second = unfold(Step(ON, ON._replace(host="h3")), entries)

    assert first.step.after is not None
    assert second.step.before is not None
    assert first.step.after.host == second.step.before.host == "h2"
    assert keys([first, second]) == [1, 2]


def test_record_of_a_move_to_the_same_host_is_no_move() -> None:
    """Some servers write it before they change the host."""
    entries = history("moved", "moved", host="h1")

    assert keys(unfold(Step(ON, ON._replace(host="h2")), entries)) == [2]


def test_moves_of_several_steps_are_told_once_each() -> None:
    """Also where a server writes the record of each before the host has changed."""
    at_h1, at_h2 = (
        entry._replace(host=host, references={"sourceHost": host})
        for entry, host in zip(history("moved", "moved"), ("h1", "h2"), strict=True)
    )
    there = ON._replace(host="h2")

    first = unfold(Step(ON, there), [at_h1, at_h2], is_last=False)
    second = unfold(Step(there, ON._replace(host="h3")), [at_h2])

    assert (names(first), keys(first)) == (["moved"], [1])
    assert (names(second), keys(second)) == (["moved"], [2])


def test_restart_on_another_host_is_no_move() -> None:
    """It did not go there while it ran."""
    after = ON._replace(host="h2", boot_time=LATER)

    assert names(unfold(Step(ON, after))) == ["stopped", "started"]


# -- always


_walks = st.lists(st.sampled_from(["on", "off", "suspended"]), max_size=8)


@given(start=st.sampled_from(["on", "off", "suspended"]), walk=_walks, renamed=st.booleans())
def test_recorded_walk_is_told_exactly(start: str, walk: list[str], renamed: bool) -> None:
    """Whatever way a domain went, each of its transitions is told once, and no other."""
    states = [start]
    for state in walk:
        if state != states[-1] and (states[-1], state) != ("off", "suspended"):
            states.append(state)
    before = STATES[start]
    after = STATES[states[-1]]._replace(name="web02" if renamed else "web01")
    if states[-1] == start:  # neither time shows it: the history alone does
        after = after._replace(boot_time=before.boot_time, suspend_time=before.suspend_time)
    parts = unfold(Step(before, after), history(*states[1:]))

    went = [part for part in parts if part.change is not Change.RENAMED]
    assert [part.step.after.power for part in went if part.step.after] == [
        STATES[state].power for state in states[1:]
    ]
    assert_gap_free(parts, Step(before, after))


_times = st.none() | st.sampled_from([NOON, LATER])
_pictures = st.builds(
    lambda power, host, name, uuid, boot, suspended, lost: DomainPicture(
        "vm-42",
        name=name,
        uuid=uuid,
        power_state=power,
        host=host,
        boot_time=boot,
        suspend_time=suspended,
        is_lost=lost,
    ),
    st.sampled_from(PowerState),
    st.none() | st.sampled_from(["h1", "h2"]),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(["u", "v"]),
    _times,
    _times,
    st.booleans(),
)


@given(
    before=st.none() | _pictures,
    after=st.none() | _pictures,
    kinds=st.lists(st.sampled_from(list(ENTRIES)), max_size=6),
    is_reverted=st.booleans(),
    is_last=st.booleans(),
)
def test_way_is_gap_free_whatever_the_history_says(
    before: DomainPicture | None,
    after: DomainPicture | None,
    kinds: list[str],
    is_reverted: bool,
    is_last: bool,
) -> None:
    """Each part begins where the one before ends, and all of them lead from one to the other."""
    step = Step(before, after)

    parts = unfold(step, history(*kinds), is_reverted=is_reverted, is_last=is_last)

    assert_gap_free(parts, step)
    recorded = [part.event.key for part in parts if part.event]
    assert recorded == sorted(set(recorded)), "each entry records one part, in order"


_OF_THE_WAY = frozenset(
    {
        Change.APPEARED,
        Change.FOUND_ON,
        Change.FOUND_SUSPENDED,
        Change.RENAMED,
        Change.STARTED,
        Change.STOPPED,
        Change.SUSPENDED,
        Change.RESUMED,
        Change.DISCARDED,
        Change.REVERTED,
        Change.MOVED,
        Change.RELOCATED,
        Change.LOST_ON,
        Change.LOST_SUSPENDED,
        Change.LEFT,
    }
)


def assert_gap_free(parts: list[Part], step: Step) -> None:
    """The parts of the way join one another, and its ends."""
    way = [part for part in parts if part.change in _OF_THE_WAY]
    if not way:
        assert bool(step.before) == bool(step.after)
        if step.before and step.after:
            assert step.before.power is step.after.power
        return
    assert way[0].step.before == step.before
    for one, next_one in pairwise(way):
        assert one.step.after == next_one.step.before
    last = way[-1].step.after
    if [part.change for part in way] == [Change.RENAMED] or last is None or step.after is None:
        assert (last is None) == (step.after is None)
    elif way[-1].change is Change.APPEARED:
        assert last.power is step.after.power is PowerState.POWERED_OFF
    else:
        assert last == step.after


def test_times_are_those_of_the_records() -> None:
    """A part bears the entry that tells when it was."""
    [part] = unfold(Step(ON, OFF), history("off"))

    assert part.event is not None
    at: datetime = part.event.created_time
    assert at == NOON + timedelta(seconds=1)
