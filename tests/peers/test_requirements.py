"""A missing peer skips a test that needs it, and fails it where peers are required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.requirements import PROBES, absence


def run_the_tests_of_virsh(pytestconfig: pytest.Config, *, required: str) -> str:
    """Run a marked test file where no command at all can be found; return pytest's report."""
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/peers/test_virsh.py"],
        cwd=pytestconfig.rootpath,
        env=os.environ | {"PATH": "", "EVENTD_REQUIRE_PEERS": required},
        capture_output=True,
        text=True,
        check=False,
    )
    return outcome.stdout


def test_a_missing_peer_skips_with_the_reason(pytestconfig: pytest.Config) -> None:
    """Without the peer, and without the demand for it, its tests are skipped."""
    report = run_the_tests_of_virsh(pytestconfig, required="")

    assert "3 skipped" in report
    assert "there is no command virsh; install Debian's package libvirt-clients" in report


def test_a_missing_peer_that_is_required_fails(pytestconfig: pytest.Config) -> None:
    """A run that is meant to prove something does not pass by leaving it out."""
    report = run_the_tests_of_virsh(pytestconfig, required="1")

    assert "3 errors" in report
    assert "EVENTD_REQUIRE_PEERS=1 makes this a failure" in report


@pytest.mark.parametrize("command_marker", ["systemd", "virsh"])
def test_a_command_is_looked_for_on_the_path(
    command_marker: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A command that stands on PATH is present; without it the package to install is named."""
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = absence(command_marker)
    for command in ("systemd-analyze", "virsh"):
        (tmp_path / command).touch(mode=0o755)

    assert missing is not None
    assert "install Debian's package" in missing
    assert absence(command_marker) is None


def test_an_ordinary_marker_requires_nothing() -> None:
    """Only the markers that name a peer can skip a test."""
    assert absence("parametrize") is None


def test_every_peer_has_its_marker(pytestconfig: pytest.Config) -> None:
    """Each peer's marker is declared, for pytest refuses any other."""
    declared = {line.split(":")[0] for line in pytestconfig.getini("markers")}

    assert PROBES.keys() <= declared
