"""From verdicts to events: which domain an event tells of, when it happened, and on what evidence.

What ends is told of the domain as it was, what begins of the domain as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from eventd.model.domain import Domain, Question
from eventd.model.events import (
    DomainDefined,
    DomainEvent,
    DomainRebooted,
    DomainResumed,
    DomainStarted,
    DomainStopped,
    DomainSuspended,
    DomainUndefined,
    LifecycleEvent,
    QuestionCleared,
    QuestionEvent,
    QuestionRaised,
)
from eventd.model.evidence import Cause, Evidence
from eventd.model.ids import EventId
from eventd.model.lifecycle import (
    DefinedDetail,
    Detail,
    ResumedDetail,
    StartedDetail,
    StoppedDetail,
    SuspendedDetail,
    UndefinedDetail,
)
from eventd.model.picture import DomainPicture, PowerState
from eventd.tracking.inventory import Inventory, Step
from eventd.tracking.lifecycle import Change, Verdict
from eventd.tracking.tasks import evidence_of
from eventd.vi.types import TaskInfo, TaskState

__all__ = ["Narrator"]

_CLASSES: Mapping[type[Detail], type[LifecycleEvent]] = {
    DefinedDetail: DomainDefined,
    UndefinedDetail: DomainUndefined,
    StartedDetail: DomainStarted,
    SuspendedDetail: DomainSuspended,
    ResumedDetail: DomainResumed,
    StoppedDetail: DomainStopped,
}


class Narrator:
    """Tells the events of one connection's domains."""

    def __init__(self, inventory: Inventory, *, source: str) -> None:
        self._inventory = inventory
        self._source = source

    def tell(
        self, step: Step, change: Change, verdict: Verdict, *, now: datetime, in_gap: bool
    ) -> Iterator[DomainEvent]:
        """Tell the events of one verdict, in order.

        ``in_gap`` says that the change happened while eventd was not looking.
        """
        evidence = verdict.evidence
        if step.before and step.after and step.before.host != step.after.host:
            left = self._inventory.domain(step.before).host
            evidence = evidence.model_copy(update={"source_host": left})
        synthetic = in_gap and evidence.cause in (Cause.STATE, Cause.UNKNOWN)
        for what in verdict.then:
            occurred_at = _time_of(change, step, verdict.task) or now
            domain = self._domain_of(what, step)
            if isinstance(what, Detail):
                yield _CLASSES[type(what)](
                    occurred_at=occurred_at,
                    source=self._source,
                    synthetic=synthetic,
                    domain=domain,
                    evidence=evidence,
                    detail=what,
                )
            else:
                yield self._rebooted(domain, evidence, occurred_at)

    def tell_reset(self, picture: DomainPicture, task: TaskInfo, *, now: datetime) -> DomainEvent:
        """Tell the reboot of which only the task is known."""
        evidence = Evidence(cause=Cause.TASK, task=evidence_of(task))
        return self._rebooted(self._inventory.domain(picture), evidence, _end_of(task) or now)

    def tell_cleared(self, step: Step, *, now: datetime, in_gap: bool) -> Iterator[DomainEvent]:
        """Tell which question went away, if one did."""
        question = step.before.question if step.before else None
        if question is not None and question != (step.after.question if step.after else None):
            was = Step(step.before, None)  # under the name that it had
            yield self._about_question(QuestionCleared, question, was, now=now, in_gap=in_gap)

    def tell_raised(self, step: Step, *, now: datetime, in_gap: bool) -> Iterator[DomainEvent]:
        """Tell which question came, if one did."""
        question = step.after.question if step.after else None
        if question is not None and question != (step.before.question if step.before else None):
            yield self._about_question(QuestionRaised, question, step, now=now, in_gap=in_gap)

    def _about_question(
        self,
        cls: type[QuestionEvent],
        question: Question,
        step: Step,
        *,
        now: datetime,
        in_gap: bool,
    ) -> DomainEvent:
        return cls(
            occurred_at=now,
            source=self._source,
            synthetic=in_gap,
            domain=self._inventory.domain(_either(step)),
            evidence=Evidence(cause=Cause.STATE),
            question=question,
        )

    def _rebooted(self, domain: Domain, evidence: Evidence, occurred_at: datetime) -> DomainEvent:
        return DomainRebooted(
            occurred_at=occurred_at, source=self._source, domain=domain, evidence=evidence
        )

    def _domain_of(self, what: Detail | EventId, step: Step) -> Domain:
        """Return the domain that an event tells of."""
        present = _either(step)
        past = step.before or present
        if what is UndefinedDetail.RENAMED:
            return self._inventory.domain(past)
        if isinstance(what, UndefinedDetail):
            return self._inventory.domain(past._replace(power_state=PowerState.POWERED_OFF))
        if isinstance(what, StoppedDetail):
            stopped = present._replace(host=past.host, power_state=PowerState.POWERED_OFF)
            return self._inventory.domain(stopped)
        return self._inventory.domain(present)


def _either(step: Step) -> DomainPicture:
    picture = step.after or step.before
    assert picture is not None  # noqa: S101 - a step without any picture has no verdict
    return picture


def _time_of(change: Change, step: Step, task: TaskInfo | None) -> datetime | None:
    """Return the host's own time of the change, where it tells one."""
    ended_at = _end_of(task) if task is not None else None
    booted_at = step.after.boot_time if step.after else None
    match change:
        case Change.STOPPED_UNSEEN if booted_at is not None:
            return min(ended_at or booted_at, booted_at)
        case Change.STARTED_ANEW:
            return booted_at
        case Change.STARTED | Change.FOUND_ON:
            return ended_at or booted_at
        case _:
            return ended_at


def _end_of(task: TaskInfo) -> datetime | None:
    return task.complete_time if task.state is TaskState.SUCCESS else None
