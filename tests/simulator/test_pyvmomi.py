"""pyVmomi, VMware's own client, judges the simulator.

It is strict where libvirt is lenient: a property, a type or a value that is not in the API makes
it refuse the whole answer.
"""

# pyVmomi has types for its members, but none for its constructors.
# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from eventd.simulator import Pace, Question, SimulatorServer, World, serve
from eventd.simulator.scenarios import load, names
from tests.simulator.test_scenario import played

if TYPE_CHECKING:
    from pyVmomi import vim

    from tests.conftest import Connect
    from tests.peers.operations import Operations

    Operate = Callable[[vim.ServiceInstance], Operations]

pytestmark = pytest.mark.pyvmomi

FAST = Pace(
    queued=timedelta(milliseconds=1),
    running=timedelta(milliseconds=1),
    guest=timedelta(milliseconds=1),
)


START = datetime(2026, 1, 1, tzinfo=UTC)


def make(**arguments: Any) -> World:
    """A world in which nothing takes long."""
    return World(**{"now": START, "pace": FAST, **arguments})


def log_in(connect: Connect, server: SimulatorServer) -> Any:
    return connect(server.host, server.port, "root", "pass")


@pytest.mark.parametrize(("product", "hosts"), [("esx", 1), ("vpx", 2)])
async def test_the_inventory_is_read(
    connect: Connect, operations: Operate, product: Any, hosts: int
) -> None:
    """Domains and hosts by their names, and all that the simulator says of a domain."""
    world = make(product=product, hosts=hosts, powered_on=True)

    def look() -> tuple[list[str], list[str], Any, Any, Any]:
        operator = operations(log_in(connect, server))
        domain = operator.domains()["web01"]
        whole = (domain.config, domain.guest, domain.summary)
        return (
            *(list(operator.domains()), list(operator.hosts())),
            *(domain.runtime, whole, domain.recentTask),
        )

    async with serve(world) as server:
        domains, seen_hosts, runtime, (config, guest, summary), tasks = await asyncio.to_thread(
            look
        )

    assert domains == world.domains.names
    assert seen_hosts == [f"esx{number:02}.example" for number in range(1, hosts + 1)]
    assert (runtime.powerState, runtime.bootTime) == ("poweredOn", START)
    assert (config.uuid, config.files.vmPathName) == (
        world.read("web01", "config.uuid"),
        "[datastore1] web01/web01.vmx",
    )
    assert (guest.guestState, summary.config.name, tasks) == ("running", "web01", [])


@pytest.mark.parametrize("product", ["esx", "vpx"])
async def test_a_domain_goes_through_all_its_states(
    connect: Connect, operations: Operate, product: Any
) -> None:
    """Each operation is a task that succeeds; asking the guest is no task."""
    world = make(product=product, domains=1)
    seen: list[object] = []

    def operate() -> None:
        service = log_in(connect, server)
        operator = operations(service)
        domain = operator.domains()["web01"]

        def look() -> None:
            seen.append(operator.read(domain, "runtime.powerState"))

        for operation in (
            *(operator.power_on, operator.suspend, operator.power_on, operator.power_off),
            operator.power_on,
        ):
            operation(domain)
            look()
        operator._finish(domain.Reset())
        look()
        domain.RebootGuest()
        look()
        operator.rename(domain, "www & <co>")
        seen.append(domain.name)

    async with serve(world) as server:
        await asyncio.to_thread(operate)
        world.advance(server.now() + timedelta(seconds=1))

    assert seen == [
        *("poweredOn", "suspended", "poweredOn", "poweredOff", "poweredOn"),
        *("poweredOn", "poweredOn"),
        "www & <co>",
    ]


async def test_a_guest_shuts_down_when_asked(connect: Connect, operations: Operate) -> None:
    """The domain is off a moment later."""
    world = make(powered_on=True)

    def operate() -> None:
        operations(log_in(connect, server)).domains()["web01"].ShutdownGuest()

    async with serve(world) as server:
        await asyncio.to_thread(operate)
        world.advance(server.now() + timedelta(seconds=1))

    assert world.read("web01", "runtime.powerState") == "poweredOff"


async def test_domains_come_and_go(connect: Connect, operations: Operate) -> None:
    """Unregistered, destroyed, cloned and registered."""
    world = make(product="vpx", domains=3)

    def operate() -> list[str]:
        operator = operations(log_in(connect, server))
        domains = operator.domains()
        operator.unregister(domains["web01"])
        operator.destroy(domains["db01"])
        mail: Any = domains["mail01"]
        operator._finish(mail.Clone(mail.parent, "copy", _clone_spec()))
        return list(operator.domains())

    async with serve(world) as server:
        left = await asyncio.to_thread(operate)

    assert left == ["mail01", "copy"]


