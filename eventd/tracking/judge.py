"""The judge: what is taken in and not told yet, and what of it can be told now.

Each domain is judged in the order of what happened to it. What lacks its cause is held back for a
while, and with it all that happened to that domain later; the others go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from eventd.model.events import DomainDeviceRemovalFailed, DomainEvent, LifecycleEvent
from eventd.model.evidence import Cause
from eventd.model.lifecycle import DefinedDetail, StoppedDetail
from eventd.model.picture import DomainPicture, PowerState
from eventd.tracking.changes import Change, Part, unfold
from eventd.tracking.event_types import (
    CONCLUDED,
    FAILED_STARTS,
    HOST_FAILURES,
    MIGRATED,
    MONITORING_RESETS,
    REBOOTS,
    REQUESTS,
    RESTARTS,
    REVERTED,
    SYMPTOMS,
)
from eventd.tracking.facts import Facts, Found
from eventd.tracking.history import History, identity_of
from eventd.tracking.inventory import Inventory, Step, SuspendMode
from eventd.tracking.lifecycle import Verdict, decide
from eventd.tracking.narration import Narrator
from eventd.tracking.occurrences import OCCURRENCES, removed_devices
from eventd.tracking.operations import Operation
from eventd.tracking.resets import Reboots, ResetFolding
from eventd.tracking.tasks import Tasks
from eventd.tracking.tellings import REBOOT, Said, Telling
from eventd.tracking.waiting import Told, ToldParts, records
from eventd.vi.types import ConfigChange, HistoryEvent, TaskInfo, TaskState

__all__ = ["Judge", "Judgement", "Moment"]

_BY_TASKS: Mapping[str, Operation] = {
    "VmReconfiguredEvent": Operation.RECONFIGURE,
    "VmResourceReallocatedEvent": Operation.RECONFIGURE,
    "VmRelocatedEvent": Operation.MIGRATE,
}
"""What tells something by itself and is done by a task, which says more about who did it."""

_DONE_BY: Mapping[Change, Operation] = {
    Change.STARTED: Operation.POWER_ON,
    Change.RESUMED: Operation.POWER_ON,
    Change.STOPPED: Operation.POWER_OFF,
    Change.DISCARDED: Operation.POWER_OFF,
    Change.SUSPENDED: Operation.SUSPEND,
    Change.MOVED: Operation.MIGRATE,
    Change.RELOCATED: Operation.MIGRATE,
}
"""Which task leads to a change, where somebody wanted it."""

_ENDS_OF_REQUESTS = frozenset(
    {
        Change.STARTED,
        Change.STOPPED,
        Change.SUSPENDED,
        Change.DISCARDED,
        Change.REVERTED,
        Change.REBOOTED,
    }
)
"""After these, what the guest was asked for before is history."""


class Moment(NamedTuple):
    """When a judgement is made, and of what."""

    now: datetime
    """Aware UTC."""
    instant: float
    """The same in the seconds of a monotonic clock."""
    host_time: datetime
    """The same by the host's clock."""
    looked_at: datetime
    """When the host was last looked at, by its own clock."""
    in_gap: bool
    """True if eventd was not looking since then."""
    follows_history: bool
    """True if the host's event history is read: only then a cause may still come."""

    @property
    def may_wait(self) -> bool:
        """Whether a cause may still come. After a gap it has come, or never will."""
        return self.follows_history and not self.in_gap


@dataclass(slots=True)
class Judgement:
    """What was told, and what was not."""

    events: list[DomainEvent] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    """The steps that were told."""
    told: list[tuple[int, Told]] = field(default_factory=list)
    """The changes that were told, by the position of their last event."""
    held: set[str] = field(default_factory=set)
    """Domains of which something is held back."""
    deadline: float | None = None
    """When the first of it has to be told."""
    updated: set[str] = field(default_factory=set)
    """Domains whose new definition was told."""


