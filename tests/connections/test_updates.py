"""The long poll: what it follows, from which version, and what an empty answer means."""

from __future__ import annotations

import asyncio

import pytest

from eventd.connections.credentials import Credentials
from eventd.connections.session import Session
from eventd.connections.updates import Updates
from eventd.errors import Fault, HostNotSupported, HostUnreachable, MalformedAnswer
from eventd.vi.filters import history_filter
from eventd.vi.soap import SoapRequest
from eventd.vi.types import ManagedObjectReference
from eventd.vi.uri import ConnectionURI
from tests.connections.scripted_host import Host, content, enter, fault, update_set

UNREACHABLE = HostUnreachable("esx01 did not answer within 70 s")
NOTHING = ""
"""How WaitForUpdatesEx says that nothing has changed."""


async def session_with(host: Host) -> Session:
    """Log in to a host."""
    uri = ConnectionURI.parse("esx://esx01.example/")
    return await Session.open(host.transport(), uri, Credentials("root", "secret"))


async def updates_of(host: Host, *, wait_seconds: float = 60) -> Updates:
    """Follow everything on a host."""
    session = await session_with(host)
    return await Updates.open(session, session.content.root_folder, wait_seconds=wait_seconds)


def argument(request: SoapRequest, *path: str) -> str:
    """Return the text of an argument of a call."""
    node = request.call
    for name in path:
        found = node.first(name)
        assert found is not None, f"{request.method} has no {name}"
        node = found
    return node.text


def paths_of(request: SoapRequest) -> tuple[str, list[str]]:
    """Return the type and the paths that a filter names."""
    spec = request.call.first("spec")
    assert spec is not None
    properties = spec.first("propSet")
    assert properties is not None
    kind = properties.first("type")
    assert kind is not None
    return kind.text, [path.text for path in properties.every("pathSet")]


# --- what is followed -----------------------------------------------------------------------------


async def test_domains_and_hosts_are_followed_by_a_collector_of_our_own() -> None:
    """Filters of others on the session's collector would come with ours."""
    host = Host()
    await updates_of(host)

    assert host.methods[2:] == [
        "CreatePropertyCollector",
        "CreateContainerView",
        "CreateContainerView",
        "CreateFilter",
        "CreateFilter",
    ]
    views = host.called("CreateContainerView")
    assert [argument(view, "type") for view in views] == ["VirtualMachine", "HostSystem"]
    filters = host.called("CreateFilter")
    assert [paths_of(one)[0] for one in filters] == ["VirtualMachine", "HostSystem"]
    assert {one.this.value for one in filters} == {"own-collector"}


async def test_the_domains_are_those_of_the_scope_and_the_hosts_all() -> None:
    """The name of a host outside tells where a domain has gone."""
    host = Host()
    session = await session_with(host)
    scope = session.content.root_folder._replace(type="ComputeResource", value="domain-c7")

    await Updates.open(session, scope)

    containers = [argument(view, "container") for view in host.called("CreateContainerView")]
    assert containers == ["domain-c7", "root"]


async def test_the_event_history_is_followed_where_there_is_one() -> None:
    """Beside the domains and hosts, so that a change comes together with its cause."""
    host = Host()
    session = await session_with(host)
    history = ManagedObjectReference("EventHistoryCollector", "history")

    updates = await Updates.open(session, session.content.root_folder)
    await updates.follow(history_filter(history))

    filters = host.called("CreateFilter")
    assert [paths_of(one)[0] for one in filters] == [
        "VirtualMachine",
        "HostSystem",
        "EventHistoryCollector",
    ]
    assert paths_of(filters[2])[1] == ["latestPage"]
    assert argument(filters[2], "spec", "objectSet", "obj") == "history"


@pytest.mark.parametrize(
    ("api_version", "has_clean_power_off"), [("2.5", False), ("4.0", True), ("9.1.0.0", True)]
)
async def test_only_paths_that_the_host_knows_are_asked_for(
    api_version: str, has_clean_power_off: bool
) -> None:
    """A host refuses a filter with a path that is newer than it."""
    host = Host(api_version=api_version)
    await updates_of(host)

    _, paths = paths_of(host.called("CreateFilter")[0])
    assert ("runtime.cleanPowerOff" in paths) is has_clean_power_off


async def test_a_host_without_views_is_not_supported() -> None:
    """They came with VI API 2.5."""
    host = Host()
    host.plan("RetrieveServiceContent", content(without="viewManager"))

    with pytest.raises(HostNotSupported) as caught:
        await updates_of(host)

    assert caught.value.message == (
        "the host has no view manager, by which its domains are followed"
    )


# --- versions -------------------------------------------------------------------------------------


async def test_each_wait_begins_where_the_last_answer_ended() -> None:
    """The empty version stands before everything."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1"), update_set("2"), update_set("3"))
    updates = await updates_of(host)

    assert [(await updates.next()).version for _ in range(3)] == ["1", "2", "3"]
    assert host.versions() == ["", "1", "2"]


async def test_an_empty_answer_changes_nothing() -> None:
    """It has no version, so the one at hand stays good."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1"), NOTHING, NOTHING, update_set("2"))
    updates = await updates_of(host)
    await updates.next()

    assert [await updates.next() for _ in range(2)] == [("1", [], False, ())] * 2
    assert (await updates.next()).version == "2"
    assert host.versions() == ["", "1", "1", "1"]


async def test_the_parts_of_a_truncated_answer_follow_each_other() -> None:
    """A truncated version is good for the very next call alone."""
    host = Host()
    host.plan(
        "WaitForUpdatesEx",
        update_set("t1", enter("1"), truncated=True),
        update_set("t2", enter("2"), truncated=True),
        update_set("1", enter("3")),
    )
    updates = await updates_of(host)

    parts = [await updates.next() for _ in range(3)]

    assert [part.truncated for part in parts] == [True, True, False]
    assert host.versions() == ["", "t1", "t2"]


