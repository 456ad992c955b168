"""The commands for durable subscriptions: places in the journal that the daemon keeps by name.

As in `eventd.cli.reading`, the parts are imported where they are called.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from eventd.cli.options import (
    READ_ONLY_SOCKET,
    READ_WRITE_SOCKET,
    ConnectionOption,
    DomainOption,
    EventOption,
    HostOption,
    ListOutputOption,
    ReasonOption,
    SocketOption,
    TypeOption,
)
from eventd.cli.terminal import log_to_errors, write_error, write_line
from eventd.cli.words import ListOutput

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from typing import TypeVar

    from eventd.client import Client
    from eventd.client.answers import DurableSubscription

    T = TypeVar("T")

__all__ = ["ack", "create", "delete", "subscriptions"]

NameArgument = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The name of the subscription.", show_default=False),
]


def subscriptions(
    output: ListOutputOption = ListOutput.TEXT,
    socket: SocketOption = READ_ONLY_SOCKET,
) -> None:
    """List the durable subscriptions.

    LAG is how many events follow what is acknowledged, whatever the filters are.

    \b
    Examples:
      eventd subscriptions
      eventd subscription create pager --type stopped --reason crashed
      eventd watch --durable pager --no-follow
    """
    known = _asked(socket, lambda client: client.subscriptions())
    if output is ListOutput.JSON:
        for each in known:
            write_line(json.dumps(_members(each)))
    else:
        from eventd.cli.tables import write_subscriptions

        write_subscriptions(known, stream=sys.stdout)


def create(
    name: NameArgument,
    domain: DomainOption = None,
    connection: ConnectionOption = None,
    host: HostOption = None,
    event: EventOption = None,
    type_: TypeOption = None,
    reason: ReasonOption = None,
    after: Annotated[
        str | None,
        typer.Option(
            "--after",
            metavar="CURSOR",
            help="Begin after the record of this cursor, not with what happens from now on.",
        ),
    ] = None,
    socket: SocketOption = READ_WRITE_SOCKET,
) -> None:
    """Have the daemon keep a place in the journal.

    What its filters let through is told with durable=NAME until it is acknowledged. The same one
    again changes nothing; with other filters it is refused.

    \b
    Examples:
      eventd subscription create pager --type stopped --reason crashed
    """
    made = _asked(
        socket,
        lambda client: client.subscribe(
            name,
            domain=domain or (),
            connection=connection or (),
            host=host or (),
            event=event or (),
            type=type_ or (),
            reason=reason or (),
            after=after,
        ),
    )
    write_line(f"Subscription '{made.name}' has everything up to {made.acknowledged}")
    _warn_unless(made.is_written)


def ack(
    name: NameArgument,
    cursor: Annotated[
        str,
        typer.Argument(metavar="CURSOR", help="That of the last record.", show_default=False),
    ],
    socket: SocketOption = READ_WRITE_SOCKET,
) -> None:
    """Acknowledge all events up to a cursor.

    One that is behind what is acknowledged already changes nothing.
    """
    acknowledged = _asked(socket, lambda client: client.acknowledge(name, cursor))
    write_line(f"Subscription '{name}' has everything up to {acknowledged.acknowledged}")
    _warn_unless(acknowledged.is_written)


def delete(name: NameArgument, socket: SocketOption = READ_WRITE_SOCKET) -> None:
    """Have the daemon forget a subscription."""
    is_written = _asked(socket, lambda client: client.unsubscribe(name))
    write_line(f"Subscription '{name}' deleted")
    _warn_unless(is_written)


def _asked(socket: Path, question: Callable[[Client], Awaitable[T]]) -> T:
    log_to_errors()

    async def ask() -> T:
        from eventd.client import Client

        async with Client(socket) as client:
            return await question(client)

    return asyncio.run(ask())


def _warn_unless(is_written: bool) -> None:
    if not is_written:
        write_error(
            "the daemon cannot write its disk now; should it end before it can, this is lost",
            kind="warning",
        )


def _members(each: DurableSubscription) -> dict[str, object]:
    """Return it in the words of the daemon."""
    return {
        "durable": each.name,
        "filters": each.filters,
        "acknowledged": str(each.acknowledged),
        "created_at": each.created_at.isoformat(),
        "lag": each.lag,
    }
