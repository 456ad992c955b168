from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from pydantic_core import from_json
from structlog.testing import capture_logs

from eventd.errors import (
    EventdError,
    Fault,
    HostUnreachable,
    OperationDenied,
    OperationFailed,
    OperationInvalid,
    QuestionPending,
)
from eventd.model.operations import Answered, DomainOperation, OperationResult
from tests.http_api.fake_daemon import (
    APPEND,
    ODD_NAMES,
    Daemon,
    MakeDaemon,
    power_on,
    question_of,
    uuid_of,
)
from tests.http_api.talk import Talk, talking

QUESTION_PENDING = QuestionPending(
    "Pending question blocks virtual machine execution",
    hint="nothing was begun",
    question_id="q-1",
    text="Replace it?",
    choices=[("0", "Replace"), ("1", "Append")],
    default_choice="1",
)

# Error, status, code, libvirt's code, and what else is said.
PROBLEMS: list[tuple[EventdError, int, str, int, dict[str, object]]] = [
    (OperationDenied("no", hint="switch it on"), 403, "operation-denied", 29, {}),
    (OperationInvalid("Domain is not powered on"), 409, "operation-invalid", 55, {}),
    (
        QUESTION_PENDING,
        409,
        "question-pending",
        1,
        {
            "question": {
                "id": "q-1",
                "text": "Replace it?",
                "choices": [{"key": "0", "label": "Replace"}, {"key": "1", "label": "Append"}],
                "default": {"key": "1", "label": "Append"},
            }
        },
    ),
    (
        QuestionPending("it asks", question_id="q", text="?", choices=[], default_choice=None),
        409,
        "question-pending",
        1,
        {"question": {"id": "q", "text": "?", "choices": []}},
    ),
    (OperationFailed("Could not start domain"), 502, "operation-failed", 1, {}),
    (HostUnreachable("nobody answered"), 503, "host-unreachable", 1, {}),
    (Fault("PowerOnVM_Task", "NoPermission", "no"), 502, "host-error", 1, {}),
    (EventdError("something else"), 500, "failed", 1, {}),
]


@pytest.fixture
async def talk(daemon: Daemon) -> AsyncIterator[Talk]:
    daemon.directory.add(1)
    async with talking(daemon.socket) as opened:
        yield opened


@pytest.fixture
async def reading(daemon: Daemon) -> AsyncIterator[Talk]:
    daemon.directory.add(1)
    async with talking(daemon.read_only_socket) as opened:
        yield opened


@pytest.mark.parametrize("operation", DomainOperation)
@pytest.mark.parametrize("body", [None, b"", b"{}", b" {} "])
async def test_an_operation_is_answered_with_its_result(
    daemon: Daemon, talk: Talk, operation: DomainOperation, body: bytes | None
) -> None:
    """The operator is asked once, for what the path says; no body is needed."""
    status, answer = await talk.post(f"/v1/domains/web-1/{operation}", body)
    assert status == 200
    result = OperationResult.model_validate(answer)
    assert (result.operation, result.domain.name) == (operation, "web-1")
    [asked] = daemon.operator.asked
    assert (asked.domain, asked.operation, asked.connection) == ("web-1", operation, None)
    assert (asked.by.pid, asked.by.uid) == (os.getpid(), os.getuid())


async def test_the_result_has_task_and_answered_questions(daemon: Daemon, talk: Talk) -> None:
    """What is unset is left out."""
    daemon.operator.reports = [power_on("success")]
    daemon.operator.answered = (Answered(question=question_of(1), choice=APPEND),)
    _, answer = await talk.post("/v1/domains/web-1/start")
    assert answer["task"] == {
        "key": "task-881",
        "description_id": "VirtualMachine.powerOn",
        "state": "success",
    }
    assert [each["choice"]["label"] for each in answer["answered"]] == ["Append"]


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_a_domain_may_have_any_name(daemon: Daemon, talk: Talk, name: str) -> None:
    """Percent-encoded in the path, and as it is for the operator."""
    daemon.directory.add(2, name=name)
    path = f"/v1/domains/{quote(name, safe='')}"
    status, answer = await talk.post(f"{path}/start?connection=lab")
    assert (status, answer["domain"]["name"]) == (200, name)
    assert [(each.domain, each.connection) for each in daemon.operator.asked] == [(name, "lab")]
    assert (await talk.lines(f"{path}/reset"))[-1]["result"]["domain"]["name"] == name


