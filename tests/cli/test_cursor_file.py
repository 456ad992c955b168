from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

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


def test_an_empty_file_is_a_beginning(tmp_path: Path) -> None:
    """As `touch` or mktemp leave it."""
    path = tmp_path / "cursor"
    path.write_text("\n")
    assert CursorFile(path).read() is None


def test_the_old_cursor_is_there_until_the_new_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle of writing, the file is whole."""
    path = tmp_path / "cursor"
    file = CursorFile(path)
    file.write(Cursor("e1", 7))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        file.write(Cursor("e1", 8))
    monkeypatch.undo()
    assert CursorFile(path).read() == Cursor("e1", 7)


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
