"""What a domain and a host are made of: what follows from what VI tells."""

from __future__ import annotations

import pytest

from eventd.model.hardware import DomainHardware, HostHardware


@pytest.mark.parametrize(
    ("guest_id", "is_64_bit"),
    [
        ("debian11_64Guest", True),
        ("otherLinux64Guest", True),
        ("windows2019srv_64Guest", True),
        ("otherGuest", False),
        ("vmkernel65Guest", False),
        ("winNetEnterpriseGuest", False),
        ("", False),
    ],
)
def test_the_kind_of_guest_tells_its_architecture(guest_id: str, is_64_bit: bool) -> None:
    """VI says nothing else of it."""
    assert DomainHardware(0, guest_id=guest_id).is_64_bit is is_64_bit


@pytest.mark.parametrize(
    ("host", "cores", "threads"),
    [
        (HostHardware(packages=2, cores=32, threads=64), 16, 2),
        (HostHardware(packages=1, cores=4, threads=4), 4, 1),
        (HostHardware(packages=2, cores=1, threads=1), 1, 1),
        (HostHardware(packages=0, cores=0, threads=0), 1, 1),
    ],
)
def test_a_host_has_cores_in_each_package(host: HostHardware, cores: int, threads: int) -> None:
    """VI counts the whole host; no package is without a core, whatever a host says."""
    assert (host.cores_per_package, host.threads_per_core) == (cores, threads)
