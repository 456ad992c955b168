"""The wire form of events: CloudEvents 1.0 in its JSON format, and nothing home-made around it.

Registered extensions in use: sequence, recordedtime, partitionkey, severity, authcontext and
correlation. ``cursor`` is eventd's own: the opaque string from which a reader resumes; so is
``durable``, which is false where a full disk kept the record from being written before it was told.
Attribute names are lower-case letters and digits, at most 20, as the specification asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from eventd import metrics
from eventd.errors import InvalidArgument
from eventd.model.arguments import Argument
from eventd.model.control import ControlRecord, Gap, Heartbeat, SnapshotEnd
from eventd.model.domain import DomainState, DomainStatus
from eventd.model.events import (
    EVENT_CLASSES,
    DomainEvent,
    Event,
    LifecycleEvent,
    QuestionAnswered,
    QuestionEvent,
)
from eventd.model.evidence import Evidence, Initiator
from eventd.model.lifecycle import DETAILS

__all__ = [
    "GAP",
    "HEARTBEAT",
    "SNAPSHOT",
    "SNAPSHOT_END",
    "Decoded",
    "control",
    "data_schemas",
    "decode",
    "encode",
    "identify",
    "snapshot",
    "type_of",
]

GAP = "eventd.stream.gap.v1"
HEARTBEAT = "eventd.stream.heartbeat.v1"
SNAPSHOT = "eventd.domain.snapshot.v1"
SNAPSHOT_END = "eventd.stream.snapshot-end.v1"

_CONTROL_TYPES: Mapping[type[ControlRecord], str] = {
    Gap: GAP,
    Heartbeat: HEARTBEAT,
    SnapshotEnd: SNAPSHOT_END,
}

_STREAM = "/v1/events"
"""The source of control records: the stream itself."""

# What the envelope says already is not said again in `data`.
_ENVELOPE_FIELDS = {"occurred_at", "source", "fact", "detail"}


def type_of(event: Event | type[Event]) -> str:
    """Return the CloudEvents type: ``eventd.domain.<kind>[.<type>].v1``.

    What is about no domain is ``eventd.connection.<what>.v1`` and ``eventd.journal.<what>.v1``.
    """
    cls = event if isinstance(event, type) else type(event)
    subject = f"domain.{cls.kind}" if issubclass(cls, DomainEvent) else cls.kind
    return f"eventd.{subject}.{cls.type}.v1" if cls.type else f"eventd.{subject}.v1"


_CLASSES: Mapping[str, type[Event]] = {type_of(cls): cls for cls in EVENT_CLASSES}


def identify(event: Event, *, cursor: str) -> str:
    """Return the CloudEvents ``id``: the name of the fact where it has one, else the cursor.

    The former is the same on each daemon that sees the fact; the latter is unique on this one.
    """
    return event.fact or cursor


def encode(
    event: Event, *, cursor: str, sequence: int, recorded_at: datetime, durable: bool = True
) -> bytes:
    """Encode an event as one line of JSON, without a line end. Counted, since once is enough.

    ``durable`` is an extension of eventd's own, and only there where it is false.
    """
    metrics.events_encoded.inc()
    ce_type = type_of(event)
    return to_json(
        {
            "specversion": "1.0",
            "id": identify(event, cursor=cursor),
            "source": event.source,
            "type": ce_type,
            "time": event.occurred_at,
            **_about(event),
            # Lexicographic order is numeric order: the extension demands the former.
            "sequence": f"{sequence:020d}",
            "recordedtime": recorded_at,
            "cursor": cursor,
            **({} if durable else {"durable": False}),
            "severitytext": event.severity.name,
            "severitynumber": int(event.severity),
            "datacontenttype": "application/json",
            "dataschema": f"/v1/schema/{ce_type}",
            "data": _data(event),
        },
        exclude_none=True,
    )


def _about(event: Event) -> dict[str, str]:
    """Return the attributes that say whom the event is about and who caused it."""
    if not isinstance(event, DomainEvent):
        return {}
    about = {
        "subject": event.domain.uuid,
        "partitionkey": f"{event.domain.connection}/{event.domain.reference}",
    }
    correlation = _correlation(event.evidence)
    return about | _authcontext(event) | ({"correlationid": correlation} if correlation else {})


def _authcontext(event: DomainEvent) -> dict[str, str]:
    """Return the extension ``authcontext``: which kind of principal it was, and its name.

    A guest that acts by itself is no principal of the host, and the extension has no word for it.
    The name of a schedule or an alarm names no principal either; it is in the evidence. Whoever
    started the task that a question holds up has neither asked nor answered it.
    """
    if isinstance(event, QuestionAnswered):
        user = event.answered_by.user if event.answered_by else None
        return {"authtype": "user", "authid": user} if user else {"authtype": "system"}
    if isinstance(event, QuestionEvent):
        return {}
    evidence = event.evidence
    user = evidence.user or (evidence.task.user if evidence.task else None)
    match evidence.initiator:
        case Initiator.GUEST:
            return {}
        case Initiator.USER | None:
            return {"authtype": "user", "authid": user} if user else {}
        case _:
            return {"authtype": "system"}


def _correlation(evidence: Evidence) -> str | None:
    """Return what all events of one operation of the host have in common: its task, or its chain.

    `Event.chainId` is the key of the first event of the operation.
    """
    if evidence.task and evidence.task.key:
        return evidence.task.key
    return str(evidence.event.chain_id) if evidence.event else None


def _data(event: Event) -> dict[str, Any]:
    """Return numbers and words first, as people read from the left, then the event's own fields."""
    data: dict[str, Any] = {"event_id": event.event_id}
    if isinstance(event, LifecycleEvent):
        data |= {"event": event.event, "detail": int(event.detail)}
    data |= {"event_name": event.type or str(event.kind), "reason": event.reason}
    for name in type(event).model_fields:
        if name in _ENVELOPE_FIELDS:
            continue
        data[name] = value = getattr(event, name)
        if isinstance(value, Argument):
            data[f"{name}_name"] = value.word
    return {name: value for name, value in data.items() if value is not None}


