"""VI's values as eventd uses them: small tuples with VI's names, built by position.

Simple property values stay the text that the host sent; whoever knows the property interprets
it. Structured values are decoded where eventd has a type for them, see `PropertyValue`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

__all__ = [
    "About",
    "ConfigChange",
    "DeviceChange",
    "HistoryEvent",
    "ManagedObjectReference",
    "MissingProperty",
    "ObjectContent",
    "ObjectUpdate",
    "PropertyFilterUpdate",
    "PropertyValue",
    "QuestionChoice",
    "QuestionInfo",
    "ServiceContent",
    "TaskError",
    "TaskInfo",
    "TaskReason",
    "TaskState",
    "Unparsed",
    "UpdateKind",
    "UpdateSet",
    "UserSession",
]


class ManagedObjectReference(NamedTuple):
    """A reference to a managed object: ``VirtualMachine`` ``vm-42``."""

    type: str
    value: str


class TaskState(StrEnum):
    """``TaskInfoState``."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"


class TaskReason(NamedTuple):
    """``TaskReason``: who or what started a task."""

    kind: str
    """``user``, ``alarm``, ``schedule`` or ``system``."""
    name: str | None
    """The user's name, or the name of the alarm or scheduled task, where told."""


class TaskError(NamedTuple):
    """``LocalizedMethodFault``: the error of a task."""

    sentence: str
    """Fault type and message in one sentence."""


class TaskInfo(NamedTuple):
    """``TaskInfo``: a task and how far it is. Times are the host's own."""

    key: str
    task: ManagedObjectReference
    description_id: str
    """``VirtualMachine.powerOff``."""
    name: str | None
    """The WSDL name of the method: ``PowerOffVM_Task``."""
    entity: ManagedObjectReference | None
    state: TaskState
    cancelled: bool
    cancelable: bool
    error: str | None
    """Fault type and message in one sentence, of a failed task."""
    reason: TaskReason | None
    queue_time: datetime | None
    start_time: datetime | None
    complete_time: datetime | None
    event_chain_id: int | None
    progress: int | None = None
    """Percent, of a task that runs and tells it."""


class QuestionChoice(NamedTuple):
    """``ElementDescription`` of one choice."""

    key: str
    label: str


class QuestionInfo(NamedTuple):
    """``VirtualMachineQuestionInfo``."""

    id: str
    text: str
    choices: tuple[QuestionChoice, ...]
    default_index: int | None
    """Index of the default among the choices; may be out of range."""
    message_ids: tuple[str, ...] = ()
    """Ids of its messages (``msg.hbacommon.outofspace``), of hosts that tell them."""


class DeviceChange(NamedTuple):
    """``VirtualDeviceConfigSpec``: what a reconfiguration does to one virtual device."""

    operation: str | None
    """``add``, ``remove`` or ``edit``; None where the backing alone changes."""
    type: str
    """Class of the device: ``VirtualDisk``, ``VirtualE1000``, ``VirtualCdrom``."""
    key: int | None
    """Its key; negative for a device that the host has not given its own yet."""
    controller_key: int | None
    unit_number: int | None
    connected: bool | None
    """``connectable.connected``, where told."""


class ConfigChange(NamedTuple):
    """``VirtualMachineConfigSpec`` of a reconfiguration, as far as eventd tells of it."""

    devices: tuple[DeviceChange, ...] = ()
    annotation: str | None = None
    cpu_shares: int | None = None
    """``cpuAllocation.shares``: the number of custom ones; as libvirt's ESX driver has it, -1 for
    the level "low", -2 for "normal" and -3 for "high"."""
    added_keys: tuple[int, ...] = ()
    """Keys of added devices, where ``configChanges.added`` names them (since 6.5)."""


