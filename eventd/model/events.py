"""The event classes: one frozen class for each thing that can happen.

``kind`` says what the event is about and ``event_id`` is libvirt's number for it, if it has one.
``type`` and ``reason`` are words that filters match; a lifecycle event also has them as libvirt's
numbers ``event`` and ``detail``. What the callbacks of libvirt's other event ids are given are
fields of the classes here, with the enums of `eventd.model.arguments`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import IntEnum
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from eventd.model.arguments import (
    AgentReason,
    AgentState,
    Argument,
    GraphicsPhase,
    IOErrorAction,
    JobOperation,
    MemoryFailureAction,
    MemoryFailureRecipient,
    MetadataType,
    TrayChange,
    WatchdogAction,
)
from eventd.model.domain import Choice, Domain, Question, Value
from eventd.model.evidence import Evidence
from eventd.model.ids import EventId, EventKind
from eventd.model.lifecycle import (
    DETAILS,
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
from eventd.model.questions import AnswerRule, QuestionEnding, Requester

__all__ = [
    "EVENT_CLASSES",
    "ConnectionConnected",
    "ConnectionDisconnected",
    "ConnectionEvent",
    "ConnectionResynchronised",
    "ConnectionStale",
    "ConnectionUnparsed",
    "DomainAgentLifecycle",
    "DomainControlError",
    "DomainCrashed",
    "DomainDefined",
    "DomainDeviceAdded",
    "DomainDeviceRemovalFailed",
    "DomainDeviceRemoved",
    "DomainEvent",
    "DomainEventAmended",
    "DomainGraphics",
    "DomainIOError",
    "DomainIOErrorReason",
    "DomainJobCompleted",
    "DomainMemoryFailure",
    "DomainMetadataChanged",
    "DomainNICMacChanged",
    "DomainPMSuspend",
    "DomainPMSuspended",
    "DomainPMWakeup",
    "DomainRebooted",
    "DomainResumed",
    "DomainShutdown",
    "DomainStarted",
    "DomainStopped",
    "DomainSuspended",
    "DomainTrayChange",
    "DomainTunable",
    "DomainUndefined",
    "DomainWatchdog",
    "Event",
    "JournalReplaced",
    "LifecycleEvent",
    "QuestionAnswered",
    "QuestionChanged",
    "QuestionCleared",
    "QuestionEvent",
    "QuestionRaised",
    "Severity",
    "TaskEvent",
    "TaskFailed",
    "TaskProgressed",
    "TaskQueued",
    "TaskSucceeded",
]


class Severity(IntEnum):
    """OpenTelemetry's severity numbers, as the CloudEvents extension ``severity`` uses them."""

    INFO = 9
    WARN = 13
    ERROR = 17


def _words(members: Iterable[Detail | Argument]) -> tuple[str, ...]:
    return tuple(member.word for member in members)


class Event(Value):
    """Something happened at ``occurred_at``, as far as eventd could learn."""

    kind: ClassVar[EventKind]
    type: ClassVar[str | None] = None
    """The word for what happened within the kind, where the kind has several."""
    reasons: ClassVar[tuple[str, ...]] = ()
    """All that `reason` can be for events of the class, where that is known."""

    occurred_at: AwareDatetime
    """When it happened: the host's own time where it tells one, else when eventd learnt of it."""
    source: str
    """The URI of the connection without user and parameters."""
    synthetic: bool = False
    """True if worked out after a gap in which eventd was not looking, with no known cause."""
    fact: Annotated[str, Field(min_length=1)] | None = None
    """Names the fact the same on every daemon that sees it. It is the ``id`` of the record."""

    @property
    def event_id(self) -> EventId | None:
        """libvirt's number of the kind."""
        return self.kind.event_id

    @property
    def reason(self) -> str | None:
        """The word of the detail or of the chief argument, where there is one."""
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
        cls.reasons = _words(DETAILS[lifecycle])

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

    @property
    def severity(self) -> Severity:
        """An error where an error of its storage holds it up."""
        return Severity.ERROR if self.detail is SuspendedDetail.IOERROR else Severity.INFO


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