def _clone_spec() -> Any:
    from pyVmomi import vim

    return vim.vm.CloneSpec(location=vim.vm.RelocateSpec(), powerOn=False, template=False)


async def test_a_domain_moves_to_another_host(connect: Connect, operations: Operate) -> None:
    """By a migration and by a relocation."""
    world = make(product="vpx", hosts=2, domains=1, powered_on=True)

    def operate() -> list[object]:
        operator = operations(log_in(connect, server))
        domain: Any = operator.domains()["web01"]
        first, second = operator.hosts().values()
        operator.relocate(domain, second)
        seen = [operator.read(domain, "runtime.host") == second]
        operator._finish(domain.Migrate(None, first, "defaultPriority"))
        return [*seen, operator.read(domain, "runtime.host") == first, domain.runtime.powerState]

    async with serve(world) as server:
        assert await asyncio.to_thread(operate) == [True, True, "poweredOn"]


async def test_faults_are_the_classes_of_the_api(connect: Connect, operations: Operate) -> None:
    """With their members."""
    from pyVmomi import vim, vmodl

    world = make()

    def operate() -> None:
        service = log_in(connect, server)
        domain = operations(service).domains()["web01"]
        with pytest.raises(vim.fault.InvalidPowerState) as refused:
            domain.PowerOff()
        assert refused.value.existingState == "poweredOff"
        with pytest.raises(vmodl.query.InvalidCollectorVersion):
            service.content.propertyCollector.CheckForUpdates("nonsense")
        with pytest.raises(vmodl.fault.ManagedObjectNotFound):
            vim.VirtualMachine("99", service._GetStub()).PowerOn(None)
        server.faults.expire("CurrentTime")
        with pytest.raises(vim.fault.NotAuthenticated):
            service.CurrentTime()

    async with serve(world) as server:
        await asyncio.to_thread(operate)


async def test_a_wrong_password_is_refused(connect: Connect) -> None:
    """Only the one password opens a session."""
    from pyVmomi import vim

    async with serve(make()) as server:
        with pytest.raises(vim.fault.InvalidLogin):
            await asyncio.to_thread(connect, server.host, server.port, "root", "wrong")

    assert len(server.service.sessions) == 0


async def test_a_question_is_seen_and_answered(connect: Connect, operations: Operate) -> None:
    """It shows while the task runs; the answer lets the task go on."""
    world = make()
    world.script_questions("web01", Question())

    def operate() -> tuple[Any, Any, str]:
        from pyVmomi import vmodl

        service = log_in(connect, server)
        domain = operations(service).domains()["web01"]
        task = domain.PowerOn(None)
        collector = vmodl.query.PropertyCollector
        spec = collector.FilterSpec(
            objectSet=[collector.ObjectSpec(obj=domain), collector.ObjectSpec(obj=task)],
            propSet=[
                collector.PropertySpec(type=type(domain), pathSet=["runtime.question"]),
                collector.PropertySpec(type=type(task), pathSet=["info.state"]),
            ],
        )
        service.content.propertyCollector.CreateFilter(spec, True)
        version, asked, cleared, state = "", None, "unset", ""
        while state != "success":
            options = collector.WaitOptions(maxWaitSeconds=10)
            updates = service.content.propertyCollector.WaitForUpdatesEx(version, options)
            version = updates.version
            for change in (c for o in updates.filterSet[0].objectSet for c in o.changeSet):
                if change.name == "info.state":
                    state = change.val
                elif change.val is None:
                    cleared = change.op
                else:
                    asked = change.val
                    domain.AnswerVM(asked.id, asked.choice.choiceInfo[1].key)
        return asked, cleared, domain.runtime.powerState

    async with serve(world) as server:
        asked, cleared, state = await asyncio.to_thread(operate)

    assert (asked.id, asked.choice.defaultIndex) == ("25", 1)
    assert [choice.label for choice in asked.choice.choiceInfo] == ["Replace", "Append", "Cancel"]
    assert (cleared, state) == ("assign", "poweredOn")


