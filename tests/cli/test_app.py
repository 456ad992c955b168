"""The command as its callers see it: exit codes, sentences, and no tracebacks."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from eventd import __version__
from eventd.cli.app import app
from eventd.client import DEFAULT_READ_WRITE_SOCKET, DEFAULT_SOCKET
from eventd.model.events import EVENT_CLASSES
from eventd.model.ids import EventKind
from eventd.model.operations import DomainOperation
from eventd.vi.uri import ConnectionURI

EXAMPLE = Path(__file__).parents[2] / "config" / "eventd.toml"
CONNECTION = '[[connections]]\nname = "esx01"\nuri = "esx://root@127.0.0.1:1/?nonsense=1"\n'


def invoke(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@contextmanager
def started(*arguments: str | Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a process of its own, which ends with the context at the latest."""
    with subprocess.Popen(
        [sys.executable, "-m", "eventd", *map(str, arguments)],
        # A keyboard at which nobody sits: what asks for something waits for ever.
        stdin=subprocess.PIPE,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": ""} | environment,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_version_is_that_of_the_package() -> None:
    """On one line, for programs."""
    result = invoke("--version")

    assert (result.exit_code, result.stdout) == (0, f"eventd {__version__}\n")


OPERATIONS = ["start", "shutdown", "destroy", "suspend", "resume", "reboot", "reset"]
READING: list[tuple[str, ...]] = [
    ("watch",),
    ("domains",),
    ("connections",),
    ("questions",),
    ("subscriptions",),
    ("domain", "config"),
]
WRITING: list[tuple[str, ...]] = [
    ("answer",),
    *(("domain", operation) for operation in OPERATIONS),
    *(("subscription", word) for word in ("create", "delete")),
    ("subscription", "ack", "pager"),
]
ARGUMENTS = {"answer": ["web01", "1"], "domain": ["web01"], "subscription": ["pager"]}
"""What such commands cannot do without."""


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "demo",
        "watch",
        "domains",
        "connections",
        "questions",
        "answer",
        "simulate",
        "check-config",
        "domain",
        "subscription",
        "subscriptions",
    ],
)
def test_every_command_has_a_help_text_that_fits_its_list(command: str) -> None:
    """The list shows the first sentence in full."""
    summary = next(line for line in invoke("--help").stdout.splitlines() if f"  {command} " in line)
    result = invoke(command, "--help")

    assert result.exit_code == 0
    assert summary.endswith(".")
    assert not summary.endswith("...")
    assert summary.split(maxsplit=1)[1] in result.stdout


def test_there_is_a_command_for_each_operation() -> None:
    """Each of which has a help text that fits the list."""
    listed = invoke("domain", "--help").stdout.partition("Commands:")[2].splitlines()[1:]

    assert [line.split()[0] for line in listed] == [*map(str, DomainOperation), "config"]
    for line in listed:
        word, summary = line.split(maxsplit=1)
        assert not summary.endswith("...")
        assert summary in invoke("domain", word, "--help").stdout


