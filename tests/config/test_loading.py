"""Configuration files, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventd.config import Configuration, load, parse
from eventd.errors import InvalidConfiguration

GOOD = """\
[daemon]
runtime_directory = "/run/eventd"
state_directory = "/var/lib/eventd"

[[connections]]
name = "esx01"
uri = "esx://root@esx01.example/?auto_answer=0"
password_file = "/etc/eventd/esx01.password"
"""


def problems(text: str) -> list[str]:
    """Return the lines of the error that the text must give."""
    with pytest.raises(InvalidConfiguration) as caught:
        parse(text, source="eventd.toml")
    return caught.value.message.splitlines()


def connection(*rows: str) -> str:
    """Return a text whose only fault can be in these rows; the first of them is on line 4."""
    return "\n".join(["[[connections]]", 'name = "esx01"', 'uri = "esx://esx01.example/"', *rows])


def test_a_good_file_is_loaded(tmp_path: Path) -> None:
    """What the file says is in the configuration."""
    path = tmp_path / "eventd.toml"
    path.write_text(GOOD)

    configuration = load(path)

    assert configuration.daemon.state_directory == Path("/var/lib/eventd")
    (esx01,) = configuration.connections
    assert esx01.name == "esx01"
    assert esx01.uri.host == "esx01.example"
    assert esx01.password_file == Path("/etc/eventd/esx01.password")


def test_all_problems_are_told_in_the_order_of_the_file() -> None:
    """Nobody has to start the daemon five times to find five mistakes."""
    text = """\
[daemon]
runtime_directory = "run/eventd"
log_levle = "info"

[[connections]]
name = "esx01"
uri = "http://esx01.example/"

[[connections]]
name = "esx01"
thumbprint = "ab:cd"
"""

    assert problems(text) == [
        'eventd.toml:2: daemon.runtime_directory: found "run/eventd", '
        "expected an absolute path of at most 92 bytes",
        "eventd.toml:3: daemon.log_levle: unknown key, expected 'log_level'",
        "eventd.toml:7: connections[0].uri: Connection URI has the unknown scheme 'http' "
        "(should be esx|gsx|vpx)",
        "eventd.toml:9: connections[1].uri: missing, "
        "expected a connection URI such as 'esx://root@esx01.example/'",
        'eventd.toml:10: connections[1].name: found "esx01", which is the name on line 6 too, '
        "expected a name of its own",
        'eventd.toml:11: connections[1].thumbprint: found "ab:cd", expected the SHA-1 (40) or '
        "SHA-256 (64 hexadecimal digits) of the host's certificate, with or without colons "
        "between the bytes",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{connection()}\n{connection()}", '5: connections[1].name: found "esx01", which is'),
        ("", "1: connections: missing, expected a table [[connections]] for each host"),
        ("connections = []", "1: connections: found an empty array, expected a table [[conn"),
        ("connections = 1", "1: connections: found 1, expected a table [[connections]]"),
        ("\nconnections = [1]", "2: connections[0]: found 1, expected a table [[connections]]"),
        (
            "[journal]\nkeep_day = 3\n" + connection(),
            "2: journal.keep_day: unknown key, expected",
        ),
        (
            "[journal]\nkeep_days = 0\n" + connection(),
            "2: journal.keep_days: found 0, expected a",
        ),
        (
            "[journal]\ndurability = 'disk'\n" + connection(),
            "2: journal.durability: found \"disk\", expected one of 'process', 'power'",
        ),
        ("journal = 1\n" + connection(), "1: journal: found 1, expected a table [journal]"),
        (connection() + "\n[deamon]", "4: deamon: unknown key, expected 'daemon'"),
        (
            connection() + "\n[libvirt]\nwell_known_socket = true",
            "5: libvirt.well_known_socket: unknown key, expected 'well_known_sockets'",
        ),
        (
            connection() + "\n[libvirt]\ndirectory = 'wk'",
            '5: libvirt.directory: found "wk", expected an absolute path of at most',
        ),
        (
            connection() + "\n[zzz]",
            "4: zzz: unknown key, expected one of 'daemon', 'journal', 'libvirt', 'connections'",
        ),
        ("daemon = true\n" + connection(), "1: daemon: found true, expected a table [daemon]"),
        (connection('password = "x"'), "4: connections[0].password: unknown key, expected 'passw"),
        (connection('"a b" = 1'), "4: connections[0].\"a b\": unknown key, expected one of 'name'"),
        (connection('suspend = "off"'), '4: connections[0].suspend: found "off", expected one of'),
        (connection("suspend = 2026-01-01"), "4: connections[0].suspend: found 2026-01-01, exp"),
        (connection("suspend = {}"), "4: connections[0].suspend: found a table, expected one of"),
        (connection("suspend = [1]"), "4: connections[0].suspend: found an array, expected one of"),
        ("[[connections]]\nname = 1\nuri = 2", "2: connections[0].name: found 1, expected a name"),
        (
            "[daemon]\nlog_level = '" + "x" * 100 + "'\n" + connection(),
            '2: daemon.log_level: found "' + "x" * 59 + "…, expected one of 'debug', 'info'",
        ),
    ],
)
def test_a_problem_names_line_key_finding_and_expectation(text: str, problem: str) -> None:
    """Each says where it is, what was found there and what was expected."""
    assert problems(text)[0].startswith(f"eventd.toml:{problem}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[daemon]\nx = \n", "2: not valid TOML at column 5: Invalid value"),
        ("[daemon]\n[daemon]\n", "2: not valid TOML at column 8: Cannot declare"),
        ("[daemon]\nx = '''\n", "3: not valid TOML at the end of the file: Expected"),
        (f"x = {'9' * 5000}", "1: not valid TOML at the end of the file: Exceeds the limit"),
    ],
)
def test_what_is_no_toml_is_refused_with_its_place(text: str, problem: str) -> None:
    """The parser's own sentence is told with the line in front."""
    (only,) = problems(text)

    assert only.startswith(f"eventd.toml:{problem}")


def test_a_text_that_is_nested_too_deep_is_refused() -> None:
    """It is a mistake of the file, and not one of eventd."""
    assert problems("key = " + "[" * 3000) == [
        "eventd.toml:1: arrays or tables stand too deep in each other"
    ]


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    """TOML is UTF-8."""
    path = tmp_path / "eventd.toml"
    path.write_bytes(b"[daemon]\n# caf\xe9\n")

    with pytest.raises(InvalidConfiguration, match=r"eventd\.toml:2: found bytes that are not UTF"):
        load(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The sentence has the path and the system's reason."""
    with pytest.raises(InvalidConfiguration, match=r"absent\.toml: .*: No such file or directory"):
        load(tmp_path / "absent.toml")
    with pytest.raises(InvalidConfiguration, match="Is a directory"):
        load(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        connection('password = "hunter2"'),
        connection('password_file = "hunter2"'),
        connection('password_credential = "hunter2/"'),
        connection('auth_file = "hunter2"'),
        '[[connections]]\nname = "esx01"\nuri = "esx://root:hunter2@esx01.example/"',
    ],
)
def test_what_may_be_a_password_is_not_repeated(text: str) -> None:
    """A password in the wrong place must not travel on into a log."""
    assert "hunter2" not in "\n".join(problems(text))


def test_the_same_text_gives_the_same_configuration() -> None:
    """A configuration is a value: it compares by what it says."""
    assert parse(GOOD, source="a") == parse(GOOD, source="b")
    assert isinstance(parse(GOOD, source="a"), Configuration)
