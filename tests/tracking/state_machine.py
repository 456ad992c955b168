"""Draws the state machine of a domain from the lifecycle table, as a Mermaid diagram.

Run it to write the picture in the catalogue of situations anew; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import eventd.tracking
from eventd.model.lifecycle import Detail
from eventd.model.picture import DomainPicture, PowerState
from eventd.tracking.changes import Change, Part
from eventd.tracking.facts import Facts
from eventd.tracking.inventory import Step
from eventd.tracking.lifecycle import TABLE, Row
from eventd.tracking.narration import words_of
from eventd.tracking.tellings import Telling

CATALOGUE = Path(eventd.tracking.__file__).with_name("situations.md")
MARK = "<!-- state machine -->\n"

NOWHERE = "[*]"
STATES: Mapping[str, str] = {
    "off": "shut off",
    "on": "running",
    "suspended": "paused",
    "asleep": "pmsuspended",
    "crashed": "crashed",
    "blocked": "paused for want of space",
}
POWER = {
    "off": PowerState.POWERED_OFF,
    "on": PowerState.POWERED_ON,
    "suspended": PowerState.SUSPENDED,
}

ARCS: Mapping[Change, tuple[tuple[str, str], ...]] = {
    Change.APPEARED: ((NOWHERE, "off"),),
    Change.FOUND_ON: (("off", "on"),),
    Change.FOUND_SUSPENDED: (("off", "suspended"),),
    Change.STARTED: (("off", "on"),),
    Change.STOPPED: (("on", "off"), ("crashed", "off")),
    Change.SUSPENDED: (("on", "suspended"),),
    Change.RESUMED: (("suspended", "on"),),
    Change.DISCARDED: (("suspended", "off"),),
    Change.REVERTED: tuple((here, there) for here in POWER for there in POWER),
    Change.MOVED: (("on", "on"),),
    Change.REBOOTED: (("on", "on"), ("crashed", "on")),
    Change.PANICKED: (("on", "crashed"),),
    Change.STANDING_BY: (("on", "asleep"),),
    Change.WOKEN: (("asleep", "on"),),
    Change.BLOCKED: (("on", "blocked"),),
    Change.UNBLOCKED: (("blocked", "on"),),
    Change.LOST_ON: (("on", "off"),),
    Change.LOST_SUSPENDED: (("suspended", "off"),),
    Change.LEFT: (("off", NOWHERE),),
}
"""Where each change leads from and to; those that are not here change no state."""


def diagram() -> str:
    """Return the state machine as Mermaid's state diagram, one arc for each pair of states."""
    arcs: dict[tuple[str, str], list[str]] = {}
    for row in TABLE:
        for arc in ARCS.get(row.change, ()):
            if row.change is not Change.REVERTED or _applies(row, arc):
                label = ", ".join(_words(what) for what in row.then)
                if label not in arcs.setdefault(arc, []):
                    arcs[arc].append(label)
    return "\n".join(_lines(arcs))


def _lines(arcs: Mapping[tuple[str, str], list[str]]) -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    for name, title in STATES.items():
        yield f'    state "{title}" as {name}'
    for (here, there), labels in arcs.items():
        yield f"    {here} --> {there}: {'<br/>'.join(labels)}"
    yield "```"


def _applies(row: Row, arc: tuple[str, str]) -> bool:
    before, after = (DomainPicture("vm-42", power_state=POWER[name]) for name in arc)
    facts = Facts(
        part=Part(row.change, Step(before, after)),
        history=(),
        host_event=lambda host, types: None,
        explain=lambda operation, chain: None,
        has=lambda operation: False,
        is_host_connected=True,
        elsewhere=None,
        follows_history=False,
        in_gap=False,
        looked_at=datetime.fromtimestamp(0, UTC),
    )
    return row.evidence(facts) is not None


def _words(what: Telling) -> str:
    return words_of(what) if isinstance(what, Detail) else str(what.cls.kind)


def drawn() -> str:
    """Return the catalogue with the picture as the table has it now."""
    text, _, _ = CATALOGUE.read_text("utf-8").partition(MARK)
    return f"{text}{MARK}\n{diagram()}\n"


if __name__ == "__main__":
    CATALOGUE.write_text(drawn(), "utf-8")
