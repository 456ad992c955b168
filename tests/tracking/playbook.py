"""A scenario plays a VI host: it says update sets to a tracker and writes down what is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count

from eventd.model.domain import Domain, DomainStatus
from eventd.model.events import DomainEvent, Event, TaskEvent
from eventd.model.evidence import Evidence
from eventd.model.picture import DomainPicture, HistoryPosition, HostPicture
from eventd.tracking.inventory import SuspendMode
from eventd.tracking.tracker import Outcome, Reading, Tracker
from eventd.vi.types import (
    ConfigChange,
    HistoryEvent,
    ManagedObjectReference,
    ObjectUpdate,
    PropertyFilterUpdate,
    PropertyValue,
    QuestionChoice,
    QuestionInfo,
    TaskInfo,
    TaskReason,
    TaskState,
    UpdateKind,
    UpdateSet,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

PATHS = {
    "name": "name",
    "power": "runtime.powerState",
    "host": "runtime.host",
    "boot": "runtime.bootTime",
    "clean": "runtime.cleanPowerOff",
    "question": "runtime.question",
    "guest": "guest.guestState",
    "uuid": "config.uuid",
    "instance_uuid": "config.instanceUuid",
    "tasks": "recentTask",
    "connection": "runtime.connectionState",
    "suspended_at": "runtime.suspendTime",
    "template": "config.template",
    "tools": "guest.toolsRunningStatus",
    "crashed": "guest.guestKernelCrashed",
    "standby": "runtime.onlineStandby",
    "snapshot": "snapshot.currentSnapshot",
    "role": "config.ftInfo.role",
}

WEB01: Mapping[str, str] = {
    "name": "web01",
    "power": "poweredOff",
    "host": "host-1",
    "uuid": "4215D4A2-0000-0000-0000-000000000042",
    "instance_uuid": "5015d4a2-0000-0000-0000-000000000042",
}


def changes(**properties: PropertyValue | None) -> dict[str, PropertyValue | None]:
    """Return the changes of properties, by the short names of `PATHS`."""
    return {PATHS[name]: value for name, value in properties.items()}


class Scenario:
    """One host with two host systems and, unless told otherwise, the domain web01 (vm-42), off."""

    def __init__(
        self,
        *,
        suspend: SuspendMode = SuspendMode.PAUSED,
        known: Mapping[str, DomainPicture] | None = None,
        host: HostPicture | None = None,
        follows_history: bool = False,
        follows_tasks: bool = False,
        grace: float = 0.0,
        elsewhere: Callable[[str], str | None] = lambda _: None,
        answer_after: float | None = None,
    ) -> None:
        self.tracker = Tracker(
            "esx01",
            source="esx://esx01/",
            suspend=suspend,
            known=known,
            host=host,
            grace=grace,
            elsewhere=elsewhere,
            answer_after=answer_after,
        )
        self.tracker.follows_history = follows_history
        self.tracker.follows_tasks = follows_tasks
        self.keys: Iterator[int] = count(1001)
        self.records = count(1)
        self.now = NOON
        self.host_ahead = timedelta()
        self.instance_uuid: str | None = None
        """What names it, if it is a vCenter."""
        self.hardware: str | None = None
        """What names it, if it is a bare host that tells it."""
        self.reading: Reading | None = None
        self.outcome: Outcome | None = None
        self.publishes = True
        """Whether what is told can be published."""
        self.pictures: dict[str, DomainPicture] = dict(known or {})
        """What the journal knows of the domains."""
        self.tasks_told: list[TaskEvent] = []
        """What was told of tasks as such."""

    def enter(self, reference: str = "vm-42", **properties: PropertyValue | None) -> ObjectUpdate:
        """The host shows a domain with these properties, web01's if none are named."""
        return self._update(UpdateKind.ENTER, reference, changes(**(properties or {**WEB01})))

    def modify(self, reference: str = "vm-42", **properties: PropertyValue | None) -> ObjectUpdate:
        """These properties of a domain differ now; None is unset."""
        return self._update(UpdateKind.MODIFY, reference, changes(**properties))

    def leave(self, reference: str = "vm-42") -> ObjectUpdate:
        """The host no longer shows the domain."""
        return self._update(UpdateKind.LEAVE, reference, {})

    @staticmethod
    def _update(
        kind: UpdateKind, reference: str, changed: Mapping[str, PropertyValue | None]
    ) -> ObjectUpdate:
        return ObjectUpdate(kind, ManagedObjectReference("VirtualMachine", reference), changed, ())

    def task(
        self,
        description_id: str,
        state: TaskState = TaskState.SUCCESS,
        *,
        key: str = "task-1",
        entity: str = "vm-42",
        user: str = "root",
        queued_at: datetime = NOON,
        completed_at: datetime | None = None,
    ) -> TaskInfo:
        """The host, when asked, tells of a task of a user; it has ended now unless told so."""
        return TaskInfo(
            key=key,
            task=ManagedObjectReference("Task", key),
            description_id=description_id,
            name=None,
            entity=ManagedObjectReference("VirtualMachine", entity),
            state=state,
            cancelled=False,
            cancelable=False,
            error=None,
            reason=TaskReason("user", user),
            queue_time=queued_at,
            start_time=NOON,
            complete_time=completed_at,
            event_chain_id=None,
        )

    @staticmethod
    def task_enters(key: str = "task-1", /, **leaves: PropertyValue | None) -> ObjectUpdate:
        """The host shows a followed task with these leaves of its info: state, progress, …

        It powers on web01 and runs, unless told otherwise.
        """
        info = {"descriptionId": "VirtualMachine.powerOn", "entity": "vm-42", "state": "running"}
        return _task_update(UpdateKind.ENTER, key, {**info, **leaves})

    @staticmethod
    def task_moves(key: str = "task-1", /, **leaves: PropertyValue | None) -> ObjectUpdate:
        """These leaves of a followed task differ now; None is unset."""
        return _task_update(UpdateKind.MODIFY, key, leaves)

    @staticmethod
    def task_leaves(key: str = "task-1", /) -> ObjectUpdate:
        """The host no longer shows the task."""
        return _task_update(UpdateKind.LEAVE, key, {})

    def event(
        self,
        kind: str,
        *,
        user: str = "",
        entity: str | None = "vm-42",
        host: str | None = None,
        chain: int | None = None,
        config: ConfigChange | None = None,
        **members: str,
    ) -> HistoryEvent:
        """The host's event history has a new entry about a domain, or about a host alone."""
        key = next(self.keys)
        return HistoryEvent(
            key=key,
            chain_id=key if chain is None else chain,
            created_time=self.now + self.host_ahead,
            type=kind,
            user=user,
            domain=entity,
            host=host,
            members=members,
            config=config,
        )

    @staticmethod
    def question(
        question_id: str = "25", text: str = "Replace or append?", default: int | None = 1
    ) -> QuestionInfo:
        """A question with the choices 0 Replace, 1 Append."""
        choices = (QuestionChoice("0", "Replace"), QuestionChoice("1", "Append"))
        return QuestionInfo(question_id, text, choices, default)

    @staticmethod
    def host_system(number: int = 1, **properties: PropertyValue | None) -> ObjectUpdate:
        """A host that domains may be on, with these properties as they are now."""
        return ObjectUpdate(
            UpdateKind.ENTER,
            ManagedObjectReference("HostSystem", f"host-{number}"),
            {"name": f"esx{number:02}.example", **properties},
            (),
        )

    def host_systems(self) -> list[ObjectUpdate]:
        """The two hosts that domains may be on; their hardware is told if it names the host."""
        named = {} if self.hardware is None else {"hardware.systemInfo.uuid": self.hardware}
        return [self.host_system(number, **named) for number in (1, 2)]

    def sync(self, *things: ObjectUpdate | TaskInfo | HistoryEvent) -> list[Event]:
        """The host shows its whole picture: the host systems and these domains."""
        self.tracker.begin_sync(
            identity=self.instance_uuid,
            is_vcenter=self.instance_uuid is not None,
            host_time=self.now + self.host_ahead,
            now=self.now,
        )
        return self.say(*self.host_systems(), *things)

    def say(
        self, *things: ObjectUpdate | TaskInfo | HistoryEvent, truncated: bool = False
    ) -> list[Event]:
        """The host answers with one update set, and tells of these tasks when they are read.

        Entries of the event history are read too, as the answer shows the last of them as the
        newest. Return the events that all of it led to.
        """
        updates = [thing for thing in things if isinstance(thing, ObjectUpdate)]
        entries = [thing for thing in things if isinstance(thing, HistoryEvent)]
        if entries:
            collector = ManagedObjectReference("EventHistoryCollector", "collector-1")
            page: PropertyValue = (entries[-1],)
            updates.append(ObjectUpdate(UpdateKind.MODIFY, collector, {"latestPage": page}, ()))
        part = PropertyFilterUpdate(ManagedObjectReference("PropertyFilter", "f"), updates)
        if not self.tracker.take_in(UpdateSet("1", [part], truncated)):
            self.reading = None
            return []
        return self.read(*things)

    def read(self, *things: ObjectUpdate | TaskInfo | HistoryEvent) -> list[Event]:
        """The tasks and the event history are read, and what can be told is published.

        What is told of tasks as such goes to `tasks_told`.
        """
        tasks = [thing for thing in things if isinstance(thing, TaskInfo)]
        entries = [thing for thing in things if isinstance(thing, HistoryEvent)]
        if not self.tracker.is_another_host:
            self.tracker.take_in_history(entries)
        self.reading = self.tracker.reading()
        instant = (self.now - NOON).total_seconds()
        self.outcome = self.tracker.judge(tasks, now=self.now, instant=instant)
        ids = [f"record-{next(self.records)}" for _ in self.outcome.events]
        if self.publishes:
            self.tracker.accept(self.outcome, ids)
            self.pictures = {
                **{ref: each for ref, each in self.pictures.items() if ref in self._left()},
                **self.outcome.picture.changed,
            }
        else:
            self.tracker.roll_back()
        self.tasks_told += [each for each in self.outcome.events if isinstance(each, TaskEvent)]
        return [each for each in self.outcome.events if not isinstance(each, TaskEvent)]

    def _left(self) -> set[str]:
        assert self.outcome is not None
        return {*self.pictures} - self.outcome.picture.removed

    def restart(self) -> None:
        """eventd is started again, with what the journal knows."""
        assert self.outcome is not None
        before = self.tracker
        self.tracker = Tracker(
            "esx01", source="esx://esx01/", known=self.pictures, host=self.outcome.picture.host
        )
        self.tracker.follows_history = before.follows_history
        self.tracker.follows_tasks = before.follows_tasks

    @property
    def everything(self) -> list[str]:
        """What was told last, tasks as such included: ``queued (task)``, ``raised (state)``."""
        return told(self.outcome.events if self.outcome else [])

    def say_again(self, *tasks: TaskInfo) -> list[Event]:
        """A moment later nothing is new, and these tasks are as they were."""
        self.wait(1)
        return self.say(*tasks)

    def wait(self, seconds: float) -> None:
        """Time goes on."""
        self.now += timedelta(seconds=seconds)

    def status(self, reference: str = "vm-42") -> DomainStatus:
        """Return the present state of a domain."""
        [found] = [
            status
            for status in self.tracker.statuses(stale=False)
            if status.domain.reference == reference
        ]
        return found


