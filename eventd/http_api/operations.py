"""``/v1/domains/{domain}/…``: what can be done to a domain, and how it is configured.

An operation goes on when its client goes: only the answer to it is given up then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from aiohttp import web
from pydantic_core import to_json

from eventd.errors import EventdError, InvalidArgument
from eventd.http_api import problems
from eventd.http_api.bodies import json_response, read_object
from eventd.http_api.connection import requester_of
from eventd.http_api.queries import ConnectionQuery
from eventd.model.operations import DomainOperation, OperationResult, TaskProgress
from eventd.model.operator import Operator

__all__ = ["IS_READ_WRITE", "NDJSON", "Operations"]

IS_READ_WRITE = web.AppKey("is_read_write", bool)
"""Whether an application serves the read-write socket."""

NDJSON = "application/x-ndjson"

_MOST_REPORTS = 64
"""Reports that wait for a client which does not read; of more, the oldest are left out."""


class Operations:
    """What can be asked of the operator for one domain. ``body_timeout`` is in seconds."""

    def __init__(self, operator: Operator, *, body_timeout: float) -> None:
        self._operator = operator
        self._body_timeout = body_timeout

    async def configuration(self, request: web.Request) -> web.Response:
        """Tell the configuration of a domain; on the read-only socket without its secrets.

        Raises:
            NoSuchDomain: no domain matches, or several do.
            HostError: the host cannot be asked.
        """
        query = ConnectionQuery.parse(request.query)
        configuration = await self._operator.configuration(
            request.match_info["domain"], connection=query.connection
        )
        if not request.app.get(IS_READ_WRITE, False):
            configuration = configuration.without_secrets()
        return json_response(configuration)

    async def operate(self, operation: DomainOperation, request: web.Request) -> web.StreamResponse:
        """Do something to a domain, and answer when it is done.

        A client that accepts lines is told how far the task is, as that becomes known.

        Raises:
            InvalidArgument: the query or the body is wrong.
            EventdError: all that `Operator.operate` raises, if nothing has been told before.
        """
        query = ConnectionQuery.parse(request.query)
        requester = await requester_of(request)
        if await read_object(request, timeout=self._body_timeout):
            raise InvalidArgument("the body of an operation is empty, or an empty object")
        operate = partial(
            self._operator.operate,
            request.match_info["domain"],
            operation,
            connection=query.connection,
            by=requester,
        )
        if NDJSON in request.headers.get("Accept", "").lower():
            return await _Account(request).give(operate)
        return json_response(await operate())


class _Account:
    """What a client is told of an operation, line by line."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._response: web.StreamResponse | None = None
        self._reports: deque[TaskProgress] = deque(maxlen=_MOST_REPORTS)
        """Those that have not been told yet."""
        self._news = asyncio.Event()
        self._is_over = False

    async def give(self, operate: Callable[..., Awaitable[OperationResult]]) -> web.StreamResponse:
        """Tell of an operation while it goes on, and how it ended.

        Raises:
            EventdError: it failed, and nothing has been told before.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell_reports(), name=f"operation {id(self):x}")
            outcome = await _outcome(operate(report=self._note))
            self._end()
        return await self._conclude(outcome)

    def _note(self, progress: TaskProgress) -> None:
        self._reports.append(progress)
        self._news.set()

    def _end(self) -> None:
        self._is_over = True
        self._news.set()

    async def _tell_reports(self) -> None:
        with suppress(ConnectionError):  # the client has gone
            while True:
                while self._reports:
                    await self._tell({"progress": self._reports.popleft()})
                if self._is_over:
                    return
                await self._news.wait()
                self._news.clear()

    async def _conclude(self, outcome: OperationResult | EventdError) -> web.StreamResponse:
        if isinstance(outcome, OperationResult):
            response = await self._tell({"result": outcome})
        elif self._response is None:
            raise outcome
        else:
            response = await self._tell({"problem": problems.members_of(outcome)})
        await response.write_eof()
        return response

    async def _tell(self, line: dict[str, object]) -> web.StreamResponse:
        response = self._response
        if response is None:
            # Not sooner: what fails before there is anything to tell has a status of its own.
            response = self._response = web.StreamResponse(
                headers={"Content-Type": NDJSON, "Cache-Control": "no-store"}
            )
            await response.prepare(self._request)
        await response.write(to_json(line, exclude_none=True) + b"\n")
        return response


async def _outcome(doing: Awaitable[OperationResult]) -> OperationResult | EventdError:
    """Return what came of it, an error too: raised, it would come in a group."""
    try:
        return await doing
    except EventdError as error:
        return error
