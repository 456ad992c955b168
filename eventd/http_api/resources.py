"""The table of what is served. Server and OpenAPI document are made from it."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

from eventd.http_api import openapi
from eventd.http_api.callbacks import Callbacks
from eventd.http_api.filters import WORDS
from eventd.http_api.openapi import Parameter, Route
from eventd.http_api.operations import NDJSON, Operations
from eventd.http_api.questions import Questions
from eventd.http_api.state import State
from eventd.http_api.streams import EventStreams
from eventd.http_api.subscriptions import Subscriptions
from eventd.model.operations import DomainOperation

__all__ = ["resources"]


def resources(
    *,
    streams: EventStreams,
    callbacks: Callbacks,
    subscriptions: Subscriptions,
    state: State,
    questions: Questions,
    operations: Operations,
) -> tuple[Route, ...]:
    """Return all that is served but the document itself."""
    return (
        Route(
            "/v1/events",
            streams.get,
            "Follow events as lines, server-sent events or WebSocket messages, from now on unless "
            "a parameter says where to begin.",
            (NDJSON, "text/event-stream"),
            (*_FILTERS, *_STREAM),
            (HTTPStatus.OK, HTTPStatus.SWITCHING_PROTOCOLS),
            (
                *(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.GONE),
                HTTPStatus.SERVICE_UNAVAILABLE,
            ),
        ),
        Route(
            "/v1/callbacks",
            callbacks.get,
            "List the registered callbacks and durable subscriptions, or register callbacks over a "
            "WebSocket.",
            statuses=(HTTPStatus.OK, HTTPStatus.SWITCHING_PROTOCOLS),
        ),
        Route(
            "/v1/callbacks",
            subscriptions.create,
            f"Make a durable subscription; the same one again changes nothing. {_WRITTEN}",
            statuses=(HTTPStatus.CREATED, HTTPStatus.OK),
            problems=(
                *_SENT,
                HTTPStatus.CONFLICT,
                HTTPStatus.GONE,
                HTTPStatus.TOO_MANY_REQUESTS,
                HTTPStatus.SERVICE_UNAVAILABLE,
            ),
            method="POST",
            body=_SUBSCRIPTION,
        ),
        Route(
            "/v1/callbacks/{name}/ack",
            subscriptions.acknowledge,
            "Acknowledge for a durable subscription all events up to a cursor. One that is behind "
            f"what is acknowledged already changes nothing. {_WRITTEN}",
            problems=(*_CHANGE, HTTPStatus.GONE),
            method="POST",
            body=_ACKNOWLEDGEMENT,
        ),
        Route(
            "/v1/callbacks/{name}",
            subscriptions.delete,
            f"Forget a durable subscription. {_WRITTEN}",
            statuses=(HTTPStatus.NO_CONTENT, HTTPStatus.OK),
            problems=(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
            method="DELETE",
        ),
        Route(
            "/v1/domains",
            state.domains,
            "List the domains and their states.",
            parameters=_DOMAIN_FILTERS,
            problems=(HTTPStatus.BAD_REQUEST,),
        ),
        Route(
            "/v1/domains/{domain}",
            state.domain,
            "Tell the state of the domain of this UUID or name.",
            parameters=_CONNECTION,
            problems=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
        ),
        Route(
            "/v1/domains/{domain}/config",
            operations.configuration,
            "Tell what the configuration file (VMX) of a domain says; on the read-only socket "
            "without passwords and keys.",
            parameters=_CONNECTION,
            problems=(
                *(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
                *_HOST,
            ),
        ),
        *(
            Route(
                f"/v1/domains/{{domain}}/{operation}",
                partial(operations.operate, operation),
                f"{summary} The answer comes when it is done; as {NDJSON} the progress before it.",
                ("application/json", NDJSON),
                _CONNECTION,
                problems=(*_CHANGE, HTTPStatus.CONFLICT, *_HOST),
                method="POST",
                body=_EMPTY,
            )
            for operation, summary in _OPERATIONS.items()
        ),
        Route(
            "/v1/questions",
            questions.questions,
            "List the questions that wait for an answer.",
            parameters=_DOMAIN_FILTERS,
            problems=(HTTPStatus.BAD_REQUEST,),
        ),
        Route(
            "/v1/questions/{id}",
            questions.question,
            "Tell a question that waits for an answer.",
            problems=(HTTPStatus.NOT_FOUND,),
        ),
        Route(
            "/v1/questions/{id}/answer",
            questions.answer,
            "Answer a question.",
            problems=(*_CHANGE, *_HOST),
            method="POST",
            body=_ANSWER,
        ),
        Route("/v1/connections", state.connections, "List the connections."),
        Route("/v1/schema", state.schemas, "List the types of events."),
        Route(
            "/v1/schema/{type}",
            state.schema,
            "Tell the JSON Schema of the data of one type of event.",
            ("application/schema+json",),
            problems=(HTTPStatus.NOT_FOUND,),
        ),
        Route(
            "/metrics",
            state.metrics,
            "Tell the counters and gauges of the daemon, for Prometheus.",
            ("text/plain",),
        ),
        Route("/healthz", state.healthz, "Tell that the process answers."),
        Route(
            "/readyz",
            state.readyz,
            "Tell whether at least one connection is in sync with its host.",
            statuses=(HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE),
        ),
    )


_WRITTEN = (
    "'written': false in the answer: the disk cannot be written now, and should the daemon end "
    "before it can, that is lost."
)

_OPERATIONS = {
    DomainOperation.START: "Start a domain.",
    DomainOperation.SHUTDOWN: "Ask the guest of a domain to shut down.",
    DomainOperation.DESTROY: "Power a domain off.",
    DomainOperation.SUSPEND: "Suspend a domain.",
    DomainOperation.RESUME: "Resume a suspended domain.",
    DomainOperation.REBOOT: "Ask the guest of a domain to reboot.",
    DomainOperation.RESET: "Reset a domain.",
}

_DOMAIN_FILTERS = (
    Parameter("domain", "UUID of a domain, or a glob of names."),
    Parameter("connection", "Name of a connection."),
    Parameter("host", "Name of the host that the domain is on."),
)

_FILTERS = (
    *_DOMAIN_FILTERS,
    Parameter("event", "Kind: what the event is about.", words=WORDS["event"]),
    Parameter("type", "What happened, where a kind has several types.", words=WORDS["type"]),
    Parameter("reason", "Word of the detail or the chief argument.", words=WORDS["reason"]),
)

_STREAM = (
    Parameter(
        "snapshot",
        "true: begin with the present state, as far as it is known. The first picture of a host "
        "tells no events: at a 'connected' event of a connection that was not connected at the "
        "snapshot, read the state again.",
        is_repeatable=False,
    ),
    Parameter(
        "since",
        "Begin with what happened at a time or later: 10m, 1732622400.25, 2026-11-20T12:00:00Z. "
        "What is recorded from now on is told whenever it happened. Where records of that time are "
        "forgotten, that is a gap: see 'on_gap'. A journal that has had nothing yet has none.",
        is_repeatable=False,
    ),
    Parameter("after", "Cursor of the last record that was seen.", is_repeatable=False),
    Parameter(
        "durable",
        "Name of a durable subscription: its filters, and what follows all that it acknowledged, "
        "or the cursor of 'after'.",
        is_repeatable=False,
    ),
    Parameter(
        "until",
        "Leave out what is recorded already and happened at a time or later; end at that time. "
        "The forms are those of 'since'.",
        is_repeatable=False,
    ),
    Parameter("limit", "End after so many events.", is_repeatable=False),
    Parameter(
        "follow",
        "false: end when all is told that is recorded already: from the beginning of the journal, "
        "if nothing else says where to begin.",
        is_repeatable=False,
    ),
    Parameter("heartbeat", "Time between heartbeat records: 15s.", is_repeatable=False),
    Parameter(
        "on_gap",
        "Where the journal no longer has what follows, or all of the time from 'since' on: error "
        "(410, or a gap record at the end of the stream), or event (a gap record, and then what is "
        "still held).",
        is_repeatable=False,
    ),
    Parameter("format", "ndjson, sse or websocket; else by Accept.", is_repeatable=False),
)

_CONNECTION = (
    Parameter("connection", "Name of the only connection to look in.", is_repeatable=False),
)

_EMPTY = {"type": "object", "additionalProperties": False}

_ANSWER = {
    "type": "object",
    "required": ["choice"],
    "properties": {
        "choice": {"type": "string", "description": "Key or label of one choice."},
    },
    "additionalProperties": False,
}

_CURSOR = {"type": "string", "description": "Cursor of a record."}

_SUBSCRIPTION = {
    "type": "object",
    "required": ["durable"],
    "properties": {
        "durable": {
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            "description": "Its name.",
        },
        "after": {**_CURSOR, "description": "Where to begin; else with what comes."},
        **{
            parameter.name: {
                "description": parameter.description,
                "oneOf": [text, {"type": "array", "items": text}],
            }
            for parameter in _FILTERS
            for text in [openapi.text_schema(parameter)]
        },
    },
    "additionalProperties": False,
}

_ACKNOWLEDGEMENT = {
    "type": "object",
    "required": ["cursor"],
    "properties": {"cursor": _CURSOR},
    "additionalProperties": False,
}

# The problems of all that has a body and changes something.
_SENT = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
)

# The problems of all that changes something which the path names.
_CHANGE = (*_SENT, HTTPStatus.NOT_FOUND)

# The problems of all that asks the host.
_HOST = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
