"""What a world is made of and how fast it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

__all__ = ["INSTANT", "OUT_OF_SPACE", "Pace", "Product", "Question"]

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
    event_delay: timedelta = timedelta()
    """How long events trail what they tell of."""
    task_delay: timedelta = timedelta()
    """How long it takes until `recentTask` names a task."""
    property_delay: timedelta = timedelta()
    """How long it takes until clients see a change of a domain's properties."""
    progress_steps: int = 0
    """How often a running task reports progress, after 0 % and before its end; 0 for never."""
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
    message_ids: tuple[str, ...] = ()
    """Ids of its messages; hosts tell them since 2.5."""

    @property
    def is_about_space(self) -> bool:
        """Whether the domain cannot go on because its datastore is full."""
        return "msg.hbacommon.outofspace" in self.message_ids


OUT_OF_SPACE = Question(
    id="31",
    text="msg.hbacommon.outofspace:There is no more space for virtual disk web01.vmdk. You might "
    "be able to continue this session by freeing disk space on the relevant volume, and clicking "
    "Retry. Click Cancel to terminate this session.",
    choices=(("0", "Retry"), ("1", "Cancel")),
    default_index=0,
    aborting_keys=frozenset({"1"}),
    message_ids=("msg.hbacommon.outofspace",),
)
"""What a host asks on behalf of a running domain whose datastore is full."""
