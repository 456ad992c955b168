"""What the daemon answers, as typed values.

An answer that is another one than expected raises whatever it does: `understood` is around it all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from eventd.client.failures import refusal
from eventd.model.domain import ConnectionStatus, DomainStatus
from eventd.model.ids import EventKind
from eventd.model.operations import OperationResult, TaskProgress
from eventd.model.questions import PendingQuestion
from eventd.model.record import Cursor

__all__ = [
    "CallbackStatus",
    "DurableSubscription",
    "read_account",
    "read_callbacks",
    "read_connections",
    "read_domains",
    "read_questions",
    "read_subscription",
    "read_subscriptions",
]


@dataclass(frozen=True, slots=True)
class CallbackStatus:
    """A registered callback, whoever registered it."""

    callback_id: int
    event: EventKind
    domain: str | None
    """UUID of the only domain that it is for, or None for all."""
    session: str
    """Whose it is: a session of a client, or ``daemon``."""
    pid: int | None
    uid: int | None


@dataclass(frozen=True, slots=True)
class DurableSubscription:
    """What the daemon keeps for a program that reads by name."""

    name: str
    filters: Mapping[str, Sequence[str]]
    """The values of each filter."""
    acknowledged: Cursor
    """Everything up to here is dealt with."""
    created_at: datetime
    lag: int | None = None
    """How many records follow what is acknowledged; None where the daemon does not tell it."""
    is_written: bool = True
    """False if the disk of the daemon cannot be written: should it end before it can, that is lost.
    Told where it is made or acknowledges."""


def read_domains(answer: Any) -> list[DomainStatus]:
    """Return the domains that ``GET /v1/domains`` lists."""
    return [DomainStatus.model_validate(each) for each in answer["domains"]]


def read_connections(answer: Any) -> list[ConnectionStatus]:
    """Return the connections that ``GET /v1/connections`` lists."""
    return [ConnectionStatus.model_validate(each) for each in answer["connections"]]


def read_questions(answer: Any) -> list[PendingQuestion]:
    """Return the questions that ``GET /v1/questions`` lists."""
    return [PendingQuestion.model_validate(each) for each in answer["questions"]]


def read_account(line: bytes) -> TaskProgress | OperationResult:
    """Return what a line of an operation says."""
    match from_json(line):
        case {"progress": progress}:
            return TaskProgress.model_validate(progress)
        case {"result": result}:
            return OperationResult.model_validate(result)
        case {"problem": {"status": int(status)} as problem}:
            raise refusal(status, problem)
        case _:
            raise ValueError("a line that is neither progress nor result nor problem")


def read_callbacks(answer: Any) -> list[CallbackStatus]:
    """Return the callbacks that ``GET /v1/callbacks`` lists."""
    return [
        CallbackStatus(
            callback_id=each["callback_id"],
            event=EventKind(each["event"]),
            domain=each["domain"],
            **each["owner"],
        )
        for each in answer["callbacks"]
    ]


def read_subscriptions(answer: Any) -> list[DurableSubscription]:
    """Return the durable subscriptions that ``GET /v1/callbacks`` lists."""
    return [read_subscription(each) for each in answer["durable"]]


def read_subscription(answer: Any) -> DurableSubscription:
    """Return one durable subscription."""
    return DurableSubscription(
        name=answer["durable"],
        filters={key: tuple(values) for key, values in answer["filters"].items()},
        acknowledged=Cursor.parse(answer["acknowledged"]),
        created_at=datetime.fromisoformat(answer["created_at"]),
        lag=answer.get("lag"),
        is_written=answer.get("written", True),
    )
