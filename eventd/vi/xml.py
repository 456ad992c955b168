"""XML from and for the network: the one parser of the project with all its bounds, and escaping.

Nothing in a document can make the parser fetch, expand or remember anything. What the elements
mean is left to `soap`, `calls` and `property_collector`; they do not leave this package.
"""

from __future__ import annotations

import re

from lxml import etree

from eventd.errors import InvalidArgument

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_TAGS",
    "XSD",
    "XSI",
    "XSI_TYPE",
    "Element",
    "NotAcceptable",
    "element",
    "escape",
    "excerpt",
    "local_name",
    "parse",
    "quote",
    "type_name",
    "writable",
]

Element = etree._Element
"""A parsed element; lxml gives its type no public name."""

XSD = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

XSI_TYPE = f"{{{XSI}}}type"
"""The attribute that names the type of a polymorphic value."""

MAX_BYTES = 32 * 1024 * 1024
"""Longest document that is looked at; the pages that hosts send are below 1 MiB."""

MAX_TAGS = 2_000_000
"""Most ``<`` in a document. lxml's tree of ``<b/><b/>…`` takes 31 bytes of memory for each byte
of the document, so that the bound on bytes alone would allow 1 GB."""

MAX_DEPTH = 256
"""Deepest nesting. It is libxml2's own bound unless ``huge_tree``; libxml2 2.12 allows one more."""

_TOO_SHORT_FOR_MANY_TAGS = 1024 * 1024
"""Up to here, counting the tags would cost more than it protects."""

# VI is UTF-8. The parser is told so and does not ask the document: there is no encoding left in
# which a tag could be written without the byte `<`.
_PARSER = etree.XMLParser(
    encoding="utf-8",
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    dtd_validation=False,
    attribute_defaults=False,
    huge_tree=False,
    recover=False,
    remove_comments=True,
    remove_pis=True,
    collect_ids=False,
)


class NotAcceptable(ValueError):
    """A document is not well-formed, or is above a bound; the text completes 'the document …'."""


def parse(document: bytes, *, max_bytes: int = MAX_BYTES) -> Element:
    """Return the root element of an untrusted document.

    Raises:
        NotAcceptable: the document is not well-formed UTF-8 XML, has a document type, is longer
            than ``max_bytes``, has more than `MAX_TAGS` tags, or is nested deeper than `MAX_DEPTH`.
    """
    if len(document) > max_bytes:
        raise NotAcceptable(f"is longer than {max_bytes} bytes")
    if len(document) > _TOO_SHORT_FOR_MANY_TAGS and document.count(b"<") > MAX_TAGS:
        raise NotAcceptable(f"has more than {MAX_TAGS} tags")
    try:
        root = etree.fromstring(document, _PARSER)
    except etree.XMLSyntaxError as error:
        raise NotAcceptable(f"is not well-formed XML: {excerpt(str(error.msg))}") from None
    # No flag of the parser keeps out the attribute defaults that an internal subset declares.
    if root.getroottree().docinfo.doctype:
        raise NotAcceptable("has a document type declaration, which SOAP forbids")
    return root


def local_name(node: Element) -> str:
    """Return an element's name without its namespace."""
    return str(node.tag).rpartition("}")[2]


def type_name(node: Element) -> str:
    """Return an element's ``xsi:type`` without prefix: ``string``; empty where it has none."""
    return (node.get(XSI_TYPE) or "").rpartition(":")[2]


def excerpt(text: str, *, length: int = 120) -> str:
    """Return foreign text as part of a message: on one line and not longer than ``length``."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[:length]}…"


# Production [2] of XML 1.0, Char: anything else cannot be written, not even escaped.
_NOT_A_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# A reader turns a bare carriage return into a line feed, and in attributes all three into spaces.
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTE = _IN_TEXT | str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})


def escape(text: str) -> str:
    """Escape text for the content of an element.

    Raises:
        InvalidArgument: XML cannot carry one of the characters. The message does not quote the
            text, which may be a password.
    """
    return _characters(text).translate(_IN_TEXT)


def quote(text: str) -> str:
    """Escape text for an attribute and put it in quotes; raises as `escape` does."""
    return f'"{_characters(text).translate(_IN_ATTRIBUTE)}"'


def element(tag: str, content: str | int) -> str:
    """Write an element of a simple type: text, a number or a boolean; raises as `escape` does."""
    text = str(content).lower() if isinstance(content, bool) else str(content)
    return f"<{tag}>{escape(text)}</{tag}>"


def writable(text: str) -> str:
    """Return text with U+FFFD in place of each character that XML cannot carry."""
    return _NOT_A_CHARACTER.sub("\ufffd", text)


def _characters(text: str) -> str:
    if bad := _NOT_A_CHARACTER.search(text):
        raise InvalidArgument(
            f"character {bad.start() + 1} of {len(text)} is U+{ord(bad.group()):04X}, which cannot"
            " be sent to a VI host; leave it out"
        )
    return text
