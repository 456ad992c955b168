"""Which domains start with their host, out of what a host tells of that."""

from __future__ import annotations

import pytest

from eventd.vi.autostart import autostarted
from eventd.vi.xml import parse

CONFIG = """<val>
  <defaults><enabled>{enabled}</enabled><startDelay>120</startDelay></defaults>
  <powerInfo><key type="VirtualMachine">1</key><startAction>powerOn</startAction></powerInfo>
  <powerInfo><key type="VirtualMachine">2</key><startAction>none</startAction></powerInfo>
  <powerInfo><key type="VirtualMachine">3</key><startAction>PowerOn</startAction></powerInfo>
  <powerInfo><startAction>powerOn</startAction></powerInfo>
</val>"""


def test_domains_are_those_whose_entry_says_so() -> None:
    """In whatever case; an entry without a domain is none."""
    assert autostarted({"config": parse(CONFIG.format(enabled="true").encode())}) == {"1", "3"}


@pytest.mark.parametrize("text", [CONFIG.format(enabled="false"), "<val/>"])
def test_nothing_is_started_where_the_host_does_not_start_any(text: str) -> None:
    """The entries stay there while the host's own switch is off."""
    assert autostarted({"config": parse(text.encode())}) == frozenset()
    assert autostarted({}) == frozenset()