class DomainWatchdog(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_WATCHDOG``: the guest gave no sign of life, and something was done.

    On VI this is vSphere HA's monitoring of guests and applications.
    """

    kind = EventKind.WATCHDOG
    reasons = _words(WatchdogAction)

    action: WatchdogAction

    @property
    def reason(self) -> str:
        """The word of the action."""
        return self.action.word

    @property
    def severity(self) -> Severity:
        """A warning: the guest hung."""
        return Severity.WARN


class DomainIOError(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_IO_ERROR``: the domain's storage failed it."""

    kind = EventKind.IO_ERROR
    reasons = _words(IOErrorAction)

    src_path: str = ""
    """The file, where the host names it."""
    dev_alias: str = ""
    """The disk, where the host names it."""
    action: IOErrorAction

    @property
    def reason(self) -> str:
        """The word of the action."""
        return self.action.word

    @property
    def severity(self) -> Severity:
        """Always an error."""
        return Severity.ERROR


class DomainIOErrorReason(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON``: the same, with the reason for it."""

    kind = EventKind.IO_ERROR_REASON
    reasons = ("enospc",)

    src_path: str = ""
    """The file, where the host names it."""
    dev_alias: str = ""
    """The disk, where the host names it."""
    action: IOErrorAction
    error_reason: Literal["", "enospc"]
    """``enospc`` where there was no space left, else empty, as libvirt has it."""

    @property
    def reason(self) -> str | None:
        """What the error was, where it is known."""
        return self.error_reason or None

    @property
    def severity(self) -> Severity:
        """Always an error."""
        return Severity.ERROR


class DomainGraphics(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_GRAPHICS``: somebody uses the domain's console.

    VI tells no addresses: those that libvirt's callback is given are empty.
    """

    kind = EventKind.GRAPHICS
    reasons = _words(GraphicsPhase)

    phase: GraphicsPhase
    service: str
    """The kind of console: ``mks``, ``webmks``."""

    @property
    def reason(self) -> str:
        """The word of the phase."""
        return self.phase.word


class DomainControlError(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_CONTROL_ERROR``: the host cannot reach the domain or its files.

    It says nothing about the domain's state, which is the last known one from then on.
    """

    kind = EventKind.CONTROL_ERROR

    @property
    def severity(self) -> Severity:
        """A warning: nobody can tell what the domain is doing."""
        return Severity.WARN


class DomainTrayChange(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_TRAY_CHANGE``: a removable medium was connected or disconnected."""

    kind = EventKind.TRAY_CHANGE
    reasons = _words(TrayChange)

    dev_alias: str
    change: TrayChange

    @property
    def reason(self) -> str:
        """The word of the change."""
        return self.change.word


class DomainPMWakeup(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_PMWAKEUP``: the guest's system woke up."""

    kind = EventKind.PM_WAKEUP


class DomainPMSuspend(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_PMSUSPEND``: the guest's system went to sleep."""

    kind = EventKind.PM_SUSPEND


class DomainDeviceAdded(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_DEVICE_ADDED``: the domain has a new device."""

    kind = EventKind.DEVICE_ADDED

    dev_alias: str


class DomainDeviceRemoved(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED``: the domain has lost a device."""

    kind = EventKind.DEVICE_REMOVED

    dev_alias: str


class DomainDeviceRemovalFailed(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED``: a device could not be taken away."""

    kind = EventKind.DEVICE_REMOVAL_FAILED

    dev_alias: str

    @property
    def severity(self) -> Severity:
        """A warning: somebody wanted something that did not happen."""
        return Severity.WARN


class DomainTunable(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_TUNABLE``: the domain's share of the host changed."""

    kind = EventKind.TUNABLE

    parameters: Mapping[str, int | str]
    """The new values, by libvirt's names of the fields: ``cputune.cpu_shares``."""


class DomainAgentLifecycle(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE``: VMware Tools came or went in the guest."""

    kind = EventKind.AGENT_LIFECYCLE
    reasons = _words(AgentState)

    state: AgentState
    because: AgentReason
    """libvirt's reason for it."""

    @property
    def reason(self) -> str:
        """The word of the state: it is what is looked for."""
        return self.state.word


class DomainJobCompleted(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_JOB_COMPLETED``: a long operation on the domain has succeeded."""

    kind = EventKind.JOB_COMPLETED
    reasons = tuple(JobOperation)

    operation: JobOperation
    time_elapsed: int | None = None
    """How long it took, in milliseconds by the host's clock."""

    @property
    def reason(self) -> str:
        """The word of the operation."""
        return self.operation


class DomainMetadataChanged(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_METADATA_CHANGE``: a text that describes the domain changed."""

    kind = EventKind.METADATA_CHANGE
    reasons = _words(MetadataType)

    metadata: MetadataType
    uri: str | None = None
    """The XML namespace of an element; the others have none."""

    @property
    def reason(self) -> str:
        """The word of the text."""
        return self.metadata.word


class DomainMemoryFailure(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE``: the host's memory failed under the domain."""

    kind = EventKind.MEMORY_FAILURE
    reasons = _words(MemoryFailureAction)

    recipient: MemoryFailureRecipient
    action: MemoryFailureAction
    flags: Annotated[int, Field(ge=0)] = 0
    """`MemoryFailureFlag` bits."""

    @property
    def reason(self) -> str:
        """The word of the action."""
        return self.action.word

    @property
    def severity(self) -> Severity:
        """Always an error."""
        return Severity.ERROR


class DomainNICMacChanged(DomainEvent):
    """``VIR_DOMAIN_EVENT_ID_NIC_MAC_CHANGE``: a network card has another address."""

    kind = EventKind.NIC_MAC_CHANGE

    dev_alias: str
    old_mac: str
    new_mac: str


class DomainEventAmended(DomainEvent):
    """The cause of a published event became known late; libvirt has no event id for that.

    A published event is never rewritten: who has read it has acted on it. A reader that keeps
    reasons applies this to the record with the id `amends`; the evidence here is what came late.
    Others may pass over it, since no state changes with it.
    """

    kind = EventKind.AMENDMENT
    reasons = tuple(dict.fromkeys(word for each in DETAILS.values() for word in _words(each)))

    amends: str
    """The ``id`` of the record that was published."""
    amended: str
    """What that record says: ``stopped shutdown``."""
    corrected: str
    """What it would say had the cause been known: ``stopped destroyed``. It may be the same."""

    @property
    def reason(self) -> str | None:
        """The word of the detail that is the true one: ``destroyed``."""
        return self.corrected.rpartition(" ")[2] or None


class QuestionEvent(DomainEvent):
    """A VI question of the domain; libvirt has no event id for it.

    The task that is blocked by it, where one is known, is in the evidence.
    """

    kind = EventKind.QUESTION

    question: Question


class QuestionRaised(QuestionEvent):
    """The domain, or a task on it, waits for an answer."""

    type = "raised"

    @property
    def severity(self) -> Severity:
        """A warning: somebody has to answer."""
        return Severity.WARN


class QuestionChanged(QuestionEvent):
    """The host asks the same question in other words, or with other choices."""

    type = "changed"

    @property
    def severity(self) -> Severity:
        """A warning: somebody has to answer."""
        return Severity.WARN


class QuestionAnswered(QuestionEvent):
    """eventd has answered the question, and it is gone."""

    type = "answered"
    reasons = tuple(AnswerRule)

    choice: Choice
    """The answer."""
    rule: AnswerRule
    """Why it was given."""
    answered_by: Requester | None = None
    """The client that gave it, or that asked for the operation which was blocked."""

    @property
    def reason(self) -> str:
        """The word of the rule."""
        return self.rule


class QuestionCleared(QuestionEvent):
    """The question is gone, and eventd has not answered it."""

    type = "cleared"
    reasons = tuple(QuestionEnding)

    ending: QuestionEnding

    @property
    def reason(self) -> str:
        """The word of the ending."""
        return self.ending


class TaskEvent(DomainEvent):
    """A VI task on the domain; libvirt has no event id for it.

    Which task it is, and who started it, is in the evidence.
    """

    kind = EventKind.TASK

    cancelable: bool = False
    """Whether the host would cancel it."""


class TaskQueued(TaskEvent):
    """The task waits for its turn."""

    type = "queued"


class TaskProgressed(TaskEvent):
    """The task runs."""

    type = "running"

    progress: int | None = None
    """Percent, where the host tells it."""


class TaskSucceeded(TaskEvent):
    """The task has done its work."""

    type = "success"


class TaskFailed(TaskEvent):
    """The task ended in an error, which is in the evidence."""

    type = "error"

    cancelled: bool = False
    """Whether somebody cancelled it."""

    @property
    def severity(self) -> Severity:
        """A warning: somebody wanted something that did not happen."""
        return Severity.WARN


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


class ConnectionStale(ConnectionEvent):
    """What is known of the domains is of an earlier time, and nothing new is heard of the host.

    It is told where no `ConnectionDisconnected` says so: when eventd starts with what it knew, and
    when a host owes an answer and may still give it.
    """

    type = "stale"

    synced_at: datetime | None = None
    """When the last answer of the host was taken in."""

    @property
    def severity(self) -> Severity:
        """A warning: eventd is blind there."""
        return Severity.WARN


class ConnectionResynchronised(ConnectionEvent):
    """The picture is true again: it was taken anew, and what was missed has been told.

    Without a new picture, it says that the host gave the answer that it owed, or, if it is
    ``incomplete``, that the host had more to tell of a moment than could be read.
    """

    type = "resynchronised"

    domains: int
    """How many domains the connection follows now."""
    missed: int
    """How many events tell what happened meanwhile; they come before this one. 0 where nothing had
    to be compared."""
    synced_at: datetime | None = None
    """When the last answer before that was taken in."""
    reinstalled: bool = False
    """Whether it is another host than before: all domains of the one before are told as removed."""
    incomplete: bool = False
    """Whether the host's event history of that time could not be read to its end: changes that it
    alone has are missing, and causes may be. The message says why; in between, it is told at most
    once a minute."""

    @property
    def severity(self) -> Severity:
        """A warning if something may have happened that is not told."""
        return Severity.WARN if self.incomplete else super().severity


class ConnectionUnparsed(ConnectionEvent):
    """Something that the host told cannot be understood; all the rest goes on."""

    type = "unparsed"

    element: str
    """Its VI type, as far as that can be read."""
    raw: str
    """The beginning of what the host sent."""
    size: int
    """How many bytes the host sent of it."""

    @property
    def severity(self) -> Severity:
        """A warning: something may have happened that is not told."""
        return Severity.WARN


class JournalReplaced(Event):
    """The journal could not be read any more, and a new one was begun.

    Cursors of the old one are refused from now on: with HTTP status 410, or by a gap record.
    """

    kind = EventKind.JOURNAL
    type = "replaced"

    message: str
    """What was wrong, in one sentence."""
    set_aside: str | None = None
    """Where the file is that cannot be read; None if it could not be kept."""

    @property
    def severity(self) -> Severity:
        """An error: what had been recorded can no longer be had."""
        return Severity.ERROR


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
    DomainWatchdog,
    DomainIOError,
    DomainGraphics,
    DomainIOErrorReason,
    DomainControlError,
    DomainTrayChange,
    DomainPMWakeup,
    DomainPMSuspend,
    DomainDeviceRemoved,
    DomainTunable,
    DomainAgentLifecycle,
    DomainDeviceAdded,
    DomainJobCompleted,
    DomainDeviceRemovalFailed,
    DomainMetadataChanged,
    DomainMemoryFailure,
    DomainNICMacChanged,
    DomainEventAmended,
    QuestionRaised,
    QuestionChanged,
    QuestionAnswered,
    QuestionCleared,
    TaskQueued,
    TaskProgressed,
    TaskSucceeded,
    TaskFailed,
    ConnectionConnected,
    ConnectionDisconnected,
    ConnectionStale,
    ConnectionResynchronised,
    ConnectionUnparsed,
    JournalReplaced,
)
"""Every class of which events are published."""