@dataclass(slots=True)
class _Pending:
    """A step that is not told yet."""

    step: Step
    since: float | None = None
    """When it was judged first, in the seconds of a monotonic clock."""
    seen_at: datetime | None = None
    """The same by the host's clock."""


class Judge:
    """Decides what happened, given the inventory, the history and the tasks of one connection."""

    def __init__(
        self,
        inventory: Inventory,
        history: History,
        tasks: Tasks,
        *,
        source: str,
        suspend: SuspendMode,
        grace: float,
        elsewhere: Callable[[str], str | None],
    ) -> None:
        self._inventory = inventory
        self._history = history
        self._tasks = tasks
        self._narrator = Narrator(inventory, source=source)
        self._suspend = suspend
        self._grace = grace
        self._elsewhere = elsewhere
        self._pending: list[_Pending] = []
        self._news: list[HistoryEvent] = []
        self._occurred: list[HistoryEvent] = []
        """Events that tell something by themselves, and have not yet."""
        self._unseen: dict[str, float] = {}
        """Domains whose history has changes that no picture shows, and since when."""
        self._told = ToldParts()
        self._reboots = Reboots()
        self._symptoms: list[HistoryEvent] = []
        """Those that are told, and may still explain a stop."""

    # -- taking in

    def note(self, step: Step) -> None:
        """A domain changed, after all that was noted before."""
        self._pending.append(_Pending(step))

    def hear(self, events: Iterable[HistoryEvent]) -> None:
        """The history goes on with these events."""
        self._news += events

    def forget(self, domain: str) -> None:
        """A domain is gone; what is noted of it is still to be told."""
        self._reboots.end(domain)
        self._unseen.pop(domain, None)

    def take_back(self, judgement: Judgement) -> None:
        """Nothing is to be told, and what was told last is not published."""
        self._told.take_back(told for _, told in judgement.told)
        self._pending.clear()
        self._news.clear()
        self._occurred.clear()
        self._unseen.clear()

    @property
    def is_waiting(self) -> bool:
        """Whether something is not told that nothing may announce."""
        return any(pending.since is None for pending in self._pending)

    def changed_domains(self) -> set[str]:
        """Return the domains whose tasks may explain what is not told yet."""
        changed = {
            pending.step.reference
            for pending in self._pending
            if pending.step.after and unfold(pending.step)
        }
        asked = {event.domain for event in self._news if event.domain and _asks(event)}
        return changed | asked | self._unseen.keys()

    # -- judging

    def judge(self, moment: Moment) -> Judgement:
        """Tell what can be told now."""
        judgement = Judgement()
        self._told.expire(moment.host_time)
        has_failed_host = any(event.type in HOST_FAILURES for event in self._news)
        self._sort(moment, judgement)
        # All domains are looked at only then: a change has to cost the same however many there are.
        suspects = [*self._inventory.domains] if has_failed_host else self._changed()
        self._lose_domains_of_failed_hosts(suspects, moment)
        self._judge_steps(moment, judgement)
        self._judge_unseen(moment, judgement)
        self._tell_occurrences(moment, judgement)
        self._tell_tasks(moment, judgement)
        return judgement

    def open_events(self, domains: Iterable[str]) -> list[HistoryEvent]:
        """Return the events of these domains that neither are told nor have explained anything."""
        return [
            event
            for domain in domains
            for event in self._history.of_domain(domain)
            if event not in self._symptoms
        ]

    def _sort(self, moment: Moment, judgement: Judgement) -> None:
        """Find out which events are late, which tell something, and which may explain something."""
        news, self._news = self._news, []
        for event in news:
            if (told := self._told.recorded_by(event)) is not None:
                self._reboots.note(told.part.step.reference, _sign_of(event))
                self._amend(told, event, moment, judgement)
                continue
            self._history.keep(event)
            if event.type in OCCURRENCES or event.type in (*REBOOTS, *FAILED_STARTS):
                self._occurred.append(event)
            if event.domain is not None:
                if event.type in CONCLUDED or event.type == REVERTED:
                    self._unseen.setdefault(event.domain, moment.instant)
                for told in self._told.unexplained(event.domain):
                    self._amend(told, None, moment, judgement)

    def _amend(
        self, told: Told, event: HistoryEvent | None, moment: Moment, judgement: Judgement
    ) -> None:
        """Tell the cause of what was told without one, if it is known now."""
        if told.is_explained or told.record is None:
            return
        domain = told.part.step.reference
        part = told.part._replace(event=event or told.part.event)
        history = [e for e in self._history.of_domain(domain) if _may_have_led_to(e, told)]
        history += [event] if event else []
        verdict = decide(self._facts(part, domain, history, moment), self._suspend)
        if verdict.found.is_weak or verdict.found.cause in _NO_CAUSES:
            return
        told.is_explained = True
        self._history.spend([e for e in (verdict.found.event, verdict.found.request) if e])
        judgement.events.append(
            self._narrator.tell_amendment(
                part, verdict, record=told.record, published=told.words, now=moment.now
            )
        )

    def _changed(self) -> list[str]:
        return [*dict.fromkeys(pending.step.reference for pending in self._pending)]

    def _lose_domains_of_failed_hosts(self, suspects: Iterable[str], moment: Moment) -> None:
        """Note that what ran on a host that HA declared failed, and is out of sight, is down."""
        for reference in suspects:
            picture = self._inventory.domains.get(reference)
            if picture is None or picture.is_lost:
                continue
            if picture.connection_state in (None, "connected"):
                continue
            is_on = picture.power_state is PowerState.POWERED_ON and not picture.is_secondary
            failure = self._history.of_host(picture.host, HOST_FAILURES) if is_on else None
            if failure is not None and _took_down(failure, picture, moment):
                lost = picture._replace(is_lost=True)
                self._inventory.domains[reference] = lost
                self.note(Step(picture, lost))

    def _judge_steps(self, moment: Moment, judgement: Judgement) -> None:
        resets = ResetFolding(self._tasks)
        held: list[_Pending] = []
        left = Counter(pending.step.reference for pending in self._pending)
        for pending in self._pending:
            reference = pending.step.reference
            left[reference] -= 1
            if pending.since is None:  # also while it stands behind another one that waits
                pending.since, pending.seen_at = moment.instant, moment.host_time
            if reference in judgement.held:
                held.append(pending)
            elif (step := resets.feed(pending.step)) is not None and not self._judge_step(
                step, pending, moment, judgement, is_last=not left[reference]
            ):
                judgement.held.add(reference)
                held.append(pending)
        judgement.held |= {step.reference for step in resets.held}
        self._pending = [*(_Pending(step) for step in resets.held), *held]

    def _judge_step(
        self,
        step: Step,
        pending: _Pending,
        moment: Moment,
        judgement: Judgement,
        *,
        is_last: bool,
    ) -> bool:
        """Tell a step, unless it has to wait for its cause; return whether it was told."""
        reference = step.reference
        history = self._history.of_domain(reference)
        if _begins_to_run(step):
            self._reboots.end(reference)
        is_reverted = self._is_reverted(step)
        parts = unfold(step, history, is_reverted=is_reverted, is_last=is_last)
        decided = self._decide(parts, reference, pending, moment, judgement)
        if decided is None:
            return False
        self._unseen.pop(reference, None)
        if step.is_reset:
            self._swallow_reset(step, history, moment)
        self._tell_symptoms(step, moment, judgement)
        in_gap = moment.in_gap
        # A question goes before what it held up, and comes after what led to it.
        judgement.events += self._narrator.tell_cleared(step, now=moment.now, in_gap=in_gap)
        raised = [*self._narrator.tell_raised(step, now=moment.now, in_gap=in_gap)]
        if any(part.change is Change.BLOCKED for part, _ in decided):
            judgement.events += raised
            raised = []
        seen_at = pending.seen_at or moment.host_time
        self._tell_parts(decided, reference, history, moment, judgement, seen_at=seen_at)
        judgement.events += raised
        judgement.steps.append(step)
        return True

    def _decide(
        self,
        parts: Sequence[Part],
        reference: str,
        pending: _Pending,
        moment: Moment,
        judgement: Judgement,
    ) -> list[tuple[Part, Verdict]] | None:
        """Return what each part means, or None if one has to wait for its cause."""
        self._tasks.try_out()
        history = open_events = self._history.of_domain(reference)
        decided = []
        for part, (after, until) in zip(parts, _spans(parts, history), strict=True):
            span = history[after:until]
            if part.event is None:  # a crash is not recorded, but what HA did about it is
                span += [event for event in history[until:] if event.type in RESTARTS]
            known = [event for event in open_events if event in span]
            verdict = decide(self._facts(part, reference, known, moment), self._suspend)
            if verdict.found.is_weak and self._waits(pending, moment, judgement):
                self._tasks.take_back()
                return None
            verdict = verdict._replace(found=self._with_task(part, verdict.found))
            decided.append((part, verdict))
            if verdict.found.spends_event:
                used = (part.event, verdict.found.event, verdict.found.request)
                open_events = [event for event in open_events if event not in used]
        return decided

    def _with_task(self, part: Part, found: Found) -> Found:
        """Return what was found with the task that it goes back to, which is spent with it."""
        operation = _DONE_BY.get(part.change)
        entry = part.event or found.event
        if operation is None or entry is None or found.task or found.blames_host:
            return found
        task = self._tasks.explain(part.step.reference, operation, entry.chain_id)
        return found._replace(task=task)

    def _is_reverted(self, step: Step) -> bool:
        """Whether a task puts the domain back to a snapshot, and has, as far as can be seen."""
        before, after, _ = step
        is_of_power = before is not None and after is not None and before.power != after.power
        return any(
            is_of_power or task.state is TaskState.SUCCESS
            for task in self._tasks.of_kind(step.reference, Operation.REVERT)
        )

    def _waits(self, pending: _Pending, moment: Moment, judgement: Judgement) -> bool:
        """Return whether there is still time for a better cause to come."""
        if not moment.may_wait or not self._grace:
            return False
        since = moment.instant if pending.since is None else pending.since
        deadline = since + self._grace
        if moment.instant >= deadline:
            return False
        judgement.deadline = min(judgement.deadline or deadline, deadline)
        return True

    def _facts(
        self, part: Part, reference: str, history: list[HistoryEvent], moment: Moment
    ) -> Facts:
        picture = part.step.before or part.step.after
        identity = picture.instance_uuid if picture else None
        return Facts(
            part=part,
            history=history,
            host_event=self._history.of_host,
            explain=partial(self._tasks.explain, reference),
            has=partial(self._tasks.has, reference),
            is_host_connected=self._inventory.is_connected(picture.host if picture else None),
            elsewhere=self._elsewhere_of(part, identity),
            follows_history=moment.follows_history,
            in_gap=moment.in_gap,
            looked_at=moment.looked_at,
        )

    def _elsewhere_of(self, part: Part, identity: str | None) -> str | None:
        if identity is None or part.change not in _BETWEEN_CONNECTIONS:
            return None
        return self._elsewhere(identity)

    def _tell_parts(
        self,
        decided: Iterable[tuple[Part, Verdict]],
        reference: str,
        history: list[HistoryEvent],
        moment: Moment,
        judgement: Judgement,
        *,
        seen_at: datetime,
    ) -> None:
        spent: list[HistoryEvent] = []
        for part, verdict in decided:
            self._tell_part(part, verdict, reference, moment, judgement, seen_at=seen_at)
            spent += _spent_by(part, verdict, history)
        self._history.spend(spent)

    def _tell_part(
        self,
        part: Part,
        verdict: Verdict,
        reference: str,
        moment: Moment,
        judgement: Judgement,
        *,
        seen_at: datetime,
    ) -> None:
        picture = part.step.after or part.step.before
        elsewhere = self._elsewhere_of(part, picture.instance_uuid if picture else None)
        if part.change is Change.REBOOTED and not self._is_new_reboot(part, verdict, moment):
            verdict = verdict._replace(then=tuple(x for x in verdict.then if x is not REBOOT))
            if not verdict.then:
                return
        # Details of different types are equal as numbers, so that `in` would find others too.
        if any(what is DefinedDetail.UPDATED for what in verdict.then):
            if reference in judgement.updated:
                return
            judgement.updated.add(reference)
        told = list(
            self._narrator.tell(
                part, verdict, now=moment.now, in_gap=moment.in_gap, elsewhere=elsewhere
            )
        )
        judgement.events += told
        self._remember(part, verdict, told, judgement, seen_at=seen_at)
        self._tell_job_of(verdict, reference, moment, judgement)

    def _tell_job_of(
        self, verdict: Verdict, reference: str, moment: Moment, judgement: Judgement
    ) -> None:
        """Tell that the task has succeeded which led to what was told just now."""
        task, picture = verdict.found.task, self._inventory.domains.get(reference)
        operation = self._tasks.finished_job(task) if task and picture else None
        if task is not None and picture is not None and operation is not None:
            judgement.events.append(
                self._narrator.tell_job(picture, task, operation, now=moment.now)
            )

    def _is_new_reboot(self, part: Part, verdict: Verdict, moment: Moment) -> bool:
        found = verdict.found
        signs = {_sign_of(e) for e in (part.event, found.event, found.request) if e is not None}
        if found.task is not None:
            signs.add("task")
        if part.event is None:
            signs.add("off and on" if part.step.is_reset else _guest_sign(part.step))
        return self._reboots.is_new(part.step.reference, signs, moment.host_time)

    def _remember(
        self,
        part: Part,
        verdict: Verdict,
        told: list[DomainEvent],
        judgement: Judgement,
        *,
        seen_at: datetime,
    ) -> None:
        found = verdict.found
        entries = (part.event, found.event, found.request)
        words = next((_words(e) for e in reversed(told) if isinstance(e, LifecycleEvent)), "")
        entry = Told(
            part,
            seen_at=seen_at,
            words=words,
            is_explained=not (words and (found.is_weak or found.cause in _NO_CAUSES)),
            is_recorded=any(e is not None and records(e, part.change) for e in entries),
        )
        self._told.add(part.step.reference, entry)
        if told:
            judgement.told.append((len(judgement.events) - 1, entry))

    def _swallow_reset(self, step: Step, history: list[HistoryEvent], moment: Moment) -> None:
        """Let nothing be told of the power-off and power-on of a reset, now or later."""
        events = {CONCLUDED[e.type]: e for e in history if e.type in CONCLUDED}
        self._history.spend(list(events.values()))
        for change, state in (
            (Change.STOPPED, PowerState.POWERED_OFF),
            (Change.STARTED, PowerState.POWERED_ON),
        ):
            if state not in events:
                part = Part(change, step)
                self._told.add(
                    step.reference,
                    Told(part, moment.host_time, "", is_explained=True, is_recorded=False),
                )

    # -- what no picture shows

    def _judge_unseen(self, moment: Moment, judgement: Judgement) -> None:
        """Tell changes that came and went between two answers, so that only the history has them.

        A record may also come before the change that it records: so it is given some time.
        """
        busy = judgement.held | {pending.step.reference for pending in self._pending}
        for reference, since in list(self._unseen.items()):
            picture = self._inventory.domains.get(reference)
            if reference in busy:
                continue
            if picture is None or picture.is_secondary:
                del self._unseen[reference]
                continue
            self._judge_unseen_of(picture, since, moment, judgement)

    def _judge_unseen_of(
        self, picture: DomainPicture, since: float, moment: Moment, judgement: Judgement
    ) -> None:
        reference = picture.reference
        history = self._history.of_domain(reference)
        parts = unfold(Step(picture, picture), history)
        if not parts:
            self._history.spend(_redundant(picture, history))
            del self._unseen[reference]
            return
        deadline = since + self._grace
        if moment.may_wait and moment.instant < deadline:
            judgement.deadline = min(judgement.deadline or deadline, deadline)
            judgement.held.add(reference)
            return
        del self._unseen[reference]
        if self._tasks.is_resetting(reference):
            parts = [Part(Change.REBOOTED, Step(picture, picture, is_reset=True))]
            self._history.spend([e for e in history if e.type in CONCLUDED])
        decided = self._decide(
            parts, reference, _Pending(Step(picture, picture), since), moment, judgement
        )
        if decided is not None:
            seen_at = moment.host_time
            self._tell_parts(decided, reference, history, moment, judgement, seen_at=seen_at)
            if any(part.change is Change.STARTED for part in parts) and picture.boot_time:
                # The time of that boot may be told later; it is no sign of another one.
                after = picture._replace(boot_time=None)
                self._inventory.domains[reference] = after
                judgement.steps.append(Step(picture, after))

    # -- what events and tasks tell by themselves

    def _tell_symptoms(self, step: Step, moment: Moment, judgement: Judgement) -> None:
        """Tell what comes before a step: what led to a stop, and all that a leaving domain did."""
        if step.before is None:
            return
        early = [
            event
            for event in self._occurred
            if event.domain == step.reference and (step.after is None or event.type in SYMPTOMS)
        ]
        self._occurred = [event for event in self._occurred if event not in early]
        for event in early:
            self._tell_occurrence(event, step.before, moment, judgement)

    def _tell_occurrences(self, moment: Moment, judgement: Judgement) -> None:
        occurred, self._occurred = self._occurred, []
        for event in occurred:
            picture = self._inventory.domains.get(event.domain or "")
            if event.domain in judgement.held or self._is_underway(event):
                self._occurred.append(event)
            elif picture is not None and not picture.is_secondary and self._is_open(event):
                self._tell_occurrence(event, picture, moment, judgement)
                if event.type not in SYMPTOMS:
                    self._history.spend([event])

    def _is_underway(self, event: HistoryEvent) -> bool:
        """Whether the task still goes on that is to remove a device, and may fail."""
        return bool(removed_devices(event)) and self._tasks.watch(
            event.domain or "", Operation.RECONFIGURE, event.chain_id
        )

    def _is_open(self, event: HistoryEvent) -> bool:
        """Whether an event has not explained a change in the meantime."""
        identity = identity_of(event)
        return any(identity_of(e) == identity for e in self._history.of_domain(event.domain or ""))

    def _tell_occurrence(
        self, event: HistoryEvent, picture: DomainPicture, moment: Moment, judgement: Judgement
    ) -> None:
        if event.type in REBOOTS:
            self._tell_reboot(event, picture, moment, judgement)
            return
        if event.type in SYMPTOMS:
            self._symptoms = [*filter(self._is_open, self._symptoms), event]
        found = self._found_for(event)
        for what, of in self._tellings(event, picture, found):
            if what is DefinedDetail.UPDATED:
                is_told = picture.reference in judgement.updated
                if is_told or (event.config == _NO_MORE and _is_renamed(picture, judgement)):
                    continue
                judgement.updated.add(picture.reference)
            judgement.events.append(
                self._narrator.tell_occurrence(what, picture, of, now=moment.now)
            )

    def _found_for(self, event: HistoryEvent) -> Found:
        """Return the evidence that an event is, with the task that it belongs to."""
        operation = _BY_TASKS.get(event.type)
        task = None
        if operation is not None and event.domain is not None:
            task = self._tasks.explain(event.domain, operation, event.chain_id)
        return Found(Cause.TASK if task else Cause.EVENT, task=task, event=event)

    def _tellings(
        self, event: HistoryEvent, picture: DomainPicture, found: Found
    ) -> Iterator[tuple[Telling, Found]]:
        """Return what an event tells, and on what evidence."""
        if event.type in FAILED_STARTS:
            if (failed := self._failed_start(event, picture)) is not None:
                yield StoppedDetail.FAILED, failed
            return
        failed_task = self._failed_removal(event)
        if failed_task is not None:
            for alias in removed_devices(event):
                said = Said(DomainDeviceRemovalFailed, {"dev_alias": alias})
                yield said, found._replace(cause=Cause.TASK, task=failed_task)
            return
        for what in OCCURRENCES[event.type](event):
            yield what, found

    def _failed_start(self, event: HistoryEvent, picture: DomainPicture) -> Found | None:
        """Return the evidence of a start that had begun and failed; None of one that never did."""
        if picture.power is not PowerState.POWERED_OFF:
            return None
        task = self._tasks.failed(picture.reference, Operation.POWER_ON, event.chain_id)
        # A chain may begin with the event of its task, so that the task itself knows better.
        has_begun = event.chain_id != event.key if task is None else task.start_time is not None
        message = event.members.get("reason") or event.message
        return Found(Cause.EVENT, task=task, event=event, message=message) if has_begun else None

    def _failed_removal(self, event: HistoryEvent) -> TaskInfo | None:
        if not removed_devices(event):
            return None
        return self._tasks.failed(event.domain or "", Operation.RECONFIGURE, event.chain_id)

    def _tell_reboot(
        self, event: HistoryEvent, picture: DomainPicture, moment: Moment, judgement: Judgement
    ) -> None:
        """Tell a reboot that the guest has not shown yet, or never will: it may have no tools."""
        entry = None if event.type in REQUESTS else event
        part = Part(Change.REBOOTED, Step(picture, picture), entry)
        history = self._history.of_domain(picture.reference)
        verdict = decide(self._facts(part, picture.reference, history, moment), self._suspend)
        self._tell_part(
            part, verdict, picture.reference, moment, judgement, seen_at=moment.host_time
        )
        self._history.spend([*_spent_by(part, verdict, history)])

    def _tell_tasks(self, moment: Moment, judgement: Judgement) -> None:
        """Tell resets that only their task shows, and the jobs that have come to an end."""
        for task in self._tasks.finished_resets():
            reference = task.entity.value if task.entity else ""
            picture = self._followed(reference)
            if picture and self._reboots.is_new(reference, {"task"}, moment.host_time):
                judgement.events.append(self._narrator.tell_reset(picture, task, now=moment.now))
        for task, operation in self._tasks.finished_jobs(but_of=judgement.held):
            if picture := self._followed(task.entity.value if task.entity else ""):
                judgement.events.append(
                    self._narrator.tell_job(picture, task, operation, now=moment.now)
                )

    def _followed(self, domain: str) -> DomainPicture | None:
        """Return the picture of a domain, unless it is none of its own."""
        picture = self._inventory.domains.get(domain)
        return None if picture is None or picture.is_secondary else picture


