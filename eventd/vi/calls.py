"""The VI methods that eventd calls: each is a function that returns a `Call`.

A call is the bytes to send and the reading of the bytes that come back. Sending them, deadlines
and logging in again are left to `eventd.connections`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar

from eventd.errors import MalformedAnswer
from eventd.model.hardware import DomainHardware, HostHardware
from eventd.model.snapshots import Snapshot
from eventd.vi.autostart import autostarted
from eventd.vi.events import parse_events
from eventd.vi.hardware import domain_hardware, host_hardware
from eventd.vi.property_collector import (
    ObjectSpec,
    PropertyFilterSpec,
    PropertySpec,
    parse_object_content,
    parse_update_set,
)
from eventd.vi.snapshots import snapshots_of
from eventd.vi.soap import envelope, parse_answer, reference_element
from eventd.vi.structures import children_by_name, parse_reference, reference_of, text_of
from eventd.vi.times import parse_datetime
from eventd.vi.types import (
    About,
    HistoryEvent,
    ManagedObjectReference,
    ObjectContent,
    ServiceContent,
    Unparsed,
    UpdateSet,
    UserSession,
)
from eventd.vi.versions import EVENT_TYPE_ID_SINCE, ApiVersion
from eventd.vi.xml import Element, NotAcceptable, element, local_name

__all__ = [
    "SERVICE_INSTANCE",
    "Call",
    "EventPage",
    "Page",
    "answer_vm",
    "cancel_task",
    "cancel_wait_for_updates",
    "continue_retrieve_properties_ex",
    "create_collector_for_events",
    "create_container_view",
    "create_filter",
    "create_list_view",
    "create_property_collector",
    "current_session",
    "current_time",
    "destroy_collector",
    "destroy_property_collector",
    "destroy_property_filter",
    "destroy_view",
    "login",
    "logout",
    "modify_list_view",
    "power_off",
    "power_on",
    "read_next_events",
    "reboot_guest",
    "reset",
    "retrieve_autostarted",
    "retrieve_domain_hardware",
    "retrieve_host_hardware",
    "retrieve_properties",
    "retrieve_properties_ex",
    "retrieve_service_content",
    "retrieve_snapshots",
    "set_collector_page_size",
    "shutdown_guest",
    "suspend",
    "wait_for_updates",
    "wait_for_updates_ex",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

SERVICE_INSTANCE = ManagedObjectReference("ServiceInstance", "ServiceInstance")
"""The one object whose reference is known beforehand."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """A call of a VI method: what to send, and how to read what comes back."""

    method: str
    body: bytes = field(repr=False)
    """The SOAP request. It may hold a password, so it is not shown."""
    parse: Callable[[bytes], T_co] = field(repr=False)
    """Read the answer's bytes, whatever HTTP status they came with.

    Raises `SessionExpired`, `Fault` or `MalformedAnswer`.
    """


class Page(NamedTuple):
    """What `retrieve_properties_ex` brings at once."""

    objects: list[ObjectContent]
    token: str | None
    """What to give to `continue_retrieve_properties_ex`; None if this was all."""


class EventPage(NamedTuple):
    """What `read_next_events` brings."""

    events: list[HistoryEvent]
    """In the order of the host: usually the oldest first, but within a page not always."""
    unparsed: list[Unparsed]
    """Those that cannot be read: something to log."""


# --- service and session ------------------------------------------------------------------------


def retrieve_service_content() -> Call[ServiceContent]:
    """Ask where everything begins; needs no session."""
    return _call("RetrieveServiceContent", SERVICE_INSTANCE, read=_service_content)


def current_time() -> Call[datetime]:
    """Ask for the host's time: aware, UTC."""
    return _call("CurrentTime", SERVICE_INSTANCE, read=_current_time)


def login(
    session_manager: ManagedObjectReference, *, user_name: str, password: str
) -> Call[UserSession]:
    """Log in; the session belongs to the cookie that comes with the answer."""
    return _call(
        "Login",
        session_manager,
        element("userName", user_name),
        element("password", password),
        read=_login,
    )


