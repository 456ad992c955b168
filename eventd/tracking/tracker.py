"""The tracker of one connection: update sets in, events and the picture that they lead to out.

An update set is taken in whole before anything in it is judged; one that is truncated waits for
its last part. In between, the connection reads what the update set only announces: the host's event
history (`Tracker.unread_event`) and the tasks that may explain the changes (`Tracker.reading`). A
change without a cause is held back for a while, since the cause may come late; with it are held
back the picture of that domain, what happens to it after that, and the position in the history.
What is judged becomes the present state when its events are published, so that state and events
agree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from eventd.model.domain import DomainStatus
from eventd.model.events import Event
from eventd.model.evidence import Cause, TaskEvidence
from eventd.model.picture import (
    DomainPicture,
    HostPicture,
    PictureChange,
    PowerState,
)
from eventd.model.questions import PendingQuestion
from eventd.tracking.attribution import evidence
from eventd.tracking.facts import Found
from eventd.tracking.followed_tasks import FollowedTasks
from eventd.tracking.history import History
from eventd.tracking.inquiry import Knowledge
from eventd.tracking.inventory import Inventory, Step, SuspendMode
from eventd.tracking.judge import Judge
from eventd.tracking.judgement import Judgement, Moment
from eventd.tracking.properties import events_in, texts_in
from eventd.tracking.questions import Pending, Questions
from eventd.tracking.tasks import Tasks
from eventd.tracking.told import Told
from eventd.vi.names import domain_name
from eventd.vi.types import HistoryEvent, ObjectUpdate, TaskInfo, UpdateKind, UpdateSet

__all__ = ["Outcome", "Reading", "Tracker"]

_LARGEST_SKEW = timedelta(days=3650)
"""A clock that is further off is taken for being so far off; times stay within the calendar."""

_A_MOMENT = timedelta(minutes=2)
"""How long after it left a domain may come to another connection; our choice."""

_DEPARTED = 1000
"""How many domains that went while they were on are remembered, for the connection they come to."""


_CLOCK_IS_RIGHT = timedelta(minutes=1)
"""By so little a host's clock may differ between two looks at it; our choice."""

_LONGEST_STEP = timedelta(days=2)
"""How far back a host's clock may have been set, if what it recorded afterwards is to be found.

More than a day, as by a wrong date; the clock of this machine may be the one that was set."""

_BEGINNING = datetime.fromtimestamp(0, UTC)


def _before(at: datetime, span: timedelta) -> datetime:
    """Return a time so long before another; a host may send any, also of the year 1."""
    return at - span if at - _BEGINNING > span else min(at, _BEGINNING)


class Reading(NamedTuple):
    """Which tasks to read of the host before an update set can be judged; often none."""

    tasks: frozenset[str]
    """Tasks of domains that are gone, those that are awaited, and those that domains list anew."""
    domains: Mapping[str, frozenset[str]]
    """Changed domains: their recent tasks as they are now; with those that they listed last.

    Servers may not notify of ``recentTask`` (VI API reference, ManagedEntity), and a task that was
    running when its domain listed it may have ended since. The list is for a domain that is gone
    when it is asked.
    """


_NOTHING = Reading(frozenset(), {})


class Outcome(NamedTuple):
    """What a complete update set led to."""

    events: list[Event]
    picture: PictureChange
    is_sync: bool
    """True for the answer that completed the picture after `Tracker.begin_sync`."""
    is_compared: bool = False
    """True if that picture was compared with a known one."""
    is_farewell: bool = False
    """True if the host is another one than before, and the events tell that all domains of that
    one are gone: what the new one has is still to be asked for."""