def _took_down(failure: HistoryEvent, picture: DomainPicture, moment: Moment) -> bool:
    """Whether the failure of a host is why a domain is out of sight, and no earlier one."""
    if picture.boot_time is not None and failure.created_time < picture.boot_time:
        return False
    return moment.in_gap or moment.host_time - failure.created_time <= _FAILURE_SHOWS


_FAILURE_SHOWS = timedelta(minutes=2)
"""How long after the failure of a host its domains may still be seen to go; our choice."""


def _sign_of(event: HistoryEvent) -> str:
    return "monitoring" if event.type in MONITORING_RESETS else event.type


def _guest_sign(step: Step) -> str:
    is_going_down = step.after is not None and step.after.guest_state == "resetting"
    return "guest goes down" if is_going_down else "guest has recovered"


_NO_MORE = ConfigChange()
"""A reconfiguration of nothing that eventd tells of: it may have been the name."""


def _is_renamed(picture: DomainPicture, judgement: Judgement) -> bool:
    return any(
        part.change is Change.RENAMED and part.step.reference == picture.reference
        for part in (told.part for _, told in judgement.told)
    )


_BETWEEN_CONNECTIONS = (Change.LOST_ON, Change.APPEARED, Change.FOUND_ON)

_NO_CAUSES = (Cause.UNKNOWN, Cause.OUT_OF_SCOPE, Cause.STATE)


