"""One reboot is told once, though eventd ends between its signs or cannot publish it."""

from __future__ import annotations

import pytest

from eventd.journal.encoding import decode_picture, encode_picture
from tests.tracking.playbook import WEB01, Scenario, told

ON = {**WEB01, "power": "poweredOn", "guest": "running"}
LONG = 3600
"""Seconds: much longer than a reboot takes."""


@pytest.fixture
def host() -> Scenario:
    """A host with web01 on, whose history is followed."""
    host = Scenario(follows_history=True, grace=1.5)
    host.sync(host.enter(**ON))
    host.wait(60)
    host.say(host.event("VmReconfiguredEvent", user="ops"))
    host.wait(60)
    host.say()
    return host


def goes_down(host: Scenario) -> list[str]:
    """The guest goes down for a reboot, and nothing else says so in time; return what is told."""
    host.say(host.modify(guest="resetting"))
    host.wait(5)
    return told(host.say())


ENTRIES = pytest.mark.parametrize("entry", ["VmGuestRebootEvent", "VmResettingEvent"])


@ENTRIES
@pytest.mark.parametrize("seconds", [1, LONG])
def test_a_reboot_that_the_guest_has_shown_is_not_told_again_after_a_restart(
    host: Scenario, entry: str, seconds: int
) -> None:
    """Its entry is read then, however long eventd was away."""
    assert goes_down(host) == ["reboot (guest-state)"]
    late = host.event(entry, user="ops")
    host.wait(seconds)
    host.restart()

    assert told(host.sync(host.enter(**ON), late)) == []
    host.wait(5)
    assert told(host.say()) == []


@ENTRIES
def test_a_reboot_that_was_over_before_a_restart_is_not_told_again(
    host: Scenario, entry: str
) -> None:
    """Its entry was late."""
    goes_down(host)
    late = host.event(entry, user="ops")
    host.wait(1)
    assert told(host.say(host.modify(guest="running"))) == []
    host.wait(LONG)
    host.restart()

    assert told(host.sync(host.enter(**ON), late)) == []


def test_a_reboot_that_its_entry_has_told_is_not_told_again_by_the_guest(host: Scenario) -> None:
    """The guest goes down while eventd is restarted."""
    entry = host.event("VmGuestRebootEvent", user="ops")
    host.say(entry)
    host.wait(5)
    host.say()
    host.wait(5)
    host.restart()

    assert told(host.sync(host.enter(**{**ON, "guest": "resetting"}))) == []


@ENTRIES
def test_a_reboot_that_was_asked_for_before_the_guest_went_down_is_the_same(
    host: Scenario, entry: str
) -> None:
    """A guest takes its time, and the history, too."""
    late = host.event(entry, user="ops")
    host.wait(60)
    goes_down(host)
    host.wait(LONG)
    host.restart()

    assert told(host.sync(host.enter(**ON), late)) == []


def test_a_reset_that_its_task_has_told_is_not_told_again_after_a_restart(host: Scenario) -> None:
    """The host lists the task for some minutes more; another one is another reset."""
    first = host.task("VirtualMachine.reset", queued_at=host.now)
    listed = host.modify(tasks=("task-1",))
    assert [*told(host.say(listed, first)), *told(host.say_again(first))] == ["reboot (task)"]
    host.restart()
    host.wait(60)
    again = host.sync(host.enter(**ON, tasks=("task-1",)), first)
    assert [*told(again), *told(host.say_again(first))] == []

    second = host.task("VirtualMachine.reset", key="task-2", queued_at=host.now)
    host.restart()
    host.wait(60)
    events = host.sync(host.enter(**ON, tasks=("task-1", "task-2")), first, second)
    assert [*told(events), *told(host.say_again(first, second))] == ["reboot (task)"]


def test_a_reset_that_its_entry_has_told_is_not_told_again_by_its_task(host: Scenario) -> None:
    """The task could not be seen before eventd was started again."""
    task = host.task("VirtualMachine.reset", queued_at=host.now)
    host.say(host.event("VmResettingEvent", user="ops"))
    host.wait(5)
    host.say()
    host.restart()
    host.wait(400)

    events = host.sync(host.enter(**ON, tasks=("task-1",)), task)
    assert [*told(events), *told(host.say_again(task))] == []


def test_a_sign_that_was_seen_before_a_restart_is_another_reboot_after_it(host: Scenario) -> None:
    """The same once more, though it showed nothing new the first time."""
    goes_down(host)
    assert told(host.say(host.event("VmResettingEvent", user="ops"))) == []
    host.restart()
    host.wait(60)

    again = host.event("VmResettingEvent", user="ops")
    assert told(host.sync(host.enter(**ON), again)) == ["reboot (event)"]


@ENTRIES
def test_a_reboot_after_the_one_that_was_over_is_told(host: Scenario, entry: str) -> None:
    """It was recorded when the guest was running again."""
    goes_down(host)
    host.wait(1)
    host.say(host.modify(guest="running"))
    host.restart()
    host.wait(60)
    later = host.event(entry, user="ops")

    assert len(told(host.sync(host.enter(**ON), later))) == 1


@ENTRIES
def test_a_reboot_long_after_the_one_that_was_known_is_told(host: Scenario, entry: str) -> None:
    """Just before eventd looked again, and although nobody saw the end of the one before."""
    goes_down(host)
    host.restart()
    host.wait(LONG)
    later = host.event(entry, user="ops")
    host.wait(1)

    assert len(told(host.sync(host.enter(**ON), later))) == 1


def test_a_domain_that_is_registered_again_has_no_reboot_from_before(host: Scenario) -> None:
    """Its reference may be used again."""
    goes_down(host)
    assert host.pictures["vm-42"].rebooted_at is not None
    host.say(host.leave())
    host.wait(5)
    host.say()
    host.say(host.enter(**ON))
    host.wait(5)
    host.say()

    assert host.pictures["vm-42"].rebooted_at is None


def test_the_journal_keeps_a_reboot(host: Scenario) -> None:
    """With its signs, and when it was over."""
    goes_down(host)
    host.say(host.modify(guest="running"), host.event("VmResettingEvent"))
    picture = host.pictures["vm-42"]

    assert picture.reboot_signs == ("VmResettingEvent", "guest goes down")
    assert picture.rebooted_until == host.now
    assert decode_picture(encode_picture(picture)) == picture


def test_a_reboot_that_could_not_be_published_is_told_again() -> None:
    """Nothing is known to be told that is not."""
    host = Scenario()
    host.sync(host.enter(**ON))
    host.publishes = False
    assert told(host.say(host.modify(guest="resetting"))) == ["reboot (guest-state)"]

    host.publishes = True
    events = host.sync(host.enter(**{**ON, "guest": "resetting"}))
    assert told(events) == ["reboot (guest-state)"]
