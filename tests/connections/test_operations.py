"""Operations on a real connection to a simulated host, in a time of the test's own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from eventd.errors import (
    ErrorCode,
    EventdError,
    HostUnreachable,
    NoSuchChoice,
    NoSuchDomain,
    NoSuchQuestion,
    OperationFailed,
    OperationInvalid,
    QuestionPending,
)
from eventd.model.events import DomainEvent, QuestionAnswered, QuestionEvent, TaskEvent
from eventd.model.operations import DomainOperation
from eventd.model.questions import AnswerRule
from eventd.simulator import INSTANT, Pace, Question, VIFault, World
from eventd.simulator.world.faults import InvalidArgument, InvalidState, NotSupported
from eventd.tracking.inventory import SuspendMode
from tests.connections.operating import OPS, PATIENCE, Operated, operating
from tests.connections.question_scenarios import mutating_calls
from tests.situations.stage import NOON, Time

SERIAL = Question()
WITHOUT_DEFAULT = Question(default_index=None)


class Stage:
    """A host in the test's own time."""

    def __init__(self, host: Operated, time: Time) -> None:
        self.host = host
        self.world = host.world
        self.time = time

    def now(self) -> Any:
        return self.time.now()

    def wait(self, seconds: float) -> None:
        """Let time pass, on the host and on the connection."""
        self.time.set(self.time.now() + timedelta(seconds=seconds))
        self.world.advance(self.time.now())

    @asynccontextmanager
    async def asked_for(
        self, operation: str, name: str = "web01"
    ) -> AsyncIterator[asyncio.Task[EventdError | None]]:
        """Ask for an operation, and let it go on meanwhile."""
        async with asyncio.TaskGroup() as tasks:
            yield tasks.create_task(self.host.error(operation, name))

    async def pass_until(self, done: asyncio.Task[Any]) -> None:
        """Let time pass, half a second after the other, until something is done."""
        async with asyncio.timeout(PATIENCE):
            while not done.done():
                self.wait(0.5)
                await asyncio.sleep(0)

    async def pass_busily_until(self, done: asyncio.Task[Any]) -> None:
        """The same on a host of which there is news all the time."""
        async with asyncio.timeout(PATIENCE):
            for count in itertools.count(1):
                if done.done():
                    return
                self.world.assign("db01", "name", f"db-{count}", now=self.now())
                await self.host.until("defined renamed", count)
                self.wait(0.25)

    async def answer(self, choice: str) -> None:
        """A client of eventd's answers the only question that is pending."""
        [pending] = self.host.connection.questions()
        await self.host.connection.answer(pending, choice, by=OPS)


@asynccontextmanager
async def staged(world: World | None = None, **arguments: Any) -> AsyncIterator[Stage]:
    time = Time()
    world = world or make()
    async with operating(world, clock=time.now, timer=time, **arguments) as host:
        yield Stage(host, time)


def make(**arguments: Any) -> World:
    return World(**{"domains": 2, "pace": INSTANT, "now": NOON, **arguments})


_READS = {"RetrieveProperties", "WaitForUpdatesEx", "ModifyListView", "ReadNextEvents", "Logout"}


def changing_calls(stage: Stage) -> set[str]:
    """Return the methods that were called, but for those that only look."""
    return {call.method for call in stage.host.server.service.calls} - _READS


def question_events(stage: Stage) -> list[QuestionEvent]:
    return [event for event in stage.host.events if isinstance(event, QuestionEvent)]


# --- what is done ---------------------------------------------------------------------------------


@pytest.mark.parametrize("product", ["esx", "vpx"])
async def test_a_domain_is_taken_through_all_its_states(product: Any) -> None:
    """Each operation is done when it returns, and its task is the answer."""
    world = make(product=product, hosts=2 if product == "vpx" else 1)
    done = []
    async with staged(world) as stage:
        for operation in ("start", "suspend", "resume", "reset", "destroy", "start"):
            result = await stage.host.operate(operation)
            assert result.task is not None
            assert result.domain.name == "web01"
            state = world.read("web01", "runtime.powerState")
            done.append((operation, result.task.state, result.task.description_id, state))

    on, off, suspended = "poweredOn", "poweredOff", "suspended"
    assert done == [
        ("start", "success", "VirtualMachine.powerOn", on),
        ("suspend", "success", "VirtualMachine.suspend", suspended),
        ("resume", "success", "VirtualMachine.powerOn", on),
        ("reset", "success", "VirtualMachine.reset", on),
        ("destroy", "success", "VirtualMachine.powerOff", off),
        ("start", "success", "VirtualMachine.powerOn", on),
    ]


