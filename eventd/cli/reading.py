"""The commands that ask a running daemon: for events, domains, questions, connections.

The parts are imported where they are called, so that ``eventd --help`` answers at once.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eventd.cli.options import (
    READ_ONLY_SOCKET,
    ConnectionOption,
    DomainArgument,
    DomainOption,
    EventOption,
    HostOption,
    ListOutputOption,
    OnlyConnectionOption,
    ReasonOption,
    SocketOption,
    TypeOption,
)
from eventd.cli.terminal import (
    abandon_output,
    end_cut_line,
    is_output_taken,
    log_to_errors,
    wants_colour,
    write_error,
    write_line,
)
from eventd.cli.times import FORMS, time_of
from eventd.cli.words import ListOutput, OnGap, Output

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from eventd.cli.lines import Layout
    from eventd.cli.watching import Watched
    from eventd.client import Client, Item
    from eventd.errors import DaemonUnreachable
    from eventd.model.configuration import DomainConfiguration
    from eventd.model.domain import ConnectionStatus, DomainStatus
    from eventd.model.questions import PendingQuestion
    from eventd.model.record import Cursor

_HEARTBEAT = 15.0
"""Seconds after which a quiet stream tells how far it is, for the cursor file."""

__all__ = ["config", "connections", "domains", "questions", "watch"]


def watch(
    domain: DomainOption = None,
    connection: ConnectionOption = None,
    host: HostOption = None,
    event: EventOption = None,
    type_: TypeOption = None,
    reason: ReasonOption = None,
    output: Annotated[
        Output,
        typer.Option(
            "--output",
            "-o",
            help="A sentence, the CloudEvents JSON, or the line of 'virsh event --loop'.",
        ),
    ] = Output.TEXT,
    count: Annotated[
        int | None,
        typer.Option(
            "--count", metavar="N", min=1, help="End after N events; a --snapshot does not count."
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", min=0.001, help="End after this time."),
    ] = None,
    snapshot: Annotated[
        bool, typer.Option("--snapshot", help="Begin with the present state of each domain.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help=f"Begin with what happened then: {FORMS}.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="End at this time; the forms are the same."),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option("--after", metavar="CURSOR", help="Begin after the record of this cursor."),
    ] = None,
    durable: Annotated[
        str | None,
        typer.Option(
            "--durable",
            metavar="NAME",
            help="What a durable subscription has not acknowledged, by its filters, and what "
            "follows; nothing is acknowledged by that.",
        ),
    ] = None,
    no_follow: Annotated[
        bool, typer.Option("--no-follow", help="End with what is recorded already.")
    ] = False,
    cursor_file: Annotated[
        Path | None,
        typer.Option(
            "--cursor-file",
            metavar="FILE",
            help="Go on where the last watch with this file ended; wait for the daemon.",
        ),
    ] = None,
    on_gap: Annotated[
        OnGap | None,
        typer.Option(
            "--on-gap",
            help="Where events are lost: end with an error, or say so and go on.",
            show_default="error; event with --since or --cursor-file",
        ),
    ] = None,
    timestamp: Annotated[
        bool, typer.Option("--timestamp", help="With -o virsh: put the time of the event in front.")
    ] = False,
    socket: SocketOption = READ_ONLY_SOCKET,
) -> None:
    """Print events as they happen, until interrupted.

    It begins with what happens from now on; --since, --after or --snapshot say where else, and
    --no-follow begins with the oldest event that is recorded.

    Each filter may be repeated: its values are alternatives; different filters must all match.
    The exit code is that of 'virsh event': 0 with at least one event, 1 with none or if the daemon
    went away. With --no-follow or --until it is 0 also if there was nothing to print.

    With --cursor-file, a kill misses nothing and repeats at most one line, with the same id. A
    loss of power may repeat or take lines of the last seconds, and what a pipe holds is lost with
    its reader. Where there is no file yet, and no option says where to begin, it begins when the
    daemon first answers, not before, and that place is in the file at once. A file comes before
    --since, --after and --snapshot.

    \b
    Kinds, as libvirt has them:
      lifecycle, reboot, watchdog, io-error, graphics, io-error-reason, control-error,
      tray-change, pm-wakeup, pm-suspend, device-removed, tunable, agent-lifecycle,
      device-added, job-completed, device-removal-failed, metadata-change,
      memory-failure, nic-mac-change
    \b
    Kinds beyond those:
      question    raised, changed, answered, cleared
      amendment   the cause of an event came late
      connection  connected, disconnected, stale, resynchronised, unparsed
      journal     what was recorded could not be read any more
      task        queued, running, success, error; only with --event task

    \b
    Examples:
      eventd watch
      eventd watch --domain 'web-*' --type stopped --reason crashed
      eventd watch --event graphics --event tray-change
      eventd watch --event question -o json | jq .data.question
      eventd watch -o virsh --timestamp --timeout 60
      eventd watch --type started --count 1 && echo it runs
      eventd watch --since 1h --no-follow --type stopped
      eventd watch --since '2026-11-20 12:00' --until 2026-11-21
      eventd watch -o json --cursor-file /var/lib/agent/cursor >> /var/lib/agent/events.jsonl
    """
    if timestamp and output is not Output.VIRSH:
        raise typer.BadParameter("the other forms have the time already", param_hint="--timestamp")
    if snapshot and output is Output.VIRSH:
        raise typer.BadParameter("virsh has no line for a present state", param_hint="--snapshot")
    from eventd.cli.cursor_file import CursorFile
    from eventd.cli.lines import layout

    log_to_errors()
    now = datetime.now(UTC)
    begin = None if since is None else time_of("--since", since, now=now)
    end = None if until is None else time_of("--until", until, now=now)
    file = None if cursor_file is None else CursorFile(cursor_file)
    reached = None if file is None else file.read()
    if on_gap is None:
        goes_on = file is not None or since is not None
        on_gap = OnGap.EVENT if goes_on else OnGap.ERROR

    def events(client: Client) -> AsyncGenerator[Item, None]:
        return client.events(
            domain=domain or (),
            connection=connection or (),
            host=host or (),
            # Who asks for a type or a reason may mean a task's.
            event=event or (() if type_ or reason or durable else _usual_kinds()),
            type=type_ or (),
            reason=reason or (),
            snapshot=snapshot and reached is None,
            since=begin if reached is None else None,
            after=after if reached is None else reached,
            until=end,
            durable=durable,
            follow=not no_follow,
            on_gap=on_gap.value,
            heartbeat=None if file is None else _HEARTBEAT,
            reconnect=file is not None,
            on_outage=_tell_outage,
        )

    if file is not None:
        end_cut_line()
    lines = layout(output, colour=wants_colour(sys.stdout), is_stamped=timestamp)
    if output is Output.VIRSH:
        lines = _warning_of_gaps(lines)
    try:
        watched = asyncio.run(
            _watch(
                socket,
                events,
                layout=lines,
                count=count,
                timeout=timeout,
                is_finite=no_follow or until is not None,
                note=None if file is None else file.write,
            )
        )
    finally:
        if file is not None:
            file.sync()
    raise typer.Exit(_conclude(watched, output))


def _usual_kinds() -> list[str]:
    """Return all kinds but that of tasks: their progress would bury what comes of them."""
    from eventd.model.events import EVENT_CLASSES
    from eventd.model.ids import EventKind

    return sorted({cls.kind for cls in EVENT_CLASSES} - {EventKind.TASK})


async def _watch(
    socket: Path,
    events: Callable[[Client], AsyncGenerator[Item, None]],
    *,
    layout: Layout,
    count: int | None,
    timeout: float | None,
    is_finite: bool,
    note: Callable[[Cursor], None] | None,
) -> Watched:
    from eventd.cli.watching import watch
    from eventd.client import Client

    async with Client(socket) as client, aclosing(events(client)) as stream:
        return await watch(
            stream, layout=layout, count=count, timeout=timeout, is_finite=is_finite, note=note
        )


def _tell_outage(error: DaemonUnreachable) -> None:
    write_error(f"{error.message}; waiting for it", kind="warning")


def _warning_of_gaps(layout: Layout) -> Layout:
    """Return a form that has no line for a gap, and says it to people beside the lines."""
    from eventd.client import Gap

    def line(item: Item) -> str | None:
        if isinstance(item, Gap):
            write_error(item.message, kind="warning")
        return layout(item)

    return line


def _conclude(watched: Watched, output: Output) -> int:
    """Say how the watching ended, as far as the form has words for it; return the exit code."""
    from eventd.cli.watching import Ending

    if watched.ending is Ending.READER_GONE:
        abandon_output()
    elif output is Output.VIRSH and is_output_taken():
        _write_virsh_trailer(watched)
    return 0 if watched.received or watched.ending is Ending.COMPLETE else 1


def _write_virsh_trailer(watched: Watched) -> None:
    """Write what ``virsh event`` writes at its end: libvirt's tools/virsh-domain-event.c."""
    from eventd.cli.watching import Ending

    early = watched.ending in (Ending.TIMED_OUT, Ending.INTERRUPTED)
    first = f"{watched.ending.value}\n" if early else ""
    write_line(f"{first}events received: {watched.received}\n")


