"""What callbacks of libvirt's other event ids are given: its enums, as numbers and words.

Numbers: the ``virDomainEvent*``, ``virConnectDomainEvent*`` and ``virDomainJobOperation`` enums of
libvirt's ``include/libvirt/libvirt-domain.h`` (11.3). Strings: ``tools/virsh-domain-event.c``.

The *word* of a member is its libvirt constant without the prefix, in lower case, as it is with
the details of a lifecycle event.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag, StrEnum

__all__ = [
    "AgentReason",
    "AgentState",
    "Argument",
    "GraphicsPhase",
    "IOErrorAction",
    "JobOperation",
    "MemoryFailureAction",
    "MemoryFailureFlag",
    "MemoryFailureRecipient",
    "MetadataType",
    "TrayChange",
    "WatchdogAction",
]


class Argument(IntEnum):
    """The base of the enums; a number means something only beside its event id."""

    @property
    def word(self) -> str:
        """The word in records, filters and human text: ``domain_started``."""
        return self.name.lower()

    @property
    def virsh(self) -> str:
        """The string that ``virsh event`` prints: ``domain started``."""
        return self.word


class WatchdogAction(Argument):
    """``virDomainEventWatchdogAction``: what the watchdog did about the guest."""

    NONE = 0
    PAUSE = 1
    RESET = 2
    POWEROFF = 3
    SHUTDOWN = 4
    DEBUG = 5
    INJECTNMI = 6

    @property
    def virsh(self) -> str:
        """The string that ``virsh event`` prints: ``inject-nmi``."""
        return "inject-nmi" if self is WatchdogAction.INJECTNMI else self.word


class IOErrorAction(Argument):
    """``virDomainEventIOErrorAction``: what became of the domain."""

    NONE = 0
    PAUSE = 1
    REPORT = 2


class GraphicsPhase(Argument):
    """``virDomainEventGraphicsPhase``: how far the client of a console is."""

    CONNECT = 0
    INITIALIZE = 1
    DISCONNECT = 2


class TrayChange(Argument):
    """``virDomainEventTrayChangeReason``: what happened to the tray of a drive."""

    OPEN = 0
    CLOSE = 1

    @property
    def virsh(self) -> str:
        """The string that ``virsh event`` prints: ``opened``."""
        return {TrayChange.OPEN: "opened", TrayChange.CLOSE: "closed"}[self]


class AgentState(Argument):
    """``virConnectDomainEventAgentLifecycleState``: is the guest's agent there?"""

    CONNECTED = 1
    DISCONNECTED = 2


class AgentReason(Argument):
    """``virConnectDomainEventAgentLifecycleReason``: why its state changed."""

    UNKNOWN = 0
    DOMAIN_STARTED = 1
    CHANNEL = 2

    @property
    def virsh(self) -> str:
        """The string that ``virsh event`` prints: ``channel event``."""
        return "channel event" if self is AgentReason.CHANNEL else self.word.replace("_", " ")


class MetadataType(Argument):
    """``virDomainMetadataType``: which of a domain's descriptive texts."""

    DESCRIPTION = 0
    TITLE = 1
    ELEMENT = 2


class MemoryFailureRecipient(Argument):
    """``virDomainEventMemoryFailureRecipientType``: whose memory it was."""

    HYPERVISOR = 0
    GUEST = 1


class MemoryFailureAction(Argument):
    """``virDomainEventMemoryFailureActionType``: what was done about it."""

    IGNORE = 0
    INJECT = 1
    FATAL = 2
    RESET = 3


class MemoryFailureFlag(IntFlag):
    """``virDomainMemoryFailureFlags``."""

    ACTION_REQUIRED = 1
    RECURSIVE = 2


class JobOperation(StrEnum):
    """What a completed job was about, in VI's terms."""

    MIGRATE = "migrate"
    """The domain went to another host."""
    RELOCATE = "relocate"
    """Its files went to another datastore."""
    SUSPEND = "suspend"
    SNAPSHOT_CREATE = "snapshot-create"
    SNAPSHOT_REMOVE = "snapshot-remove"
    SNAPSHOT_REVERT = "snapshot-revert"

    @property
    def libvirt(self) -> int:
        """Its ``virDomainJobOperation``; 0 is unknown, where libvirt has no such job."""
        return _LIBVIRT_OPERATIONS[self]


# Suspending writes the memory to disk, which is a save in libvirt's terms. Files that move are
# block jobs there, one for each disk, and no job of the domain.
_LIBVIRT_OPERATIONS = {
    JobOperation.MIGRATE: 5,  # MIGRATION_OUT
    JobOperation.RELOCATE: 0,  # UNKNOWN
    JobOperation.SUSPEND: 2,  # SAVE
    JobOperation.SNAPSHOT_CREATE: 6,  # SNAPSHOT
    JobOperation.SNAPSHOT_REMOVE: 10,  # SNAPSHOT_DELETE
    JobOperation.SNAPSHOT_REVERT: 7,  # SNAPSHOT_REVERT
}
