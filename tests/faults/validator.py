"""What must hold of the stream that one subscriber puts together with its cursor. Pure.

*Ordered*: each record has the number after that of the record before. *Unique*: no record and no
id comes twice. *Reliable*: no number is missing, and no gap is told. *Resumable*: a new connection
goes on behind the cursor. *True*: what was told of each domain is what happened to it.

What was told before it was on the disk may be lost with the process. Then the cursor is refused, or
a gap told: the stream goes back to the last record that was on the disk for sure, and what follows
that is told anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
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
        self.set_back = 0
        """How often it had been told what was lost afterwards, and was told so."""
        self.told_anew = 0
        """How many events came again that had been lost."""
        self.told: list[tuple[str, str]] = []
        """UUIDs of domains, and what was told of them; for the reader to clear."""
        self.lost: set[str] = set()
        """The ids of what was told of domains, was lost, and has not been told anew."""
        self._ids: set[str] = set()
        self._at: dict[int, tuple[Cursor, str]] = {}
        """Cursor and id of what has been told, by its number."""
        self._on_disk: Collection[str] | None = None
        """What the daemon has left behind, until it has been asked to go on there."""
        self._is_owed_a_gap = False
        self._is_reading_again = False
        self._safe: Cursor | None = None
        """Up to here all has been on the disk."""
        self._unsafe: list[tuple[str, bool]] = []
        """The ids of what came since, and whether they are of what is in `told`."""

    def begin(self, cursor: str) -> None:
        """A connection begins; the first one here, and others at the cursor."""
        if self.cursor is None:
            self.cursor = self._safe = Cursor.parse(cursor)
        self._compare_with_disk()

    def _compare_with_disk(self) -> None:
        on_disk, self._on_disk = self._on_disk, None
        if on_disk is None or self.cursor is None or self._safe is None:
            return
        # What is not behind the last safe record is good, be it the beginning of all.
        is_unsafe = self.cursor.sequence > self._safe.sequence
        self._is_owed_a_gap = is_unsafe and str(self.cursor) not in on_disk

    def lose(self, on_disk: Collection[str]) -> None:
        """The daemon has been killed, and these are the cursors of what it has left.

        Who has others must be told so by the next one.
        """
        self._on_disk = on_disk

    def refuse(self, status: int, body: bytes) -> None:
        """The daemon would not let the subscriber go on at its cursor."""
        if status == HTTPStatus.GONE and self.cursor is not None:
            self._compare_with_disk()
            if self._is_owed_a_gap:
                self._go_back()
                return
        self.faults.lose(f"{self.name} at {self.cursor} was refused with {status}: {body[:300]!r}")
        self.cursor = None

    def take(self, line: bytes) -> Event | None:
        """Take in a whole line; return the event that is in it."""
        record = from_json(line)
        if record["type"].startswith((_CONTROL, _SNAPSHOT)):
            if record["type"] == GAP:
                self._take_gap(Cursor.parse(record["cursor"]), line)
            return None
        if self._is_owed_a_gap:
            self._is_owed_a_gap = False
            self.faults.lose(f"{self.name} at {self.cursor}, which is lost, was told {line!r}")
        try:
            return self._take_event(EventRecord.from_json(line))
        except InvalidArgument as error:
            self.faults.lose(f"{self.name} cannot read {line!r}: {error}")
            return None

    def _take_gap(self, cursor: Cursor, line: bytes) -> None:
        if self._is_owed_a_gap:
            self._go_back()
            self._is_reading_again = True
        else:
            self.faults.lose(f"{self.name} at {self.cursor} was told of a gap: {line!r}")
        self.cursor = cursor

    def _go_back(self) -> None:
        """Forget what may have been lost: it comes anew."""
        self._is_owed_a_gap = False
        self.set_back += 1
        self.cursor = self._safe
        told = [known_as for known_as, is_compared in self._unsafe if is_compared]
        self._ids.difference_update(known_as for known_as, _ in self._unsafe)
        self.lost.update(told)
        if told:
            del self.told[-len(told) :]
        self._unsafe.clear()

    def _take_event(self, record: EventRecord) -> Event | None:
        if self._is_reading_again and self._safe is not None:
            if record.sequence <= self._safe.sequence:
                self._take_again(record)
                return None
            self._is_reading_again = False
        self.count += 1
        is_durable = _UNDURABLE not in record.json
        self._check_place(record.cursor, is_durable=is_durable)
        self._at[record.sequence] = (record.cursor, record.id)
        event = record.event
        if record.id in self.lost:
            self.lost.remove(record.id)
            self.told_anew += 1
        if record.id in self._ids:
            self.faults.double(f"{self.name} got the id {record.id} of {event.kind} again")
        self._ids.add(record.id)
        if is_compared := _is_compared(event):
            self.told.append((event.domain.uuid, words(event)))
        if is_durable:
            # What waits for the disk is written in its order.
            self._safe = record.cursor
            self._unsafe.clear()
        else:
            self._unsafe.append((record.id, is_compared))
        return event

    def _take_again(self, record: EventRecord) -> None:
        """Take in what was on the disk already: behind a gap, all that is held comes."""
        before, self.cursor = self.cursor, record.cursor
        known = self._at.get(record.sequence)
        if before is None or record.sequence != before.sequence + 1:
            self.faults.misorder(f"{self.name} got {record.cursor} after {before}")
        elif known is not None and known != (record.cursor, record.id):
            self.faults.lose(f"{self.name} had got {known}, and then {record.cursor} {record.id}")

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
