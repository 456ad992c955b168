"""The files of the simulator's domains: what is made up, and where they are served."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eventd.simulator import INSTANT, World, datastore
from eventd.vi.types import ManagedObjectReference
from eventd.vi.vmx import VMX

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WEB01 = "[datastore1] web01/web01.vmx"


def make(product: str = "esx") -> World:
    """A host with one domain."""
    return World(product="vpx" if product == "vpx" else "esx", domains=1, pace=INSTANT, now=NOW)


def written(world: World) -> VMX:
    """The configuration of the one domain."""
    content = datastore.read(world, WEB01)
    assert content is not None
    return VMX.parse(content.encode())


def test_a_configuration_is_made_up_from_the_properties_of_its_domain() -> None:
    """A serial port writes to a file beside it; files elsewhere are named by where hosts have them.

    What libvirt makes of all that is compared in `tests/connections/test_descriptions.py`.
    """
    world = make()
    entries = written(world).entries

    assert {
        ".encoding": "UTF-8",
        "config.version": "8",
        "virtualHW.version": "19",
        "displayName": "web01",
        "memsize": "512",
        "numvcpus": "1",
        "guestOS": "debian12-64",
        "scsi0.virtualDev": "pvscsi",
        "scsi0:0.fileName": "web01.vmdk",
        "sata0:0.fileName": "/vmfs/volumes/9d3a4c42-5e9f7a10/iso/debian.iso",
        "ethernet0.networkName": "VM Network",
        "serial0.present": "TRUE",
        "serial0.fileType": "file",
        "serial0.fileName": "serial0.log",
    }.items() <= entries.items()
    digits = entries["uuid.bios"].replace(" ", "").replace("-", "")
    assert digits == str(world.read("web01", "config.uuid")).replace("-", "")


@pytest.mark.parametrize(
    ("vi_name", "spelled"),
    [
        ("db%2f01", "db%2f01"),
        ("100%25", "100%25"),
        ("a|b", "a|7cb"),
        ('a"b', "a|22b"),
        ("a%0ab", "a|0Ab"),
        ("a%zz", "a%25zz"),
        ("日本", "日本"),
    ],
)
def test_the_display_name_is_that_of_the_domain(vi_name: str, spelled: str) -> None:
    """Spelled as in a VMX file, whatever VI makes of it; a raw one stays raw."""
    world = make()
    world.rename("web01", vi_name, now=NOW)
    world.advance(NOW)

    assert written(world).entries["displayName"] == spelled


def test_an_annotation_is_written_where_there_is_one() -> None:
    """With its lines."""
    world = make()
    world.reconfigure("web01", annotation='the "first" | one\r\nand only', now=NOW)
    world.advance(NOW)

    assert written(world).entries["annotation"] == "the |22first|22 |7c one|0D|0Aand only"
    assert written(world).annotation == 'the "first" | one\r\nand only'


def test_a_file_that_was_stored_is_the_one_that_is_there() -> None:
    """Nothing is made up for it."""
    world = make()
    world.files[WEB01] = "anything"

    assert datastore.read(world, WEB01) == "anything"
    assert datastore.read(world, "[datastore1] none") is None


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('displayName = "web01"\n', "web01"),
        ('displayname = "db%2f01"', "db%2f01"),
        ('displayName = "a|22b"', 'a"b'),
        ('.encoding = "UTF-8"\r\n', None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_a_configuration_names_its_domain(content: str, name: str | None) -> None:
    """As VI will spell it."""
    assert datastore.display_name(content) == name


# --- where it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("product", "name"), [("esx", "ha-datacenter"), ("vpx", "Datacenter")])
def test_a_datastore_is_that_of_its_datacenter(product: str, name: str) -> None:
    """Both have to be named."""
    world = make(product)

    assert datastore.datacenter_path(world) == name
    assert datastore.exists(world, datacenter=name, datastore="datastore1")
    assert not datastore.exists(world, datacenter="other", datastore="datastore1")
    assert not datastore.exists(world, datacenter="", datastore="datastore1")
    assert not datastore.exists(world, datacenter=name, datastore="other")
    assert not datastore.exists(world, datacenter=name, datastore="")


def test_a_datastore_to_which_a_domain_has_moved_is_there() -> None:
    """The simulator has no other object for it."""
    world = make()
    world.relocate("web01", "datastore2", now=NOW)
    world.advance(NOW)

    assert datastore.exists(world, datacenter="ha-datacenter", datastore="datastore2")


def test_the_path_of_a_datacenter_has_the_folders_that_it_is_in() -> None:
    """From the outermost on, without the root folder."""
    world = make("vpx")
    folder = ManagedObjectReference("Folder", "group-d50")
    world.objects.create(folder, {"name": "a%2fb", "parent": world.inventory.root_folder})
    world.objects.assign(world.inventory.datacenter, "parent", folder)

    assert datastore.datacenter_path(world) == "a%2fb/Datacenter"
