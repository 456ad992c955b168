"""The table of operations: what each does on the host, and in which state of the domain it may.

States, sentences and their order are those of libvirt's ESX driver (``src/esx/esx_driver.c``), so
that a client of either is refused alike. Reset, which that driver lacks, behaves like destroy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from eventd.model.operations import DomainOperation
from eventd.model.picture import PowerState
from eventd.vi import calls
from eventd.vi.calls import Call
from eventd.vi.types import ManagedObjectReference

__all__ = ["RULES", "Rule", "hint_for", "may_begin"]

_OFF, _ON, _SUSPENDED = PowerState.POWERED_OFF, PowerState.POWERED_ON, PowerState.SUSPENDED


class Rule(NamedTuple):
    """One row of the table."""

    call: Callable[[ManagedObjectReference], Call[ManagedObjectReference | None]]
    """The method of the domain. It returns the task, or nothing where there is none."""
    requires: PowerState
    """The power state in which the operation may begin."""
    refusal: str
    """What is said in any other state."""
    failure: str
    """What is said, before the reason, if the host refuses it or its task fails."""
    is_task: bool = True
    """Whether a task does it. The others ask the guest, which answers no question of the host."""


RULES: Mapping[DomainOperation, Rule] = {
    DomainOperation.START: Rule(
        calls.power_on, _OFF, "Domain is not powered off", "Could not start domain"
    ),
    DomainOperation.SHUTDOWN: Rule(
        calls.shutdown_guest,
        _ON,
        "Domain is not powered on",
        "Could not shut down domain",
        is_task=False,
    ),
    DomainOperation.DESTROY: Rule(
        calls.power_off, _ON, "Domain is not powered on", "Could not destroy domain"
    ),
    DomainOperation.SUSPEND: Rule(
        calls.suspend, _ON, "Domain is not powered on", "Could not suspend domain"
    ),
    DomainOperation.RESUME: Rule(
        calls.power_on, _SUSPENDED, "Domain is not suspended", "Could not resume domain"
    ),
    DomainOperation.REBOOT: Rule(
        calls.reboot_guest,
        _ON,
        "Domain is not powered on",
        "Could not reboot domain",
        is_task=False,
    ),
    DomainOperation.RESET: Rule(
        calls.reset, _ON, "Domain is not powered on", "Could not reset domain"
    ),
}


def may_begin(operation: DomainOperation, power: PowerState | None, *, is_saved: bool) -> bool:
    """Say whether the power state allows an operation.

    ``is_saved`` is true where a suspended domain counts as shut off with its memory saved: then a
    start restores it, and there is nothing to resume.
    """
    if is_saved and power is _SUSPENDED:
        return operation is DomainOperation.START
    return power is RULES[operation].requires


_SUSPENDED_HINT = "it is suspended: resume it first"

_HINTS: Mapping[PowerState | None, str] = {
    _OFF: "it is powered off: start it first",
    _ON: "it is powered on",
    _SUSPENDED: _SUSPENDED_HINT,
    None: "the host does not tell its power state; its files may be out of reach",
}


def hint_for(operation: DomainOperation, power: PowerState | None, *, is_saved: bool) -> str:
    """Return what to do about a domain whose power state does not allow an operation."""
    match power, operation:
        case PowerState.POWERED_ON, DomainOperation.START:
            return "it is powered on already"
        case PowerState.POWERED_ON, DomainOperation.RESUME:
            return "it is powered on, and not suspended"
        case PowerState.POWERED_OFF, DomainOperation.DESTROY:
            return "it is powered off already"
        case PowerState.SUSPENDED, DomainOperation.SUSPEND:
            return "it is suspended already"
        case PowerState.SUSPENDED, _ if is_saved:
            return "its memory is saved: start it, which restores it"
        case _:
            return _HINTS[power]
