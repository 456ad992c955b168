"""A domain as the outside sees it: who it is, and what state it is in."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Choice",
    "ConnectionState",
    "ConnectionStatus",
    "Domain",
    "DomainState",
    "DomainStatus",
    "Question",
]


class DomainState(IntEnum):
    """``virDomainState`` of libvirt's ``include/libvirt/libvirt-domain.h``."""

    NOSTATE = 0
    RUNNING = 1
    BLOCKED = 2
    PAUSED = 3
    SHUTDOWN = 4
    SHUTOFF = 5
    CRASHED = 6
    PMSUSPENDED = 7

    @property
    def word(self) -> str:
        """The word that ``virsh domstate`` prints: ``shut off``."""
        return _STATE_WORDS[self]


# tools/virsh-domain-monitor.c
_STATE_WORDS = {
    DomainState.NOSTATE: "no state",
    DomainState.RUNNING: "running",
    DomainState.BLOCKED: "idle",
    DomainState.PAUSED: "paused",
    DomainState.SHUTDOWN: "in shutdown",
    DomainState.SHUTOFF: "shut off",
    DomainState.CRASHED: "crashed",
    DomainState.PMSUSPENDED: "pmsuspended",
}


class Value(BaseModel):
    """A frozen value that travels in events and answers."""

    model_config = ConfigDict(frozen=True)


class Domain(Value):
    """Who a domain is, at one moment. It never changes: an event keeps what was true then."""

    connection: str
    """Name of the connection that the domain belongs to."""
    reference: str
    """Value of the managed object reference: ``vm-42``. Unique within the connection."""
    uuid: str
    """``config.uuid`` in canonical lower case; the key of filters. May occur twice."""
    uuid_derived: bool = False
    """True while the host has told no UUID and ``uuid`` is made from host and reference."""
    instance_uuid: str | None = None
    """``config.instanceUuid``: unique within a vCenter, the same on each of its hosts."""
    name: str
    """The VI name, unescaped."""
    id: Annotated[int, Field(ge=-1)]
    """The number in the reference while the domain is active, else -1."""
    host: str | None = None
    """Name of the host that the domain is on, where known."""


class Choice(Value):
    """One possible answer to a question."""

    key: str
    """What is sent to answer."""
    label: str
    """What a person reads."""


class Question(Value):
    """A VI question that blocks a task or a domain until a client answers it."""

    id: str
    """eventd's own id: no other question has it, whenever and wherever it is asked."""
    vi_id: str
    """The host's id of the question; it repeats over domains and hosts."""
    text: str
    choices: tuple[Choice, ...] = ()
    default: Choice | None = None
    """The default answer, where the host names one."""
    message_ids: tuple[str, ...] = ()
    """What kind of question it is, in the host's catalogue: ``msg.hbacommon.outofspace``."""

    @property
    def is_out_of_space(self) -> bool:
        """Whether the domain waits for room on its datastore, its execution stopped until then."""
        return any("outofspace" in identifier.lower() for identifier in self.message_ids)


class DomainStatus(Value):
    """A domain and its present state, as ``GET /v1/domains`` and snapshots tell it."""

    domain: Domain
    state: DomainState
    stale: bool = False
    """True while the connection is lost: the state is the last known one."""
    question: Question | None = None


class ConnectionState(StrEnum):
    """What a connection is doing."""

    CONNECTING = "connecting"
    """No complete picture of the host yet."""
    CONNECTED = "connected"
    """In sync: changes arrive as they happen."""
    DISCONNECTED = "disconnected"
    """The host was in sync and is lost; its domains are stale."""


class ConnectionStatus(Value):
    """A connection and how it is doing, as ``GET /v1/connections`` tells it."""

    name: str
    uri: str
    """The URI without user and parameters."""
    state: ConnectionState
    product: str | None = None
    """``about.fullName`` of the host, once known."""
    api_version: str | None = None
    domains: int = 0
    synced_at: str | None = None
    """When the last answer of the host was taken in: RFC 3339, UTC."""
    error: str | None = None
    """Why the connection is not in sync, in one sentence."""
