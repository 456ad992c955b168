"""The lifecycle table: what a difference between two pictures of a domain means, and why.

`changes` names what differs; `TABLE` says for each change which evidence leads to which events,
best evidence first. The first row whose evidence is there decides. Without any, libvirt's
neutral detail 0 is told with the cause ``unknown``: a crash is never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

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
from eventd.tracking.inventory import Step, SuspendMode
from eventd.tracking.tasks import Operation, evidence_of
from eventd.vi.types import TaskInfo

__all__ = ["SAVED_TABLE", "TABLE", "Change", "Facts", "Row", "Verdict", "changes", "decide"]


class Change(Enum):
    """What differs between two pictures of one domain. ``on`` is VI's ``poweredOn``."""

    APPEARED = auto()
    """Known now, and was not before."""
    FOUND_ON = auto()
    """On when it became known."""
    RENAMED = auto()
    """Another name, the same domain."""
    STARTED = auto()
    """Off, then on."""
    STOPPED = auto()
    """On, then off."""
    SUSPENDED = auto()
    """On, then suspended."""
    RESUMED = auto()
    """Suspended, then on."""
    DISCARDED = auto()
    """Suspended, then off: what was suspended is thrown away."""
    FOUND_SUSPENDED = auto()
    """Suspended when it became known, or off before that: it was on in between, unseen."""
    MOVED = auto()
    """On, on another host, and never restarted."""
    STOPPED_UNSEEN = auto()
    """On, and booted anew: it was off in between. `STARTED_ANEW` follows."""
    STARTED_ANEW = auto()
    """On, and booted anew, perhaps on another host."""
    REBOOTED = auto()
    """On all the time; the guest's system started anew."""
    LOST_ON = auto()
    """On when it went: it can only have left what the connection follows."""
    LOST_SUSPENDED = auto()
    """Suspended when it went."""
    LEFT = auto()
    """Known no more."""


class Facts(NamedTuple):
    """What the rows of the table may look at."""

    step: Step
    explain: Callable[[Operation], TaskInfo | None]
    """Returns the task of this kind on the domain that explains the change, and spends it."""
    has: Callable[[Operation], bool]
    """Returns whether there is such a task, and spends nothing."""
    in_gap: bool
    """True if the change happened while eventd was not looking."""
    looked_at: datetime
    """When the host was last looked at, by its own clock."""


class Verdict(NamedTuple):
    """What a change turned out to mean."""

    then: tuple[Detail | EventId, ...]
    """The events to publish, in order: a lifecycle detail, or an event id without one."""
    evidence: Evidence
    task: TaskInfo | None


_Found: TypeAlias = tuple[Evidence, TaskInfo | None] | None


class Row(NamedTuple):
    """One row: for this change, if this evidence is there, these events."""

    change: Change
    evidence: Callable[[Facts], _Found]
    then: tuple[Detail | EventId, ...]


def _task(*operations: Operation) -> Callable[[Facts], _Found]:
    """A task of one of these kinds explains the change."""

    def found(facts: Facts) -> _Found:
        for operation in operations:
            if (task := facts.explain(operation)) is not None:
                return Evidence(cause=Cause.TASK, task=evidence_of(task)), task
        return None

    return found


def _crashed(facts: Facts) -> _Found:
    """The host did not see an orderly end: ``runtime.cleanPowerOff`` is false."""
    after = facts.step.after
    if after is None or after.clean_power_off is not False:
        return None
    return Evidence(cause=Cause.CLEAN_POWER_OFF, clean_power_off=False), None


def _clean(facts: Facts) -> _Found:
    """The host saw an orderly end that no task asked for: the guest stopped by itself.

    After a gap the task may be forgotten, and an orderly end alone tells the two not apart.
    """
    after = facts.step.after
    if after is None or not after.clean_power_off or facts.in_gap:
        return None
    return Evidence(cause=Cause.CLEAN_POWER_OFF, clean_power_off=True), None


def _shutting_down(facts: Facts) -> _Found:
    """The guest's own system was on its way down."""
    before = facts.step.before
    if before is None or before.guest_state != "shuttingDown":
        return None
    return Evidence(cause=Cause.GUEST_STATE), None


def _resetting(_: Facts) -> _Found:
    """The guest's own system restarts, and no task asked for it."""
    return Evidence(cause=Cause.GUEST_STATE), None


def _booted(facts: Facts) -> _Found:
    """It was booted after the host was last looked at."""
    boot_time = facts.step.after.boot_time if facts.step.after else None
    if boot_time is None or boot_time < facts.looked_at:
        return None
    return Evidence(cause=Cause.BOOT_TIME, boot_time=boot_time), None


def _booted_anew(facts: Facts) -> _Found:
    """The time of boot is another one, which only a power-on sets."""
    boot_time = facts.step.after.boot_time if facts.step.after else None
    return Evidence(cause=Cause.BOOT_TIME, boot_time=boot_time), None


