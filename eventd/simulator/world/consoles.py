"""Consoles: tickets for them, and who is connected."""

from __future__ import annotations

from datetime import datetime

from eventd.simulator.world.happenings import By
from eventd.simulator.world.stage import Named, Reference, Stage

__all__ = ["Consoles"]


class Consoles(Stage):
    """Remote consoles of domains."""

    def acquire_ticket(
        self, name: Named, *, ticket: str = "webmks", user: str = "root", now: datetime
    ) -> None:
        """Give somebody a ticket for a domain's console."""
        self._acquire_ticket(self._at(name, now), ticket, user)

    def _acquire_ticket(self, domain: Reference, ticket: str, user: str) -> None:
        by = By("user", user)
        if ticket == "mks":
            self._post("VmAcquiredMksTicketEvent", self.now, domain, by=by)
        else:
            members = {"ticketType": ticket}
            self._post("VmAcquiredTicketEvent", self.now, domain, by=by, members=members)
        self._tell(domain, "graphics initialize", "event", by)

    def connect_console(self, name: Named, *, user: str = "root", now: datetime) -> None:
        """Somebody opens a domain's console."""
        domain = self._at(name, now)
        self._count_consoles(domain, +1)
        self._post("VmRemoteConsoleConnectedEvent", self.now, domain, by=By("user", user))
        self._tell(domain, "graphics connect", "event", By("user", user))

    def disconnect_console(self, name: Named, *, user: str = "root", now: datetime) -> None:
        """Somebody closes a domain's console."""
        domain = self._at(name, now)
        self._count_consoles(domain, -1)
        self._post("VmRemoteConsoleDisconnectedEvent", self.now, domain, by=By("user", user))
        self._tell(domain, "graphics disconnect", "event", By("user", user))

    def _count_consoles(self, domain: Reference, difference: int) -> None:
        count = self.objects.read(domain, "runtime.numMksConnections")
        held = count if isinstance(count, int) else 0
        self.objects.assign(domain, "runtime.numMksConnections", max(0, held + difference))

    def storm(self, count: int, *, user: str = "root", now: datetime) -> None:
        """Somebody asks for tickets in turn of all domains, all at once: so many events."""
        self.advance(now)
        names = self.domains.names
        for index in range(count):
            self._acquire_ticket(self.domain(names[index % len(names)]), "webmks", user)
