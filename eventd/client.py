"""An asyncio client of the daemon over a Unix socket.

Events, callbacks and the present state, questions and operations.

::

    async with Client() as client:
        async for record in client.events(event="lifecycle", type=["started", "stopped"]):
            print(record.event.domain.name, record.event.reason)

Records carry the same typed events as inside the daemon; see `eventd.model.events`.
"""

from __future__ import annotations

import asyncio
import errno
import inspect
import json
import logging
import os
import random
import stat
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from os import PathLike, fspath
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, TypeVar, overload
from urllib.parse import quote

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from pydantic_core import from_json, to_json

from eventd.errors import (
    CursorExpired,
    DaemonError,
    DaemonUnreachable,
    ErrorCode,
    InvalidArgument,
)
from eventd.model import cloudevents, control
from eventd.model.configuration import DomainConfiguration
from eventd.model.control import GapReason
from eventd.model.domain import ConnectionStatus, DomainStatus
from eventd.model.events import EVENT_CLASSES
from eventd.model.ids import EventId, EventKind
from eventd.model.operations import Answered, DomainOperation, OperationResult, TaskProgress
from eventd.model.operator import Report
from eventd.model.questions import PendingQuestion
from eventd.model.record import Cursor, EventRecord
from eventd.model.times import parse_time

__all__ = [
    "Callback",
    "CallbackStatus",
    "Client",
    "DomainSnapshot",
    "DurableSubscription",
    "Gap",
    "Heartbeat",
    "SnapshotEnd",
    "retry_delays",
]

DEFAULT_SOCKET = "/run/eventd/eventd-ro.sock"
DEFAULT_READ_WRITE_SOCKET = "/run/eventd/eventd.sock"

Callback = Callable[[EventRecord], object]
"""Called with each record; what it returns is awaited if that is possible, else ignored."""

Time = datetime | float | str
"""An aware datetime, seconds of Unix time, or a text as docker takes it."""

Words = str | Iterable[str]
"""One value of a filter, or several of which any may match."""

# Programs of all kinds use this module: it logs as every library does, and configures nothing.
_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_EVENT_TYPES = frozenset(map(cloudevents.type_of, EVENT_CLASSES))

_HEARTBEAT = "15s"
"""How often a quiet stream that reconnects learns where it is."""

_SUCCESSES = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT)

_LINE_LIMIT = 1024 * 1024
"""Bytes of the longest record that is understood; a usual one has about 600."""


@dataclass(frozen=True, slots=True)
class DomainSnapshot:
    """The state of one domain at the beginning of a stream with ``snapshot=True``."""

    status: DomainStatus
    json: bytes = field(default=b"", repr=False, compare=False)
    """The CloudEvents JSON as it came, on one line, without a line end."""


@dataclass(frozen=True, slots=True)
class SnapshotEnd:
    """Every domain has been told; what follows happened after ``cursor``."""

    cursor: Cursor
    domains: int
    """How many domains the snapshot had."""
    json: bytes = field(default=b"", repr=False, compare=False)
    """The CloudEvents JSON as it came, on one line, without a line end."""


@dataclass(frozen=True, slots=True)
class CallbackStatus:
    """A registered callback, whoever registered it."""

    callback_id: int
    event: EventKind
    domain: str | None
    """UUID of the only domain that it is for, or None for all."""
    session: str
    """Whose it is: a session of a client, or ``daemon``."""
    pid: int | None
    uid: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """The daemon no longer has what follows ``after``; the stream goes on from ``cursor``."""

    cursor: Cursor
    reason: GapReason
    after: str
    oldest: str
    newest: str
    lost: int | None
    """How many records are lost; None if nobody knows."""
    message: str
    """What happened, in one sentence."""
    json: bytes = field(default=b"", repr=False, compare=False)
    """The CloudEvents JSON as it came, on one line, without a line end."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing has happened up to ``cursor`` that the stream wants, and the daemon is alive."""

    cursor: Cursor
    json: bytes = field(default=b"", repr=False, compare=False)
    """The CloudEvents JSON as it came, on one line, without a line end."""


Item = EventRecord | DomainSnapshot | SnapshotEnd | Gap | Heartbeat
"""What a stream yields, if it is asked for all that there is."""


