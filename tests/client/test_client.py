"""What a client asks, and has done."""

from __future__ import annotations

import asyncio
import os

import pytest

from eventd.client import Client
from eventd.errors import DaemonError, ErrorCode, HostUnreachable, InvalidArgument, QuestionPending
from eventd.model.domain import ConnectionState, DomainState
from eventd.model.ids import EventKind
from eventd.model.operations import Answered, DomainOperation, OperationResult, TaskProgress
from tests.http_api.fake_daemon import APPEND, ODD_NAMES, Daemon, power_on, question_of, uuid_of

# The present state


async def test_domains_come_as_statuses(daemon: Daemon, client: Client) -> None:
    """The same values as inside the daemon."""
    daemon.directory.add(1)
    daemon.directory.add(2, DomainState.SHUTOFF)
    assert await client.domains() == daemon.directory.statuses
    assert await client.domains(domain=["web-2", "db-*"]) == daemon.directory.statuses[1:]


async def test_connections_come_as_statuses(daemon: Daemon, client: Client) -> None:
    """With what is wrong, where something is."""
    daemon.directory.connect("esx01", ConnectionState.DISCONNECTED, "no answer")
    assert await client.connections() == daemon.directory.known_connections


async def test_callbacks_tell_whose_they_are(daemon: Daemon, client: Client) -> None:
    """Those of other clients and of the daemon are listed too."""
    daemon.registry.register(1, lambda record, opaque: None)
    callback_id = await client.register("lifecycle", lambda record: None, domain=uuid_of(1))
    of_daemon, of_client = await client.callbacks()
    assert (of_daemon.session, of_daemon.event) == ("daemon", EventKind.REBOOT)
    assert (of_client.callback_id, of_client.domain) == (callback_id, uuid_of(1))
    assert (of_client.pid, of_client.uid) == (os.getpid(), os.getuid())


async def test_an_operation_that_there_is_not_is_not_asked_for(
    daemon: Daemon, writer: Client
) -> None:
    """A path would make something else of it."""
    daemon.directory.add(1)
    for word in ("explode", "", "../web-1/destroy"):
        with pytest.raises(InvalidArgument) as caught:
            await writer.operate("web-1", word)
        assert caught.value.message == (
            f"{word!r} is not an operation; there are start, shutdown, destroy, suspend, resume, "
            "reboot, reset"
        )
    assert daemon.operator.asked == []


async def test_a_configuration_comes_as_the_socket_allows(
    daemon: Daemon, client: Client, writer: Client
) -> None:
    """With its secrets on the read-write socket alone."""
    daemon.directory.add(1)
    known = daemon.operator.configure(1, **{"RemoteDisplay.vnc.password": "secret"})
    assert await writer.configuration("web-1") == known
    assert await writer.configuration(uuid_of(1), connection="lab") == known
    assert await client.configuration("web-1") == known.without_secrets() != known


# Questions


async def test_pending_questions_come_as_they_are(daemon: Daemon, client: Client) -> None:
    """The filters are those of domains."""
    pending = [daemon.operator.ask(1), daemon.operator.ask(2)]
    assert await client.questions() == pending
    assert await client.questions(domain="web-2", connection="lab", host="esx01") == pending[1:]
    assert await client.questions(domain="db-*") == []


async def test_a_question_is_answered(daemon: Daemon, writer: Client) -> None:
    """What was asked and what was chosen come back."""
    daemon.operator.ask(1)
    answered = await writer.answer("q-1", "append")
    assert answered == Answered(question=question_of(1), choice=APPEND)
    assert await writer.questions() == []


@pytest.mark.parametrize(
    ("question", "choice", "code"),
    [
        ("q-1", "Burn", "no-such-choice"),
        ("q-1", "\udcff", "invalid-argument"),
        ("q-7", "1", "no-such-question"),
        ("q/7", "1", "no-such-question"),
    ],
)
async def test_an_answer_that_is_refused_is_the_daemons_error(
    daemon: Daemon, writer: Client, question: str, choice: str, code: str
) -> None:
    """With all that the daemon said of it."""
    daemon.operator.ask(1)
    with pytest.raises(DaemonError) as error:
        await writer.answer(question, choice)
    assert error.value.problem["code"] == code
    assert error.value.code is ErrorCode.INVALID_ARG


# Operations


@pytest.mark.parametrize("operation", [*DomainOperation, "start"])
@pytest.mark.parametrize("reports", [False, True])
async def test_an_operation_returns_its_result(
    daemon: Daemon, writer: Client, operation: DomainOperation | str, reports: bool
) -> None:
    """With or without reports on the way there."""
    domain = daemon.directory.add(1)
    told: list[TaskProgress] = []
    report = told.append if reports else None
    result = await writer.operate("web-1", operation, connection="lab", report=report)
    assert result == OperationResult(operation=DomainOperation(operation), domain=domain)
    assert [each.connection for each in daemon.operator.asked] == ["lab"]
    assert told == []


