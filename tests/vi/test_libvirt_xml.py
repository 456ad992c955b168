"""Writing libvirt's XML: elements and documents."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from eventd.vi.libvirt_xml import add, document, root
from tests.vi.documents import TEXTS


def test_elements_are_written_in_order_and_indented() -> None:
    """Each level by two spaces, as libvirt does; texts stay on their line."""
    top = root("a")
    add(add(top, "b", c=1, d=None, e=""), "f", 0)
    add(top, "g", "")
    add(top, "h")

    assert document(top) == '<a>\n  <b c="1" e="">\n    <f>0</f>\n  </b>\n  <g></g>\n  <h/>\n</a>\n'


def test_a_foreign_namespace_has_its_prefix() -> None:
    """Those who look for it know it by that, against the rules of XML."""
    top = root("a", namespaces={"vmware": "urn:x"})
    add(top, "{urn:x}b", "c")

    assert document(top) == '<a xmlns:vmware="urn:x">\n  <vmware:b>c</vmware:b>\n</a>\n'


@given(TEXTS)
def test_what_xml_can_carry_arrives(text: str) -> None:
    """In an element as in an attribute, blanks and line ends included."""
    top = root("a")
    add(top, "b", text, c=text)
    [b] = etree.fromstring(document(top))

    assert (b.text or "", b.get("c")) == (text, text)


@given(st.text())
def test_what_xml_cannot_carry_is_replaced(text: str) -> None:
    """A reader gets as many characters as there were."""
    top = root("a")
    add(top, "b", text)
    [b] = etree.fromstring(document(top))

    assert len(b.text or "") == len(text)
