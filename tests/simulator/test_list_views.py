"""List views: whom they hold, what a filter over one tells, and what that costs."""

from __future__ import annotations

import sys

import pytest

from eventd.simulator import INSTANT, Pace, Question
from eventd.simulator.service import Reply, Wait
from eventd.vi import calls
from eventd.vi.property_collector import ObjectSpec, PropertyFilterSpec, PropertySpec, TraversalSpec
from eventd.vi.soap import reference_element
from eventd.vi.types import ManagedObjectReference
from tests.simulator.client import Client, connect, fault

NOWHERE = ManagedObjectReference("Task", "nowhere")

TASK_INFO = tuple(
    f"info.{name}"
    for name in (
        *("key", "task", "name", "descriptionId", "entity", "entityName", "state", "cancelled"),
        *("cancelable", "error", "result", "progress", "reason", "queueTime", "startTime"),
        *("completeTime", "eventChainId"),
    )
)


def elements(tag: str, references: tuple[ManagedObjectReference, ...]) -> str:
    return "".join(reference_element(tag, reference) for reference in references)


def create(client: Client, *members: ManagedObjectReference) -> ManagedObjectReference:
    """A list view of the client's session."""
    manager = client.world.inventory.view_manager
    reply = client.raw("CreateListView", manager, elements("obj", members))
    assert not reply.is_fault, fault(reply)
    [view] = client.session.views
    return view


def modify(
    client: Client,
    view: ManagedObjectReference,
    *,
    add: tuple[ManagedObjectReference, ...] = (),
    remove: tuple[ManagedObjectReference, ...] = (),
) -> Reply:
    return client.raw("ModifyListView", view, elements("add", add), elements("remove", remove))


def follow(client: Client, view: ManagedObjectReference, *paths: str) -> None:
    """Follow tasks as far as a list view holds them."""
    members = TraversalSpec("ListView", "view")
    client.create_filter(
        PropertyFilterSpec(
            (PropertySpec("Task", paths),), (ObjectSpec(view, skip=True, select=(members,)),)
        )
    )


def held(client: Client, view: ManagedObjectReference) -> tuple[ManagedObjectReference, ...]:
    return client.world.objects.references(view, "view")


def test_a_list_view_holds_what_it_was_created_with() -> None:
    """Objects of whatever types."""
    client = connect(pace=INSTANT)
    task = client.world.power_on("web01", now=client.now)

    view = create(client, task, client.world.domain("db01"))

    assert held(client, view) == (task, client.world.domain("db01"))


def test_a_list_view_may_be_empty_at_first() -> None:
    """A program creates it once, and adds what it waits for."""
    client = connect()

    view = create(client)

    assert (view.type, held(client, view)) == ("ListView", ())


def test_a_list_view_of_something_that_is_not_there_is_refused() -> None:
    """Nothing is created."""
    client = connect()
    manager = client.world.inventory.view_manager

    reply = client.raw("CreateListView", manager, elements("obj", (NOWHERE,)))

    assert fault(reply) == "ManagedObjectNotFound"
    assert client.session.views == set()


def test_what_cannot_be_added_is_named_and_the_rest_is_added() -> None:
    """VI API reference, ModifyListView: it may partially succeed."""
    client = connect(pace=INSTANT)
    view = create(client)
    task = client.world.power_on("web01", now=client.now)

    reply = modify(client, view, add=(NOWHERE, task))

    assert held(client, view) == (task,)
    assert f"{reference_element('returnval', NOWHERE)}</" in reply.body.decode()
    assert task.value not in reply.body.decode()


def test_what_is_not_in_a_list_view_can_be_removed_all_the_same() -> None:
    """Nothing happens, and nothing is named."""
    client = connect(domains=2)
    web, db = (client.world.domain(name) for name in client.world.domains.names)
    view = create(client, web, db)

    replies = [modify(client, view, remove=(web, NOWHERE)) for _ in range(2)]

    assert held(client, view) == (db,)
    assert not any("returnval" in reply.body.decode() for reply in replies)


def test_a_list_view_can_be_given_other_objects() -> None:
    """VI API reference, ResetListView: what cannot be resolved is named."""
    client = connect(domains=3)
    first, second, third = (client.world.domain(name) for name in client.world.domains.names)
    view = create(client, first, second)

    reply = client.raw("ResetListView", view, elements("obj", (second, third, NOWHERE)))

    assert held(client, view) == (second, third)
    assert reference_element("returnval", NOWHERE) in reply.body.decode()


def test_an_object_that_goes_leaves_all_list_views() -> None:
    """A domain that is unregistered, a task that the host forgets."""
    client = connect(pace=INSTANT)
    task = client.world.power_on("db01", now=client.now)
    view = create(client, client.world.domain("web01"), task)
    follow(client, view, "info.state")
    version, _ = client.changes()

    client.world.unregister("web01", now=client.now)
    client.advance(seconds=3600)
    _, updates = client.changes(version)

    assert held(client, view) == ()
    assert [(update.kind.value, update.obj) for update in updates] == [("leave", task)]


