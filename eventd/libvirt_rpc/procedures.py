"""The procedures of libvirt's remote protocol that eventd answers: numbers, arguments, results.

One row for each; the numbers of libvirt's protocol never change. What is about the protocol alone
is answered by `eventd.libvirt_rpc.session`, all else by `eventd.libvirt_rpc.calls`: a method of the
same name for each row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from eventd.libvirt_rpc.events import DOMAIN, TEXT, TYPED_PARAMETER, RemoteDomain, TypedParameter
from eventd.libvirt_rpc.xdr import (
    INT,
    UHYPER,
    UINT,
    Reading,
    Type,
    array,
    characters,
    opaque,
    optional,
    string,
    structure,
)

__all__ = ["MOST_LISTED", "NOT_SERVED", "PROCEDURES", "Procedure", "RemoteSnapshot", "Statistics"]

MOST_LISTED = 16_384
"""``REMOTE_DOMAIN_LIST_MAX``: no client takes a longer list."""

_GIVEN = string(most=64 * 1024)
"""A text of a client: a URI, a name. libvirtd takes 4 MiB."""

_UUID = opaque(16)

_GIVEN_DOMAIN = structure(RemoteDomain, _GIVEN, _UUID, INT)


class Procedure(NamedTuple):
    """One row: what a client may call."""

    name: str
    """The method that answers it."""
    function: str
    """The function of libvirt's API, for messages that name it."""
    arguments: Sequence[Type[Any]]
    results: Sequence[Type[Any]]
    writes: bool = False
    """Whether it changes something, and is forbidden to who may only read."""

    def read_arguments(self, payload: bytes) -> tuple[Any, ...]:
        """Return the arguments; what follows them is passed by, as libvirtd does.

        Raises:
            UndecodableMessage: they are none of this procedure.
        """
        reading = Reading(payload)
        return tuple(each.read(reading) for each in self.arguments)

    def write_results(self, results: Sequence[Any]) -> bytes:
        """Return results as they are on the wire."""
        into = bytearray()
        for kind, value in zip(self.results, results, strict=True):
            kind.write(value, into)
        return bytes(into)


class RemoteSnapshot(NamedTuple):
    """``remote_nonnull_domain_snapshot``."""

    name: str
    domain: RemoteDomain


class Statistics(NamedTuple):
    """``remote_domain_stats_record``."""

    domain: RemoteDomain
    parameters: Sequence[TypedParameter]


class MemoryStatistic(NamedTuple):
    """``remote_domain_memory_stat``."""

    tag: int
    """``virDomainMemoryStatTags``."""
    value: int


_DOMAINS = array(DOMAIN, most=MOST_LISTED)
_NAMES = array(TEXT, most=MOST_LISTED)

_SNAPSHOT = structure(RemoteSnapshot, TEXT, DOMAIN)
_SNAPSHOTS = array(_SNAPSHOT, most=MOST_LISTED)
_GIVEN_SNAPSHOT = structure(RemoteSnapshot, _GIVEN, _GIVEN_DOMAIN)
_STATISTICS = array(
    structure(Statistics, DOMAIN, array(TYPED_PARAMETER, most=262_144)), most=MOST_LISTED
)
_MODEL = characters(32)

