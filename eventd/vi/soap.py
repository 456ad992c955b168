"""SOAP 1.1 as VI speaks it: requests and answers, written and read, and the faults among them.

Bytes come in and go out. Bounds and escaping are in `xml`; what the arguments and answers of a
method mean is left to `calls` and `property_collector`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from eventd.errors import Fault, InvalidArgument, MalformedAnswer, SessionExpired
from eventd.vi.types import ManagedObjectReference
from eventd.vi.xml import (
    MAX_BYTES,
    XSD,
    XSI,
    XSI_TYPE,
    Element,
    NotAcceptable,
    escape,
    excerpt,
    local_name,
    parse,
    quote,
    type_name,
)

__all__ = [
    "SOAP",
    "VIM",
    "Node",
    "SoapRequest",
    "envelope",
    "parse_answer",
    "parse_request",
    "reference_element",
]

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
"""The namespace of SOAP 1.1."""

VIM = "urn:vim25"
"""The namespace of the VI API since 2.5."""

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    f'<soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns:xsd="{XSD}" xmlns:xsi="{XSI}">'
    "<soapenv:Body>"
)
_TAIL = "</soapenv:Body></soapenv:Envelope>"


def envelope(method: str, this: ManagedObjectReference, *arguments: str) -> bytes:
    """Return the request that calls a method of ``this``; the arguments are written elements."""
    content = "".join((reference_element("_this", this), *arguments))
    return f'{_HEAD}<{method} xmlns="{VIM}">{content}</{method}>{_TAIL}'.encode()


def reference_element(tag: str, reference: ManagedObjectReference) -> str:
    """Write an element that holds a managed object reference; raises as `xml.escape` does."""
    return f"<{tag} type={quote(reference.type)}>{escape(reference.value)}</{tag}>"


def parse_answer(method: str, answer: bytes, *, max_bytes: int = MAX_BYTES) -> list[Element]:
    """Return the ``returnval`` elements of the answer to a method, in order.

    A fault is known by the document, not by the status that it came with.

    Raises:
        SessionExpired: the host answered ``NotAuthenticated``.
        Fault: the host answered with any other fault.
        MalformedAnswer: the bytes are no answer to this method.
    """
    try:
        body = _body(parse(answer, max_bytes=max_bytes))
    except NotAcceptable as reason:
        raise MalformedAnswer(f"the answer to {method} {reason}") from None
    if body.tag == f"{{{SOAP}}}Fault":
        _raise_fault(method, body)
    if local_name(body) != f"{method}Response":
        raise MalformedAnswer(
            f"the answer to {method} is the answer to something else: {excerpt(local_name(body))}"
        )
    return [child for child in body if local_name(child) == "returnval"]


def _body(root: Element) -> Element:
    """Return the one element in the body of an envelope: a method's, or a fault."""
    if root.tag != f"{{{SOAP}}}Envelope":
        raise NotAcceptable(f"is no SOAP envelope but <{excerpt(local_name(root))}>")
    body = root.find(f"{{{SOAP}}}Body")
    if body is None or not len(body):
        raise NotAcceptable("is a SOAP envelope without content")
    return body[0]


def _raise_fault(method: str, fault: Element) -> NoReturn:
    parts = {local_name(part): part for part in fault}
    faultstring, detail = parts.get("faultstring"), parts.get("detail")
    reason = "" if faultstring is None else excerpt(faultstring.text or "", length=1000)
    name = "" if detail is None or not len(detail) else _fault_name(detail[0])
    error = SessionExpired if name == "NotAuthenticated" else Fault
    raise error(method, name, reason or "the host gives no reason")


def _fault_name(detail: Element) -> str:
    # <NotAuthenticatedFault xsi:type="NotAuthenticated">, where the type may be left out.
    return excerpt(type_name(detail) or local_name(detail).removesuffix("Fault"))


@dataclass(frozen=True, slots=True)
class Node:
    """An element of a request."""

    tag: str
    """The name without namespace."""
    type: str | None
    """``xsi:type`` without prefix (``TraversalSpec``, ``string``), or None."""
    attributes: Mapping[str, str]
    """The other attributes, by their names without namespace."""
    text: str
    """The text before the first child; VI knows no text between children."""
    children: tuple[Node, ...]

    def first(self, tag: str) -> Node | None:
        """Return the first child of this name, or None."""
        return next(self.every(tag), None)

    def every(self, tag: str) -> Iterator[Node]:
        """Yield the children of this name in order."""
        return (child for child in self.children if child.tag == tag)

    @property
    def reference(self) -> ManagedObjectReference:
        """The managed object reference that the element holds; its parts are empty if none."""
        return ManagedObjectReference(self.attributes.get("type", ""), self.text)


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """A call, as it arrives at a host."""

    method: str
    this: ManagedObjectReference
    """The object whose method is called."""
    call: Node
    """The method's element; its children are ``_this`` and the arguments."""


def parse_request(request: bytes, *, max_bytes: int = MAX_BYTES) -> SoapRequest:
    """Read a request, under the same bounds as an answer.

    Raises:
        InvalidArgument: the bytes are no call of a method.
    """
    try:
        call = _node(_body(parse(request, max_bytes=max_bytes)))
    except NotAcceptable as reason:
        raise InvalidArgument(f"the request {reason}") from None
    this = call.first("_this")
    if this is None:
        raise InvalidArgument(f"the request {excerpt(call.tag)} names no object in _this")
    return SoapRequest(call.tag, this.reference, call)


def _node(element: Element) -> Node:
    """Copy an element out of lxml; the parser's bound on depth bounds the recursion."""
    return Node(
        local_name(element),
        type_name(element) or None,
        {
            str(name).rpartition("}")[2]: str(value)
            for name, value in element.items()
            if name != XSI_TYPE
        },
        element.text or "",
        tuple(_node(child) for child in element),
    )
