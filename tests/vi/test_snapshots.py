"""The snapshots of a domain, out of what VI tells, and as libvirt's XML."""

from __future__ import annotations

from datetime import UTC, datetime

from eventd.model.snapshots import Snapshot
from eventd.vi.snapshots import snapshot_xml, snapshots_of
from eventd.vi.xml import parse

TREE = """<val>
  <currentSnapshot type="VirtualMachineSnapshot">7-snapshot-3</currentSnapshot>
  <rootSnapshotList>
    <snapshot type="VirtualMachineSnapshot">7-snapshot-1</snapshot>
    <vm type="VirtualMachine">7</vm><name>one</name><description>the first</description><id>1</id>
    <createTime>2026-11-20T12:00:00Z</createTime><state>poweredOff</state>
    <childSnapshotList>
      <snapshot type="VirtualMachineSnapshot">7-snapshot-2</snapshot>
      <name>two</name><description/><state>poweredOn</state>
    </childSnapshotList>
    <childSnapshotList>
      <snapshot type="VirtualMachineSnapshot">7-snapshot-3</snapshot><name>three</name>
    </childSnapshotList>
  </rootSnapshotList>
  <rootSnapshotList><name>alone</name></rootSnapshotList>
</val>"""

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

ONE = Snapshot("one", None, "the first", "poweredOff", NOON, is_leaf=False)
TWO = Snapshot("two", "one", "", "poweredOn")
THREE = Snapshot("three", "one", is_current=True)
ALONE = Snapshot("alone", None)


def test_a_tree_is_told_parents_first() -> None:
    """With what each was made on, and the one that the domain runs on."""
    assert snapshots_of({"snapshot": parse(TREE.encode())}) == (ONE, TWO, THREE, ALONE)


def test_a_domain_without_snapshots_has_none() -> None:
    """VI leaves the property out then."""
    assert snapshots_of({}) == ()


def test_a_tree_without_end_is_cut() -> None:
    """VI allows 32 in a row; a host that has more is no reason to fail."""
    levels = 200
    tree = "<childSnapshotList><name>x</name>" * levels + "</childSnapshotList>" * levels
    document = f"<val><rootSnapshotList><name>x</name>{tree}</rootSnapshotList></val>"
    assert len(snapshots_of({"snapshot": parse(document.encode())})) == 64


def test_a_snapshot_is_written_as_libvirt_has_it() -> None:
    """What is not known is left out."""
    assert snapshot_xml(ONE, domain_uuid="u") == (
        "<domainsnapshot>\n  <name>one</name>\n  <description>the first</description>\n"
        "  <state>shutoff</state>\n  <creationTime>1795176000</creationTime>\n"
        "  <domain>\n    <uuid>u</uuid>\n  </domain>\n</domainsnapshot>\n"
    )
    assert "<parent>\n    <name>one</name>" in snapshot_xml(TWO, domain_uuid="u")
    assert "creationTime" not in snapshot_xml(THREE, domain_uuid="u")
