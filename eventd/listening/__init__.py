"""The Unix sockets that local clients connect to: made, watched, and who may come in."""
