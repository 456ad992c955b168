"""The HTTP way to a host, over real sockets: what is sent, and what becomes of odd answers."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import pytest

from eventd.connections import transport as transport_module
from eventd.connections.tls import ssl_context
from eventd.connections.transport import ANSWER_BYTES, Transport
from eventd.errors import Fault, HostUnreachable, MalformedAnswer, SessionExpired
from tests.connections.certificates import Certificates
from tests.connections.raw_host import Behaviour, RawHost, answer, listening

SHORT = 0.05
"""The deadline, in seconds, where the deadline is what is tested."""

ENOUGH = 5.0
"""A deadline that is never reached."""

Transports = AsyncIterator[tuple[RawHost, Transport]]


@asynccontextmanager
async def way_to(behaviour: Behaviour, *, host: str = "127.0.0.1") -> Transports:
    """Give a host that behaves so, and a transport to it."""
    async with (
        listening(behaviour, host=host) as raw_host,
        Transport(raw_host.endpoint, ssl_context=None) as transport,
    ):
        yield raw_host, transport


async def post(transport: Transport, *, deadline: float = ENOUGH) -> bytes:
    """Send a request."""
    return await transport.post(b"<call/>", soap_action="urn:vim25/7.0", deadline=deadline)


FILE = "/folder/web01%2Fweb01%2b.vmx?dcPath=a%252fb&dsName=my%20ds"


async def get(transport: Transport, *, deadline: float = ENOUGH) -> bytes:
    """Fetch a file."""
    return await transport.get(FILE, deadline=deadline)


def saying(text: bytes) -> Behaviour:
    """Say these bytes and close the connection."""

    async def behave(
        host: RawHost, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(text)
        await writer.drain()
        writer.close()

    return behave


def hanging_after(text: bytes) -> Behaviour:
    """Say these bytes and nothing more."""

    async def behave(
        host: RawHost, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(text)
        await writer.drain()
        await host.end.wait()
        writer.close()

    return behave


def dripping_after(text: bytes, drop: bytes, *, pause: float = 0.0) -> Behaviour:
    """Say these bytes and then a drop again and again, so that the line is never idle."""

    async def behave(
        host: RawHost, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(text)
        while not host.end.is_set():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(pause)

    return behave


@contextmanager
def full_queue() -> Iterator[str]:
    """Give an endpoint whose queue of connections is full, so that no more are accepted."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/sdk"


OK = b"HTTP/1.1 200 OK\r\n"


# --- what is sent ---------------------------------------------------------------------------------


async def test_a_request_is_a_soap_call() -> None:
    """POST to /sdk with the version of the API as SOAPAction; the answer may be packed."""
    async with way_to(answer(b"<answer/>")) as (host, transport):
        assert await post(transport) == b"<answer/>"

    [request] = host.requests
    head, _, body = request.decode().partition("\r\n\r\n")
    assert head.startswith("POST /sdk HTTP/1.1\r\n")
    assert body == "<call/>"
    assert host.headers("Host") == [host.authority]
    assert host.headers("SOAPAction") == ["urn:vim25/7.0"]
    assert host.headers("Content-Type") == ["text/xml; charset=utf-8"]
    assert host.headers("Accept-Encoding") == ["gzip"]
    assert host.headers("User-Agent") == ["eventd"]
    assert host.headers("Cookie") == []


async def test_a_fault_comes_with_status_500_and_is_an_answer() -> None:
    """SOAP 1.1, 6.2. What it says is read elsewhere."""
    async with way_to(answer(b"<fault/>", status="500 Internal Server Error")) as (_, transport):
        assert await post(transport) == b"<fault/>"


async def test_a_host_may_be_an_ipv6_address() -> None:
    """libvirt's ESX driver cannot do that."""
    async with way_to(answer(), host="::1") as (host, transport):
        assert await post(transport) == b"<ok/>"

    assert host.endpoint.startswith("http://[::1]:")
    assert host.headers("Host") == [host.authority]


# --- cookies --------------------------------------------------------------------------------------


