"""The evidence that the rows of the lifecycle table can ask for.

Evidence is a function from facts to what was found, None if it is not there. Some of it is weak:
true as far as it goes, but a better cause may be on its way, so that a change waits for that.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from eventd.model.evidence import Cause, Initiator
from eventd.model.picture import PowerState
from eventd.tracking.event_types import HA_RESTARTS, HOST_FAILURES
from eventd.tracking.facts import Facts, Found
from eventd.tracking.operations import Operation
from eventd.tracking.ways import differ
from eventd.vi.types import HistoryEvent

__all__ = [
    "Find",
    "booted_anew",
    "both",
    "by_automatic_stop",
    "by_guest",
    "by_host_shutdown",
    "by_user",
    "came_from_elsewhere",
    "came_on",
    "clean_power_off_is_false",
    "either",
    "event",
    "guest_does",
    "guest_panics",
    "guest_reboots",
    "guest_shows",
    "guest_state_was",
    "had_crashed",
    "happened",
    "host_failed",
    "just_booted",
    "lost_control",
    "recently_booted",
    "request",
    "request_by_user",
    "restarted_elsewhere",
    "revert",
    "revert_between_inactive",
    "seen",
    "seen_anew",
    "shows_a_template",
    "task",
    "there_is_room",
    "unknown",
    "went_on",
    "went_out_of_scope",
]

Find: TypeAlias = Callable[[Facts], Found | None]


def task(*operations: Operation) -> Find:
    """A task of one of these kinds explains the change."""

    def find(facts: Facts) -> Found | None:
        for operation in operations:
            if (info := facts.task(operation)) is not None:
                return Found(Cause.TASK, task=info, event=facts.part.event)
        return None

    return find


def event(
    *types: str,
    by: Initiator | None = None,
    member: tuple[str, str] | None = None,
    spends: bool = True,
) -> Find:
    """An event of one of these types is there; with ``member``, one with that value."""

    def find(facts: Facts) -> Found | None:
        entry = facts.find(*types)
        if entry is None or (member and entry.members.get(member[0]) != member[1]):
            return None
        message = _MESSAGES[entry.type](entry) if entry.type in _MESSAGES else None
        return Found(Cause.EVENT, event=entry, initiator=by, message=message, spends_event=spends)

    return find


def happened(kind: str, *, by: Initiator | None = None) -> Find:
    """The change itself is recorded in the history, by an event of this type or one like it."""

    def find(facts: Facts) -> Found | None:
        entry = facts.part.event
        if entry is None or (by is not None and entry.type != kind):
            return None
        # Where nobody is named, a task may be about to say that a schedule or the host did it.
        is_anonymous = not entry.user and entry.type == kind
        return Found(Cause.EVENT, event=entry, initiator=by, is_early=is_anonymous)

    return find


def by_user(kind: str) -> Find:
    """The history records the change with the name of a user."""

    def find(facts: Facts) -> Found | None:
        entry = facts.part.event
        if entry is None or entry.type != kind or not entry.user:
            return None
        return Found(Cause.EVENT, event=entry)

    return find


def by_guest(kind: str) -> Find:
    """The history records an orderly end without a user: nobody asked for it but the guest."""

    def find(facts: Facts) -> Found | None:
        entry, after = facts.part.event, facts.after
        if entry is None or entry.type != kind or entry.user:
            return None
        if after is None or not after.clean_power_off:
            return None  # it may as well have crashed
        return Found(Cause.EVENT, event=entry, initiator=Initiator.GUEST)

    return find


def request(*types: str) -> Find:
    """Somebody had asked the guest for it."""

    def find(facts: Facts) -> Found | None:
        if (asked := facts.find(*types)) is None:
            return None
        entry = facts.part.event
        # The user whom the record of a power-off names may be the one who lost patience.
        is_by_user = entry is not None and entry.type == "VmPoweredOffEvent" and bool(entry.user)
        return Found(Cause.REQUEST, event=entry, request=asked, is_early=is_by_user)

    return find


def request_by_user(*types: str) -> Find:
    """A user had asked the guest for it; what a host asks its guests for names nobody."""
    asked_for = request(*types)

    def find(facts: Facts) -> Found | None:
        found = asked_for(facts)
        return found if found and found.request and found.request.user else None

    return find


def both(first: Find, second: Find) -> Find:
    """Both are there; the first one is told."""

    def find(facts: Facts) -> Found | None:
        return first(facts) if second(facts) is not None else None

    return find


def either(first: Find, second: Find) -> Find:
    """One of both is there."""

    def find(facts: Facts) -> Found | None:
        return first(facts) or second(facts)

    return find


def by_automatic_stop(facts: Facts) -> Found | None:
    """A task of the host itself did it, on its way down."""
    info = facts.task(Operation.AUTO_POWER_OFF)
    if info is None:
        return None
    # What the guest was asked for is recorded before the stop, and the task knows nothing of it.
    record = facts.part.event
    return Found(
        Cause.TASK, task=info, event=record, initiator=Initiator.HOST, is_early=record is None
    )


def by_host_shutdown(facts: Facts) -> Found | None:
    """The history has the shutdown of its host. The stop is an orderly one that no user wanted."""
    record = facts.part.event
    entry = facts.host_event(_host_before(facts), ("HostShutdownEvent",))
    if entry is None or facts.has(Operation.POWER_OFF) or _was_before_arrival(facts, entry):
        return None
    has_crashed = facts.after is not None and facts.after.clean_power_off is False
    if has_crashed or (record is not None and record.user):
        return None
    return Found(
        Cause.EVENT,
        event=entry,
        initiator=Initiator.HOST,
        is_early=record is None,
        spends_event=False,
    )


def host_failed(facts: Facts) -> Found | None:
    """Its host failed: vSphere HA said so, or started it again, or it runs on another one now."""
    before, after = facts.before, facts.after
    if before is None or after is None:
        return None
    is_unseen = facts.part.is_unseen
    is_out_of_sight = after.is_lost or before.connection_state not in (None, "connected")
    entry = facts.host_event(before.host, HOST_FAILURES)
    if entry is not None and _was_before_arrival(facts, entry):
        entry = None
    if entry is not None and (is_unseen or is_out_of_sight):
        return Found(Cause.EVENT, event=entry, spends_event=False, blames_host=True)
    entry = facts.find(*HA_RESTARTS)
    if entry is not None and is_unseen:
        return Found(Cause.EVENT, event=entry, spends_event=False, blames_host=True)
    if is_unseen and not facts.is_host_connected:
        return Found(Cause.BOOT_TIME, is_weak=True, blames_host=True)
    return None


def restarted_elsewhere(facts: Facts) -> Found | None:
    """It was booted on another host while the one that it ran on is lost: HA does that."""
    before, after = facts.before, facts.after
    if before is None or after is None or before.host == after.host:
        return None
    is_lost_unseen = facts.part.is_unseen and not facts.is_host_connected
    is_lost_and_anew = before.is_lost and differ(before.boot_time, after.boot_time)
    if not (is_lost_unseen or is_lost_and_anew):
        return None
    return Found(Cause.BOOT_TIME, initiator=Initiator.HA, is_weak=True)


def clean_power_off_is_false(facts: Facts) -> Found | None:
    """The host did not see an orderly end: ``runtime.cleanPowerOff`` is false."""
    after = facts.after
    if after is None or after.clean_power_off is not False:
        return None
    error = facts.find("VmMessageErrorEvent")
    message = error.members.get("message") or error.message if error else None
    entry = facts.part.event
    return Found(Cause.CLEAN_POWER_OFF, event=entry, message=message, is_weak=entry is None)


def guest_state_was(state: str) -> Find:
    """The guest's own system was seen in this state just before."""

    def find(facts: Facts) -> Found | None:
        before = facts.before
        if before is None or before.guest_state != state:
            return None
        return Found(
            Cause.GUEST_STATE,
            event=facts.part.event,
            initiator=Initiator.GUEST,
            is_weak=facts.part.event is None,
        )

    return find


