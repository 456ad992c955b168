"""The callback registry: who wants which events. Its contract is libvirt's.

A registration lives through three states; it is *in use* while a flush is under way and while a
coroutine of its callback runs::

    state    is called  is listed  free       goes on to
    active   yes        yes        not yet    marked, when it is deregistered
    marked   no         no         not yet    purged, as soon as it is not in use
    purged   no         no         was called

When to flush, and everything asynchronous, is left to `eventd.bus.delivery`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import UUID

import structlog
from structlog.typing import FilteringBoundLogger

from eventd import metrics
from eventd.errors import InvalidArgument, LimitReached
from eventd.model.events import DomainEvent, Event
from eventd.model.ids import EVENT_ID_LAST, EventId, EventKind
from eventd.model.record import EventRecord

__all__ = [
    "DAEMON",
    "ID_LIMIT",
    "Callback",
    "Owner",
    "Registration",
    "Registry",
    "report_failure",
]

_log: FilteringBoundLogger = structlog.get_logger(__name__)

Callback = Callable[[EventRecord, Any], object]
"""Called with a record and the registration's ``opaque``.

What it returns is ignored, unless that can be awaited: then it is, by `eventd.bus.delivery`.
"""

ID_LIMIT = 2**31 - 1
"""Ids stay below this: libvirt's ``int`` has no larger number, and an id is never used again."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a registration is: one session of one client, or the daemon itself.

    Only the owner can deregister. Two sessions of one process are two owners.
    """

    session: str
    """Names the session, unique in the life of the daemon: ``http-17``."""
    pid: int | None = None
    """Process id of the client, as the kernel tells it of a Unix socket."""
    uid: int | None = None
    """User id of the client, likewise."""


DAEMON = Owner("daemon")
"""The owner of what is registered inside the daemon's own process."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One wish for events. The same callback may have any number of them."""

    id: int
    """The callback id: 0 or more, unique in the life of the daemon."""
    kind: EventKind
    domain: str | None
    """UUID of the only domain that it is for, or None for all."""
    owner: Owner
    after: int
    """It is called for records with a larger sequence only."""
    legacy: bool
    """True if it is known by its callback, as in libvirt's first API, and not by its id."""
    callback: Callback = field(repr=False)
    opaque: Any = field(repr=False)
    """Passed to ``callback`` and ``free`` as it is."""
    free: Callable[[Any], None] | None = field(repr=False)
    """Called once with ``opaque`` when nothing will use it any more."""

    def wants(self, record: EventRecord) -> bool:
        """Say whether the callback is to be called for a record."""
        event = record.event
        if event.kind is not self.kind or record.sequence <= self.after:
            return False
        is_of_domain = isinstance(event, DomainEvent) and event.domain.uuid == self.domain
        return self.domain is None or is_of_domain

    def call(self, record: EventRecord) -> object:
        """Call the callback and return its result; what it raises is logged and counted."""
        try:
            return self.callback(record, self.opaque)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # Base: the cancellation of a future that the callback looked into is no Exception.
            report_failure(self, record, error)
            return None


