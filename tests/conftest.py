"""The independent peers of the tests: what runs them, and what a missing one means.

``vcsim``, ``virsh`` and ``connect`` are other people's hosts and clients. A test that uses one
carries the marker of the same peer (``connect`` and ``operations``: ``pyvmomi``), and is skipped
where the peer is missing, or fails there with ``EVENTD_REQUIRE_PEERS=1``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.peers.requirements import absence, require
from tests.peers.vcsim_process import Model, Vcsim
from tests.peers.virsh_command import Virsh

if TYPE_CHECKING:
    from pyVmomi import vim

    from tests.peers.operations import Operations


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look for the peers before the first test: building vcsim would use up its time limit."""
    if not session.config.option.collectonly:
        for marker in {marker.name for item in session.items for marker in item.iter_markers()}:
            absence(marker)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test whose peer is missing."""
    for marker in item.iter_markers():
        require(marker.name)


class StartVcsim(Protocol):
    """What the fixture ``vcsim`` gives."""

    def __call__(
        self,
        model: Model = "vpx",
        *,
        domains: int = 2,
        hosts: int = 2,
        standalone_hosts: int = 0,
        tls: bool = False,
    ) -> Vcsim:
        """Start a host; the arguments are those of ``Vcsim``."""


class Connect(Protocol):
    """What the fixture ``connect`` gives."""

    def __call__(
        self, host: str, port: int, user: str, password: str, *, tls: bool = False
    ) -> vim.ServiceInstance:
        """Log pyVmomi in to a VI host."""


@pytest.fixture
def vcsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartVcsim]:
    """Start any number of simulated VI hosts of govmomi; they end with the test."""
    require("vcsim")

    with ExitStack() as hosts_running:

        def start(
            model: Model = "vpx",
            *,
            domains: int = 2,
            hosts: int = 2,
            standalone_hosts: int = 0,
            tls: bool = False,
        ) -> Vcsim:
            host = Vcsim(
                model,
                directory=tmp_path_factory.mktemp("vcsim"),
                domains=domains,
                hosts=hosts,
                standalone_hosts=standalone_hosts,
                tls=tls,
            )
            host.start()
            hosts_running.callback(host.stop)
            return host

        yield start


@pytest.fixture
def virsh(tmp_path_factory: pytest.TempPathFactory) -> Virsh:
    """Run virsh: ``await virsh(uri, "list", "--all", password="pass")``."""
    require("virsh")
    program = shutil.which("virsh")
    assert program is not None
    return Virsh(Path(program), tmp_path_factory.mktemp("virsh"))


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Log pyVmomi in to VI hosts, plain HTTP unless ``tls``; its sockets close with the test."""
    require("pyvmomi")
    # The import is made here, so that the tests load where pyVmomi is missing.
    from tests.peers.operations import session

    with ExitStack() as sessions:

        def log_in(
            host: str, port: int, user: str, password: str, *, tls: bool = False
        ) -> vim.ServiceInstance:
            return sessions.enter_context(
                session(host, port, user=user, password=password, tls=tls)
            )

        yield log_in


@pytest.fixture
def operations() -> Callable[[vim.ServiceInstance], Operations]:
    """Operate on the domains of a host: ``operations(connect(...)).power_off(domain)``."""
    require("pyvmomi")
    from tests.peers.operations import Operations

    return Operations
