"""One domain, as the VI API tells its configuration and as its VMX file does.

The elements are those of ESX 7: what a device has, in the order of the WSDL.
"""

from __future__ import annotations

from eventd.vi.xml import Element
from tests.vi.answers import element_of

__all__ = ["CONFIG", "VMX_FILE", "device", "hardware_of", "properties"]


def device(type: str, key: int, content: str, label: str = "") -> str:  # noqa: A002
    """Write a virtual device with what all of them have."""
    info = f"<deviceInfo><label>{label}</label><summary>{label}</summary></deviceInfo>"
    return f'<device xsi:type="{type}"><key>{key}</key>{info}{content}</device>'


CONNECTABLE = (
    "<connectable><migrateConnect>unset</migrateConnect><startConnected>true</startConnected>"
    "<allowGuestControl>true</allowGuestControl><connected>true</connected>"
    "<status>ok</status></connectable>"
)


def on(controller: int, unit: int) -> str:
    """Write where a device is."""
    return f"<controllerKey>{controller}</controllerKey><unitNumber>{unit}</unitNumber>"


def file_backing(type: str, name: str, more: str = "") -> str:  # noqa: A002
    """Write a backing that is a file in the datastore."""
    return (
        f'<backing xsi:type="{type}"><fileName>[datastore1] {name}</fileName>'
        f'<datastore type="Datastore">ha-datastore-1</datastore>{more}</backing>'
    )


def device_backing(type: str, name: str, more: str = "") -> str:  # noqa: A002
    """Write a backing that is a device."""
    return (
        f'<backing xsi:type="{type}"><deviceName>{name}</deviceName>'
        f"<useAutoDetect>false</useAutoDetect>{more}</backing>"
    )


def disk(key: int, controller: int, unit: int, file: str, mode: str, *, through: bool) -> str:
    """Write a disk with a file of the usual kind."""
    more = (
        f"<diskMode>{mode}</diskMode><split>false</split>"
        f"<writeThrough>{str(through).lower()}</writeThrough>"
        "<thinProvisioned>true</thinProvisioned>"
        "<uuid>6000C29f-1f1f-4d4d-8a8a-0123456789ab</uuid>"
    )
    return device(
        "VirtualDisk",
        key,
        file_backing("VirtualDiskFlatVer2BackingInfo", file, more)
        + on(controller, unit)
        + "<capacityInKB>16777216</capacityInKB>",
        "Hard disk",
    )


def card(type: str, key: int, backing: str, address_type: str, mac: str) -> str:  # noqa: A002
    """Write a network card."""
    return device(
        type,
        key,
        f"{backing}{CONNECTABLE}{on(100, key - 3993)}<addressType>{address_type}</addressType>"
        f"<macAddress>{mac}</macAddress><wakeOnLanEnabled>true</wakeOnLanEnabled>",
        "Network adapter",
    )


def network(name: str) -> str:
    """Write the backing of a card on a network."""
    more = '<network type="Network">HaNetwork-VM Network</network>'
    return device_backing("VirtualEthernetCardNetworkBackingInfo", name, more)


PORT_OF_SWITCH = (
    '<backing xsi:type="VirtualEthernetCardDistributedVirtualPortBackingInfo"><port>'
    "<switchUuid>50 37 4f 0c 55 3a fd b1-3a 3f 4a 5b 6c 7d 8e 9f</switchUuid>"
    "<portgroupKey>dvportgroup-102</portgroupKey><portKey>17</portKey>"
    "<connectionCookie>1234</connectionCookie></port></backing>"
)

