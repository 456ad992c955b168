"""The chronicle: tells what changes mean, each thing once, and remembers what may be amended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from eventd.model.events import DomainEvent, LifecycleEvent
from eventd.model.lifecycle import DefinedDetail
from eventd.model.picture import PowerState
from eventd.tracking.changes import Change, Part
from eventd.tracking.event_types import CONCLUDED
from eventd.tracking.explanations import spent_by_all
from eventd.tracking.inquiry import DONE_BY, Knowledge
from eventd.tracking.inventory import Step
from eventd.tracking.jobs import Jobs
from eventd.tracking.judgement import Judgement, Moment
from eventd.tracking.lifecycle import Verdict
from eventd.tracking.narration import Narrator
from eventd.tracking.operations import Operation
from eventd.tracking.resets import Reboots, signs_of
from eventd.tracking.tellings import REBOOT
from eventd.tracking.told import Told, ToldParts, records
from eventd.vi.types import HistoryEvent

__all__ = ["Chronicle"]


_BY_TASKS: Mapping[Change, Operation] = {
    **DONE_BY,
    Change.REBOOTED: Operation.RESET,
    Change.REVERTED: Operation.REVERT,
    Change.SNAPSHOT_CHANGED: Operation.SNAPSHOT,
}
"""The changes that tasks lead to, which may become visible after them."""


_ARRIVALS = frozenset(
    {Change.STARTED, Change.RESUMED, Change.FOUND_ON, Change.MOVED, Change.REVERTED}
)
"""Changes after which a domain runs, or runs somewhere else."""


class Chronicle:
    """Tells verdicts, and spends the entries of the history that explain nothing else."""

    def __init__(
        self,
        knowledge: Knowledge,
        narrator: Narrator,
        jobs: Jobs,
        *,
        told: ToldParts,
        reboots: Reboots,
    ) -> None:
        self._inventory, self._history, _ = knowledge
        self._narrator = narrator
        self._jobs = jobs
        self._told = told
        self._reboots = reboots

    def tell(
        self,
        verdicts: Iterable[Verdict],
        history: Sequence[HistoryEvent],
        judgement: Judgement,
        *,
        seen: Moment,
    ) -> None:
        """Tell what the changes of a domain mean, in order.

        ``history`` is what they were explained by; ``seen`` is when they were seen.
        """
        verdicts = list(verdicts)
        for verdict in verdicts:
            self._tell_one(verdict, judgement, seen)
        self._history.spend(spent_by_all(verdicts, history))

    def expect_task(
        self, domain: str, operation: Operation, record: HistoryEvent | None, seen: Moment
    ) -> None:
        """What was told now without a task may have one that becomes visible later."""
        chain = record.chain_id if record is not None else None
        self._jobs.expect(domain, operation, chain, seen_at=seen.host_time)

    def swallow_reset(
        self, step: Step, history: Sequence[HistoryEvent], judgement: Judgement
    ) -> None:
        """Let nothing be told of the power-off and power-on of a reset, now or later."""
        entries = {CONCLUDED[entry.type]: entry for entry in history if entry.type in CONCLUDED}
        self._history.spend(entries.values())
        for change, state in (
            (Change.STOPPED, PowerState.POWERED_OFF),
            (Change.STARTED, PowerState.POWERED_ON),
        ):
            if state not in entries:
                seen_at = judgement.moment.host_time
                told = Told(Part(change, step), seen_at, "", is_explained=True, is_recorded=False)
                self._told.add(step.reference, told)

    def _tell_one(self, verdict: Verdict, judgement: Judgement, seen: Moment) -> None:
        reference = verdict.part.step.reference
        if verdict.part.change is Change.REBOOTED and not self._is_new_reboot(verdict, judgement):
            verdict = verdict._replace(then=tuple(x for x in verdict.then if x is not REBOOT))
            if not verdict.then:
                return
        # Details of different types are equal as numbers, so that `in` would find others too.
        is_update = any(what is DefinedDetail.UPDATED for what in verdict.then)
        if is_update and not judgement.tells_first_update(reference):
            return
        if verdict.part.change in _ARRIVALS:
            self._inventory.note_arrival(reference, seen.host_time)
        events = [*self._narrator.tell(verdict, seen)]
        told = _told(verdict, events, seen.host_time)
        self._told.add(reference, told)
        if events:
            judgement.tell(*events)
            judgement.note_told(told)
        if verdict.found.task is not None:
            picture = verdict.part.step.after or verdict.part.step.before
            self._jobs.tell_if_done(verdict.found.task, picture, judgement)
        elif verdict.part.change in _BY_TASKS and judgement.moment.follows_history:
            operation = _BY_TASKS[verdict.part.change]
            self.expect_task(reference, operation, verdict.part.event, seen)

    def _is_new_reboot(self, verdict: Verdict, judgement: Judgement) -> bool:
        reference = verdict.part.step.reference
        part, found = verdict.part, verdict.found
        entry = part.event or found.event or found.request
        recorded_at = entry.created_time if entry is not None else None
        # What was missed of days is seen at one moment, and not one reboot for that.
        is_missed = judgement.moment.in_gap and recorded_at is not None
        return self._reboots.is_new(
            reference,
            signs_of(verdict),
            recorded_at if is_missed and recorded_at else judgement.moment.host_time,
            recorded_at=recorded_at,
        )


def _told(verdict: Verdict, events: Sequence[DomainEvent], seen_at: datetime) -> Told:
    """Return what is remembered of a change that these events tell."""
    part, found = verdict.part, verdict.found
    entries = (part.event, found.event, found.request)
    words = [f"{e.type} {e.reason}" for e in events if isinstance(e, LifecycleEvent)]
    return Told(
        part,
        seen_at=seen_at,
        words=words[-1] if words else "",
        is_explained=not words or found.is_final,
        is_recorded=any(entry is not None and records(entry, part.change) for entry in entries),
    )
