"""libvirt's XML of what a host can do, which its own schema and driver judge."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from eventd.model.hardware import HostHardware
from eventd.simulator import World, serve
from eventd.vi.capabilities_xml import capabilities_xml
from tests.vi.schemas import invalidities, without_blanks

if TYPE_CHECKING:
    from tests.peers.virsh_command import Virsh

UUID = "4c4c4544-0051-3510-8052-b4c04f564432"

hosts = st.builds(
    HostHardware,
    cpu_model=st.text(),
    cores=st.integers(1, 1024),
    uuid=st.none() | st.uuids().map(str),
    can_vmotion=st.booleans(),
)


def test_a_host_runs_guests_of_two_architectures() -> None:
    """Both fully virtualised, and of the type that its domains have."""
    capabilities = etree.fromstring(capabilities_xml(HostHardware()))
    guests = capabilities.findall("guest")

    assert [guest.findtext("os_type") for guest in guests] == ["hvm", "hvm"]
    assert [(arch.get("name"), arch.findtext("wordsize")) for [_, arch] in guests] == [
        ("i686", "32"),
        ("x86_64", "64"),
    ]
    assert [domain.get("type") for domain in capabilities.iter("domain")] == ["vmware", "vmware"]


def test_a_host_that_tells_its_uuid_has_it() -> None:
    """libvirt's schema takes a host without one, not an empty one."""
    found = [
        etree.fromstring(capabilities_xml(HostHardware(uuid=uuid))).findtext("host/uuid")
        for uuid in (UUID, None)
    ]

    assert found == [UUID, None]


@pytest.mark.virsh
@given(hosts)
def test_whatever_a_host_is_made_of_is_valid_to_libvirts_schema(host: HostHardware) -> None:
    """But for the type of domain, which that forgets: `invalidities` adds it."""
    assert invalidities(capabilities_xml(host), "capability") == []


@pytest.mark.virsh
async def test_libvirts_own_driver_says_the_same_of_the_same_host(virsh: Virsh) -> None:
    """Of the simulator, which has what the driver asks for."""
    async with serve(World(now=datetime.now(UTC))) as server:
        outcome = await virsh(server.uri, "capabilities")
    assert outcome.status == 0, outcome.errors
    uuid = etree.fromstring(outcome.output).findtext("host/uuid")

    ours = capabilities_xml(HostHardware(uuid=uuid))

    assert without_blanks(ours) == without_blanks(outcome.output)
