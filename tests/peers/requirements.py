"""Which independent peers this machine has, and what a missing one means for a test.

A test that is marked with a peer's name skips where that peer is missing. With
``EVENTD_REQUIRE_PEERS=1`` in the environment it fails instead, so that a run which is meant to
prove something cannot pass by leaving it out.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn

import pytest

from tests.peers import go_program

__all__ = ["LIBVIRT_PYTHON", "absence", "refuse", "require"]

REQUIRED = "EVENTD_REQUIRE_PEERS"

LIBVIRT_PYTHON = "/usr/bin/python3"
"""The interpreter that Debian's package python3-libvirt is for."""


def _absence_of_command(command: str, *, package: str) -> str | None:
    if shutil.which(command) is None:
        return f"there is no command {command}; install Debian's package {package}"
    return None


def _absence_of_pyvmomi() -> str | None:
    if importlib.util.find_spec("pyVmomi") is None:
        return "there is no Python package pyVmomi; install eventd[test]"
    return None


def _absence_of_libvirt_python() -> str | None:
    with suppress(OSError):
        found = subprocess.run(
            [LIBVIRT_PYTHON, "-c", "import libvirt"], capture_output=True, check=False
        )
        if found.returncode == 0:
            return None
    return f"{LIBVIRT_PYTHON} has no module libvirt; install Debian's package python3-libvirt"


PROBES: Mapping[str, Callable[[], str | None]] = {
    "collectd": functools.partial(
        _absence_of_command, "/usr/sbin/collectd", package="collectd-core"
    ),
    "curl": functools.partial(_absence_of_command, "curl", package="curl"),
    "go_libvirt": functools.partial(go_program.absence, "go_libvirt"),
    "libvirt_python": _absence_of_libvirt_python,
    "openssl": functools.partial(_absence_of_command, "openssl", package="openssl"),
    "pyvmomi": _absence_of_pyvmomi,
    "systemd": functools.partial(_absence_of_command, "systemd-analyze", package="systemd"),
    "vcsim": functools.partial(go_program.absence, "vcsim"),
    "virsh": functools.partial(_absence_of_command, "virsh", package="libvirt-clients"),
}


def absence(marker: str) -> str | None:
    """Return what is missing for tests with this marker, or None when nothing is.

    A marker that names no peer misses nothing. The first look for vcsim builds it, which takes
    about a minute on a machine that never did.
    """
    probe = PROBES.get(marker)
    return None if probe is None else probe()


def refuse(reason: str) -> NoReturn:
    """End the current test: skipped, or failed where peers are required."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{reason} ({REQUIRED}=1 makes this a failure)", pytrace=False)
    pytest.skip(reason)


def require(marker: str) -> None:
    """Go on only where the peer of this marker is present; otherwise see ``refuse``."""
    if (reason := absence(marker)) is not None:
        refuse(reason)
