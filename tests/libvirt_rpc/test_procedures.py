"""The table of procedures, against bytes that libvirtd 9.0.0 and its clients have sent."""

from __future__ import annotations

from uuid import UUID

import pytest

from eventd.errors import UndecodableMessage
from eventd.libvirt_rpc.events import RemoteDomain
from eventd.libvirt_rpc.procedures import PROCEDURES

TEST = RemoteDomain("test", UUID("6695eb01-f6a4-8304-79aa-97f2502e193f").bytes, 1)


@pytest.mark.parametrize(
    ("number", "payload", "arguments"),
    [
        (66, "", ()),
        (60, "0000000a", (10,)),
        (1, "000000010000000f746573743a2f2f2f64656661756c740000000000", ("test:///default", 0)),
        (1, "0000000000000001", (None, 1)),
        (
            316,
            "000000000000000100000004746573746695eb01f6a4830479aa97f2502e193f00000001",
            (0, TEST),
        ),
        (317, "00000002", (2,)),
    ],
)
def test_arguments_are_read_as_clients_write_them(
    number: int, payload: str, arguments: tuple[object, ...]
) -> None:
    """What follows them is passed by, as libvirtd does."""
    procedure, given = PROCEDURES[number], bytes.fromhex(payload)
    assert procedure.read_arguments(given) == arguments
    assert procedure.read_arguments(given + b"more") == arguments
    if given:
        with pytest.raises(UndecodableMessage):
            procedure.read_arguments(given[:-4])


def test_results_are_written_as_libvirtd_writes_them() -> None:
    """A list of one, and the id of a callback."""
    assert PROCEDURES[66].write_results([[0]]).hex() == "0000000100000000"
    assert PROCEDURES[316].write_results([2]).hex() == "00000002"
    assert PROCEDURES[24].write_results([TEST]).hex() == (
        "00000004746573746695eb01f6a4830479aa97f2502e193f00000001"
    )


def test_each_procedure_has_its_own_answer() -> None:
    """A name that two rows share would answer one of them with the other's results."""
    names = [row.name for row in PROCEDURES.values()]
    assert len(set(names)) == len(names)


def test_what_changes_a_domain_is_known_to() -> None:
    """A client of the read-only socket is refused all of these, and nothing else."""
    assert {row.function for row in PROCEDURES.values() if row.writes} == {
        "virDomainCreate",
        "virDomainCreateWithFlags",
        "virDomainDestroy",
        "virDomainDestroyFlags",
        "virDomainReboot",
        "virDomainReset",
        "virDomainResume",
        "virDomainShutdown",
        "virDomainShutdownFlags",
        "virDomainSuspend",
    }
