"""The inquiry into a change: gathers what is known of it, and asks the lifecycle table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from eventd.tracking.changes import Change, Part
from eventd.tracking.explanations import entries_for
from eventd.tracking.facts import Facts
from eventd.tracking.history import History, Identity, identity_of
from eventd.tracking.inventory import Inventory, Step, SuspendMode
from eventd.tracking.judgement import Judgement, Moment
from eventd.tracking.lifecycle import Verdict, decide
from eventd.tracking.operations import Operation
from eventd.tracking.tasks import Tasks
from eventd.tracking.told import CLOCK_TOLERANCE
from eventd.vi.types import HistoryEvent, TaskState

__all__ = ["DONE_BY", "Inquiry", "Knowledge"]

DONE_BY: Mapping[Change, Operation] = {
    Change.STARTED: Operation.POWER_ON,
    Change.RESUMED: Operation.POWER_ON,
    Change.STOPPED: Operation.POWER_OFF,
    Change.DISCARDED: Operation.POWER_OFF,
    Change.SUSPENDED: Operation.SUSPEND,
    Change.MOVED: Operation.MIGRATE,
    Change.RELOCATED: Operation.MIGRATE,
}
"""Which task leads to a change, where somebody wanted it."""

_BETWEEN_CONNECTIONS = (Change.LOST_ON, Change.APPEARED, Change.FOUND_ON)


class Knowledge(NamedTuple):
    """What is known of one connection's host."""

    inventory: Inventory
    history: History
    tasks: Tasks


class Inquiry:
    """Finds out what changes mean. ``elsewhere`` is that of `Tracker`."""

    def __init__(
        self,
        knowledge: Knowledge,
        *,
        suspend: SuspendMode,
        elsewhere: Callable[[str], str | None],
    ) -> None:
        self._inventory, self._history, self._tasks = knowledge
        self._suspend = suspend
        self._elsewhere = elsewhere

    def is_reverted(self, step: Step) -> bool:
        """Whether a task puts the domain back to a snapshot, and has, as far as can be seen."""
        before, after, _ = step
        is_of_power = before is not None and after is not None and before.power != after.power
        return any(
            is_of_power or task.state is TaskState.SUCCESS
            for task in self._tasks.of_kind(step.reference, Operation.REVERT)
        )

    def explain(
        self,
        parts: Sequence[Part],
        history: Sequence[HistoryEvent],
        judgement: Judgement,
        *,
        since: float,
    ) -> list[Verdict] | None:
        """Return what each change of a domain means, or None if one has to wait for its cause.

        ``history`` has the entries that explain nothing else; ``since`` is when the changes were
        judged first, in the seconds of a monotonic clock.
        """
        self._tasks.try_out()
        used: set[Identity] = set()
        verdicts = []
        for part, entries in zip(parts, entries_for(parts, history), strict=True):
            known = [entry for entry in entries if identity_of(entry) not in used]
            verdict = self.decide(part, known, judgement.moment)
            found = verdict.found
            if (found.is_weak or found.is_early) and judgement.may_wait(since):
                self._tasks.take_back()
                return None
            if found.spends_event:
                explained = (part.event, found.event, found.request)
                used.update(identity_of(entry) for entry in explained if entry is not None)
            verdicts.append(self._with_task(verdict))
        return verdicts

    def decide(self, part: Part, history: Sequence[HistoryEvent], moment: Moment) -> Verdict:
        """Return what a change means, given these entries of the domain's history."""
        return decide(self._facts(part, history, moment), self._suspend)

    def decide_late(
        self, part: Part, history: Sequence[HistoryEvent], moment: Moment, *, seen_at: datetime
    ) -> Verdict | None:
        """Return what a change means that was told before, None if its cause is still missing.

        ``seen_at`` is when it was seen, by the host's clock: later tasks have led to other changes.
        """
        self._tasks.try_out()
        facts = self._facts(part, history, moment)
        explain = partial(
            self._tasks.explain, part.step.reference, queued_by=seen_at + CLOCK_TOLERANCE
        )
        verdict = decide(replace(facts, explain=explain), self._suspend)
        if verdict.found.is_final:
            return verdict
        self._tasks.take_back()
        return None

    def _with_task(self, verdict: Verdict) -> Verdict:
        """Return the verdict with the task that the change goes back to, which is spent with it."""
        part, found = verdict.part, verdict.found
        operation = DONE_BY.get(part.change)
        entry = part.event or found.event
        if operation is None or entry is None or found.task or found.blames_host:
            return verdict
        task = self._tasks.explain(part.step.reference, operation, entry.chain_id)
        return verdict._replace(found=found._replace(task=task))

    def _facts(self, part: Part, history: Sequence[HistoryEvent], moment: Moment) -> Facts:
        reference = part.step.reference
        before = part.step.before or part.step.after
        host = before.host if before else None
        return Facts(
            part=part,
            history=history,
            host_event=partial(
                self._history.of_host, at=part.event.created_time if part.event else None
            ),
            explain=partial(self._tasks.explain, reference),
            has=partial(self._tasks.has, reference),
            is_host_connected=self._inventory.is_connected(host),
            host_state=self._inventory.host_state(host),
            elsewhere=self._elsewhere_of(part),
            arrived_at=self._inventory.arrived_at(reference),
            follows_history=moment.follows_history,
            in_gap=moment.in_gap,
            is_another_host=moment.is_another_host,
            looked_at=moment.looked_at,
        )

    def _elsewhere_of(self, part: Part) -> str | None:
        """Return the host of another connection that a domain may have come from or gone to."""
        if part.change not in _BETWEEN_CONNECTIONS:
            return None
        picture = part.step.before or part.step.after
        identity = picture.instance_uuid if picture else None
        return None if identity is None else self._elsewhere(identity)
