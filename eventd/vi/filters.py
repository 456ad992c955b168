"""The filters that follow a host: its domains, their hosts and tasks, and its event history.

Paths name the leaves and never whole structures: ``runtime`` or ``summary`` would bring load
figures every few seconds. A path that a host does not know makes it refuse the filter, so what is
asked for depends on the version of its API.
"""

from __future__ import annotations

from eventd.vi.property_collector import (
    ObjectSpec,
    PropertyFilterSpec,
    PropertySpec,
    TraversalSpec,
)
from eventd.vi.tasks import TASK_PATHS
from eventd.vi.types import ManagedObjectReference
from eventd.vi.versions import (
    CLEAN_POWER_OFF_SINCE,
    FT_ROLE_SINCE,
    GUEST_KERNEL_CRASHED_SINCE,
    INSTANCE_UUID_SINCE,
    ONLINE_STANDBY_SINCE,
    TOOLS_RUNNING_STATUS_SINCE,
    ApiVersion,
)

__all__ = ["domain_filter", "history_filter", "host_filter", "task_filter"]

# `recentTask` may come without the notifications that the others have (VI API reference,
# ManagedEntity): a list that does not change is no proof that there was no task.
_DOMAIN_PATHS = (
    "name",
    "recentTask",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.host",
    "runtime.bootTime",
    "runtime.suspendTime",
    "runtime.question",
    "config.uuid",
    "config.template",
    "guest.guestState",
    "snapshot.currentSnapshot",
    "snapshot.rootSnapshotList",
)

_NEWER_DOMAIN_PATHS = {
    "runtime.cleanPowerOff": CLEAN_POWER_OFF_SINCE,
    "config.instanceUuid": INSTANCE_UUID_SINCE,
    "guest.toolsRunningStatus": TOOLS_RUNNING_STATUS_SINCE,
    "config.ftInfo.role": FT_ROLE_SINCE,
    "runtime.onlineStandby": ONLINE_STANDBY_SINCE,
    "guest.guestKernelCrashed": GUEST_KERNEL_CRASHED_SINCE,
}

# The UUID identifies a bare host, which has no instance UUID of its own. The states tell the loss
# of a host from a change of its domains.
_HOST_PATHS = (
    "name",
    "hardware.systemInfo.uuid",
    "runtime.connectionState",
    "runtime.inMaintenanceMode",
)


def domain_filter(view: ManagedObjectReference, version: ApiVersion) -> PropertyFilterSpec:
    """Follow the domains of a container view of ``VirtualMachine``."""
    newer = tuple(path for path, since in _NEWER_DOMAIN_PATHS.items() if version >= since)
    return _in_view(view, PropertySpec("VirtualMachine", _DOMAIN_PATHS + newer))


def host_filter(view: ManagedObjectReference) -> PropertyFilterSpec:
    """Follow the hosts of a container view of ``HostSystem``."""
    return _in_view(view, PropertySpec("HostSystem", _HOST_PATHS))


def history_filter(collector: ManagedObjectReference) -> PropertyFilterSpec:
    """Follow the newest events of an event history collector."""
    properties = PropertySpec("EventHistoryCollector", ("latestPage",))
    return PropertyFilterSpec((properties,), (ObjectSpec(collector),))


def task_filter(view: ManagedObjectReference) -> PropertyFilterSpec:
    """Follow the tasks of a list view."""
    return _in_view(view, PropertySpec("Task", TASK_PATHS))


def _in_view(view: ManagedObjectReference, properties: PropertySpec) -> PropertyFilterSpec:
    members = TraversalSpec(view.type, "view")
    return PropertyFilterSpec((properties,), (ObjectSpec(view, skip=True, select=(members,)),))
