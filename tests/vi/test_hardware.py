"""What domains and hosts are made of, out of their VI properties."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

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
    HostHardware,
    NetworkCard,
    NetworkPort,
    PipePort,
    Port,
    VNCServer,
)
from eventd.vi.hardware import domain_hardware, host_hardware
from eventd.vi.xml import parse
from tests.vi.answers import element_of
from tests.vi.configured import CONFIG, card, device, hardware_of, on, properties


def with_devices(*devices: str) -> DomainHardware:
    """Read a domain that has nothing else."""
    content = hardware_of(*devices)
    return domain_hardware(properties({"config.hardware": ("VirtualHardware", content)}))


SCSI = device("ParaVirtualSCSIController", 1000, "<busNumber>0</busNumber>")


def drive(type_: str, backing: str) -> Drive:
    """Read a drive at ``scsi0:1``."""
    [found] = with_devices(SCSI, device(type_, 2000, backing + on(1000, 1))).drives
    return found


def source(type_: str, backing_type: str, backing: str) -> tuple[DriveSource, str | None]:
    """Read where a drive has its contents from."""
    found = drive(type_, f'<backing xsi:type="{backing_type}">{backing}</backing>')
    return found.source, found.path


# --- a domain -------------------------------------------------------------------------------------


def test_a_domain_is_read_of_its_properties() -> None:
    """Each of them as ESX sends it."""
    found = domain_hardware(properties(CONFIG))

    assert found._replace(
        controllers=(), drives=(), network_cards=(), serial_ports=(), parallel_ports=()
    ) == DomainHardware(
        memory=1024 * 1024,
        vcpus=4,
        cores_per_socket=2,
        firmware=Firmware.EFI,
        guest_id="debian11_64Guest",
        annotation="Two\nlines, <&> and ü",
        memory_limit=512 * 1024,
        memory_reservation=256 * 1024,
        cpu_shares=8000,
        cpu_affinity=(0, 2, 3, 5),
        video_memory=8192,
        vnc=VNCServer(5903, "192.0.2.7", "de"),
    )


def test_its_drives_are_where_their_controllers_are() -> None:
    """VI names a controller by a key; what counts is its bus and number."""
    found = domain_hardware(properties(CONFIG))

    assert found.controllers == (
        Controller(Bus.IDE, 0),
        Controller(Bus.IDE, 1),
        Controller(Bus.SCSI, 0, "lsilogic"),
        Controller(Bus.SATA, 0),
    )
    disk, cdrom, floppy = DriveKind.DISK, DriveKind.CDROM, DriveKind.FLOPPY
    file, host, client = DriveSource.FILE, DriveSource.DEVICE, DriveSource.CLIENT
    image = "[datastore1] web01/web01"
    mpx = "/vmfs/devices/cdrom/mpx.vmhba0:C0:T0:L0"
    assert found.drives == (
        Drive(disk, Bus.SCSI, 0, 0, file, f"{image}.vmdk"),
        Drive(
            *(disk, Bus.SCSI, 0, 8, file, f"{image}_1.vmdk"),
            is_write_through=True,
            is_transient=True,
        ),
        Drive(disk, Bus.SATA, 0, 1, file, "[datastore1] other place/web01_2.vmdk"),
        Drive(cdrom, Bus.SATA, 0, 0, file, "[datastore1] iso/debian.iso"),
        Drive(cdrom, Bus.IDE, 0, 0, host, mpx),
        Drive(cdrom, Bus.IDE, 1, 0, host, "/dev/cdrom", is_passthrough=True),
        Drive(cdrom, Bus.IDE, 1, 1, client, is_passthrough=True),
        Drive(floppy, Bus.FLOPPY, 0, 0, file, "[datastore1] iso/boot.flp"),
        Drive(floppy, Bus.FLOPPY, 0, 1, host, "/dev/fd0"),
    )


def test_its_network_cards_have_libvirts_models() -> None:
    """With their networks, or a port of a distributed switch."""
    switch = "50 37 4f 0c 55 3a fd b1-3a 3f 4a 5b 6c 7d 8e 9f"
    port = DistributedPort(switch, "dvportgroup-102", "17", 1234)

    assert domain_hardware(properties(CONFIG)).network_cards == (
        NetworkCard("00:50:56:aa:bb:01", True, "vmxnet3", "VM Network"),
        NetworkCard("00:0c:29:aa:bb:02", True, "e1000e", "Storage"),
        NetworkCard("00:50:56:00:00:03", False, "vlance", "Old"),
        NetworkCard("00:50:56:aa:bb:04", True, "e1000", distributed_port=port),
    )


def test_its_ports_lead_to_files_pipes_devices_and_the_network() -> None:
    """Each of the four that libvirt has a word for."""
    found = domain_hardware(properties(CONFIG))

    assert found.serial_ports == (
        Port(0, FilePort("[datastore1] web01/serial.log")),
        Port(1, PipePort("console", is_server=True)),
        Port(2, DevicePort("/dev/char/serial/uart0")),
        Port(3, NetworkPort("telnet://192.0.2.1:7001")),
    )
    assert found.parallel_ports == (
        Port(0, DevicePort("/dev/parport0")),
        Port(1, FilePort("[datastore1] web01/print.out")),
    )


def test_the_password_of_the_vnc_server_is_not_kept() -> None:
    """Who may read what a domain is made of may not therefore see its screen."""
    assert "hunter2" not in repr(domain_hardware(properties(CONFIG)))


def test_the_whole_configuration_is_as_good_as_its_parts() -> None:
    """An array inside of it is several parts of one name, without an element around them."""
    parts = []
    for path, (type_, content) in CONFIG.items():
        name = path.removeprefix("config.")
        if type_ == "ArrayOfOptionValue":
            item = f'<{name} xsi:type="OptionValue">'
            parts.append(
                content.replace('<OptionValue xsi:type="OptionValue">', item).replace(
                    "</OptionValue>", f"</{name}>"
                )
            )
        else:
            parts.append(f"<{name}>{content}</{name}>")
    config = element_of(f'<val xsi:type="VirtualMachineConfigInfo">{"".join(parts)}</val>')

    assert domain_hardware({"config": config}) == domain_hardware(properties(CONFIG))


def test_a_domain_of_which_nothing_is_told_has_the_least() -> None:
    """As one whose host is disconnected."""
    assert domain_hardware({}) == DomainHardware(memory=0)


def test_no_limit_is_none() -> None:
    """VI says -1."""
    allocation = "<reservation>0</reservation><limit>-1</limit>"
    found = domain_hardware(properties({"config.memoryAllocation": ("x", allocation)}))

    assert (found.memory_limit, found.memory_reservation) == (None, 0)


# --- odd devices ----------------------------------------------------------------------------------


def test_an_unknown_device_does_not_cost_the_others() -> None:
    """Later versions of VI have more of them; some are no drives though they have a unit."""
    found = with_devices(
        device("VirtualQuantumDrive", 1, "<backing><fileName>x</fileName></backing>" + on(1000, 0)),
        SCSI,
        device("VirtualDisk", 2000, on(1000, 0)),
        device("VirtualUSBXHCIController", 14000, "<busNumber>0</busNumber>"),
        device("", 5, ""),
    )

    assert found.controllers == (Controller(Bus.SCSI, 0, "vmpvscsi"),)
    assert found.drives == (Drive(DriveKind.DISK, Bus.SCSI, 0, 0),)


@pytest.mark.parametrize(("told", "size"), [("4096", 4096), ("0", 0), ("-1", None), ("", None)])
def test_the_memory_of_a_video_card_is_a_size(told: str, size: int | None) -> None:
    """What is none is not told to libvirt, whose schema has no room for it."""
    card = device("VirtualMachineVideoCard", 500, f"<videoRamSizeInKB>{told}</videoRamSizeInKB>")
    assert with_devices(card).video_memory == size


def test_a_drive_on_an_unknown_controller_is_left_out() -> None:
    """Nobody could say where it is: a CD-ROM drive on USB."""
    found = with_devices(device("VirtualCdrom", 3000, on(14000, 0)))

    assert found.drives == ()


@pytest.mark.parametrize("place", ["", "<controllerKey>1000</controllerKey>", on(1000, -1)])
def test_a_drive_that_is_nowhere_is_left_out(place: str) -> None:
    """A device that is about to be added has no unit yet."""
    assert with_devices(SCSI, device("VirtualDisk", 2000, place)).drives == ()


@pytest.mark.parametrize(
    ("type_", "model"),
    [
        ("VirtualBusLogicController", "buslogic"),
        ("VirtualLsiLogicController", "lsilogic"),
        ("VirtualLsiLogicSASController", "lsisas1068"),
        ("ParaVirtualSCSIController", "vmpvscsi"),
    ],
)
def test_scsi_controllers_have_libvirts_models(type_: str, model: str) -> None:
    """The words are those of libvirt's schema."""
    found = with_devices(device(type_, 1001, "<busNumber>1</busNumber>"))

    assert found.controllers == (Controller(Bus.SCSI, 1, model),)


