"""libvirt's XML of a domain: what it says, and that libvirt's own schema and driver agree."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from eventd.model.hardware import (
    Bus,
    Controller,
    DevicePort,
    DistributedPort,
    DomainHardware,
    Drive,
    DriveKind,
    DriveSource,
    FilePort,
    Firmware,
    NetworkCard,
    NetworkPort,
    PipePort,
    Port,
    VNCServer,
)
from eventd.simulator import World, serve
from eventd.vi.domain_xml import domain_xml
from eventd.vi.hardware import domain_hardware
from eventd.vi.xml import Element
from tests.vi.configured import CONFIG, VMX_FILE, properties
from tests.vi.schemas import invalidities

if TYPE_CHECKING:
    from tests.peers.virsh_command import Virsh

UUID = "564d0000-0000-0000-0000-000000000001"
SMALL = DomainHardware(memory=1024)


def written(hardware: DomainHardware, **arguments: Any) -> Element:
    """Write a domain and read it again."""
    return etree.fromstring(domain_xml(name="web01", uuid=UUID, hardware=hardware, **arguments))


def lines(hardware: DomainHardware, path: str) -> list[str]:
    """Return the elements at a path, without what indents them."""
    found = written(hardware).findall(path)
    parser = etree.XMLParser(remove_blank_text=True)
    return [
        etree.tostring(etree.fromstring(etree.tostring(one, with_tail=False), parser)).decode()
        for one in found
    ]


def line(hardware: DomainHardware, path: str) -> str:
    """Return the only element at a path."""
    [one] = lines(hardware, path)
    return one


def disk(*drives: Drive) -> list[str]:
    return lines(SMALL._replace(drives=drives), "devices/disk")


def serial(backing: NetworkPort) -> str:
    """Return what a serial port over the network is, without its number."""
    found = line(SMALL._replace(serial_ports=(Port(0, backing),)), "devices/serial")
    return found.replace('<target port="0"/>', "").removesuffix("</serial>")


# --- the document ---------------------------------------------------------------------------------


def test_a_small_domain_is_written_as_libvirt_lays_it_out() -> None:
    """Two spaces for each level, and what every domain of VMware's has."""
    assert domain_xml(name="web01", uuid=UUID, hardware=SMALL) == (
        '<domain type="vmware">\n'
        "  <name>web01</name>\n"
        f"  <uuid>{UUID}</uuid>\n"
        '  <memory unit="KiB">1024</memory>\n'
        '  <currentMemory unit="KiB">1024</currentMemory>\n'
        '  <vcpu placement="static">1</vcpu>\n'
        "  <os>\n"
        '    <type arch="i686">hvm</type>\n'
        "  </os>\n"
        '  <clock offset="utc"/>\n'
        "  <on_poweroff>destroy</on_poweroff>\n"
        "  <on_reboot>restart</on_reboot>\n"
        "  <on_crash>destroy</on_crash>\n"
        "  <devices/>\n"
        "</domain>\n"
    )


def test_an_active_domain_has_its_id() -> None:
    """An inactive one has none: libvirt's -1."""
    assert written(SMALL, domain_id=42).get("id") == "42"
    assert written(SMALL, domain_id=0).get("id") == "0"
    assert written(SMALL).get("id") is None


def test_a_domain_of_a_datacenter_tells_where_it_is() -> None:
    """In the namespace that virt-v2v looks in."""
    top = written(SMALL, datacenter_path="folder/Köln")

    assert top.findtext("{http://libvirt.org/schemas/domain/vmware/1.0}datacenterpath") == (
        "folder/Köln"
    )
    assert top.nsmap == {"vmware": "http://libvirt.org/schemas/domain/vmware/1.0"}


@pytest.mark.parametrize(("name", "shown"), [("a\nb", "a b"), ("a\r\n\nb", "a b"), ("", UUID)])
def test_a_name_is_one_line(name: str, shown: str) -> None:
    """An odd name does not hide its domain."""
    domain = etree.fromstring(domain_xml(name=name, uuid=UUID, hardware=SMALL))

    assert domain.findtext("name") == shown