def domains(
    domain: DomainOption = None,
    connection: ConnectionOption = None,
    host: HostOption = None,
    output: ListOutputOption = ListOutput.TEXT,
    socket: SocketOption = READ_ONLY_SOCKET,
) -> None:
    """List the domains and their present states.

    A state is marked 'stale' while the connection is lost: it is the last known one. It is marked
    'asks' while the domain waits for an answer to a question.

    \b
    Examples:
      eventd domains
      eventd domains --connection esx01 --domain 'web-*'
      eventd domains -o json | jq -r 'select(.state_name == "running").domain.name'
    """
    log_to_errors()
    statuses = asyncio.run(
        _domains(socket, domain=domain or (), connection=connection or (), host=host or ())
    )
    if output is ListOutput.JSON:
        for status in statuses:
            state = {"state_name": status.state.word}
            write_line(json.dumps(status.model_dump(mode="json", exclude_none=True) | state))
    else:
        from eventd.cli.tables import write_domains

        write_domains(statuses, stream=sys.stdout)


async def _domains(
    socket: Path, *, domain: Sequence[str], connection: Sequence[str], host: Sequence[str]
) -> Sequence[DomainStatus]:
    from eventd.client import Client

    async with Client(socket) as client:
        return await client.domains(domain=domain, connection=connection, host=host)