async def test_tasks_are_followed_through_a_list_view(
    connect: Connect, operations: Operate
) -> None:
    """What is added while a wait goes on wakes it; what cannot be found is named."""
    world = make(pace=Pace(queued=timedelta(), progress_steps=1))
    world.script_questions("web01", Question())

    async with serve(world) as server, asyncio.TaskGroup() as group:
        service = await asyncio.to_thread(log_in, connect, server)
        view, version = await asyncio.to_thread(_follow_tasks, service)
        domain = (await asyncio.to_thread(lambda: operations(service).domains()))["web01"]
        task = await asyncio.to_thread(domain.PowerOn, None)
        first = group.create_task(asyncio.to_thread(_wait, service, version))
        await server.until_a_call_waits()
        unresolved = await asyncio.to_thread(_add, view, task)
        version, entered = await first
        seen = [entered]
        await asyncio.to_thread(domain.AnswerVM, "25", "1")
        while "success" not in seen[-1][-1].values():
            version, modified = await asyncio.to_thread(_wait, service, version)
            seen.append(modified)
        held = await asyncio.to_thread(lambda: list(view.view))
        await asyncio.to_thread(view.Modify, None, [task])
        _, left = await asyncio.to_thread(_wait, service, version)
        await asyncio.to_thread(view.Destroy)

    assert (unresolved, held) == (["nowhere"], [task])
    assert (entered[0], entered[1]["info.state"]) == ("enter", "running")
    assert entered[1]["info.entityName"] == "web01"
    assert {kind for kind, _ in seen[1:]} == {"modify"}
    assert seen[-1][-1]["info.progress"] is None
    assert left == ("leave", {})


def _follow_tasks(service: Any) -> tuple[Any, str]:
    """A list view in which nothing is yet, and the first version of what a filter tells of it."""
    from pyVmomi import vim, vmodl

    view = service.content.viewManager.CreateListView([])
    collector = vmodl.query.PropertyCollector
    members = collector.TraversalSpec(type=vim.view.ListView, path="view", skip=False)
    paths = ["info.state", "info.progress", "info.entityName", "info.error", "info.cancelable"]
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[members])],
        propSet=[collector.PropertySpec(type=vim.Task, pathSet=paths)],
    )
    service.content.propertyCollector.CreateFilter(spec, True)
    return view, service.content.propertyCollector.CheckForUpdates("").version


def _wait(service: Any, version: str) -> tuple[str, tuple[str, dict[str, Any]]]:
    """The next version, and what happened to the only object that something happened to."""
    from pyVmomi import vmodl

    options = vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=10)
    updates = service.content.propertyCollector.WaitForUpdatesEx(version, options)
    [update] = updates.filterSet[0].objectSet
    changes = {change.name: change.val for change in update.changeSet}
    return updates.version, (update.kind, changes)


def _add(view: Any, task: Any) -> list[str]:
    """Add a task, and one that there is not; the ids of those that there are not."""
    from pyVmomi import vim

    nowhere = vim.Task("nowhere", view._stub)
    return [each._moId for each in view.Modify([nowhere, task], None)]


async def test_the_events_are_read(connect: Connect, operations: Operate) -> None:
    """Each is of its own class, with the domain, the host and the user."""
    world = make(product="vpx", domains=1, hosts=2)

    def operate() -> list[Any]:
        from pyVmomi import vim

        service = log_in(connect, server)
        operator = operations(service)
        (domain,) = operator.domains().values()
        operator.power_on(domain)
        operator.relocate(domain, list(operator.hosts().values())[1])
        operator.rename(domain, "www")
        spec = vim.event.EventFilterSpec()
        collector = service.content.eventManager.CreateCollectorForEvents(spec)
        events = list(collector.ReadNextEvents(100))
        assert len(collector.latestPage) == len(events)
        assert len(service.content.eventManager.QueryEvents(spec)) == len(events)
        return events

    async with serve(world) as server:
        events = await asyncio.to_thread(operate)

    assert [type(event).__name__.rpartition(".")[2] for event in events] == [
        *("VmStartingEvent", "VmPoweredOnEvent"),
        *("VmBeingHotMigratedEvent", "VmMigratedEvent", "VmRenamedEvent"),
    ]
    assert {event.userName for event in events} == {"root"}
    migrated = events[3]
    assert (migrated.sourceHost.name, migrated.host.name) == ("esx01.example", "esx02.example")
    assert (events[4].oldName, events[4].newName) == ("web01", "www")
    assert len({events[0].chainId, events[1].chainId}) == 1


@pytest.mark.parametrize("name", names())
async def test_all_that_a_scenario_leaves_behind_is_read(connect: Connect, name: str) -> None:
    """Every event of the history, and every domain with all its properties."""
    for world in played(load(name)).values():

        def look() -> tuple[list[Any], list[str]]:
            from pyVmomi import vim

            service = log_in(connect, server)
            manager = service.content.eventManager
            collector = manager.CreateCollectorForEvents(vim.event.EventFilterSpec())
            domains = service.content.viewManager.CreateContainerView(
                service.content.rootFolder, [vim.VirtualMachine], recursive=True
            ).view
            for domain in domains:
                parts = (domain.config, domain.runtime, domain.guest, domain.summary)
                assert all((*parts, domain.snapshot or True))
                states = {task.info.state for task in domain.recentTask}
                assert states <= {"queued", "running", "success", "error"}
            return list(collector.ReadNextEvents(1000)), [domain.name for domain in domains]

        async with serve(world) as server:
            events, domains = await asyncio.to_thread(look)

        assert [type(event).__name__.rpartition(".")[2] for event in events] == [
            event.type for event in world.events.events
        ]
        assert sorted(domains) == sorted(world.domains.names)