def _asks(event: HistoryEvent) -> bool:
    """Whether the tasks of the domain say more about an event of the history."""
    return (
        event.type in CONCLUDED
        or event.type in MIGRATED
        or event.type in FAILED_STARTS
        or event.type in (REVERTED, "VmResettingEvent", *_BY_TASKS)
    )


def _spans(parts: Sequence[Part], history: list[HistoryEvent]) -> list[tuple[int, int]]:
    """Return, for each change, between which places of the history its cause is looked for.

    It lies after the record of the change of power before, and before that of the next one.
    """
    places = [
        history.index(part.event) if part.event in history and part.event is not None else None
        for part in parts
    ]
    spans = []
    for number, part in enumerate(parts):
        before = [place for place in places[:number] if place is not None]
        later = [place for place in places[number + 1 :] if place is not None]
        is_of_power = part.change in _OF_POWER
        after = before[-1] + 1 if is_of_power and before else 0
        until = later[0] if is_of_power and later else len(history)
        spans.append((after, until))
    return spans


_OF_POWER = frozenset(
    {
        Change.STARTED,
        Change.STOPPED,
        Change.SUSPENDED,
        Change.RESUMED,
        Change.DISCARDED,
        Change.REVERTED,
    }
)


def _may_have_led_to(event: HistoryEvent, told: Told) -> bool:
    """Whether an event that comes late can be the cause of a change that was told.

    That vSphere HA has started a domain again, it says when it is done.
    """
    return told.is_as_old_as(event) or event.type in RESTARTS


