"""libvirt's own schemas of its XML, which its packages carry, and comparing such XML."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lxml import etree

__all__ = ["invalidities", "without_blanks"]

_SCHEMAS = Path("/usr/share/libvirt/schemas")
"""Of Debian's package libvirt0, on which libvirt-clients depends: the marker of their tests is
that of virsh."""

_DOMAIN_TYPES = "//rng:define[@name='domain']//rng:attribute[@name='type']/rng:choice"
_NAMESPACES = {"rng": "http://relaxng.org/ns/structure/1.0"}


@cache
def _schema(name: str) -> etree.RelaxNG:
    tree = etree.parse(_SCHEMAS / f"{name}.rng")
    if name == "capability":
        # libvirt 9.0 forgot the type of its own driver here.
        [types] = tree.xpath(_DOMAIN_TYPES, namespaces=_NAMESPACES)
        etree.SubElement(types, f"{{{_NAMESPACES['rng']}}}value").text = "vmware"
    return etree.RelaxNG(tree)


def invalidities(xml: str, schema: str) -> list[str]:
    """Return why a document is not valid against ``domain`` or ``capability``; empty if it is."""
    validator = _schema(schema)
    if validator.validate(etree.fromstring(xml)):
        return []
    return [str(entry) for entry in validator.error_log] or ["it is not"]


def without_blanks(xml: str) -> bytes:
    """Return a document without what indents it."""
    return etree.tostring(etree.fromstring(xml, etree.XMLParser(remove_blank_text=True)))