def logout(session_manager: ManagedObjectReference) -> Call[None]:
    """End the session, and with it its collectors, filters and views."""
    return _call("Logout", session_manager, read=_nothing)


def current_session(
    collector: ManagedObjectReference, session_manager: ManagedObjectReference
) -> Call[UserSession | None]:
    """Ask for the session of the cookie, None if there is none; needs no session.

    ``SessionIsActive`` would be the obvious question, but vCenter wants a privilege for it.
    """
    spec = PropertyFilterSpec(
        (PropertySpec(session_manager.type, ("currentSession",)),), (ObjectSpec(session_manager),)
    )
    return _call("RetrieveProperties", collector, spec.to_xml("specSet"), read=_current_session)


# --- views --------------------------------------------------------------------------------------


def create_container_view(
    view_manager: ManagedObjectReference,
    container: ManagedObjectReference,
    types: Iterable[str],
    *,
    recursive: bool = True,
) -> Call[ManagedObjectReference]:
    """Create a view of the objects of the types below a container: folder, datacenter, host, …"""
    return _call(
        "CreateContainerView",
        view_manager,
        reference_element("container", container),
        *(element("type", name) for name in types),
        element("recursive", recursive),
        read=_reference,
    )


def create_list_view(
    view_manager: ManagedObjectReference, objects: Iterable[ManagedObjectReference] = ()
) -> Call[ManagedObjectReference]:
    """Create a view of the objects that are named, of whatever types; API 2.5."""
    return _call(
        "CreateListView",
        view_manager,
        *(reference_element("obj", each) for each in objects),
        read=_reference,
    )


def modify_list_view(
    view: ManagedObjectReference,
    *,
    add: Iterable[ManagedObjectReference] = (),
    remove: Iterable[ManagedObjectReference] = (),
) -> Call[list[ManagedObjectReference]]:
    """Take objects into a list view, and others out of it.

    It answers which of the former do not exist, and are not in the view.
    """
    return _call(
        "ModifyListView",
        view,
        *(reference_element("add", each) for each in add),
        *(reference_element("remove", each) for each in remove),
        read=_references,
    )


def destroy_view(view: ManagedObjectReference) -> Call[None]:
    """Destroy a view; the filters that begin at it have nothing left to tell."""
    return _call("DestroyView", view, read=_nothing)


# --- property collector -------------------------------------------------------------------------


def create_property_collector(
    collector: ManagedObjectReference,
) -> Call[ManagedObjectReference]:
    """Create a collector of one's own in the session; API 4.1."""
    return _call("CreatePropertyCollector", collector, read=_reference)


def destroy_property_collector(collector: ManagedObjectReference) -> Call[None]:
    """Destroy a collector that was created, and its filters; API 4.1."""
    return _call("DestroyPropertyCollector", collector, read=_nothing)


def create_filter(
    collector: ManagedObjectReference, spec: PropertyFilterSpec, *, partial_updates: bool = False
) -> Call[ManagedObjectReference]:
    """Follow what a spec names; the next update set begins with all of it.

    With ``partial_updates`` a change inside a structure is told alone, by its own path.
    """
    return _call(
        "CreateFilter",
        collector,
        spec.to_xml("spec"),
        element("partialUpdates", partial_updates),
        read=_reference,
    )


def destroy_property_filter(property_filter: ManagedObjectReference) -> Call[None]:
    """Follow no longer what a filter names."""
    return _call("DestroyPropertyFilter", property_filter, read=_nothing)


def wait_for_updates_ex(
    collector: ManagedObjectReference,
    *,
    version: str,
    max_wait_seconds: int,
    max_object_updates: int,
) -> Call[UpdateSet | None]:
    """Wait for what has changed since a version, at most so long; API 4.1.

    The empty version stands before everything. None means that nothing has changed: go on with
    the version at hand. After a truncated update set the next call has to be this one.
    """
    options = element("maxWaitSeconds", max_wait_seconds) + element(
        "maxObjectUpdates", max_object_updates
    )
    return _call(
        "WaitForUpdatesEx",
        collector,
        element("version", version),
        f"<options>{options}</options>",
        read=_update_set_or_none,
    )


