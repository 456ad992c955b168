"""HTTP over two Unix sockets: event streams, the registry, and what the daemon knows."""

from eventd.http_api.api import HttpApi

__all__ = ["HttpApi"]
