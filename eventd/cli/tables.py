"""Tables of domains, questions and connections: drawn for people, plain columns for programs.

What is too long for a terminal is left to it, as `docker ps` and `kubectl get` do: people copy
UUIDs and URIs, and could not from a cell that is folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TextIO

from eventd.cli.terminal import wants_colour, write_line
from eventd.client.answers import DurableSubscription
from eventd.model.domain import ConnectionStatus, DomainStatus
from eventd.model.questions import PendingQuestion
from eventd.rendering import choice_words, printable_cell

__all__ = ["write_connections", "write_domains", "write_questions", "write_subscriptions"]

Row = Sequence[str]

_NOTHING = "-"
_ANY_WIDTH = 1_000_000
_HEIGHT = 25
"""Of no importance, but without it rich does not heed the width where ``TERM`` is ``dumb``."""


def write_domains(statuses: Iterable[DomainStatus], *, stream: TextIO) -> None:
    """Write the domains with the columns of ``virsh list`` first."""
    header = ("ID", "NAME", "STATE", "CONNECTION", "HOST", "UUID")
    _write(header, _printable(map(_domain_row, statuses)), stream=stream)


def write_questions(questions: Iterable[PendingQuestion], *, stream: TextIO) -> None:
    """Write the questions, each with its choices on the same line."""
    header = ("ID", "DOMAIN", "CONNECTION", "SINCE", "QUESTION", "CHOICES")
    _write(header, _printable(map(_question_row, questions)), stream=stream)


def write_connections(statuses: Iterable[ConnectionStatus], *, stream: TextIO) -> None:
    """Write the connections, with errors in the last column, or for people below the table."""
    header = ("NAME", "STATE", "DOMAINS", "URI", "PRODUCT", "ERROR")
    rows = _printable(map(_connection_row, statuses))
    if stream.isatty():
        errors = [f"{row[0]}: {row[-1]}" for row in rows if row[-1] != _NOTHING]
        _draw(header[:-1], [row[:-1] for row in rows], remarks=errors, stream=stream)
    else:
        _write_columns([header, *rows])


def write_subscriptions(subscriptions: Iterable[DurableSubscription], *, stream: TextIO) -> None:
    """Write the durable subscriptions, with their filters as the query of a stream has them."""
    header = ("NAME", "LAG", "ACKNOWLEDGED", "CREATED", "FILTERS")
    _write(header, _printable(map(_subscription_row, subscriptions)), stream=stream)


def _domain_row(status: DomainStatus) -> Row:
    domain = status.domain
    marks = [
        mark for mark, is_set in (("stale", status.stale), ("asks", status.question)) if is_set
    ]
    return (
        str(domain.id) if domain.id >= 0 else _NOTHING,
        domain.name,
        status.state.word + (f" ({', '.join(marks)})" if marks else ""),
        domain.connection,
        domain.host or _NOTHING,
        domain.uuid,
    )


def _question_row(pending: PendingQuestion) -> Row:
    domain, question = pending.domain, pending.question
    choices = [
        choice_words(choice, is_default=choice == question.default) for choice in question.choices
    ]
    return (
        question.id,
        domain.name,
        domain.connection,
        _stamp(pending.since) + (" (stale)" if pending.stale else ""),
        " ".join(question.text.split()),
        ", ".join(choices) or _NOTHING,
    )


def _subscription_row(each: DurableSubscription) -> Row:
    filters = [f"{key}={value}" for key, values in each.filters.items() for value in values]
    return (
        each.name,
        _NOTHING if each.lag is None else str(each.lag),
        str(each.acknowledged),
        _stamp(each.created_at),
        " ".join(filters) or _NOTHING,
    )


def _stamp(moment: datetime | None) -> str:
    if moment is None:
        return _NOTHING
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(sep=' ', timespec='seconds')}Z"


def _connection_row(status: ConnectionStatus) -> Row:
    return (
        status.name,
        str(status.state),
        str(status.domains),
        status.uri,
        status.product or _NOTHING,
        status.error or _NOTHING,
    )


def _printable(rows: Iterable[Row]) -> list[Row]:
    return [[printable_cell(cell) for cell in row] for row in rows]


def _write(header: Row, rows: Sequence[Row], *, stream: TextIO) -> None:
    if stream.isatty():
        _draw(header, rows, stream=stream)
    else:
        _write_columns([header, *rows])


def _draw(header: Row, rows: Sequence[Row], *, remarks: Sequence[str] = (), stream: TextIO) -> None:
    # Imported where it is needed: it takes longer than all the rest of the command.
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for title in header:
        table.add_column(title)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    no_color = not wants_colour(stream)
    console = Console(file=stream, width=_ANY_WIDTH, height=_HEIGHT, no_color=no_color)
    console.print(table, *map(Text, remarks), sep="\n")


def _write_columns(rows: Sequence[Row]) -> None:
    """Pad all columns but the last, with two spaces between them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        write_line("  ".join(padded).rstrip())
