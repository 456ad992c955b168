"""A look at one domain, or at one task: what is asked, and what is seen."""

from __future__ import annotations

import pytest

from eventd.connections.sight import domain_reference, read_sight, read_task
from eventd.errors import Fault, HostUnreachable, SessionExpired
from eventd.model.picture import PowerState
from eventd.operations.preparation import Sight
from eventd.tracking.questions import Questions
from eventd.vi.types import ManagedObjectReference, TaskState
from tests.connections.scripted_host import Host, Reply, fault, object_content
from tests.connections.sights import GONE, domain, question, session_with, task

UNREACHABLE = HostUnreachable("esx01 did not answer within 60 s")


async def look(host: Host, questions: Questions | None = None) -> Sight:
    """Look at vm-42."""
    return await read_sight(await session_with(host), "vm-42", questions or Questions("esx01"))


async def state_of(host: Host) -> TaskState | None:
    """Look at task-1; return its state if there is one."""
    info = await read_task(await session_with(host), "task-1")
    return None if info is None else info.state


# -- a domain


def test_a_domain_is_referred_to_by_the_value_of_its_reference() -> None:
    """Its type is always the same."""
    assert domain_reference("vm-42") == ManagedObjectReference("VirtualMachine", "vm-42")


async def test_power_question_and_tasks_are_seen_at_once() -> None:
    """In one answer, so that they belong together."""
    host = Host()
    host.plan(
        "RetrieveProperties",
        domain(power="poweredOn", question=question()) + task("task-1") + task("task-2"),
    )

    sight = await look(host)

    assert sight.power is PowerState.POWERED_ON
    assert sight.question is not None
    assert (sight.question.vi_id, sight.question.text) == ("25", "Replace or append?")
    assert [choice.label for choice in sight.question.choices] == ["Replace", "Append"]
    assert [info.key for info in sight.tasks] == ["task-1", "task-2"]
    assert len(host.called("RetrieveProperties")) == 1


async def test_a_domain_and_its_recent_tasks_are_asked_for() -> None:
    """By their leaves and on one way; nothing that comes by the megabyte."""
    host = Host()
    host.plan("RetrieveProperties", domain())

    await look(host)

    [call] = host.called("RetrieveProperties")
    [spec] = call.call.every("specSet")
    paths = {
        kind.text: [path.text for path in properties.every("pathSet")]
        for properties in spec.every("propSet")
        for kind in properties.every("type")
    }
    assert paths == {
        "VirtualMachine": ["runtime.powerState", "runtime.question"],
        "Task": ["info"],
    }
    [start] = spec.every("objectSet")
    [obj], [way] = start.every("obj"), start.every("selectSet")
    assert obj.reference == ManagedObjectReference("VirtualMachine", "vm-42")
    assert [node.text for node in way.every("path")] == ["recentTask"]
    assert [node.text for node in start.every("skip")] == ["false"]


async def test_what_is_not_told_is_not_so() -> None:
    """Nothing is asked, no task is listed, and no power state is known."""
    host = Host()
    host.plan("RetrieveProperties", domain())

    assert await look(host) == Sight(None, None, ())


async def test_what_is_no_value_of_its_kind_is_not_told() -> None:
    """A new power state, a question without an id, a task without a state."""
    host = Host()
    odd = '<val xsi:type="VirtualMachineQuestionInfo"><text>Odd</text></val>'
    nothing = '<val xsi:type="TaskInfo"><key>task-1</key></val>'
    host.plan(
        "RetrieveProperties",
        domain(power="melted", question=odd) + object_content("Task", "task-1", info=nothing),
    )

    assert await look(host) == Sight(None, None, ())


async def test_what_is_said_of_another_domain_is_not_seen() -> None:
    """Nobody asked for it."""
    host = Host()
    host.plan(
        "RetrieveProperties",
        domain(power="poweredOff") + domain("vm-43", power="poweredOn", question=question()),
    )

    assert await look(host) == Sight(PowerState.POWERED_OFF, None, ())


async def test_a_question_has_the_id_that_it_is_known_by() -> None:
    """Shown before, or after: it is the same."""
    host = Host()
    questions = Questions("esx01")
    reply = domain(question=question())
    host.plan("RetrieveProperties", reply, reply)

    before = await look(host, questions)
    assert before.question is not None
    shown = questions.show("vm-42", None, before.question.model_copy(update={"id": ""}))
    after = await look(host, questions)

    assert before.question == shown == after.question


@pytest.mark.parametrize("failures", [1, 2])
async def test_a_task_that_vanishes_at_that_moment_does_not_hide_the_domain(failures: int) -> None:
    """The host refuses the whole call for it; the next one brings the rest."""
    host = Host()
    host.plan("RetrieveProperties", *[GONE] * failures, domain(power="poweredOff"))

    assert await look(host) == Sight(PowerState.POWERED_OFF, None, ())


async def test_a_domain_that_is_gone_is_gone() -> None:
    """After three tries, of which each may have met a task."""
    host = Host()
    host.plan("RetrieveProperties", GONE, GONE, GONE)

    with pytest.raises(Fault) as caught:
        await look(host)

    assert caught.value.name == "ManagedObjectNotFound"
    assert len(host.called("RetrieveProperties")) == 3


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (fault("NotAuthenticated"), SessionExpired),
        (fault("NoPermission"), Fault),
        (UNREACHABLE, HostUnreachable),
    ],
)
async def test_any_other_failure_comes_through_at_once(
    reply: Reply, error: type[Exception]
) -> None:
    """Another try would not mend it."""
    host = Host()
    host.plan("RetrieveProperties", reply)

    with pytest.raises(error):
        await look(host)

    assert len(host.called("RetrieveProperties")) == 1


# -- a task


async def test_a_task_is_read_by_itself() -> None:
    """Its info, and nothing of its domain."""
    host = Host()
    host.plan("RetrieveProperties", task("task-1", TaskState.SUCCESS))

    assert await state_of(host) is TaskState.SUCCESS

    [call] = host.called("RetrieveProperties")
    [spec] = call.call.every("specSet")
    [start] = spec.every("objectSet")
    [obj], [properties] = start.every("obj"), spec.every("propSet")
    assert obj.reference == ManagedObjectReference("Task", "task-1")
    assert [node.text for node in properties.every("type")] == ["Task"]
    assert [node.text for node in properties.every("pathSet")] == ["info"]


@pytest.mark.parametrize("reply", [GONE, "", object_content("Task", "task-1")])
async def test_a_task_that_the_host_does_not_know_is_none(reply: Reply) -> None:
    """Or does not let be read."""
    host = Host()
    host.plan("RetrieveProperties", reply)

    assert await state_of(host) is None
    assert len(host.called("RetrieveProperties")) == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (fault("NotAuthenticated"), SessionExpired),
        (fault("NoPermission"), Fault),
        (UNREACHABLE, HostUnreachable),
    ],
)
async def test_a_task_that_cannot_be_read_is_an_error(reply: Reply, error: type[Exception]) -> None:
    """It may be there all the same."""
    host = Host()
    host.plan("RetrieveProperties", reply)

    with pytest.raises(error):
        await state_of(host)