def test_the_help_needs_none_of_the_parts() -> None:
    """It answers at once: nothing heavy is imported for it."""
    program = (
        "import sys; from eventd.cli.app import app; app(['--help'], standalone_mode=False); "
        "print(sorted({'aiohttp', 'lxml', 'pydantic', 'structlog', 'rich'} & set(sys.modules)))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout.splitlines()[-1] == "[]"


def test_the_help_of_watch_has_every_kind_that_is_published() -> None:
    """In a text of its own, since nothing is imported for it."""
    help_text = invoke("watch", "--help").stdout
    listed = help_text.partition("Kinds, as libvirt has them:")[2].partition("Examples:")[0]
    words = re.findall(r"[a-z0-9-]+", re.sub(r"\(.*?\)", "", listed, flags=re.DOTALL))

    assert set(words) & set(EventKind) == {cls.kind for cls in EVENT_CLASSES}


@pytest.mark.parametrize(
    ("command", "socket"),
    [
        *((command, DEFAULT_SOCKET) for command in READING),
        *((command, DEFAULT_READ_WRITE_SOCKET) for command in WRITING),
    ],
)
def test_the_socket_is_that_of_a_daemon_with_defaults(
    command: tuple[str, ...], socket: str
) -> None:
    """The command line and the Python client look in the same place."""
    help_text = "".join(invoke(*command, "--help").stdout.split())

    assert f"default:{socket}]" in help_text


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["watch", "--nonsense"],
        ["watch", "--count", "0"],
        ["watch", "--timeout", "0"],
        ["watch", "-o", "xml"],
        ["watch", "--timestamp"],
        ["watch", "--snapshot", "-o", "virsh"],
        ["answer", "web01"],
        ["domain", "start"],
        ["domain", "explode", "web01"],
        ["domain", "config", "web01", "-o", "xml"],
        ["simulate", "--listen", "8989"],
        ["simulate", "--listen", "::1:8989"],
        ["simulate", "--listen", "127.0.0.1:65536"],
        ["simulate", "--domains", "-1"],
        ["simulate", "--product", "gsx"],
    ],
)
def test_a_wrong_call_is_refused_with_the_usage(arguments: list[str]) -> None:
    """Exit code 2, as everywhere, and where to find help."""
    result = invoke(*arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")
    assert "Error: " in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("command", [*READING, *WRITING])
def test_without_a_daemon_the_socket_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    """One sentence says where it was looked for and what to do."""
    path = tmp_path / "absent.sock"

    result = invoke(*command, *ARGUMENTS.get(command[0], []), "--socket", path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: there is no socket at {path}; ")


def test_a_good_configuration_is_good(tmp_path: Path) -> None:
    """Warnings are told and change nothing."""
    path = tmp_path / "eventd.toml"
    (tmp_path / "password").write_text("pass")
    state = f'[daemon]\nstate_directory = "{tmp_path}/state"\n'
    path.write_text(f'{state}{CONNECTION}password_file = "{tmp_path}/password"\n')

    result = invoke("check-config", path)

    assert result.exit_code == 0
    assert not (tmp_path / "state").exists()
    assert result.stdout == f"{path}: good; connections: esx01\n"
    assert result.stderr == (
        f"warning: {path}: connection 'esx01': Ignoring unexpected query parameter 'nonsense'\n"
    )


@pytest.mark.parametrize("command", [("check-config",), ("run", "--config")])
def test_every_mistake_of_a_configuration_is_a_line(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Nothing is started."""
    path = tmp_path / "eventd.toml"
    path.write_text("x = 1\ny = 2\n")

    result = invoke(*command, path)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert [line.split(" ")[:2] for line in result.stderr.splitlines()] == [
        ["error:", f"{path}:1:"],
        ["error:", f"{path}:1:"],
        ["error:", f"{path}:2:"],
    ]


def test_a_state_directory_that_cannot_be_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that only this user cannot use is a warning."""
    path = tmp_path / "eventd.toml"
    (tmp_path / "password").write_text("pass")
    uri = CONNECTION.replace("?nonsense=1", "") + f'password_file = "{tmp_path}/password"\n'
    path.write_text(f'[daemon]\nstate_directory = "{path}/state"\n{uri}')
    result = invoke("check-config", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: daemon.state_directory {path}/state: {path} is no directory; remove it, or name "
        "another directory\n"
    )
    path.write_text(f'[daemon]\nstate_directory = "{tmp_path}/state"\n{uri}')
    monkeypatch.setattr("os.access", lambda _, mode: not mode & os.W_OK)
    result = invoke("check-config", path)
    assert (result.exit_code, result.stdout) == (0, f"{path}: good; connections: esx01\n")
    assert result.stderr.startswith(f"warning: {path}: daemon.state_directory {tmp_path}/state: ")


def test_every_password_that_cannot_be_read_is_a_line(tmp_path: Path) -> None:
    """The check of the file alone needs no secrets."""
    path = tmp_path / "eventd.toml"
    bad = CONNECTION + 'password_file = "/nonexistent/password"\n'
    path.write_text(bad + bad.replace("esx01", "esx02"))

    assert invoke("check-config", "--no-secrets", path).exit_code == 0
    result = invoke("check-config", path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [
        ["error", "connection 'esx01'"],
        ["error", "connection 'esx02'"],
    ]
    assert result.stderr.count("password_file /nonexistent/password") == 2


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """With what was expected."""
    path = tmp_path / "cert.pem"
    path.write_text("no certificate")

    result = invoke("simulate", "--tls", path, path)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {path} and {path} cannot be used for TLS: ")


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end of the notify socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(20)
        yield listener


def test_the_daemon_starts_and_stops_as_systemd_expects(
    tmp_path: Path, systemd: socket.socket
) -> None:
    """Ready when the sockets are there; SIGTERM is an orderly end with exit code 0."""
    (tmp_path / "password").write_text("pass")
    path = tmp_path / "eventd.toml"
    path.write_text(
        f'[daemon]\nruntime_directory = "{tmp_path}/run"\nstate_directory = "{tmp_path}/state"\n'
        f'{CONNECTION}password_file = "{tmp_path}/password"\n'
    )

    with started("run", "--config", path, NOTIFY_SOCKET=systemd.getsockname()) as process:
        assert systemd.recv(4096).startswith(b"READY=1\nSTATUS=")
        assert (tmp_path / "run" / "eventd.sock").is_socket()
        process.send_signal(signal.SIGTERM)
        while not systemd.recv(4096).startswith(b"STOPPING=1"):
            pass
        _, log = process.communicate(timeout=20)

    assert process.returncode == 0
    assert "Traceback" not in log


def test_an_address_that_is_taken_is_named() -> None:
    """With the system's reason and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        result = invoke("simulate", "--listen", f"127.0.0.1:{port}")

    assert result.exit_code == 1
    assert result.stderr == (
        f"error: the simulator cannot listen on 127.0.0.1 port {port}: Address already in use; "
        "choose another --listen\n"
    )


def test_the_simulated_vcenter_has_a_uri_for_all_of_it() -> None:
    """The first names one host, since virsh wants one: who gives it to eventd follows half."""
    with started("simulate", "--listen", "127.0.0.1:0", "--product", "vpx") as process:
        assert process.stdout is not None
        first, second = (process.stdout.readline().split()[0] for _ in range(2))

    one, whole = ConnectionURI.parse(first), ConnectionURI.parse(second)
    assert one.path_segments == ("Datacenter", "Cluster", "esx01.example")
    assert whole.path_segments == ()
    assert whole.endpoint == one.endpoint


@pytest.mark.openssl
def test_an_encrypted_key_is_refused_without_a_question(tmp_path: Path) -> None:
    """A service has nobody to ask for its passphrase."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=x -passout pass:secret"
    subprocess.run(
        ["openssl", *make.split(), "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )

    with started("simulate", "--tls", certificate, key) as process:
        process.wait(timeout=20)
        assert process.stderr is not None
        errors = process.stderr.read()

    assert process.returncode == 1
    assert errors.startswith(f"error: {certificate} and {key} cannot be used for TLS: ")
    assert "without a passphrase" in errors


@pytest.mark.parametrize("product", ["esx", "vpx"])
def test_the_simulator_names_its_uri_and_ends_on_sigterm(product: str) -> None:
    """The URI is what clients are given; the interruption is the normal end."""
    with started("simulate", "--listen", "127.0.0.1:0", "--product", product) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)

    assert line.startswith(f"{product}://root@127.0.0.1:")
    assert line.endswith(" has 4 domains\n")
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    "command",
    [
        ("check-config", "--no-secrets", str(EXAMPLE)),
        ("demo",),
        ("simulate", "--listen", "127.0.0.1:0"),
    ],
)
def test_a_reader_that_goes_ends_the_command_in_silence(command: tuple[str, ...]) -> None:
    """As in `eventd demo | head -1`; Python alone would complain at its end."""
    with started(*command) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(timeout=20)
        assert process.stderr is not None
        errors = process.stderr.read()

    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("redirection", "reason"),
    [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
)
@pytest.mark.parametrize(
    "command",
    [
        "--version",
        "--help",
        "watch --help",
        "domain --help",
        "domain start -h",
        "simulate --listen 127.0.0.1:0",
    ],
)
def test_an_output_that_cannot_be_written_is_told(
    command: str, redirection: str, reason: str
) -> None:
    """A full disk is no mistake of eventd."""
    ran = subprocess.run(
        ["/bin/sh", "-c", f"exec {sys.executable} -m eventd {command} {redirection}"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (1, f"error: cannot write the output: {reason}\n")


def test_a_letter_that_the_terminal_lacks_is_escaped(tmp_path: Path) -> None:
    """A domain may be named anything; printing it must not fail."""
    with started(
        "check-config", tmp_path / "é.toml", PYTHONIOENCODING="ascii", LC_ALL="C"
    ) as process:
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 1
    assert r"\xe9.toml: the configuration cannot be read: No such file" in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demonstration_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    """Without a word, and with the exit code that shells give to an interruption."""
    with started("demo", TMPDIR=str(tmp_path)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)

    assert (process.returncode, errors) == (130, "")
    assert list(tmp_path.iterdir()) == []
