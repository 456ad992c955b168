"""The line for people: when, which connection, which domain, what, why, who, where."""

from __future__ import annotations

import re
from datetime import UTC, datetime

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
from eventd.model.domain import Choice, Domain, DomainState, DomainStatus, Question
from eventd.model.events import (
    EVENT_CLASSES,
    ConnectionConnected,
    ConnectionDisconnected,
    ConnectionResynchronised,
    ConnectionStale,
    ConnectionUnparsed,
    DomainAgentLifecycle,
    DomainControlError,
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
    DomainWatchdog,
    Event,
    JournalReplaced,
    LifecycleEvent,
    QuestionAnswered,
    QuestionChanged,
    QuestionCleared,
    QuestionRaised,
    TaskFailed,
    TaskProgressed,
    TaskQueued,
    TaskSucceeded,
)
from eventd.model.evidence import Cause, Evidence, Initiator, TaskEvidence
from eventd.model.lifecycle import StoppedDetail
from eventd.model.questions import AnswerRule, QuestionEnding, Requester
from eventd.rendering import sentence, status_sentence

AT = datetime(2026, 11, 20, 11, 51, 59, 827_400, UTC)
SOURCE = "esx://esx01.example/"
DOMAIN = Domain(connection="esx01", reference="vm-42", uuid="u", name="web 01", id=42)
POWER_OFF = TaskEvidence(key="task-1", description_id="VirtualMachine.powerOff", reason="user")
BY_OPS = Evidence(
    cause=Cause.TASK, initiator=Initiator.USER, user="VSPHERE.LOCAL\\ops", task=POWER_OFF
)
FAILED = Evidence(
    cause=Cause.TASK,
    task=POWER_OFF.model_copy(update={"user": "root", "error": "InvalidState: no"}),
)
STATE = Evidence(cause=Cause.STATE)
CHOICES = (Choice(key="0", label="Cancel"), Choice(key="1", label="I copied it"))
QUESTION = Question(
    id="7", vi_id="25", text="Was it moved\nor copied?", choices=CHOICES, default=CHOICES[1]
)


def stopped(
    detail: StoppedDetail, evidence: Evidence, *, domain: Domain = DOMAIN
) -> LifecycleEvent:
    return DomainStopped(
        occurred_at=AT, source=SOURCE, domain=domain, evidence=evidence, detail=detail
    )


def of(cls: type[DomainEvent], evidence: Evidence = STATE, **fields: object) -> DomainEvent:
    """Return an event of the domain."""
    return cls.model_validate(
        {"occurred_at": AT, "source": SOURCE, "domain": DOMAIN, "evidence": evidence, **fields}
    )


def test_a_stop_tells_when_who_what_and_why() -> None:
    """In columns, the fields of which are two blanks apart at least."""
    assert sentence(stopped(StoppedDetail.DESTROYED, BY_OPS)) == (
        "2026-11-20 11:51:59.827Z  esx01     web 01        stopped    destroyed  "
        "by VSPHERE.LOCAL\\ops (power off)"
    )


def test_a_long_name_moves_the_columns_of_its_line_alone() -> None:
    """Nothing is cut: people copy names."""
    long = DOMAIN.model_copy(update={"name": "a-domain-with-a-long-name"})

    line = sentence(stopped(StoppedDetail.DESTROYED, STATE, domain=long))

    assert line.endswith("  esx01     a-domain-with-a-long-name  stopped    destroyed")


def test_a_name_cannot_forge_a_column() -> None:
    """Two blanks part the columns, and a name never has two."""
    forged = DOMAIN.model_copy(update={"name": "web01         stopped    destroyed  by ops"})

    columns = re.split("  +", sentence(stopped(StoppedDetail.CRASHED, STATE, domain=forged)))

    assert columns[3:5] == ["stopped", "crashed"]