class Registry:
    """Keeps registrations, and the queue of records that they have not been called for.

    ``limit_per_client`` caps the registrations of one owner. With ``strict_libvirt``, an owner
    cannot register one callback twice for the same event and domain, as in libvirt's own code.
    """

    def __init__(self, *, limit_per_client: int = 1024, strict_libvirt: bool = False) -> None:
        self._limit = limit_per_client
        self._strict = strict_libvirt
        self._next_id = 0
        self._active: dict[int, Registration] = {}
        self._marked: dict[int, Registration] = {}
        self._held: set[int] = set()
        # Two more views of the active ones; each bucket is in the order of registration.
        self._by_subject: _Buckets[tuple[EventKind, str | None]] = {}
        self._by_owner: _Buckets[Owner] = {}
        self._queue: list[EventRecord] = []
        self._newest = 0
        self._dispatched: EventRecord | None = None

    # Registering

    def register(
        self,
        event: EventId | EventKind | int,
        callback: Callback,
        *,
        domain: str | None = None,
        opaque: Any = None,
        free: Callable[[Any], None] | None = None,
        owner: Owner = DAEMON,
        after: int = 0,
    ) -> int:
        """Register a callback for one kind of event and return its id.

        ``domain`` is the UUID of the only domain to be called for; it need not be known yet.
        The callback is called for records that are later than this call, and later than the
        sequence ``after``: inside a callback, for those that follow the record it was called for.
        ``free`` is called with ``opaque`` once the registration is gone, but not if this raises.

        Raises:
            InvalidArgument: an argument is wrong.
            LimitReached: the owner has too many registrations, or the ids are used up.
        """
        _check_callback(callback, "virConnectDomainEventRegisterAny")
        return self._admit(
            Registration(
                id=self._next_id,
                kind=_kind_of(event),
                domain=None if domain is None else _canonical(domain),
                owner=owner,
                after=max(after, self._position),
                legacy=False,
                callback=callback,
                opaque=opaque,
                free=free,
            )
        )

    def register_legacy(
        self,
        callback: Callback,
        *,
        opaque: Any = None,
        free: Callable[[Any], None] | None = None,
        owner: Owner = DAEMON,
        after: int = 0,
    ) -> int:
        """Register a callback for the lifecycle of all domains, known by the callback itself.

        This is ``virConnectDomainEventRegister``: an owner can do it once for one callback, and
        only `deregister_legacy` takes it back. See `register` for the rest.
        """
        _check_callback(callback, "virConnectDomainEventRegister")
        return self._admit(
            Registration(
                id=self._next_id,
                kind=EventKind.LIFECYCLE,
                domain=None,
                owner=owner,
                after=max(after, self._position),
                legacy=True,
                callback=callback,
                opaque=opaque,
                free=free,
            )
        )

    def _admit(self, registration: Registration) -> int:
        siblings = self._by_owner.get(registration.owner, _NOBODY)
        if registration.legacy or self._strict:
            _refuse_duplicate(registration, siblings.values())
        if len(siblings) >= self._limit:
            raise LimitReached(
                f"{registration.owner.session} has {self._limit} callbacks registered, which is "
                "the limit for one client; deregister one first"
            )
        if registration.id >= ID_LIMIT:
            raise LimitReached("all callback ids are used up; restart the daemon to begin anew")
        # Only now: a registration that is refused uses up no id.
        self._next_id += 1
        self._active[registration.id] = registration
        _put(self._by_subject, (registration.kind, registration.domain), registration)
        _put(self._by_owner, registration.owner, registration)
        return registration.id

    @property
    def _position(self) -> int:
        """Where in the order of records the caller is."""
        return self._newest if self._dispatched is None else self._dispatched.sequence

    # Deregistering

    def deregister(self, callback_id: int, *, owner: Owner = DAEMON) -> None:
        """Take a registration back: from now on it is not called.

        Raises:
            InvalidArgument: the owner has no such registration, or it is a legacy one.
        """
        if callback_id < 0:
            raise InvalidArgument(
                "callbackID in virConnectDomainEventDeregisterAny must be zero or greater"
            )
        registration = self._active.get(callback_id)
        if registration is None or registration.owner != owner or registration.legacy:
            # The same words in each case: nobody learns of the callbacks of others.
            raise InvalidArgument(f"could not find event callback {callback_id} for deletion")
        self.remove(registration)

    def deregister_legacy(self, callback: Callback, *, owner: Owner = DAEMON) -> None:
        """Take back what `register_legacy` registered for this callback.

        Raises:
            InvalidArgument: the owner has no legacy registration of the callback.
        """
        for registration in self._of(owner):
            if registration.legacy and registration.callback == callback:
                self.remove(registration)
                return
        raise InvalidArgument(f"event callback function {id(callback):#x} not registered")

    def purge_owner(self, owner: Owner) -> None:
        """Deregister all that an owner has, for its session is over."""
        for registration in self._of(owner):
            self.remove(registration)

    def _of(self, owner: Owner) -> Iterable[Registration]:
        return tuple(self._by_owner.get(owner, _NOBODY).values())

    def remove(self, registration: Registration) -> None:
        """Deregister on behalf of the owner; one that is not active is left as it is."""
        if self._active.pop(registration.id, None) is None:
            return
        _take(self._by_subject, (registration.kind, registration.domain), registration)
        _take(self._by_owner, registration.owner, registration)
        self._marked[registration.id] = registration
        self._purge_if_unused(registration)

    def _purge_if_unused(self, registration: Registration) -> None:
        in_use = self._dispatched is not None or registration.id in self._held
        if not in_use and self._marked.pop(registration.id, None) is not None:
            _free(registration)

    def hold(self, registration: Registration) -> None:
        """Keep a registration from being purged until `release`: a coroutine of it runs."""
        self._held.add(registration.id)

    def release(self, registration: Registration) -> None:
        """Undo `hold`."""
        self._held.discard(registration.id)
        self._purge_if_unused(registration)

    # Listing

    def registrations(self) -> tuple[Registration, ...]:
        """Return the active registrations in the order in which they were made."""
        return tuple(self._active.values())

    def wanting(self, record: EventRecord, *, owner: Owner) -> tuple[Registration, ...]:
        """Return which registrations of an owner `flush` would call for a record, in order."""
        return tuple(each for each in self._of(owner) if each.wants(record))

    def is_active(self, registration: Registration) -> bool:
        """Whether the registration has not been taken back."""
        return registration.id in self._active

    # Dispatching

    def enqueue(self, records: Sequence[EventRecord]) -> None:
        """Queue records, in journal order, for the next flush.

        They are only for those who are registered by now: see `register`.
        """
        if records:
            self._queue.extend(records)
            self._newest = records[-1].sequence

    def flush(self, call: Callable[[Registration, EventRecord], object]) -> None:
        """Call for all that is queued: record by record, and for each in order of registration.

        ``call`` makes a single call, as `Registration.call` does, and does not raise. What is
        queued meanwhile is left for the next flush.
        """
        queued, self._queue = self._queue, []
        try:
            for record in queued:
                self._dispatched = record
                self._dispatch(record, call)
        finally:
            self._dispatched = None
            for registration in tuple(self._marked.values()):
                self._purge_if_unused(registration)

    def _dispatch(
        self, record: EventRecord, call: Callable[[Registration, EventRecord], object]
    ) -> None:
        sequence = record.sequence
        for callback_id in self._matching(record.event):
            # Looked up only now: a callback before it may have deregistered it.
            registration = self._active.get(callback_id)
            if registration is not None and sequence > registration.after:
                call(registration, record)

    def _matching(self, event: Event) -> Sequence[int]:
        """Return the ids of who wants the event now; who registers from here on misses it."""
        for_all = self._by_subject.get((event.kind, None), _NOBODY)
        for_one = _NOBODY
        if isinstance(event, DomainEvent):
            for_one = self._by_subject.get((event.kind, event.domain.uuid), _NOBODY)
        # Ids grow, so that their order is that of registration.
        return sorted((*for_all, *for_one)) if for_one else tuple(for_all)