def test_texts_arrive_as_they_are() -> None:
    """But for characters that no XML can carry, which a name may have once it is unescaped."""
    text = "<&>\"' ü\t\n]]>"
    hardware = SMALL._replace(annotation=text)

    assert written(hardware).findtext("description") == text
    name = etree.fromstring(domain_xml(name="a\x01\0b", uuid=UUID, hardware=SMALL)).findtext("name")
    assert name == "a\ufffd\ufffdb"


def test_memory_may_be_limited_and_reserved() -> None:
    """A limit above what the guest sees is none."""
    limited = SMALL._replace(memory_limit=512, memory_reservation=256)

    assert written(limited).findtext("currentMemory") == "512"
    assert line(limited, "memtune") == (
        '<memtune><min_guarantee unit="KiB">256</min_guarantee></memtune>'
    )
    assert written(SMALL._replace(memory_limit=4096)).findtext("currentMemory") == "1024"


@pytest.mark.parametrize(
    ("numbers", "cpuset"),
    [((0,), "0"), ((0, 2, 3, 5), "0,2-3,5"), ((3, 1, 2, 2), "1-3"), ((7, 9), "7,9")],
)
def test_affinity_is_a_set_of_ranges(numbers: tuple[int, ...], cpuset: str) -> None:
    """As libvirt writes one."""
    found = written(SMALL._replace(cpu_affinity=numbers)).find("vcpu")

    assert found is not None
    assert found.get("cpuset") == cpuset


@pytest.mark.parametrize(("vcpus", "cores", "sockets"), [(4, 2, "2"), (8, 8, "1")])
def test_cores_make_a_topology(vcpus: int, cores: int, sockets: str) -> None:
    """Of one socket or of several."""
    [topology] = written(SMALL._replace(vcpus=vcpus, cores_per_socket=cores)).findall("cpu/*")

    assert (topology.get("sockets"), topology.get("cores")) == (sockets, str(cores))


def test_what_the_guest_sees_of_its_identity_is_told() -> None:
    """The generation ID, and the maker of its host."""
    known = SMALL._replace(generation_id=UUID, has_smbios_of_host=True)

    assert written(known).findtext("genid") == UUID
    assert line(known, "os/smbios") == '<smbios mode="host"/>'


@pytest.mark.parametrize(
    ("told", "kib"), [(0, "0"), (1, "1"), (4096, "4096"), (5000, "8192"), (2**31 - 1, str(2**31))]
)
def test_video_memory_is_a_power_of_two(told: int, kib: str) -> None:
    """As libvirt counts it."""
    assert written(SMALL._replace(video_memory=told)).xpath(
        "string(devices/video/model/@vram)"
    ) == (kib)


@pytest.mark.parametrize(("vcpus", "cores"), [(4, 1), (3, 2)])
def test_there_is_no_topology_without_cores(vcpus: int, cores: int) -> None:
    """Nor one that would not give the number of processors."""
    assert written(SMALL._replace(vcpus=vcpus, cores_per_socket=cores)).find("cpu") is None


# --- drives ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bus", "controller", "unit", "target"),
    [
        (Bus.SCSI, 0, 0, "sda"),
        (Bus.SCSI, 0, 6, "sdg"),
        (Bus.SCSI, 0, 8, "sdh"),
        (Bus.SCSI, 1, 3, "sds"),
        (Bus.SCSI, 3, 14, "sdbg"),
        (Bus.SCSI, 0, 63, "sdbk"),
        (Bus.SATA, 0, 29, "sdad"),
        (Bus.SATA, 1, 1, "sdaf"),
        (Bus.SATA, 3, 29, "sddp"),
        (Bus.IDE, 0, 1, "hdb"),
        (Bus.IDE, 1, 0, "hdc"),
        (Bus.FLOPPY, 0, 1, "fdb"),
    ],
)
def test_a_drive_has_the_name_that_libvirt_gives_it(
    bus: Bus, controller: int, unit: int, target: str
) -> None:
    """Recorded from libvirt 9.0, whose users know the drive by it."""
    [found] = disk(Drive(DriveKind.DISK, bus, controller, unit))

    assert f'<target dev="{target}" bus="{bus}"/>' in found


