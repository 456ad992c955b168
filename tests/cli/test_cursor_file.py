from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TextIO

import pytest

from eventd.cli.cursor_file import CursorFile
from eventd.errors import EventdError
from eventd.model.record import Cursor


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """One line, which people can read too; and nothing else is left in the directory."""
    path = tmp_path / "cursor"
    file = CursorFile(path)
    assert file.read() is None
    file.write(Cursor("e1", 7))
    assert path.read_text() == "e1-7\n"
    file.write(Cursor("e1", 8))
    assert CursorFile(path).read() == Cursor("e1", 8)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_file_is_no_beginning(tmp_path: Path, content: str) -> None:
    """A failure of power may have emptied it, and to begin anew would miss events silently."""
    path = tmp_path / "cursor"
    path.write_text(content)
    with pytest.raises(EventdError, match="/cursor is empty; remove the file to begin anew, write"):
        CursorFile(path).read()
    assert path.read_text() == content


@pytest.mark.parametrize("cursor", [Cursor("e1", 10), Cursor("e1", 8)])
def test_the_old_cursor_is_there_until_the_new_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cursor: Cursor
) -> None:
    """Killed before the writing, the file is whole, whether it is replaced or written over."""
    path = tmp_path / "cursor"
    file = CursorFile(path)
    file.write(Cursor("e1", 7))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        file.write(cursor)
    monkeypatch.undo()
    assert CursorFile(path).read() == Cursor("e1", 7)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to the disk, in its order: what of a file was synchronised, and replacing."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        done.append(f"{name.name}: {name.read_text().strip()}" if name.is_file() else "directory")
        fsync(descriptor)

    def replaced(path: Path, target: Path) -> Path:
        done.append("replaced")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    return done


@pytest.fixture
def output(tmp_path: Path) -> Iterator[TextIO]:
    """A file with a line, to be the output."""
    with (tmp_path / "output").open("w") as file:
        file.write("line\n")
        file.flush()
        yield file


def test_a_cursor_is_on_the_disk_before_it_takes_the_place_of_the_old_one(
    tmp_path: Path, disk: list[str], output: TextIO
) -> None:
    """Some file systems have an empty file else; and its line is there before it."""
    with redirect_stdout(output):
        CursorFile(tmp_path / "cursor").write(Cursor("e1", 7))
    assert disk == ["output: line", ".cursor.next: e1-7", "replaced", "directory"]


def test_the_cursors_of_a_burst_are_synchronised_once_a_second_and_at_the_end(
    tmp_path: Path, disk: list[str], output: TextIO
) -> None:
    """Each is in the file at once; the disk would take milliseconds for each line."""
    now = 0.0
    path = tmp_path / "cursor"
    file = CursorFile(path, clock=lambda: now)
    file.write(Cursor("e1", 10))
    disk.clear()
    for number in range(11, 21):
        file.write(Cursor("e1", number))
        assert path.read_text() == f"e1-{number}\n"
    assert disk == []
    now = 1.0
    with redirect_stdout(output):
        file.write(Cursor("e1", 20))
        assert disk == ["output: line", "cursor: e1-20"]
        file.write(Cursor("e1", 21))
        file.sync()
    assert disk[2:] == ["output: line", "cursor: e1-21"]


def test_a_file_that_somebody_takes_away_is_made_again(tmp_path: Path) -> None:
    """Or writes something else into: no mixture of both is left."""
    path = tmp_path / "cursor"
    file = CursorFile(path)
    file.write(Cursor("e1", 6))
    path.unlink()
    file.write(Cursor("e1", 7))
    assert path.read_text() == "e1-7\n"
    path.write_text("something longer")
    file.write(Cursor("e1", 8))
    assert path.read_text() == "e1-8\n"


def test_a_cursor_that_has_not_moved_is_not_written_again(tmp_path: Path) -> None:
    """A quiet stream costs its disk nothing."""
    path = tmp_path / "cursor"
    file = CursorFile(path)
    file.write(Cursor("e1", 7))
    path.unlink()
    file.write(Cursor("e1", 7))
    assert not path.exists()


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    """Whoever has put the file elsewhere wants it there."""
    link, path = tmp_path / "link", tmp_path / "elsewhere"
    path.write_text("")
    link.symlink_to(path)
    CursorFile(link).write(Cursor("e1", 7))
    assert link.is_symlink()
    assert path.read_text() == "e1-7\n"


@pytest.mark.parametrize("content", [b"nonsense", b"e1-7\ne1-8\n", b"\xff\xfe", b"7" * 10_000])
def test_something_else_is_not_overwritten(tmp_path: Path, content: bytes) -> None:
    """The file may be a misspelt one that somebody needs."""
    path = tmp_path / "cursor"
    path.write_bytes(content)
    with pytest.raises(EventdError, match="no cursor; remove the file to begin anew"):
        CursorFile(path).read()
    assert path.read_bytes() == content


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    """Before anything is printed."""
    with pytest.raises(EventdError, match="is a directory; name a file in it"):
        CursorFile(tmp_path).read()
    with pytest.raises(EventdError, match="is no regular file"):
        CursorFile(Path("/dev/null")).read()
    with pytest.raises(EventdError, match="/ is a directory"):
        CursorFile(Path("/")).read()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(EventdError, match="Too many levels of symbolic links"):
        CursorFile(loop).read()
    missing = tmp_path / "missing" / "cursor"
    with pytest.raises(EventdError, match="cannot be written: No such file or directory"):
        CursorFile(missing).read()


@pytest.fixture
def nobody() -> Iterator[None]:
    """For root, every directory is writable."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, nobody: None) -> None:
    """Behind the first event it would be too late."""
    with pytest.raises(EventdError, match=r"/cursor cannot be (read|written): Permission denied"):
        CursorFile(tmp_path / "cursor").read()
