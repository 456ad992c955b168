"""The last known picture of a domain: what tracking remembers, and what the journal keeps.

The values are VI's own. A picture is replaced, never changed, so that whoever holds one holds
a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from eventd.model.domain import Question

__all__ = [
    "DomainPicture",
    "HistoryPosition",
    "HostPicture",
    "PictureChange",
    "PowerState",
    "ToldTask",
]


class PowerState(StrEnum):
    """``VirtualMachinePowerState`` of the VI API."""

    POWERED_OFF = "poweredOff"
    POWERED_ON = "poweredOn"
    SUSPENDED = "suspended"


class ToldTask(NamedTuple):
    """What was told of a task that its domain lists, so that it is not told once more."""

    task: str
    """Value of the managed object reference."""
    queued_at: datetime | None
    """``queueTime``: a host that was restarted uses references again, for other tasks."""
    state: str
    """``TaskInfoState`` as it was told last: ``queued``, ``running``, ``success``, ``error``."""
    progress: int
    """Percent, as it was told last."""
    is_spent: bool
    """Whether it has explained what it can."""
    is_settled: bool
    """Whether it was told that the job is completed, or that is never to be told."""


class DomainPicture(NamedTuple):
    """What the host last told of one domain; None where it told nothing."""

    reference: str
    """Value of the managed object reference."""
    name: str = ""
    """``name``, still escaped as VI has it."""
    uuid: str | None = None
    """``config.uuid``; kept while the host does not tell it (disconnected, inaccessible)."""
    instance_uuid: str | None = None
    """``config.instanceUuid``; kept likewise."""
    power_state: PowerState | None = None
    """``runtime.powerState``."""
    host: str | None = None
    """``runtime.host``: value of the host's managed object reference."""
    boot_time: datetime | None = None
    """``runtime.bootTime``: set at power-on, cleared at power-off."""
    clean_power_off: bool | None = None
    """``runtime.cleanPowerOff``: False if the last stop was none that the host saw coming."""
    guest_state: str | None = None
    """``guest.guestState``: ``running``, ``shuttingDown``, ``resetting``, ``notRunning``, …"""
    question: Question | None = None
    """``runtime.question``."""
    connection_state: str | None = None
    """``runtime.connectionState``: ``connected``, ``disconnected``, ``orphaned``, ``inaccessible``
    or ``invalid``."""
    suspend_time: datetime | None = None
    """``runtime.suspendTime``: set when it was suspended last."""
    is_template: bool | None = None
    """``config.template``; kept likewise."""
    tools_state: str | None = None
    """``guest.toolsRunningStatus``."""
    has_crashed: bool | None = None
    """``guest.guestKernelCrashed``: the guest's system crashed, and the domain is on."""
    is_on_standby: bool | None = None
    """``runtime.onlineStandby``: the guest's system sleeps, and the domain is on."""
    snapshot: str | None = None
    """``snapshot.currentSnapshot``: value of the reference of the snapshot that it runs on."""
    snapshot_tree: str | None = None
    """A digest of ``snapshot.rootSnapshotList``: another one shows that snapshots came or went."""
    fault_tolerance_role: str | None = None
    """``config.ftInfo.role``: ``1`` of the primary, ``2`` of a secondary; kept likewise."""
    is_lost: bool = False
    """True once vSphere HA declared the host failed, until the domain is seen to run again. VI goes
    on to show the power state that it had."""
    asked_at: datetime | None = None
    """When the question was judged first: aware, UTC."""
    told_tasks: tuple[ToldTask, ...] = ()
    """What was told of the tasks that it lists, or may list yet."""
    rebooted_at: datetime | None = None
    """When its last reboot was seen first, by the host's clock: aware, UTC."""
    rebooted_until: datetime | None = None
    """When that was over, by the host's clock; None while it is not known to be."""
    reboot_signs: tuple[str, ...] | None = None
    """What has shown that reboot so far: what else shows it tells nothing new."""

    @property
    def power(self) -> PowerState:
        """The power state in effect. A domain of which none was told is not known to be active."""
        if self.is_lost or self.power_state is None:
            return PowerState.POWERED_OFF
        return self.power_state

    @property
    def is_secondary(self) -> bool:
        """Whether it is the shadow of another domain (fault tolerance), and no domain of its own.

        ``FaultToleranceConfigInfo.role``: 1 is the primary, greater numbers are secondaries.
        """
        role = self.fault_tolerance_role
        return role is not None and role.isdecimal() and int(role) > 1


class HistoryPosition(NamedTuple):
    """How far the event history of a host is dealt with. Keys cannot say it: they wrap."""

    since: datetime
    """The time, by the host's clock, of the oldest event that may not be dealt with yet."""
    settled: frozenset[tuple[int, datetime]]
    """Key and time of the events from then on that are dealt with already."""


class HostPicture(NamedTuple):
    """What is known of a connection's host itself, beside its domains."""

    identity: str | None = None
    """What names the host: ``about.instanceUuid`` of a vCenter, the UUID of a bare host's hardware.
    Another one is another host, whatever its address."""
    names: Mapping[str, str] = MappingProxyType({})
    """Names of hosts, by the value of their reference."""
    position: HistoryPosition | None = None
    """How far the event history is dealt with; None where it is not followed."""
    synced_at: datetime | None = None
    """When the last answer was taken in: aware, UTC."""


class PictureChange(NamedTuple):
    """What one update set changed in the picture of one connection's domains."""

    connection: str
    changed: Mapping[str, DomainPicture]
    """New pictures by reference."""
    removed: frozenset[str]
    """References of domains that are gone."""
    host: HostPicture | None = None
    """The host itself, as it is by now; None where nothing of it is known to have changed."""
