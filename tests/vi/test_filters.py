"""The filters of a connection: what they ask for, and that pyVmomi would write them the same."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from eventd.vi import calls
from eventd.vi.filters import domain_filter, history_filter, host_filter, task_filter
from eventd.vi.property_collector import PropertyFilterSpec
from eventd.vi.tasks import TASK_PATHS
from eventd.vi.types import ManagedObjectReference
from eventd.vi.versions import ApiVersion
from eventd.vi.xml import XSI_TYPE, local_name

VIEW = ManagedObjectReference("ContainerView", "session[5]view")
LIST = ManagedObjectReference("ListView", "session[5]list")
COLLECTOR = ManagedObjectReference("EventHistoryCollector", "session[5]collector")
NEWEST = ApiVersion.parse("9.1.0.0")

SINCE_4_0 = {
    "runtime.cleanPowerOff",
    "config.instanceUuid",
    "config.ftInfo.role",
    "guest.toolsRunningStatus",
}


def paths(spec: PropertyFilterSpec) -> set[str]:
    return {path for properties in spec.properties for path in properties.paths}


def test_a_domain_is_followed_by_the_leaves_that_say_what_happened_to_it() -> None:
    """Whole structures would bring load figures every few seconds."""
    assert paths(domain_filter(VIEW, NEWEST)) >= {
        "name",
        "recentTask",
        "runtime.powerState",
        "runtime.connectionState",
        "runtime.host",
        "runtime.bootTime",
        "runtime.suspendTime",
        "runtime.cleanPowerOff",
        "runtime.question",
        "config.uuid",
        "config.instanceUuid",
        "config.template",
        "guest.guestState",
        "snapshot.currentSnapshot",
    }
    assert not paths(domain_filter(VIEW, NEWEST)) & {"runtime", "config", "guest", "summary"}


@pytest.mark.parametrize(
    ("version", "newer"),
    [
        ("2.5", set()),
        ("4.0", SINCE_4_0),
        ("5.1", SINCE_4_0 | {"runtime.onlineStandby"}),
        ("9.1.0.0", SINCE_4_0 | {"runtime.onlineStandby", "guest.guestKernelCrashed"}),
    ],
)
def test_a_host_is_not_asked_for_what_its_api_does_not_have(version: str, newer: set[str]) -> None:
    """It would refuse the filter."""
    least = paths(domain_filter(VIEW, ApiVersion.parse("2.5")))
    assert paths(domain_filter(VIEW, ApiVersion.parse(version))) - least == newer


def test_a_host_is_followed_by_name_identity_and_state() -> None:
    """The names tell where domains are, the UUID is what identifies a bare host."""
    assert paths(host_filter(VIEW)) == {
        "name",
        "hardware.systemInfo.uuid",
        "runtime.connectionState",
        "runtime.inMaintenanceMode",
    }


def test_the_event_history_is_followed_by_its_newest_page() -> None:
    """It is the doorbell; the events behind it are read."""
    spec = history_filter(COLLECTOR)
    assert paths(spec) == {"latestPage"}
    assert [start.obj for start in spec.objects] == [COLLECTOR]


def test_a_task_is_followed_by_the_leaves_of_its_info() -> None:
    """The whole of it would come again with each percent."""
    spec = task_filter(LIST)
    [properties], [start] = spec.properties, spec.objects

    assert properties.type == "Task"
    assert paths(spec) == {*TASK_PATHS} >= {"info.state", "info.progress", "info.entity"}
    assert "info" not in paths(spec)
    assert (start.obj, start.skip) == (LIST, True)
    assert [(way.type, way.path) for way in start.select] == [("ListView", "view")]


@pytest.mark.pyvmomi
def test_the_leaves_of_a_task_are_there_in_the_oldest_version() -> None:
    """One path that a host does not know would cost all of them; pyVmomi knows their ages."""
    from pyVmomi import vim

    known: Any = vim.TaskInfo
    ages = {
        f"info.{leaf.name}": leaf.version
        for leaf in known._propInfo.values()
        if f"info.{leaf.name}" in TASK_PATHS
    }

    assert ages == dict.fromkeys(TASK_PATHS, "vim.version.version1")


FILTERS = {
    "domains": domain_filter(VIEW, NEWEST),
    "hosts": host_filter(VIEW),
    "event history": history_filter(COLLECTOR),
    "tasks": task_filter(LIST),
}


@pytest.mark.parametrize("spec", FILTERS.values(), ids=FILTERS.keys())
@pytest.mark.pyvmomi
def test_a_filter_is_what_pyvmomi_writes(spec: PropertyFilterSpec) -> None:
    """VMware's own client is the judge of the order and the types of the parts."""
    from pyVmomi import vmodl
    from pyVmomi.SoapAdapter import SerializeToStr

    # pyVmomi makes its types at run time.
    collector: Any = vmodl.query.PropertyCollector
    serialize: Any = SerializeToStr
    theirs = collector.FilterSpec(
        propSet=[
            collector.PropertySpec(
                type=_pyvmomi_type(properties.type), all=False, pathSet=list(properties.paths)
            )
            for properties in spec.properties
        ],
        objectSet=[
            collector.ObjectSpec(
                obj=_pyvmomi_object(objects.obj),
                skip=objects.skip,
                selectSet=[
                    collector.TraversalSpec(
                        type=_pyvmomi_type(way.type), path=way.path, skip=way.skip
                    )
                    for way in objects.select
                ],
            )
            for objects in spec.objects
        ],
    )

    request = calls.create_filter(ManagedObjectReference("PropertyCollector", "p"), spec).body
    [ours] = etree.fromstring(request).iter("{urn:vim25}spec")

    assert flat(ours)[1:] == flat(etree.fromstring(serialize(theirs)))[1:]


def _pyvmomi_type(name: str) -> type:
    from pyVmomi import vim

    homes = {"ContainerView": vim.view, "ListView": vim.view, "EventHistoryCollector": vim.event}
    found: type = getattr(homes.get(name, vim), name)
    return found


def _pyvmomi_object(reference: ManagedObjectReference) -> object:
    return _pyvmomi_type(reference.type)(reference.value)


def flat(node: etree._Element) -> tuple[object, ...]:
    """Write an element as nested tuples: name, type where polymorphic, text or children."""
    polymorphic = node.get(XSI_TYPE) if local_name(node) == "selectSet" else None
    content = tuple(flat(child) for child in node) or (node.text,)
    return (local_name(node), polymorphic, node.get("type"), *content)
