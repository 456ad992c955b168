"""The methods as a host takes them that nobody here wrote: vcsim, as vCenter and as bare ESX."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

import pytest

from eventd.errors import Fault, SessionExpired
from eventd.vi import calls
from eventd.vi.calls import Call
from eventd.vi.event_types import followed_types
from eventd.vi.filters import domain_filter, history_filter, host_filter, task_filter
from eventd.vi.property_collector import (
    ObjectSpec,
    PropertyFilterSpec,
    PropertySpec,
    TraversalSpec,
)
from eventd.vi.soap import envelope
from eventd.vi.tasks import task_info
from eventd.vi.types import (
    ManagedObjectReference,
    MissingProperty,
    ObjectContent,
    ObjectUpdate,
    PropertyValue,
    TaskInfo,
    TaskState,
    UpdateKind,
    UpdateSet,
)
from eventd.vi.versions import ApiVersion

if TYPE_CHECKING:
    from tests.conftest import StartVcsim
    from tests.peers.vcsim_process import Vcsim

pytestmark = pytest.mark.vcsim

ENDED = (TaskState.SUCCESS, TaskState.ERROR)

T = TypeVar("T")


class Client:
    """Sends calls to a vcsim and reads the answers."""

    def __init__(self, host: Vcsim) -> None:
        self._http = http.client.HTTPConnection(host.host, host.port, timeout=30)
        self._headers = {"Content-Type": "text/xml; charset=utf-8"}
        self.content = self(calls.retrieve_service_content())
        self.version = ApiVersion.parse(self.content.about.api_version)
        self._headers["SOAPAction"] = self.version.soap_action
        self.session_manager = expected(self.content.session_manager)
        self.collector = self.content.property_collector
        self(calls.login(self.session_manager, user_name=host.user, password=host.password))

    def __call__(self, call: Call[T]) -> T:
        return call.parse(self.send(call.body))

    def send(self, body: bytes) -> bytes:
        self._http.request("POST", "/sdk", body, self._headers)
        response = self._http.getresponse()
        if cookie := response.getheader("Set-Cookie"):
            self._headers["Cookie"] = cookie.partition(";")[0]
        return response.read()

    def close(self) -> None:
        self._http.close()

    def view(self, kind: str) -> ManagedObjectReference:
        manager = expected(self.content.view_manager)
        return self(calls.create_container_view(manager, self.content.root_folder, [kind]))

    def domains(self) -> PropertyFilterSpec:
        return domain_filter(self.view("VirtualMachine"), self.version)


def expected(value: T | None) -> T:
    assert value is not None
    return value


@pytest.fixture(params=["vpx", "esx"])
def host(request: pytest.FixtureRequest, vcsim: StartVcsim) -> Vcsim:
    """Start a vCenter, then a bare ESX host, of two domains."""
    return vcsim(request.param, domains=2)


@pytest.fixture
def client(host: Vcsim) -> Iterator[Client]:
    """Log in."""
    with closing(Client(host)) as client:
        yield client


def object_updates(update_set: UpdateSet | None) -> list[ObjectUpdate]:
    return [
        update
        for property_filter in expected(update_set).filters
        for update in property_filter.objects
    ]


def test_a_session_begins_and_ends(client: Client) -> None:
    """After the end the host knows the cookie no more, and says so to all other calls."""
    collector, session_manager = client.collector, client.session_manager
    who = calls.current_session(collector, session_manager)

    assert expected(client(who)).user_name == "root"
    client(calls.logout(session_manager))

    assert client(who) is None
    with pytest.raises(SessionExpired):
        client(calls.create_property_collector(collector))


def test_a_wrong_password_is_refused(client: Client) -> None:
    """Its fault has a name of its own."""
    with pytest.raises(Fault) as caught:
        client(calls.login(client.session_manager, user_name="root", password="guess"))
    assert caught.value.name == "InvalidLogin"


def test_the_host_tells_its_time(client: Client) -> None:
    """It is the time of all its tasks."""
    assert client(calls.current_time()).year > 2000


def test_the_filters_tell_of_all_there_is_and_then_of_what_happens(
    host: Vcsim, client: Client
) -> None:
    """Domains, hosts and tasks through one collector; the task comes with its effect."""
    collector = client(calls.create_property_collector(client.collector))
    client(calls.create_filter(collector, client.domains()))
    client(calls.create_filter(collector, host_filter(client.view("HostSystem"))))
    client(calls.create_filter(collector, recent_tasks(expected(client.content.task_manager))))

    def wait(version: str) -> UpdateSet | None:
        return client(
            calls.wait_for_updates_ex(
                collector, version=version, max_wait_seconds=10, max_object_updates=100
            )
        )

    first = expected(wait(""))
    entered = object_updates(first)
    assert {update.kind for update in entered} == {UpdateKind.ENTER}
    assert {update.obj.type for update in entered} == {"VirtualMachine", "HostSystem", "Task"}
    assert all(update.changes for update in entered)

    domain = next(update.obj for update in entered if update.obj.type == "VirtualMachine")
    with closing(Client(host)) as other:
        other.send(envelope("PowerOffVM_Task", domain))

    told: list[ObjectUpdate] = []
    version = first.version
    while not (is_off(told, domain) and power_off_is_done(told, domain)):
        next_set = expected(wait(version))
        version = next_set.version
        told += object_updates(next_set)

    client(calls.destroy_property_collector(collector))


def recent_tasks(task_manager: ManagedObjectReference) -> PropertyFilterSpec:
    """Ask for the whole info of each task that the host lists."""
    recent = TraversalSpec("TaskManager", "recentTask")
    objects = ObjectSpec(task_manager, skip=True, select=(recent,))
    return PropertyFilterSpec((PropertySpec("Task", ("info",)),), (objects,))


def is_off(told: list[ObjectUpdate], domain: ManagedObjectReference) -> bool:
    return any(
        update.changes.get("runtime.powerState") == "poweredOff"
        for update in told
        if update.obj == domain
    )


def power_off_is_done(told: list[ObjectUpdate], domain: ManagedObjectReference) -> bool:
    tasks = [value for update in told for value in update.changes.values()]
    return any(
        task.entity == domain
        and task.description_id == "VirtualMachine.powerOff"
        and task.state is TaskState.SUCCESS
        for task in tasks
        if isinstance(task, TaskInfo)
    )


@pytest.mark.parametrize("kind", ["PowerOffVM_Task", "PowerOnVM_Task"])
def test_a_task_of_a_list_view_is_told_by_its_leaves(client: Client, kind: str) -> None:
    """They make the same info as the whole; one that goes well, and one that fails."""
    [domain, *_] = client(calls.retrieve_properties(client.collector, [client.domains()]))
    view = client(calls.create_list_view(expected(client.content.view_manager)))
    client(calls.create_filter(client.collector, task_filter(view)))
    begin = calls.power_off if kind == "PowerOffVM_Task" else calls.power_on
    task = client(begin(domain.obj))

    unknown = ManagedObjectReference("Task", "task-0")
    assert client(calls.modify_list_view(view, add=[task, unknown])) == [unknown]

    leaves: dict[str, PropertyValue | None] = {}
    version = ""
    while (info := task_info(task.value, leaves)) is None or info.state not in ENDED:
        update_set = client(calls.wait_for_updates(client.collector, version=version))
        version = update_set.version
        for update in object_updates(update_set):
            assert update.obj == task
            leaves |= update.changes

    whole = PropertyFilterSpec((PropertySpec("Task", ("info",)),), (ObjectSpec(task),))
    [content] = client(calls.retrieve_properties(client.collector, [whole]))
    # The progress of a task that has ended is unset; vcsim tells 0 of the leaf alone.
    assert info._replace(progress=None) == content.properties["info"]
    assert info.entity == domain.obj
    assert info.state is (TaskState.SUCCESS if kind == "PowerOffVM_Task" else TaskState.ERROR)
    assert (info.error is None) == (kind == "PowerOffVM_Task")


def test_nothing_happens_and_then_a_filter_and_a_view_are_taken_back(client: Client) -> None:
    """A wait that ends without news brings none; what is destroyed is gone."""
    view = client.view("HostSystem")
    created = client(calls.create_filter(client.collector, host_filter(view)))

    def wait(version: str) -> UpdateSet | None:
        return client(
            calls.wait_for_updates_ex(
                client.collector, version=version, max_wait_seconds=1, max_object_updates=100
            )
        )

    first = expected(wait(""))
    assert wait(first.version) is None

    client(calls.destroy_property_filter(created))
    client(calls.destroy_view(view))
    with pytest.raises(Fault):
        client(calls.destroy_view(view))


def test_the_event_history_rings_and_is_read(host: Vcsim, client: Client) -> None:
    """The newest event alone rings; all that are followed are read, the oldest first, and once."""
    history = client(
        calls.create_collector_for_events(
            expected(client.content.event_manager),
            types=followed_types(client.version),
            begin=client(calls.current_time()),
            version=client.version,
            page_size=1,
        )
    )
    client(calls.create_filter(client.collector, history_filter(history)))
    first = client(calls.wait_for_updates(client.collector, version=""))
    [entered] = object_updates(first)
    assert entered.changes == {"latestPage": ()}

    domain = client(calls.retrieve_properties(client.collector, [client.domains()]))[0].obj
    with closing(Client(host)) as other:
        other.send(envelope("PowerOffVM_Task", domain))

    rung = client(calls.wait_for_updates(client.collector, version=first.version))
    [modified] = object_updates(rung)
    page = modified.changes["latestPage"]
    read = client(calls.read_next_events(history, max_count=100))
    assert read.events == list(expected(page))
    assert [(event.type, event.domain) for event in read.events] == [
        ("VmPoweredOffEvent", domain.value)
    ]
    assert client(calls.read_next_events(history, max_count=100)) == ([], [])

    client(calls.set_collector_page_size(history, size=10))
    client(calls.destroy_collector(history))
    with pytest.raises(Fault) as caught:
        client(calls.read_next_events(history, max_count=1))
    assert caught.value.name == "ManagedObjectNotFound"


def test_the_older_wait_brings_the_same_first_picture(host: Vcsim, client: Client) -> None:
    """Hosts before API 4.1 know no other."""
    client(calls.create_filter(client.collector, host_filter(client.view("HostSystem"))))
    older = client(calls.wait_for_updates(client.collector, version=""))

    # In another session, since vcsim tells a filter's first picture only once.
    with closing(Client(host)) as other:
        other(calls.create_filter(other.collector, host_filter(other.view("HostSystem"))))
        newer = other(
            calls.wait_for_updates_ex(
                other.collector, version="", max_wait_seconds=10, max_object_updates=100
            )
        )

    assert object_updates(older) == object_updates(newer)


def test_properties_are_read_in_pages_and_all_at_once(client: Client) -> None:
    """Both ways bring the same; unset properties are left out."""
    spec = client.domains()

    page = client(calls.retrieve_properties_ex(client.collector, [spec], max_objects=1))
    paged = page.objects
    while page.token is not None:
        page = client(calls.continue_retrieve_properties_ex(client.collector, token=page.token))
        paged += page.objects
    at_once = client(calls.retrieve_properties(client.collector, [spec]))

    assert paged == at_once
    assert len(paged) >= 2
    assert all(content.properties["runtime.powerState"] == "poweredOn" for content in paged)
    assert not any("runtime.bootTime" in content.properties for content in paged)


def test_what_the_host_does_not_know_is_missing_or_a_fault(client: Client) -> None:
    """An unknown property does not cost the others; an unknown object costs the call."""
    [domain, *_] = client(calls.retrieve_properties(client.collector, [client.domains()]))

    def read(domain: ManagedObjectReference) -> ObjectContent:
        properties = PropertySpec("VirtualMachine", ("name", "runtime.nonsense"))
        spec = PropertyFilterSpec((properties,), (ObjectSpec(domain),))
        [content] = client(calls.retrieve_properties(client.collector, [spec]))
        return content

    content = read(domain.obj)
    assert content.properties == {"name": domain.properties["name"]}
    assert content.missing == (MissingProperty("runtime.nonsense", "InvalidProperty"),)
    with pytest.raises(Fault) as caught:
        read(ManagedObjectReference("VirtualMachine", "vm-0"))
    assert caught.value.name == "ManagedObjectNotFound"