def guest_shows(facts: Facts) -> Found | None:
    """The properties of the guest show it, and nothing else does."""
    return Found(Cause.GUEST_STATE)


def guest_reboots(facts: Facts) -> Found | None:
    """The properties of the guest show it, and nobody has asked for it."""
    return Found(Cause.GUEST_STATE, initiator=Initiator.GUEST, is_weak=True)


def guest_panics(facts: Facts) -> Found | None:
    """The properties of the guest show that its system crashed."""
    return Found(Cause.GUEST_STATE, is_weak=True)


def guest_does(facts: Facts) -> Found | None:
    """The guest's system does so by itself: nobody has asked for it."""
    return Found(Cause.STATE, initiator=Initiator.GUEST, is_weak=True)


def had_crashed(facts: Facts) -> Found | None:
    """The guest's system had crashed before."""
    before = facts.before
    return Found(Cause.GUEST_STATE) if before is not None and before.has_crashed else None


def just_booted(facts: Facts) -> Found | None:
    """It was booted a moment ago, so that what comes up in the guest belongs to that."""
    boot_time = _boot_time(facts)
    if boot_time is None or facts.looked_at - boot_time > _BOOT:
        return None
    return Found(Cause.GUEST_STATE)


_BOOT = timedelta(minutes=5)
"""How long a guest may take until its tools run: our choice, generous for a slow one."""


