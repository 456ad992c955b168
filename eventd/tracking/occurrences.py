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
from eventd.tracking.history import identity_of
from eventd.tracking.inquiry import Inquiry, Knowledge
from eventd.tracking.inventory import Step
from eventd.tracking.judgement import Judgement
from eventd.tracking.narration import Narrator
from eventd.tracking.occurrence_table import OCCURRENCES, removed_devices
from eventd.tracking.operations import Operation
from eventd.tracking.tellings import Said, Telling
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
        self, knowledge: Knowledge, narrator: Narrator, inquiry: Inquiry, chronicle: Chronicle
    ) -> None:
        self._inventory, self._history, self._tasks = knowledge
        self._narrator = narrator
        self._inquiry = inquiry
        self._chronicle = chronicle
        self._untold: list[HistoryEvent] = []
        self._symptoms: list[HistoryEvent] = []
        """Those that are told, and may still explain a stop."""

    def note(self, event: HistoryEvent) -> None:
        """This event happened, after all that was noted before."""
        if event.type in OCCURRENCES or event.type in (*REBOOTS, *FAILED_STARTS):
            self._untold.append(event)

    def forget_untold(self) -> None:
        """Nothing of what was noted is to be told."""
        self._untold.clear()

    def is_told(self, event: HistoryEvent) -> bool:
        """Whether an event is told, although it may still explain a change."""
        return event in self._symptoms

    def tell(self, judgement: Judgement) -> None:
        """Tell what can be told now of the domains that are not held back."""
        noted, self._untold = self._untold, []
        for event in noted:
            picture = self._inventory.shown(event.domain or "")
            if event.domain in judgement.held or self._is_underway(event):
                self._untold.append(event)
            elif picture is not None and self._is_open(event):
                self._tell_of(event, picture, judgement)
                if event.type not in SYMPTOMS:
                    self._history.spend([event])

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

    def _is_underway(self, event: HistoryEvent) -> bool:
        """Whether the task still goes on that is to remove a device, and may fail."""
        return bool(removed_devices(event)) and self._tasks.watch(
            event.domain or "", Operation.RECONFIGURE, event.chain_id
        )

    def _is_open(self, event: HistoryEvent) -> bool:
        """Whether an event has not explained a change in the meantime."""
        identity = identity_of(event)
        return any(identity_of(e) == identity for e in self._history.of_domain(event.domain or ""))

    def _tell_of(self, event: HistoryEvent, picture: DomainPicture, judgement: Judgement) -> None:
        if event.type in REBOOTS:
            self._tell_reboot(event, picture, judgement)
            return
        if event.type in SYMPTOMS:
            self._symptoms = [*filter(self._is_open, self._symptoms), event]
        for what, found in self._tellings(event, picture):
            if what is not DefinedDetail.UPDATED or _is_new_definition(event, picture, judgement):
                judgement.tell(self._narrator.tell_occurrence(what, picture, event, found))

    def _tell_reboot(
        self, event: HistoryEvent, picture: DomainPicture, judgement: Judgement
    ) -> None:
        """Tell a reboot that the guest has not shown yet, or never will: it may have no tools."""
        record = None if event.type in REQUESTS else event
        part = Part(Change.REBOOTED, Step(picture, picture), record)
        history = self._history.of_domain(picture.reference)
        verdict = self._inquiry.decide(part, history, judgement.moment)
        self._chronicle.tell([verdict], history, judgement, seen=judgement.moment)

    # -- what an event tells, and on what evidence

    def _tellings(
        self, event: HistoryEvent, picture: DomainPicture
    ) -> Iterator[tuple[Telling, Found]]:
        if event.type in FAILED_STARTS:
            yield from self._failed_start(event, picture)
            return
        found = self._with_task(event)
        if failed := self._failed_removals(event, found):
            yield from failed
            return
        for what in OCCURRENCES[event.type](event):
            yield what, found

    def _with_task(self, event: HistoryEvent) -> Found:
        """Return the evidence that an event is, with the task that it belongs to."""
        operation = DONE_BY_TASKS.get(event.type)
        task = None
        if operation is not None and event.domain is not None:
            task = self._tasks.explain(event.domain, operation, event.chain_id)
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


def _is_new_definition(event: HistoryEvent, picture: DomainPicture, judgement: Judgement) -> bool:
    """Whether a reconfiguration says more than was told of the domain already."""
    reference = picture.reference
    if event.config == _NO_MORE and judgement.has_told(Change.RENAMED, reference):
        return False
    return judgement.tells_first_update(reference)
