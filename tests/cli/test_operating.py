"""The commands that change something, each in a process of its own as its users start it."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eventd.errors import EventdError, HostUnreachable, OperationDenied, QuestionPending
from eventd.model.operations import Answered
from tests.cli.commands import outcome, running
from tests.http_api.fake_daemon import (
    APPEND,
    Daemon,
    domain_of,
    power_on,
    question_of,
    serving,
    uuid_of,
)

QUESTION = '"The file exists. Replace it?"'


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with serving(tmp_path) as served:
        served.directory.add(1)
        yield served


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("start", "started"),
        ("shutdown", "is being shutdown"),
        ("destroy", "destroyed"),
        ("suspend", "suspended"),
        ("resume", "resumed"),
        ("reboot", "is being rebooted"),
        ("reset", "was reset"),
    ],
)
async def test_an_operation_says_what_virsh_says(
    daemon: Daemon, operation: str, words: str
) -> None:
    """On one line; nothing is drawn in a pipe."""
    daemon.operator.reports = [power_on("running", 42)]
    async with running(daemon.socket, "domain", operation, "web-1") as process:
        assert await outcome(process) == (0, f"Domain 'web-1' {words}\n", "")
    assert [each.operation for each in daemon.operator.asked] == [operation]


async def test_a_domain_is_named_by_its_uuid_and_connection(daemon: Daemon) -> None:
    """What is printed is its name."""
    daemon.directory.add(1, connection="other")
    arguments = ("domain", "start", uuid_of(1), "--connection", "other")
    async with running(daemon.socket, *arguments) as process:
        code, output, _ = await outcome(process)
    assert (code, output) == (0, "Domain 'web-1' started\n")
    assert [(each.domain, each.connection) for each in daemon.operator.asked] == [
        (uuid_of(1), "other")
    ]


async def test_a_name_commands_no_terminal(daemon: Daemon) -> None:
    """Neither where it is done nor where it is not."""
    daemon.directory.add(2, name="\x1b[2J")
    async with running(daemon.socket, "domain", "start", "\x1b[2J") as process:
        assert await outcome(process) == (0, "Domain '\\x1b[2J' started\n", "")
    daemon.directory.add(2, name="\x1b[2J")
    async with running(daemon.socket, "domain", "start", "\x1b[2J") as process:
        code, _, errors = await outcome(process)
    assert code == 1
    assert "\x1b" not in errors


async def test_answered_questions_are_told(daemon: Daemon) -> None:
    """Before what came of it, since that came first."""
    daemon.operator.answered = (Answered(question=question_of(1), choice=APPEND),)
    async with running(daemon.socket, "domain", "start", "web-1") as process:
        assert await outcome(process) == (
            0,
            f"Question {QUESTION} answered with 'Append' (auto_answer)\nDomain 'web-1' started\n",
            "",
        )


@pytest.mark.parametrize(
    ("failure", "errors"),
    [
        (
            OperationDenied("operations are off", hint="say operations = true"),
            "error: Failed to start domain 'web-1'\n"
            "error: operations are off\nhint: say operations = true\n",
        ),
        (
            HostUnreachable("nobody answered"),
            "error: Failed to start domain 'web-1'\nerror: nobody answered\n",
        ),
    ],
)
async def test_an_operation_that_is_not_done_says_why_and_what_to_do(
    daemon: Daemon, failure: EventdError, errors: str
) -> None:
    """The exit code is 1, and nothing is printed that a program could take for success."""
    daemon.operator.failure = failure
    async with running(daemon.socket, "domain", "start", "web-1") as process:
        assert await outcome(process) == (1, "", errors)


@pytest.mark.parametrize("hint", ["nothing was begun; eventd answer q-1 CHOICE", None])
async def test_a_question_in_the_way_is_told_with_its_choices(
    daemon: Daemon, hint: str | None
) -> None:
    """Each on a line, once, and then what the daemon says how to go on."""
    question = question_of(1)
    daemon.operator.failure = QuestionPending(
        f"Pending question blocks, question is '{question.text}'",
        hint=hint,
        question_id=question.id,
        text=question.text,
        choices=[(choice.key, choice.label) for choice in question.choices],
        default_choice="1",
    )
    async with running(daemon.socket, "domain", "start", "web-1") as process:
        assert await outcome(process) == (
            1,
            "",
            "error: Failed to start domain 'web-1'\n"
            f"error: a question is in the way: {QUESTION}\n"
            "choice: 0 = Replace\n"
            "choice: 1 = Append (default)\n" + ("" if hint is None else f"hint: {hint}\n"),
        )


@pytest.mark.parametrize("command", [("domain", "destroy", "web-1"), ("answer", "web-1", "1")])
async def test_the_read_only_socket_names_the_other_one(
    daemon: Daemon, command: tuple[str, ...]
) -> None:
    """Nothing is done."""
    daemon.operator.ask(1)
    async with running(daemon.read_only_socket, *command) as process:
        code, output, errors = await outcome(process)
    assert (code, output) == (1, "")
    *_, error, hint = errors.splitlines()
    assert error.endswith(" is not for the read-only socket")
    assert hint.startswith(f"hint: use {daemon.socket}, ")
    assert (daemon.operator.asked, daemon.operator.answers) == ([], [])


async def test_an_empty_name_is_refused(daemon: Daemon) -> None:
    """An unset variable of a script."""
    async with running(daemon.socket, "domain", "destroy", "") as process:
        code, _, errors = await outcome(process)
    assert code == 1
    assert errors.startswith("error: '' cannot be sent as the name of anything; ")


async def test_an_interruption_leaves_the_operation_to_the_daemon(daemon: Daemon) -> None:
    """Who interrupts it is told so."""
    daemon.operator.may_end.clear()
    async with running(daemon.socket, "domain", "start", "web-1") as process:
        while not daemon.operator.asked:  # noqa: ASYNC110  # nobody is told
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        code, output, errors = await outcome(process)
    assert (code, output) == (130, "")
    assert errors == "hint: what has begun goes on; 'eventd domains' tells what came of it\n"
    assert len(daemon.operator.left) == 1


async def test_a_person_sees_how_far_it_is(daemon: Daemon) -> None:
    """On the terminal to which errors go; the output is as it is in a pipe."""
    daemon.operator.reports = [power_on("queued"), power_on("running", 42)]
    terminal, errors_to = pty.openpty()
    async with running(
        daemon.socket, "domain", "start", "web-1", errors_to=errors_to, TERM="xterm"
    ) as process:
        os.close(errors_to)
        code, output, _ = await outcome(process)
    drawn = read_all(terminal)
    assert (code, output) == (0, "Domain 'web-1' started\n")
    assert "power on" in drawn
    assert "42%" in drawn


def read_all(terminal: int) -> str:
    read = b""
    try:
        while more := os.read(terminal, 65_536):
            read += more
    except OSError:
        pass  # how Linux says that nobody has the other end any more
    finally:
        os.close(terminal)
    return read.decode()


# Answers


@pytest.mark.parametrize("domain", ["web-1", uuid_of(1), uuid_of(1).upper(), "q-1"])
@pytest.mark.parametrize("choice", ["1", "Append"])
async def test_the_question_of_a_domain_is_answered(
    daemon: Daemon, domain: str, choice: str
) -> None:
    """It is the domain that people know, and the key or the label that they see."""
    daemon.operator.ask(1)
    daemon.operator.ask(2)
    async with running(daemon.socket, "answer", domain, choice) as process:
        assert await outcome(process) == (
            0,
            "Question of domain 'web-1' answered with 'Append'\n",
            "",
        )
    assert [each[:2] for each in daemon.operator.answers] == [("q-1", choice)]


async def test_of_several_questions_none_is_answered(daemon: Daemon) -> None:
    """They are listed; the connection, or the ID, chooses."""
    first = daemon.operator.ask(1)
    other = first.model_copy(
        update={
            "domain": domain_of(1, connection="other"),
            "question": first.question.model_copy(update={"id": "q-9"}),
        }
    )
    daemon.operator.pending.append(other)
    async with running(daemon.socket, "answer", "web-1", "1") as process:
        code, output, errors = await outcome(process)
    assert (code, output, daemon.operator.answers) == (1, "", [])
    assert errors.splitlines() == [
        "error: several questions are those of a domain 'web-1':",
        f"error: q-1: web-1 on lab asks {QUESTION} [0 = Replace, 1 = Append (default)]",
        f"error: q-9: web-1 on other asks {QUESTION} [0 = Replace, 1 = Append (default)]",
        "hint: give the ID of the one that is meant, or --connection",
    ]
    arguments = ("answer", "web-1", "1", "--connection", "other")
    async with running(daemon.socket, *arguments) as process:
        assert (await outcome(process))[0] == 0
    assert [each[0] for each in daemon.operator.answers] == ["q-9"]


async def test_a_domain_that_asks_nothing_has_no_answer(daemon: Daemon) -> None:
    """The hint says where the questions are listed."""
    async with running(daemon.socket, "answer", "web-1", "1") as process:
        assert await outcome(process) == (
            1,
            "",
            "error: no question with the ID 'web-1' is pending, nor one of a domain with that UUID "
            "or name; it may have been answered, or withdrawn by the host\n"
            "hint: 'eventd questions' lists the pending questions\n",
        )


async def test_a_choice_that_does_not_exist_is_refused_with_the_others(daemon: Daemon) -> None:
    """The question goes on waiting."""
    daemon.operator.ask(1)
    async with running(daemon.socket, "answer", "web-1", "Burn") as process:
        code, _, errors = await outcome(process)
    assert code == 1
    assert "0 = Replace, 1 = Append" in errors
    assert len(daemon.operator.pending) == 1