class Tracker:
    """Works out what happened to the domains of one connection.

    Feed each update set to `take_in`; once it is complete, bring what `unread_event` and `reading`
    ask for, let `judge` tell the events, publish them, and `accept` the outcome. While `deadline`
    is set, judge again at that time, without an update set.

    ``known`` and ``host`` are the last known picture, from the journal: the host's first answer is
    then compared with it, and the event history is read on from there. Without a picture the
    first answer only shows what there is and tells no events. ``grace`` is how many seconds a
    change waits for its cause. ``elsewhere`` tells, of an instance UUID, on which host another
    connection has that domain. After ``answer_after`` seconds eventd is to answer a question that
    nobody has answered; None if it never is.
    """

    def __init__(
        self,
        connection: str,
        *,
        source: str,
        suspend: SuspendMode = SuspendMode.PAUSED,
        known: Mapping[str, DomainPicture] | None = None,
        host: HostPicture | None = None,
        grace: float = 0.0,
        elsewhere: Callable[[str], str | None] = lambda _: None,
        answer_after: float | None = None,
    ) -> None:
        self._connection = connection
        self.suspend = suspend
        self.questions = Questions(connection, answer_after=answer_after)
        self.followed_tasks = FollowedTasks()
        self._host = host or HostPicture()
        self._make_judge = partial(
            Judge, source=source, suspend=suspend, grace=grace, elsewhere=elsewhere
        )
        self._told: dict[str, DomainPicture] = dict(known or {})
        """The pictures that the published events lead to."""
        self._begin_with_what_is_told()
        for reference, picture in self._told.items():
            self.followed_tasks.remember(reference, picture.told_tasks)
        self.follows_history = False
        """Whether the host's event history is read; without it nothing is worth waiting for."""
        self.follows_tasks = False
        """Whether the host tells how the tasks go on that are followed."""
        self._unpublished: list[tuple[int, Told]] = []
        """The changes that were told last, by the position of their event in the outcome."""
        self._departed: dict[str, tuple[str | None, datetime]] = {}
        """Hosts of domains that went while they were on, by instance UUID, and when that was."""
        # That there was no domain is a picture, too.
        self._has_picture = bool(known) or host is not None
        self._is_syncing = True
        self._is_another_host = False
        """Whether the host that answers is another one than that whose domains are known."""
        self._has_answer = False
        """Whether an answer was taken in that is not judged yet."""
        self._synced_at = self._host.synced_at
        self._host_ahead = timedelta()
        self._begun_at = datetime.fromtimestamp(0, UTC)
        """When the whole picture was asked for last, by the host's clock."""
        self._go_back_by = timedelta()
        """How far before its place the history is to be read, until it was."""
        self._looked_at = datetime.fromtimestamp(0, UTC)
        """When the host was last judged, by its own clock."""
        self._judged_at = self._looked_at
        """The same by the clock of this machine."""
        self.deadline: float | None = None
        """When, in the seconds of a monotonic clock, something held back has to be judged."""

    def _begin_with_what_is_told(self) -> None:
        """Know the pictures that are told, and the host; nothing is taken in or left to explain."""
        self._inventory = Inventory(
            self._connection,
            suspend=self.suspend,
            known=self._told,
            host=self._host,
            questions=self.questions,
        )
        self._tasks = Tasks()
        for picture in self._told.values():
            self._tasks.remember(picture.told_tasks)
        self._history = History(self._host.position)
        knowledge = Knowledge(self._inventory, self._history, self._tasks)
        self._judge = self._make_judge(knowledge, self.questions, self.followed_tasks)
        self._judge.reboots.restore(self._told.values())
        self._shown: set[str] = set()
        """Domains that the whole picture has shown so far."""
        self._unread: frozenset[str] = frozenset()
        """Tasks that are to be read before the next judgement."""
        self._at_hand: list[TaskInfo] = []
        """Followed tasks that may explain what is judged next, and need not be read."""
        self._left_behind: dict[str, frozenset[str]] = {}
        """The tasks that domains listed last that are gone, until it is told why they went."""

    def begin_sync(
        self,
        *,
        identity: str | None,
        host_time: datetime,
        now: datetime,
        is_vcenter: bool = False,
    ) -> None:
        """Expect the whole picture next, as after a new start of the property collector.

        ``identity`` is what names a vCenter (``about.instanceUuid``), None where it is too old to
        have it, and for a bare host, which its hardware names; ``host_time`` is what its clock
        shows ``now``, aware UTC.
        """
        self._inventory.begin(identity=identity, is_vcenter=is_vcenter)
        self._host_ahead = max(-_LARGEST_SKEW, min(host_time - now, _LARGEST_SKEW))
        self._begun_at = host_time
        self._go_back_by = self._clock_may_be_set_back_by(now)
        self._history.resume()
        self.questions.begin(host_time)
        self._shown.clear()
        self._is_syncing = True
        if not self._has_picture:
            self._tasks.begin(host_time)

    # -- taking in

    def take_in(self, update_set: UpdateSet) -> bool:
        """Take an update set in; return False while more of it is to come."""
        for part in update_set.filters:
            for update in part.objects:
                match update.obj.type:
                    case "VirtualMachine":
                        self._take_in_domain(update)
                    case "HostSystem":
                        self._inventory.take_in_host(update)
                    case "Task":
                        self.followed_tasks.take_in(update)
                    case "EventHistoryCollector":
                        self._take_in_doorbell(update)
                    case _:
                        pass  # the managers and views that the objects are reached through
        if update_set.truncated:
            return False
        self._has_answer = True
        if self._is_syncing and update_set.filters:
            self._complete_the_picture()
        if self._inventory.identity is None:
            self._inventory.identity = self._inventory.newest_identity
        return True

    def _complete_the_picture(self) -> None:
        if self._inventory.is_of_another_host:
            self._is_another_host = True
        else:
            self._forget_what_was_not_shown()

    def _take_in_domain(self, update: ObjectUpdate) -> None:
        reference = update.obj.value
        step = _of_domains_of_their_own(self._inventory.take_in_domain(update))
        self._note(step)
        if self._is_syncing:
            self._shown.add(reference)
        if update.kind is UpdateKind.LEAVE:
            self._forget(reference)
        if "recentTask" in update.changes:
            self._note_tasks(reference, texts_in(update.changes["recentTask"]))
        elif update.kind is UpdateKind.ENTER and self._tasks.listed_by(reference):
            self._note_tasks(reference, ())

    def _take_in_doorbell(self, update: ObjectUpdate) -> None:
        # A page of one, but a host may send more; its order is not defined.
        events = events_in(update.changes.get("latestPage"))
        if events:
            self._history.show(max(events, key=lambda event: event.created_time))

    def _note(self, step: Step) -> None:
        # Without a picture to compare with, what comes is the picture and no step from one.
        if self._has_picture and step != (None, None, False):
            self._judge.note(step)

    def _note_tasks(self, reference: str, tasks: Collection[str]) -> None:
        before = self._tasks.listed_by(reference)
        new = self._tasks.newly_listed(reference, tasks)
        self.followed_tasks.unlist(reference, before - frozenset(tasks))
        if self._is_syncing:
            gone = before - frozenset(tasks)
            self._tasks.forget(gone)
            self.followed_tasks.forget(gone)
        in_order = [task for task in tasks if task in new]
        # Lost, and listed anew: the host was restarted meanwhile, and uses the key again.
        self.followed_tasks.forget(filter(self.followed_tasks.is_lost, in_order))
        self.followed_tasks.follow(in_order, is_news=self._has_picture)
        if new and self._has_picture:
            self._tasks.note_new(new)
            # Where the history is read, what a task did is read when it has done it, or late.
            if not self.follows_history or self._judge.lacks_task(reference):
                self._unread |= new

    def _forget_what_was_not_shown(self) -> None:
        """Let go of what the host no longer has: the whole picture does not show it."""
        shown, self._shown = self._shown, set()
        for reference in self._inventory.domains.keys() - shown:
            self._note(_of_domains_of_their_own(self._inventory.remove(reference)))
            self._forget(reference)
        # After its restart a host counts from the beginning.
        listed = self._tasks.listed.union(*self._left_behind.values())
        self._tasks.forget_all_but(listed)
        self.followed_tasks.forget_all_but(listed)

    def _forget(self, reference: str) -> None:
        self._left_behind[reference] = self._tasks.listed_by(reference)
        self._tasks.forget_domain(reference)
        self._judge.forget(reference)

    def _let_go_of_the_host(self) -> None:
        """Know of the host before this one that all of its domains are gone, and no more.

        References, keys of tasks and of events may well be the same here, and mean others.
        """
        host, self._host = self._host, self._host._replace(position=None)
        self._begin_with_what_is_told()
        self._host = host
        self.followed_tasks.forget_everything()
        for reference in self._told:
            self._judge.note(self._inventory.remove(reference))

    # -- reading

    @property
    def is_another_host(self) -> bool:
        """Whether the picture that was taken in is that of another host than before.

        Then only the end of the one before is to be judged, without reading anything; when it is
        published, the new host is to be looked at from the beginning.
        """
        return self._is_another_host

    @property
    def unread_event(self) -> HistoryEvent | None:
        """The newest event that the host has shown, until the history is read up to it."""
        return self._history.unread

    @property
    def history_since(self) -> datetime | None:
        """From when on the host's event history is to be read; None before anything is known.

        That is where its reading was left, unless the clock of the host was set back since then.
        """
        since = self._history.since
        return None if since is None else _before(since, self._go_back_by)

    def _clock_may_be_set_back_by(self, now: datetime) -> timedelta:
        """Return how far before its place the history may go on, by what the host's clock shows.

        What was recorded since the last answer is as old as that at most, by any clock.
        """
        since, synced_at = self._history.since, self._synced_at
        if since is None or synced_at is None:
            return timedelta()
        earliest = _before(min(since, self._begun_at), _LONGEST_STEP)
        begin = max(_before(self._begun_at, max(timedelta(), now - synced_at)), earliest)
        return since - begin if since - begin >= _CLOCK_IS_RIGHT else timedelta()

    def take_in_history(self, events: Sequence[HistoryEvent]) -> None:
        """Take in what was read of the host's event history, in order; some of it may be known."""
        self._history.take_in(events)

    def reading(self) -> Reading:
        """Return which tasks may explain what is not judged yet, and are not followed."""
        if self._is_another_host:
            return _NOTHING
        new = self._history.advance()
        if not self._has_picture:
            return _NOTHING
        self._judge.hear(new)
        changed = self._judge.changed_domains() & self._inventory.domains.keys()
        listed = {reference: self._tasks.listed_by(reference) for reference in changed}
        self._at_hand = [task for domain in changed for task in self._followed_well(listed[domain])]
        at_hand = {task.task.value for task in self._at_hand}
        domains = {domain: tasks for domain, tasks in listed.items() if not tasks & at_hand}
        left_behind = frozenset().union(*self._left_behind.values())
        others = self._unread | left_behind | self._tasks.awaited | self._tasks.unsettled
        others |= self._come_late()
        unknown = others - at_hand - frozenset().union(*domains.values())
        followed = [self.followed_tasks.info(task) for task in sorted(unknown)]
        if self.follows_tasks:
            self._at_hand += [task for task in followed if task is not None]
            unknown -= {task.task.value for task in followed if task is not None}
        return Reading(unknown, domains)

    def _come_late(self) -> set[str]:
        """Return the followed tasks that may have led to what was told lately without a task.

        The host may have been slow with them when they were to be read.
        """
        domains = self._judge.domains_without_task if self.follows_tasks else ()
        listed = (task for domain in domains for task in self._tasks.listed_by(domain))
        return {task for task in listed if self.followed_tasks.info(task) is not None}

    def _followed_well(self, tasks: Iterable[str]) -> list[TaskInfo]:
        """Return the tasks that a changed domain lists, if what explains the change is among them.

        It is, if all of them are followed and one may still explain something; otherwise the host
        may not have told that there is another one.
        """
        infos = [self.followed_tasks.info(task) for task in tasks] if self.follows_tasks else []
        known = [info for info in infos if info is not None]
        is_enough = len(known) == len(infos) and any(map(self._tasks.may_explain, known))
        return known if is_enough else []

    # -- judging

    def judge(self, tasks: Iterable[TaskInfo], *, now: datetime, instant: float = 0.0) -> Outcome:
        """Tell what happened since the last judgement, given the tasks that were read.

        ``now`` is aware UTC: the time of events for which the host tells none. ``instant`` is the
        same moment in the seconds of a monotonic clock.
        """
        has_answer, self._has_answer = self._has_answer, False
        if has_answer:
            self._synced_at = now
        if self._is_another_host:
            return self._farewell(now, instant)
        tasks = list(tasks)
        at_hand, self._at_hand = self._at_hand, []
        self._tasks.take_in((*tasks, *at_hand), now)
        for task in tasks:
            self.followed_tasks.follow([task.task.value], is_news=self._tasks.is_new(task))
            self.followed_tasks.note(task)
        self._unread = frozenset()
        if self.follows_history:
            self._history.begin(self._begun_at)
        is_sync = self._is_syncing and has_answer
        if is_sync:
            self._is_syncing, self._go_back_by = False, timedelta()
        self._judged_at = now
        self._looked_at, looked_at = now + self._host_ahead, self._looked_at
        if not self._has_picture:
            return self._first_picture(now, instant, is_sync=is_sync)
        judgement = self._judge.judge(
            Moment(
                now,
                instant,
                host_time=self._looked_at,
                looked_at=looked_at,
                in_gap=is_sync,
                follows_history=self.follows_history,
            )
        )
        self._left_behind = {
            domain: left for domain, left in self._left_behind.items() if domain in judgement.held
        }
        self._unpublished = judgement.told
        self.deadline = judgement.deadline
        return Outcome([*judgement.events], self._picture_change(judgement), is_sync, is_sync)

    def _farewell(self, now: datetime, instant: float) -> Outcome:
        """Tell that all domains of the host before this one are gone."""
        found = self._inventory.newest_identity
        self._let_go_of_the_host()
        at = now + self._host_ahead
        moment = Moment(
            now,
            instant,
            host_time=at,
            looked_at=at,
            in_gap=True,
            follows_history=False,
            is_another_host=True,
        )
        judgement = self._judge.judge(moment)
        self.deadline = None
        # The time of the last answer stays: nothing of the new host is known yet.
        host = HostPicture(identity=found, synced_at=self._host.synced_at)
        picture = PictureChange(self._connection, {}, frozenset(self._told), host)
        return Outcome([*judgement.events], picture, is_sync=False, is_farewell=True)

    def _first_picture(self, now: datetime, instant: float, *, is_sync: bool) -> Outcome:
        self._history.forget()
        self.questions.note_judged(now, instant, tasks=self.followed_tasks.count)
        shown = {
            reference: self._kept(picture)
            for reference, picture in self._inventory.domains.items()
            if not picture.is_secondary
        }
        host = self._host_picture(held=())
        return Outcome([], PictureChange(self._connection, shown, frozenset(), host), is_sync)

    def _picture_change(self, judgement: Judgement) -> PictureChange:
        last = {step.reference: step.after for step in judgement.steps}
        changed = {ref: self._kept(picture) for ref, picture in last.items() if picture is not None}
        others = self._judge.reboots.take_changed() | self._tasks.domains_read
        others |= self.followed_tasks.take_newly_told()
        for reference in others - last.keys():
            known = self._told.get(reference)
            if known is not None and (kept := self._kept(known)) != known:
                changed[reference] = kept
        return PictureChange(
            self._connection,
            changed=changed,
            removed=frozenset(ref for ref, picture in last.items() if picture is None and ref),
            host=self._host_picture(held=self._judge.open_events(judgement.held)),
        )

    def _kept(self, picture: DomainPicture) -> DomainPicture:
        """Return a picture as the journal is to have it: with what the host does not tell."""
        question = picture.question
        asked_at = None if question is None else self.questions.since(question)
        if asked_at != picture.asked_at:
            picture = picture._replace(asked_at=asked_at)
        return self._with_told_tasks(self._judge.reboots.kept_in(picture))

    def _with_told_tasks(self, picture: DomainPicture) -> DomainPicture:
        told = self.followed_tasks.told_of(picture.reference)
        info = self.followed_tasks.info
        return picture._replace(
            told_tasks=tuple(self._tasks.as_told(each, info(each.task)) for each in told)
        )

    def _host_picture(self, *, held: Collection[HistoryEvent]) -> HostPicture:
        return HostPicture(
            identity=self._inventory.identity,
            names=self._inventory.host_names,
            position=self._history.position(held=held),
            synced_at=self._synced_at,
        )

    @property
    def host(self) -> HostPicture:
        """What is known of the host itself, as of the outcome that was accepted last."""
        return self._host

    # -- what is so now

    def count_after(self, outcome: Outcome) -> int:
        """Return how many domains are known once the outcome is accepted."""
        return len((self._told.keys() | outcome.picture.changed.keys()) - outcome.picture.removed)

    def accept(self, outcome: Outcome, ids: Sequence[str] = ()) -> None:
        """Make the outcome the present state: its events are published, as records of these ids."""
        for reference in outcome.picture.removed:
            if (gone := self._told.pop(reference, None)) is not None:
                self._remember_departed(gone)
        for picture in outcome.picture.changed.values():
            self._departed.pop(picture.instance_uuid or "", None)
        self._told.update(outcome.picture.changed)
        self._host = outcome.picture.host or self._host
        self._has_picture = True
        if ids:
            for index, told in self._unpublished:
                told.record = ids[index]
        self._unpublished = []
        self.questions.accept()
        self.followed_tasks.accept()
        if outcome.is_farewell:
            self._is_another_host = False
            self._synced_at = self._host.synced_at
            self._departed.clear()
            self._begin_with_what_is_told()

    def _remember_departed(self, picture: DomainPicture) -> None:
        if picture.instance_uuid and picture.power is PowerState.POWERED_ON:
            host = self._inventory.host_name(picture.host)
            self._departed[picture.instance_uuid] = (host, self._judged_at)
            while len(self._departed) > _DEPARTED:
                del self._departed[next(iter(self._departed))]

    def roll_back(self) -> None:
        """Forget what was taken in and not accepted; the next whole picture shows it again."""
        self.questions.roll_back()
        self.followed_tasks.roll_back()
        self._inventory.restore(self._told)
        self._inventory.identity = self._host.identity
        self._judge.take_back(told for _, told in self._unpublished)
        self._judge.reboots.restore(self._told.values())
        self._unpublished = []
        self._history.go_back(self._host.position)
        self._is_another_host = False
        self.deadline = None

    @property
    def is_waiting(self) -> bool:
        """Whether something is awaited that nothing may announce: the end of a task."""
        unannounced = self._tasks.awaited
        if self.follows_tasks:
            unannounced -= self.followed_tasks.wanted
        return bool(unannounced) or self._judge.is_waiting

    @property
    def has_picture(self) -> bool:
        """Whether it is known what the host had, now or at an earlier time."""
        return self._has_picture

    @property
    def domain_count(self) -> int:
        """How many domains are known now."""
        return len(self._told)

    def references(self) -> Collection[str]:
        """Return the references of the domains that are known now."""
        return self._told.keys()

    def whereabouts(self, instance_uuid: str, *, now: datetime) -> str | None:
        """Return the host on which a domain runs, or ran until it left what is followed here.

        It left a moment before ``now``, aware UTC; who left long ago may be anywhere.
        """
        for picture in self._inventory.with_instance_uuid(instance_uuid):
            if picture.power is PowerState.POWERED_ON:
                return self._inventory.host_name(picture.host)
        host, left_at = self._departed.get(instance_uuid, (None, now))
        return host if now - left_at <= _A_MOMENT else None

    def is_followed(self, reference: str) -> bool:
        """Whether the host shows the domain with this value of a reference."""
        return self._inventory.shown(reference) is not None

    def name_of(self, reference: str) -> str:
        """Return the name of the domain with this reference; the reference if it has none."""
        picture = self._inventory.shown(reference)
        return domain_name(picture.name) if picture is not None else reference

    def pending_questions(self, *, stale: bool) -> list[PendingQuestion]:
        """Return the questions that wait for an answer, by domain; ``stale`` if the host is lost.

        They are those that the host shows, be they told yet or not: an answer is not to wait.
        """
        found = [
            PendingQuestion(
                domain=self._inventory.domain(self._inventory.domains[each.reference]),
                question=each.question,
                since=each.since,
                task=self._task_held_up(each),
                answer_due=None if stale else self.questions.due_at(each.question),
                stale=stale,
            )
            for each in self.questions.pending()
            if self.is_followed(each.reference)
        ]
        return sorted(found, key=lambda each: (each.domain.name, each.domain.reference))

    def _task_held_up(self, pending: Pending) -> TaskEvidence | None:
        task = self.followed_tasks.info(pending.task) if pending.task is not None else None
        return None if task is None else evidence(Found(Cause.TASK, task=task)).task

    def statuses(self, *, stale: bool) -> list[DomainStatus]:
        """Return the present state of every domain, by name; ``stale`` if the host is lost."""
        inventory = self._inventory
        found = [
            DomainStatus(
                domain=inventory.domain(picture),
                state=inventory.state(picture),
                stale=stale or picture.connection_state not in (None, "connected"),
                question=picture.question,
            )
            for picture in self._told.values()
        ]
        return sorted(found, key=lambda status: (status.domain.name, status.domain.reference))


def _of_domains_of_their_own(step: Step) -> Step:
    """Return the step without the shadows of fault tolerance, as if they were not there."""
    before = None if step.before is not None and step.before.is_secondary else step.before
    after = None if step.after is not None and step.after.is_secondary else step.after
    return Step(before, after)
