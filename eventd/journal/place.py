"""Whether a journal can be where it is to be: a look that leaves nothing behind."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from eventd.errors import JournalUnusable

__all__ = ["look_at"]


def look_at(directory: Path) -> str | None:
    """Return what may keep a journal out of a directory; None if nothing does.

    It need not be there yet; what is in it is not looked at. It is a matter of who looks: another
    user, such as that of the daemon, may be allowed more.

    Raises:
        JournalUnusable: nobody can have a directory there.
    """
    for place in (directory, *directory.parents):
        try:
            mode = place.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            if not place.is_symlink():
                continue
            mode = 0  # leads nowhere
        except PermissionError as error:
            return f"this user cannot look at {place}: {error.strerror}"
        except OSError as error:
            raise JournalUnusable(
                f"nobody can look at {place}: {error.strerror}; name another directory"
            ) from error
        if not stat.S_ISDIR(mode):
            raise JournalUnusable(f"{place} is no directory; remove it, or name another directory")
        if not os.access(place, os.W_OK | os.X_OK):
            done = "write to it" if place == directory else f"make it in {place}"
            return (
                f"this user may not {done}; see that the user of the daemon may, or name another "
                "directory"
            )
        return None
    return None
