"""Methods of the event manager and of event history collectors."""

from __future__ import annotations

from eventd.simulator import arguments
from eventd.simulator.calls import Call, Method
from eventd.simulator.decoding import data_object
from eventd.simulator.event_collector import LARGEST_PAGE, EventCollector, EventFilter, page_size
from eventd.simulator.world.faults import (
    InvalidArgument,
    ManagedObjectNotFound,
    NotSupported,
)
from eventd.simulator.world.values import DataObject, pick
from eventd.vi.types import ManagedObjectReference

__all__ = ["METHODS"]


def query_events(call: Call) -> str:
    """Read the events that match a filter; a bare host does not do that."""
    if call.world.product == "esx":
        raise NotSupported
    wanted = EventFilter(call.node.first("filter"), call.world)
    found = [event for event in call.world.events.events if wanted.matches(event)]
    return _events(call, found[:LARGEST_PAGE])


def post_event(call: Call) -> str:
    """Record an event that the caller makes up; its key, chain, time and user are the host's."""
    objects = call.world.objects
    node = arguments.part(call.node, "eventToPost")
    event = data_object(node, "Event", objects.schema)
    if not objects.schema.is_a(event.type, "Event"):
        raise InvalidArgument("eventToPost")
    own = objects.schema.members("Event")
    call.world.events.post(
        event.type,
        now=call.now,
        user=call.user,
        domain=_argument(call, event, "vm"),
        host=_argument(call, event, "host"),
        message=str(event.members.get("fullFormattedMessage", "")),
        members={name: value for name, value in event.members.items() if name not in own},
    )
    return ""


def _argument(call: Call, event: DataObject, name: str) -> ManagedObjectReference | None:
    found = pick(event, [name, name])
    if not isinstance(found, ManagedObjectReference):
        return None
    if found not in call.world.objects:
        raise InvalidArgument(f"eventToPost.{name}")
    return found


def create_collector_for_events(call: Call) -> str:
    """Give the session a collector of the events that match a filter."""
    wanted = EventFilter(call.node.first("filter"), call.world)
    reference = call.session.next_reference("EventHistoryCollector")
    call.session.event_collectors[reference] = EventCollector(reference, wanted, call.world)
    return call.return_reference(reference)


def read_next_events(call: Call) -> str:
    """Read on from the collector's position, towards now."""
    return _events(call, _collector(call).read_next(page_size(call.node)))


def read_previous_events(call: Call) -> str:
    """Read on from the collector's position, towards the past."""
    return _events(call, _collector(call).read_previous(page_size(call.node)))


def rewind_collector(call: Call) -> str:
    """Go before the oldest event."""
    _collector(call).rewind()
    return ""


def reset_collector(call: Call) -> str:
    """Go behind the newest event."""
    _collector(call).reset()
    return ""


def set_collector_page_size(call: Call) -> str:
    """Say how many events the latest page holds."""
    _collector(call).set_page_size(page_size(call.node))
    return ""


def destroy_collector(call: Call) -> str:
    """Destroy a collector of the session."""
    _collector(call).close()
    del call.session.event_collectors[call.this]
    return ""


def _collector(call: Call) -> EventCollector:
    collector = call.session.event_collectors.get(call.this)
    if collector is None:
        raise ManagedObjectNotFound(call.this)
    return collector


def _events(call: Call, events: list[DataObject]) -> str:
    return "".join(call.writer.returnval("Event", event) for event in events)


METHODS = {
    "PostEvent": Method(post_event, on="EventManager", since="2.5"),
    "QueryEvents": Method(query_events, on="EventManager"),
    "CreateCollectorForEvents": Method(create_collector_for_events, on="EventManager"),
    "ReadNextEvents": Method(read_next_events, on="EventHistoryCollector"),
    "ReadPreviousEvents": Method(read_previous_events, on="EventHistoryCollector"),
    "RewindCollector": Method(rewind_collector, on="HistoryCollector"),
    "ResetCollector": Method(reset_collector, on="HistoryCollector"),
    "SetCollectorPageSize": Method(set_collector_page_size, on="HistoryCollector"),
    "DestroyCollector": Method(destroy_collector, on="HistoryCollector"),
}