def report_failure(registration: Registration, record: EventRecord, error: BaseException) -> None:
    """Log and count what a callback raised."""
    metrics.callback_errors.inc()
    _log.error(
        "callback failed",
        callback_id=registration.id,
        owner=registration.owner.session,
        sequence=record.sequence,
        exc_info=error,
    )


_K = TypeVar("_K", bound=Hashable)
_Buckets = dict[_K, dict[int, Registration]]
_NOBODY: Mapping[int, Registration] = MappingProxyType({})


def _put(buckets: _Buckets[_K], key: _K, registration: Registration) -> None:
    buckets.setdefault(key, {})[registration.id] = registration


def _take(buckets: _Buckets[_K], key: _K, registration: Registration) -> None:
    del buckets[key][registration.id]
    if not buckets[key]:
        # Domains and clients come and go; an empty bucket for each would add up.
        del buckets[key]


def _free(registration: Registration) -> None:
    if registration.free is None:
        return
    try:
        registration.free(registration.opaque)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # Base, as in `Registration.call`: nobody's events may be lost for it.
        metrics.callback_errors.inc()
        _log.error(
            "free function of a callback failed",
            callback_id=registration.id,
            owner=registration.owner.session,
            exc_info=error,
        )


# libvirt's identity of a registration within one connection; opaque and free are no part of it
# (src/conf/object_event.c, virObjectEventCallbackLookup).
_identity = attrgetter("kind", "domain", "legacy", "callback")


def _refuse_duplicate(registration: Registration, siblings: Iterable[Registration]) -> None:
    if any(_identity(sibling) == _identity(registration) for sibling in siblings):
        raise InvalidArgument("event callback already tracked")


def _kind_of(event: EventId | EventKind | int) -> EventKind:
    if isinstance(event, EventKind):
        return event
    if event < 0:
        raise InvalidArgument("eventID in virConnectDomainEventRegisterAny must be zero or greater")
    if event >= EVENT_ID_LAST:
        raise InvalidArgument(f"eventID must be less than {EVENT_ID_LAST}")
    return EventId(event).kind


def _canonical(domain: str) -> str:
    try:
        return str(UUID(domain))
    except ValueError as error:
        raise InvalidArgument(
            f"{domain[:80]!r} is not the UUID of a domain; filters take UUIDs, since names change"
        ) from error


def _check_callback(callback: Callback, function: str) -> None:
    """Refuse at once what could only fail at every event; ``function`` is libvirt's name."""
    if callback is None:
        raise InvalidArgument(f"cb in {function} must not be NULL")
    if not callable(callback):
        raise InvalidArgument(f"{callback!r} is not callable; a callback takes (record, opaque)")
    try:
        signature = inspect.signature(callback)
    except ValueError:
        return  # Some functions written in C do not tell what they take.
    try:
        signature.bind("record", "opaque")
    except TypeError as error:
        raise InvalidArgument(
            f"{callback!r} cannot be called with (record, opaque): {error}"
        ) from error
