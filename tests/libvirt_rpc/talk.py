"""Being a client of libvirt's protocol, by hand."""

from __future__ import annotations

from typing import Any

from eventd.libvirt_rpc.messages import (
    REMOTE_ERROR,
    REMOTE_PROGRAM,
    VERSION,
    Frames,
    Header,
    Kind,
    RemoteError,
    Status,
    message,
)
from eventd.libvirt_rpc.procedures import PROCEDURES
from eventd.libvirt_rpc.xdr import Reading

__all__ = ["call", "number_of", "replies"]


def number_of(name: str) -> int:
    """Return the number of a procedure."""
    return next(number for number, row in PROCEDURES.items() if row.name == name)


def call(name: str, *arguments: Any, serial: int = 0) -> bytes:
    """Return a call as a client writes it."""
    number = number_of(name)
    into = bytearray()
    for kind, value in zip(PROCEDURES[number].arguments, arguments, strict=True):
        kind.write(value, into)
    return message(Header(REMOTE_PROGRAM, VERSION, number, Kind.CALL, serial), bytes(into))


def replies(output: bytes) -> list[tuple[int, list[Any] | RemoteError]]:
    """Return the serials and results, or errors, of all replies."""
    frames, found = Frames(), list[tuple[int, list[Any] | RemoteError]]()
    frames.feed(output)
    while (frame := frames.next()) is not None:
        header, payload = frame
        assert header.kind == Kind.REPLY, header
        if header.status == Status.ERROR:
            found.append((header.serial, REMOTE_ERROR.decode(payload)))
        else:
            reading = Reading(payload)
            results = [kind.read(reading) for kind in PROCEDURES[header.procedure].results]
            assert reading.left == 0
            found.append((header.serial, results))
    return found
