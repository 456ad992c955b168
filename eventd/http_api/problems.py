"""Errors as RFC 9457 problem details: one shape for everything that goes wrong.

``code`` is a stable word to switch on; ``libvirt_code`` is libvirt's ``virErrorNumber`` where an
error of ours stands behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic_core import to_json

from eventd.errors import (
    CursorExpired,
    EventdError,
    InvalidArgument,
    LimitReached,
    NoSuchDomain,
)

__all__ = ["CONTENT_TYPE", "answer_errors", "document", "response", "word_for"]

CONTENT_TYPE = "application/problem+json"

_KINDS: Mapping[type[EventdError], tuple[str, HTTPStatus]] = {
    CursorExpired: ("cursor-expired", HTTPStatus.GONE),
    NoSuchDomain: ("no-such-domain", HTTPStatus.NOT_FOUND),
    LimitReached: ("limit-reached", HTTPStatus.TOO_MANY_REQUESTS),
    InvalidArgument: ("invalid-argument", HTTPStatus.BAD_REQUEST),
    EventdError: ("failed", HTTPStatus.INTERNAL_SERVER_ERROR),
}


def _kind(error: EventdError) -> tuple[str, HTTPStatus]:
    return next(kind for cls, kind in _KINDS.items() if isinstance(error, cls))


def word_for(error: EventdError) -> str:
    """Return the stable word for an error."""
    return _kind(error)[0]


def document(status: HTTPStatus, code: str, detail: str, **more: object) -> bytes:
    """Return the body of a problem response; ``more`` are its extension members."""
    return to_json(
        {
            "type": "about:blank",
            "title": status.phrase,
            "status": int(status),
            "code": code,
            "detail": detail,
            **more,
        }
    )


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
        return response(HTTPStatus(error.status), "bad-request", error.text or error.reason)
    except EventdError as error:
        return _of_error(error)


def _of_error(error: EventdError) -> web.Response:
    code, status = _kind(error)
    more: dict[str, object] = {"libvirt_code": int(error.code)}
    if isinstance(error, CursorExpired):
        more |= {"oldest": error.oldest, "newest": error.newest}
    return response(status, code, error.message, **more)


def _method_not_allowed(request: web.Request, error: web.HTTPMethodNotAllowed) -> web.Response:
    allowed = ", ".join(sorted(error.allowed_methods))
    detail = f"{request.method} is not possible at {request.path[:200]}; use {allowed}"
    refusal = response(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", detail)
    refusal.headers["Allow"] = allowed
    return refusal
