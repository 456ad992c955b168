"""The judge: what is taken in and not told yet, and what of it can be told now.

Each domain is judged in the order of what happened to it. What lacks its cause is held back for a
while, and with it all that happened to that domain later; the others go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta

from eventd.model.picture import DomainPicture
from eventd.tracking.amendments import Amendments
from eventd.tracking.changes import Change, Part, unfold
from eventd.tracking.chronicle import Chronicle
from eventd.tracking.event_types import (
    CONCLUDED,
    FAILED_STARTS,
    HOST_FAILURES,
    MIGRATED,
    REVERTED,
)
from eventd.tracking.explanations import redundant
from eventd.tracking.followed_tasks import FollowedTasks
from eventd.tracking.host_failures import lost_domains
from eventd.tracking.inquiry import Inquiry, Knowledge
from eventd.tracking.inventory import Step, SuspendMode
from eventd.tracking.jobs import Jobs
from eventd.tracking.judgement import Judgement, Moment, Pending
from eventd.tracking.narration import Narrator
from eventd.tracking.occurrences import DONE_BY_TASKS, Occurrences
from eventd.tracking.question_events import QuestionEvents
from eventd.tracking.questions import Questions
from eventd.tracking.resets import Reboots, ResetFolding
from eventd.tracking.task_events import TaskEvents
from eventd.tracking.told import Told, ToldParts
from eventd.vi.types import HistoryEvent

__all__ = ["Judge"]


_RECORDED_EARLY = timedelta(minutes=2)
"""How long before a picture shows a change it may be recorded; our choice, and generous."""


class Judge:
    """Decides what happened, given what is known of one connection's host."""

    def __init__(
        self,
        knowledge: Knowledge,
        questions: Questions,
        followed: FollowedTasks,
        *,
        source: str,
        suspend: SuspendMode,
        grace: float,
        elsewhere: Callable[[str], str | None],
    ) -> None:
        self._inventory, self._history, self._tasks = knowledge
        self._grace = grace
        self.reboots = reboots = Reboots()
        told = ToldParts()
        narrator = Narrator(self._inventory, source=source)
        inquiry = Inquiry(knowledge, suspend=suspend, elsewhere=elsewhere)
        jobs = Jobs(knowledge, narrator, reboots=reboots)
        chronicle = Chronicle(knowledge, narrator, jobs, told=told, reboots=reboots)
        self._told = told
        self._narrator, self._inquiry = narrator, inquiry
        self._amendments = Amendments(knowledge, inquiry, narrator, told=told, reboots=reboots)
        self._chronicle, self._jobs = chronicle, jobs
        self._occurrences = Occurrences(knowledge, narrator, inquiry, chronicle, told=told)
        self._questions = questions
        self._followed = followed
        self._question_events = QuestionEvents(self._inventory, questions, followed, source=source)
        self._task_events = TaskEvents(self._inventory, source=source)
        self._pending: list[Pending] = []
        self._news: list[HistoryEvent] = []
        self._unseen: dict[str, float] = {}
        """Domains whose history has changes that no picture shows, and since when."""

    # -- taking in

    def note(self, step: Step) -> None:
        """A domain changed, after all that was noted before."""
        self._pending.append(Pending(step))

    def hear(self, events: Iterable[HistoryEvent]) -> None:
        """The history goes on with these events."""
        self._news += events

    def forget(self, domain: str) -> None:
        """A domain is gone; what is noted of it is still to be told."""
        self.reboots.forget(domain)
        self._unseen.pop(domain, None)
        self._jobs.forget(domain)

    def take_back(self, told: Iterable[Told]) -> None:
        """Nothing is to be told, and these changes, which were told last, are not published."""
        self._told.take_back(told)
        self._pending.clear()
        self._news.clear()
        self._occurrences.forget_untold()
        self._task_events.take_back()
        self._unseen.clear()

    @property
    def is_waiting(self) -> bool:
        """Whether something is not told that nothing may announce."""
        return any(pending.seen is None for pending in self._pending)

    def lacks_task(self, domain: str) -> bool:
        """Whether a task that a domain lists anew may have led to what was told of it lately."""
        return self._jobs.lacks_task(domain)

    @property
    def domains_without_task(self) -> list[str]:
        """The domains of which something was told lately whose task may become visible."""
        return self._jobs.domains_without_task

    def changed_domains(self) -> set[str]:
        """Return the domains whose tasks may explain what is not told yet."""
        steps = (pending.step for pending in self._pending)
        changed = {
            step.reference for step in steps if step.after and (_is_asked(step) or unfold(step))
        }
        asked = {event.domain for event in self._news if event.domain and _asks(event)}
        return changed | asked | self._unseen.keys() | self._occurrences.waiting_domains()

    def open_events(self, domains: Iterable[str]) -> list[HistoryEvent]:
        """Return the events of these domains that neither are told nor have explained anything."""
        return [
            event
            for domain in domains
            for event in self._history.of_domain(domain)
            if not self._occurrences.is_told(event)
        ]

    # -- judging

    def judge(self, moment: Moment) -> Judgement:
        """Tell what can be told now."""
        judgement = Judgement(moment, self._grace)
        self._told.expire(moment.host_time)
        self._questions.note_judged(moment.now, moment.instant, tasks=self._followed.count)
        tasks, found = self._followed.news(), self._followed.take_found()
        self._question_events.note_tasks((*found, *tasks))
        self._task_events.note_found(found)
        self._task_events.tell_begun(tasks, judgement)
        news, self._news = self._news, []
        self._sort(news, judgement)
        self._note_lost_domains(news, moment)
        self._jobs.find_late_tasks(judgement)
        self._judge_steps(judgement)
        self._judge_unseen(judgement)
        begin = len(judgement.events)
        self._occurrences.tell(judgement)
        judgement.order_by_records(begin)
        self._jobs.tell(judgement)
        judgement.tell(*self._question_events.tell_unseen(moment))
        self._task_events.tell_ended(judgement)
        if moment.in_gap:
            judgement.order_by_time()
        return judgement

    def _sort(self, news: Iterable[HistoryEvent], judgement: Judgement) -> None:
        """Find out which events are late, which tell something, and which may explain something."""
        for event in news:
            if self._amendments.take_late(event, judgement):
                continue
            self._history.keep(event)
            self._occurrences.note(event)
            if event.type == "HostRemovedEvent":
                self._amendments.reconsider_host(event, judgement)
            if event.domain is not None:
                if event.type in CONCLUDED or event.type == REVERTED:
                    self._unseen.setdefault(event.domain, judgement.moment.instant)
                self._amendments.reconsider(event.domain, judgement)

    def _note_lost_domains(self, news: Iterable[HistoryEvent], moment: Moment) -> None:
        """Note that what ran on a host that HA declared failed, and is out of sight, is down."""
        # All domains are looked at only when one fails: a change has to cost the same however many
        # there are.
        has_failed_host = any(event.type in HOST_FAILURES for event in news)
        changed = dict.fromkeys(pending.step.reference for pending in self._pending)
        suspects = [*(self._inventory.domains if has_failed_host else changed)]
        for picture in lost_domains(self._inventory, self._history, moment, among=suspects):
            lost = picture._replace(is_lost=True)
            self._inventory.domains[picture.reference] = lost
            self.note(Step(picture, lost))

    # -- what pictures show

    def _judge_steps(self, judgement: Judgement) -> None:
        """Tell the steps in order, and hold back those behind one that waits for its cause."""
        resets = ResetFolding(self._tasks)
        held: list[Pending] = []
        left = Counter(pending.step.reference for pending in self._pending)
        for pending in self._pending:
            reference = pending.step.reference
            left[reference] -= 1
            seen = pending.first_seen(judgement.moment)  # also behind another one that waits
            if reference in judgement.held:
                held.append(pending)
                continue
            step = resets.feed(pending.step)
            is_last = not left[reference]
            if step is not None and not self._judge_step(step, seen, judgement, is_last=is_last):
                judgement.hold(reference)
                held.append(Pending(step, seen))
        for step in resets.held:
            judgement.hold(step.reference)
        self._pending = [*map(Pending, resets.held), *held]

    def _judge_step(self, step: Step, seen: Moment, judgement: Judgement, *, is_last: bool) -> bool:
        """Tell a step, unless it has to wait for its cause; return whether it was told."""
        history = self._history.of_domain(step.reference)
        if _begins_to_run(step):
            self.reboots.end(step.reference, seen.host_time, is_missed=seen.in_gap)
        is_reverted = self._inquiry.is_reverted(step)
        moment = judgement.moment
        parts = unfold(
            step,
            history,
            is_reverted=is_reverted,
            is_last=is_last,
            shown_since=moment.host_time - _RECORDED_EARLY if moment.in_gap else None,
        )
        verdicts = self._inquiry.explain(parts, history, judgement, since=seen.instant)
        if verdicts is None:
            return False
        self._unseen.pop(step.reference, None)
        if step.is_reset:
            self._chronicle.swallow_reset(step, history, judgement)
        self._occurrences.tell_before(step, judgement)
        self._jobs.tell_before(step, judgement)
        # A question goes before what it held up, and comes after what led to it.
        judgement.tell(*self._question_events.tell_ended(step, seen))
        raised = [*self._question_events.tell_asked(step, seen)]
        is_blocked = any(part.change is Change.BLOCKED for part in parts)
        if is_blocked:
            judgement.tell(*raised)
        self._chronicle.tell(verdicts, history, judgement, seen=seen)
        if not is_blocked:
            judgement.tell(*raised)
        if is_last and step.after is not None:
            # The end of a reset is recorded as a power-on, and explains no later one.
            left = self._history.of_domain(step.reference)
            self._history.spend(redundant(step.after, left))
        judgement.steps.append(step)
        if is_last and _shows_no_new_boot(step):
            self._await_boot_time(parts, judgement)
        return True

    def _await_boot_time(self, parts: Iterable[Part], judgement: Judgement) -> None:
        """Let the time of a boot that was told be no sign of another one when it is shown."""
        starts = [part for part in parts if part.change is Change.STARTED and part.event]
        picture = self._inventory.shown(starts[-1].step.reference) if starts else None
        if picture is not None and picture.boot_time is not None:
            after = picture._replace(boot_time=None)
            self._inventory.domains[picture.reference] = after
            judgement.steps.append(Step(picture, after))

    # -- what no picture shows

    def _judge_unseen(self, judgement: Judgement) -> None:
        """Tell changes that came and went between two answers, so that only the history has them.

        A record may also come before the change that it records: so it is given some time.
        """
        busy = judgement.held | {pending.step.reference for pending in self._pending}
        for reference, since in list(self._unseen.items()):
            if reference in busy:
                continue
            picture = self._inventory.shown(reference)
            if picture is None or self._judge_unseen_of(picture, since, judgement):
                del self._unseen[reference]

    def _judge_unseen_of(self, picture: DomainPicture, since: float, judgement: Judgement) -> bool:
        """Tell what only the history has of a domain; return False if it may wait for a picture."""
        reference = picture.reference
        history = self._history.of_domain(reference)
        parts = unfold(Step(picture, picture), history)
        if not parts:
            self._history.spend(redundant(picture, history))
            return True
        if judgement.may_wait(since):
            judgement.hold(reference)
            return False
        if self._tasks.is_resetting(reference):
            parts = [Part(Change.REBOOTED, Step(picture, picture, is_reset=True))]
            self._history.spend([event for event in history if event.type in CONCLUDED])
            history = self._history.of_domain(reference)
        verdicts = self._inquiry.explain(parts, history, judgement, since=since) or ()
        self._chronicle.tell(verdicts, history, judgement, seen=judgement.moment)
        self._await_boot_time(parts, judgement)
        return True


def _asks(event: HistoryEvent) -> bool:
    """Whether the tasks of the domain say more about an event of the history."""
    return (
        event.type in CONCLUDED
        or event.type in MIGRATED
        or event.type in FAILED_STARTS
        or event.type in (REVERTED, "VmResettingEvent", *DONE_BY_TASKS)
    )


def _is_asked(step: Step) -> bool:
    """Whether a step brings a question: the tasks of its domain say who or what asks."""
    was = step.before.question if step.before is not None else None
    return step.after is not None and step.after.question not in (None, was)


def _shows_no_new_boot(step: Step) -> bool:
    before, after, _ = step
    return before is not None and after is not None and before.boot_time == after.boot_time


def _begins_to_run(step: Step) -> bool:
    was = step.before.guest_state if step.before else None
    return step.after is not None and step.after.guest_state == "running" != was