def wait_for_updates(collector: ManagedObjectReference, *, version: str) -> Call[UpdateSet]:
    """Wait for what has changed since a version, until something has."""
    return _call("WaitForUpdates", collector, element("version", version), read=_update_set)


def cancel_wait_for_updates(collector: ManagedObjectReference) -> Call[None]:
    """End the wait of another request in the session; it answers ``RequestCanceled``."""
    return _call("CancelWaitForUpdates", collector, read=_nothing)


def retrieve_properties_ex(
    collector: ManagedObjectReference, specs: Iterable[PropertyFilterSpec], *, max_objects: int
) -> Call[Page]:
    """Read what specs name, now, the first page of it; API 4.1."""
    return _call(
        "RetrievePropertiesEx",
        collector,
        *(spec.to_xml("specSet") for spec in specs),
        f"<options>{element('maxObjects', max_objects)}</options>",
        read=_page,
    )


def continue_retrieve_properties_ex(collector: ManagedObjectReference, *, token: str) -> Call[Page]:
    """Read the page after the one that brought the token; API 4.1."""
    return _call("ContinueRetrievePropertiesEx", collector, element("token", token), read=_page)


def retrieve_properties(
    collector: ManagedObjectReference, specs: Iterable[PropertyFilterSpec]
) -> Call[list[ObjectContent]]:
    """Read what specs name, now, all at once."""
    return _call(
        "RetrieveProperties",
        collector,
        *(spec.to_xml("specSet") for spec in specs),
        read=_object_contents,
    )


def retrieve_domain_hardware(
    collector: ManagedObjectReference, domain: ManagedObjectReference
) -> Call[tuple[DomainHardware, ManagedObjectReference | None] | None]:
    """Read what a domain is made of and which host it is on; None where it is not shown."""

    def parse(
        properties: Mapping[str, Element],
    ) -> tuple[DomainHardware, ManagedObjectReference | None] | None:
        if "config" not in properties:
            return None
        return domain_hardware(properties), reference_of(properties, "runtime.host")

    # As a whole: each version of VI has some parts that the ones before it refuse to be asked for.
    return _retrieve_of_one(collector, domain, ("config", "runtime.host"), parse)


def retrieve_host_hardware(
    collector: ManagedObjectReference, host: ManagedObjectReference
) -> Call[HostHardware | None]:
    """Read what a host is made of; None where it is not shown."""
    paths = ("capability", "hardware", "summary.hardware")
    return _retrieve_of_one(
        collector,
        host,
        paths,
        lambda properties: host_hardware(properties) if properties else None,
    )


def retrieve_snapshots(
    collector: ManagedObjectReference, domain: ManagedObjectReference
) -> Call[tuple[Snapshot, ...] | None]:
    """Read the snapshots of a domain; None where it is not shown."""
    return _retrieve_of_one(collector, domain, ("snapshot",), snapshots_of)


def retrieve_autostarted(
    collector: ManagedObjectReference, manager: ManagedObjectReference
) -> Call[frozenset[str] | None]:
    """Read which domains are started with their host; None where that is not shown."""
    return _retrieve_of_one(collector, manager, ("config",), autostarted)


def _retrieve_of_one(
    collector: ManagedObjectReference,
    reference: ManagedObjectReference,
    paths: tuple[str, ...],
    parse: Callable[[Mapping[str, Element]], T | None],
) -> Call[T | None]:
    spec = PropertyFilterSpec((PropertySpec(reference.type, paths),), (ObjectSpec(reference),))

    def read(values: Sequence[Element]) -> T | None:
        return parse(_property_elements(values[0])) if values else None

    return _call("RetrieveProperties", collector, spec.to_xml("specSet"), read=read)


def _property_elements(content: Element) -> dict[str, Element]:
    """Return the values of an ``ObjectContent``, as they are, by path."""
    sets = [children_by_name(part) for part in content if local_name(part) == "propSet"]
    return {
        name: parts["val"] for parts in sets if "val" in parts and (name := text_of(parts, "name"))
    }


# --- event history ------------------------------------------------------------------------------