DEVICES = (
    device("VirtualIDEController", 200, "<busNumber>0</busNumber><device>3000</device>", "IDE 0"),
    device("VirtualIDEController", 201, "<busNumber>1</busNumber>", "IDE 1"),
    device("VirtualPS2Controller", 300, "<busNumber>0</busNumber><device>600</device>"),
    device("VirtualPCIController", 100, "<busNumber>0</busNumber><device>500</device>"),
    device("VirtualSIOController", 400, "<busNumber>0</busNumber>", "SIO controller 0"),
    device("VirtualKeyboard", 600, on(300, 0), "Keyboard"),
    device("VirtualPointingDevice", 700, "<backing/>" + on(300, 1), "Pointing device"),
    device(
        "VirtualMachineVideoCard",
        500,
        on(100, 0)
        + "<videoRamSizeInKB>8192</videoRamSizeInKB><numDisplays>1</numDisplays>"
        + "<useAutoDetect>false</useAutoDetect>",
        "Video card",
    ),
    device("VirtualMachineVMCIDevice", 12000, on(100, 17) + "<id>-1</id>", "VMCI device"),
    device(
        "VirtualLsiLogicController",
        1000,
        on(100, 3)
        + "<busNumber>0</busNumber><device>2000</device><hotAddRemove>true</hotAddRemove>"
        + "<sharedBus>noSharing</sharedBus><scsiCtlrUnitNumber>7</scsiCtlrUnitNumber>",
        "SCSI controller 0",
    ),
    device("VirtualAHCIController", 15000, on(100, 24) + "<busNumber>0</busNumber>", "SATA 0"),
    disk(2000, 1000, 0, "web01/web01.vmdk", "persistent", through=False),
    disk(2008, 1000, 8, "web01/web01_1.vmdk", "independent_nonpersistent", through=True),
    disk(16001, 15000, 1, "other place/web01_2.vmdk", "independent_persistent", through=False),
    device(
        "VirtualCdrom",
        16000,
        file_backing("VirtualCdromIsoBackingInfo", "iso/debian.iso") + CONNECTABLE + on(15000, 0),
        "CD/DVD drive 1",
    ),
    device(
        "VirtualCdrom",
        3000,
        device_backing("VirtualCdromAtapiBackingInfo", "/vmfs/devices/cdrom/mpx.vmhba0:C0:T0:L0")
        + CONNECTABLE
        + on(200, 0),
        "CD/DVD drive 2",
    ),
    device(
        "VirtualCdrom",
        3002,
        device_backing(
            "VirtualCdromPassthroughBackingInfo", "/dev/cdrom", "<exclusive>false</exclusive>"
        )
        + CONNECTABLE
        + on(201, 0),
        "CD/DVD drive 3",
    ),
    device(
        "VirtualCdrom",
        3003,
        device_backing(
            "VirtualCdromRemotePassthroughBackingInfo", "", "<exclusive>true</exclusive>"
        )
        + CONNECTABLE
        + on(201, 1),
        "CD/DVD drive 4",
    ),
    device(
        "VirtualFloppy",
        8000,
        file_backing("VirtualFloppyImageBackingInfo", "iso/boot.flp") + CONNECTABLE + on(400, 0),
        "Floppy drive 1",
    ),
    device(
        "VirtualFloppy",
        8001,
        device_backing("VirtualFloppyDeviceBackingInfo", "/dev/fd0") + CONNECTABLE + on(400, 1),
        "Floppy drive 2",
    ),
    card("VirtualVmxnet3", 4000, network("VM Network"), "assigned", "00:50:56:aa:bb:01"),
    card("VirtualE1000e", 4001, network("Storage"), "generated", "00:0c:29:aa:bb:02"),
    card("VirtualPCNet32", 4002, network("Old"), "manual", "00:50:56:00:00:03"),
    card("VirtualE1000", 4003, PORT_OF_SWITCH, "assigned", "00:50:56:aa:bb:04"),
    device(
        "VirtualSerialPort",
        9000,
        file_backing("VirtualSerialPortFileBackingInfo", "web01/serial.log")
        + CONNECTABLE
        + on(400, 0)
        + "<yieldOnPoll>true</yieldOnPoll>",
        "Serial port 1",
    ),
    device(
        "VirtualSerialPort",
        9001,
        '<backing xsi:type="VirtualSerialPortPipeBackingInfo"><pipeName>console</pipeName>'
        "<endpoint>server</endpoint><noRxLoss>false</noRxLoss></backing>" + on(400, 1),
        "Serial port 2",
    ),
    device(
        "VirtualSerialPort",
        9002,
        device_backing("VirtualSerialPortDeviceBackingInfo", "/dev/char/serial/uart0") + on(400, 2),
        "Serial port 3",
    ),
    device(
        "VirtualSerialPort",
        9003,
        '<backing xsi:type="VirtualSerialPortURIBackingInfo">'
        "<serviceURI>telnet://192.0.2.1:7001</serviceURI><direction>client</direction></backing>"
        + on(400, 3),
        "Serial port 4",
    ),
    device(
        "VirtualParallelPort",
        10000,
        device_backing("VirtualParallelPortDeviceBackingInfo", "/dev/parport0") + on(400, 0),
        "Parallel port 1",
    ),
    device(
        "VirtualParallelPort",
        10001,
        file_backing("VirtualParallelPortFileBackingInfo", "web01/print.out") + on(400, 1),
        "Parallel port 2",
    ),
)

