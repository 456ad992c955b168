"""A daemon's HTTP API in this process, on real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.http_api.fake_daemon import Daemon, MakeDaemon, serving


@pytest.fixture
def make_daemon(tmp_path: Path) -> MakeDaemon:
    """Return a context manager that serves the API; its arguments are those of `HttpApi`."""
    return partial(serving, tmp_path)


@pytest.fixture
async def daemon(make_daemon: MakeDaemon) -> AsyncIterator[Daemon]:
    async with make_daemon() as served:
        yield served