class HistoryEvent(NamedTuple):
    """``Event``: an entry of the host's event history. Times are the host's own."""

    key: int
    """Grows by one, and wraps below zero: `Event.key` is an int32."""
    chain_id: int
    """Key of the first event of the operation that this one belongs to."""
    created_time: datetime
    type: str
    """Its class (``VmPoweredOnEvent``), or the ``eventTypeId`` of an EventEx or ExtendedEvent."""
    user: str
    """Empty where nobody asked for it."""
    domain: str | None = None
    """Value of the reference of the VirtualMachine that it is about."""
    host: str | None = None
    """Value of the reference of its HostSystem."""
    members: Mapping[str, str] = MappingProxyType({})
    """Its further simple members by name (``reason``, ``oldName``, ``newMac``); an argument that is
    an entity (``sourceHost``, ``failedHost``) gives the entity's name; arguments of an EventEx are
    among them."""
    references: Mapping[str, str] = MappingProxyType({})
    """Values of the references of those arguments that are entities."""
    message: str | None = None
    """``fullFormattedMessage``, or ``message`` of an EventEx."""
    config: ConfigChange | None = None
    """``configSpec`` of a VmReconfiguredEvent."""


class Unparsed(NamedTuple):
    """A structured value for which eventd has no type."""

    type: str
    """Its ``xsi:type`` without prefix."""
    xml: bytes
    """The element, cut at 4096 bytes."""
    cut: int = 0
    """How many bytes were cut off."""

    @property
    def size(self) -> int:
        """How many bytes the element had."""
        return len(self.xml) + self.cut


PropertyValue = (
    str
    | TaskInfo
    | TaskError
    | TaskReason
    | QuestionInfo
    | tuple[str, ...]
    | tuple[HistoryEvent, ...]
    | Unparsed
)
"""A property's value: text of a simple one; a decoded one; the texts of an array of simple ones.

References are given by their values: which property it is tells what they refer to.
"""


class MissingProperty(NamedTuple):
    """A property that the host did not tell, and the fault that says why."""

    path: str
    fault: str


class UpdateKind(StrEnum):
    """``ObjectUpdateKind``."""

    ENTER = "enter"
    MODIFY = "modify"
    LEAVE = "leave"


class ObjectUpdate(NamedTuple):
    """What changed on one object; on ``enter`` all its properties, on ``leave`` none."""

    kind: UpdateKind
    obj: ManagedObjectReference
    changes: Mapping[str, PropertyValue | None]
    """The properties that differ from the version before, by path; None where one became unset."""
    missing: tuple[MissingProperty, ...]


class PropertyFilterUpdate(NamedTuple):
    """The object updates of one filter."""

    filter: ManagedObjectReference
    objects: list[ObjectUpdate]


class UpdateSet(NamedTuple):
    """One answer of the property collector."""

    version: str
    filters: list[PropertyFilterUpdate]
    truncated: bool
    """True if more of the same difference follows; it is complete with the first that is not."""
    unparsed: tuple[Unparsed, ...] = ()
    """Object updates that name no object or are of an unknown kind: something to log."""


class ObjectContent(NamedTuple):
    """An object and the properties that were asked for and are set."""

    obj: ManagedObjectReference
    properties: dict[str, PropertyValue]
    missing: tuple[MissingProperty, ...]


class About(NamedTuple):
    """``AboutInfo``, as far as eventd needs it."""

    name: str
    full_name: str
    version: str
    """``7.0.3``."""
    api_type: str
    """``HostAgent`` or ``VirtualCenter``."""
    api_version: str
    """``7.0.3.0``."""
    product_line_id: str
    """``esx``, ``embeddedEsx``, ``gsx`` or ``vpx``."""
    instance_uuid: str | None
    """The vCenter's own identity; a bare host has none here."""


class ServiceContent(NamedTuple):
    """``ServiceContent``: where everything of a host begins. Unset where the host lacks it."""

    about: About
    root_folder: ManagedObjectReference
    property_collector: ManagedObjectReference
    view_manager: ManagedObjectReference | None
    session_manager: ManagedObjectReference | None
    task_manager: ManagedObjectReference | None
    event_manager: ManagedObjectReference | None
    search_index: ManagedObjectReference | None


class UserSession(NamedTuple):
    """``UserSession``, as far as eventd needs it."""

    key: str
    user_name: str
