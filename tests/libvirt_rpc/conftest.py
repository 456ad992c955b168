"""The daemon that libvirt's clients meet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.libvirt_rpc.served import Daemon, serving

MakeDaemon = Callable[..., AbstractAsyncContextManager[Daemon]]


@pytest.fixture
def make_daemon(tmp_path: Path) -> MakeDaemon:
    """Return a context manager that serves the sockets; its arguments are those of `serving`."""
    return partial(serving, tmp_path)


@pytest.fixture
async def daemon(make_daemon: MakeDaemon) -> AsyncIterator[Daemon]:
    async with make_daemon() as served:
        yield served
