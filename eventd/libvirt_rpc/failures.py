"""How a failure is told to a libvirt client: codes, and libvirt's own words for them.

Clients print the message and nothing else, so that what to do next has to be in it.
"""

from __future__ import annotations

from enum import IntEnum

from eventd.errors import (
    ErrorCode,
    EventdError,
    NoSuchDomain,
    OperationInvalid,
    QuestionPending,
    TaskPending,
    UndecodableMessage,
)
from eventd.libvirt_rpc.messages import Header, RemoteError
from eventd.libvirt_rpc.procedures import Procedure

__all__ = [
    "ErrorDomain",
    "already_open",
    "error_of",
    "forbidden",
    "not_open",
    "unknown_procedure",
    "unknown_program",
    "unsupported",
]


class ErrorDomain(IntEnum):
    """``virErrorDomain``: which part of libvirt reports an error, as far as eventd does."""

    RPC = 7
    DOMAIN = 20
    ESX = 28


_FORMS = {
    ErrorCode.INTERNAL_ERROR: "internal error: %s",
    ErrorCode.INVALID_ARG: "invalid argument: %s",
    ErrorCode.OPERATION_FAILED: "operation failed: %s",
    ErrorCode.OPERATION_DENIED: "operation forbidden: %s",
    ErrorCode.NO_DOMAIN: "Domain not found: %s",
    ErrorCode.AUTH_FAILED: "authentication failed: %s",
    ErrorCode.OPERATION_INVALID: "Requested operation is not valid: %s",
}
"""libvirt's forms for a message with a detail (``src/util/virerror.c``)."""


def error_of(error: EventdError) -> RemoteError:
    """Return an error as libvirt's own ESX driver would report it."""
    if isinstance(error, UndecodableMessage):
        return _rpc("Unable to decode message payload")
    detail = error.message
    if error.hint and not _says_enough(error):
        detail = f"{detail}; {error.hint}"
    if isinstance(error, QuestionPending) and error.question_id not in detail:
        detail = f"{detail} ({error.question_id})"
    form = _FORMS.get(error.code, "%s")
    return RemoteError.of(
        error.code, form.replace("%s", detail), domain=ErrorDomain.ESX, detail=detail
    )


def _says_enough(error: EventdError) -> bool:
    """Whether the message alone tells what to do, as that of libvirt's own driver does."""
    if isinstance(error, TaskPending):
        return False
    return isinstance(error, NoSuchDomain | OperationInvalid)


def _rpc(message: str, *, detail: str | None = None) -> RemoteError:
    return RemoteError.of(ErrorCode.RPC, message, domain=ErrorDomain.RPC, detail=detail)


def unknown_procedure(header: Header) -> RemoteError:
    """Clients make "not supported" of this one, by its words, and do without."""
    number = str(header.procedure)
    return _rpc(f"unknown procedure: {number}", detail=number)


def unknown_program(header: Header) -> RemoteError:
    """Return the error for a call of another program, or another version of one."""
    return _rpc(f"Cannot find program {header.program} version {header.version}")


def not_open() -> RemoteError:
    """Return the error for a call before the connection is opened."""
    return _internal("hypervisor connection not open")


def already_open() -> RemoteError:
    """Return the error for a second opening."""
    return _internal("connection already open")


def internal() -> RemoteError:
    """Return the error for a failure of eventd itself."""
    return _internal("eventd failed to answer this call; its log says why")


def _internal(detail: str) -> RemoteError:
    return RemoteError.of(
        ErrorCode.INTERNAL_ERROR,
        f"internal error: {detail}",
        domain=ErrorDomain.RPC,
        detail=detail,
    )


def forbidden(procedure: Procedure) -> RemoteError:
    """Return the error for a call that changes something, of a client that may only read."""
    detail = f"read only access prevents {procedure.function}"
    return RemoteError.of(
        ErrorCode.OPERATION_DENIED,
        f"operation forbidden: {detail}",
        domain=ErrorDomain.DOMAIN,
        detail=detail,
    )


def unsupported(function: str) -> RemoteError:
    """Return the error for what libvirt knows, and VI or eventd does not."""
    return RemoteError.of(
        ErrorCode.NO_SUPPORT,
        f"this function is not supported by the connection driver: {function}",
        domain=ErrorDomain.DOMAIN,
        detail=function,
    )
