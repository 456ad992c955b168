"""What the daemon knows now: domains, connections, health, and the schemas of what it sends."""

from __future__ import annotations

import asyncio
from functools import cached_property
from http import HTTPStatus
from itertools import islice
from typing import Any

from aiohttp import web
from pydantic_core import to_json

from eventd.errors import NoSuchDomain
from eventd.http_api import problems
from eventd.http_api.queries import DomainQuery
from eventd.model.cloudevents import data_schemas
from eventd.model.directory import Directory
from eventd.model.domain import ConnectionState, DomainStatus

__all__ = ["State"]

_PAGE = 64
"""Domains that are looked at and encoded at once."""


class State:
    """Answers questions about the present."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    @cached_property
    def _schemas(self) -> dict[str, dict[str, Any]]:
        # Made when somebody first asks: few do, and it takes as long as thousands of events.
        return data_schemas()

    async def domains(self, request: web.Request) -> web.StreamResponse:
        """List the domains that match the query.

        Page by page: of the list of a large site, no client makes the daemon hold more than a
        little, or makes others wait.
        """
        wants = DomainQuery.parse(request.query).filter.matches_domain
        waiting = iter(self._directory.domains())
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"domains":[')
        separator = b""
        while page := list(islice(waiting, _PAGE)):
            if wanted := [_describe(status) for status in page if wants(status.domain)]:
                await response.write(separator + to_json(wanted)[1:-1])
                separator = b","
            await asyncio.sleep(0)
        await response.write(b"]}")
        return response

    async def domain(self, request: web.Request) -> web.Response:
        """Tell the state of one domain.

        Raises:
            NoSuchDomain: no domain has the UUID, or several have.
        """
        uuid = request.match_info["uuid"].lower()
        matches = [each for each in self._directory.domains() if each.domain.uuid == uuid]
        if not matches:
            raise NoSuchDomain(f"no domain has the UUID {uuid[:80]}; /v1/domains lists them")
        if len(matches) > 1:
            raise NoSuchDomain(f"several domains have the UUID {uuid}: {_enumerate(matches)}")
        return _json(_describe(matches[0]))

    async def connections(self, _: web.Request) -> web.Response:
        """List the connections."""
        return _json({"connections": self._directory.connections()})

    async def healthz(self, _: web.Request) -> web.Response:
        """Tell that the process answers."""
        return _json({"status": "ok"})

    async def readyz(self, _: web.Request) -> web.Response:
        """Tell whether at least one connection is in sync with its host."""
        connections = self._directory.connections()
        is_ready = any(each.state is ConnectionState.CONNECTED for each in connections)
        return _json(
            {
                "status": "ready" if is_ready else "not ready",
                "connections": [
                    {"name": each.name, "state": each.state, "error": each.error}
                    for each in connections
                ],
            },
            status=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE,
        )

    async def schemas(self, _: web.Request) -> web.Response:
        """List the types of events and where their schemas are."""
        return _json({"types": {each: f"/v1/schema/{each}" for each in self._schemas}})

    async def schema(self, request: web.Request) -> web.Response:
        """Tell the JSON Schema of the data of one type of event."""
        ce_type = request.match_info["type"]
        if ce_type not in self._schemas:
            detail = f"{ce_type[:80]!r} is not a type of event; /v1/schema lists them"
            return problems.response(HTTPStatus.NOT_FOUND, "not-found", detail)
        return _json(self._schemas[ce_type], content_type="application/schema+json")


def _describe(status: DomainStatus) -> dict[str, object]:
    return {**status.model_dump(exclude_none=True), "state_name": status.state.word}


def _enumerate(statuses: list[DomainStatus]) -> str:
    domains = [status.domain for status in statuses]
    return ", ".join(f"{each.connection}/{each.reference} ({each.name})" for each in domains)


def _json(
    value: object,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    content_type: str = "application/json",
) -> web.Response:
    body = to_json(value, exclude_none=True)
    return web.Response(status=status, body=body, content_type=content_type)
