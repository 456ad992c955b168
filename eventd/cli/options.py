"""The arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eventd.cli.words import ListOutput

__all__ = [
    "READ_ONLY_SOCKET",
    "READ_WRITE_SOCKET",
    "ConnectionOption",
    "DomainArgument",
    "DomainOption",
    "EventOption",
    "HostOption",
    "ListOutputOption",
    "OnlyConnectionOption",
    "ReasonOption",
    "SocketOption",
    "TypeOption",
]

# What the daemon has with its default runtime directory; the read-only one serves every user.
READ_ONLY_SOCKET = Path("/run/eventd/eventd-ro.sock")
READ_WRITE_SOCKET = Path("/run/eventd/eventd.sock")

SocketOption = Annotated[
    Path,
    typer.Option(
        "--socket", metavar="PATH", envvar="EVENTD_SOCKET", help="The Unix socket of the daemon."
    ),
]
DomainOption = Annotated[
    list[str] | None,
    typer.Option("--domain", metavar="NAME|UUID", help="A domain; a name may have '*' and '?'."),
]
ConnectionOption = Annotated[
    list[str] | None, typer.Option("--connection", metavar="NAME", help="A connection, in full.")
]
HostOption = Annotated[
    list[str] | None,
    typer.Option("--host", metavar="NAME", help="The host that a domain is on, in full."),
]
EventOption = Annotated[
    list[str] | None,
    typer.Option("--event", metavar="KIND", help="lifecycle, graphics, question, task, …"),
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option("--type", metavar="WORD", help="started, stopped, suspended, raised, …"),
]
ReasonOption = Annotated[
    list[str] | None,
    typer.Option("--reason", metavar="WORD", help="booted, crashed, migrated, enospc, …"),
]
ListOutputOption = Annotated[
    ListOutput, typer.Option("--output", "-o", help="A table, or one JSON object on each line.")
]

# Of the commands that are about one domain.
DomainArgument = Annotated[
    str, typer.Argument(metavar="NAME|UUID", help="The domain, in full.", show_default=False)
]
OnlyConnectionOption = Annotated[
    str | None,
    typer.Option("--connection", metavar="NAME", help="The only connection to look in."),
]
