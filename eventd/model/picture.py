"""The last known picture of a domain: what tracking remembers, and what the journal keeps.

The values are VI's own. A picture is replaced, never changed, so that whoever holds one holds
a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from eventd.model.domain import Question

__all__ = ["DomainPicture", "PictureChange", "PowerState"]


class PowerState(StrEnum):
    """``VirtualMachinePowerState`` of the VI API."""

    POWERED_OFF = "poweredOff"
    POWERED_ON = "poweredOn"
    SUSPENDED = "suspended"


class DomainPicture(NamedTuple):
    """What the host last told of one domain; None where it told nothing."""

    reference: str
    """Value of the managed object reference."""
    name: str = ""
    """``name``, still escaped as VI has it."""
    uuid: str | None = None
    """``config.uuid``; kept while the host does not tell it (disconnected, inaccessible)."""
    instance_uuid: str | None = None
    """``config.instanceUuid``; kept likewise."""
    power_state: PowerState | None = None
    """``runtime.powerState``."""
    host: str | None = None
    """``runtime.host``: value of the host's managed object reference."""
    boot_time: datetime | None = None
    """``runtime.bootTime``: set at power-on, cleared at power-off."""
    clean_power_off: bool | None = None
    """``runtime.cleanPowerOff``: False if the last stop was none that the host saw coming."""
    guest_state: str | None = None
    """``guest.guestState``: ``running``, ``shuttingDown``, ``resetting``, ``notRunning``, …"""
    question: Question | None = None
    """``runtime.question``."""


class PictureChange(NamedTuple):
    """What one update set changed in the picture of one connection's domains."""

    connection: str
    changed: Mapping[str, DomainPicture]
    """New pictures by reference."""
    removed: frozenset[str]
    """References of domains that are gone."""