def test_nvme_disks_are_known() -> None:
    """Whether libvirt has a word for them or not."""
    found = with_devices(
        device("VirtualNVMEController", 31000, "<busNumber>0</busNumber>"),
        device("VirtualDisk", 32000, on(31000, 2)),
    )

    assert found.drives == (Drive(DriveKind.DISK, Bus.NVME, 0, 2),)


@pytest.mark.parametrize(
    ("type_", "backing", "path"),
    [
        ("FlatVer2", "<fileName>[vmfs] a/a.vmdk</fileName>", "[vmfs] a/a.vmdk"),
        ("SeSparse", "<fileName>[nfs (old)] a/a b.vmdk</fileName>", "[nfs (old)] a/a b.vmdk"),
        (
            "RawDiskMappingVer1",
            "<fileName>[iscsi] a/rdm.vmdk</fileName><deviceName>vml.02</deviceName>",
            "[iscsi] a/rdm.vmdk",
        ),
        (
            "RawDiskVer2",
            "<deviceName>vml.02</deviceName><descriptorFileName>[a] b</descriptorFileName>",
            "[a] b",
        ),
        ("OfTheFuture", "<fileName>[a] b.vmdk</fileName>", "[a] b.vmdk"),
    ],
)
def test_a_disk_is_a_file_whatever_its_format(type_: str, backing: str, path: str) -> None:
    """On VMFS, NFS and iSCSI alike; a raw disk has a file that stands for it."""
    found = source("VirtualDisk", f"VirtualDisk{type_}BackingInfo", backing)

    assert found == (DriveSource.FILE, path)


