"""A configuration file in lines: what it says, after what a person calls the domain."""

from __future__ import annotations

from collections.abc import Iterator

from eventd.model.configuration import DomainConfiguration
from eventd.rendering import printable

__all__ = ["configuration_lines"]


def configuration_lines(configuration: DomainConfiguration) -> Iterator[str]:
    """Yield comments with what is decoded, then the entries as they are in the file."""
    yield f"# {printable(configuration.path)}"
    if configuration.name is not None:
        yield f"# name: {printable(configuration.name)}"
    for line in (configuration.annotation or "").splitlines():
        yield f"# annotation: {printable(line)}"
    for key, value in configuration.entries.items():
        yield f'{printable(key)} = "{printable(value)}"'
    for key in configuration.omitted:
        yield f"# left out on the read-only socket: {printable(key)}"
