"""Where the user name and password of a connection come from.

A password is read anew at each login, so that a changed file is honoured without a restart, and
is kept nowhere else. It is never part of a message or of a representation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eventd.errors import InvalidConfiguration

__all__ = [
    "CredentialSource",
    "Credentials",
    "from_auth_file",
    "from_password_file",
    "from_systemd_credential",
    "libvirt_auth_file",
]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login needs."""

    user: str
    password: str = field(repr=False)


CredentialSource = Callable[[], Credentials]
"""Reads the credentials now; raises `InvalidConfiguration` with a sentence if it cannot."""


def from_password_file(path: Path, *, user: str) -> CredentialSource:
    """Take the password from a file that holds nothing else; one line end is cut off."""
    return lambda: Credentials(user, _password_in(path, "password_file"))


def from_systemd_credential(
    name: str, *, user: str, environment: Mapping[str, str] = os.environ
) -> CredentialSource:
    """Take the password from a credential of the service (``LoadCredential=NAME:PATH``)."""

    def read() -> Credentials:
        directory = environment.get("CREDENTIALS_DIRECTORY")
        if not directory:
            raise InvalidConfiguration(
                f"password_credential {name!r} cannot be read: CREDENTIALS_DIRECTORY is not set; "
                f"start eventd as a systemd service with LoadCredential={name}:FILE"
            )
        return Credentials(user, _password_in(Path(directory, name), "password_credential"))

    return read


def _password_in(path: Path, key: str) -> str:
    text = _text_of(path, key, content="the password")
    password = text.removesuffix("\n").removesuffix("\r")
    if not password:
        raise InvalidConfiguration(f"{key} {path} is empty; write the password into it")
    return password


def _text_of(path: Path, key: str, *, content: str) -> str:
    try:
        # As bytes, since reading text would change a carriage return in a password.
        return path.read_bytes().decode()
    except OSError as error:
        raise InvalidConfiguration(
            f"{key} {path} cannot be read: {error.strerror}; check that the file exists and that "
            f"the user of the daemon may read it"
        ) from error
    except UnicodeDecodeError:
        # The error itself holds all bytes of the file.
        raise InvalidConfiguration(
            f"{key} {path} is not UTF-8 text; write {content} in UTF-8"
        ) from None


def from_auth_file(path: Path, *, host: str, user: str | None) -> CredentialSource:
    """Take the credentials from a file in the format of libvirt's ``auth.conf``.

    ``user`` is the user name that the URI gives, which goes before the file's. The group
    ``[auth-esx-HOST]``, else ``[auth-esx-default]``, names ``credentials=X`` and so the group
    ``[credentials-X]`` with ``username`` and ``password``: https://libvirt.org/auth.html. The
    service is ``esx`` for all of libvirt's VMware schemes.
    """

    def read() -> Credentials:
        groups = _groups_of(path)
        chosen = _group_for(host, groups, path)
        name = groups[chosen].get("credentials")
        if name is None:
            raise InvalidConfiguration(
                f"the auth file {path} has no credentials=NAME in [{chosen}]; add it"
            )
        found = groups.get(f"credentials-{name}", {})
        entries = {"username": user or found.get("username"), "password": found.get("password")}
        if missing := [key for key, value in entries.items() if not value]:
            raise InvalidConfiguration(
                f"the auth file {path} has no {' and no '.join(missing)} in [credentials-{name}], "
                f"which [{chosen}] names; add what is missing"
            )
        return Credentials(str(entries["username"]), str(entries["password"]))

    return read


_Groups = dict[str, dict[str, str]]


def _group_for(host: str, groups: _Groups, path: Path) -> str:
    for name in (f"auth-esx-{host}", "auth-esx-default"):
        if name in groups:
            return name
    raise InvalidConfiguration(
        f"the auth file {path} has neither a group [auth-esx-{host}] nor [auth-esx-default]; add "
        f"one with credentials=NAME"
    )


# The format is that of GLib's GKeyFile, with which libvirt reads the file.
_COMMENT = re.compile(r"#.*|")
_GROUP = re.compile(r"\[([^\]]+)\][ \t]*")
_ENTRY = re.compile(r"([^=]+?)[ \t]*=[ \t]*(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPED = {"s": " ", "t": "\t", "n": "\n", "r": "\r", "\\": "\\", "": ""}


def _groups_of(path: Path) -> _Groups:
    groups: _Groups = {}
    group: dict[str, str] | None = None
    lines = _text_of(path, "auth_file", content="it").split("\n")
    for number, line in enumerate(lines, 1):
        statement = line.removesuffix("\r").lstrip()
        if _COMMENT.fullmatch(statement):
            continue
        if begins := _GROUP.fullmatch(statement):
            group = groups.setdefault(begins[1], {})
        elif (entry := _ENTRY.fullmatch(statement)) and group is not None:
            group[entry[1]] = _unescaped(entry[2])
        else:
            # The line is not quoted, since it may be part of a password.
            raise InvalidConfiguration(
                f"the auth file {path}, line {number}, is not in the format of libvirt's "
                f"auth.conf: [group] lines and key=value lines were expected"
            )
    return groups


def _unescaped(value: str) -> str:
    return _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[0]), value)


SYSTEM_AUTH_FILE = Path("/etc/libvirt/auth.conf")


def libvirt_auth_file(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file that libvirt's own clients would read, if there is one.

    ``$LIBVIRT_AUTH_FILE``, else the user's, else the system's: libvirt's src/util/virauth.c.
    """
    if named := environment.get("LIBVIRT_AUTH_FILE"):
        return Path(named)
    home = environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME', '')}/.config"
    places = (Path(home, "libvirt/auth.conf"), SYSTEM_AUTH_FILE)
    return next((place for place in places if os.access(place, os.R_OK)), None)
