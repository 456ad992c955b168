"""How each event id is told to a libvirt client: message numbers, layouts, and what is put in.

All 28 have their layout; what VI never tells has no event class, and is never sent. What follows
the callback id is the same for all clients, and is encoded once.

Numbers and layouts: ``virConnectDomainEvent*`` of libvirt's remote protocol (11.3).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

from eventd.libvirt_rpc.messages import REMOTE_PROGRAM, VERSION, Header, Kind, message
from eventd.libvirt_rpc.xdr import (
    DOUBLE,
    HYPER,
    INT,
    UHYPER,
    UINT,
    Type,
    array,
    opaque,
    optional,
    string,
    structure,
    union,
)
from eventd.model.domain import Domain
from eventd.model.events import (
    DomainAgentLifecycle,
    DomainDeviceAdded,
    DomainDeviceRemovalFailed,
    DomainDeviceRemoved,
    DomainEvent,
    DomainGraphics,
    DomainIOError,
    DomainIOErrorReason,
    DomainJobCompleted,
    DomainMemoryFailure,
    DomainMetadataChanged,
    DomainNICMacChanged,
    DomainTrayChange,
    DomainTunable,
    DomainWatchdog,
    LifecycleEvent,
)
from eventd.model.ids import EventId
from eventd.model.record import EventRecord

__all__ = [
    "DOMAIN",
    "MESSAGES",
    "EventMessage",
    "Payloads",
    "RemoteDomain",
    "event_message",
    "typed_parameter",
    "uuid_bytes",
]

TEXT = string(most=4 * 1024 * 1024)
"""What eventd sends, of which only its hosts know how long it is: ``REMOTE_STRING_MAX``."""


def uuid_bytes(text: str) -> bytes:
    """Return a UUID as it is sent; a host may have a text there that is none."""
    try:
        return UUID(text).bytes
    except ValueError:
        return uuid5(NAMESPACE_OID, text).bytes


class RemoteDomain(NamedTuple):
    """``remote_nonnull_domain``: by this, clients know a domain."""

    name: str
    uuid: bytes
    id: int

    @classmethod
    def of(cls, domain: Domain) -> RemoteDomain:
        """Return a domain as clients know it."""
        return cls(domain.name, uuid_bytes(domain.uuid), domain.id)


DOMAIN = structure(RemoteDomain, TEXT, opaque(16), INT)

_INT_TYPE, _UINT_TYPE, _LLONG_TYPE, _ULLONG_TYPE, _DOUBLE_TYPE, _BOOLEAN_TYPE, _STRING_TYPE = range(
    1, 8
)
"""``virTypedParameterType``."""

TypedParameter = tuple[str, tuple[int, Any]]
"""``virTypedParameter``: a field, and its value with its type."""

TYPED_PARAMETER: Type[TypedParameter] = structure(
    lambda *fields: fields,
    TEXT,
    union(
        {
            _INT_TYPE: INT,
            _UINT_TYPE: UINT,
            _LLONG_TYPE: HYPER,
            _ULLONG_TYPE: UHYPER,
            _DOUBLE_TYPE: DOUBLE,
            _BOOLEAN_TYPE: INT,
            _STRING_TYPE: TEXT,
        }
    ),
)


def typed_parameter(field: str, value: int | float | str) -> TypedParameter:
    """Return a parameter of the type that libvirt has for most of its kind."""
    if isinstance(value, str):
        return field, (_STRING_TYPE, value)
    if isinstance(value, float):
        return field, (_DOUBLE_TYPE, value)
    return field, (_LLONG_TYPE if value < 0 else _ULLONG_TYPE, value)


def int_parameter(field: str, value: int) -> TypedParameter:
    """Return a parameter of the type INT."""
    return field, (_INT_TYPE, value)


def uint_parameter(field: str, value: int) -> TypedParameter:
    """Return a parameter of the type UINT."""
    return field, (_UINT_TYPE, value)


Values = tuple[object, ...]


class Place(NamedTuple):
    """``remote_domain_event_graphics_address``."""

    family: int
    node: str
    service: str


_PLACE = structure(Place, INT, TEXT, TEXT)
_SUBJECT: Type[tuple[str, str]] = structure(lambda *fields: fields, TEXT, TEXT)
_MOST_SUBJECTS = 20
_MOST_TUNABLES = 2048
_MOST_OF_JOB = 64


class EventMessage(NamedTuple):
    """How one event id is told."""

    procedure: int
    """Of the message to a client that has registered with a callback id."""
    legacy: int | None
    """Of the message to one that has registered without; None where that has never been."""
    arguments: tuple[Type[Any], ...]
    """What follows the domain."""
    has_reason_first: bool = False
    """Whether a reason, that is always 0, is in front of the domain; legacy messages have none."""


_DEVICE = (TEXT,)

MESSAGES: Mapping[EventId, EventMessage] = {
    EventId.LIFECYCLE: EventMessage(318, 107, (INT, INT)),
    EventId.REBOOT: EventMessage(319, 169, ()),
    EventId.RTC_CHANGE: EventMessage(320, 170, (HYPER,)),
    EventId.WATCHDOG: EventMessage(321, 171, (INT,)),
    EventId.IO_ERROR: EventMessage(322, 172, (TEXT, TEXT, INT)),
    EventId.GRAPHICS: EventMessage(
        323, 173, (INT, _PLACE, _PLACE, TEXT, array(_SUBJECT, most=_MOST_SUBJECTS))
    ),
    EventId.IO_ERROR_REASON: EventMessage(324, 195, (TEXT, TEXT, INT, TEXT)),
    EventId.CONTROL_ERROR: EventMessage(325, 224, ()),
    EventId.BLOCK_JOB: EventMessage(326, 241, (TEXT, INT, INT)),
    EventId.DISK_CHANGE: EventMessage(327, 248, (optional(TEXT), optional(TEXT), TEXT, INT)),
    EventId.TRAY_CHANGE: EventMessage(328, 268, (TEXT, INT)),
    EventId.PMWAKEUP: EventMessage(329, 269, (), has_reason_first=True),
    EventId.PMSUSPEND: EventMessage(330, 270, (), has_reason_first=True),
    EventId.BALLOON_CHANGE: EventMessage(331, 276, (UHYPER,)),
    EventId.PMSUSPEND_DISK: EventMessage(332, 292, (), has_reason_first=True),
    EventId.DEVICE_REMOVED: EventMessage(333, 311, _DEVICE),
    EventId.BLOCK_JOB_2: EventMessage(339, None, (TEXT, INT, INT)),
    EventId.TUNABLE: EventMessage(346, None, (array(TYPED_PARAMETER, most=_MOST_TUNABLES),)),
    EventId.AGENT_LIFECYCLE: EventMessage(348, None, (INT, INT)),
    EventId.DEVICE_ADDED: EventMessage(354, None, _DEVICE),
    EventId.MIGRATION_ITERATION: EventMessage(359, None, (INT,)),
    EventId.JOB_COMPLETED: EventMessage(363, None, (array(TYPED_PARAMETER, most=_MOST_OF_JOB),)),
    EventId.DEVICE_REMOVAL_FAILED: EventMessage(367, None, _DEVICE),
    EventId.METADATA_CHANGE: EventMessage(379, None, (INT, optional(TEXT))),
    EventId.BLOCK_THRESHOLD: EventMessage(385, None, (TEXT, optional(TEXT), UHYPER, UHYPER)),
    EventId.MEMORY_FAILURE: EventMessage(423, None, (INT, INT, UINT)),
    EventId.MEMORY_DEVICE_SIZE_CHANGE: EventMessage(438, None, (TEXT, UHYPER)),
    EventId.NIC_MAC_CHANGE: EventMessage(453, None, (TEXT, TEXT, TEXT)),
}

_IPV4 = 0
"""``VIR_DOMAIN_EVENT_GRAPHICS_ADDRESS_IPV4``: there is no number for a place that nobody tells."""


def arguments_of(event: DomainEvent) -> Values:
    """Return what the callback of an event's id is given, beside the domain."""
    match event:
        case LifecycleEvent():
            return event.event, int(event.detail)
        case DomainWatchdog():
            return (event.action,)
        case DomainIOError():
            return event.src_path, event.dev_alias, event.action
        case DomainIOErrorReason():
            return event.src_path, event.dev_alias, event.action, event.error_reason
        case DomainGraphics():
            local, remote = Place(_IPV4, "", event.service), Place(_IPV4, "", "")
            return event.phase, local, remote, "", []
        case DomainTrayChange():
            return event.dev_alias, event.change
        case DomainDeviceAdded() | DomainDeviceRemoved() | DomainDeviceRemovalFailed():
            return (event.dev_alias,)
        case DomainTunable():
            return ([typed_parameter(*each) for each in event.parameters.items()],)
        case DomainAgentLifecycle():
            return event.state, event.because
        case DomainJobCompleted():
            return (_job(event),)
        case DomainMetadataChanged():
            return event.metadata, event.uri
        case DomainMemoryFailure():
            return event.recipient, event.action, event.flags
        case DomainNICMacChanged():
            return event.dev_alias, event.old_mac, event.new_mac
        case _:
            return ()


