"""The one tree of exceptions that eventd raises.

::

    EventdError
    ├── InvalidArgument            yours: an argument is wrong (libvirt's code 8)
    │   └── InvalidURI             yours: a connection URI is wrong
    ├── InvalidConfiguration       yours: the configuration file is wrong
    ├── NoSuchDomain               yours: no such domain, or more than one (code 42)
    ├── LimitReached               yours: a cap of this daemon; free something first
    ├── SocketInUse                yours: another daemon serves this socket
    ├── HostError                  the VI host's, or the way to it
    │   ├── HostUnreachable        try again: nobody answered in time, or the way was cut
    │   ├── HostNotTrusted         do not try again: the certificate is not the expected one
    │   ├── HostNotSupported       do not try again: the product or its version is not ours
    │   ├── LoginRefused           do not try again soon: user name or password is wrong
    │   ├── MalformedAnswer        try again: the bytes are no answer to the call
    │   └── Fault                  the host answered with a VI fault, which names itself
    │       └── SessionExpired     log in again: the host has forgotten the session
    ├── CursorExpired              the journal no longer has what the cursor points at
    ├── DaemonUnreachable          try again: the daemon's socket cannot be opened, or it has gone
    └── DaemonError                the daemon answered a client with an error

A message says what happened, where, and what to do next; a secret is never part of one.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "CursorExpired",
    "DaemonError",
    "DaemonUnreachable",
    "ErrorCode",
    "EventdError",
    "Fault",
    "HostError",
    "HostNotSupported",
    "HostNotTrusted",
    "HostUnreachable",
    "InvalidArgument",
    "InvalidConfiguration",
    "InvalidURI",
    "LimitReached",
    "LoginRefused",
    "MalformedAnswer",
    "NoSuchDomain",
    "SessionExpired",
    "SocketInUse",
]


class ErrorCode(IntEnum):
    """libvirt's ``virErrorNumber``, as far as eventd reports it."""

    INTERNAL_ERROR = 1
    NO_SUPPORT = 3
    INVALID_ARG = 8
    OPERATION_FAILED = 9
    OPERATION_DENIED = 29
    SYSTEM_ERROR = 38
    NO_DOMAIN = 42
    AUTH_FAILED = 45
    OPERATION_INVALID = 55


class EventdError(Exception):
    """The root of all errors that eventd raises on purpose.

    ``code`` is the number that libvirt uses for the same situation.
    """

    code: ErrorCode = ErrorCode.INTERNAL_ERROR

    def __init__(self, message: str, *, code: ErrorCode | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    @property
    def message(self) -> str:
        """The sentence that was given to the constructor."""
        return str(self.args[0])


class InvalidArgument(EventdError):
    """An argument of the call is wrong; nothing was changed."""

    code = ErrorCode.INVALID_ARG


class InvalidURI(InvalidArgument):
    """A connection URI cannot be used; the message names the part and what was expected."""


class InvalidConfiguration(EventdError):
    """The configuration cannot be used; the message names file, line, key and expectation."""

    code = ErrorCode.INVALID_ARG


class NoSuchDomain(EventdError):
    """No domain matches, or more than one does; the message lists the matches."""

    code = ErrorCode.NO_DOMAIN


class LimitReached(EventdError):
    """A cap of this daemon is reached; the message names it and how to get below it."""

    code = ErrorCode.OPERATION_INVALID


class SocketInUse(EventdError):
    """Another process already serves the socket path."""

    code = ErrorCode.SYSTEM_ERROR


class HostError(EventdError):
    """Something is wrong with a VI host, or with the way to it."""


class HostUnreachable(HostError):
    """The host did not answer in time, refused, or the connection was cut. Worth another try."""


class HostNotTrusted(HostError):
    """The host's certificate is not the expected one; nothing secret was sent."""

    code = ErrorCode.AUTH_FAILED


class HostNotSupported(HostError):
    """The host is not the product that the URI names, or its API is too old."""


class LoginRefused(HostError):
    """The host refused the user name or password; trying again soon may lock the account."""

    code = ErrorCode.AUTH_FAILED


class MalformedAnswer(HostError):
    """The bytes that came back are not a well-formed answer to the call that was made."""


class Fault(HostError):
    """The host answered with a VI fault.

    ``name`` is the fault's VI type (``InvalidPowerState``) or the empty string where the host
    gave none; ``reason`` is the host's own sentence.
    """

    def __init__(self, method: str, name: str, reason: str) -> None:
        super().__init__(f"the host refused {method}: {name or 'fault'}: {reason}")
        self.method = method
        self.name = name
        self.reason = reason


class SessionExpired(Fault):
    """The host no longer knows the session (fault ``NotAuthenticated``): log in again."""


class CursorExpired(EventdError):
    """A cursor points at records that the journal no longer has.

    ``oldest`` and ``newest`` are cursors that can still be read from.
    """

    code = ErrorCode.INVALID_ARG

    def __init__(self, message: str, *, oldest: str, newest: str) -> None:
        super().__init__(message)
        self.oldest = oldest
        self.newest = newest


class DaemonUnreachable(EventdError):
    """A client cannot open the daemon's socket, or the daemon has gone. Worth another try."""

    code = ErrorCode.SYSTEM_ERROR


class DaemonError(EventdError):
    """The daemon answered a client with an error; ``status`` is the HTTP status."""

    def __init__(self, message: str, *, status: int, code: ErrorCode | None = None) -> None:
        super().__init__(message, code=code)
        self.status = status
