"""The simulator on the network: HTTP, cookies, waits in real time, and what is made to go wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import aiohttp
import pytest

from eventd.errors import Fault, MalformedAnswer, SessionExpired
from eventd.simulator import INSTANT, SimulatorServer, World, serve
from eventd.vi import calls
from eventd.vi.property_collector import ObjectSpec, PropertyFilterSpec, PropertySpec
from eventd.vi.soap import envelope
from eventd.vi.types import UpdateSet

T = TypeVar("T")


class Client:
    """A VI client over aiohttp, with a cookie jar of its own."""

    def __init__(self, http: aiohttp.ClientSession, server: SimulatorServer) -> None:
        self.http = http
        self.server = server
        self.inventory = server.world.inventory

    async def post(self, body: bytes) -> tuple[int, bytes]:
        async with self.http.post(self.server.url, data=body) as response:
            return response.status, await response.read()

    async def call(self, call: calls.Call[T]) -> T:
        _, body = await self.post(call.body)
        return call.parse(body)

    async def log_in(self) -> None:
        await self.call(
            calls.login(self.inventory.session_manager, user_name="root", password="pass")
        )

    async def follow(self, name: str, path: str) -> str:
        """Follow a property of one domain; returns the first version."""
        spec = PropertyFilterSpec(
            (PropertySpec("VirtualMachine", (path,)),),
            (ObjectSpec(self.server.world.domain(name)),),
        )
        await self.call(calls.create_filter(self.inventory.property_collector, spec))
        updates = await self.call(self.wait(""))
        assert updates is not None
        return updates.version

    def wait(self, version: str, *, seconds: int = 20) -> calls.Call[UpdateSet | None]:
        return calls.wait_for_updates_ex(
            self.inventory.property_collector,
            version=version,
            max_wait_seconds=seconds,
            max_object_updates=100,
        )


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)  # also for addresses without a name
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=timeout) as session:
        yield session


@pytest.fixture
async def server() -> AsyncIterator[SimulatorServer]:
    async with serve(World(now=datetime.now(UTC), pace=INSTANT)) as serving:
        yield serving


@pytest.fixture
async def client(http: aiohttp.ClientSession, server: SimulatorServer) -> Client:
    connected = Client(http, server)
    await connected.log_in()
    return connected


@asynccontextmanager
async def beside(call: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Future[T]]:
    """Make a call beside the test; it ends with the block at the latest."""
    task = asyncio.ensure_future(call)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_the_cookie_of_the_first_answer_is_the_session(
    http: aiohttp.ClientSession, server: SimulatorServer
) -> None:
    """It is set once, and a client that brings it back is known."""
    body = calls.retrieve_service_content().body

    async with (
        http.post(server.url, data=body) as first,
        http.post(server.url, data=body) as second,
    ):
        cookie = first.headers["Set-Cookie"]

    assert cookie.startswith('vmware_soap_session="')
    assert cookie.endswith('"; Path=/; HttpOnly')
    assert "Set-Cookie" not in second.headers


async def test_faults_come_with_status_500(client: Client) -> None:
    """pyVmomi takes a fault with any other status for a success."""
    status, body = await client.post(envelope("Nonsense", client.inventory.service_instance))

    assert status == 500
    assert b"<soapenv:Fault>" in body


async def test_what_is_no_soap_is_answered_with_a_soap_fault(client: Client) -> None:
    """And not with a page of the web server's."""
    status, body = await client.post(b"\xff\x00<<<")

    assert status == 500
    assert b"<soapenv:Fault>" in body


@pytest.mark.parametrize("path", ["/", "/sdk/nonsense", "/folder"])
async def test_other_paths_do_not_exist(
    http: aiohttp.ClientSession, server: SimulatorServer, path: str
) -> None:
    """There is nothing but the API and the files."""
    async with http.get(server.url.removesuffix("/sdk") + path) as response:
        assert response.status == 404


async def test_clients_choose_an_api_version_from_a_document(
    http: aiohttp.ClientSession, server: SimulatorServer
) -> None:
    """The host's own version stands first, older ones follow."""
    async with http.get(f"{server.url}/vimServiceVersions.xml") as response:
        text = await response.text()

    assert "<name>urn:vim25</name><version>8.0.2.0</version>" in text
    assert "<version>4.1</version>" in text
    assert "<version>8.0.3.0</version>" not in text


