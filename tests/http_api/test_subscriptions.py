from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic_core import from_json

from eventd.client import Client
from eventd.http_api.subscriptions import MOST_SUBSCRIPTIONS, Subscriptions
from eventd.model.record import Cursor
from eventd.model.subscriptions import Subscription
from tests.http_api.fake_daemon import (
    NOW,
    Daemon,
    FailingJournal,
    MakeDaemon,
    started,
    stopped,
    uuid_of,
)
from tests.http_api.test_streams import line, opened
from tests.journal.test_durable import kept_from_writing
from tests.journal.things import opened as opened_journal

CALLBACKS = "http://eventd/v1/callbacks"


class Agent:
    """A program that keeps a durable subscription."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def subscribe(self, **body: object) -> tuple[int, Any]:
        return await self.ask("POST", "", body)

    async def acknowledge(self, name: str, cursor: object) -> tuple[int, Any]:
        return await self.ask("POST", f"/{name}/ack", {"cursor": cursor})

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self.session.request(method, CALLBACKS + path, json=body) as response:
            answer = await response.read()
            return response.status, from_json(answer) if answer else None

    async def durable(self) -> list[Any]:
        status, answer = await self.ask("GET", "")
        assert status == 200
        return list(answer["durable"])


def agent_of(path: Path) -> Agent:
    return Agent(aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))))


@pytest.fixture
async def agent(daemon: Daemon) -> AsyncIterator[Agent]:
    agent = agent_of(daemon.socket)
    async with agent.session:
        yield agent


async def test_a_subscription_is_made_once_and_said_at_each_start(
    daemon: Daemon, agent: Agent
) -> None:
    """The second time nothing changes, in whatever order the filters come."""
    daemon.record(started(1))
    made = await agent.subscribe(durable="agent", event="lifecycle", type=["stopped", "started"])
    assert made == (
        201,
        {
            "durable": "agent",
            "filters": {"event": ["lifecycle"], "type": ["started", "stopped"]},
            "acknowledged": "e1-1",
            "created_at": "2026-11-20T12:00:00Z",
        },
    )
    daemon.record(started(2))
    daemon.clock.now = datetime(2027, 1, 1, tzinfo=UTC)
    again = await agent.subscribe(
        type=["started", "stopped", "started"], event=["lifecycle"], durable="agent", after="e1-0"
    )
    assert again == (200, made[1])
    assert await agent.durable() == [{**made[1], "lag": 1}]


async def test_the_same_name_with_other_filters_is_a_conflict(agent: Agent) -> None:
    """What is acknowledged would not be what was asked for."""
    await agent.subscribe(durable="agent", type="started")
    status, problem = await agent.subscribe(durable="agent", type="stopped")
    assert (status, problem["code"]) == (409, "subscription-differs")
    assert "DELETE /v1/callbacks/agent" in problem["hint"]
    assert (await agent.ask("DELETE", "/agent"))[0] == 204
    assert (await agent.subscribe(durable="agent", type="stopped"))[0] == 201


async def test_an_agent_that_crashes_gets_what_it_has_not_acknowledged(
    daemon: Daemon, agent: Agent
) -> None:
    """With its filters, and in a stream like any other."""
    await agent.subscribe(durable="agent", domain=uuid_of(1).upper())
    daemon.record(started(1), started(2), stopped(1))
    async with opened(daemon, "?durable=agent&follow=false") as response:
        assert [(await line(response))["cursor"] for _ in range(2)] == ["e1-1", "e1-3"]
    status, answer = await agent.acknowledge("agent", "e1-1")
    assert (status, answer["acknowledged"]) == (200, "e1-1")
    async with opened(daemon, "?durable=agent") as response:
        assert (await line(response))["cursor"] == "e1-3"
        daemon.publish(started(2), started(1))
        assert (await line(response))["cursor"] == "e1-5"
    async with opened(daemon, "?durable=agent&after=e1-3&follow=false") as response:
        assert (await line(response))["cursor"] == "e1-5"


async def test_acknowledging_backwards_changes_nothing(daemon: Daemon, agent: Agent) -> None:
    """An acknowledgement may come twice, or late."""
    daemon.record(started(1), started(2), started(3))
    await agent.subscribe(durable="agent", after="e1-0")
    for cursor, expected in (("e1-2", "e1-2"), ("e1-2", "e1-2"), ("e1-0", "e1-2"), ("e1-3",) * 2):
        status, answer = await agent.acknowledge("agent", cursor)
        assert (status, answer["acknowledged"]) == (200, expected)


@pytest.mark.parametrize("cursor", ["e1-4", "e0-1"])
async def test_a_cursor_that_was_never_given_out_cannot_be_acknowledged(
    daemon: Daemon, agent: Agent, cursor: str
) -> None:
    """Else events that are to come would count as dealt with."""
    daemon.record(started(1), started(2), started(3))
    await agent.subscribe(durable="agent")
    status, problem = await agent.acknowledge("agent", cursor)
    assert (status, problem["code"]) == (410, "cursor-expired")


@pytest.mark.parametrize(
    "body", [{}, {"cursor": 3}, {"cursor": None}, {"cursor": ""}, {"cursor": "e1-1", "more": 1}]
)
async def test_a_wrong_acknowledgement_is_refused(agent: Agent, body: object) -> None:
    """With what one looks like."""
    await agent.subscribe(durable="agent")
    status, problem = await agent.ask("POST", "/agent/ack", body)
    assert (status, problem["code"]) == (400, "invalid-argument")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "'durable' is the name"),
        ({"durable": ""}, "'durable' is the name"),
        ({"durable": "-agent"}, "beginning with a letter or digit"),
        ({"durable": "a" * 65}, "at most 64"),
        ({"durable": "a/b"}, "'durable' is the name"),
        ({"durable": "agent\n"}, "'durable' is the name"),
        ({"durable": 7}, "'durable' is the name"),
        ({"durable": "agent", "vm": "web"}, "its members are durable, after, domain"),
        ({"durable": "agent", "type": "begun"}, "known are"),
        ({"durable": "agent", "type": 7}, "'type' is a string or a list of strings"),
        ({"durable": "agent", "type": ["started", 7]}, "a string or a list of strings"),
        ({"durable": "agent", "after": 7}, "'after' is a cursor"),
        ({"durable": "agent", "after": "e1"}, "not a cursor"),
        ([], "no JSON object"),
    ],
)
async def test_a_wrong_subscription_is_refused(agent: Agent, body: object, words: str) -> None:
    """And none is made."""
    status, problem = await agent.ask("POST", "", body)
    assert (status, problem["code"]) == (400, "invalid-argument")
    assert words in problem["detail"]
    assert await agent.durable() == []


async def test_a_subscription_cannot_begin_where_the_journal_cannot_be_read(agent: Agent) -> None:
    """Its first stream would be refused."""
    status, problem = await agent.subscribe(durable="agent", after="e0-7")
    assert (status, problem["code"]) == (410, "cursor-expired")
    assert await agent.durable() == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/nobody/ack", {"cursor": "e1-0"}),
        ("DELETE", "/nobody", None),
        ("DELETE", "/%2e%2e%2f", None),
    ],
)
async def test_what_there_is_not_is_named_with_what_there_is(
    agent: Agent, method: str, path: str, body: object
) -> None:
    """A misspelt name is seen at once."""
    await agent.subscribe(durable="agent")
    status, problem = await agent.ask(method, path, body)
    assert (status, problem["code"]) == (404, "no-such-subscription")
    assert problem["detail"].endswith("there are agent")


async def test_a_stream_of_nobody_is_not_found(daemon: Daemon) -> None:
    """It must not be taken for a stream without filters."""
    async with opened(daemon, "?durable=nobody") as response:
        problem = from_json(await response.read())
    assert (response.status, problem["code"]) == (404, "no-such-subscription")
    assert '{"durable": "nobody"}' in problem["hint"]


async def test_an_agent_that_was_away_too_long_is_told_so(make_daemon: MakeDaemon) -> None:
    """By an error, or by a gap behind which it goes on and which it can acknowledge."""
    async with make_daemon(capacity=2) as daemon, agent_of(daemon.socket).session as session:
        agent = Agent(session)
        await agent.subscribe(durable="agent")
        daemon.record(started(1), started(2), started(3))
        async with opened(daemon, "?durable=agent") as response:
            assert response.status == 410
            problem = from_json(await response.read())
        async with opened(daemon, "?durable=agent&on_gap=event") as response:
            gap, event = await line(response), await line(response)
        assert (gap["data"]["lost"], event["cursor"]) == (1, "e1-2")
        assert (gap["cursor"], problem["oldest"]) == ("e1-1", "e1-1")
        assert 'POST {"cursor": "e1-1"} to /v1/callbacks/agent/ack' in problem["hint"]
        assert "on_gap=event" in problem["hint"]
        async with opened(daemon, "?durable=agent&after=e1-0") as response:
            assert "hint" not in from_json(await response.read())
        assert (await agent.acknowledge("agent", gap["cursor"]))[0] == 200
        async with opened(daemon, "?durable=agent&follow=false") as response:
            assert (await line(response))["cursor"] == "e1-2"


async def test_what_the_journal_has_dropped_meanwhile_can_be_acknowledged(
    make_daemon: MakeDaemon,
) -> None:
    """It was told and dealt with; what was lost behind it is a gap all the same."""
    async with make_daemon(capacity=2) as daemon, agent_of(daemon.socket).session as session:
        agent = Agent(session)
        await agent.subscribe(durable="agent")
        daemon.record(*(started(number) for number in range(6)))
        status, answer = await agent.acknowledge("agent", "e1-2")
        assert (status, answer["acknowledged"]) == (200, "e1-2")
        assert (await agent.durable())[0]["lag"] == 4
        async with opened(daemon, "?durable=agent&on_gap=event&follow=false") as response:
            assert (await line(response))["data"]["lost"] == 2


def test_the_lag_is_counted_over_the_epochs_of_a_journal(tmp_path: Path) -> None:
    """A full disk gives cursors an epoch of their own, in the same order."""
    with closing(opened_journal(tmp_path)) as journal:
        [first] = journal.append([started(1)], now=NOW)
        journal.subscribe(Subscription("agent", (), first.cursor, NOW))
        with kept_from_writing(tmp_path):
            journal.append([started(2), started(3)], now=NOW)
            assert journal.newest.epoch != first.cursor.epoch
            [told] = Subscriptions(journal, clock=lambda: NOW, body_timeout=1.0).listed()
    assert told["lag"] == 2


async def test_what_is_not_on_the_disk_is_answered_as_such(make_daemon: MakeDaemon) -> None:
    """Records say it too; whoever has to be sure asks again until it is gone."""
    journal = FailingJournal("e1")
    async with (
        make_daemon(journal=journal) as daemon,
        agent_of(daemon.socket).session as session,
        Client(daemon.socket) as client,
    ):
        agent = Agent(session)
        journal.problem = "database or disk is full"
        status, answer = await agent.subscribe(durable="agent")
        assert (status, answer["written"]) == (201, False)
        assert not (await client.subscribe("agent")).is_written
        assert (await agent.acknowledge("agent", "e1-0"))[1]["written"] is False
        journal.problem = None
        assert "written" not in (await agent.acknowledge("agent", "e1-0"))[1]
        assert (await client.subscribe("agent")).is_written


def test_a_journal_that_cannot_be_read_lists_its_subscriptions() -> None:
    """Only how far a reader of an older epoch is behind is not known then."""
    journal = FailingJournal("e2")
    journal.subscribe(Subscription("agent", (), Cursor("e1", 7), NOW))
    journal.is_failing = True
    [told] = Subscriptions(journal, clock=lambda: NOW, body_timeout=1.0).listed()
    assert told["acknowledged"] == "e1-7"
    assert "lag" not in told


async def test_a_subscription_of_another_journal_has_no_lag(daemon: Daemon, agent: Agent) -> None:
    """How far it is behind, nobody knows; what is acknowledged next is of this one."""
    daemon.record(started(1))
    await agent.subscribe(durable="agent", after="e1-0")
    [old] = daemon.journal.subscriptions()
    other = type(old.acknowledged)("e0", 77)
    daemon.journal.subscribe(old._replace(acknowledged=other))
    [told] = await agent.durable()
    assert "lag" not in told
    assert (await agent.acknowledge("agent", "e1-1"))[1]["acknowledged"] == "e1-1"


async def test_their_number_is_bounded(daemon: Daemon, agent: Agent) -> None:
    """Each is kept until somebody deletes it."""
    for number in range(MOST_SUBSCRIPTIONS):
        daemon.journal.subscribe(Subscription(f"a{number}", (), daemon.journal.newest, NOW))
    status, problem = await agent.subscribe(durable="agent")
    assert (status, problem["code"]) == (429, "limit-reached")
    assert (await agent.subscribe(durable="a7"))[0] == 200


async def test_the_read_only_socket_only_lists_and_streams(daemon: Daemon, agent: Agent) -> None:
    """Whoever may only look cannot make others lose their place."""
    await agent.subscribe(durable="agent")
    reader = agent_of(daemon.read_only_socket)
    async with reader.session:
        assert [each["durable"] for each in await reader.durable()] == ["agent"]
        for method, path, body in (
            ("POST", "", {"durable": "other"}),
            ("POST", "/agent/ack", {"cursor": "e1-0"}),
            ("DELETE", "/agent", None),
        ):
            status, problem = await reader.ask(method, path, body)
            assert (status, problem["code"]) == (403, "read-only")
    assert [each["durable"] for each in await agent.durable()] == ["agent"]
