"""What a faithful observer has to tell of each domain, also where a host takes another one's place.

Of what happened last on the one before, nobody can say how much an observer has seen: it may have
been cut off anywhere behind what is certain, and ends what it knew of. And it may have come to the
new one at any moment of its beginning, and tells the state that it found. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import product
from typing import Literal, NamedTuple

__all__ = ["Come", "Gone", "Power", "Truth"]

Power = Literal["on", "off", "suspended"]

_ENDS: Mapping[Power | None, list[str]] = {
    "on": ["stopped shutdown", "undefined removed"],
    "suspended": ["stopped saved", "undefined removed"],
    "off": ["undefined removed"],
    None: [],
}
_BEGINNINGS: Mapping[Power | None, list[str]] = {
    "on": ["defined added", "started booted"],
    "suspended": ["defined added"],
    "off": ["defined added"],
    None: [],
}
_LEADS_TO: Mapping[str, Power | None] = {
    "defined added": "off",
    "started": "on",
    "resumed": "on",
    "suspended paused": "suspended",
    "stopped": "off",
    "undefined": None,
}


class Gone(NamedTuple):
    """A domain of a host that another one has replaced."""

    at_first: Power | None
    """None where it was not there yet."""
    words: Sequence[str]
    """What happened to it until the host was gone."""
    certain: int
    """So much of that must have been seen."""

    def tellings(self) -> Iterator[list[str]]:
        """Go through what may be told of it."""
        for seen in range(self.certain, len(self.words) + 1):
            words = [*self.words[:seen]]
            yield words + _ENDS[_after(self.at_first, words)]


class Come(NamedTuple):
    """A domain of the new host."""

    at_first: Power | None
    words: Sequence[str]
    """What happened to it since the host answers."""
    late: int
    """So much of that may have been over when the observer came."""

    def tellings(self) -> Iterator[list[str]]:
        """Go through what may be told of it."""
        for over in range(self.late, -1, -1):
            before, after = self.words[:over], self.words[over:]
            yield [*_BEGINNINGS[_after(self.at_first, before)], *after]


@dataclass(frozen=True)
class Truth:
    """What happened to domains, by their UUIDs."""

    words: Mapping[str, list[str]]
    gone: Mapping[str, Gone] = field(default_factory=dict)
    come: Mapping[str, Come] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How much happened."""
        gone = sum(len(each.words) for each in self.gone.values())
        come = sum(len(each.words) for each in self.come.values())
        return sum(map(len, self.words.values())) + gone + come

    def nearest(self, told: Mapping[str, list[str]]) -> dict[str, list[str]]:
        """Return what had to be told; of what may be told, that which was."""
        nearest = dict(self.words)
        for uuid in self.gone.keys() | self.come.keys():
            possible = [
                [*before, *after]
                for before, after in product(
                    self.gone[uuid].tellings() if uuid in self.gone else [[]],
                    self.come[uuid].tellings() if uuid in self.come else [[]],
                )
            ]
            said = told.get(uuid, [])
            nearest[uuid] = said if said in possible else possible[-1]
        return nearest


def _after(power: Power | None, words: Sequence[str]) -> Power | None:
    """Return the power state to which some words lead."""
    return reduce(_led_to, words, power)


def _led_to(power: Power | None, words: str) -> Power | None:
    for beginning, after in _LEADS_TO.items():
        if words.startswith(beginning):
            return after
    return power
