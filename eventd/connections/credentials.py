"""Where the user name and password of a connection come from.

A password is read anew at each login, so that a changed file is honoured without a restart, and
is kept nowhere else. It is never part of a message or of a representation.
"""

from __future__ import annotations

import configparser
import os
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
    text = _text_of(path, key)
    password = text.removesuffix("\n").removesuffix("\r")
    if not password:
        raise InvalidConfiguration(f"{key} {path} is empty; write the password into it")
    return password


def _text_of(path: Path, key: str) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise InvalidConfiguration(
            f"{key} {path} cannot be read: {error.strerror}; check that the file exists and that "
            f"the user of the daemon may read it"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidConfiguration(f"{key} {path} is not UTF-8 text") from error


def from_auth_file(path: Path, *, host: str, user: str | None) -> CredentialSource:
    """Take the credentials from a file in the format of libvirt's ``auth.conf``.

    ``user`` is the user name that the URI gives, which goes before the file's. The group
    ``[auth-esx-HOST]``, else ``[auth-esx-default]``, names ``credentials=X`` and so the group
    ``[credentials-X]`` with ``username`` and ``password``: https://libvirt.org/auth.html. The
    service is ``esx`` for all of libvirt's VMware schemes.
    """

    def read() -> Credentials:
        groups = _groups_of(path)
        chosen = next(
            (group for group in (f"auth-esx-{host}", "auth-esx-default") if group in groups), None
        )
        if chosen is None:
            raise InvalidConfiguration(
                f"the auth file {path} has neither a group [auth-esx-{host}] nor "
                f"[auth-esx-default]; add one with credentials=NAME"
            )
        name = groups[chosen].get("credentials", "")
        found = groups.get(f"credentials-{name}", {})
        user_name = user or found.get("username")
        password = found.get("password")
        if not (user_name and password):
            raise InvalidConfiguration(
                f"the auth file {path} has no username and password in [credentials-{name}], "
                f"which [{chosen}] names; add them"
            )
        return Credentials(user_name, password)

    return read


def _groups_of(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(
        interpolation=None, delimiters=("=",), comment_prefixes=("#",), strict=False
    )
    try:
        parser.read_string(_text_of(path, "auth_file"))
    except configparser.Error as error:
        # Its own message would quote the line, and with it perhaps a password.
        line = getattr(error, "lineno", None)
        where = f", line {line}" if line else ""
        raise InvalidConfiguration(
            f"the auth file {path}{where} is not in the format of libvirt's auth.conf: "
            f"[group] lines and key=value lines were expected"
        ) from None
    return {name: dict(parser[name]) for name in parser.sections()}


def libvirt_auth_file(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file that libvirt's own clients would read, if there is one.

    ``$LIBVIRT_AUTH_FILE``, else the user's, else the system's: libvirt's src/util/virauth.c.
    """
    if named := environment.get("LIBVIRT_AUTH_FILE"):
        return Path(named)
    home = environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME', '')}/.config"
    places = (Path(home, "libvirt/auth.conf"), Path("/etc/libvirt/auth.conf"))
    return next((place for place in places if place.is_file()), None)
