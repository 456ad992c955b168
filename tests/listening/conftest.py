"""The daemon of the HTTP tests: its sockets are those that are looked at here."""

from __future__ import annotations

from tests.http_api.conftest import daemon, make_daemon

__all__ = ["daemon", "make_daemon"]
