from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from eventd.model.ids import EventKind
from eventd.model.operations import DomainOperation
from tests.http_api.fake_daemon import Daemon


@asynccontextmanager
async def requested(
    path: Path, method: str, resource: str
) -> AsyncIterator[aiohttp.ClientResponse]:
    connector = aiohttp.UnixConnector(str(path))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, f"http://eventd{resource}") as response,
    ):
        yield response


async def openapi(daemon: Daemon) -> Any:
    async with requested(daemon.socket, "GET", "/openapi.json") as response:
        return await response.json()


async def test_the_document_lists_exactly_what_is_served(daemon: Daemon) -> None:
    """One table makes both; each path of the document leads somewhere, by each of its methods."""
    paths = (await openapi(daemon))["paths"]
    listed = [(method, path) for path in paths for method in paths[path]]
    assert listed == [(route.method.lower(), route.path) for route in daemon.api.routes]
    for method, path in listed:
        stated = paths[path][method]["responses"]
        for socket in (daemon.socket, daemon.read_only_socket):
            async with requested(socket, method, re.sub(r"\{\w+\}", "x", path)) as response:
                assert str(response.status) in stated
                expected = stated[str(response.status)]["content"]
                assert response.content_type in expected


async def test_the_document_has_every_operation(daemon: Daemon) -> None:
    """Each is a resource of its own, which says what it can be sent."""
    paths = (await openapi(daemon))["paths"]
    for operation in DomainOperation:
        described = paths[f"/v1/domains/{{domain}}/{operation}"]["post"]
        assert [each["name"] for each in described["parameters"]] == ["domain", "connection"]
        assert described["requestBody"]["required"] is False
        assert "application/x-ndjson" in described["responses"]["200"]["content"]
    answer = paths["/v1/questions/{id}/answer"]["post"]["requestBody"]
    assert answer["required"] is True
    assert answer["content"]["application/json"]["schema"]["required"] == ["choice"]


async def test_the_document_lists_every_key_of_the_event_query(daemon: Daemon) -> None:
    """The answer to an unknown key names the same keys."""
    parameters = (await openapi(daemon))["paths"]["/v1/events"]["get"]["parameters"]
    names = [parameter["name"] for parameter in parameters]
    async with requested(daemon.socket, "GET", "/v1/events?x=1") as response:
        assert (await response.json(content_type=None))["detail"].endswith(", ".join(names))


async def test_the_document_has_the_words_that_filters_take(daemon: Daemon) -> None:
    """A client that is made from it refuses a misspelt word by itself."""
    parameters = (await openapi(daemon))["paths"]["/v1/events"]["get"]["parameters"]
    words = {each["name"]: each["schema"].get("items", {}).get("enum") for each in parameters}
    assert words["event"] == list(EventKind)
    assert {"started", "raised"} <= set(words["type"])
    assert {"booted", "enospc"} <= set(words["reason"])
    assert words["domain"] is None


@pytest.mark.parametrize("resource", ["/", "/v1", "/v1/events/", "/v2/events", "/v1/%00", "//"])
async def test_an_unknown_resource_is_a_problem(daemon: Daemon, resource: str) -> None:
    """It says where the resources are listed."""
    async with requested(daemon.read_only_socket, "GET", resource) as response:
        problem = await response.json(content_type="application/problem+json")
    assert (response.status, problem["status"], problem["code"]) == (404, 404, "not-found")
    assert "/openapi.json" in problem["detail"]


@pytest.mark.parametrize("is_read_only", [True, False])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
async def test_a_method_that_a_resource_does_not_have_is_a_problem(
    daemon: Daemon, method: str, is_read_only: bool
) -> None:
    """The answer names those that it has, on both sockets."""
    path = daemon.read_only_socket if is_read_only else daemon.socket
    async with requested(path, method, "/v1/events") as response:
        problem = await response.json(content_type="application/problem+json")
    assert (response.status, problem["code"]) == (405, "method-not-allowed")
    assert response.headers["Allow"] == "GET"
    assert problem["detail"] == f"{method} is not possible at /v1/events; use GET"
    async with requested(path, method, "/nowhere") as response:
        assert response.status == 404


async def test_a_head_is_answered_without_a_body(daemon: Daemon) -> None:
    """A stream has no head of its own to look at; the header says what there is."""
    async with requested(daemon.read_only_socket, "HEAD", "/v1/events") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET")
        assert await response.read() == b""


async def test_a_failure_of_the_daemon_is_a_problem_without_details(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has the traceback, the client only learns that there is one."""

    def fail() -> None:
        raise ZeroDivisionError("secret of the house")

    monkeypatch.setattr(daemon.directory, "domains", fail)
    async with requested(daemon.socket, "GET", "/v1/domains") as response:
        text = await response.text()
    assert (response.status, json.loads(text)["code"]) == (500, "internal-error")
    assert "secret" not in text


@pytest.mark.curl
async def test_curl_reads_the_list_of_domains(daemon: Daemon) -> None:
    """The client that every administrator has."""
    daemon.directory.add(1)
    process = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--fail", "--unix-socket", str(daemon.read_only_socket),
        "http://eventd/v1/domains", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(output)["domains"][0]["domain"]["name"] == "web-1"