def _came_on(facts: Facts) -> _Found:
    """It was on before it was known, and nobody powered it on here."""
    if facts.in_gap:
        return None
    return Evidence(cause=Cause.STATE, message=f"it was on when it entered {_SCOPE}"), None


def _went_on(facts: Facts) -> _Found:
    """It was on when it went. VI refuses to unregister or destroy what is on."""
    if facts.in_gap or facts.has(Operation.DESTROY):
        return None
    return Evidence(cause=Cause.STATE, message=f"it was on when it left {_SCOPE}"), None


_SCOPE = "what the connection follows"


def _seen(_: Facts) -> _Found:
    """The change itself admits only one reading."""
    return Evidence(cause=Cause.STATE), None


def _unknown(_: Facts) -> _Found:
    """Nothing explains the change."""
    return Evidence(cause=Cause.UNKNOWN), None


TABLE: tuple[Row, ...] = (
    Row(Change.APPEARED, _seen, (DefinedDetail.ADDED,)),
    Row(Change.FOUND_ON, _task(Operation.POWER_ON), (StartedDetail.BOOTED,)),
    Row(Change.FOUND_ON, _booted, (StartedDetail.BOOTED,)),
    Row(Change.FOUND_ON, _came_on, (StartedDetail.MIGRATED,)),
    Row(Change.FOUND_ON, _unknown, (StartedDetail.BOOTED,)),
    Row(
        Change.RENAMED,
        _task(Operation.RENAME),
        (UndefinedDetail.RENAMED, DefinedDetail.RENAMED),
    ),
    Row(Change.RENAMED, _seen, (UndefinedDetail.RENAMED, DefinedDetail.RENAMED)),
    Row(Change.STARTED, _task(Operation.POWER_ON), (StartedDetail.BOOTED,)),
    Row(Change.STARTED, _seen, (StartedDetail.BOOTED,)),
    Row(Change.STOPPED, _task(Operation.POWER_OFF), (StoppedDetail.DESTROYED,)),
    Row(Change.STOPPED, _task(Operation.SHUT_DOWN_GUEST), (StoppedDetail.SHUTDOWN,)),
    Row(Change.STOPPED, _crashed, (StoppedDetail.CRASHED,)),
    Row(Change.STOPPED, _shutting_down, (StoppedDetail.SHUTDOWN,)),
    Row(Change.STOPPED, _clean, (StoppedDetail.SHUTDOWN,)),
    Row(Change.STOPPED, _unknown, (StoppedDetail.SHUTDOWN,)),
    Row(Change.SUSPENDED, _task(Operation.SUSPEND), (SuspendedDetail.PAUSED,)),
    Row(Change.SUSPENDED, _seen, (SuspendedDetail.PAUSED,)),
    Row(Change.RESUMED, _task(Operation.POWER_ON), (ResumedDetail.UNPAUSED,)),
    Row(Change.RESUMED, _seen, (ResumedDetail.UNPAUSED,)),
    Row(Change.DISCARDED, _task(Operation.POWER_OFF), (StoppedDetail.DESTROYED,)),
    Row(Change.DISCARDED, _seen, (StoppedDetail.DESTROYED,)),
    Row(Change.FOUND_SUSPENDED, _seen, (SuspendedDetail.PAUSED,)),
    Row(
        Change.MOVED,
        _task(Operation.MIGRATE),
        (StoppedDetail.MIGRATED, StartedDetail.MIGRATED),
    ),
    Row(Change.MOVED, _seen, (StoppedDetail.MIGRATED, StartedDetail.MIGRATED)),
    Row(Change.STOPPED_UNSEEN, _task(Operation.POWER_OFF), (StoppedDetail.DESTROYED,)),
    Row(Change.STOPPED_UNSEEN, _task(Operation.SHUT_DOWN_GUEST), (StoppedDetail.SHUTDOWN,)),
    Row(Change.STOPPED_UNSEEN, _unknown, (StoppedDetail.SHUTDOWN,)),
    Row(Change.STARTED_ANEW, _task(Operation.POWER_ON), (StartedDetail.BOOTED,)),
    Row(Change.STARTED_ANEW, _booted_anew, (StartedDetail.BOOTED,)),
    Row(Change.REBOOTED, _task(Operation.RESET), (EventId.REBOOT,)),
    Row(Change.REBOOTED, _resetting, (EventId.REBOOT,)),
    Row(Change.LOST_ON, _task(Operation.POWER_OFF), (StoppedDetail.DESTROYED,)),
    Row(Change.LOST_ON, _went_on, (StoppedDetail.MIGRATED,)),
    Row(Change.LOST_ON, _unknown, (StoppedDetail.SHUTDOWN,)),
    # What was suspended stays on the disk.
    Row(Change.LOST_SUSPENDED, _seen, (StoppedDetail.SAVED,)),
    Row(Change.LEFT, _task(Operation.DESTROY), (UndefinedDetail.REMOVED,)),
    Row(Change.LEFT, _seen, (UndefinedDetail.REMOVED,)),
)
"""The table for ``suspend = "paused"``: a suspended domain is active."""

