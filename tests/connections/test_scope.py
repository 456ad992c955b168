"""What the path of a vpx URI names, on an inventory by hand; ``test_vcsim`` has a real one."""

from __future__ import annotations

import pytest

from eventd.connections.credentials import Credentials
from eventd.connections.scope import find_scope
from eventd.connections.session import Session
from eventd.errors import InvalidURI
from eventd.vi.uri import ConnectionURI
from tests.connections.scripted_host import Host, object_content, reference

Children = dict[str, tuple[str, str]]
"""Type and reference by name."""

ROOT: Children = {"prod": ("Folder", "group-d1"), "DC0": ("Datacenter", "datacenter-2")}
IN_FOLDER: Children = {"DC1": ("Datacenter", "datacenter-3")}
COMPUTE: Children = {
    "C0": ("ClusterComputeResource", "domain-c7"),
    "H0": ("ComputeResource", "domain-s9"),
    "racks": ("Folder", "group-h4"),
    "a%2fb": ("ComputeResource", "domain-s10"),
}
HOSTS: Children = {"esx01": ("HostSystem", "host-1"), "esx02": ("HostSystem", "host-2")}

HOST_FOLDER = (
    "<returnval>"
    + reference("Datacenter", "datacenter-2", "obj")
    + "<propSet><name>hostFolder</name>"
    + '<val type="Folder" xsi:type="ManagedObjectReference">group-h3</val>'
    + "</propSet></returnval>"
)


def told(children: Children) -> str:
    """Return what RetrieveProperties says of the children of an object."""
    return "".join(
        object_content(kind, value, name=name) for name, (kind, value) in children.items()
    )


async def scope_of(path: str, *replies: str, scheme: str = "vpx") -> tuple[str, str]:
    """Return type and reference of what a path names, on a host that answers so."""
    host = Host(product_line="vpx" if scheme == "vpx" else "esx")
    host.plan("RetrieveProperties", *replies)
    uri = ConnectionURI.parse(f"{scheme}://vc.example{path}")
    session = await Session.open(host.transport(), uri, Credentials("root", "secret"))

    found = await find_scope(session, uri)

    assert host.methods.count("RetrieveProperties") == len(replies)
    return found


async def refusal(path: str, *replies: str) -> str:
    """Return what is said of a path that names nothing."""
    with pytest.raises(InvalidURI) as caught:
        await scope_of(path, *replies)
    return caught.value.message


@pytest.mark.parametrize(
    ("scheme", "path"), [("esx", "/DC0"), ("esx", ""), ("vpx", ""), ("vpx", "/")]
)
async def test_without_a_path_all_is_followed(scheme: str, path: str) -> None:
    """The path of a bare host means nothing; an empty one of a vCenter means all of it."""
    assert await scope_of(path, scheme=scheme) == ("Folder", "root")


@pytest.mark.parametrize(
    ("path", "replies", "scope"),
    [
        ("/DC0", [told(ROOT)], ("Datacenter", "datacenter-2")),
        ("//DC0/", [told(ROOT)], ("Datacenter", "datacenter-2")),
        ("/prod/DC1", [told(ROOT), told(IN_FOLDER)], ("Datacenter", "datacenter-3")),
        (
            "/DC0/C0",
            [told(ROOT), HOST_FOLDER, told(COMPUTE)],
            ("ClusterComputeResource", "domain-c7"),
        ),
        ("/DC0/H0", [told(ROOT), HOST_FOLDER, told(COMPUTE)], ("ComputeResource", "domain-s9")),
        (
            "/DC0/racks/C0",
            [told(ROOT), HOST_FOLDER, told(COMPUTE), told(COMPUTE)],
            ("ClusterComputeResource", "domain-c7"),
        ),
        (
            "/DC0/C0/esx02",
            [told(ROOT), HOST_FOLDER, told(COMPUTE), told(HOSTS)],
            ("HostSystem", "host-2"),
        ),
        (
            "/DC0/a%252fb",
            [told(ROOT), HOST_FOLDER, told(COMPUTE)],
            ("ComputeResource", "domain-s10"),
        ),
    ],
)
async def test_a_path_names_a_datacenter_a_cluster_or_a_host(
    path: str, replies: list[str], scope: tuple[str, str]
) -> None:
    """As libvirt's, and it may end earlier. Names are compared as VI escapes them."""
    assert await scope_of(path, *replies) == scope


@pytest.mark.parametrize(
    ("path", "replies", "sentence"),
    [
        (
            "/DC9",
            [told(ROOT)],
            "Could not find datacenter specified in '/DC9': no 'DC9' among 'DC0', 'prod'",
        ),
        (
            "/prod/DC9",
            [told(ROOT), told(IN_FOLDER)],
            "Could not find datacenter specified in '/prod/DC9': no 'DC9' among 'DC1'",
        ),
        (
            "/DC0/C9",
            [told(ROOT), HOST_FOLDER, told({})],
            "Could not find compute resource specified in '/DC0/C9': no 'C9' among nothing",
        ),
        (
            "/DC0/racks/C9",
            [told(ROOT), HOST_FOLDER, told(COMPUTE), told(HOSTS)],
            "Could not find compute resource specified in '/DC0/racks/C9': no 'C9' among 'esx01', "
            "'esx02'",
        ),
        (
            "/DC0/C0/esx99",
            [told(ROOT), HOST_FOLDER, told(COMPUTE), told(HOSTS)],
            "Could not find host system specified in '/DC0/C0/esx99': no 'esx99' among 'esx01', "
            "'esx02'",
        ),
        (
            "/DC0/C0/esx01/web01",
            [told(ROOT), HOST_FOLDER, told(COMPUTE), told(HOSTS)],
            "Path '/DC0/C0/esx01/web01' ends with an excess item",
        ),
        (
            "/prod",
            [told(ROOT)],
            "Path '/prod' ends at a folder; it has to specify the datacenter, and may go on to a "
            "cluster or host",
        ),
        (
            "/DC0/racks",
            [told(ROOT), HOST_FOLDER, told(COMPUTE)],
            "Path '/DC0/racks' ends at a folder; it has to specify a cluster or host",
        ),
    ],
)
async def test_a_path_that_names_nothing_is_refused_in_libvirts_words(
    path: str, replies: list[str], sentence: str
) -> None:
    """And it is told what there would be: src/esx/esx_vi.c says only the first half."""
    assert await refusal(path, *replies) == sentence


async def test_a_datacenter_whose_hosts_may_not_be_seen_has_none() -> None:
    """Without the right to read hostFolder the property is left out."""
    unseen = object_content("Datacenter", "datacenter-2")

    assert await refusal("/DC0/C0", told(ROOT), unseen) == (
        "Could not find compute resource specified in '/DC0/C0': no 'C0' among nothing"
    )


async def test_a_datacenter_that_goes_away_meanwhile_has_no_hosts() -> None:
    """The host then tells nothing of it."""
    assert await refusal("/DC0/C0", told(ROOT), "") == (
        "Could not find compute resource specified in '/DC0/C0': no 'C0' among nothing"
    )
