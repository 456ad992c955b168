"""The table of what is served, and the OpenAPI document that is made from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import NamedTuple

from aiohttp.typedefs import Handler

from eventd import __version__
from eventd.http_api.problems import CONTENT_TYPE

__all__ = ["Parameter", "Route", "document", "text_schema"]


class Parameter(NamedTuple):
    """A key of a query."""

    name: str
    description: str
    is_repeatable: bool = True
    """True if several values are alternatives."""
    words: tuple[str, ...] = ()
    """All values that there are, where they are words of ours."""


class Route(NamedTuple):
    """One thing that can be asked for."""

    path: str
    handler: Handler
    summary: str
    content_types: tuple[str, ...] = ("application/json",)
    parameters: tuple[Parameter, ...] = ()
    statuses: tuple[HTTPStatus, ...] = (HTTPStatus.OK,)
    """With which its own content is answered; 101 stands for a WebSocket."""
    problems: tuple[HTTPStatus, ...] = ()
    """With which a problem is answered."""
    method: str = "GET"
    body: Mapping[str, object] | None = None
    """The JSON Schema of what is sent, where something may be."""

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing, and is there on the read-only socket too."""
        return self.method == "GET"

    @property
    def pattern(self) -> str:
        """The path as aiohttp takes it, with values that may have braces in them."""
        return _PATH_KEY.sub(r"{\1:[^/]+}", self.path)


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
        "paths": _paths(routes),
        "components": {"schemas": {"Problem": _PROBLEM}},
    }


def _paths(routes: Iterable[Route]) -> dict[str, dict[str, object]]:
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return paths


_CHOICES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["key", "label"],
        "properties": {"key": {"type": "string"}, "label": {"type": "string"}},
    },
}

# RFC 9457, section 3.1, and our own extension members.
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened."},
        "hint": {"type": "string", "description": "What to do next, if 'detail' does not say it."},
        "code": {"type": "string", "description": "A stable word to switch on."},
        "libvirt_code": {"type": "integer", "description": "libvirt's virErrorNumber."},
        "oldest": {
            "type": "string",
            "description": "With 410: the oldest usable cursor, which may be acknowledged.",
        },
        "newest": {"type": "string", "description": "With 410: the newest cursor."},
        "choices": {**_CHOICES, "description": "With no-such-choice: those that there are."},
        "question": {
            "type": "object",
            "description": "With question-pending: the question that is in the way.",
            "required": ["id", "text", "choices"],
            "properties": {
                "id": {"type": "string"},
                "text": {"type": "string"},
                "choices": _CHOICES,
                "default": {"type": "string", "description": "Key of the default choice."},
            },
        },
    },
}

_PATH_KEY = re.compile(r"\{(\w+)\}")


def _operation(route: Route) -> dict[str, object]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_KEY.findall(route.path)
    ]
    in_query = [_query_parameter(parameter) for parameter in route.parameters]
    operation: dict[str, object] = {
        "summary": route.summary,
        "parameters": in_path + in_query,
        "responses": {
            **{str(int(each)): _content(route, each) for each in route.statuses},
            **{str(int(each)): _problem(each) for each in route.problems},
        },
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": "required" in route.body,
            "content": {"application/json": {"schema": route.body}},
        }
    return operation


def text_schema(parameter: Parameter) -> dict[str, object]:
    """Return the JSON Schema of one value of a parameter."""
    text: dict[str, object] = {"type": "string"}
    if parameter.words:
        text["enum"] = list(parameter.words)
    return text


def _query_parameter(parameter: Parameter) -> dict[str, object]:
    text = text_schema(parameter)
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": {"type": "array", "items": text} if parameter.is_repeatable else text,
    }


def _content(route: Route, status: HTTPStatus) -> dict[str, object]:
    if status is HTTPStatus.SWITCHING_PROTOCOLS:
        return {"description": "A WebSocket."}
    if status is HTTPStatus.NO_CONTENT:
        return {"description": status.phrase}
    return {
        "description": status.phrase,
        "content": {content_type: {} for content_type in route.content_types},
    }


def _problem(status: HTTPStatus) -> dict[str, object]:
    return {
        "description": status.phrase,
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