async def test_a_client_can_do_what_scenarios_do(connect: Connect) -> None:
    """Reconfigure, take a snapshot and go back, make a template, terminate, post an event."""
    world = make(product="vpx", domains=2, hosts=2, powered_on=True)

    def operate() -> tuple[Any, Any]:
        from pyVmomi import vim

        service = log_in(connect, server)
        pool = vim.ResourcePool("resgroup-8", service._stub)
        web, db = service.content.viewManager.CreateContainerView(
            service.content.rootFolder, [vim.VirtualMachine], recursive=True
        ).view
        disk = vim.vm.device.VirtualDisk(key=-1, controllerKey=1000, unitNumber=3)
        change = vim.vm.device.VirtualDeviceSpec(operation="add", device=disk)
        shares = vim.SharesInfo(shares=2000, level="custom")
        spec = vim.vm.ConfigSpec(
            annotation="the shop",
            deviceChange=[change],
            cpuAllocation=vim.ResourceAllocationInfo(shares=shares),
        )
        _finish(web.ReconfigVM_Task(spec))
        _finish(web.CreateSnapshot_Task("before", "", memory=True, quiesce=False))
        _finish(web.PowerOffVM_Task())
        _finish(web.RevertToCurrentSnapshot_Task())
        snapshot = web.snapshot.rootSnapshotList[0].snapshot
        _finish(snapshot.RevertToSnapshot_Task())
        _finish(snapshot.RemoveSnapshot_Task(removeChildren=False))
        assert web.AcquireTicket("webmks").ticket
        db.TerminateVM()
        while db.runtime.powerState != "poweredOff":
            pass
        db.MarkAsTemplate()
        db.MarkAsVirtualMachine(pool=pool)
        argument = vim.event.VmEventArgument(name="", vm=web)
        event = vim.event.VmGuestOSCrashedEvent(
            key=0, chainId=0, createdTime=START, userName="", vm=argument, template=False
        )
        service.content.eventManager.PostEvent(event)
        return web.config, service.content.eventManager.latestEvent

    async with serve(world) as server:
        config, latest = await asyncio.to_thread(operate)

    assert config.annotation == "the shop"
    assert config.cpuAllocation.shares.shares == 2000
    keys = [device.key for device in config.hardware.device if device.key in range(2000, 5000)]
    assert keys == [2000, 3000, 4000, 2001]
    assert (type(latest).__name__, latest.vm.name) == ("vim.event.VmGuestOSCrashedEvent", "web01")
    assert [h.words for h in world.happened if h.domain == "web01" and "agent" not in h.words] == [
        *("defined updated", "device-added", "tunable", "metadata-change description"),
        *("job-completed snapshot-create", "stopped destroyed"),
        *("started from_snapshot", "job-completed snapshot-revert"),
        *("stopped from_snapshot", "started from_snapshot", "job-completed snapshot-revert"),
        "job-completed snapshot-remove",
        "graphics initialize",
    ]
    assert [h.words for h in world.happened if h.domain == "db01"] == [
        *("stopped destroyed", "defined updated", "defined updated"),
    ]


def _finish(task: Any) -> None:
    while task.info.state not in ("success", "error"):
        pass
    assert task.info.state == "success", task.info.error


@pytest.mark.parametrize("api_version", ["2.5", "4.1", "6.7", "7.0.3.0", "9.1.0.0"])
async def test_hosts_of_all_ages_are_accepted(
    connect: Connect, operations: Operate, api_version: str
) -> None:
    """The client speaks the version that the host offers."""
    world = make(api_version=api_version)

    def look() -> tuple[str, list[str]]:
        service = log_in(connect, server)
        domains = operations(service).domains()
        assert domains["web01"].runtime.powerState == "poweredOff"
        return service.content.about.apiVersion, list(domains)

    async with serve(world) as server:
        assert await asyncio.to_thread(look) == (api_version, world.domains.names)


async def test_tls_is_accepted(
    connect: Connect, operations: Operate, server_tls: ssl.SSLContext
) -> None:
    """The session's cookie, which is for TLS only, comes back."""
    async with serve(make(), ssl_context=server_tls) as server:
        service = await asyncio.to_thread(
            connect, server.host, server.port, "root", "pass", tls=True
        )
        domains = await asyncio.to_thread(lambda: operations(service).domains())

    assert len(domains) == 4
