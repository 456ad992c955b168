"""The names of the VI world and their escapings: text in, text out.

Four places, four schemes (libvirt's ``src/esx/README``): the ``name`` of a domain in the VI API,
``displayName`` and ``annotation`` in a VMX file, and items in a datastore. All of them work on the
bytes of UTF-8. Which name belongs to which domain is left to ``tracking``.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Self

from eventd.errors import InvalidArgument

__all__ = [
    "DatastorePath",
    "domain_name",
    "escape_annotation",
    "escape_datastore_item",
    "escape_display_name",
    "escape_vi_name",
    "unescape_annotation",
    "unescape_display_name",
    "unescape_vi_name",
]


@dataclass(frozen=True, slots=True)
class _Escaping:
    """One way of writing a byte as an escape character and two hexadecimal digits."""

    character: str
    special: re.Pattern[bytes]
    sequence: re.Pattern[bytes]
    invalid: re.Pattern[bytes]


def _escaping(character: str, *, special: str) -> _Escaping:
    escape = re.escape(character).encode()
    return _Escaping(
        character,
        special=re.compile(b"[%b%b]" % (escape, re.escape(special).encode())),
        sequence=re.compile(escape + rb"([0-9A-Fa-f]{2})"),
        invalid=re.compile(escape + rb"(?![0-9A-Fa-f]{2})"),
    )


# libvirt's src/vmx/vmx.h.
_PERCENT = _escaping("%", special="/\\")
_PIPE = _escaping("|", special='"')

_WINDOWS_PATH_CHARACTERS = re.compile(rb'["*<>:|?]')
# A maximal run of bytes that a datastore item name cannot hold as they are.
_BASE64_RUN = re.compile(rb"[^A-Za-z0-9'(),. _-]+")

_DATASTORE_PATH = re.compile(r"\[(?P<datastore>[^]]+)\] *(?P<path>.*)", re.DOTALL)


def domain_name(raw: str) -> str:
    """Return the name of a domain, given its VI ``name``.

    That is the unescaped name. A name that cannot be unescaped, or of which nothing would be
    left, stays as it is. (libvirt's ESX driver fails the listing of all domains for one such name.)
    """
    try:
        return unescape_vi_name(raw) or raw
    except InvalidArgument:
        return raw


def escape_vi_name(name: str) -> str:
    r"""Return ``name`` as the VI API spells it: ``%``, ``/`` and ``\`` become ``%xx``."""
    return _escape(name.encode(), _PERCENT).decode()


def unescape_vi_name(raw: str) -> str:
    """Return the name that the VI API spells ``raw``.

    Any ``%XX`` is unescaped, whatever it stands for; ``%00`` ends the name, as it ends a string in
    C. Raises InvalidArgument where ``%`` is not followed by two hexadecimal digits, and where the
    result is not UTF-8 (libvirt passes such bytes on; text cannot carry them).
    """
    return _unescape(raw, _PERCENT)


def escape_display_name(name: str) -> str:
    r"""Return ``name`` as a VMX file spells a ``displayName``.

    ``|`` and ``"`` become ``|xx``, and ``%``, ``/`` and ``\`` become ``%xx``.
    """
    return _escape(_escape(name.encode(), _PIPE), _PERCENT).decode()


def unescape_display_name(raw: str) -> str:
    """Return the name that a VMX file spells ``raw`` in ``displayName``.

    First ``%XX`` is unescaped and then ``|XX``: the order is libvirt's, and it shows, as in
    ``%7c22``, which is a quotation mark. Raises InvalidArgument as `unescape_vi_name` does.
    """
    return _unescape(raw, _PERCENT, _PIPE)


def escape_annotation(text: str) -> str:
    """Return ``text`` as a VMX file spells an ``annotation``: ``|`` and ``"`` become ``|xx``."""
    return _escape(text.encode(), _PIPE).decode()


def unescape_annotation(raw: str) -> str:
    """Return the text that a VMX file spells ``raw`` in ``annotation``.

    Raises InvalidArgument as `unescape_vi_name` does, for ``|`` instead of ``%``.
    """
    return _unescape(raw, _PIPE)


def escape_datastore_item(name: str) -> str:
    """Return ``name`` as the name of an item in a datastore.

    This loses information (``a|b`` and ``a"b`` are both ``a_b``), so there is no way back.
    """
    replaced = _WINDOWS_PATH_CHARACTERS.sub(b"_", name.encode())
    escaped = _escape(replaced, _PERCENT)
    return _BASE64_RUN.sub(_base64_sequence, escaped).decode()


@dataclass(frozen=True, slots=True)
class DatastorePath:
    """A path in a datastore, as in ``config.files.vmPathName``: ``[datastore] directory/file``."""

    datastore: str
    directory: str
    """What stands before the last slash of ``path``; all of it where there is none."""
    path: str
    """Directory and file."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``[datastore] path``, where the path is optional.

        Raises InvalidArgument, with libvirt's words (``src/esx/esx_util.c``), for any other form.
        """
        match = _DATASTORE_PATH.fullmatch(text)
        if match is None:
            raise InvalidArgument(
                f"Datastore path '{text}' doesn't have expected format '[<datastore>] <path>'"
            )
        path = match["path"]
        directory = path.rpartition("/")[0] if "/" in path else path
        return cls(match["datastore"], directory, path)


def _escape(text: bytes, escaping: _Escaping) -> bytes:
    character = escaping.character.encode()
    return escaping.special.sub(lambda match: b"%b%02x" % (character, ord(match[0])), text)


def _unescape(raw: str, *escapings: _Escaping) -> str:
    text = raw.encode()
    for escaping in escapings:
        if escaping.invalid.search(text):
            raise InvalidArgument(
                f"'{raw}' contains an invalid escape sequence: two hexadecimal digits must follow "
                f"each '{escaping.character}'"
            )
        unescaped = escaping.sequence.sub(lambda match: bytes.fromhex(match[1].decode()), text)
        text = unescaped.partition(b"\0")[0]
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"'{raw}' is not UTF-8 once it is unescaped") from error


def _base64_sequence(run: re.Match[bytes]) -> bytes:
    """Encode a run of bytes: ``+``, Base64 with ``,`` for ``/``, and ``-`` if more text follows."""
    encoded = b64encode(run[0], altchars=b"+,").rstrip(b"=")
    return b"+" + encoded + (b"-" if run.end() < len(run.string) else b"")
