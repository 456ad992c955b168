"""Questions: those that a task asks by script, and those that come out of the blue."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Literal, NamedTuple

from eventd.simulator.world.events import EventHistory
from eventd.simulator.world.faults import InvalidArgument, InvalidState, VIFault
from eventd.simulator.world.objects import Objects
from eventd.simulator.world.schedule import Schedule
from eventd.simulator.world.settings import Question
from eventd.simulator.world.tasks import Task, Tasks
from eventd.simulator.world.values import DataObject, Value
from eventd.vi.types import ManagedObjectReference

__all__ = ["Ending", "Questions"]

_POWER_ON = "PowerOnVM_Task"
"""Whoever wants it, this is the name of the task that starts a domain."""

Tell = Callable[[ManagedObjectReference, Question], None]
"""Is told of a domain's question."""

Ending = Literal["elsewhere", "withdrawn", "unknown"]
"""What a client can see of the end of a question that it has not answered."""


class _Asked(NamedTuple):
    """A question that waits for its answer, or for its turn."""

    question: Question
    task: Task | None


class Questions:
    """Asks one question at a time per domain; further ones wait for the answer before."""

    def __init__(
        self,
        objects: Objects,
        events: EventHistory,
        schedule: Schedule,
        tasks: Tasks,
        *,
        raised: Tell,
        cleared: Callable[[ManagedObjectReference, Question, Ending], None],
    ) -> None:
        """Begin without questions; ``raised`` and ``cleared`` are told of each that is seen."""
        self._objects = objects
        self._events = events
        self._schedule = schedule
        self._tasks = tasks
        self._raised = raised
        self._cleared = cleared
        self._scripts: dict[ManagedObjectReference, tuple[Question, ...]] = {}
        self._standing: dict[ManagedObjectReference, tuple[Question, ...]] = {}
        """What each start of a domain asks that has no script of its own."""
        self._asked: dict[ManagedObjectReference, deque[_Asked]] = {}
        tasks.queued.append(self._plan_queued)
        tasks.running.append(self._plan_running)
        tasks.completed.append(self._withdraw_those_of)

    def script(self, domain: ManagedObjectReference, questions: tuple[Question, ...]) -> None:
        """Let the next task on a domain ask questions, each holding it up until its answer."""
        self._scripts[domain] = questions

    def script_always(
        self, domain: ManagedObjectReference, questions: tuple[Question, ...]
    ) -> None:
        """Let each start of a domain ask questions, unless a script says what the task asks."""
        self._standing[domain] = questions

    def ask(self, domain: ManagedObjectReference, question: Question, now: datetime) -> None:
        """Let a domain ask a question that no task waits for."""
        self._queue(domain, _Asked(question, None), now)

    def answer(
        self, domain: ManagedObjectReference, question_id: str, key: str, now: datetime
    ) -> None:
        """Take an answer.

        Raises:
            InvalidState: no question waits.
            InvalidArgument: another question waits, or it has no such choice.
        """
        asked = self._shown(domain)
        if asked.question.id != question_id:
            raise InvalidArgument("questionId")
        if key not in (choice for choice, _ in asked.question.choices):
            raise InvalidArgument("answerChoice")
        is_aborted = asked.task is None or key in asked.question.aborting_keys
        self._clear(domain, now, "unknown" if is_aborted else "elsewhere")
        if asked.task is None:
            return
        if key in asked.question.aborting_keys:
            self._abort(asked.task, now)
        else:
            self._tasks.release(asked.task, now)

    def withdraw_shown(self, domain: ManagedObjectReference, now: datetime) -> None:
        """Take back the question that waits for its answer; the task that it held up goes on.

        Raises:
            InvalidState: no question waits.
        """
        asked = self._shown(domain)
        self._clear(domain, now, "unknown" if asked.task is None else "elsewhere")
        if asked.task is not None:
            self._tasks.release(asked.task, now)

    def reword(self, domain: ManagedObjectReference, text: str, now: datetime) -> None:
        """Ask the question that waits for its answer in other words, under the same id.

        Raises:
            InvalidState: no question waits.
        """
        asked = self._shown(domain)
        reworded = replace(asked.question, text=text)
        self._asked[domain][0] = asked._replace(question=reworded)
        self._put(domain, reworded, now)

    def _shown(self, domain: ManagedObjectReference) -> _Asked:
        waiting = self._asked.get(domain)
        if not waiting:
            raise InvalidState("The virtual machine has no pending question.")
        return waiting[0]

    def _clear(self, domain: ManagedObjectReference, now: datetime, ending: Ending) -> None:
        """Let the question that is shown go, and show the next."""
        asked = self._asked[domain].popleft()
        self._objects.assign(domain, "runtime.question", None)
        self._cleared(domain, asked.question, ending)
        self._show(domain, now)

    def withdraw(self, domain: ManagedObjectReference) -> None:
        """Take back all questions of a domain."""
        self._keep(domain, deque(), "withdrawn")

    def _withdraw_those_of(self, task: Task, now: datetime) -> None:
        waiting = self._asked.get(task.entity, deque())
        kept = deque(asked for asked in waiting if asked.task is not task)
        if len(kept) == len(waiting):
            return
        if kept and kept[0] is waiting[0]:
            self._asked[task.entity] = kept
            return
        self._keep(task.entity, kept, self._ending_by(task))
        self._show(task.entity, now)

    def _ending_by(self, task: Task) -> Ending:
        """What the end of a task shows of the end of its question."""
        if self._objects.read(task.reference, "info.cancelled") is True:
            return "withdrawn"
        is_start = self._objects.read(task.reference, "info.name") == _POWER_ON
        is_off = self._objects.read(task.entity, "runtime.powerState") == "poweredOff"
        return "withdrawn" if is_off and not is_start else "unknown"

    def _keep(self, domain: ManagedObjectReference, kept: deque[_Asked], ending: Ending) -> None:
        waiting = self._asked.get(domain)
        self._asked[domain] = kept
        if waiting and domain in self._objects:
            self._objects.assign(domain, "runtime.question", None)
            self._cleared(domain, waiting[0].question, ending)

    def _abort(self, task: Task, now: datetime) -> None:
        reason = "The operation was canceled by an answer."
        fault = VIFault("GenericVmConfigFault", reason, members={"reason": reason})
        self._tasks.fail(task, fault, now)

    def _plan_queued(self, task: Task, now: datetime) -> None:
        self._plan(task, [q for q in self._script_of(task) if q.when == "queued"], now)

    def _plan_running(self, task: Task, now: datetime) -> None:
        self._plan(task, [q for q in self._script_of(task) if q.when == "running"], now)
        self._scripts.pop(task.entity, None)

    def _script_of(self, task: Task) -> tuple[Question, ...]:
        script = self._scripts.get(task.entity)
        if script is None and self._objects.read(task.reference, "info.name") == _POWER_ON:
            script = self._standing.get(task.entity)
        return script or ()

    def _plan(self, task: Task, questions: list[Question], now: datetime) -> None:
        for question in questions:
            self._tasks.hold(task)
            asked = _Asked(question, task)
            self._schedule.add(now + question.delay, partial(self._ask_for, asked))

    def _ask_for(self, asked: _Asked, now: datetime) -> None:
        task = asked.task
        if task is not None and task.is_active and task.entity in self._objects:
            self._queue(task.entity, asked, now)

    def _queue(self, domain: ManagedObjectReference, asked: _Asked, now: datetime) -> None:
        waiting = self._asked.setdefault(domain, deque())
        waiting.append(asked)
        if len(waiting) == 1:
            self._show(domain, now)

    def _show(self, domain: ManagedObjectReference, now: datetime) -> None:
        waiting = self._asked.get(domain)
        if not waiting or domain not in self._objects:
            return
        question = waiting[0].question
        self._put(domain, question, now)
        self._raised(domain, question)

    def _put(self, domain: ManagedObjectReference, question: Question, now: datetime) -> None:
        self._objects.assign(domain, "runtime.question", question_info(question))
        self._events.post(
            "VmMessageEvent",
            now=now,
            domain=domain,
            message=question.text,
            members={"message": question.text},
        )


def question_info(question: Question) -> DataObject:
    """The question as ``runtime.question`` holds it."""
    choices = tuple(
        DataObject(question.choice_type, {"label": label, "summary": label, "key": key})
        for key, label in question.choices
    )
    choice: dict[str, Value] = {"choiceInfo": choices}
    if question.default_index is not None:
        choice["defaultIndex"] = question.default_index
    members: dict[str, Value] = {
        "id": question.id,
        "text": question.text,
        "choice": DataObject("ChoiceOption", choice),
    }
    if question.message_ids:
        members["message"] = tuple(
            DataObject("VirtualMachineMessage", {"id": each, "text": question.text})
            for each in question.message_ids
        )
    return DataObject("VirtualMachineQuestionInfo", members)