def create_collector_for_events(
    event_manager: ManagedObjectReference,
    *,
    types: Iterable[str],
    begin: datetime,
    version: ApiVersion,
    page_size: int | None = None,
) -> Call[ManagedObjectReference]:
    """Create a collector of the events of some types that were created at a time or after it.

    It stands before the oldest of them. ``page_size`` is that of its latest page; only a host
    whose ``version`` is 6.5 or later can be told it here, others by `set_collector_page_size`.
    """
    since = begin.astimezone(UTC).isoformat().replace("+00:00", "Z")
    # Before eventTypeId, a type is that of a class, and means its subclasses too.
    kind = "eventTypeId" if version >= EVENT_TYPE_ID_SINCE else "type"
    # In the order of the WSDL, which hosts insist on.
    parts = [
        f"<time>{element('beginTime', since)}</time>",
        element("disableFullMessage", True),
        *(element(kind, name) for name in types),
    ]
    if page_size is not None:
        parts.append(element("maxCount", page_size))
    return _call(
        "CreateCollectorForEvents",
        event_manager,
        f"<filter>{''.join(parts)}</filter>",
        read=_reference,
    )


def set_collector_page_size(collector: ManagedObjectReference, *, size: int) -> Call[None]:
    """Say how many events the latest page of a collector holds, 1 to 1000."""
    return _call("SetCollectorPageSize", collector, element("maxCount", size), read=_nothing)


def read_next_events(collector: ManagedObjectReference, *, max_count: int) -> Call[EventPage]:
    """Read the events behind those that were read last, at most so many.

    No event does not mean that there is none left: vCenter cuts its pages before it takes out
    what the user may not see (https://github.com/vmware/govmomi/issues/3450).
    """

    def read(values: Sequence[Element]) -> EventPage:
        # No more than were asked for, whatever the host sends.
        return EventPage(*parse_events(values[:max_count]))

    return _call("ReadNextEvents", collector, element("maxCount", max_count), read=read)


def destroy_collector(collector: ManagedObjectReference) -> Call[None]:
    """Destroy a history collector; a session may have 32 of them by default."""
    return _call("DestroyCollector", collector, read=_nothing)


# --- domains and tasks --------------------------------------------------------------------------


def power_on(domain: ManagedObjectReference) -> Call[ManagedObjectReference]:
    """Start a domain, or resume a suspended one, wherever the host sees fit; returns the task."""
    return _call("PowerOnVM_Task", domain, read=_reference)


def power_off(domain: ManagedObjectReference) -> Call[ManagedObjectReference]:
    """Cut the power of a domain; returns the task."""
    return _call("PowerOffVM_Task", domain, read=_reference)


def suspend(domain: ManagedObjectReference) -> Call[ManagedObjectReference]:
    """Suspend a domain; returns the task."""
    return _call("SuspendVM_Task", domain, read=_reference)


def reset(domain: ManagedObjectReference) -> Call[ManagedObjectReference]:
    """Reset a domain; returns the task."""
    return _call("ResetVM_Task", domain, read=_reference)


def shutdown_guest(domain: ManagedObjectReference) -> Call[None]:
    """Ask the guest's system to shut down, which it does later."""
    return _call("ShutdownGuest", domain, read=_nothing)


def reboot_guest(domain: ManagedObjectReference) -> Call[None]:
    """Ask the guest's system to reboot, which it does later."""
    return _call("RebootGuest", domain, read=_nothing)


def answer_vm(domain: ManagedObjectReference, *, question_id: str, choice: str) -> Call[None]:
    """Answer a domain's question, by the host's own id of it, with the key of a choice."""
    return _call(
        "AnswerVM",
        domain,
        element("questionId", question_id),
        element("answerChoice", choice),
        read=_nothing,
    )


def cancel_task(task: ManagedObjectReference) -> Call[None]:
    """Ask for the end of a task that is cancelable; it may take a moment to end."""
    return _call("CancelTask", task, read=_nothing)


# --- reading the answers ------------------------------------------------------------------------


