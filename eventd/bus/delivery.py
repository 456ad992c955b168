"""Delivery: the event loop's side of the bus.

It decides *when*: callbacks and readers are called in a later turn of the loop than the one that
published, once for all that was published meanwhile. It runs the coroutines of asynchronous
callbacks. *Whom* to call, and in which order, is the registry's to say.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType

import structlog
from structlog.typing import FilteringBoundLogger

from eventd.bus.registry import Registration, Registry, report_failure
from eventd.model.record import EventRecord

__all__ = ["Delivery", "Reader"]

_log: FilteringBoundLogger = structlog.get_logger(__name__)

Reader = Callable[[Sequence[EventRecord]], None]
"""Called with all records of one flush, in journal order."""


class Delivery:
    """Hands published records to callbacks and readers. Use it as ``async with``.

    A callback may return an awaitable. While that runs, further records for the registration
    wait, at most ``backlog`` of them; one that falls behind further is deregistered, with an
    error in the log, because thinning its events silently would be worse. Nobody else waits.

    Leaving the block flushes what is queued and gives running coroutines ``grace`` seconds;
    then they are cancelled. All methods are for the thread of the loop.
    """

    def __init__(self, registry: Registry, *, backlog: int = 1024, grace: float = 1.0) -> None:
        self._registry = registry
        self._backlog = backlog
        self._grace = grace
        self._tasks: asyncio.TaskGroup | None = None
        self._flush_soon: asyncio.Handle | None = None
        self._batch: list[EventRecord] = []
        self._readers: dict[object, Reader] = {}
        self._lanes: dict[int, _Lane] = {}

    async def __aenter__(self) -> Delivery:
        self._tasks = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tasks = self._running()
        try:
            if error is None:
                self._flush()
                await self._let_finish()
        finally:
            self._tasks = None
            if self._flush_soon is not None:
                self._flush_soon.cancel()
            for lane in self._lanes.values():
                lane.cancel()
            # All tasks are ending; an error of the block passes as it is, not as a group.
            await tasks.__aexit__(None, None, None)

    async def _let_finish(self) -> None:
        if self._lanes:
            running = [lane.task for lane in self._lanes.values()]
            await asyncio.wait(running, timeout=self._grace)

    def _running(self) -> asyncio.TaskGroup:
        if self._tasks is None:
            raise RuntimeError("Delivery is not running; publish inside `async with Delivery(...)`")
        return self._tasks

    # Publishing

    def publish(self, records: Sequence[EventRecord]) -> None:
        """Queue records, in journal order, and let them be delivered in a later loop turn.

        Raises:
            RuntimeError: this is not inside the ``async with`` block.
        """
        self._running()
        self._registry.enqueue(records)
        self._batch.extend(records)
        if self._batch and self._flush_soon is None:
            self._flush_soon = asyncio.get_running_loop().call_soon(self._flush)

    def add_reader(self, reader: Reader) -> Callable[[], None]:
        """Call ``reader`` once per flush with its records, after the callbacks.

        A reader keeps its own position: its first records may be older than this call. What it
        raises is logged, and it stays. Call what is returned to remove it.
        """
        key = object()
        self._readers[key] = reader

        def remove() -> None:
            self._readers.pop(key, None)

        return remove

    def _flush(self) -> None:
        # Taken first: what is published from here on is for the next flush.
        self._flush_soon = None
        batch, self._batch = tuple(self._batch), []
        self._registry.flush(self._call)
        for key, reader in tuple(self._readers.items()):
            if batch and key in self._readers:
                _read(reader, batch)

    # Asynchronous callbacks

    async def drain(self, callback_id: int) -> None:
        """Wait until a callback is not running any more, and has no records waiting.

        After `Registry.deregister`, this is when its last call is over and ``free`` was called.

        Raises:
            RuntimeError: this is called inside the callback itself, which would wait for ever.
        """
        lane = self._lanes.get(callback_id)
        if lane is None:
            return
        if lane.task is asyncio.current_task():
            raise RuntimeError(f"callback {callback_id} cannot wait for its own end")
        await asyncio.wait([lane.task])

    def _call(self, registration: Registration, record: EventRecord) -> None:
        lane = self._lanes.get(registration.id)
        if lane is not None and not lane.task.done():
            self._put_in_line(lane, record)
            return
        result = registration.call(record)
        if result is not None and inspect.isawaitable(result):
            self._open_lane(registration, record, result)

    def _open_lane(
        self, registration: Registration, record: EventRecord, running: Awaitable[object]
    ) -> None:
        lane = _Lane(registration)
        lane.task = self._running().create_task(
            self._run(lane, record, running), name=f"callback {registration.id}"
        )
        self._lanes[registration.id] = lane
        self._registry.hold(registration)

        def close(_: asyncio.Task[None]) -> None:
            if inspect.iscoroutine(running):
                # A task that is cancelled before its first step never awaits what it was given.
                running.close()
            # Between the end of the task and now, a flush may have opened the next lane.
            if self._lanes[registration.id] is lane:
                del self._lanes[registration.id]
                self._registry.release(registration)

        lane.task.add_done_callback(close)

    async def _run(self, lane: _Lane, record: EventRecord, running: Awaitable[object]) -> None:
        """Await what the callback returned, then call it for what came in meanwhile."""
        await lane.finish(record, running)
        while lane.waiting and self._registry.is_active(lane.registration):
            record = lane.waiting.popleft()
            result = lane.registration.call(record)
            if inspect.isawaitable(result):
                await lane.finish(record, result)

    def _put_in_line(self, lane: _Lane, record: EventRecord) -> None:
        if len(lane.waiting) < self._backlog:
            lane.waiting.append(record)
            return
        _log.error(
            "callback deregistered: it fell too far behind",
            callback_id=lane.registration.id,
            owner=lane.registration.owner.session,
            waiting=len(lane.waiting),
            sequence=record.sequence,
        )
        self._registry.remove(lane.registration)


class _Lane:
    """The calls of one registration, one after another; open while its callback is running."""

    task: asyncio.Task[None]

    def __init__(self, registration: Registration) -> None:
        self.registration = registration
        self.waiting: deque[EventRecord] = deque()
        self._is_ending = False

    def cancel(self) -> None:
        """End the running call and make no more."""
        self._is_ending = True
        self.task.cancel()

    async def finish(self, record: EventRecord, running: Awaitable[object]) -> None:
        """Await one call of the callback; what it raises is logged and counted."""
        try:
            await running
            if self.task.cancelling():
                # The callback has cancelled its own task: that is for this call, not the next.
                await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            if self._is_ending:
                raise
            # The callback's own doing, or the end of something that it had waited for.
            while self.task.uncancel():
                pass
            report_failure(self.registration, record, error)
        except Exception as error:
            report_failure(self.registration, record, error)


def _read(reader: Reader, batch: Sequence[EventRecord]) -> None:
    try:
        reader(batch)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # Base: the cancellation of a future that it looked into is no reason to stop others.
        _log.error(
            "reader failed", reader=repr(reader), sequence=batch[-1].sequence, exc_info=error
        )