async def test_files_are_stored_and_served_to_those_who_are_logged_in(client: Client) -> None:
    """A slash in the path may be escaped; a domain's configuration is there from the start."""
    base = client.server.url.removesuffix("/sdk")
    query = "?dcPath=ha-datacenter&dsName=datastore1"

    async with client.http.put(f"{base}/folder/a%2Fb.vmx{query}", data=b"stored") as put:
        assert put.status == 201
    async with client.http.get(f"{base}/folder/a/b.vmx{query}") as got:
        assert await got.text() == "stored"
    async with client.http.get(f"{base}/folder/web01%2Fweb01.vmx{query}") as made:
        assert 'displayName = "web01"' in await made.text()
    async with client.http.get(f"{base}/folder/none{query}") as missing:
        assert missing.status == 404
    async with aiohttp.ClientSession() as anonymous, anonymous.get(f"{base}/folder/x") as refused:
        assert refused.status == 401


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?dsName=datastore1",
        "?dcPath=ha-datacenter",
        "?dcPath=other&dsName=datastore1",
        "?dcPath=ha-datacenter&dsName=other",
    ],
)
async def test_files_are_nowhere_but_on_the_datastore_of_the_datacenter(
    client: Client, query: str
) -> None:
    """The host wants to be told both, and stores nothing elsewhere."""
    url = f"{client.server.url.removesuffix('/sdk')}/folder/web01%2Fweb01.vmx{query}"

    async with client.http.get(url) as got, client.http.put(url, data=b"stored") as put:
        assert (got.status, put.status) == (404, 404)
    assert client.server.world.files == {}


async def test_a_change_by_script_wakes_a_client_that_waits(client: Client) -> None:
    """Nobody has to tell the server."""
    version = await client.follow("web01", "runtime.powerState")
    world = client.server.world

    async with beside(client.call(client.wait(version))) as waiting:
        await client.server.until_calls_wait(1)
        world.power_on("web01", now=client.server.now())
        updates = await waiting

    assert updates is not None
    assert updates.filters[0].objects[0].changes == {"runtime.powerState": "poweredOn"}


async def test_a_wait_ends_empty_at_its_limit(client: Client) -> None:
    """With a limit of nothing it does not wait at all."""
    version = await client.follow("web01", "runtime.powerState")

    assert await client.call(client.wait(version, seconds=0)) is None


async def test_the_expiry_of_sessions_reaches_a_client_that_waits(client: Client) -> None:
    """It has to log in again."""
    version = await client.follow("web01", "runtime.powerState")

    async with beside(client.call(client.wait(version))) as waiting:
        await client.server.until_calls_wait(1)
        client.server.expire_sessions()
        with pytest.raises(SessionExpired):
            await waiting


async def test_a_logout_reaches_the_call_of_the_same_session_that_waits(client: Client) -> None:
    """As an expiry does; nothing else has to happen on the host."""
    version = await client.follow("web01", "name")

    async with beside(client.call(client.wait(version))) as waiting:
        await client.server.until_calls_wait(1)
        await client.call(calls.logout(client.inventory.session_manager))
        with pytest.raises(SessionExpired):
            await waiting


async def test_an_old_wait_can_be_made_to_end_empty(http: aiohttp.ClientSession) -> None:
    """The update set has the version of before, and nothing else."""
    world = World(now=datetime.now(UTC), api_version="2.5")
    async with serve(world, empty_update_interval=timedelta()) as server:
        client = Client(http, server)
        await client.log_in()
        spec = PropertyFilterSpec(
            (PropertySpec("VirtualMachine", ("name",)),), (ObjectSpec(world.domain("web01")),)
        )
        collector = client.inventory.property_collector
        await client.call(calls.create_filter(collector, spec))
        first = await client.call(calls.wait_for_updates(collector, version=""))

        second = await client.call(calls.wait_for_updates(collector, version=first.version))

    assert (second.version, second.filters) == (first.version, [])


CONTENT = calls.retrieve_service_content()


@pytest.mark.parametrize(
    "plan", [lambda faults: faults.drop(), lambda faults: faults.cut("RetrieveServiceContent")]
)
async def test_a_connection_can_be_made_to_break(
    client: Client, plan: Callable[[Any], None]
) -> None:
    """The next call is served again."""
    plan(client.server.faults)

    with pytest.raises(aiohttp.ClientError):
        await client.post(CONTENT.body)
    assert await client.call(CONTENT)


@pytest.mark.parametrize("plan", [lambda faults: faults.truncate(), lambda faults: faults.garble()])
async def test_an_answer_can_be_made_unreadable(
    client: Client, plan: Callable[[Any], None]
) -> None:
    """HTTP sees nothing wrong in it."""
    plan(client.server.faults)

    status, body = await client.post(CONTENT.body)

    assert status == 200
    with pytest.raises(MalformedAnswer):
        CONTENT.parse(body)
    assert await client.call(CONTENT)


async def test_an_answer_can_be_made_huge(client: Client) -> None:
    """By as much as wanted."""
    client.server.faults.inflate(1_000_000)

    _, body = await client.post(CONTENT.body)

    assert len(body) > 1_000_000


