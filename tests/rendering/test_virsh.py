"""What virsh prints, from libvirt's tools/virsh-domain-event.c and virsh 9.0.0."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from eventd.model.arguments import (
    AgentReason,
    AgentState,
    GraphicsPhase,
    IOErrorAction,
    JobOperation,
    MemoryFailureAction,
    MemoryFailureRecipient,
    MetadataType,
    TrayChange,
    WatchdogAction,
)
from eventd.model.domain import Domain, Question
from eventd.model.events import (
    EVENT_CLASSES,
    ConnectionConnected,
    DomainAgentLifecycle,
    DomainControlError,
    DomainDefined,
    DomainDeviceAdded,
    DomainDeviceRemovalFailed,
    DomainDeviceRemoved,
    DomainEvent,
    DomainEventAmended,
    DomainGraphics,
    DomainIOError,
    DomainIOErrorReason,
    DomainJobCompleted,
    DomainMemoryFailure,
    DomainMetadataChanged,
    DomainNICMacChanged,
    DomainPMSuspend,
    DomainPMWakeup,
    DomainRebooted,
    DomainStopped,
    DomainTrayChange,
    DomainTunable,
    DomainUndefined,
    DomainWatchdog,
    LifecycleEvent,
    QuestionRaised,
)
from eventd.model.evidence import Cause, Evidence
from eventd.model.lifecycle import DefinedDetail, StoppedDetail, UndefinedDetail
from eventd.rendering import virsh_line

AT = datetime(2026, 11, 20, 11, 51, 59, 827_400, UTC)
DOMAIN = Domain(connection="esx01", reference="vm-42", uuid="u", name="web 01", id=42)


def of(cls: type[DomainEvent], *, domain: Domain = DOMAIN, **fields: object) -> DomainEvent:
    """Return an event of the domain."""
    evidence = Evidence(cause=Cause.STATE)
    return cls.model_validate(
        {"occurred_at": AT, "source": "esx://a/", "domain": domain, "evidence": evidence, **fields}
    )


LINES: list[tuple[DomainEvent, str]] = [
    (
        of(DomainDefined, detail=DefinedDetail.ADDED),
        "'lifecycle' for domain 'web 01': Defined Added",
    ),
    (
        of(DomainUndefined, detail=UndefinedDetail.RENAMED),
        "'lifecycle' for domain 'web 01': Undefined Renamed",
    ),
    (of(DomainRebooted), "'reboot' for domain 'web 01'"),
    (of(DomainWatchdog, action=WatchdogAction.RESET), "'watchdog' for domain 'web 01': reset"),
    (
        of(DomainWatchdog, action=WatchdogAction.INJECTNMI),
        "'watchdog' for domain 'web 01': inject-nmi",
    ),
    (
        of(DomainIOError, action=IOErrorAction.PAUSE, src_path="[ds] a", dev_alias="disk-2000"),
        "'io-error' for domain 'web 01': [ds] a (disk-2000) pause",
    ),
    (of(DomainIOError, action=IOErrorAction.NONE), "'io-error' for domain 'web 01':  () none"),
    (
        of(DomainIOErrorReason, action=IOErrorAction.PAUSE, error_reason="enospc"),
        "'io-error-reason' for domain 'web 01':  () pause due to enospc",
    ),
    (
        of(DomainGraphics, phase=GraphicsPhase.INITIALIZE, service="webmks"),
        "'graphics' for domain 'web 01': initialize local[IPv4  webmks] remote[IPv4  ] ",
    ),
    (of(DomainControlError), "'control-error' for domain 'web 01'"),
    (
        of(DomainTrayChange, dev_alias="cdrom-3000", change=TrayChange.CLOSE),
        "'tray-change' for domain 'web 01' disk cdrom-3000: closed",
    ),
    (of(DomainPMWakeup), "'pm-wakeup' for domain 'web 01'"),
    (of(DomainPMSuspend), "'pm-suspend' for domain 'web 01'"),
    (of(DomainDeviceAdded, dev_alias="a"), "'device-added' for domain 'web 01': a"),
    (of(DomainDeviceRemoved, dev_alias="a"), "'device-removed' for domain 'web 01': a"),
    (
        of(DomainDeviceRemovalFailed, dev_alias="a"),
        "'device-removal-failed' for domain 'web 01': a",
    ),
    (
        of(DomainTunable, parameters={"cputune.cpu_shares": 2000, "level": "high"}),
        "'tunable' for domain 'web 01':\n\tcputune.cpu_shares: 2000\n\tlevel: high",
    ),
    (
        of(DomainAgentLifecycle, state=AgentState.CONNECTED, because=AgentReason.CHANNEL),
        "'agent-lifecycle' for domain 'web 01': state: 'connected' reason: 'channel event'",
    ),
    (
        of(DomainJobCompleted, operation=JobOperation.MIGRATE, time_elapsed=1500),
        "'job-completed' for domain 'web 01':\n\toperation: 5\n\ttime_elapsed: 1500",
    ),
    (
        of(DomainJobCompleted, operation=JobOperation.RELOCATE),
        "'job-completed' for domain 'web 01':\n\toperation: 0",
    ),
    (
        of(DomainMetadataChanged, metadata=MetadataType.DESCRIPTION),
        "'metadata-change' for domain 'web 01': type description, uri <null>",
    ),
    (
        of(DomainMetadataChanged, metadata=MetadataType.ELEMENT, uri="urn:x"),
        "'metadata-change' for domain 'web 01': type element, uri urn:x",
    ),
    (
        of(
            DomainMemoryFailure,
            recipient=MemoryFailureRecipient.HYPERVISOR,
            action=MemoryFailureAction.FATAL,
            flags=2,
        ),
        "'memory-failure' for domain 'web 01':\nrecipient: hypervisor\naction: fatal\n"
        "flags:\n\taction required: 0\n\trecursive: 1",
    ),
    (
        of(DomainNICMacChanged, dev_alias="net-4000", old_mac="00:01", new_mac="00:02"),
        "'nic-mac-change' for domain 'web 01':\nalias: net-4000\noldMAC: 00:01\nnewMAC: 00:02",
    ),
]


@pytest.mark.parametrize(("event", "line"), LINES)
def test_virsh_has_its_own_line_for_what_libvirt_knows(event: DomainEvent, line: str) -> None:
    """Byte for byte, also where it is several lines."""
    assert virsh_line(event) == f"event {line}"


def test_each_event_of_libvirts_is_among_them() -> None:
    """One class of the lifecycle stands for the others."""
    numbered = {cls for cls in EVENT_CLASSES if cls.kind.event_id is not None}
    seen = {type(event) for event, _ in LINES}
    assert {cls for cls in numbered if not issubclass(cls, LifecycleEvent)} <= seen


@pytest.mark.parametrize(
    "event",
    [
        of(QuestionRaised, question=Question(id="7", vi_id="7", text="Go on?")),
        of(DomainEventAmended, amends="a-1", amended="x", corrected="y"),
        ConnectionConnected(occurred_at=AT, source="esx://a/", connection="e", domains=1),
    ],
)
def test_what_libvirt_has_no_event_id_for_has_no_line(
    event: DomainEvent | ConnectionConnected,
) -> None:
    """virsh could not print it."""
    assert virsh_line(event) is None


FORGED = "x\nevent 'reboot' for domain 'web 01'\x1b[A"
ESCAPED = r"x\nevent 'reboot' for domain 'web 01'\x1b[A"


def test_a_name_forges_no_line_of_virsh() -> None:
    """virsh itself would print the line end; a program that reads lines would believe it."""
    forging = DOMAIN.model_copy(update={"name": FORGED})

    assert (
        virsh_line(of(DomainRebooted, domain=forging)) == f"event 'reboot' for domain '{ESCAPED}'"
    )


@pytest.mark.parametrize(
    "event",
    [
        of(DomainIOError, action=IOErrorAction.PAUSE, src_path=FORGED, dev_alias=FORGED),
        of(DomainGraphics, phase=GraphicsPhase.CONNECT, service=FORGED),
        of(DomainTrayChange, dev_alias=FORGED, change=TrayChange.OPEN),
        of(DomainDeviceAdded, dev_alias=FORGED),
        of(DomainMetadataChanged, metadata=MetadataType.ELEMENT, uri=FORGED),
        of(DomainTunable, parameters={FORGED: FORGED}),
        of(DomainNICMacChanged, dev_alias=FORGED, old_mac=FORGED, new_mac=FORGED),
    ],
)
def test_no_other_text_does_so_either(event: DomainEvent) -> None:
    """Hosts name devices, files and networks too."""
    line = virsh_line(event)

    assert line is not None
    assert ESCAPED in line
    assert "\x1b" not in line
    assert not any(each.startswith("event") for each in line.split("\n")[1:])


def test_a_stamp_is_the_time_of_the_event_in_utc() -> None:
    """As virsh writes it under any TZ; of the past, the time of printing would say nothing."""
    event = of(DomainStopped, detail=StoppedDetail.DESTROYED)
    event = event.model_copy(update={"occurred_at": AT.astimezone(timezone(timedelta(hours=-5)))})

    line = virsh_line(event, is_stamped=True)

    assert line == (
        "2026-11-20 11:51:59.827+0000: event 'lifecycle' for domain 'web 01': Stopped Destroyed"
    )