def test_two_drives_of_a_bus_never_share_a_name() -> None:
    """A paravirtual controller has more units than the names count with."""
    drives = [Drive(DriveKind.DISK, Bus.SCSI, *place) for place in [(0, 16), (1, 0), (1, 1)]]
    found = written(SMALL._replace(drives=tuple(drives))).findall("devices/disk/target")

    assert [target.get("dev") for target in found] == ["sdp", "sdq", "sdr"]


def test_scsi_and_sata_disks_are_where_the_guest_sees_them() -> None:
    """By controller and unit."""
    found = disk(
        Drive(DriveKind.DISK, Bus.SCSI, 1, 3, DriveSource.FILE, "[nfs] a/b.vmdk"),
        Drive(DriveKind.DISK, Bus.SATA, 1, 7, DriveSource.FILE, "[iscsi 1] a/c.vmdk"),
    )

    assert found == [
        '<disk type="file" device="disk"><source file="[nfs] a/b.vmdk"/>'
        '<target dev="sds" bus="scsi"/>'
        '<address type="drive" controller="1" bus="0" target="0" unit="3"/></disk>',
        '<disk type="file" device="disk"><source file="[iscsi 1] a/c.vmdk"/>'
        '<target dev="sdal" bus="sata"/>'
        '<address type="drive" controller="1" bus="0" target="0" unit="7"/></disk>',
    ]


@pytest.mark.parametrize("source", [DriveSource.EMPTY, DriveSource.CLIENT])
def test_a_drive_of_the_client_is_an_empty_one(source: DriveSource) -> None:
    """The guest has the drive, and the host has nothing in it."""
    [found] = disk(Drive(DriveKind.CDROM, Bus.IDE, 1, 1, source, is_passthrough=True))

    assert found == (
        '<disk type="file" device="cdrom"><target dev="hdd" bus="ide"/><readonly/>'
        '<address type="drive" controller="0" bus="1" target="0" unit="1"/></disk>'
    )


def test_a_drive_that_takes_any_device_may_start_without() -> None:
    """libvirt's word for VI's ``useAutoDetect``."""
    [found] = disk(Drive(DriveKind.CDROM, Bus.IDE, 0, 0, DriveSource.DEVICE))

    assert found.startswith('<disk type="block" device="cdrom"><source startupPolicy="optional"/>')


def test_controllers_without_drives_are_left_out() -> None:
    """As libvirt has it. So are disks on NVMe, for which its schema has no word."""
    controllers = (
        Controller(Bus.IDE, 0),
        Controller(Bus.IDE, 1),
        Controller(Bus.SCSI, 0, "lsilogic"),
        Controller(Bus.SCSI, 1, "vmpvscsi"),
        Controller(Bus.NVME, 0),
    )
    drives = tuple(
        Drive(DriveKind.DISK, bus, number, 0)
        for bus, number in [(Bus.IDE, 1), (Bus.SCSI, 1), (Bus.NVME, 0), (Bus.FLOPPY, 0)]
    )
    hardware = SMALL._replace(controllers=controllers, drives=drives)

    assert lines(hardware, "devices/controller") == [
        '<controller type="scsi" index="1" model="vmpvscsi"/>',
        '<controller type="fdc" index="0"/>',
        '<controller type="ide" index="0"/>',
    ]
    assert len(lines(hardware, "devices/disk")) == 3


# --- network cards --------------------------------------------------------------------------------


def interface(card: NetworkCard) -> str:
    return line(SMALL._replace(network_cards=(card,)), "devices/interface")