async def test_a_cookie_goes_back_exactly_as_it_came() -> None:
    """VI servers put quotation marks around the value, and compare them."""
    cookie = 'Set-Cookie: vmware_soap_session="52a-b c"; Path=/; HttpOnly; Secure\r\n'
    async with way_to(answer(headers=cookie)) as (host, transport):
        await post(transport)
        await post(transport)

    assert host.headers("Cookie") == ['vmware_soap_session="52a-b c"']


async def test_a_new_cookie_takes_the_place_of_the_old_one() -> None:
    """Others stay; a cookie without a value is none."""
    replies = iter(
        [
            answer(headers="Set-Cookie: session=one; Path=/\r\nSet-Cookie: balancer=b\r\n"),
            answer(headers="Set-Cookie: session=two\r\nSet-Cookie: nothing\r\n"),
            answer(),
        ]
    )

    async def in_turn(
        host: RawHost, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await next(replies)(host, reader, writer)

    async with way_to(in_turn) as (host, transport):
        for _ in range(3):
            await post(transport)

    assert host.headers("Cookie") == ["session=one; balancer=b", "session=two; balancer=b"]


async def test_a_forgotten_session_is_not_offered_again() -> None:
    """A login begins without the cookie of the session before."""
    async with way_to(answer(headers="Set-Cookie: session=one\r\n")) as (host, transport):
        await post(transport)
        transport.forget_session()
        await post(transport)

    assert host.headers("Cookie") == []


# --- answers that do not come ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "behaviour",
    [
        hanging_after(b""),
        hanging_after(OK + b"Content-Length: 100\r\n\r\nabc"),
        dripping_after(OK + b"X: ", b"x", pause=SHORT / 20),
        dripping_after(OK + b"Content-Length: 1000\r\n\r\n", b"x", pause=SHORT / 20),
    ],
    ids=["never answers", "stops in the body", "drips headers", "drips a body"],
)
async def test_an_answer_that_is_not_complete_in_time_is_an_unreachable_host(
    behaviour: Behaviour,
) -> None:
    """The deadline covers all of it, however lively the host seems meanwhile."""
    async with way_to(behaviour) as (host, transport):
        with pytest.raises(HostUnreachable) as caught:
            await post(transport, deadline=SHORT)
        assert caught.value.message == f"{host.endpoint} did not answer within 0.05 s"