@pytest.mark.parametrize(
    ("type_", "backing", "expected"),
    [
        ("Iso", "<fileName></fileName>", (DriveSource.EMPTY, None)),
        ("Iso", "<fileName>[]</fileName>", (DriveSource.EMPTY, None)),
        (
            "Iso",
            "<fileName>[] /usr/lib/vmware/isoimages/linux.iso</fileName>",
            (DriveSource.FILE, "/usr/lib/vmware/isoimages/linux.iso"),
        ),
        ("Atapi", "<deviceName>/dev/cdrom</deviceName>", (DriveSource.DEVICE, "/dev/cdrom")),
        (
            "Atapi",
            "<deviceName>x</deviceName><useAutoDetect>true</useAutoDetect>",
            (DriveSource.DEVICE, None),
        ),
        ("RemoteAtapi", "<deviceName>CD/DVD drive 0</deviceName>", (DriveSource.CLIENT, None)),
        ("RemotePassthrough", "<deviceName></deviceName>", (DriveSource.CLIENT, None)),
    ],
)
def test_a_cdrom_drive_has_many_sources(
    type_: str, backing: str, expected: tuple[DriveSource, str | None]
) -> None:
    """An image of ESX's own is on no datastore, and so is none at all."""
    assert source("VirtualCdrom", f"VirtualCdrom{type_}BackingInfo", backing) == expected


