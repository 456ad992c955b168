"""Sessions: who is logged in under which cookie, and what belongs to a session."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import NamedTuple
from uuid import UUID, uuid4

from eventd.simulator.event_collector import EventCollector
from eventd.simulator.property_collector import Filter, PropertyCollector
from eventd.simulator.world import World
from eventd.simulator.world.faults import ManagedObjectNotFound
from eventd.simulator.world.values import DataObject, Value, pick
from eventd.vi.types import ManagedObjectReference

__all__ = ["Belongings", "Session", "Sessions"]

Reference = ManagedObjectReference

# More than clients that are about to log in at the same time.
_ANONYMOUS_LIMIT = 100


class Belongings(NamedTuple):
    """How many objects the host keeps for its sessions."""

    sessions: int
    """Those in which somebody is logged in."""
    property_collectors: int
    """Those beyond the one that each session has from the start."""
    filters: int
    views: int
    event_collectors: int


class Session:
    """One session. Its collectors, filters and views end with it."""

    def __init__(self, cookie: str, world: World, *, page_size: int, now: datetime) -> None:
        self.cookie = cookie
        self.key = str(UUID(int=UUID(cookie).int ^ 1))
        self.user: str | None = None
        self.login_time = now
        self.last_active = now
        self.is_alive = True
        self.page_size = page_size
        self.views: set[Reference] = set()
        self.event_collectors: dict[Reference, EventCollector] = {}
        self.pages: dict[str, list[str]] = {}
        """The rests of `RetrievePropertiesEx`, by token."""
        self._world = world
        self._serial = count(1)
        default = world.inventory.property_collector
        self.collectors = {default: PropertyCollector(default, world.objects, page_size=page_size)}

    def next_reference(self, type_name: str) -> Reference:
        """A reference for a new object of the session."""
        return Reference(type_name, f"session[{self.key}]{next(self._serial)}")

    def collector(self, reference: Reference) -> PropertyCollector:
        """A property collector of the session.

        Raises:
            ManagedObjectNotFound: the session has no such collector.
        """
        if reference not in self.collectors:
            raise ManagedObjectNotFound(reference)
        return self.collectors[reference]

    def create_collector(self) -> PropertyCollector:
        """Create a further property collector."""
        reference = self.next_reference("PropertyCollector")
        collector = PropertyCollector(reference, self._world.objects, page_size=self.page_size)
        self.collectors[reference] = collector
        return collector

    def remove_filter(self, reference: Reference) -> Filter:
        """Take a filter away from its collector.

        Raises:
            ManagedObjectNotFound: the session has no such filter.
        """
        for collector in self.collectors.values():
            if found := collector.filters.pop(reference, None):
                return found
        raise ManagedObjectNotFound(reference)

    def owns(self, reference: Reference) -> bool:
        """Tell whether the reference is that of an object that lives in the session."""
        return (
            reference in self.collectors
            or reference in self.event_collectors
            or any(reference in collector.filters for collector in self.collectors.values())
        )

    def belongings(self) -> Belongings:
        """Count what belongs to the session now."""
        default = self._world.inventory.property_collector
        return Belongings(
            sessions=int(self.user is not None),
            property_collectors=len(self.collectors.keys() - {default}),
            filters=sum(len(collector.filters) for collector in self.collectors.values()),
            views=len(self.views),
            event_collectors=len(self.event_collectors),
        )

    def read(self, obj: Reference, path: str) -> Value | None:
        """Read a property, also those that only make sense within a session."""
        if obj == self._world.inventory.session_manager:
            first, *names = path.split(".")
            if first == "currentSession":
                return pick(self.user_session, names)
        if obj == self._world.inventory.service_instance and path == "serverClock":
            return self._world.now
        return self._world.objects.read_shown(obj, path)

    @property
    def user_session(self) -> DataObject | None:
        """The session as its client sees it; None while nobody is logged in."""
        return None if self.user is None else self.describe(self.user)

    def describe(self, user: str) -> DataObject:
        """The ``UserSession`` of a user in this session.

        It has no members newer than 2.0: libvirt warns about each of them at every call.
        """
        return DataObject(
            "UserSession",
            {
                "key": self.key,
                "userName": user,
                "fullName": user,
                "loginTime": self.login_time,
                "lastActiveTime": self.last_active,
                "locale": "en",
                "messageLocale": "en",
            },
        )

    def end(self) -> None:
        """Log out, or lose the session: nothing of it stays."""
        self.is_alive = False
        self.user = None
        for view in self.views:
            self._world.views.destroy(view)
        for collector in self.event_collectors.values():
            collector.close()
        self.views.clear()
        self.event_collectors.clear()
        self.collectors.clear()


class Sessions:
    """All sessions by cookie. They last until their clients log out, or until all expire.

    Of those in which nobody is logged in, only the newest stay: each call without a cookie makes
    one.
    """

    def __init__(self, world: World, *, page_size: int = 100) -> None:
        self._world = world
        self._page_size = page_size
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return sum(session.user is not None for session in self._sessions.values())

    def belongings(self) -> Belongings:
        """Count what belongs to all sessions together; what has ended leaves nothing."""
        each = [session.belongings() for session in self._sessions.values()]
        return Belongings(*map(sum, zip(Belongings(0, 0, 0, 0, 0), *each, strict=True)))

    def find(self, cookie: str | None, now: datetime) -> Session:
        """The session of a cookie; a new anonymous one if there is none, or no longer."""
        session = self._sessions.get(cookie or "")
        if session is None:
            session = self._open(now)
        session.last_active = now
        return session

    def _open(self, now: datetime) -> Session:
        self._forget_oldest_anonymous()
        cookie = str(uuid4())
        session = Session(cookie, self._world, page_size=self._page_size, now=now)
        self._sessions[cookie] = session
        return session

    def _forget_oldest_anonymous(self) -> None:
        anonymous = [session for session in self._sessions.values() if session.user is None]
        if len(anonymous) >= _ANONYMOUS_LIMIT:
            self.end(anonymous[0])

    def end(self, session: Session) -> None:
        """End one session."""
        self._sessions.pop(session.cookie, None)
        session.end()

    def expire_all(self) -> None:
        """End all sessions, as a restart of the host's service does."""
        for session in list(self._sessions.values()):
            self.end(session)
