"""Writing libvirt's XML: elements, and the document as libvirt lays it out.

What is written is left to `domain_xml` and `capabilities_xml`.
"""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from eventd.vi.xml import Element, writable

__all__ = ["add", "document", "root"]


def root(tag: str, *, namespaces: Mapping[str, str] | None = None) -> Element:
    """Return the root of a new document, with the prefixes of foreign namespaces."""
    return etree.Element(tag, nsmap=dict(namespaces or {}))


def add(
    parent: Element, tag: str, text: str | int | None = None, /, **attributes: str | int | None
) -> Element:
    """Add an element at the end of another one and return it.

    An attribute that is None is left out. Characters that XML cannot carry are replaced.
    """
    child = etree.SubElement(parent, tag)
    for name, value in attributes.items():
        if value is not None:
            child.set(name, writable(str(value)))
    if text is not None:
        child.text = writable(str(text))
    return child


def document(top: Element) -> str:
    """Write a document with an indentation of two spaces for each level."""
    etree.indent(top, space="  ")
    return etree.tostring(top, encoding="unicode") + "\n"
