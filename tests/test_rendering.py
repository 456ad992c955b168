"""Events in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from eventd.model.domain import Choice, Domain, DomainState, DomainStatus, Question
from eventd.model.events import (
    ConnectionConnected,
    ConnectionDisconnected,
    DomainDefined,
    DomainRebooted,
    DomainStarted,
    DomainStopped,
    DomainUndefined,
    Event,
    LifecycleEvent,
    QuestionCleared,
    QuestionRaised,
)
from eventd.model.evidence import Cause, Evidence, TaskEvidence
from eventd.model.lifecycle import (
    DefinedDetail,
    StartedDetail,
    StoppedDetail,
    UndefinedDetail,
)
from eventd.rendering import printable, sentence, status_sentence, virsh_line

AT = datetime(2026, 11, 20, 11, 51, 59, 827_400, UTC)
SOURCE = "esx://esx01.example/"
DOMAIN = Domain(connection="esx01", reference="vm-42", uuid="u", name="web 01", id=42, host="esx-a")
POWER_OFF = TaskEvidence(
    key="task-1", description_id="VirtualMachine.powerOff", reason="user", user="root"
)
CHOICES = (Choice(key="0", label="Cancel"), Choice(key="1", label="I copied it"))
QUESTION = Question(id="7", text="Was it moved\nor copied?", choices=CHOICES, default=CHOICES[1])


def stopped(
    detail: StoppedDetail, evidence: Evidence, *, domain: Domain = DOMAIN, synthetic: bool = False
) -> LifecycleEvent:
    return DomainStopped(
        occurred_at=AT,
        source=SOURCE,
        domain=domain,
        evidence=evidence,
        detail=detail,
        synthetic=synthetic,
    )


BY_ROOT = Evidence(cause=Cause.TASK, task=POWER_OFF)
STATE = Evidence(cause=Cause.STATE)
MOVED = Evidence(cause=Cause.STATE, source_host="esx-b")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            stopped(StoppedDetail.DESTROYED, BY_ROOT),
            "web 01 stopped (destroyed) on esx-a: VirtualMachine.powerOff by root",
        ),
        (
            stopped(
                StoppedDetail.CRASHED, Evidence(cause=Cause.CLEAN_POWER_OFF, clean_power_off=False)
            ),
            "web 01 stopped (crashed) on esx-a: it did not power off cleanly",
        ),
        (
            stopped(
                StoppedDetail.SHUTDOWN, Evidence(cause=Cause.CLEAN_POWER_OFF, clean_power_off=True)
            ),
            "web 01 stopped (shutdown) on esx-a: it powered off cleanly",
        ),
        (
            stopped(StoppedDetail.SHUTDOWN, Evidence(cause=Cause.UNKNOWN), synthetic=True),
            "web 01 stopped (shutdown) on esx-a: cause unknown, noticed afterwards",
        ),
        (
            stopped(StoppedDetail.FAILED, STATE, domain=DOMAIN.model_copy(update={"host": None})),
            "web 01 stopped (failed)",
        ),
        (stopped(StoppedDetail.MIGRATED, MOVED), "web 01 stopped (migrated) on esx-a"),
        (
            DomainStarted(
                occurred_at=AT,
                source=SOURCE,
                domain=DOMAIN,
                evidence=MOVED,
                detail=StartedDetail.MIGRATED,
            ),
            "web 01 started (migrated) on esx-a: from esx-b",
        ),
        (
            DomainRebooted(
                occurred_at=AT,
                source=SOURCE,
                domain=DOMAIN,
                evidence=Evidence(cause=Cause.BOOT_TIME, message="Tools say so"),
            ),
            "web 01 rebooted on esx-a: its boot time changed, Tools say so",
        ),
        (
            QuestionRaised(
                occurred_at=AT, source=SOURCE, domain=DOMAIN, evidence=STATE, question=QUESTION
            ),
            'web 01 on esx-a asks "Was it moved or copied?" '
            "[0 = Cancel, 1 = I copied it (default)]",
        ),
        (
            QuestionCleared(
                occurred_at=AT,
                source=SOURCE,
                domain=DOMAIN,
                evidence=STATE,
                question=Question(id="7", text="Go on?"),
            ),
            'web 01 on esx-a no longer asks "Go on?"',
        ),
        (
            ConnectionConnected(occurred_at=AT, source=SOURCE, connection="esx01", domains=1),
            "connected, 1 domain",
        ),
        (
            ConnectionDisconnected(
                occurred_at=AT, source=SOURCE, connection="esx01", message="nobody answered"
            ),
            "disconnected, its domains are as last known: nobody answered",
        ),
    ],
)
def test_an_event_is_one_sentence(event: Event, words: str) -> None:
    """When, which connection, what happened to whom and where, and why."""
    assert sentence(event) == f"2026-11-20 11:51:59.827Z esx01: {words}"


def test_a_failed_task_says_how() -> None:
    """The fault belongs to the cause."""
    failed = POWER_OFF.model_copy(update={"user": None, "error": "InvalidState: no"})

    line = sentence(stopped(StoppedDetail.FAILED, Evidence(cause=Cause.TASK, task=failed)))

    assert line.endswith(": VirtualMachine.powerOff by user, which failed with InvalidState: no")


def test_colour_marks_bad_news_and_good_news() -> None:
    """Errors are red, warnings yellow, a start is green; without colour nothing is sent."""
    crash = stopped(StoppedDetail.CRASHED, STATE)
    connected = ConnectionConnected(occurred_at=AT, source=SOURCE, connection="esx01", domains=2)
    lost = ConnectionDisconnected(occurred_at=AT, source=SOURCE, connection="esx01")

    assert "\x1b[31mstopped (crashed)\x1b[0m" in sentence(crash, colour=True)
    assert "\x1b[32mconnected\x1b[0m, 2 domains" in sentence(connected, colour=True)
    assert "\x1b[33mdisconnected\x1b[0m" in sentence(lost, colour=True)
    assert " stopped (shutdown) " in sentence(stopped(StoppedDetail.SHUTDOWN, STATE), colour=True)
    assert "\x1b" not in sentence(crash)


def test_a_name_cannot_command_the_terminal() -> None:
    """Who may name a domain must not be able to write to the reader's screen."""
    evil = DOMAIN.model_copy(update={"name": "a\x1b[2J\r\nb\u202ec"})

    line = sentence(stopped(StoppedDetail.SHUTDOWN, STATE, domain=evil))

    assert r" a\x1b[2J\r\nb\u202ec stopped" in line


