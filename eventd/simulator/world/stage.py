"""What all operations on a world stand on: its parts, its time, and the steps that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import count

from eventd.simulator.world.domains import Domains, default_name
from eventd.simulator.world.events import EventHistory
from eventd.simulator.world.faults import (
    DuplicateName,
    InvalidArgument,
    InvalidPowerState,
    InvalidState,
    ManagedObjectNotFound,
    ToolsUnavailable,
    VIFault,
)
from eventd.simulator.world.happenings import By, Happening
from eventd.simulator.world.inventory import build_inventory
from eventd.simulator.world.objects import Objects
from eventd.simulator.world.questions import Ending, Questions
from eventd.simulator.world.schedule import Schedule
from eventd.simulator.world.schema import schema_of
from eventd.simulator.world.settings import Pace, Product, Question
from eventd.simulator.world.snapshot_tree import Snapshot
from eventd.simulator.world.tasks import Task, Tasks
from eventd.simulator.world.values import Value
from eventd.simulator.world.views import Views
from eventd.vi.types import ManagedObjectReference

__all__ = ["Named", "Reference", "Stage"]

Reference = ManagedObjectReference

_SEVERITIES = {
    "com.vmware.vc.ha.VmRestartedByHAEvent": "warning",
    "com.vmware.vc.HA.VmcpTerminatingVm": "warning",
}
"""Those that an administrator should know of; what a kernel kills is an error."""

Named = str | Reference
"""An object, by its name or by its reference."""


class Stage:
    """The parts of a world. The operations are in its subclasses, by what they are about."""

    def __init__(
        self,
        *,
        product: Product = "esx",
        domains: int = 4,
        hosts: int = 1,
        first_host: int = 1,
        identity: str | None = None,
        powered_on: bool = False,
        api_version: str = "8.0.2.0",
        pace: Pace | None = None,
        tells_recent_tasks: bool = True,
        lists_tasks: bool = True,
        posts_events: bool = True,
        now: datetime,
    ) -> None:
        if product == "esx" and hosts != 1:
            raise ValueError("a bare host has one host; for more, make the product vpx")
        self.product = product
        self.now = now
        self.pace = pace or Pace()
        self.happened: list[Happening] = []
        """What truly happened, in libvirt's words, oldest first."""
        self.observers: list[Callable[[], None]] = []
        """Called after each change, and after each step that was put on the schedule."""
        self.files: dict[str, str] = {}
        """Files that somebody stored on the datastore, by ``[datastore1] path``."""
        self.cancelable: set[Reference] = set()
        """The domains whose tasks can be cancelled."""
        self._dead: set[Reference] = set()
        """The domains that died with their host, while nobody could see it."""
        self._declared: set[Reference] = set()
        """Those of them whose death has been told."""
        self._secondaries: dict[Reference, Reference] = {}
        """The secondary of each domain that fault tolerance protects."""
        self._snapshots: dict[Reference, list[Snapshot]] = {}
        self._snapshot_numbers = count(1)
        self._scripted_faults: dict[str, list[VIFault]] = {}
        self.schema = schema_of(api_version)
        self.schedule = Schedule(self._changed, now=now)
        silent = frozenset[str]() if tells_recent_tasks else frozenset({"recentTask"})
        later = self._show_later if self.pace.property_delay else None
        self.objects = Objects(self.schema, self._changed, silent=silent, later=later)
        self.inventory = build_inventory(
            self.objects, product, hosts, first_host=first_host, identity=identity
        )
        self.events = EventHistory(
            self.objects,
            self.inventory,
            self.schedule,
            delay=self.pace.event_delay,
            is_silent=not posts_events,
        )
        self.views = Views(self.objects)
        self.domains = Domains(self.objects, self.inventory, self.views)
        self.tasks = Tasks(
            self.objects, self.inventory, self.schedule, self.pace, are_listed=lists_tasks
        )
        self.questions = Questions(
            self.objects,
            self.events,
            self.schedule,
            self.tasks,
            raised=self._tell_of_question,
            cleared=self._tell_of_answer,
        )
        for index in range(domains):
            host = self.inventory.hosts[index % hosts]
            domain = self.domains.add(default_name(index), now=now, host=host, kind=index)
            if powered_on:
                self.domains.set_powered_on(domain, now)
                self.objects.show(domain)

    # -- time

    @property
    def next_deadline(self) -> datetime | None:
        """When `advance` has something to do next; None if nothing is going on."""
        return self.schedule.next_deadline

    def advance(self, now: datetime) -> None:
        """Let everything happen that is due until now. Time that goes backwards stands still."""
        self.now = max(self.now, now)
        self.schedule.run(self.now)

    def _show_later(self, show: Callable[[], None]) -> None:
        self.schedule.add(self.schedule.now + self.pace.property_delay, lambda _: show())

    def _changed(self) -> None:
        for observer in self.observers:
            observer()

    # -- looking

    def domain(self, name: Named) -> Reference:
        """The reference of a domain."""
        if not isinstance(name, str):
            return name
        reference = self.domains.named(name)
        if reference is None:
            raise KeyError(f"no domain is named {name!r}; there are {self.domains.names[:20]}")
        return reference

    def host(self, name: Named) -> Reference:
        """The reference of a host: ``esx01.example``, ``esx02.example``, …"""
        if not isinstance(name, str):
            return name
        for host in self.inventory.hosts:
            if self._name(host) == name:
                return host
        raise KeyError(f"no host is named {name!r}; there are {self.host_names}")

    @property
    def host_names(self) -> list[str]:
        """The names of all hosts."""
        return [self._name(host) for host in self.inventory.hosts]

    def read(self, name: Named, path: str) -> Value | None:
        """The true value of a domain's property; None where it is unset."""
        return self.objects.read(self.domain(name), path)

    def _name(self, obj: Reference) -> str:
        return str(self.objects.read(obj, "name"))

    def _host_of(self, domain: Reference) -> Reference:
        return self.objects.references(domain, "runtime.host")[0]

    def _domains_on(self, host: Reference) -> tuple[Reference, ...]:
        return self.objects.references(host, "vm")

    def _is_on(self, domain: Reference) -> bool:
        return domain in self.objects and self.domains.power_state(domain) == "poweredOn"

    def _in_this_run(self, domain: Reference, step: Callable[[datetime], None]) -> None:
        """Let a guest do something a little later, unless it was stopped or reset by then."""
        run = self.domains.run(domain)

        def take(at: datetime) -> None:
            if self._is_on(domain) and self.domains.run(domain) == run:
                step(at)

        self.schedule.add(self.now + self.pace.guest, take)

    def _disconnect(self, domain: Reference, state: str) -> None:
        """Let a domain be out of reach; that is told when it was within reach before."""
        before = self.objects.read(domain, "runtime.connectionState")
        self.objects.assign(domain, "runtime.connectionState", state)
        if before == "connected":
            self._tell(domain, "control-error", "state")

    # -- what an operation requires

    def _at(self, name: Named, now: datetime) -> Reference:
        """The domain, after everything has happened that is due until now."""
        self.advance(now)
        return self.domain(name)

    def _require(
        self, domain: Reference, *states: str, requested: str | None, idle: bool = True
    ) -> None:
        if idle:
            self.tasks.require_idle(domain)
        existing = self.domains.power_state(domain)
        if existing not in states:
            raise InvalidPowerState(requested=requested, existing=existing)

    def _require_tools(self, domain: Reference, *, requested: str) -> None:
        self._require(domain, "poweredOn", requested=requested, idle=False)
        if self.objects.read(domain, "guest.toolsRunningStatus") != "guestToolsRunning":
            raise ToolsUnavailable

    def _require_free(self, name: str) -> None:
        if not name:
            raise InvalidArgument("name")
        other = self.domains.named(name)
        if other is not None:
            raise DuplicateName(name, other)

    # -- what an operation does

    def _start(
        self,
        method: str,
        description_id: str,
        domain: Reference,
        *,
        by: By,
        begin: Callable[[Task, datetime], None] | None = None,
        end: Callable[[Task, datetime], Value | None],
        fail: Callable[[Task, VIFault, datetime], None] | None = None,
    ) -> Reference:
        """Start a task on a domain that no other task works on."""
        self.tasks.require_idle(domain)
        return self.tasks.start(
            method,
            description_id,
            domain,
            by=by,
            now=self.now,
            begins=begin,
            ends=end,
            fails=fail,
            cancelable=domain in self.cancelable,
        )

    def _start_in_folder(
        self,
        method: str,
        description_id: str,
        *,
        by: By,
        end: Callable[[Task, datetime], Value | None],
    ) -> Reference:
        folder = self.inventory.domain_folder
        return self.tasks.start(method, description_id, folder, by=by, now=self.now, ends=end)

    def _post(
        self,
        kind: str,
        at: datetime,
        domain: Reference,
        task: Task | None = None,
        *,
        by: By | None = None,
        host: Reference | None = None,
        message: str = "",
        members: Mapping[str, Value] | None = None,
    ) -> None:
        """Post an event about a domain; that of a task belongs to the task's chain and user.

        A kind with dots is an ``EventEx``.
        """
        given = dict(members or {})
        if "." in kind:
            given |= {
                "eventTypeId": kind,
                "severity": _severity(kind),
                "message": message or kind,
                "objectId": domain.value,
                "objectType": domain.type,
                "objectName": self._name(domain),
            }
            kind = "EventEx"
        by = by or (task.by if task else None)
        chain = self.events.post(
            kind,
            now=at,
            user=by.user if by else "",
            domain=domain,
            host=host,
            chain=task.chain if task else None,
            message=message,
            members=given,
        )
        if task is not None:
            self.tasks.join_chain(task, chain)

    def _tell(
        self,
        domain: Reference,
        words: str,
        cause: str,
        by: By | None = None,
        *,
        source: Named | None = None,
        destination: Named | None = None,
    ) -> None:
        """Write down what happens to a domain; a host of another world goes by its name.

        The secondary of fault tolerance is no domain of its own: nothing is told of it.
        """
        if self.objects.read(domain, "config.ftInfo.role") == 2:
            return
        self.happened.append(
            Happening(
                domain=self._name(domain),
                uuid=self.domains.uuid(domain),
                at=self.schedule.now,
                words=words,
                cause=cause,
                by=by,
                source_host=self._host_name(source),
                destination_host=self._host_name(destination),
            )
        )

    def _host_name(self, host: Named | None) -> str | None:
        return host if host is None or isinstance(host, str) else self._name(host)

    def _tell_of_saved(self, domain: Reference) -> None:
        """Tell that a domain goes that is suspended: what is suspended is active to libvirt."""
        if self.domains.power_state(domain) == "suspended":
            self._tell(domain, "stopped saved", "state")

    def _tell_of_waking(self, domain: Reference) -> None:
        """Tell that a guest that sleeps does so no longer, because it is reset."""
        if self.objects.read(domain, "runtime.onlineStandby") is True:
            self._tell(domain, "started wakeup", "state")
            self._tell(domain, "pm-wakeup", "state")

    def _tell_agent(self, domain: Reference, word: str) -> None:
        self._tell(domain, f"agent-lifecycle {word}", "guest-state")

    def _tell_of_question(self, domain: Reference, question: Question) -> None:
        self._tell(domain, "question raised", "state")
        if question.is_about_space and self._is_on(domain):
            for words in ("suspended ioerror", "io-error pause", "io-error-reason enospc"):
                self._tell(domain, words, "state")

    def _tell_of_answer(self, domain: Reference, question: Question, ending: Ending) -> None:
        self._tell(domain, f"question cleared {ending}", "state")
        if question.is_about_space and self._is_on(domain):
            self._tell(domain, "resumed unpaused", "state")

    def _let_go(self, domain: Reference) -> None:
        """End what goes on with a domain that leaves the inventory: questions; tasks, in errors."""
        self.questions.withdraw(domain)
        for task in self.tasks.of(domain):
            self.tasks.fail(task, ManagedObjectNotFound(domain), self.now)

    def _interrupt_tasks(self, domain: Reference, now: datetime) -> None:
        """End the tasks of a domain whose process has gone."""
        for task in self.tasks.of(domain):
            self.tasks.fail(task, InvalidState("The virtual machine has stopped."), now)

    def _stop(self, domain: Reference, at: datetime, *, clean: bool = True) -> None:
        """Let a domain's process end, and the tasks on it with it."""
        self._interrupt_tasks(domain, at)
        self.domains.set_powered_off(domain, at, clean=clean)


def _severity(event_type_id: str) -> str:
    if event_type_id.startswith("esx.problem."):
        return "error"
    return _SEVERITIES.get(event_type_id, "info")