PROCEDURES: Mapping[int, Procedure] = {
    # -- the connection
    1: Procedure("open", "virConnectOpen", [optional(_GIVEN), UINT], []),
    2: Procedure("close", "virConnectClose", [], []),
    3: Procedure("get_type", "virConnectGetType", [], [TEXT]),
    60: Procedure("supports_feature", "virConnectSupportsFeature", [INT], [INT]),
    66: Procedure("auth_list", "virConnectAuthList", [], [array(INT, most=20)]),
    110: Procedure("get_uri", "virConnectGetURI", [], [TEXT]),
    149: Procedure("is_secure", "virConnectIsSecure", [], [INT]),
    157: Procedure("get_lib_version", "virConnectGetLibVersion", [], [UHYPER]),
    360: Procedure("register_close_callback", "virConnectRegisterCloseCallback", [], []),
    361: Procedure("unregister_close_callback", "virConnectUnregisterCloseCallback", [], []),
    # -- the host
    4: Procedure("get_version", "virConnectGetVersion", [], [UHYPER]),
    5: Procedure("get_max_vcpus", "virConnectGetMaxVcpus", [optional(_GIVEN)], [INT]),
    6: Procedure("node_get_info", "virNodeGetInfo", [], [_MODEL, UHYPER, *[INT] * 6]),
    7: Procedure("get_capabilities", "virConnectGetCapabilities", [], [TEXT]),
    59: Procedure("get_hostname", "virConnectGetHostname", [], [TEXT]),
    102: Procedure("node_get_free_memory", "virNodeGetFreeMemory", [], [UHYPER]),
    # -- which domains there are
    21: Procedure("list_defined_domains", "virConnectListDefinedDomains", [INT], [_NAMES]),
    22: Procedure("lookup_by_id", "virDomainLookupByID", [INT], [DOMAIN]),
    23: Procedure("lookup_by_name", "virDomainLookupByName", [_GIVEN], [DOMAIN]),
    24: Procedure("lookup_by_uuid", "virDomainLookupByUUID", [_UUID], [DOMAIN]),
    25: Procedure("num_of_defined_domains", "virConnectNumOfDefinedDomains", [], [INT]),
    37: Procedure("list_domains", "virConnectListDomains", [INT], [array(INT, most=MOST_LISTED)]),
    51: Procedure("num_of_domains", "virConnectNumOfDomains", [], [INT]),
    273: Procedure("list_all_domains", "virConnectListAllDomains", [INT, UINT], [_DOMAINS, UINT]),
    # -- one domain
    14: Procedure("get_xml_desc", "virDomainGetXMLDesc", [_GIVEN_DOMAIN, UINT], [TEXT]),
    15: Procedure("get_autostart", "virDomainGetAutostart", [_GIVEN_DOMAIN], [INT]),
    16: Procedure(
        "get_info", "virDomainGetInfo", [_GIVEN_DOMAIN], [UINT, UHYPER, UHYPER, UINT, UHYPER]
    ),
    17: Procedure("get_max_memory", "virDomainGetMaxMemory", [_GIVEN_DOMAIN], [UHYPER]),
    18: Procedure("get_domain_max_vcpus", "virDomainGetMaxVcpus", [_GIVEN_DOMAIN], [INT]),
    19: Procedure("get_os_type", "virDomainGetOSType", [_GIVEN_DOMAIN], [TEXT]),
    150: Procedure("is_active", "virDomainIsActive", [_GIVEN_DOMAIN], [INT]),
    151: Procedure("is_persistent", "virDomainIsPersistent", [_GIVEN_DOMAIN], [INT]),
    159: Procedure(
        "get_memory_stats",
        "virDomainMemoryStats",
        [_GIVEN_DOMAIN, UINT, UINT],
        [array(structure(MemoryStatistic, INT, UHYPER), most=1024)],
    ),
    183: Procedure(
        "has_managed_save_image", "virDomainHasManagedSaveImage", [_GIVEN_DOMAIN, UINT], [INT]
    ),
    200: Procedure("get_vcpus_flags", "virDomainGetVcpusFlags", [_GIVEN_DOMAIN, UINT], [INT]),
    202: Procedure("is_updated", "virDomainIsUpdated", [_GIVEN_DOMAIN], [INT]),
    212: Procedure("get_state", "virDomainGetState", [_GIVEN_DOMAIN, UINT], [INT, INT]),
    265: Procedure(
        "get_metadata",
        "virDomainGetMetadata",
        [_GIVEN_DOMAIN, INT, optional(_GIVEN), UINT],
        [TEXT],
    ),
    # -- its snapshots
    186: Procedure(
        "snapshot_get_xml_desc", "virDomainSnapshotGetXMLDesc", [_GIVEN_SNAPSHOT, UINT], [TEXT]
    ),
    187: Procedure("snapshot_num", "virDomainSnapshotNum", [_GIVEN_DOMAIN, UINT], [INT]),
    188: Procedure(
        "snapshot_list_names", "virDomainSnapshotListNames", [_GIVEN_DOMAIN, INT, UINT], [_NAMES]
    ),
    189: Procedure(
        "snapshot_lookup_by_name",
        "virDomainSnapshotLookupByName",
        [_GIVEN_DOMAIN, _GIVEN, UINT],
        [_SNAPSHOT],
    ),
    190: Procedure(
        "has_current_snapshot", "virDomainHasCurrentSnapshot", [_GIVEN_DOMAIN, UINT], [INT]
    ),
    191: Procedure(
        "snapshot_current", "virDomainSnapshotCurrent", [_GIVEN_DOMAIN, UINT], [_SNAPSHOT]
    ),
    244: Procedure(
        "snapshot_get_parent", "virDomainSnapshotGetParent", [_GIVEN_SNAPSHOT, UINT], [_SNAPSHOT]
    ),
    246: Procedure(
        "snapshot_num_children", "virDomainSnapshotNumChildren", [_GIVEN_SNAPSHOT, UINT], [INT]
    ),
    271: Procedure(
        "snapshot_is_current", "virDomainSnapshotIsCurrent", [_GIVEN_SNAPSHOT, UINT], [INT]
    ),
    272: Procedure(
        "snapshot_has_metadata", "virDomainSnapshotHasMetadata", [_GIVEN_SNAPSHOT, UINT], [INT]
    ),
    274: Procedure(
        "list_all_snapshots",
        "virDomainListAllSnapshots",
        [_GIVEN_DOMAIN, INT, UINT],
        [_SNAPSHOTS, INT],
    ),
    275: Procedure(
        "snapshot_list_all_children",
        "virDomainSnapshotListAllChildren",
        [_GIVEN_SNAPSHOT, INT, UINT],
        [_SNAPSHOTS, INT],
    ),
    426: Procedure("get_messages", "virDomainGetMessages", [_GIVEN_DOMAIN, UINT], [_NAMES]),
    344: Procedure(
        "get_all_domain_stats",
        "virConnectGetAllDomainStats",
        [array(_GIVEN_DOMAIN, most=MOST_LISTED), UINT, UINT],
        [_STATISTICS],
    ),
    # -- events
    105: Procedure("register_lifecycle", "virConnectDomainEventRegister", [], [INT]),
    106: Procedure("deregister_lifecycle", "virConnectDomainEventDeregister", [], [INT]),
    167: Procedure("register_legacy", "virConnectDomainEventRegisterAny", [INT], []),
    168: Procedure("deregister_legacy", "virConnectDomainEventDeregisterAny", [INT], []),
    316: Procedure(
        "register", "virConnectDomainEventRegisterAny", [INT, optional(_GIVEN_DOMAIN)], [INT]
    ),
    317: Procedure("deregister", "virConnectDomainEventDeregisterAny", [INT], []),
    # -- operations
    9: Procedure("start", "virDomainCreate", [_GIVEN_DOMAIN], [], writes=True),
    12: Procedure("destroy", "virDomainDestroy", [_GIVEN_DOMAIN], [], writes=True),
    27: Procedure("reboot", "virDomainReboot", [_GIVEN_DOMAIN, UINT], [], writes=True),
    28: Procedure("resume", "virDomainResume", [_GIVEN_DOMAIN], [], writes=True),
    33: Procedure("shutdown", "virDomainShutdown", [_GIVEN_DOMAIN], [], writes=True),
    34: Procedure("suspend", "virDomainSuspend", [_GIVEN_DOMAIN], [], writes=True),
    196: Procedure(
        "start_flags", "virDomainCreateWithFlags", [_GIVEN_DOMAIN, UINT], [DOMAIN], writes=True
    ),
    234: Procedure(
        "destroy_flags", "virDomainDestroyFlags", [_GIVEN_DOMAIN, UINT], [], writes=True
    ),
    245: Procedure("reset", "virDomainReset", [_GIVEN_DOMAIN, UINT], [], writes=True),
    258: Procedure(
        "shutdown_flags", "virDomainShutdownFlags", [_GIVEN_DOMAIN, UINT], [], writes=True
    ),
}