@pytest.mark.parametrize(
    ("operation", "method"), [("shutdown", "ShutdownGuest"), ("reboot", "RebootGuest")]
)
async def test_a_guest_is_asked_and_not_waited_for(operation: str, method: str) -> None:
    """There is no task, and what the guest does about it comes later."""
    async with staged(make(powered_on=True, pace=Pace())) as stage:
        result = await stage.host.operate(operation)
        asked = stage.world.read("web01", "runtime.powerState")

    assert (result.task, result.answered) == (None, ())
    assert asked == "poweredOn"
    assert changing_calls(stage) == {method}


async def test_progress_is_told_as_it_comes() -> None:
    """Queued, running, so many percent, done."""
    pace = Pace(queued=timedelta(seconds=1), running=timedelta(seconds=4), progress_steps=3)
    async with staged(make(pace=pace)) as stage, stage.asked_for("start") as starting:
        for count in range(1, 7):
            await stage.host.has_reported(count)
            if count < 6:
                stage.wait(1)
        assert await starting is None

    told = [(each.state, each.progress) for each in stage.host.progress]
    assert told == [
        ("queued", None),
        ("running", 0),
        ("running", 25),
        ("running", 50),
        ("running", 75),
        ("success", None),
    ]


async def test_the_course_of_a_task_is_told_as_events() -> None:
    """Who started it, and on what; its end comes after what it has led to."""
    async with staged(make(pace=Pace(queued=timedelta(seconds=1)))) as stage:
        async with stage.asked_for("start") as starting:
            await stage.host.until("task queued")
            stage.wait(1)
            await stage.host.until("task running")
            stage.wait(1)
            assert await starting is None
        await stage.host.until("task success")

    assert stage.host.told == [
        "connected",
        "task queued",
        "task running",
        "started booted",
        "agent-lifecycle connected",
        "task success",
    ]
    tasks = [event for event in stage.host.events if isinstance(event, TaskEvent)]
    assert {event.evidence.user for event in tasks} == {"root"}
    assert {event.domain.name for event in tasks} == {"web01"}
    assert len({event.fact for event in tasks}) == 3
    assert [event.occurred_at - NOON for event in tasks] == [
        timedelta(0),
        timedelta(seconds=1),
        timedelta(seconds=1, milliseconds=40),
    ]


@pytest.mark.parametrize("operation", ["suspend", "resume", "destroy", "reset", "shutdown"])
async def test_what_the_state_forbids_is_not_begun(operation: str) -> None:
    """The domain is off."""
    async with staged() as stage:
        assert await stage.host.code(operation) is ErrorCode.OPERATION_INVALID
        assert changing_calls(stage) == set()


async def test_a_saved_domain_is_restored_by_a_start() -> None:
    """Where suspend is called saved, that is libvirt's word for it."""
    async with staged(suspend=SuspendMode.SAVED) as stage:
        assert await stage.host.code("start") is None
        assert await stage.host.code("suspend") is None
        await stage.host.until("stopped saved")
        assert await stage.host.code("resume") is ErrorCode.OPERATION_INVALID
        assert await stage.host.code("start") is None
        await stage.host.until("started restored")


async def test_a_task_that_fails_is_the_error() -> None:
    """In libvirt's words."""
    async with staged() as stage:
        stage.world.fail_next_task("web01", VIFault("GenericVmConfigFault", "simulated failure"))
        error = await stage.host.error("start")

    assert isinstance(error, OperationFailed)
    assert error.message == "Could not start domain: GenericVmConfigFault - simulated failure"


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        (NotSupported, OperationFailed, "Could not start domain: NotSupported - "),
        (VIFault("TaskInProgress", "busy"), OperationInvalid, "Other tasks are pending"),
        (VIFault("InvalidPowerState", "on"), OperationInvalid, "Domain is not powered off"),
        (VIFault("ManagedObjectNotFound", "gone"), NoSuchDomain, "the domain 'web01' (1) is gone"),
    ],
)
async def test_a_call_that_the_host_refuses_is_the_error(
    fault: Any, kind: type[EventdError], message: str
) -> None:
    """Nothing was begun."""
    async with staged() as stage:
        stage.world.fail_next("PowerOnVM_Task", fault() if isinstance(fault, type) else fault)
        error = await stage.host.error("start")

    assert isinstance(error, kind)
    assert error.message.startswith(message)
    assert error.hint


