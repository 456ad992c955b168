"""A daemon's HTTP API in this process, on real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eventd.bus.delivery import Delivery
from eventd.bus.registry import Registry
from eventd.http_api import HttpApi
from eventd.journal.memory import MemoryJournal
from tests.http_api.fake_daemon import NOW, Daemon, FakeDirectory, MakeDaemon


@pytest.fixture
def make_daemon(tmp_path: Path) -> MakeDaemon:
    """Return a context manager that serves the API; its arguments are those of `HttpApi`."""

    @asynccontextmanager
    async def make(*, capacity: int = 65_536, **limits: float) -> AsyncIterator[Daemon]:
        journal = MemoryJournal("e1", capacity=capacity)
        registry = Registry()
        directory = FakeDirectory()
        async with Delivery(registry) as delivery:
            api = HttpApi(
                journal=journal,
                delivery=delivery,
                registry=registry,
                directory=directory,
                clock=lambda: NOW,
                **limits,  # type: ignore[arg-type]  # bytes and counts are whole numbers
            )
            daemon = Daemon(tmp_path, journal, registry, delivery, directory, api)
            async with api.serve(tmp_path):
                yield daemon

    return make


@pytest.fixture
async def daemon(make_daemon: MakeDaemon) -> AsyncIterator[Daemon]:
    async with make_daemon() as served:
        yield served
