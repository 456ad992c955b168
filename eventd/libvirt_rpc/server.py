"""The sockets of libvirt's clients: a session for each, fed from its socket and written to it.

``libvirt-sock`` is for members of the group, ``libvirt-sock-ro`` for everybody, as libvirtd has
them. On request there are libvirt's own names for such a driver too, in a directory of libvirt's:
with them ``esx+unix:///system`` finds eventd without the path of a socket.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import cast

import structlog

from eventd import metrics
from eventd.bus.delivery import Delivery
from eventd.bus.registry import Owner, Registry
from eventd.bus.remote import RemoteCallbacks
from eventd.errors import CursorExpired, EventdError, JournalUnusable, UndecodableMessage
from eventd.journal.journal import Journal
from eventd.libvirt_rpc import failures
from eventd.libvirt_rpc.calls import Calls, Results
from eventd.libvirt_rpc.events import Payloads, event_message
from eventd.libvirt_rpc.inventory import Inventory
from eventd.libvirt_rpc.session import Call, Phase, Session, Step
from eventd.listening import admission as peers
from eventd.listening import sockets
from eventd.listening.accepting import accepting
from eventd.listening.admission import Admission, Peer, peer_of
from eventd.model.directory import Directory
from eventd.model.inspector import Inspector
from eventd.model.operator import Operator
from eventd.model.questions import Requester
from eventd.model.record import Cursor, EventRecord

__all__ = ["READ_ONLY_NAME", "READ_WRITE_NAME", "LibvirtRpc"]

READ_WRITE_NAME = "libvirt-sock"
READ_ONLY_NAME = "libvirt-sock-ro"
_WELL_KNOWN_NAMES = ("virtesxd-sock", "virtesxd-sock-ro")

_MOST_ANSWERING = 5
"""Calls of one client that are answered at a time, as in libvirtd (``max_client_requests``)."""

_MOST_WAITING = 32
"""Calls beside those that are read before the client has to wait. It may ping until then."""

_AT_ONCE = 16
"""Steps that are done for one client in one turn of the loop."""

_CLOSING_SECONDS = 0.5
"""How long a client may take to read what it is sent last; the daemon has two seconds to stop."""

_log = structlog.get_logger(__name__)


class LibvirtRpc:
    """Serves libvirt's clients. `deliver` is a reader of the delivery.

    ``write_limit`` is in bytes: what may wait for one client. One that has not opened its
    connection after ``opening_timeout`` seconds is cut.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        delivery: Delivery,
        registry: Registry,
        directory: Directory,
        operator: Operator,
        inspector: Inspector,
        admission: Admission,
        write_limit: int = 256 * 1024,
        opening_timeout: float = 10.0,
    ) -> None:
        self.journal = journal
        self.registry = registry
        self.operator = operator
        self.inspector = inspector
        self.admission = admission
        self.write_limit = write_limit
        self.opening_timeout = opening_timeout
        self.inventory = Inventory(
            directory, journal, now=lambda: asyncio.get_running_loop().time()
        )
        self.payloads = Payloads()
        self._delivery = delivery
        self._numbers = count(1)
        self.clients: set[_Client] = set()

    @asynccontextmanager
    async def serve(
        self, runtime_directory: Path, *, libvirt_directory: Path | None = None
    ) -> AsyncIterator[None]:
        """Serve both sockets until the context is left, then remove them.

        The caller has ``runtime_directory`` locked. In ``libvirt_directory`` they are served too,
        under the names that libvirt looks for there.

        Raises:
            SocketInUse: another process serves there, or something else is in the way.
            OSError: a directory is missing or not writable.
        """
        places = [(runtime_directory, (READ_WRITE_NAME, READ_ONLY_NAME))]
        if libvirt_directory is not None:
            places.append((libvirt_directory, _WELL_KNOWN_NAMES))
        with ExitStack() as bound:
            listeners = [
                (bound.enter_context(sockets.bound(directory / name, mode=mode)), is_read_only)
                for directory, names in places
                for name, mode, is_read_only in zip(
                    names,
                    (sockets.READ_WRITE_MODE, sockets.READ_ONLY_MODE),
                    (False, True),
                    strict=True,
                )
            ]
            bound.callback(self._delivery.add_reader(self.deliver))
            async with asyncio.TaskGroup() as tasks:
                try:
                    async with AsyncExitStack() as stack:
                        for listener, is_read_only in listeners:
                            connect = partial(self._connect, tasks, is_read_only)
                            await stack.enter_async_context(
                                accepting(listener, connect, admission=self.admission)
                            )
                        yield
                finally:
                    # Nobody comes any more.
                    for client in tuple(self.clients):
                        client.end()

    def _connect(self, tasks: asyncio.TaskGroup, is_read_only: bool) -> _Client:
        return _Client(self, tasks, number=next(self._numbers), is_read_only=is_read_only)

    def deliver(self, _: Sequence[EventRecord]) -> None:
        """Take note of a loop turn in which something was recorded."""
        oldest = self.journal.oldest
        for client in tuple(self.clients):
            client.check(oldest)


