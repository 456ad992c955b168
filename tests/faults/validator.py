"""What must hold of the stream that one subscriber puts together with its cursor. Pure.

*Ordered*: each record has the number after that of the record before. *Unique*: no record and no
id comes twice. *Reliable*: no number is missing, and no gap is told. *Resumable*: a new connection
goes on behind the cursor. *True*: what was told of each domain is what happened to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from pydantic_core import from_json

from eventd.errors import InvalidArgument
from eventd.model.cloudevents import GAP
from eventd.model.events import DomainAgentLifecycle, DomainEvent, Event, LifecycleEvent, TaskEvent
from eventd.model.record import Cursor, EventRecord
from tests.situations.stage import BARRIER

__all__ = ["Faults", "OrderOnly", "Validator", "by_domain", "compare", "words"]

_CONTROL = "eventd.stream."
_SNAPSHOT = "eventd.domain.snapshot."
_UNDURABLE = b'"durable":false'


@dataclass
class Faults:
    """What was found to be wrong, counted and in sentences."""

    lost: int = 0
    doubled: int = 0
    misordered: int = 0
    sentences: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.sentences)

    def add(self, other: Faults) -> None:
        """Count others' too."""
        self.lost += other.lost
        self.doubled += other.doubled
        self.misordered += other.misordered
        self.sentences += other.sentences

    def lose(self, sentence: str, count: int = 1) -> None:
        """Something was not told."""
        self.lost += count
        self.sentences.append(f"lost: {sentence}")

    def double(self, sentence: str, count: int = 1) -> None:
        """Something was told more often than it happened."""
        self.doubled += count
        self.sentences.append(f"doubled: {sentence}")

    def misorder(self, sentence: str, count: int = 1) -> None:
        """Something was told in another order."""
        self.misordered += count
        self.sentences.append(f"misordered: {sentence}")


class Validator:
    """Takes in the lines of one subscriber's stream, over all its connections."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cursor: Cursor | None = None
        """Where to resume."""
        self.faults = Faults()
        self.count = 0
        """How many events came."""
        self.undurable = 0
        """How many of them were not on the disk when they were told."""
        self.told: list[tuple[str, str]] = []
        """UUIDs of domains, and what was told of them; for the reader to clear."""
        self._ids: set[str] = set()

    def begin(self, cursor: str) -> None:
        """The first connection begins here."""
        if self.cursor is None:
            self.cursor = Cursor.parse(cursor)

    def refuse(self, status: int, body: bytes) -> None:
        """The daemon would not let the subscriber go on at its cursor."""
        self.faults.lose(f"{self.name} at {self.cursor} was refused with {status}: {body[:300]!r}")
        self.cursor = None

    def take(self, line: bytes) -> Event | None:
        """Take in a whole line; return the event that is in it."""
        record = from_json(line)
        if record["type"].startswith((_CONTROL, _SNAPSHOT)):
            if record["type"] == GAP:
                self.faults.lose(f"{self.name} at {self.cursor} was told of a gap: {line!r}")
                self.cursor = Cursor.parse(record["cursor"])
            return None
        try:
            return self._take_event(EventRecord.from_json(line))
        except InvalidArgument as error:
            self.faults.lose(f"{self.name} cannot read {line!r}: {error}")
            return None

    def _take_event(self, record: EventRecord) -> Event:
        self.count += 1
        self._check_place(record.cursor, is_durable=_UNDURABLE not in record.json)
        event = record.event
        if record.id in self._ids:
            self.faults.double(f"{self.name} got the id {record.id} of {event.kind} again")
        self._ids.add(record.id)
        if _is_compared(event):
            self.told.append((event.domain.uuid, words(event)))
        return event

    def _check_place(self, cursor: Cursor, *, is_durable: bool) -> None:
        before, self.cursor = self.cursor, cursor
        self.undurable += not is_durable
        where = f"{self.name} got {cursor} after {before}"
        if before is None:
            return
        # Each life of the daemon begins an epoch, and a full disk; the numbers go on.
        if cursor.sequence > before.sequence + 1:
            self.faults.lose(where, cursor.sequence - before.sequence - 1)
        elif cursor.sequence == before.sequence:
            self.faults.double(where)
        elif cursor.sequence < before.sequence:
            self.faults.misorder(where)


class OrderOnly(Validator):
    """Looks at the place of each record alone, and reads none."""

    def take(self, line: bytes) -> Event | None:
        """Take in a whole line."""
        _, _, rest = line.partition(b'"cursor":"')
        cursor, _, _ = rest.partition(b'"')
        if line.find(GAP.encode()) >= 0:
            return super().take(line)
        if b'"sequence":"' in line:
            self.count += 1
            self._check_place(Cursor.parse(cursor.decode()), is_durable=_UNDURABLE not in line)
        return None


def _is_compared(event: Event) -> TypeGuard[DomainEvent]:
    """Whether worlds write down, too, what is told here.

    They do not what a guest's own agent does, nor the course of tasks; the domain of the harness is
    nobody's.
    """
    return (
        isinstance(event, DomainEvent)
        and not isinstance(event, DomainAgentLifecycle | TaskEvent)
        and not event.domain.name.startswith(BARRIER)
    )


def words(event: DomainEvent) -> str:
    """Say what happened in the words of the simulated worlds, without its cause."""
    if isinstance(event, LifecycleEvent):
        return f"{event.type} {event.reason}"
    parts = (str(event.kind), event.type, event.reason)
    return " ".join(part for part in parts if part)


def by_domain(said: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return words by the UUID of their domain, in order."""
    found: dict[str, list[str]] = {}
    for uuid, what in said:
        found.setdefault(uuid, []).append(what)
    return found


def compare(happened: Mapping[str, list[str]], told: Mapping[str, list[str]]) -> Faults:
    """Compare what happened to each domain with what was told of it."""
    faults = Faults()
    for uuid in sorted(happened.keys() | told.keys()):
        truth, said = happened.get(uuid, []), told.get(uuid, [])
        missing, surplus = Counter(truth) - Counter(said), Counter(said) - Counter(truth)
        sentence = f"of {uuid} happened {truth}, and was told {said}"
        if missing:
            faults.lose(sentence, missing.total())
        if surplus:
            faults.double(sentence, surplus.total())
        if truth != said and not missing and not surplus:
            faults.misorder(sentence)
    return faults
