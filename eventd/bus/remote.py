"""The callbacks of one client of a socket: called as events come, or from the journal.

A client that does not keep up is told from the journal until it has caught up, so that its slowness
costs a bounded amount of memory and loses nothing. How a call is written, and whether more waits
for the client than may, is for the socket to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from eventd.bus.registry import Owner, Registry, report_failure
from eventd.journal.journal import Journal
from eventd.journal.pages import Pages
from eventd.model.ids import EventId, EventKind
from eventd.model.record import Cursor, EventRecord

__all__ = ["RemoteCallbacks"]


class RemoteCallbacks:
    """Registers for one client, and sees to it that each registration gets each record once.

    ``call`` writes the call of a callback id, or lets it wait for the end of the loop turn.
    ``is_full`` says whether more waits for the client than may. ``drain`` sees to it that all is
    written, and returns when less waits; it raises `ConnectionError` when the client has gone.
    """

    def __init__(
        self,
        owner: Owner,
        *,
        registry: Registry,
        journal: Journal,
        call: Callable[[int, EventRecord], None],
        is_full: Callable[[], bool],
        drain: Callable[[], Awaitable[None]],
    ) -> None:
        self.owner = owner
        self._registry = registry
        self._journal = journal
        self._pages = Pages(journal)
        self._call = call
        self._is_full = is_full
        self._drain = drain
        self._position = journal.newest
        """Up to here everything has been told; it stands still while calls are live."""
        self._told = -1
        """Of the record that follows the position: the callbacks up to this id have been told."""
        self._left_behind = asyncio.Event()
        """Set while the journal is read, instead of the registry's calls being heard."""

    @property
    def position(self) -> Cursor:
        """While the client is left behind: the cursor up to which it has been told everything."""
        return self._position

    def has_missed(self, oldest: Cursor) -> bool:
        """Whether the journal, that begins behind ``oldest``, lacks what the client needs next."""
        return self._left_behind.is_set() and self._position.sequence < oldest.sequence

    # -- registering

    def register(self, event: EventId | EventKind | int, *, domain: str | None = None) -> int:
        """Register the client for one kind of event; see `Registry.register`."""

        def deliver(record: EventRecord, _: object) -> None:
            # It is called in a later loop turn, so that its own id is known by then.
            self._deliver(callback_id, record)

        callback_id = self._registry.register(
            event,
            deliver,
            domain=domain,
            owner=self.owner,
            after=self._journal.newest.sequence,
        )
        return callback_id

    def deregister(self, callback_id: int) -> None:
        """Take a registration back; see `Registry.deregister`."""
        self._registry.deregister(callback_id, owner=self.owner)

    def purge(self) -> None:
        """Take all of them back."""
        self._registry.purge_owner(self.owner)

    # -- live

    def _deliver(self, callback_id: int, record: EventRecord) -> None:
        if not self._left_behind.is_set() and record.sequence > self._position.sequence:
            self._call(callback_id, record)
            if self._is_full():
                self._position = Cursor(record.cursor.epoch, record.sequence - 1)
                self._told = callback_id
                self._left_behind.set()

    # -- from the journal

    async def run(self) -> None:
        """Catch up whenever the client is left behind, until this is cancelled.

        Raises:
            CursorExpired: the journal no longer has what the client needs next.
            JournalUnusable: the journal cannot be read now.
            ConnectionError: the client has gone.
        """
        while True:
            await self._left_behind.wait()
            await self._catch_up()
            # In the turn in which nothing more was found: what comes now is delivered.
            self._left_behind.clear()

    async def _catch_up(self) -> None:
        await self._drain()
        while records := self._pages.after(self._position):
            for record in records:
                await self._tell(record)
                self._position, self._told = record.cursor, -1
            await asyncio.sleep(0)

    async def _tell(self, record: EventRecord) -> None:
        for registration in self._registry.wanting(record, owner=self.owner):
            # While the client was waited for, it may have taken the registration back.
            if registration.id > self._told and self._registry.is_active(registration):
                try:
                    self._call(registration.id, record)
                except Exception as error:
                    # As where it is called by the registry: nobody else's events are lost for it.
                    report_failure(registration, record, error)
                if self._is_full():
                    await self._drain()
                    await asyncio.sleep(0)
