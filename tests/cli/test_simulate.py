"""``eventd simulate --scenario``: what it lists, what it refuses, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from eventd.cli.app import app
from eventd.simulator.scenarios import names


def invoke(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["simulate", *(str(argument) for argument in arguments)])


def test_the_scenarios_are_listed_with_their_titles() -> None:
    """One line each."""
    result = invoke("--list-scenarios")

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert [line.split()[0] for line in lines] == names()
    assert next(line for line in lines if line.startswith("04-")).endswith("A user pulls the plug")


def test_the_operations_of_scenarios_are_listed_with_what_they_do() -> None:
    """Optional arguments are in brackets."""
    result = invoke("--list-operations")

    assert result.exit_code == 0
    assert "guest_wakes_up name\n    The guest that sleeps goes on.\n" in result.stdout
    assert "isolate name [response] [result]\n" in result.stdout


def test_a_scenario_that_there_is_not_is_refused() -> None:
    """The sentence says where the names are."""
    result = invoke("--scenario", "no-such-thing")

    assert result.exit_code == 1
    assert "there is no scenario 'no-such-thing'" in result.stderr
    assert "eventd simulate --list-scenarios" in result.stderr


def test_a_mistake_in_a_scenario_is_one_sentence(tmp_path: Path) -> None:
    """With the file and the step."""
    file = tmp_path / "mine.toml"
    file.write_text('title = "mine"\nsteps = [{ do = "fly" }]\n')

    result = invoke("--scenario", file)

    assert result.exit_code == 1
    assert "mine.toml, step 1 (fly): there is no such operation" in result.stderr


def test_only_a_scenario_can_be_played_once() -> None:
    """A simulated host by itself has no end."""
    result = invoke("--once")

    assert result.exit_code == 2
    assert "add --scenario" in result.stderr


@pytest.mark.parametrize("option", [("--domains", "4"), ("--product", "vpx")])
def test_a_scenario_brings_its_own_product_and_domains(option: tuple[str, str]) -> None:
    """Whoever names others is told that they would not count."""
    result = invoke("--scenario", "25", *option)

    assert result.exit_code == 2
    assert "leave out --domains and --product" in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_scenario_ends_in_order_when_interrupted(how: signal.Signals) -> None:
    """It says where it can be followed, and waits for somebody."""
    arguments = ("simulate", "--scenario", "25", "--listen", "127.0.0.1:0")
    with subprocess.Popen(
        [sys.executable, "-m", "eventd", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
    ) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline() for _ in range(4)]
            process.send_signal(how)
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()

    assert lines[0].startswith("25-vmotion-between-two-bare-hosts: ")
    assert lines[1].startswith("  left is esx://root@127.0.0.1:")
    assert lines[2].startswith("  right is esx://root@127.0.0.1:")
    assert (process.returncode, errors) == (0, "")