LINES: list[tuple[Event, list[str]]] = [
    (of(DomainRebooted), ["reboot", "-"]),
    (of(DomainWatchdog, action=WatchdogAction.RESET), ["watchdog", "reset"]),
    (
        of(DomainIOError, action=IOErrorAction.PAUSE, dev_alias="disk-2000", src_path="[ds] a"),
        ["io-error", "pause", "disk disk-2000, file [ds] a"],
    ),
    (
        of(DomainIOErrorReason, action=IOErrorAction.PAUSE, error_reason="enospc"),
        ["io-error-reason", "enospc", "action pause"],
    ),
    (
        of(DomainIOErrorReason, action=IOErrorAction.REPORT, error_reason=""),
        ["io-error-reason", "-", "action report"],
    ),
    (
        of(DomainGraphics, BY_OPS, phase=GraphicsPhase.CONNECT, service="mks"),
        ["graphics", "connect", "mks, by VSPHERE.LOCAL\\ops (power off)"],
    ),
    (
        of(DomainControlError, Evidence(cause=Cause.STATE, message="it is orphaned")),
        ["control-error", "-", "it is orphaned"],
    ),
    (
        of(DomainTrayChange, dev_alias="cdrom-3000", change=TrayChange.OPEN),
        ["tray-change", "open", "cdrom-3000"],
    ),
    (of(DomainPMWakeup), ["pm-wakeup", "-"]),
    (of(DomainPMSuspend), ["pm-suspend", "-"]),
    (of(DomainDeviceAdded, dev_alias="disk-2001"), ["device-added", "-", "disk-2001"]),
    (of(DomainDeviceRemoved, dev_alias="disk-2001"), ["device-removed", "-", "disk-2001"]),
    (
        of(DomainDeviceRemovalFailed, dev_alias="disk-2001"),
        ["device-removal-failed", "-", "disk-2001"],
    ),
    (
        of(DomainTunable, parameters={"cputune.cpu_shares": 2000, "level": "high"}),
        ["tunable", "-", "cputune.cpu_shares = 2000, level = high"],
    ),
    (
        of(DomainAgentLifecycle, state=AgentState.CONNECTED, because=AgentReason.DOMAIN_STARTED),
        ["agent-lifecycle", "connected", "domain started"],
    ),
    (
        of(DomainAgentLifecycle, state=AgentState.DISCONNECTED, because=AgentReason.UNKNOWN),
        ["agent-lifecycle", "disconnected"],
    ),
    (
        of(DomainJobCompleted, operation=JobOperation.MIGRATE, time_elapsed=12_340),
        ["job-completed", "migrate", "in 12.3 s"],
    ),
    (of(DomainJobCompleted, operation=JobOperation.SUSPEND), ["job-completed", "suspend"]),
    (
        of(DomainMetadataChanged, metadata=MetadataType.DESCRIPTION),
        ["metadata-change", "description"],
    ),
    (
        of(DomainMetadataChanged, metadata=MetadataType.ELEMENT, uri="urn:x"),
        ["metadata-change", "element", "urn:x"],
    ),
    (
        of(
            DomainMemoryFailure,
            recipient=MemoryFailureRecipient.HYPERVISOR,
            action=MemoryFailureAction.FATAL,
            flags=3,
        ),
        ["memory-failure", "fatal", "memory of the hypervisor, action required, recursive"],
    ),
    (
        of(DomainNICMacChanged, dev_alias="net-4000", old_mac="00:01", new_mac="00:02"),
        ["nic-mac-change", "-", "net-4000 from 00:01 to 00:02"],
    ),
    (
        of(
            DomainEventAmended,
            BY_OPS,
            amends="a-6",
            amended="stopped shutdown",
            corrected="stopped destroyed",
        ),
        [
            "amendment",
            "destroyed",
            "a-6 (stopped shutdown) was stopped destroyed, by VSPHERE.LOCAL\\ops (power off)",
        ],
    ),
    (
        of(
            DomainEventAmended,
            amends="a-6",
            amended="stopped destroyed",
            corrected="stopped destroyed",
        ),
        ["amendment", "destroyed", "a-6 (stopped destroyed) has its cause now"],
    ),
    (
        of(QuestionRaised, question=QUESTION),
        [
            "question",
            "raised",
            '"Was it moved or copied?" [0 = Cancel, 1 = I copied it (default)]',
        ],
    ),
    (
        of(QuestionChanged, BY_OPS, question=QUESTION),
        [
            "question",
            "changed",
            '"Was it moved or copied?" [0 = Cancel, 1 = I copied it (default)], '
            "during power off by VSPHERE.LOCAL\\ops",
        ],
    ),
    (
        of(QuestionAnswered, question=QUESTION, choice=CHOICES[1], rule=AnswerRule.AUTO_ANSWER),
        ["question", "answered", '"Was it moved or copied?" with I copied it (auto_answer)'],
    ),
    (
        of(
            QuestionAnswered,
            question=QUESTION,
            choice=CHOICES[1],
            rule=AnswerRule.AUTO_ANSWER,
            answered_by=Requester(pid=1, uid=1000, user="alice"),
        ),
        [
            "question",
            "answered",
            '"Was it moved or copied?" with I copied it (auto_answer, for alice)',
        ],
    ),
    (
        of(QuestionAnswered, question=QUESTION, choice=CHOICES[0], rule=AnswerRule.FOREIGN),
        [
            "question",
            "answered",
            '"Was it moved or copied?" with Cancel (answer_foreign_questions)',
        ],
    ),
    (
        of(
            QuestionAnswered,
            FAILED,
            question=QUESTION,
            choice=CHOICES[0],
            rule=AnswerRule.CLIENT,
            answered_by=Requester(pid=1, uid=1000),
        ),
        [
            "question",
            "answered",
            '"Was it moved or copied?" with Cancel (by uid 1000), during power off by root, '
            "which failed: InvalidState: no",
        ],
    ),
    (
        of(QuestionAnswered, question=QUESTION, choice=CHOICES[0], rule=AnswerRule.CLIENT),
        ["question", "answered", '"Was it moved or copied?" with Cancel (by a client)'],
    ),
    (
        of(QuestionCleared, question=QUESTION, ending=QuestionEnding.ELSEWHERE),
        ["question", "cleared", '"Was it moved or copied?", answered by somebody else'],
    ),
    (
        of(QuestionCleared, question=QUESTION, ending=QuestionEnding.WITHDRAWN),
        ["question", "cleared", '"Was it moved or copied?", withdrawn by the host'],
    ),
    (
        of(QuestionCleared, question=QUESTION, ending=QuestionEnding.UNKNOWN),
        ["question", "cleared", '"Was it moved or copied?", gone, nobody knows why'],
    ),
    (of(TaskQueued, BY_OPS), ["task", "queued", "power off, by VSPHERE.LOCAL\\ops"]),
    (
        of(TaskProgressed, BY_OPS, progress=42),
        ["task", "running", "power off at 42 %, by VSPHERE.LOCAL\\ops"],
    ),
    (of(TaskProgressed), ["task", "running", "a task"]),
    (of(TaskSucceeded, BY_OPS), ["task", "success", "power off, by VSPHERE.LOCAL\\ops"]),
    (of(TaskFailed, FAILED), ["task", "error", "power off failed: InvalidState: no, by root"]),
    (
        of(TaskFailed, FAILED, cancelled=True),
        ["task", "error", "power off was cancelled, by root"],
    ),
    (of(TaskFailed, BY_OPS), ["task", "error", "power off failed, by VSPHERE.LOCAL\\ops"]),
]


