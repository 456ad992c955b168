"""The types that are followed: only those that a host's version of the API has."""

from __future__ import annotations

from typing import Any

import pytest

from eventd.vi.event_types import FOLLOWED, followed_types
from eventd.vi.versions import ApiVersion


def types_of(version: str) -> tuple[str, ...]:
    return followed_types(ApiVersion.parse(version))


def test_the_newest_host_is_asked_for_all() -> None:
    """In the order of the table, none twice."""
    assert types_of("9.1.0.0") == tuple(FOLLOWED)


@pytest.mark.parametrize(
    ("name", "since", "before"),
    [
        ("VmShutdownOnIsolationEvent", "4.0", "2.5u2"),
        ("VmAcquiredTicketEvent", "4.1", "4.0"),
        ("VmGuestOSCrashedEvent", "6.0", "5.5"),
        ("com.vmware.vc.vm.VmTerminateEvent", "4.0", "2.5"),
    ],
)
def test_a_type_is_asked_for_since_its_version(name: str, since: str, before: str) -> None:
    """An older host would not know the class, or has no identifiers."""
    assert name in types_of(since)
    assert name not in types_of(before)


@pytest.mark.pyvmomi
@pytest.mark.parametrize("name", [name for name in FOLLOWED if "." not in name])
def test_a_class_is_one_of_pyvmomis_and_as_old(name: str) -> None:
    """VMware's own tables are the judge of the names and the versions."""
    from pyVmomi import vim
    from pyVmomi.VmomiSupport import versionIdMap

    # pyVmomi makes its types at run time.
    events: Any = vim.event
    theirs = versionIdMap[getattr(events, name)._version]
    since = ApiVersion.parse(theirs)
    assert FOLLOWED[name] == max(since, ApiVersion.parse("2.5"))