async def test_a_host_that_does_not_say_goodbye_leaves_no_connection_open(
    certificates: Certificates,
) -> None:
    """TLS ends with a word from both sides (RFC 8446, 6.1), for which nobody waits here."""

    async def deaf(
        host: RawHost, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await host.end.wait()
        writer.transport.abort()

    context = certificates.server_context(certificates.self_signed)
    async with listening(deaf, context=context) as host:
        before = open_files()
        async with Transport(host.endpoint, ssl_context=ssl_context(no_verify=True)) as transport:
            with pytest.raises(HostUnreachable):
                await post(transport, deadline=SHORT)

        assert open_files() - before == 1, "only the host's end may be open"


def open_files() -> int:
    """Return how many files this process has open."""
    return len(os.listdir("/proc/self/fd"))


async def test_a_connection_that_does_not_come_to_stand_is_an_unreachable_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A host that is off drops packets: that is known long before a long poll's deadline."""
    monkeypatch.setattr(transport_module, "CONNECT_SECONDS", SHORT)
    with full_queue() as endpoint:
        async with Transport(endpoint, ssl_context=None) as transport:
            with pytest.raises(HostUnreachable) as caught:
                await post(transport)
    assert caught.value.message == f"{endpoint} cannot be reached: no answer within 0.05 s"


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


async def test_a_port_on_which_nobody_listens_is_an_unreachable_host(free_port: int) -> None:
    """The sentence has the system's reason, without asyncio's words around it."""
    async with Transport(f"http://127.0.0.1:{free_port}/sdk", ssl_context=None) as transport:
        with pytest.raises(HostUnreachable) as caught:
            await post(transport)
    assert caught.value.message == (
        f"http://127.0.0.1:{free_port}/sdk cannot be reached: Connection refused"
    )


async def test_a_way_that_is_closed_while_a_name_is_looked_up_is_an_unreachable_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever looks it up is not cancelled, and goes on."""
    is_looked_up = asyncio.Event()

    async def look_up(*_: object, **__: object) -> None:
        is_looked_up.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)

    async def call(transport: Transport) -> str:
        with pytest.raises(HostUnreachable) as caught:
            await post(transport)
        return caught.value.message

    async with (
        asyncio.TaskGroup() as group,
        Transport("http://esx01.example/sdk", ssl_context=None) as transport,
    ):
        calling = group.create_task(call(transport))
        await is_looked_up.wait()

    assert await calling == "the way to http://esx01.example/sdk is closed"


async def test_a_name_that_means_nothing_is_an_unreachable_host() -> None:
    """RFC 6761: no name below .invalid exists. A machine without DNS says so in other words."""
    async with Transport("http://esx.invalid:80/sdk", ssl_context=None) as transport:
        with pytest.raises(HostUnreachable) as caught:
            await post(transport)
    assert caught.value.message in (
        "http://esx.invalid:80/sdk cannot be reached: Name or service not known",
        "http://esx.invalid:80/sdk cannot be reached: Temporary failure in name resolution",
    )


# --- answers that are cut -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [b"", OK + b"Content-Le"], ids=["closes at once", "closes in the headers"]
)
async def test_a_connection_that_is_closed_before_the_body_is_an_unreachable_host(
    text: bytes,
) -> None:
    """As a host does that restarts."""
    async with way_to(saying(text)) as (host, transport):
        with pytest.raises(HostUnreachable) as caught:
            await post(transport)
        assert caught.value.message == f"{host.endpoint} closed the connection before answering"


@pytest.mark.parametrize(
    "text",
    [
        OK + b"Content-Length: 100\r\n\r\n<half",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n<ha",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n<half\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + gzip.compress(b"<a/>")[:20],
    ],
    ids=["length", "in a chunk", "between chunks", "packed"],
)
async def test_a_body_that_is_cut_is_an_unreachable_host(text: bytes) -> None:
    """Half an answer is none, also where XML would not show it."""
    async with way_to(saying(text)) as (host, transport):
        with pytest.raises(HostUnreachable) as caught:
            await post(transport)
        assert caught.value.message == f"the answer of {host.endpoint} was cut in the middle"


# --- answers that are no answers ------------------------------------------------------------------


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_host_that_is_starting_up_is_an_unreachable_host(status: int) -> None:
    """The proxy in front of hostd and vpxd says so while they are not there yet."""
    async with way_to(answer(status=f"{status} Busy")) as (host, transport):
        with pytest.raises(HostUnreachable) as caught:
            await post(transport)
        assert caught.value.message == f"{host.endpoint} is not ready: HTTP status {status}"


@pytest.mark.parametrize("status", [204, 401, 403, 404, 501])
async def test_another_status_is_no_vi_endpoint(status: int) -> None:
    """The question is what a person has to look into."""
    async with way_to(answer(b"", status=f"{status} No")) as (host, transport):
        with pytest.raises(MalformedAnswer) as caught:
            await post(transport)
        assert caught.value.message == (
            f"{host.endpoint} answered with HTTP status {status}; is it a VI endpoint?"
        )


async def test_a_redirection_is_not_followed() -> None:
    """The request may be a login; the sentence tells where it would have gone."""
    async with listening(answer()) as elsewhere:
        moved = answer(status="302 Found", headers=f"Location: {elsewhere.endpoint}\r\n")
        async with way_to(moved) as (host, transport):
            with pytest.raises(MalformedAnswer) as caught:
                await post(transport)
        assert elsewhere.requests == []
    assert caught.value.message == (
        f"{host.endpoint} redirects to '{elsewhere.endpoint}', which is not followed; give the URI "
        f"the host, port and transport that it means"
    )


async def test_a_redirection_to_nowhere_says_so() -> None:
    """RFC 9110, 15.4: the header may be missing."""
    async with way_to(answer(status="301 Moved Permanently")) as (host, transport):
        with pytest.raises(MalformedAnswer) as caught:
            await post(transport)
    assert caught.value.message == (
        f"{host.endpoint} redirects to nowhere, which is not followed; give the URI the host, port "
        f"and transport that it means"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"\x00\xff garbage\r\n\r\n", "Bad status line"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "Bad status line"),
        (OK + b"Content-Length: -3\r\n\r\nabc", "Invalid character in Content-Length"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "Invalid character in chunk size"),
        (OK + b"X: " + b"x" * 9000 + b"\r\n\r\n", "Got more than 8190 bytes when reading"),
        (OK + b"X: y\r\n" * 9000 + b"\r\n", "Too many headers received"),
    ],
    ids=["bytes", "another protocol", "length", "chunk", "a huge header line", "many headers"],
)
async def test_what_is_not_http_is_a_malformed_answer(text: bytes, reason: str) -> None:
    """One line, without what the host has sent: it may be anything."""
    async with way_to(saying(text)) as (host, transport):
        with pytest.raises(MalformedAnswer) as caught:
            await post(transport)
        assert caught.value.message == f"{host.endpoint} does not answer in HTTP: {reason}"


async def test_an_endpoint_that_is_no_url_is_an_error_of_eventd_too() -> None:
    """Whatever aiohttp raises is translated."""
    async with Transport("nowhere", ssl_context=None) as transport:
        with pytest.raises(MalformedAnswer) as caught:
            await post(transport)
    assert caught.value.message == "nowhere does not answer in HTTP: nowhere"


# --- size and packing -----------------------------------------------------------------------------


async def test_an_answer_may_be_as_long_as_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cap is what is still taken."""
    monkeypatch.setattr(transport_module, "ANSWER_BYTES", 1000)
    async with way_to(answer(b"x" * 1000)) as (_, transport):
        assert len(await post(transport)) == 1000


@pytest.mark.parametrize(
    "behaviour",
    [
        answer(b"x" * 1001),
        dripping_after(
            OK + b"Transfer-Encoding: chunked\r\n\r\n", b"64\r\n" + b"x" * 100 + b"\r\n"
        ),
        answer(gzip.compress(b"x" * 1001), headers="Content-Encoding: gzip\r\n"),
    ],
    ids=["a byte too long", "endless", "packed"],
)
async def test_an_answer_above_the_cap_is_refused(
    behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused as soon as the cap is reached, not when all of it is there."""
    monkeypatch.setattr(transport_module, "ANSWER_BYTES", 1000)
    async with way_to(behaviour) as (host, transport):
        with pytest.raises(MalformedAnswer) as caught:
            await post(transport)
        assert caught.value.message == (
            f"the answer of {host.endpoint} is larger than 1000 bytes, which is the most that is "
            f"taken"
        )


async def test_a_bomb_does_not_go_off() -> None:
    """What unpacks to eight times the cap costs no more memory than an answer of the cap's size."""
    bomb = gzip.compress(bytes(8 * ANSWER_BYTES), compresslevel=1)
    async with way_to(answer(bomb, headers="Content-Encoding: gzip\r\n")) as (_, transport):
        tracemalloc.start()
        try:
            with pytest.raises(MalformedAnswer):
                await post(transport)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2 * ANSWER_BYTES


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"<answer/>")),
        ("GZIP", gzip.compress(b"<answer/>")),
        ("deflate", zlib.compress(b"<answer/>")),
        ("identity", b"<answer/>"),
    ],
)
async def test_an_answer_may_be_packed(encoding: str, packed: bytes) -> None:
    """As asked for, or as a proxy likes it."""
    behaviour = answer(packed, headers=f"Content-Encoding: {encoding}\r\n")
    async with way_to(behaviour) as (_, transport):
        assert await post(transport) == b"<answer/>"


