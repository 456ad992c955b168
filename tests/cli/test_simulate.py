"""``eventd simulate``: its scenarios and its questions, what it refuses, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner, Result

from eventd.cli.app import app
from eventd.simulator.scenarios import names
from tests.connections.following import following

if TYPE_CHECKING:
    from tests.peers.virsh_command import Virsh

IDENTITY = "00000000-0000-4000-8000-000000000001"


def invoke(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["simulate", *(str(argument) for argument in arguments)])


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a process of its own, which ends with the context at the latest."""
    with subprocess.Popen(
        [sys.executable, "-m", "eventd", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


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
    with started("simulate", "--scenario", "25", "--listen", "127.0.0.1:0") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        process.send_signal(how)
        _, errors = process.communicate(timeout=20)

    assert lines[0].startswith("25-vmotion-between-two-bare-hosts: ")
    assert lines[1].startswith("  left is esx://root@127.0.0.1:")
    assert lines[2].startswith("  right is esx://root@127.0.0.1:")
    assert (process.returncode, errors) == (0, "")


def test_a_scenario_says_itself_what_its_domains_ask() -> None:
    """As it does for its product."""
    result = invoke("--scenario", "25", "--asks", "web01")

    assert result.exit_code == 2
    assert "leave out --asks, or --scenario" in " ".join(result.stderr.replace("│", " ").split())


def test_a_scenario_says_itself_which_hosts_there_are() -> None:
    """There may be several, and an identity is that of one."""
    result = invoke("--scenario", "25", "--identity", IDENTITY)

    assert result.exit_code == 2
    assert "leave out --identity, or --scenario" in " ".join(
        result.stderr.replace("│", " ").split()
    )


def test_an_identity_is_a_uuid() -> None:
    """Nothing else names a host or a vCenter."""
    result = invoke("--identity", "esx01")

    assert result.exit_code == 2
    assert "Invalid value for '--identity'" in result.stderr


@pytest.mark.parametrize("product", ["esx", "vpx"])
async def test_a_simulated_host_with_another_identity_is_another_one(product: str) -> None:
    """Its domains look the same, and are others."""
    command = ("simulate", "--product", product, "--domains", "1", "--listen")
    with started(*command, "127.0.0.1:0") as process:
        uri = whole_uri(process)
        async with following(uri, password="pass") as followed:
            assert await followed.told() == "connected"
            process.kill()
            assert await followed.told() == "disconnected"
            with started(*command, urlsplit(uri).netloc.partition("@")[2], "--identity", IDENTITY):
                told = [await followed.told() for _ in range(4)]

    assert told == ["web01 undefined removed", "web01 defined added", "connected", "resynchronised"]


def whole_uri(process: subprocess.Popen[str]) -> str:
    """Return the URI by which eventd follows all of a simulated host or vCenter."""
    assert process.stdout is not None
    uri = process.stdout.readline().split()[0]
    return process.stdout.readline().split()[0] if uri.startswith("vpx:") else uri


@pytest.mark.parametrize(
    ("domains", "choice"),
    [
        ("2", "choose one of: web01, db01"),
        ("30", "cache02, build02, proxy02, backup02, web03, db03, mail03, app03 and 10 more"),
        ("0", "it has none"),
    ],
)
def test_a_domain_that_there_is_not_cannot_ask(domains: str, choice: str) -> None:
    """The sentence lists the names, as far as they can be read at a glance."""
    result = invoke("--asks", "nobody", "--domains", domains)

    assert result.exit_code == 1
    assert "no domain 'nobody' that could ask" in result.stderr
    assert choice in result.stderr


@pytest.mark.virsh
async def test_the_domains_that_are_named_ask_at_each_start(virsh: Virsh) -> None:
    """Whoever answers is let on, again and again; the others do not ask."""
    asks = ("--asks", "web01", "--asks", "mail01")
    with started("simulate", "--listen", "127.0.0.1:0", *asks) as process:
        assert process.stdout is not None
        uri = process.stdout.readline().split()[0]
        answering = f"{uri}&auto_answer=1"

        asked = await virsh(uri, "start", "web01")
        not_asked = await virsh(uri, "start", "db01")
        answered = [
            (await virsh(answering, command, "mail01")).status
            for command in ("start", "destroy", "start")
        ]
        asked_again = [await virsh(uri, command, "mail01") for command in ("destroy", "start")]

    assert "Pending question blocks virtual machine execution" in asked.errors
    assert not_asked.status == 0
    assert answered == [0, 0, 0]
    assert "Pending question blocks virtual machine execution" in asked_again[-1].errors
