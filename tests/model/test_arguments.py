"""The enums of libvirt's other event ids: numbers, words, and what virsh prints."""

from __future__ import annotations

import pytest

from eventd.model.arguments import (
    AgentReason,
    AgentState,
    Argument,
    GraphicsPhase,
    IOErrorAction,
    JobOperation,
    MemoryFailureAction,
    MemoryFailureFlag,
    MemoryFailureRecipient,
    MetadataType,
    TrayChange,
    WatchdogAction,
)

# libvirt 11.3: include/libvirt/libvirt-domain.h, tools/virsh-domain-event.c.
ARGUMENTS: dict[type[Argument], list[tuple[int, str, str]]] = {
    WatchdogAction: [
        (0, "none", "none"),
        (1, "pause", "pause"),
        (2, "reset", "reset"),
        (3, "poweroff", "poweroff"),
        (4, "shutdown", "shutdown"),
        (5, "debug", "debug"),
        (6, "injectnmi", "inject-nmi"),
    ],
    IOErrorAction: [(0, "none", "none"), (1, "pause", "pause"), (2, "report", "report")],
    GraphicsPhase: [
        (0, "connect", "connect"),
        (1, "initialize", "initialize"),
        (2, "disconnect", "disconnect"),
    ],
    TrayChange: [(0, "open", "opened"), (1, "close", "closed")],
    AgentState: [(1, "connected", "connected"), (2, "disconnected", "disconnected")],
    AgentReason: [
        (0, "unknown", "unknown"),
        (1, "domain_started", "domain started"),
        (2, "channel", "channel event"),
    ],
    MetadataType: [
        (0, "description", "description"),
        (1, "title", "title"),
        (2, "element", "element"),
    ],
    MemoryFailureRecipient: [(0, "hypervisor", "hypervisor"), (1, "guest", "guest")],
    MemoryFailureAction: [
        (0, "ignore", "ignore"),
        (1, "inject", "inject"),
        (2, "fatal", "fatal"),
        (3, "reset", "reset"),
    ],
}


@pytest.mark.parametrize("enum", ARGUMENTS)
def test_arguments_are_libvirts(enum: type[Argument]) -> None:
    """Numbers, words, and the strings that virsh prints."""
    assert [(int(each), each.word, each.virsh) for each in enum] == ARGUMENTS[enum]


def test_each_enum_is_written_out_here() -> None:
    """What is not would be checked by nobody."""
    assert set(ARGUMENTS) == set(Argument.__subclasses__())


def test_the_flags_of_a_memory_failure_are_libvirts_bits() -> None:
    """``virDomainMemoryFailureFlags``."""
    assert {flag.name: int(flag) for flag in MemoryFailureFlag} == {
        "ACTION_REQUIRED": 1,
        "RECURSIVE": 2,
    }


def test_each_job_has_the_number_of_libvirts_operation() -> None:
    """``virDomainJobOperation``; libvirt knows no job that moves all files of a domain."""
    assert {str(each): each.libvirt for each in JobOperation} == {
        "migrate": 5,
        "relocate": 0,
        "suspend": 2,
        "snapshot-create": 6,
        "snapshot-remove": 10,
        "snapshot-revert": 7,
    }
