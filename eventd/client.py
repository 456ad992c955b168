"""An asyncio client of the daemon: events, callbacks and the present state over a Unix socket.

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
import random
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from os import PathLike, fspath
from types import TracebackType
from typing import Any, Literal, Self, overload

import aiohttp
import structlog
from pydantic_core import from_json, to_json

from eventd.errors import CursorExpired, DaemonError, DaemonUnreachable, ErrorCode
from eventd.model import cloudevents
from eventd.model.domain import ConnectionStatus, DomainStatus
from eventd.model.ids import EventId, EventKind
from eventd.model.record import Cursor, EventRecord

__all__ = [
    "Callback",
    "CallbackStatus",
    "Client",
    "DomainSnapshot",
    "SnapshotEnd",
    "retry_delays",
]

DEFAULT_SOCKET = "/run/eventd/eventd-ro.sock"

Callback = Callable[[EventRecord], object]
"""Called with each record; what it returns is awaited if that is possible, else ignored."""

Words = str | Iterable[str]
"""One value of a filter, or several of which any may match."""

_log = structlog.get_logger(__name__)

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


Item = EventRecord | DomainSnapshot | SnapshotEnd
"""What a stream with a snapshot yields."""


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

    The read-only socket is enough for all that is here. Every method raises:

    * `DaemonUnreachable`: there is no such socket, nobody serves it, or it may not be opened.
    * `DaemonError`: the daemon refused the request, and says why.
    """

    def __init__(self, path: str | PathLike[str] = DEFAULT_SOCKET) -> None:
        self._path = fspath(path)
        self._http: aiohttp.ClientSession | None = None
        self._tasks = asyncio.TaskGroup()
        self._callbacks: _CallbackSession | None = None
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
        if self._callbacks is not None:
            await self._callbacks.close()
        if self._http is not None:
            await self._http.close()
            self._http = None
        await self._tasks.__aexit__(None, None, None)

    # The present state

    async def domains(
        self, *, domain: Words = (), connection: Words = (), host: Words = ()
    ) -> list[DomainStatus]:
        """Return the domains and their states; ``domain`` is a UUID or a glob of names."""
        query = _query(domain=domain, connection=connection, host=host)
        answer = await self._get("/v1/domains", query)
        return [DomainStatus.model_validate(each) for each in answer["domains"]]

    async def connections(self) -> list[ConnectionStatus]:
        """Return the connections to hosts and how they are doing."""
        answer = await self._get("/v1/connections")
        return [ConnectionStatus.model_validate(each) for each in answer["connections"]]

    async def callbacks(self) -> list[CallbackStatus]:
        """Return all registered callbacks, those of other clients too."""
        answer = await self._get("/v1/callbacks")
        return [
            CallbackStatus(
                callback_id=each["callback_id"],
                event=EventKind(each["event"]),
                domain=each["domain"],
                **each["owner"],
            )
            for each in answer["callbacks"]
        ]

    async def _get(self, path: str, query: Iterable[tuple[str, str]] = ()) -> Any:
        async with self._response(path, query) as response:
            return from_json(await response.read())

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
        reconnect: bool = ...,
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
        snapshot: bool,
        reconnect: bool = ...,
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
        reconnect: bool = False,
        delays: Callable[[], Iterator[float]] = retry_delays,
    ) -> AsyncGenerator[Any, None]:
        """Follow events, as they come, until the daemon stops.

        Values of one filter are alternatives, different filters must all match. Without
        ``after``, the stream begins with what comes; with the cursor of a record, with what
        followed that. With ``snapshot=True`` it yields a `DomainSnapshot` for each domain and a
        `SnapshotEnd` before the first record. With ``reconnect=True`` it does not end when the
        daemon does: it waits as ``delays`` says, and resumes where it was.

        Raises:
            CursorExpired: the daemon no longer has what follows; begin with a snapshot.
        """
        filters = _query(
            domain=domain, connection=connection, host=host, event=event, type=type, reason=reason
        )
        place = _Place(cursor=str(after) if after else None, needs_snapshot=snapshot)
        waits = delays()
        while True:
            try:
                async for item in self._stream(filters, place):
                    waits = delays()
                    yield item
            except DaemonUnreachable:
                if not reconnect:
                    raise
            if not reconnect:
                return
            await asyncio.sleep(next(waits))

    async def _stream(self, filters: list[tuple[str, str]], place: _Place) -> AsyncIterator[Item]:
        async with self._response("/v1/events", [*filters, *place.query()]) as response:
            place.begin(response.headers.get("Eventd-Cursor"))
            async for line in response.content:
                item = _read(line)
                place.pass_by(item)
                if item is not None:
                    yield item

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
            return self._callbacks

    # The way to the daemon

    def _running(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("the client is not open; use it inside `async with Client(...)`")
        return self._http

    @asynccontextmanager
    async def _response(
        self, path: str, query: Iterable[tuple[str, str]]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        with _translated(self._path):
            async with self._running().get(path, params=list(query)) as response:
                if response.status != HTTPStatus.OK:
                    raise _refusal(response.status, _problem(await response.read()))
                yield response


class _Place:
    """Where a stream that is cut begins again."""

    def __init__(self, *, cursor: str | None, needs_snapshot: bool) -> None:
        self._cursor = cursor
        self._needs_snapshot = needs_snapshot

    def query(self) -> list[tuple[str, str]]:
        """Return what to ask for."""
        if self._needs_snapshot:
            return [("snapshot", "true")]
        return [("after", self._cursor)] if self._cursor else []

    def begin(self, cursor: str | None) -> None:
        """Take note of where the daemon begins."""
        if not self._needs_snapshot:
            self._cursor = self._cursor or cursor

    def pass_by(self, item: Item | None) -> None:
        """Take note of what has come."""
        match item:
            case EventRecord():
                self._cursor = str(item.cursor)
            case SnapshotEnd():
                self._cursor = str(item.cursor)
                self._needs_snapshot = False
            case DomainSnapshot() | None:
                pass  # half a snapshot is none


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
        with _translated(self._path):
            await self._websocket.send_str(to_json(request).decode())
        return await answer

    async def _listen(self) -> None:
        try:
            async for message in self._websocket:
                self._take(from_json(message.data))
        finally:
            self._closed.set()
            self._calls.put_nowait(None)
            for answer, _ in self._asked:
                _settle(answer, _gone(self._path))

    def _take(self, message: dict[str, Any]) -> None:
        if "callback_id" in message:
            record = EventRecord.from_json(to_json(message["event"]))
            self._calls.put_nowait((message["callback_id"], record))
        else:
            self._take_answer(message, *self._asked.popleft())

    def _take_answer(
        self, message: dict[str, Any], answer: asyncio.Future[int], callback: Callback | None
    ) -> None:
        match message:
            case {"registered": int(callback_id)} if callback is not None:
                # At once: the first call may be the next message.
                self._callbacks[callback_id] = callback
                _settle(answer, callback_id)
            case {"deregistered": int(callback_id)}:
                self._callbacks.pop(callback_id, None)
                _settle(answer, callback_id)
            case _:
                _settle(answer, _refusal(HTTPStatus.BAD_REQUEST, message.get("error")))

    async def _call_all(self) -> None:
        while call := await self._calls.get():
            callback_id, record = call
            # A callback that was deregistered meanwhile is not called for what still waits.
            if callback := self._callbacks.get(callback_id):
                await _call(callback, callback_id, record)


async def _call(callback: Callback, callback_id: int, record: EventRecord) -> None:
    try:
        result = callback(record)
        if inspect.isawaitable(result):
            await result
    except Exception:
        _log.exception("callback failed", callback_id=callback_id, cursor=str(record.cursor))


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


def _read(line: bytes) -> Item | None:
    """Return what a line of a stream says; None if it says nothing to the reader."""
    envelope = from_json(line)
    data = envelope["data"]
    match envelope["type"]:
        case cloudevents.SNAPSHOT:
            return DomainSnapshot(DomainStatus.model_validate(data), line.rstrip())
        case cloudevents.SNAPSHOT_END:
            cursor = Cursor.parse(envelope["cursor"])
            return SnapshotEnd(cursor, data["domains"], line.rstrip())
        case cloudevents.GAP:
            raise CursorExpired(data["message"], oldest=data["oldest"], newest=data["newest"])
        case str(ce_type) if ce_type.startswith("eventd.stream."):
            return None
        case _:
            return EventRecord.from_json(line.rstrip())


def _problem(body: bytes) -> object:
    try:
        return from_json(body)
    except ValueError:
        return None  # it is not eventd that answers


def _refusal(status: int, problem: object) -> DaemonError | CursorExpired:
    """Return the error that a problem stands for, of a response or of a session."""
    match problem:
        case {"detail": str(detail), "oldest": str(oldest), "newest": str(newest)}:
            return CursorExpired(detail, oldest=oldest, newest=newest)
        case {"detail": str(text), **more} | {"message": str(text), **more}:
            return DaemonError(text, status=status, code=_code(more.get("libvirt_code")))
        case _:
            return DaemonError(f"the daemon answered with HTTP status {status}", status=status)


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


def _why(path: str, error: OSError) -> str:
    match error.errno:
        case errno.ENOENT:
            return f"there is no socket at {path}; start eventd, or name the socket that it serves"
        case errno.EACCES | errno.EPERM:
            return f"this user may not open {path}; use eventd-ro.sock, or join the socket's group"
        case errno.ECONNREFUSED:
            return f"nobody serves {path} any more; start eventd again"
        case _:
            return f"cannot open {path}: {error.strerror or error}"


def _gone(path: str) -> DaemonUnreachable:
    return DaemonUnreachable(f"the daemon at {path} ended the connection; see its log for why")
