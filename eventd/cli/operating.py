"""The commands that change something: operations on a domain, and answers to questions.

As in `eventd.cli.reading`, the parts are imported where they are called.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from eventd.cli.options import (
    READ_WRITE_SOCKET,
    DomainArgument,
    OnlyConnectionOption,
    SocketOption,
)
from eventd.cli.terminal import log_to_errors, write_error, write_line
from eventd.errors import DaemonError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from eventd.model.operations import Answered, OperationResult
    from eventd.model.questions import PendingQuestion

__all__ = [
    "answer",
    "destroy",
    "reboot",
    "reset",
    "resume",
    "shutdown",
    "start",
    "suspend",
]


def start(
    domain: DomainArgument,
    connection: OnlyConnectionOption = None,
    socket: SocketOption = READ_WRITE_SOCKET,
) -> None:
    """Start a domain."""
    _operate("start", domain, connection, socket, done="started")


def shutdown(
    domain: DomainArgument,
    connection: OnlyConnectionOption = None,
    socket: SocketOption = READ_WRITE_SOCKET,
) -> None:
    """Ask the guest to shut down, without waiting until it has."""
    _operate("shutdown", domain, connection, socket, done="is being shutdown")


def destroy(
    domain: DomainArgument,
    connection: OnlyConnectionOption = None,
    socket: SocketOption = READ_WRITE_SOCKET,
) -> None:
    """Power a domain off, without asking its guest."""
    _operate("destroy", domain, connection, socket, done="destroyed")


def suspend(
    domain: DomainArgument,
    connection: OnlyConnectionOption = None,
    socket: SocketOption = READ_WRITE_SOCKET,
) -> None:
    """Suspend a domain; its memory is kept."""
    _operate("suspend", domain, connection, socket, done="suspended")


def resume(
    domain: DomainArgument,
    connection: OnlyConnectionOption = None,
    socket: SocketOption = READ_WRITE_SOCKET,
) -> None:
    """Resume a suspended domain."""
    _operate("resume", domain, connection, socket, done="resumed")


def reboot(
    domain: DomainArgument,
    connection: OnlyConnectionOption = None,
    socket: SocketOption = READ_WRITE_SOCKET,
) -> None:
    """Ask the guest to reboot, without waiting until it has."""
    _operate("reboot", domain, connection, socket, done="is being rebooted")


def reset(
    domain: DomainArgument,
    connection: OnlyConnectionOption = None,
    socket: SocketOption = READ_WRITE_SOCKET,
) -> None:
    """Reset a domain, as its button does."""
    _operate("reset", domain, connection, socket, done="was reset")


def _operate(
    operation: str, domain: str, connection: str | None, socket: Path, *, done: str
) -> None:
    """Have an operation done, and say so in the words that ``virsh`` has for it."""
    from eventd.rendering import printable

    log_to_errors()
    try:
        result = asyncio.run(_result(socket, operation, domain, connection))
    except KeyboardInterrupt:
        write_error("what has begun goes on; 'eventd domains' tells what came of it", kind="hint")
        raise
    except DaemonError as error:
        write_error(f"Failed to {operation} domain '{printable(domain)}'")
        if "question" not in error.problem:
            raise
        _write_question(error)
        raise typer.Exit(1) from error
    _write_result(result, done)


async def _result(
    socket: Path, operation: str, domain: str, connection: str | None
) -> OperationResult:
    from eventd.cli.progress import progress_bar
    from eventd.client import Client

    async with Client(socket) as client:
        with progress_bar(sys.stderr) as report:
            return await client.operate(domain, operation, connection=connection, report=report)


def _write_result(result: OperationResult, done: str) -> None:
    from eventd.rendering import printable, question_text

    for each in result.answered:
        text, label = question_text(each.question.text), printable(each.choice.label)
        write_line(f"Question {text} answered with '{label}' (auto_answer)")
    write_line(f"Domain '{printable(result.domain.name)}' {done}")


def _write_question(error: DaemonError) -> None:
    """Write the question that was in the way, which the error's message has in one long line."""
    from eventd.rendering import question_text

    question = error.problem["question"]
    write_error(f"a question is in the way: {question_text(question['text'])}")
    for line in _choices(question["choices"], default=question.get("default")):
        write_error(line, kind="choice")
    if error.hint is not None:
        write_error(error.hint, kind="hint")


def _choices(choices: Iterable[dict[str, str]], *, default: dict[str, str] | None) -> Iterator[str]:
    from eventd.model.domain import Choice
    from eventd.rendering import choice_words

    for choice in choices:
        yield choice_words(Choice.model_validate(choice), is_default=choice == default)


def answer(
    domain: Annotated[
        str,
        typer.Argument(
            metavar="DOMAIN",
            help="Name or UUID of the domain that asks, or ID of the question.",
            show_default=False,
        ),
    ],
    choice: Annotated[
        str,
        typer.Argument(
            metavar="CHOICE", help="Key or label of one choice of the question.", show_default=False
        ),
    ],
    connection: OnlyConnectionOption = None,
    socket: SocketOption = READ_WRITE_SOCKET,
) -> None:
    """Answer the question of a domain.

    \b
    Examples:
      eventd questions
      eventd answer web01 Append
      eventd answer web01 1 --connection esx01
    """
    from eventd.rendering import printable

    log_to_errors()
    pending, answered = asyncio.run(_answer(socket, domain, choice, connection))
    name, label = printable(pending.domain.name), printable(answered.choice.label)
    write_line(f"Question of domain '{name}' answered with '{label}'")


async def _answer(
    socket: Path, domain: str, choice: str, connection: str | None
) -> tuple[PendingQuestion, Answered]:
    from eventd.cli.questions import find_question
    from eventd.client import Client

    async with Client(socket) as client:
        questions = await client.questions(connection=() if connection is None else connection)
        pending = find_question(questions, domain)
        return pending, await client.answer(pending.question.id, choice)