def _call(
    method: str,
    this: ManagedObjectReference,
    *arguments: str,
    read: Callable[[Sequence[Element]], T],
) -> Call[T]:
    """Make a call; ``read`` gets the ``returnval`` elements, and may raise `NotAcceptable`."""

    def parse(answer: bytes) -> T:
        values = parse_answer(method, answer)
        try:
            return read(values)
        except NotAcceptable as reason:
            raise MalformedAnswer(f"the answer to {method} {reason}") from None

    return Call(method, envelope(method, this, *arguments), parse)


def _nothing(_values: Sequence[Element]) -> None:
    """Any answer that is no fault says that it is done."""


def _one(values: Sequence[Element]) -> Element:
    if not values:
        raise NotAcceptable("has no value")
    return values[0]


def _reference(values: Sequence[Element]) -> ManagedObjectReference:
    reference = parse_reference(_one(values))
    if reference is None:
        raise NotAcceptable("holds no reference to a managed object")
    return reference


def _references(values: Sequence[Element]) -> list[ManagedObjectReference]:
    found = (parse_reference(value) for value in values)
    return [reference for reference in found if reference is not None]


def _current_time(values: Sequence[Element]) -> datetime:
    time = parse_datetime(_one(values).text or "")
    if time is None:
        raise NotAcceptable("holds no date and time")
    return time


def _login(values: Sequence[Element]) -> UserSession:
    return _user_session(_one(values))


def _user_session(value: Element) -> UserSession:
    parts = children_by_name(value)
    return UserSession(_required(parts, "key"), text_of(parts, "userName") or "")


def _current_session(values: Sequence[Element]) -> UserSession | None:
    # The property is unset, and not told, where there is no session.
    for content in values:
        for part in content:
            parts = children_by_name(part)
            if local_name(part) == "propSet" and "val" in parts:
                return _user_session(parts["val"])
    return None


def _update_set(values: Sequence[Element]) -> UpdateSet:
    return parse_update_set(_one(values))


def _update_set_or_none(values: Sequence[Element]) -> UpdateSet | None:
    return parse_update_set(values[0]) if values and len(values[0]) else None


def _object_contents(values: Iterable[Element]) -> list[ObjectContent]:
    """Read the objects; one without a reference, which nobody can have asked for, is left out."""
    return [found for value in values if (found := parse_object_content(value)) is not None]


def _page(values: Sequence[Element]) -> Page:
    if not values:  # nothing was found
        return Page([], None)
    objects = [part for part in values[0] if local_name(part) == "objects"]
    return Page(_object_contents(objects), text_of(children_by_name(values[0]), "token"))


def _service_content(values: Sequence[Element]) -> ServiceContent:
    content = children_by_name(_one(values))
    if "about" not in content:
        raise NotAcceptable("has no about")
    return ServiceContent(
        about=_about(children_by_name(content["about"])),
        root_folder=_required_reference(content, "rootFolder"),
        property_collector=_required_reference(content, "propertyCollector"),
        view_manager=_optional_reference(content, "viewManager"),
        session_manager=_optional_reference(content, "sessionManager"),
        task_manager=_optional_reference(content, "taskManager"),
        event_manager=_optional_reference(content, "eventManager"),
        search_index=_optional_reference(content, "searchIndex"),
    )


def _about(about: Mapping[str, Element]) -> About:
    return About(
        name=_required(about, "name"),
        full_name=_required(about, "fullName"),
        version=_required(about, "version"),
        api_type=_required(about, "apiType"),
        api_version=_required(about, "apiVersion"),
        product_line_id=_required(about, "productLineId"),
        instance_uuid=text_of(about, "instanceUuid") or None,
    )


def _required(parts: Mapping[str, Element], name: str) -> str:
    text = text_of(parts, name)
    if not text:
        raise NotAcceptable(f"has no {name}")
    return text


def _optional_reference(parts: Mapping[str, Element], name: str) -> ManagedObjectReference | None:
    return parse_reference(parts[name]) if name in parts else None


def _required_reference(parts: Mapping[str, Element], name: str) -> ManagedObjectReference:
    reference = _optional_reference(parts, name)
    if reference is None:
        raise NotAcceptable(f"has no {name}")
    return reference
