"""The table of what is served, and the OpenAPI document that is made from it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import NamedTuple

from aiohttp.typedefs import Handler

from eventd import __version__
from eventd.http_api.problems import CONTENT_TYPE

__all__ = ["Parameter", "Route", "document"]


class Parameter(NamedTuple):
    """A key of a query."""

    name: str
    description: str
    is_repeatable: bool = True
    """True if several values are alternatives."""
    words: tuple[str, ...] = ()
    """All values that there are, where they are words of ours."""


class Route(NamedTuple):
    """One resource. All of them are read with GET."""

    path: str
    get: Handler
    summary: str
    content_types: tuple[str, ...] = ("application/json",)
    parameters: tuple[Parameter, ...] = ()
    statuses: tuple[HTTPStatus, ...] = (HTTPStatus.OK,)
    """With which its own content is answered; 101 stands for a WebSocket."""
    problems: tuple[HTTPStatus, ...] = ()
    """With which a problem is answered."""


def document(routes: Iterable[Route]) -> dict[str, object]:
    """Return the OpenAPI 3.1 description of the routes."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "eventd",
            "version": __version__,
            "description": "Domain lifecycle events of VMware hosts. The read-write socket is "
            "eventd.sock, the read-only one eventd-ro.sock.",
        },
        "servers": [{"url": "http://localhost", "description": "over either Unix socket"}],
        "paths": {route.path: {"get": _operation(route)} for route in routes},
        "components": {"schemas": {"Problem": _PROBLEM}},
    }


# RFC 9457, section 3.1, and our own extension members.
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened, and what to do next."},
        "code": {"type": "string", "description": "A stable word to switch on."},
        "libvirt_code": {"type": "integer", "description": "libvirt's virErrorNumber."},
        "oldest": {"type": "string", "description": "With 410: the oldest usable cursor."},
        "newest": {"type": "string", "description": "With 410: the newest cursor."},
    },
}

_PATH_KEY = re.compile(r"\{(\w+)\}")


def _operation(route: Route) -> dict[str, object]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_KEY.findall(route.path)
    ]
    in_query = [_query_parameter(parameter) for parameter in route.parameters]
    return {
        "summary": route.summary,
        "parameters": in_path + in_query,
        "responses": {
            **{str(int(each)): _content(route, each) for each in route.statuses},
            **{str(int(each)): _problem(each) for each in route.problems},
        },
    }


def _query_parameter(parameter: Parameter) -> dict[str, object]:
    text: dict[str, object] = {"type": "string"}
    if parameter.words:
        text["enum"] = list(parameter.words)
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": {"type": "array", "items": text} if parameter.is_repeatable else text,
    }


def _content(route: Route, status: HTTPStatus) -> dict[str, object]:
    if status is HTTPStatus.SWITCHING_PROTOCOLS:
        return {"description": "A WebSocket."}
    return {
        "description": status.phrase,
        "content": {content_type: {} for content_type in route.content_types},
    }


def _problem(status: HTTPStatus) -> dict[str, object]:
    return {
        "description": status.phrase,
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
