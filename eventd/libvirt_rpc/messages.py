"""The messages of libvirt's remote protocol: frames and headers, without what they are about.

Numbers and layouts: libvirt's documentation of its RPC infrastructure (``kbase/internals/rpc``),
and what libvirtd 9.0.0 answers.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from eventd.errors import ErrorCode, UndecodableMessage
from eventd.libvirt_rpc.xdr import INT, Type, optional, string, structure

__all__ = [
    "KEEPALIVE_PROGRAM",
    "MOST_BYTES",
    "PING",
    "PONG",
    "REMOTE_ERROR",
    "REMOTE_PROGRAM",
    "VERSION",
    "Frames",
    "Header",
    "Kind",
    "RemoteError",
    "Status",
    "message",
]

REMOTE_PROGRAM = 0x20008086
KEEPALIVE_PROGRAM = 0x6B656570
"""``keep``."""
VERSION = 1
"""Of both programs."""

PING, PONG = 1, 2
"""Procedures of the keepalive program."""

MOST_BYTES = 4 * 1024 * 1024
"""Of a client's frame. The largest of use asks for the statistics of 16,384 domains by name, and
has less than 2 MiB; libvirtd takes 32 MiB."""


class Kind(IntEnum):
    """``virNetMessageType``."""

    CALL = 0
    REPLY = 1
    MESSAGE = 2
    """What nobody answers: an event, a keepalive."""
    STREAM = 3
    CALL_WITH_FDS = 4
    REPLY_WITH_FDS = 5
    STREAM_HOLE = 6


class Status(IntEnum):
    """``virNetMessageStatus``."""

    OK = 0
    ERROR = 1
    CONTINUE = 2
    """Of streams only."""


class Header(NamedTuple):
    """``virNetMessageHeader``: what each message begins with."""

    program: int
    version: int
    procedure: int
    kind: int
    """A `Kind`, unless the peer is wrong."""
    serial: int
    """Chosen by who calls; the reply has the same."""
    status: int = Status.OK
    """A `Status`, unless the peer is wrong."""


_HEADER = struct.Struct(">IIiiIi")
_LENGTH = struct.Struct(">I")
_LEAST_BYTES = _LENGTH.size + _HEADER.size


def message(header: Header, payload: bytes = b"") -> bytes:
    """Return a message as it is on the wire."""
    length = _LEAST_BYTES + len(payload)  # it counts itself
    return _LENGTH.pack(length) + _HEADER.pack(*header) + payload


class Frames:
    """Takes the bytes of a client as they come, and gives its messages one at a time."""

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._waiting = bytearray()

    def feed(self, data: bytes) -> None:
        """Take bytes; ask `next` before the next ones, so that no more than one frame waits."""
        self._waiting += data

    def next(self) -> tuple[Header, bytes] | None:
        """Return the next message and its payload; None until all of it is there.

        Raises:
            UndecodableMessage: the length is none; nothing that follows can be understood.
        """
        if len(self._waiting) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._waiting)
        if not _LEAST_BYTES <= length <= self._most_bytes:
            raise UndecodableMessage(
                f"a message has {length} bytes, and not {_LEAST_BYTES} to {self._most_bytes}"
            )
        if len(self._waiting) < length:
            return None
        frame = bytes(self._waiting[:length])
        del self._waiting[:length]
        header = Header(*_HEADER.unpack_from(frame, _LENGTH.size))
        return header, frame[_LEAST_BYTES:]


# -- errors

_MOST_TEXT = 4 * 1024 * 1024
"""``REMOTE_STRING_MAX``."""

_TEXT = optional(string(most=_MOST_TEXT))


class RemoteError(NamedTuple):
    """``remote_error``: why a call failed. Clients print the message alone."""

    code: int
    """A ``virErrorNumber``: `ErrorCode`."""
    domain: int
    """A ``virErrorDomain``: which part of libvirt would say so."""
    message: str | None
    level: int = 2
    """``VIR_ERR_ERROR``."""
    about_domain: None = None
    str1: str | None = None
    """The form of the message."""
    str2: str | None = None
    """What is put into it."""
    str3: str | None = None
    int1: int = -1
    int2: int = -1
    about_network: None = None

    @classmethod
    def of(
        cls, code: ErrorCode, message: str, *, domain: int, detail: str | None = None
    ) -> RemoteError:
        """Return an error of a complete message, the end of which may be its ``detail``."""
        form = message.removesuffix(detail) + "%s" if detail else message
        return cls(code, domain, message, str1=form, str2=detail)


_NEVER: Type[None] = optional(structure(lambda: None))
"""Of an optional value that is never there."""

REMOTE_ERROR = structure(
    RemoteError, INT, INT, _TEXT, INT, _NEVER, _TEXT, _TEXT, _TEXT, INT, INT, _NEVER
)