async def test_progress_is_reported(daemon: Daemon, writer: Client) -> None:
    """As it was told to the daemon; the last of it is in the result."""
    daemon.directory.add(1)
    daemon.operator.reports = [power_on("queued"), power_on("running", 42), power_on("success")]
    told: list[TaskProgress] = []
    result = await writer.operate(uuid_of(1), "start", report=told.append)
    assert told == daemon.operator.reports
    assert result.task == told[-1]


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_a_domain_may_have_any_name(daemon: Daemon, writer: Client, name: str) -> None:
    """Whatever a path would make of it."""
    daemon.directory.add(1)
    domain = daemon.directory.add(2, name=name)
    assert (await writer.operate(name, "start")).domain == domain
    assert (await writer.operate(name, "start", report=lambda _: None)).domain == domain


@pytest.mark.parametrize("name", ["", ".", "..", "\udcff"])
async def test_what_no_path_can_name_is_asked_for_by_nobody(
    daemon: Daemon, writer: Client, name: str
) -> None:
    """An unset variable of a script, for one."""
    for asking in (
        writer.operate(name, "destroy"),
        writer.configuration(name),
        writer.answer(name, "1"),
    ):
        with pytest.raises(
            InvalidArgument, match="cannot be sent as the name of anything; give its UUID"
        ):
            await asking
    assert daemon.operator.asked == []


@pytest.mark.parametrize("reports", [[], [power_on("running", 1)]])
async def test_a_pending_question_is_told_with_its_choices(
    daemon: Daemon, writer: Client, reports: list[TaskProgress]
) -> None:
    """Whether it came before the task or in the middle of it."""
    daemon.directory.add(1)
    daemon.operator.reports = reports
    daemon.operator.failure = QuestionPending(
        "it asks",
        hint="answer it",
        question_id="q-1",
        text="?",
        choices=[("0", "Replace")],
        default_choice=None,
    )
    for report in (None, lambda _: None):
        with pytest.raises(DaemonError, match="it asks") as error:
            await writer.operate("web-1", "start", report=report)
        assert (error.value.status, error.value.hint) == (409, "answer it")
        assert error.value.problem["code"] == "question-pending"
        assert error.value.problem["question"] == {
            "id": "q-1",
            "text": "?",
            "choices": [{"key": "0", "label": "Replace"}],
        }


async def test_a_host_that_is_away_is_the_daemons_error(daemon: Daemon, writer: Client) -> None:
    """Its code is libvirt's."""
    daemon.directory.add(1)
    daemon.operator.failure = HostUnreachable("nobody answered")
    with pytest.raises(DaemonError, match="nobody answered") as error:
        await writer.operate("web-1", "start")
    assert (error.value.status, error.value.problem["code"]) == (503, "host-unreachable")
    assert error.value.hint is None


async def test_the_read_only_socket_names_the_other_one(daemon: Daemon, client: Client) -> None:
    """Nothing was done."""
    daemon.directory.add(1)
    daemon.operator.ask(1)
    for asking in (
        client.operate("web-1", "start"),
        client.operate("web-1", "start", report=lambda _: None),
        client.answer("q-1", "1"),
    ):
        with pytest.raises(DaemonError, match="read-only socket") as error:
            await asking
        assert error.value.code is ErrorCode.OPERATION_DENIED
        assert str(daemon.socket) in (error.value.hint or "")
    assert (daemon.operator.asked, daemon.operator.answers) == ([], [])


async def test_what_a_report_raises_comes_out_as_it_is(daemon: Daemon, writer: Client) -> None:
    """It is no fault of the daemon, whatever it is."""
    daemon.directory.add(1)
    daemon.operator.reports = [power_on("running", 1)]
    for error in (ValueError, BrokenPipeError):

        def fail(_: TaskProgress, error: type[Exception] = error) -> None:
            raise error

        with pytest.raises(error):
            await writer.operate("web-1", "start", report=fail)


async def test_a_call_that_is_cancelled_leaves_the_operation_to_the_daemon(
    daemon: Daemon, writer: Client
) -> None:
    """The daemon is told that nobody waits, and goes on serving."""
    daemon.directory.add(1)
    daemon.operator.may_end.clear()
    calling = asyncio.ensure_future(writer.operate("web-1", "start"))
    while not daemon.operator.asked:  # noqa: ASYNC110  # nobody is told
        await asyncio.sleep(0)
    calling.cancel()
    while not daemon.operator.left:  # noqa: ASYNC110  # nobody is told
        await asyncio.sleep(0)
    assert len(await writer.domains()) == 1