async def test_an_operation_goes_on_when_nobody_waits_for_it() -> None:
    """Its questions are still answered."""
    async with staged(auto_answer=True) as stage:
        stage.world.script_questions("web01", Question(delay=timedelta(seconds=5)))
        async with stage.asked_for("start") as starting:
            await stage.host.until("task running")
            starting.cancel()
        stage.wait(5)
        await stage.host.until("started booted")

    assert mutating_calls(stage.host.server) == ("power on", "answer 1")


async def test_two_starts_at_once_are_one() -> None:
    """Whichever is first; the other is refused, although the host lists no task yet."""
    world = make(pace=Pace(queued=timedelta(seconds=1)), lists_tasks=False)
    async with staged(world) as stage:
        async with stage.asked_for("start") as first, stage.asked_for("start") as second:
            done, _ = await asyncio.wait((first, second), return_when=asyncio.FIRST_COMPLETED)
            [refused] = done
            while stage.world.read("web01", "runtime.powerState") == "poweredOff":
                stage.wait(1)
                await asyncio.sleep(0)
        errors = [first.result(), second.result()]

    assert isinstance(refused.result(), OperationInvalid)
    assert errors.count(None) == 1
    assert mutating_calls(stage.host.server) == ("power on",)


async def test_two_tasks_of_one_connection_are_never_confused() -> None:
    """libvirt takes the end of the one for the end of the other."""
    async with staged(make(pace=Pace(queued=timedelta(seconds=1)))) as stage:
        stage.world.script_questions("web01", SERIAL)
        async with stage.asked_for("start") as first:
            await stage.host.until("task queued")
            stage.wait(1)
            assert isinstance(await first, QuestionPending)
        async with stage.asked_for("start", "db01") as second:
            await stage.host.until("task queued", 2)
            stage.world.answer("web01", "25", "2", now=stage.now())
            await stage.host.until("task error")
            assert not second.done()
            stage.wait(2)
            assert await second is None


# --- the host is lost -----------------------------------------------------------------------------


async def test_a_task_whose_key_was_used_before_is_another_one() -> None:
    """A host that was restarted counts from the beginning."""
    async with staged() as stage:
        await stage.host.operate("start")
        [key] = stage.host.tracker.followed_tasks.over
    async with staged() as stage:
        followed = stage.host.tracker.followed_tasks
        followed.follow([key])
        followed.lose([key])

        assert await stage.host.error("start") is None


async def test_an_operation_outlives_a_session() -> None:
    """The task is followed again in the next one."""
    world = make(pace=Pace(queued=timedelta(seconds=1)))
    async with staged(world) as stage, stage.asked_for("start") as starting:
        await stage.host.until("task queued")
        stage.host.server.expire_sessions()
        await stage.host.server.until_calls_wait(1)
        stage.wait(5)
        assert await starting is None


async def test_an_operation_outlives_a_short_loss_of_the_host() -> None:
    """And the question that was asked meanwhile is answered."""
    async with staged(auto_answer=True) as stage:
        stage.world.script_questions("web01", Question(delay=timedelta(seconds=5)))
        async with stage.asked_for("start") as starting:
            await stage.host.until("task running")
            await stage.host.server.stop()
            await stage.host.until("disconnected")
            stage.wait(10)
            await stage.host.server.start()
            assert await starting is None

    assert mutating_calls(stage.host.server) == ("power on", "answer 1")


async def test_an_operation_is_given_up_when_the_host_stays_away() -> None:
    """Its task goes on there, and the error says so."""
    world = make(pace=Pace(queued=timedelta(hours=1)))
    async with staged(world) as stage, stage.asked_for("start") as starting:
        await stage.host.until("task queued")
        await stage.host.server.stop()
        await stage.host.until("disconnected")
        await stage.pass_until(starting)

    error = starting.result()
    assert isinstance(error, HostUnreachable)
    assert "was lost while the task" in error.message
    assert error.hint == "it goes on there: look at the domain when the host is back"


async def test_an_operation_on_a_lost_host_is_refused_at_once() -> None:
    """Whoever asked would not want it to be begun when the host is back."""
    async with staged() as stage:
        await stage.host.server.stop()
        await stage.host.until("disconnected")
        error = await stage.host.error("start")

    assert isinstance(error, HostUnreachable)
    assert "the connection 'test' cannot be reached now" in error.message
    assert error.hint is not None
    assert error.hint.startswith("nothing was begun")


async def test_an_operation_whose_look_loses_the_host_was_not_begun() -> None:
    """Whoever asked need not look whether it was."""
    async with staged() as stage:
        stage.host.server.faults.delay(30, "RetrieveProperties")
        async with stage.asked_for("start") as starting:
            await stage.host.server.until_calls_wait(2)
            await stage.host.server.stop()
            error = await starting

    assert isinstance(error, HostUnreachable)
    assert error.hint is not None
    assert error.hint.startswith("nothing was begun")


