"""HTTP over two Unix sockets: event streams, the registry, and what the daemon knows."""
