"""The world as a script sees it: domains by their names, and what happens to them when.

The same operations are open to clients through SOAP, which name a domain by its reference.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from eventd.simulator.world.availability import Availability
from eventd.simulator.world.configuration import Configuration
from eventd.simulator.world.consoles import Consoles
from eventd.simulator.world.faults import InvalidArgument, InvalidProperty, VIFault
from eventd.simulator.world.guests import Guests
from eventd.simulator.world.membership import Membership
from eventd.simulator.world.placement import Placement
from eventd.simulator.world.power import Power
from eventd.simulator.world.settings import OUT_OF_SPACE, Question
from eventd.simulator.world.snapshots import Snapshots
from eventd.simulator.world.stage import Named, Reference
from eventd.simulator.world.values import Value

__all__ = ["World"]


class World(
    Power,
    Guests,
    Availability,
    Placement,
    Membership,
    Configuration,
    Snapshots,
    Consoles,
):
    """A VI host with its domains.

    Each method that changes something takes the time at which it happens, aware and never before
    that of the call before; what was due until then happens first. Methods that start a task
    return its reference; the task goes on whenever `advance` is called. Methods that name a
    domain or host raise `KeyError` if there is none, and `VIFault` where a real host would refuse.
    What happens is written down in `happened`; for the methods below, only of questions.

    ``powered_on`` lets all domains run from the start, and ``first_host`` is the number of the
    first host, for a second world beside another. ``identity`` is the UUID by which clients know
    it again: the instance UUID of a vCenter, that of a bare host's hardware. Without
    ``tells_recent_tasks``, property collectors learn nothing of changes of `recentTask`; the VI API
    reference allows hosts that. Without ``lists_tasks`` it never names a task at all, and without
    ``posts_events`` the event history stays empty.
    """

    def assign(self, name: Named, path: str, value: Value | None, *, now: datetime) -> None:
        """Set any property of a domain, without a task or an event; None unsets it."""
        if self.schema.property("VirtualMachine", path) is None:
            raise InvalidProperty(path)
        self.objects.assign(self._at(name, now), path, value)

    # -- questions

    def ask(self, name: Named, question: Question, *, now: datetime) -> None:
        """A domain asks a question that no task waits for."""
        self.questions.ask(self._at(name, now), question, self.now)

    def run_out_of_space(self, name: Named, *, now: datetime) -> None:
        """A running domain cannot write to its datastore, and asks what to do."""
        self.ask(name, OUT_OF_SPACE, now=now)

    def answer(self, name: Named, question_id: str, key: str, *, now: datetime) -> None:
        """Somebody else answers a domain's question."""
        self.questions.answer(self._at(name, now), question_id, key, self.now)

    def script_questions(self, name: Named, *questions: Question) -> None:
        """Let the next task on a domain ask questions, each of which holds it up."""
        self.questions.script(self.domain(name), questions)

    def script_question(self, name: Named, *, now: datetime) -> None:
        """Let the next task on a domain ask about its serial port's file, with the id 25."""
        self.questions.script(self._at(name, now), (Question(),))

    def script_questions_always(self, name: Named, *questions: Question) -> None:
        """Let each start of a domain ask questions, unless another script is for its task."""
        self.questions.script_always(self.domain(name), questions)

    def withdraw_question(self, name: Named, *, now: datetime) -> None:
        """The host takes a domain's question back; the task that it held up goes on."""
        self.questions.withdraw_shown(self._at(name, now), self.now)

    def reword_question(self, name: Named, text: str, *, now: datetime) -> None:
        """The host asks a domain's question in other words, under the same id."""
        domain = self._at(name, now)
        self.questions.reword(domain, text, self.now)
        self._tell(domain, "question changed", "state")

    # -- tasks

    def make_tasks_cancelable(self, name: Named) -> None:
        """Let clients cancel the tasks that start on a domain from now on."""
        self.cancelable.add(self.domain(name))

    def hide_tasks(self, name: Named) -> None:
        """Drop a domain's tasks from its `recentTask`, as a host does when it has had many."""
        domain = self.domain(name)
        for task in self.objects.references(domain, "recentTask"):
            self.objects.unlink(domain, "recentTask", task)

    def fail_next_task(self, name: Named, fault: VIFault) -> None:
        """Let the next task on a domain end with a fault."""
        self.tasks.fail_next(self.domain(name), fault)

    def cancel_task(self, task: Reference, *, now: datetime) -> None:
        """Cancel a task."""
        self.advance(now)
        if found := self.tasks.find(task):
            self.tasks.cancel(found, self.now)

    # -- the event history

    def count_events_from(self, key: int, *, now: datetime) -> None:
        """Give the next event a key, to play a host that has run for long."""
        self.advance(now)
        if not -(2**31) <= key < 2**31:
            raise InvalidArgument("key")
        self.events.next_key = key

    def set_clock(self, ahead: timedelta, *, now: datetime) -> None:
        """Let the host's clock be so far ahead; events and ``CurrentTime`` show it from now on."""
        self.advance(now)
        self.events.clock_ahead = ahead

    def forget_events(self, *, now: datetime) -> None:
        """Have no events any more and count from the beginning, as after a restart of the host."""
        self.advance(now)
        self.events.forget()

    # -- calls

    def fail_next(self, method: str, fault: VIFault, *, times: int = 1) -> None:
        """Answer the next calls of a SOAP method with a fault: ``AnswerVM``, ``CancelTask``, …"""
        self._scripted_faults.setdefault(method, []).extend([fault] * times)

    def refuse_no_more(self) -> None:
        """Answer all calls as usual from now on."""
        self._scripted_faults.clear()

    def take_scripted_fault(self, method: str) -> VIFault | None:
        """The fault with which this call of a method is to be answered, if any."""
        faults = self._scripted_faults.get(method)
        return faults.pop(0) if faults else None

    def wake(self) -> None:
        """Tell the observers that something else than an object has changed."""
        self._changed()