def test_a_network_is_a_bridge() -> None:
    """That is what VMware's network is to libvirt's driver."""
    assert interface(NetworkCard("00:50:56:AA:BB:01", False, "vmxnet3", "VM Network")) == (
        '<interface type="bridge"><mac address="00:50:56:aa:bb:01" type="static"/>'
        '<source bridge="VM Network"/><model type="vmxnet3"/></interface>'
    )


@pytest.mark.parametrize("mac", ["00-0c-29-aa-bb-01", "000c29aabbcc", "01:00:5e:00:00:01", "x"])
def test_what_is_no_address_of_a_card_is_left_out(mac: str) -> None:
    """It would make the whole document invalid; the last but one is of a group."""
    assert "mac" not in interface(NetworkCard(mac, False, "vmxnet3", "VM Network"))


def test_a_network_that_no_bridge_is_called_after_is_a_network() -> None:
    """libvirt's schema has narrow ideas of the names of bridges."""
    assert interface(NetworkCard(network="Büro & Lager (alt)")) == (
        '<interface type="network"><source network="B&#252;ro &amp; Lager (alt)"/></interface>'
    )


def test_a_card_with_any_address_says_so() -> None:
    """Whoever makes a domain of this gives it the same address."""
    found = interface(NetworkCard("02:00:00:00:00:01", False, is_mac_checked=False))

    assert '<mac address="02:00:00:00:00:01" type="static" check="no"/>' in found


def test_a_port_of_what_is_no_distributed_switch_is_none() -> None:
    """A switch has a UUID."""
    assert interface(NetworkCard(distributed_port=DistributedPort("x", "pg-1"))) == (
        '<interface type="null"/>'
    )


def test_a_card_without_network_is_on_none() -> None:
    """And may have neither address nor model."""
    assert interface(NetworkCard()) == '<interface type="null"/>'


@pytest.mark.parametrize(
    ("port", "portid"), [("17", "17"), ("c-9", "0"), (None, "0")], ids=["known", "word", "none"]
)
def test_a_port_of_a_distributed_switch_has_a_number(port: str | None, portid: str) -> None:
    """The schema takes no other; later libvirts write 0 where there is none, too."""
    switch = "50 37 4f 0c 55 3a fd b1-3a 3f 4a 5b 6c 7d 8e 9f"

    assert interface(NetworkCard(distributed_port=DistributedPort(switch, "pg-1", port))) == (
        '<interface type="vds"><source switchid="50374f0c-553a-fdb1-3a3f-4a5b6c7d8e9f" '
        f'portid="{portid}" portgroupid="pg-1" connectionid="0"/></interface>'
    )


# --- ports ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "host", "service", "protocol"),
    [
        ("tcp://192.0.2.1:5", "192.0.2.1", "5", "raw"),
        ("tcp6://h:4", "h", "4", "raw"),
        ("ssl://h:1", "h", "1", "tls"),
        ("tcp+ssl://h:1", "h", "1", "tls"),
        ("telnet://h:2", "h", "2", "telnet"),
        ("telnets://[::1]:3", "::1", "3", "telnets"),
    ],
)
@pytest.mark.parametrize(("is_server", "mode"), [(True, "bind"), (False, "connect")])
def test_a_port_over_the_network_is_a_connection(
    uri: str, host: str, service: str, protocol: str, is_server: bool, mode: str
) -> None:
    """Recorded from libvirt 9.0."""
    assert serial(NetworkPort(uri, is_server)) == (
        f'<serial type="tcp"><source mode="{mode}" host="{host}" service="{service}"/>'
        f'<protocol type="{protocol}"/>'
    )


def test_a_port_without_host_listens_on_all_addresses() -> None:
    """``telnet://:7001`` is what VMware's own documentation has."""
    assert 'mode="bind" host="0.0.0.0" service="7001"' in serial(NetworkPort("tcp://:7001", True))


