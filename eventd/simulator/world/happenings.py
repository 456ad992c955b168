"""What truly happened in a world, in libvirt's words: what a faithful observer has to tell.

The operations write it down themselves, from what they do. What happened, to which domain, when,
who did it and where: none of it is derived from properties, tasks or events, so that it can judge
those who derive it from them.

`Happening.cause` is another matter: which of several facts tells the reason is a convention. It
is the one that an observer can name who sees everything in time and holds to eventd's order: an
event that says more than the change itself, the task, the request, what the guest shows. A host
that tells less, or later, leaves an observer with another cause for the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

__all__ = ["By", "Happening", "Initiator"]

Initiator = Literal["user", "guest", "ha", "drs", "schedule", "alarm", "system", "host"]
"""Who or what makes something happen."""


class By(NamedTuple):
    """Who does something. ``name`` is that of the user, the scheduled task or the alarm."""

    initiator: Initiator
    name: str = ""

    @property
    def user(self) -> str:
        """The `userName` of the events of what is done; empty where no user asked for it."""
        return self.name if self.initiator == "user" else ""

    def __str__(self) -> str:
        return f"{self.initiator}:{self.name}" if self.name else self.initiator


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """One thing that happened to a domain.

    As text it reads ``web01 stopped destroyed task user:ops``, and where the domain went from one
    host to another ``web01 started migrated event drs from esx01.example to esx02.example``.
    """

    domain: str
    """Its name at that time."""
    uuid: str
    """Its BIOS UUID at that time."""
    at: datetime
    words: str
    """Type and detail of a lifecycle event, ``stopped destroyed``; else kind and particulars,
    ``reboot``, ``watchdog reset``."""
    cause: str
    """The kind of fact that tells the reason best: ``task``, ``event``, ``request``, …"""
    by: By | None = None
    source_host: str | None = None
    destination_host: str | None = None

    def __str__(self) -> str:
        parts = [self.domain, self.words, self.cause]
        if self.by is not None:
            parts.append(str(self.by))
        if self.source_host is not None:
            parts.append(f"from {self.source_host}")
        if self.destination_host is not None:
            parts.append(f"to {self.destination_host}")
        return " ".join(parts)
