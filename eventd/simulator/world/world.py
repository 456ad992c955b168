"""The world as a script sees it: domains by their names, and what happens to them when.

The same operations are open to clients through SOAP; both go through `Operations`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from eventd.simulator.world.domains import Domains, default_name
from eventd.simulator.world.events import EventHistory
from eventd.simulator.world.faults import VIFault
from eventd.simulator.world.inventory import build_inventory
from eventd.simulator.world.objects import Objects
from eventd.simulator.world.operations import Operations
from eventd.simulator.world.questions import Questions
from eventd.simulator.world.schedule import Schedule
from eventd.simulator.world.schema import schema_of
from eventd.simulator.world.settings import Pace, Product, Question
from eventd.simulator.world.tasks import Tasks
from eventd.simulator.world.values import Value
from eventd.simulator.world.views import Views
from eventd.vi.types import ManagedObjectReference

__all__ = ["World"]

Reference = ManagedObjectReference


class World:
    """A VI host with its domains.

    Each method that changes something takes the time at which it happens, aware and never before
    that of the call before; what was due until then happens first. Methods that start a task
    return its reference; the task goes on whenever `advance` is called. Methods that name a
    domain raise `KeyError` if there is none, and `VIFault` where a real host would refuse.

    ``powered_on`` lets all domains run from the start. Without ``tells_recent_tasks``, property
    collectors learn nothing of changes of `recentTask`; the VI API reference allows hosts that.
    """

    def __init__(
        self,
        *,
        product: Product = "esx",
        domains: int = 4,
        hosts: int = 1,
        powered_on: bool = False,
        api_version: str = "8.0.2.0",
        pace: Pace | None = None,
        tells_recent_tasks: bool = True,
        now: datetime,
    ) -> None:
        if product == "esx" and hosts != 1:
            raise ValueError("a bare host has one host; for more, make the product vpx")
        self.product = product
        self.now = now
        self.observers: list[Callable[[], None]] = []
        """Called after each change, and after each step that was put on the schedule."""
        self.files: dict[str, str] = {}
        """Files that somebody stored on the datastore, by ``[datastore1] path``."""
        self._scripted_faults: dict[str, list[VIFault]] = {}
        self.schema = schema_of(api_version)
        silent = frozenset[str]() if tells_recent_tasks else frozenset({"recentTask"})
        self.objects = Objects(self.schema, self._changed, silent=silent)
        self.inventory = build_inventory(self.objects, product, hosts)
        self.schedule = Schedule(self._changed)
        self.events = EventHistory(self.objects, self.inventory)
        self.views = Views(self.objects)
        self.domains = Domains(self.objects, self.inventory, self.views)
        self.tasks = Tasks(self.objects, self.inventory, self.events, self.schedule, pace or Pace())
        self.questions = Questions(self.objects, self.events, self.schedule, self.tasks)
        self.operations = Operations(
            self.objects,
            self.inventory,
            self.domains,
            self.events,
            self.tasks,
            self.questions,
            self.schedule,
        )
        for index in range(domains):
            host = self.inventory.hosts[index % hosts]
            domain = self.domains.add(default_name(index), now=now, host=host)
            if powered_on:
                self.domains.set_powered_on(domain, now)

    # -- time

    @property
    def next_deadline(self) -> datetime | None:
        """When `advance` has something to do next; None if nothing is going on."""
        return self.schedule.next_deadline

    def advance(self, now: datetime) -> None:
        """Let everything happen that is due until now. Time that goes backwards stands still."""
        self.now = max(self.now, now)
        self.schedule.run(self.now)

    # -- looking

    def domain(self, name: str) -> Reference:
        """The reference of a domain."""
        reference = self.domains.named(name)
        if reference is None:
            raise KeyError(f"no domain is named {name!r}; there are {self.domains.names[:20]}")
        return reference

    def host(self, name: str) -> Reference:
        """The reference of a host: ``esx01.example``, ``esx02.example``, …"""
        for host in self.inventory.hosts:
            if self.objects.read(host, "name") == name:
                return host
        raise KeyError(f"no host is named {name!r}")

    def read(self, name: str, path: str) -> Value | None:
        """The value of a domain's property; None where it is unset."""
        return self.objects.read(self.domain(name), path)

    # -- operations as clients do them

    def power_on(self, name: str, *, user: str = "root", now: datetime) -> Reference:
        """Boot a domain, or let it go on after a suspend."""
        return self.operations.power_on(self._at(name, now), user=user, now=self.now)

    def power_off(self, name: str, *, user: str = "root", now: datetime) -> Reference:
        """Pull the plug."""
        return self.operations.power_off(self._at(name, now), user=user, now=self.now)

    def suspend(self, name: str, *, user: str = "root", now: datetime) -> Reference:
        """Suspend a domain to disk."""
        return self.operations.suspend(self._at(name, now), user=user, now=self.now)

    def reset(self, name: str, *, user: str = "root", now: datetime) -> Reference:
        """Press the reset button."""
        return self.operations.reset(self._at(name, now), user=user, now=self.now)

    def shutdown_guest(self, name: str, *, user: str = "root", now: datetime) -> None:
        """Ask the guest to shut down."""
        self.operations.shutdown_guest(self._at(name, now), user=user, now=self.now)

    def reboot_guest(self, name: str, *, user: str = "root", now: datetime) -> None:
        """Ask the guest to reboot."""
        self.operations.reboot_guest(self._at(name, now), user=user, now=self.now)

    def migrate(self, name: str, host: str, *, user: str = "root", now: datetime) -> Reference:
        """Move a domain to another host of the vCenter (vMotion if it is on)."""
        domain = self._at(name, now)
        return self.operations.migrate(domain, self.host(host), user=user, now=self.now)

    def rename(self, name: str, new_name: str, *, user: str = "root", now: datetime) -> Reference:
        """Give a domain another name."""
        return self.operations.rename(self._at(name, now), new_name, user=user, now=self.now)

    def create(self, name: str, *, user: str = "root", now: datetime) -> Reference:
        """Create a domain."""
        self.advance(now)
        return self.operations.create(name, user=user, now=self.now)

    def register(self, name: str, *, user: str = "root", now: datetime) -> Reference:
        """Take a domain whose files exist into the inventory."""
        self.advance(now)
        return self.operations.register(name, user=user, now=self.now)

    def clone(self, name: str, new_name: str, *, user: str = "root", now: datetime) -> Reference:
        """Copy a domain."""
        return self.operations.clone(self._at(name, now), new_name, user=user, now=self.now)

    def unregister(self, name: str, *, user: str = "root", now: datetime) -> None:
        """Take a domain out of the inventory; its files stay."""
        self.operations.unregister(self._at(name, now), user=user, now=self.now)

    def destroy(self, name: str, *, user: str = "root", now: datetime) -> Reference:
        """Delete a domain and its files."""
        return self.operations.destroy(self._at(name, now), user=user, now=self.now)

    # -- what happens by itself

    def guest_powers_off(self, name: str, *, now: datetime) -> None:
        """The guest stops of its own accord: no task, and an orderly stop."""
        self.operations.guest_powers_off(self._at(name, now), now=self.now)

    def guest_reboots(self, name: str, *, now: datetime) -> None:
        """The guest reboots of its own accord."""
        self.operations.guest_reboots(self._at(name, now), now=self.now)

    def crash(self, name: str, *, now: datetime) -> None:
        """The domain's process dies: no task, and no orderly stop."""
        self.operations.crash(self._at(name, now), now=self.now)

    def lose_host(self, name: str, *, now: datetime) -> None:
        """The vCenter loses the connection to a host; its domains' states are those of before."""
        self.advance(now)
        self.operations.lose_host(self.host(name), now=self.now)

    def find_host_again(self, name: str, *, now: datetime) -> None:
        """The vCenter is connected to a host again."""
        self.advance(now)
        self.operations.find_host_again(self.host(name), now=self.now)

    def vanish(self, name: str, *, now: datetime) -> None:
        """A domain leaves the inventory, whatever it is doing; its tasks end in an error."""
        self.operations.vanish(self._at(name, now), now=self.now)

    def assign(self, name: str, path: str, value: Value | None, *, now: datetime) -> None:
        """Set any property of a domain, without a task or an event; None unsets it."""
        self.objects.assign(self._at(name, now), path, value)

    # -- questions and failures, by script

    def ask(self, name: str, question: Question, *, now: datetime) -> None:
        """A domain asks a question that no task waits for."""
        self.questions.ask(self._at(name, now), question, self.now)

    def answer(self, name: str, question_id: str, key: str, *, now: datetime) -> None:
        """Somebody else answers a domain's question."""
        self.questions.answer(self._at(name, now), question_id, key, self.now)

    def script_questions(self, name: str, *questions: Question) -> None:
        """Let the next task on a domain ask questions, each of which holds it up."""
        self.questions.script(self.domain(name), questions)

    def make_tasks_cancelable(self, name: str) -> None:
        """Let clients cancel the tasks that start on a domain from now on."""
        self.operations.cancelable.add(self.domain(name))

    def hide_tasks(self, name: str) -> None:
        """Drop a domain's tasks from its `recentTask`, as a host does when it has had many."""
        domain = self.domain(name)
        for task in self.objects.references(domain, "recentTask"):
            self.objects.unlink(domain, "recentTask", task)

    def fail_next(self, method: str, fault: VIFault, *, times: int = 1) -> None:
        """Answer the next calls of a SOAP method with a fault: ``AnswerVM``, ``CancelTask``, …"""
        self._scripted_faults.setdefault(method, []).extend([fault] * times)

    def take_scripted_fault(self, method: str) -> VIFault | None:
        """The fault with which this call of a method is to be answered, if any."""
        faults = self._scripted_faults.get(method)
        return faults.pop(0) if faults else None

    def fail_next_task(self, name: str, fault: VIFault) -> None:
        """Let the next task on a domain end with a fault."""
        self.tasks.fail_next(self.domain(name), fault)

    def cancel_task(self, task: Reference, *, now: datetime) -> None:
        """Cancel a task."""
        self.advance(now)
        if found := self.tasks.find(task):
            self.tasks.cancel(found, self.now)

    def wake(self) -> None:
        """Tell the observers that something else than an object has changed."""
        self._changed()

    def _at(self, name: str, now: datetime) -> Reference:
        self.advance(now)
        return self.domain(name)

    def _changed(self) -> None:
        for observer in self.observers:
            observer()
