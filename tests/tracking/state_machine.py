"""Draws the state machine of a domain from the lifecycle table, as a Mermaid flowchart.

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

NOWHERE = "undefined"
STATES: Mapping[str, str] = {
    NOWHERE: "undefined",
    "off": "shut off",
    "on": "running",
    "suspended": "paused",
    "asleep": "pmsuspended",
    "crashed": "crashed",
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
    Change.BLOCKED: (("on", "suspended"),),
    Change.UNBLOCKED: (("suspended", "on"),),
    Change.LOST_ON: (("on", "off"),),
    Change.LOST_SUSPENDED: (("suspended", "off"),),
    Change.LEFT: (("off", NOWHERE),),
}
"""Where each change leads from and to; those that are not here change no state."""


def diagram() -> str:
    """Return the state machine as a Mermaid flowchart: from a state by its events to the next.

    What is told stands in boxes of its own, since labels of arcs would lie upon each other.
    """
    arcs: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in TABLE:
        for arc in ARCS.get(row.change, ()):
            if row.change is not Change.REVERTED or _applies(row, arc):
                told = arcs.setdefault(arc, {})
                for what in row.then:
                    kind, detail = _words(what)
                    if detail not in (details := told.setdefault(kind, [])):
                        details.append(detail)
    return "\n".join(_lines(arcs))


def _lines(arcs: Mapping[tuple[str, str], Mapping[str, list[str]]]) -> Iterator[str]:
    yield "```mermaid"
    yield "flowchart LR"
    for name, title in STATES.items():
        yield f'    {name}(["<b>{title}</b>"])'
    for number, ((here, there), told) in enumerate(arcs.items(), 1):
        yield f'    {here} --- e{number}["{_label(told)}"] --> {there}'
    yield "```"


def _label(told: Mapping[str, list[str]]) -> str:
    """Write what an arc tells, a line for each type: ``stopped destroyed, crashed``."""
    return "<br/>".join(f"{kind} {', '.join(details)}".strip() for kind, details in told.items())


def _applies(row: Row, arc: tuple[str, str]) -> bool:
    before, after = (DomainPicture("vm-42", power_state=POWER[name]) for name in arc)
    facts = Facts(
        part=Part(row.change, Step(before, after)),
        history=(),
        host_event=lambda host, types: None,
        explain=lambda operation, chain: None,
        has=lambda operation: False,
        is_host_connected=True,
        host_state=None,
        elsewhere=None,
        arrived_at=None,
        follows_history=False,
        in_gap=False,
        is_another_host=False,
        looked_at=datetime.fromtimestamp(0, UTC),
    )
    return row.evidence(facts) is not None


def _words(what: Telling) -> tuple[str, str]:
    """Return a type and its detail, or a kind alone."""
    if isinstance(what, Detail):
        kind, _, detail = words_of(what).partition(" ")
        return kind, detail
    return str(what.cls.kind), ""


def drawn() -> str:
    """Return the catalogue with the picture as the table has it now."""
    text, _, _ = CATALOGUE.read_text("utf-8").partition(MARK)
    return f"{text}{MARK}\n{diagram()}\n"


if __name__ == "__main__":
    CATALOGUE.write_text(drawn(), "utf-8")
