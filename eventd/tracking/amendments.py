"""Entries of the history that come late: after what they record, or led to, has been told.

An entry that comes late records what was told already, and never another change. If it says more
than was known then, or another entry does, the published event is amended.
"""

from __future__ import annotations

from collections.abc import Sequence

from eventd.tracking.changes import Change
from eventd.tracking.event_types import CONCLUDED, RESTARTS
from eventd.tracking.history import host_of
from eventd.tracking.inquiry import Inquiry, Knowledge
from eventd.tracking.judgement import Judgement
from eventd.tracking.narration import Narrator
from eventd.tracking.resets import Reboots, sign_of
from eventd.tracking.told import Told, ToldParts
from eventd.vi.types import HistoryEvent

__all__ = ["Amendments"]


class Amendments:
    """Tells the causes that become known after what they led to."""

    def __init__(
        self,
        knowledge: Knowledge,
        inquiry: Inquiry,
        narrator: Narrator,
        *,
        told: ToldParts,
        reboots: Reboots,
    ) -> None:
        self._history = knowledge.history
        self._inquiry = inquiry
        self._narrator = narrator
        self._told = told
        self._reboots = reboots

    def take_late(self, entry: HistoryEvent, judgement: Judgement) -> bool:
        """Take an entry that records what was told; return False if it is not such a one."""
        told = self._told.recorded_by(entry)
        if told is None:
            return False
        self._reboots.note(told.part.step.reference, sign_of(entry))
        self._amend(told, entry, judgement)
        # A registration says of a domain that came and is on that it was booted, too.
        if entry.type not in CONCLUDED:
            for other in self._told.unexplained(told.part.step.reference):
                if other.seen_at == told.seen_at:
                    self._amend(other, None, judgement, also=[entry])
        return True

    def reconsider_host(self, entry: HistoryEvent, judgement: Judgement) -> None:
        """The removal of a host explains where its domains went."""
        for domain in self._told.domains():
            for told in self._told.unexplained(domain):
                before = told.part.step.before
                is_gone = told.part.change in (Change.LEFT, Change.LOST_ON)
                if is_gone and before is not None and before.host == host_of(entry):
                    self._amend(told, None, judgement)

    def reconsider(self, domain: str, judgement: Judgement) -> None:
        """The history of a domain has gone on, and may explain what was told of it."""
        for told in self._told.unexplained(domain):
            self._amend(told, None, judgement)

    def _amend(
        self,
        told: Told,
        record: HistoryEvent | None,
        judgement: Judgement,
        *,
        also: Sequence[HistoryEvent] = (),
    ) -> None:
        """Tell the cause of what was told without one, if it is known now."""
        if told.is_explained or told.record is None:
            return
        part = told.part._replace(event=record or told.part.event)
        history = self._history.of_domain(part.step.reference)
        causes = [entry for entry in history if _may_have_led_to(entry, told)]
        causes += [record] if record else also
        verdict = self._inquiry.decide_late(part, causes, judgement.moment, seen_at=told.seen_at)
        if verdict is None:
            return
        told.is_explained = True
        if verdict.found.spends_event:
            self._history.spend([e for e in (verdict.found.event, verdict.found.request) if e])
        judgement.tell(
            self._narrator.tell_amendment(
                verdict, record=told.record, published=told.words, now=judgement.moment.now
            )
        )


def _may_have_led_to(entry: HistoryEvent, told: Told) -> bool:
    """Whether an entry that comes late can be the cause of a change that was told.

    That vSphere HA has started a domain again, it says when it is done.
    """
    return told.is_as_old_as(entry) or entry.type in RESTARTS