@pytest.mark.parametrize(
    ("mode", "is_transient"),
    [
        ("persistent", False),
        ("independent_persistent", False),
        ("independent_nonpersistent", True),
        ("nonpersistent", True),
        ("append", False),
    ],
)
def test_what_is_written_to_a_nonpersistent_disk_is_lost(mode: str, is_transient: bool) -> None:
    """``VirtualDiskMode``."""
    backing = f"<backing><fileName>[a] b</fileName><diskMode>{mode}</diskMode></backing>"

    assert drive("VirtualDisk", backing).is_transient is is_transient


def test_a_network_card_of_an_unknown_class_is_one() -> None:
    """Nothing else has a MAC address."""
    found = with_devices(
        device("VirtualVmxnet9", 4000, "<macAddress>00:50:56:00:00:01</macAddress>")
    )

    assert found.network_cards == (NetworkCard("00:50:56:00:00:01"),)


def test_an_opaque_network_is_named_by_its_id() -> None:
    """NSX gives it no name here."""
    backing = (
        '<backing xsi:type="VirtualEthernetCardOpaqueNetworkBackingInfo">'
        "<opaqueNetworkId>2d3e</opaqueNetworkId><opaqueNetworkType>nsx.LogicalSwitch"
        "</opaqueNetworkType></backing>"
    )
    [card] = with_devices(device("VirtualVmxnet3", 4000, backing)).network_cards

    assert card == NetworkCard(model="vmxnet3", network="2d3e")


def test_a_serial_port_may_have_a_proxy() -> None:
    """A virtual serial port concentrator; the URI of the service is then any text."""
    backing = (
        '<backing xsi:type="VirtualSerialPortURIBackingInfo"><serviceURI>web01</serviceURI>'
        "<direction>server</direction><proxyURI>telnets://vspc:13370</proxyURI></backing>"
    )
    found = with_devices(device("VirtualSerialPort", 9000, backing + on(400, 0)))

    assert found.serial_ports == (
        Port(0, NetworkPort("web01", is_server=True, proxy="telnets://vspc:13370")),
    )


def test_a_port_that_leads_to_a_printer_is_left_out_and_keeps_its_number() -> None:
    """libvirt has no word for it; the next one is not called by its number."""
    found = with_devices(
        device(
            "VirtualSerialPort",
            9000,
            '<backing xsi:type="VirtualSerialPortThinPrintBackingInfo"></backing>',
        ),
        device("VirtualSerialPort", 9001, "<backing><pipeName>p</pipeName></backing>"),
    )

    assert found.serial_ports == (Port(1, PipePort("p")),)


@pytest.mark.parametrize(
    ("options", "vnc"),
    [
        ({}, None),
        ({"RemoteDisplay.vnc.enabled": "FALSE", "RemoteDisplay.vnc.port": "5900"}, None),
        ({"RemoteDisplay.vnc.enabled": "true"}, VNCServer()),
        ({"remotedisplay.VNC.enabled": "True"}, VNCServer()),
        ({"RemoteDisplay.vnc.enabled": "TRUE", "RemoteDisplay.vnc.port": "x"}, VNCServer()),
        ({"RemoteDisplay.vnc.enabled": "TRUE", "RemoteDisplay.vnc.port": "70000"}, VNCServer()),
    ],
)
def test_the_vnc_server_is_a_matter_of_options(
    options: dict[str, str], vnc: VNCServer | None
) -> None:
    """They are entries of the VMX file, whose keys have no case."""
    assert with_options(options).vnc == vnc


def with_options(options: dict[str, str], *devices: str) -> DomainHardware:
    """Return what is made of entries of the VMX file that VI has no properties for."""
    content = "".join(
        f"<OptionValue><key>{key}</key><value>{value}</value></OptionValue>"
        for key, value in options.items()
    )
    return domain_hardware(
        properties(
            {
                "config.extraConfig": ("ArrayOfOptionValue", content),
                "config.hardware": ("VirtualHardware", "".join(devices)),
            }
        )
    )


