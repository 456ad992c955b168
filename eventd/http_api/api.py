"""The HTTP API of the daemon as a whole: which resources there are, and on which sockets.

Two Unix sockets serve the same resources, as libvirtd has two: ``eventd.sock`` for members of the
group, and ``eventd-ro.sock`` for everybody. So far everything is read with GET, on both.
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
from pydantic_core import to_json

from eventd.bus.delivery import Delivery
from eventd.bus.registry import Registry
from eventd.http_api import openapi, sockets
from eventd.http_api.admission import Admission, Connection, note_request
from eventd.http_api.callbacks import Callbacks
from eventd.http_api.filters import WORDS
from eventd.http_api.openapi import Parameter, Route
from eventd.http_api.problems import answer_errors
from eventd.http_api.state import State
from eventd.http_api.streams import EventStreams
from eventd.journal.journal import Journal
from eventd.model.directory import Directory

__all__ = ["HttpApi"]

_SHUTDOWN_TIMEOUT = 0.25
"""Seconds for which streams may end by themselves when the daemon stops.

aiohttp waits twice as long, once for each socket, and the daemon has two seconds in all.
"""


class HttpApi:
    """Serves what the daemon knows and publishes.

    ``clock`` returns the present time, aware and in UTC. ``write_limit`` is in bytes: what may
    wait for one subscriber. A connection that has sent no complete request for
    ``request_timeout`` seconds is closed; one that the daemon has ended is cut after
    ``closing_timeout`` seconds if its client does not take what waits for it.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        delivery: Delivery,
        registry: Registry,
        directory: Directory,
        clock: Callable[[], datetime],
        write_limit: int = 256 * 1024,
        max_connections: int = 4096,
        max_connections_per_user: int = 2048,
        request_timeout: float = 10.0,
        closing_timeout: float = 5.0,
    ) -> None:
        self._delivery = delivery
        self._state = State(directory)
        self._streams = EventStreams(
            journal=journal,
            directory=directory,
            clock=clock,
            write_limit=write_limit,
            closing_timeout=closing_timeout,
        )
        self._callbacks = Callbacks(
            registry=registry,
            journal=journal,
            write_limit=write_limit,
            closing_timeout=closing_timeout,
        )
        self._admission = Admission(
            max_connections=max_connections, max_connections_per_user=max_connections_per_user
        )
        self._request_timeout = request_timeout
        self.routes = self._routes()
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
                    (sockets.READ_WRITE_NAME, sockets.READ_WRITE_MODE),
                    (sockets.READ_ONLY_NAME, sockets.READ_ONLY_MODE),
                )
            )
            for reader in (self._streams.deliver, self._callbacks.deliver):
                stack.callback(self._delivery.add_reader(reader))
            async with (
                self._listening(read_write, self._application()),
                self._listening(read_only, self._application()),
            ):
                yield

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[note_request, answer_errors])
        for route in self.routes:
            application.router.add_route("GET", route.path, route.get)
        application.on_shutdown.append(self._end_streams)
        return application

    async def _end_streams(self, _: web.Application) -> None:
        self._streams.close()
        self._callbacks.close()

    @asynccontextmanager
    async def _listening(
        self, listener: socket, application: web.Application
    ) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        runner = web.AppRunner(
            application, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_TIMEOUT
        )
        await runner.setup()
        assert runner.server is not None  # noqa: S101  # `setup` has made it
        make_connection = partial(
            Connection,
            runner.server,
            loop=loop,
            admission=self._admission,
            request_timeout=self._request_timeout,
        )
        server = await loop.create_unix_server(
            make_connection, sock=listener, backlog=sockets.BACKLOG
        )
        try:
            yield
        finally:
            server.close()
            await runner.cleanup()

    async def _openapi(self, _: web.Request) -> web.Response:
        body = to_json(openapi.document(self.routes))
        return web.Response(body=body, content_type="application/json")

    def _routes(self) -> tuple[Route, ...]:
        state = self._state
        return (
            Route(
                "/v1/events",
                self._streams.get,
                "Follow events as lines, server-sent events or WebSocket messages.",
                ("application/x-ndjson", "text/event-stream"),
                (*_FILTERS, *_STREAM),
                (HTTPStatus.OK, HTTPStatus.SWITCHING_PROTOCOLS),
                (HTTPStatus.BAD_REQUEST, HTTPStatus.GONE),
            ),
            Route(
                "/v1/callbacks",
                self._callbacks.get,
                "List the registered callbacks, or register some over a WebSocket.",
                statuses=(HTTPStatus.OK, HTTPStatus.SWITCHING_PROTOCOLS),
            ),
            Route(
                "/v1/domains",
                state.domains,
                "List the domains and their states.",
                parameters=_FILTERS[:3],
                problems=(HTTPStatus.BAD_REQUEST,),
            ),
            Route(
                "/v1/domains/{uuid}",
                state.domain,
                "Tell the state of one domain.",
                problems=(HTTPStatus.NOT_FOUND,),
            ),
            Route("/v1/connections", state.connections, "List the connections."),
            Route("/v1/schema", state.schemas, "List the types of events."),
            Route(
                "/v1/schema/{type}",
                state.schema,
                "Tell the JSON Schema of the data of one type of event.",
                ("application/schema+json",),
                problems=(HTTPStatus.NOT_FOUND,),
            ),
            Route("/healthz", state.healthz, "Tell that the process answers."),
            Route(
                "/readyz",
                state.readyz,
                "Tell whether at least one connection is in sync with its host.",
                statuses=(HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE),
            ),
            Route("/openapi.json", self._openapi, "Tell this document."),
        )


_FILTERS = (
    Parameter("domain", "UUID of a domain, or a glob of names."),
    Parameter("connection", "Name of a connection."),
    Parameter("host", "Name of the host that the domain is on."),
    Parameter("event", "Kind: what the event is about.", words=WORDS["event"]),
    Parameter("type", "What happened, where a kind has several types.", words=WORDS["type"]),
    Parameter("reason", "Word of the detail or the chief argument.", words=WORDS["reason"]),
)

_STREAM = (
    Parameter(
        "snapshot",
        "true: begin with the present state, as far as it is known. The first picture of a host "
        "tells no events: at a 'connected' event of a connection that was not connected at the "
        "snapshot, read the state again.",
        is_repeatable=False,
    ),
    Parameter("heartbeat", "Time between heartbeat records: 15s.", is_repeatable=False),
    Parameter("after", "Cursor of the last record that was seen.", is_repeatable=False),
    Parameter("format", "ndjson, sse or websocket; else by Accept.", is_repeatable=False),
)
