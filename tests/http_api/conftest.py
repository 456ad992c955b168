"""A daemon's HTTP API in this process, on real sockets."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator, Iterator
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


@pytest.fixture
def many_files() -> Iterator[None]:
    """Allow two descriptors for each of a thousand subscribers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"a thousand connections need {wanted} open files; the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
