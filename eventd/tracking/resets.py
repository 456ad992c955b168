"""Resets: which changes belong to one, and which signs of a reboot are signs of the same.

ESX leaves a domain on while it is reset; govmomi's simulator turns it off and on. A reboot is not a
stop and a start, so a power-off whose task a reset has started is merged with the power-on that
follows, and held back until that is seen.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from eventd.model.picture import PowerState
from eventd.tracking.event_types import MONITORING_RESETS
from eventd.tracking.inventory import Step
from eventd.tracking.lifecycle import Verdict
from eventd.tracking.operations import Operation
from eventd.tracking.tasks import Tasks
from eventd.vi.types import HistoryEvent

__all__ = ["TASK", "Reboots", "ResetFolding", "sign_of", "signs_of"]

TASK = "task"
"""The sign of a reboot that a task is."""


class ResetFolding:
    """Merges what belongs to a reset. Feed it steps in order, and judge each that comes out.

    It looks at the tasks that are not spent yet, so a step is judged before the next is fed.
    """

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._open: dict[str, Step] = {}

    @property
    def held(self) -> list[Step]:
        """Steps of which a reset may bring the other half: to be looked at again."""
        return list(self._open.values())

    def feed(self, step: Step) -> Step | None:
        """Return the step to judge, or None while it may be half of a reset."""
        reference = step.reference
        if reference in self._open:
            step = Step(self._open.pop(reference).before, step.after)
        elif not (_turns_off(step) and self._tasks.is_resetting(reference)):
            return step
        if _turns_off(step):
            self._open[reference] = step
            return None
        return self._as_reset(step)

    def _as_reset(self, step: Step) -> Step:
        """Return the step as if the domain had been on all the time; its tasks are used up."""
        for operation in (Operation.POWER_OFF, Operation.POWER_ON):
            self._tasks.explain(step.reference, operation)
        if step.before is None or step.after is None:
            return step  # it went away in the middle
        before = step.before._replace(boot_time=step.after.boot_time)
        return Step(before, step.after, is_reset=step.after.power_state is PowerState.POWERED_ON)


def _turns_off(step: Step) -> bool:
    return (
        step.before is not None
        and step.after is not None
        and step.before.power_state is PowerState.POWERED_ON
        and step.after.power_state is PowerState.POWERED_OFF
    )


_ONE_REBOOT = timedelta(minutes=5)
"""How long the signs of one reboot may take; our choice, generous for a guest that shuts down."""


class Reboots:
    """Which signs belong to one reboot.

    The guest's state, entries of the host's history and the task all show it, in any order and
    some time apart. Each shows it once: the same sign again is another reboot.
    """

    def __init__(self) -> None:
        self._open: dict[str, tuple[datetime, set[str]]] = {}
        self._over: dict[str, tuple[datetime, set[str]]] = {}
        """When the last reboot was over, and its signs."""

    def is_new(
        self,
        domain: str,
        signs: Collection[str],
        at: datetime,
        *,
        recorded_at: datetime | None = None,
    ) -> bool:
        """Note signs of a reboot, seen together; return whether it is one not known of yet.

        ``recorded_at`` is when the host recorded it, which may be long before that was seen.
        """
        if recorded_at is not None and self._belongs_to_last(domain, signs, recorded_at):
            return False
        began, known = self._open.get(domain, (at, set()))
        if not known or known & set(signs) or at - began > _ONE_REBOOT:
            self._open[domain] = (at, set(signs))
            return True
        known |= set(signs)
        return False

    def note(self, domain: str, sign: str) -> None:
        """Another sign was seen of the reboot that is under way, if one is."""
        if domain in self._open:
            self._open[domain][1].add(sign)

    def _belongs_to_last(self, domain: str, signs: Collection[str], at: datetime) -> bool:
        over_at, known = self._over.get(domain, (at, set()))
        if not known or known & set(signs) or at > over_at or over_at - at > _ONE_REBOOT:
            return False
        known |= set(signs)
        return True

    def end(self, domain: str, at: datetime) -> None:
        """The guest runs again: what the host records from then on is another reboot."""
        if domain in self._open:
            self._over[domain] = (at, self._open.pop(domain)[1])

    def forget(self, domain: str) -> None:
        """The domain is gone."""
        self._open.pop(domain, None)
        self._over.pop(domain, None)


def signs_of(verdict: Verdict) -> set[str]:
    """Return the signs that show a reboot in this verdict."""
    part, found = verdict.part, verdict.found
    entries = (part.event, found.event, found.request)
    signs = {sign_of(entry) for entry in entries if entry is not None}
    if found.task is not None:
        signs.add(TASK)
    if part.event is None:
        signs.add("off and on" if part.step.is_reset else _guest_sign(part.step))
    return signs


def sign_of(entry: HistoryEvent) -> str:
    """Return the sign of a reboot that an entry of the history is."""
    return "monitoring" if entry.type in MONITORING_RESETS else entry.type


def _guest_sign(step: Step) -> str:
    is_going_down = step.after is not None and step.after.guest_state == "resetting"
    return "guest goes down" if is_going_down else "guest has recovered"
