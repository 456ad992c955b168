"""Runs vcsim, the simulated vCenter and ESX host of the govmomi project.

The program is the few lines of Go in ``vcsim/`` beside this file. It is a judge of correctness
that nobody here wrote; each change costs it time in proportion to its domains, so it says
nothing about speed or scale. Its address comes from the program itself, which takes a free port.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from tests.peers.go_program import program

__all__ = ["PROGRAM", "Model", "Vcsim"]

Model = Literal["vpx", "esx"]

PROGRAM = program("vcsim")
STOP_LIMIT = 10.0
"""Seconds that vcsim has for ending; it takes a few milliseconds."""


class Vcsim:
    """One simulated VI host, in a process of its own; every domain is powered on at first.

    ``model`` is ``vpx`` for a vCenter with one cluster of ``hosts`` hosts and, beside it,
    ``standalone_hosts`` hosts, or ``esx`` for a bare host. The cluster, each standalone host and
    the bare host have ``domains`` domains each. vcsim places the domains of a cluster at random.
    """

    def __init__(
        self,
        model: Model,
        *,
        directory: Path,
        domains: int,
        hosts: int,
        standalone_hosts: int,
        tls: bool,
    ) -> None:
        self.model = model
        self.tls = tls
        self.user = "root"
        # Characters that XML and auth files must carry unharmed.
        self.password = "sword&<fish> %41"
        self.host = "127.0.0.1"
        self.port = 0
        self.instance_uuid = ""
        """What names a vCenter from its next start on, if it is set: another one is another."""
        self._directory = directory
        self._inventory = (
            f"-esx={str(model == 'esx').lower()}",
            f"-vm={domains}",
            f"-host={hosts}",
            f"-standalone-host={standalone_hosts}",
        )
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """The URL of the VI API, for VI clients."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}/sdk"

    @property
    def connection_uri(self) -> str:
        """The URI of the connection as libvirt writes it; it trusts any certificate."""
        transport = "no_verify=1" if self.tls else "transport=http"
        return f"{self.model}://{self.user}@{self.host}:{self.port}/?{transport}"

    def start(self) -> None:
        """Start, and return when the host accepts connections.

        The first start takes a free port, every later one the same port again. The inventory is
        that of the beginning (UUIDs and references too), and no session is known.
        """
        assert self._process is None, "this vcsim is running already"
        log = self._directory / "vcsim.log"
        with log.open("a", encoding="utf-8") as log_file:
            self._process = subprocess.Popen(
                self._command(),
                # vcsim keeps the files of its datastores in the directory for temporary files.
                env=os.environ | {"TMPDIR": str(self._directory)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                text=True,
            )
        assert self._process.stdout is not None
        url = self._process.stdout.readline().strip()
        if not url:
            self.stop()
            raise RuntimeError(f"vcsim did not start; it said: {log.read_text('utf-8')}")
        port = urlsplit(url).port
        assert port is not None, f"vcsim printed no port: {url}"
        self.port = port

    def stop(self) -> None:
        """End the process and cut every connection; a host that is stopped already stays so."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.communicate(timeout=STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise

    def _command(self) -> list[str]:
        return [
            str(PROGRAM),
            f"-l={self.host}:{self.port}",
            f"-username={self.user}",
            f"-password={self.password}",
            f"-tls={str(self.tls).lower()}",
            f"-instance-uuid={self.instance_uuid}",
            *self._inventory,
        ]
