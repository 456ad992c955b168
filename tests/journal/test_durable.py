"""The journal on the disk: what survives, and what it does when the disk does not do its part."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from eventd.errors import CursorExpired, ErrorCode, JournalUnusable
from eventd.journal.durable import FILE_NAME, DurableJournal
from eventd.journal.retention import Retention
from eventd.journal.schema import APPLICATION_ID, VERSION
from eventd.journal.store import Durability
from eventd.journal.upkeep import Upkeep
from eventd.model.events import JournalReplaced
from eventd.model.picture import DomainPicture, PictureChange, ToldTask
from eventd.model.record import Cursor, EventRecord
from tests.journal.things import EVENT, HOST, NONE, NOW, REBOOT, SUBSCRIPTION, opened

TASK = ToldTask("task-7", NOW, "success", 0, is_spent=True, is_settled=False)
WEB = DomainPicture("vm-1", "web", told_tasks=(TASK,))


def read_on(journal: DurableJournal, after: Cursor) -> list[EventRecord]:
    """Read page after page until there is nothing more, as every reader does."""
    found: list[EventRecord] = []
    while page := journal.read(found[-1].cursor if found else after, limit=300):
        found += page
    return found


def sequences(journal: DurableJournal, after: Cursor) -> list[int]:
    return [record.sequence for record in read_on(journal, after)]


def raw(directory: Path, query: str) -> list[tuple[Any, ...]]:
    """Ask the file of a journal, as an administrator may."""
    with closing(sqlite3.connect(directory / FILE_NAME)) as file:
        return file.execute(query).fetchall()


@contextmanager
def kept_from_writing(directory: Path) -> Iterator[None]:
    """Let somebody else hold the file's lock for writing."""
    with closing(sqlite3.connect(directory / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


# What survives


def test_all_that_was_written_is_there_after_the_end_of_the_process(tmp_path: Path) -> None:
    """Records, pictures, the host and the readers; sequences go on."""
    with closing(opened(tmp_path)) as journal:
        change = PictureChange("esx01", {"vm-1": WEB}, NONE, HOST)
        records = journal.append([EVENT, REBOOT], now=NOW, picture=change)
        journal.subscribe(SUBSCRIPTION)
        journal.acknowledge("agent", Cursor("a", 1))

    with closing(opened(tmp_path, epochs="z")) as journal:
        assert read_on(journal, Cursor("a", 0)) == records
        assert [each.event for each in read_on(journal, Cursor("a", 0))] == [EVENT, REBOOT]
        assert journal.pictures("esx01") == {"vm-1": WEB}
        assert journal.host("esx01") == HOST
        assert journal.subscriptions() == [SUBSCRIPTION._replace(acknowledged=Cursor("a", 1))]
        assert [each.cursor for each in journal.append([EVENT], now=NOW)] == [Cursor("z", 3)]


@pytest.mark.parametrize("durability", Durability)
def test_a_killed_process_leaves_all_that_it_had_appended(
    tmp_path: Path, durability: Durability
) -> None:
    """What `append` has returned is written, in a way that needs no repair by hand."""
    script = f"""
import sys
from pathlib import Path
from eventd.journal.durable import DurableJournal
from eventd.journal.store import Durability
from eventd.journal.upkeep import Upkeep
from tests.journal.things import EVENT, NOW
journal = DurableJournal(Path(sys.argv[1]), clock=lambda: NOW, durability="{durability}")
while True:
    print(journal.append([EVENT] * 3, now=NOW)[-1].cursor, flush=True)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()

    last = Cursor.parse([line for line in told if line.endswith("\n")][-1].strip())
    with closing(opened(tmp_path)) as journal:
        held = sequences(journal, Cursor(last.epoch, 0))
    assert held == list(range(1, len(held) + 1))
    assert held[-1] >= last.sequence
    assert len(held) % 3 == 0, "a transaction was written in part"


def test_the_epoch_of_a_journal_is_its_own(tmp_path: Path) -> None:
    """A cursor of one journal is no cursor of another."""
    with closing(DurableJournal(tmp_path / "1", clock=lambda: NOW)) as one:
        cursor = one.append([EVENT], now=NOW)[0].cursor
    with closing(DurableJournal(tmp_path / "2", clock=lambda: NOW)) as other:
        other.append([EVENT], now=NOW)
        with pytest.raises(CursorExpired):
            other.read(cursor, limit=1)


def test_only_the_user_of_the_daemon_may_read_the_files(tmp_path: Path) -> None:
    """Names and users are in them."""
    directory = tmp_path / "state" / "eventd"
    with closing(opened(directory)) as journal:
        journal.append([EVENT], now=NOW)
        assert directory.stat().st_mode & 0o777 == 0o700
        assert {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()} == {
            "journal.db": 0o600,
            "journal.db-wal": 0o600,
            "journal.db-shm": 0o600,
            "journal.lock": 0o600,
        }


@pytest.mark.parametrize("field", ["name", "reference"])
def test_a_picture_that_cannot_be_read_is_as_if_it_was_never_known(
    tmp_path: Path, field: str
) -> None:
    """One odd row does not keep eventd from its start."""
    with closing(opened(tmp_path)) as journal:
        pictures = {"vm-1": WEB, "vm-2": DomainPicture("vm-2", "db")}
        journal.append([], now=NOW, picture=PictureChange("esx01", pictures, NONE))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as file, file:
        file.execute(
            f"UPDATE domains SET picture = json_set(picture, '$.{field}', 7) "
            "WHERE reference = 'vm-1'"
        )
    with closing(opened(tmp_path)) as journal:
        assert journal.pictures("esx01") == {"vm-2": pictures["vm-2"]}


def test_what_another_eventd_knew_besides_is_passed_by(tmp_path: Path) -> None:
    """The picture has more fields in a newer one, and may have had others in an older one."""
    with closing(opened(tmp_path)) as journal:
        journal.append([], now=NOW, picture=PictureChange("esx01", {"vm-1": WEB}, NONE))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as file, file:
        file.execute("UPDATE domains SET picture = json_set(picture, '$.colour', 'red')")
    with closing(opened(tmp_path)) as journal:
        assert journal.pictures("esx01") == {"vm-1": WEB}


# Which file it is


def test_a_file_says_whose_it_is_and_of_which_version(tmp_path: Path) -> None:
    """To file(1), and to the next eventd."""
    opened(tmp_path).close()
    assert raw(tmp_path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert raw(tmp_path, "PRAGMA user_version") == [(VERSION,)]


def test_a_file_of_a_newer_eventd_is_left_alone(tmp_path: Path) -> None:
    """Whoever went back to an older eventd does not lose what the newer one wrote."""
    opened(tmp_path).close()
    raw(tmp_path, f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(JournalUnusable) as unusable:
        opened(tmp_path)
    assert unusable.value.code == ErrorCode.SYSTEM_ERROR
    assert unusable.value.message == (
        f"the journal {tmp_path / FILE_NAME} cannot be used: it is of a newer eventd: its version "
        f"is {VERSION + 1}, and this eventd knows {VERSION}; mend that, or name another directory "
        "as daemon.state_directory"
    )
    assert raw(tmp_path, "PRAGMA user_version") == [(VERSION + 1,)]


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """The directory may have been given by mistake."""
    raw(tmp_path, "CREATE TABLE theirs (x)")
    with pytest.raises(JournalUnusable, match="cannot be used: it is the database of another prog"):
        opened(tmp_path)
    assert raw(tmp_path, "SELECT name FROM sqlite_schema") == [("theirs",)]


def test_two_processes_do_not_share_a_journal(tmp_path: Path) -> None:
    """Each would count by itself."""
    with (
        closing(opened(tmp_path)),
        pytest.raises(JournalUnusable, match="another running eventd has it; stop that one first"),
    ):
        opened(tmp_path)
    opened(tmp_path).close()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """With what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(JournalUnusable, match=r"file/state/journal.db cannot be used: Not a direc"):
        opened(tmp_path / "file" / "state")


# A file that is broken


def broken(path: Path, *, part: str) -> None:
    """Break a file: its ``header``, its ``middle``, or its ``length``."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        match part:
            case "length":
                file.truncate(size // 2)
            case "header":
                file.write(os.urandom(4096))
            case _:
                # All but the page with the schema.
                file.seek(4096)
                file.write(os.urandom(size - 4096))


def filled(directory: Path) -> None:
    with closing(opened(directory)) as journal:
        for _ in range(20):
            change = PictureChange("esx01", {"vm-1": WEB}, NONE, HOST)
            journal.append([EVENT] * 20, now=NOW, picture=change)


@pytest.mark.parametrize("part", ["header", "middle", "length"])
def test_a_broken_file_is_set_aside_and_a_new_one_begun(tmp_path: Path, part: str) -> None:
    """Loudly: in the log, and as the first record of the new one; old cursors are refused."""
    filled(tmp_path)
    before = (tmp_path / FILE_NAME).stat().st_size
    broken(tmp_path / FILE_NAME, part=part)
    with capture_logs() as logs, closing(opened(tmp_path, epochs="z")) as journal:
        (record,) = journal.read(journal.oldest, limit=9)
        with pytest.raises(CursorExpired):
            journal.read(Cursor("a", 400), limit=1)
        assert journal.pictures("esx01") == {}
        assert journal.forgot_since(NOW)
    with closing(opened(tmp_path, epochs="y")) as journal:
        assert journal.forgot_since(NOW)
        assert not journal.forgot_since(NOW + timedelta(seconds=1))
        assert journal.read(journal.oldest, limit=9) == [record]

    (kept,) = tmp_path.glob("*.broken-*[0-9]")
    assert kept.stat().st_size in (before, before // 2)
    assert isinstance(record.event, JournalReplaced)
    assert record.event.set_aside == str(kept)
    (line,) = (log for log in logs if log["event"] == "journal_replaced")
    assert (line["log_level"], line["set_aside"]) == ("error", str(kept))
    assert line["error"] == record.event.message


def test_a_file_that_breaks_while_it_is_read_is_replaced_at_once(tmp_path: Path) -> None:
    """Who has caught up goes on; who has not is told; what is known of the domains stays known."""
    filled(tmp_path)
    announced: list[EventRecord] = []
    journal = DurableJournal(
        tmp_path, clock=lambda: NOW, new_epoch=iter("yz").__next__, announce=announced.extend
    )
    with closing(journal):
        journal.subscribe(SUBSCRIPTION)
        caught_up = journal.newest
        broken(tmp_path / FILE_NAME, part="middle")

        with pytest.raises(CursorExpired) as expired:
            read_on(journal, Cursor("a", 0))

        (record,) = announced
        assert isinstance(record.event, JournalReplaced)
        assert record.sequence == caught_up.sequence + 1
        assert journal.read(caught_up, limit=9) == [record]
        assert expired.value.oldest == str(caught_up)
        assert [each.sequence for each in journal.append([EVENT], now=NOW)] == [402]

    with closing(opened(tmp_path)) as journal:
        assert sequences(journal, caught_up) == [401, 402]
        assert journal.pictures("esx01") == {"vm-1": WEB}
        assert journal.host("esx01") == HOST
        assert journal.subscriptions() == [SUBSCRIPTION]


def test_a_file_that_breaks_while_it_is_written_is_replaced_at_once(tmp_path: Path) -> None:
    """The records of that very append are written to the new one, behind the news of it."""
    filled(tmp_path)
    announced: list[EventRecord] = []
    journal = DurableJournal(
        tmp_path, clock=lambda: NOW, new_epoch=iter("yz").__next__, announce=announced.extend
    )
    with closing(journal):
        raw(tmp_path, "DROP TABLE records")
        records = journal.append([EVENT, REBOOT], now=NOW)
        assert [each.sequence for each in (*announced, *records)] == [401, 402, 403]
        assert journal.problem is None
    with closing(opened(tmp_path)) as journal:
        assert journal.read(Cursor("a", 400), limit=9) == [*announced, *records]


@pytest.mark.parametrize("table", ["domains", "hosts", "host_names", "subscriptions", "records"])
def test_a_file_of_which_one_table_is_broken_is_replaced_at_the_start(
    tmp_path: Path, table: str
) -> None:
    """What cannot be read in is no reason not to start."""
    with closing(opened(tmp_path)) as journal:
        for number in range(200):
            pictures = {f"vm-{number}": DomainPicture(f"vm-{number}", "x" * 100)}
            journal.append([EVENT], now=NOW, picture=PictureChange("esx01", pictures, NONE, HOST))
        journal.subscribe(SUBSCRIPTION)
    ((root,),) = raw(tmp_path, f"SELECT rootpage FROM sqlite_schema WHERE name = '{table}'")
    with (tmp_path / FILE_NAME).open("r+b") as file:
        file.seek(4096 * (root - 1))
        file.write(os.urandom(4096))
    with closing(opened(tmp_path, epochs="z")) as journal:
        (record,) = read_on(journal, journal.oldest)
    assert isinstance(record.event, JournalReplaced)


@contextmanager
def no_room() -> Iterator[None]:
    """Let the process write no file, as on a full disk; nor may it log meanwhile."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with capture_logs():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def test_what_a_broken_file_had_is_expired_before_there_is_another(tmp_path: Path) -> None:
    """Until there is room for a new one, nobody is told that this was all."""
    filled(tmp_path)
    journal = opened(tmp_path, epochs="yz")
    caught_up, behind = journal.newest, Cursor("a", 100)
    broken(tmp_path / FILE_NAME, part="middle")
    with closing(journal):
        with no_room():
            with pytest.raises(CursorExpired):
                journal.read(behind, limit=1)
            waiting = journal.append([EVENT], now=NOW)
            assert journal.read(caught_up, limit=9) == waiting
            with pytest.raises(CursorExpired):
                journal.read(behind, limit=1)
            assert journal.oldest == caught_up
        journal.recover()
        assert journal.problem is None
        assert [each.sequence for each in read_on(journal, caught_up)] == [401, 402]


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_somebody_takes_away_is_missed(tmp_path: Path, *, is_replaced: bool) -> None:
    """What is written to it would be gone with the process; a copy of it is not touched."""
    announced: list[EventRecord] = []
    journal = DurableJournal(tmp_path, clock=lambda: NOW, announce=announced.extend)
    with closing(journal):
        journal.append([EVENT], now=NOW, picture=PictureChange("esx01", {"vm-1": WEB}, NONE))
        journal.check_file()
        assert announced == []
        (tmp_path / FILE_NAME).unlink()
        if is_replaced:
            (tmp_path / FILE_NAME).write_bytes(b"a backup")
        journal.check_file()
        (record,) = announced
    assert isinstance(record.event, JournalReplaced)
    assert record.event.message == "somebody has taken the file away"
    kept = [path.read_bytes() for path in tmp_path.glob("*.broken-*[0-9]")]
    assert kept == ([b"a backup"] if is_replaced else [])
    assert (record.event.set_aside is not None) is is_replaced
    with closing(opened(tmp_path)) as again:
        assert again.newest.sequence == 2
        assert again.pictures("esx01") == {"vm-1": WEB}


def test_a_file_that_breaks_while_records_wait_for_it_is_replaced_with_them(tmp_path: Path) -> None:
    """What it had is expired at once; what has waited is not lost with it."""
    with closing(opened(tmp_path)) as journal:
        journal.append([EVENT] * 9, now=NOW)
        with kept_from_writing(tmp_path):
            waiting = journal.append([REBOOT] * 2, now=NOW)
        raw(tmp_path, "DROP TABLE records")
        journal.recover()
        with pytest.raises(CursorExpired):
            journal.read(Cursor("a", 4), limit=9)
        assert journal.oldest == Cursor("a", 9)
        journal.recover()
        (*held, told) = read_on(journal, Cursor("a", 9))
    assert held == waiting
    assert isinstance(told.event, JournalReplaced)


async def test_a_directory_that_is_taken_away_does_not_end_the_upkeep(tmp_path: Path) -> None:
    """Nor the delivery: events say that they are not on the disk."""
    directory = tmp_path / "state"
    with closing(opened(directory)) as journal:
        journal.append([EVENT], now=NOW)
        shutil.rmtree(directory)
        upkeep = Upkeep(journal, keep=Retention(bytes=1 << 30), clock=lambda: NOW)
        await upkeep.look_after()
        (record,) = journal.append([EVENT], now=NOW)
        await upkeep.look_after()
    assert b'"durable":false' in record.json


def test_a_journal_that_is_replaced_when_it_is_closed_is_closed(tmp_path: Path) -> None:
    """Nobody is told any more, as whoever tells has ended already."""
    filled(tmp_path)

    def announce(_: object) -> None:
        raise RuntimeError("nobody is here any more")

    journal = DurableJournal(tmp_path, clock=lambda: NOW, announce=announce)
    broken(tmp_path / FILE_NAME, part="middle")
    with no_room(), pytest.raises(CursorExpired):
        read_on(journal, Cursor("a", 0))
    journal.close()
    with closing(opened(tmp_path)) as again:
        assert again.newest.sequence == 401


def test_of_broken_files_only_the_newest_are_kept(tmp_path: Path) -> None:
    """A disk that breaks each of them is not to be filled with them."""
    for _ in range(6):
        filled(tmp_path)
        broken(tmp_path / FILE_NAME, part="header")
        kept = {*tmp_path.glob("*.broken-*")}
        assert len(kept) <= 3


# A disk that cannot be written


def test_records_that_cannot_be_written_say_so_and_are_written_when_it_is_possible(
    tmp_path: Path,
) -> None:
    """Delivery goes on meanwhile; nothing is lost, and the order is the one that was told."""
    with capture_logs() as logs, closing(opened(tmp_path)) as journal:
        first = journal.append([EVENT], now=NOW)
        with kept_from_writing(tmp_path):
            change = PictureChange("esx01", {"vm-1": WEB}, NONE, HOST)
            waiting = journal.append([EVENT, REBOOT], now=NOW, picture=change)
            assert journal.problem == "database is locked"
            assert not journal.recover()
            assert journal.undurable == 2
            assert read_on(journal, Cursor("a", 0)) == [*first, *waiting]
            assert raw(tmp_path, "SELECT max(sequence) FROM records") == [(1,)]

        journal.recover()
        assert journal.undurable == 0
        last = journal.append([EVENT], now=NOW)

    assert [b'"durable":false' in record.json for record in waiting] == [True, True]
    assert b"durable" not in first[0].json + last[0].json
    with closing(opened(tmp_path)) as journal:
        assert read_on(journal, Cursor("a", 0)) == [*first, *waiting, *last]
        assert read_on(journal, waiting[0].cursor) == [waiting[1], *last]
        assert journal.pictures("esx01") == {"vm-1": WEB}
        assert journal.host("esx01") == HOST
    assert [log["event"] for log in logs] == ["journal_not_written", "journal_written_again"]


def test_nobody_resumes_behind_a_record_that_was_lost_with_the_process(tmp_path: Path) -> None:
    """Its cursor is refused; a cursor of what was on the disk is good, and misses nothing."""
    journal = opened(tmp_path)
    (written,) = journal.append([EVENT], now=NOW)
    with kept_from_writing(tmp_path):
        (lost,) = journal.append([REBOOT], now=NOW)
        assert journal.newest == lost.cursor
        journal.close()

    with closing(opened(tmp_path, epochs="z")) as journal:
        (other,) = journal.append([EVENT], now=NOW)
        assert other.sequence == lost.sequence
        assert journal.read(written.cursor, limit=9) == [other]
        with pytest.raises(CursorExpired):
            journal.read(lost.cursor, limit=9)


def test_nobody_resumes_behind_what_was_lost_while_it_was_being_written(tmp_path: Path) -> None:
    """What waits is written in steps, and the process may end between two of them."""
    here, copy = tmp_path / "here", tmp_path / "copy"
    with closing(opened(here)) as journal:
        journal.append([EVENT], now=NOW)
        with kept_from_writing(here):
            told = [record for _ in range(9) for record in journal.append([EVENT], now=NOW)]
        assert journal.recover(most=4)
        shutil.copytree(here, copy)  # as a kill leaves it now

    with closing(opened(copy, epochs="z")) as journal:
        journal.append([REBOOT] * 20, now=NOW)
        assert [each.sequence for each in read_on(journal, told[3].cursor)] == [*range(6, 26)]
        with pytest.raises(CursorExpired):
            journal.read(told[4].cursor, limit=1)


def test_nobody_resumes_behind_what_a_loss_of_power_took(tmp_path: Path) -> None:
    """With the default durability, the machine may not have written the last transactions."""
    here, copy = tmp_path / "here", tmp_path / "copy"
    with closing(opened(here)) as journal:
        (written,) = journal.append([EVENT], now=NOW)
        shutil.copytree(here, copy)  # what the disk has by now
        (lost,) = journal.append([EVENT], now=NOW)

    with closing(opened(copy, epochs="z")) as journal:
        told = journal.append([REBOOT] * 3, now=NOW)
        assert journal.read(written.cursor, limit=9) == told
        with pytest.raises(CursorExpired):
            journal.read(lost.cursor, limit=9)


def test_changes_without_events_do_not_pile_up(tmp_path: Path) -> None:
    """Readers go on acknowledging while the disk is full."""
    with closing(opened(tmp_path)) as journal:
        journal.subscribe(SUBSCRIPTION)
        with kept_from_writing(tmp_path):
            records = journal.append([EVENT] * 3, now=NOW)
            for record in records * 3:
                journal.acknowledge("agent", record.cursor)
        assert not journal.recover(most=1), "there was more than one batch"
        assert journal.problem is None
    with closing(opened(tmp_path)) as journal:
        assert journal.subscriptions() == [SUBSCRIPTION._replace(acknowledged=records[-1].cursor)]


def test_an_oldest_cursor_is_good_whatever_becomes_of_what_waits(tmp_path: Path) -> None:
    """What a client is told to resume from must not end with the process."""
    with closing(opened(tmp_path)) as journal:
        journal.append([EVENT], now=NOW)
        with kept_from_writing(tmp_path):
            journal.append([EVENT], now=NOW)
            assert journal.oldest == Cursor("a", 0)
            assert journal.before(NOW) == Cursor("a", 0)


def test_what_cannot_wait_any_longer_is_given_up_and_readers_are_told(tmp_path: Path) -> None:
    """Memory is bounded; the pictures are not forgotten with the records."""
    with closing(opened(tmp_path, most_undurable_bytes=3000)) as journal:
        journal.append([EVENT], now=NOW)
        with kept_from_writing(tmp_path):
            for number in range(10):
                name = f"vm-{number}"
                change = PictureChange("esx01", {name: DomainPicture(name)}, NONE)
                journal.append([EVENT], now=NOW, picture=change)
            held = journal.undurable
            assert 0 < held < 10
            with pytest.raises(CursorExpired):
                read_on(journal, Cursor("a", 0))
        journal.recover()
        forgotten = journal.oldest
        assert forgotten.sequence == 11 - held

    with closing(opened(tmp_path)) as journal:
        assert journal.oldest == forgotten
        assert sequences(journal, forgotten) == [*range(forgotten.sequence + 1, 12)]
        assert len(journal.pictures("esx01")) == 10


def test_what_waits_is_written_in_steps(tmp_path: Path) -> None:
    """So that nobody is kept waiting by a long outage; each step is whole."""
    with closing(opened(tmp_path)) as journal:
        with kept_from_writing(tmp_path):
            for _ in range(5):
                journal.append([EVENT, EVENT], now=NOW)
        assert journal.recover(most=2)
        assert journal.undurable == 6
        journal.append([EVENT], now=NOW)
        assert sequences(journal, Cursor("a", 0)) == [*range(1, 12)]
        assert [journal.recover(most=2) for _ in range(2)] == [True, False]
        assert raw(tmp_path, "SELECT count(*) FROM records") == [(11,)]


def test_a_subscription_that_cannot_be_written_waits_too(tmp_path: Path) -> None:
    """It is remembered at once, and written with the rest."""
    with closing(opened(tmp_path)) as journal, kept_from_writing(tmp_path):
        journal.subscribe(SUBSCRIPTION)
        assert journal.subscriptions() == [SUBSCRIPTION]
    with closing(opened(tmp_path)) as journal:
        assert journal.subscriptions() == [SUBSCRIPTION]


def test_epochs_are_acknowledged_in_the_one_order_of_their_journal(tmp_path: Path) -> None:
    """A full disk gives cursors an epoch of their own; an old one is still an old one."""
    with closing(opened(tmp_path)) as journal:
        journal.subscribe(SUBSCRIPTION)
        journal.append([EVENT] * 2, now=NOW)
        with kept_from_writing(tmp_path):
            journal.append([EVENT] * 2, now=NOW)
            assert journal.newest == Cursor("b", 4)
        for told, expected in (
            (Cursor("b", 3), Cursor("b", 3)),
            (Cursor("a", 2), Cursor("b", 3)),
            (Cursor("b", 4), Cursor("b", 4)),
        ):
            journal.acknowledge("agent", told)
            assert journal.subscriptions() == [SUBSCRIPTION._replace(acknowledged=expected)]


# What is forgotten


def test_what_was_forgotten_can_be_acknowledged(tmp_path: Path) -> None:
    """It was told and dealt with, however long ago; and it stays so."""
    expected = SUBSCRIPTION._replace(acknowledged=Cursor("a", 3))
    with closing(opened(tmp_path)) as journal:
        journal.subscribe(SUBSCRIPTION)
        journal.append([EVENT] * 6, now=NOW)
        journal.forget_oldest(keep=Retention(bytes=0), now=NOW, most=5)
        journal.acknowledge("agent", Cursor("a", 3))
        assert journal.subscriptions() == [expected]
    with closing(opened(tmp_path)) as journal:
        assert journal.subscriptions() == [expected]


def test_what_is_too_old_is_forgotten_in_steps(tmp_path: Path) -> None:
    """By when it was written, the oldest first; sequences go on."""
    with closing(opened(tmp_path)) as journal:
        for minute in range(6):
            journal.append([EVENT], now=NOW + timedelta(minutes=minute))
        keep = Retention(bytes=1 << 30, age=timedelta(minutes=2))
        at = NOW + timedelta(minutes=6)
        assert journal.forget_oldest(keep=keep, now=at, most=3)
        assert journal.oldest == Cursor("a", 3)
        assert not journal.forget_oldest(keep=keep, now=at, most=3)
        assert journal.oldest == Cursor("a", 4)
        with pytest.raises(CursorExpired):
            journal.read(Cursor("a", 3), limit=1)

    with closing(opened(tmp_path)) as journal:
        assert (journal.oldest, journal.newest) == (Cursor("a", 4), Cursor("a", 6))


def test_what_is_too_much_is_forgotten(tmp_path: Path) -> None:
    """The file keeps its length, and what is in use of it stays below the limit."""
    keep = Retention(bytes=200_000)
    with closing(opened(tmp_path)) as journal:
        for _ in range(30):
            journal.append([EVENT] * 50, now=NOW)
            while journal.forget_oldest(keep=keep, now=NOW, most=20):
                pass
            assert journal.size <= keep.bytes
        assert 0 < journal.oldest.sequence < journal.newest.sequence == 1500
        journal.checkpoint()
        assert (tmp_path / FILE_NAME).stat().st_size < 2 * keep.bytes


def test_a_journal_of_which_all_is_forgotten_goes_on_counting(tmp_path: Path) -> None:
    """A cursor of what was told last stays good."""
    keep = Retention(bytes=0)
    with closing(opened(tmp_path)) as journal:
        journal.append([EVENT] * 3, now=NOW)
        journal.forget_oldest(keep=keep, now=NOW, most=10)
        assert journal.oldest == journal.newest == Cursor("a", 3)
    with closing(opened(tmp_path)) as journal:
        assert journal.newest == Cursor("a", 3)
        assert [each.sequence for each in journal.append([EVENT], now=NOW)] == [4]


def test_a_journal_that_does_not_know_what_it_has_forgotten_goes_by_what_it_has(
    tmp_path: Path,
) -> None:
    """As after a file that broke: what it had can have happened at any time."""
    with closing(opened(tmp_path)) as journal:
        journal.append([EVENT] * 2, now=NOW)
        journal.forget_oldest(keep=Retention(bytes=0), now=NOW, most=1)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as file, file:
        file.execute("DELETE FROM records WHERE sequence = 1")
    with closing(opened(tmp_path, epochs="b")) as journal:
        assert not journal.forgot_since(NOW + timedelta(seconds=1))
        assert journal.forgot_since(NOW)
        journal.forget_oldest(keep=Retention(bytes=0), now=NOW, most=1)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as file, file:
        file.execute("DELETE FROM records")
    with closing(opened(tmp_path, epochs="c")) as journal:
        assert journal.forgot_since(NOW)


def test_what_was_given_up_is_not_measured_by_what_is_told_late(tmp_path: Path) -> None:
    """What is kept first may have happened before all that is lost."""
    hour = timedelta(hours=1)
    journal = DurableJournal(tmp_path, clock=lambda: NOW, most_undurable_bytes=900)
    with closing(journal):
        with kept_from_writing(tmp_path):
            for passed in (1, 2, 3):
                event = EVENT.model_copy(update={"occurred_at": NOW + passed * hour})
                journal.append([event], now=NOW + passed * hour)
            (late,) = journal.append([EVENT], now=NOW + 5 * hour)
            assert journal.oldest.sequence == late.sequence - 1
            assert journal.forgot_since(NOW + hour)
        journal.recover()

        assert journal.forgot_since(NOW + hour)
        journal.forget_oldest(keep=Retention(bytes=0), now=NOW, most=1)
        assert journal.forgot_since(NOW + hour)


def test_a_file_that_breaks_at_that_question_has_forgotten_all(tmp_path: Path) -> None:
    """It is answered, and another file is begun."""
    with closing(opened(tmp_path)) as journal:
        journal.append([EVENT] * 3, now=NOW)
        journal.forget_oldest(keep=Retention(bytes=0), now=NOW, most=1)
        raw(tmp_path, "DROP TABLE records")

        assert journal.forgot_since(NOW)


def test_what_is_forgotten_leaves_its_time_and_nothing_else(tmp_path: Path) -> None:
    """The content of a record is gone when it is too old to be kept."""
    with closing(opened(tmp_path)) as journal:
        journal.append([EVENT] * 3, now=NOW)
        journal.forget_oldest(keep=Retention(bytes=0), now=NOW, most=2)
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as file:
            kept = file.execute("SELECT sequence, length(json) > 0 FROM records").fetchall()
    assert kept == [(2, 0), (3, 1)]


def test_a_checkpoint_brings_all_into_the_file(tmp_path: Path) -> None:
    """Whatever was in the log; readers and writers notice nothing of it."""
    with closing(opened(tmp_path)) as journal:
        journal.append([EVENT] * 100, now=NOW)
        (tmp_path / FILE_NAME).stat()
        assert not journal.needs_checkpoint
        assert journal.checkpoint()
        assert len(sequences(journal, Cursor("a", 0))) == 100
        journal.append([EVENT], now=NOW)
        copy = tmp_path / "copy"
        copy.mkdir()
        (copy / FILE_NAME).write_bytes((tmp_path / FILE_NAME).read_bytes())
    with closing(opened(copy)) as journal:
        assert len(sequences(journal, Cursor("a", 0))) == 100
