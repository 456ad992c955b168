"""Who and what an event names as its cause: what was found, as it travels in an event."""

from __future__ import annotations

from eventd.model.evidence import Cause, Evidence, Initiator, TaskEvidence, VIEventEvidence
from eventd.tracking.changes import Part
from eventd.tracking.facts import Found
from eventd.vi.types import HistoryEvent, TaskInfo

__all__ = ["evidence"]


def evidence(found: Found, part: Part | None = None) -> Evidence:
    """Return what was found as it travels in an event, with what the pictures tell beside it."""
    step = part.step if part else None
    entry = found.event or (part.event if part else None)
    told = _of_task(found.task) if found.task else None
    return Evidence(
        cause=found.cause,
        initiator=_initiator(found, told, entry),
        user=_user(found, told, entry),
        task=told,
        event=_of_entry(entry) if entry else None,
        request=_of_entry(found.request) if found.request else None,
        clean_power_off=step.after.clean_power_off if step and step.after else None,
        boot_time=step.after.boot_time
        if found.cause is Cause.BOOT_TIME and step and step.after
        else None,
        message=found.message,
    )


def _of_entry(entry: HistoryEvent) -> VIEventEvidence:
    return VIEventEvidence(
        key=entry.key,
        chain_id=entry.chain_id,
        type=entry.type,
        created_at=entry.created_time,
        user=entry.user or None,
        message=entry.message,
    )


_BY_TASK_REASON = {
    "user": Initiator.USER,
    "schedule": Initiator.SCHEDULE,
    "alarm": Initiator.ALARM,
    "system": Initiator.SYSTEM,
}


def _initiator(
    found: Found, told: TaskEvidence | None, entry: HistoryEvent | None
) -> Initiator | None:
    if found.initiator is not None:
        return found.initiator
    if entry is not None and entry.type.startswith("Drs"):
        return Initiator.DRS
    if told is not None:
        if told.description_id.startswith("Drm."):
            return Initiator.DRS
        if told.description_id.startswith("host.AutoStartManager."):
            return Initiator.HOST
        if told.reason is not None:
            return _BY_TASK_REASON[told.reason]
    if found.request is not None:
        return Initiator.USER if found.request.user else None
    return Initiator.USER if entry is not None and entry.user else None


def _user(found: Found, told: TaskEvidence | None, entry: HistoryEvent | None) -> str | None:
    """Return the name of who asked; of a schedule or an alarm, its name."""
    if entry is not None and entry.type.startswith("Drs"):
        return None
    if told is not None and (told.user or told.name):
        return told.user or told.name
    if found.request is not None:
        return found.request.user or None
    if found.initiator in (None, Initiator.USER) and entry is not None:
        return entry.user or None
    return None


def _of_task(task: TaskInfo) -> TaskEvidence:
    reason = task.reason
    return TaskEvidence(
        key=task.key,
        description_id=task.description_id,
        reason=reason.kind if reason else None,
        user=reason.name if reason and reason.kind == "user" else None,
        name=reason.name if reason and reason.kind != "user" else None,
        error=task.error,
    )
