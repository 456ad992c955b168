"""The event classes: one frozen class for each thing that can happen.

``kind`` says what the event is about and ``event_id`` is libvirt's number for it, if it has one.
``type`` and ``reason`` are words that filters match; a lifecycle event also has them as libvirt's
numbers ``event`` and ``detail``.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import ClassVar

from pydantic import AwareDatetime

from eventd.model.domain import Domain, Question, Value
from eventd.model.evidence import Evidence
from eventd.model.ids import EventId, EventKind
from eventd.model.lifecycle import (
    CrashedDetail,
    DefinedDetail,
    Detail,
    LifecycleType,
    PMSuspendedDetail,
    ResumedDetail,
    ShutdownDetail,
    StartedDetail,
    StoppedDetail,
    SuspendedDetail,
    UndefinedDetail,
)

__all__ = [
    "EVENT_CLASSES",
    "ConnectionConnected",
    "ConnectionDisconnected",
    "ConnectionEvent",
    "DomainCrashed",
    "DomainDefined",
    "DomainEvent",
    "DomainPMSuspended",
    "DomainRebooted",
    "DomainResumed",
    "DomainShutdown",
    "DomainStarted",
    "DomainStopped",
    "DomainSuspended",
    "DomainUndefined",
    "Event",
    "LifecycleEvent",
    "QuestionCleared",
    "QuestionEvent",
    "QuestionRaised",
    "Severity",
]


class Severity(IntEnum):
    """OpenTelemetry's severity numbers, as the CloudEvents extension ``severity`` uses them."""

    INFO = 9
    WARN = 13
    ERROR = 17


class Event(Value):
    """Something happened at ``occurred_at``, as far as eventd could learn."""

    kind: ClassVar[EventKind]
    type: ClassVar[str | None] = None
    """The word for what happened within the kind, where the kind has several."""

    occurred_at: AwareDatetime
    """When it happened: the host's own time where it tells one, else when eventd learnt of it."""
    source: str
    """The URI of the connection without user and parameters."""
    synthetic: bool = False
    """True if worked out after a gap in which eventd was not looking, with no known cause."""

    @property
    def event_id(self) -> EventId | None:
        """libvirt's number of the kind."""
        return self.kind.event_id

    @property
    def reason(self) -> str | None:
        """The word of the detail, where there is one."""
        return None

    @property
    def severity(self) -> Severity:
        """How much attention the event deserves by itself."""
        return Severity.INFO


class DomainEvent(Event):
    """Something happened to one domain."""

    domain: Domain
    evidence: Evidence


class LifecycleEvent(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_LIFECYCLE``: a type and a detail."""

    kind = EventKind.LIFECYCLE
    lifecycle: ClassVar[LifecycleType]

    detail: Detail

    def __init_subclass__(cls, lifecycle: LifecycleType, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)  # type: ignore[arg-type]
        cls.lifecycle = lifecycle
        cls.type = lifecycle.word

    @property
    def event(self) -> int:
        """libvirt's number of the type."""
        return int(self.lifecycle)

    @property
    def reason(self) -> str:
        """The word of the detail."""
        return self.detail.word


class DomainDefined(LifecycleEvent, lifecycle=LifecycleType.DEFINED):
    """The domain came to be known, or its definition changed."""

    detail: DefinedDetail


class DomainUndefined(LifecycleEvent, lifecycle=LifecycleType.UNDEFINED):
    """The domain is no longer known under this identity."""

    detail: UndefinedDetail


class DomainStarted(LifecycleEvent, lifecycle=LifecycleType.STARTED):
    """The domain runs now and did not before."""

    detail: StartedDetail


class DomainSuspended(LifecycleEvent, lifecycle=LifecycleType.SUSPENDED):
    """The domain keeps its memory and does not execute."""

    detail: SuspendedDetail


class DomainResumed(LifecycleEvent, lifecycle=LifecycleType.RESUMED):
    """The suspended domain executes again."""

    detail: ResumedDetail


class DomainStopped(LifecycleEvent, lifecycle=LifecycleType.STOPPED):
    """The domain no longer runs (here)."""

    detail: StoppedDetail

    @property
    def severity(self) -> Severity:
        """An error for a crash or a failed start, else no more than information."""
        unwanted = self.detail in (StoppedDetail.CRASHED, StoppedDetail.FAILED)
        return Severity.ERROR if unwanted else Severity.INFO


class DomainShutdown(LifecycleEvent, lifecycle=LifecycleType.SHUTDOWN):
    """The guest's system has finished; STOPPED follows."""

    detail: ShutdownDetail


class DomainPMSuspended(LifecycleEvent, lifecycle=LifecycleType.PMSUSPENDED):
    """The guest's system put itself to sleep."""

    detail: PMSuspendedDetail


class DomainCrashed(LifecycleEvent, lifecycle=LifecycleType.CRASHED):
    """The guest's system crashed while the domain stays on."""

    detail: CrashedDetail

    @property
    def severity(self) -> Severity:
        """Always an error."""
        return Severity.ERROR


class DomainRebooted(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_REBOOT``: the guest's system started anew, the domain stayed on."""

    kind = EventKind.REBOOT


class QuestionEvent(DomainEvent):
    """A VI question of the domain; libvirt has no event id for it."""

    kind = EventKind.QUESTION

    question: Question


class QuestionRaised(QuestionEvent):
    """The domain, or a task on it, waits for an answer."""

    type = "raised"

    @property
    def severity(self) -> Severity:
        """A warning: somebody has to answer."""
        return Severity.WARN


class QuestionCleared(QuestionEvent):
    """The question is gone: answered by somebody, or withdrawn by the host."""

    type = "cleared"


class ConnectionEvent(Event):
    """Something happened to a connection. It says nothing about the state of its domains."""

    kind = EventKind.CONNECTION

    connection: str
    """Name of the connection."""
    message: str | None = None
    """Why, in one sentence."""


class ConnectionConnected(ConnectionEvent):
    """The connection is in sync with its host."""

    type = "connected"

    domains: int
    """How many domains the connection follows now."""


class ConnectionDisconnected(ConnectionEvent):
    """The host is lost; its domains are stale, which is neither stopped nor gone."""

    type = "disconnected"

    synced_at: datetime | None = None
    """When the last answer of the host was taken in."""

    @property
    def severity(self) -> Severity:
        """A warning: eventd is blind there."""
        return Severity.WARN


EVENT_CLASSES: tuple[type[Event], ...] = (
    DomainDefined,
    DomainUndefined,
    DomainStarted,
    DomainSuspended,
    DomainResumed,
    DomainStopped,
    DomainShutdown,
    DomainPMSuspended,
    DomainCrashed,
    DomainRebooted,
    QuestionRaised,
    QuestionCleared,
    ConnectionConnected,
    ConnectionDisconnected,
)
"""Every class of which events are published."""