@pytest.mark.parametrize(
    ("halves", "generation_id"),
    [
        (("-8536691797830587195", "-1723453263670062919"), "8987940a-09512cc5-e81510634ff550b9"),
        (("1", "2"), "00000000-00000001-0000000000000002"),
        (("1",), "00000000-00000001-0000000000000000"),
        (("1", "x"), "00000000-00000001-0000000000000000"),
        (("0", "0"), None),
        ((), None),
    ],
)
def test_the_generation_id_is_two_numbers(
    halves: tuple[str, ...], generation_id: str | None
) -> None:
    """Of 64 bits each, with their signs."""
    options = dict(zip(("vm.genid", "vm.genidX"), halves, strict=False))
    found = with_options(options).generation_id

    assert (found or "").replace("-", "") == (generation_id or "").replace("-", "")


@pytest.mark.parametrize(("value", "shown"), [("TRUE", True), ("true", True), ("FALSE", False)])
def test_a_guest_may_be_shown_its_host(value: str, shown: bool) -> None:
    """An option as well."""
    assert with_options({"SMBIOS.reflectHost": value}).has_smbios_of_host is shown


def test_a_card_may_have_any_address() -> None:
    """An option of the card, which the VMX file calls by its number."""
    cards = [card("VirtualE1000", 4000 + number, "", "manual", "x") for number in range(3)]
    options = {"ethernet1.checkMACAddress": "FALSE", "ethernet2.checkMACAddress": "true"}
    found = with_options(options, *cards).network_cards

    assert [each.is_mac_checked for each in found] == [True, False, True]


@pytest.mark.parametrize(
    ("level", "shares"), [("low", 1000), ("normal", 2000), ("high", 4000), ("custom", 7)]
)
def test_shares_are_those_of_the_level(level: str, shares: int) -> None:
    """So many for each processor, whatever number is beside it, but at the level ``custom``."""
    told = f"<shares><shares>7</shares><level>{level}</level></shares>"
    found = domain_hardware(
        properties(
            {
                "config.hardware": ("VirtualHardware", "<numCPU>2</numCPU>"),
                "config.cpuAllocation": ("ResourceAllocationInfo", told),
            }
        )
    )

    assert found.cpu_shares == shares


def test_numbers_that_no_host_can_mean_are_cut() -> None:
    """libvirt's own types hold what is left."""
    content = f"<numCPU>{10**6}</numCPU><memoryMB>{10**12}</memoryMB>"
    allocation = f"<reservation>{10**18}</reservation><limit>{10**30}</limit>"
    found = domain_hardware(
        properties(
            {
                "config.hardware": ("VirtualHardware", content),
                "config.memoryAllocation": ("ResourceAllocationInfo", allocation),
            }
        )
    )

    assert found == DomainHardware(
        memory=(2**31 - 1) * 1024, vcpus=2**16 - 1, memory_reservation=(2**31 - 1) * 1024
    )


@pytest.mark.pyvmomi
def test_what_pyvmomi_writes_is_read() -> None:
    """Classes, members and their order are VMware's own there."""
    pyvmomi: Any = importlib.import_module("pyVmomi")
    vim = pyvmomi.vim
    of = vim.vm.device
    place = {"controllerKey": 1000, "unitNumber": 1}
    raw = of.VirtualDisk.RawDiskMappingVer1BackingInfo(
        fileName="[ds] a/raw.vmdk", deviceName="vml.02", diskMode="independent_nonpersistent"
    )
    remote = of.VirtualCdrom.RemotePassthroughBackingInfo(deviceName="", exclusive=False)
    port = vim.dvs.PortConnection(
        switchUuid="50", portgroupKey="pg", portKey="1", connectionCookie=5
    )
    switch = of.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port)
    uri = of.VirtualSerialPort.URIBackingInfo(
        serviceURI="x", direction="client", proxyURI="tcp://p:1"
    )
    printer = of.VirtualSerialPort.ThinPrintBackingInfo()
    hardware = vim.vm.VirtualHardware(
        numCPU=2,
        numCoresPerSocket=1,
        memoryMB=2048,
        device=[
            of.ParaVirtualSCSIController(key=1000, busNumber=2, sharedBus="noSharing"),
            of.VirtualDisk(key=2000, capacityInKB=1, backing=raw, **place),
            of.VirtualCdrom(key=2001, backing=remote, **place),
            of.VirtualVmxnet3(
                key=4000, macAddress="00:50:56:00:00:01", addressType="manual", backing=switch
            ),
            of.VirtualSerialPort(key=9000, yieldOnPoll=True, backing=uri),
            of.VirtualSerialPort(key=9001, yieldOnPoll=True, backing=printer),
        ],
    )
    xml = pyvmomi.SoapAdapter.Serialize(hardware, version="vim.version.version12")

    assert domain_hardware({"config.hardware": parse(xml)}) == DomainHardware(
        memory=2048 * 1024,
        vcpus=2,
        controllers=(Controller(Bus.SCSI, 2, "vmpvscsi"),),
        drives=(
            Drive(
                *(DriveKind.DISK, Bus.SCSI, 2, 1, DriveSource.FILE, "[ds] a/raw.vmdk"),
                is_transient=True,
            ),
            Drive(DriveKind.CDROM, Bus.SCSI, 2, 1, DriveSource.CLIENT, is_passthrough=True),
        ),
        network_cards=(
            NetworkCard(
                *("00:50:56:00:00:01", False, "vmxnet3"),
                distributed_port=DistributedPort("50", "pg", "1", 5),
            ),
        ),
        serial_ports=(Port(0, NetworkPort("x", proxy="tcp://p:1")),),
    )