def revert(before: str, after: str) -> Find:
    """It was put back to a snapshot, from one power state to the other."""
    states = {
        "on": PowerState.POWERED_ON,
        "off": PowerState.POWERED_OFF,
        "suspended": PowerState.SUSPENDED,
    }

    def find(facts: Facts) -> Found | None:
        was, is_now = facts.before, facts.after
        if was is None or is_now is None:
            return None
        if (was.power, is_now.power) != (states[before], states[after]):
            return None
        return revert_between_inactive(facts)

    return find


def revert_between_inactive(facts: Facts) -> Found | None:
    """It was put back to a snapshot, whatever its power states."""
    info = facts.task(Operation.REVERT)
    entry = facts.part.event
    return Found(Cause.EVENT if entry else Cause.TASK, task=info, event=entry)


def recently_booted(facts: Facts) -> Found | None:
    """It was booted after the host was last looked at."""
    boot_time = _boot_time(facts)
    if boot_time is None or boot_time < facts.looked_at:
        return None
    return Found(Cause.BOOT_TIME)


def booted_anew(facts: Facts) -> Found | None:
    """Its time of boot is another one, which only a power-on sets."""
    if _boot_time(facts) is None or not facts.part.is_unseen:
        return None
    return Found(Cause.BOOT_TIME, is_weak=True)


def came_on(facts: Facts) -> Found | None:
    """It was on before it was known, and nobody powered it on here."""
    if facts.in_gap:
        return None
    return Found(Cause.STATE, message=f"it was on when it entered {_SCOPE}", is_weak=True)


def host_replaced(facts: Facts) -> Found | None:
    """Another host answers in the place of the one that had the domain."""
    if not facts.is_another_host:
        return None
    return Found(Cause.HOST_REPLACED)


def came_from_elsewhere(facts: Facts) -> Found | None:
    """Another connection has it, or had it a moment ago."""
    return Found(Cause.STATE) if facts.elsewhere is not None else None


