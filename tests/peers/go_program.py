"""Builds the programs in Go beside this file, of libraries that nobody here wrote."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

__all__ = ["absence", "program"]

_HERE = Path(__file__).parent


def program(name: str) -> Path:
    """Return where the program of a folder is once it is built."""
    return _HERE / name / "build" / name


@functools.cache
def absence(name: str) -> str | None:
    """Build a program once per test run; return None, or the sentence that says what is missing."""
    go = shutil.which("go")
    if go is None:
        return f"{name} cannot be built: there is no command go; install Go 1.25 or newer"
    # A checkout that belongs to another user has no version control that Go would trust.
    command = [go, "build", "-buildvcs=false", "-o", str(program(name)), "."]
    outcome = subprocess.run(command, cwd=_HERE / name, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        return f"{name} cannot be built: go build said: {outcome.stderr.strip()}"
    return None