@pytest.mark.parametrize(("event", "fields"), LINES)
def test_each_kind_has_its_own_words(event: Event, fields: list[str]) -> None:
    """The word of the kind and of the reason are those that filters take."""
    line = sentence(event)

    assert [field.strip() for field in line.split("  ") if field][1:] == [
        "esx01",
        "web 01",
        *fields,
    ]


def test_no_kind_was_forgotten() -> None:
    """Each class that is not of the lifecycle has a line above; that of a stop stands for those."""
    others = {cls for cls in EVENT_CLASSES if issubclass(cls, DomainEvent)}
    assert {type(event) for event, _ in LINES} == {
        cls for cls in others if not issubclass(cls, LifecycleEvent)
    }


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            ConnectionConnected(occurred_at=AT, source=SOURCE, connection="esx01", domains=1),
            "connected  -          1 domain",
        ),
        (
            ConnectionDisconnected(
                occurred_at=AT, source=SOURCE, connection="esx01", message="nobody answered"
            ),
            "disconnected  -          its domains are as last known, nobody answered",
        ),
        (
            ConnectionStale(occurred_at=AT, source=SOURCE, connection="esx01", synced_at=AT),
            "stale      -          its domains are as last known, at 2026-11-20 11:51:59.827Z",
        ),
        (
            ConnectionResynchronised(
                occurred_at=AT,
                source=SOURCE,
                connection="esx01",
                domains=2,
                missed=1,
                synced_at=AT,
                reinstalled=True,
            ),
            "resynchronised  -          2 domains, 1 event missed since 2026-11-20 11:51:59.827Z, "
            "it is another host than before",
        ),
        (
            ConnectionResynchronised(
                occurred_at=AT,
                source=SOURCE,
                connection="esx01",
                domains=2,
                missed=1,
                synced_at=AT,
                incomplete=True,
                message="the host has more than 30000 events at once",
            ),
            "resynchronised  -          2 domains, 1 event missed since 2026-11-20 11:51:59.827Z, "
            "the host's event history could not be read to its end, "
            "the host has more than 30000 events at once",
        ),
        (
            ConnectionResynchronised(
                occurred_at=AT,
                source=SOURCE,
                connection="esx01",
                domains=2,
                missed=0,
                incomplete=True,
            ),
            "resynchronised  -          2 domains, "
            "the host's event history could not be read to its end",
        ),
        (
            ConnectionUnparsed(
                occurred_at=AT,
                source=SOURCE,
                connection="esx01",
                element="TaskInfo",
                raw="<val/>",
                size=6,
            ),
            "unparsed   -          TaskInfo not understood",
        ),
    ],
)
def test_a_connection_has_no_domain(event: Event, words: str) -> None:
    """Where the domain stands for others, there is a dash."""
    assert sentence(event) == f"2026-11-20 11:51:59.827Z  esx01     -             {words}"


