"""The HTTP way to one host: a request's bytes out, the answer's bytes in, within fixed bounds.

Knows deadlines, byte caps, cookies and TLS; what the bytes say is the business of `eventd.vi`.
aiohttp's errors end here.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Collection, Coroutine
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from eventd.connections.tls import UnexpectedCertificate, reason_of
from eventd.errors import (
    Fault,
    HostError,
    HostNotTrusted,
    HostUnreachable,
    MalformedAnswer,
    SessionExpired,
)

__all__ = ["ANSWER_BYTES", "CONNECT_SECONDS", "Transport"]

ANSWER_BYTES = 32 * 1024 * 1024
"""Cap of one answer, unpacked. A page of 100 domains has about 200 kB."""

CONNECT_SECONDS = 10.0
"""How long a connection may take to stand, TLS and all."""

_CHUNK = 65_536

_REFUSALS = {401: "NotAuthenticated", 403: "NoPermission", 404: "FileNotFound"}
"""VI's names for what a host says by an HTTP status where it serves files."""


class _Connector(aiohttp.TCPConnector):
    """Makes connections that end at once.

    aiohttp closes one that it gives up in the middle of an exchange as TLS wants it: the socket
    stays open until the host joins in, for up to half a minute.
    """

    def __init__(self, *, ssl: ssl.SSLContext | bool) -> None:
        super().__init__(ssl=ssl)
        self._transports: set[asyncio.Transport] = set()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        self.abort_closing()
        if connection.transport is not None:
            self._transports.add(connection.transport)
        return connection

    def abort_closing(self) -> None:
        """End the connections that are being closed."""
        closing = {transport for transport in self._transports if transport.is_closing()}
        self._transports -= closing
        for transport in closing:
            transport.abort()


