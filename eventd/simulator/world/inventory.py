"""The objects that a host has from the start: folders, hosts, pools, services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import NAMESPACE_DNS, uuid5

from eventd.simulator.world.objects import Objects
from eventd.simulator.world.settings import Product
from eventd.simulator.world.values import DataObject, Value
from eventd.vi.types import ManagedObjectReference

__all__ = ["Inventory", "build_inventory", "uuid_of"]

Reference = ManagedObjectReference


class _Datastore(NamedTuple):
    name: str
    type: str
    directory: str
    """Where hosts mount it."""


DATASTORES = (
    _Datastore("datastore1", "VMFS", "datastore1"),
    _Datastore("iscsi1", "VMFS", "4b0d774f-6af80cf8-85ae-001b21758d2a"),
    _Datastore("nfs1", "NFS", "9d3a4c42-5e9f7a10"),
)
"""A local disk, a disk of an iSCSI target, and a directory of an NFS server."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """References of the objects that are always there."""

    product: Product
    service_instance: Reference
    session_manager: Reference
    property_collector: Reference
    view_manager: Reference
    search_index: Reference
    task_manager: Reference
    event_manager: Reference
    root_folder: Reference
    datacenter: Reference
    domain_folder: Reference
    host_folder: Reference
    datastore_folder: Reference
    network_folder: Reference
    compute_resource: Reference
    resource_pool: Reference
    datastores: tuple[Reference, ...]
    """Those of `DATASTORES`, in order."""
    autostart: Reference
    hosts: tuple[Reference, ...]

    @property
    def datastore(self) -> Reference:
        """The one that the domains are on."""
        return self.datastores[0]

    def domain_reference(self, number: int) -> Reference:
        """The reference of the domain with a number: ``7`` on a bare host, else ``vm-7``."""
        return Reference("VirtualMachine", str(number) if self.product == "esx" else f"vm-{number}")

    def task_value(self, serial: int, description_id: str, entity: Reference) -> str:
        """The value of a task's reference, in the product's form."""
        if self.product == "esx":
            return f"haTask-{entity.value}-vim.{description_id}-{serial}"
        return f"task-{serial}"


def uuid_of(name: str) -> str:
    """A UUID that is always the same for the same name."""
    return str(uuid5(NAMESPACE_DNS, f"{name}.eventd.invalid"))


def host_name(number: int) -> str:
    """The name of the host with a number, from 1."""
    return f"esx{number:02}.example"


def build_inventory(
    objects: Objects,
    product: Product,
    hosts: int,
    *,
    first_host: int = 1,
    identity: str | None = None,
) -> Inventory:
    """Create the objects of a bare host or of a vCenter with one cluster.

    The hosts are named ``esx01.example`` and so on, from ``first_host``. ``identity`` is the UUID
    of the vCenter or of the bare host's hardware, if it is to be a certain one.
    """
    inventory = _bare_host() if product == "esx" else _vcenter(hosts)
    _create_services(objects, inventory, identity or uuid_of("vcenter"))
    _create_folders(objects, inventory)
    _create_compute_resource(objects, inventory, first_host)
    for number, host in enumerate(inventory.hosts, start=first_host):
        name = host_name(number)
        uuid = identity if identity and product == "esx" else uuid_of(name)
        _create_host(objects, inventory, host, name, uuid)
    return inventory


def _bare_host() -> Inventory:
    return Inventory(
        product="esx",
        service_instance=Reference("ServiceInstance", "ServiceInstance"),
        session_manager=Reference("SessionManager", "ha-sessionmgr"),
        property_collector=Reference("PropertyCollector", "ha-property-collector"),
        view_manager=Reference("ViewManager", "ViewManager"),
        search_index=Reference("SearchIndex", "ha-searchindex"),
        task_manager=Reference("TaskManager", "ha-taskmgr"),
        event_manager=Reference("EventManager", "ha-eventmgr"),
        root_folder=Reference("Folder", "ha-folder-root"),
        datacenter=Reference("Datacenter", "ha-datacenter"),
        domain_folder=Reference("Folder", "ha-folder-vm"),
        host_folder=Reference("Folder", "ha-folder-host"),
        datastore_folder=Reference("Folder", "ha-folder-datastore"),
        network_folder=Reference("Folder", "ha-folder-network"),
        compute_resource=Reference("ComputeResource", "ha-compute-res"),
        resource_pool=Reference("ResourcePool", "ha-root-pool"),
        datastores=tuple(Reference("Datastore", each.name) for each in DATASTORES),
        autostart=Reference("HostAutoStartManager", "ha-autostart-mgr"),
        hosts=(Reference("HostSystem", "ha-host"),),
    )


def _vcenter(hosts: int) -> Inventory:
    return Inventory(
        product="vpx",
        service_instance=Reference("ServiceInstance", "ServiceInstance"),
        session_manager=Reference("SessionManager", "SessionManager"),
        property_collector=Reference("PropertyCollector", "propertyCollector"),
        view_manager=Reference("ViewManager", "ViewManager"),
        search_index=Reference("SearchIndex", "SearchIndex"),
        task_manager=Reference("TaskManager", "TaskManager"),
        event_manager=Reference("EventManager", "EventManager"),
        root_folder=Reference("Folder", "group-d1"),
        datacenter=Reference("Datacenter", "datacenter-2"),
        domain_folder=Reference("Folder", "group-v3"),
        host_folder=Reference("Folder", "group-h4"),
        datastore_folder=Reference("Folder", "group-s5"),
        network_folder=Reference("Folder", "group-n6"),
        compute_resource=Reference("ClusterComputeResource", "domain-c7"),
        resource_pool=Reference("ResourcePool", "resgroup-8"),
        datastores=tuple(Reference("Datastore", f"datastore-9{at or ''}") for at in range(3)),
        autostart=Reference("HostAutoStartManager", "autostart-10"),
        hosts=tuple(Reference("HostSystem", f"host-{11 + number}") for number in range(hosts)),
    )


def about(product: Product, api_version: str, instance_uuid: str | None = None) -> DataObject:
    """What the product says about itself; a vCenter, which instance it is too."""
    version = ".".join((api_version + ".0.0").split(".")[:3])
    if product == "esx" and version == "2.5.0":
        version = "3.5.0"  # the product and its API counted differently then
    name, line, api, licence = {
        "esx": ("VMware ESXi", "embeddedEsx", "HostAgent", "VMware ESX Server"),
        "vpx": ("VMware vCenter Server", "vpx", "VirtualCenter", "VMware VirtualCenter Server"),
    }[product]
    members: dict[str, Value] = {
        "name": name,
        "fullName": f"{name} {version} build-1 (eventd simulator)",
        "vendor": "eventd simulator",
        "version": version,
        "build": "1",
        "localeVersion": "INTL",
        "localeBuild": "000",
        "osType": "vmnix-x86" if product == "esx" else "linux-x64",
        "productLineId": line,
        "apiType": api,
        "apiVersion": api_version,
        "licenseProductName": licence,
        "licenseProductVersion": version.partition(".")[0] + ".0",
    }
    if instance_uuid is not None:
        members["instanceUuid"] = instance_uuid
    return DataObject("AboutInfo", members)


def _create_services(objects: Objects, inventory: Inventory, instance_uuid: str) -> None:
    product, api_version = inventory.product, objects.schema.api_version
    is_vcenter = product == "vpx"
    content = DataObject(
        "ServiceContent",
        {
            "rootFolder": inventory.root_folder,
            "propertyCollector": inventory.property_collector,
            "viewManager": inventory.view_manager,
            "about": about(product, api_version, instance_uuid if is_vcenter else None),
            "sessionManager": inventory.session_manager,
            "eventManager": inventory.event_manager,
            "taskManager": inventory.task_manager,
            "searchIndex": inventory.search_index,
        },
    )
    objects.create(inventory.service_instance, {"content": content})
    objects.create(inventory.session_manager, {"defaultLocale": "en"})
    objects.create(inventory.task_manager, {"maxCollector": 32})
    objects.create(inventory.event_manager, {"maxCollector": 32})
    for obj in (inventory.property_collector, inventory.view_manager, inventory.search_index):
        objects.create(obj, {})
    defaults = DataObject(
        "AutoStartDefaults",
        {
            "enabled": False,
            "startDelay": 120,
            "stopDelay": 120,
            "waitForHeartbeat": False,
            "stopAction": "PowerOff",
        },
    )
    objects.create(inventory.autostart, {"config.defaults": defaults})


def _create_entity(
    objects: Objects,
    obj: Reference,
    name: str,
    parent: Reference | None,
    values: Mapping[str, Value],
) -> None:
    entity: dict[str, Value] = {
        "name": name,
        "overallStatus": "green",
        "configStatus": "green",
        "alarmActionsEnabled": True,
    }
    if parent is not None:
        entity["parent"] = parent
    objects.create(obj, {**entity, **values})
    if parent is not None and parent.type == "Folder":
        objects.link(parent, "childEntity", obj)


def _create_folders(objects: Objects, inventory: Inventory) -> None:
    _create_entity(objects, inventory.root_folder, "Datacenters", None, {"childType": ("Folder",)})
    folders = {
        "vmFolder": (inventory.domain_folder, "vm", "VirtualMachine"),
        "hostFolder": (inventory.host_folder, "host", "ComputeResource"),
        "datastoreFolder": (inventory.datastore_folder, "datastore", "Datastore"),
        "networkFolder": (inventory.network_folder, "network", "Network"),
    }
    _create_entity(
        objects,
        inventory.datacenter,
        "ha-datacenter" if inventory.product == "esx" else "Datacenter",
        inventory.root_folder,
        {path: folder for path, (folder, _, _) in folders.items()},
    )
    for folder, name, child in folders.values():
        _create_entity(
            objects, folder, name, inventory.datacenter, {"childType": ("Folder", child)}
        )
    for datastore in inventory.datastores:
        objects.link(inventory.datacenter, "datastore", datastore)


def _create_compute_resource(objects: Objects, inventory: Inventory, first_host: int) -> None:
    compute = inventory.compute_resource
    name = host_name(first_host) if inventory.product == "esx" else "Cluster"
    values: dict[str, Value] = {"resourcePool": inventory.resource_pool}
    _create_entity(objects, compute, name, inventory.host_folder, values)
    _create_entity(objects, inventory.resource_pool, "Resources", compute, {"owner": compute})
    for reference, datastore in zip(inventory.datastores, DATASTORES, strict=True):
        objects.link(compute, "datastore", reference)
        _create_datastore(objects, inventory, reference, datastore)


def _create_datastore(
    objects: Objects, inventory: Inventory, reference: Reference, datastore: _Datastore
) -> None:
    browser = Reference("HostDatastoreBrowser", f"{reference.value}-browser")
    objects.create(browser, {})
    path = f"/vmfs/volumes/{datastore.directory}"
    size = 1 << 40
    _create_entity(
        objects,
        reference,
        datastore.name,
        inventory.datastore_folder,
        {
            "browser": browser,
            "summary.datastore": reference,
            "summary.name": datastore.name,
            "summary.url": f"ds://{path}/",
            "summary.capacity": size,
            "summary.freeSpace": size // 2,
            "summary.accessible": True,
            "summary.type": datastore.type,
            "host": tuple(_mount(host, path) for host in inventory.hosts),
        },
    )


def _mount(host: Reference, path: str) -> DataObject:
    info: dict[str, Value] = {"path": path, "accessMode": "readWrite", "accessible": True}
    return DataObject(
        "DatastoreHostMount", {"key": host, "mountInfo": DataObject("HostMountInfo", info)}
    )


_CPU_MODEL = "Simulated CPU @ 2.00GHz"
_MEMORY = 64 << 30

# libvirt's esx_driver.c reads CPUID leaf 0x80000001 (as a signed integer) at every connect and
# wants all four registers; bit 29 of EDX says that the processor is 64 bits wide.
_CPU_FEATURE = DataObject(
    "HostCpuIdInfo",
    {
        "level": -2147483647,
        "eax": "0000:0000:0000:0000:0000:0000:0000:0000",
        "ebx": "0000:0000:0000:0000:0000:0000:0000:0000",
        "ecx": "0000:0000:0000:0000:0000:0000:0000:0001",
        "edx": "0010:0000:0000:0000:0000:1000:0000:0000",
    },
)


def _create_host(
    objects: Objects, inventory: Inventory, host: Reference, name: str, uuid: str
) -> None:
    short_name, _, dns_domain = name.partition(".")
    product = about("esx", objects.schema.api_version)
    _create_entity(
        objects,
        host,
        name,
        inventory.compute_resource,
        {
            "runtime.connectionState": "connected",
            "runtime.powerState": "poweredOn",
            "runtime.inMaintenanceMode": False,
            "summary.host": host,
            "summary.rebootRequired": False,
            "summary.quickStats.overallMemoryUsage": 2048,
            "summary.hardware.vendor": "eventd",
            "summary.hardware.model": "simulator",
            "summary.hardware.uuid": uuid,
            "summary.hardware.cpuModel": _CPU_MODEL,
            "summary.hardware.cpuMhz": 2000,
            "summary.hardware.numCpuPkgs": 1,
            "summary.hardware.numCpuCores": 4,
            "summary.hardware.numCpuThreads": 8,
            "summary.hardware.numNics": 1,
            "summary.hardware.numHBAs": 1,
            "summary.config.port": 443,
            "summary.config.product": product,
            "summary.config.vmotionEnabled": True,
            "hardware.systemInfo.vendor": "eventd",
            "hardware.systemInfo.model": "simulator",
            "hardware.systemInfo.uuid": uuid,
            "hardware.cpuInfo.numCpuPackages": 1,
            "hardware.cpuInfo.numCpuCores": 4,
            "hardware.cpuInfo.numCpuThreads": 8,
            "hardware.cpuInfo.hz": 2_000_000_000,
            "hardware.memorySize": _MEMORY,
            "hardware.numaInfo.type": "NUMA",
            "hardware.numaInfo.numNodes": 1,
            "hardware.cpuFeature": (_CPU_FEATURE,),
            "capability.vmotionSupported": True,
            "capability.maxSupportedVcpus": 8,
            "capability.maintenanceModeSupported": True,
            "capability.screenshotSupported": False,
            "configManager.autoStartManager": inventory.autostart,
            "config.host": host,
            "config.product": product,
            "config.network.dnsConfig.dhcp": True,
            "config.network.dnsConfig.hostName": short_name,
            "config.network.dnsConfig.domainName": dns_domain,
        },
    )
    for datastore in inventory.datastores:
        objects.link(host, "datastore", datastore)
    objects.link(inventory.compute_resource, "host", host)
