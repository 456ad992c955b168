"""HTTP over two Unix sockets: event streams, the registry, the present state, operations."""

from eventd.http_api.api import HttpApi

__all__ = ["HttpApi"]
