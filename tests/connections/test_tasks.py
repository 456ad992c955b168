"""Reading tasks: all at once, and one by one where some are gone."""

from __future__ import annotations

import pytest

from eventd.connections.credentials import Credentials
from eventd.connections.session import Session
from eventd.connections.tasks import read_tasks
from eventd.errors import Fault, SessionExpired
from eventd.tracking.tracker import Reading
from eventd.vi.uri import ConnectionURI
from tests.connections.scripted_host import Host, fault, object_content

NOTHING = Reading(frozenset(), {})
GONE = fault("ManagedObjectNotFound", "The object is gone.")


def task(key: str) -> str:
    """Return what a host says of a task that runs."""
    info = (
        f'<val xsi:type="TaskInfo"><key>{key}</key><task type="Task">{key}</task>'
        "<descriptionId>VirtualMachine.powerOff</descriptionId><state>running</state>"
        "<cancelled>false</cancelled><cancelable>true</cancelable></val>"
    )
    return object_content("Task", key, info=info)


async def keys(host: Host, reading: Reading) -> list[str]:
    """Read tasks; return their keys."""
    uri = ConnectionURI.parse("esx://esx01.example/")
    session = await Session.open(host.transport(), uri, Credentials("root", "secret"))
    return [info.key for info in await read_tasks(session, reading)]


async def test_nothing_to_read_is_no_call() -> None:
    """An update set that explains itself costs no more than its own exchange."""
    host = Host()

    assert await keys(host, NOTHING) == []
    assert "RetrieveProperties" not in host.methods


async def test_tasks_and_the_tasks_of_domains_are_read_at_once() -> None:
    """One call, whatever their number."""
    host = Host()
    host.plan("RetrieveProperties", task("task-1") + task("task-2"))

    assert await keys(host, Reading(frozenset({"task-1"}), {"vm-42": frozenset()})) == [
        "task-1",
        "task-2",
    ]

    [call] = host.called("RetrieveProperties")
    spec = call.call.first("specSet")
    assert spec is not None
    objects = [part.first("obj") for part in spec.every("objectSet")]
    assert [obj.reference for obj in objects if obj] == [
        ("Task", "task-1"),
        ("VirtualMachine", "vm-42"),
    ]


async def test_an_object_that_is_gone_does_not_hide_the_others() -> None:
    """A host refuses the whole call for one of them, and a task is gone ten minutes after it."""
    host = Host()
    host.plan("RetrieveProperties", GONE, task("task-1"), GONE, task("task-3"))

    found = await keys(host, Reading(frozenset({"task-1", "task-2"}), {"vm-42": frozenset()}))

    assert found == ["task-1", "task-3"]


@pytest.mark.parametrize("before", [[], [GONE]], ids=["at once", "one by one"])
@pytest.mark.parametrize(
    ("name", "error"), [("NotAuthenticated", SessionExpired), ("SystemError", Fault)]
)
async def test_any_other_fault_comes_through(
    name: str, error: type[Fault], before: list[str]
) -> None:
    """It is the connection's business."""
    host = Host()
    host.plan("RetrieveProperties", *before, fault(name))

    with pytest.raises(error) as caught:
        await keys(host, Reading(frozenset({"task-1", "task-2"}), {}))

    assert caught.value.name == name


async def test_an_object_without_the_property_is_no_task() -> None:
    """The right to see it may be missing."""
    host = Host()
    host.plan("RetrieveProperties", object_content("Task", "task-1"))

    assert await keys(host, Reading(frozenset({"task-1"}), {})) == []


async def test_tasks_of_a_domain_that_is_gone_are_read_by_themselves() -> None:
    """The host forgets a domain at once, and its tasks ten minutes later."""
    host = Host()
    host.plan("RetrieveProperties", GONE, task("task-7"))

    found = await keys(host, Reading(frozenset(), {"vm-42": frozenset({"task-7"})}))

    assert found == ["task-7"]
