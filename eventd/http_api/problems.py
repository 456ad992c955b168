"""Errors as RFC 9457 problem details: one shape for everything that goes wrong.

``code`` is a stable word to switch on; ``libvirt_code`` is libvirt's ``virErrorNumber`` where an
error of ours stands behind it, and ``hint`` says what to do next where ``detail`` does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic_core import to_json

from eventd.errors import (
    AmbiguousDomain,
    CursorExpired,
    EventdError,
    HostError,
    HostUnreachable,
    InvalidArgument,
    JournalUnusable,
    LimitReached,
    NoSuchChoice,
    NoSuchDomain,
    NoSuchQuestion,
    NoSuchSubscription,
    OperationDenied,
    OperationError,
    OperationInvalid,
    QuestionPending,
)

__all__ = [
    "CONTENT_TYPE",
    "answer_errors",
    "document",
    "extensions_of",
    "members_of",
    "response",
    "word_for",
]

CONTENT_TYPE = "application/problem+json"

# The first class that fits has the word.
_KINDS: Mapping[type[EventdError], tuple[str, HTTPStatus]] = {
    CursorExpired: ("cursor-expired", HTTPStatus.GONE),
    AmbiguousDomain: ("ambiguous-domain", HTTPStatus.CONFLICT),
    NoSuchDomain: ("no-such-domain", HTTPStatus.NOT_FOUND),
    NoSuchQuestion: ("no-such-question", HTTPStatus.NOT_FOUND),
    NoSuchSubscription: ("no-such-subscription", HTTPStatus.NOT_FOUND),
    NoSuchChoice: ("no-such-choice", HTTPStatus.BAD_REQUEST),
    LimitReached: ("limit-reached", HTTPStatus.TOO_MANY_REQUESTS),
    InvalidArgument: ("invalid-argument", HTTPStatus.BAD_REQUEST),
    OperationDenied: ("operation-denied", HTTPStatus.FORBIDDEN),
    OperationInvalid: ("operation-invalid", HTTPStatus.CONFLICT),
    QuestionPending: ("question-pending", HTTPStatus.CONFLICT),
    OperationError: ("operation-failed", HTTPStatus.BAD_GATEWAY),
    HostUnreachable: ("host-unreachable", HTTPStatus.SERVICE_UNAVAILABLE),
    HostError: ("host-error", HTTPStatus.BAD_GATEWAY),
    JournalUnusable: ("journal-unusable", HTTPStatus.SERVICE_UNAVAILABLE),
    EventdError: ("failed", HTTPStatus.INTERNAL_SERVER_ERROR),
}

# aiohttp's own, for what it finds wrong with a request.
_WORDS = {
    HTTPStatus.REQUEST_TIMEOUT: "request-timeout",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request-too-large",
}


def _kind(error: EventdError) -> tuple[str, HTTPStatus]:
    return next(kind for cls, kind in _KINDS.items() if isinstance(error, cls))


def word_for(error: EventdError) -> str:
    """Return the stable word for an error."""
    return _kind(error)[0]


def members_of(error: EventdError) -> dict[str, object]:
    """Return the members of the problem that an error is."""
    code, status = _kind(error)
    return _members(status, code, error.message, **extensions_of(error))


def extensions_of(error: EventdError) -> dict[str, object]:
    """Return what an error has to say beside its word and its message."""
    more: dict[str, object] = {"libvirt_code": int(error.code)}
    if error.hint is not None:
        more["hint"] = error.hint
    match error:
        case CursorExpired():
            more |= {"oldest": error.oldest, "newest": error.newest}
        case NoSuchChoice():
            more["choices"] = _choices(error.choices)
        case QuestionPending():
            more["question"] = _question(error)
        case _:
            pass
    return more


def _question(error: QuestionPending) -> dict[str, object]:
    question: dict[str, object] = {
        "id": error.question_id,
        "text": error.text,
        "choices": _choices(error.choices),
    }
    if error.default_choice is not None:
        labels = dict(error.choices)
        key = error.default_choice
        question["default"] = {"key": key, "label": labels.get(key, "")}
    return question


def _choices(choices: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"key": key, "label": label} for key, label in choices]


def _members(status: HTTPStatus, code: str, detail: str, **more: object) -> dict[str, object]:
    return {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "code": code,
        "detail": detail,
        **more,
    }


def document(status: HTTPStatus, code: str, detail: str, **more: object) -> bytes:
    """Return the body of a problem response; ``more`` are its extension members."""
    return to_json(_members(status, code, detail, **more))


def response(status: HTTPStatus, code: str, detail: str, **more: object) -> web.Response:
    """Return a problem response."""
    return web.Response(
        status=status, body=document(status, code, detail, **more), content_type=CONTENT_TYPE
    )


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer our own errors, and those of the router, as problems."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        detail = f"there is nothing at {request.path[:200]}; /openapi.json lists what there is"
        return response(HTTPStatus.NOT_FOUND, "not-found", detail)
    except web.HTTPMethodNotAllowed as error:
        return _method_not_allowed(request, error)
    except web.HTTPException as error:
        status = HTTPStatus(error.status)
        return response(status, _WORDS.get(status, "bad-request"), error.text or error.reason)
    except EventdError as error:
        return _of_error(error)


def _of_error(error: EventdError) -> web.Response:
    code, status = _kind(error)
    return response(status, code, error.message, **extensions_of(error))


def _method_not_allowed(request: web.Request, error: web.HTTPMethodNotAllowed) -> web.Response:
    allowed = ", ".join(sorted(error.allowed_methods))
    detail = f"{request.method} is not possible at {request.path[:200]}; use {allowed}"
    refusal = response(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", detail)
    refusal.headers["Allow"] = allowed
    return refusal
