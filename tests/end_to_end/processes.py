"""The daemon and its readers as real processes, spoken to as a user would: by the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from eventd.model.events import EVENT_CLASSES
from eventd.model.ids import EventKind
from tests.peers.vcsim_process import Model

__all__ = ["KINDS", "Daemon", "Reader", "Simulator", "told"]

EVENTD = (sys.executable, "-m", "eventd")
STOP_LIMIT = 10.0
ALL_KINDS = sorted({cls.kind for cls in EVENT_CLASSES})

KINDS = sorted({*ALL_KINDS} - {EventKind.AGENT_LIFECYCLE, EventKind.TASK})
"""What is compared: all but when the tools of a guest start and stop, which is the guest's own
affair and has no order with what a host does; and the course of tasks, of which is told what shows
when eventd looks."""


class Daemon:
    """``eventd run`` with one connection to each host; used as a context manager."""

    def __init__(
        self,
        directory: Path,
        connections: dict[str, tuple[str, str]],
        *,
        operations: bool = False,
    ) -> None:
        self._directory = directory
        self._count = len(connections)
        self.socket = directory / "run" / "eventd-ro.sock"
        lines = [
            "[daemon]",
            f'runtime_directory = "{directory / "run"}"',
            f'state_directory = "{directory / "state"}"',
            'log_format = "logfmt"',
            f"operations = {str(operations).lower()}",
        ]
        for name, (uri, password) in connections.items():
            password_file = directory / f"{name}.password"
            password_file.write_text(password, "utf-8")
            lines += [
                "[[connections]]",
                f'name = "{name}"',
                f'uri = "{uri}"',
                f'password_file = "{password_file}"',
            ]
        self._configuration = directory / "eventd.toml"
        self._configuration.write_text("\n".join(lines), "utf-8")

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [*EVENTD, "run", "--config", str(self._configuration)],
            stderr=subprocess.PIPE,
            text=True,
        )
        return self

    def wait_until_connected(self) -> None:
        """Return when all connections are in sync; its log says so."""
        assert self._process.stderr is not None
        log = []
        missing = self._count
        while missing:
            line = self._process.stderr.readline()
            log.append(line)
            assert line, f"the daemon ended: {''.join(log)}"
            missing -= "event=connected" in line

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        _output, log = self._process.communicate(timeout=STOP_LIMIT)
        assert self._process.returncode == 0, log


class Simulator:
    """``eventd simulate``: a host that pyVmomi can log in to; used as a context manager."""

    user = "root"
    password = "pass"
    host = "127.0.0.1"

    def __init__(self, model: Model, *, domains: int, asks: Sequence[str] = ()) -> None:
        self.model = model
        self._domains = domains
        self._asks = asks

    def __enter__(self) -> Self:
        command = [*EVENTD, "simulate", "--listen", f"{self.host}:0"]
        command += ["--product", self.model, "--domains", str(self._domains)]
        command += [f"--asks={name}" for name in self._asks]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        uri = self._process.stdout.readline().split()[0]
        port = urlsplit(uri).port
        assert port is not None
        self.port = port
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=STOP_LIMIT)

    @property
    def connection_uri(self) -> str:
        """The URI of the whole host."""
        return f"{self.model}://{self.user}@{self.host}:{self.port}/?transport=http"


class Reader:
    """A program that prints events as lines of JSON; used as a context manager."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._sequence: int | None = None
        """That of the event that was read last."""

    @classmethod
    def watch(cls, daemon: Daemon) -> Self:
        """``eventd watch -o json``, beginning with the present state."""
        command = [*EVENTD, "watch", "--socket", str(daemon.socket), "-o", "json", "--snapshot"]
        return cls([*command, *(f"--event={kind}" for kind in ALL_KINDS)])

    @classmethod
    def curl(cls, daemon: Daemon) -> Self:
        """``curl`` on the stream of events, beginning with the present state."""
        url = "http://eventd/v1/events?snapshot=true"
        return cls(["curl", "-sSN", "--unix-socket", str(daemon.socket), url])

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=STOP_LIMIT)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what it prints."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield json.loads(line)

    def read_snapshot(self, domains: int) -> None:
        """Return when the present state was told, so that the reader is subscribed."""
        for line in self.lines():
            # `eventd watch` prints what a domain is; the stream has it inside of a record.
            domains -= "state" in line.get("data", line)
            if not domains:
                return

    def read_events(self, count: int) -> list[dict[str, Any]]:
        """Return the next events of `KINDS`; the others, and control records, are passed by.

        No number of a sequence may be missing.
        """
        events: list[dict[str, Any]] = []
        for line in self.lines():
            if "sequence" in line:
                sequence = int(line["sequence"])
                assert self._sequence in (None, sequence - 1)
                self._sequence = sequence
                events += [line] if _kind_of(line) in KINDS else []
            if len(events) == count:
                break
        return events


def _kind_of(event: dict[str, Any]) -> str:
    """Return the kind in a type: ``eventd.domain.task.running.v1``."""
    _, subject, kind, *_ = event["type"].split(".")
    return str(kind if subject == "domain" else subject)


def told(events: Sequence[dict[str, Any]]) -> list[str]:
    """Write events as sentences: ``web01: stopped destroyed``."""
    return [_sentence(event["data"]) for event in events]


def _sentence(data: dict[str, Any]) -> str:
    reason = f" {data['reason']}" if "reason" in data else ""
    return f"{data['domain']['name']}: {data['event_name']}{reason}"