_SAVED_ROWS = (
    Row(Change.SUSPENDED, _task(Operation.SUSPEND), (StoppedDetail.SAVED,)),
    Row(Change.SUSPENDED, _seen, (StoppedDetail.SAVED,)),
    Row(Change.RESUMED, _task(Operation.POWER_ON), (StartedDetail.RESTORED,)),
    Row(Change.RESUMED, _seen, (StartedDetail.RESTORED,)),
    Row(Change.DISCARDED, _seen, ()),
    Row(Change.FOUND_SUSPENDED, _seen, ()),
    Row(Change.LOST_SUSPENDED, _seen, ()),
)

SAVED_TABLE: tuple[Row, ...] = _SAVED_ROWS + tuple(
    row for row in TABLE if row.change not in {saved.change for saved in _SAVED_ROWS}
)
"""The table for ``suspend = "saved"``: a suspended domain is shut off."""

_POWER_CHANGES = {
    (PowerState.POWERED_OFF, PowerState.POWERED_ON): Change.STARTED,
    (PowerState.POWERED_ON, PowerState.POWERED_OFF): Change.STOPPED,
    (PowerState.POWERED_ON, PowerState.SUSPENDED): Change.SUSPENDED,
    (PowerState.SUSPENDED, PowerState.POWERED_ON): Change.RESUMED,
    (PowerState.SUSPENDED, PowerState.POWERED_OFF): Change.DISCARDED,
    (PowerState.POWERED_OFF, PowerState.SUSPENDED): Change.FOUND_SUSPENDED,
}
_FOUND = {
    PowerState.POWERED_ON: Change.FOUND_ON,
    PowerState.SUSPENDED: Change.FOUND_SUSPENDED,
}
_LOST = {
    PowerState.POWERED_ON: Change.LOST_ON,
    PowerState.SUSPENDED: Change.LOST_SUSPENDED,
}


def changes(step: Step) -> Iterator[tuple[Change, Step]]:
    """Name what differs between two pictures, in the order in which it is told.

    Each change comes with the step that it is told of: to libvirt a domain with another UUID is
    another domain, so that one leaves and one appears.
    """
    before, after, is_reset = step
    if before is None:
        if after is not None:
            yield from ((change, step) for change in _appearance(after))
    elif after is None:
        yield from ((change, step) for change in _departure(before))
    elif before.uuid != after.uuid:
        yield from changes(Step(before, None))
        yield from changes(Step(None, after))
    else:
        yield from ((change, step) for change in _difference(before, after))
        if is_reset:
            yield Change.REBOOTED, step


def _appearance(after: DomainPicture) -> Iterator[Change]:
    yield Change.APPEARED
    if (found := _FOUND.get(_power_state(after))) is not None:
        yield found


def _departure(before: DomainPicture) -> Iterator[Change]:
    if (lost := _LOST.get(_power_state(before))) is not None:
        yield lost
    yield Change.LEFT


def _difference(before: DomainPicture, after: DomainPicture) -> Iterator[Change]:
    if before.name and before.name != after.name:  # a name may be told later than the domain
        yield Change.RENAMED
    was, is_now = _power_state(before), _power_state(after)
    if was is not is_now:
        yield _POWER_CHANGES[was, is_now]
    elif is_now is PowerState.POWERED_ON:
        yield from _difference_while_on(before, after)


def _power_state(picture: DomainPicture) -> PowerState:
    # A domain whose power state was never told is not known to be active.
    return picture.power_state or PowerState.POWERED_OFF


def _difference_while_on(before: DomainPicture, after: DomainPicture) -> Iterator[Change]:
    # Set at power-on only; a server that tells it late, or not at all, tells no restart by that.
    if _differ(before.boot_time, after.boot_time):
        yield Change.STOPPED_UNSEEN
        yield Change.STARTED_ANEW
    elif _differ(before.host, after.host):
        yield Change.MOVED
    if after.guest_state == "resetting" != before.guest_state:
        yield Change.REBOOTED


def _differ(before: object, after: object) -> bool:
    return before is not None and after is not None and before != after


def decide(change: Change, facts: Facts, mode: SuspendMode) -> Verdict:
    """Return what a change means: the first row whose evidence is there decides."""
    table = TABLE if mode is SuspendMode.PAUSED else SAVED_TABLE
    for row in table:
        if row.change is change and (found := row.evidence(facts)) is not None:
            evidence, task = found
            return Verdict(row.then, evidence, task)
    raise AssertionError(f"the lifecycle table has no last row for {change}")