def test_a_journal_that_was_replaced_says_where_the_old_one_is() -> None:
    """It is of no connection and no domain."""
    replaced = JournalReplaced(
        occurred_at=AT,
        source="/v1/events",
        message="database disk image is malformed",
        set_aside="/var/lib/eventd/journal.db.broken",
    )
    assert sentence(replaced) == (
        "2026-11-20 11:51:59.827Z  -         -             journal    replaced   "
        "database disk image is malformed, the old file is /var/lib/eventd/journal.db.broken"
    )


def test_colour_marks_bad_news_and_good_news() -> None:
    """Errors are red, warnings yellow, a start is green; without colour nothing is sent."""
    crash = stopped(StoppedDetail.CRASHED, STATE)
    connected = ConnectionConnected(occurred_at=AT, source=SOURCE, connection="esx01", domains=2)
    lost = ConnectionDisconnected(occurred_at=AT, source=SOURCE, connection="esx01")

    assert "\x1b[31mstopped\x1b[0m    \x1b[31mcrashed\x1b[0m" in sentence(crash, colour=True)
    assert "\x1b[32mconnected\x1b[0m" in sentence(connected, colour=True)
    assert "\x1b[33mdisconnected\x1b[0m" in sentence(lost, colour=True)
    assert "  stopped    shutdown" in sentence(stopped(StoppedDetail.SHUTDOWN, STATE), colour=True)
    assert "\x1b" not in sentence(crash)


def test_a_name_cannot_command_the_terminal() -> None:
    """Who may name a domain must not be able to write to the reader's screen."""
    evil = DOMAIN.model_copy(update={"name": "a\x1b[2J\r\nb\u202ec"})

    line = sentence(stopped(StoppedDetail.SHUTDOWN, STATE, domain=evil))

    assert r"  a\x1b[2J\r\nb\u202ec  stopped" in line


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            DomainStatus(domain=DOMAIN, state=DomainState.SHUTOFF),
            "shut off",
        ),
        (
            DomainStatus(
                domain=DOMAIN.model_copy(update={"host": "esx-a"}),
                state=DomainState.RUNNING,
                stale=True,
                question=QUESTION,
            ),
            "running    on esx-a, last known: the connection is lost, asks "
            '"Was it moved or copied?" [0 = Cancel, 1 = I copied it (default)]',
        ),
    ],
)
def test_a_status_is_one_line_too(status: DomainStatus, words: str) -> None:
    """A snapshot reads like the events that follow it."""
    assert status_sentence(status, at=AT) == (
        f"2026-11-20 11:51:59.827Z  esx01     web 01        is         {words}"
    )
