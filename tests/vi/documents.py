"""Documents from the network: a corpus of hostile ones, and the texts that XML can carry."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["ATTACKS", "TEXTS"]

CHARACTERS = st.characters(codec="utf-8", exclude_characters="\ufffe\uffff", min_codepoint=32)
TEXTS = st.text(CHARACTERS | st.sampled_from("\t\n\r"))


def laughs(levels: int) -> bytes:
    """Return a document that grows tenfold with each level of entities."""
    entities = "".join(
        f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, levels)
    )
    return f'<!DOCTYPE a [<!ENTITY l0 "ha">{entities}]><a>&l{levels - 1};</a>'.encode()


ATTACKS: dict[str, bytes] = {
    "empty": b"",
    "only spaces": b"   \n",
    "no XML": b"hello",
    "binary": bytes(range(256)),
    "truncated": b"<a><b>text</b>",
    "truncated inside a tag": b"<a><b",
    "garbage after the end": b"<a/>garbage",
    "two documents": b"<a/><a/>",
    "NUL": b"<a>\x00</a>",
    "reference to NUL": b"<a>&#0;</a>",
    "not UTF-8": b"<a>\xff\xfe</a>",
    "surrogate": b"<a>\xed\xa0\x80</a>",
    "UTF-16": "<a>text</a>".encode("utf-16"),
    "declared UTF-16": '<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"),
    "Latin-1": '<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>'.encode("latin-1"),
    "EBCDIC": '<?xml version="1.0" encoding="cp037"?><a/>'.encode("cp037"),
    "prefix of nowhere": b"<x:a/>",
    "attribute twice": b"<a b='1' b='2'/>",
    "entity of nowhere": b"<a>&x;</a>",
    "document type": b"<!DOCTYPE a><a/>",
    "document type in UTF-16": '<?xml version="1.0"?><!DOCTYPE a><a/>'.encode("utf-16"),
    "document type in UTF-16 BE": "<!DOCTYPE a><a/>".encode("utf-16-be"),
    "document type, empty internal subset": b"<!DOCTYPE a []><a/>",
    "document type of another element": b"<!DOCTYPE html><a/>",
    "document type after a comment": b"<!-- x --><!DOCTYPE a><a/>",
    "public document type": b'<!DOCTYPE a PUBLIC "-//X//Y//EN" "http://localhost:9/x.dtd"><a/>',
    "external document type": b'<!DOCTYPE a SYSTEM "http://localhost:9/x.dtd"><a/>',
    "default attribute": b'<!DOCTYPE a [<!ATTLIST a admin CDATA "yes">]><a/>',
    "entity in text": b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    "entity in an attribute": b'<!DOCTYPE a [<!ENTITY x "y">]><a b="&x;"/>',
    "entity that is not used": b'<!DOCTYPE a [<!ENTITY x "y">]><a/>',
    "parameter entity": b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://localhost:9/p"> %p;]><a/>',
    "external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "http://localhost:9/x">]><a>&x;</a>',
    "billion laughs": laughs(10),
    "some laughs": laughs(3),
    "quadratic blow-up": b'<!DOCTYPE a [<!ENTITY x "%s">]><a>%s</a>'
    % (b"y" * 50_000, b"&x;" * 50_000),
    "nested too deep": b"<a>" * 300 + b"</a>" * 300,
    "nested far too deep": b"<a>" * 100_000 + b"</a>" * 100_000,
    "text of 11 MB": b"<a>" + b"x" * 11_000_000 + b"</a>",
    "attribute of 11 MB": b'<a b="' + b"x" * 11_000_000 + b'"/>',
    "a name of 1 MB": b"<" + b"x" * 1_000_000 + b"/>",
}