async def test_an_answer_can_be_made_late(client: Client) -> None:
    """Later than the client has patience."""
    client.server.faults.delay(60)

    with pytest.raises(TimeoutError):
        await client.http.post(
            client.server.url, data=CONTENT.body, timeout=aiohttp.ClientTimeout(total=0.05)
        )
    assert await client.call(CONTENT)


async def test_a_host_can_be_made_unavailable(client: Client) -> None:
    """A call that is answered so has no effect."""
    client.server.faults.status(503, "PowerOnVM_Task")
    domain = client.server.world.domain("web01")

    status, body = await client.post(envelope("PowerOnVM_Task", domain))

    assert (status, body) == (503, b"")
    assert client.server.world.tasks.of(domain) == []


async def test_the_sessions_can_be_made_to_end_before_a_call(client: Client) -> None:
    """Whatever call it is, it finds itself logged out."""
    client.server.faults.expire("CurrentTime")

    await client.call(CONTENT)
    with pytest.raises(SessionExpired):
        await client.call(calls.current_time())
    await client.log_in()
    await client.call(calls.current_time())


async def test_a_fault_waits_for_the_method_that_it_is_meant_for(client: Client) -> None:
    """Other calls are served as ever."""
    client.server.faults.garble("CurrentTime")

    await client.call(CONTENT)
    with pytest.raises(MalformedAnswer):
        await client.call(calls.current_time())


async def test_a_host_comes_back_at_its_address_with_its_domains_and_without_sessions(
    client: Client,
) -> None:
    """As a real host does when its service is restarted; clients that wait are cut off."""
    version = await client.follow("web01", "runtime.powerState")
    url = client.server.url

    async with beside(client.call(client.wait(version))) as waiting:
        await client.server.until_calls_wait(1)
        await client.server.stop()
        with pytest.raises((aiohttp.ClientError, SessionExpired)):
            await waiting
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.post(CONTENT.body)
    client.server.world.power_on("web01", now=client.server.now())
    await client.server.start()

    assert client.server.url == url
    with pytest.raises(SessionExpired):
        await client.call(calls.current_time())
    await client.log_in()
    await client.follow("web01", "runtime.powerState")
    assert client.server.world.read("web01", "runtime.powerState") == "poweredOn"


async def test_a_client_that_goes_away_leaves_no_wait_behind(client: Client) -> None:
    """Its call is cancelled."""
    version = await client.follow("web01", "runtime.powerState")

    async with beside(client.call(client.wait(version))) as waiting:
        await client.server.until_calls_wait(1)
        waiting.cancel()
        await client.server.until_calls_wait(0)


async def test_tls_is_spoken_where_a_certificate_is_given(
    http: aiohttp.ClientSession, server_tls: ssl.SSLContext
) -> None:
    """The cookie is for TLS only then."""
    async with serve(World(now=datetime.now(UTC)), ssl_context=server_tls) as server:
        async with http.post(server.url, data=CONTENT.body, ssl=False) as response:
            cookie = response.headers["Set-Cookie"]
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.post(server.url, data=CONTENT.body)

    assert server.url.startswith("https://127.0.0.1:")
    assert server.uri == f"esx://root@127.0.0.1:{server.port}/?no_verify=1"
    assert cookie.endswith("; Secure")


async def test_a_stop_does_not_wait_for_answers_that_are_late(client: Client) -> None:
    """Connections are cut off whatever they are doing; stopping twice is harmless."""
    client.server.faults.delay(1000)
    async with beside(client.post(CONTENT.body)) as late:
        await client.server.until_calls_wait(1)
        await client.server.stop()
        await client.server.stop()
        with pytest.raises(aiohttp.ClientError):
            await late


async def test_two_sessions_do_not_disturb_each_other(
    client: Client, server: SimulatorServer
) -> None:
    """Each has collectors of its own."""
    await client.follow("web01", "name")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        other = Client(http, server)
        await other.log_in()

        assert await other.call(other.wait("", seconds=0)) is None
        with pytest.raises(Fault, match="InvalidCollectorVersion"):
            await other.call(other.wait("1", seconds=0))


@pytest.mark.parametrize(("accepted", "coding"), [("gzip, deflate", "gzip"), ("identity", None)])
async def test_a_long_answer_is_compressed_for_who_accepts_it(
    server: SimulatorServer, http: aiohttp.ClientSession, accepted: str, coding: str | None
) -> None:
    """A short one is not; both read the same."""
    call = calls.retrieve_service_content()
    headers = {"Accept-Encoding": accepted}
    short = envelope("CurrentTime", server.world.inventory.service_instance)

    async with http.post(server.url, data=call.body, headers=headers) as response:
        content = call.parse(await response.read())
        assert response.headers.get("Content-Encoding") == coding
    async with http.post(server.url, data=short, headers=headers) as response:
        assert "Content-Encoding" not in response.headers

    assert content.property_collector == server.world.inventory.property_collector
