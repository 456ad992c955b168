"""The example configuration and the unit file tell the truth."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from eventd.config import (
    Configuration,
    ConnectionSettings,
    DaemonSettings,
    JournalSettings,
    LibvirtSettings,
    load,
    parse,
)

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config" / "eventd.toml"
UNIT = ROOT / "systemd" / "eventd.service"

TABLES: list[tuple[str, type[BaseModel]]] = [
    ("daemon", DaemonSettings),
    ("journal", JournalSettings),
    ("libvirt", LibvirtSettings),
    ("connections", ConnectionSettings),
]


def example_table(name: str) -> str:
    """Return the text of the first table of this name in the example."""
    header = rf"(?m)^\[{{1,2}}{name}\]{{1,2}}$"
    return re.split(r"(?m)^\[", re.split(header, EXAMPLE.read_text())[1])[0]


def test_the_example_configuration_is_good() -> None:
    """Who copies it starts from something that works."""
    configuration = load(EXAMPLE)

    assert [connection.name for connection in configuration.connections] == ["esx01", "vcenter"]
    assert configuration.warnings == ()


def test_every_table_is_in_the_example() -> None:
    """The file is the reference of the configuration."""
    assert set(Configuration.model_fields) == {name for name, _ in TABLES}


@pytest.mark.parametrize(("name", "table"), TABLES)
def test_every_key_is_in_the_example(name: str, table: type[BaseModel]) -> None:
    """Also those that are not set, commented out; and no key that does not exist."""
    keys = re.findall(r"(?m)^#?([a-z_]+) = ", example_table(name))

    assert sorted(keys) == sorted(table.model_fields)


@pytest.mark.parametrize(("name", "table"), [each for each in TABLES if each[0] != "connections"])
def test_commented_keys_show_their_defaults(name: str, table: type[BaseModel]) -> None:
    """What the example says is the default is the default."""
    text = f"[{name}]\n" + re.sub(r"(?m)^#(?=[a-z_]+ = )", "", example_table(name))
    connections = "[[connections]]\nname = 'a'\nuri = 'esx://a/'\n"

    assert getattr(parse(text + connections, source="example"), name) == table()


def test_the_unit_passes_what_the_example_expects() -> None:
    """The credentials and directories of unit and example are the same."""
    service = unit()["Service"]
    configuration = load(EXAMPLE)

    identifier, directory = service["LoadCredential"].split(":")
    for connection in configuration.connections:
        assert connection.password_credential == f"{identifier}_{connection.name}"
    assert directory in EXAMPLE.read_text()
    assert configuration.daemon.runtime_directory == Path("/run", service["RuntimeDirectory"])
    assert configuration.daemon.state_directory == Path("/var/lib", service["StateDirectory"])


def test_the_keys_of_the_service_are_in_alphabetical_order() -> None:
    """As in systemd's own units."""
    keys = list(unit()["Service"])

    assert keys == sorted(keys)


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser


@pytest.mark.systemd
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """Verified on a copy that starts the command of this environment."""
    systemd_analyze = shutil.which("systemd-analyze")
    assert systemd_analyze is not None
    command = Path(sys.executable).with_name("eventd")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/usr/bin/eventd", str(command)))

    verified = subprocess.run(
        [systemd_analyze, "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert verified.returncode == 0, verified.stderr
    # A key that systemd does not know is only a warning.
    assert "eventd" not in verified.stderr
