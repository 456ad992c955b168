"""The words behind ``-o``."""

from __future__ import annotations

from enum import Enum

__all__ = ["ListOutput", "Output"]


# Not StrEnum: typer before 0.16 shows the members of those by their names.
class Output(Enum):
    """The forms of an event."""

    TEXT = "text"
    JSON = "json"
    VIRSH = "virsh"


class ListOutput(Enum):
    """The forms of a list."""

    TEXT = "text"
    JSON = "json"
