"""Versions of the VI API, and what came when (VI API reference, "Since vSphere API …")."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from eventd.errors import HostNotSupported

__all__ = [
    "CLEAN_POWER_OFF_SINCE",
    "EVENT_MAX_COUNT_SINCE",
    "EVENT_TYPE_ID_SINCE",
    "FT_ROLE_SINCE",
    "GUEST_KERNEL_CRASHED_SINCE",
    "INSTANCE_UUID_SINCE",
    "ONLINE_STANDBY_SINCE",
    "OWN_COLLECTOR_SINCE",
    "RETRIEVE_PROPERTIES_EX_SINCE",
    "SUPPORTED_SINCE",
    "TOOLS_RUNNING_STATUS_SINCE",
    "WAIT_FOR_UPDATES_EX_SINCE",
    "ApiVersion",
]

# Strict, since the text goes back to the host in a header.
_VERSION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})*)[0-9A-Za-z]{0,16}")


@dataclass(frozen=True, slots=True, order=True)
class ApiVersion:
    """A version of the API: ``7.0.3.0``. Missing numbers are zeros: 4.1 equals 4.1.0."""

    numbers: tuple[int, ...]
    """Without the zeros at the end."""
    text: str = field(compare=False)
    """As the host writes it; it may end in letters, as 2.5u2 does."""

    @classmethod
    def parse(cls, text: str) -> ApiVersion:
        """Read ``about.apiVersion``; of 2.5u2, the u2 is not compared.

        Raises:
            HostNotSupported: the text is no version.
        """
        match = _VERSION.fullmatch(text)
        if match is None:
            raise HostNotSupported(
                f"the host calls its API version {text[:80]!r}, which is none; is it VMware's?"
            )
        numbers = [int(number) for number in match[1].split(".")]
        while numbers and not numbers[-1]:
            numbers.pop()
        return cls(tuple(numbers), text)

    def __str__(self) -> str:
        return self.text

    @property
    def is_supported(self) -> bool:
        """Whether eventd can follow a host that speaks this version."""
        return self >= SUPPORTED_SINCE

    @property
    def soap_action(self) -> str:
        """The value of the ``SOAPAction`` header that asks for this version's behaviour."""
        return f"urn:vim25/{self.text}"


SUPPORTED_SINCE = ApiVersion.parse("2.5")
"""``urn:vim25`` itself, and container views."""

CLEAN_POWER_OFF_SINCE = ApiVersion.parse("4.0")
"""``VirtualMachineRuntimeInfo.cleanPowerOff``."""

INSTANCE_UUID_SINCE = ApiVersion.parse("4.0")
"""``VirtualMachineConfigInfo.instanceUuid``."""

TOOLS_RUNNING_STATUS_SINCE = ApiVersion.parse("4.0")
"""``GuestInfo.toolsRunningStatus``."""

FT_ROLE_SINCE = ApiVersion.parse("4.0")
"""``VirtualMachineConfigInfo.ftInfo``, whose role tells the secondary of a pair."""

ONLINE_STANDBY_SINCE = ApiVersion.parse("5.1")
"""``VirtualMachineRuntimeInfo.onlineStandby``."""

GUEST_KERNEL_CRASHED_SINCE = ApiVersion.parse("6.0")
"""``GuestInfo.guestKernelCrashed``."""

EVENT_TYPE_ID_SINCE = ApiVersion.parse("4.0")
"""``EventFilterSpec.eventTypeId``, and EventEx; before, ``EventFilterSpec.type``."""

EVENT_MAX_COUNT_SINCE = ApiVersion.parse("6.5")
"""``EventFilterSpec.maxCount``; before, ``SetCollectorPageSize``."""

WAIT_FOR_UPDATES_EX_SINCE = ApiVersion.parse("4.1")
"""``WaitForUpdatesEx``, with its time limit and its pages; before, ``WaitForUpdates``."""

OWN_COLLECTOR_SINCE = ApiVersion.parse("4.1")
"""``CreatePropertyCollector``; before, a session has its one collector."""

RETRIEVE_PROPERTIES_EX_SINCE = ApiVersion.parse("4.1")
"""``RetrievePropertiesEx`` with its pages; before, ``RetrieveProperties``."""
