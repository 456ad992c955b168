"""Who or what made it happen, in plain words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eventd.model.domain import Domain
from eventd.model.events import DomainEvent, DomainRebooted, DomainStarted, DomainStopped
from eventd.model.evidence import Cause, Evidence, Initiator, TaskEvidence, VIEventEvidence
from eventd.model.lifecycle import StartedDetail, StoppedDetail
from eventd.rendering.causes import because

AT = datetime(2026, 11, 20, 11, 51, 59, tzinfo=UTC)


def happened(
    detail: StoppedDetail | StartedDetail | None = StoppedDetail.DESTROYED,
    *,
    host: str | None = None,
    synthetic: bool = False,
    **evidence: Any,
) -> str:
    """Return the words for the cause of an event with this evidence."""
    fields = {
        "occurred_at": AT,
        "source": "esx://a/",
        "synthetic": synthetic,
        "domain": Domain(connection="a", reference="1", uuid="u", name="n", id=1, host=host),
        "evidence": Evidence.model_validate({"cause": Cause.STATE} | evidence),
        "detail": detail,
    }
    event: DomainEvent
    match detail:
        case StoppedDetail():
            event = DomainStopped.model_validate(fields)
        case StartedDetail():
            event = DomainStarted.model_validate(fields)
        case None:
            event = DomainRebooted.model_validate(fields)
    return ", ".join(because(event))


def task(description_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "cause": Cause.TASK,
        "task": TaskEvidence(key="task-1", description_id=description_id, **fields),
    }


def vi_event(name: str) -> dict[str, Any]:
    event = VIEventEvidence(key=1, chain_id=1, type=name, created_at=AT)
    return {"cause": Cause.EVENT, "event": event}


POWER_OFF = task("VirtualMachine.powerOff")


@pytest.mark.parametrize(
    ("initiator", "user", "words"),
    [
        (Initiator.USER, "VSPHERE.LOCAL\\ops", "by VSPHERE.LOCAL\\ops (power off)"),
        (Initiator.USER, None, "by a user (power off)"),
        (Initiator.GUEST, None, "by the guest itself (power off)"),
        (Initiator.HOST, None, "by the host (power off)"),
        (Initiator.HA, None, "by HA (power off)"),
        (Initiator.DRS, None, "by DRS (power off)"),
        (Initiator.SCHEDULE, "nightly stop", "by schedule 'nightly stop' (power off)"),
        (Initiator.ALARM, "too hot", "by alarm 'too hot' (power off)"),
        (Initiator.SYSTEM, None, "by the system (power off)"),
    ],
)
def test_it_says_who(initiator: Initiator, user: str | None, words: str) -> None:
    """Each initiator has its words; a schedule and an alarm have names of their own."""
    assert happened(initiator=initiator, user=user, **POWER_OFF) == words


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"reason": "user", "user": "root"}, "by root (power off)"),
        ({"reason": "schedule", "name": "nightly"}, "by schedule 'nightly' (power off)"),
        ({}, "power off"),
    ],
)
def test_without_an_initiator_the_task_says_who(fields: dict[str, str], words: str) -> None:
    """As far as it knows."""
    assert happened(**task("VirtualMachine.powerOff", **fields)) == words


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (task("Drm.ExecuteVMotionLRO"), "DRS migration"),
        (vi_event("VmPoweredOffEvent"), "power off"),
        (vi_event("com.vmware.vc.HA.VmRestartedByHAEvent"), "HA restart"),
        (vi_event("com.vmware.vc.ha.VmRestartedByHAEvent"), "HA restart"),
        (task("com.example.doSomething"), "com.example.doSomething"),
        (task("evil\x1b[2J"), r"evil\x1b[2J"),
    ],
)
def test_operations_have_plain_words(evidence: dict[str, Any], words: str) -> None:
    """VMware is not consistent in capitals; what is not known stays as the host has it."""
    assert happened(**evidence) == words


def test_of_several_facts_the_one_that_decided_is_named() -> None:
    """The other ones are in the record."""
    request = VIEventEvidence(key=1, chain_id=1, type="VmGuestShutdownEvent", created_at=AT)
    facts = {**POWER_OFF, "request": request} | {"event": vi_event("VmPoweredOffEvent")["event"]}

    assert happened(**facts | {"cause": Cause.TASK}) == "power off"
    assert happened(**facts | {"cause": Cause.REQUEST}) == "guest shutdown"
    terminated = vi_event("com.vmware.vc.vm.VmTerminateEvent")
    assert happened(**facts | terminated) == "termination"


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ({"cause": Cause.UNKNOWN}, "cause unknown"),
        ({"cause": Cause.STATE}, ""),
        ({"cause": Cause.CLEAN_POWER_OFF, "clean_power_off": True}, "cleanly"),
        ({"cause": Cause.CLEAN_POWER_OFF, "clean_power_off": False}, "not cleanly"),
        ({"cause": Cause.BOOT_TIME}, "its boot time changed"),
        ({"cause": Cause.GUEST_STATE}, "its guest was seen doing so"),
        ({"cause": Cause.OUT_OF_SCOPE}, "it left what the connection follows"),
        ({"cause": Cause.HOST_REPLACED}, "another host answers in the place of its own"),
        ({"message": "line\n one\x1b"}, r"line one\x1b"),
        ({"cause": Cause.UNKNOWN, "synthetic": True}, "cause unknown, noticed afterwards"),
    ],
)
def test_it_says_how_it_is_known(evidence: dict[str, Any], words: str) -> None:
    """Where nobody is known to have done it."""
    assert happened(**evidence) == words


def test_a_fact_that_neither_decided_nor_names_anybody_is_left_out() -> None:
    """That a crashed domain was powered off goes without saying."""
    trailing = vi_event("VmPoweredOffEvent")
    crash = trailing | {"cause": Cause.CLEAN_POWER_OFF, "clean_power_off": False}

    assert happened(StoppedDetail.CRASHED, **crash) == "not cleanly"
    by_ops = crash | {"initiator": Initiator.USER, "user": "ops"}
    assert happened(StoppedDetail.CRASHED, **by_ops) == "by ops (power off), not cleanly"


def test_a_failed_task_says_how() -> None:
    """The fault belongs to the cause."""
    failed = task("VirtualMachine.powerOn", user="root", error="InvalidState: no")

    assert happened(StoppedDetail.FAILED, **failed) == (
        "by root (power on), which failed: InvalidState: no"
    )


A_TO_B = {"source_host": "esx-a", "destination_host": "esx-b"}


@pytest.mark.parametrize(
    ("detail", "host", "evidence", "words"),
    [
        (StoppedDetail.DESTROYED, "esx-a", {}, "on esx-a"),
        (StoppedDetail.MIGRATED, "esx-a", A_TO_B, "from esx-a to esx-b"),
        (StartedDetail.MIGRATED, "esx-b", A_TO_B, "from esx-a to esx-b"),
        (StoppedDetail.MIGRATED, "esx-a", {"destination_host": "esx-b"}, "from esx-a to esx-b"),
        (StartedDetail.MIGRATED, "esx-b", {"source_host": "esx-a"}, "from esx-a to esx-b"),
        (StoppedDetail.MIGRATED, None, {"destination_host": "esx-b"}, "to esx-b"),
        (StartedDetail.MIGRATED, None, {"source_host": "esx-a"}, "from esx-a"),
        (StoppedDetail.MIGRATED, "esx-a", {"source_host": "esx-a"}, "from esx-a"),
        (None, "esx-a", {"source_host": "esx-a"}, "on esx-a"),
    ],
)
def test_it_says_where(
    detail: StoppedDetail | StartedDetail | None,
    host: str | None,
    evidence: dict[str, Any],
    words: str,
) -> None:
    """The host, or the way where the domain went from one to another."""
    assert happened(detail, host=host, **evidence) == words


def test_a_host_failure_and_its_restart_read_as_such() -> None:
    """HA neither wanted the crash nor stopped the domain: it found the host failed."""
    crash = vi_event("com.vmware.vc.HA.DasHostFailedEvent") | A_TO_B
    restart = vi_event("com.vmware.vc.ha.VmRestartedByHAEvent") | A_TO_B

    assert happened(StoppedDetail.CRASHED, host="esx-a", **crash) == ("its host failed, on esx-a")
    assert happened(StartedDetail.BOOTED, host="esx-b", initiator=Initiator.HA, **restart) == (
        "by HA after the failure of host esx-a, on esx-b"
    )


def test_what_ha_does_by_itself_is_its_own_deed() -> None:
    """An isolation response, and a restart of which the former host is not known."""
    response = vi_event("VmPowerOffOnIsolationEvent")
    restart = vi_event("com.vmware.vc.vcp.VmRestartEvent")

    assert happened(initiator=Initiator.HA, **response) == "by HA (isolation response)"
    assert happened(StartedDetail.BOOTED, initiator=Initiator.HA, **restart) == (
        "by HA (HA restart)"
    )
