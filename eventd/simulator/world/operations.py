"""What can be done to a domain, with the checks, tasks and events of a real host.

Descriptions of tasks are those of a real vCenter: ``VirtualMachine.powerOff``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from eventd.simulator.world.domains import Domains
from eventd.simulator.world.events import EventHistory
from eventd.simulator.world.faults import (
    DuplicateName,
    InvalidArgument,
    InvalidPowerState,
    InvalidState,
    ManagedObjectNotFound,
    ToolsUnavailable,
)
from eventd.simulator.world.inventory import Inventory
from eventd.simulator.world.objects import Objects
from eventd.simulator.world.questions import Questions
from eventd.simulator.world.schedule import Schedule
from eventd.simulator.world.tasks import Task, Tasks
from eventd.simulator.world.values import Value
from eventd.vi.types import ManagedObjectReference

__all__ = ["Operations"]

Reference = ManagedObjectReference


class Operations:
    """The operations; those that return a reference return their task's."""

    def __init__(
        self,
        objects: Objects,
        inventory: Inventory,
        domains: Domains,
        events: EventHistory,
        tasks: Tasks,
        questions: Questions,
        schedule: Schedule,
    ) -> None:
        self._objects = objects
        self._inventory = inventory
        self._domains = domains
        self._events = events
        self._tasks = tasks
        self._questions = questions
        self._schedule = schedule
        self.cancelable: set[Reference] = set()
        """The domains whose tasks can be cancelled."""

    # -- power

    def power_on(self, domain: Reference, *, user: str, now: datetime) -> Reference:
        """Boot a domain, or let it go on after a suspend.

        Raises:
            VIFault: ``InvalidPowerState`` or ``TaskInProgress``.
        """
        self._require(domain, "poweredOff", "suspended", requested="poweredOn")
        resumes = self._domains.power_state(domain) == "suspended"

        def begin(task: Task, at: datetime) -> None:
            self._post("VmResumingEvent" if resumes else "VmStartingEvent", task, at)

        def end(task: Task, at: datetime) -> None:
            self._domains.set_powered_on(domain, at)
            self._post("VmPoweredOnEvent", task, at)

        return self._start("PowerOnVM_Task", "powerOn", domain, user, now, begin, end)

    def power_off(self, domain: Reference, *, user: str, now: datetime) -> Reference:
        """Pull the plug.

        Raises:
            VIFault: ``InvalidPowerState`` or ``TaskInProgress``.
        """
        self._require(domain, "poweredOn", "suspended", requested="poweredOff")

        def begin(task: Task, at: datetime) -> None:
            self._post("VmStoppingEvent", task, at)

        def end(task: Task, at: datetime) -> None:
            self._domains.set_powered_off(domain, at)
            self._post("VmPoweredOffEvent", task, at)

        return self._start("PowerOffVM_Task", "powerOff", domain, user, now, begin, end)

    def suspend(self, domain: Reference, *, user: str, now: datetime) -> Reference:
        """Write a domain's memory to disk and stop it.

        Raises:
            VIFault: ``InvalidPowerState`` or ``TaskInProgress``.
        """
        self._require(domain, "poweredOn", requested="suspended")

        def begin(task: Task, at: datetime) -> None:
            self._post("VmSuspendingEvent", task, at)

        def end(task: Task, at: datetime) -> None:
            self._domains.set_suspended(domain, at)
            self._post("VmSuspendedEvent", task, at)

        return self._start("SuspendVM_Task", "suspend", domain, user, now, begin, end)

    def reset(self, domain: Reference, *, user: str, now: datetime) -> Reference:
        """Press the reset button: the power state stays on all the while.

        Raises:
            VIFault: ``InvalidPowerState`` or ``TaskInProgress``.
        """
        self._require(domain, "poweredOn", requested="poweredOn")

        def begin(task: Task, at: datetime) -> None:
            self._domains.set_resetting(domain)
            self._post("VmResettingEvent", task, at)

        def end(task: Task, at: datetime) -> None:
            self._domains.set_guest_running(domain)
            self._post("VmPoweredOnEvent", task, at)

        return self._start("ResetVM_Task", "reset", domain, user, now, begin, end)

    def shutdown_guest(self, domain: Reference, *, user: str, now: datetime) -> None:
        """Ask the guest to shut down; there is no task, and it happens later.

        Raises:
            VIFault: ``InvalidPowerState`` or ``ToolsUnavailable``.
        """
        self._require_tools(domain, requested="poweredOff")
        self._objects.assign(domain, "guest.guestState", "shuttingDown")
        self._events.post("VmGuestShutdownEvent", now=now, user=user, domain=domain)
        booted = self._boot_time(domain)

        def stop(at: datetime) -> None:
            if self._boot_time(domain) == booted:
                self._guest_stops(domain, at)

        self._schedule.add(now + self._tasks.pace.guest, stop)

    def reboot_guest(self, domain: Reference, *, user: str, now: datetime) -> None:
        """Ask the guest to reboot; there is no task, and the power state stays on.

        Raises:
            VIFault: ``InvalidPowerState`` or ``ToolsUnavailable``.
        """
        self._require_tools(domain, requested="poweredOn")
        self._events.post("VmGuestRebootEvent", now=now, user=user, domain=domain)
        self.guest_reboots(domain, now=now)

    def standby_guest(self, domain: Reference, *, user: str, now: datetime) -> None:
        """Ask the guest to go to standby, which suspends the domain without a task.

        Raises:
            VIFault: ``InvalidPowerState`` or ``ToolsUnavailable``.
        """
        self._require_tools(domain, requested="suspended")
        self._events.post("VmGuestStandbyEvent", now=now, user=user, domain=domain)

        def stop(at: datetime) -> None:
            if self._is_on(domain):
                self._domains.set_suspended(domain, at)
                self._events.post("VmSuspendedEvent", now=at, domain=domain)

        self._schedule.add(now + self._tasks.pace.guest, stop)

    # -- what happens by itself

    def guest_powers_off(self, domain: Reference, *, now: datetime) -> None:
        """The guest stops of its own accord: an orderly stop without a task."""
        self._require(domain, "poweredOn", requested="poweredOff", idle=False)
        self._guest_stops(domain, now)

    def guest_reboots(self, domain: Reference, *, now: datetime) -> None:
        """The guest reboots of its own accord: its tools go and come back."""
        self._domains.set_resetting(domain)

        def come_up(_: datetime) -> None:
            if self._is_on(domain):
                self._domains.set_guest_running(domain)

        self._schedule.add(now + self._tasks.pace.guest, come_up)

    def crash(self, domain: Reference, *, now: datetime) -> None:
        """The domain's process dies: a stop without a task that was not orderly."""
        self._require(domain, "poweredOn", requested="poweredOff", idle=False)
        self._interrupt_tasks(domain, now)
        self._domains.set_powered_off(domain, now, clean=False)
        self._events.post("VmPoweredOffEvent", now=now, domain=domain)

    def lose_host(self, host: Reference, *, now: datetime) -> None:
        """The connection of a vCenter to a host breaks."""
        self._objects.assign(host, "runtime.connectionState", "notResponding")
        self._events.post("HostConnectionLostEvent", now=now, host=host)
        for domain in self._objects.references(host, "vm"):
            self._objects.assign(domain, "runtime.connectionState", "disconnected")
            self._events.post("VmDisconnectedEvent", now=now, domain=domain)

    def find_host_again(self, host: Reference, *, now: datetime) -> None:
        """The connection of a vCenter to a host comes back."""
        self._objects.assign(host, "runtime.connectionState", "connected")
        self._events.post("HostConnectedEvent", now=now, host=host)
        for domain in self._objects.references(host, "vm"):
            self._objects.assign(domain, "runtime.connectionState", "connected")
            self._events.post("VmConnectedEvent", now=now, domain=domain)

    def _guest_stops(self, domain: Reference, now: datetime) -> None:
        if self._is_on(domain):
            self._interrupt_tasks(domain, now)
            self._domains.set_powered_off(domain, now)
            self._events.post("VmPoweredOffEvent", now=now, domain=domain)

    def _interrupt_tasks(self, domain: Reference, now: datetime) -> None:
        """End the tasks of a domain whose process has gone."""
        for task in self._tasks.of(domain):
            self._tasks.fail(task, InvalidState("The virtual machine has stopped."), now)

    # -- place and name

    def migrate(
        self,
        domain: Reference,
        host: Reference,
        *,
        user: str,
        now: datetime,
        method: str = "MigrateVM_Task",
        description: str = "migrate",
    ) -> Reference:
        """Move a domain to another host; a running one runs on.

        Raises:
            VIFault: ``NotSupported`` on a bare host, ``InvalidArgument``, ``TaskInProgress``.
        """
        if host not in self._inventory.hosts:
            raise InvalidArgument("host")
        source = self._objects.references(domain, "runtime.host")[0]
        is_hot = self._is_on(domain)

        def begin(task: Task, at: datetime) -> None:
            kind = "VmBeingHotMigratedEvent" if is_hot else "VmBeingMigratedEvent"
            self._events.post(
                kind,
                now=at,
                user=task.user,
                domain=domain,
                chain=task.chain,
                members={"destHost": self._events.argument("Host", host)},
            )

        def end(task: Task, at: datetime) -> None:
            self._domains.set_host(domain, host, at)
            self._events.post(
                "VmMigratedEvent",
                now=at,
                user=task.user,
                domain=domain,
                chain=task.chain,
                members={"sourceHost": self._events.argument("Host", source)},
            )

        return self._start(method, description, domain, user, now, begin, end)

    def rename(self, domain: Reference, name: str, *, user: str, now: datetime) -> Reference:
        """Give a domain another name.

        Raises:
            VIFault: ``DuplicateName`` or ``TaskInProgress``.
        """
        self._require_free(name)

        def end(task: Task, at: datetime) -> None:
            old = str(self._objects.read(domain, "name"))
            self._domains.set_name(domain, name, at)
            self._events.post(
                "VmRenamedEvent",
                now=at,
                user=task.user,
                domain=domain,
                chain=task.chain,
                members={"oldName": old, "newName": name},
            )

        return self._start("Rename_Task", "rename", domain, user, now, None, end)

    # -- coming and going

    def create(self, name: str, *, user: str, now: datetime) -> Reference:
        """Create a domain; the task's result is its reference.

        Raises:
            VIFault: ``DuplicateName``.
        """
        self._require_free(name)

        def end(task: Task, at: datetime) -> Reference:
            domain = self._domains.add(name, now=at)
            self._post_creation(domain, task, at)
            return domain

        return self._start_in_folder("CreateVM_Task", "Folder.createVm", user, now, end)

    def register(
        self, name: str, path: str | None = None, *, user: str, now: datetime
    ) -> Reference:
        """Take a domain whose files exist into the inventory, under a new reference.

        Raises:
            VIFault: ``DuplicateName``.
        """
        self._require_free(name)

        def end(task: Task, at: datetime) -> Reference:
            domain = self._domains.add(name, now=at, path=path)
            self._post("VmRegisteredEvent", task, at, domain)
            return domain

        return self._start_in_folder("RegisterVM_Task", "Folder.registerVm", user, now, end)

    def clone(self, domain: Reference, name: str, *, user: str, now: datetime) -> Reference:
        """Copy a domain; the task's result is the copy's reference.

        Raises:
            VIFault: ``DuplicateName`` or ``TaskInProgress``.
        """
        self._require_free(name)

        def end(task: Task, at: datetime) -> Reference:
            copy = self._domains.add(name, now=at)
            self._post_creation(copy, task, at)
            self._events.post(
                "VmClonedEvent",
                now=at,
                user=task.user,
                domain=copy,
                chain=task.chain,
                members={"sourceVm": self._events.argument("Vm", domain)},
            )
            return copy

        return self._start("CloneVM_Task", "clone", domain, user, now, None, end)

    def unregister(self, domain: Reference, *, user: str, now: datetime) -> None:
        """Take a domain out of the inventory; its files stay.

        Raises:
            VIFault: ``InvalidPowerState``.
        """
        self._require(domain, "poweredOff", "suspended", requested=None, idle=False)
        self.vanish(domain, user=user, now=now)

    def vanish(self, domain: Reference, *, user: str = "", now: datetime) -> None:
        """Take a domain out of the inventory, whatever it is doing."""
        self._events.post("VmRemovedEvent", now=now, user=user, domain=domain)
        for task in self._tasks.of(domain):
            self._tasks.fail(task, ManagedObjectNotFound(domain), now)
        self._questions.withdraw(domain)
        self._domains.remove(domain)

    def destroy(self, domain: Reference, *, user: str, now: datetime) -> Reference:
        """Delete a domain and its files.

        Raises:
            VIFault: ``InvalidPowerState`` or ``TaskInProgress``.
        """
        self._require(domain, "poweredOff", "suspended", requested="poweredOff")

        def end(task: Task, at: datetime) -> None:
            self._post("VmRemovedEvent", task, at)
            self._questions.withdraw(domain)
            self._domains.remove(domain)

        return self._start("Destroy_Task", "destroy", domain, user, now, None, end)

    # -- parts of the above

    def _start(
        self,
        method: str,
        description: str,
        domain: Reference,
        user: str,
        now: datetime,
        begin: Callable[[Task, datetime], None] | None,
        end: Callable[[Task, datetime], Value | None],
    ) -> Reference:
        self._tasks.require_idle(domain)
        return self._tasks.start(
            method,
            f"VirtualMachine.{description}",
            domain,
            user=user,
            now=now,
            begins=begin,
            ends=end,
            cancelable=domain in self.cancelable,
        )

    def _start_in_folder(
        self,
        method: str,
        description_id: str,
        user: str,
        now: datetime,
        end: Callable[[Task, datetime], Value | None],
    ) -> Reference:
        folder = self._inventory.domain_folder
        return self._tasks.start(method, description_id, folder, user=user, now=now, ends=end)

    def _post(self, kind: str, task: Task, now: datetime, domain: Reference | None = None) -> None:
        domain = domain or task.entity
        self._events.post(kind, now=now, user=task.user, domain=domain, chain=task.chain)

    def _post_creation(self, domain: Reference, task: Task, now: datetime) -> None:
        values = self._objects.values(domain)
        assigned: dict[str, Mapping[str, Value]] = {
            "VmBeingCreatedEvent": {},
            "VmInstanceUuidAssignedEvent": {"instanceUuid": values["config.instanceUuid"]},
            "VmUuidAssignedEvent": {"uuid": values["config.uuid"]},
            "VmCreatedEvent": {},
        }
        for kind, members in assigned.items():
            self._events.post(
                kind, now=now, user=task.user, domain=domain, chain=task.chain, members=members
            )

    def _boot_time(self, domain: Reference) -> Value | None:
        is_there = domain in self._objects
        return self._objects.read(domain, "runtime.bootTime") if is_there else None

    def _is_on(self, domain: Reference) -> bool:
        return domain in self._objects and self._domains.power_state(domain) == "poweredOn"

    def _require(
        self, domain: Reference, *states: str, requested: str | None, idle: bool = True
    ) -> None:
        if idle:
            self._tasks.require_idle(domain)
        existing = self._domains.power_state(domain)
        if existing not in states:
            raise InvalidPowerState(requested=requested, existing=existing)

    def _require_tools(self, domain: Reference, *, requested: str) -> None:
        self._require(domain, "poweredOn", requested=requested, idle=False)
        if self._objects.read(domain, "guest.toolsRunningStatus") != "guestToolsRunning":
            raise ToolsUnavailable

    def _require_free(self, name: str) -> None:
        if not name:
            raise InvalidArgument("name")
        other = self._domains.named(name)
        if other is not None:
            raise DuplicateName(name, other)