@pytest.mark.parametrize(
    "before", [[], [update_set("t1", enter("1"), truncated=True)]], ids=["first", "in between"]
)
async def test_an_empty_answer_never_completes_a_picture(before: list[str]) -> None:
    """A host that is too slow for its first answer does not say that it has no domains."""
    host = Host()
    host.plan("WaitForUpdatesEx", *before, NOTHING, update_set("1", enter("2")))
    updates = await updates_of(host)
    for _ in before:
        await updates.next()

    empty, complete = await updates.next(), await updates.next()

    assert (empty.filters, empty.truncated) == ([], True)
    assert not complete.truncated


async def test_beginning_anew_asks_for_the_whole_picture_of_the_same_collector() -> None:
    """The remedy for InvalidCollectorVersion."""
    host = Host()
    host.plan("WaitForUpdatesEx", update_set("1"), fault("InvalidCollectorVersion"), NOTHING)
    updates = await updates_of(host)
    await updates.next()
    assert updates.has_begun
    with pytest.raises(Fault):
        await updates.next()

    updates.begin_anew()

    assert not updates.has_begun
    assert (await updates.next()).truncated
    assert host.versions() == ["", "1", ""]
    assert host.methods.count("CreatePropertyCollector") == 1


# --- waiting with a limit -------------------------------------------------------------------------


async def test_a_wait_has_a_limit_at_the_host_and_a_later_one_here() -> None:
    """The host answers first, unless it is lost. Pages are asked for in vCenter's own size."""
    host = Host()
    host.plan("WaitForUpdatesEx", NOTHING)
    updates = await updates_of(host)
    await updates.next()

    [wait] = host.called("WaitForUpdatesEx")
    assert argument(wait, "options", "maxWaitSeconds") == "60"
    assert argument(wait, "options", "maxObjectUpdates") == "100"
    assert host.deadlines["WaitForUpdatesEx"] == 70


@pytest.mark.parametrize("error", [UNREACHABLE, MalformedAnswer("no XML")], ids=["lost", "odd"])
@pytest.mark.parametrize("api_version", ["4.0", "7.0"])
async def test_what_ends_a_wait_comes_through_as_it_is(
    error: HostUnreachable | MalformedAnswer, api_version: str
) -> None:
    """Not inside a group of exceptions."""
    host = Host(api_version=api_version)
    host.plan("WaitForUpdates", error)
    host.plan("WaitForUpdatesEx", error)
    updates = await updates_of(host)

    with pytest.raises(type(error)) as caught:
        await updates.next()

    assert caught.value is error


# --- hosts before VI API 4.1 ----------------------------------------------------------------------


async def test_an_old_host_is_followed_with_what_it_has() -> None:
    """Neither CreatePropertyCollector nor WaitForUpdatesEx is there before 4.1."""
    host = Host(api_version="4.0")
    host.plan("WaitForUpdates", update_set("1"), update_set("2"))
    updates = await updates_of(host)

    assert [(await updates.next()).version for _ in range(2)] == ["1", "2"]
    assert host.versions("WaitForUpdates") == ["", "1"]
    assert {one.this.value for one in host.called("CreateFilter")} == {"collector"}
    assert not {"CreatePropertyCollector", "WaitForUpdatesEx"} & {*host.methods}


async def test_a_wait_of_an_old_host_is_ended_by_a_call() -> None:
    """WaitForUpdates has no limit. That it was cancelled is the normal, empty answer."""
    host = Host(api_version="2.5")
    cancelled = host.on("CancelWaitForUpdates")
    host.plan(
        "WaitForUpdates", update_set("1"), cancelled, fault("RequestCanceled"), update_set("2")
    )
    updates = await updates_of(host, wait_seconds=0)
    await updates.next()

    assert await updates.next() == ("1", [], False, ())
    assert (await updates.next()).version == "2"
    assert host.versions("WaitForUpdates") == ["", "1", "1"]
    [cancel] = host.called("CancelWaitForUpdates")
    assert cancel.this.value == "collector"


async def test_a_wait_is_not_ended_when_the_answer_has_come() -> None:
    """A cancel that comes late would end the next wait."""
    host = Host(api_version="2.5")
    host.plan("WaitForUpdates", update_set("1"), update_set("2"))
    updates = await updates_of(host)
    await updates.next()
    await updates.next()

    assert "CancelWaitForUpdates" not in host.methods
    assert [task.get_name() for task in asyncio.all_tasks() if "cancel" in task.get_name()] == []


async def test_a_cancel_that_fails_is_left_to_the_wait() -> None:
    """The host is asked for one thing twice; if it is lost, both say so and one is enough."""
    host = Host(api_version="2.5")
    cancelled = host.on("CancelWaitForUpdates")
    host.plan("CancelWaitForUpdates", UNREACHABLE)
    host.plan("WaitForUpdates", cancelled, MalformedAnswer("no XML"))
    updates = await updates_of(host, wait_seconds=0)

    with pytest.raises(MalformedAnswer):
        await updates.next()


async def test_a_wait_that_is_given_up_leaves_nothing_running() -> None:
    """The connection is stopped in the middle of a wait."""
    host = Host(api_version="2.5")
    updates = await updates_of(host)
    async with asyncio.TaskGroup() as tasks:
        wait = tasks.create_task(updates.next())
        await host.is_waited_for()
        wait.cancel()

    assert len(asyncio.all_tasks()) == 1
