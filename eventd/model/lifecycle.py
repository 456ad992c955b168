"""The complete lifecycle tables: type and detail, as numbers, words and virsh's strings.

Numbers: ``virDomainEventType`` and the ``virDomainEvent*DetailType`` enums of libvirt's
``include/libvirt/libvirt-domain.h`` (11.3). Strings: ``tools/virsh-domain-event.c``.

The *word* of a member is its libvirt constant without the prefix, in lower case:
``VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT`` has the word ``from_snapshot``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

__all__ = [
    "DETAILS",
    "CrashedDetail",
    "DefinedDetail",
    "Detail",
    "LifecycleType",
    "PMSuspendedDetail",
    "ResumedDetail",
    "ShutdownDetail",
    "StartedDetail",
    "StoppedDetail",
    "SuspendedDetail",
    "UndefinedDetail",
]


class LifecycleType(IntEnum):
    """``virDomainEventType``: what happened to the domain."""

    DEFINED = 0
    UNDEFINED = 1
    STARTED = 2
    SUSPENDED = 3
    RESUMED = 4
    STOPPED = 5
    SHUTDOWN = 6
    PMSUSPENDED = 7
    CRASHED = 8

    @property
    def word(self) -> str:
        """The word in records, filters and human text: ``started``."""
        return self.name.lower()

    @property
    def virsh(self) -> str:
        """The string that ``virsh event`` prints: ``Started``."""
        return "PMSuspended" if self is LifecycleType.PMSUSPENDED else self.name.capitalize()


class Detail(IntEnum):
    """The base of the detail enums; a detail means something only beside its type."""

    @property
    def word(self) -> str:
        """The reason in records, filters and human text: ``from_snapshot``."""
        return self.name.lower()

    @property
    def virsh(self) -> str:
        """The string that ``virsh event`` prints: ``Snapshot``."""
        return _VIRSH.get(self.name) or self.name.capitalize()


class DefinedDetail(Detail):
    """``virDomainEventDefinedDetailType``."""

    ADDED = 0
    UPDATED = 1
    RENAMED = 2
    FROM_SNAPSHOT = 3


class UndefinedDetail(Detail):
    """``virDomainEventUndefinedDetailType``."""

    REMOVED = 0
    RENAMED = 1


class StartedDetail(Detail):
    """``virDomainEventStartedDetailType``."""

    BOOTED = 0
    MIGRATED = 1
    RESTORED = 2
    FROM_SNAPSHOT = 3
    WAKEUP = 4


class SuspendedDetail(Detail):
    """``virDomainEventSuspendedDetailType``."""

    PAUSED = 0
    MIGRATED = 1
    IOERROR = 2
    WATCHDOG = 3
    RESTORED = 4
    FROM_SNAPSHOT = 5
    API_ERROR = 6
    POSTCOPY = 7
    POSTCOPY_FAILED = 8


class ResumedDetail(Detail):
    """``virDomainEventResumedDetailType``."""

    UNPAUSED = 0
    MIGRATED = 1
    FROM_SNAPSHOT = 2
    POSTCOPY = 3
    POSTCOPY_FAILED = 4


class StoppedDetail(Detail):
    """``virDomainEventStoppedDetailType``."""

    SHUTDOWN = 0
    DESTROYED = 1
    CRASHED = 2
    MIGRATED = 3
    SAVED = 4
    FAILED = 5
    FROM_SNAPSHOT = 6


class ShutdownDetail(Detail):
    """``virDomainEventShutdownDetailType``."""

    FINISHED = 0
    GUEST = 1
    HOST = 2

    @property
    def virsh(self) -> str:
        """The string that ``virsh event`` prints: ``Finished after guest request``."""
        return {
            ShutdownDetail.FINISHED: "Finished",
            ShutdownDetail.GUEST: "Finished after guest request",
            ShutdownDetail.HOST: "Finished after host request",
        }[self]


class PMSuspendedDetail(Detail):
    """``virDomainEventPMSuspendedDetailType``."""

    MEMORY = 0
    DISK = 1


class CrashedDetail(Detail):
    """``virDomainEventCrashedDetailType``."""

    PANICKED = 0
    CRASHLOADED = 1


# The members whose virsh string is not their name with a capital letter.
_VIRSH = {
    "API_ERROR": "API error",
    "FROM_SNAPSHOT": "Snapshot",
    "IOERROR": "I/O Error",
    "POSTCOPY": "Post-copy",
    "POSTCOPY_FAILED": "Post-copy Error",
    "WAKEUP": "Event wakeup",
}

DETAILS: Mapping[LifecycleType, type[Detail]] = MappingProxyType(
    {
        LifecycleType.DEFINED: DefinedDetail,
        LifecycleType.UNDEFINED: UndefinedDetail,
        LifecycleType.STARTED: StartedDetail,
        LifecycleType.SUSPENDED: SuspendedDetail,
        LifecycleType.RESUMED: ResumedDetail,
        LifecycleType.STOPPED: StoppedDetail,
        LifecycleType.SHUTDOWN: ShutdownDetail,
        LifecycleType.PMSUSPENDED: PMSuspendedDetail,
        LifecycleType.CRASHED: CrashedDetail,
    }
)
"""Which details belong to which type."""