def went_on(facts: Facts) -> Found | None:
    """It was on when it went. VI refuses to unregister or destroy what is on."""
    if facts.elsewhere is not None:
        return Found(Cause.STATE, message=f"it went to {facts.elsewhere}")
    if facts.in_gap or facts.has(Operation.DESTROY):
        return None
    if (removed := facts.find("VmRemovedEvent")) is not None:
        return Found(Cause.EVENT, event=removed, spends_event=False)
    if (left := went_out_of_scope(facts)) is not None:
        return left
    return Found(Cause.STATE, message=f"it was on when it left {_SCOPE}", is_weak=True)


def went_out_of_scope(facts: Facts) -> Found | None:
    """It is not there any more, and nothing says that it was removed."""
    before = facts.before
    if (
        facts.part.other is not None
        and before is not None
        and before.power is PowerState.POWERED_OFF
    ):
        return None  # it is still there, under another UUID
    host = facts.host_event(before.host if before else None, ("HostRemovedEvent",))
    if host is not None:
        return Found(
            Cause.OUT_OF_SCOPE, event=host, message="its host was removed", spends_event=False
        )
    if facts.in_gap or not facts.follows_history:
        return None
    return Found(Cause.OUT_OF_SCOPE, is_weak=True)


_SCOPE = "what the connection follows"


def seen(facts: Facts) -> Found | None:
    """The change itself admits only one reading, but who did it may still be told."""
    return Found(Cause.STATE, is_weak=True)


def seen_anew(facts: Facts) -> Found | None:
    """The change itself admits only one reading, and nothing else tells of it."""
    return Found(Cause.STATE)


def lost_control(facts: Facts) -> Found | None:
    """The server has lost sight of it, for the reason that its state and that of its host tell."""
    state = facts.after.connection_state if facts.after else None
    message = state
    if state == "disconnected" and facts.host_state == "notResponding":
        message = "disconnected; its host does not respond"
    elif state == "disconnected" and facts.host_state == "disconnected":
        message = "disconnected, as its host is"
    entry = facts.host_event(_host_before(facts), ("HostRemovedEvent",))
    if entry is None:
        return Found(Cause.STATE, message=message)
    return Found(Cause.EVENT, event=entry, message=message, spends_event=False)


def there_is_room(facts: Facts) -> Found | None:
    """It waits for room on its datastore no more."""
    return Found(Cause.STATE, message="there is room again")


def shows_a_template(facts: Facts) -> Found | None:
    """It is a template now, or was one before."""
    is_template = facts.after is not None and facts.after.is_template
    return Found(Cause.STATE, message=_TEMPLATE if is_template else _NO_TEMPLATE, is_weak=True)


_TEMPLATE = "it became a template"
_NO_TEMPLATE = "it is no template any more"


def unknown(facts: Facts) -> Found | None:
    """Nothing explains the change."""
    return Found(Cause.UNKNOWN, event=facts.part.event, is_weak=facts.part.event is None)


def _boot_time(facts: Facts) -> datetime | None:
    return facts.after.boot_time if facts.after else None


def _was_before_arrival(facts: Facts, entry: HistoryEvent) -> bool:
    """Whether the domain was booted or came there after that, so that it did not stop by it."""
    booted_at = facts.before.boot_time if facts.before else None
    return any(at is not None and entry.created_time < at for at in (booted_at, facts.arrived_at))


def _host_before(facts: Facts) -> str | None:
    return facts.before.host if facts.before else None


def _source(member: str) -> Callable[[HistoryEvent], str | None]:
    def message(entry: HistoryEvent) -> str | None:
        source = entry.members.get(member)
        return f"a copy of {source}" if source else None

    return message


_MESSAGES: dict[str, Callable[[HistoryEvent], str | None]] = {
    "VmClonedEvent": _source("sourceVm"),
    "VmDeployedEvent": _source("srcTemplate"),
    "com.vmware.vc.vm.VmConvertedToTemplateEvent": lambda _: _TEMPLATE,
    "com.vmware.vc.vm.TemplateConvertedToVmEvent": lambda _: _NO_TEMPLATE,
}
