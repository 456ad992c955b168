"""What the daemon knows now, as its edges may ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from eventd.model.domain import ConnectionStatus, DomainStatus

__all__ = ["Directory"]


class Directory(Protocol):
    """The present state of all connections. Answers at once, from memory."""

    def domains(self) -> Sequence[DomainStatus]:
        """Return every known domain, by connection in configured order, then by name."""
        ...

    def connections(self) -> Sequence[ConnectionStatus]:
        """Return every connection in configured order."""
        ...
