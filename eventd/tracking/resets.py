"""Resets: which changes belong to one, and which signs of a reboot are signs of the same.

ESX leaves a domain on while it is reset; govmomi's simulator turns it off and on. A reboot is not a
stop and a start, so a power-off whose task a reset has started is merged with the power-on that
follows, and held back until that is seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from eventd.model.picture import DomainPicture, PowerState
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


@dataclass(slots=True)
class _Reboot:
    began: datetime
    signs: set[str]
    over_at: datetime | None = None
    is_kept: bool = False
    """Whether it is known of a picture that was kept."""


class Reboots:
    """Which signs belong to one reboot.

    The guest's state, entries of the host's history and the task all show it, in any order and
    some time apart. Each shows it once: the same sign again is another reboot. The last reboot of
    a domain is kept in its picture, so that its other signs are known after a restart of eventd.
    """

    def __init__(self) -> None:
        self._open: dict[str, _Reboot] = {}
        self._over: dict[str, _Reboot] = {}
        """The last reboot that is over."""
        self._changed: set[str] = set()

    def restore(self, pictures: Iterable[DomainPicture]) -> None:
        """Know the reboots that are kept in these pictures, and no others."""
        self._open, self._over, self._changed = {}, {}, set()
        for picture in pictures:
            if picture.rebooted_at is not None:
                signs = set(picture.reboot_signs or ())
                until = picture.rebooted_until
                reboot = _Reboot(picture.rebooted_at, signs, until, is_kept=True)
                known = self._open if reboot.over_at is None else self._over
                known[picture.reference] = reboot

    def kept_in(self, picture: DomainPicture) -> DomainPicture:
        """Return the picture of a domain with its last reboot."""
        reboot = self._open.get(picture.reference) or self._over.get(picture.reference)
        if reboot is None:
            if picture.rebooted_at is None:
                return picture
            return picture._replace(rebooted_at=None, rebooted_until=None, reboot_signs=None)
        return picture._replace(
            rebooted_at=reboot.began,
            rebooted_until=reboot.over_at,
            reboot_signs=tuple(sorted(reboot.signs)),
        )

    def take_changed(self) -> set[str]:
        """Return the domains whose last reboot is another one, or has another sign; once."""
        changed, self._changed = self._changed, set()
        return changed

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
        self._changed.add(domain)
        if recorded_at is not None and self._belongs_to_last(domain, signs, recorded_at):
            return False
        reboot = self._open.get(domain)
        if reboot is None or reboot.signs & set(signs) or abs(at - reboot.began) > _ONE_REBOOT:
            self._open[domain] = _Reboot(at, set(signs))
            return True
        reboot.signs |= set(signs)
        return False

    def was_kept_since(self, domain: str, at: datetime) -> bool:
        """Whether a reboot is known of a picture that was kept, and began after that time.

        What was asked for by then belongs to that one, or to one that was told before.
        """
        reboot = self._open.get(domain) or self._over.get(domain)
        return reboot is not None and reboot.is_kept and at <= reboot.began

    def note(self, domain: str, sign: str) -> None:
        """Another sign was seen of the reboot that is under way, if one is."""
        if domain in self._open:
            self._open[domain].signs.add(sign)
            self._changed.add(domain)

    def _belongs_to_last(self, domain: str, signs: Collection[str], at: datetime) -> bool:
        reboot = self._over.get(domain)
        if reboot is None or reboot.over_at is None or reboot.signs & set(signs):
            return False
        is_near = reboot.over_at - at <= _ONE_REBOOT or abs(at - reboot.began) <= _ONE_REBOOT
        if at > reboot.over_at or not is_near:
            return False
        reboot.signs |= set(signs)
        return True

    def end(self, domain: str, at: datetime, *, is_missed: bool = False) -> None:
        """The guest runs again: what the host records from then on is another reboot.

        It may do so for long, if it ``is_missed`` when that began.
        """
        if (reboot := self._open.pop(domain, None)) is not None:
            reboot.over_at = min(at, reboot.began + _ONE_REBOOT) if is_missed else at
            self._over[domain] = reboot
            self._changed.add(domain)

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