@pytest.mark.parametrize(
    ("encoding", "body", "what"),
    [
        ("br", b"x", "is packed as 'br', which nobody asked for"),
        ("gzip, gzip", b"x", "is packed as 'gzip, gzip', which nobody asked for"),
        ("gzip", b"plain", "cannot be unpacked: it is not what its header says"),
        ("gzip", gzip.compress(b"x") + b"more", "cannot be unpacked: it goes on behind its end"),
    ],
)
async def test_a_packing_that_cannot_be_undone_is_a_malformed_answer(
    encoding: str, body: bytes, what: str
) -> None:
    """Each is said in its own words."""
    behaviour = answer(body, headers=f"Content-Encoding: {encoding}\r\n")
    async with way_to(behaviour) as (host, transport):
        with pytest.raises(MalformedAnswer) as caught:
            await post(transport)
        assert caught.value.message == f"the answer of {host.endpoint} {what}"


# --- files ----------------------------------------------------------------------------------------


async def test_a_file_is_fetched_from_beside_the_endpoint() -> None:
    """The path is sent as it is: another spelling may be another file."""
    async with way_to(answer(b"\xff\0")) as (host, transport):
        assert await get(transport) == b"\xff\0"

    [request] = host.requests
    head, _, body = request.decode().partition("\r\n\r\n")
    assert head.startswith(f"GET {FILE} HTTP/1.1\r\n")
    assert body == ""
    assert host.headers("Host") == [host.authority]
    assert host.headers("User-Agent") == ["eventd"]
    assert host.headers("Content-Type") == host.headers("SOAPAction") == []