# --- a host ---------------------------------------------------------------------------------------

SUMMARY = """
    <vendor>Dell Inc.</vendor><model>PowerEdge R640</model>
    <uuid>4C4C4544-0051-3510-8052-B4C04F564432</uuid>
    <memorySize>205989527552</memorySize>
    <cpuModel>Intel(R) Xeon(R) Gold 6130  CPU @ 2.10GHz </cpuModel><cpuMhz>2095</cpuMhz>
    <numCpuPkgs>2</numCpuPkgs><numCpuCores>32</numCpuCores><numCpuThreads>64</numCpuThreads>
    <numNics>4</numNics><numHBAs>3</numHBAs>
"""

HOST = {
    "capability.vmotionSupported": ("xsd:boolean", "true"),
    "hardware.cpuPkg": (
        "ArrayOfHostCpuPackage",
        '<HostCpuPackage xsi:type="HostCpuPackage"><index>0</index><vendor>intel</vendor>'
        "<hz>2095078528</hz></HostCpuPackage>",
    ),
    "hardware.numaInfo": ("HostNumaInfo", "<type>NUMA</type><numNodes>2</numNodes>"),
    "summary.hardware": ("HostHardwareSummary", SUMMARY),
}

EXPECTED_HOST = HostHardware(
    cpu_model="Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz",
    cpu_vendor="intel",
    mhz=2095,
    packages=2,
    cores=32,
    threads=64,
    memory=205989527552,
    numa_nodes=2,
    uuid="4c4c4544-0051-3510-8052-b4c04f564432",
    can_vmotion=True,
)


def test_a_host_is_read_of_its_properties() -> None:
    """Blanks of the processor's name are the vendor's own, and say nothing."""
    found = host_hardware(properties(HOST))

    assert found == EXPECTED_HOST


def test_a_host_is_as_well_read_of_greater_properties() -> None:
    """Whoever asked for them has what is in them."""
    hardware = (
        "<cpuPkg><index>0</index><vendor>intel</vendor></cpuPkg>"
        "<cpuPkg><index>1</index><vendor>intel</vendor></cpuPkg>"
        "<numaInfo><type>NUMA</type><numNodes>2</numNodes></numaInfo>"
    )
    found = host_hardware(
        properties(
            {
                "capability": ("HostCapability", "<vmotionSupported>true</vmotionSupported>"),
                "hardware": ("HostHardwareInfo", hardware),
                "summary": ("HostListSummary", f"<hardware>{SUMMARY}</hardware>"),
            }
        )
    )

    assert found == EXPECTED_HOST


def test_a_host_of_which_nothing_is_told_has_the_least() -> None:
    """As one that is disconnected."""
    assert host_hardware({}) == HostHardware()
