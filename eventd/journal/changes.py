"""What changes of the last known picture, as it is written: the last word on each thing."""

from __future__ import annotations

from dataclasses import dataclass, field

from eventd.model.picture import DomainPicture, HostPicture, PictureChange
from eventd.model.subscriptions import Subscription

__all__ = ["Changes"]


@dataclass(slots=True)
class Changes:
    """New values by their keys; None for what is gone."""

    domains: dict[tuple[str, str], DomainPicture | None] = field(default_factory=dict)
    """By connection and reference."""
    hosts: dict[str, HostPicture] = field(default_factory=dict)
    """By connection."""
    subscriptions: dict[str, Subscription | None] = field(default_factory=dict)
    """By name."""

    @classmethod
    def of(cls, picture: PictureChange | None) -> Changes:
        """Return what one update set has changed."""
        if picture is None:
            return cls()
        connection, changed, removed, host = picture
        domains: dict[tuple[str, str], DomainPicture | None]
        domains = {(connection, reference): domain for reference, domain in changed.items()}
        for reference in removed:
            domains[connection, reference] = None
        return cls(domains, {} if host is None else {connection: host})

    def add(self, later: Changes) -> None:
        """Let later changes be the last word."""
        self.domains |= later.domains
        self.hosts |= later.hosts
        self.subscriptions |= later.subscriptions