async def test_an_operation_is_not_begun_for_somebody_who_has_gone() -> None:
    """A host that is slow may be looked at long after that."""
    async with staged() as stage:
        stage.host.server.faults.delay(0.2, "RetrieveProperties")
        async with stage.asked_for("start") as starting:
            await stage.host.server.until_calls_wait(2)
            starting.cancel()
        await stage.host.server.until_calls_wait(1)
        await settled(stage)

    assert changing_calls(stage) == set()


async def test_nothing_is_answered_for_somebody_who_has_gone() -> None:
    """The question that is in the way is left to others, too."""
    async with staged(auto_answer=True) as stage, asked(stage):
        stage.host.server.faults.delay(0.2, "RetrieveProperties")
        async with stage.asked_for("start") as starting:
            await stage.host.server.until_calls_wait(2)
            starting.cancel()
        await stage.host.server.until_calls_wait(1)
        await settled(stage)

    assert mutating_calls(stage.host.server) == ()


async def test_a_session_that_ends_before_the_start_is_replaced() -> None:
    """Nothing was begun without one."""
    async with staged() as stage:
        stage.host.server.expire_sessions()

        assert await stage.host.code("start") is None
        assert stage.world.read("web01", "runtime.powerState") == "poweredOn"


async def test_a_domain_that_vanishes_ends_its_operation() -> None:
    """It is nowhere to be found, and nothing hangs."""
    world = make(pace=Pace(queued=timedelta(hours=1)))
    async with staged(world) as stage, stage.asked_for("start") as starting:
        await stage.host.until("task queued")
        stage.world.vanish("web01", now=stage.now())
        error = await starting

    assert isinstance(error, OperationFailed)
    assert error.message.startswith("Could not start domain: ManagedObjectNotFound")


async def test_a_domain_that_leaves_what_is_followed_ends_its_operation() -> None:
    """Its task may go on elsewhere, and nothing of it is heard here."""
    world = make(product="vpx", hosts=2, pace=Pace(queued=timedelta(hours=1)))
    async with staged(world) as stage, stage.asked_for("start") as starting:
        await stage.host.until("task queued")
        stage.world.views.left(stage.world.domain("web01"))
        error = await starting

    assert isinstance(error, NoSuchDomain)
    assert error.message.startswith("the domain 'web01' is gone from 'test'")


async def test_a_domain_that_has_vanished_is_not_operated_on() -> None:
    """The host says so before eventd has heard it."""
    async with staged() as stage:
        domain = stage.host.domain()
        stage.world.vanish("web01", now=stage.now())
        with pytest.raises(NoSuchDomain, match="is gone from the host"):
            await stage.host.connection.operate(domain, DomainOperation.START, by=OPS)


@pytest.mark.parametrize("method", ["CreateListView", "ModifyListView"])
async def test_a_host_that_lets_no_task_be_followed_is_asked_for_it(method: str) -> None:
    """Now and then, until it is done."""
    world = make(pace=Pace(queued=timedelta(seconds=1)))
    world.fail_next(method, NotSupported(), times=1_000)
    async with staged(world) as stage, stage.asked_for("start") as starting:
        await stage.pass_until(starting)

    assert starting.result() is None


async def test_a_task_that_is_not_followed_is_asked_for_on_a_busy_host_too() -> None:
    """News of other domains put nothing off."""
    world = make(pace=Pace(queued=timedelta(seconds=1)))
    world.fail_next("CreateListView", NotSupported(), times=1_000)
    async with staged(world) as stage, stage.asked_for("start") as starting:
        await stage.pass_busily_until(starting)

    assert starting.result() is None


# --- questions ------------------------------------------------------------------------------------


async def test_a_question_is_told_with_the_task_that_it_blocks() -> None:
    """And then who has answered what, and why."""
    async with staged(auto_answer=True) as stage:
        stage.world.script_questions("web01", SERIAL)
        result = await stage.host.operate("start")
        await stage.host.until("started booted")

    raised, answered = question_events(stage)
    assert [event.type for event in (raised, answered)] == ["raised", "answered"]
    assert raised.question.vi_id == "25"
    assert raised.evidence.task is not None
    assert raised.evidence.task.description_id == "VirtualMachine.powerOn"
    assert isinstance(answered, QuestionAnswered)
    assert (answered.choice.label, answered.rule) == ("Append", AnswerRule.AUTO_ANSWER)
    assert answered.answered_by == OPS
    assert answered.question.id == raised.question.id
    assert [each.choice.label for each in result.answered] == ["Append"]


