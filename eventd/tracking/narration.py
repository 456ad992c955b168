"""From verdicts to events: which domain an event tells of, when it happened, and on what evidence.

What ends is told of the domain as it was, what begins of the domain as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from eventd.model.arguments import JobOperation
from eventd.model.domain import Domain
from eventd.model.events import (
    DomainCrashed,
    DomainDefined,
    DomainEvent,
    DomainEventAmended,
    DomainJobCompleted,
    DomainPMSuspended,
    DomainResumed,
    DomainShutdown,
    DomainStarted,
    DomainStopped,
    DomainSuspended,
    DomainUndefined,
    LifecycleEvent,
)
from eventd.model.evidence import Cause, Evidence
from eventd.model.ids import EventKind
from eventd.model.lifecycle import (
    CrashedDetail,
    DefinedDetail,
    Detail,
    PMSuspendedDetail,
    ResumedDetail,
    ShutdownDetail,
    StartedDetail,
    StoppedDetail,
    SuspendedDetail,
    UndefinedDetail,
)
from eventd.model.picture import DomainPicture, PowerState
from eventd.tracking.attribution import evidence
from eventd.tracking.changes import Change, Part
from eventd.tracking.facts import Found
from eventd.tracking.inventory import Inventory, Step
from eventd.tracking.judgement import Moment
from eventd.tracking.lifecycle import Verdict
from eventd.tracking.tellings import REBOOT, Said, Telling
from eventd.vi.names import domain_name
from eventd.vi.types import HistoryEvent, TaskInfo, TaskState

__all__ = ["Narrator", "words_of"]

_CLASSES: Mapping[type[Detail], type[LifecycleEvent]] = {
    DefinedDetail: DomainDefined,
    UndefinedDetail: DomainUndefined,
    StartedDetail: DomainStarted,
    SuspendedDetail: DomainSuspended,
    ResumedDetail: DomainResumed,
    StoppedDetail: DomainStopped,
    ShutdownDetail: DomainShutdown,
    PMSuspendedDetail: DomainPMSuspended,
    CrashedDetail: DomainCrashed,
}


def words_of(detail: Detail) -> str:
    """Return a type and its detail in words: ``stopped destroyed``."""
    return f"{_CLASSES[type(detail)].type} {detail.word}"


class _Account(NamedTuple):
    """On what evidence something is told, and when it happened."""

    evidence: Evidence
    occurred_at: datetime
    entry: HistoryEvent | None = None
    """The entry of the host's history that the fact is known by."""
    synthetic: bool = False
    """True if it happened while eventd was not looking, and nobody knows why."""


def _account_of(task: TaskInfo, now: datetime) -> _Account:
    return _Account(evidence(Found(Cause.TASK, task=task)), _end_of(task) or now)


def _named(account: _Account, what: Telling, part: Part) -> _Account:
    """Return the account, which says the other name of a domain that got another one."""
    before, after, _ = part.step
    if what is UndefinedDetail.RENAMED and after is not None:
        message = f"now {domain_name(after.name)}"
    elif what is DefinedDetail.RENAMED and before is not None:
        message = f"was {domain_name(before.name)}"
    elif what is UndefinedDetail.REMOVED and part.other is not None:
        message = f"its UUID is now {part.other.uuid}"
    elif what is DefinedDetail.ADDED and part.other is not None:
        message = f"its UUID was {part.other.uuid}"
    else:
        return account
    return account._replace(evidence=account.evidence.model_copy(update={"message": message}))