OPTIONS = {
    "nvram": "web01.nvram",
    "RemoteDisplay.vnc.enabled": "TRUE",
    "RemoteDisplay.vnc.port": "5903",
    "RemoteDisplay.vnc.ip": "192.0.2.7",
    "RemoteDisplay.vnc.keymap": "de",
    "RemoteDisplay.vnc.password": "hunter2",
}

ALLOCATION = (
    "<reservation>{0}</reservation><expandableReservation>false</expandableReservation>"
    "<limit>{1}</limit><shares><shares>{2}</shares><level>{3}</level></shares>"
)


def hardware_of(*devices: str, memory: int = 1024, vcpus: int = 4, cores: int = 2) -> str:
    """Write ``config.hardware``."""
    return (
        f"<numCPU>{vcpus}</numCPU><numCoresPerSocket>{cores}</numCoresPerSocket>"
        f"<memoryMB>{memory}</memoryMB>"
        "<virtualICH7MPresent>false</virtualICH7MPresent>"
        "<virtualSMCPresent>false</virtualSMCPresent>" + "".join(devices)
    )


CONFIG = {
    "config.annotation": ("xsd:string", "Two\nlines, &lt;&amp;&gt; and ü"),
    "config.cpuAffinity": (
        "VirtualMachineAffinityInfo",
        "".join(f"<affinitySet>{number}</affinitySet>" for number in (0, 2, 3, 5)),
    ),
    "config.cpuAllocation": ("ResourceAllocationInfo", ALLOCATION.format(0, -1, 8000, "high")),
    "config.extraConfig": (
        "ArrayOfOptionValue",
        "".join(
            f'<OptionValue xsi:type="OptionValue"><key>{key}</key>'
            f'<value xsi:type="xsd:string">{value}</value></OptionValue>'
            for key, value in OPTIONS.items()
        ),
    ),
    "config.firmware": ("xsd:string", "efi"),
    "config.guestId": ("xsd:string", "debian11_64Guest"),
    "config.hardware": ("VirtualHardware", hardware_of(*DEVICES)),
    "config.memoryAllocation": (
        "ResourceAllocationInfo",
        ALLOCATION.format(256, 512, 10240, "normal"),
    ),
}
"""The properties that a domain's hardware is read of: type and content of each."""


def properties(config: dict[str, tuple[str, str]]) -> dict[str, Element]:
    """Return the elements of properties."""
    return {
        path: element_of(f'<val xsi:type="{type_}">{content}</val>')
        for path, (type_, content) in config.items()
    }


