"""What the rows of the lifecycle table may look at, and what they can find there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from eventd.model.evidence import Cause, Initiator
from eventd.model.picture import DomainPicture
from eventd.tracking.changes import Change, Part
from eventd.tracking.operations import Operation
from eventd.vi.types import HistoryEvent, TaskInfo

__all__ = ["Facts", "Found"]


class Found(NamedTuple):
    """The evidence that a row asked for, as it was found."""

    cause: Cause
    task: TaskInfo | None = None
    event: HistoryEvent | None = None
    request: HistoryEvent | None = None
    initiator: Initiator | None = None
    message: str | None = None
    is_weak: bool = False
    """True if a better cause may still come, so that it is worth waiting for."""
    is_early: bool = False
    """True if it is a cause, and an entry or a task that says more may be a moment late."""
    spends_event: bool = True
    """False if the event explains another change too, which is yet to be told."""
    blames_host: bool = False
    """True if the host that the domain was on is what it happened to."""

    @property
    def is_cause(self) -> bool:
        """Whether it says why something happened, and not merely that it did."""
        return self.cause not in (Cause.STATE, Cause.UNKNOWN, Cause.OUT_OF_SCOPE)

    @property
    def is_final(self) -> bool:
        """Whether it is a cause that no better one may follow."""
        is_out_of_scope = self.cause is Cause.OUT_OF_SCOPE and self.event is not None
        return (self.is_cause or is_out_of_scope) and not self.is_weak


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known when a change of one domain is judged."""

    part: Part
    history: Collection[HistoryEvent]
    """Events of the domain that have explained nothing yet, in order."""
    host_event: Callable[[str | None, Collection[str]], HistoryEvent | None]
    """Returns the newest event of these types about a host itself."""
    explain: Callable[[Operation, int | None], TaskInfo | None]
    """Returns the task of this kind on the domain that explains the change, and spends it; where
    the chain of events is known that the change belongs to, the task of that chain."""
    has: Callable[[Operation], bool]
    """Returns whether there is such a task, and spends nothing."""
    is_host_connected: bool
    """False if the host that the domain was on is known to be lost to the server."""
    host_state: str | None
    """``connectionState`` of that host, where it is known."""
    elsewhere: str | None
    """The host of another connection that has the same domain, or had it a moment ago."""
    arrived_at: datetime | None
    """When the domain was last seen to come on, or to that host, by the host's clock."""
    follows_history: bool
    """True if the host's event history is read, so that what is missing there did not happen."""
    in_gap: bool
    """True if the change happened while eventd was not looking."""
    is_another_host: bool
    """True if the host that is looked at is another one now."""
    looked_at: datetime
    """When the host was last looked at, by its own clock."""

    @property
    def change(self) -> Change:
        """What changed."""
        return self.part.change

    @property
    def before(self) -> DomainPicture | None:
        """The picture just before the change."""
        return self.part.step.before

    @property
    def after(self) -> DomainPicture | None:
        """The picture just after it."""
        return self.part.step.after

    def task(self, operation: Operation) -> TaskInfo | None:
        """Return the task of this kind that explains the change, and spend it."""
        return self.explain(operation, self.part.event.chain_id if self.part.event else None)

    def find(self, *types: str) -> HistoryEvent | None:
        """Return the domain's newest event of these types that has explained nothing yet."""
        found = (event for event in reversed(list(self.history)) if event.type in types)
        return next(found, None)