def _spent_by(
    part: Part, verdict: Verdict, history: Iterable[HistoryEvent]
) -> Iterator[HistoryEvent]:
    """Return the events that explain no other change than this one."""
    found = verdict.found
    if part.event is not None:
        yield part.event
        # What was recorded before it, and led nowhere, is no part of anything to come.
        for event in history:
            if identity_of(event) == identity_of(part.event):
                break
            if event.type in CONCLUDED or event.type in MIGRATED:
                yield event
    if found.event is not None and found.spends_event:
        yield found.event
    if part.change in _ENDS_OF_REQUESTS:
        yield from (event for event in history if event.type in REQUESTS)
    if part.change in (Change.MOVED, Change.RELOCATED):
        yield from (event for event in history if event.type in MIGRATED)
    if part.change is Change.LEFT:
        yield from _up_to("VmRemovedEvent", history)


def _up_to(kind: str, history: Iterable[HistoryEvent]) -> list[HistoryEvent]:
    """Return the events up to the last one of a type; all of them if there is none."""
    events = list(history)
    ends = [number for number, event in enumerate(events) if event.type == kind]
    return events[: ends[-1] + 1] if ends else events


def _redundant(picture: DomainPicture, history: Iterable[HistoryEvent]) -> list[HistoryEvent]:
    """Return the events that record what is so already: a reset ends with a power-on."""
    found = []
    for event in history:
        if event.type not in CONCLUDED:
            continue
        if CONCLUDED[event.type] is not picture.power:
            break  # it may have come before the change that it records
        found.append(event)
    return found


def _begins_to_run(step: Step) -> bool:
    was = step.before.guest_state if step.before else None
    return step.after is not None and step.after.guest_state == "running" != was


def _words(event: LifecycleEvent) -> str:
    return f"{event.type} {event.reason}"
