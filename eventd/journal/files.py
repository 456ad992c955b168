"""The journal's files as files: whose they are, and where a broken one goes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from eventd.errors import JournalUnusable
from eventd.journal.store import SIDE_FILES

__all__ = ["locked", "remove", "set_aside"]

_MOST_KEPT = 3
"""How many broken files are kept for whoever wants to look into them."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that one process can have, by a file that is made for it.

    Raises:
        JournalUnusable: another process has it.
        OSError: the file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalUnusable("another running eventd has it; stop that one first") from None
        yield
    finally:
        os.close(descriptor)


def set_aside(path: Path, *, now: datetime) -> Path | None:
    """Keep a broken file, and what SQLite has beside it, under another name.

    Return that; None if the file is not there. Of those that were kept before, the newest stay.
    """
    kept = sorted(path.parent.glob(f"{path.name}.broken-*[0-9]"))
    for old in kept[: max(0, len(kept) + 1 - _MOST_KEPT)]:
        remove(old)
    new = path.with_name(f"{path.name}.broken-{now:%Y%m%d-%H%M%S-%f}")
    for suffix in ("", *SIDE_FILES):
        with suppress(FileNotFoundError):
            _beside(path, suffix).rename(_beside(new, suffix))
    return new if new.exists() else None


def remove(path: Path) -> None:
    """Remove a file, and what SQLite has beside it."""
    for suffix in ("", *SIDE_FILES):
        _beside(path, suffix).unlink(missing_ok=True)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