def questions(
    domain: DomainOption = None,
    connection: ConnectionOption = None,
    host: HostOption = None,
    output: ListOutputOption = ListOutput.TEXT,
    socket: SocketOption = READ_ONLY_SOCKET,
) -> None:
    """List the questions that wait for an answer.

    The choice that is marked as default is the one that eventd gives where it answers by itself.

    \b
    Examples:
      eventd questions
      eventd questions -o json | jq -r '.question.choices[].label'
      eventd answer web01 Append
    """
    log_to_errors()
    pending = asyncio.run(
        _questions(socket, domain=domain or (), connection=connection or (), host=host or ())
    )
    if output is ListOutput.JSON:
        from eventd.rendering import printable_json

        for each in pending:
            write_line(printable_json(each.model_dump_json(exclude_none=True)))
    else:
        from eventd.cli.tables import write_questions

        write_questions(pending, stream=sys.stdout)


async def _questions(
    socket: Path, *, domain: Sequence[str], connection: Sequence[str], host: Sequence[str]
) -> Sequence[PendingQuestion]:
    from eventd.client import Client

    async with Client(socket) as client:
        return await client.questions(domain=domain, connection=connection, host=host)


def config(
    domain: DomainArgument,
    connection: OnlyConnectionOption = None,
    output: Annotated[
        ListOutput, typer.Option("--output", "-o", help="Lines as in the file, or a JSON object.")
    ] = ListOutput.TEXT,
    socket: SocketOption = READ_ONLY_SOCKET,
) -> None:
    """Print what the configuration file (VMX) of a domain says.

    The read-only socket leaves out what may be a password or a key; the read-write socket,
    eventd.sock beside it, has all of the file.

    \b
    Examples:
      eventd domain config web01
      eventd domain config web01 -o json | jq -r .entries.guestOS
    """
    log_to_errors()
    configuration = asyncio.run(_configuration(socket, domain, connection))
    if output is ListOutput.JSON:
        from eventd.rendering import printable_json

        write_line(printable_json(configuration.model_dump_json(exclude_none=True)))
    else:
        from eventd.cli.configurations import configuration_lines

        for line in configuration_lines(configuration):
            write_line(line)


async def _configuration(socket: Path, domain: str, connection: str | None) -> DomainConfiguration:
    from eventd.client import Client

    async with Client(socket) as client:
        return await client.configuration(domain, connection=connection)


def connections(
    output: ListOutputOption = ListOutput.TEXT,
    socket: SocketOption = READ_ONLY_SOCKET,
) -> None:
    """List the connections, and why one is not in sync.

    \b
    Examples:
      eventd connections
      eventd connections -o json | jq -r 'select(.state != "connected").error'
    """
    log_to_errors()
    statuses = asyncio.run(_connections(socket))
    if output is ListOutput.JSON:
        from eventd.rendering import printable_json

        for status in statuses:
            write_line(printable_json(status.model_dump_json(exclude_none=True)))
    else:
        from eventd.cli.tables import write_connections

        write_connections(statuses, stream=sys.stdout)


async def _connections(socket: Path) -> Sequence[ConnectionStatus]:
    from eventd.client import Client

    async with Client(socket) as client:
        return await client.connections()
