"""What the daemon knows now: domains, connections, health, and the schemas of what it sends."""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import Any

from aiohttp import web

from eventd import metrics
from eventd.http_api import problems
from eventd.http_api.bodies import json_response, list_response
from eventd.http_api.queries import ConnectionQuery, DomainQuery
from eventd.journal.journal import Journal
from eventd.model.cloudevents import data_schemas
from eventd.model.directory import Directory, find_domain
from eventd.model.domain import ConnectionState, DomainStatus

__all__ = ["State"]


class State:
    """Answers questions about the present."""

    def __init__(self, directory: Directory, journal: Journal) -> None:
        self._directory = directory
        self._journal = journal

    @cached_property
    def _schemas(self) -> dict[str, dict[str, Any]]:
        # Made when somebody first asks: few do, and it takes as long as thousands of events.
        return data_schemas()

    async def domains(self, request: web.Request) -> web.StreamResponse:
        """List the domains that match the query."""
        wants = DomainQuery.parse(request.query).filter.matches_domain
        return await list_response(
            request,
            "domains",
            self._directory.domains(),
            wants=lambda status: wants(status.domain),
            describe=_describe,
        )

    async def domain(self, request: web.Request) -> web.Response:
        """Tell the state of one domain.

        Raises:
            NoSuchDomain: no domain has the UUID or the name, or several have.
        """
        query = ConnectionQuery.parse(request.query)
        text = request.match_info["domain"]
        status = find_domain(self._directory.domains(), text, connection=query.connection)
        return json_response(_describe(status))

    async def connections(self, _: web.Request) -> web.Response:
        """List the connections."""
        return json_response({"connections": self._directory.connections()})

    async def healthz(self, _: web.Request) -> web.Response:
        """Tell that the process answers."""
        return json_response({"status": "ok"})

    async def readyz(self, _: web.Request) -> web.Response:
        """Tell whether at least one connection is in sync with its host, and what is wrong."""
        connections = self._directory.connections()
        problem = self._journal.problem
        is_ready = any(each.state is ConnectionState.CONNECTED for each in connections)
        return json_response(
            {
                "status": "ready" if is_ready else "not ready",
                "journal": {"durable": problem is None, "error": problem},
                "connections": [
                    {"name": each.name, "state": each.state, "error": each.error}
                    for each in connections
                ],
            },
            status=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE,
        )

    async def metrics(self, _: web.Request) -> web.Response:
        """Tell the counters and gauges of the daemon."""
        return web.Response(
            body=metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE}
        )

    async def schemas(self, _: web.Request) -> web.Response:
        """List the types of events and where their schemas are."""
        return json_response({"types": {each: f"/v1/schema/{each}" for each in self._schemas}})

    async def schema(self, request: web.Request) -> web.Response:
        """Tell the JSON Schema of the data of one type of event."""
        ce_type = request.match_info["type"]
        if ce_type not in self._schemas:
            detail = f"{ce_type[:80]!r} is not a type of event; /v1/schema lists them"
            return problems.response(HTTPStatus.NOT_FOUND, "not-found", detail)
        return json_response(self._schemas[ce_type], content_type="application/schema+json")


def _describe(status: DomainStatus) -> dict[str, object]:
    return {**status.model_dump(exclude_none=True), "state_name": status.state.word}
