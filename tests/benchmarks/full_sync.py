"""What the first full sync of 10,000 domains costs: eventd, the bare lxml tree, pyVmomi.

Run by hand: ``python tests/benchmarks/full_sync.py [ROUNDS]``. A host in a process of its own
replays 100 pages of 100 domains from memory. The clients take turns, each in a fresh process, so
that the ratios hold on a busy machine; the times are their CPU, from before the login until the
last page is taken in. eventd is the whole connection: HTTP, parsing, tracking, journal. The bare
tree only parses the same bytes, which it has already.
Targets: eventd at most 2.5 times the bare tree, and at least 8 times less than pyVmomi.
"""

# pyVmomi has types for its members, but none for its constructors.
# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from aiohttp import web
from lxml import etree

from eventd.connections.connection import Connection
from eventd.connections.credentials import Credentials
from eventd.connections.transport import Transport
from eventd.journal.memory import MemoryJournal
from eventd.model.events import ConnectionConnected, Event
from eventd.model.picture import PictureChange
from eventd.model.record import EventRecord
from eventd.tracking.tracker import Tracker
from eventd.vi import filters
from eventd.vi.types import ManagedObjectReference
from eventd.vi.uri import ConnectionURI
from eventd.vi.versions import ApiVersion

if TYPE_CHECKING:
    from pyVmomi import vim, vmodl

RECORDED = Path(__file__).parent.parent / "vi" / "recorded"
PAGES = 100
DOMAINS_ON_A_PAGE = 100
DOMAINS = PAGES * DOMAINS_ON_A_PAGE
TREE, EVENTD, PYVMOMI = "bare tree", "eventd", "pyVmomi"

# --- the pages ----------------------------------------------------------------------------------

Property = tuple[str, str, str | None]
"""A path, the type of its value, and the value; None if it is unset."""


def properties(number: int) -> list[Property]:
    """Return what eventd's filter asks of a domain: one that is on, as most are."""
    return [
        ("name", "xsd:string", f"production-web-{number:05d}"),
        ("recentTask", "ArrayOfManagedObjectReference", ""),
        ("runtime.powerState", "VirtualMachinePowerState", "poweredOn"),
        ("runtime.connectionState", "VirtualMachineConnectionState", "connected"),
        ("runtime.host", "ManagedObjectReference", f"host-{number % 300}"),
        ("runtime.bootTime", "xsd:dateTime", f"2026-11-20T12:{number % 60:02d}:00.123456Z"),
        ("runtime.suspendTime", "xsd:dateTime", None),
        ("runtime.question", "VirtualMachineQuestionInfo", None),
        ("config.uuid", "xsd:string", f"4215d4a2-7c35-0b5d-6a2e-{number:012x}"),
        ("config.template", "xsd:boolean", "false"),
        ("guest.guestState", "xsd:string", "running"),
        ("snapshot.currentSnapshot", "ManagedObjectReference", None),
        ("snapshot.rootSnapshotList", "ArrayOfVirtualMachineSnapshotTree", None),
        ("runtime.cleanPowerOff", "xsd:boolean", None),
        ("config.instanceUuid", "xsd:string", f"5015d4a2-7c35-0b5d-6a2e-{number:012x}"),
        ("guest.toolsRunningStatus", "xsd:string", "guestToolsRunning"),
        ("config.ftInfo.role", "xsd:int", None),
        ("runtime.onlineStandby", "xsd:boolean", "false"),
        ("guest.guestKernelCrashed", "xsd:boolean", "false"),
    ]


def change_as_vcenter_writes_it(path: str, kind: str, value: str | None) -> str:
    """Write a property with the prefix of the envelope; one that is unset is not told."""
    if value is None:
        return ""
    reference = ' type="HostSystem"' if kind == "ManagedObjectReference" else ""
    return (
        f"<changeSet><name>{path}</name><op>assign</op>"
        f'<val{reference} xsi:type="{kind}">{value}</val></changeSet>'
    )


def change_as_vcsim_writes_it(path: str, kind: str, value: str | None) -> str:
    """Write a property as in ``tests/vi/recorded``: each value declares the prefix anew."""
    if value is None:
        return f"<changeSet><name>{path}</name><op>assign</op></changeSet>"
    reference = ' type="HostSystem"' if kind == "ManagedObjectReference" else ""
    prefix = "_XMLSchema-instance"
    return (
        f"<changeSet><name>{path}</name><op>assign</op><val{reference}"
        f' xmlns:{prefix}="http://www.w3.org/2001/XMLSchema-instance" {prefix}:type="{kind}">'
        f"{value}</val></changeSet>"
    )


