"""The parts of structures: texts, numbers, times, references and faults in them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eventd.vi.structures import (
    children_by_name,
    is_true,
    number_of,
    outline,
    parse_fault_name,
    parse_number,
    reference_of,
    text_of,
    time_of,
    unparsed,
    without_secrets,
)
from eventd.vi.types import ManagedObjectReference
from tests.vi.answers import element_of


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("-2147483648", -2147483648), ("", None), ("x", None), (None, None)],
)
def test_a_number_is_one_or_none(text: str | None, number: int | None) -> None:
    """What is no number breaks nothing."""
    assert parse_number(text) == number


def test_a_part_is_read_as_what_it_is_asked_for() -> None:
    """A part that is not there, or holds something else, is None."""
    parts = children_by_name(
        element_of(
            "<x><number>7</number><time>2026-11-20T12:00:00Z</time>"
            '<host type="HostSystem">host-21</host></x>'
        )
    )
    assert number_of(parts, "number") == 7
    assert number_of(parts, "time") is number_of(parts, "absent") is None
    assert time_of(parts, "time") == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert time_of(parts, "number") is time_of(parts, "absent") is None
    assert reference_of(parts, "host") == ManagedObjectReference("HostSystem", "host-21")
    assert reference_of(parts, "number") is reference_of(parts, "absent") is None


def test_of_several_parts_of_one_name_the_first_counts() -> None:
    """A structure has each once; whatever comes after is not believed."""
    parts = children_by_name(element_of("<x><a>1</a><b/><a>2</a></x>"))
    assert text_of(parts, "a") == "1"
    assert text_of(parts, "b") == ""
    assert text_of(parts, "c") is None


def test_both_spellings_of_true_are_true() -> None:
    """XML Schema has two; hosts write the word."""
    assert is_true("true")
    assert is_true("1")
    assert not any(is_true(text) for text in ("false", "0", "", None, "TRUE"))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (
            '<fault xsi:type="x:NoPermission"/><localizedMessage>no</localizedMessage>',
            "NoPermission",
        ),
        ("<fault/><localizedMessage>no</localizedMessage>", "no"),
        ("", ""),
    ],
)
def test_a_fault_in_a_value_is_known_by_its_type_else_by_its_message(
    content: str, name: str
) -> None:
    """``LocalizedMethodFault`` has both."""
    assert parse_fault_name(element_of(f"<fault>{content}</fault>")) == name


def test_no_fault_has_no_name() -> None:
    """A part may be missing where a fault was to be."""
    assert parse_fault_name(None) == ""


def test_an_outline_has_names_and_no_values() -> None:
    """What could not be read may hold a password."""
    odd = unparsed(element_of('<a:e xmlns:a="x" x="secret"><key>secret</key><b/><b/>&lt;c</a:e>'))
    assert outline(odd) == "e key b"


def test_a_long_outline_is_cut() -> None:
    """It is one line of a log."""
    parts = "".join(f"<m{number}/>" for number in range(50))
    assert outline(unparsed(element_of(f"<e>{parts}</e>"))).split()[-2:] == ["m18", "…"]


@pytest.mark.parametrize(
    ("xml", "shown"),
    [
        ("<password>hunter2</password>", "<password>***</password>"),
        ('<a:adminPassword xsi:type="x">hunter2</a:adminPassword>', "xsi:type"),
        ("<password><value>hunter2</value><plainText>1</plainText></password>", "***"),
        ("<key>RemoteDisplay.vnc.password</key><value>hunter2</value>", "<value>***</value>"),
        ('<key>guestinfo.TOKEN</key>\n<value xsi:type="s">hunter2</value>', "guestinfo.TOKEN"),
        ("<password>hunter2 and no en", "<password>***"),
        ("<ticket>hunter2</ticket><name>web01</name>", "<name>web01</name>"),
        ("<password/><name>web01</name>", "<name>web01</name>"),
    ],
)
def test_secrets_are_left_out_of_what_is_shown(xml: str, shown: str) -> None:
    """A configuration may hold some: of its VNC server, of the guest's customization."""
    told = without_secrets(xml.encode()).decode()

    assert "hunter2" not in told
    assert shown in told


def test_all_else_is_shown_as_it_came() -> None:
    """To see what it was."""
    xml = b'<val xsi:type="OddEvent"><key>7</key><vm><name>web01</name></vm></val>'
    assert without_secrets(xml) == xml
