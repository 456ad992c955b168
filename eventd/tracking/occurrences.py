"""What events of the host's history tell by themselves, without any change of a picture.

An event is told when nothing of its domain is held back, and only if it has not explained a change
in the meantime. What each type tells is in `eventd.tracking.occurrence_table`; what depends on the
domain and its tasks as well is here: failed starts, failed removals of devices, and reboots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eventd.model.events import DomainDeviceRemovalFailed
from eventd.model.evidence import Cause, Initiator
from eventd.model.lifecycle import DefinedDetail, StoppedDetail
from eventd.model.picture import DomainPicture, PowerState
from eventd.tracking.changes import Change, Part
from eventd.tracking.chronicle import Chronicle
from eventd.tracking.event_types import FAILED_STARTS, REBOOTS, REQUESTS, SYMPTOMS
from eventd.tracking.facts import Found
from eventd.tracking.history import Identity, identity_of, is_near
from eventd.tracking.inquiry import Inquiry, Knowledge
from eventd.tracking.inventory import Step
from eventd.tracking.judgement import Judgement, Moment
from eventd.tracking.narration import Narrator
from eventd.tracking.occurrence_table import OCCURRENCES, removed_devices, what_changed
from eventd.tracking.operations import Operation
from eventd.tracking.tellings import Said, Telling
from eventd.tracking.told import ToldParts
from eventd.vi.types import ConfigChange, HistoryEvent

__all__ = ["DONE_BY_TASKS", "Occurrences"]

DONE_BY_TASKS: Mapping[str, Operation] = {
    "VmReconfiguredEvent": Operation.RECONFIGURE,
    "VmResourceReallocatedEvent": Operation.RECONFIGURE,
    "VmRelocatedEvent": Operation.MIGRATE,
}
"""What tells something by itself and is done by a task, which says more about who did it."""

_BY_HA = ("VmDasResetFailedEvent",)
"""What vSphere HA does, and no change tells."""

_NO_MORE = ConfigChange()
"""A reconfiguration of nothing that eventd tells of: it may have been the name."""


class Occurrences:
    """The events that tell something by themselves, until they have."""

    def __init__(
        self,
        knowledge: Knowledge,
        narrator: Narrator,
        inquiry: Inquiry,
        chronicle: Chronicle,
        *,
        told: ToldParts,
    ) -> None:
        self._inventory, self._history, self._tasks = knowledge
        self._narrator = narrator
        self._inquiry = inquiry
        self._chronicle = chronicle
        self._told = told
        self._untold: list[HistoryEvent] = []
        self._waiting: dict[Identity, float] = {}
        """What may turn out otherwise yet, and since when: by its task, or by a new name."""
        self._symptoms: list[HistoryEvent] = []
        """Those that are told, and may still explain a stop."""

    def note(self, event: HistoryEvent) -> None:
        """This event happened, after all that was noted before."""
        if event.type in OCCURRENCES or event.type in (*REBOOTS, *FAILED_STARTS):
            self._untold.append(event)

    def forget_untold(self) -> None:
        """Nothing of what was noted is to be told."""
        self._untold.clear()
        self._waiting.clear()

    def is_told(self, event: HistoryEvent) -> bool:
        """Whether an event is told, although it may still explain a change."""
        return event in self._symptoms

    def tell(self, judgement: Judgement) -> None:
        """Tell what can be told now of the domains that are not held back."""
        noted, self._untold = self._untold, []
        for event in noted:
            picture = self._inventory.shown(event.domain or "")
            # What belongs to one operation is told together, and once.
            is_waited_for = any(event.chain_id == each.chain_id for each in self._untold)
            if (
                event.domain in judgement.held
                or is_waited_for
                or self._is_underway(event, judgement)
            ):
                self._untold.append(event)
            elif picture is not None and self._is_open(event):
                self._tell_of(event, picture, judgement)
                if event.type not in SYMPTOMS:
                    self._history.spend([event])

        still = {identity_of(event) for event in self._untold}
        self._waiting = {key: since for key, since in self._waiting.items() if key in still}

    def tell_before(self, step: Step, judgement: Judgement) -> None:
        """Tell what comes before a step: what led to a stop, and all that a leaving domain did."""
        if step.before is None:
            return
        is_leaving = step.after is None
        early = [
            event
            for event in self._untold
            if event.domain == step.reference and (is_leaving or event.type in SYMPTOMS)
        ]
        self._untold = [event for event in self._untold if event not in early]
        for event in early:
            self._tell_of(event, step.before, judgement)

    def waiting_domains(self) -> set[str]:
        """Return the domains whose tasks are to say whether a removal of a device succeeded."""
        return {
            event.domain
            for event in self._untold
            if event.domain and identity_of(event) in self._waiting
        }

    def _is_underway(self, event: HistoryEvent, judgement: Judgement) -> bool:
        """Whether an event may turn out to say something else than it seems to.

        The task that is to remove a device may fail, and a reconfiguration of nothing that eventd
        tells of may be a new name.
        """
        domain, chain = event.domain or "", event.chain_id
        if event.config == _NO_MORE and not self._told.has_renamed(event):
            return judgement.may_wait(self._since(event, judgement))
        if not removed_devices(event):
            return False
        if self._tasks.watch(domain, Operation.RECONFIGURE, chain):
            return True
        is_known = self._tasks.knows(domain, Operation.RECONFIGURE, chain)
        return not is_known and judgement.may_wait(self._since(event, judgement))

    def _since(self, event: HistoryEvent, judgement: Judgement) -> float:
        return self._waiting.setdefault(identity_of(event), judgement.moment.instant)

    def _is_open(self, event: HistoryEvent) -> bool:
        """Whether an event has not explained a change in the meantime."""
        return self._history.is_open(event)

    def _tell_of(self, event: HistoryEvent, picture: DomainPicture, judgement: Judgement) -> None:
        if event.type in REBOOTS:
            self._tell_reboot(event, picture, judgement)
            return
        if event.type in SYMPTOMS:
            self._symptoms = [*filter(self._is_open, self._symptoms), event]
        for what, found in self._tellings(event, picture, judgement.moment):
            is_update = what is DefinedDetail.UPDATED
            if not is_update or self._is_new_definition(event, judgement):
                judgement.tell(self._narrator.tell_occurrence(what, picture, event, found))

    def _tell_reboot(
        self, event: HistoryEvent, picture: DomainPicture, judgement: Judgement
    ) -> None:
        """Tell a reboot that the guest has not shown yet, or never will: it may have no tools."""
        record = None if event.type in REQUESTS else event
        part = Part(Change.REBOOTED, Step(picture, picture), record)
        history = self._history.of_domain(picture.reference)
        if judgement.moment.in_gap:  # of other days, there may be other reboots
            history = [each for each in history if is_near(each, event.created_time)]
        verdict = self._inquiry.decide(part, history, judgement.moment)
        self._chronicle.tell([verdict], history, judgement, seen=judgement.moment)

    def _is_new_definition(self, event: HistoryEvent, judgement: Judgement) -> bool:
        """Whether a reconfiguration says more than was told of the domain already."""
        if event.config == _NO_MORE and self._told.has_renamed(event):
            return False
        return judgement.tells_first_update(event.domain or "")

    # -- what an event tells, and on what evidence

    def _tellings(
        self, event: HistoryEvent, picture: DomainPicture, moment: Moment
    ) -> Iterator[tuple[Telling, Found]]:
        if event.type in FAILED_STARTS:
            yield from self._failed_start(event, picture)
            return
        found = self._with_task(event, moment)
        if failed := self._failed_removals(event, found):
            yield from failed
            return
        for what in OCCURRENCES[event.type](event):
            is_update = what is DefinedDetail.UPDATED
            yield what, found._replace(message=what_changed(event)) if is_update else found

    def _with_task(self, event: HistoryEvent, moment: Moment) -> Found:
        """Return the evidence that an event is, with the task that it belongs to."""
        operation = DONE_BY_TASKS.get(event.type)
        task = None
        if operation is not None and event.domain is not None:
            task = self._tasks.explain(event.domain, operation, event.chain_id)
            # One reconfiguration may change the name, which its task has explained then, and more.
            task = task or self._tasks.of_chain(event.domain, operation, event.chain_id)
            if task is None and operation is Operation.MIGRATE:
                self._chronicle.expect_task(event.domain, operation, event, moment)
        by = Initiator.HA if event.type in _BY_HA else None
        return Found(Cause.TASK if task else Cause.EVENT, task=task, event=event, initiator=by)

    def _failed_start(
        self, event: HistoryEvent, picture: DomainPicture
    ) -> Iterator[tuple[Telling, Found]]:
        """Tell a start that had begun and failed; nothing of one that never did."""
        if picture.power is not PowerState.POWERED_OFF:
            return
        task = self._tasks.failed(picture.reference, Operation.POWER_ON, event.chain_id)
        # A chain may begin with the event of its task, so that the task itself knows better.
        has_begun = event.chain_id != event.key if task is None else task.start_time is not None
        if has_begun:
            message = event.members.get("reason") or event.message
            yield StoppedDetail.FAILED, Found(Cause.EVENT, task=task, event=event, message=message)

    def _failed_removals(self, event: HistoryEvent, found: Found) -> list[tuple[Telling, Found]]:
        """Return the devices that were to be removed and were not, if the task of it failed."""
        aliases = removed_devices(event)
        if not aliases:
            return []
        task = self._tasks.failed(event.domain or "", Operation.RECONFIGURE, event.chain_id)
        if task is None:
            return []
        by_task = found._replace(cause=Cause.TASK, task=task)
        return [(Said(DomainDeviceRemovalFailed, {"dev_alias": name}), by_task) for name in aliases]
