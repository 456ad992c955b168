"""What a test lets go wrong between a host's answer and its client."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = ["FaultInjection", "Mishap", "Planned"]


class Mishap(Enum):
    """What happens to an answer."""

    DROP = "the connection is closed without an answer"
    CUT = "the connection is closed in the middle of the answer"
    TRUNCATE = "the document ends in the middle, with a length that says so"
    GARBLE = "the body is no XML"
    INFLATE = "the body is padded with so many bytes of white space"
    DELAY = "the answer comes so many seconds later"
    EXPIRE = "all sessions end before the call, which is then an anonymous one"
    STATUS = "the answer is nothing but this HTTP status"


class Planned(NamedTuple):
    """A mishap that will happen to the next call of a method, or of any."""

    mishap: Mishap
    method: str | None
    amount: float


class FaultInjection:
    """Plans mishaps; each happens once, to the first call that it fits.

    Each method takes the name of the VI method whose next call is meant; None means any call.
    """

    def __init__(self) -> None:
        self._planned: list[Planned] = []

    def drop(self, method: str | None = None) -> None:
        """Close the connection instead of answering; the call has had its effect."""
        self._plan(Mishap.DROP, method)

    def cut(self, method: str | None = None) -> None:
        """Close the connection in the middle of the answer."""
        self._plan(Mishap.CUT, method)

    def truncate(self, method: str | None = None) -> None:
        """Answer with the first half of the document, as if it were all."""
        self._plan(Mishap.TRUNCATE, method)

    def garble(self, method: str | None = None) -> None:
        """Answer with something that is no XML."""
        self._plan(Mishap.GARBLE, method)

    def inflate(self, size: int, method: str | None = None) -> None:
        """Answer with so many bytes more."""
        self._plan(Mishap.INFLATE, method, size)

    def delay(self, seconds: float, method: str | None = None) -> None:
        """Answer so much later."""
        self._plan(Mishap.DELAY, method, seconds)

    def expire(self, method: str | None = None) -> None:
        """End all sessions just before the call."""
        self._plan(Mishap.EXPIRE, method)

    def status(self, status: int = 503, method: str | None = None) -> None:
        """Answer with an HTTP status and without a document; the call has no effect."""
        self._plan(Mishap.STATUS, method, status)

    def take(self, method: str) -> Planned | None:
        """The mishap that is to happen to a call of a method now."""
        for planned in self._planned:
            if planned.method in (None, method):
                self._planned.remove(planned)
                return planned
        return None

    def _plan(self, mishap: Mishap, method: str | None, amount: float = 0) -> None:
        self._planned.append(Planned(mishap, method, amount))