def test_a_port_whose_uri_only_its_proxy_knows_is_a_connection_to_the_proxy() -> None:
    """Even where the service is said to listen: it is the proxy that does."""
    both = NetworkPort("tcp://192.0.2.1:5", is_server=False, proxy="telnets://vspc:13370")
    assert 'host="192.0.2.1" service="5"' in serial(both)  # as libvirt's driver has it
    assert serial(NetworkPort("web01", True, "telnets://vspc:13370")) == (
        '<serial type="tcp"><source mode="connect" host="vspc" service="13370"/>'
        '<protocol type="telnets"/>'
    )


@pytest.mark.parametrize(
    ("uri", "proxy"),
    [
        ("web01", None),
        ("tcp://:7001", None),
        ("tcp://h", None),
        ("tcp://h:x", None),
        ("tcp://[::1:5", None),
        ("tcp://h:99999", None),
        ("carrier-pigeon://h:5", None),
        ("web01", "vspc"),
    ],
)
def test_a_uri_that_says_nothing_leads_nowhere(uri: str, proxy: str | None) -> None:
    """The guest has its port, and one odd text does not cost the domain."""
    assert serial(NetworkPort(uri, is_server=False, proxy=proxy)) == '<serial type="null">'


def test_the_first_serial_port_is_the_console() -> None:
    """A rule of libvirt's own, whatever number it has."""
    ports = (Port(1, PipePort("p")), Port(2, DevicePort()))

    assert lines(SMALL._replace(serial_ports=ports), "devices/*") == [
        '<serial type="pipe"><source path="p"/><target port="1"/></serial>',
        '<serial type="dev"><source path="auto detect"/><target port="2"/></serial>',
        '<console type="pipe"><source path="p"/><target type="serial" port="1"/></console>',
    ]


def test_a_vnc_server_without_port_has_one_of_the_hosts_choice() -> None:
    """libvirt's -1."""
    assert line(SMALL._replace(vnc=VNCServer()), "devices/graphics") == (
        '<graphics type="vnc" port="-1" autoport="yes"><listen type="address"/></graphics>'
    )


# --- libvirt's judgement --------------------------------------------------------------------------

texts = st.text()
names = texts.map(lambda text: text + "x")
paths = texts | st.builds(lambda datastore, path: f"[{datastore}] {path}", names, names)
devices = texts | st.from_regex(r"/[a-zA-Z0-9/_.-]+", fullmatch=True)
macs = st.from_regex(r"00:50:56(:[0-9a-fA-F]{2}){3}", fullmatch=True) | texts
numbers = st.integers(0, 255)
kib = st.integers(0, 2**40)