class Narrator:
    """Tells the events of one connection's domains."""

    def __init__(self, inventory: Inventory, *, source: str) -> None:
        self._inventory = inventory
        self._source = source

    def tell(self, verdict: Verdict, seen: Moment) -> Iterator[DomainEvent]:
        """Tell the events of one verdict, in order; ``seen`` is when its change was seen."""
        part, found = verdict.part, verdict.found
        known = evidence(found, part).model_copy(update=self._hosts(verdict))
        if found.blames_host and part.step.before is not None:
            host = self._inventory.host_name(part.step.before.host)
            known = known.model_copy(update={"source_host": host, "destination_host": None})
        account = _Account(
            known,
            occurred_at=_time_of(verdict) or seen.now,
            entry=found.event or part.event,
            synthetic=seen.in_gap and not found.is_cause,
        )
        for what in verdict.then:
            yield self._event(what, self._domain_of(what, part.step), _named(account, what, part))

    def tell_occurrence(
        self, what: Telling, picture: DomainPicture, event: HistoryEvent, found: Found
    ) -> DomainEvent:
        """Tell what an event of the history says, without any change of a picture."""
        # A task that was to do it, and failed, did so after it was recorded.
        failed_at = found.task.complete_time if found.task and found.task.error else None
        account = _Account(evidence(found), failed_at or event.created_time, event)
        return self._event(what, self._inventory.domain(picture), account)

    def tell_reset(self, picture: DomainPicture, task: TaskInfo, *, now: datetime) -> DomainEvent:
        """Tell the reboot of which only the task is known."""
        return self._event(REBOOT, self._inventory.domain(picture), _account_of(task, now))

    def tell_job(
        self, picture: DomainPicture, task: TaskInfo, operation: JobOperation, *, now: datetime
    ) -> DomainEvent:
        """Tell that a long task on a domain has succeeded."""
        elapsed = None
        if task.start_time is not None and task.complete_time is not None:
            elapsed = max(0, round((task.complete_time - task.start_time).total_seconds() * 1000))
        said = Said(DomainJobCompleted, {"operation": operation, "time_elapsed": elapsed})
        return self._event(said, self._inventory.domain(picture), _account_of(task, now))

    def tell_amendment(
        self, verdict: Verdict, *, record: str, published: str, now: datetime
    ) -> DomainEvent:
        """Tell the cause of a published event that became known late.

        ``record`` is the id of its record, and ``published`` what it said.
        """
        part, found = verdict.part, verdict.found
        details = [what for what in verdict.then if isinstance(what, Detail)]
        arguments = {
            "amends": record,
            "amended": published,
            "corrected": words_of(details[-1]) if details else published,
        }
        known = evidence(found, part).model_copy(update=self._hosts(verdict))
        domain = self._domain_of(details[-1] if details else REBOOT, part.step)
        account = _Account(known, now, found.event or part.event)
        return self._event(Said(DomainEventAmended, arguments), domain, account)

    def _event(self, what: Telling, domain: Domain, account: _Account) -> DomainEvent:
        cls, arguments = (
            (_CLASSES[type(what)], {"detail": what}) if isinstance(what, Detail) else what
        )
        return cls(
            occurred_at=account.occurred_at,
            source=self._source,
            synthetic=account.synthetic,
            fact=self._fact(what, domain, account.entry) if account.entry else None,
            domain=domain,
            evidence=account.evidence,
            **arguments,
        )

    def _fact(self, what: Telling, domain: Domain, entry: HistoryEvent) -> str:
        """Return what names the fact the same to every daemon that follows the host."""
        if isinstance(what, Detail):
            cls = _CLASSES[type(what)]
            said = f"{int(EventKind.LIFECYCLE.event_id or 0)}.{int(cls.lifecycle)}.{int(what)}"
        else:
            number = what.cls.kind.event_id
            said = str(what.cls.kind) if number is None else str(int(number))
            said += "".join(f".{what.arguments[name]}" for name in _NAMES if name in what.arguments)
        at = entry.created_time.isoformat()
        return f"{self._inventory.host_identity}/{domain.reference}/{at}/{entry.key}/{said}"

    def _hosts(self, verdict: Verdict) -> dict[str, str | None]:
        """Return where the domain came from and went to, where it moved or was moved."""
        part, elsewhere = verdict.part, verdict.elsewhere
        before, after = part.step.before, part.step.after
        if part.change is Change.LOST_ON:
            here = self._inventory.host_name(before.host if before else None)
            return {"source_host": here, "destination_host": elsewhere}
        if part.change is Change.FOUND_ON and any(
            w is StartedDetail.MIGRATED for w in verdict.then
        ):
            here = self._inventory.host_name(after.host if after else None)
            return {"source_host": elsewhere, "destination_host": here}
        if before and after and before.host and after.host and before.host != after.host:
            return {
                "source_host": self._inventory.host_name(before.host),
                "destination_host": self._inventory.host_name(after.host),
            }
        return {}

    def _domain_of(self, what: Telling, step: Step) -> Domain:
        """Return the domain that an event tells of."""
        present = _either(step)
        past = step.before or present
        if what is UndefinedDetail.RENAMED:
            return self._inventory.domain(past)
        if isinstance(what, UndefinedDetail):
            return self._inventory.domain(past._replace(power_state=PowerState.POWERED_OFF))
        if isinstance(what, StoppedDetail | ShutdownDetail):
            is_over = isinstance(what, StoppedDetail)
            power = PowerState.POWERED_OFF if is_over else past.power_state
            return self._inventory.domain(present._replace(host=past.host, power_state=power))
        return self._inventory.domain(present)


_NAMES = ("dev_alias", "phase", "action", "metadata")
"""The arguments that tell several events apart that one event of the history leads to."""


def _either(step: Step) -> DomainPicture:
    picture = step.after or step.before
    assert picture is not None  # noqa: S101 - a step without any picture has no verdict
    return picture


def _time_of(verdict: Verdict) -> datetime | None:
    """Return the host's own time of the change, where it tells one."""
    part, found = verdict.part, verdict.found
    entry = part.event or found.event
    ended_at = _end_of(found.task) if found.task is not None else None
    at = entry.created_time if entry is not None else ended_at
    if part.not_after is not None:
        return min(at or part.not_after, part.not_after)
    before, after, _ = part.step
    if at is None and after is not None:
        # One that came from elsewhere was booted there, long ago.
        if any(what is StartedDetail.BOOTED for what in verdict.then):
            return after.boot_time
        # It stays set, and may be told a moment later than the state.
        was_suspended = before.suspend_time if before is not None else None
        if part.change is Change.SUSPENDED and after.suspend_time != was_suspended:
            return after.suspend_time
    return at


def _end_of(task: TaskInfo) -> datetime | None:
    return task.complete_time if task.state is TaskState.SUCCESS else None
