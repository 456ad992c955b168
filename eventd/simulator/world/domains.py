"""Domains: what the inventory holds of each, and what power changes do to their properties.

Nothing is checked here and no event is posted: that is the business of the operations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from itertools import count

from eventd.simulator.world.hardware import KINDS, Files
from eventd.simulator.world.inventory import Inventory, host_name, uuid_of
from eventd.simulator.world.objects import Objects
from eventd.simulator.world.values import DataObject, Value
from eventd.simulator.world.views import Views
from eventd.vi.types import ManagedObjectReference

__all__ = ["Domains", "default_name"]

Reference = ManagedObjectReference

_KINDS = ("web", "db", "mail", "app", "cache", "build", "proxy", "backup")

TOOLS_RUNNING: dict[str, Value] = {
    "guest.toolsStatus": "toolsOk",
    "guest.toolsRunningStatus": "guestToolsRunning",
    "guestHeartbeatStatus": "green",
}
TOOLS_STOPPED: dict[str, Value] = {
    "guest.toolsStatus": "toolsNotRunning",
    "guest.toolsRunningStatus": "guestToolsNotRunning",
    "guestHeartbeatStatus": "gray",
}

_RUNNING: dict[str, Value | None] = {
    "runtime.powerState": "poweredOn",
    "runtime.cleanPowerOff": None,
    "guest.guestState": "running",
    **TOOLS_RUNNING,
}

_LOAD: dict[str, Value] = {
    "summary.quickStats.overallCpuUsage": 120,
    "summary.quickStats.overallCpuDemand": 130,
    "summary.quickStats.guestMemoryUsage": 64,
    "summary.quickStats.hostMemoryUsage": 300,
}
_NO_LOAD: dict[str, Value] = dict.fromkeys(_LOAD, 0)
_AT_FIRST: dict[str, Value] = {
    **_NO_LOAD,
    "summary.quickStats.swappedMemory": 0,
    "summary.quickStats.balloonedMemory": 0,
}
"""How busy a domain is: as it is when it is on, or not at all. It is never short of memory."""

_SANE: dict[str, Value] = {"guest.guestKernelCrashed": False, "runtime.onlineStandby": False}
"""What ends every crash and sleep of the guest."""


def default_name(index: int) -> str:
    """The name of the domain with an index, from 0: ``web01``, ``db01``, …, ``web02``, …"""
    return f"{_KINDS[index % len(_KINDS)]}{index // len(_KINDS) + 1:02}"


class Domains:
    """The domains by name and by UUID."""

    def __init__(self, objects: Objects, inventory: Inventory, views: Views) -> None:
        self._objects = objects
        self._inventory = inventory
        self._views = views
        self._numbers = count(1 if inventory.product == "esx" else 42)
        self._changes = count(1)
        self._by_name: dict[str, Reference] = {}
        self._by_uuid: dict[str, list[Reference]] = {}
        self._hidden: dict[Reference, dict[str, Value]] = {}
        self._resets: Counter[Reference] = Counter()

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def names(self) -> list[str]:
        """The names of all domains, in the order of their coming."""
        return list(self._by_name)

    def named(self, name: str) -> Reference | None:
        """The domain of a name."""
        return self._by_name.get(name)

    def with_uuid(self, uuid: str) -> list[Reference]:
        """All domains with a BIOS UUID or an instance UUID."""
        return self._by_uuid.get(uuid.lower(), [])

    def add(
        self,
        name: str,
        *,
        now: datetime,
        host: Reference | None = None,
        values: Mapping[str, Value | None] | None = None,
        kind: int = 0,
        powered_on: bool = False,
    ) -> Reference:
        """Put a domain into the inventory, under a reference of its own.

        ``values`` are properties that differ from those of a usual one; None leaves one unset.
        ``kind`` is the number of the hardware that it has, of `KINDS` over and over again.
        """
        inventory = self._inventory
        domain = inventory.domain_reference(next(self._numbers))
        given = {
            **self._values(name, domain, host or inventory.hosts[0], now, kind),
            **({**_RUNNING, **_LOAD} if powered_on else {}),
            **(values or {}),
        }
        self._put(domain, name, {path: v for path, v in given.items() if v is not None})
        return domain

    def _put(self, domain: Reference, name: str, values: dict[str, Value]) -> None:
        self._objects.create(domain, values)
        self._index(domain, name, values)
        for holder, array in self._holders(domain):
            self._objects.link(holder, array, domain)
        self._views.entered(domain)

    def remove(self, domain: Reference) -> None:
        """Take a domain out of the inventory."""
        self._objects.update(domain, self._hidden.pop(domain, {}))
        values = self._objects.values(domain)
        self._forget_name(domain)
        for path in ("config.uuid", "config.instanceUuid"):
            if same := self._by_uuid.get(str(values.get(path)).lower()):
                same.remove(domain)
        for holder, array in self._holders(domain):
            self._objects.unlink(holder, array, domain)
        self._views.left(domain)
        self._objects.destroy(domain)

    def _index(self, domain: Reference, name: str, values: dict[str, Value]) -> None:
        self._by_name[name] = domain
        for path in ("config.uuid", "config.instanceUuid"):
            self._by_uuid.setdefault(str(values[path]).lower(), []).append(domain)

    def _forget_name(self, domain: Reference) -> None:
        name = str(self._objects.values(domain)["name"])
        if self._by_name.get(name) == domain:
            del self._by_name[name]

    def _holders(self, domain: Reference) -> list[tuple[Reference, str]]:
        inventory = self._inventory
        return [
            (inventory.domain_folder, "childEntity"),
            (inventory.resource_pool, "vm"),
            (inventory.datastore, "vm"),
            *((host, "vm") for host in self._objects.references(domain, "runtime.host")),
        ]

    def _values(
        self, name: str, domain: Reference, host: Reference, now: datetime, kind: int
    ) -> dict[str, Value]:
        hardware = KINDS[kind % len(KINDS)]
        inventory = self._inventory
        identity = f"{inventory.product}/{domain.value}"
        first = str(self._objects.read(inventory.hosts[0], "name"))
        if first != host_name(1):
            identity = f"{first}/{identity}"
        item = f"[datastore1] {name}/{name}.vmx"
        return {
            "name": name,
            "parent": inventory.domain_folder,
            "overallStatus": "green",
            "configStatus": "green",
            "alarmActionsEnabled": True,
            "resourcePool": inventory.resource_pool,
            "config.changeVersion": now.isoformat(),
            "config.modified": now,
            "config.guestFullName": "Debian GNU/Linux 12 (64-bit)",
            "config.version": "vmx-19",
            "config.uuid": uuid_of(f"bios.{identity}"),
            "config.instanceUuid": uuid_of(f"instance.{identity}"),
            "config.template": False,
            "config.guestId": "debian12_64Guest",
            "config.alternateGuestName": "",
            "config.files.vmPathName": item,
            "config.files.snapshotDirectory": f"[datastore1] {name}/",
            "config.hardware.numCPU": 1,
            "config.hardware.numCoresPerSocket": 1,
            "config.hardware.memoryMB": 512,
            "config.firmware": "bios",
            **_allocation("config.cpuAllocation", shares=1000),
            **_allocation("config.memoryAllocation", shares=5120),
            "runtime.host": host,
            "runtime.connectionState": "connected",
            "runtime.powerState": "poweredOff",
            "runtime.faultToleranceState": "notConfigured",
            "runtime.toolsInstallerMounted": False,
            "runtime.numMksConnections": 0,
            "runtime.cleanPowerOff": True,
            "runtime.onlineStandby": False,
            "runtime.consolidationNeeded": False,
            "guest.guestState": "notRunning",
            **TOOLS_STOPPED,
            "summary.vm": domain,
            "summary.quickStats.guestHeartbeatStatus": "gray",
            **_AT_FIRST,
            **hardware(Files(name)),
        }

    def power_state(self, domain: Reference) -> str:
        """``poweredOn``, ``poweredOff`` or ``suspended``."""
        return str(self._objects.values(domain)["runtime.powerState"])

    def set_powered_on(self, domain: Reference, now: datetime) -> None:
        """Boot, or go on after a suspend; going on keeps the time of the boot."""
        resumed = self.power_state(domain) == "suspended"
        self._touch(domain, now)
        self._objects.update(
            domain,
            {
                "runtime.powerState": "poweredOn",
                "runtime.cleanPowerOff": None,
                **_LOAD,
                **({} if resumed else {"runtime.bootTime": now}),
                "runtime.suspendTime": None,
                "guest.guestState": "running",
                **TOOLS_RUNNING,
            },
        )

    def set_booted(self, domain: Reference, now: datetime) -> None:
        """Run anew, whatever was before: with a new boot time."""
        self._touch(domain, now)
        self._objects.update(
            domain,
            {**_RUNNING, "runtime.bootTime": now, "runtime.suspendTime": None, **_SANE, **_LOAD},
        )

    def set_powered_off(self, domain: Reference, now: datetime, *, clean: bool = True) -> None:
        """Stop; ``clean`` says whether it was an orderly stop (VI API, cleanPowerOff)."""
        self._touch(domain, now)
        self._objects.update(
            domain,
            {
                "runtime.powerState": "poweredOff",
                "runtime.cleanPowerOff": clean,
                "runtime.bootTime": None,
                "runtime.suspendTime": None,
                "guest.guestState": "notRunning",
                **TOOLS_STOPPED,
                **_SANE,
                **_NO_LOAD,
            },
        )

    def set_suspended(self, domain: Reference, now: datetime) -> None:
        """Write the memory to disk and stop."""
        self._touch(domain, now)
        self._objects.update(
            domain,
            {
                "runtime.powerState": "suspended",
                "runtime.suspendTime": now,
                "runtime.cleanPowerOff": None,
                "runtime.onlineStandby": False,
                "guest.guestState": "notRunning",
                **TOOLS_STOPPED,
                **_NO_LOAD,
            },
        )

    def run(self, domain: Reference) -> tuple[Value | None, int]:
        """What tells one run of the guest from the next: when it was booted, and how often anew."""
        return self._objects.read(domain, "runtime.bootTime"), self._resets[domain]

    def set_resetting(self, domain: Reference) -> None:
        """Let the guest go down for a reboot; the power state stays on."""
        self._resets[domain] += 1
        self._objects.update(domain, {"guest.guestState": "resetting", **TOOLS_STOPPED, **_SANE})

    def set_guest_running(self, domain: Reference) -> None:
        """Let the guest be up again."""
        self._objects.update(domain, {"guest.guestState": "running", **TOOLS_RUNNING})

    def set_host(self, domain: Reference, host: Reference, now: datetime) -> None:
        """Move a domain to another host, as it is."""
        for old in self._objects.references(domain, "runtime.host"):
            self._objects.unlink(old, "vm", domain)
        self._touch(domain, now)
        self._objects.assign(domain, "runtime.host", host)
        self._objects.link(host, "vm", domain)
        self._views.moved(domain)

    def set_name(self, domain: Reference, name: str, now: datetime) -> None:
        """Rename a domain; its files keep their names."""
        self._forget_name(domain)
        self._by_name[name] = domain
        self._touch(domain, now)
        self._objects.assign(domain, "name", name)

    def set_datastore(self, domain: Reference, datastore: str, now: datetime) -> None:
        """Let a domain's files be on another datastore."""
        path = str(self._objects.read(domain, "config.files.vmPathName"))
        self._touch(domain, now)
        self._objects.assign(
            domain, "config.files.vmPathName", f"[{datastore}] {path.partition('] ')[2]}"
        )

    def set_uuid(self, domain: Reference, uuid: str, now: datetime) -> None:
        """Give a domain another BIOS UUID."""
        self._by_uuid[self.uuid(domain).lower()].remove(domain)
        self._by_uuid.setdefault(uuid.lower(), []).append(domain)
        self._touch(domain, now)
        self._objects.assign(domain, "config.uuid", uuid)

    def configure(
        self, domain: Reference, values: Mapping[str, Value | None], now: datetime
    ) -> None:
        """Change a domain's configuration."""
        self._touch(domain, now)
        self._objects.update(domain, values)

    def uuid(self, domain: Reference) -> str:
        """The BIOS UUID, also while the configuration cannot be read."""
        values = self._hidden.get(domain) or self._objects.values(domain)
        return str(values["config.uuid"])

    def hide_configuration(self, domain: Reference) -> None:
        """Unset all of ``config``, as hosts do while they cannot read a domain's files."""
        held = self._objects.values(domain)
        hidden = {path: value for path, value in held.items() if path.startswith("config.")}
        self._hidden[domain] = hidden
        self._objects.update(domain, dict.fromkeys(hidden))

    def show_configuration(self, domain: Reference) -> None:
        """Set ``config`` again to what it was."""
        self._objects.update(domain, self._hidden.pop(domain, {}))

    def _touch(self, domain: Reference, now: datetime) -> None:
        version = f"{now.isoformat()}/{next(self._changes)}"
        self._objects.assign(domain, "config.changeVersion", version)


def _allocation(path: str, *, shares: int) -> dict[str, Value]:
    return {
        f"{path}.reservation": 0,
        f"{path}.expandableReservation": False,
        f"{path}.limit": -1,
        f"{path}.shares": DataObject("SharesInfo", {"shares": shares, "level": "normal"}),
    }
