"""The wire form: CloudEvents 1.0, written once and read back as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventd import metrics
from eventd.model import cloudevents
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
from eventd.model.control import ControlRecord, Gap, Heartbeat, SnapshotEnd
from eventd.model.domain import Choice, Domain, DomainState, DomainStatus, Question
from eventd.model.events import (
    EVENT_CLASSES,
    ConnectionConnected,
    ConnectionDisconnected,
    ConnectionEvent,
    ConnectionResynchronised,
    ConnectionStale,
    ConnectionUnparsed,
    DomainAgentLifecycle,
    DomainControlError,
    DomainCrashed,
    DomainDeviceAdded,
    DomainDeviceRemovalFailed,
    DomainDeviceRemoved,
    DomainEventAmended,
    DomainGraphics,
    DomainIOError,
    DomainIOErrorReason,
    DomainJobCompleted,
    DomainMemoryFailure,
    DomainMetadataChanged,
    DomainNICMacChanged,
    DomainStopped,
    DomainSuspended,
    DomainTrayChange,
    DomainTunable,
    DomainWatchdog,
    Event,
    JournalReplaced,
    LifecycleEvent,
    QuestionAnswered,
    QuestionChanged,
    QuestionCleared,
    QuestionEvent,
    QuestionRaised,
    Severity,
    TaskFailed,
    TaskProgressed,
)
from eventd.model.evidence import Cause, Evidence, Initiator, TaskEvidence, VIEventEvidence
from eventd.model.lifecycle import DETAILS, StoppedDetail, SuspendedDetail
from eventd.model.questions import AnswerRule, QuestionEnding, Requester
from eventd.model.record import Cursor, EventRecord

NOW = datetime(2026, 11, 20, 11, 51, 59, 827_000, tzinfo=UTC)

instants = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]))
texts = st.text()
perhaps = st.none() | texts
domains = st.builds(
    Domain,
    connection=texts,
    reference=texts,
    uuid=st.uuids().map(str),
    uuid_derived=st.booleans(),
    instance_uuid=st.none() | st.uuids().map(str),
    name=texts,
    id=st.integers(-1, 2**31),
    host=perhaps,
)
tasks = st.builds(
    TaskEvidence, key=texts, description_id=texts, reason=perhaps, user=perhaps, error=perhaps
)
vi_events = st.builds(
    VIEventEvidence,
    key=st.integers(-(2**31), 2**31 - 1),
    chain_id=st.integers(-(2**31), 2**31 - 1),
    type=texts,
    created_at=instants,
    user=perhaps,
    message=perhaps,
)
evidences = st.builds(
    Evidence,
    cause=st.sampled_from(Cause),
    initiator=st.none() | st.sampled_from(Initiator),
    user=perhaps,
    task=st.none() | tasks,
    event=st.none() | vi_events,
    request=st.none() | vi_events,
    clean_power_off=st.none() | st.booleans(),
    boot_time=st.none() | instants,
    source_host=perhaps,
    destination_host=perhaps,
    message=perhaps,
)
choices = st.builds(Choice, key=texts, label=texts)
questions = st.builds(
    Question,
    id=texts,
    vi_id=texts,
    text=texts,
    choices=st.lists(choices, max_size=3).map(tuple),
    default=st.none() | choices,
)


# What only one class has, or one base of few.
FURTHER: Mapping[type[Event], Mapping[str, st.SearchStrategy[object]]] = {
    DomainWatchdog: {"action": st.sampled_from(WatchdogAction)},
    DomainIOError: {
        "src_path": texts,
        "dev_alias": texts,
        "action": st.sampled_from(IOErrorAction),
    },
    DomainIOErrorReason: {
        "action": st.sampled_from(IOErrorAction),
        "error_reason": st.sampled_from(["", "enospc"]),
    },
    DomainGraphics: {"phase": st.sampled_from(GraphicsPhase), "service": texts},
    DomainTrayChange: {"dev_alias": texts, "change": st.sampled_from(TrayChange)},
    DomainDeviceRemoved: {"dev_alias": texts},
    DomainDeviceAdded: {"dev_alias": texts},
    DomainDeviceRemovalFailed: {"dev_alias": texts},
    DomainTunable: {"parameters": st.dictionaries(texts, st.integers(-(2**63), 2**63) | texts)},
    DomainAgentLifecycle: {
        "state": st.sampled_from(AgentState),
        "because": st.sampled_from(AgentReason),
    },
    DomainJobCompleted: {
        "operation": st.sampled_from(JobOperation),
        "time_elapsed": st.none() | st.integers(0, 2**63),
    },
    DomainMetadataChanged: {"metadata": st.sampled_from(MetadataType), "uri": perhaps},
    DomainMemoryFailure: {
        "recipient": st.sampled_from(MemoryFailureRecipient),
        "action": st.sampled_from(MemoryFailureAction),
        "flags": st.integers(0, 3),
    },
    DomainNICMacChanged: {"dev_alias": texts, "old_mac": texts, "new_mac": texts},
    DomainEventAmended: {
        "amends": texts,
        "amended": texts,
        "corrected": st.sampled_from(StoppedDetail).map(lambda detail: f"stopped {detail.word}"),
    },
    QuestionAnswered: {
        "choice": choices,
        "rule": st.sampled_from(AnswerRule),
        "answered_by": st.none()
        | st.builds(
            Requester, pid=st.none() | st.integers(1), uid=st.none() | st.integers(0), user=perhaps
        ),
    },
    QuestionCleared: {"ending": st.sampled_from(QuestionEnding)},
    TaskProgressed: {"progress": st.none() | st.integers(0, 100)},
    TaskFailed: {"cancelled": st.booleans()},
    ConnectionConnected: {"domains": st.integers(0, 10**6)},
    ConnectionDisconnected: {"synced_at": st.none() | instants},
    ConnectionStale: {"synced_at": st.none() | instants},
    ConnectionResynchronised: {
        "domains": st.integers(0, 10**6),
        "missed": st.integers(0, 10**6),
        "synced_at": st.none() | instants,
        "reinstalled": st.booleans(),
        "incomplete": st.booleans(),
    },
    ConnectionUnparsed: {"element": texts, "raw": texts, "size": st.integers(0, 10**6)},
    JournalReplaced: {"message": texts, "set_aside": perhaps},
}


def events_of(cls: type[Event]) -> st.SearchStrategy[Event]:
    """Return all that an event of the class can be."""
    fields: dict[str, st.SearchStrategy[object]] = {
        "occurred_at": instants,
        "source": texts,
        "synthetic": st.booleans(),
        "fact": st.none() | texts.map("fact {}".format),
        **FURTHER.get(cls, {}),
    }
    if issubclass(cls, ConnectionEvent):
        fields |= {"connection": texts, "message": perhaps}
    else:
        fields |= {"domain": domains, "evidence": evidences}
    if issubclass(cls, LifecycleEvent):
        fields["detail"] = st.sampled_from(list(DETAILS[cls.lifecycle]))
    if issubclass(cls, QuestionEvent):
        fields["question"] = questions
    return st.builds(cls, **fields)


events = st.one_of([events_of(cls) for cls in EVENT_CLASSES])


EXAMPLES: Mapping[type[Event], Mapping[str, object]] = {
    DomainWatchdog: {"action": WatchdogAction.RESET},
    DomainIOError: {"action": IOErrorAction.PAUSE},
    DomainIOErrorReason: {"action": IOErrorAction.PAUSE, "error_reason": "enospc"},
    DomainGraphics: {"phase": GraphicsPhase.INITIALIZE, "service": "mks"},
    DomainTrayChange: {"dev_alias": "cdrom-3000", "change": TrayChange.OPEN},
    DomainDeviceRemoved: {"dev_alias": "disk-2001"},
    DomainDeviceAdded: {"dev_alias": "disk-2001"},
    DomainDeviceRemovalFailed: {"dev_alias": "disk-2001"},
    DomainTunable: {"parameters": {"cputune.cpu_shares": 2000, "label": "high"}},
    DomainAgentLifecycle: {"state": AgentState.CONNECTED, "because": AgentReason.DOMAIN_STARTED},
    DomainJobCompleted: {"operation": JobOperation.MIGRATE, "time_elapsed": 1500},
    DomainMetadataChanged: {"metadata": MetadataType.DESCRIPTION},
    DomainMemoryFailure: {
        "recipient": MemoryFailureRecipient.HYPERVISOR,
        "action": MemoryFailureAction.FATAL,
    },
    DomainNICMacChanged: {
        "dev_alias": "net-4000",
        "old_mac": "00:50:56:00:00:01",
        "new_mac": "00:50:56:00:00:02",
    },
    DomainEventAmended: {
        "amends": "a-6",
        "amended": "stopped shutdown",
        "corrected": "stopped destroyed",
    },
    QuestionAnswered: {
        "choice": Choice(key="0", label="Yes"),
        "rule": AnswerRule.CLIENT,
        "answered_by": Requester(pid=4711, uid=1000, user="ops"),
    },
    QuestionCleared: {"ending": QuestionEnding.ELSEWHERE},
    TaskProgressed: {"progress": 40},
    ConnectionResynchronised: {"missed": 2},
    ConnectionUnparsed: {"element": "TaskInfo", "raw": "<val/>", "size": 6},
    JournalReplaced: {"message": "file is not a database", "set_aside": "/var/lib/eventd/old"},
}


def example(cls: type[Event]) -> Event:
    """Return one event of the class, with all that the host can tell."""
    task = TaskEvidence(
        key="task-881",
        description_id="VirtualMachine.powerOff",
        reason="user",
        user="VSPHERE.LOCAL\\ops",
    )
    domain = Domain(
        connection="esx01",
        reference="vm-42",
        uuid="4215d4a2-0c1d-4f6e-8a55-2d1f0a1b2c3d",
        instance_uuid="5015d4a2-0c1d-4f6e-8a55-2d1f0a1b2c3d",
        name="web 01",
        id=42,
        host="esx01",
    )
    fields: dict[str, Any] = {"occurred_at": NOW, "source": "esx://esx01.example/"}
    if issubclass(cls, ConnectionEvent):
        fields |= {"connection": "esx01", "message": "because", "domains": 3, "synced_at": NOW}
    else:
        fields |= {"domain": domain, "evidence": Evidence(cause=Cause.TASK, task=task)}
    if issubclass(cls, LifecycleEvent):
        fields["detail"] = next(iter(DETAILS[cls.lifecycle]))
    if issubclass(cls, QuestionEvent):
        yes = Choice(key="0", label="Yes")
        fields["question"] = Question(
            id="q1", vi_id="1", text="Moved?", choices=(yes,), default=yes
        )
    return cls(**EXAMPLES.get(cls, {}), **fields)


def encoded(event: Event, sequence: int = 7) -> dict[str, Any]:
    record = EventRecord.of(event, cursor=Cursor("a", sequence), recorded_at=NOW)
    envelope = json.loads(record.json)
    assert isinstance(envelope, dict)
    return envelope


def test_each_class_has_a_type_of_its_own() -> None:
    """The types that clients switch on, written out once more."""
    assert [cloudevents.type_of(cls) for cls in EVENT_CLASSES] == [
        "eventd.domain.lifecycle.defined.v1",
        "eventd.domain.lifecycle.undefined.v1",
        "eventd.domain.lifecycle.started.v1",
        "eventd.domain.lifecycle.suspended.v1",
        "eventd.domain.lifecycle.resumed.v1",
        "eventd.domain.lifecycle.stopped.v1",
        "eventd.domain.lifecycle.shutdown.v1",
        "eventd.domain.lifecycle.pmsuspended.v1",
        "eventd.domain.lifecycle.crashed.v1",
        "eventd.domain.reboot.v1",
        "eventd.domain.watchdog.v1",
        "eventd.domain.io-error.v1",
        "eventd.domain.graphics.v1",
        "eventd.domain.io-error-reason.v1",
        "eventd.domain.control-error.v1",
        "eventd.domain.tray-change.v1",
        "eventd.domain.pm-wakeup.v1",
        "eventd.domain.pm-suspend.v1",
        "eventd.domain.device-removed.v1",
        "eventd.domain.tunable.v1",
        "eventd.domain.agent-lifecycle.v1",
        "eventd.domain.device-added.v1",
        "eventd.domain.job-completed.v1",
        "eventd.domain.device-removal-failed.v1",
        "eventd.domain.metadata-change.v1",
        "eventd.domain.memory-failure.v1",
        "eventd.domain.nic-mac-change.v1",
        "eventd.domain.amendment.v1",
        "eventd.domain.question.raised.v1",
        "eventd.domain.question.changed.v1",
        "eventd.domain.question.answered.v1",
        "eventd.domain.question.cleared.v1",
        "eventd.domain.task.queued.v1",
        "eventd.domain.task.running.v1",
        "eventd.domain.task.success.v1",
        "eventd.domain.task.error.v1",
        "eventd.connection.connected.v1",
        "eventd.connection.disconnected.v1",
        "eventd.connection.stale.v1",
        "eventd.connection.resynchronised.v1",
        "eventd.connection.unparsed.v1",
        "eventd.journal.replaced.v1",
    ]


@pytest.mark.parametrize("cls", EVENT_CLASSES)
def test_an_event_and_its_class_have_the_same_type(cls: type[Event]) -> None:
    """It does not depend on what is in the event."""
    assert cloudevents.type_of(example(cls)) == cloudevents.type_of(cls)


def test_a_stop_in_full() -> None:
    """The record as a client sees it, with numbers and words."""
    assert encoded(example(DomainStopped)) == {
        "specversion": "1.0",
        "id": "a-7",
        "source": "esx://esx01.example/",
        "type": "eventd.domain.lifecycle.stopped.v1",
        "subject": "4215d4a2-0c1d-4f6e-8a55-2d1f0a1b2c3d",
        "time": "2026-11-20T11:51:59.827000Z",
        "recordedtime": "2026-11-20T11:51:59.827000Z",
        "sequence": "00000000000000000007",
        "partitionkey": "esx01/vm-42",
        "cursor": "a-7",
        "severitytext": "INFO",
        "severitynumber": 9,
        "authtype": "user",
        "authid": "VSPHERE.LOCAL\\ops",
        "correlationid": "task-881",
        "datacontenttype": "application/json",
        "dataschema": "/v1/schema/eventd.domain.lifecycle.stopped.v1",
        "data": {
            "event_id": 0,
            "event": 5,
            "detail": 0,
            "event_name": "stopped",
            "reason": "shutdown",
            "synthetic": False,
            "domain": {
                "connection": "esx01",
                "reference": "vm-42",
                "uuid": "4215d4a2-0c1d-4f6e-8a55-2d1f0a1b2c3d",
                "uuid_derived": False,
                "instance_uuid": "5015d4a2-0c1d-4f6e-8a55-2d1f0a1b2c3d",
                "name": "web 01",
                "id": 42,
                "host": "esx01",
            },
            "evidence": {
                "cause": "task",
                "task": {
                    "key": "task-881",
                    "description_id": "VirtualMachine.powerOff",
                    "reason": "user",
                    "user": "VSPHERE.LOCAL\\ops",
                },
            },
        },
    }


def test_the_arguments_of_the_other_event_ids_are_numbers_and_words() -> None:
    """As with the lifecycle: programs take the numbers, people the words."""
    data = encoded(example(DomainAgentLifecycle))["data"]
    assert (data["event_id"], data["event_name"]) == (18, "agent-lifecycle")
    assert (data["state"], data["state_name"], data["reason"]) == (1, "connected", "connected")
    assert (data["because"], data["because_name"]) == (1, "domain_started")


def test_an_amendment_names_the_record_that_it_amends() -> None:
    """What was published stays as it is; who keeps reasons finds it by its id."""
    amendment = encoded(example(DomainEventAmended))
    assert amendment["type"] == "eventd.domain.amendment.v1"
    data = {name: amendment["data"][name] for name in ("amends", "amended", "corrected", "reason")}
    assert data == {
        "amends": "a-6",
        "amended": "stopped shutdown",
        "corrected": "stopped destroyed",
        "reason": "destroyed",
    }
    assert "event_id" not in amendment["data"]


# Who, and which operation


def about(evidence: Evidence) -> dict[str, str]:
    """Return what the envelope says of who it was, and in which operation."""
    envelope = encoded(example(DomainStopped).model_copy(update={"evidence": evidence}))
    names = ("authtype", "authid", "correlationid")
    return {name: envelope[name] for name in names if name in envelope}


OF_CHAIN = VIEventEvidence(key=-3, chain_id=-5, type="VmPoweredOffEvent", created_at=NOW)
OF_TASK = TaskEvidence(key="task-881", description_id="VirtualMachine.powerOff", user="root")


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (Evidence(cause=Cause.UNKNOWN), {}),
        (
            Evidence(cause=Cause.EVENT, initiator=Initiator.USER, user="ops", event=OF_CHAIN),
            {"authtype": "user", "authid": "ops", "correlationid": "-5"},
        ),
        (
            Evidence(cause=Cause.TASK, task=OF_TASK, event=OF_CHAIN),
            {"authtype": "user", "authid": "root", "correlationid": "task-881"},
        ),
        (Evidence(cause=Cause.TASK, initiator=Initiator.USER), {}),
        (Evidence(cause=Cause.EVENT, initiator=Initiator.GUEST), {}),
        (Evidence(cause=Cause.EVENT, initiator=Initiator.HA), {"authtype": "system"}),
        (
            Evidence(cause=Cause.TASK, initiator=Initiator.SCHEDULE, user="nightly stop"),
            {"authtype": "system"},
        ),
    ],
)
def test_the_envelope_says_who_and_in_which_operation(
    evidence: Evidence, said: dict[str, str]
) -> None:
    """A user by name, the system without one, a guest not at all; the task, or the chain."""
    assert about(evidence) == said


# Names of facts


def test_the_name_of_a_fact_is_the_id_of_its_record() -> None:
    """Two daemons that see the same fact tell it with the same id; the cursor stays our own."""
    named = example(DomainStopped).model_copy(update={"fact": "4215d4a2/9/5/1"})
    record = EventRecord.of(named, cursor=Cursor("a", 7), recorded_at=NOW)
    envelope = json.loads(record.json)
    assert (record.id, envelope["id"]) == ("4215d4a2/9/5/1",) * 2
    assert envelope["cursor"] == "a-7"
    assert "fact" not in envelope["data"]
    assert EventRecord.from_json(record.json) == record


def test_an_event_without_such_a_name_has_its_cursor_as_id() -> None:
    """It is unique on this daemon."""
    record = EventRecord.of(example(DomainStopped), cursor=Cursor("a", 7), recorded_at=NOW)
    assert (record.id, json.loads(record.json)["id"]) == ("a-7", "a-7")
    assert EventRecord.from_json(record.json).event.fact is None


@pytest.mark.parametrize("incomplete", [False, True])
def test_a_gap_whose_history_is_incomplete_is_a_warning(incomplete: bool) -> None:
    """Something may have happened that is not told; without that it is good news."""
    back = example(ConnectionResynchronised).model_copy(update={"incomplete": incomplete})
    assert back.severity is (Severity.WARN if incomplete else Severity.INFO)


def test_a_connection_event_is_about_no_domain_and_has_no_number() -> None:
    """libvirt has no event id for it."""
    envelope = encoded(example(ConnectionDisconnected))
    assert not envelope.keys() & {"subject", "partitionkey", "authid", "correlationid"}
    assert (envelope["severitytext"], envelope["severitynumber"]) == ("WARN", 13)
    assert envelope["data"] == {
        "event_name": "disconnected",
        "synthetic": False,
        "connection": "esx01",
        "message": "because",
        "synced_at": "2026-11-20T11:51:59.827000Z",
    }


@pytest.mark.parametrize("detail", StoppedDetail)
def test_a_crash_and_a_failed_start_are_errors(detail: StoppedDetail) -> None:
    """Every other stop may be what somebody wanted."""
    stopped = example(DomainStopped).model_copy(update={"detail": detail})
    is_error = detail in (StoppedDetail.CRASHED, StoppedDetail.FAILED)
    assert encoded(stopped)["severitytext"] == ("ERROR" if is_error else "INFO")


@pytest.mark.parametrize("cls", EVENT_CLASSES)
@settings(max_examples=25)
@given(data=st.data(), sequence=st.integers(1, 2**63), now=instants)
def test_any_event_is_read_back_as_it_was(
    cls: type[Event], data: st.DataObject, sequence: int, now: datetime
) -> None:
    """The bytes are all that the journal keeps."""
    event = data.draw(events_of(cls))
    record = EventRecord.of(event, cursor=Cursor("a", sequence), recorded_at=now)
    again = EventRecord.from_json(record.json)
    assert again == record
    assert (type(again.event), again.id) == (cls, record.id)


@given(events)
def test_a_reason_is_one_of_the_words_of_its_class(event: Event) -> None:
    """A filter takes no other words, so that each reason can be asked for."""
    assert event.reason is None or event.reason in event.reasons


SEVERITIES = {
    Severity.ERROR: {
        DomainCrashed,
        DomainIOError,
        DomainIOErrorReason,
        DomainMemoryFailure,
        JournalReplaced,
    },
    Severity.WARN: {
        DomainWatchdog,
        DomainControlError,
        DomainDeviceRemovalFailed,
        QuestionRaised,
        QuestionChanged,
        TaskFailed,
        ConnectionDisconnected,
        ConnectionStale,
        ConnectionUnparsed,
    },
}


@pytest.mark.parametrize("cls", EVENT_CLASSES)
def test_what_needs_attention_says_so(cls: type[Event]) -> None:
    """Who alerts by severity is woken by these, and by some details of others."""
    expected = (severity for severity, classes in SEVERITIES.items() if cls in classes)
    assert example(cls).severity is next(expected, Severity.INFO)


@pytest.mark.parametrize("detail", SuspendedDetail)
def test_a_domain_without_room_for_its_data_is_an_error(detail: SuspendedDetail) -> None:
    """Every other suspension may be what somebody wanted."""
    suspended = example(DomainSuspended).model_copy(update={"detail": detail})
    is_error = detail is SuspendedDetail.IOERROR
    assert suspended.severity is (Severity.ERROR if is_error else Severity.INFO)


@given(events)
def test_any_record_is_one_line_of_ascii_names_as_the_specification_asks(event: Event) -> None:
    """CloudEvents 1.0: attribute names are lower-case letters and digits, at most 20."""
    record = EventRecord.of(event, cursor=Cursor("a", 1), recorded_at=NOW)
    assert b"\n" not in record.json
    envelope = json.loads(record.json)
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in envelope)
    assert {"specversion", "id", "source", "type", "time"} <= envelope.keys()
    assert None not in envelope.values()


@given(st.integers(0, 10**20 - 1), st.integers(0, 10**20 - 1))
def test_sequences_sort_as_text_as_they_do_as_numbers(one: int, other: int) -> None:
    """The extension ``sequence`` demands lexicographic order."""
    event = example(ConnectionConnected)
    first, second = encoded(event, one)["sequence"], encoded(event, other)["sequence"]
    assert (first < second) == (one < other)


def test_a_record_is_encoded_once_and_counted() -> None:
    """Nobody downstream encodes it again, and reading it back is no encoding."""

    def count() -> float:
        return metrics.REGISTRY.get_sample_value("eventd_events_encoded_total") or 0

    before = count()
    record = EventRecord.of(example(DomainStopped), cursor=Cursor("a", 1), recorded_at=NOW)
    assert count() - before == 1
    EventRecord.from_json(record.json)
    assert count() - before == 1


# Control records and snapshots


GAP = {"reason": "expired", "after": "a-1", "oldest": "a-3", "newest": "a-7", "message": "m"}
CONTROLS: list[tuple[str, ControlRecord, dict[str, object]]] = [
    ("eventd.stream.gap.v1", Gap.model_validate(GAP), {**GAP}),
    ("eventd.stream.heartbeat.v1", Heartbeat(), {}),
    ("eventd.stream.snapshot-end.v1", SnapshotEnd(domains=3), {"domains": 3}),
]


@pytest.mark.parametrize(("ce_type", "record", "data"), CONTROLS)
def test_a_control_record_has_a_cursor_and_no_sequence(
    ce_type: str, record: ControlRecord, data: dict[str, object]
) -> None:
    """It is no event, and takes no place in the order of events."""
    control = json.loads(cloudevents.control(record, cursor="a-7", now=NOW))
    assert control.pop("id").endswith("-a-7-1795175519827")
    assert control == {
        "specversion": "1.0",
        "source": "/v1/events",
        "type": ce_type,
        "time": "2026-11-20T11:51:59.827000Z",
        "cursor": "a-7",
        "datacontenttype": "application/json",
        "dataschema": f"/v1/schema/{ce_type}",
        "data": data,
    }


def test_a_snapshot_tells_the_state_of_a_domain_and_has_no_sequence() -> None:
    """Its cursor is where the stream goes on."""
    domain = example(DomainStopped).model_dump()["domain"]
    status = DomainStatus(domain=Domain(**domain), state=DomainState.SHUTOFF)
    envelope = json.loads(cloudevents.snapshot(status, cursor="a-7", now=NOW))
    assert "sequence" not in envelope
    assert (envelope["type"], envelope["cursor"]) == ("eventd.domain.snapshot.v1", "a-7")
    assert (envelope["subject"], envelope["partitionkey"]) == (domain["uuid"], "esx01/vm-42")
    assert envelope["data"] == {
        "domain": domain,
        "state": 5,
        "state_name": "shut off",
        "stale": False,
    }


# Schemas


SCHEMAS = cloudevents.data_schemas()


def conforms(value: object, schema: Mapping[str, Any], whole: Mapping[str, Any]) -> bool:
    """Check a value against the words of JSON Schema that the schemas use."""
    if "$ref" in schema:
        return conforms(value, whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], whole)
    if "anyOf" in schema:
        return any(conforms(value, each, whole) for each in schema["anyOf"])
    if "const" in schema:
        return bool(value == schema["const"])
    if "enum" in schema:
        return value in schema["enum"]
    if not isinstance(value, TYPES[schema["type"]]):
        return False
    if isinstance(value, list):
        return all(conforms(each, schema["items"], whole) for each in value)
    if isinstance(value, dict):
        if "properties" not in schema:
            every = schema["additionalProperties"]
            return all(conforms(each, every, whole) for each in value.values())
        properties = schema["properties"]
        return set(schema.get("required", ())) <= value.keys() <= properties.keys() and all(
            conforms(each, properties[name], whole) for name, each in value.items()
        )
    return True


TYPES: dict[str, type | tuple[type, ...]] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
    "object": dict,
    "string": str,
}


def test_each_type_that_occurs_has_a_schema() -> None:
    """Every event, the snapshot, and what a stream says about itself."""
    assert list(SCHEMAS) == [
        *(cloudevents.type_of(cls) for cls in EVENT_CLASSES),
        cloudevents.SNAPSHOT,
        *(ce_type for ce_type, _, _ in CONTROLS),
    ]


@given(events)
def test_the_data_of_any_event_conforms_to_its_schema(event: Event) -> None:
    """Nothing is missing, nothing is unknown, and the words belong to the numbers."""
    schema = SCHEMAS[cloudevents.type_of(event)]
    assert conforms(encoded(event)["data"], schema, schema)


@pytest.mark.parametrize("cls", EVENT_CLASSES)
def test_the_data_of_another_type_does_not_conform(cls: type[Event]) -> None:
    """A schema tells its type from all others."""
    schema = SCHEMAS[cloudevents.type_of(cls)]
    others = [encoded(example(other))["data"] for other in EVENT_CLASSES if other is not cls]
    assert not any(conforms(data, schema, schema) for data in others)


@pytest.mark.parametrize(("name", "value"), [("detail", 7), ("reason", "booted"), ("domain", 1)])
def test_wrong_data_does_not_conform(name: str, value: object) -> None:
    """The schema of a stop knows its details, and its reasons."""
    schema = SCHEMAS[cloudevents.type_of(DomainStopped)]
    data = encoded(example(DomainStopped))["data"]
    assert conforms(data, schema, schema)
    assert not conforms(data | {name: value}, schema, schema)


@pytest.mark.parametrize("name", ["domain", "evidence", "event_id", "event", "detail", "reason"])
def test_data_without_what_each_record_has_does_not_conform(name: str) -> None:
    """Who reads the schema may rely on the numbers and words."""
    schema = SCHEMAS[cloudevents.type_of(DomainStopped)]
    data = encoded(example(DomainStopped))["data"]
    del data[name]
    assert not conforms(data, schema, schema)


@given(
    st.builds(
        DomainStatus,
        domain=domains,
        state=st.sampled_from(DomainState),
        stale=st.booleans(),
        question=st.none() | questions,
    )
)
def test_the_data_of_any_snapshot_conforms_to_its_schema(status: DomainStatus) -> None:
    """The word for the state is part of it."""
    schema = SCHEMAS[cloudevents.SNAPSHOT]
    data = json.loads(cloudevents.snapshot(status, cursor="a-7", now=NOW))["data"]
    assert conforms(data, schema, schema)


def test_schemas_keep_nothing_that_only_the_envelope_tells() -> None:
    """What is in the envelope is not said twice, and no definition is left over."""
    for ce_type, schema in SCHEMAS.items():
        assert not {"occurred_at", "source"} & schema["properties"].keys()
        text = json.dumps(schema)
        for name in schema.get("$defs", {}):
            assert f"#/$defs/{name}" in text, f"{ce_type} does not use its definition {name}"
