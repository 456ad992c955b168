"""The questions of one connection's domains: which wait for an answer, and what eventd answered.

The host's own ids repeat over domains and hosts, and a host asks the same again; so each question
that is seen gets an id of eventd's. What a question holds up, and how its end is told, is left to
`eventd.tracking.question_events`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from hashlib import blake2b
from itertools import count
from typing import NamedTuple

from eventd.model.domain import Choice, Question
from eventd.model.picture import DomainPicture
from eventd.model.questions import AnswerRule, Requester

__all__ = ["Answer", "Fate", "Pending", "Questions"]

_REMEMBERED = 10_000
"""How many questions that are gone are remembered until their end is told; our choice."""

_ID_BYTES = 8
"""So many that no two of a million questions share an id, as good as surely."""


class Fate(Enum):
    """What the host made of an answer."""

    UNDERWAY = "it was not heard yet"
    TAKEN = "the host has taken it"
    UNCERTAIN = "the host was lost before it was heard"


@dataclass(slots=True)
class Answer:
    """An answer of eventd's."""

    choice: Choice
    rule: AnswerRule
    by: Requester | None = None
    """The client behind it, where there is one."""
    fate: Fate = Fate.UNDERWAY


class Pending(NamedTuple):
    """A question that waits for an answer."""

    reference: str
    """Value of the reference of its domain."""
    question: Question
    since: datetime | None
    """When it was judged first: aware, UTC."""
    task: str | None
    """The task that it holds up, where one was known when it was raised."""


@dataclass(slots=True, eq=False)
class _Record:
    """All that is known of one question."""

    reference: str
    question: Question
    since: datetime | None = None
    """When it was judged first, in any life of eventd."""
    judged_at: datetime | None = None
    """When it was judged first in this one: from then on it waits for an answer."""
    instant: float | None = None
    """The same in the seconds of the timer."""
    answer: Answer | None = None
    is_refused: bool = False
    """Whether the host has not taken an answer: then eventd gives none by itself any more."""
    was_shown: bool = False
    poll: int = 0
    """In which wait for an answer of the host it was read last, or its own answer was heard."""
    task: str | None = None
    task_number: int = -1
    tasks_before: int = 0
    """How many tasks had been heard of when it was judged first: no later one has asked."""