def test_printable_text_stays_as_it_is() -> None:
    """Letters of all languages are text, and so is a backslash."""
    text = r"Füße 北京 \n"

    assert printable(text) == text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (DomainStatus(domain=DOMAIN, state=DomainState.SHUTOFF), "web 01 is shut off on esx-a"),
        (
            DomainStatus(domain=DOMAIN, state=DomainState.RUNNING, stale=True, question=QUESTION),
            "web 01 is running on esx-a (last known: the connection is lost), asks "
            '"Was it moved or copied?" [0 = Cancel, 1 = I copied it (default)]',
        ),
    ],
)
def test_a_status_is_one_sentence_too(status: DomainStatus, words: str) -> None:
    """A snapshot reads like the events that follow it."""
    assert status_sentence(status, at=AT) == f"2026-11-20 11:51:59.827Z esx01: {words}"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            DomainDefined(
                occurred_at=AT,
                source=SOURCE,
                domain=DOMAIN,
                evidence=STATE,
                detail=DefinedDetail.ADDED,
            ),
            "event 'lifecycle' for domain 'web 01': Defined Added",
        ),
        (
            DomainUndefined(
                occurred_at=AT,
                source=SOURCE,
                domain=DOMAIN,
                evidence=STATE,
                detail=UndefinedDetail.RENAMED,
            ),
            "event 'lifecycle' for domain 'web 01': Undefined Renamed",
        ),
        (
            DomainRebooted(occurred_at=AT, source=SOURCE, domain=DOMAIN, evidence=STATE),
            "event 'reboot' for domain 'web 01'",
        ),
        (
            QuestionRaised(
                occurred_at=AT, source=SOURCE, domain=DOMAIN, evidence=STATE, question=QUESTION
            ),
            None,
        ),
        (ConnectionConnected(occurred_at=AT, source=SOURCE, connection="e", domains=1), None),
    ],
)
def test_virsh_has_its_own_line_for_what_libvirt_knows(event: Event, line: str | None) -> None:
    """Byte for byte what virsh 9.0.0 prints; what libvirt has no event id for has no line."""
    assert virsh_line(event) == line


def test_a_name_forges_no_line_of_virsh() -> None:
    """virsh itself would print the line end; a program that reads lines would believe it."""
    name = "x\nevent 'reboot' for domain 'web 01'\x1b[A"
    forging = Domain(connection="esx01", reference="1", uuid="u-1", name=name, id=1)

    line = virsh_line(DomainRebooted(occurred_at=AT, source=SOURCE, domain=forging, evidence=STATE))

    assert line == r"event 'reboot' for domain 'x\nevent 'reboot' for domain 'web 01'\x1b[A'"


def test_virsh_stamps_the_time_of_printing_in_utc() -> None:
    """As virsh does under any TZ."""
    printed_at = AT.astimezone(timezone(timedelta(hours=-5)))

    line = virsh_line(stopped(StoppedDetail.DESTROYED, BY_ROOT), printed_at=printed_at)

    assert line == (
        "2026-11-20 11:51:59.827+0000: event 'lifecycle' for domain 'web 01': Stopped Destroyed"
    )
