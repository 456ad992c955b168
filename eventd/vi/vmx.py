"""VMX files: the configuration of a domain as it is on a datastore, bytes in and text out.

A line is a key, ``=`` and a value, as VMware's own reader takes it (open-vm-tools,
``lib/dict/dictll.c``). libvirt's (``src/util/virconf.c``) is stricter in what a key may be made of,
and wants quotation marks around each value. What the entries say is left to others, but for the
two texts that are escaped in a way of their own (`eventd.vi.names`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from eventd.errors import InvalidArgument
from eventd.vi.names import unescape_annotation, unescape_display_name

__all__ = ["MOST_BYTES", "MOST_LINES", "VMX"]

MOST_BYTES = 2 * 1024 * 1024
"""Cap of one file. They have a few kB, but VMware lets a guest alone put 1 MiB into its own
(``tools.setInfo.sizeLimit``)."""

MOST_LINES = 10_000
"""Cap of its lines, of which a large domain has some hundreds: it is they that take time."""

_BLANK = r"[ \t]*"
_ENTRY = re.compile(
    rf'{_BLANK}(?P<key>[^ \t=#"]+){_BLANK}={_BLANK}'
    rf'(?:"(?P<quoted>[^"]*)"|(?P<bare>[^ \t#"][^ \t#]*+)?){_BLANK}(?:#.*)?'
)
_NO_ENTRY = re.compile(rf"{_BLANK}(?:#.*)?")

# libvirt's `virConfParseName`. Only what looks like a key is told in a message: any other beginning
# of a line may be a part of a value.
_KEY_OF_ODD_LINE = re.compile(r"[ \t]*([A-Za-z.][A-Za-z0-9_:.-]{0,79})[ \t]*=")

_ENCODING = re.compile(rb'[ \t]*\.encoding[ \t]*=[ \t]*"?([^"\s#]*)"?[ \t]*(?:#.*)?', re.IGNORECASE)
_LINE_END = re.compile(rb"\r\n|\n|\r")

_NOT_IN_A_KEY = re.compile('[ \t\r\n=#"\0\ufeff]')
_NOT_IN_A_VALUE = re.compile(r'["\r\n\0]')


@dataclass(frozen=True, slots=True)
class VMX:
    """The entries of a VMX file; made by `parse`, turned back into text by `str`."""

    entries: Mapping[str, str] = field(repr=False)
    """Key and value in the order of the file, both as they are spelled there.

    No key is there twice, whatever its case. Of several in a file the first one counts, as for
    libvirt; VMware's products refuse to start such a domain (hashicorp/vagrant issue 2597).
    """

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read a file in the encoding that its entry ``.encoding`` names; UTF-8 without one.

        Raises InvalidArgument for what is no VMX file, with the number of the line and what was
        expected there: ``line 7: expected annotation = "value"``. No value is part of the message.
        """
        if len(content) > MOST_BYTES:
            line = 1 + content.count(b"\n", 0, MOST_BYTES)
            raise _odd(line, f"the end of the file after at most {MOST_BYTES} bytes")
        text = content.removeprefix(codecs.BOM_UTF8)
        lines = _LINE_END.split(text, maxsplit=MOST_LINES)
        if any(lines[MOST_LINES:]):
            raise _odd(MOST_LINES + 1, f"the end of the file after at most {MOST_LINES} lines")
        # Nobody but a writer of UTF-8 puts these three bytes first.
        encoding = "utf-8" if len(text) < len(content) else _encoding(lines)
        entries: dict[str, str] = {}
        known = set()
        for key, value in _entries(lines, encoding):
            if key.lower() not in known:
                known.add(key.lower())
                entries[key] = value
        return cls(MappingProxyType(entries))

    def get(self, key: str) -> str | None:
        """Return the value of a key as it is in the file, None if there is none.

        The case of keys means nothing, to VMware as to libvirt.
        """
        wanted = key.lower()
        return next((value for key, value in self.entries.items() if key.lower() == wanted), None)

    @property
    def display_name(self) -> str | None:
        """The name of the domain, decoded; as it is in the file where that cannot be done."""
        return self._decoded("displayName", unescape_display_name)

    @property
    def annotation(self) -> str | None:
        """The description of the domain, decoded; as it is in the file where that fails."""
        return self._decoded("annotation", unescape_annotation)

    def _decoded(self, key: str, unescape: Callable[[str], str]) -> str | None:
        raw = self.get(key)
        try:
            return raw if raw is None else unescape(raw)
        except InvalidArgument:
            return raw

    def __str__(self) -> str:
        """Write the file.

        Raises InvalidArgument for a key or a value that no line can carry: quotation marks and
        line ends have to be escaped before.
        """
        return "".join(_line(key, value) for key, value in self.entries.items())


