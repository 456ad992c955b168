"""Commands in processes of their own, as their users start them."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

__all__ = ["line_of", "outcome", "running"]


@asynccontextmanager
async def running(
    socket: Path, *arguments: str, errors_to: int = PIPE, output_to: int = PIPE, **environment: str
) -> AsyncIterator[Process]:
    """Run a command against the socket; it ends with the context at the latest."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "eventd",
        *arguments,
        stdout=output_to,
        stderr=errors_to,
        env=os.environ | {"EVENTD_SOCKET": str(socket), "PYTHONUNBUFFERED": ""} | environment,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def outcome(process: Process) -> tuple[int | None, str, str]:
    """Return exit code, output and errors, when the command has ended."""
    output, errors = await process.communicate()
    return process.returncode, (output or b"").decode(), (errors or b"").decode()


async def line_of(process: Process) -> str:
    """Return the next line that the command prints."""
    assert process.stdout is not None
    return (await process.stdout.readline()).decode()
