"""Whether a journal can be in a directory, without making anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventd.errors import JournalUnusable
from eventd.journal.place import look_at
from tests.journal.things import opened


def test_a_directory_that_can_be_made_or_used_is_good(tmp_path: Path) -> None:
    """Nothing is made; and a journal that is in use is no obstacle."""
    assert look_at(tmp_path / "a" / "b") is None
    assert list(tmp_path.iterdir()) == []
    journal = opened(tmp_path / "used")
    assert look_at(tmp_path / "used") is None
    journal.close()


@pytest.mark.parametrize("path", ["file", "file/a/b", "link"])
def test_where_something_else_is_no_directory_can_be(tmp_path: Path, path: str) -> None:
    """Whoever the user of the daemon is."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(JournalUnusable, match=f"{path.partition('/')[0]} is no directory; remove"):
        look_at(tmp_path / path)


def test_what_this_user_may_not_do_another_one_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is no mistake yet."""
    monkeypatch.setattr("os.access", lambda *_: False)  # root may do everything
    assert "this user may not write to it" in (look_at(tmp_path) or "")
    assert f"may not make it in {tmp_path};" in (look_at(tmp_path / "a" / "b") or "")


def test_a_name_that_nobody_can_have_is_an_error(tmp_path: Path) -> None:
    """Whoever looks."""
    with pytest.raises(JournalUnusable, match="File name too long; name another directory"):
        look_at(tmp_path / ("x" * 300))