class _Client(asyncio.Protocol):
    """One client and its socket."""

    def __init__(
        self, server: LibvirtRpc, tasks: asyncio.TaskGroup, *, number: int, is_read_only: bool
    ) -> None:
        self._server = server
        self._tasks = tasks
        self._number = number
        self._session = Session(is_read_only=is_read_only)
        self._loop = asyncio.get_running_loop()
        self._writable = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._waiting: deque[Call] = deque()
        """Calls that are answered when one of those under way is."""
        self._answering = 0
        """How many are under way."""
        self._is_paused = False
        self._flush_soon: asyncio.Handle | None = None
        self._go_on_soon: asyncio.Handle | None = None
        self._end: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<client {self._owner.session}, process {self._owner.pid}>"

    # -- the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the client, or cut it."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's have no base class
        self._peer: Peer | None = None
        peer = peer_of(transport)
        self._owner = Owner(f"libvirt-{self._number}", pid=peer.pid, uid=peer.uid)
        admission = self._server.admission
        if (reason := admission.refusal(peer.uid)) is not None:
            admission.note_refusal(reason)
            self._transport.abort()
            return
        self._peer = peer
        admission.enter(peer.uid)
        self._transport.set_write_buffer_limits(high=self._server.write_limit // 2)
        self._writable.set()
        self._callbacks = RemoteCallbacks(
            self._owner,
            registry=self._server.registry,
            journal=self._server.journal,
            call=self._call_back,
            is_full=self._is_full,
            drain=self._drain,
        )
        self._calls = Calls(
            inventory=self._server.inventory,
            operator=self._server.operator,
            inspector=self._server.inspector,
            callbacks=self._callbacks,
            requester=self._requester,
        )
        self._deadline = self._loop.call_later(self._server.opening_timeout, self._transport.abort)
        self._server.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back, and forget what the client has registered."""
        admission = self._server.admission
        admission.close()
        if self._peer is None:
            return
        admission.leave(self._peer.uid)
        self._server.clients.discard(self)
        for handle in (self._deadline, self._end, self._go_on_soon, self._flush_soon):
            if handle is not None:
                handle.cancel()
        self._waiting.clear()
        self._callbacks.purge()
        self._writable.set()
        for task in self._running:
            task.cancel()

    def pause_writing(self) -> None:
        """Take note that more waits for the client than the limits of the transport allow."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Take note that the client has taken it."""
        self._writable.set()
        self._answer_calls()

    def data_received(self, data: bytes) -> None:
        """Do what the client asks for."""
        if self._peer is not None:
            self._session.feed(data)
            self._answer_calls()

    def end(self) -> None:
        """Write what waits, and close the connection; cut it if the client does not take that."""
        self._waiting.clear()
        self._flush()
        self._transport.close()
        if self._end is None:
            self._end = self._loop.call_later(_CLOSING_SECONDS, self._transport.abort)

    # -- calls

    def _answer_calls(self) -> None:
        """Answer what has come, as far as the client may have it in one turn of the loop."""
        if self._transport.is_closing():
            return
        if self._go_on_soon is not None:
            self._go_on_soon.cancel()
            self._go_on_soon = None
        try:
            is_over = self._answer_some()
        except UndecodableMessage as error:
            _log.debug("client_refused", client=self._owner.session, error=error.message)
            self.end()
            return
        self._flush()
        if self._session.phase is Phase.ENDED:
            self.end()
            return
        self._read_on_or_wait()
        if not is_over and self._is_read:
            self._go_on_soon = self._loop.call_soon(self._answer_calls)

    def _answer_some(self) -> bool:
        """Do a part; return whether nothing is left that could be done now."""
        for _ in range(_AT_ONCE):
            if not self._is_read:
                return False
            if self._waiting and self._answering < _MOST_ANSWERING:
                self._answer(self._waiting.popleft())
                continue
            if len(self._waiting) >= _MOST_WAITING:
                return True  # the end of one that is under way goes on with them
            found = self._session.step()
            if found is Step.NOTHING:
                return True
            if isinstance(found, Call):
                self._waiting.append(found)
        return False

    @property
    def _is_read(self) -> bool:
        """Whether the client takes its answers."""
        return self._writable.is_set() and self._session.waiting < self._server.write_limit // 2

    def _read_on_or_wait(self) -> None:
        is_paused = not self._is_read or len(self._waiting) >= _MOST_WAITING
        if is_paused != self._is_paused and not self._transport.is_closing():
            self._is_paused = is_paused
            if is_paused:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _answer(self, call: Call) -> None:
        try:
            results = self._calls.answer(call)
            if isinstance(results, Awaitable):
                self._answering += 1
                self._run(self._answer_later(call, results), call.procedure.function)
                return
            self._session.answer(call, results)
        except EventdError as error:
            self._session.refuse(call, failures.error_of(error))
        except Exception as error:
            self._fail(call, error)
        else:
            if call.procedure.name == "open":
                self._deadline.cancel()
                self._run(self._be_called_back(), "callbacks")

    async def _answer_later(self, call: Call, results: Awaitable[Results]) -> None:
        try:
            self._session.answer(call, await results)
        except EventdError as error:
            self._session.refuse(call, failures.error_of(error))
        except Exception as error:
            self._fail(call, error)
        finally:
            self._answering -= 1
        self._answer_calls()

    def _fail(self, call: Call, error: Exception) -> None:
        _log.error("call failed", function=call.procedure.function, exc_info=error)
        self._session.refuse(call, failures.internal())

    def _run(self, doing: Awaitable[None], name: str) -> None:
        task = self._tasks.create_task(_awaited(doing), name=f"{self._owner.session} {name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _requester(self) -> Requester:
        assert self._peer is not None  # noqa: S101  # it has been admitted
        return await peers.requester_of(self._peer)

    # -- events

    def _call_back(self, callback_id: int, record: EventRecord) -> None:
        is_legacy = self._calls.is_legacy(callback_id)
        event_id, payload = self._server.payloads.of(record, legacy=is_legacy)
        self._session.send(event_message(event_id, None if is_legacy else callback_id, payload))
        if self._flush_soon is None:
            self._flush_soon = self._loop.call_soon(self._flush)

    @property
    def waiting(self) -> int:
        """How many bytes wait for the client."""
        return self._session.waiting + self._transport.get_write_buffer_size()

    def _is_full(self) -> bool:
        return self.waiting > self._server.write_limit

    def _flush(self) -> None:
        """Write what the session has to say."""
        if self._flush_soon is not None:
            self._flush_soon.cancel()
            self._flush_soon = None
        output = self._session.take_output()
        if output and not self._transport.is_closing():
            self._transport.write(output)

    async def _drain(self) -> None:
        self._flush()
        await self._writable.wait()
        if self._transport.is_closing():
            raise ConnectionResetError("the client has gone")

    async def _be_called_back(self) -> None:
        try:
            await self._callbacks.run()
        except CursorExpired:
            self._give_up()
        except JournalUnusable as error:
            _log.warning("client_closed", client=self._owner.session, error=error.message)
            self._transport.abort()
        except ConnectionError:
            pass  # the client has gone
        except Exception:
            _log.exception("callbacks failed", client=self._owner.session)
            self._transport.abort()

    def check(self, oldest: Cursor) -> None:
        """Cut the connection if the journal no longer has what the client needs next."""
        if self._callbacks.has_missed(oldest):
            self._give_up()

    def _give_up(self) -> None:
        # The protocol has no word for a gap: who comes back lists the domains anew.
        metrics.subscribers_disconnected.labels("slow-libvirt-client").inc()
        _log.info(
            "client closed: it reads too slowly, and events have been lost",
            session=self._owner.session,
            pid=self._owner.pid,
            uid=self._owner.uid,
            cursor=str(self._callbacks.position),
        )
        self._callbacks.purge()
        self._transport.abort()


async def _awaited(doing: Awaitable[None]) -> None:
    await doing