async def test_questions_in_a_row_have_ids_of_their_own() -> None:
    """Although the host gives all of them the same."""
    async with staged(auto_answer=True) as stage:
        stage.world.script_questions("web01", SERIAL, SERIAL, SERIAL)
        await stage.host.operate("start")
        await stage.host.until("started booted")

    events = question_events(stage)
    assert [event.type for event in events] == ["raised", "answered"] * 3
    ids = [event.question.id for event in events]
    assert ids[::2] == ids[1::2]
    assert len(set(ids)) == 3


async def test_a_question_that_is_answered_before_a_start_is_told() -> None:
    """Also where nobody has seen it but the one who was about to start the domain."""
    async with staged(auto_answer=True) as stage:
        stage.world.ask("web01", SERIAL, now=stage.now())
        error = await stage.host.error("start")
        stage.world.rename("db01", "db02", now=stage.now())
        await stage.host.until("defined renamed")

    assert isinstance(error, OperationInvalid)
    assert error.hint is not None
    assert "was answered with 'Append'" in error.hint
    assert [event.type for event in question_events(stage)] == ["raised", "answered"]


@pytest.mark.parametrize(
    ("auto_answer", "script", "cancelable", "hint"),
    [
        (False, SERIAL, False, "cannot be cancelled and was left behind"),
        (False, SERIAL, True, "was cancelled"),
        (True, WITHOUT_DEFAULT, False, "cannot be cancelled and was left behind"),
        (True, WITHOUT_DEFAULT, True, "was cancelled"),
    ],
)
async def test_the_error_says_what_became_of_the_task(
    auto_answer: bool, script: Question, cancelable: bool, hint: str
) -> None:
    """It may go on to wait for an answer."""
    async with staged(auto_answer=auto_answer) as stage:
        stage.world.script_questions("web01", script)
        if cancelable:
            stage.world.make_tasks_cancelable("web01")
        error = await stage.host.error("start")
        await stage.host.until("task error" if cancelable else "question raised")
        pending = stage.host.connection.questions()

    assert isinstance(error, QuestionPending)
    assert error.hint is not None
    assert hint in error.hint
    assert len(pending) == (0 if cancelable else 1)


async def test_a_cancellation_that_fails_does_not_hide_the_question() -> None:
    """The error is the question; what went wrong with the task is in the hint."""
    async with staged() as stage:
        stage.world.script_questions("web01", SERIAL)
        stage.world.make_tasks_cancelable("web01")
        stage.world.fail_next("CancelTask", VIFault("InvalidState", "The task is busy."))
        error = await stage.host.error("start")

    assert isinstance(error, QuestionPending)
    assert error.hint is not None
    assert "could not be cancelled (The task is busy) and was left behind" in error.hint


