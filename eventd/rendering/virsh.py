"""What ``virsh event`` prints, byte for byte: libvirt's ``tools/virsh-domain-event.c`` (11.3).

Only names and texts are not as they are there: control characters in them are escaped, so that no
name can forge a line.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from eventd.model.arguments import MemoryFailureFlag
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
    Event,
    LifecycleEvent,
)
from eventd.rendering.characters import printable

__all__ = ["virsh_line"]


def virsh_line(event: Event, *, is_stamped: bool = False) -> str | None:
    """Return what ``virsh event --loop`` prints for an event, or None if libvirt has no such event.

    There is no line end at the end. A few events have several lines, as they have there.
    ``is_stamped`` puts a time in front of the first, in UTC, as ``virsh event --timestamp`` does:
    when it happened. virsh prints when it prints, which for what it can print is the same.
    """
    if not isinstance(event, DomainEvent) or event.event_id is None:
        return None
    stamp = f"{_stamp(event.occurred_at)}: " if is_stamped else ""
    name = printable(event.domain.name)
    return f"{stamp}event '{event.kind}' for domain '{name}'{_arguments(event)}"


def _arguments(event: DomainEvent) -> str:
    """Return what follows the name of the domain: nothing where the callback has no arguments."""
    match event:
        case LifecycleEvent():
            return f": {event.lifecycle.virsh} {event.detail.virsh}"
        case DomainWatchdog():
            return f": {event.action.virsh}"
        case DomainIOError():
            return f": {_failed(event)}"
        case DomainIOErrorReason():
            return f": {_failed(event)} due to {event.error_reason}"
        case DomainGraphics():
            # Addresses that VI does not tell; the family that libvirt counts first is IPv4.
            local = f"local[IPv4  {printable(event.service)}]"
            return f": {event.phase.virsh} {local} remote[IPv4  ] "
        case DomainTrayChange():
            return f" disk {printable(event.dev_alias)}: {event.change.virsh}"
        case DomainDeviceAdded() | DomainDeviceRemoved() | DomainDeviceRemovalFailed():
            return f": {printable(event.dev_alias)}"
        case DomainTunable():
            return f":{_fields(event.parameters.items())}"
        case DomainAgentLifecycle():
            return f": state: '{event.state.virsh}' reason: '{event.because.virsh}'"
        case DomainJobCompleted():
            return f":{_fields(_job(event))}"
        case DomainMetadataChanged():
            uri = "<null>" if event.uri is None else printable(event.uri)
            return f": type {event.metadata.virsh}, uri {uri}"
        case DomainMemoryFailure():
            return f":{_memory_failure(event)}"
        case DomainNICMacChanged():
            old, new = printable(event.old_mac), printable(event.new_mac)
            return f":\nalias: {printable(event.dev_alias)}\noldMAC: {old}\nnewMAC: {new}"
        case _:
            return ""


def _failed(event: DomainIOError | DomainIOErrorReason) -> str:
    path, alias = printable(event.src_path), printable(event.dev_alias)
    return f"{path} ({alias}) {event.action.virsh}"


def _fields(parameters: Iterable[tuple[str, int | str]]) -> str:
    return "".join(f"\n\t{printable(name)}: {printable(str(value))}" for name, value in parameters)


def _job(event: DomainJobCompleted) -> Iterable[tuple[str, int]]:
    """Yield what VI tells of ``VIR_DOMAIN_JOB_*``."""
    yield "operation", event.operation.libvirt
    if event.time_elapsed is not None:
        yield "time_elapsed", event.time_elapsed


def _memory_failure(event: DomainMemoryFailure) -> str:
    is_required = bool(event.flags & MemoryFailureFlag.ACTION_REQUIRED)
    is_recursive = bool(event.flags & MemoryFailureFlag.RECURSIVE)
    return (
        f"\nrecipient: {event.recipient.virsh}\naction: {event.action.virsh}"
        f"\nflags:\n\taction required: {is_required:d}\n\trecursive: {is_recursive:d}"
    )


def _stamp(moment: datetime) -> str:
    """Return ``2026-11-20 11:51:59.825+0000``."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(sep=' ', timespec='milliseconds')}+0000"
