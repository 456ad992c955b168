"""A daemon's HTTP API in this process, and clients of both of its sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eventd.client import Client
from tests.http_api.fake_daemon import Daemon, serving


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with serving(tmp_path) as served:
        yield served


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    async with Client(daemon.read_only_socket) as opened:
        yield opened


@pytest.fixture
async def writer(daemon: Daemon) -> AsyncIterator[Client]:
    """A client of the read-write socket."""
    async with Client(daemon.socket) as opened:
        yield opened
