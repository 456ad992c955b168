"""The HTTP API of the daemon as a whole: which resources there are, and on which sockets.

Two Unix sockets serve the same resources, as libvirtd has two: ``eventd.sock`` for members of the
group, and ``eventd-ro.sock`` for everybody. What is not a GET is refused on the latter.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from socket import socket

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic_core import to_json

from eventd.bus.delivery import Delivery
from eventd.bus.registry import Registry
from eventd.errors import ErrorCode
from eventd.http_api import openapi, problems
from eventd.http_api.bodies import MOST_BYTES
from eventd.http_api.callbacks import Callbacks
from eventd.http_api.connection import Connection, note_request
from eventd.http_api.openapi import Route
from eventd.http_api.operations import IS_READ_WRITE, Operations
from eventd.http_api.problems import answer_errors
from eventd.http_api.questions import Questions
from eventd.http_api.resources import resources
from eventd.http_api.state import State
from eventd.http_api.streams import EventStreams
from eventd.http_api.subscriptions import Subscriptions
from eventd.journal.journal import Journal
from eventd.listening import sockets
from eventd.listening.accepting import accepting, room_for_clients
from eventd.listening.admission import Admission
from eventd.model.directory import Directory
from eventd.model.operator import Operator

__all__ = ["READ_ONLY_NAME", "READ_WRITE_NAME", "HttpApi"]

READ_WRITE_NAME = "eventd.sock"
READ_ONLY_NAME = "eventd-ro.sock"

_SHUTDOWN_TIMEOUT = 0.25
"""Seconds for which streams may end by themselves when the daemon stops.

aiohttp waits twice as long, once for each socket, and the daemon has two seconds in all.
"""


class HttpApi:
    """Serves what the daemon knows and publishes, and takes wishes for its operator.

    ``clock`` returns the present time, aware and in UTC. ``write_limit`` is in bytes: what may
    wait for one subscriber. A connection that has sent no complete request for
    ``request_timeout`` seconds is closed; one that the daemon has ended is cut after
    ``closing_timeout`` seconds if its client does not take what waits for it. There are fewer
    connections than ``max_connections`` where the process may not have so many descriptors and
    ``kept_descriptors`` for all that is no client.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        delivery: Delivery,
        registry: Registry,
        directory: Directory,
        operator: Operator,
        clock: Callable[[], datetime],
        write_limit: int = 256 * 1024,
        max_connections: int = 4096,
        max_connections_per_user: int = 2048,
        kept_descriptors: int = 40,
        request_timeout: float = 10.0,
        closing_timeout: float = 5.0,
    ) -> None:
        self._delivery = delivery
        self._streams = EventStreams(
            journal=journal,
            directory=directory,
            clock=clock,
            write_limit=write_limit,
            closing_timeout=closing_timeout,
        )
        subscriptions = Subscriptions(journal, clock=clock, body_timeout=request_timeout)
        self._callbacks = Callbacks(
            registry=registry,
            journal=journal,
            subscriptions=subscriptions,
            write_limit=write_limit,
            closing_timeout=closing_timeout,
        )
        self.admission = Admission(
            max_connections=room_for_clients(max_connections, kept=kept_descriptors),
            max_connections_per_user=max_connections_per_user,
        )
        """Counts the clients; other sockets of the daemon may have theirs counted with them."""
        self._request_timeout = request_timeout
        self.routes = (
            *resources(
                streams=self._streams,
                callbacks=self._callbacks,
                subscriptions=subscriptions,
                state=State(directory, journal),
                questions=Questions(operator, body_timeout=request_timeout),
                operations=Operations(operator, body_timeout=request_timeout),
            ),
            Route("/openapi.json", self._openapi, "Tell this document."),
        )
        """All that is served; the OpenAPI document lists the same."""

    @asynccontextmanager
    async def serve(self, runtime_directory: Path) -> AsyncIterator[None]:
        """Serve both sockets in a directory until the context is left, then remove them.

        Raises:
            SocketInUse: another daemon serves there, or something else is in the way.
            OSError: the directory is missing or not writable.
        """
        with ExitStack() as stack:
            stack.enter_context(sockets.locked(runtime_directory))
            read_write, read_only = (
                stack.enter_context(sockets.bound(runtime_directory / name, mode=mode))
                for name, mode in (
                    (READ_WRITE_NAME, sockets.READ_WRITE_MODE),
                    (READ_ONLY_NAME, sockets.READ_ONLY_MODE),
                )
            )
            for reader in (self._streams.deliver, self._callbacks.deliver):
                stack.callback(self._delivery.add_reader(reader))
            refuse = _refusal(runtime_directory / READ_WRITE_NAME)
            async with (
                self._listening(read_write, self._application(refuse=None)),
                self._listening(read_only, self._application(refuse=refuse)),
            ):
                yield

    def _application(self, *, refuse: Handler | None) -> web.Application:
        """Return what serves one socket; ``refuse`` answers whatever would change something."""
        application = web.Application(
            middlewares=[note_request, answer_errors], client_max_size=MOST_BYTES
        )
        application[IS_READ_WRITE] = refuse is None
        for route in self.routes:
            handler = route.handler if refuse is None or route.only_reads else refuse
            application.router.add_route(route.method, route.pattern, handler)
        application.on_shutdown.append(self._end_streams)
        return application

    async def _end_streams(self, _: web.Application) -> None:
        self._streams.close()
        self._callbacks.close()

    @asynccontextmanager
    async def _listening(
        self, listener: socket, application: web.Application
    ) -> AsyncIterator[None]:
        runner = web.AppRunner(
            application, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_TIMEOUT
        )
        await runner.setup()
        assert runner.server is not None  # noqa: S101  # `setup` has made it
        make_connection = partial(
            Connection,
            runner.server,
            loop=asyncio.get_running_loop(),
            admission=self.admission,
            request_timeout=self._request_timeout,
        )
        try:
            async with accepting(listener, make_connection, admission=self.admission):
                yield
        finally:
            await runner.cleanup()

    async def _openapi(self, _: web.Request) -> web.Response:
        body = to_json(openapi.document(self.routes))
        return web.Response(body=body, content_type="application/json")


def _refusal(read_write: Path) -> Handler:
    """Return what answers, on the read-only socket, that this is for the read-write one."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        return problems.response(
            HTTPStatus.FORBIDDEN,
            "read-only",
            f"{request.method} {request.path[:200]} is not for the read-only socket",
            libvirt_code=int(ErrorCode.OPERATION_DENIED),
            hint=f"use {read_write}, which root and the members of its group may open",
        )

    return refuse
