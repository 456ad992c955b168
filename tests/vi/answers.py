"""Answers of VI hosts: recorded ones, and ones put together as ESX and vCenter write them."""

from __future__ import annotations

from pathlib import Path

from eventd.vi.soap import parse_answer
from eventd.vi.xml import Element, element, escape

__all__ = ["answer", "element_of", "envelope", "envelope_of_text", "fault", "recorded"]

_RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> bytes:
    """Return an answer as vcsim (govmomi 0.55) sent it."""
    return (_RECORDED / f"{name}.xml").read_bytes()


def envelope(body: str) -> bytes:
    """Return a SOAP envelope around a body."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        f"<soapenv:Body>\n{body}\n</soapenv:Body>\n</soapenv:Envelope>"
    ).encode()


def envelope_of_text(text: str) -> bytes:
    """Return a SOAP envelope whose body holds text and nothing else."""
    return envelope(escape(text))


def answer(method: str, content: str = "") -> bytes:
    """Return the answer to a method; the content is its ``returnval`` elements."""
    return envelope(f'<{method}Response xmlns="urn:vim25">{content}</{method}Response>')


def element_of(xml: str) -> Element:
    """Return an element as it stands in an answer, with the namespaces that it may use."""
    [value] = parse_answer("Anything", answer("Anything", f"<returnval>{xml}</returnval>"))
    return value[0]


def fault(name: str, reason: str = "It did not work.") -> bytes:
    """Return a SOAP fault of a VI type."""
    detail = f'<{name}Fault xmlns="urn:vim25" xsi:type="{name}"></{name}Fault>'
    return envelope(
        "<soapenv:Fault><faultcode>ServerFaultCode</faultcode>"
        f"{element('faultstring', reason)}<detail>{detail}</detail></soapenv:Fault>"
    )