async def test_a_host_with_an_ipv6_address_serves_files_too() -> None:
    """The address keeps its brackets."""
    async with way_to(answer(), host="::1") as (host, transport):
        assert await get(transport) == b"<ok/>"

    assert host.headers("Host") == [host.authority]


async def test_a_file_is_fetched_in_the_session_of_the_calls() -> None:
    """It is the cookie that says who asks."""
    async with way_to(answer(headers='Set-Cookie: session="one"\r\n')) as (host, transport):
        await post(transport)
        await get(transport)

    assert host.headers("Cookie") == ['session="one"']


@pytest.mark.parametrize(
    ("status", "kind", "name"),
    [
        (401, SessionExpired, "NotAuthenticated"),
        (403, Fault, "NoPermission"),
        (404, Fault, "FileNotFound"),
    ],
)
async def test_a_file_that_is_not_served_is_a_fault(
    status: int, kind: type[Fault], name: str
) -> None:
    """With VI's name for what HTTP says by a number; a lost session asks for a new login."""
    async with way_to(answer(b"<html>", status=f"{status} No")) as (host, transport):
        with pytest.raises(Fault) as caught:
            await get(transport)
    url = f"{host.endpoint.removesuffix('/sdk')}/folder/web01%2Fweb01%2b.vmx"
    assert type(caught.value) is kind
    assert caught.value.name == name
    assert caught.value.message == f"the host refused GET: {name}: HTTP status {status} for {url}"


@pytest.mark.parametrize("status", [500, 501])
async def test_another_status_of_a_file_is_no_vi_endpoint(status: int) -> None:
    """Nor is 500, which is an answer to a call alone."""
    async with way_to(answer(b"<fault/>", status=f"{status} No")) as (host, transport):
        with pytest.raises(MalformedAnswer) as caught:
            await get(transport)
    url = f"{host.endpoint.removesuffix('/sdk')}/folder/web01%2Fweb01%2b.vmx"
    assert caught.value.message == f"{url} answered with HTTP status {status}; is it a VI endpoint?"


