"""The one tree of exceptions that eventd raises.

::

    EventdError
    ├── InvalidArgument            yours: an argument is wrong (libvirt's code 8)
    │   └── InvalidURI             yours: a connection URI is wrong
    ├── InvalidConfiguration       yours: the configuration file is wrong
    ├── NoSuchDomain               yours: no such domain (code 42)
    │   └── AmbiguousDomain        yours: more than one domain matches
    ├── NoSuchQuestion             yours: no question of this id is pending
    ├── NoSuchChoice               yours: the question has no such choice
    ├── NoSuchSubscription         yours: no durable subscription has this name
    ├── OperationDenied            yours: the socket or the daemon does not allow it (code 29)
    ├── OperationError             an operation on a domain was not done
    │   ├── OperationInvalid       not begun: its state, or another task, forbids it (code 55)
    │   │   └── TaskPending        not begun: try again when the other task has ended
    │   ├── QuestionPending        a question that nobody answered is in its way (code 1)
    │   └── OperationFailed        the host refused it, or its task ended in an error (code 1)
    ├── LimitReached               yours: a cap of this daemon; free something first
    ├── SocketInUse                yours: another daemon serves this socket
    ├── JournalUnusable            yours: the journal cannot be opened: its directory, its version
    ├── HostError                  the VI host's, or the way to it
    │   ├── HostUnreachable        try again: nobody answered in time, or the way was cut
    │   ├── HostNotTrusted         do not try again: the certificate is not the expected one
    │   ├── HostNotSupported       do not try again: the product or its version is not ours
    │   ├── LoginRefused           do not try again soon: user name or password is wrong
    │   ├── MalformedAnswer        try again: the bytes are no answer to the call
    │   └── Fault                  the host answered with a VI fault, which names itself
    │       └── SessionExpired     log in again: the host has forgotten the session
    ├── CursorExpired              the journal no longer has what the cursor points at
    ├── UndecodableMessage         no message of libvirt's protocol (code 39)
    ├── DaemonUnreachable          try again: the daemon's socket cannot be opened, or it has gone
    └── DaemonError                the daemon answered a client with an error

A message says what happened, where, and what to do next; a secret is never part of one. Where the
message is libvirt's, word for word, what to do next is a `hint` of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

__all__ = [
    "AmbiguousDomain",
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
    "JournalUnusable",
    "LimitReached",
    "LoginRefused",
    "MalformedAnswer",
    "NoSuchChoice",
    "NoSuchDomain",
    "NoSuchQuestion",
    "NoSuchSubscription",
    "OperationDenied",
    "OperationError",
    "OperationFailed",
    "OperationInvalid",
    "QuestionPending",
    "SessionExpired",
    "SocketInUse",
    "TaskPending",
    "UndecodableMessage",
]


class ErrorCode(IntEnum):
    """libvirt's ``virErrorNumber``, as far as eventd reports it."""

    INTERNAL_ERROR = 1
    NO_SUPPORT = 3
    INVALID_ARG = 8
    OPERATION_FAILED = 9
    OPERATION_DENIED = 29
    SYSTEM_ERROR = 38
    RPC = 39
    NO_DOMAIN = 42
    AUTH_FAILED = 45
    OPERATION_INVALID = 55
    NO_DOMAIN_SNAPSHOT = 72
    NO_DOMAIN_METADATA = 80


class EventdError(Exception):
    """The root of all errors that eventd raises on purpose.

    ``code`` is the number that libvirt uses for the same situation, and ``hint`` says what to do
    next where the message does not.
    """

    code: ErrorCode = ErrorCode.INTERNAL_ERROR

    def __init__(
        self, message: str, *, code: ErrorCode | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.hint = hint

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
    """No domain matches."""

    code = ErrorCode.NO_DOMAIN


class AmbiguousDomain(NoSuchDomain):
    """More than one domain matches; the message lists the matches."""


class NoSuchQuestion(EventdError):
    """No question of this id is pending; it may have been answered, or withdrawn."""

    code = ErrorCode.INVALID_ARG


class NoSuchChoice(InvalidArgument):
    """The question has no such choice; the message lists those that it has, as ``choices`` does.

    ``choices`` are keys and labels.
    """

    def __init__(self, message: str, *, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__(message)
        self.choices = tuple(choices)


class NoSuchSubscription(EventdError):
    """No durable subscription has this name; the message says which there are."""

    code = ErrorCode.INVALID_ARG


class OperationDenied(EventdError):
    """This socket, or this daemon, lets nobody do that."""

    code = ErrorCode.OPERATION_DENIED


class OperationError(EventdError):
    """An operation on a domain was not done, or not to its end; the message is libvirt's."""


class OperationInvalid(OperationError):
    """The operation was not begun: the state of the domain, or a pending task, forbids it."""

    code = ErrorCode.OPERATION_INVALID


class TaskPending(OperationInvalid):
    """The operation was not begun: a task of the domain has not ended, or goes on just now."""


class QuestionPending(OperationError):
    """A question is in the way of the operation, and was not answered.

    ``question_id`` is eventd's own id of it; ``choices`` are keys and labels, and
    ``default_choice`` is the key of the default one, if there is one. `hint` also says what became
    of the task that waits for the answer, if the operation had begun.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        question_id: str,
        text: str,
        choices: Sequence[tuple[str, str]],
        default_choice: str | None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.question_id = question_id
        self.text = text
        self.choices = tuple(choices)
        self.default_choice = default_choice


class OperationFailed(OperationError):
    """The host refused the operation, or began it and its task ended in an error."""


class LimitReached(EventdError):
    """A cap of this daemon is reached; the message names it and how to get below it."""

    code = ErrorCode.OPERATION_INVALID


class SocketInUse(EventdError):
    """Another process already serves the socket path."""

    code = ErrorCode.SYSTEM_ERROR


class JournalUnusable(EventdError):
    """The journal cannot be opened, or read now; the message says what is wrong with its file."""

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

    def __init__(self, message: str, *, oldest: str, newest: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.oldest = oldest
        self.newest = newest


class UndecodableMessage(EventdError):
    """The bytes of a libvirt client are no message, or not one of the procedure that they name."""

    code = ErrorCode.RPC


class DaemonUnreachable(EventdError):
    """A client cannot open the daemon's socket, or the daemon has gone. Worth another try."""

    code = ErrorCode.SYSTEM_ERROR


class DaemonError(EventdError):
    """The daemon answered a client with an error; ``status`` is the HTTP status.

    ``problem`` has all that the daemon said of it (RFC 9457), empty where that was nothing.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: ErrorCode | None = None,
        hint: str | None = None,
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.status = status
        self.problem = problem or {}
