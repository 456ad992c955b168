"""`Client`: what a program can ask the daemon, have it do, and be told by it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from os import PathLike, fspath
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload

import aiohttp
from pydantic_core import from_json

from eventd.client.answers import (
    CallbackStatus,
    DurableSubscription,
    read_account,
    read_callbacks,
    read_connections,
    read_domains,
    read_questions,
    read_subscription,
    read_subscriptions,
)
from eventd.client.callbacks import Callback, CallbackSession
from eventd.client.failures import gone, read_problem, refusal, translated, understood
from eventd.client.items import Item
from eventd.client.requests import Time, Words, only, operation_of, path_of, query_of, time_text
from eventd.client.streams import Opening, Place, Wanted, retry_delays, stream_items
from eventd.errors import DaemonUnreachable
from eventd.model.configuration import DomainConfiguration
from eventd.model.domain import ConnectionStatus, DomainStatus
from eventd.model.ids import EventId, EventKind
from eventd.model.operations import Answered, DomainOperation, OperationResult, TaskProgress
from eventd.model.operator import Report
from eventd.model.questions import PendingQuestion
from eventd.model.record import Cursor, EventRecord

__all__ = ["DEFAULT_READ_WRITE_SOCKET", "DEFAULT_SOCKET", "Client"]

DEFAULT_SOCKET = "/run/eventd/eventd-ro.sock"
DEFAULT_READ_WRITE_SOCKET = "/run/eventd/eventd.sock"

_T = TypeVar("_T")

_HEARTBEAT = "15s"
"""How often a quiet stream that reconnects learns where it is."""

_SUCCESSES = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT)

_LINE_LIMIT = 1024 * 1024
"""Bytes of the longest record that is understood; a usual one has about 600."""


class Client:
    """A connection to the daemon that serves ``path``. Use it as ``async with``.

    The read-only socket is enough for all but `operate`, `answer`, `subscribe`, `acknowledge` and
    `unsubscribe`, which want `DEFAULT_READ_WRITE_SOCKET` or whatever is in its place. Every method
    raises:

    * `DaemonUnreachable`: there is no such socket, nobody serves it, or it may not be opened.
    * `DaemonError`: the daemon refused the request, and says why; or what it answered cannot be
      understood.
    """

    def __init__(self, path: str | PathLike[str] = DEFAULT_SOCKET) -> None:
        self._path = fspath(path)
        self._http: aiohttp.ClientSession | None = None
        self._tasks = asyncio.TaskGroup()
        self._callbacks: CallbackSession | None = None
        self._sessions: list[CallbackSession] = []
        """The open one, and those of which a callback may still be running."""
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._http = aiohttp.ClientSession(
            base_url="http://eventd",
            connector=aiohttp.UnixConnector(self._path, limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            read_bufsize=_LINE_LIMIT,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            for session in self._sessions:
                await session.close()
        finally:
            # Also where that was cancelled: nothing may go on behind the back of the program.
            for session in self._sessions:
                session.cancel()
            try:
                if self._http is not None:
                    await self._http.close()
            finally:
                self._http = None
                await self._tasks.__aexit__(None, None, None)

    # The present state

    async def domains(
        self, *, domain: Words = (), connection: Words = (), host: Words = ()
    ) -> list[DomainStatus]:
        """Return the domains and their states; ``domain`` is a UUID or a glob of names."""
        query = query_of(domain=domain, connection=connection, host=host)
        return await self._get("/v1/domains", read_domains, query)

    async def connections(self) -> list[ConnectionStatus]:
        """Return the connections to hosts and how they are doing."""
        return await self._get("/v1/connections", read_connections)

    async def callbacks(self) -> list[CallbackStatus]:
        """Return all registered callbacks, those of other clients too."""
        return await self._get("/v1/callbacks", read_callbacks)

    async def configuration(
        self, domain: str, *, connection: str | None = None
    ) -> DomainConfiguration:
        """Return what the configuration file (VMX) of a domain says.

        ``domain`` is its UUID or its name, and ``connection`` the only one to look in. On the
        read-only socket the entries are left out that may hold a password or a key.
        """
        path = path_of("domains", domain, "config")
        return await self._get(path, DomainConfiguration.model_validate, only(connection))

    async def _get(
        self, path: str, read: Callable[[Any], _T], query: Iterable[tuple[str, str]] = ()
    ) -> _T:
        return await self._call("GET", path, read, query)

    async def _call(
        self,
        method: str,
        path: str,
        read: Callable[[Any], _T],
        query: Iterable[tuple[str, str]] = (),
        *,
        body: object = None,
    ) -> _T:
        async with self._response(path, query, method=method, body=body) as response:
            answer = await response.read()
            with understood(self._path, response.status):
                return read(from_json(answer))

    # Questions

    async def questions(
        self, *, domain: Words = (), connection: Words = (), host: Words = ()
    ) -> list[PendingQuestion]:
        """Return the questions that wait for an answer, of the domains that the filters choose."""
        query = query_of(domain=domain, connection=connection, host=host)
        return await self._get("/v1/questions", read_questions, query)

    async def answer(self, question_id: str, choice: str) -> Answered:
        """Answer a question with the choice of this key or label. Needs the read-write socket."""
        path = path_of("questions", question_id, "answer")
        return await self._call("POST", path, Answered.model_validate, body={"choice": choice})

    # Operations

    async def operate(
        self,
        domain: str,
        operation: str | DomainOperation,
        *,
        connection: str | None = None,
        report: Report | None = None,
    ) -> OperationResult:
        """Do something to a domain, and return when it is done. Needs the read-write socket.

        ``domain`` is its UUID or its name, and ``connection`` the only one to look in; ``report``
        is told how far the task is. The operation goes on if the call is cancelled.

        Raises:
            DaemonError: it was not done. If a question was in the way, ``problem["question"]`` is
                that question.
        """
        path = path_of("domains", domain, operation_of(operation))
        if report is None:
            return await self._call("POST", path, OperationResult.model_validate, only(connection))
        async with aclosing(self._account(path, only(connection))) as account:
            async for each in account:
                if isinstance(each, OperationResult):
                    return each
                report(each)
        raise gone(self._path)

    async def _account(
        self, path: str, query: Iterable[tuple[str, str]]
    ) -> AsyncGenerator[TaskProgress | OperationResult, None]:
        headers = {"Accept": "application/x-ndjson"}
        async with self._response(path, query, method="POST", headers=headers) as response:
            with understood(self._path, response.status):
                async for line in response.content:
                    yield read_account(line)

    # Events

    @overload
    def events(
        self,
        *,
        domain: Words = ...,
        connection: Words = ...,
        host: Words = ...,
        event: Words = ...,
        type: Words = ...,
        reason: Words = ...,
        snapshot: Literal[False] = ...,
        after: Cursor | str | None = ...,
        since: Time | None = ...,
        until: Time | None = ...,
        limit: int | None = ...,
        follow: bool = ...,
        durable: str | None = ...,
        reconnect: bool = ...,
        on_outage: Callable[[DaemonUnreachable], object] | None = ...,
        delays: Callable[[], Iterator[float]] = ...,
    ) -> AsyncGenerator[EventRecord, None]: ...

    @overload
    def events(
        self,
        *,
        domain: Words = ...,
        connection: Words = ...,
        host: Words = ...,
        event: Words = ...,
        type: Words = ...,
        reason: Words = ...,
        snapshot: bool = ...,
        after: Cursor | str | None = ...,
        since: Time | None = ...,
        until: Time | None = ...,
        limit: int | None = ...,
        follow: bool = ...,
        durable: str | None = ...,
        on_gap: Literal["error", "event"] = ...,
        heartbeat: float | None = ...,
        reconnect: bool = ...,
        on_outage: Callable[[DaemonUnreachable], object] | None = ...,
        delays: Callable[[], Iterator[float]] = ...,
    ) -> AsyncGenerator[Item, None]: ...

    async def events(
        self,
        *,
        domain: Words = (),
        connection: Words = (),
        host: Words = (),
        event: Words = (),
        type: Words = (),  # noqa: A002  # the word of the filter, as everywhere
        reason: Words = (),
        snapshot: bool = False,
        after: Cursor | str | None = None,
        since: Time | None = None,
        until: Time | None = None,
        limit: int | None = None,
        follow: bool = True,
        durable: str | None = None,
        on_gap: Literal["error", "event"] = "error",
        heartbeat: float | None = None,
        reconnect: bool = False,
        on_outage: Callable[[DaemonUnreachable], object] | None = None,
        delays: Callable[[], Iterator[float]] = retry_delays,
    ) -> AsyncGenerator[Any, None]:
        """Follow events, as they come, for as long as the program wants.

        Values of one filter are alternatives, different filters must all match.

        Where it begins: with what comes; with ``after``, the cursor of a record, with what followed
        that; with ``since`` with what has happened from then on; with ``durable``, the name of a
        subscription (see `subscribe`), with what that has not acknowledged, by its filters. With
        ``snapshot=True`` it yields a `DomainSnapshot` for each domain and a `SnapshotEnd` before
        the first record. The first picture of a host tells no events: when a connection that was
        not connected at the snapshot tells that it is (`ConnectionConnected`), read `domains`
        again.

        Where it ends: at ``until``; after ``limit`` events; with ``follow=False`` when all is told
        that is recorded at its beginning. Times are aware datetimes, seconds of Unix time, or texts
        as docker takes them (``10m``, ``2026-11-20T12:00:00Z``).

        With ``on_gap="event"`` it yields a `Gap` where the daemon no longer has what follows, and
        goes on behind it. With ``heartbeat``, in seconds, it yields a `Heartbeat` after so long
        without an event, and one at once that says where the stream begins (a `SnapshotEnd` says it
        too). With ``reconnect=True`` it does not end when the daemon does, or cannot read its
        journal for a while: it tells ``on_outage`` once why, waits as ``delays`` says, and resumes
        where it was. Of a history that is cut in the middle, the rest may have records that
        happened before ``since``.

        Raises:
            CursorExpired: the daemon no longer has what follows; begin with a snapshot.
            DaemonUnreachable: the stream ended before its end, and ``reconnect`` is false.
            InvalidArgument: a time is none.
        """
        query = query_of(
            domain=domain, connection=connection, host=host, event=event, type=type, reason=reason
        )
        now = datetime.now(UTC)
        query += [] if until is None else [("until", time_text("until", until, now=now))]
        query += [] if follow else [("follow", "false")]
        query += [] if durable is None else [("durable", durable)]
        query += [] if on_gap == "error" else [("on_gap", on_gap)]
        if heartbeat is not None:
            query.append(("heartbeat", f"{heartbeat * 1000:.0f}ms"))
        elif reconnect:
            query.append(("heartbeat", _HEARTBEAT))
        place = Place(
            cursor=None if after is None else str(after),
            since=None if since is None else time_text("since", since, now=now),
            needs_snapshot=snapshot,
            limit=limit,
        )
        is_finite = limit is not None or until is not None or not follow
        wanted = Wanted(gaps=on_gap == "event", heartbeats=heartbeat is not None)
        opening = Opening(self._path, partial(self._response, "/v1/events"))
        items = stream_items(
            *(opening, query, place, wanted),
            is_finite=is_finite,
            reconnect=reconnect,
            on_outage=on_outage,
            delays=delays,
        )
        async with aclosing(items):
            async for item in items:
                yield item

    # Durable subscriptions

    async def subscribe(
        self,
        name: str,
        *,
        domain: Words = (),
        connection: Words = (),
        host: Words = (),
        event: Words = (),
        type: Words = (),  # noqa: A002  # the word of the filter, as everywhere
        reason: Words = (),
        after: Cursor | str | None = None,
    ) -> DurableSubscription:
        """Make a durable subscription, or find it: a program says it each time that it starts.

        It begins after a cursor, or with what comes; ``events(durable=name)`` follows it, and
        `acknowledge` says how far its events are dealt with. What is not acknowledged is told
        again, whoever crashed. Needs the read-write socket.

        Raises:
            DaemonError: there is one of this name with other filters, or there are too many.
            CursorExpired: the daemon no longer has what follows the cursor.
        """
        pairs = query_of(
            domain=domain, connection=connection, host=host, event=event, type=type, reason=reason
        )
        wish: dict[str, object] = {"durable": name}
        for key, _ in pairs:
            wish[key] = [value for other, value in pairs if other == key]
        if after is not None:
            wish["after"] = str(after)
        return await self._call("POST", "/v1/callbacks", read_subscription, body=wish)

    async def acknowledge(self, name: str, cursor: Cursor | str) -> DurableSubscription:
        """Have dealt with all events up to the cursor of a record. Needs the read-write socket.

        Raises:
            CursorExpired: the cursor is none that the daemon's journal has given out.
        """
        path = path_of("callbacks", name, "ack")
        return await self._call("POST", path, read_subscription, body={"cursor": str(cursor)})

    async def unsubscribe(self, name: str) -> bool:
        """Have the daemon forget a durable subscription. Needs the read-write socket.

        Return whether that is on its disk: if not, the subscription is there again should the
        daemon end before it can be written.
        """
        async with self._response(path_of("callbacks", name), (), method="DELETE") as response:
            return not await response.read()

    async def subscriptions(self) -> list[DurableSubscription]:
        """Return all durable subscriptions, those of other programs too."""
        return await self._get("/v1/callbacks", read_subscriptions)

    # Callbacks

    async def register(
        self, event: str | EventKind | EventId, callback: Callback, *, domain: str | None = None
    ) -> int:
        """Register a callback for one kind of event and return its callback id.

        ``domain`` is the UUID of the only domain to be called for; it need not be known yet. The
        same callback may be registered any number of times. Callbacks are called one after
        another, in the order of events; what one raises is logged.
        """
        kind = event.kind if isinstance(event, EventId) else event
        return await (await self._session()).register(kind, callback, domain)

    async def deregister(self, callback_id: int) -> None:
        """Take a registration of this client back: from now on it is not called."""
        await (await self._session()).deregister(callback_id)

    async def wait_closed(self) -> None:
        """Wait until the daemon ends the session in which the callbacks are registered.

        They are gone then. Returns at once if nothing was ever registered.
        """
        if self._callbacks is not None:
            await self._callbacks.wait_closed()

    async def _session(self) -> CallbackSession:
        async with self._opening:
            if self._callbacks is None or self._callbacks.is_closed:
                with translated(self._path):
                    websocket = await self._running().ws_connect(
                        "/v1/callbacks", max_msg_size=_LINE_LIMIT
                    )
                self._callbacks = CallbackSession(websocket, self._path)
                self._callbacks.start(self._tasks)
                self._sessions = [each for each in self._sessions if not each.is_over]
                self._sessions.append(self._callbacks)
            return self._callbacks

    # The way to the daemon

    def _running(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("the client is not open; use it inside `async with Client(...)`")
        return self._http

    @asynccontextmanager
    async def _response(
        self,
        path: str,
        query: Iterable[tuple[str, str]],
        *,
        method: str = "GET",
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        with translated(self._path):
            async with self._running().request(
                method,
                path,
                params=list(query),
                data=None if body is None else json.dumps(body),
                headers=headers,
            ) as response:
                if response.status not in _SUCCESSES:
                    raise refusal(response.status, read_problem(await response.read()))
                yield response