@pytest.mark.parametrize("is_busy", [False, True])
async def test_an_answer_that_is_taken_and_has_no_effect_does_not_hang(
    is_busy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host goes on asking; after ten seconds that is the error."""
    world = make()
    async with staged(world, auto_answer=True) as stage:
        world.script_questions("web01", SERIAL)
        ignored = asyncio.Event()
        monkeypatch.setattr(world.questions, "answer", lambda *_: ignored.set())
        async with stage.asked_for("start") as starting:
            await ignored.wait()
            await (stage.pass_busily_until if is_busy else stage.pass_until)(starting)

    error = starting.result()
    assert isinstance(error, QuestionPending)
    assert error.hint is not None
    assert error.hint.startswith("the host has taken the answer, and goes on asking; its task")
    [pending] = stage.host.connection.questions()
    assert pending.question.id == error.question_id
    assert f"eventd answer {error.question_id} CHOICE" in error.hint


@pytest.mark.parametrize("is_followed", [True, False])
async def test_a_question_that_is_read_for_a_moment_after_its_answer_is_not_answered_again(
    is_followed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it a reason to cancel what goes on; the long poll may be late as well."""
    world = make()
    if not is_followed:
        world.fail_next("CreateListView", NotSupported(), times=1_000)
    world.script_questions("web01", SERIAL)
    world.make_tasks_cancelable("web01")
    effects: list[Callable[[], None]] = []
    take_effect = world.questions.answer

    def answer(*arguments: Any) -> None:
        if effects:
            raise InvalidState("The question has been answered.")
        effects.append(partial(take_effect, *arguments))

    monkeypatch.setattr(world.questions, "answer", answer)
    async with staged(world, auto_answer=True) as stage:
        stage.host.server.faults.delay(1.0, "WaitForUpdatesEx")
        async with stage.asked_for("start") as starting:
            while not effects:
                stage.wait(0.5)
                await asyncio.sleep(0.005)
            for _ in range(16):
                stage.wait(0.5)
                await asyncio.sleep(0.005)
            [take_effect_now] = effects
            take_effect_now()
            await stage.pass_until(starting)

    assert starting.result() is None
    assert mutating_calls(stage.host.server) == ("power on", "answer 1")


async def test_a_host_that_does_not_let_itself_be_looked_at_is_not_asked_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long it is over time to look."""
    world = make()
    async with staged(world, auto_answer=True) as stage:
        world.script_questions("web01", SERIAL)
        ignored = asyncio.Event()
        monkeypatch.setattr(world.questions, "answer", lambda *_: ignored.set())
        async with stage.asked_for("start") as starting:
            await ignored.wait()
            await settled(stage)
            world.fail_next("RetrieveProperties", NotSupported(), times=1_000)
            with capture_logs() as logs:
                stage.wait(12)
                await settled(stage)
                await settled(stage)
            world.refuse_no_more()
            await stage.pass_until(starting)

    assert [entry["event"] for entry in logs].count("task_not_read") == 1


class _TakesItBack(World):
    """A host that takes its question back at the moment at which it is answered."""

    def take_scripted_fault(self, method: str) -> VIFault | None:
        if method == "AnswerVM":
            self.withdraw_question("web01", now=self.now)
        return super().take_scripted_fault(method)


async def test_a_question_that_the_host_takes_back_lets_the_start_go_on() -> None:
    """Nobody has answered it, and nobody needs to."""
    world = _TakesItBack(domains=2, pace=INSTANT, now=NOON)
    async with staged(world, auto_answer=True) as stage:
        stage.world.script_questions("web01", SERIAL)
        stage.world.make_tasks_cancelable("web01")
        assert await stage.host.error("start") is None
        await stage.host.until("question cleared elsewhere")

    assert mutating_calls(stage.host.server) == ("power on", "answer 1")


async def test_a_question_that_comes_while_the_domain_is_looked_at_is_seen() -> None:
    """The look does not show it, the long poll does: nothing is begun before another look."""
    async with staged() as stage:
        stage.host.server.faults.delay(0.2, "RetrieveProperties")
        async with stage.asked_for("start") as starting:
            await stage.host.server.until_calls_wait(2)
            stage.world.ask("web01", SERIAL, now=stage.now())
            await stage.host.until("question raised")
            error = await starting

    assert isinstance(error, QuestionPending)
    assert error.hint is not None
    assert error.hint.startswith("nothing was begun")
    assert changing_calls(stage) == set()


async def test_a_session_that_ends_before_a_task_is_cancelled_is_replaced() -> None:
    """The task is cancelled in the next one."""
    async with staged() as stage:
        stage.world.script_questions("web01", SERIAL)
        stage.world.make_tasks_cancelable("web01")
        stage.host.server.faults.expire("CancelTask")
        error = await stage.host.error("start")
        await stage.host.until("task error")

    assert isinstance(error, QuestionPending)
    assert error.hint is not None
    assert "was cancelled" in error.hint


async def test_an_answer_that_did_not_arrive_is_not_told_as_the_one_that_counted() -> None:
    """The host was not to be reached for a moment, in which somebody else answered otherwise."""
    async with staged() as stage:
        stage.world.script_questions("web01", SERIAL)
        stage.world.power_on("web01", now=stage.now())
        await stage.host.until("question raised")
        stage.host.server.faults.status(503, "AnswerVM")
        with pytest.raises(HostUnreachable):
            await stage.answer("Append")
        stage.world.answer("web01", "25", "2", now=stage.now())
        await stage.host.until("question cleared unknown")

    assert not any(isinstance(event, QuestionAnswered) for event in stage.host.events)


async def test_a_task_that_comes_after_a_question_has_not_asked_it() -> None:
    """A running domain may ask by itself."""
    async with staged(make(powered_on=True, pace=Pace(queued=timedelta(hours=1)))) as stage:
        stage.world.run_out_of_space("web01", now=stage.now())
        await stage.host.until("question raised")
        stage.world.suspend("web01", user="somebody", now=stage.now())
        await stage.host.until("task queued")
        [pending] = stage.host.connection.questions()

    assert pending.task is None


async def test_many_questions_of_others_are_all_answered_in_time() -> None:
    """A full datastore makes hundreds of domains ask at once."""
    domains = 1200
    async with staged(make(domains=domains), auto_answer=True, answer_after=30.0) as stage:
        for name in stage.world.domains.names:
            stage.world.ask(name, SERIAL, now=stage.now())
        await stage.host.until("question raised", domains)
        for _ in range(6):
            stage.wait(5)
            await settled(stage)
        await stage.host.until("question answered foreign", domains)


# --- answers of clients ---------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["1", "Append", "append"])
async def test_a_client_answers_by_key_or_label(choice: str) -> None:
    """Whoever started the task; eventd need not allow operations."""
    async with staged() as stage:
        stage.world.script_questions("web01", SERIAL)
        stage.world.power_on("web01", now=stage.now())
        await stage.host.until("question raised")
        await stage.answer(choice)
        await stage.host.until("question answered client")
        await stage.host.until("started booted")

    assert stage.host.connection.questions() == []


async def test_a_choice_that_does_not_exist_is_refused_with_those_that_do() -> None:
    """Nothing is sent to the host."""
    async with staged() as stage:
        stage.world.ask("web01", SERIAL, now=stage.now())
        await stage.host.until("question raised")
        with pytest.raises(NoSuchChoice, match="0 = Replace, 1 = Append, 2 = Cancel") as refusal:
            await stage.answer("Maybe")

    assert refusal.value.choices == (("0", "Replace"), ("1", "Append"), ("2", "Cancel"))
    assert mutating_calls(stage.host.server) == ()


async def test_an_id_of_a_question_that_is_gone_hits_no_other() -> None:
    """The host asks the same again, under the same id of its own."""
    async with staged() as stage:
        stage.world.ask("web01", SERIAL, now=stage.now())
        await stage.host.until("question raised")
        [first] = stage.host.connection.questions()
        stage.world.answer("web01", "25", "1", now=stage.now())
        await stage.host.until("question cleared unknown")
        stage.world.ask("web01", SERIAL, now=stage.now())
        await stage.host.until("question raised", 2)
        with pytest.raises(NoSuchQuestion, match="no question with the id"):
            await stage.host.connection.answer(first, "1", by=OPS)


async def test_an_answer_that_the_host_refuses_is_an_error() -> None:
    """The question stays."""
    async with staged() as stage:
        stage.world.ask("web01", SERIAL, now=stage.now())
        await stage.host.until("question raised")
        stage.world.fail_next("AnswerVM", InvalidArgument("answerChoice"))
        with pytest.raises(OperationFailed, match="Could not answer the question"):
            await stage.answer("1")
        assert len(stage.host.connection.questions()) == 1


async def test_a_question_in_other_words_is_the_same_question() -> None:
    """It has changed, and keeps its id."""
    async with staged() as stage:
        stage.world.ask("web01", SERIAL, now=stage.now())
        await stage.host.until("question raised")
        stage.world.reword_question("web01", "Really?", now=stage.now())
        await stage.host.until("question changed")

    first, second = question_events(stage)
    assert first.question.id == second.question.id
    assert second.question.text == "Really?"


# --- the questions of others ----------------------------------------------------------------------


@asynccontextmanager
async def asked(stage: Stage, question: Question = SERIAL) -> AsyncIterator[None]:
    """Somebody else starts web01, which asks."""
    stage.world.script_questions("web01", question)
    stage.world.power_on("web01", user="somebody", now=stage.now())
    await stage.host.until("question raised")
    yield


async def settled(stage: Stage) -> None:
    """Let everything happen that does not wait for the time to pass."""
    other = next(name for name in stage.world.domains.names if name != "web01")
    stage.world.rename(other, f"db{len(stage.host.events)}", now=stage.now())
    count = stage.host.told.count("defined renamed")
    await stage.host.until("defined renamed", count + 1)


async def test_a_question_of_others_is_answered_after_the_delay() -> None:
    """With the default, and it is told why."""
    async with staged(auto_answer=True, answer_after=30.0) as stage, asked(stage):
        [pending] = stage.host.connection.questions()
        stage.wait(29)
        await settled(stage)
        assert mutating_calls(stage.host.server) == ()
        stage.wait(1)
        await stage.host.until("question answered foreign")
        await stage.host.until("started booted")

    assert pending.since == NOON
    assert pending.answer_due == NOON + timedelta(seconds=30)
    assert pending.task is not None
    assert pending.task.user == "somebody"
    assert mutating_calls(stage.host.server) == ("answer 1",)


async def test_a_question_of_others_is_left_alone_unless_told_otherwise() -> None:
    """auto_answer=1 is about eventd's own operations."""
    async with staged(auto_answer=True) as stage, asked(stage):
        [pending] = stage.host.connection.questions()
        stage.wait(3600)
        await settled(stage)

    assert pending.answer_due is None
    assert mutating_calls(stage.host.server) == ()


async def test_a_question_that_an_operation_has_left_is_answered_in_its_turn() -> None:
    """It may have fallen due meanwhile, and there may be no other news."""
    async with staged(answer_after=30.0) as stage, asked(stage):
        stage.host.server.faults.delay(0.2, "RetrieveProperties")
        async with stage.asked_for("start") as starting:
            await stage.host.server.until_calls_wait(2)
            stage.wait(30)
        await stage.host.until("question answered foreign")

    assert isinstance(starting.result(), QuestionPending)


async def test_a_question_that_somebody_answers_in_time_is_not_answered_again() -> None:
    """Nor is the next one before its own delay has passed."""
    async with staged(auto_answer=True, answer_after=30.0) as stage, asked(stage):
        stage.wait(20)
        stage.world.answer("web01", "25", "1", now=stage.now())
        await stage.host.until("question cleared elsewhere")
        stage.world.ask("web01", SERIAL, now=stage.now())
        await stage.host.until("question raised", 2)
        stage.wait(20)
        await settled(stage)

    assert mutating_calls(stage.host.server) == ()


async def test_a_question_without_a_default_is_left_to_people() -> None:
    """However long it takes them."""
    answering = staged(auto_answer=True, answer_after=30.0)
    async with answering as stage, asked(stage, WITHOUT_DEFAULT):
        stage.wait(3600)
        await settled(stage)

    assert mutating_calls(stage.host.server) == ()


async def test_an_answer_for_others_that_is_refused_is_not_repeated() -> None:
    """People have to see to it; a client may still answer."""
    async with staged(auto_answer=True, answer_after=30.0) as stage, asked(stage):
        stage.world.fail_next("AnswerVM", InvalidArgument("answerChoice"))
        stage.wait(30)
        await settled(stage)
        stage.wait(3600)
        await settled(stage)
        refused = mutating_calls(stage.host.server)
        await stage.answer("Append")
        await stage.host.until("question answered client")

    assert refused == ("answer 1",)


async def test_a_question_of_others_is_answered_when_the_host_is_back() -> None:
    """The delay goes on meanwhile."""
    async with staged(auto_answer=True, answer_after=30.0) as stage, asked(stage):
        await stage.host.server.stop()
        await stage.host.until("disconnected")
        [pending] = stage.host.connection.questions()
        stage.wait(40)
        await stage.host.server.start()
        await stage.host.until("question answered foreign")

    assert pending.stale
    assert pending.answer_due is None


async def test_tasks_of_others_are_never_cancelled() -> None:
    """Even where they are in the way, and could be."""
    async with staged() as stage:
        stage.world.make_tasks_cancelable("web01")
        async with asked(stage):
            assert isinstance(await stage.host.error("start"), QuestionPending)

    assert "cancel" not in mutating_calls(stage.host.server)


async def test_an_operation_takes_care_of_its_own_questions() -> None:
    """At once, and not after the delay for those of others."""
    async with staged(auto_answer=True, answer_after=30.0) as stage:
        stage.world.script_questions("web01", SERIAL)
        assert await stage.host.code("start") is None
        await stage.host.until("question answered auto-answer")


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("answer", "elsewhere"),
        ("abort", "unknown"),
        ("cancel", "withdrawn"),
        ("vanish", "withdrawn"),
    ],
)
async def test_what_became_of_a_question_is_told(end: str, reason: str) -> None:
    """As far as it shows."""
    async with staged() as stage:
        stage.world.make_tasks_cancelable("web01")
        stage.world.script_questions("web01", SERIAL)
        task = stage.world.power_on("web01", now=stage.now())
        await stage.host.until("question raised")
        match end:
            case "answer":
                stage.world.answer("web01", "25", "1", now=stage.now())
            case "abort":
                stage.world.answer("web01", "25", "2", now=stage.now())
            case "cancel":
                stage.world.cancel_task(task, now=stage.now())
            case _:
                stage.world.vanish("web01", now=stage.now())
        await stage.host.until(f"question cleared {reason}")


async def test_domain_events_of_operations_name_their_tasks() -> None:
    """What eventd does is told like anything else that is done to a domain."""
    async with staged() as stage:
        result = await stage.host.operate("start")
        await stage.host.until("started booted")

    [started] = [event for event in stage.host.events if event.type == "started"]
    assert isinstance(started, DomainEvent)
    assert started.evidence.task is not None
    assert result.task is not None
    assert started.evidence.task.key == result.task.key