def _task_update(
    kind: UpdateKind, key: str, leaves: Mapping[str, PropertyValue | None]
) -> ObjectUpdate:
    changed = {f"info.{name}": value for name, value in leaves.items()}
    return ObjectUpdate(kind, ManagedObjectReference("Task", key), changed, ())


def told(events: list[Event]) -> list[str]:
    """Write events as sentences: ``stopped destroyed (task)``."""
    return [_sentence(event) for event in events]


def _sentence(event: Event) -> str:
    words = [event.type or str(event.kind), event.reason]
    if isinstance(event, DomainEvent):
        words.append(f"({event.evidence.cause})")
    return " ".join(word for word in words if word)


def domains_of(events: list[Event]) -> list[Domain]:
    """Return whom each event tells of."""
    return [event.domain for event in events if isinstance(event, DomainEvent)]


def evidence_of(events: list[Event]) -> list[Evidence]:
    """Return on what evidence each event was decided."""
    return [event.evidence for event in events if isinstance(event, DomainEvent)]


def users_of(events: list[Event]) -> list[str | None]:
    """Return who started the task that explains each event."""
    return [found.task.user if found.task else None for found in evidence_of(events)]


def position_of(outcome: Outcome | None) -> HistoryPosition | None:
    """Return how far the event history is dealt with when an outcome is published."""
    assert outcome is not None
    assert outcome.picture.host is not None
    return outcome.picture.host.position
