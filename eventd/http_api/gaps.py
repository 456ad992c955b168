"""What a stream says where the journal no longer has what its reader needs next."""

from __future__ import annotations

from datetime import datetime

from eventd.errors import CursorExpired
from eventd.http_api.queries import OnGap
from eventd.journal.journal import Journal
from eventd.model.control import Gap, GapReason
from eventd.model.record import Cursor

__all__ = ["gap", "gap_of_time"]

_WHY = {
    GapReason.EXPIRED: "the journal no longer has all that follows the cursor {after}",
    GapReason.OTHER_JOURNAL: "the cursor {after} is none of those that the journal knows: it is of "
    "an earlier journal, or of another one",
    GapReason.FELL_BEHIND: "the journal no longer has what follows {after}: the subscriber read "
    "too slowly, or the journal was replaced",
}

_THEN = {
    OnGap.ERROR: "read the present state and go on from there",
    OnGap.EVENT: "the stream goes on with what is still held; read the present state too",
}

_THEN_OF_TIME = {
    OnGap.ERROR: "ask with on_gap=event for what is still held, or read the present state",
    OnGap.EVENT: _THEN[OnGap.EVENT],
}


def gap(journal: Journal, after: Cursor, *, has_begun: bool, on_gap: OnGap) -> Gap:
    """Describe the gap behind a cursor that the journal cannot be read after.

    ``has_begun`` is true if the stream has read from this journal before.
    """
    oldest = journal.oldest
    lost = max(0, oldest.sequence - after.sequence) if journal.gave_out(after) else None
    if has_begun:
        reason = GapReason.FELL_BEHIND
    else:
        reason = GapReason.OTHER_JOURNAL if lost is None else GapReason.EXPIRED
    counted = f"; {lost} {'record is' if lost == 1 else 'records are'} lost" if lost else ""
    return Gap(
        reason=reason,
        after=str(after),
        oldest=str(oldest),
        newest=str(journal.newest),
        lost=lost,
        message=f"{_WHY[reason].format(after=after)}{counted}; {_THEN[on_gap]}",
    )


def gap_of_time(journal: Journal, since: datetime, *, on_gap: OnGap) -> Gap | None:
    """Describe what is forgotten of the time from ``since`` on; return None if nothing is.

    Raises:
        JournalUnusable: the journal cannot be read now.
    """
    if not journal.forgot_since(since):
        return None
    try:
        kept = journal.read(journal.oldest, limit=1)
    except CursorExpired:
        kept = []  # the file broke just now
    oldest = journal.oldest
    begins = f"begins at {_text(kept[0].recorded_at)}" if kept else "is empty now"
    return Gap(
        reason=GapReason.FORGOTTEN,
        after=str(oldest),
        oldest=str(oldest),
        newest=str(journal.newest),
        message=f"the journal {begins}; it has forgotten records of the time since {_text(since)}; "
        f"{_THEN_OF_TIME[on_gap]}",
    )


def _text(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
