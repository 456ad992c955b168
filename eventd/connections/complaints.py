"""Warnings about a host that has the same to be warned of again and again."""

from __future__ import annotations

import structlog

__all__ = ["Complaints"]

_log = structlog.get_logger(__name__)

_MOST = 100
"""Different warnings of one session; what they are about comes from the host."""


class Complaints:
    """What was warned of in one session: the first time as a warning, then for debugging only."""

    def __init__(self, connection: str) -> None:
        self._connection = connection
        self._made: set[tuple[str, str]] = set()

    def complain(self, event: str, about: str, **fields: object) -> None:
        """Log an event with its fields; it is the same as another one if it is about the same."""
        is_news = (event, about) not in self._made and len(self._made) < _MOST
        if is_news:
            self._made.add((event, about))
        log = _log.warning if is_news else _log.debug
        log(event, connection=self._connection, **fields)

    def refused(self, event: str, error: str) -> None:
        """Log that something was not to be had, and why."""
        self.complain(event, error, error=error)
