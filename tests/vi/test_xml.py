"""Untrusted documents: what is refused, what is harmless; and that what is written can be read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.errors import InvalidArgument
from eventd.vi.xml import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_TAGS,
    NotAcceptable,
    element,
    escape,
    excerpt,
    local_name,
    parse,
    quote,
    type_name,
)
from tests.vi.documents import ATTACKS, TEXTS

SECRET = "not for the network"


@pytest.mark.parametrize("document", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_hostile_document_is_refused_in_one_line(document: bytes) -> None:
    """Whatever is no plain, bounded XML is refused, with a reason that fits into a log line."""
    with pytest.raises(NotAcceptable) as caught:
        parse(document)

    assert str(caught.value).startswith(("is ", "has "))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_an_external_entity_is_not_read(tmp_path: Path) -> None:
    """A document cannot make the parser open a file, and no error repeats what is in one."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    document = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'

    with pytest.raises(NotAcceptable) as caught:
        parse(document.encode())

    assert SECRET not in str(caught.value)


def test_a_document_up_to_the_bound_on_bytes_is_read() -> None:
    """The bound is the longest length that is still read."""
    assert parse(b"<a></a>", max_bytes=7).tag == "a"
    with pytest.raises(NotAcceptable, match="longer than 6 bytes"):
        parse(b"<a></a>", max_bytes=6)


def test_a_document_above_the_default_bound_is_not_even_parsed() -> None:
    """32 MiB is the default; what the bytes are does not matter any more."""
    with pytest.raises(NotAcceptable, match=f"longer than {MAX_BYTES} bytes"):
        parse(bytes(MAX_BYTES + 1))


def test_a_document_of_nothing_but_tags_is_refused_before_it_becomes_a_tree() -> None:
    """A tree takes 31 times the bytes of such a document, so its tags are counted first."""
    document = b"<a>" + b"<b/>" * MAX_TAGS + b"</a>"
    assert len(document) < MAX_BYTES
    with pytest.raises(NotAcceptable, match=f"more than {MAX_TAGS} tags"):
        parse(document)


def test_a_long_document_of_few_tags_is_read() -> None:
    """Length alone is no reason: a full sync may come as one long page."""
    document = b"<a>" + b"<b>%s</b>" % (b"x" * 1000) * 2000 + b"</a>"
    assert len(parse(document)) == 2000


def test_nesting_up_to_the_bound_is_read() -> None:
    """The bound is libxml2's own, which has moved by one; any other change shows here."""
    assert parse(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).tag == "a"
    with pytest.raises(NotAcceptable):
        parse(b"<a>" * (MAX_DEPTH + 2) + b"</a>" * (MAX_DEPTH + 2))


@pytest.mark.parametrize(
    "document",
    [
        b"\xef\xbb\xbf<a>\xc3\xa9</a>",
        b'<?xml version="1.0" encoding="UTF-8"?><a>\xc3\xa9</a>',
        b"<!-- before --><a><!-- inside -->\xc3\xa9</a><!-- after -->",
        b"<a>&#233;<?pi x?></a>",
        b"<a><![CDATA[\xc3\xa9]]></a>",
        b"<a>\xc3\xa9</a>\n\n",
    ],
)
def test_harmless_varieties_of_xml_mean_the_same(document: bytes) -> None:
    """Byte order mark, declaration, comments, instructions and CDATA change nothing."""
    root = parse(document)
    assert root.text == "é"
    assert len(root) == 0


def test_a_document_type_in_text_is_text() -> None:
    """Only a declaration is refused: a question may well speak of document types."""
    assert parse(b"<a>&lt;!DOCTYPE a><![CDATA[<!DOCTYPE b>]]></a>").text == (
        "<!DOCTYPE a><!DOCTYPE b>"
    )


@given(st.binary() | TEXTS.map(str.encode))
def test_arbitrary_bytes_are_read_or_refused(document: bytes) -> None:
    """No bytes raise anything else."""
    with suppress(NotAcceptable):
        parse(document)


def test_names_are_told_without_namespaces_and_prefixes() -> None:
    """Hosts choose prefixes freely; none of them means anything."""
    root = parse(
        b'<p:a xmlns:p="urn:vim25" xmlns:q="http://www.w3.org/2001/XMLSchema-instance"'
        b' q:type="r:string"><b q:type="TaskInfo"/><c/></p:a>'
    )
    assert [local_name(node) for node in root.iter()] == ["a", "b", "c"]
    assert [type_name(node) for node in root.iter()] == ["string", "TaskInfo", ""]


@given(TEXTS)
def test_escaped_text_is_read_as_it_was(text: str) -> None:
    """Any text that XML can carry comes back unchanged, in elements and in attributes."""
    root = parse(f"<a b={quote(text)}>{escape(text)}</a>".encode())

    assert (root.text or "") == text
    assert root.get("b") == text


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x0b", "\x1f", "\ud800", "\uffff"])
def test_text_that_xml_cannot_carry_is_refused_without_repeating_it(character: str) -> None:
    """The text may be a password: the message tells where the character is, and no more."""
    for write in (escape, quote):
        with pytest.raises(InvalidArgument) as caught:
            write(f"hunter2{character}")
        assert caught.value.message == (
            f"character 8 of 8 is U+{ord(character):04X}, which cannot be sent to a VI host;"
            " leave it out"
        )


@pytest.mark.parametrize(
    ("content", "written"),
    [
        ("a<b", "<x>a&lt;b</x>"),
        ("", "<x></x>"),
        (100, "<x>100</x>"),
        (True, "<x>true</x>"),
        (False, "<x>false</x>"),
    ],
)
def test_simple_values_are_written_as_the_schema_spells_them(
    content: str | int, written: str
) -> None:
    """libvirt's ESX driver knows no other spelling of booleans."""
    assert element("x", content) == written


def test_an_excerpt_is_one_line_of_bounded_length() -> None:
    """Foreign text in a message can neither break its line nor flood it."""
    assert excerpt("a\n  b\tc") == "a b c"
    assert excerpt("x" * 120) == "x" * 120
    assert excerpt("x" * 121) == "x" * 120 + "…"
    assert excerpt("abcdef", length=3) == "abc…"
