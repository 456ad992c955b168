"""What is known last: the picture of every domain and host, and who reads by name.

Kept in memory by every journal, beside what it writes: to be asked at any time, and to begin a new
file with, should the old one break.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from eventd.errors import NoSuchSubscription
from eventd.journal.changes import Changes
from eventd.model.picture import DomainPicture, HostPicture, PictureChange
from eventd.model.record import Cursor
from eventd.model.subscriptions import Subscription

__all__ = ["LastKnown"]


class LastKnown:
    """By connection: the domains, and the host; by name: the subscriptions."""

    def __init__(self) -> None:
        self.domains: defaultdict[str, dict[str, DomainPicture]] = defaultdict(dict)
        self.hosts: dict[str, HostPicture] = {}
        self.subscriptions: dict[str, Subscription] = {}

    def take_in(self, change: PictureChange) -> None:
        """Know what has changed."""
        domains = self.domains[change.connection]
        domains.update(change.changed)
        for reference in change.removed:
            domains.pop(reference, None)
        if change.host is not None:
            self.hosts[change.connection] = change.host

    def everything(self) -> Changes:
        """Return all of it, as it is written into a new file."""
        return Changes(
            {
                (connection, reference): picture
                for connection, domains in self.domains.items()
                for reference, picture in domains.items()
            },
            dict(self.hosts),
            dict(self.subscriptions),
        )

    def pictures(self, connection: str) -> Mapping[str, DomainPicture]:
        """Return the domains of a connection, by reference."""
        # A copy: the caller holds a moment, whatever is taken in while it goes through it.
        return MappingProxyType(dict(self.domains.get(connection, {})))

    def by_name(self) -> Sequence[Subscription]:
        """Return the subscriptions, by name."""
        return [subscription for _, subscription in sorted(self.subscriptions.items())]

    def acknowledged(self, name: str, cursor: Cursor, *, epochs: Collection[str]) -> Subscription:
        """Return a subscription as it is when it has dealt with everything up to a cursor.

        ``epochs`` are those of the journal: the sequences of all of them are of one order.

        Raises:
            NoSuchSubscription: there is none of this name.
        """
        known = self.subscription(name)
        before = known.acknowledged
        is_behind = before.epoch in epochs and cursor.sequence <= before.sequence
        return known if is_behind else known._replace(acknowledged=cursor)

    def subscription(self, name: str) -> Subscription:
        """Return the subscription of this name.

        Raises:
            NoSuchSubscription: there is none.
        """
        try:
            return self.subscriptions[name]
        except KeyError:
            known = ", ".join(sorted(self.subscriptions)) or "none at all"
            raise NoSuchSubscription(
                f"no durable subscription has the name {name[:80]!r}; there are {known}"
            ) from None