@pytest.mark.parametrize(
    ("behaviour", "kind", "what"),
    [
        (hanging_after(b""), HostUnreachable, "{} did not answer within 0.05 s"),
        (saying(b""), HostUnreachable, "{} closed the connection before answering"),
        (
            saying(OK + b"Content-Length: 100\r\n\r\nhalf"),
            HostUnreachable,
            "the answer of {} was cut in the middle",
        ),
        (
            answer(gzip.compress(b"x" * 1001), headers="Content-Encoding: gzip\r\n"),
            MalformedAnswer,
            "the answer of {} is larger than 1000 bytes, which is the most that is taken",
        ),
    ],
    ids=["never answers", "closes", "cut", "too long"],
)
async def test_a_file_is_held_to_the_bounds_of_calls(
    behaviour: Behaviour, kind: type[Exception], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deadline and cap, and the same words."""
    monkeypatch.setattr(transport_module, "ANSWER_BYTES", 1000)
    async with way_to(behaviour) as (host, transport):
        with pytest.raises(kind) as caught:
            await get(transport, deadline=SHORT)
    assert str(caught.value) == what.format(host.endpoint)


async def test_a_file_may_come_packed() -> None:
    """It is asked for so, as answers are."""
    packed = answer(gzip.compress(b"text"), headers="Content-Encoding: gzip\r\n")
    async with way_to(packed) as (host, transport):
        assert await get(transport) == b"text"

    assert host.headers("Accept-Encoding") == ["gzip"]


async def test_a_file_at_an_endpoint_that_is_no_url_is_an_error_of_eventd_too() -> None:
    """As a call is."""
    async with Transport("nowhere", ssl_context=None) as transport:
        with pytest.raises(MalformedAnswer, match="nowhere does not answer in HTTP"):
            await get(transport)


# --- proxies --------------------------------------------------------------------------------------


async def tunnel(host: RawHost, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Do what a proxy does with CONNECT: join the two connections."""
    _, _, authority = host.requests[-1].split(b"\r\n")[0].decode().partition(" ")
    address, _, port = authority.split()[0].rpartition(":")
    there_reader, there_writer = await asyncio.open_connection(address, int(port))
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()

    await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))


async def test_a_plain_host_is_reached_through_the_proxy() -> None:
    """RFC 9112, 3.2.2: the proxy gets the whole URL, and the connection is to the proxy alone."""
    async with (
        listening(answer(b"<by-proxy/>")) as proxy,
        Transport("http://esx01.invalid:80/sdk", ssl_context=None, proxy=base_of(proxy)) as way,
    ):
        assert await post(way) == b"<by-proxy/>"
        assert await get(way) == b"<by-proxy/>"

    assert proxy.requests[0].startswith(b"POST http://esx01.invalid/sdk HTTP/1.1\r\n")
    assert proxy.requests[1].startswith(f"GET http://esx01.invalid{FILE} HTTP/1.1\r\n".encode())
    assert set(proxy.headers("Host")) == {"esx01.invalid"}


async def test_a_host_with_tls_is_reached_through_a_tunnel(certificates: Certificates) -> None:
    """The proxy sees neither the request nor the answer."""
    certificate = certificates.self_signed
    context = ssl_context(thumbprint=certificates.thumbprint(certificate, "sha256"))
    async with (
        listening(answer(), context=certificates.server_context(certificate)) as host,
        listening(tunnel) as proxy,
        Transport(host.endpoint, ssl_context=context, proxy=base_of(proxy)) as transport,
    ):
        assert await post(transport) == b"<ok/>"

    assert host.requests[0].startswith(b"POST /sdk HTTP/1.1\r\n")
    [request] = proxy.requests
    assert request.startswith(f"CONNECT {host.authority} HTTP/1.1\r\n".encode())


async def test_a_proxy_that_refuses_is_named() -> None:
    """It is the proxy that a person has to ask."""
    async with (
        listening(answer(status="403 Forbidden")) as proxy,
        Transport(
            "https://esx01.invalid/sdk", ssl_context=ssl_context(), proxy=base_of(proxy)
        ) as way,
    ):
        with pytest.raises(HostUnreachable) as caught:
            await post(way)
    assert caught.value.message == (
        f"the proxy {base_of(proxy)} refused the way to https://esx01.invalid/sdk: HTTP status 403"
    )


async def test_a_proxy_that_is_not_there_is_named(free_port: int) -> None:
    """The host may well be there."""
    proxy = f"http://127.0.0.1:{free_port}"
    async with Transport("http://esx01.invalid/sdk", ssl_context=None, proxy=proxy) as transport:
        with pytest.raises(HostUnreachable) as caught:
            await post(transport)
    assert caught.value.message == f"the proxy {proxy} cannot be reached: Connection refused"


def base_of(proxy: RawHost) -> str:
    """Return the URL of a proxy."""
    return f"http://{proxy.authority}"