def _job(event: DomainJobCompleted) -> list[TypedParameter]:
    job = [int_parameter("operation", event.operation.libvirt)]
    if event.time_elapsed is not None:
        job.append(typed_parameter("time_elapsed", event.time_elapsed))
    return job


def payload(event_id: EventId, domain: RemoteDomain, arguments: Values, *, legacy: bool) -> bytes:
    """Return what follows the callback id; of a legacy message, all of it."""
    told = MESSAGES[event_id]
    into = bytearray()
    if told.has_reason_first and not legacy:
        INT.write(0, into)
    DOMAIN.write(domain, into)
    for kind, value in zip(told.arguments, arguments, strict=True):
        kind.write(value, into)
    return bytes(into)


class Payloads:
    """Encodes the event of a record once for all clients, which are told in the same loop turn."""

    def __init__(self) -> None:
        self._record: EventRecord | None = None
        self._encoded: dict[bool, bytes] = {}

    def of(self, record: EventRecord, *, legacy: bool) -> tuple[EventId, bytes]:
        """Return the event id of a record that has one, and what follows the callback id."""
        event = record.event
        assert isinstance(event, DomainEvent)  # noqa: S101  # all others have no event id
        assert event.event_id is not None  # noqa: S101
        if record is not self._record:
            self._record, self._encoded = record, {}
        told = self._encoded.get(legacy)
        if told is None:
            domain = RemoteDomain.of(event.domain)
            told = payload(event.event_id, domain, arguments_of(event), legacy=legacy)
            self._encoded[legacy] = told
        return event.event_id, told


_CALLBACK_ID = struct.Struct(">i")


def event_message(event_id: EventId, callback_id: int | None, payload: bytes) -> bytes:
    """Return the message for one registration; one without an id is a legacy one.

    libvirtd gives all of them the serial 1.
    """
    told = MESSAGES[event_id]
    if callback_id is None:
        assert told.legacy is not None  # noqa: S101  # nothing else can be registered so
        return message(Header(REMOTE_PROGRAM, VERSION, told.legacy, Kind.MESSAGE, 1), payload)
    header = Header(REMOTE_PROGRAM, VERSION, told.procedure, Kind.MESSAGE, 1)
    return message(header, _CALLBACK_ID.pack(callback_id) + payload)
