"""The simulator on the network: HTTP and TLS around `Service`, in real time.

What is asked and answered is decided in `service`; here are sockets, cookies, timers and waits.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import assert_never

from aiohttp import web

from eventd.simulator import datastore
from eventd.simulator.answers import service_versions
from eventd.simulator.fault_injection import FaultInjection, Mishap, Planned
from eventd.simulator.service import Reply, Service, Wait
from eventd.simulator.sessions import Session
from eventd.simulator.world import World
from eventd.vi.soap import SoapRequest

__all__ = ["SimulatorServer", "serve"]

_COOKIE = "vmware_soap_session"

_SMALLEST_COMPRESSED = 1000
"""Bytes of an answer that is worth the trouble."""

Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _accepts_gzip(request: web.BaseRequest) -> bool:
    codings = request.headers.get("Accept-Encoding", "").replace(" ", "").split(",")
    return "gzip" in (coding.removesuffix(";q=1.0") for coding in codings)


class SimulatorServer:
    """A simulated VI host that listens. Get it from `serve`.

    The world may be changed at any time by the code that runs in the same event loop: give it
    the time `now()`; calls that wait for the change go on by themselves.
    """

    def __init__(
        self,
        service: Service,
        *,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext | None,
        clock: Clock,
    ) -> None:
        self.service = service
        self.world = service.world
        self.faults = FaultInjection()
        self.host = host
        self.port = port
        self._waiting = 0
        self._waiting_changed = asyncio.Event()
        self._ssl_context = ssl_context
        self._clock = clock
        self._runner: web.ServerRunner | None = None
        self._changed = asyncio.Event()
        self._is_settling = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def url(self) -> str:
        """Where clients find the API: ``http://127.0.0.1:40123/sdk``."""
        return f"{'https' if self._ssl_context else 'http'}://{self._authority}/sdk"

    @property
    def uri(self) -> str:
        """The host as libvirt names it: ``esx://root@127.0.0.1:40123/?transport=http``.

        Of a vCenter it names the first host, since libvirt wants one.
        """
        path = "" if self.world.product == "esx" else "Datacenter/Cluster/esx01.example"
        return self._uri(path)

    @property
    def whole_uri(self) -> str:
        """All of the host or vCenter as eventd names it: the path is empty."""
        return self._uri("")

    def _uri(self, path: str) -> str:
        parameter = "no_verify=1" if self._ssl_context else "transport=http"
        return f"{self.world.product}://root@{self._authority}/{path}?{parameter}"

    @property
    def _authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def now(self) -> datetime:
        """The time of the world: aware, UTC."""
        return self._clock()

    # -- life

    async def start(self) -> None:
        """Listen; after a `stop` at the same address, with the world as it was.

        Raises:
            OSError: the address cannot be listened on.
        """
        http = web.Server(self._handle, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(http)
        await runner.setup()
        site = web.TCPSite(runner, self.host, self.port, ssl_context=self._ssl_context)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]
        self.world.observers.append(self._wake)
        self._wake()

    async def stop(self) -> None:
        """Close all connections, listen no longer, and forget all sessions."""
        if self._runner is None:
            return
        self.world.observers.remove(self._wake)
        if self._timer is not None:
            self._timer.cancel()
        self.expire_sessions()
        runner, self._runner = self._runner, None
        # A polite end would wait for calls at work, and for the farewell of TLS clients.
        for connection in runner.server.connections if runner.server else ():
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)
        await runner.cleanup()

    def expire_sessions(self) -> None:
        """Forget all sessions; calls that wait are answered ``NotAuthenticated``."""
        self.service.sessions.expire_all()
        self._wake()

    # -- time

    def _wake(self) -> None:
        """See to it that the world goes on, and that those who wait look again."""
        if not self._is_settling:
            self._is_settling = True
            asyncio.get_running_loop().call_soon(self._settle)

    def _settle(self) -> None:
        self._is_settling = False
        self.world.advance(self.now())
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.world.next_deadline
        if deadline is not None and self._runner is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds_until(deadline), self._wake)

    def _seconds_until(self, deadline: datetime) -> float:
        return max(0.0, (deadline - self.now()).total_seconds())

    async def until_calls_wait(self, count: int) -> None:
        """Return when so many calls wait for their answer: for a change, or for a delay to end."""
        while self._waiting != count:
            await self._waiting_changed.wait()

    async def until_a_call_waits(self) -> None:
        """Return when somebody waits for a change."""
        while not self._waiting:
            await self._waiting_changed.wait()

    async def _finish(self, wait: Wait) -> Reply:
        with self._counted():
            return await self._wait(wait)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._count_waiting(+1)
        try:
            yield
        finally:
            self._count_waiting(-1)

    def _count_waiting(self, difference: int) -> None:
        self._waiting += difference
        changed, self._waiting_changed = self._waiting_changed, asyncio.Event()
        changed.set()

    async def _wait(self, wait: Wait) -> Reply:
        while True:
            changed = self._changed
            reply = wait.poll(self.now())
            if reply is not None:
                return reply
            seconds = None if wait.deadline is None else self._seconds_until(wait.deadline)
            try:
                async with asyncio.timeout(seconds):
                    await changed.wait()
            except TimeoutError:
                continue

    # -- requests

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path == "/sdk/vimServiceVersions.xml" and request.method == "GET":
            body = service_versions(self.world.schema.api_version)
            return web.Response(body=body, content_type="text/xml")
        if path.rstrip("/") == "/sdk" and request.method == "POST":
            return await self._handle_call(request)
        if path.startswith("/folder/") and request.method in ("GET", "PUT"):
            return await self._handle_file(request)
        return web.Response(status=404)

    async def _handle_call(self, request: web.BaseRequest) -> web.StreamResponse:
        soap = self.service.read(await request.read())
        planned = None
        if isinstance(soap, SoapRequest):
            planned = self.faults.take(soap.method)
            if planned is not None and planned.mishap is Mishap.STATUS:
                return web.Response(status=int(planned.amount))
            if planned is not None and planned.mishap is Mishap.EXPIRE:
                self.expire_sessions()
        session = self._session(request)
        reply = soap if isinstance(soap, Reply) else await self._reply(soap, session)
        response = self._response(request, session, reply)
        if planned:
            return await self._spoil(request, response, reply, planned)
        if len(reply.body) >= _SMALLEST_COMPRESSED and _accepts_gzip(request):
            response.body = gzip.compress(reply.body, compresslevel=1, mtime=0)
            response.headers["Content-Encoding"] = "gzip"
        return response

    async def _reply(self, soap: SoapRequest, session: Session) -> Reply:
        reply = self.service.call(soap, session, self.now())
        if not session.is_alive:  # it was a logout
            self._wake()
        return await self._finish(reply) if isinstance(reply, Wait) else reply

    def _session(self, request: web.BaseRequest) -> Session:
        cookie = request.cookies.get(_COOKIE, "").strip('"')
        return self.service.sessions.find(cookie, self.now())

    def _response(self, request: web.BaseRequest, session: Session, reply: Reply) -> web.Response:
        response = web.Response(
            status=500 if reply.is_fault else 200,
            body=reply.body,
            content_type="text/xml",
            charset="utf-8",
        )
        if request.cookies.get(_COOKIE, "").strip('"') != session.cookie:
            secure = "; Secure" if self._ssl_context else ""
            response.headers["Set-Cookie"] = (
                f'{_COOKIE}="{session.cookie}"; Path=/; HttpOnly{secure}'
            )
        return response

    async def _spoil(
        self, request: web.BaseRequest, response: web.Response, reply: Reply, planned: Planned
    ) -> web.StreamResponse:
        match planned.mishap:
            case Mishap.DELAY:
                with self._counted():
                    await asyncio.sleep(planned.amount)
            case Mishap.TRUNCATE:
                response.body = reply.body[: len(reply.body) // 2]
            case Mishap.GARBLE:
                response.body = b"\x00\xff this is no XML <<<"
            case Mishap.INFLATE:
                response.body = reply.body + b" " * int(planned.amount)
            case Mishap.CUT:
                await response.prepare(request)
                await response.write(reply.body[: len(reply.body) // 2])
                if request.transport is not None:
                    request.transport.close()
            case Mishap.DROP:
                if request.transport is not None:
                    request.transport.close()
            case Mishap.EXPIRE | Mishap.STATUS:
                pass  # these happened before the call
            case _:
                assert_never(planned.mishap)
        return response

    async def _handle_file(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._session(request).user is None:
            return web.Response(status=401)
        query = request.rel_url.query
        datacenter, store = query.get("dcPath", ""), query.get("dsName", "")
        if not datastore.exists(self.world, datacenter=datacenter, datastore=store):
            return web.Response(status=404)
        path = f"[{store}] {request.rel_url.path.removeprefix('/folder/')}"
        if request.method == "PUT":
            self.world.files[path] = (await request.read()).decode(errors="replace")
            return web.Response(status=201)
        found = datastore.read(self.world, path)
        return web.Response(status=404) if found is None else web.Response(text=found)


@asynccontextmanager
async def serve(
    world: World,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ssl_context: ssl.SSLContext | None = None,
    password: str = "pass",  # noqa: S107 -- a simulator's, documented
    page_size: int = 100,
    empty_update_interval: timedelta | None = None,
    clock: Clock = _utc_now,
) -> AsyncIterator[SimulatorServer]:
    """Serve a world as a VI host for as long as the block lasts.

    Any user may log in, with the one password. The server speaks TLS if it gets a context, and
    listens on a free port unless told which. The other arguments are those of `Service`.
    """
    service = Service(
        world,
        password=password,
        page_size=page_size,
        empty_update_interval=empty_update_interval,
    )
    server = SimulatorServer(service, host=host, port=port, ssl_context=ssl_context, clock=clock)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
