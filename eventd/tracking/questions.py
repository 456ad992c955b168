"""The questions of one connection's domains: which wait for an answer, and what eventd answered.

The host's own ids repeat over domains and hosts, and a host asks the same again; so each question
that is seen gets an id of eventd's. What a question holds up, and how its end is told, is left to
`eventd.tracking.question_events`.
"""

from __future__ import annotations

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

_REMEMBERED = 1000
"""How many questions that are gone are remembered; our choice."""

_ID_BYTES = 5
"""So many that none of a million questions shares its id with another, as good as surely."""


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


class _Sighting(NamedTuple):
    now: datetime
    instant: float


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
        self._pending: dict[str, Question] = {}
        """By domain: those that the host shows."""
        self._foreseen: dict[str, Question] = {}
        """By domain: those that were read before the host has shown them."""
        self._shown: dict[str, None] = {}
        """Ids of all that were shown."""
        self._seen: dict[str, _Sighting] = {}
        """When each question was judged first."""
        self._answers: dict[str, Answer] = {}
        self._refused: dict[str, None] = {}
        self._unseen: list[tuple[str, Question]] = []
        """Those that were answered and have not been shown."""
        self._operated: Counter[str] = Counter()

    def begin(self, host_time: datetime) -> None:
        """A whole picture is taken anew, at this time of the host's clock."""
        self._begun_at = host_time

    def restore(self, pictures: Iterable[DomainPicture]) -> None:
        """These domains are known, with their questions, and no others."""
        self._pending = {
            picture.reference: picture.question
            for picture in pictures
            if picture.question is not None
        }

    # -- what the host shows

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
        if shown is None:
            self._pending.pop(reference, None)
            return None
        if is_change and before is not None and _is_alike(before, shown):
            before = None
        question = self._recognise(reference, before, shown)
        if before is not None and question != before:
            self._refused.pop(question.id, None)  # it has another default now, perhaps
        self._pending[reference] = question
        self._foreseen.pop(reference, None)
        _remember(self._shown, question.id)
        return question

    def forget(self, reference: str) -> None:
        """A domain is gone."""
        self._pending.pop(reference, None)
        self._foreseen.pop(reference, None)

    def foresee(self, reference: str, read: Question | None) -> Question | None:
        """Return a question that was read of a domain, with the id that it has, or will have."""
        if read is None:
            return None
        question = self._recognise(reference, self._pending.get(reference), read)
        if question.id not in self._shown:
            self._foreseen[reference] = question
        return question

    def _recognise(self, reference: str, before: Question | None, found: Question) -> Question:
        for known in (before, self._foreseen.get(reference)):
            # One that eventd has answered is gone: the same again is another one.
            if known is None or self.is_answered(known):
                continue
            if known.vi_id == found.vi_id:
                return found.model_copy(update={"id": known.id})
        return found.model_copy(update={"id": self._new_id(reference, found)})

    def _new_id(self, reference: str, question: Question) -> str:
        parts = (self._connection, reference, question.vi_id, self._begun_at, next(self._serial))
        return blake2b(repr(parts).encode(), digest_size=_ID_BYTES).hexdigest()

    def note_judged(self, now: datetime, instant: float) -> None:
        """All that is shown is judged now, aware UTC; the same in the seconds of a timer."""
        for question in self._pending.values():
            self._seen.setdefault(question.id, _Sighting(now, instant))
        _trim(self._seen)

    # -- who asks

    def of(self, reference: str) -> Question | None:
        """Return the question that the host shows of a domain."""
        return self._pending.get(reference)

    def find(self, question_id: str) -> Pending | None:
        """Return the question of this id, if it waits for an answer."""
        return next((each for each in self.pending() if each.question.id == question_id), None)

    def pending(self) -> Iterator[Pending]:
        """Yield the questions that wait for an answer."""
        for reference, question in self._pending.items():
            if not self.is_answered(question):
                seen = self._seen.get(question.id)
                yield Pending(reference, question, seen.now if seen else None)

    @property
    def count(self) -> int:
        """How many questions wait for an answer."""
        return sum(1 for _ in self.pending())

    def due_at(self, pending: Pending) -> datetime | None:
        """Return when eventd is to answer a question by itself, if it is to: aware, UTC."""
        if self._answer_after is None or pending.since is None or not self._may_answer(pending):
            return None
        return pending.since + timedelta(seconds=self._answer_after)

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

    def due(self, instant: float) -> list[Pending]:
        """Return the questions that eventd is to answer by itself by now."""
        return [each for each in self.pending() if (at := self._due(each)) and at <= instant]

    @property
    def are_answered(self) -> bool:
        """Whether eventd answers any question by itself."""
        return self._answer_after is not None

    @property
    def next_due(self) -> float | None:
        """When the next question is to be answered, in the seconds of the timer."""
        found = (self._due(each) for each in self.pending())
        return min((at for at in found if at is not None), default=None)

    def _due(self, pending: Pending) -> float | None:
        seen = self._seen.get(pending.question.id)
        if self._answer_after is None or seen is None or not self._may_answer(pending):
            return None
        return seen.instant + self._answer_after

    def _may_answer(self, pending: Pending) -> bool:
        question = pending.question
        return (
            question.default is not None
            and question.id not in self._refused
            and not self.is_underway(question)
            and not self._operated[pending.reference]
        )

    def begin_answer(self, question: Question, answer: Answer) -> None:
        """This is on its way to the host."""
        self._answers[question.id] = answer
        _trim(self._answers)

    def end_answer(self, reference: str, question: Question, fate: Fate) -> None:
        """The host has taken the answer that was under way, or was lost."""
        self._answers[question.id].fate = fate
        if fate is Fate.TAKEN and question.id not in self._shown:
            self._foreseen.pop(reference, None)
            self._unseen.append((reference, question))

    def refuse_answer(self, question: Question, *, is_final: bool = True) -> None:
        """The host has not taken the answer that was under way.

        Unless it was not even asked, which is not ``is_final``, eventd gives none by itself any
        more.
        """
        self._answers.pop(question.id, None)
        if is_final:
            _remember(self._refused, question.id)

    def is_underway(self, question: Question) -> bool:
        """Whether an answer is on its way, and nobody knows what the host makes of it."""
        answer = self._answers.get(question.id)
        return answer is not None and answer.fate is Fate.UNDERWAY

    def is_answered(self, question: Question) -> bool:
        """Whether the host has taken an answer of eventd's."""
        answer = self._answers.get(question.id)
        return answer is not None and answer.fate is Fate.TAKEN

    def answer_to(self, question: Question) -> Answer | None:
        """Return the answer that has made a question go away, if it is eventd's."""
        return self._answers.get(question.id)

    def take_unseen(self) -> list[tuple[str, Question]]:
        """Return, with their domains, the questions that came and were answered unseen; once."""
        found = [each for each in self._unseen if each[1].id not in self._shown]
        self._unseen = []
        return found


def _is_alike(one: Question, other: Question) -> bool:
    return one.model_copy(update={"id": other.id}) == other


def _remember(memory: dict[str, None], key: str) -> None:
    memory[key] = None
    _trim(memory)


def _trim(memory: dict[str, None] | dict[str, Answer] | dict[str, _Sighting]) -> None:
    """Forget the oldest, so that nothing grows with the life of the process."""
    while len(memory) > _REMEMBERED:
        del memory[next(iter(memory))]
