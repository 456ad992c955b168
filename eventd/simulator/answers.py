"""Writes answers as a VI host does: compact XML, every polymorphic value with its type.

libvirt's ESX driver is strict where the schema is lenient. It compares ``xsi:type`` as text, so
the prefixes are exactly ``xsd`` and ``xsi``; it wants the type on every child of an ``ArrayOf…``
value too; and it takes no white space between elements (libvirt, src/esx/esx_vi_types.c).
"""

from __future__ import annotations

from datetime import UTC, datetime

from eventd.simulator.world.faults import VIFault
from eventd.simulator.world.schema import Member, Schema, version_number
from eventd.simulator.world.values import DataObject, ReferenceSet, Value
from eventd.vi.types import ManagedObjectReference
from eventd.vi.xml import escape, quote

__all__ = ["AnswerWriter", "reference_element", "service_versions"]

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n<soapenv:Body>\n'
)
_TAIL = "\n</soapenv:Body>\n</soapenv:Envelope>"


def reference_element(tag: str, reference: ManagedObjectReference) -> str:
    """Write a reference in a place where the schema says that it is one."""
    return f"<{tag} type={quote(reference.type)}>{escape(reference.value)}</{tag}>"


class AnswerWriter:
    """Writes values with the types of one API version; what is newer than it is left out."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def response(self, method: str, content: str) -> bytes:
        """The answer to a method; ``content`` is its ``returnval`` elements."""
        body = f'<{method}Response xmlns="urn:vim25">{content}</{method}Response>'
        return f"{_HEAD}{body}{_TAIL}".encode()

    def fault(self, fault: VIFault) -> bytes:
        """The answer that reports a fault; it goes with the HTTP status 500."""
        members = self._members(fault.value)
        detail = f'<{fault.name}Fault xmlns="urn:vim25" xsi:type="{fault.name}">{members}'
        return (
            f"{_HEAD}<soapenv:Fault><faultcode>ServerFaultCode</faultcode>"
            f"<faultstring>{escape(fault.reason)}</faultstring>"
            f"<detail>{detail}</{fault.name}Fault></detail></soapenv:Fault>{_TAIL}"
        ).encode()

    def returnval(self, type_name: str, value: Value) -> str:
        """One ``returnval`` in a place where the schema knows the type."""
        return self._declared("returnval", type_name, value)

    def any_value(self, tag: str, member: Member, value: Value) -> str:
        """A value in a place where the schema allows any type: it says its type itself."""
        if not member.is_array:
            return self._typed(tag, member.type, value)
        prefix, _, name = member.type.rpartition(":")
        item_tag = name if prefix else member.type
        items = "".join(self._typed(item_tag, member.type, item) for item in _items(value))
        return f'<{tag} xsi:type="ArrayOf{name[0].upper()}{name[1:]}">{items}</{tag}>'

    def _typed(self, tag: str, type_name: str, value: Value) -> str:
        if type(value) is ManagedObjectReference:
            return (
                f"<{tag} type={quote(value.type)}"
                f' xsi:type="ManagedObjectReference">{escape(value.value)}</{tag}>'
            )
        if type(value) is DataObject:
            return f'<{tag} xsi:type="{value.type}">{self._members(value)}</{tag}>'
        return f'<{tag} xsi:type="{type_name}">{_text(value)}</{tag}>'

    def _declared(self, tag: str, type_name: str, value: Value) -> str:
        if type(value) is ManagedObjectReference and type_name != "xsd:anyType":
            return reference_element(tag, value)
        if type(value) is DataObject or type_name == "xsd:anyType":
            return self._typed(tag, _type_of(value), value)
        return f"<{tag}>{_text(value)}</{tag}>"

    def _members(self, data: DataObject) -> str:
        parts = []
        for name, member in self._schema.members(data.type).items():
            value = data.members.get(name)
            if value is None:
                continue
            for item in _items(value) if member.is_array else (value,):
                parts.append(self._declared(name, member.type, item))
        return "".join(parts)


def _items(value: Value) -> tuple[Value, ...]:
    if type(value) is ReferenceSet:
        return tuple(value)
    if isinstance(value, tuple) and not isinstance(value, DataObject | ManagedObjectReference):
        return value
    raise TypeError(f"an array property holds {value!r}")


def _type_of(value: Value) -> str:
    """The XSD type of a simple value in a place that allows any."""
    match value:
        case bool():
            return "xsd:boolean"
        case int():
            return "xsd:int"
        case datetime():
            return "xsd:dateTime"
        case _:
            return "xsd:string"


def _text(value: Value) -> str:
    match value:
        case str():
            return value if value.isalnum() else escape(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case _:
            raise TypeError(f"{value!r} is no simple value")


def service_versions(api_version: str) -> bytes:
    """The document ``vimServiceVersions.xml``, from which clients choose an API version."""
    prior = [version for version in _VERSIONS if _precedes(version, api_version)]
    versions = "".join(f"<version>{version}</version>" for version in reversed(prior))
    return (
        '<?xml version="1.0" encoding="UTF-8" ?><namespaces version="1.0"><namespace>'
        f"<name>urn:vim25</name><version>{api_version}</version>"
        f"<priorVersions>{versions}</priorVersions></namespace></namespaces>"
    ).encode()


# The versions that hosts name there.
_VERSIONS = (
    *("2.0", "2.5", "4.0", "4.1", "5.0", "5.1", "5.5", "6.0", "6.5", "6.7"),
    *("7.0.0.0", "7.0.1.0", "7.0.2.0", "7.0.3.0", "8.0.0.1", "8.0.1.0", "8.0.2.0", "8.0.3.0"),
)


def _precedes(version: str, other: str) -> bool:
    return version_number(version) < version_number(other)
