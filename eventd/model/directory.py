"""What the daemon knows now, as its edges may ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from eventd.errors import AmbiguousDomain, NoSuchDomain
from eventd.model.domain import ConnectionStatus, DomainStatus

__all__ = ["Directory", "find_domain"]


class Directory(Protocol):
    """The present state of all connections. Answers at once, from memory."""

    def domains(self) -> Sequence[DomainStatus]:
        """Return every known domain, by connection in configured order, then by name."""
        ...

    def connections(self) -> Sequence[ConnectionStatus]:
        """Return every connection in configured order."""
        ...


def find_domain(
    domains: Iterable[DomainStatus], text: str, *, connection: str | None = None
) -> DomainStatus:
    """Return the only domain that has this UUID, or else this name.

    ``connection`` is the name of the only connection to look in.

    Raises:
        NoSuchDomain: there is none.
        AmbiguousDomain: there are several; the message lists them.
    """
    known = [each for each in domains if connection in (None, each.domain.connection)]
    uuid = text.lower()
    matches = [each for each in known if each.domain.uuid == uuid] or [
        each for each in known if each.domain.name == text
    ]
    if len(matches) == 1:
        return matches[0]
    where = "" if connection is None else f" on the connection {connection[:80]!r}"
    if not matches:
        raise NoSuchDomain(
            f"no domain{where} has the UUID or the name {text[:80]!r}",
            hint="'eventd domains' lists the domains",
        )
    listed = ", ".join(
        f"{domain.name} ({domain.uuid}, {domain.reference} on {domain.connection})"
        for domain in (each.domain for each in matches)
    )
    raise AmbiguousDomain(
        f"several domains{where} have the UUID or the name {text[:80]!r}: {listed}",
        hint="name the UUID of the one that is meant, or its connection too (--connection NAME)",
    )