class Transport:
    """Sends calls to one endpoint and keeps its session cookie.

    Use it as an asynchronous context manager.
    """

    def __init__(
        self, endpoint: str, *, ssl_context: ssl.SSLContext | None, proxy: str | None = None
    ) -> None:
        self._endpoint = endpoint
        self._proxy = proxy
        self._cookies: dict[str, str] = {}
        self._connector = _Connector(ssl=ssl_context if ssl_context is not None else True)
        self._http = aiohttp.ClientSession(
            connector=self._connector,
            # The cookie goes back exactly as it came: VI servers put quotation marks around it.
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"Accept-Encoding": "gzip", "User-Agent": "eventd"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.close()
        self._connector.abort_closing()
        await asyncio.sleep(0)  # which is when the loop closes what is aborted

    def forget_session(self) -> None:
        """Begin anew without cookies, as before a login."""
        self._cookies.clear()

    async def post(self, body: bytes, *, soap_action: str, deadline: float) -> bytes:
        """Send a request and return the body of the answer, whether result or fault.

        ``deadline`` is in seconds and covers everything from the name's look-up to the last byte.

        Raises:
            HostUnreachable: no answer in time, refused, cut, or the host is starting up.
            HostNotTrusted: the certificate is not the expected one; nothing was sent.
            MalformedAnswer: the answer is no answer of a VI endpoint, or over the cap.
        """
        headers = {"SOAPAction": soap_action, "Content-Type": "text/xml; charset=utf-8"}
        # 500 carries a fault: SOAP 1.1, 6.2
        exchange = self._exchange("POST", self._endpoint, headers, body, accepted=(200, 500))
        return await self._within(deadline, exchange)

    async def get(self, path: str, *, deadline: float) -> bytes:
        """Fetch a file that the host serves beside its endpoint, and return its bytes.

        ``path`` begins with a slash, has a query if one is needed, and is sent as it is, percent
        signs and all. ``deadline`` is that of `post`.

        Raises:
            SessionExpired: it is served to those who are logged in, and we are no longer.
            Fault: there is no such file (``FileNotFound``), or no right to it (``NoPermission``).
            HostError: as with `post`.
        """
        parts = urlsplit(self._endpoint)
        url = URL(f"{parts.scheme}://{parts.netloc}{path}", encoded=True)
        return await self._within(deadline, self._exchange("GET", url, {}, accepted=(200,)))

    async def _within(self, deadline: float, exchange: Coroutine[None, None, bytes]) -> bytes:
        try:
            async with asyncio.timeout(deadline):
                return await exchange
        except aiohttp.ConnectionTimeoutError as error:
            raise HostUnreachable(
                f"{self._endpoint} cannot be reached: no answer within {CONNECT_SECONDS:g} s"
            ) from error
        except TimeoutError as error:
            raise HostUnreachable(
                f"{self._endpoint} did not answer within {deadline:g} s"
            ) from error
        except aiohttp.ClientError as error:
            raise self._translated(error) from error
        except asyncio.CancelledError as error:
            # aiohttp cancels whoever looks up a name, or waits for a connection, when it is closed.
            task = asyncio.current_task()
            if self._http.closed and task is not None and not task.cancelling():
                raise HostUnreachable(f"the way to {self._endpoint} is closed") from error
            raise

    async def _exchange(
        self,
        method: str,
        url: str | URL,
        headers: dict[str, str],
        body: bytes | None = None,
        *,
        accepted: Collection[int],
    ) -> bytes:
        if self._http.closed:
            raise HostUnreachable(f"the way to {self._endpoint} is closed")
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self._cookies.items())
        async with self._http.request(
            method,
            url,
            data=body,
            headers=headers,
            proxy=self._proxy,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS),
        ) as response:
            if response.status not in accepted:
                raise self._refusal(response, method, str(url).partition("?")[0])
            self._keep_cookies(response)
            return await self._body(response)

    def _refusal(self, response: aiohttp.ClientResponse, method: str, url: str) -> HostError:
        status = response.status
        if status in (502, 503, 504):
            return HostUnreachable(f"{url} is not ready: HTTP status {status}")
        if 300 <= status < 400:
            place = response.headers.get("Location")
            return MalformedAnswer(
                f"{url} redirects to {repr(place[:200]) if place else 'nowhere'}, which "
                f"is not followed; give the URI the host, port and transport that it means"
            )
        if method == "GET" and (name := _REFUSALS.get(status)):
            kind = SessionExpired if name == "NotAuthenticated" else Fault
            return kind(method, name, f"HTTP status {status} for {url}")
        through = f" through the proxy {self._proxy}" if self._proxy else ""
        # What servers say when TLS is missing on a port that speaks it.
        is_tls_missing = status == 400 and self._endpoint.startswith("http:")
        hint = (
            "does the port speak TLS (transport=https)?"
            if is_tls_missing
            else "is it a VI endpoint?"
        )
        return MalformedAnswer(f"{url} answered{through} with HTTP status {status}; {hint}")

    def _keep_cookies(self, response: aiohttp.ClientResponse) -> None:
        for header in response.headers.getall("Set-Cookie", ()):
            name, equals, value = header.partition(";")[0].strip().partition("=")
            if equals:
                self._cookies[name] = value

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        """Return the body, unpacked if the server packs it; never more than the cap."""
        unpack = self._unpacker(response)
        parts = []
        room = ANSWER_BYTES
        async for chunk in response.content.iter_chunked(_CHUNK):
            part = self._unpacked(chunk, unpack, room + 1) if unpack else chunk
            room -= len(part)
            if room < 0:
                raise MalformedAnswer(
                    f"the answer of {self._endpoint} is larger than {ANSWER_BYTES} bytes, which "
                    f"is the most that is taken"
                )
            parts.append(part)
        if unpack and not unpack.eof:
            raise self._cut()
        return b"".join(parts)

    def _unpacker(self, response: aiohttp.ClientResponse) -> zlib._Decompress | None:
        match response.headers.get("Content-Encoding", "identity").lower():
            case "identity":
                return None
            case "gzip" | "deflate":
                return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: by its own header
            case other:
                raise MalformedAnswer(
                    f"the answer of {self._endpoint} is packed as {other[:80]!r}, which nobody "
                    f"asked for"
                )

    def _unpacked(self, chunk: bytes, unpack: zlib._Decompress, longest: int) -> bytes:
        try:
            part = unpack.decompress(chunk, longest)
        except zlib.error as error:
            raise MalformedAnswer(
                f"the answer of {self._endpoint} cannot be unpacked: it is not what its header says"
            ) from error
        if unpack.unused_data:
            # zlib would keep all that comes behind the end, and no cap would count it.
            raise MalformedAnswer(
                f"the answer of {self._endpoint} cannot be unpacked: it goes on behind its end"
            )
        return part

    def _cut(self) -> HostUnreachable:
        return HostUnreachable(f"the answer of {self._endpoint} was cut in the middle")

    def _translated(self, error: aiohttp.ClientError) -> HostError:
        match error:
            case aiohttp.ClientConnectorCertificateError(
                certificate_error=UnexpectedCertificate() as found
            ):
                return HostNotTrusted(
                    f"{self._endpoint} has not the pinned certificate: {found.verify_message}; if "
                    f"the host was given another certificate, change the thumbprint"
                )
            case aiohttp.ClientConnectorCertificateError(
                certificate_error=ssl.SSLCertVerificationError() as found
            ):
                return HostNotTrusted(
                    f"{self._endpoint} has a certificate that is not trusted: "
                    f"{found.verify_message.rstrip('.')}; give its thumbprint, a cacert=FILE that "
                    f"vouches for it, or no_verify=1"
                )
            case aiohttp.ClientConnectorSSLError():
                return HostNotTrusted(
                    f"TLS with {self._endpoint} failed: {reason_of(error.os_error)}; does the host "
                    f"speak TLS on this port (transport=http if not)?"
                )
            case aiohttp.ClientProxyConnectionError():
                return HostUnreachable(
                    f"the proxy {self._proxy} cannot be reached: {reason_of(error.os_error)}"
                )
            case aiohttp.ClientConnectorError():
                return HostUnreachable(
                    f"{self._endpoint} cannot be reached: {reason_of(error.os_error)}"
                )
            case aiohttp.ClientHttpProxyError():
                return HostUnreachable(
                    f"the proxy {self._proxy} refused the way to {self._endpoint}: "
                    f"HTTP status {error.status}"
                )
            case aiohttp.ClientConnectionError():
                return HostUnreachable(f"{self._endpoint} closed the connection before answering")
            case aiohttp.ClientPayloadError():
                return self._cut()
            case aiohttp.ClientResponseError():
                # aiohttp goes on with an excerpt of the bytes, over several lines.
                reason = error.message.partition(":")[0]
                return MalformedAnswer(f"{self._endpoint} does not answer in HTTP: {reason}")
            case _:
                return MalformedAnswer(f"{self._endpoint} does not answer in HTTP: {error}")