class Questions:
    """Keeps the questions apart, and says which eventd is to answer by itself.

    ``answer_after`` is after how many seconds that is a question which is not in the way of an
    operation of eventd's; None if it never is.
    """

    def __init__(self, connection: str, *, answer_after: float | None = None) -> None:
        self._connection = connection
        self._answer_after = answer_after
        self._begun_at = datetime.fromtimestamp(0, UTC)
        self._serial = count(1)
        self._records: dict[str, _Record] = {}
        """By id: those of the following four, and those whose answer is on its way."""
        self._shown: dict[str, _Record] = {}
        """By domain: those that the host shows."""
        self._foreseen: dict[str, _Record] = {}
        """By domain: those that were read before the host has shown them."""
        self._gone: dict[str, None] = {}
        """By id: those that were shown, and whose end is to be told."""
        self._unseen: list[_Record] = []
        """Those that were answered and have not been shown."""
        self._told_unseen: list[_Record] = []
        """Those of them that are told, and not published yet."""
        self._answered: dict[str, _Record] = {}
        """By domain: those that were answered unseen during the present wait."""
        self._ends_told: list[_Record] = []
        """Those whose end is told, and not published yet."""
        self._poll = 0
        """How often the host was asked to wait for a change."""
        self._operated: Counter[str] = Counter()

    def begin(self, host_time: datetime) -> None:
        """A whole picture is taken anew, at this time of the host's clock."""
        self._begun_at = host_time

    def restore(self, pictures: Iterable[DomainPicture]) -> None:
        """These domains are known, with their questions, and no others."""
        before = [*self._shown.values(), *map(self._records.__getitem__, self._gone)]
        self._shown, self._gone = {}, {}
        for picture in pictures:
            if (question := picture.question) is not None:
                known = self._records.get(question.id)
                if known is None:
                    known = _Record(
                        picture.reference, question, since=picture.asked_at, was_shown=True
                    )
                    self._records[question.id] = known
                self._shown[picture.reference] = known
        for record in before:
            self._discard(record)

    def _discard(self, record: _Record) -> None:
        """Forget a question, unless it is known for another reason, or to be answered just now."""
        is_underway = record.answer is not None and record.answer.fate is Fate.UNDERWAY
        if not is_underway and not self._is_here(record) and record.question.id not in self._gone:
            self._records.pop(record.question.id, None)

    def _is_here(self, record: _Record) -> bool:
        """Whether the host asks it, as far as is known."""
        shown, foreseen = self._shown.get(record.reference), self._foreseen.get(record.reference)
        return record is shown or record is foreseen

    # -- what the host shows

    def begin_poll(self) -> None:
        """The host is asked to wait for a change: it tells what is so from now on.

        It has told by then all that was so before it was asked the last time.
        """
        self._poll += 1
        self._answered.clear()
        for reference, record in list(self._foreseen.items()):
            if record.poll < self._poll - 1:
                self._take_foreseen(reference)

    def show(
        self,
        reference: str,
        before: Question | None,
        shown: Question | None,
        *,
        is_change: bool = True,
    ) -> Question | None:
        """Take in which question the host shows of a domain now, and return it with its id.

        ``before`` is the one that it has shown last. Unless it is a whole picture that shows it,
        it ``is_change``: the same again is then another one, that was asked when the one before
        was answered, faster than anybody could see.
        """
        known = self._shown.get(reference)
        if shown is None:
            self._let_go(reference)
            return None
        is_again = is_change and before is not None and _is_alike(before, shown)
        if known is None or is_again or not _continues(known, shown):
            self._let_go(reference)
            known = self._take_foreseen(reference, shown)
            answered = self._answered.pop(reference, None)
            if known is None and answered is not None and answered.question.vi_id == shown.vi_id:
                # What the host tells is of a time before it had the answer.
                return self._show_late(answered)
            known = known or self._new(reference, shown)
        elif not _is_alike(known.question, shown):
            known.is_refused = False  # it may have another default now
        known.question = _with_id(shown, known.question.id)
        known.was_shown = True
        self._shown[reference] = known
        return known.question

    def _show_late(self, answered: _Record) -> Question | None:
        """Take in that a question is shown which is answered; None if that is told already."""
        if answered not in self._unseen:
            return None
        self._unseen.remove(answered)
        answered.was_shown = True
        self._shown[answered.reference] = answered
        return answered.question

    def _let_go(self, reference: str) -> None:
        if (gone := self._shown.pop(reference, None)) is not None:
            self._gone[gone.question.id] = None
            while len(self._gone) > _REMEMBERED:
                oldest = next(iter(self._gone))
                del self._gone[oldest]
                self._discard(self._records[oldest])

    def _take_foreseen(self, reference: str, shown: Question | None = None) -> _Record | None:
        """Return what was foreseen, if it is shown now; it is foreseen no longer in any case."""
        foreseen = self._foreseen.pop(reference, None)
        if foreseen is None:
            return None
        if shown is not None and foreseen.question.vi_id == shown.vi_id:
            return foreseen
        self._discard(foreseen)
        return None

    def forget(self, reference: str) -> None:
        """A domain is gone."""
        self._let_go(reference)
        self._take_foreseen(reference)

    def foresee(self, reference: str, read: Question | None) -> Question | None:
        """Return a question that was read of a domain, with the id that it has, or will have."""
        if read is None:
            self._take_foreseen(reference)
            return None
        for known in (self._shown.get(reference), self._foreseen.get(reference)):
            if known is not None and _continues(known, read):
                known.poll = self._poll
                return _with_id(read, known.question.id)
        self._take_foreseen(reference)
        self._foreseen[reference] = self._new(reference, read)
        return self._foreseen[reference].question

    def _new(self, reference: str, question: Question) -> _Record:
        parts = (self._connection, reference, question.vi_id, self._begun_at, next(self._serial))
        identifier = blake2b(repr(parts).encode(), digest_size=_ID_BYTES).hexdigest()
        record = _Record(reference, _with_id(question, identifier), poll=self._poll)
        self._records[identifier] = record
        return record

    def note_judged(self, now: datetime, instant: float, *, tasks: int = 0) -> None:
        """All that is shown is judged now, aware UTC; the same in the seconds of a timer.

        The instant is infinite where everything is to be decided at once: that is no time.
        ``tasks`` is how many have been heard of so far.
        """
        if math.isinf(instant):
            return
        for record in self._shown.values():
            if record.instant is None:
                record.since = record.since or now
                record.judged_at, record.instant, record.tasks_before = now, instant, tasks

    def note_task(self, question: Question, task: str, *, number: int) -> None:
        """A question is taken to hold up a task, of which so many were heard of before."""
        if (record := self._records.get(question.id)) is not None:
            record.task, record.task_number = task, number

    def offer_task(self, reference: str, task: str, *, number: int) -> None:
        """A task of a domain goes on: it may be the one that the domain's question holds up.

        It is taken to be the one that had come last when the question was judged first.
        """
        record = self._shown.get(reference)
        if record is not None and record.task_number < number < record.tasks_before:
            self.note_task(record.question, task, number=number)

    # -- who asks

    def of(self, reference: str) -> Question | None:
        """Return the question that the host shows of a domain."""
        record = self._shown.get(reference)
        return None if record is None else record.question

    def pending(self) -> Iterator[Pending]:
        """Yield the questions that wait for an answer."""
        for record in self._shown.values():
            if not _is_taken(record):
                yield Pending(record.reference, record.question, record.since, record.task)

    @property
    def count(self) -> int:
        """How many questions wait for an answer."""
        return sum(1 for _ in self.pending())

    def task_of(self, question: Question) -> str | None:
        """Return the task that a question holds up, or has held up."""
        record = self._records.get(question.id)
        return None if record is None else record.task

    def since(self, question: Question) -> datetime | None:
        """Return when a question was judged first: aware, UTC."""
        record = self._records.get(question.id)
        return None if record is None else record.since

    def note_told(self, question: Question) -> None:
        """The end of a question is told: once that is published, nobody will ask for it."""
        if (record := self._records.get(question.id)) is not None:
            self._ends_told.append(record)

    def accept(self) -> None:
        """What was told is published."""
        ended, self._ends_told, self._told_unseen = self._ends_told, [], []
        for record in ended:
            self._gone.pop(record.question.id, None)
            self._discard(record)

    def roll_back(self) -> None:
        """What was told is not published, and is to be told again."""
        self._unseen = self._told_unseen + self._unseen
        self._ends_told, self._told_unseen = [], []

    # -- answering

    @contextmanager
    def operated(self, reference: str) -> Iterator[None]:
        """Let an operation of eventd's take care of the questions of a domain meanwhile."""
        self._operated[reference] += 1
        try:
            yield
        finally:
            self._operated[reference] -= 1
            self._operated += Counter()  # drops the zeros

    @property
    def are_answered(self) -> bool:
        """Whether eventd answers any question by itself."""
        return self._answer_after is not None

    def due(self, instant: float) -> list[Pending]:
        """Return the questions that eventd is to answer by itself by now."""
        return [
            Pending(record.reference, record.question, record.since, record.task)
            for record in self._shown.values()
            if (at := self._due(record)) is not None and at <= instant
        ]

    def next_due(self, after: float) -> float | None:
        """Return when the next question is to be answered after that, in seconds of the timer."""
        found = (self._due(record) for record in self._shown.values())
        return min((at for at in found if at is not None and at > after), default=None)

    def due_at(self, question: Question) -> datetime | None:
        """Return when eventd is to answer a question by itself, if it is to: aware, UTC."""
        record = self._records.get(question.id)
        if self._answer_after is None or record is None or record.judged_at is None:
            return None
        delay = timedelta(seconds=self._answer_after)
        return record.judged_at + delay if self._may_answer(record) else None

    def _due(self, record: _Record) -> float | None:
        if self._answer_after is None or record.instant is None or not self._may_answer(record):
            return None
        return record.instant + self._answer_after

    def _may_answer(self, record: _Record) -> bool:
        has_answer = record.answer is not None and record.answer.fate is not Fate.UNCERTAIN
        return (
            record.question.default is not None
            and not record.is_refused
            and not has_answer
            and not self._operated[record.reference]
        )

    def begin_answer(self, question: Question, answer: Answer) -> None:
        """This is on its way to the host."""
        if (record := self._records.get(question.id)) is not None:
            record.answer = answer

    def end_answer(self, question: Question, fate: Fate) -> None:
        """The host has taken the answer that was under way, or was lost."""
        record = self._records.get(question.id)
        if record is None or record.answer is None:
            return
        record.answer.fate = fate
        if fate is Fate.TAKEN and not record.was_shown:
            if self._foreseen.get(record.reference) is record:
                del self._foreseen[record.reference]
            record.poll = self._poll
            self._unseen.append(record)
            self._answered[record.reference] = record
        else:
            self._discard(record)

    def refuse_answer(self, question: Question, *, is_final: bool = True) -> None:
        """The host has not taken the answer that was under way.

        Unless it was not even asked, which is not ``is_final``, eventd gives none by itself any
        more.
        """
        if (record := self._records.get(question.id)) is not None:
            record.answer = None
            record.is_refused = record.is_refused or is_final
            self._discard(record)

    def reopen(self, question: Question, read: Question) -> Question:
        """The host goes on asking what it had taken the answer to: it waits for another one.

        ``read`` is how it was read just now. Returns it as it is known from now on.
        """
        record = self._records.get(question.id)
        if record is None or record is not self._shown.get(record.reference):
            return read
        self._take_foreseen(record.reference)
        record.answer, record.is_refused = None, True
        return record.question

    def is_open(self, question: Question) -> bool:
        """Whether a question waits for an answer, as far as is known."""
        record = self._records.get(question.id)
        return record is not None and self._is_here(record) and not _is_taken(record)

    def is_underway(self, question: Question) -> bool:
        """Whether an answer is on its way, and nobody knows what the host makes of it."""
        answer = self.answer_to(question)
        return answer is not None and answer.fate is Fate.UNDERWAY

    def is_answered(self, question: Question) -> bool:
        """Whether the host has taken an answer of eventd's."""
        answer = self.answer_to(question)
        return answer is not None and answer.fate is Fate.TAKEN

    def answer_to(self, question: Question) -> Answer | None:
        """Return the answer that eventd has given to a question, or is giving."""
        record = self._records.get(question.id)
        return None if record is None else record.answer

    def take_unseen(self) -> list[tuple[str, Question, Answer]]:
        """Return the questions that came and were answered unseen, with their domains; once.

        They are known until `note_told`.
        """
        unseen, self._unseen = self._unseen, []
        self._told_unseen += unseen
        return [
            (record.reference, record.question, record.answer)
            for record in unseen
            if record.answer is not None
        ]


def _continues(known: _Record, found: Question) -> bool:
    """Whether a question is the one that is known, be it in other words.

    One whose answer the host has taken is gone: the same again is another one.
    """
    return known.question.vi_id == found.vi_id and not _is_taken(known)


def _is_taken(record: _Record) -> bool:
    return record.answer is not None and record.answer.fate is Fate.TAKEN


def _with_id(question: Question, identifier: str) -> Question:
    return question.model_copy(update={"id": identifier})


def _is_alike(one: Question, other: Question) -> bool:
    return _with_id(one, other.id) == other
