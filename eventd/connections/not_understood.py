"""What a host tells and nobody can understand: counted, logged, and told within bounds.

It never stops what follows: all the rest of an answer is taken in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from eventd import metrics
from eventd.connections.timer import Timer
from eventd.model.events import ConnectionUnparsed
from eventd.tracking.properties import not_understood
from eventd.vi.structures import outline, without_secrets
from eventd.vi.types import Unparsed, UpdateSet

__all__ = ["NotUnderstood"]

_log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 60.0
"""The same of the same place is told once in that time; our choice."""

_MOST = 20
"""So many different ones are told in that time: what they are called comes from the host."""


_LONGEST_NAME = 200
"""Characters of a type that are kept; those of VI are far shorter."""


@dataclass(slots=True)
class _Told:
    at: float
    """In the seconds of the timer."""
    came_again: int = 0


class NotUnderstood:
    """Keeps what is to be told of one connection's host, until it is taken."""

    def __init__(
        self, connection: str, *, source: str, timer: Timer, clock: Callable[[], datetime]
    ) -> None:
        self._connection = connection
        self._source = source
        self._timer = timer
        self._clock = clock
        self._told: dict[tuple[str, str], _Told] = {}
        """What was told last, by its type and place, in the order of telling."""
        self._left_out = 0
        """How many others came when so many had been told."""
        self._events: list[ConnectionUnparsed] = []

    def note_in(self, update_set: UpdateSet) -> None:
        """Note what of an update set cannot be understood."""
        for odd in update_set.unparsed:
            self.note(odd, place="an update set")
        for part in update_set.filters:
            for update in part.objects:
                for path, odd in not_understood(update):
                    self.note(odd, place=f"{path} of {update.obj.type}")

    def note(self, odd: Unparsed, *, place: str) -> None:
        """Note something, and where it was found."""
        metrics.unparsed.labels(self._connection).inc()
        what = odd.type[:_LONGEST_NAME], place
        now = self._timer.instant()
        recent = [what for what, told in self._told.items() if now - told.at < _AGAIN_SECONDS]
        if what in recent:
            self._told[what].came_again += 1
        elif len(recent) >= _MOST:
            self._left_out += 1
        else:
            before = self._told.pop(what, None)
            self._told[what] = _Told(now)
            while len(self._told) > _MOST:
                del self._told[next(iter(self._told))]
            self._tell(odd, *what, came_again=before.came_again if before else 0)

    def _tell(self, odd: Unparsed, element: str, place: str, *, came_again: int) -> None:
        left_out, self._left_out = self._left_out, 0
        _log.warning(
            "not_understood",
            connection=self._connection,
            type=element,
            place=place,
            parts=outline(odd),
            **({"came_again_before": came_again} if came_again else {}),
            **({"others_left_out": left_out} if left_out else {}),
        )
        self._events.append(
            ConnectionUnparsed(
                occurred_at=self._clock(),
                source=self._source,
                connection=self._connection,
                message=f"found in {place}",
                element=element,
                raw=without_secrets(odd.xml).decode("utf-8", "replace"),
                size=odd.size,
            )
        )

    def take(self) -> list[ConnectionUnparsed]:
        """Return what is to be told, once."""
        events, self._events = self._events, []
        return events

    def give_back(self, events: list[ConnectionUnparsed]) -> None:
        """These could not be published: they are to be told with what comes next."""
        self._events = events + self._events
