"""Auth files, and what libvirt takes from them.

Each was given to virsh 9.0 (``test_virsh`` does so again): the user and the password are those of
its login, and it refused what is not understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["NOT_UNDERSTOOD", "UNDERSTOOD", "Understood"]


class Understood(NamedTuple):
    """A file, and what a login with it sends."""

    text: str
    user: str
    password: str


def in_group(entries: str) -> str:
    """Return an auth file whose only credentials are these entries."""
    return f"[auth-esx-default]\ncredentials=x\n[credentials-x]\n{entries}"


UNDERSTOOD = (
    Understood(in_group("username=u\npassword=p"), "u", "p"),
    Understood(in_group("username=u\r\npassword=p\r\n"), "u", "p"),
    Understood(in_group("username=u\n\n  \npassword=p\n"), "u", "p"),
    Understood(in_group("  username = u\n password =  p \n"), "u", "p "),
    Understood(in_group("username=u\npassword=p w\t \n"), "u", "p w\t "),
    Understood(in_group("username=u\npassword=p=q;r#s\n"), "u", "p=q;r#s"),
    Understood(in_group("username=u\npassword=pä€\n"), "u", "pä€"),
    Understood(in_group("username=u\npassword=\\sp\\\\q\\tr\n"), "u", " p\\q\tr"),
    Understood(in_group("username=u\npassword=p\\q\n"), "u", "p\\q"),
    Understood(in_group("username=u\npassword=p\\\n"), "u", "p"),
    Understood(in_group("username=u\npassword=p\npassword=q\n"), "u", "q"),
    Understood(in_group("username=u\npassword=p\n[credentials-x]\nusername=v\n"), "v", "p"),
    Understood(in_group("username=u\npassword=p\nPassword=q\n"), "u", "p"),
    Understood(in_group("username=u\npassword=p\n[DEFAULT]\npassword=q\n"), "u", "p"),
    Understood(in_group("username=u\npassword=p\n# c\n  # c\n[other] \nfoo bar=1\n"), "u", "p"),
    Understood(in_group("username=%41\npassword=%(user)s\n"), "%41", "%(user)s"),
)

NOT_UNDERSTOOD: Mapping[str, tuple[str, int]] = {
    "no group yet": ("username=u\n", 1),
    "no equals": (in_group("hunter2\n"), 4),
    "semicolon": (in_group("username=u\n; a comment of other formats\n"), 5),
    "no key": (in_group("=hunter2\n"), 4),
    "open": (in_group("[x\n"), 4),
    "no name": (in_group("[]\n"), 4),
    "behind a group": (in_group("[x] hunter2\n"), 4),
}
"""Files by what is wrong with them, and the line that it is in."""
