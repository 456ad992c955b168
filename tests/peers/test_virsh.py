"""virsh is run with its time limit, its auth file, and a loop that goes on meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import StartVcsim
    from tests.peers.virsh_command import Virsh

pytestmark = pytest.mark.virsh


async def test_the_status_and_what_was_printed_come_back(virsh: Virsh) -> None:
    """libvirt's own test driver has one running domain, named test."""
    listing = await virsh("test:///default", "list", "--name")
    refusal = await virsh("test:///default", "domstate", "nosuch")

    assert (listing.status, listing.output.split(), listing.errors) == (0, ["test"], "")
    assert refusal.status == 1
    assert "nosuch" in refusal.errors


async def test_a_run_beyond_its_limit_is_killed(virsh: Virsh) -> None:
    """A virsh that waits for an event that never comes ends as a ``TimeoutError``."""
    with pytest.raises(TimeoutError):
        await virsh("test:///default", "event", "--all", "--loop", limit=0.1)


@pytest.mark.vcsim
async def test_the_password_of_the_auth_file_is_the_one_that_counts(
    virsh: Virsh, vcsim: StartVcsim
) -> None:
    """The ESX driver logs in with it; it then refuses vcsim, whose lists have untyped items."""
    host = vcsim("esx", domains=0)

    wrong = await virsh(host.connection_uri, "list", password="wrong")
    right = await virsh(host.connection_uri, "list", password=host.password)

    assert "Login failure" in wrong.errors
    assert "AnyType is missing 'type' property" in right.errors
