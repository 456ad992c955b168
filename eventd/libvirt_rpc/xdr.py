"""XDR (RFC 4506): the types that libvirt's protocol is made of.

A type reads and writes one value. Types are put together from others, once, where a message is
declared; values are plain Python ones, and a structure is a tuple.

What comes from a peer is bounded by the type that reads it: a text or a list that is longer than
that is refused before anything is made of it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from eventd.errors import UndecodableMessage

__all__ = [
    "DOUBLE",
    "HYPER",
    "INT",
    "UHYPER",
    "UINT",
    "Reading",
    "Type",
    "array",
    "characters",
    "opaque",
    "optional",
    "string",
    "structure",
    "union",
]

T = TypeVar("T")


class Reading:
    """Bytes of a peer, and how far they are read."""

    __slots__ = ("_bytes", "_position")

    def __init__(self, data: bytes) -> None:
        self._bytes = data
        self._position = 0

    def take(self, size: int) -> bytes:
        """Return the next bytes.

        Raises:
            UndecodableMessage: there are not so many.
        """
        begin = self._position
        end = begin + size
        if end > len(self._bytes):
            raise UndecodableMessage(
                f"the message ends at byte {len(self._bytes)}, and has to go on to byte {end}"
            )
        self._position = end
        return self._bytes[begin:end]

    @property
    def left(self) -> int:
        """How many bytes are not read yet."""
        return len(self._bytes) - self._position


@dataclass(frozen=True, slots=True)
class Type(Generic[T]):
    """A type of XDR, for values of one Python type."""

    write: Callable[[T, bytearray], None]
    """Append a value, as it is on the wire. Raises `ValueError` or `struct.error` if it does not
    fit the type."""
    read: Callable[[Reading], T]
    """Take a value. Raises `UndecodableMessage` if there is none of the type."""

    def encode(self, value: T) -> bytes:
        """Return a value as it is on the wire."""
        into = bytearray()
        self.write(value, into)
        return bytes(into)

    def decode(self, data: bytes) -> T:
        """Read a value from the beginning of bytes.

        Raises:
            UndecodableMessage: there is none.
        """
        return self.read(Reading(data))


def _number(form: str) -> Type[Any]:
    """Return a number of fixed size, by its `struct` format."""
    packed = struct.Struct(">" + form)

    def write(value: Any, into: bytearray) -> None:
        into += packed.pack(value)

    def read(reading: Reading) -> Any:
        return packed.unpack(reading.take(packed.size))[0]

    return Type(write, read)


INT: Type[int] = _number("i")
UINT: Type[int] = _number("I")
HYPER: Type[int] = _number("q")
UHYPER: Type[int] = _number("Q")
DOUBLE: Type[float] = _number("d")


def opaque(size: int) -> Type[bytes]:
    """Return the type of exactly so many bytes."""

    def write(value: bytes, into: bytearray) -> None:
        if len(value) != size:
            raise ValueError(f"{len(value)} bytes in place of {size}")
        into += value + _padding(size)

    def read(reading: Reading) -> bytes:
        return reading.take(size + len(_padding(size)))[:size]

    return Type(write, read)


def string(*, most: int) -> Type[str]:
    """Return the type of a text of at most ``most`` bytes of UTF-8."""

    def write(value: str, into: bytearray) -> None:
        # Clients in Python and Perl fail at what is no UTF-8; those in C end at a NUL.
        encoded = value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace")
        if len(encoded) > most:
            encoded = encoded[:most].decode(errors="ignore").encode()
        into += struct.pack(">I", len(encoded)) + encoded + _padding(len(encoded))

    def read(reading: Reading) -> str:
        size = UINT.read(reading)
        if size > most:
            raise UndecodableMessage(f"a text has {size} bytes, more than {most}")
        encoded = reading.take(size + len(_padding(size)))[:size]
        try:
            return encoded.decode()
        except UnicodeDecodeError as error:
            raise UndecodableMessage(f"a text is no UTF-8: {error}") from error

    return Type(write, read)


def characters(size: int) -> Type[str]:
    """Return the type of C's ``char x[size]``: each character is a number of four bytes."""
    packed = struct.Struct(f">{size}i")

    def write(value: str, into: bytearray) -> None:
        # The last one is the NUL that C ends at.
        encoded = value.encode("ascii", "replace")[: size - 1]
        into += packed.pack(*encoded.ljust(size, b"\0"))

    def read(reading: Reading) -> str:
        codes = packed.unpack(reading.take(packed.size))
        return bytes(code & 0xFF for code in codes).split(b"\0")[0].decode("ascii", "replace")

    return Type(write, read)


def optional(of: Type[T]) -> Type[T | None]:
    """Return the type of a value that may be None."""

    def write(value: T | None, into: bytearray) -> None:
        INT.write(value is not None, into)
        if value is not None:
            of.write(value, into)

    def read(reading: Reading) -> T | None:
        # As libvirt's C library: go-libvirt has the bytes of its 1 in the other order.
        return of.read(reading) if INT.read(reading) else None

    return Type(write, read)


def array(of: Type[T], *, most: int) -> Type[Sequence[T]]:
    """Return the type of at most ``most`` values of one type."""

    def write(value: Sequence[T], into: bytearray) -> None:
        if len(value) > most:
            raise ValueError(f"{len(value)} values, more than {most}")
        UINT.write(len(value), into)
        for each in value:
            of.write(each, into)

    def read(reading: Reading) -> Sequence[T]:
        count = UINT.read(reading)
        # No value has less than four bytes: a large count alone makes nothing large.
        if count > most or 4 * count > reading.left:
            raise UndecodableMessage(f"a list of {count} values: more than {most}, or than follow")
        return [of.read(reading) for _ in range(count)]

    return Type(write, read)


def structure(make: Callable[..., T], *fields: Type[Any]) -> Type[T]:
    """Return the type of values one after another; ``make`` is the class of their tuple."""

    def write(value: T, into: bytearray) -> None:
        for kind, each in zip(fields, cast(Sequence[Any], value), strict=True):
            kind.write(each, into)

    def read(reading: Reading) -> T:
        return make(*[kind.read(reading) for kind in fields])

    return Type(write, read)


def union(arms: Mapping[int, Type[Any]]) -> Type[tuple[int, Any]]:
    """Return the type of a number that says of which type the value is that follows."""

    def write(value: tuple[int, Any], into: bytearray) -> None:
        kind, content = value
        INT.write(kind, into)
        arms[kind].write(content, into)

    def read(reading: Reading) -> tuple[int, Any]:
        kind = INT.read(reading)
        if kind not in arms:
            raise UndecodableMessage(f"a value is of the unknown type {kind}")
        return kind, arms[kind].read(reading)

    return Type(write, read)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % 4)
