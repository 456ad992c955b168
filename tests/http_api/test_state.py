from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from eventd import metrics
from eventd.model.cloudevents import data_schemas
from eventd.model.domain import ConnectionState, DomainState
from tests.http_api.fake_daemon import ODD_NAMES, Daemon, uuid_of


class Get:
    """GET on the read-only socket."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def __call__(self, path: str) -> tuple[int, Any]:
        async with self._session.get(f"http://eventd{path}") as response:
            return response.status, await response.json(content_type=None)


@pytest.fixture
async def get(daemon: Daemon) -> AsyncIterator[Get]:
    connector = aiohttp.UnixConnector(str(daemon.read_only_socket))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Get(session)


async def test_domains_are_listed_with_numbers_and_words(daemon: Daemon, get: Get) -> None:
    """libvirt's number of the state and virsh's word."""
    daemon.directory.add(1)
    daemon.directory.add(2, DomainState.SHUTOFF)
    status, body = await get("/v1/domains")
    assert status == 200
    assert [each["domain"]["name"] for each in body["domains"]] == ["web-1", "web-2"]
    assert [each["state"] for each in body["domains"]] == [1, 5]
    assert [each["state_name"] for each in body["domains"]] == ["running", "shut off"]


@pytest.mark.parametrize("count", [0, 1, 64, 65, 1000])
async def test_a_list_of_any_length_is_one_document(daemon: Daemon, get: Get, count: int) -> None:
    """However many pages it is sent in."""
    for number in range(count):
        daemon.directory.add(number)
    _, body = await get("/v1/domains")
    assert [each["domain"]["id"] for each in body["domains"]] == list(range(count))


async def test_a_list_with_few_matches_among_many_is_one_document(daemon: Daemon, get: Get) -> None:
    """Pages without a match leave no trace in it."""
    for number in range(1000):
        daemon.directory.add(number)
    _, body = await get("/v1/domains?domain=web-70&domain=web-900")
    assert [each["domain"]["id"] for each in body["domains"]] == [70, 900]


async def test_domains_can_be_chosen_like_events(daemon: Daemon, get: Get) -> None:
    """The same keys with the same meaning."""
    daemon.directory.add(1)
    daemon.directory.add(2)
    _, body = await get("/v1/domains?domain=*-2&connection=lab&host=esx01")
    assert [each["domain"]["name"] for each in body["domains"]] == ["web-2"]
    status, problem = await get("/v1/domains?type=started")
    assert (status, problem["code"]) == (400, "invalid-argument")


@pytest.mark.parametrize("text", [uuid_of(1), uuid_of(1).upper(), "web-1"])
async def test_a_domain_is_found_by_uuid_or_name(daemon: Daemon, get: Get, text: str) -> None:
    """In either case of the letters of the UUID."""
    daemon.directory.add(1)
    daemon.directory.add(2)
    status, body = await get(f"/v1/domains/{text}")
    assert (status, body["domain"]["name"]) == (200, "web-1")


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_a_domain_is_found_by_any_name(daemon: Daemon, get: Get, name: str) -> None:
    """Percent-encoded in the path; a slash in it does not part."""
    daemon.directory.add(1)
    daemon.directory.add(2, name=name)
    status, body = await get(f"/v1/domains/{quote(name, safe='')}")
    assert (status, body["domain"]["name"]) == (200, name)


async def test_an_unknown_domain_is_a_problem_with_libvirts_code(get: Get) -> None:
    """42 is ``VIR_ERR_NO_DOMAIN``; the hint says where the domains are listed."""
    status, problem = await get(f"/v1/domains/{uuid_of(7)}")
    assert (status, problem["code"], problem["libvirt_code"]) == (404, "no-such-domain", 42)
    assert problem["hint"] == "'eventd domains' lists the domains"


async def test_a_uuid_of_two_domains_is_a_problem_that_lists_them(daemon: Daemon, get: Get) -> None:
    """A copied domain may have its original's UUID; eventd does not choose between them."""
    daemon.directory.add(1)
    daemon.directory.add(1, connection="other")
    status, problem = await get(f"/v1/domains/{uuid_of(1)}")
    assert (status, problem["code"]) == (409, "ambiguous-domain")
    assert "vm-1 on lab" in problem["detail"]
    assert "vm-1 on other" in problem["detail"]


async def test_the_connection_chooses_between_two_domains(daemon: Daemon, get: Get) -> None:
    """It is the only key that the query has, and is given once."""
    daemon.directory.add(1)
    daemon.directory.add(1, connection="other")
    status, body = await get("/v1/domains/web-1?connection=other")
    assert (status, body["domain"]["connection"]) == (200, "other")
    for query in ("connection=", "connection=lab&connection=other", "host=esx01"):
        status, problem = await get(f"/v1/domains/web-1?{query}")
        assert (status, problem["code"]) == (400, "invalid-argument")


async def test_connections_are_listed(daemon: Daemon, get: Get) -> None:
    """In the order of the directory, with what is wrong."""
    daemon.directory.connect("esx01", ConnectionState.CONNECTED)
    daemon.directory.connect("esx02", ConnectionState.DISCONNECTED, "no answer")
    _, body = await get("/v1/connections")
    assert [each["state"] for each in body["connections"]] == ["connected", "disconnected"]
    assert body["connections"][1]["error"] == "no answer"


async def test_health_needs_no_connection(get: Get) -> None:
    """The process answers: that is all it says."""
    assert await get("/healthz") == (200, {"status": "ok"})


@pytest.mark.parametrize("read_only", [True, False])
async def test_what_is_counted_is_served_for_prometheus(daemon: Daemon, read_only: bool) -> None:
    """On both sockets, as its own parser reads it."""
    metrics.questions_pending.labels("lab").set(3)
    socket = daemon.read_only_socket if read_only else daemon.socket
    connector = aiohttp.UnixConnector(str(socket))
    async with (
        aiohttp.ClientSession("http://eventd", connector=connector) as session,
        session.get("/metrics") as response,
    ):
        text = await response.text()
        kind = response.headers["Content-Type"]

    assert kind.startswith("text/plain; version=")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["eventd_questions_pending", "lab"] == 3
    assert ("eventd_subscribers",) in samples


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([ConnectionState.CONNECTED], 200),
        ([ConnectionState.DISCONNECTED, ConnectionState.CONNECTED], 200),
        ([ConnectionState.CONNECTING], 503),
        ([ConnectionState.DISCONNECTED], 503),
        ([], 503),
    ],
)
async def test_ready_means_that_one_connection_is_in_sync(
    daemon: Daemon, get: Get, states: list[ConnectionState], expected: int
) -> None:
    """The body names each connection in either case."""
    for number, state in enumerate(states):
        daemon.directory.connect(f"esx{number}", state)
    status, body = await get("/readyz")
    assert status == expected
    assert [(each["name"], each["state"]) for each in body["connections"]] == [
        (f"esx{number}", state) for number, state in enumerate(states)
    ]
    assert body["journal"] == {"durable": True, "error": None}


async def test_every_type_of_event_has_its_schema(get: Get) -> None:
    """The index leads to each; each is what the model says."""
    schemas = data_schemas()
    _, index = await get("/v1/schema")
    assert index["types"].keys() == schemas.keys()
    for ce_type, path in index["types"].items():
        assert await get(path) == (200, schemas[ce_type])


async def test_an_unknown_type_has_no_schema(get: Get) -> None:
    """The problem says where the types are."""
    status, problem = await get("/v1/schema/eventd.domain.lifecycle.started.v2")
    assert (status, problem["code"]) == (404, "not-found")
    assert "/v1/schema" in problem["detail"]
