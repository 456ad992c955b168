"""Tables of domains and connections: drawn for people, plain columns for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from eventd.cli.terminal import wants_colour, write_line
from eventd.model.domain import ConnectionStatus, DomainStatus
from eventd.rendering import printable

__all__ = ["write_connections", "write_domains"]

Row = Sequence[str]


def write_domains(statuses: Iterable[DomainStatus], *, stream: TextIO) -> None:
    """Write the domains with the columns of ``virsh list`` first."""
    header = ("ID", "NAME", "STATE", "CONNECTION", "HOST", "UUID")
    _write(header, [_domain_row(status) for status in statuses], stream=stream)


def write_connections(statuses: Iterable[ConnectionStatus], *, stream: TextIO) -> None:
    """Write the connections."""
    header = ("NAME", "STATE", "DOMAINS", "URI", "PRODUCT", "ERROR")
    _write(header, [_connection_row(status) for status in statuses], stream=stream)


def _domain_row(status: DomainStatus) -> Row:
    domain = status.domain
    marks = [
        mark for mark, is_set in (("stale", status.stale), ("asks", status.question)) if is_set
    ]
    return (
        str(domain.id) if domain.id >= 0 else "-",
        domain.name,
        status.state.word + (f" ({', '.join(marks)})" if marks else ""),
        domain.connection,
        domain.host or "-",
        domain.uuid,
    )


def _connection_row(status: ConnectionStatus) -> Row:
    return (
        status.name,
        str(status.state),
        str(status.domains),
        status.uri,
        status.product or "-",
        status.error or "-",
    )


def _write(header: Row, rows: Sequence[Row], *, stream: TextIO) -> None:
    cells = [[printable(cell) for cell in row] for row in rows]
    if stream.isatty():
        _draw(header, cells, stream=stream)
    else:
        for line in _columns([header, *cells]):
            write_line(line)


def _draw(header: Row, rows: Sequence[Row], *, stream: TextIO) -> None:
    # Imported where it is needed: it takes longer than all the rest of the command.
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for title in header:
        # A UUID that is cut is none.
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(file=stream, no_color=not wants_colour(stream)).print(table)


def _columns(rows: Sequence[Row]) -> Iterable[str]:
    """Pad all columns but the last, with two spaces between them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()