class Decoded(NamedTuple):
    """What a record's JSON says."""

    event: Event
    cursor: str
    recorded_at: datetime


_INSTANT = TypeAdapter(datetime)
_TEXT = TypeAdapter(str)


def decode(json: bytes) -> Decoded:
    """Read what `encode` wrote.

    Raises:
        InvalidArgument: the bytes are not the JSON of a known event.
    """
    try:
        envelope = from_json(json)
        cls = _CLASSES[envelope["type"]]
        event = cls.model_validate(
            envelope["data"]
            | {
                "occurred_at": envelope["time"],
                "source": envelope["source"],
                "fact": envelope["id"] if envelope["id"] != envelope["cursor"] else None,
            }
        )
        recorded_at = _INSTANT.validate_python(envelope["recordedtime"])
        return Decoded(event, _TEXT.validate_python(envelope["cursor"]), recorded_at)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise InvalidArgument(f"not the record of a known event: {error}") from error


def control(record: ControlRecord, *, cursor: str, now: datetime) -> bytes:
    """Encode a control record of a stream, as one line of JSON without a line end.

    It is no event: it carries a cursor and has no sequence of its own.
    """
    ce_type = _CONTROL_TYPES[type(record)]
    return to_json(
        {
            "specversion": "1.0",
            "id": f"{ce_type.split('.')[2]}-{cursor}-{int(now.timestamp() * 1000)}",
            "source": _STREAM,
            "type": ce_type,
            "time": now,
            "cursor": cursor,
            "datacontenttype": "application/json",
            "dataschema": f"/v1/schema/{ce_type}",
            "data": record,
        },
        exclude_none=True,
    )


def snapshot(status: DomainStatus, *, cursor: str, now: datetime) -> bytes:
    """Encode the present state of one domain, as a stream with ``snapshot=true`` begins."""
    domain = status.domain
    return to_json(
        {
            "specversion": "1.0",
            "id": f"snapshot-{cursor}-{domain.connection}/{domain.reference}",
            "source": _STREAM,
            "type": SNAPSHOT,
            "time": now,
            "subject": domain.uuid,
            "partitionkey": f"{domain.connection}/{domain.reference}",
            "cursor": cursor,
            "datacontenttype": "application/json",
            "dataschema": f"/v1/schema/{SNAPSHOT}",
            "data": {**status.model_dump(exclude_none=True), "state_name": status.state.word},
        },
        exclude_none=True,
    )


def data_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of ``data`` for every CloudEvents type that can occur."""
    schemas = {ce_type: _data_schema(cls) for ce_type, cls in _CLASSES.items()}
    controls = {
        ce_type: cls.model_json_schema(mode="serialization")
        for cls, ce_type in _CONTROL_TYPES.items()
    }
    return {**schemas, SNAPSHOT: _snapshot_schema(), **controls}


def _data_schema(cls: type[Event]) -> dict[str, Any]:
    schema = cls.model_json_schema(mode="serialization")
    for name in _ENVELOPE_FIELDS:
        schema["properties"].pop(name, None)
    schema["required"] = [name for name in schema["required"] if name not in _ENVELOPE_FIELDS]
    _require(schema, "event_name", {"const": cls.type or str(cls.kind)})
    if cls.kind.event_id is not None:
        _require(schema, "event_id", {"const": int(cls.kind.event_id)})
    if cls.reasons:
        schema["properties"]["reason"] = {"enum": list(cls.reasons)}
    for name, field in cls.model_fields.items():
        enum = field.annotation
        if isinstance(enum, type) and issubclass(enum, Argument):
            _require(schema, f"{name}_name", {"enum": [member.word for member in enum]})
    if issubclass(cls, LifecycleEvent):
        details = DETAILS[cls.lifecycle]
        _require(schema, "event", {"const": int(cls.lifecycle)})
        _require(schema, "detail", {"enum": [int(detail) for detail in details]})
        _require(schema, "reason", {"enum": [detail.word for detail in details]})
        schema.get("$defs", {}).pop(details.__name__, None)
    return schema


def _snapshot_schema() -> dict[str, Any]:
    schema = DomainStatus.model_json_schema(mode="serialization")
    _require(schema, "state_name", {"enum": [state.word for state in DomainState]})
    return schema


def _require(schema: dict[str, Any], name: str, rule: dict[str, Any]) -> None:
    schema["properties"][name] = rule
    schema["required"].append(name)