NOT_SERVED: Mapping[int, str] = {
    11: "virDomainDefineXML",
    20: "virDomainGetVcpus",
    29: "virDomainSetAutostart",
    35: "virDomainUndefine",
    52: "virConnectNumOfNetworks",
    55: "virDomainSave",
    56: "virDomainGetSchedulerType",
    64: "virDomainBlockStats",
    65: "virDomainInterfaceStats",
    71: "virConnectNumOfStoragePools",
    77: "virStoragePoolDefineXML",
    101: "virNodeGetCellsFreeMemory",
    163: "virDomainGetJobInfo",
    182: "virDomainManagedSave",
    185: "virDomainSnapshotCreateXML",
    192: "virDomainRevertToSnapshot",
    193: "virDomainSnapshotDelete",
    203: "virConnectGetSysinfo",
    204: "virDomainSetMemoryFlags",
    211: "virDomainScreenshot",
    227: "virNodeGetCPUStats",
    229: "virDomainGetControlInfo",
    230: "virDomainGetVcpuPinInfo",
    243: "virDomainBlockStatsFlags",
    264: "virDomainSetMetadata",
    337: "virDomainGetTime",
    353: "virDomainInterfaceAddresses",
}
"""What people and programs ask for all the same: they are told so by the name of the function."""