@pytest.mark.parametrize(
    "path",
    [
        "/v1/domains/web-1/explode",
        "/v1/domains/web-1/start/",
        "/v1/domains//start",
        "/v1/domains/web/1/start",
    ],
)
async def test_what_is_no_operation_is_not_there(daemon: Daemon, talk: Talk, path: str) -> None:
    """A slash that is not encoded parts."""
    status, problem = await talk.post(path)
    assert (status, problem["code"]) == (404, "not-found")
    assert daemon.operator.asked == []


async def test_an_operation_cannot_be_read(talk: Talk) -> None:
    """A link that is followed changes nothing."""
    status, problem = await talk.get("/v1/domains/web-1/start")
    assert (status, problem["code"]) == (405, "method-not-allowed")
    assert problem["detail"].endswith("; use POST")


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?connection=", None),
        ("?connection=a&connection=b", None),
        ("?force=true", None),
        ("", b'{"force": true}'),
        ("", b"[]"),
        ("", b"null"),
        ("", b"now"),
        ("", b"\xff"),
    ],
)
async def test_an_operation_takes_a_connection_and_nothing_else(
    daemon: Daemon, talk: Talk, query: str, body: bytes | None
) -> None:
    """What eventd does not understand it does not leave out: nothing is begun."""
    status, problem = await talk.post(f"/v1/domains/web-1/start{query}", body)
    assert (status, problem["code"]) == (400, "invalid-argument")
    assert daemon.operator.asked == []


@pytest.mark.parametrize("size", [4096, 4097, 1_000_000])
async def test_a_body_has_a_bound(daemon: Daemon, talk: Talk, size: int) -> None:
    """Blanks would do no harm otherwise."""
    status, answer = await talk.post("/v1/domains/web-1/start", b"{}".ljust(size))
    if size <= 4096:
        assert status == 200
    else:
        assert (status, answer["code"]) == (413, "request-too-large")
        assert "4096 bytes" in answer["detail"]
        assert daemon.operator.asked == []


