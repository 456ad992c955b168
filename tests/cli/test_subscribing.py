"""The commands for durable subscriptions, each in a process of its own as its users start it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.commands import outcome, running
from tests.http_api.fake_daemon import Daemon, FailingJournal, serving, started, stopped


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with serving(tmp_path) as served:
        yield served


async def ran(socket: Path, *arguments: str) -> tuple[int | None, str, str]:
    async with running(socket, *arguments) as process:
        return await outcome(process)


async def test_a_subscription_is_made_listed_acknowledged_and_deleted(daemon: Daemon) -> None:
    """All that an agent does with it, by hand."""
    create = ("subscription", "create", "pager", "--type", "stopped", "--domain", "web-*")
    for _ in range(2):
        assert await ran(daemon.socket, *create) == (
            *(0, "Subscription 'pager' has everything up to e1-0\n", ""),
        )
    daemon.record(started(1), stopped(1), stopped(2))
    watch = ("watch", "-o", "virsh", "--durable", "pager", "--no-follow")
    code, output, _ = await ran(daemon.read_only_socket, *watch)
    assert (code, output.count("Stopped Destroyed")) == (0, 2)
    ack = ("subscription", "ack", "pager", "e1-2")
    assert await ran(daemon.socket, *ack) == (
        *(0, "Subscription 'pager' has everything up to e1-2\n", ""),
    )
    code, output, _ = await ran(daemon.read_only_socket, "subscriptions")
    assert (code, output.splitlines()) == (
        0,
        [
            "NAME   LAG  ACKNOWLEDGED  CREATED               FILTERS",
            "pager  1    e1-2          2026-11-20 12:00:00Z  domain=web-* type=stopped",
        ],
    )
    code, output, _ = await ran(daemon.read_only_socket, "subscriptions", "-o", "json")
    assert json.loads(output) == {
        "durable": "pager",
        "filters": {"domain": ["web-*"], "type": ["stopped"]},
        "acknowledged": "e1-2",
        "created_at": "2026-11-20T12:00:00+00:00",
        "lag": 1,
    }
    delete = ("subscription", "delete", "pager")
    assert await ran(daemon.socket, *delete) == (0, "Subscription 'pager' deleted\n", "")
    assert daemon.journal.subscriptions() == []


async def test_what_is_refused_is_said_with_what_to_do(daemon: Daemon) -> None:
    """In the words of the daemon."""
    await ran(daemon.socket, "subscription", "create", "pager", "--after", "e1-0")
    other = ("subscription", "create", "pager", "--type", "stopped")
    code, output, errors = await ran(daemon.socket, *other)
    assert (code, output) == (1, "")
    assert errors.startswith("error: there is a durable subscription of the name 'pager' with")
    assert "hint: delete it first" in errors
    code, _, errors = await ran(daemon.read_only_socket, "subscription", "delete", "pager")
    assert (code, len(daemon.journal.subscriptions())) == (1, 1)
    assert "eventd.sock" in errors


async def test_what_is_not_on_the_disk_is_a_warning(tmp_path: Path) -> None:
    """It was done all the same."""
    journal = FailingJournal("e1")
    journal.problem = "database or disk is full"
    async with serving(tmp_path, journal=journal) as daemon:
        for command in ("create", "delete"):
            code, _, errors = await ran(daemon.socket, "subscription", command, "pager")
            assert (code, errors) == (
                0,
                "warning: the daemon cannot write its disk now; should it end before it can, this "
                "is lost\n",
            )
