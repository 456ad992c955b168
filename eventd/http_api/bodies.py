"""What requests and answers carry: JSON, read within bounds and written without unset members."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import TypeVar

from aiohttp import web
from pydantic_core import from_json, to_json

from eventd.errors import InvalidArgument

__all__ = ["MOST_BYTES", "json_response", "list_response", "read_object"]

MOST_BYTES = 4096
"""Of the body of a request; the longest sensible one names a choice."""

_PAGE = 64
"""Values of a list that are looked at and encoded at once."""

_T = TypeVar("_T")


async def read_object(request: web.Request, *, timeout: float) -> Mapping[str, object]:
    """Return the JSON object that a request carries; without a body it is an empty one.

    Raises:
        InvalidArgument: the body is something else.
        aiohttp.web.HTTPRequestTimeout: it does not come within ``timeout`` seconds.
        aiohttp.web.HTTPRequestEntityTooLarge: it has more than `MOST_BYTES`.
    """
    try:
        async with asyncio.timeout(timeout):
            body = await request.read()
    except TimeoutError:
        text = f"the body of the request did not come within {timeout:g} seconds"
        raise web.HTTPRequestTimeout(text=text) from None
    except web.HTTPRequestEntityTooLarge as error:
        error.text = f"the body of a request has {MOST_BYTES} bytes at the most"
        raise
    except web.RequestPayloadError as error:
        raise InvalidArgument("the body of the request is cut off or badly encoded") from error
    return _object(body) if body else {}


def _object(body: bytes) -> Mapping[str, object]:
    try:
        value = from_json(body)
    except ValueError as error:
        raise InvalidArgument(f"the body of the request is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidArgument("the body of the request is no JSON object")
    return value


def json_response(
    value: object,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    content_type: str = "application/json",
) -> web.Response:
    """Return a value as the whole answer."""
    body = to_json(value, exclude_none=True)
    return web.Response(status=status, body=body, content_type=content_type)


async def list_response(
    request: web.Request,
    name: str,
    values: Iterable[_T],
    *,
    wants: Callable[[_T], bool],
    describe: Callable[[_T], object],
) -> web.StreamResponse:
    """Answer with an object that has the list of the wanted values as its only member.

    Page by page: of the list of a large site, no client makes the daemon hold more than a little,
    or makes others wait.
    """
    waiting = iter(values)
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"%b":[' % name.encode())
    separator = b""
    while page := list(islice(waiting, _PAGE)):
        if wanted := [describe(value) for value in page if wants(value)]:
            await response.write(separator + to_json(wanted, exclude_none=True)[1:-1])
            separator = b","
        await asyncio.sleep(0)
    await response.write(b"]}")
    return response
