"""What systemd wants to hear from a service, and how often: sd_notify(3), sd_watchdog_enabled(3).

Everything here does nothing where systemd did not start the process. When to say what is left to
the daemon.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import structlog

__all__ = ["Notifier"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """The way to tell systemd how the service is doing."""

    address: str | None = None
    """The Unix socket that systemd listens on, or None where nobody wants to know."""
    watchdog_interval: float | None = None
    """Seconds between two calls of `alive` that satisfy systemd, or None if it does not ask."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Return the notifier that systemd's variables ask for."""
        return cls(
            address=_notify_address(environment), watchdog_interval=_watchdog_interval(environment)
        )

    def ready(self, status: str) -> None:
        """Say that the service does its work now, and how it is."""
        self._send("READY=1", _status(status))

    def status(self, status: str) -> None:
        """Say in one sentence how the service is; ``systemctl status`` shows it."""
        self._send(_status(status))

    def stopping(self, status: str) -> None:
        """Say that the service is about to end, and why."""
        self._send("STOPPING=1", _status(status))

    def alive(self) -> None:
        """Keep the watchdog quiet until the next interval is over."""
        self._send("WATCHDOG=1")

    def _send(self, *assignments: str) -> None:
        if self.address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
                notify.sendto("\n".join(assignments).encode(), self.address)
        except OSError as error:
            # The service itself is well; if systemd does not hear of it, it will act on that.
            _log.warning("systemd was not notified", address=self.address, error=str(error))


def _status(sentence: str) -> str:
    # A line end inside would begin another assignment, and hosts have a say in the sentence.
    return f"STATUS={' '.join(sentence.split())}"


def _notify_address(environment: Mapping[str, str]) -> str | None:
    """Return the address as `socket` wants it; an abstract one has NUL where systemd has '@'."""
    path = environment.get("NOTIFY_SOCKET", "")
    match path[:1]:
        case "/":
            return path
        case "@":
            return "\0" + path[1:]
        case _:
            # Not set, or a kind of socket that a service on this machine never gets (vsock:).
            return None


def _watchdog_interval(environment: Mapping[str, str]) -> float | None:
    """Return half of the time that systemd waits, as sd_watchdog_enabled(3) recommends."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    is_for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    if not (is_for_us and microseconds.isdecimal() and int(microseconds)):
        return None
    return int(microseconds) / 1_000_000 / 2
