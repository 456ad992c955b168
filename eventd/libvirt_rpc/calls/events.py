"""What a client asks for to hear of events."""

from __future__ import annotations

from eventd.bus.remote import RemoteCallbacks
from eventd.errors import EventdError, InvalidArgument
from eventd.libvirt_rpc.calls.results import NO_RESULTS, Results
from eventd.libvirt_rpc.events import MESSAGES, RemoteDomain
from eventd.model.ids import EVENT_ID_LAST, EventId

__all__ = ["EventCalls"]


class EventCalls:
    """Answers one client."""

    def __init__(self, callbacks: RemoteCallbacks) -> None:
        self._callbacks = callbacks
        self.legacy: set[int] = set()
        """The callback ids of registrations that the client knows by their event id alone."""
        self._legacy_ids: dict[EventId, int] = {}

    def register(self, event_id: int, domain: RemoteDomain | None) -> Results:
        """The id of a new callback."""
        uuid = None if domain is None else domain.uuid.hex()
        return (self._callbacks.register(_event_id(event_id), domain=uuid),)

    def deregister(self, callback_id: int) -> Results:
        """Forget one callback."""
        if callback_id in self.legacy:
            raise _not_registered(callback_id)
        try:
            self._callbacks.deregister(callback_id)
        except InvalidArgument:
            raise _not_registered(callback_id) from None
        return NO_RESULTS

    def register_legacy(self, event_id: int) -> Results:
        """Events of all domains, by the event id alone."""
        known = _event_id(event_id)
        if MESSAGES[known].legacy is None:
            raise _internal(f"unsupported event ID {event_id}")
        if known not in self._legacy_ids:
            callback_id = self._callbacks.register(known)
            self._legacy_ids[known] = callback_id
            self.legacy.add(callback_id)
        return NO_RESULTS

    def deregister_legacy(self, event_id: int) -> Results:
        """Forget that."""
        callback_id = self._legacy_ids.pop(_event_id(event_id), None)
        if callback_id is None:
            raise _not_registered(event_id)
        self.legacy.discard(callback_id)
        self._callbacks.deregister(callback_id)
        return NO_RESULTS

    def register_lifecycle(self) -> Results:
        """How many callbacks there are; clients do not look at it."""
        self.register_legacy(EventId.LIFECYCLE)
        return (1,)

    def deregister_lifecycle(self) -> Results:
        """How many callbacks are left."""
        self.deregister_legacy(EventId.LIFECYCLE)
        return (0,)


def _event_id(number: int) -> EventId:
    if not 0 <= number < EVENT_ID_LAST:
        raise _internal(f"unsupported event ID {number}")
    return EventId(number)


def _not_registered(callback_id: int) -> EventdError:
    return _internal(f"domain event callback {callback_id} not registered")


def _internal(message: str) -> EventdError:
    # libvirtd has this code for what is a wrong argument.
    return EventdError(message)
