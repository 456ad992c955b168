"""What a world is made of and how fast it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

__all__ = ["INSTANT", "Pace", "Product", "Question"]

Product = Literal["esx", "vpx"]
"""``esx`` is a bare host, ``vpx`` a vCenter; the names are libvirt's URI schemes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How long the host takes for what it does."""

    queued: timedelta = timedelta(milliseconds=10)
    """From the call until its task runs."""
    running: timedelta = timedelta(milliseconds=40)
    """From there until the domain has changed."""
    ending: timedelta = timedelta()
    """From there until the task is done."""
    guest: timedelta = timedelta(milliseconds=60)
    """A guest's shutdown, or reboot."""
    task_kept: timedelta = timedelta(minutes=10)
    """How long `recentTask` still names a finished task (documented: ten minutes)."""


INSTANT = Pace(
    queued=timedelta(), running=timedelta(), guest=timedelta(), task_kept=timedelta(minutes=10)
)
"""Everything is done as soon as the world goes on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question that a domain asks. The default is the one about an existing serial port file."""

    id: str = "25"
    text: str = "msg.serial.file.open:Serial port output file exists. Replace or append?"
    choices: tuple[tuple[str, str], ...] = (("0", "Replace"), ("1", "Append"), ("2", "Cancel"))
    """Key and label of each choice."""
    default_index: int | None = 1
    """Index of the default choice; None where the host names none, and it may be out of range."""
    aborting_keys: frozenset[str] = field(default_factory=lambda: frozenset({"2"}))
    """Answers that end the task in an error."""
    when: Literal["queued", "running"] = "running"
    """The state of the task in which it is asked."""
    delay: timedelta = timedelta()
    """How long after the task came into that state."""
    choice_type: str = "ElementDescription"
    """Type of the choices; a subtype comes with its own ``xsi:type``."""
