"""Methods of the property collector and its filters, and the reading of single properties."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice

from eventd.simulator import arguments
from eventd.simulator.calls import Answer, Call, Method, Waiting
from eventd.simulator.properties import Properties, parse_property_spec
from eventd.simulator.property_collector import Filter, PropertyCollector
from eventd.simulator.selection import Selection, parse_object_spec
from eventd.simulator.world.faults import (
    InvalidArgument,
    InvalidProperty,
    ManagedObjectNotFound,
    NotAuthenticated,
)
from eventd.vi.soap import Node
from eventd.vi.types import ManagedObjectReference

__all__ = ["METHODS"]

Look = Callable[[], str | None]


def fetch(call: Call) -> str:
    """Read one property of any object; pyVmomi reads attributes like this."""
    path = call.text("prop")
    _require_login_for(call, call.this)
    member = call.world.schema.property(call.this.type, path)
    if member is None:
        raise InvalidProperty(path)
    value = call.session.read(call.this, path)
    return "" if value is None else call.writer.any_value("returnval", member, value)


def retrieve_properties(call: Call) -> str:
    """Read what the specs name, all at once."""
    return "".join(f"<returnval>{content}</returnval>" for content in _contents(call))


def retrieve_properties_ex(call: Call) -> str:
    """Read what the specs name, page by page."""
    wanted = _option(call, "maxObjects")
    if wanted is not None and wanted <= 0:
        raise InvalidArgument("options.maxObjects")
    size = min(wanted or call.session.page_size, call.session.page_size)
    contents = _contents(call)
    return _page(call, list(islice(contents, size)), list(contents))


def continue_retrieve_properties_ex(call: Call) -> str:
    """Read the next page."""
    rest = call.session.pages.pop(call.text("token"), None)
    if rest is None:
        raise InvalidArgument("token")
    size = call.session.page_size
    return _page(call, rest[:size], rest[size:])


def cancel_retrieve_properties_ex(call: Call) -> str:
    """Give up the rest of the pages."""
    if call.session.pages.pop(call.text("token"), None) is None:
        raise InvalidArgument("token")
    return ""


def create_property_collector(call: Call) -> str:
    """Give the session a further collector."""
    return call.return_reference(call.session.create_collector().reference)


def destroy_property_collector(call: Call) -> str:
    """Take a collector and its filters away."""
    call.session.collector(call.this).cancel_waits()
    del call.session.collectors[call.this]
    call.world.wake()
    return ""


def create_filter(call: Call) -> str:
    """Follow what a spec names."""
    collector = call.session.collector(call.this)
    spec = arguments.part(call.node, "spec")
    reference = call.session.next_reference("PropertyFilter")
    objects = [parse_object_spec(node) for node in spec.every("objectSet")]
    collector.filters[reference] = Filter(
        reference, call.world.objects, objects, _properties(call, spec)
    )
    call.world.wake()
    return call.return_reference(reference)


def destroy_property_filter(call: Call) -> str:
    """Follow something no longer."""
    call.session.remove_filter(call.this)
    return ""


def check_for_updates(call: Call) -> str:
    """Say at once what has changed since a version, if anything."""
    collector = call.session.collector(call.this)
    updates = collector.updates(call.text("version"), paged=False)
    return "" if updates is None else f"<returnval>{updates}</returnval>"


def wait_for_updates(call: Call) -> Answer:
    """Wait until something has changed since a version; there is no limit to the wait."""
    collector = call.session.collector(call.this)
    version = call.text("version")
    interval = call.empty_update_interval
    return Waiting(
        _poll(call, collector, lambda: collector.updates(version, paged=False)),
        None if interval is None else call.now + interval,
        f"<returnval>{collector.empty_set(version)}</returnval>",
    )


def wait_for_updates_ex(call: Call) -> Answer:
    """Wait until something has changed since a version, at most as long as the options say."""
    collector = call.session.collector(call.this)
    version = call.text("version")
    seconds = _option(call, "maxWaitSeconds")
    limit = _option(call, "maxObjectUpdates")
    if seconds is not None and seconds < 0:
        raise InvalidArgument("options.maxWaitSeconds")
    if limit is not None and limit <= 0:
        raise InvalidArgument("options.maxObjectUpdates")
    return Waiting(
        _poll(call, collector, lambda: collector.updates(version, limit=limit)),
        None if seconds is None else call.now + timedelta(seconds=seconds),
    )


def cancel_wait_for_updates(call: Call) -> str:
    """End the waits of the collector."""
    call.session.collector(call.this).cancel_waits()
    call.world.wake()
    return ""


def _poll(call: Call, collector: PropertyCollector, look: Look) -> Look:
    ticket = collector.begin_wait()

    def poll() -> str | None:
        if not call.session.is_alive:
            raise NotAuthenticated(call.this)
        collector.require_not_cancelled(ticket)
        updates = look()
        return None if updates is None else f"<returnval>{updates}</returnval>"

    return poll


def _option(call: Call, name: str) -> int | None:
    return arguments.integer(call.node.first("options"), name)


def _page(call: Call, page: list[str], rest: list[str]) -> str:
    token = ""
    if rest:
        reference = call.session.next_reference("page")
        call.session.pages[reference.value] = rest
        token = f"<token>{reference.value}</token>"
    if not page:
        return ""
    objects = "".join(f"<objects>{content}</objects>" for content in page)
    return f"<returnval>{token}{objects}</returnval>"


def _contents(call: Call) -> Iterator[str]:
    for spec in call.node.every("specSet"):
        roots = [parse_object_spec(node) for node in spec.every("objectSet")]
        for root in roots:
            _require_login_for(call, root.obj)
        properties = _properties(call, spec)
        for obj in Selection(call.world.objects, roots):
            if properties.columns(obj.type) is not None:
                yield properties.object_content(obj)


def _properties(call: Call, spec: Node) -> Properties:
    specs = (parse_property_spec(node) for node in spec.every("propSet"))
    return Properties(specs, call.world.objects, call.session.read, call.writer)


def _require_login_for(call: Call, obj: ManagedObjectReference) -> None:
    """Let anonymous callers read what they need to log in, and whether they are logged in.

    libvirt's ESX driver asks for `currentSession` before each of its calls and takes any fault
    there as fatal, whereas it logs in again if the property is unset (esx_vi.c, EnsureSession).
    """
    inventory = call.world.inventory
    if call.session.user is None and obj not in (
        inventory.service_instance,
        inventory.session_manager,
    ):
        raise NotAuthenticated(obj)
    if obj not in call.world.objects:
        raise ManagedObjectNotFound(obj)


METHODS = {
    "Fetch": Method(fetch, on="ManagedObject", is_open=True),
    "RetrieveProperties": Method(retrieve_properties, on="PropertyCollector", is_open=True),
    "RetrievePropertiesEx": Method(
        retrieve_properties_ex, on="PropertyCollector", since="4.1", is_open=True
    ),
    "ContinueRetrievePropertiesEx": Method(
        continue_retrieve_properties_ex, on="PropertyCollector", since="4.1"
    ),
    "CancelRetrievePropertiesEx": Method(
        cancel_retrieve_properties_ex, on="PropertyCollector", since="4.1"
    ),
    "CreatePropertyCollector": Method(
        create_property_collector, on="PropertyCollector", since="4.1"
    ),
    "DestroyPropertyCollector": Method(
        destroy_property_collector, on="PropertyCollector", since="4.1"
    ),
    "CreateFilter": Method(create_filter, on="PropertyCollector"),
    "DestroyPropertyFilter": Method(destroy_property_filter, on="PropertyFilter"),
    "CheckForUpdates": Method(check_for_updates, on="PropertyCollector"),
    "WaitForUpdates": Method(wait_for_updates, on="PropertyCollector"),
    "WaitForUpdatesEx": Method(wait_for_updates_ex, on="PropertyCollector", since="4.1"),
    "CancelWaitForUpdates": Method(cancel_wait_for_updates, on="PropertyCollector"),
}
