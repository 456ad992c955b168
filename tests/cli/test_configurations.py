"""A configuration file in lines."""

from __future__ import annotations

from eventd.cli.configurations import configuration_lines
from eventd.model.configuration import DomainConfiguration


def test_it_has_comments_and_then_the_entries_of_the_file() -> None:
    """In its order and spelling; what a person reads is decoded."""
    configuration = DomainConfiguration(
        path="[ds1] web%2f01/web%2f01.vmx",
        name="web/01",
        annotation="one\ntwo",
        entries={"displayName": "web%2f01", "annotation": "one|0Atwo", "b": "2", "a": "1"},
    )

    assert list(configuration_lines(configuration)) == [
        "# [ds1] web%2f01/web%2f01.vmx",
        "# name: web/01",
        "# annotation: one",
        "# annotation: two",
        'displayName = "web%2f01"',
        'annotation = "one|0Atwo"',
        'b = "2"',
        'a = "1"',
    ]


def test_what_there_is_not_has_no_comment() -> None:
    """A file may be empty."""
    assert list(configuration_lines(DomainConfiguration(path="[ds1] a.vmx", entries={}))) == [
        "# [ds1] a.vmx"
    ]


def test_a_value_commands_no_terminal() -> None:
    """Nor does a name, or a line of an annotation."""
    configuration = DomainConfiguration(
        path="\x1b[1m", name="\x1b[2J", annotation="\x9b2J", entries={"\u202ea": "\x1b[2J"}
    )

    assert all(line.isprintable() for line in configuration_lines(configuration))