@dataclass(frozen=True, slots=True)
class DurableSubscription:
    """What the daemon keeps for a program that reads by name."""

    name: str
    filters: Mapping[str, Sequence[str]]
    """The values of each filter."""
    acknowledged: Cursor
    """Everything up to here is dealt with."""
    created_at: datetime
    lag: int | None = None
    """How many records follow what is acknowledged; None where the daemon does not tell it."""


class _Wanted(NamedTuple):
    """Which control records the program wants to see."""

    gaps: bool
    heartbeats: bool


@dataclass(frozen=True, slots=True)
class _Passed:
    """A record that only a newer client knows: only where the stream is by now."""

    cursor: str | None


def retry_delays(
    first: float = 0.1, *, longest: float = 30.0, draw: Callable[[], float] = random.random
) -> Iterator[float]:
    """Yield seconds to wait before each further attempt: doubling, with full jitter."""
    bound = first
    while True:
        yield bound * draw()
        bound = min(bound * 2, longest)


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
        self._callbacks: _CallbackSession | None = None
        self._sessions: list[_CallbackSession] = []
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
        query = _query(domain=domain, connection=connection, host=host)
        return await self._get("/v1/domains", _read_domains, query)

    async def connections(self) -> list[ConnectionStatus]:
        """Return the connections to hosts and how they are doing."""
        return await self._get("/v1/connections", _read_connections)

    async def callbacks(self) -> list[CallbackStatus]:
        """Return all registered callbacks, those of other clients too."""
        return await self._get("/v1/callbacks", _read_callbacks)

    async def configuration(
        self, domain: str, *, connection: str | None = None
    ) -> DomainConfiguration:
        """Return what the configuration file (VMX) of a domain says.

        ``domain`` is its UUID or its name, and ``connection`` the only one to look in. On the
        read-only socket the entries are left out that may hold a password or a key.
        """
        path = _path("domains", domain, "config")
        return await self._get(path, DomainConfiguration.model_validate, _only(connection))

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
            with _understood(self._path, response.status):
                return read(from_json(answer))

    # Questions

    async def questions(
        self, *, domain: Words = (), connection: Words = (), host: Words = ()
    ) -> list[PendingQuestion]:
        """Return the questions that wait for an answer, of the domains that the filters choose."""
        query = _query(domain=domain, connection=connection, host=host)
        return await self._get("/v1/questions", _read_questions, query)

    async def answer(self, question_id: str, choice: str) -> Answered:
        """Answer a question with the choice of this key or label. Needs the read-write socket."""
        path = _path("questions", question_id, "answer")
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
        path = _path("domains", domain, _operation(operation))
        if report is None:
            return await self._call("POST", path, OperationResult.model_validate, _only(connection))
        async with aclosing(self._account(path, _only(connection))) as account:
            async for each in account:
                if isinstance(each, OperationResult):
                    return each
                report(each)
        raise _gone(self._path)

    async def _account(
        self, path: str, query: Iterable[tuple[str, str]]
    ) -> AsyncGenerator[TaskProgress | OperationResult, None]:
        headers = {"Accept": "application/x-ndjson"}
        async with self._response(path, query, method="POST", headers=headers) as response:
            with _understood(self._path, response.status):
                async for line in response.content:
                    yield _read_account(line)

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
        without an event. With ``reconnect=True`` it does not end when the daemon does: it tells
        ``on_outage`` once why, waits as ``delays`` says, and resumes where it was. Of a history
        that is cut in the middle, the rest may have records that happened before ``since``.

        Raises:
            CursorExpired: the daemon no longer has what follows; begin with a snapshot.
            DaemonUnreachable: the stream ended before its end, and ``reconnect`` is false.
            InvalidArgument: a time is none.
        """
        query = _query(
            domain=domain, connection=connection, host=host, event=event, type=type, reason=reason
        )
        now = datetime.now(UTC)
        query += [] if until is None else [("until", _time("until", until, now=now))]
        query += [] if follow else [("follow", "false")]
        query += [] if durable is None else [("durable", durable)]
        query += [] if on_gap == "error" else [("on_gap", on_gap)]
        if heartbeat is not None:
            query.append(("heartbeat", f"{heartbeat * 1000:.0f}ms"))
        elif reconnect:
            query.append(("heartbeat", _HEARTBEAT))
        place = _Place(
            cursor=None if after is None else str(after),
            since=None if since is None else _time("since", since, now=now),
            needs_snapshot=snapshot,
            limit=limit,
        )
        is_finite = limit is not None or until is not None or not follow
        wanted = _Wanted(gaps=on_gap == "event", heartbeats=heartbeat is not None)
        waits = delays()
        while True:
            try:
                async for item in self._stream(query, place, wanted):
                    waits = delays()
                    yield item
                if is_finite:
                    return
                outage = DaemonUnreachable(
                    f"the daemon at {self._path} ended the stream; it may have been stopped",
                    hint="follow again when it is back",
                )
            except DaemonUnreachable as error:
                outage = error
            if place.is_at_end:
                return
            if not reconnect:
                raise outage
            if on_outage is not None and not place.is_cut:
                on_outage(outage)
            place.is_cut = True
            await asyncio.sleep(next(waits))

    async def _stream(
        self, query: list[tuple[str, str]], place: _Place, wanted: _Wanted
    ) -> AsyncIterator[Item]:
        async with self._response("/v1/events", [*query, *place.query()]) as response:
            place.begin(response.headers.get("Eventd-Cursor"))
            with _understood(self._path, response.status):
                async for line in response.content:
                    item = _read(line)
                    place.pass_by(item)
                    match item:
                        case Gap(message=message, oldest=oldest, newest=newest) if not wanted.gaps:
                            raise CursorExpired(message, oldest=oldest, newest=newest)
                        case Heartbeat() if not wanted.heartbeats:
                            pass
                        case _Passed():
                            pass
                        case _:
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
        pairs = _query(
            domain=domain, connection=connection, host=host, event=event, type=type, reason=reason
        )
        wish: dict[str, object] = {"durable": name}
        for key, _ in pairs:
            wish[key] = [value for other, value in pairs if other == key]
        if after is not None:
            wish["after"] = str(after)
        return await self._call("POST", "/v1/callbacks", _read_subscription, body=wish)

    async def acknowledge(self, name: str, cursor: Cursor | str) -> DurableSubscription:
        """Have dealt with all events up to the cursor of a record. Needs the read-write socket.

        Raises:
            CursorExpired: the cursor is none that the daemon's journal has given out.
        """
        path = _path("callbacks", name, "ack")
        return await self._call("POST", path, _read_subscription, body={"cursor": str(cursor)})

    async def unsubscribe(self, name: str) -> None:
        """Have the daemon forget a durable subscription. Needs the read-write socket."""
        async with self._response(_path("callbacks", name), (), method="DELETE") as response:
            await response.read()

    async def subscriptions(self) -> list[DurableSubscription]:
        """Return all durable subscriptions, those of other programs too."""
        return await self._get("/v1/callbacks", _read_subscriptions)

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

    async def _session(self) -> _CallbackSession:
        async with self._opening:
            if self._callbacks is None or self._callbacks.is_closed:
                with _translated(self._path):
                    websocket = await self._running().ws_connect(
                        "/v1/callbacks", max_msg_size=_LINE_LIMIT
                    )
                self._callbacks = _CallbackSession(websocket, self._path)
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
        with _translated(self._path):
            async with self._running().request(
                method,
                path,
                params=list(query),
                data=None if body is None else json.dumps(body),
                headers=headers,
            ) as response:
                if response.status not in _SUCCESSES:
                    raise _refusal(response.status, _problem(await response.read()))
                yield response


class _Place:
    """Where a stream that is cut begins again."""

    def __init__(
        self, *, cursor: str | None, since: str | None, needs_snapshot: bool, limit: int | None
    ) -> None:
        self._cursor = cursor
        self._since = since
        self._needs_snapshot = needs_snapshot
        self._remaining = limit
        self.is_cut = False
        """True from an outage on until the daemon has answered again."""

    @property
    def is_at_end(self) -> bool:
        """Whether as many events have come as were asked for."""
        return self._remaining == 0

    def query(self) -> list[tuple[str, str]]:
        """Return what to ask for."""
        # What excludes each other goes to the daemon all the same, to be refused in its words.
        places = {
            "snapshot": "true" if self._needs_snapshot else None,
            "since": self._since,
            "after": self._cursor,
            "limit": None if self._remaining is None else str(self._remaining),
        }
        return [(key, value) for key, value in places.items() if value is not None]

    def begin(self, cursor: str | None) -> None:
        """Take note of where the daemon begins."""
        self.is_cut = False
        if not self._needs_snapshot and self._since is None and self._cursor is None:
            self._cursor = cursor

    def pass_by(self, item: Item | _Passed) -> None:
        """Take note of what has come."""
        match item:
            case EventRecord():
                self._move_to(str(item.cursor))
                if self._remaining is not None:
                    self._remaining -= 1
            case SnapshotEnd():
                self._needs_snapshot = False
                self._move_to(str(item.cursor))
            case Gap() | Heartbeat():
                self._move_to(str(item.cursor))
            case _Passed(cursor=str(cursor)):
                self._move_to(cursor)
            case DomainSnapshot() | _Passed():
                pass  # half a snapshot is none

    def _move_to(self, cursor: str) -> None:
        self._cursor, self._since = cursor, None


class _CallbackSession:
    """The WebSocket in which this client's callbacks are registered.

    One task listens, another calls: a callback may register and deregister itself, and wait for
    the answer.
    """

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse, path: str) -> None:
        self._websocket = websocket
        self._path = path
        self._callbacks: dict[int, Callback] = {}
        self._asked: deque[tuple[asyncio.Future[int], Callback | None]] = deque()
        self._calls: asyncio.Queue[tuple[int, EventRecord] | None] = asyncio.Queue()
        """Ends with None."""
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = asyncio.Event()
        self._is_cancelled = False

    @property
    def is_over(self) -> bool:
        """True once nothing of it is running any more."""
        return all(task.done() for task in self._tasks)

    @property
    def is_closed(self) -> bool:
        """True once the daemon, or the client, has ended the session."""
        return self._closed.is_set()

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to listen and to call."""
        self._tasks = [
            tasks.create_task(self._listen(), name=f"callbacks of {self._path}: listen"),
            tasks.create_task(self._call_all(), name=f"callbacks of {self._path}: call"),
        ]

    async def close(self) -> None:
        """End the session; the callbacks are gone with it."""
        await self._websocket.close()
        self.cancel()

    def cancel(self) -> None:
        """Stop listening and calling, at once."""
        self._is_cancelled = True
        for task in self._tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait for the end of the session."""
        await self._closed.wait()

    async def register(self, event: str, callback: Callback, domain: str | None) -> int:
        wish = {"event": event} if domain is None else {"event": event, "domain": domain}
        return await self._ask({"register": wish}, callback)

    async def deregister(self, callback_id: int) -> None:
        await self._ask({"deregister": callback_id}, None)

    async def _ask(self, request: dict[str, object], callback: Callback | None) -> int:
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        # Nothing may come between the two: answers have no name but their order.
        self._asked.append((answer, callback))
        try:
            with _translated(self._path):
                await self._websocket.send_str(to_json(request).decode())
        except DaemonUnreachable:
            answer.cancel()
            raise
        return await answer

    async def _listen(self) -> None:
        ending: DaemonUnreachable | DaemonError = _gone(self._path)
        try:
            async for message in self._websocket:
                with _understood(self._path, HTTPStatus.SWITCHING_PROTOCOLS):
                    self._take(message)
        except DaemonError as error:
            # Nobody may be waiting for an answer, and the callbacks are gone.
            _log.warning("callbacks ended: %s", error)
            ending = error
        finally:
            self._closed.set()
            self._calls.put_nowait(None)
            for answer, _ in self._asked:
                _settle(answer, ending)
        await self._websocket.close()

    def _take(self, message: aiohttp.WSMessage) -> None:
        if message.type is aiohttp.WSMsgType.ERROR:
            raise ValueError(message.data)
        match from_json(message.data):
            case {"callback_id": int(callback_id), "event": event}:
                if record := _record(event["type"], to_json(event)):
                    self._calls.put_nowait((callback_id, record))
            case {"registered": _} | {"deregistered": _} | {"error": _} as answer:
                if not self._asked:
                    raise ValueError("an answer that nobody has asked for")
                self._take_answer(answer, *self._asked.popleft())
            case dict(other):
                _log.debug("skipped a message of a newer daemon: %s", ", ".join(other))
            case _:
                raise ValueError("a message that is no object")

    def _take_answer(
        self, message: dict[str, Any], answer: asyncio.Future[int], callback: Callback | None
    ) -> None:
        match message:
            case {"registered": int(callback_id)} if callback is not None:
                # At once: the first call may be the next message.
                self._callbacks[callback_id] = callback
                _settle(answer, callback_id)
            case {"deregistered": int(callback_id)} if callback is None:
                self._callbacks.pop(callback_id, None)
                _settle(answer, callback_id)
            case {"error": problem}:
                _settle(answer, _refusal(HTTPStatus.BAD_REQUEST, problem))
            case _:
                # It belongs to another question, and so would all that follow.
                self._asked.appendleft((answer, callback))
                raise ValueError("an answer to something else")

    async def _call_all(self) -> None:
        while call := await self._calls.get():
            callback_id, record = call
            # A callback that was deregistered meanwhile is not called for what still waits.
            if callback := self._callbacks.get(callback_id):
                await self._call(callback, callback_id, record)

    async def _call(self, callback: Callback, callback_id: int, record: EventRecord) -> None:
        try:
            result = callback(record)
            if inspect.isawaitable(result):
                await result
        except asyncio.CancelledError:
            if self._is_cancelled:
                raise
            # The callback's own doing, or the end of something that it had waited for.
            task = asyncio.current_task()
            while task is not None and task.uncancel():
                pass
            _log.exception("callback %d was cancelled at %s", callback_id, record.cursor)
        except Exception:
            _log.exception("callback %d failed at %s", callback_id, record.cursor)


def _settle(answer: asyncio.Future[int], result: int | Exception) -> None:
    if answer.done():
        return  # who asked was cancelled
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)


def _query(**filters: Words) -> list[tuple[str, str]]:
    return [
        (key, value)
        for key, words in filters.items()
        for value in ([words] if isinstance(words, str) else words)
    ]


def _only(connection: str | None) -> list[tuple[str, str]]:
    return [] if connection is None else [("connection", connection)]


def _operation(word: str) -> DomainOperation:
    try:
        return DomainOperation(word)
    except ValueError:
        known = ", ".join(DomainOperation)
        raise InvalidArgument(
            f"{str(word)[:80]!r} is not an operation; there are {known}"
        ) from None


def _time(key: str, at: Time, *, now: datetime) -> str:
    """Return a time as the daemon takes it, and as it still is after an outage.

    Raises:
        InvalidArgument: it is none.
    """
    if isinstance(at, str):
        return parse_time(key, at, now=now).isoformat()
    if not isinstance(at, datetime):
        return f"{at:.6f}"
    if at.utcoffset() is None:
        raise InvalidArgument(f"{key!r} is a time without an offset; make it an aware datetime")
    return at.isoformat()


def _path(collection: str, name: str, *what: str) -> str:
    """Return the path of what belongs to something that has a name, with whatever characters.

    Raises:
        InvalidArgument: no path can have such a name in it.
    """
    try:
        quoted = quote(name, safe="")
    except UnicodeEncodeError:
        quoted = ""
    # In a path, the dots would lead to somewhere else.
    if quoted in ("", ".", ".."):
        raise InvalidArgument(
            f"{name[:80]!r} cannot be sent as the name of anything; give its UUID or its id"
        )
    return "/".join(("/v1", collection, quoted, *what))


def _read_domains(answer: Any) -> list[DomainStatus]:
    return [DomainStatus.model_validate(each) for each in answer["domains"]]


def _read_connections(answer: Any) -> list[ConnectionStatus]:
    return [ConnectionStatus.model_validate(each) for each in answer["connections"]]


def _read_questions(answer: Any) -> list[PendingQuestion]:
    return [PendingQuestion.model_validate(each) for each in answer["questions"]]


def _read_account(line: bytes) -> TaskProgress | OperationResult:
    """Return what a line of an operation says."""
    match from_json(line):
        case {"progress": progress}:
            return TaskProgress.model_validate(progress)
        case {"result": result}:
            return OperationResult.model_validate(result)
        case {"problem": {"status": int(status)} as problem}:
            raise _refusal(status, problem)
        case _:
            raise ValueError("a line that is neither progress nor result nor problem")


def _read_callbacks(answer: Any) -> list[CallbackStatus]:
    return [
        CallbackStatus(
            callback_id=each["callback_id"],
            event=EventKind(each["event"]),
            domain=each["domain"],
            **each["owner"],
        )
        for each in answer["callbacks"]
    ]


def _read_subscriptions(answer: Any) -> list[DurableSubscription]:
    return [_read_subscription(each) for each in answer["durable"]]


def _read_subscription(answer: Any) -> DurableSubscription:
    return DurableSubscription(
        name=answer["durable"],
        filters={key: tuple(values) for key, values in answer["filters"].items()},
        acknowledged=Cursor.parse(answer["acknowledged"]),
        created_at=datetime.fromisoformat(answer["created_at"]),
        lag=answer.get("lag"),
    )


def _read(line: bytes) -> Item | _Passed:
    """Return what a line of a stream says."""
    envelope = from_json(line)
    data = envelope["data"]
    match envelope["type"]:
        case cloudevents.SNAPSHOT:
            return DomainSnapshot(DomainStatus.model_validate(data), line.rstrip())
        case cloudevents.SNAPSHOT_END:
            cursor = Cursor.parse(envelope["cursor"])
            return SnapshotEnd(cursor, data["domains"], line.rstrip())
        case cloudevents.GAP:
            return _gap(Cursor.parse(envelope["cursor"]), data, line.rstrip())
        case cloudevents.HEARTBEAT:
            return Heartbeat(Cursor.parse(envelope["cursor"]), line.rstrip())
        case ce_type:
            return _record(ce_type, line.rstrip()) or _Passed(envelope.get("cursor"))


def _gap(cursor: Cursor, data: Any, json: bytes) -> Gap:
    told = control.Gap.model_validate(data)
    return Gap(
        cursor=cursor,
        reason=told.reason,
        after=told.after,
        oldest=told.oldest,
        newest=told.newest,
        lost=told.lost,
        message=told.message,
        json=json,
    )


def _record(ce_type: str, json: bytes) -> EventRecord | None:
    """Return the record of an event, or None if only a newer client knows its type."""
    if ce_type not in _EVENT_TYPES:
        _log.debug("skipped a record of an unknown type: %s", ce_type)
        return None
    return EventRecord.from_json(json)


def _problem(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError:
        return None  # it is not eventd that answers


def _refusal(status: int, problem: Any) -> DaemonError | CursorExpired:
    """Return the error that a problem stands for, of a response or of a session."""
    match problem:
        case {"detail": str(detail), "oldest": str(oldest), "newest": str(newest)}:
            return CursorExpired(detail, oldest=oldest, newest=newest)
        case {"detail": str(text)} | {"message": str(text)}:
            return DaemonError(
                text,
                status=status,
                code=_code(problem.get("libvirt_code")),
                hint=_text(problem.get("hint")),
                problem=problem,
            )
        case _:
            return DaemonError(f"the daemon answered with HTTP status {status}", status=status)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _code(number: object) -> ErrorCode | None:
    return next((code for code in ErrorCode if code == number), None)


@contextmanager
def _translated(path: str) -> Iterator[None]:
    """Say in our own errors what the way to the daemon brought."""
    try:
        yield
    except aiohttp.WSServerHandshakeError as error:
        raise DaemonError(f"the daemon refused: {error.message}", status=error.status) from error
    except aiohttp.ClientConnectorError as error:
        raise DaemonUnreachable(_why(path, error.os_error)) from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise _gone(path) from error


@contextmanager
def _understood(path: str, status: int) -> Iterator[None]:
    """Say in our own error that what the daemon has said cannot be read."""
    try:
        yield
    except (ValueError, LookupError, TypeError, InvalidArgument, HttpProcessingError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DaemonError(
            f"what the daemon at {path} said cannot be understood; use a client and a daemon of "
            f"the same version: {reason}",
            status=status,
        ) from error


def _why(path: str, error: OSError) -> str:
    if not path:
        return "the path of the socket is empty; name the socket that eventd serves"
    if _is_no_socket(path):
        return f"{path} is not a socket; name the socket that eventd serves"
    match error.errno:
        case errno.ENOENT:
            return f"there is no socket at {path}; start eventd, or name the socket that it serves"
        case errno.EACCES | errno.EPERM:
            return (
                f"this user may not open {path}; join the socket's group, or use eventd-ro.sock if "
                "nothing is to be changed"
            )
        case errno.ECONNREFUSED:
            return f"nobody serves {path} any more; start eventd again"
        case _:
            return f"cannot open {path}: {error.strerror or error}"


def _is_no_socket(path: str) -> bool:
    try:
        return not stat.S_ISSOCK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _gone(path: str) -> DaemonUnreachable:
    return DaemonUnreachable(f"the daemon at {path} ended the connection; see its log for why")
