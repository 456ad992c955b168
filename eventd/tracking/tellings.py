"""What the rows of the lifecycle table can tell: a lifecycle detail, or an event with arguments."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from eventd.model.arguments import AgentReason, AgentState, IOErrorAction, WatchdogAction
from eventd.model.events import (
    DomainAgentLifecycle,
    DomainControlError,
    DomainEvent,
    DomainIOError,
    DomainIOErrorReason,
    DomainPMSuspend,
    DomainPMWakeup,
    DomainRebooted,
    DomainWatchdog,
)
from eventd.model.lifecycle import Detail

__all__ = [
    "AGENT_CONNECTED",
    "AGENT_DISCONNECTED",
    "AGENT_STARTED",
    "CONTROL_ERROR",
    "IO_ERROR",
    "OUT_OF_SPACE",
    "PM_SUSPEND",
    "PM_WAKEUP",
    "REBOOT",
    "WATCHDOG_RESET",
    "Said",
    "Telling",
]


class Said(NamedTuple):
    """An event that is not a lifecycle event, with its arguments."""

    cls: type[DomainEvent]
    arguments: Mapping[str, object] = MappingProxyType({})


Telling: TypeAlias = Detail | Said

REBOOT = Said(DomainRebooted)
CONTROL_ERROR = Said(DomainControlError)
PM_SUSPEND = Said(DomainPMSuspend)
PM_WAKEUP = Said(DomainPMWakeup)
WATCHDOG_RESET = Said(DomainWatchdog, {"action": WatchdogAction.RESET})
IO_ERROR = Said(DomainIOError, {"action": IOErrorAction.PAUSE})
OUT_OF_SPACE = Said(DomainIOErrorReason, {"action": IOErrorAction.PAUSE, "error_reason": "enospc"})
AGENT_STARTED = Said(
    DomainAgentLifecycle, {"state": AgentState.CONNECTED, "because": AgentReason.DOMAIN_STARTED}
)
AGENT_CONNECTED = Said(
    DomainAgentLifecycle, {"state": AgentState.CONNECTED, "because": AgentReason.CHANNEL}
)
AGENT_DISCONNECTED = Said(
    DomainAgentLifecycle, {"state": AgentState.DISCONNECTED, "because": AgentReason.CHANNEL}
)