def _entries(lines: list[bytes], encoding: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, start=1):
        text = _text(number, line, encoding)
        if (entry := _ENTRY.fullmatch(text)) is not None:
            yield entry["key"], entry["quoted"] or entry["bare"] or ""
        elif not _NO_ENTRY.fullmatch(text):
            key = _KEY_OF_ODD_LINE.match(text)
            raise _odd(number, f'{key[1] if key else "key"} = "value"')


def _text(number: int, line: bytes, encoding: str) -> str:
    if b"\0" in line:
        raise _odd(number, "text, which has no NUL bytes")
    try:
        return line.decode(encoding)
    except UnicodeDecodeError as error:
        raise _odd(number, f"text in {encoding}, which byte {error.start + 1} is not") from None


def _odd(line: int, expected: str) -> InvalidArgument:
    return InvalidArgument(f"line {line}: expected {expected}")


# --- encodings ------------------------------------------------------------------------------------

# The names of Python for what products have written on hosts of all languages. All have ASCII in
# them, so that keys and lines are found whatever the encoding is. Others (UTF-16, UTF-7 and what
# Python calls codecs besides) would read a file as something else than it says.
_CODECS = frozenset(
    {
        *("utf-8", "ascii", "gbk", "gb18030", "big5", "big5hkscs", "cp932", "cp949", "cp950"),
        *("euc_jp", "euc_kr", "johab", "koi8-r", "koi8-u", "mac-roman", "tis-620"),
        *(f"cp{number}" for number in range(1250, 1259)),
        *(f"cp{number}" for number in (437, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865)),
        *(f"cp{number}" for number in (866, 869, 874)),
        *(f"iso8859-{part}" for part in range(1, 17) if part != 12),
    }
)

# ICU, whose names VMware uses, means Microsoft's larger sets by these.
_ICU_MEANS = {"shift_jis": "cp932", "gb2312": "gbk"}
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
_CODE_PAGE = re.compile(r"(?:x-)?(?:windows|ibm|ms)-?(?=[0-9])")


def _encoding(lines: list[bytes]) -> str:
    """Return the name of Python for the encoding of a file."""
    for number, line in enumerate(lines, start=1):
        if (entry := _ENCODING.fullmatch(line)) is not None and entry[1]:
            name = entry[1].decode("ascii", "replace")
            if (codec := _codec(name)) is None:
                raise _odd(number, f"a known encoding that has ASCII in it, not {name[:40]!r}")
            return codec
    return "utf-8"


def _codec(name: str) -> str | None:
    if not _NAME.fullmatch(name):
        return None
    for spelling in (name, _CODE_PAGE.sub("cp", name.lower())):
        try:
            found = codecs.lookup(spelling).name
        except LookupError:
            continue
        found = _ICU_MEANS.get(found, found)
        if found in _CODECS:
            return found
    return None


# --- writing --------------------------------------------------------------------------------------


def _line(key: str, value: str) -> str:
    if not key or _NOT_IN_A_KEY.search(key):
        raise InvalidArgument(
            "a key of a VMX file has no blank, line end, '=', '#' or quotation mark in it"
        )
    if _NOT_IN_A_VALUE.search(value):
        raise InvalidArgument(f"the value of {key} has a quotation mark, line end or NUL in it")
    return f'{key} = "{value}"\n'