def test_another_session_cannot_touch_a_list_view() -> None:
    """VI API reference, View: access is limited to the session that created it."""
    client = connect()
    view = create(client)
    other = Client(client.service, client.service.sessions.find(None, client.now))
    other.log_in()

    refusals = [
        fault(other.raw(method, view))
        for method in ("ModifyListView", "ResetListView", "DestroyView")
    ]

    assert refusals == ["ManagedObjectNotFound"] * 3
    assert view in client.world.objects


@pytest.mark.parametrize("how", ["DestroyView", "Logout"])
def test_a_list_view_ends_when_destroyed_and_with_its_session(how: str) -> None:
    """What it held stays, and later goes without a trace."""
    client = connect(pace=INSTANT)
    view = create(client, client.world.domain("web01"))

    client.raw(how, view if how == "DestroyView" else client.world.inventory.session_manager)
    client.world.unregister("web01", now=client.now)

    assert view not in client.world.objects


def test_a_container_view_has_no_list_to_modify() -> None:
    """Only the methods of its type are there."""
    client = connect()
    client.follow("name")
    [view] = client.session.views

    assert fault(modify(client, view)) == "MethodNotFound"


@pytest.mark.parametrize("old", [False, True])
def test_what_is_added_wakes_a_wait(old: bool) -> None:
    """The new and the old way of waiting."""
    client = connect(api_version="2.5" if old else "8.0.2.0")
    client.world.script_questions("web01", Question())
    view = create(client)
    follow(client, view, "info.state", "info.descriptionId")
    waiting = wait(client, old=old)
    task = client.world.power_on("web01", now=client.now)
    client.advance()

    before = waiting.poll(client.now)
    modify(client, view, add=(task,))
    after = waiting.poll(client.now)

    assert before is None
    assert after is not None
    assert b"<kind>enter</kind>" in after.body
    assert b'<val xsi:type="TaskInfoState">running</val>' in after.body
    assert b'<val xsi:type="xsd:string">VirtualMachine.powerOn</val>' in after.body


def wait(client: Client, *, old: bool) -> Wait:
    """A wait for the first update over a view in which nothing is yet."""
    collector = client.world.inventory.property_collector
    check = client.raw("CheckForUpdates", collector, "<version></version>").body.decode()
    version = check.partition("<version>")[2].partition("</version>")[0]
    call: calls.Call[object] = (
        calls.wait_for_updates(collector, version=version)
        if old
        else calls.wait_for_updates_ex(
            collector, version=version, max_wait_seconds=60, max_object_updates=100
        )
    )
    waiting = client.ask(call)
    assert isinstance(waiting, Wait)
    return waiting


def test_a_task_in_a_list_view_is_followed_from_its_coming_to_its_going() -> None:
    """Enter, each change, leave."""
    client = connect(pace=Pace(progress_steps=1))
    view = create(client)
    follow(client, view, "info.state", "info.progress")
    task = client.world.power_on("web01", now=client.now)
    modify(client, view, add=(task,))
    version, updates = client.changes()
    seen = [(update.kind.value, dict(update.changes)) for update in updates]

    for milliseconds in (10, 20, 20):
        client.advance(milliseconds / 1000)
        version, updates = client.changes(version)
        seen += [(update.kind.value, dict(update.changes)) for update in updates]
    modify(client, view, remove=(task,))
    _, updates = client.changes(version)
    seen += [(update.kind.value, dict(update.changes)) for update in updates]

    assert seen == [
        ("enter", {"info.state": "queued"}),
        ("modify", {"info.state": "running", "info.progress": "0"}),
        ("modify", {"info.progress": "50"}),
        ("modify", {"info.progress": None, "info.state": "success"}),
        ("leave", {}),
    ]


@pytest.mark.parametrize("api_version", ["2.5", "8.0.2.0"])
def test_every_part_of_a_task_s_info_can_be_followed(api_version: str) -> None:
    """Those that all versions of the API have."""
    client = connect(api_version=api_version)
    view = create(client, client.world.power_on("web01", now=client.now))

    follow(client, view, *TASK_INFO)


def test_a_task_costs_the_same_whatever_else_a_list_view_holds() -> None:
    """The work is counted in function calls, from the adding to the answer."""
    costs = []
    for domains in (10, 1000):
        client = connect(domains=domains, pace=INSTANT)
        names = client.world.domains.names
        view = create(client, *(client.world.domain(name) for name in names))
        follow(client, view, "info.state")
        version = ""
        while (page := client.updates(version)) is not None:
            version = page.version
        _, version = calls_made(client, view, names[1], version)  # fills the caches
        made, _ = calls_made(client, view, names[0], version)
        costs.append(made)

    # The garbage collector may run in between, and makes a few calls of its own.
    assert costs[1] < costs[0] * 1.1


def calls_made(
    client: Client, view: ManagedObjectReference, name: str, version: str
) -> tuple[int, str]:
    """Add a task, follow it to its end and remove it; the number of calls that this took."""
    client.world.script_questions(name, Question())
    task = client.world.power_on(name, now=client.now)
    client.advance()
    made = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal made
        made += event == "call"

    sys.setprofile(count)
    try:
        modify(client, view, add=(task,))
        version, _ = client.changes(version)
        client.world.withdraw_question(name, now=client.now)
        client.advance()
        version, _ = client.changes(version)
        modify(client, view, remove=(task,))
        version, _ = client.changes(version)
    finally:
        sys.setprofile(None)
    return made, version
