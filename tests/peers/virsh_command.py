"""Runs virsh, the shell of libvirt, whose ESX driver is a VI client that nobody here wrote.

The driver sets no time limit on anything it asks of a host, so each run has one. Never give it a
URI with an invalid query parameter: libvirt 9.0 then crashes.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Outcome", "Virsh"]


@dataclass(frozen=True)
class Outcome:
    """What a run of virsh came to; ``output`` and ``errors`` are what it printed."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True)
class Virsh:
    """The command ``program``, with a home, a cache and an auth file below ``directory``."""

    program: Path
    directory: Path

    async def __call__(
        self,
        uri: str,
        *command: str,
        user: str = "root",
        password: str = "pass",
        limit: float = 20.0,
    ) -> Outcome:
        """Run one virsh ``command`` on ``uri`` and return how it ended.

        ``user`` counts where the URI names none. A run that takes longer than ``limit`` seconds
        is killed and raises ``TimeoutError``. The event loop goes on meanwhile, so that a
        simulator in the same loop can answer.
        """
        process = await asyncio.create_subprocess_exec(
            self.program,
            "--connect",
            uri,
            *command,
            env=self._environment(user, password),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(limit):
                output, errors = await process.communicate()
        finally:
            await _reap(process)
        assert process.returncode is not None
        return Outcome(process.returncode, output.decode(), errors.decode())

    def _environment(self, user: str, password: str) -> dict[str, str]:
        # Nothing else is passed on: a proxy of the caller's would reach libvirt's HTTP client.
        return {
            "HOME": str(self.directory),
            "LC_ALL": "C.UTF-8",
            "LIBVIRT_AUTH_FILE": str(self._auth_file(user, password)),
            "PATH": os.environ["PATH"],
            "XDG_RUNTIME_DIR": str(self.directory),
        }

    def _auth_file(self, user: str, password: str) -> Path:
        """Write libvirt's auth file; the driver says ``esx`` for ``vpx`` URIs too."""
        auth_file = self.directory / "auth.conf"
        auth_file.write_text(
            f"[credentials-host]\nusername={user}\npassword={password}\n\n"
            "[auth-esx-default]\ncredentials=host\n",
            encoding="utf-8",
        )
        auth_file.chmod(0o600)
        return auth_file


async def _reap(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.communicate()