sources = (
    st.sampled_from([(DriveSource.EMPTY, None), (DriveSource.CLIENT, None)])
    | st.tuples(st.just(DriveSource.FILE), paths)
    | st.tuples(st.just(DriveSource.DEVICE), st.none() | devices)
)
drives = st.builds(
    lambda kind, bus, controller, unit, source, flags: Drive(
        kind, bus, controller, unit, *source, *flags
    ),
    st.sampled_from(DriveKind),
    st.sampled_from(Bus),
    *(st.integers(0, 3), st.integers(0, 63)),
    sources,
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
uris = texts | st.builds(
    "{}://{}:{}".format,
    st.sampled_from(["tcp", "telnet", "telnets", "tcp+ssl", "odd"]),
    st.sampled_from(["", "h", "192.0.2.1", "[::1]"]),
    st.integers(0, 70000),
)
backings = (
    st.builds(FilePort, paths)
    | st.builds(PipePort, names, st.booleans())
    | st.builds(DevicePort, st.none() | devices)
    | st.builds(NetworkPort, uris, st.booleans(), st.none() | uris)
)
ports = st.lists(st.builds(Port, numbers, backings), max_size=3).map(tuple)
switch_ports = st.builds(
    DistributedPort,
    st.uuids().map(lambda uuid: uuid.hex) | texts,
    st.none() | texts,
    st.none() | texts | numbers.map(str) | st.sampled_from(["٣", "9" * 30]),
    st.none() | st.integers(-(2**31), 2**31 - 1),
)
cards = st.builds(
    NetworkCard,
    st.none() | macs,
    st.none() | st.booleans(),
    st.none() | st.sampled_from(["e1000", "e1000e", "vmxnet", "vmxnet2", "vmxnet3", "vlance"]),
    st.none() | texts,
    st.none() | switch_ports,
)
models = st.sampled_from([None, "lsilogic", "lsisas1068", "buslogic", "vmpvscsi"])
hardware_values = st.builds(
    DomainHardware,
    memory=kib,
    vcpus=st.integers(1, 1024),
    cores_per_socket=st.integers(1, 64),
    firmware=st.sampled_from(Firmware),
    guest_id=texts | st.just("debian11_64Guest"),
    annotation=texts,
    generation_id=st.none() | st.uuids().map(str),
    memory_limit=st.none() | kib,
    memory_reservation=kib,
    cpu_shares=st.none() | st.integers(0, 2**31 - 1),
    cpu_affinity=st.lists(numbers, max_size=8).map(tuple),
    controllers=st.lists(
        st.builds(lambda number, model: Controller(Bus.SCSI, number, model), numbers, models),
        max_size=4,
    ).map(tuple),
    drives=st.lists(drives, max_size=4).map(tuple),
    network_cards=st.lists(cards, max_size=3).map(tuple),
    serial_ports=ports,
    parallel_ports=ports,
    video_memory=st.none() | st.integers(0, 2**20),
    vnc=st.none()
    | st.builds(
        VNCServer,
        st.none() | st.integers(1, 65535),
        st.none() | st.sampled_from(["192.0.2.7", "::1", "fe80::1%en", "host.example"]) | texts,
        st.none() | texts,
    ),
)


@pytest.mark.virsh
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hardware_values, texts, st.integers(-1, 2**31 - 1), st.none() | names)
def test_whatever_a_domain_is_made_of_is_valid_to_libvirts_schema(
    hardware: DomainHardware, name: str, domain_id: int, datacenter_path: str | None
) -> None:
    """Against the schema that libvirt itself tests its documents with."""
    xml = domain_xml(
        name=name,
        uuid=UUID,
        domain_id=domain_id,
        hardware=hardware,
        datacenter_path=datacenter_path,
    )

    assert invalidities(xml, "domain") == []


@given(st.builds(NetworkCard, network=st.text()), st.text(), st.text())
def test_any_text_is_written(card: NetworkCard, name: str, annotation: str) -> None:
    """Whatever somebody gave something as a name, a reader of XML can read it."""
    hardware = SMALL._replace(network_cards=(card,), annotation=annotation)

    assert etree.fromstring(domain_xml(name=name, uuid=UUID, hardware=hardware)).tag == "domain"


@pytest.mark.virsh
async def test_libvirts_own_driver_says_the_same_of_the_same_domain(
    virsh: Virsh, tmp_path: Path
) -> None:
    """Its VMX file, read by libvirt, but for the differences that the module lists."""
    file = tmp_path / "web01.vmx"
    file.write_text(VMX_FILE, "utf-8")
    async with serve(World(now=datetime.now(UTC))) as server:
        outcome = await virsh(server.uri, "domxml-from-native", "vmware-vmx", str(file))
    assert outcome.status == 0, outcome.errors
    libvirts = etree.fromstring(outcome.output)
    ours = written(domain_hardware(properties(CONFIG)))

    # A drive of the client's is there.
    [devices] = ours.findall("devices")
    [client] = devices.findall("disk/target[@dev='hdd']/..")
    devices.remove(client)

    assert said(ours) == said(libvirts)


def said(node: Element) -> tuple[Any, ...]:
    """Return an element as something to compare: the order of its parts says nothing."""
    return (
        node.tag,
        sorted(node.attrib.items()),
        (node.text or "").strip(),
        sorted(said(child) for child in node),
    )