@pytest.mark.parametrize(
    "end",
    [
        b"Content-Length: 2\r\n\r\n{",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\n{",
    ],
)
async def test_a_body_that_does_not_come_in_time_is_a_problem(
    make_daemon: MakeDaemon, end: bytes
) -> None:
    """A connection does not wait for ever."""
    async with make_daemon(request_timeout=0.05) as daemon:
        answer = await raw(daemon, b"POST /v1/domains/web-1/start HTTP/1.1\r\nHost: x\r\n" + end)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request-timeout"' in answer
    assert daemon.operator.asked == []


@pytest.mark.parametrize(
    "end",
    [
        b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        b"Content-Encoding: br\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
async def test_a_body_that_is_badly_encoded_is_a_problem(daemon: Daemon, end: bytes) -> None:
    """It is the client's mistake, not one of the daemon's."""
    head = b"POST /v1/domains/web-1/start HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    with capture_logs() as logs:
        answer = await raw(daemon, head + end)
    assert answer.partition(b"\r\n")[0].endswith(b" 400 Bad Request")
    assert [entry for entry in logs if entry["log_level"] != "debug"] == []
    assert daemon.operator.asked == []


async def raw(daemon: Daemon, data: bytes) -> bytes:
    """Send bytes and return all that is answered."""
    reader, writer = await asyncio.open_unix_connection(str(daemon.socket))
    writer.write(data)
    try:
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(("error", "status", "code", "number", "more"), PROBLEMS)
async def test_an_operation_that_is_not_done_is_a_problem(
    daemon: Daemon,
    talk: Talk,
    error: EventdError,
    status: int,
    code: str,
    number: int,
    more: dict[str, object],
) -> None:
    """The word to switch on, libvirt's number, and what to do next; lines are no other."""
    daemon.operator.failure = error
    answered, problem = await talk.post("/v1/domains/web-1/start")
    assert answered == status
    hint = {} if error.hint is None else {"hint": error.hint}
    expected = {"code": code, "detail": error.message, "libvirt_code": number, **hint, **more}
    assert problem.items() >= expected.items()
    assert problem.keys() == {"type", "title", "status", *expected}
    async with talk.asking_for_lines("/v1/domains/web-1/start") as response:
        assert response.status == status
        assert response.content_type == "application/problem+json"
        assert from_json(await response.read()) == problem


@pytest.mark.parametrize(
    ("domain", "expected", "words"),
    [
        ("nobody", (404, "no-such-domain", 42), "no domain"),
        ("web-1", (409, "ambiguous-domain", 42), "several domains"),
        (uuid_of(1), (409, "ambiguous-domain", 42), "several domains"),
    ],
)
async def test_a_domain_that_is_not_the_only_one_is_a_problem(
    daemon: Daemon, talk: Talk, domain: str, expected: tuple[int, str, int], words: str
) -> None:
    """eventd does not choose."""
    daemon.directory.add(1, connection="other")
    status, problem = await talk.post(f"/v1/domains/{domain}/destroy")
    assert (status, problem["code"], problem["libvirt_code"]) == expected
    assert words in problem["detail"]
    assert "hint" in problem


# Line by line


async def test_progress_comes_before_the_result(daemon: Daemon, talk: Talk) -> None:
    """A line for each report, and a last one."""
    daemon.operator.reports = [power_on("queued"), power_on("running", 42), power_on("success")]
    lines = await talk.lines("/v1/domains/web-1/start")
    assert [each["progress"]["state"] for each in lines[:-1]] == ["queued", "running", "success"]
    assert lines[1]["progress"]["progress"] == 42
    assert lines[-1]["result"]["domain"]["name"] == "web-1"


async def test_progress_comes_while_the_operation_goes_on(daemon: Daemon, talk: Talk) -> None:
    """Not when it has ended."""
    daemon.operator.may_end.clear()
    daemon.operator.reports = [power_on("running", 1)]
    async with talk.asking_for_lines("/v1/domains/web-1/start") as response:
        assert response.content_type == "application/x-ndjson"
        assert b'"progress":1' in await response.content.readline()
        daemon.operator.may_end.set()
        assert (await response.content.readline()).startswith(b'{"result":')
        assert await response.content.readline() == b""


async def test_what_is_no_task_is_a_result_alone(talk: Talk) -> None:
    """Shutdown and reboot only ask the guest."""
    [line] = await talk.lines("/v1/domains/web-1/shutdown")
    assert line["result"]["operation"] == "shutdown"


async def test_a_problem_after_progress_is_the_last_line(daemon: Daemon, talk: Talk) -> None:
    """The status was sent before it was known; the problem has the true one."""
    daemon.operator.reports = [power_on("running", 42)]
    daemon.operator.failure = QUESTION_PENDING
    progress, last = await talk.lines("/v1/domains/web-1/start")
    assert progress["progress"]["progress"] == 42
    assert (last["problem"]["status"], last["problem"]["code"]) == (409, "question-pending")
    assert last["problem"]["question"]["id"] == "q-1"
    assert last["problem"]["hint"] == "nothing was begun"


async def test_of_too_many_reports_the_last_are_told(daemon: Daemon, talk: Talk) -> None:
    """What a slow client has not been told of yet is out of date."""
    daemon.operator.reports = [power_on("running", number) for number in range(1000)]
    lines = await talk.lines("/v1/domains/web-1/start")
    assert [each["progress"]["progress"] for each in lines[:-1]] == list(range(936, 1000))


@pytest.mark.parametrize("reports", [[], [power_on("running", 1)]])
async def test_a_client_that_leaves_ends_its_handler_alone(
    daemon: Daemon, talk: Talk, reports: list[Any]
) -> None:
    """The operator is told by the cancellation; nothing is an error, and others are served."""
    daemon.operator.may_end.clear()
    daemon.operator.reports = reports
    with capture_logs() as logs:
        async with talking(daemon.socket) as leaving:
            asking = asyncio.ensure_future(leaving.lines("/v1/domains/web-1/start"))
            while not daemon.operator.asked:  # noqa: ASYNC110  # nobody is told
                await asyncio.sleep(0)
            asking.cancel()
        while not daemon.operator.left:  # noqa: ASYNC110  # nobody is told
            await asyncio.sleep(0)
        daemon.operator.may_end.set()
        assert (await talk.post("/v1/domains/web-1/start"))[0] == 200
    assert [entry for entry in logs if entry["log_level"] != "debug"] == []


async def test_a_mistake_of_the_operator_cuts_the_lines_off(
    daemon: Daemon, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log says why; the client sees that there is no last line."""

    async def fail() -> None:
        await begun.wait()
        raise ZeroDivisionError("secret of the house")

    begun = asyncio.Event()
    daemon.operator.reports = [power_on("running", 1)]
    monkeypatch.setattr(daemon.operator.may_end, "wait", fail)
    with capture_logs() as logs:
        async with talk.asking_for_lines("/v1/domains/web-1/start") as response:
            assert b"progress" in await response.content.readline()
            begun.set()
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.content.read()
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["request failed"]


# The read-only socket


@pytest.mark.parametrize("operation", DomainOperation)
async def test_nothing_is_done_on_the_read_only_socket(
    daemon: Daemon, reading: Talk, operation: DomainOperation
) -> None:
    """29 is ``VIR_ERR_OPERATION_DENIED``; the hint names the socket to use."""
    status, problem = await reading.post(f"/v1/domains/web-1/{operation}", b"x" * 10_000)
    assert (status, problem["code"], problem["libvirt_code"]) == (403, "read-only", 29)
    assert str(daemon.socket) in problem["hint"]
    assert (
        problem["detail"] == f"POST /v1/domains/web-1/{operation} is not for the read-only socket"
    )
    assert daemon.operator.asked == []


# Configurations


async def test_a_configuration_is_told_in_full_to_the_group(daemon: Daemon, talk: Talk) -> None:
    """Entries in the order of the file."""
    known = daemon.operator.configure(1, **{"RemoteDisplay.vnc.password": "secret", "a": "1"})
    for domain in ("web-1", uuid_of(1)):
        status, body = await talk.get(f"/v1/domains/{domain}/config?connection=lab")
        assert (status, body["path"], body["name"]) == (200, known.path, "web-1")
        assert list(body["entries"].items()) == list(known.entries.items())


async def test_a_configuration_is_told_without_secrets_to_everybody(
    daemon: Daemon, reading: Talk
) -> None:
    """Who may only read may not open the console."""
    daemon.operator.configure(1, **{"RemoteDisplay.vnc.password": "secret", "a": "1"})
    _, body = await reading.get("/v1/domains/web-1/config")
    assert body["entries"] == {"displayName": "web-1", "a": "1"}


async def test_a_configuration_that_cannot_be_read_is_a_problem(
    daemon: Daemon, reading: Talk
) -> None:
    """The domain, the query or the host."""
    status, problem = await reading.get("/v1/domains/nobody/config")
    assert (status, problem["code"]) == (404, "no-such-domain")
    status, problem = await reading.get("/v1/domains/web-1/config?host=x")
    assert (status, problem["code"]) == (400, "invalid-argument")
    daemon.operator.failure = HostUnreachable("nobody answered")
    status, problem = await reading.get("/v1/domains/web-1/config")
    assert (status, problem["code"]) == (503, "host-unreachable")