VMX_FILE = """\
config.version = "8"
virtualHW.version = "13"
displayName = "web01"
annotation = "Two|0Alines, <&> and ü"
uuid.bios = "56 4d 00 00 00 00 00 00-00 00 00 00 00 00 00 01"
memsize = "1024"
sched.mem.max = "512"
sched.mem.minsize = "256"
sched.cpu.affinity = "0,2,3,5"
sched.cpu.shares = "high"
numvcpus = "4"
cpuid.coresPerSocket = "2"
guestOS = "debian11-64"
firmware = "efi"
svga.vramSize = "8388608"
scsi0.present = "true"
scsi0.virtualDev = "lsilogic"
scsi0:0.present = "true"
scsi0:0.deviceType = "scsi-hardDisk"
scsi0:0.fileName = "/vmfs/volumes/datastore1/web01/web01.vmdk"
scsi0:8.present = "true"
scsi0:8.deviceType = "scsi-hardDisk"
scsi0:8.fileName = "/vmfs/volumes/datastore1/web01/web01_1.vmdk"
scsi0:8.mode = "independent-nonpersistent"
scsi0:8.writeThrough = "true"
sata0.present = "true"
sata0:0.present = "true"
sata0:0.deviceType = "cdrom-image"
sata0:0.fileName = "/vmfs/volumes/datastore1/iso/debian.iso"
sata0:1.present = "true"
sata0:1.deviceType = "disk"
sata0:1.mode = "independent-persistent"
sata0:1.fileName = "/vmfs/volumes/datastore1/other place/web01_2.vmdk"
ide0:0.present = "true"
ide0:0.deviceType = "atapi-cdrom"
ide0:0.fileName = "/vmfs/devices/cdrom/mpx.vmhba0:C0:T0:L0"
ide1:0.present = "true"
ide1:0.deviceType = "cdrom-raw"
ide1:0.fileName = "/dev/cdrom"
ide1:1.present = "true"
ide1:1.deviceType = "cdrom-raw"
ide1:1.clientDevice = "true"
ide1:1.fileName = ""
floppy0.present = "true"
floppy0.fileType = "file"
floppy0.fileName = "/vmfs/volumes/datastore1/iso/boot.flp"
floppy1.present = "true"
floppy1.fileType = "device"
floppy1.fileName = "/dev/fd0"
ethernet0.present = "true"
ethernet0.networkName = "VM Network"
ethernet0.addressType = "vpx"
ethernet0.generatedAddress = "00:50:56:aa:bb:01"
ethernet0.virtualDev = "vmxnet3"
ethernet1.present = "true"
ethernet1.networkName = "Storage"
ethernet1.addressType = "generated"
ethernet1.generatedAddress = "00:0c:29:aa:bb:02"
ethernet1.virtualDev = "e1000e"
ethernet2.present = "true"
ethernet2.networkName = "Old"
ethernet2.addressType = "static"
ethernet2.address = "00:50:56:00:00:03"
ethernet2.virtualDev = "vlance"
ethernet3.present = "true"
ethernet3.addressType = "vpx"
ethernet3.generatedAddress = "00:50:56:aa:bb:04"
ethernet3.virtualDev = "e1000"
ethernet3.dvs.switchId = "50 37 4f 0c 55 3a fd b1-3a 3f 4a 5b 6c 7d 8e 9f"
ethernet3.dvs.portId = "17"
ethernet3.dvs.portgroupId = "dvportgroup-102"
ethernet3.dvs.connectionId = "1234"
serial0.present = "true"
serial0.fileType = "file"
serial0.fileName = "/vmfs/volumes/datastore1/web01/serial.log"
serial1.present = "true"
serial1.fileType = "pipe"
serial1.fileName = "console"
serial1.pipe.endPoint = "server"
serial2.present = "true"
serial2.fileType = "device"
serial2.fileName = "/dev/char/serial/uart0"
serial3.present = "true"
serial3.fileType = "network"
serial3.fileName = "telnet://192.0.2.1:7001"
serial3.network.endPoint = "client"
parallel0.present = "true"
parallel0.fileType = "device"
parallel0.fileName = "/dev/parport0"
parallel1.present = "true"
parallel1.fileType = "file"
parallel1.fileName = "/vmfs/volumes/datastore1/web01/print.out"
RemoteDisplay.vnc.enabled = "TRUE"
RemoteDisplay.vnc.port = "5903"
RemoteDisplay.vnc.ip = "192.0.2.7"
RemoteDisplay.vnc.keymap = "de"
RemoteDisplay.vnc.password = "hunter2"
"""
"""The file of the same domain."""
