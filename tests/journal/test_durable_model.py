"""The durable journal against a model: whatever the disk, the process and the readers do.

The model is a list of all that was ever told. What a reader gets behind a cursor is what was told
behind it, or the cursor is refused; and it is refused only where something is lost.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from eventd.errors import CursorExpired
from eventd.journal.durable import FILE_NAME, DurableJournal
from eventd.journal.retention import Retention
from eventd.model.picture import DomainPicture, PictureChange
from eventd.model.record import EventRecord
from tests.journal.things import EVENT, NOW, happened


class JournalMachine(RuleBasedStateMachine):
    """Appends, reads, forgets; fills the disk, frees it, ends the process."""

    @initialize()
    def begin(self) -> None:
        self.directory = TemporaryDirectory()
        self.path = Path(self.directory.name)
        self.epochs = 0
        self.told: list[EventRecord] = []
        """All records that can still be read, from the oldest on."""
        self.is_written = 0
        """How many of them, at least, are on the disk."""
        self.lost: list[EventRecord] = []
        """Records that were told and lost with the process."""
        self.pictures: dict[str, DomainPicture] = {}
        self.written_pictures = dict(self.pictures)
        self.full: sqlite3.Connection | None = None
        self.journal = self.open()

    def open(self) -> DurableJournal:
        return DurableJournal(
            self.path, clock=lambda: NOW, new_epoch=self.new_epoch, most_undurable_bytes=1 << 30
        )

    def new_epoch(self) -> str:
        self.epochs += 1
        return f"e{self.epochs}"

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.free()
            self.journal.close()
            self.directory.cleanup()

    def free(self) -> None:
        if self.full is not None:
            self.full.close()
            self.full = None

    def note_written(self) -> None:
        if self.journal.problem is None:
            self.is_written = len(self.told)
            self.written_pictures = dict(self.pictures)

    @rule(seconds=st.lists(st.integers(-9, 9), max_size=4), domain=st.sampled_from("abc"))
    def append(self, seconds: list[int], domain: str) -> None:
        events = [happened(NOW + timedelta(seconds=second)) for second in seconds]
        picture = DomainPicture(domain, f"{domain}{len(self.told)}")
        change = PictureChange("esx01", {domain: picture}, frozenset())
        self.told += self.journal.append(events, now=NOW, picture=change)
        self.pictures[domain] = picture
        self.note_written()

    @precondition(lambda self: self.full is None)
    @rule()
    def fill_disk(self) -> None:
        self.full = sqlite3.connect(self.path / FILE_NAME, isolation_level=None)
        self.full.execute("BEGIN IMMEDIATE")

    @rule()
    def free_disk(self) -> None:
        self.free()

    @rule(most=st.integers(1, 3))
    def recover(self, most: int) -> None:
        self.journal.recover(most=most)
        self.note_written()

    @rule(most=st.integers(1, 3))
    def forget(self, most: int) -> None:
        before = self.journal.oldest.sequence
        self.journal.forget_oldest(keep=Retention(bytes=0), now=NOW, most=most)
        gone = self.journal.oldest.sequence - before
        assert 0 <= gone <= most
        del self.told[:gone]
        self.is_written = max(0, self.is_written - gone)

    @rule()
    def end_process(self) -> None:
        """As a kill does: nothing that waits is written any more."""
        # The disk stays full until the process has ended, so that closing it writes nothing.
        waiting = self.journal.problem is not None
        if waiting and self.full is None:
            self.fill_disk()
        self.journal.close()
        self.free()
        self.journal = self.open()
        if waiting:
            kept = self.journal.newest.sequence - self.journal.oldest.sequence
            assert self.is_written <= kept
            self.lost += self.told[kept:]
            del self.told[kept:]
            self.pictures = {**self.journal.pictures("esx01")}
        self.note_written()

    @rule(since=st.integers(-10, 10))
    def search(self, since: int) -> None:
        at = NOW + timedelta(seconds=since)
        found = self.journal.before(at)
        first = next((r for r in self.told if min(r.event.occurred_at, NOW) >= at), None)
        if first is not None:
            assert found.sequence <= first.sequence - 1
        assert found.sequence >= self.journal.oldest.sequence

    @rule(data=st.data(), limit=st.integers(1, 5))
    def read(self, data: st.DataObject, limit: int) -> None:
        start = data.draw(st.integers(0, len(self.told)))
        cursor = self.told[start - 1].cursor if start else self.journal.oldest
        seen: list[EventRecord] = []
        while page := self.journal.read(cursor, limit=limit):
            assert len(page) <= limit
            seen += page
            cursor = page[-1].cursor
        assert seen == self.told[start:]

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def resume_behind_what_was_lost(self, data: st.DataObject) -> None:
        record = data.draw(st.sampled_from(self.lost))
        try:
            self.journal.read(record.cursor, limit=1)
        except CursorExpired:
            return
        raise AssertionError(f"{record.cursor} is good, and what it stands for is lost")

    @invariant()
    def pictures_are_those_that_were_appended_last(self) -> None:
        assert self.journal.pictures("esx01") == self.pictures

    @invariant()
    def sequences_have_no_holes(self) -> None:
        first, last = self.journal.oldest.sequence, self.journal.newest.sequence
        assert [record.sequence for record in self.told] == [*range(first + 1, last + 1)]


JournalMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestDurableJournal = JournalMachine.TestCase


def test_the_example_event_is_of_now() -> None:
    """The machine counts on it: what happens later than it is recorded counts as of then."""
    with (
        TemporaryDirectory() as name,
        closing(DurableJournal(Path(name), clock=lambda: NOW)) as journal,
    ):
        (record,) = journal.append([EVENT], now=NOW)
        assert record.recorded_at == record.event.occurred_at == NOW
