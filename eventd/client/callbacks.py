"""The session in which a client's callbacks are registered, and from which they are called."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import aiohttp
from pydantic_core import from_json, to_json

from eventd.client.failures import gone, refusal, translated, understood
from eventd.client.items import read_record
from eventd.errors import DaemonError, DaemonUnreachable
from eventd.model.record import EventRecord

__all__ = ["Callback", "CallbackSession"]

Callback = Callable[[EventRecord], object]
"""Called with each record; what it returns is awaited if that is possible, else ignored."""

_log = logging.getLogger(__package__)


class CallbackSession:
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
        """Register a callback for a kind of event, of one domain or of all; return its id."""
        wish = {"event": event} if domain is None else {"event": event, "domain": domain}
        return await self._ask({"register": wish}, callback)

    async def deregister(self, callback_id: int) -> None:
        """Take a registration of this session back."""
        await self._ask({"deregister": callback_id}, None)

    async def _ask(self, request: dict[str, object], callback: Callback | None) -> int:
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        # Nothing may come between the two: answers have no name but their order.
        self._asked.append((answer, callback))
        try:
            with translated(self._path):
                await self._websocket.send_str(to_json(request).decode())
        except DaemonUnreachable:
            answer.cancel()
            raise
        return await answer

    async def _listen(self) -> None:
        ending: DaemonUnreachable | DaemonError = gone(self._path)
        try:
            async for message in self._websocket:
                with understood(self._path, HTTPStatus.SWITCHING_PROTOCOLS):
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
                if record := read_record(event["type"], to_json(event)):
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
                _settle(answer, refusal(HTTPStatus.BAD_REQUEST, problem))
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
