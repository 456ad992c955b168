"""The same auth files with the same meaning for libvirt's own client."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventd.simulator import SimulatorServer, World, serve
from tests.connections.auth_files import NOT_UNDERSTOOD, UNDERSTOOD, Understood

pytestmark = pytest.mark.virsh

PATIENCE = 20.0


@pytest.fixture
async def host() -> AsyncIterator[SimulatorServer]:
    """A host that writes down the logins, whether it accepts them or not."""
    async with serve(World(domains=0, now=datetime.now(UTC))) as server:
        yield server


async def logins(host: SimulatorServer, text: str, directory: Path) -> list[tuple[str, str]]:
    """Let virsh use an auth file; return the users and passwords that it has sent."""
    file = directory / "auth.conf"
    file.write_bytes(text.encode())
    virsh = await asyncio.create_subprocess_exec(
        "virsh",
        "-c",
        host.uri.replace("root@", ""),
        "version",
        env=os.environ | {"LIBVIRT_AUTH_FILE": str(file)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(PATIENCE):
        await virsh.wait()
    sent = (call.call for call in host.service.calls if call.method == "Login")
    return [
        (user.text, password.text)
        for login in sent
        if (user := login.first("userName")) and (password := login.first("password"))
    ]


@pytest.mark.parametrize("file", UNDERSTOOD)
async def test_virsh_logs_in_with_the_same_credentials(
    file: Understood, host: SimulatorServer, tmp_path: Path
) -> None:
    """Spaces, escapes, comments and repetitions mean the same to both."""
    assert await logins(host, file.text, tmp_path) == [(file.user, file.password)]


@pytest.mark.parametrize("wrong", NOT_UNDERSTOOD)
async def test_virsh_refuses_the_same_files(
    wrong: str, host: SimulatorServer, tmp_path: Path
) -> None:
    """It does not get as far as a login."""
    text, _ = NOT_UNDERSTOOD[wrong]

    assert await logins(host, text, tmp_path) == []