SHAPES: dict[str, Callable[[str, str, str | None], str]] = {
    "vcenter": change_as_vcenter_writes_it,
    "vcsim": change_as_vcsim_writes_it,
}


def envelope(method: str, content: str) -> bytes:
    """Write an answer as hosts do."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<soapenv:Envelope xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"'
        ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        f'<{method}Response xmlns="urn:vim25">{content}</{method}Response>'
        "</soapenv:Body></soapenv:Envelope>"
    ).encode()


def page(shape: str, index: int) -> bytes:
    """Write one page of the first answer; its version names the next page."""
    write = SHAPES[shape]
    updates = []
    for number in range(index * DOMAINS_ON_A_PAGE, (index + 1) * DOMAINS_ON_A_PAGE):
        changes = "".join(write(*each) for each in properties(number))
        updates.append(
            '<objectSet><kind>enter</kind><obj type="VirtualMachine">'
            f"vm-{number + 1000}</obj>{changes}</objectSet>"
        )
    truncated = "<truncated>true</truncated>" if index < PAGES - 1 else ""
    return envelope(
        "WaitForUpdatesEx",
        f"<returnval><version>{index + 1}</version><filterSet>"
        f'<filter type="PropertyFilter">session[52ad]1</filter>{"".join(updates)}</filterSet>'
        f"{truncated}</returnval>",
    )


def pages(shape: str) -> list[bytes]:
    """Write the whole first answer."""
    return [page(shape, index) for index in range(PAGES)]


# --- the host -----------------------------------------------------------------------------------

ANSWERS = {
    "RetrieveServiceContent": (RECORDED / "service-content.xml").read_bytes(),
    "Login": envelope(
        "Login",
        "<returnval><key>52ad</key><userName>root</userName><fullName>root</fullName>"
        "<loginTime>2026-11-20T12:00:00Z</loginTime><lastActiveTime>2026-11-20T12:00:00Z"
        "</lastActiveTime><locale>en</locale><messageLocale>en</messageLocale></returnval>",
    ),
    "Logout": envelope("Logout", ""),
    "CurrentTime": envelope("CurrentTime", "<returnval>2026-11-20T12:00:00Z</returnval>"),
} | {
    method: envelope(method, f'<returnval type="{kind}">session[52ad]{kind}</returnval>')
    for method, kind in (
        ("CreatePropertyCollector", "PropertyCollector"),
        ("CreateContainerView", "ContainerView"),
        ("CreateFilter", "PropertyFilter"),
        ("CreateCollectorForEvents", "EventHistoryCollector"),
    )
}


async def serve(shape: str) -> None:
    """Be a host: print the port, and answer from memory until killed."""
    first_answer = pages(shape)

    async def answer(request: web.BaseRequest) -> web.Response:
        body = await request.read()
        call = re.search(rb"Body[^>]*>\s*<(\w+)", body)
        assert call is not None, f"no call: {body!r}"
        method = call[1].decode()
        if method == "WaitForUpdatesEx":
            version = re.search(rb"<version[^>]*>(\d+)<", body)
            index = int(version[1]) if version else 0
            if index == PAGES:
                await asyncio.Event().wait()  # nothing ever changes
            return web.Response(body=first_answer[index], content_type="text/xml")
        return web.Response(body=ANSWERS[method], content_type="text/xml")

    runner = web.ServerRunner(web.Server(answer, handler_cancellation=True, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def host(shape: str) -> Iterator[int]:
    """Run the host in a process of its own; give its port."""
    command = [sys.executable, __file__, "--serve", shape]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


# --- the clients --------------------------------------------------------------------------------


async def sync_with_eventd(port: int) -> float:
    """Connect as the daemon does; return CPU seconds until the connection is in sync."""
    uri = ConnectionURI.parse(f"vpx://root@127.0.0.1:{port}/?transport=http")
    journal = MemoryJournal("benchmark")
    is_in_sync = asyncio.Event()

    def publish(
        events: Sequence[Event], picture: PictureChange | None = None
    ) -> Sequence[EventRecord]:
        if any(isinstance(event, ConnectionConnected) for event in events):
            is_in_sync.set()
        return journal.append(events, now=datetime.now(UTC), picture=picture)

    connection = Connection(
        "vcenter",
        uri,
        transport=partial(Transport, uri.endpoint, ssl_context=None),
        credentials=lambda: Credentials("root", "pass"),
        tracker=Tracker("vcenter", source=uri.source),
        publish=publish,
        clock=lambda: datetime.now(UTC),
    )
    begin = time.process_time()
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(connection.run())
        await is_in_sync.wait()
        spent = time.process_time() - begin
        following.cancel()
    assert len(journal.pictures("vcenter")) == DOMAINS
    return spent


def sync_with_pyvmomi(port: int) -> float:
    """Make the same calls with pyVmomi, and keep nothing; return CPU seconds."""
    # Here, since the other clients do not carry its thousands of objects with them.
    from pyVmomi import vim, vmodl
    from pyVmomi.SoapAdapter import SoapStubAdapter

    begin = time.process_time()
    stub = SoapStubAdapter(host="127.0.0.1", port=-port, version="vim.version.version11")
    content = vim.ServiceInstance("ServiceInstance", stub).RetrieveContent()
    assert content.sessionManager is not None
    content.sessionManager.Login("root", "pass", None)
    collector = content.propertyCollector.CreatePropertyCollector()
    collector.CreateFilter(_filter_of_pyvmomi(content), False)
    options = vmodl.query.PropertyCollector.WaitOptions(maxObjectUpdates=DOMAINS_ON_A_PAGE)
    version, truncated, domains = "", True, 0
    while truncated:
        update_set = collector.WaitForUpdatesEx(version, options)
        assert update_set is not None
        version, truncated = update_set.version, bool(update_set.truncated)
        domains += len(update_set.filterSet[0].objectSet)
    assert domains == DOMAINS
    return time.process_time() - begin


def _filter_of_pyvmomi(
    content: vim.ServiceInstanceContent,
) -> vmodl.query.PropertyCollector.FilterSpec:
    from pyVmomi import vim, vmodl

    assert content.viewManager is not None
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    reference = ManagedObjectReference("ContainerView", "session[52ad]ContainerView")
    [asked] = filters.domain_filter(reference, ApiVersion.parse("6.5")).properties
    collector = vmodl.query.PropertyCollector
    members = collector.TraversalSpec(path="view", skip=False, type=vim.view.ContainerView)
    return collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[members])],
        propSet=[collector.PropertySpec(type=vim.VirtualMachine, pathSet=list(asked.paths))],
    )


def build_trees(shape: str) -> float:
    """Parse the pages and look at nothing; return CPU seconds."""
    parser = etree.XMLParser(huge_tree=False, resolve_entities=False, collect_ids=False)
    answer = pages(shape)
    begin = time.process_time()
    for document in answer:
        etree.fromstring(document, parser)
    return time.process_time() - begin


def in_a_fresh_process(client: str, shape: str, port: int) -> float:
    """Let a client sync once; return its CPU seconds."""
    command = [sys.executable, __file__, "--sync", client, shape, str(port)]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    return float(output.splitlines()[-1])  # eventd logs before it


def sync(client: str, shape: str, port: int) -> float:
    """Be a client."""
    match client:
        case "eventd":
            return asyncio.run(sync_with_eventd(port))
        case "pyVmomi":
            return sync_with_pyvmomi(port)
        case _:
            return build_trees(shape)


# --- the figures --------------------------------------------------------------------------------


def compare(shape: str, *, rounds: int) -> None:
    """Print the figures for one shape of the pages."""
    times: dict[str, list[float]] = {TREE: [], EVENTD: [], PYVMOMI: []}
    with host(shape) as port:
        for _ in range(rounds):
            for client, spent in times.items():
                spent.append(in_a_fresh_process(client, shape, port))
    size = sum(map(len, pages(shape)))
    figures = ", ".join(f"{client} {median(spent):.3f} s" for client, spent in times.items())
    print(f"{DOMAINS} domains as {shape} writes them ({size / 1e6:.1f} MB): {figures} of CPU")
    print(
        f"  eventd is {_ratio(times[EVENTD], times[TREE]):.2f} times the bare tree;"
        f" pyVmomi is {_ratio(times[PYVMOMI], times[EVENTD]):.1f} times eventd"
    )


def _ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median over the rounds, in each of which both ran close together."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def main() -> None:
    """Compare, or be the host or a client."""
    match sys.argv[1:]:
        case ["--serve", shape]:
            asyncio.run(serve(shape))
        case ["--sync", client, shape, port]:
            print(sync(client, shape, int(port)))
        case arguments:
            for shape in SHAPES:
                compare(shape, rounds=int(arguments[0]) if arguments else 5)


if __name__ == "__main__":
    main()
